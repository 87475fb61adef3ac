//! Targets that differ and whose samples don't: they have the same labels in the end but for those that begin with `__`.
//!
//! Both are scraped, and what they say ends in the same series. Most targets can't be such ones: those that are *plain*
//! have nothing but their public labels that their job does not give them, so that two with the same labels are one and the
//! same. **Plain targets take no place here, unless their pool has had others.** Each set of labels is known by a hash of
//! 47 bits, which fits beside a fate; who tells of two of them compares their labels.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashTable;

use super::fate::TargetId;

/// What the samples of a target are known by to who reads them: a hash of its labels, and whether the target is plain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SeriesKey([u8; 6]);

impl SeriesKey {
    /// Of a hash of the labels.
    pub(super) fn new(labels: u64, is_plain: bool) -> Self {
        let [bytes @ .., _, _] = (labels << 1 | u64::from(is_plain)).to_le_bytes();
        Self(bytes)
    }

    pub(super) fn is_plain(self) -> bool {
        self.0[0] & 1 == 1
    }

    /// The same for targets with the same labels.
    pub(super) fn labels(self) -> u64 {
        let [a, b, c, d, e, f] = self.0;
        u64::from_le_bytes([a, b, c, d, e, f, 0, 0]) >> 1
    }
}

/// The identities of a pool's targets by their labels.
#[derive(Debug, Default, Clone)]
pub(super) struct Alikes {
    first: HashTable<(u64, TargetId)>,
    /// The others, where there are any.
    others: BTreeMap<u64, BTreeSet<TargetId>>,
    /// How many are not plain.
    special: usize,
    has_plain: bool,
}

impl Alikes {
    /// Bytes that it takes. Of trees, what stands in them is counted, and not their nodes.
    pub(super) fn size_bytes(&self) -> usize {
        let others = self
            .others
            .values()
            .map(|ids| size_of::<TargetId>().saturating_mul(ids.len()));
        let keys = size_of::<(u64, BTreeSet<TargetId>)>().saturating_mul(self.others.len());
        others
            .fold(keys, usize::saturating_add)
            .saturating_add(self.first.allocation_size())
    }

    /// An identity came.
    pub(super) fn came(&mut self, id: TargetId, series: SeriesKey) {
        if !series.is_plain() {
            self.special = self.special.saturating_add(1);
        } else if !self.has_plain {
            return;
        }
        self.put(id, series);
    }

    /// An identity went.
    pub(super) fn went(&mut self, id: TargetId, series: SeriesKey) {
        if !series.is_plain() {
            self.special = self.special.saturating_sub(1);
        } else if !self.has_plain {
            return;
        }
        let labels = series.labels();
        let Ok(mut entry) = self.first.find_entry(spread(labels), |first| first.0 == labels) else {
            return;
        };
        let first = entry.get_mut();
        let Some(others) = self.others.get_mut(&labels) else {
            if first.1 == id {
                entry.remove();
            }
            return;
        };
        if first.1 != id {
            others.remove(&id);
        } else if let Some(next) = others.pop_first() {
            first.1 = next;
        }
        if others.is_empty() {
            self.others.remove(&labels);
        }
    }

    /// After identities came and went: these are all there are, in case that the plain ones are to be here, too.
    pub(super) fn settle(&mut self, all: impl Iterator<Item = (TargetId, SeriesKey)>) {
        if self.special > 0 && !self.has_plain {
            self.has_plain = true;
            let plain = all.filter(|(_, series)| series.is_plain());
            plain.for_each(|(id, series)| self.put(id, series));
        }
    }

    /// When all targets are others: plain ones are let go if there are no others.
    pub(super) fn begin_anew(&mut self) {
        if self.special == 0 {
            *self = Self::default();
        }
    }

    /// Sets of labels that several identities have.
    pub(super) fn shared(&self) -> impl ExactSizeIterator<Item = u64> {
        self.others.keys().copied()
    }

    /// The identities with these labels, if there are several.
    pub(super) fn of(&self, labels: u64) -> impl Iterator<Item = TargetId> {
        let others = self.others.get(&labels);
        let first = others.and_then(|_| self.first.find(spread(labels), |first| first.0 == labels));
        let others = others.into_iter().flatten().copied();
        first.map(|first| first.1).into_iter().chain(others)
    }

    fn put(&mut self, id: TargetId, series: SeriesKey) {
        let labels = series.labels();
        match self.first.find(spread(labels), |first| first.0 == labels) {
            Some(first) if first.1 == id => {}
            Some(_) => {
                self.others.entry(labels).or_default().insert(id);
            }
            None => {
                self.first
                    .insert_unique(spread(labels), (labels, id), |first| spread(first.0));
            }
        }
    }
}

/// Tables look at the upper bits, too.
fn spread(labels: u64) -> u64 {
    labels.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
