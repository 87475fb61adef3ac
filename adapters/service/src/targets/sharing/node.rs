//! On which node a target is, by its labels as they were discovered.

use headcount_config::{MemberStrategy, NODE_LABELS};
use headcount_core::TargetView;

/// The kind of what an address of an `EndpointSlice` is, and its name.
const SLICE_KIND: &str = "__meta_kubernetes_endpointslice_address_target_kind";
const SLICE_NAME: &str = "__meta_kubernetes_endpointslice_address_target_name";

/// The node that a target is on, if that counts and it says so.
pub(super) fn node_of<'v>(strategy: &MemberStrategy, view: &'v TargetView<'_>) -> Option<&'v str> {
    let MemberStrategy::PerNode { labels, .. } = strategy else {
        return None;
    };
    let value = |name: &str| {
        let value = view.labels.get(name).or(view.group.labels().get(name));
        value.filter(|value| !value.is_empty())
    };
    node_by(labels, value)
}

/// The same of what says the value of a label. `labels` are those that name a node, none for Kubernetes's.
pub(super) fn node_by<'v>(labels: &[String], value: impl Fn(&str) -> Option<&'v str>) -> Option<&'v str> {
    if !labels.is_empty() {
        return labels.iter().find_map(|name| value(name));
    }
    let is_node = || value(SLICE_KIND) == Some("Node");
    NODE_LABELS
        .iter()
        .find_map(|name| value(name))
        .or_else(|| value(SLICE_NAME).filter(|_| is_node()))
}
