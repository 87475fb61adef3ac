//! Texts that many targets share, by number: what a rule made of one is remembered by the number.
//!
//! Equal texts have one number, so numbers can be compared in place of texts. Bounded: when there
//! are too many, everything is forgotten, and with it all that was remembered by number.

use hashbrown::HashTable;

use crate::hash;

/// Names a text.
pub(crate) type TextId = u32;

/// A longer text is not worth a number.
const MOST_LENGTH: usize = 1 << 12;
/// All is forgotten with about this many texts, or this many bytes.
const MOST_TEXTS: usize = 1 << 15;
const MOST_BYTES: usize = 1 << 21;

/// All texts that are known.
#[derive(Debug)]
pub(crate) struct Texts {
    text: String,
    known: Vec<Known>,
    index: HashTable<TextId>,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    start: u32,
    end: u32,
    hash: [u64; 2],
}

impl Texts {
    /// The empty text.
    pub(crate) const EMPTY: TextId = 0;

    /// Whether it is time to forget everything.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.known.len() > MOST_TEXTS || self.text.len() > MOST_BYTES
    }

    /// The number of a text; `None` if it is too long to have one.
    pub(crate) fn number(&mut self, text: &str) -> Option<TextId> {
        if text.len() > MOST_LENGTH {
            return None;
        }
        let hash = hash::wide(text.as_bytes());
        let [first, _] = hash;
        let is_it = |id: &TextId| self.text(*id) == text;
        if let Some(&id) = self.index.find(first, is_it) {
            return Some(id);
        }
        let start = u32::try_from(self.text.len()).ok()?;
        let end = start.checked_add(u32::try_from(text.len()).ok()?)?;
        let id = u32::try_from(self.known.len()).ok()?;
        self.text.push_str(text);
        self.known.push(Known { start, end, hash });
        let known = &self.known;
        let rehash = |id: &TextId| known.get(*id as usize).map_or(0, |known| known.hash[0]);
        self.index.insert_unique(first, id, rehash);
        Some(id)
    }

    /// The text with a number.
    #[inline]
    pub(crate) fn text(&self, id: TextId) -> &str {
        let range = |known: &Known| known.start as usize..known.end as usize;
        let known = self.known.get(id as usize);
        known.and_then(|known| self.text.get(range(known))).unwrap_or_default()
    }

    /// The text's [`hash::wide`].
    #[inline]
    pub(crate) fn hash(&self, id: TextId) -> [u64; 2] {
        self.known.get(id as usize).map_or([0; 2], |known| known.hash)
    }
}

impl Default for Texts {
    fn default() -> Self {
        let mut texts = Self {
            text: String::new(),
            known: Vec::new(),
            index: HashTable::new(),
        };
        // The first number is that of the empty text.
        texts.number("");
        texts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_have_one_number_and_it_says_all() {
        let mut texts = Texts::default();
        assert_eq!((texts.number(""), texts.text(Texts::EMPTY)), (Some(Texts::EMPTY), ""));
        for round in 0..2 {
            for number in 1..=100_u32 {
                let text = format!("text {number}");
                assert_eq!(texts.number(&text), Some(number), "round {round}");
                assert_eq!(texts.text(number), text);
                assert_eq!(texts.hash(number), hash::wide(text.as_bytes()));
            }
        }
        assert_eq!(texts.number(&"x".repeat(MOST_LENGTH)), Some(101));
        assert_eq!(texts.number(&"x".repeat(MOST_LENGTH + 1)), None);
    }

    #[test]
    fn too_many_or_too_long_are_seen() {
        let mut texts = Texts::default();
        for number in 1..MOST_TEXTS {
            texts.number(&number.to_string());
        }
        assert!(!texts.is_full());
        texts.number("one more");
        assert!(texts.is_full());
        let mut texts = Texts::default();
        for number in 0..MOST_BYTES / MOST_LENGTH {
            texts.number(&format!("{number:0MOST_LENGTH$}"));
        }
        assert!(!texts.is_full());
        texts.number("x");
        assert!(texts.is_full());
    }
}
