//! The groups of a set in the order of a list.
//!
//! Lists are sorted by source; where two providers use one source, in the providers' order.

use headcount_core::{ProviderSnapshot, Stored};

/// A group in a set.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'a> {
    pub(super) source: &'a str,
    /// Which of the set's providers has it.
    pub(super) member: u32,
    pub(super) stored: &'a Stored,
}

impl<'a> Entry<'a> {
    pub(super) fn new(member: u32, stored: &'a Stored) -> Self {
        Self {
            source: stored.group().source(),
            member,
            stored,
        }
    }

    /// What it is sorted by.
    pub(super) fn place(&self) -> (&'a str, u32) {
        (self.source, self.member)
    }
}

/// All groups of these providers, in order.
pub(super) fn all<'a>(members: &[&'a ProviderSnapshot]) -> Vec<Entry<'a>> {
    let mut all = Vec::with_capacity(members.iter().map(|provider| provider.groups().len()).sum());
    for (member, provider) in (0_u32..).zip(members) {
        all.extend(provider.groups().iter().map(|stored| Entry::new(member, stored)));
    }
    sort(&mut all);
    all
}

/// Sorts by place. Sources tend to begin alike, and to differ in the few bytes after that: those are compared as one number.
pub(super) fn sort(entries: &mut Vec<Entry<'_>>) {
    let Some(first) = entries.first().map(|entry| entry.source.as_bytes()) else {
        return;
    };
    let alike = entries.iter().map(|entry| alike(first, entry.source.as_bytes())).min();
    let alike = alike.unwrap_or(0);
    let mut keyed: Vec<_> = entries
        .iter()
        .map(|entry| (number(entry.source, alike), *entry))
        .collect();
    keyed.sort_unstable_by(|(one, a), (other, b)| one.cmp(other).then_with(|| a.place().cmp(&b.place())));
    entries.clear();
    entries.extend(keyed.into_iter().map(|(_, entry)| entry));
}

/// How many bytes both begin with.
fn alike(one: &[u8], other: &[u8]) -> usize {
    one.iter().zip(other).take_while(|(one, other)| one == other).count()
}

/// The eight bytes from `at` on.
fn number(source: &str, at: usize) -> u64 {
    let rest = source.as_bytes().get(at..).unwrap_or_default();
    let mut bytes = [0; 8];
    for (byte, of_source) in bytes.iter_mut().zip(rest) {
        *byte = *of_source;
    }
    u64::from_be_bytes(bytes)
}
