//! What is in a record.
//!
//! ```text
//!  1 about     manager, configuration, version of headcount   texts; the first record of a base
//!  2 provider  number, what it is known by, flags, times, kind, description, sets; its groups stay
//!  3 forget    number
//!  4 groups    number of the provider, then groups to the end; one without targets is gone
//!  5 commit    time: all before it was so then; the last record of a base
//!
//!  text        length, bytes           group    source (a text), time it changed, number of targets,
//!  number      seven bits a byte,               set of the shared labels, a set for each target
//!              least significant first set      0 for the names of the set before, or 1 + their number and each
//!  time        a number: nanoseconds            as a string; then the values as strings
//!              since 1970; in a group  string   0 and a text that is new, or 1 + the number of the one that is the
//!              as a difference                  same: the first new one of the record is number 0
//! ```
//!
//! The one rule: **a record can be read by itself.** What is written once and meant often is so within a record only,
//! so what a change costs does not depend on what was written before it.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::sync::Arc;

use headcount_core::{ConfigFingerprint, Instant, LabelSet, NumberedBatch, Stored};
use rapidhash::fast::RapidHasher;

/// Who wrote a file, and of what.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct About {
    pub(super) manager: String,
    /// The path of the configuration, if it has one.
    pub(super) config: String,
    /// The version of headcount.
    pub(super) version: String,
}

/// What is known of a provider besides its groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ProviderRecord {
    /// Its number, which nothing but this base and its log knows.
    pub(super) number: u64,
    pub(super) fingerprint: ConfigFingerprint,
    pub(super) first_whole: Option<Instant>,
    /// When it was last known to be so, if the process that writes does not know better than one before.
    pub(super) as_of: Option<Instant>,
    /// Whether it was waited for long enough, and not read whole. Records of versions that did not know of it say no.
    pub(super) waited_out: bool,
    pub(super) kind: Arc<str>,
    pub(super) description: Arc<str>,
    pub(super) sets: Vec<Arc<str>>,
}

/// A record as it is read.
#[derive(Debug)]
pub(super) enum Record<'a> {
    About(About),
    Provider(ProviderRecord),
    Forget(u64),
    Groups(GroupsReader<'a>),
    Commit(Instant),
}

/// What is no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

const ABOUT: u64 = 1;
const PROVIDER: u64 = 2;
const FORGET: u64 = 3;
const GROUPS: u64 = 4;
const COMMIT: u64 = 5;

const IS_EXACT: u64 = 1;
const WAS_WHOLE: u64 = 2;
const HAS_AS_OF: u64 = 4;
const WAS_WAITED_OUT: u64 = 8;

impl About {
    /// What this version writes of a manager.
    pub(super) fn of(manager: &str, config: &str) -> Self {
        Self {
            manager: manager.to_owned(),
            config: config.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    pub(super) fn write(&self) -> Vec<u8> {
        let mut out = Vec::new();
        push(&mut out, ABOUT);
        [&self.manager, &self.config, &self.version]
            .into_iter()
            .for_each(|text| push_text(&mut out, text));
        out
    }
}

impl ProviderRecord {
    pub(super) fn write(&self) -> Vec<u8> {
        let mut out = Vec::new();
        push(&mut out, PROVIDER);
        push(&mut out, self.number);
        out.extend_from_slice(&self.fingerprint.hash.to_le_bytes());
        let flag = |is_set: bool, flag: u64| if is_set { flag } else { 0 };
        push(
            &mut out,
            flag(self.fingerprint.is_exact, IS_EXACT)
                | flag(self.first_whole.is_some(), WAS_WHOLE)
                | flag(self.as_of.is_some(), HAS_AS_OF)
                | flag(self.waited_out, WAS_WAITED_OUT),
        );
        let times = self.first_whole.into_iter().chain(self.as_of);
        times.for_each(|at| push(&mut out, at.as_nanos()));
        push_text(&mut out, &self.kind);
        push_text(&mut out, &self.description);
        push(&mut out, self.sets.len() as u64);
        self.sets.iter().for_each(|set| push_text(&mut out, set));
        out
    }
}

pub(super) fn forget(number: u64) -> Vec<u8> {
    let mut out = Vec::new();
    push(&mut out, FORGET);
    push(&mut out, number);
    out
}

pub(super) fn commit(at: Instant) -> Vec<u8> {
    let mut out = Vec::new();
    push(&mut out, COMMIT);
    push(&mut out, at.as_nanos());
    out
}

/// Writes groups of one provider, a record at a time.
pub(super) struct GroupsWriter<'a> {
    provider: u64,
    /// Groups in the record so far.
    groups: usize,
    out: Vec<u8>,
    strings: HashMap<&'a str, u64, BuildHasherDefault<RapidHasher<'static>>>,
    /// The names of the last set of shared labels, and of the last target.
    names: [Vec<&'a str>; 2],
    changed: u64,
}

const SHARED: usize = 0;
const OWN: usize = 1;

impl<'a> GroupsWriter<'a> {
    pub(super) fn new(provider: u64) -> Self {
        let mut writer = Self {
            provider,
            groups: 0,
            out: Vec::new(),
            strings: HashMap::default(),
            names: Default::default(),
            changed: 0,
        };
        writer.begin();
        writer
    }

    /// Bytes of the record so far.
    pub(super) fn len(&self) -> usize {
        self.out.len()
    }

    /// Whether it has no group.
    pub(super) fn is_empty(&self) -> bool {
        self.groups == 0
    }

    /// The group is as it is here.
    pub(super) fn put(&mut self, stored: &'a Stored) {
        let group = stored.group();
        self.head(group.source(), stored.changed(), group.target_count());
        self.set(SHARED, &group.labels());
        for target in group.targets() {
            self.set(OWN, &target);
        }
    }

    /// The group of this source is gone.
    pub(super) fn remove(&mut self, source: &str) {
        self.head(source, Instant::from_nanos(self.changed), 0);
    }

    /// The record, and begins the next.
    pub(super) fn take(&mut self) -> Vec<u8> {
        let record = std::mem::take(&mut self.out);
        self.strings.clear();
        self.names.iter_mut().for_each(Vec::clear);
        self.changed = 0;
        self.groups = 0;
        self.begin();
        record
    }

    fn begin(&mut self) {
        push(&mut self.out, GROUPS);
        push(&mut self.out, self.provider);
    }

    fn head(&mut self, source: &str, changed: Instant, targets: usize) {
        self.groups += 1;
        push_text(&mut self.out, source);
        let changed = changed.as_nanos();
        push(&mut self.out, zigzag(changed.wrapping_sub(self.changed)));
        self.changed = changed;
        push(&mut self.out, targets as u64);
    }

    fn set(&mut self, which: usize, labels: &LabelSet<'a>) {
        let [shared, own] = &mut self.names;
        let names = if which == SHARED { shared } else { own };
        let is_as_before = labels.iter().map(|(name, _)| name).eq(names.iter().copied());
        if is_as_before {
            push(&mut self.out, 0);
        } else {
            names.clear();
            names.extend(labels.iter().map(|(name, _)| name));
            push(&mut self.out, names.len() as u64 + 1);
            for name in names.iter() {
                push_string(&mut self.out, &mut self.strings, name);
            }
        }
        for (_, value) in labels.iter() {
            push_string(&mut self.out, &mut self.strings, value);
        }
    }
}

fn push_string<'a>(
    out: &mut Vec<u8>,
    strings: &mut HashMap<&'a str, u64, BuildHasherDefault<RapidHasher<'static>>>,
    text: &'a str,
) {
    let next = strings.len() as u64;
    let number = *strings.entry(text).or_insert(next);
    if number == next {
        push(out, 0);
        push_text(out, text);
    } else {
        push(out, number + 1);
    }
}

/// Reads the groups of a record, one after the other.
#[derive(Debug)]
pub(super) struct GroupsReader<'a> {
    pub(super) provider: u64,
    bytes: &'a [u8],
    /// The last set of shared labels, and the last target's: names and values, by number.
    sets: [Vec<(usize, usize)>; 2],
    changed: u64,
}

/// What the next group is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next<'a> {
    /// It was added to the batch, and changed then.
    Put { source: &'a str, changed: Instant },
    /// The group of this source is gone.
    Removed { source: &'a str },
}

impl<'a> GroupsReader<'a> {
    /// Adds the next group to a batch, if it is not gone; `None` at the end. All groups of a record go to one batch, which
    /// has the record's texts.
    pub(super) fn next(&mut self, batch: &mut NumberedBatch<'_, 'a>) -> Result<Option<Next<'a>>, Malformed> {
        if self.bytes.is_empty() {
            return Ok(None);
        }
        let source = take_text(&mut self.bytes)?;
        self.changed = self.changed.wrapping_add(unzigzag(take(&mut self.bytes)?));
        let targets = take(&mut self.bytes)?;
        if targets == 0 {
            return Ok(Some(Next::Removed { source }));
        }
        let malformed = |_| Malformed;
        batch.begin(source).map_err(malformed)?;
        let shared = self.set(SHARED, batch)?;
        batch.group_labels(shared).map_err(malformed)?;
        for _ in 0..targets {
            batch.begin_target().map_err(malformed)?;
            let own = self.set(OWN, batch)?;
            batch.labels(own).map_err(malformed)?;
        }
        batch.end().map_err(malformed)?;
        let changed = Instant::from_nanos(self.changed);
        Ok(Some(Next::Put { source, changed }))
    }

    /// The labels of the next set, by number.
    fn set(&mut self, which: usize, batch: &mut NumberedBatch<'_, 'a>) -> Result<&[(usize, usize)], Malformed> {
        let [shared, own] = &mut self.sets;
        let set = if which == SHARED { shared } else { own };
        if let Some(count) = take(&mut self.bytes)?.checked_sub(1) {
            set.clear();
            for _ in 0..count {
                set.push((take_string(&mut self.bytes, batch)?, 0));
            }
        }
        for (_, value) in set.iter_mut() {
            *value = take_string(&mut self.bytes, batch)?;
        }
        Ok(set)
    }
}

/// Reads a record.
pub(super) fn read(mut bytes: &[u8]) -> Result<Record<'_>, Malformed> {
    let bytes = &mut bytes;
    let record = match take(bytes)? {
        ABOUT => {
            let mut text = || take_text(bytes).map(str::to_owned);
            Record::About(About {
                manager: text()?,
                config: text()?,
                version: text()?,
            })
        }
        PROVIDER => Record::Provider(provider(bytes)?),
        FORGET => Record::Forget(take(bytes)?),
        GROUPS => {
            return Ok(Record::Groups(GroupsReader {
                provider: take(bytes)?,
                bytes,
                sets: Default::default(),
                changed: 0,
            }));
        }
        COMMIT => Record::Commit(Instant::from_nanos(take(bytes)?)),
        _ => return Err(Malformed),
    };
    if bytes.is_empty() { Ok(record) } else { Err(Malformed) }
}

fn provider(bytes: &mut &[u8]) -> Result<ProviderRecord, Malformed> {
    let number = take(bytes)?;
    let (hash, rest) = bytes.split_first_chunk::<16>().ok_or(Malformed)?;
    *bytes = rest;
    let flags = take(bytes)?;
    let mut time = |flag: u64| match flags & flag {
        0 => Ok(None),
        _ => take(bytes).map(|at| Some(Instant::from_nanos(at))),
    };
    let (first_whole, as_of) = (time(WAS_WHOLE)?, time(HAS_AS_OF)?);
    let (kind, description) = (take_text(bytes)?.into(), take_text(bytes)?.into());
    let count = take(bytes)?;
    let mut sets = Vec::new();
    for _ in 0..count {
        sets.push(take_text(bytes)?.into());
    }
    Ok(ProviderRecord {
        number,
        fingerprint: ConfigFingerprint {
            hash: u128::from_le_bytes(*hash),
            is_exact: flags & IS_EXACT != 0,
        },
        first_whole,
        as_of,
        waited_out: flags & WAS_WAITED_OUT != 0,
        kind,
        description,
        sets,
    })
}

#[inline]
fn push(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

#[inline]
fn take(bytes: &mut &[u8]) -> Result<u64, Malformed> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first().ok_or(Malformed)?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(number);
        }
    }
    Err(Malformed)
}

fn push_text(out: &mut Vec<u8>, text: &str) {
    push(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

fn take_text<'a>(bytes: &mut &'a [u8]) -> Result<&'a str, Malformed> {
    let length = usize::try_from(take(bytes)?).map_err(|_| Malformed)?;
    let (text, rest) = bytes.split_at_checked(length).ok_or(Malformed)?;
    *bytes = rest;
    std::str::from_utf8(text).map_err(|_| Malformed)
}

/// The number of the next string.
#[inline]
fn take_string<'a>(bytes: &mut &'a [u8], batch: &mut NumberedBatch<'_, 'a>) -> Result<usize, Malformed> {
    match take(bytes)?.checked_sub(1) {
        None => Ok(batch.add_text(take_text(bytes)?)),
        Some(number) => {
            let number = usize::try_from(number).map_err(|_| Malformed)?;
            batch.has_text(number).then_some(number).ok_or(Malformed)
        }
    }
}

/// Small numbers for small differences in both directions.
fn zigzag(difference: u64) -> u64 {
    (difference << 1) ^ ((difference as i64 >> 63) as u64)
}

fn unzigzag(number: u64) -> u64 {
    (number >> 1) ^ (number & 1).wrapping_neg()
}

#[cfg(test)]
mod tests {
    use super::*;
    use headcount_core::{Encoder, SavedProvider};
    use proptest::prelude::*;

    type Labels = Vec<(String, String)>;
    type Plain = (String, u64, Labels, Vec<Labels>);

    fn any_labels() -> impl Strategy<Value = Labels> {
        prop::collection::btree_map("[a-c]{1,2}|__address__|é", "[a-b]{0,2}|\\PC{0,9}", 0..4)
            .prop_map(|labels| labels.into_iter().collect())
    }

    fn any_groups() -> impl Strategy<Value = Vec<Plain>> {
        let group = (any_labels(), prop::collection::vec(any_labels(), 0..4), any::<u64>());
        prop::collection::btree_map("[a-f]{1,3}|/srv/\\PC{0,9}", group, 0..6).prop_map(|groups| {
            let groups = groups.into_iter();
            groups
                .map(|(source, (labels, targets, at))| (source, at, labels, targets))
                .collect()
        })
    }

    /// As a provider keeps them.
    fn stored(groups: &[Plain]) -> SavedProvider<()> {
        let mut encoder = Encoder::new();
        let mut batch = encoder.batch();
        for (source, _, labels, targets) in groups {
            let pairs = |labels: &Labels| -> Vec<(String, String)> { labels.clone() };
            batch
                .group(source, pairs(labels), targets.iter().map(pairs))
                .expect("it fits");
        }
        let changed = groups.iter().map(|(_, at, ..)| Instant::from_nanos(*at));
        SavedProvider::new((), Vec::new(), None, changed.zip(batch.finish()))
    }

    proptest! {
        #[test]
        fn groups_are_read_as_they_were_written(groups in any_groups(), gone in "[a-f]{1,3}", provider: u64) {
            let before = stored(&groups);
            let mut writer = GroupsWriter::new(provider);
            prop_assert!(writer.is_empty());
            before.groups().iter().for_each(|stored| writer.put(stored));
            writer.remove(&gone);
            prop_assert!(!writer.is_empty());
            let bytes = writer.take();
            prop_assert!(writer.is_empty());
            let Ok(Record::Groups(mut reader)) = read(&bytes) else { panic!("not groups") };
            prop_assert_eq!(reader.provider, provider);
            let mut encoder = Encoder::new();
            let mut batch = encoder.numbered_batch();
            let (mut changed, mut removed) = (Vec::new(), Vec::new());
            while let Some(next) = reader.next(&mut batch).expect("well written") {
                match next {
                    Next::Put { changed: at, .. } => changed.push(at),
                    Next::Removed { source } => removed.push(source.to_owned()),
                }
            }
            prop_assert_eq!(removed, vec![gone]);
            let read = batch.finish();
            let written: Vec<_> = before.groups().iter().map(|stored| (stored.changed(), stored.group().clone())).collect();
            prop_assert_eq!(changed.into_iter().zip(read).collect::<Vec<_>>(), written);
        }

        #[test]
        fn any_bytes_can_be_read(bytes: Vec<u8>) {
            if let Ok(Record::Groups(mut reader)) = read(&bytes) {
                let mut encoder = Encoder::new();
                let mut batch = encoder.numbered_batch();
                while let Ok(Some(_)) = reader.next(&mut batch) {}
            }
        }

        #[test]
        fn differences_go_both_ways(a: u64, b: u64) {
            prop_assert_eq!(a.wrapping_add(unzigzag(zigzag(b.wrapping_sub(a)))), b);
        }

        #[test]
        fn providers_are_read_as_they_were_written(
            number: u64, hash: u128, flags: [bool; 2], first_whole: Option<u64>, as_of: Option<u64>, texts: [String; 2], sets: Vec<String>,
        ) {
            let [kind, description] = texts.map(Arc::from);
            let [is_exact, waited_out] = flags;
            let provider = ProviderRecord {
                number,
                fingerprint: ConfigFingerprint { hash, is_exact },
                first_whole: first_whole.map(Instant::from_nanos),
                as_of: as_of.map(Instant::from_nanos),
                waited_out,
                kind,
                description,
                sets: sets.into_iter().map(Arc::from).collect(),
            };
            let bytes = provider.write();
            let Ok(Record::Provider(read)) = read(&bytes) else { panic!("not a provider") };
            prop_assert_eq!(read, provider);
        }
    }
}
