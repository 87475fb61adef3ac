//! Alertmanagers: where alerts would be sent, made from what the second manager discovers.
//!
//! An Alertmanager is its URL, and Prometheus knows no more of it: **those with one URL are one**,
//! for each entry of `alerting.alertmanagers`. As in Prometheus, a group in which any address is
//! wrong gives none at all.

use std::collections::BTreeSet;

use headcount_config::AlertmanagerConfig;
use headcount_core::relabel::{Relabeler, Verdict};
use headcount_core::{Group, LabelSet, Snapshot};

use super::url::url_of;
use crate::discovery::{ADDRESS, merged, sorted_groups};

const SCHEME: &str = "__scheme__";
const PATH: &str = "__alerts_path__";

/// The URLs of Alertmanagers, in the order of the configuration.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Alertmanagers {
    /// Alerts would be sent there.
    pub active: Vec<String>,
    /// A rule dropped these; where they would be by their labels before relabelling.
    pub dropped: Vec<String>,
}

/// The Alertmanagers in a snapshot whose sets have the configs' names.
#[must_use]
pub fn alertmanagers(configs: &[(String, AlertmanagerConfig)], snapshot: &Snapshot) -> Alertmanagers {
    let mut all = Alertmanagers::default();
    for (name, config) in configs {
        let Some(set) = snapshot.set(name) else { continue };
        let mut relabeler = Relabeler::new(config.relabel_configs.clone());
        let mut seen = BTreeSet::new();
        for (_, stored) in sorted_groups(set) {
            let Some(found) = of_group(config, &mut relabeler, stored.group()) else {
                continue;
            };
            all.dropped.extend(found.dropped);
            for url in found.active {
                if seen.insert(url.clone()) {
                    all.active.push(url);
                }
            }
        }
    }
    all
}

/// The Alertmanagers of one group; `None` when any address is wrong.
fn of_group(config: &AlertmanagerConfig, relabeler: &mut Relabeler, group: &Group) -> Option<Alertmanagers> {
    let mut found = Alertmanagers::default();
    let path = alerts_path(&config.path_prefix);
    for target in group.targets() {
        let labels = discovered(config, &path, target, group.labels());
        let (verdict, relabelled) = relabeler.relabel(labels.iter().copied());
        let value = |name: &str| {
            let label = relabelled.iter().find(|(other, _)| other == name);
            label.map_or("", |(_, value)| value.as_str())
        };
        if verdict != Verdict::Kept {
            let value = |name: &str| {
                let label = labels.iter().rev().find(|(other, _)| *other == name);
                label.map_or("", |(_, value)| *value)
            };
            found.dropped.push(url_of(value(SCHEME), value(ADDRESS), value(PATH)));
            continue;
        }
        if value(ADDRESS).contains('/') {
            return None;
        }
        found.active.push(url_of(value(SCHEME), value(ADDRESS), value(PATH)));
    }
    Some(found)
}

/// The labels before relabelling, of which the last of a name counts. The config's scheme and
/// path come before those of the target, and those of its group before the config's.
fn discovered<'a>(
    config: &'a AlertmanagerConfig,
    path: &'a str,
    target: LabelSet<'a>,
    group: LabelSet<'a>,
) -> Vec<(&'a str, &'a str)> {
    let mut labels: Vec<(&str, &str)> = merged(target.iter(), group).collect();
    if let Some(address) = target.get(ADDRESS).or(group.get(ADDRESS)) {
        labels.push((ADDRESS, address));
    }
    for (name, value) in [(SCHEME, config.scheme.as_str()), (PATH, path)] {
        if target.get(name).is_some() || group.get(name).is_none() {
            labels.push((name, value));
        }
    }
    labels
}

/// `/<prefix>/api/v2/alerts`, cleaned up as Go's `path.Join` does.
fn alerts_path(prefix: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in prefix.split('/').chain(["api", "v2", "alerts"]) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Plan;

    fn found(alertmanagers: &str, groups: &[crate::discovery::GroupParts<'_>]) -> Alertmanagers {
        let text = format!("alerting: {{alertmanagers: [{alertmanagers}]}}");
        let config = crate::mechanisms::loader().parse(text.as_bytes(), "/p.yml".as_ref(), &headcount_config::Nowhere);
        let plan = Plan::from(config.expect("valid"));
        super::alertmanagers(&plan.alertmanagers, &crate::discovery::snapshot_of("config-0", groups))
    }

    #[test]
    fn urls_are_made_as_prometheus_makes_them() {
        let rules = "{scheme: https, path_prefix: /a/../b/, relabel_configs: \
                     [{source_labels: [env], regex: test, action: drop}, {source_labels: [port], regex: (.+), \
                     target_label: __address__, replacement: 'h:$1'}]}";
        let found = found(
            rules,
            &[
                (
                    "a",
                    &[],
                    &[&[("__address__", "one:1")], &[("__address__", "one:1"), ("x", "y")]],
                ),
                ("b", &[("env", "test")], &[&[("__address__", "two:1")]]),
                (
                    "c",
                    &[("port", "9")],
                    &[&[("__address__", "three:1"), ("__scheme__", "ftp")]],
                ),
                (
                    "d",
                    &[("__scheme__", "http"), ("__alerts_path__", "x")],
                    &[&[("__address__", "four:1")]],
                ),
                (
                    "e",
                    &[],
                    &[&[("__address__", "five:1")], &[("__address__", "http://six:1/")]],
                ),
            ],
        );
        let active = [
            "https://one:1/b/api/v2/alerts",
            "https://h:9/b/api/v2/alerts",
            "http://four:1/x",
        ];
        assert_eq!(found.active, active);
        assert_eq!(found.dropped, ["https://two:1/b/api/v2/alerts"]);
    }
}
