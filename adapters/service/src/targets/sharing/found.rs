//! Members that a mechanism finds: what they are called, and from when on that counts.
//!
//! They are discovered beside Alertmanagers, as a set of that manager. The one rule: **nobody is taken for gone by what was
//! not read whole**: before a first whole list nothing is known, a source that fails keeps what it found, and where some source
//! is still waited for, what others have only adds to those that are members already.

use std::collections::BTreeSet;
use std::sync::Arc;

use headcount_config::{FoundMembers, MemberIdentity};
use headcount_core::relabel::{Relabeler, Relabeling, Verdict};
use headcount_core::{Instant, SetView, planted};

use super::node;
use super::{Shared, Sharing};
use crate::discovery::{ADDRESS, List, View, merged, sorted_groups};
use crate::plan::MEMBERS_SET;

const INSTANCE: &str = "instance";

/// Names of members have at most so many bytes.
const MOST_NAME: usize = 256;

/// Whether a member may have this name.
pub(crate) fn may_be_member(name: &str) -> bool {
    !name.is_empty() && name.len() <= MOST_NAME && !name.contains(char::is_control)
}

/// From where the members were taken that are known.
#[derive(Debug)]
pub(super) struct Taken {
    list: Arc<List>,
    /// Whether nobody was waited for.
    is_whole: bool,
    relabeling: Relabeling,
    identity: MemberIdentity,
    node_labels: Vec<String>,
}

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
struct Names {
    names: BTreeSet<Arc<str>>,
    /// Targets without a name that a member may have.
    nameless: usize,
}

impl Sharing {
    /// What members are taken from counts from this state of their manager on: with older ones, rules of now would name what
    /// sources of before found.
    pub(crate) fn found_from(&self, version: u64) {
        if let Some(shared) = self.lock().as_mut() {
            shared.found_from = version;
        }
        self.discovered.notify(usize::MAX);
    }

    /// Takes the members that were found, if others may be now.
    pub(super) fn find(&self, now: Instant, view: &View) {
        let mut shared = self.lock();
        if let Some(shared) = shared.as_mut() {
            shared.find(now, view);
        }
        self.news.notify(usize::MAX);
    }
}

impl Shared {
    fn find(&mut self, now: Instant, view: &View) {
        let Some(found) = self.settings.found() else { return };
        if view.snapshot.version() < self.found_from {
            return;
        }
        let (Some(set), Some(job)) = (view.snapshot.set(MEMBERS_SET), view.jobs.get(MEMBERS_SET)) else {
            return;
        };
        if !planted!(job.delivery.is_delivered(), MembersOfAPartCount, true) {
            return;
        }
        let is_whole = view.lacking(MEMBERS_SET).next().is_none();
        let node_labels = self.settings.strategy.node_labels();
        if let Some(taken) = &self.taken {
            let is_named_alike = taken.relabeling == found.relabeling
                && taken.identity == found.identity
                && taken.node_labels == node_labels;
            // What is found is shown for sources that are no more until those were read that came for them.
            let is_of_before = set.predecessors().next().is_some();
            let is_known = Arc::ptr_eq(&taken.list, &job.list) && taken.is_whole == is_whole;
            if is_named_alike && is_known || !is_named_alike && is_of_before {
                return;
            }
        }
        let Names { mut names, nameless } = names(found, node_labels, set);
        self.taken = Some(Taken {
            list: job.list.clone(),
            is_whole,
            relabeling: found.relabeling.clone(),
            identity: found.identity,
            node_labels: node_labels.to_vec(),
        });
        let Some(roster) = &mut self.roster else { return };
        if !is_whole {
            let there = roster.members().filter(|(_, is_there)| *is_there);
            names.extend(there.map(|(name, _)| name.clone()));
        }
        let count = names.len();
        let too_many = roster.found(now, names);
        if too_many > 0 {
            tracing::warn!(
                found = count,
                too_many,
                "more members are found than there may be; those that come first by name count"
            );
        }
        if nameless > 0 {
            tracing::warn!(
                nameless,
                "members are found without a name; see `identity` and `relabel_configs` of `members`"
            );
        }
        self.name_members(now, &BTreeSet::new());
    }
}

/// What the members of a set are called. Those with one name are one.
fn names(found: &FoundMembers, node_labels: &[String], set: SetView<'_>) -> Names {
    let mut relabeler = Relabeler::new(found.relabeling.clone());
    let mut all = Names::default();
    for (_, stored) in sorted_groups(set) {
        let group = stored.group();
        for target in group.targets() {
            let address = target.get(ADDRESS).or(group.labels().get(ADDRESS));
            let labels = merged(target.iter(), group.labels());
            let labels: Vec<(&str, &str)> = labels.chain(address.map(|address| (ADDRESS, address))).collect();
            let (verdict, relabelled) = relabeler.relabel(labels.iter().copied());
            if verdict != Verdict::Kept {
                continue;
            }
            let value = |name: &str| {
                let label = relabelled.iter().find(|(other, _)| other == name);
                label.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
            };
            let name = match found.identity {
                MemberIdentity::Node => node::node_by(node_labels, value),
                MemberIdentity::Name | MemberIdentity::Seat => value(INSTANCE).or_else(|| value(ADDRESS)),
            };
            match name.filter(|name| may_be_member(name)) {
                Some(name) => drop(all.names.insert(name.into())),
                None => all.nameless = all.nameless.saturating_add(1),
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discovery::snapshot_of;

    fn found(members: &str, groups: &[crate::discovery::GroupParts<'_>]) -> (Vec<String>, usize) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("headcount.yml");
        std::fs::write(
            &path,
            format!("members: {{static_configs: [{{targets: [a]}}], {members}}}"),
        )
        .expect("written");
        let loader = crate::loader().settings(path);
        let config = loader.parse(b"", "/p.yml".as_ref(), &headcount_config::Machine);
        let members = config
            .expect("nothing is wrong with it")
            .settings
            .members
            .expect("members");
        let snapshot = snapshot_of(MEMBERS_SET, groups);
        let set = snapshot.set(MEMBERS_SET).expect("the set");
        let labels = members.strategy.node_labels();
        let Names { names, nameless } = names(members.found().expect("they are found"), labels, set);
        (names.iter().map(ToString::to_string).collect(), nameless)
    }

    #[test]
    fn a_member_is_called_as_its_instance_would_be() {
        let long = "x".repeat(257);
        let groups: &[crate::discovery::GroupParts<'_>] = &[
            (
                "pod/a",
                &[
                    ("__meta_kubernetes_pod_name", "prom-0"),
                    ("__meta_kubernetes_pod_node_name", "n1"),
                ],
                &[&[("__address__", "10.0.0.1:80")], &[("__address__", "10.0.0.1:81")]],
            ),
            (
                "pod/b",
                &[("__meta_kubernetes_pod_name", "prom-1"), ("app", "other")],
                &[&[("__address__", "10.0.0.2:80")]],
            ),
            (
                "c",
                &[],
                &[
                    &[("instance", long.as_str()), ("__address__", "c")],
                    &[("instance", "in\nside")],
                    &[("a", "b")],
                ],
            ),
            (
                "d",
                &[("__address__", "d:1")],
                &[&[("instance", "")], &[("instance", "e")]],
            ),
        ];
        let by_address = (
            ["10.0.0.1:80", "10.0.0.1:81", "10.0.0.2:80", "d:1", "e"]
                .map(str::to_owned)
                .to_vec(),
            3,
        );
        assert_eq!(found("grace: 1m", groups), by_address);
        let by_pod = "relabel_configs: [{source_labels: [app], regex: other, action: drop}, \
                      {source_labels: [__meta_kubernetes_pod_name], regex: (.+), target_label: instance}]";
        assert_eq!(found(by_pod, groups).0, ["d:1", "e", "prom-0"]);
        assert_eq!(found("identity: node", groups), (vec!["n1".to_owned()], 6));
        let by_label = "identity: node, strategy: per_node, node_labels: [app]";
        assert_eq!(found(by_label, groups).0, ["other"]);
    }
}
