//! What differs between the labels of a target before and after.

use serde::Serialize;

/// A label that differs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct LabelChange {
    /// Its name.
    pub label: String,
    /// What it was, if it was there.
    pub before: Option<String>,
    /// What it is, if it is there.
    pub after: Option<String>,
}

/// What differs between labels that are sorted by name.
pub fn label_changes<'a>(
    before: impl Iterator<Item = (&'a str, &'a str)>,
    after: impl Iterator<Item = (&'a str, &'a str)>,
) -> Vec<LabelChange> {
    let (mut before, mut after) = (before.peekable(), after.peekable());
    let mut changes = Vec::new();
    loop {
        let label = match (before.peek(), after.peek()) {
            (None, None) => return changes,
            (Some((old, _)), Some((new, _))) => *old.min(new),
            (Some((name, _)), None) | (None, Some((name, _))) => *name,
        };
        let old = before.next_if(|(name, _)| *name == label).map(|(_, value)| value);
        let new = after.next_if(|(name, _)| *name == label).map(|(_, value)| value);
        if old != new {
            changes.push(LabelChange {
                label: label.to_owned(),
                before: old.map(str::to_owned),
                after: new.map(str::to_owned),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    proptest! {
        #[test]
        fn a_change_is_what_differs(
            before in prop::collection::btree_map("[a-d]", "[xy]", 0..4),
            after in prop::collection::btree_map("[a-d]", "[xy]", 0..4),
        ) {
            fn text(labels: &BTreeMap<String, String>) -> impl Iterator<Item = (&str, &str)> {
                labels.iter().map(|(name, value)| (name.as_str(), value.as_str()))
            }
            let changes = label_changes(text(&before), text(&after));
            let labels: Vec<&String> = changes.iter().map(|change| &change.label).collect();
            let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
            let unlike: Vec<&String> = names.into_iter().filter(|name| before.get(*name) != after.get(*name)).collect();
            prop_assert_eq!(labels, unlike);
            for change in &changes {
                prop_assert_eq!(change.before.as_ref(), before.get(&change.label));
                prop_assert_eq!(change.after.as_ref(), after.get(&change.label));
            }
        }
    }
}
