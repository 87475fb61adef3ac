//! The same work in the shape that Prometheus's manager gives it: a map of strings for each
//! label set, a map of groups for each set and provider, every snapshot whole, and providers
//! found by comparing with every one there is.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Deserialize;

use crate::fleet::Host;
use crate::manager::Config;

/// A target group of an http_sd body.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PlainGroup {
    /// Addresses.
    pub targets: Vec<String>,
    /// Labels that the targets share.
    #[serde(default)]
    pub labels: HashMap<String, String>,
}

/// Decodes an http_sd body into maps of strings.
///
/// # Panics
/// If the body is not valid.
pub fn decode(body: &[u8]) -> Vec<PlainGroup> {
    let groups: Result<Vec<PlainGroup>, _> = serde_json::from_slice(body);
    assert!(groups.is_ok(), "the body is valid");
    groups.unwrap_or_default()
}

/// One host as a map of strings.
pub fn host(number: usize, generation: usize) -> PlainGroup {
    let mut host = Host::default();
    host.set(number, generation);
    let mut labels: HashMap<String, String> = host
        .labels()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let targets = labels.remove("__address__").into_iter().collect();
    PlainGroup { targets, labels }
}

/// A manager in the peer's shape.
#[derive(Debug, Default)]
pub struct PeerManager {
    providers: Vec<(Config, Vec<String>)>,
    targets: HashMap<(String, usize), HashMap<String, Arc<PlainGroup>>>,
}

impl PeerManager {
    /// Registers every set's configs.
    pub fn apply(&mut self, sets: &[(String, Vec<Config>)]) {
        for (set, configs) in sets {
            for config in configs {
                match self.providers.iter_mut().find(|(known, _)| known == config) {
                    Some((_, subscribers)) => subscribers.push(set.clone()),
                    None => self.providers.push((config.clone(), vec![set.clone()])),
                }
            }
        }
    }

    /// Puts groups into every subscriber's map.
    pub fn update(&mut self, provider: usize, groups: &[(String, Arc<PlainGroup>)]) {
        let Some((_, subscribers)) = self.providers.get(provider) else {
            return;
        };
        for set in subscribers {
            let map = self.targets.entry((set.clone(), provider)).or_default();
            for (source, group) in groups {
                map.insert(source.clone(), group.clone());
            }
        }
    }

    /// All sets with all their groups.
    pub fn snapshot(&self) -> HashMap<String, Vec<Arc<PlainGroup>>> {
        let mut out: HashMap<String, Vec<Arc<PlainGroup>>> = HashMap::new();
        for (provider, (_, subscribers)) in self.providers.iter().enumerate() {
            for set in subscribers {
                let groups = out.entry(set.clone()).or_default();
                if let Some(map) = self.targets.get(&(set.clone(), provider)) {
                    groups.extend(map.values().cloned());
                }
            }
        }
        out
    }
}

/// A peer-shaped manager with `groups` hosts, one a group, that `sets` sets read.
pub fn loaded(groups: usize, sets: usize) -> PeerManager {
    let mut manager = PeerManager::default();
    let all: Vec<(String, Vec<Config>)> = (0..sets)
        .map(|set| (format!("job-{set}"), vec![Config::new(0)]))
        .collect();
    manager.apply(&all);
    manager.update(0, &hosts(0, groups, 0));
    manager
}

/// Groups with their sources, as the peer's discoverers hand them over.
pub fn hosts(from: usize, to: usize, generation: usize) -> Vec<(String, Arc<PlainGroup>)> {
    (from..to)
        .map(|number| {
            (
                format!("http://cmdb.example/sd:{number}"),
                Arc::new(host(number, generation)),
            )
        })
        .collect()
}
