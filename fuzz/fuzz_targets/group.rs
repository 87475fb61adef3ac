//! Any text is a list of groups: they read back as what was put in, whatever the encoder shares
//! between them, and compare as what they mean.
//!
//! One line each: `group SOURCE`, `name=value` (of the group, or of its last target), `target`,
//! `end`, and `batch`, which starts a new batch with the same encoder. Other lines are passed over.
#![no_main]

use headcount_core::reference::PlainGroup;
use headcount_core::{Batch, Encoder, Group};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let mut encoder = Encoder::new();
    let mut all: Vec<(PlainGroup, Group)> = Vec::new();
    for lines in text.split("\nbatch\n") {
        let mut batch = encoder.batch();
        let plain = write(&mut batch, lines);
        assert_eq!(plain.len(), batch.len());
        all.extend(plain.into_iter().zip(batch.finish()));
    }
    // Only now: what later batches share must not change what earlier groups say.
    for (plain, group) in &all {
        assert_eq!(&PlainGroup::from(group), plain);
        assert_eq!(group.target_count(), plain.targets.len());
        for (name, value) in &plain.labels {
            assert_eq!(group.labels().get(name), Some(value.as_str()));
        }
        let mut elsewhere = Encoder::new();
        let mut batch = elsewhere.batch();
        plain.encode(&mut batch).expect("it could be encoded before");
        assert_eq!(batch.finish(), [group.clone()]);
    }
    for pair in all.windows(2) {
        let [(plain_a, a), (plain_b, b)] = pair else { continue };
        assert_eq!(a == b, plain_a == plain_b);
        assert_eq!(a.cmp(b).is_eq(), a == b);
    }
});

/// Writes the groups that `lines` tell, and returns what they should read as.
fn write(batch: &mut Batch<'_>, lines: &str) -> Vec<PlainGroup> {
    let mut plain = Vec::new();
    let mut open: Option<PlainGroup> = None;
    for line in lines.lines() {
        if let Some(source) = line.strip_prefix("group ") {
            open = batch.begin(source).ok().map(|()| PlainGroup {
                source: source.to_owned(),
                ..PlainGroup::default()
            });
        } else if line == "target" {
            let begun = batch.begin_target();
            assert_eq!(begun.is_ok(), open.is_some());
            if let Some(group) = &mut open {
                group.targets.push(Default::default());
            }
        } else if line == "end" {
            let ended = batch.end();
            assert_eq!(ended.is_ok(), open.is_some());
            plain.extend(open.take().map(PlainGroup::sorted));
        } else if let Some((name, value)) = line.split_once('=') {
            let target_open = open.as_ref().is_some_and(|group| !group.targets.is_empty());
            let added = match target_open {
                true => batch.label(name, value),
                false => batch.group_label(name, value),
            };
            let Some(group) = &mut open else {
                assert!(added.is_err());
                continue;
            };
            if added.is_err() {
                batch.abandon();
                open = None;
                continue;
            }
            let labels = match group.targets.last_mut() {
                Some(target) => target,
                None => &mut group.labels,
            };
            labels.insert(name.to_owned(), value.to_owned());
        }
    }
    batch.abandon();
    plain
}
