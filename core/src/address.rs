//! When two addresses are those of one host.
//!
//! **Upper and lower case, a dot at the end and a port say nothing about which host it is**; an IP address is its
//! value, however it is written.

use core::net::{IpAddr, Ipv6Addr};

/// A host, and a port if there is one.
///
/// ```
/// use headcount_core::Address;
///
/// let db7 = Address::of("DB7.example.org");
/// assert!(db7.covers(&Address::of("db7.example.org.:9100")));
/// assert!(db7.covers_text("db7.example.org:9200"));
/// assert!(!Address::of("db7.example.org:9100").covers_text("db7.example.org:9200"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// In lower case, without a dot at the end and without brackets.
    pub host: String,
    /// The port, in digits.
    pub port: Option<String>,
}

impl Address {
    /// Any text is an address; where no port can be told, all of it is the host.
    pub fn of(text: &str) -> Self {
        let text = text.trim();
        if let Some((host, rest)) = text.strip_prefix('[').and_then(|text| text.split_once(']')) {
            return Self {
                host: normal(host),
                port: rest.strip_prefix(':').filter(|port| is_port(port)).map(str::to_owned),
            };
        }
        match text.rsplit_once(':') {
            // More colons are those of an IPv6 address, or of something else that has no port.
            Some((host, port)) if !host.contains(':') && !host.is_empty() && is_port(port) => Self {
                host: normal(host),
                port: Some(port.to_owned()),
            },
            _ => Self {
                host: normal(text),
                port: None,
            },
        }
    }

    /// Whether `other` is this host, and has the port if this has one.
    pub fn covers(&self, other: &Self) -> bool {
        self.host == other.host && (self.port.is_none() || self.port == other.port)
    }

    /// Whether the address that is written as `text` is covered, for who asks that of very many.
    pub fn covers_text(&self, text: &str) -> bool {
        self.may_be_in(text) && self.covers(&Self::of(text))
    }

    /// Whether `text` begins as the host does, which costs no allocation to say. An IPv6 address has many spellings,
    /// and a letter that is not ASCII may be one in lower case.
    fn may_be_in(&self, text: &str) -> bool {
        if self.host.contains(':') || !self.host.is_ascii() || !text.is_ascii() {
            return true;
        }
        let text = text.trim_start();
        let text = text.strip_prefix('[').unwrap_or(text);
        let start = text.get(..self.host.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(&self.host))
    }
}

fn is_port(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn normal(host: &str) -> String {
    if let Ok(address) = host.parse::<IpAddr>() {
        return match address {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => Ipv6Addr::from(address.octets()).to_string(),
        };
    }
    host.strip_suffix('.').unwrap_or(host).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hosts_are_told_from_ports() {
        for (text, host, port) in [
            ("DB7.Example.org.:9100", "db7.example.org", Some("9100")),
            ("10.0.0.1", "10.0.0.1", None),
            ("[2001:DB8:0::1]:80", "2001:db8::1", Some("80")),
            ("2001:db8::1", "2001:db8::1", None),
            ("aa:bb:cc:01:02:03", "aa:bb:cc:01:02:03", None),
            ("a:http", "a:http", None),
            (" a ", "a", None),
            (":9100", ":9100", None),
            ("", "", None),
        ] {
            let address = Address::of(text);
            assert_eq!((&*address.host, address.port.as_deref()), (host, port), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_an_address(text in "\\PC{0,12}|[a-c\\[\\].:0-9]{0,12}") {
            let once = Address::of(&text);
            prop_assert!(once.covers(&once));
        }

        /// What is quick to see must not hide what is there.
        #[test]
        fn a_text_is_covered_if_its_address_is(
            wanted in "[aAbK\u{212a}]{0,2}[.]?(:[12])?|[1-2]\\.0\\.0\\.1(:1)?|::[a1]|\\[::1\\](:1)?",
            text in " ?[aAbK\u{212a}]{0,2}[.]?(:[12])?|\\[?[1-2]\\.0\\.0\\.1\\]?(:1)?|::[aA1]|\\[0?::0?1\\](:1)?",
        ) {
            let wanted = Address::of(&wanted);
            prop_assert_eq!(wanted.covers_text(&text), wanted.covers(&Address::of(&text)));
        }
    }
}
