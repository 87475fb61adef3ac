//! A job's targets after relabelling, in the format that http_sd and file_sd share.
//!
//! **A Prometheus that reads the list without relabelling rules of its own, and otherwise with
//! the job's settings, ends with the job's targets.** So labels are written as they are in the
//! end: `job` and `instance` among them, and those that say how to scrape (`__scheme__`,
//! `__metrics_path__`, `__param_*`, `__scrape_interval__`, `__scrape_timeout__`), since all of
//! them come before what the reader would fill in. A secret parameter as the job's `params` have it is left out: the
//! reader has it there. Duplicates are left out, and so are the flags
//! for histograms where they are off: a Prometheus 2 would keep them as labels for nothing.
//!
//! A list for a Prometheus 2 ([`Names::Underscores`]) has other names, and no `instance` that is only the address: that reader
//! adds a port to an address that has none, and has to fill `instance` in after that.
//!
//! The format can't say two things, so they have to be in the reader's job: the second and
//! further values of a parameter in `params`, and that a rule removed a label which the reader
//! fills in again (`__metrics_path__`, say).

use headcount_core::{Fate, Group, ProviderId, Snapshot, TargetPool, TargetPools, TargetView};

use super::underscores::in_underscores;
use super::url::is_secret_of_job;
use crate::discovery::{ADDRESS, as_list, sorted_groups, write_labels, write_string};

/// The labels that are off unless said otherwise.
pub const FLAGS: [&str; 3] = [
    "__convert_classic_histograms_to_nhcb__",
    "__always_scrape_classic_histograms__",
    "__scrape_native_histograms__",
];

/// How a list has the names of labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Names {
    /// As they are: a Prometheus 3 takes any.
    #[default]
    AsTheyAre,
    /// In letters, digits and underscores, for a Prometheus 2. Targets of which that can't be said are left out.
    Underscores,
}

/// A job's list, as JSON; `pools` have to be those of the snapshot.
#[must_use]
pub fn relabelled_list(pools: &TargetPools, snapshot: &Snapshot, job: &str) -> Vec<u8> {
    let mut out = Vec::new();
    if let (Some(pool), Some(set)) = (pools.pool(job), snapshot.set(job)) {
        let mut write = writer(pool, Names::AsTheyAre);
        for (provider, stored) in sorted_groups(set) {
            write(provider.id(), stored.group(), &mut out);
        }
    }
    as_list(out)
}

/// Writes the entries of a group of a pool, each after a comma and the end of a line.
pub(super) fn writer(pool: &TargetPool, names: Names) -> impl FnMut(ProviderId, &Group, &mut Vec<u8>) {
    let mut write = entry_writer(pool, names);
    move |provider, group, out| {
        for view in pool.group_targets(provider, group.source()).filter(is_scraped) {
            write(&view, out);
        }
    }
}

/// Writes the entry of one target of a pool, after a comma and the end of a line.
pub(super) fn entry_writer(pool: &TargetPool, names: Names) -> impl FnMut(&TargetView<'_>, &mut Vec<u8>) {
    let mut reader = pool.reader();
    move |view, out| {
        let labels = match names {
            Names::AsTheyAre => reader.labels(view),
            Names::Underscores => reader.labels_without_implied(view),
        };
        let Some(mut labels) = labels else { return };
        labels.retain(|(name, value)| !is_secret_of_job(pool.options(), name, value));
        match names {
            Names::AsTheyAre => write_entry(labels.iter().map(|(name, value)| (name.as_str(), value.as_str())), out),
            Names::Underscores => {
                if let Ok(labels) = in_underscores(pool.options(), &labels) {
                    write_entry(labels.iter().map(|(name, value)| (&**name, *value)), out);
                }
            }
        }
    }
}

fn write_entry<'a>(labels: impl Iterator<Item = (&'a str, &'a str)> + Clone, out: &mut Vec<u8>) {
    let address = labels.clone().find(|(name, _)| *name == ADDRESS);
    out.extend_from_slice(b",\n{\"targets\":[");
    write_string(out, address.map_or("", |(_, address)| address));
    out.extend_from_slice(b"],\"labels\":");
    write_labels(
        out,
        labels.filter(|(name, value)| *name != ADDRESS && !(FLAGS.contains(name) && *value == "false")),
    );
    out.push(b'}');
}

fn is_scraped(view: &TargetView<'_>) -> bool {
    matches!(view.fate, Fate::Active { .. } | Fate::OverLimit { .. })
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use headcount_core::{Encoder, JobOptions, ProviderId, TargetPool};
    use proptest::prelude::*;

    use crate::discovery::{OwnedParts, view_of};
    use crate::plan::Plan;
    use crate::targets::{Names, Targets, targets_of};

    pub(in crate::targets) fn job(settings: &str) -> JobOptions {
        let text = format!("scrape_configs: [{{job_name: node, {settings}}}]");
        let config = crate::mechanisms::loader().parse(text.as_bytes(), "/p.yml".as_ref(), &headcount_config::Nowhere);
        Plan::from(config.expect("valid")).job_options().remove(0)
    }

    fn list(job: &JobOptions, groups: Vec<OwnedParts<'_>>) -> String {
        list_with(job, Names::AsTheyAre, groups)
    }

    fn list_with(job: &JobOptions, names: Names, groups: Vec<OwnedParts<'_>>) -> String {
        let targets: std::sync::Arc<Targets> = targets_of(vec![job.clone()], view_of(vec![("node", groups)]));
        let handle = targets.handle("node", names).expect("the job");
        String::from_utf8(smol::block_on(handle.json()).expect("complete").to_vec()).expect("UTF-8")
    }

    #[test]
    fn a_list_holds_what_is_scraped_and_no_more() {
        let job = job("scheme: https, params: {module: [a, b]}, relabel_configs: [\
                       {source_labels: [rack], regex: '1', action: keep}, \
                       {source_labels: [__address__], regex: 'c:.*', target_label: __scrape_native_histograms__, \
                       replacement: 'true'}, {source_labels: [__meta_x], target_label: x}]");
        let target = |address, rack| vec![("__address__", address), ("rack", rack), ("__meta_x", "\"y\"")];
        let listed = list(
            &job,
            vec![
                (
                    "b",
                    vec![],
                    vec![target("b:1", "1"), target("b:1", "1"), target("c:1", "1")],
                ),
                (
                    "a",
                    vec![],
                    vec![target("a:1", "1"), target("a:2", "2"), target("a/3", "1")],
                ),
            ],
        );
        insta::assert_snapshot!(listed);
        assert_eq!(list(&job, Vec::new()), "[]");
    }

    #[test]
    fn a_list_for_a_prometheus_2_has_names_that_it_takes_and_leaves_the_instance_to_it() {
        let job = job("params: {m.x: [a, b], t: [c]}, relabel_configs: [\
                       {source_labels: [__meta_x], regex: (.+), target_label: instance}, \
                       {source_labels: [__address__], regex: '(d)', target_label: k8s_app}]");
        let target = |address, name, x| vec![("__address__", address), (name, "1"), ("__meta_x", x)];
        let groups = || {
            vec![(
                "s",
                vec![("région", "köln")],
                vec![
                    target("a", "k8s.app", ""),
                    target("b:1", "k8s/app", "b"),
                    // Both names are one.
                    target("d", "k8s.app", ""),
                    target("e", "plain", "e"),
                ],
            )]
        };
        insta::assert_snapshot!(list_with(&job, Names::Underscores, groups()));
        let as_they_are = list(&job, groups());
        assert_eq!(as_they_are.matches("\"instance\"").count(), 4, "{as_they_are}");
    }

    const RULES: [&str; 7] = [
        "{source_labels: [rack], regex: '[12]', action: drop}",
        "{source_labels: [rack], regex: (.+), target_label: __param_target}",
        "{source_labels: [__address__], target_label: instance, replacement: 'on $1'}",
        "{source_labels: [rack], regex: '3', target_label: __scheme__, replacement: https}",
        "{source_labels: [rack], regex: '3', target_label: __scrape_interval__, replacement: 2m}",
        "{regex: rack, action: labeldrop}",
        "{regex: '__meta_(.+)', action: labelmap, replacement: 'm_$1'}",
    ];

    proptest! {
        /// Whoever reads the list without rules ends with the same targets, by their identities.
        #[test]
        fn a_reader_without_rules_ends_with_the_same_targets(
            rules in proptest::sample::subsequence(&RULES[..], 0..=RULES.len()),
            hosts in proptest::collection::vec((0..9_u8, 0..5_u8, proptest::option::of("[x-z\"\\\\]{1,2}")), 0..12),
        ) {
            let settings = "params: {module: [a, b]}, metrics_path: /m";
            let job = job(&format!("{settings}, relabel_configs: [{}]", rules.join(", ")));
            let hosts: Vec<(String, String, String)> = hosts
                .iter()
                .map(|(host, rack, meta)| (format!("h{host}:1"), rack.to_string(), meta.clone().unwrap_or_default()))
                .collect();
            let parts = hosts.iter().map(|(host, rack, meta)| {
                vec![("__address__", host.as_str()), ("rack", rack.as_str()), ("__meta_x", meta.as_str())]
            });
            let groups = vec![("s", vec![("job", "other")], parts.collect())];
            let targets = targets_of(vec![job.clone()], view_of(vec![("node", groups.clone())]));
            let ids = |pool: &TargetPool| -> BTreeSet<String> {
                pool.targets().map(|view| format!("{:?}", view.fate)).filter(|fate| fate.starts_with("Active")).collect()
            };
            let expected = targets.read(|state| ids(state.pools.pool("node").expect("the job")));

            #[derive(serde::Deserialize)]
            struct Entry { targets: Vec<String>, labels: BTreeMap<String, String> }
            let entries: Vec<Entry> = serde_json::from_str(&list(&job, groups)).expect("JSON");
            let mut encoder = Encoder::new();
            let mut batch = encoder.batch();
            for (number, entry) in entries.iter().enumerate() {
                let own = entry.targets.iter().map(|target| [("__address__", target.as_str())]);
                let labels = entry.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
                batch.group(&number.to_string(), labels, own).expect("valid");
            }
            let mut reader = TargetPool::new(self::job(settings));
            for group in batch.finish() {
                reader.put_group(ProviderId::from_number(7), &group);
            }
            prop_assert_eq!(ids(&reader), expected);
            prop_assert_eq!(reader.counts().active, entries.len(), "none is a duplicate or invalid");
        }
    }
}
