//! What a rule made of the sources that it met, so that it is not worked out again.
//!
//! By number where the source is a text that has one, and by text where it has not. Bounded:
//! when it is full everything is given back, and a rule that hardly ever meets a source again
//! stops remembering. **What is remembered never shows in a result.**

use core::num::NonZeroU32;

use super::matcher::Groups;
use super::texts::TextId;
use crate::hash;
use hashbrown::HashTable;

const MOST_ENTRIES: usize = 1 << 14;
const MOST_BYTES: usize = 1 << 21;

/// The memory of one rule.
#[derive(Debug, Default)]
pub(super) struct Memory {
    by_number: Vec<Option<Remembered>>,
    entries: HashTable<Entry>,
    text: String,
    asked: u32,
    known: u32,
    /// Where the expression's groups are found.
    pub(super) groups: Groups,
}

/// What a rule made of a text that has a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The rule does not match.
    None,
    /// It made the text with this number.
    Text(TextId),
}

/// An outcome in four bytes: one for none, two more than the number otherwise.
#[derive(Debug, Clone, Copy)]
struct Remembered(NonZeroU32);

impl Remembered {
    fn new(outcome: Outcome) -> Option<Self> {
        let packed = match outcome {
            Outcome::None => 1,
            Outcome::Text(id) => id.checked_add(2)?,
        };
        NonZeroU32::new(packed).map(Self)
    }

    fn outcome(self) -> Outcome {
        self.0.get().checked_sub(2).map_or(Outcome::None, Outcome::Text)
    }
}

#[derive(Debug)]
struct Entry {
    hash: u64,
    /// Where the source starts in the text, and where it ends and the result starts.
    start: u32,
    source_end: u32,
    /// Where the result ends. `None` when the rule does not match.
    end: Option<u32>,
}

impl Memory {
    /// What the text with this number was made into, if that is known.
    #[inline]
    pub(super) fn outcome(&self, source: TextId) -> Option<Outcome> {
        let remembered = self.by_number.get(source as usize).copied().flatten()?;
        Some(remembered.outcome())
    }

    /// Remembers what the text with this number was made into.
    pub(super) fn remember_outcome(&mut self, source: TextId, outcome: Outcome) {
        let place = source as usize;
        if self.by_number.len() <= place {
            self.by_number.resize(place.saturating_add(1), None);
        }
        if let Some(slot) = self.by_number.get_mut(place) {
            *slot = Remembered::new(outcome);
        }
    }

    /// Forgets all that was remembered by number.
    pub(super) fn forget_numbers(&mut self) {
        self.by_number = Vec::new();
    }

    /// What `source` was made into: `None` when the rule does not match. Works it out by
    /// `make`, which says whether the rule matches and appends the result, if it is not known.
    #[inline]
    pub(super) fn recall(
        &mut self,
        source: &str,
        out: &mut String,
        make: impl FnOnce(&str, &mut String, &mut Groups) -> bool,
    ) -> Option<()> {
        if !self.is_worth_a_try() {
            self.asked = self.asked.saturating_add(1);
            return make(source, out, &mut self.groups).then_some(());
        }
        let hash = hash::stable(source.as_bytes());
        self.asked = self.asked.saturating_add(1);
        let text = &self.text;
        let found = self.entries.find(hash, |entry| {
            entry.hash == hash && text.get(entry.start as usize..entry.source_end as usize) == Some(source)
        });
        if let Some(entry) = found {
            self.known = self.known.saturating_add(1);
            let end = entry.end?;
            out.push_str(text.get(entry.source_end as usize..end as usize).unwrap_or_default());
            return Some(());
        }
        let matches = make(source, out, &mut self.groups);
        self.remember(hash, source, matches.then_some(out));
        matches.then_some(())
    }

    /// A rule that has rarely met a source again looks only now and then.
    fn is_worth_a_try(&self) -> bool {
        self.asked < 4_096 || self.known >= self.asked / 8 || self.asked.is_multiple_of(16)
    }

    fn remember(&mut self, hash: u64, source: &str, result: Option<&mut String>) {
        let bytes = source
            .len()
            .saturating_add(result.as_ref().map_or(0, |result| result.len()));
        if bytes > MOST_BYTES / 16 {
            return;
        }
        if self.entries.len() >= MOST_ENTRIES || self.text.len().saturating_add(bytes) > MOST_BYTES {
            self.entries.clear();
            self.text.clear();
        }
        let place = |text: &str| u32::try_from(text.len()).unwrap_or(u32::MAX);
        let start = place(&self.text);
        self.text.push_str(source);
        let source_end = place(&self.text);
        let end = result.map(|result| {
            self.text.push_str(result);
            place(&self.text)
        });
        let entry = Entry {
            hash,
            start,
            source_end,
            end,
        };
        self.entries.insert_unique(hash, entry, |entry| entry.hash);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_worked_out_once_and_memory_stays_bounded() {
        let mut memory = Memory::default();
        let mut made = 0;
        for _ in 0..3 {
            for number in 0..100 {
                let mut out = String::new();
                let found = memory.recall(&format!("source {number}"), &mut out, |source, out, _| {
                    made += 1;
                    out.push_str(source);
                    number % 2 == 0
                });
                assert_eq!(found.is_some(), number % 2 == 0);
                assert!(found.is_none() || out == format!("source {number}"));
            }
        }
        assert_eq!(made, 100);
        for number in 0..200_000 {
            let source = format!("{number:0100}");
            let mut out = String::new();
            assert!(
                memory
                    .recall(&source, &mut out, |source, out, _| {
                        out.push_str(source);
                        true
                    })
                    .is_some()
            );
            assert_eq!(out, source);
            assert!(memory.text.len() <= MOST_BYTES && memory.entries.len() <= MOST_ENTRIES);
        }
    }

    #[test]
    fn outcomes_are_remembered_by_number_until_numbers_are_forgotten() {
        let mut memory = Memory::default();
        for outcome in [Outcome::None, Outcome::Text(0), Outcome::Text(7)] {
            memory.remember_outcome(3, outcome);
            assert_eq!(memory.outcome(3), Some(outcome));
        }
        assert_eq!((memory.outcome(2), memory.outcome(4)), (None, None));
        memory.forget_numbers();
        assert_eq!(memory.outcome(3), None);
    }
}
