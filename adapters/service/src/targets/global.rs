//! Where others find the targets that this machine knows as `localhost`.
//!
//! **Only a target that is headcount itself is at headcount's external URL**; of others on this machine it is known by
//! which name the machine is reached, and their port is their own. So does Prometheus.

use std::net::SocketAddr;

use headcount_core::JobOptions;

use super::url::{SCHEME, label, shown_url};
use crate::discovery::ADDRESS;
use crate::server::{ExternalUrl, machine_name};

/// What a machine calls itself.
const LOCAL: [&str; 3] = ["127.0.0.1", "localhost", "::1"];

/// How others reach this machine.
#[derive(Debug, Clone)]
pub(crate) struct GlobalUrls {
    scheme: String,
    /// With brackets where it is an address that has colons.
    host: String,
    port: Option<u16>,
    /// Where headcount listens.
    own_port: Option<u16>,
}

impl GlobalUrls {
    /// By the external URL of headcount, or by the machine's name and how headcount listens there; `None` where neither
    /// is known.
    pub(crate) fn new(external: Option<&ExternalUrl>, scheme: &str, address: Option<SocketAddr>) -> Option<Self> {
        let own_port = address.map(|address| address.port());
        match external {
            Some(url) => Some(Self {
                scheme: url.scheme().to_owned(),
                host: url.host().to_owned(),
                port: url.port(),
                own_port,
            }),
            None => own_port.and(machine_name()).map(|host| Self {
                scheme: scheme.to_owned(),
                host,
                port: own_port,
                own_port,
            }),
        }
    }

    /// The URL of a target on this machine, as others write it; `None` for all other targets.
    pub(super) fn of(&self, job: &JobOptions, labels: &[(String, String)]) -> Option<String> {
        let (host, port) = host_and_port(label(labels, ADDRESS))?;
        if !LOCAL.contains(&host) {
            return None;
        }
        let at = |port: &str| match port {
            "" => self.host.clone(),
            port => format!("{}:{port}", self.host),
        };
        let is_own = self.own_port.is_some_and(|own| own.to_string() == port);
        let (scheme, address) = match is_own {
            true => (
                self.scheme.as_str(),
                at(&self.port.map(|port| port.to_string()).unwrap_or_default()),
            ),
            false => (label(labels, SCHEME), at(port)),
        };
        Some(shown_url(job, labels, scheme, &address))
    }
}

/// The two parts of an address, the host without brackets and the port empty where there is none; `None` where it is not
/// clear which is which.
fn host_and_port(address: &str) -> Option<(&str, &str)> {
    if let Some(rest) = address.strip_prefix('[') {
        let (host, port) = rest.split_once(']')?;
        let port = match port {
            "" => "",
            port => port.strip_prefix(':')?,
        };
        return (!port.contains(':')).then_some((host, port));
    }
    match address.split_once(':') {
        Some((_, port)) if port.contains(':') => None,
        Some(parts) => Some(parts),
        None => Some((address, "")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn global(urls: &GlobalUrls, address: &str) -> String {
        let labels = [
            (ADDRESS, address),
            (SCHEME, "http"),
            ("__metrics_path__", "/m"),
            ("__param_token", "hunter2"),
        ];
        let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned()));
        urls.of(&JobOptions::new("x"), &labels).unwrap_or_default()
    }

    fn urls(external: &str) -> GlobalUrls {
        let url = external.parse().expect("a URL");
        GlobalUrls::new(Some(&url), "http", Some("0.0.0.0:9099".parse().expect("an address"))).expect("known")
    }

    /// What Prometheus 3.5 answers with this external URL, where it listens at that port.
    #[test]
    fn what_is_here_is_where_others_reach_it() {
        let urls = urls("https://ext.example:8443/pre/fix/");
        for (address, expected) in [
            ("127.0.0.1:9099", "https://ext.example:8443"),
            ("localhost:9099", "https://ext.example:8443"),
            ("[::1]:9099", "https://ext.example:8443"),
            ("localhost:9100", "http://ext.example:9100"),
            ("[::1]:9100", "http://ext.example:9100"),
            ("127.0.0.1", "http://ext.example"),
            ("localhost", "http://ext.example"),
        ] {
            let expected = format!("{expected}/m?token=<secret>");
            assert_eq!(global(&urls, address), expected, "{address}");
        }
        for address in ["127.0.0.2:9099", "other:9099", "::1", "localhost:1:2", "[::1]x", "[::1"] {
            assert_eq!(global(&urls, address), "", "{address}");
        }
    }

    #[test]
    fn an_address_with_colons_keeps_its_brackets() {
        let urls = urls("http://[2001:db8::1]/");
        assert_eq!(global(&urls, "localhost:9099"), "http://[2001:db8::1]/m?token=<secret>");
        assert_eq!(
            global(&urls, "localhost:80"),
            "http://[2001:db8::1]:80/m?token=<secret>"
        );
        assert_eq!(global(&urls, "localhost"), "http://[2001:db8::1]/m?token=<secret>");
    }

    #[test]
    fn without_an_external_url_it_is_the_machine_s_name() {
        assert!(GlobalUrls::new(None, "http", None).is_none(), "nobody listens");
        let address = "127.0.0.1:9099".parse().expect("an address");
        let urls = GlobalUrls::new(None, "https", Some(address)).expect("a name");
        let name = machine_name().expect("a name");
        assert_eq!(
            global(&urls, "localhost:9099"),
            format!("https://{name}:9099/m?token=<secret>")
        );
        assert_eq!(
            global(&urls, "localhost:1"),
            format!("http://{name}:1/m?token=<secret>")
        );
    }
}
