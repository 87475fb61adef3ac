//! What a rule made of the sources that it met, so that it is not worked out again.
//!
//! Bounded: when it is full everything is given back, and a rule that hardly ever meets a source
//! again stops remembering. **What is remembered never shows in a result.**

use hashbrown::HashTable;

use crate::hash;

const MOST_ENTRIES: usize = 1 << 14;
const MOST_BYTES: usize = 1 << 21;

/// The memory of one rule.
#[derive(Debug, Default)]
pub(super) struct Memory {
    entries: HashTable<Entry>,
    text: String,
    asked: u32,
    known: u32,
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
    /// What `source` was made into: `None` when the rule does not match. Works it out by
    /// `make`, which says whether the rule matches and appends the result, if it is not known.
    #[inline]
    pub(super) fn recall(
        &mut self,
        source: &str,
        out: &mut String,
        make: impl FnOnce(&str, &mut String) -> bool,
    ) -> Option<()> {
        if !self.is_worth_a_try() {
            self.asked = self.asked.saturating_add(1);
            return make(source, out).then_some(());
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
        let matches = make(source, out);
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
                let found = memory.recall(&format!("source {number}"), &mut out, |source, out| {
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
                    .recall(&source, &mut out, |source, out| {
                        out.push_str(source);
                        true
                    })
                    .is_some()
            );
            assert_eq!(out, source);
            assert!(memory.text.len() <= MOST_BYTES && memory.entries.len() <= MOST_ENTRIES);
        }
    }
}
