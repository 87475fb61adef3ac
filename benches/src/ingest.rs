//! An http_sd body, from its bytes to the manager's groups.

use std::collections::HashMap;
use std::fmt::Write;

use headcount_backends::target_groups::{Origin, json};
use headcount_core::{Encoder, Group, Instant, Manager, ManagerOptions, ProviderId, Update};

use crate::fleet::{Host, NAMES};
use crate::manager::Config;

/// An http_sd body of `groups` groups with one target and ten labels each.
pub fn body(groups: usize) -> String {
    let mut out = String::from("[\n");
    let mut host = Host::default();
    for number in 0..groups {
        host.set(number, 0);
        let mut labels: HashMap<&str, &str> = host.labels().collect();
        let address = labels.remove("__address__").unwrap_or_default();
        let _ = write!(
            out,
            "{}  {{\"targets\": [\"{address}\"], \"labels\": {{",
            if number == 0 { "" } else { ",\n" }
        );
        // In an order that is not sorted, as a CMDB gives them.
        for (place, name) in NAMES.iter().skip(1).rev().enumerate() {
            let value = labels.get(name).copied().unwrap_or_default();
            let _ = write!(out, "{}\"{name}\": \"{value}\"", if place == 0 { "" } else { ", " });
        }
        out.push_str("}}");
    }
    out.push_str("\n]\n");
    out
}

/// What an http_sd discoverer and its manager keep between two polls.
#[derive(Debug)]
pub struct Ingest {
    encoder: Encoder,
    manager: Manager<Config>,
    provider: ProviderId,
}

impl Default for Ingest {
    fn default() -> Self {
        let mut manager = Manager::new(Instant::ZERO, ManagerOptions::default());
        let applied = manager.apply(Instant::ZERO, [("job".to_owned(), vec![Config::new(0)])]);
        let provider = applied.started.first().copied().unwrap_or(ProviderId::from_number(0));
        Self {
            encoder: Encoder::new(),
            manager,
            provider,
        }
    }
}

impl Ingest {
    /// Decodes a body.
    ///
    /// # Panics
    /// If the body is not valid.
    pub fn decode(&mut self, body: &[u8]) -> Vec<Group> {
        let mut batch = self.encoder.batch();
        let origin = Origin {
            name: "http://cmdb.example/sd",
            label: "__meta_url",
        };
        assert!(json::decode(body, origin, &mut batch).is_ok(), "the body is valid");
        batch.finish()
    }

    /// Decodes a body, stores it, and compares it with what was there; says how many groups changed.
    ///
    /// # Panics
    /// If the body is not valid.
    pub fn poll(&mut self, body: &[u8]) -> usize {
        let groups = self.decode(body);
        let taken = self
            .manager
            .handle_update(Instant::ZERO, self.provider, Update::full(groups));
        assert!(taken.is_ok(), "the provider runs");
        taken.map_or(0, |outcome| outcome.added + outcome.changed + outcome.removed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer;

    #[test]
    fn what_is_decoded_is_what_a_plain_decoder_finds() {
        let body = body(300);
        let mut ingest = Ingest::default();
        let plain = peer::decode(body.as_bytes());
        let groups = ingest.decode(body.as_bytes());
        assert_eq!(plain.len(), groups.len());
        for (plain, group) in plain.iter().zip(&groups) {
            assert_eq!(
                plain.targets,
                group
                    .targets()
                    .filter_map(|target| target.get("__address__"))
                    .collect::<Vec<_>>()
            );
            for (name, value) in &plain.labels {
                assert_eq!(group.labels().get(name), Some(value.as_str()));
            }
            assert_eq!(group.labels().len(), plain.labels.len() + 1, "and __meta_url");
        }
        assert_eq!(ingest.poll(body.as_bytes()), 300);
        assert_eq!(ingest.poll(body.as_bytes()), 0);
    }
}
