//! Which hosts are reached without the proxy: the rules of Go's `golang.org/x/net/http/httpproxy`.
//!
//! A list, separated by commas, of: `*` (all); an address; a CIDR block; `example.com` (it and what
//! lies below); `.example.com` or `*.example.com` (only what lies below). All but blocks may
//! have a port. `localhost` and loopback addresses are always reached directly.

use std::net::IpAddr;

use headcount_core::planted;
use ipnet::IpNet;

/// A parsed list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct NoProxy {
    rules: Vec<Rule>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Rule {
    All,
    Block(IpNet),
    Address {
        address: IpAddr,
        port: Option<String>,
    },
    /// `suffix` starts with a dot.
    Domain {
        suffix: String,
        port: Option<String>,
        itself: bool,
    },
}

impl NoProxy {
    /// Reads a list. What can't be read is passed over, as Go does.
    pub(crate) fn parse(list: &str) -> Self {
        let mut rules = Vec::new();
        for entry in list.split(',') {
            let entry = entry.trim().to_lowercase();
            if entry == "*" {
                return Self { rules: vec![Rule::All] };
            }
            rules.extend(Rule::parse(&entry));
        }
        Self { rules }
    }

    /// Whether `host`, a name or an address without brackets, is reached directly on `port`.
    pub(crate) fn covers(&self, host: &str, port: u16) -> bool {
        let host = host.trim().to_lowercase();
        let address: Option<IpAddr> = host.parse().ok().map(unmapped);
        if host == "localhost" || address.is_some_and(|address| address.is_loopback()) {
            return true;
        }
        let port = port.to_string();
        self.rules.iter().any(|rule| rule.covers(&host, address, &port))
    }
}

impl Rule {
    fn parse(entry: &str) -> Option<Self> {
        if let Ok(block) = entry.parse() {
            return Some(Self::Block(block));
        }
        let (host, port) = split_port(entry);
        if let Ok(address) = host.parse() {
            return Some(Self::Address {
                address: unmapped(address),
                port,
            });
        }
        let host = host
            .strip_prefix('*')
            .filter(|rest| rest.starts_with('.'))
            .unwrap_or(host);
        let itself = !host.starts_with('.');
        match host {
            "" => None,
            host if itself => Some(Self::Domain {
                suffix: format!(".{host}"),
                port,
                itself,
            }),
            host => Some(Self::Domain {
                suffix: host.to_owned(),
                port,
                itself,
            }),
        }
    }

    fn covers(&self, host: &str, host_address: Option<IpAddr>, host_port: &str) -> bool {
        let port_fits = |port: &Option<String>| {
            planted!(
                port.as_deref().is_none_or(|port| port == host_port),
                NoProxyForAnyPort,
                true
            )
        };
        match self {
            Self::All => true,
            Self::Block(block) => host_address.is_some_and(|address| block.contains(&address)),
            Self::Address { address, port } => host_address == Some(*address) && port_fits(port),
            Self::Domain { suffix, port, itself } => {
                let below = host.ends_with(suffix.as_str());
                let is_it = planted!(*itself, NoProxyNotForItself, false) && suffix.strip_prefix('.') == Some(host);
                host_address.is_none() && (below || is_it) && port_fits(port)
            }
        }
    }
}

/// `host:port`, `[address]:port`, or a host alone.
fn split_port(entry: &str) -> (&str, Option<String>) {
    let bare = |host: &'_ str| host.len() >= 2 && host.starts_with('[') && host.ends_with(']');
    let unbracketed = |host| str::trim_end_matches(str::trim_start_matches(host, '['), ']');
    match entry.rsplit_once(':') {
        Some((host, port)) if bare(host) => (unbracketed(host), some_port(port)),
        // More colons: an IPv6 address alone.
        Some((host, port)) if !host.contains(':') => (host, some_port(port)),
        _ if bare(entry) => (unbracketed(entry), None),
        _ => (entry, None),
    }
}

fn some_port(port: &str) -> Option<String> {
    (!port.is_empty()).then(|| port.to_owned())
}

/// An IPv4 address that is written as an IPv6 one is the IPv4 address.
fn unmapped(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn follows_gos_rules() {
        let list = "example.com, .sub.net ,*.star.org,10.0.0.0/8,192.168.1.7,[fd00::1]:8080,fd00::2,ported.io:81,2001:db8::/32,1.2.3.4:99";
        let rules = NoProxy::parse(list);
        for (host, port, direct) in [
            ("localhost", 80, true),
            ("127.3.4.5", 80, true),
            ("::1", 80, true),
            ("example.com", 80, true),
            ("EXAMPLE.com", 443, true),
            ("a.example.com", 80, true),
            ("notexample.com", 80, false),
            ("sub.net", 80, false),
            ("a.sub.net", 80, true),
            ("star.org", 80, false),
            ("a.b.star.org", 80, true),
            ("10.255.0.1", 80, true),
            ("11.0.0.1", 80, false),
            ("192.168.1.7", 1234, true),
            ("::ffff:192.168.1.7", 1234, true),
            ("fd00::1", 8080, true),
            ("fd00::1", 80, false),
            ("fd00::2", 80, true),
            ("ported.io", 81, true),
            ("ported.io", 80, false),
            ("x.ported.io", 81, true),
            ("2001:db8:1::1", 80, true),
            ("1.2.3.4", 99, true),
            ("1.2.3.4", 98, false),
            ("other", 80, false),
        ] {
            assert_eq!(rules.covers(host, port), direct, "{host}:{port}");
        }
        assert!(NoProxy::parse("a, * ,b").covers("anything", 1));
        assert!(!NoProxy::parse("").covers("anything", 1));
        assert!(!NoProxy::parse(":80,,.").covers("anything", 80));
    }

    proptest! {
        #[test]
        fn any_list_can_be_read(list in ".{0,40}", host in "[a-z0-9.:*\\[\\]-]{0,20}") {
            NoProxy::parse(&list).covers(&host, 80);
        }
    }
}
