use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;

use super::networks::Networks;

/// Who calls as far as addresses tell: the peer, or where that is a trusted proxy, the right-most hop of
/// `X-Forwarded-For` that is none. What stands further left was written by whoever called, and proves nothing.
pub(super) fn client(peer: IpAddr, headers: &HeaderMap, proxies: &Networks) -> IpAddr {
    let mut client = peer.to_canonical();
    if !proxies.contains(client) {
        return client;
    }
    let values = headers.get_all("x-forwarded-for").iter().rev();
    for hop in values.flat_map(|value| value.to_str().unwrap_or_default().rsplit(',')) {
        // A hop that cannot be read ends the chain: what a proxy did not write is not to be skipped over.
        let Some(hop) = address(hop.trim()) else { break };
        client = hop.to_canonical();
        if !proxies.contains(client) {
            break;
        }
    }
    client
}

/// The address of a hop: bare, in brackets, or with a port.
fn address(hop: &str) -> Option<IpAddr> {
    let bare = hop.parse().ok();
    let bracketed = || hop.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let with_port = || hop.parse::<SocketAddr>().ok().map(|socket| socket.ip());
    bare.or_else(bracketed).or_else(with_port)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn seen(peer: &str, forwarded: &[&str]) -> String {
        let mut proxies = Networks::default();
        proxies.add("10.0.0.0/8").unwrap();
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", HeaderValue::from_str(value).unwrap());
        }
        client(peer.parse().unwrap(), &headers, &proxies).to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed_and_only_their_own_hop() {
        assert_eq!(seen("192.0.2.1", &["9.9.9.9"]), "192.0.2.1");
        assert_eq!(seen("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(seen("10.0.0.1", &["9.9.9.9, 198.51.100.7"]), "198.51.100.7");
        assert_eq!(seen("10.0.0.1", &["9.9.9.9", "198.51.100.7, 10.0.0.2"]), "198.51.100.7");
        assert_eq!(seen("10.0.0.1", &["10.0.0.3, 10.0.0.2"]), "10.0.0.3");
        assert_eq!(seen("::ffff:10.0.0.1", &["::ffff:198.51.100.7"]), "198.51.100.7");
    }

    #[test]
    fn odd_forms_are_read_or_end_the_chain_and_never_panic() {
        assert_eq!(seen("10.0.0.1", &["[2001:db8::1]:443"]), "2001:db8::1");
        assert_eq!(seen("10.0.0.1", &["[2001:db8::1]"]), "2001:db8::1");
        assert_eq!(seen("10.0.0.1", &["198.51.100.7:443"]), "198.51.100.7");
        for odd in ["", ",", "9.9.9.9,", "unknown", "9.9.9.9, _hidden", "[", "]", "9.9.9.9, 1.2.3.4.5"] {
            assert_eq!(seen("10.0.0.1", &[odd]), "10.0.0.1", "{odd}");
        }
    }
}
