//! The addresses of a guest, by the interfaces that they are of.

use std::net::{IpAddr, Ipv6Addr};

/// Addresses of a guest, in the order of its interfaces. Loopback and link-local ones are none: nobody else reaches them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Addresses(Vec<(String, IpAddr, String)>);

impl Addresses {
    /// Adds what is an address at which others reach the guest.
    pub(super) fn add(&mut self, interface: &str, text: &str) {
        // A zone stands behind link-local ones only.
        let Ok(address) = text.parse::<IpAddr>() else {
            return;
        };
        let is_local = match address {
            IpAddr::V4(four) => four.is_loopback() || four.is_link_local() || four.is_unspecified(),
            IpAddr::V6(six) => six.is_loopback() || six.is_unspecified() || is_link_local(six),
        };
        let text = address.to_string();
        if !is_local && !self.0.iter().any(|(_, known, _)| *known == address) {
            self.0.push((interface.to_owned(), address, text));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Where the guest is scraped.
    pub(super) fn first(&self) -> Option<&str> {
        self.first_v4().or_else(|| self.first_v6())
    }

    pub(super) fn first_v4(&self) -> Option<&str> {
        self.of_family(true).next().map(|(_, address)| address)
    }

    pub(super) fn first_v6(&self) -> Option<&str> {
        self.of_family(false).next().map(|(_, address)| address)
    }

    /// All of one family, each with its interface.
    pub(super) fn of_family(&self, is_v4: bool) -> impl Iterator<Item = (&str, &str)> {
        let all = self.0.iter().filter(move |(_, address, _)| address.is_ipv4() == is_v4);
        all.map(|(interface, _, text)| (interface.as_str(), text.as_str()))
    }
}

fn is_link_local(address: Ipv6Addr) -> bool {
    let [first, ..] = address.segments();
    first & 0xffc0 == 0xfe80
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_else_reaches_is_no_address() {
        let mut addresses = Addresses::default();
        for text in [
            "127.0.0.1",
            "169.254.1.1",
            "0.0.0.0",
            "::1",
            "::",
            "fe80::1",
            "fe80::1%eth0",
            "febf::1",
            "dhcp",
            "",
        ] {
            addresses.add("eth0", text);
        }
        assert!(addresses.is_empty());
        addresses.add("eth0", "2001:DB8::0:5");
        addresses.add("eth0", "10.0.0.5");
        addresses.add("eth1", "10.0.0.5");
        assert_eq!(
            (addresses.first(), addresses.first_v6()),
            (Some("10.0.0.5"), Some("2001:db8::5"))
        );
        assert_eq!(addresses.of_family(true).collect::<Vec<_>>(), [("eth0", "10.0.0.5")]);
    }
}
