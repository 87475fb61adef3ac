//! The names by which a server is known.
//!
//! A page can have a name of its own point to any address (DNS rebinding), and is then of the same origin as what
//! answers there. What it can't change is that its browser sends that name as `Host`. **A name that is not ours is
//! refused**; an address is always ours, since no page has one that it does not own.

use std::net::{Ipv4Addr, Ipv6Addr};

use headcount_core::planted;
use http::header::HOST;
use http::request::Parts;

/// The names that a server knows by itself.
#[derive(Debug, Clone)]
pub(super) struct Hosts {
    own: Vec<String>,
}

impl Hosts {
    /// The machine's names, the one at which it was asked to listen `at`, and the one by which others know it.
    pub(super) fn new(at: &str, external: Option<&str>) -> Self {
        let mut own = machine_names();
        own.extend(bare(at).filter(|name| !name.is_empty()));
        own.extend(external.map(str::to_ascii_lowercase));
        Self { own }
    }

    /// The name by which a request asks, if it is none of ours, nor one of those that are `allowed`.
    pub(super) fn unknown(&self, request: &Parts, allowed: &[String]) -> Option<String> {
        // Of HTTP/2 and of a request to a proxy: it counts over the header.
        let authority = request.uri.authority().map(|authority| authority.as_str().to_owned());
        let headers = request.headers.get_all(HOST).iter();
        let headers = headers.map(|host| String::from_utf8_lossy(host.as_bytes()).into_owned());
        // No browser leaves it out.
        headers
            .chain(authority)
            .find(|host| planted!(!self.is_known(host, allowed), AnyHostIsOurs, false))
    }

    fn is_known(&self, host: &str, allowed: &[String]) -> bool {
        let Some(name) = bare(host) else { return false };
        is_address(&name)
            || name == "localhost"
            || name.ends_with(".localhost")
            || self.own.contains(&name)
            || allowed.iter().any(|pattern| fits(pattern, &name))
    }
}

/// The host of `host:port` in lower case, without a dot at its end and without brackets; `None` if it is none.
fn bare(host: &str) -> Option<String> {
    let is_port = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some(rest) = host.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        let is_good = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        return (is_good && address.parse::<Ipv6Addr>().is_ok()).then(|| address.to_owned());
    }
    let name = match host.split_once(':') {
        Some((name, port)) if is_port(port) => name,
        Some(_) => return None,
        None => host,
    };
    Some(planted!(name.strip_suffix('.').unwrap_or(name), DotAtTheEndIsAnother, name).to_ascii_lowercase())
}

fn is_address(name: &str) -> bool {
    name.parse::<Ipv4Addr>().is_ok() || name.parse::<Ipv6Addr>().is_ok()
}

fn fits(pattern: &str, name: &str) -> bool {
    match pattern.strip_prefix("*.") {
        Some(domain) => {
            let below = name.strip_suffix(domain).and_then(|rest| rest.strip_suffix('.'));
            let is_below = below.is_some_and(|rest| !rest.is_empty());
            planted!(is_below, StarIsForTheDomainItself, is_below || name == domain)
        }
        None => pattern == name,
    }
}

/// What the machine calls itself, if it does.
pub(crate) fn machine_name() -> Option<String> {
    machine_names().into_iter().next()
}

/// What the machine calls itself, with its domain and without.
#[cfg(unix)]
fn machine_names() -> Vec<String> {
    let system = rustix::system::uname();
    let name = system.nodename().to_string_lossy().to_ascii_lowercase();
    let first = name.split('.').next().unwrap_or_default().to_owned();
    let mut names = vec![name, first];
    names.retain(|name| !name.is_empty());
    names.dedup();
    names
}

#[cfg(not(unix))]
fn machine_names() -> Vec<String> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn unknown(uri: &str, hosts: &[&str], allowed: &[&str]) -> Option<String> {
        let mut request = Request::get(uri);
        for host in hosts {
            request = request.header(HOST, *host);
        }
        let (parts, ()) = request.body(()).expect("a request").into_parts();
        let allowed: Vec<String> = allowed.iter().map(|name| (*name).to_owned()).collect();
        Hosts::new("Listen.example:9099", Some("sd.example")).unknown(&parts, &allowed)
    }

    #[test]
    fn addresses_and_our_own_names_are_known() {
        let own = machine_names();
        for host in [
            "127.0.0.1:9099",
            "10.1.2.3",
            "[::1]:80",
            "[2001:db8::1]",
            "localhost:9099",
            "LOCALHOST.",
            "a.localhost",
            "listen.example:9099",
            "SD.Example:443",
        ]
        .into_iter()
        .chain(own.iter().map(String::as_str))
        {
            assert_eq!(unknown("/", &[host], &[]), None, "{host}");
        }
        assert_eq!(unknown("/", &[], &[]), None, "a program of HTTP/1.0");
        assert_eq!(unknown("http://127.0.0.1:9099/", &[], &[]), None);
    }

    #[test]
    fn other_names_are_not() {
        for host in [
            "evil.example",
            "evil.example:9099",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "evillocalhost",
            "x.sd.example",
            "127.0.0.1:9099:1",
            "[::1",
            "[evil]:1",
            "user@127.0.0.1",
            "1.2.3.4.5",
            "",
        ] {
            assert_eq!(unknown("/", &[host], &[]).as_deref(), Some(host));
        }
        assert!(
            unknown("/", &["127.0.0.1", "evil.example"], &[]).is_some(),
            "any of them"
        );
        assert!(unknown("http://evil.example/", &["127.0.0.1"], &[]).is_some());
    }

    #[test]
    fn names_can_be_allowed() {
        let allowed = ["proxy.example", "*.svc.example"];
        for host in ["Proxy.example:80", "a.svc.example", "a.b.svc.example"] {
            assert_eq!(unknown("/", &[host], &allowed), None, "{host}");
        }
        for host in ["a.proxy.example", "svc.example", ".svc.example", "asvc.example"] {
            assert!(unknown("/", &[host], &allowed).is_some(), "{host}");
        }
    }
}
