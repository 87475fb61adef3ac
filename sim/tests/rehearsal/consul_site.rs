//! A Consul server as a [`Site`]: a catalog whose services are the zones, indices, and blocking queries.
//!
//! An index belongs to what a URL shows and moves when that does, as Consul's do for each service and each
//! table. **It knows of no fault**: those happen on the way and to the hosts that it is shown.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use headcount_discoverer::env::HttpRequest;
use headcount_sim::{Answer, Page, Shown, ShownHost, Site, Span};
use serde_json::{Value, json};

/// As many connections as an agent takes from one address.
const MOST_OPEN: usize = 200;

/// One server.
#[derive(Default)]
pub(crate) struct Consul {
    index: u64,
    /// By path: since which index it shows what.
    known: BTreeMap<String, (u64, String)>,
    /// The most requests that were open at a time.
    peak: Arc<AtomicUsize>,
    /// Whether an empty catalog is one of a server that knows no leader.
    doubts: bool,
}

impl Consul {
    /// A server that notes here how many requests are open at most.
    pub(crate) fn counting(peak: &Arc<AtomicUsize>) -> Self {
        Self {
            peak: peak.clone(),
            ..Self::default()
        }
    }

    /// A server that knows no leader when it has nothing to show.
    pub(crate) fn without_a_leader() -> Self {
        Self {
            doubts: true,
            ..Self::default()
        }
    }

    /// What a path shows, and all on which its index depends.
    fn shows(&self, path: &str, hosts: &[ShownHost]) -> Option<(Value, String)> {
        let all = |what: fn(&ShownHost) -> String| hosts.iter().map(what).collect::<Vec<_>>().join(" ");
        match path {
            "v1/catalog/services" => {
                // A catalog that has nothing else has its servers.
                let servers = (!self.is_lost(hosts)).then(|| ("consul".to_owned(), json!([])));
                let names = hosts.iter().map(|host| (service(host), json!(["sim"])));
                let names = Value::Object(names.chain(servers).collect());
                // Consul moves it with whatever is registered, not only with the names.
                Some((names, all(|host| host.stamp.clone())))
            }
            // Whoever asks for these wants nothing but the index, and filters everything out.
            "v1/health/state/any" => Some((json!([]), all(|host| host.stamp.clone()))),
            "v1/catalog/nodes" => Some((json!([]), all(|host| host.address.clone()))),
            _ => {
                let name = path.strip_prefix("v1/health/service/")?;
                let instances = hosts.iter().filter(|host| service(host) == name).map(instance);
                let instances = Value::Array(instances.collect());
                let content = instances.to_string();
                Some((instances, content))
            }
        }
    }

    /// Whether it knows no leader, and so nothing.
    fn is_lost(&self, hosts: &[ShownHost]) -> bool {
        self.doubts && hosts.is_empty()
    }

    fn index_of(&mut self, path: &str, content: String) -> u64 {
        match self.known.get(path) {
            Some((index, known)) if *known == content => *index,
            _ => {
                self.index += 1;
                self.known.insert(path.to_owned(), (self.index, content));
                self.index
            }
        }
    }
}

impl Site for Consul {
    fn answer(&mut self, request: &HttpRequest, shown: &Shown) -> Answer {
        self.peak.fetch_max(shown.open, Ordering::Relaxed);
        if shown.open > MOST_OPEN {
            return Answer::Now(Page::text(429, "Your IP is issuing too many concurrent connections\n"));
        }
        let url = request.url.splitn(4, '/').nth(3).unwrap_or_default();
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        let Some((body, content)) = self.shows(path, &shown.hosts) else {
            return Answer::Now(Page::text(404, "there is no such path\n"));
        };
        let index = self.index_of(path, content);
        let number = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            let (_, value) = pairs.find(|(key, _)| *key == name)?;
            value.trim_end_matches("ms").parse::<u64>().ok()
        };
        if number("index").is_some_and(|asked| index <= asked) {
            let wait = number("wait").unwrap_or(300_000);
            let most = Span::millis(wait + wait / 16);
            if shown.waited < most {
                return Answer::Wait(most);
            }
        }
        let has_leader = !self.is_lost(&shown.hosts);
        let page = Page::json(body.to_string());
        let page = page.header("x-consul-index", index.to_string());
        Answer::Now(page.header("x-consul-knownleader", has_leader.to_string()))
    }

    fn reset(&mut self) {
        self.index = 0;
        self.known.clear();
    }
}

/// The service of a host's zone.
fn service(host: &ShownHost) -> String {
    format!("web-{}", host.looks.zone)
}

fn instance(host: &ShownHost) -> Value {
    let (address, port) = host.address.split_once(':').unwrap_or((&host.address, "0"));
    json!({
        "Node": {"Node": host.host.to_string(), "Address": address, "Datacenter": "dc1", "Meta": null},
        "Service": {
            "ID": host.host.to_string(),
            "Service": service(host),
            "Address": "",
            "Port": port.parse::<u16>().unwrap_or_default(),
            "Tags": ["sim"],
            "Meta": {"stamp": host.stamp, "release": host.looks.release.to_string()},
        },
        "Checks": [{"CheckID": "serfHealth", "Status": "passing"}],
    })
}
