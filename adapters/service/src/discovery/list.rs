//! The list of a set's targets in the format that http_sd and file_sd share.
//!
//! The format has labels for each entry only, not for each target. **Nothing is lost**: targets
//! that have labels of their own become entries of their own, with the group's labels merged in.
//! Entries are sorted by source, so that the same targets give the same bytes.

use std::iter::Peekable;

use headcount_core::{Group, LabelSet, ProviderSnapshot, SetView, Stored, planted};

/// The label that is the target itself.
pub const ADDRESS: &str = "__address__";

/// A set's list, as JSON.
#[must_use]
pub fn target_list(set: SetView<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    for (_, stored) in sorted_groups(set) {
        write_entries(stored.group(), &mut out);
    }
    as_list(out)
}

/// Writes a group's entries, each after a comma and the end of a line.
pub(super) fn write_entries(group: &Group, out: &mut Vec<u8>) {
    entries_with_own_labels(group, |addresses, own| {
        out.extend_from_slice(b",\n{\"targets\":[");
        for (index, address) in addresses.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            write_string(out, address);
        }
        out.extend_from_slice(b"],\"labels\":");
        write_labels(out, merged(own.iter().copied(), group.labels()));
        out.push(b'}');
    });
}

/// The list of entries that were written each after a comma.
pub(crate) fn as_list(mut entries: Vec<u8>) -> Vec<u8> {
    match entries.first_mut() {
        None => entries.extend_from_slice(b"[]"),
        Some(first) => {
            *first = b'[';
            entries.extend_from_slice(b"\n]");
        }
    }
    entries
}

/// A set's groups by source; where two providers use one source, in the providers' order.
#[must_use]
pub fn sorted_groups(set: SetView<'_>) -> Vec<(&ProviderSnapshot, &Stored)> {
    let mut groups: Vec<_> = set.groups().collect();
    // Reading a source is not free, and sorting asks for each many times.
    groups.sort_by_cached_key(|(_, stored)| stored.group().source());
    groups
}

/// A group's targets with their addresses. A target without an address can't be scraped, and is
/// passed over.
fn addressed_targets(group: &Group) -> impl Iterator<Item = (&str, LabelSet<'_>)> {
    let shared_address = group.labels().get(ADDRESS);
    group.targets().filter_map(move |target| {
        Some((
            planted!(
                target.get(ADDRESS).or(shared_address),
                SharedAddressIsNone,
                target.get(ADDRESS)
            )?,
            target,
        ))
    })
}

/// Visits a group's targets, those with the same labels of their own together.
pub fn entries_with_own_labels<'a>(group: &'a Group, mut visit: impl FnMut(&[&'a str], &[(&'a str, &'a str)])) {
    let mut addresses: Vec<&str> = Vec::new();
    let mut own: Vec<(&str, &str)> = Vec::new();
    for (address, target) in addressed_targets(group) {
        let labels = target.iter().filter(|(name, _)| *name != ADDRESS);
        if !addresses.is_empty()
            && planted!(
                !labels.clone().eq(own.iter().copied()),
                ListedWithoutItsOwnLabels,
                false
            )
        {
            visit(&addresses, &own);
            addresses.clear();
        }
        if addresses.is_empty() {
            own.clear();
            own.extend(labels);
        }
        addresses.push(address);
    }
    if !addresses.is_empty() {
        visit(&addresses, &own);
    }
}

/// A target's labels over those of its group, sorted by name, without the address.
pub fn merged<'a>(
    own: impl IntoIterator<Item = (&'a str, &'a str)>,
    group: LabelSet<'a>,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    let mut own = own.into_iter().peekable();
    let mut group = group.iter().peekable();
    std::iter::from_fn(move || next_merged(&mut own, &mut group)).filter(|(name, _)| *name != ADDRESS)
}

fn next_merged<'a>(
    own: &mut Peekable<impl Iterator<Item = (&'a str, &'a str)>>,
    group: &mut Peekable<impl Iterator<Item = (&'a str, &'a str)>>,
) -> Option<(&'a str, &'a str)> {
    let (Some((ours, _)), Some((theirs, _))) = (own.peek(), group.peek()) else {
        return own.next().or_else(|| group.next());
    };
    if ours > theirs {
        return group.next();
    }
    if ours == theirs {
        planted!({}, ListedGroupLabelsWin, {
            own.next();
            return group.next();
        });
        group.next();
    }
    own.next()
}

/// Writes labels as a JSON object.
pub(crate) fn write_labels<'a>(out: &mut Vec<u8>, labels: impl IntoIterator<Item = (&'a str, &'a str)>) {
    out.push(b'{');
    for (index, (name, value)) in labels.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_string(out, name);
        out.push(b':');
        write_string(out, value);
    }
    out.push(b'}');
}

/// Writes text as a JSON string.
pub(crate) fn write_string(out: &mut Vec<u8>, text: &str) {
    // Nearly all text is plain, and there is much of it, so it is looked at without branches, and copied at once.
    let is_plain =
        |plain, byte: u8| plain & (byte >= b' ') & (byte != b'"') & planted!(byte != b'\\', BackslashIsPlain, true);
    if text.bytes().fold(true, is_plain) {
        out.reserve(text.len() + 2);
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
        return;
    }
    // Writing text into memory does not fail.
    serde_json::to_writer(out, text).ok();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discovery::view::tests::{GroupParts, snapshot_of};
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    fn list(groups: &[GroupParts<'_>]) -> String {
        let snapshot = snapshot_of("job", groups);
        String::from_utf8(target_list(snapshot.set("job").expect("the set"))).expect("UTF-8")
    }

    #[test]
    fn an_empty_set_is_an_empty_list() {
        assert_eq!(list(&[]), "[]");
    }

    #[test]
    fn an_address_that_targets_share_is_that_of_each() {
        let listed = list(&[("a", &[("__address__", "a:1")], &[&[("rack", "1")], &[("rack", "2")]])]);
        assert_eq!(listed.matches("\"targets\":[\"a:1\"]").count(), 2, "{listed}");
    }

    #[test]
    fn groups_are_sorted_and_targets_with_their_own_labels_stand_apart() {
        let listed = list(&[
            (
                "b",
                &[("rack", "2")],
                &[&[("__address__", "c:1")], &[("__address__", "d:1")]],
            ),
            (
                "a",
                &[("rack", "1"), ("zone", "x")],
                &[
                    &[("__address__", "a:1")],
                    &[("__address__", "b:1"), ("rack", "\"one\""), ("__meta_n", "1")],
                    &[("__address__", "c:1")],
                ],
            ),
            ("c", &[], &[&[("no_address", "x")]]),
        ]);
        insta::assert_snapshot!(listed);
    }

    proptest! {
        #[test]
        fn a_string_is_written_as_json_has_it(text in "[ -~\\x00-\\x1f\\x7f\"\\\\é\u{2028}😀]{0,12}") {
            let mut out = Vec::new();
            write_string(&mut out, &text);
            prop_assert_eq!(out, serde_json::to_vec(&text).expect("memory"));
        }

        /// Reading the list back gives every target with all its labels.
        #[test]
        fn nothing_is_lost(
            groups in proptest::collection::btree_map(
                "[a-c]{1,3}",
                (
                    proptest::collection::btree_map("[a-d]", "[x-z\"\\\\\n]{0,2}", 0..3),
                    proptest::collection::btree_map("[0-9]{1,2}", proptest::collection::btree_map("[a-d]", "[x-z]{0,2}", 0..3), 0..5),
                ),
                0..5,
            )
        ) {
            let mut expected: BTreeSet<BTreeMap<String, String>> = BTreeSet::new();
            let mut encoder = headcount_core::Encoder::new();
            let mut batch = encoder.batch();
            for (source, (labels, targets)) in &groups {
                let mut all = Vec::new();
                for (address, own) in targets {
                    let mut target = own.clone();
                    target.insert(ADDRESS.to_owned(), address.clone());
                    all.push(target.clone());
                    let mut merged = labels.clone();
                    merged.extend(target);
                    expected.insert(merged);
                }
                batch.group(source, labels, all.iter().map(|target| target.iter())).expect("valid");
            }
            let snapshot = crate::discovery::view::tests::snapshot_with("job", batch.finish());
            let json = target_list(snapshot.set("job").expect("the set"));
            #[derive(serde::Deserialize)]
            struct Entry { targets: Vec<String>, labels: BTreeMap<String, String> }
            let entries: Vec<Entry> = serde_json::from_slice(&json).expect("JSON");
            let mut found = BTreeSet::new();
            for entry in entries {
                prop_assert!(!entry.targets.is_empty());
                for address in entry.targets {
                    let mut labels = entry.labels.clone();
                    prop_assert!(labels.insert(ADDRESS.to_owned(), address).is_none());
                    found.insert(labels);
                }
            }
            prop_assert_eq!(found, expected);
        }
    }
}
