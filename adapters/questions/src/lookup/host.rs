//! When two addresses are those of one host, and when nearly so.
//!
//! **Upper and lower case, a dot at the end and a port say nothing about which host it is**; an IP
//! address is its value, however it is written.

use std::net::{IpAddr, Ipv6Addr};

/// A host, and a port if there is one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Address {
    /// In lower case, without a dot at the end and without brackets.
    pub(crate) host: String,
    pub(crate) port: Option<String>,
}

impl Address {
    /// Any text is an address; where no port can be told, all of it is the host.
    pub(crate) fn of(text: &str) -> Self {
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
    pub(crate) fn covers(&self, other: &Self) -> bool {
        self.host == other.host && (self.port.is_none() || self.port == other.port)
    }

    /// In what `other` differs, if by little: the better a guess, the lower the number.
    pub(crate) fn near(&self, other: &Self) -> Option<(usize, &'static str)> {
        if self.host == other.host {
            return Some(if self.covers(other) {
                (0, "the same host")
            } else {
                (1, "the same host, another port")
            });
        }
        let is_within = |short: &str, long: &str| {
            let rest = long.strip_prefix(short);
            !short.is_empty() && rest.is_some_and(|rest| rest.starts_with('.')) && short.parse::<f64>().is_err()
        };
        if is_within(&self.host, &other.host) {
            return Some((2, "with a domain"));
        }
        if is_within(&other.host, &self.host) {
            return Some((2, "without the domain"));
        }
        match distance_within(&self.host, &other.host, most(&self.host))? {
            1 => Some((3, "one letter differs")),
            _ => Some((4, "two letters differ")),
        }
    }
}

/// Letters that may differ: in short names, few.
fn most(name: &str) -> usize {
    match name.len() {
        0..=2 => 0,
        3..=5 => 1,
        _ => 2,
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

/// How many letters have to be changed, added or left out to make one text of the other, if no
/// more than `most`.
///
/// It is asked for one host and every target of a fleet, most of which differ in their length or in few letters
/// between a prefix and a domain that they share; only those few are compared.
pub(crate) fn distance_within(a: &str, b: &str, most: usize) -> Option<usize> {
    let (a, b) = without_common_ends(a, b);
    if a.chars().count().abs_diff(b.chars().count()) > most {
        return None;
    }
    Some(strsim::levenshtein(a, b)).filter(|distance| *distance <= most)
}

/// Two texts without the letters that both begin and end with, which make no difference.
fn without_common_ends<'a>(a: &'a str, b: &'a str) -> (&'a str, &'a str) {
    let same = |(ours, theirs): &(char, char)| ours == theirs;
    let bytes = |(letter, _): (char, char)| letter.len_utf8();
    let start: usize = a.chars().zip(b.chars()).take_while(same).map(bytes).sum();
    let (a, b) = (a.get(start..).unwrap_or(a), b.get(start..).unwrap_or(b));
    let end: usize = a.chars().rev().zip(b.chars().rev()).take_while(same).map(bytes).sum();
    let rest = |text: &'a str| text.get(..text.len().saturating_sub(end)).unwrap_or(text);
    (rest(a), rest(b))
}

/// The name among `names` that `wanted` may be meant to be.
pub(crate) fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let most = (wanted.chars().count() / 3).max(2);
    let wanted = wanted.to_lowercase();
    let near = names.filter_map(|name| Some((distance_within(&wanted, &name.to_lowercase(), most)?, name)));
    near.min().map(|(_, name)| name)
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

    #[test]
    fn near_misses_say_in_what_they_differ() {
        let near = |a: &str, b: &str| Address::of(a).near(&Address::of(b)).map(|(_, what)| what);
        assert_eq!(near("a:1", "A.:2"), Some("the same host, another port"));
        assert_eq!(near("db7", "db7.example.org:1"), Some("with a domain"));
        assert_eq!(near("db7.example.org", "db7"), Some("without the domain"));
        assert_eq!(near("db77.example.org", "db7.example.org"), Some("one letter differs"));
        assert_eq!(near("bd7.example.org", "db7.example.org"), Some("two letters differ"));
        assert_eq!(near("a", "b"), None);
        assert_eq!(near("10", "10.0.0.1"), None);
        assert_eq!(nearest("nodes", ["node", "other"].into_iter()), Some("node"));
        assert_eq!(nearest("quite", ["node", "other"].into_iter()), None);
    }

    fn plain(a: &[char], b: &[char]) -> usize {
        match (a, b) {
            ([], rest) | (rest, []) => rest.len(),
            ([x, a @ ..], [y, b @ ..]) if x == y => plain(a, b),
            ([_, short @ ..], [_, shorter @ ..]) => {
                1 + plain(short, b).min(plain(a, shorter)).min(plain(short, shorter))
            }
        }
    }

    proptest! {
        #[test]
        fn the_distance_is_that_of_its_definition(a in "[abü]{0,6}", b in "[abü]{0,6}", most in 0..4_usize) {
            let letters = |text: &str| text.chars().collect::<Vec<_>>();
            let expected = plain(&letters(&a), &letters(&b));
            prop_assert_eq!(distance_within(&a, &b, most), (expected <= most).then_some(expected));
        }

        #[test]
        fn any_text_is_an_address(text in "\\PC{0,12}|[a-c\\[\\].:0-9]{0,12}") {
            let once = Address::of(&text);
            prop_assert!(once.covers(&once));
        }
    }
}
