//! Which of a server's addresses it is known by.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use headcount_discoverer::address::host_port;

/// The last address of each kind that is listed; empty for none.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Addresses {
    pub(super) ipv4: String,
    pub(super) ipv6: String,
}

impl Addresses {
    /// Of a list of addresses and of blocks, of which only those count that hold a single one.
    pub(super) fn of<'a>(listed: impl Iterator<Item = &'a str>) -> Self {
        let mut found = Self::default();
        for address in listed.filter_map(single).filter(|address| !address.is_unspecified()) {
            match address {
                IpAddr::V4(address) => found.ipv4 = address.to_string(),
                IpAddr::V6(address) => found.ipv6 = address.to_string(),
            }
        }
        found
    }

    /// The IPv4 address, or else the IPv6 address.
    pub(super) fn best(&self) -> &str {
        if self.ipv4.is_empty() { &self.ipv6 } else { &self.ipv4 }
    }

    /// The same as an address to be scraped, as Prometheus has it where no port is given.
    pub(super) fn with_port(&self, port: Option<u16>) -> String {
        match port {
            Some(port) => host_port(self.best(), port),
            None => self.best().to_owned(),
        }
    }
}

fn single(text: &str) -> Option<IpAddr> {
    let (address, bits) = text
        .split_once('/')
        .map_or((text, None), |(address, bits)| (address, Some(bits)));
    let address: IpAddr = address.parse().ok()?;
    let whole = match address {
        IpAddr::V4(_) => Ipv4Addr::BITS,
        IpAddr::V6(_) => Ipv6Addr::BITS,
    };
    let is_single = bits.is_none_or(|bits| bits.parse() == Ok(whole));
    is_single.then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_a_single_address_count_and_the_last_of_each_kind_wins() {
        let of = |listed: &[&str]| {
            let found = Addresses::of(listed.iter().copied());
            (found.best().to_owned(), found.ipv6)
        };
        assert_eq!(
            of(&[
                "192.0.2.1",
                "192.0.2.2/32",
                "198.51.100.0/24",
                "2001:db8::1/128",
                "2001:db8::/32"
            ]),
            ("192.0.2.2".to_owned(), "2001:db8::1".to_owned())
        );
        assert_eq!(
            of(&["", "0.0.0.0", "nonsense", "::/128", "2001:db8::2", "192.0.2.1/33"]),
            ("2001:db8::2".to_owned(), "2001:db8::2".to_owned())
        );
        assert_eq!(of(&[]), (String::new(), String::new()));
        let six = Addresses::of(["2001:db8::1"].into_iter());
        assert_eq!(
            (six.with_port(None), six.with_port(Some(80))),
            ("2001:db8::1".into(), "[2001:db8::1]:80".into())
        );
    }
}
