//! What an encoder remembers: the strings and shapes of its lineage, and how much each is used.

use hashbrown::HashTable;
use triomphe::Arc;

use super::GroupError;
use crate::group::dictionary::{Chunk, Dictionary, Shape, Symbol};

/// A value shorter than this is not worth a symbol.
const MIN_SHARED_BYTES: usize = 3;
/// A lineage with fewer strings than this is never given back.
const MIN_GIVE_BACK: usize = 1_024;
/// A window of small batches ends when it has this many values for each string.
const VALUES_PER_STRING: usize = 16;

#[derive(Debug)]
pub(super) struct Strings {
    dictionary: Arc<Dictionary>,
    /// What the current batch adds.
    pending: Chunk,
    symbols: HashTable<Symbol>,
    shapes: HashTable<Shape>,
    symbol_use: Use,
    shape_use: Use,
}

impl Default for Strings {
    fn default() -> Self {
        let dictionary = Dictionary::new();
        Self {
            pending: dictionary.next_chunk(),
            dictionary: Arc::new(dictionary),
            symbols: HashTable::new(),
            shapes: HashTable::new(),
            symbol_use: Use::default(),
            shape_use: Use::default(),
        }
    }
}

impl Strings {
    /// The symbol of a label's name. Names are always shared. That they are used is noted by
    /// [`names_used`](Self::names_used).
    pub(super) fn name(&mut self, name: &str) -> Result<Symbol, GroupError> {
        let hash = hash(name.as_bytes());
        match self.find(hash, name.as_bytes()) {
            Some(symbol) => Ok(symbol),
            None => self.add(hash, name).ok_or(GroupError::TooLarge),
        }
    }

    /// Notes that this batch has sets with these names.
    pub(super) fn names_used(&mut self, names: &[Symbol]) {
        for name in names {
            self.symbol_use.mark(*name);
        }
        self.symbol_use.count(names.len());
    }

    /// The symbol of a value, if it is or becomes shared. The values of a set are counted by
    /// [`set_written`](Self::set_written).
    pub(super) fn value(&mut self, seen: &mut Seen, value: &[u8]) -> Option<Symbol> {
        let symbol = self.find_or_share(seen, value);
        if let Some(symbol) = symbol {
            self.symbol_use.mark(symbol);
        }
        symbol
    }

    fn find_or_share(&mut self, seen: &mut Seen, value: &[u8]) -> Option<Symbol> {
        if value.len() < MIN_SHARED_BYTES {
            return None;
        }
        let hash = hash(value);
        match self.find(hash, value) {
            Some(symbol) => Some(symbol),
            None if seen.again(hash) => self.add(hash, core::str::from_utf8(value).ok()?),
            None => None,
        }
    }

    /// Counts a set of this shape, which the caller knows, with this many values.
    pub(super) fn set_written(&mut self, shape: Shape, values: usize) {
        self.shape_use.mark(shape);
        self.shape_use.count(1);
        self.symbol_use.count(values);
    }

    /// The shape with these names, which are sorted by their text and unique.
    pub(super) fn shape(&mut self, names: &[Symbol]) -> Result<Shape, GroupError> {
        if names.is_empty() {
            return Ok(0);
        }
        let hash = hash_names(names);
        let (dictionary, pending) = (&self.dictionary, &self.pending);
        let resolve = |shape: Shape| {
            pending
                .shape(shape)
                .or_else(|| dictionary.shape(shape))
                .unwrap_or_default()
        };
        if let Some(&shape) = self.shapes.find(hash, |&shape| resolve(shape) == names) {
            return Ok(shape);
        }
        let shape = self.pending.add_shape(names).ok_or(GroupError::TooLarge)?;
        let (dictionary, pending) = (&self.dictionary, &self.pending);
        let resolve = |shape: Shape| {
            pending
                .shape(shape)
                .or_else(|| dictionary.shape(shape))
                .unwrap_or_default()
        };
        self.shapes
            .insert_unique(hash, shape, |&shape| hash_names(resolve(shape)));
        Ok(shape)
    }

    /// The string that `symbol` names.
    pub(super) fn text(&self, symbol: Symbol) -> &str {
        self.pending
            .text(symbol)
            .or_else(|| self.dictionary.text(symbol))
            .unwrap_or_default()
    }

    /// The dictionary without what is still pending.
    pub(super) fn dictionary(&self) -> &Arc<Dictionary> {
        &self.dictionary
    }

    /// Makes what was added since the last time part of the dictionary; gives the new dictionary, if
    /// anything was added.
    pub(super) fn freeze(&mut self) -> Option<Arc<Dictionary>> {
        if self.pending.is_empty() {
            return None;
        }
        let pending = core::mem::take(&mut self.pending);
        self.dictionary = Arc::new(self.dictionary.with(pending));
        self.pending = self.dictionary.next_chunk();
        Some(self.dictionary.clone())
    }

    /// Ends the batch; starts a new lineage if most strings or shapes are no longer used, and says
    /// whether it did.
    ///
    /// To be called when nothing is pending.
    pub(super) fn end_batch(&mut self) -> bool {
        let symbols = self.symbol_use.end_batch(self.symbols.len());
        let shapes = self.shape_use.end_batch(self.shapes.len());
        if let Some(kept_since) = symbols {
            self.start_lineage(kept_since);
        } else if shapes.is_some() {
            self.start_lineage(0);
        }
        symbols.is_some() || shapes.is_some()
    }

    /// How many strings are remembered.
    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.symbols.len()
    }

    /// A new lineage with the strings that were used in `kept_since` or later, and no shapes.
    fn start_lineage(&mut self, kept_since: u32) {
        let old = core::mem::take(self);
        #[allow(
            clippy::disallowed_methods,
            reason = "sorted before use, so the table's order does not show"
        )]
        let mut kept: Vec<Symbol> = old.symbols.iter().copied().collect();
        kept.retain(|&symbol| old.symbol_use.used_since(symbol, kept_since));
        kept.sort_unstable();
        for symbol in kept {
            let text = old.text(symbol);
            self.add(hash(text.as_bytes()), text);
        }
        self.freeze();
    }

    fn find(&self, hash: u64, text: &[u8]) -> Option<Symbol> {
        let bytes = |symbol: Symbol| self.pending.bytes(symbol).or_else(|| self.dictionary.bytes(symbol));
        self.symbols
            .find(hash, |&symbol| bytes(symbol).is_some_and(|bytes| same(bytes, text)))
            .copied()
    }

    fn add(&mut self, hash_of_text: u64, text: &str) -> Option<Symbol> {
        let symbol = self.pending.add_text(text)?;
        let (dictionary, pending) = (&self.dictionary, &self.pending);
        let resolve = |symbol: Symbol| {
            pending
                .text(symbol)
                .or_else(|| dictionary.text(symbol))
                .unwrap_or_default()
        };
        self.symbols
            .insert_unique(hash_of_text, symbol, |&symbol| hash(resolve(symbol).as_bytes()));
        Some(symbol)
    }
}

/// The hashes that a batch has met, so that the second occurrence of a value can be told from
/// the first.
///
/// Hashes that fall on the same slot push each other out, and equal hashes pass for the same
/// value: either way a value is shared a little later or sooner, and reads the same.
#[derive(Debug, Default)]
pub(super) struct Seen {
    slots: Vec<u32>,
    filled: usize,
}

impl Seen {
    /// Room for what a watch says of one object, which is most batches that there are.
    const SMALLEST: usize = 1 << 6;
    const LARGEST: usize = 1 << 20;

    /// Whether `hash` was asked for before.
    pub(super) fn again(&mut self, hash: u64) -> bool {
        if self.filled >= self.slots.len() / 2 && self.slots.len() < Self::LARGEST {
            self.grow();
        }
        // Zero marks an empty slot.
        let mark = ((hash >> 32) as u32).max(1);
        let slot = self.slot(mark);
        let Some(slot) = self.slots.get_mut(slot) else {
            return false;
        };
        if *slot == mark {
            return true;
        }
        self.filled = self.filled.saturating_add(usize::from(*slot == 0));
        *slot = mark;
        false
    }

    fn slot(&self, mark: u32) -> usize {
        mark as usize & self.slots.len().saturating_sub(1)
    }

    fn grow(&mut self) {
        let size = self.slots.len().saturating_mul(4).max(Self::SMALLEST);
        let old = core::mem::replace(&mut self.slots, vec![0; size]);
        for mark in old.into_iter().filter(|&mark| mark != 0) {
            let slot = self.slot(mark);
            if let Some(slot) = self.slots.get_mut(slot) {
                *slot = mark;
            }
        }
    }
}

/// Which symbols, or shapes, are used, and how much.
#[derive(Debug)]
struct Use {
    /// The batch in which each was used last.
    last: Vec<u32>,
    batch: u32,
    /// How many were used in this batch, and how many values it has in all.
    batch_used: usize,
    batch_values: usize,
    /// The first batch of the window, and how many values its batches have.
    window: u32,
    window_values: usize,
}

impl Default for Use {
    fn default() -> Self {
        // Batch zero is the one in which nothing was used.
        Self {
            last: Vec::new(),
            batch: 1,
            batch_used: 0,
            batch_values: 0,
            window: 1,
            window_values: 0,
        }
    }
}

impl Use {
    /// Notes that `id` is used in this batch.
    fn mark(&mut self, id: u32) {
        let place = id as usize;
        if place >= self.last.len() {
            self.last.resize(place.saturating_add(1), 0);
        }
        if let Some(last) = self.last.get_mut(place)
            && *last != self.batch
        {
            *last = self.batch;
            self.batch_used = self.batch_used.saturating_add(1);
        }
    }

    /// Counts values of this batch.
    fn count(&mut self, values: usize) {
        self.batch_values = self.batch_values.saturating_add(values);
    }

    /// Ends the batch. Says since which batch something must have been used to be worth keeping,
    /// if most of the `known` ones were not.
    fn end_batch(&mut self, known: usize) -> Option<u32> {
        self.window_values = self.window_values.saturating_add(self.batch_values);
        // A batch as large as the dictionary lists everything there is; smaller ones have to be
        // looked at together.
        let kept_since = if known < MIN_GIVE_BACK {
            None
        } else if self.batch_values >= known && self.batch_used < known / 2 {
            Some(self.batch)
        } else if self.window_values >= VALUES_PER_STRING.saturating_mul(known) {
            let used = self.last.iter().filter(|&&last| last >= self.window).count();
            let since = (used < known / 2).then_some(self.window);
            (self.window, self.window_values) = (self.batch.saturating_add(1), 0);
            since
        } else {
            None
        };
        self.batch = self.batch.saturating_add(1);
        (self.batch_used, self.batch_values) = (0, 0);
        kept_since
    }

    fn used_since(&self, id: u32, batch: u32) -> bool {
        self.last.get(id as usize).is_some_and(|&last| last >= batch)
    }
}

fn hash(bytes: &[u8]) -> u64 {
    crate::hash::stable(bytes)
}

fn hash_names(names: &[Symbol]) -> u64 {
    names.iter().fold(0x243f_6a88_85a3_08d3, |hash, &name| {
        let mixed = u128::from(hash ^ u64::from(name)).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        (mixed as u64) ^ ((mixed >> 64) as u64)
    })
}

/// Whether two texts are the same. Most are shorter than what a call to `memcmp` costs.
#[inline]
pub(super) fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    match a.len() {
        0..4 => a.iter().zip(b).all(|(a, b)| a == b),
        // The first and the last bytes overlap, and cover all.
        4..8 => same_ends::<4>(a, b),
        8..16 => same_ends::<8>(a, b),
        16..=32 => same_ends::<16>(a, b),
        _ => a == b,
    }
}

#[inline]
fn same_ends<const N: usize>(a: &[u8], b: &[u8]) -> bool {
    a.first_chunk::<N>() == b.first_chunk::<N>() && a.last_chunk::<N>() == b.last_chunk::<N>()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn texts_are_the_same_when_they_are_equal(mut text in proptest::collection::vec(0_u8..3, 0..40), at: prop::sample::Index, by in 0_u8..2) {
            let before = text.clone();
            if !text.is_empty() {
                let at = at.index(text.len());
                if let Some(byte) = text.get_mut(at) {
                    *byte += by;
                }
            }
            prop_assert_eq!(same(&before, &text), before == text);
        }
    }
}
