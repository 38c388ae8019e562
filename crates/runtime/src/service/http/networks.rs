use std::net::IpAddr;

/// Addresses and blocks of addresses: `127.0.0.1`, `10.0.0.0/8`, `2001:db8::/32`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Networks(Vec<(IpAddr, u32)>);

impl Networks {
    /// Adds one from its text.
    pub(crate) fn add(&mut self, text: &str) -> Result<(), String> {
        let invalid = || format!("{text:?} is neither an address nor a block as in 10.0.0.0/8");
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| invalid())?;
        let most = bits(address).1;
        let length = match length {
            Some(length) if length.bytes().all(|digit| digit.is_ascii_digit()) => {
                length.parse().ok().filter(|length| *length <= most).ok_or_else(invalid)?
            }
            Some(_) => return Err(invalid()),
            None => most,
        };
        self.0.push(in_ipv4(address, length).unwrap_or((address, length)));
        Ok(())
    }

    /// Whether one of them holds `address`; IPv4 in IPv6 is IPv4.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        let (value, size) = bits(address.to_canonical());
        self.0.iter().any(|(network, length)| {
            let (start, network_size) = bits(*network);
            let shift = size.saturating_sub(*length);
            size == network_size && value.checked_shr(shift) == start.checked_shr(shift)
        })
    }
}

/// A block of IPv4 that is written as one of IPv6, as the log of a socket that takes both has it.
fn in_ipv4(address: IpAddr, length: u32) -> Option<(IpAddr, u32)> {
    let IpAddr::V6(address) = address else { return None };
    Some((IpAddr::V4(address.to_ipv4_mapped()?), length.checked_sub(96)?))
}

/// An address as a number, and how many bits it has.
fn bits(address: IpAddr) -> (u128, u32) {
    match address {
        IpAddr::V4(address) => (u128::from(address.to_bits()), 32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(texts: &[&str]) -> Networks {
        let mut networks = Networks::default();
        texts.iter().for_each(|text| networks.add(text).unwrap());
        networks
    }

    #[test]
    fn a_block_holds_its_addresses_and_an_address_itself_in_whichever_notation() {
        let known = networks(&["10.0.0.0/8", "192.0.2.7", "2001:db8::/32", "::1"]);
        for (address, held) in [
            ("10.255.0.1", true),
            ("11.0.0.1", false),
            ("192.0.2.7", true),
            ("192.0.2.8", false),
            ("::ffff:10.0.0.1", true),
            ("2001:db8:ffff::1", true),
            ("2001:db9::1", false),
            ("::1", true),
            ("::2", false),
            ("0.0.0.1", false),
        ] {
            assert_eq!(known.contains(address.parse().unwrap()), held, "{address}");
        }
        let mapped = networks(&["::ffff:192.0.2.7", "::ffff:10.0.0.0/104"]);
        for (address, held) in [("192.0.2.7", true), ("::ffff:10.1.2.3", true), ("192.0.2.8", false)] {
            assert_eq!(mapped.contains(address.parse().unwrap()), held, "{address}");
        }
        let all = networks(&["0.0.0.0/0"]);
        assert!(all.contains("1.2.3.4".parse().unwrap()) && !all.contains("::1".parse().unwrap()));
        assert!(networks(&["::/0"]).contains("2001:db8::1".parse().unwrap()));
    }

    #[test]
    fn what_is_no_block_is_an_error() {
        for text in
            ["", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/+8", "10.0.0/8", "::/129", "proxy", "10.0.0.0/8/8"]
        {
            assert!(Networks::default().add(text).is_err(), "{text}");
        }
    }
}
