//! What resolv.conf says.

use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6};
use std::time::Duration;

use headcount_core::planted;
use headcount_discoverer::env::{DomainName, SearchList};
use resolv_conf::{Config, ScopedIp};

/// Whom to ask, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Resolver {
    /// The servers, in order; may be none.
    pub(super) servers: Vec<SocketAddr>,
    /// How names are completed.
    pub(super) search: SearchList,
    /// How long a server has for an answer.
    pub(super) timeout: Duration,
    /// How often a server that does not answer is asked.
    pub(super) attempts: u32,
    /// Whether each lookup begins with another server.
    pub(super) rotate: bool,
    /// Whether everything is asked over TCP (`use-vc`).
    pub(super) only_tcp: bool,
}

impl Resolver {
    /// Reads resolv.conf as resolv.conf(5) has it, with its defaults and bounds. A line that can't be understood is passed
    /// over, as the system does, so that no option of a later time takes the servers away. `scope` finds the
    /// number of a network interface.
    pub(super) fn parse(text: &[u8], port: u16, scope: impl Fn(&str) -> Option<u32>) -> Self {
        let (config, _) = Config::parse_with_errors(text);
        let servers = config.nameservers.iter().filter_map(|server| match server {
            ScopedIp::V4(ip) => Some(SocketAddrV4::new(*ip, port).into()),
            ScopedIp::V6(ip, None) => Some(SocketAddrV6::new(*ip, port, 0, 0).into()),
            ScopedIp::V6(ip, Some(interface)) => {
                let scope = interface.parse().ok().or_else(|| scope(interface))?;
                Some(SocketAddrV6::new(*ip, port, 0, scope).into())
            }
        });
        let domains = config
            .get_last_search_or_domain()
            .filter_map(|domain| DomainName::parse(domain).ok());
        Self {
            servers: servers.collect(),
            search: SearchList {
                domains: domains.map(|(domain, _)| domain).collect(),
                ndots: config.ndots.min(15),
            },
            timeout: Duration::from_secs(config.timeout.clamp(planted!(1, ZeroTimeoutIsKept, 0), 30).into()),
            attempts: config.attempts.clamp(1, 5),
            rotate: config.rotate,
            only_tcp: config.use_vc,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Resolver {
        Resolver::parse(text.as_bytes(), 53, |interface| (interface == "eth0").then_some(7))
    }

    fn shown(resolver: &Resolver) -> (Vec<String>, Vec<String>) {
        let servers = resolver.servers.iter().map(ToString::to_string).collect();
        (
            servers,
            resolver.search.domains.iter().map(ToString::to_string).collect(),
        )
    }

    #[test]
    fn servers_domains_and_options_are_read() {
        let text = "# ours\nsearch old.test\nnameserver 10.0.0.1\nnameserver fd00::1\nnameserver fe80::1%eth0\n\
                    nameserver fe80::2%3\nnameserver fe80::3%gone\nsearch a.test b.test. .\n\
                    options ndots:0 timeout:9 attempts:3 rotate use-vc";
        let resolver = read(text);
        let (servers, domains) = shown(&resolver);
        let expected = ["10.0.0.1:53", "[fd00::1]:53", "[fe80::1%7]:53", "[fe80::2%3]:53"];
        assert_eq!(servers, expected);
        assert_eq!(domains, ["a.test.", "b.test.", "."]);
        assert_eq!((resolver.search.ndots, resolver.attempts), (0, 3));
        assert_eq!(resolver.timeout, Duration::from_secs(9));
        assert!(resolver.rotate && resolver.only_tcp);
    }

    #[test]
    fn what_is_not_said_is_as_the_manual_has_it() {
        let resolver = read("nameserver 10.0.0.1\n");
        assert_eq!((resolver.search.ndots, resolver.attempts), (1, 2));
        assert_eq!(resolver.timeout, Duration::from_secs(5));
        assert!(!resolver.rotate && !resolver.only_tcp);
        assert_eq!(read("").servers, []);
        assert_eq!(shown(&read("search a.test\ndomain b.test\n")).1, ["b.test."]);
    }

    #[test]
    fn values_have_bounds_and_what_is_unknown_is_passed_over() {
        let text = "options timeout:0 attempts:99 ndots:99 of-the-future:1 timeout:x\nfrom the future\n\
                    nameserver ten\nnameserver 10.0.0.1 extra\n\u{feff}nameserver 10.0.0.2\n";
        let resolver = read(text);
        assert_eq!(shown(&resolver).0, ["10.0.0.1:53"]);
        assert_eq!((resolver.search.ndots, resolver.attempts), (15, 5));
        assert_eq!(resolver.timeout, Duration::from_secs(1));
    }
}
