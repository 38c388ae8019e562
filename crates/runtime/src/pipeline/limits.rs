use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use steadfast_actors::limiter::LimiterHandle;

#[cfg(feature = "http")]
use super::call::Call;
use super::inputs::Inputs;
#[cfg(feature = "http")]
use super::site::Identity;
use crate::service::Message;

/// One limiter around a whole call.
#[derive(Clone, Debug)]
pub(crate) struct Limit {
    pub(crate) handle: LimiterHandle,
    pub(crate) by: By,
    /// Which `rate_limit` of its function it is, counted from zero.
    pub(crate) occurrence: usize,
}

/// Whose quota a limiter counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// All callers share one.
    Global,
    Ip,
    Header(String),
    User,
    ApiKey,
    Argument(String),
}

/// Who shares one quota where nothing is known of the caller: never unlimited.
pub(crate) const ANONYMOUS: &str = "anonymous";
/// Longer values are kept as their digest: what callers send must not decide how much a key table takes.
const LONGEST_VALUE: usize = 64;

impl By {
    /// From a checked setting.
    pub(crate) fn parse(setting: Option<&str>) -> Self {
        match setting {
            Some("ip") => By::Ip,
            Some("user") => By::User,
            Some("api_key") => By::ApiKey,
            Some(text) => match text.split_once(':') {
                Some(("header", name)) => By::Header(name.to_owned()),
                Some(("arg", name)) => By::Argument(name.to_owned()),
                _ => By::Global,
            },
            None => By::Global,
        }
    }

    /// Whether the key is known before the caller is.
    pub(crate) const fn stands_before_authentication(&self) -> bool {
        matches!(self, By::Global | By::Ip | By::Header(_))
    }

    /// The key of one call. Typed, so that a user and an address of the same text never meet.
    pub(crate) fn key(&self, inputs: &Inputs) -> String {
        let message = inputs.message();
        let principal = message.and_then(Message::principal);
        let known = match self {
            By::Global => return String::new(),
            By::Ip => message.and_then(Message::client).map(|address| typed("ip", &network(address))),
            By::Header(name) => {
                let value = message.and_then(|message| message.header(name));
                value.map(|value| typed(&format!("header:{}", name.to_ascii_lowercase()), value))
            }
            By::User => principal.and_then(|known| known.user()).map(|user| typed("user", user)),
            By::ApiKey => principal.and_then(|known| known.api_key()).map(|key| typed("api_key", key)),
            By::Argument(name) => inputs.text_of(name).map(|text| typed(&format!("arg:{name}"), text)),
        };
        known.unwrap_or_else(|| {
            let address = message.and_then(Message::client);
            address.map_or_else(|| ANONYMOUS.to_owned(), |address| typed("ip", &network(address)))
        })
    }
}

/// Notes how the limiters of a site stand whose key is known before the caller is, without asking anything of them: for
/// a request that failed before it came to them.
#[cfg(feature = "http")]
pub(crate) async fn look_at_limits(call: &Call, site: &Identity, head: &Message) {
    let Some(plan) = call.runtime.plans().of_identity(site, &call.runtime) else { return };
    let inputs = Inputs::new().context(Some(head.clone()));
    for limit in &plan.limits_before {
        if let Ok(decision) = limit.handle.check_n(&limit.by.key(&inputs), 0).await {
            call.note_limit(limit.handle.name(), decision);
        }
    }
}

fn typed(sort: &str, value: &str) -> String {
    if value.len() <= LONGEST_VALUE {
        format!("{sort}={value}")
    } else {
        format!("{sort}#{}", blake3::hash(value.as_bytes()).to_hex())
    }
}

/// The first 96 bits of an IPv4 address that a translator has put into IPv6 (RFC 6052).
const TRANSLATED: [u16; 6] = [0x64, 0xff9b, 0, 0, 0, 0];

/// What one subscriber holds: an IPv4 address, in whichever notation, or the /64 that an IPv6 host moves in freely.
pub(crate) fn network(address: IpAddr) -> String {
    let address = match address.to_canonical() {
        IpAddr::V4(address) => return address.to_string(),
        IpAddr::V6(address) => address,
    };
    let [a, b, c, d, ..] = address.segments();
    match address.octets() {
        // All who come through one translator would share its /64.
        [.., w, x, y, z] if address.segments().starts_with(&TRANSLATED) => {
            Ipv4Addr::new(w, x, y, z).to_string()
        }
        _ => format!("{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inputs(message: Message) -> Inputs {
        Inputs::new().context(Some(message)).argument("tenant", "u1".to_owned())
    }

    #[test]
    fn a_user_an_address_a_header_and_an_argument_of_the_same_text_never_meet() {
        let message = Message::builder().user_id("u1").api_key("u1").header("X-Client-ID", "u1").build();
        let inputs = inputs(message);
        let keys: std::collections::BTreeSet<String> =
            ["user", "api_key", "header:X-Client-ID", "arg:tenant"]
                .iter()
                .map(|by| By::parse(Some(by)).key(&inputs))
                .collect();
        assert_eq!(keys.len(), 4, "{keys:?}");
    }

    #[test]
    fn a_missing_identity_falls_back_to_the_peer_and_then_to_one_shared_anonymous() {
        let known = inputs(Message::builder().ip("10.0.0.1").build());
        assert_eq!(By::User.key(&known), By::Ip.key(&known));
        let unknown = inputs(Message::builder().build());
        assert_eq!(By::User.key(&unknown), "anonymous");
        assert_eq!(By::Header("X".to_owned()).key(&unknown), "anonymous");
        assert_eq!(By::Ip.key(&Inputs::new()), "anonymous");
    }

    #[test]
    fn an_ipv6_host_is_its_64_and_ipv4_in_ipv6_is_ipv4() {
        let key = |address: &str| By::Ip.key(&inputs(Message::builder().ip(address).build()));
        assert_eq!(key("2001:db8::1"), key("2001:db8::ffff:1"));
        assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
        assert_eq!(key("::ffff:10.0.0.1"), key("10.0.0.1"));
    }

    #[test]
    fn a_long_value_takes_no_more_room_than_a_digest() {
        let long = |end: &str| {
            let value = "x".repeat(100_000) + end;
            By::Header("X".to_owned()).key(&inputs(Message::builder().header("X", value).build()))
        };
        assert!(long("1").len() < 100);
        assert_ne!(long("1"), long("2"));
    }

    #[test]
    fn a_headers_name_has_no_case() {
        let message = Message::builder().header("x-client-id", "c").build();
        let inputs = inputs(message);
        let keys = ["X-Client-ID", "x-client-id"].map(|name| By::Header(name.to_owned()).key(&inputs));
        assert_eq!(keys[0], keys[1]);
    }
}
