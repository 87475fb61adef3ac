//! The strings that many targets share.
//!
//! A [`Dictionary`] is immutable: an encoder freezes what a batch added into a new chunk, and
//! the next dictionary lists that chunk behind the ones before. Groups hold the dictionary that
//! they were written against, so a string lives exactly as long as a group that may name it, and
//! nobody has to collect garbage. **A symbol means the same string in every dictionary of one
//! lineage**, which is why two groups of a lineage can be compared byte by byte.
//!
//! Small chunks are merged into larger ones as in a log-structured tree, so a dictionary has a
//! logarithmic number of them however often it grew.

use triomphe::Arc;

/// Names one string of a lineage.
pub(super) type Symbol = u32;
/// Names one sorted list of label names of a lineage. Zero is the empty list.
pub(super) type Shape = u32;

/// A list of frozen chunks.
#[derive(Debug)]
pub(super) struct Dictionary {
    lineage: Arc<Lineage>,
    chunks: Box<[Arc<Chunk>]>,
}

/// Told apart by address only; the address is never part of a result.
#[derive(Debug)]
pub(super) struct Lineage;

/// Strings and shapes that were frozen together.
#[derive(Debug, Clone, Default)]
pub(super) struct Chunk {
    first_symbol: Symbol,
    text: String,
    /// Where each string ends in `text`.
    ends: Vec<u32>,
    first_shape: Shape,
    /// The shapes' names, one list after the other.
    names: Vec<Symbol>,
    /// Where each shape ends in `names`.
    shape_ends: Vec<u32>,
}

impl Dictionary {
    /// The empty dictionary of a new lineage.
    pub(super) fn new() -> Self {
        Self {
            lineage: Arc::new(Lineage),
            chunks: Box::default(),
        }
    }

    /// What its symbols mean.
    pub(super) fn lineage(&self) -> &Arc<Lineage> {
        &self.lineage
    }

    /// Whether symbols mean the same in both.
    pub(super) fn same_lineage(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.lineage, &other.lineage)
    }

    /// This dictionary with one more chunk.
    pub(super) fn with(&self, chunk: Chunk) -> Self {
        let mut chunks = self.chunks.to_vec();
        let mut last = chunk;
        while let Some(before) = chunks.pop_if(|before| before.size() <= last.size().saturating_mul(2)) {
            last = before.followed_by(&last);
        }
        last.shrink();
        chunks.push(Arc::new(last));
        Self {
            lineage: self.lineage.clone(),
            chunks: chunks.into_boxed_slice(),
        }
    }

    /// An empty chunk whose symbols and shapes continue those of this dictionary.
    pub(super) fn next_chunk(&self) -> Chunk {
        let (first_symbol, first_shape) = self
            .chunks
            .last()
            .map_or((0, 1), |last| (last.next_symbol(), last.next_shape()));
        Chunk {
            first_symbol,
            first_shape,
            ..Chunk::default()
        }
    }

    /// The string that `symbol` names.
    pub(super) fn text(&self, symbol: Symbol) -> Option<&str> {
        self.chunks
            .iter()
            .rev()
            .find(|chunk| chunk.first_symbol <= symbol)?
            .text(symbol)
    }

    /// The bytes of the string that `symbol` names.
    pub(super) fn bytes(&self, symbol: Symbol) -> Option<&[u8]> {
        self.chunks
            .iter()
            .rev()
            .find(|chunk| chunk.first_symbol <= symbol)?
            .bytes(symbol)
    }

    /// The names of `shape`, sorted by their text.
    pub(super) fn shape(&self, shape: Shape) -> Option<&[Symbol]> {
        if shape == 0 {
            return Some(&[]);
        }
        self.chunks
            .iter()
            .rev()
            .find(|chunk| chunk.first_shape <= shape)?
            .shape(shape)
    }
}

impl Chunk {
    /// Adds a string.
    pub(super) fn add_text(&mut self, text: &str) -> Option<Symbol> {
        let symbol = self.next_symbol();
        let end = u32::try_from(self.text.len().checked_add(text.len())?).ok()?;
        self.text.push_str(text);
        self.ends.push(end);
        Some(symbol)
    }

    /// Adds a list of names.
    pub(super) fn add_shape(&mut self, names: &[Symbol]) -> Option<Shape> {
        let shape = self.next_shape();
        let end = u32::try_from(self.names.len().checked_add(names.len())?).ok()?;
        self.names.extend_from_slice(names);
        self.shape_ends.push(end);
        Some(shape)
    }

    /// Whether nothing was added.
    pub(super) fn is_empty(&self) -> bool {
        self.ends.is_empty() && self.shape_ends.is_empty()
    }

    /// The string that `symbol` names, if it is of this chunk.
    pub(super) fn text(&self, symbol: Symbol) -> Option<&str> {
        let (start, end) = span(&self.ends, symbol.checked_sub(self.first_symbol)?)?;
        self.text.get(start..end)
    }

    /// The bytes of the string that `symbol` names, if it is of this chunk.
    pub(super) fn bytes(&self, symbol: Symbol) -> Option<&[u8]> {
        let (start, end) = span(&self.ends, symbol.checked_sub(self.first_symbol)?)?;
        self.text.as_bytes().get(start..end)
    }

    /// The names of `shape`, if it is of this chunk.
    pub(super) fn shape(&self, shape: Shape) -> Option<&[Symbol]> {
        let (start, end) = span(&self.shape_ends, shape.checked_sub(self.first_shape)?)?;
        self.names.get(start..end)
    }

    fn next_symbol(&self) -> Symbol {
        self.first_symbol.saturating_add(count(&self.ends))
    }

    fn next_shape(&self) -> Shape {
        self.first_shape.saturating_add(count(&self.shape_ends))
    }

    fn size(&self) -> usize {
        self.ends.len().saturating_add(self.names.len())
    }

    /// Both chunks as one; `next` is the one right after this one.
    fn followed_by(&self, next: &Self) -> Self {
        let mut both = self.clone();
        both.text.push_str(&next.text);
        both.names.extend_from_slice(&next.names);
        let text_offset = self.ends.last().copied().unwrap_or(0);
        let names_offset = self.shape_ends.last().copied().unwrap_or(0);
        both.ends
            .extend(next.ends.iter().map(|end| end.saturating_add(text_offset)));
        both.shape_ends
            .extend(next.shape_ends.iter().map(|end| end.saturating_add(names_offset)));
        both
    }

    fn shrink(&mut self) {
        self.text.shrink_to_fit();
        self.ends.shrink_to_fit();
        self.names.shrink_to_fit();
        self.shape_ends.shrink_to_fit();
    }
}

fn span(ends: &[u32], position: u32) -> Option<(usize, usize)> {
    let position = position as usize;
    let end = *ends.get(position)?;
    let start = position
        .checked_sub(1)
        .and_then(|before| ends.get(before))
        .copied()
        .unwrap_or(0);
    Some((start as usize, end as usize))
}

/// The counts stay below `u32::MAX` because [`Chunk::add_text`] and [`Chunk::add_shape`] refuse
/// what would not fit.
fn count(ends: &[u32]) -> u32 {
    u32::try_from(ends.len()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_keep_their_meaning_as_the_dictionary_grows() {
        let mut dictionary = Dictionary::new();
        let mut known = Vec::new();
        for round in 0..200_u32 {
            let mut chunk = dictionary.next_chunk();
            for part in 0..=(round % 3) {
                let text = format!("string {round}.{part}");
                let symbol = chunk.add_text(&text).expect("far below the limit");
                let shape = chunk.add_shape(&[symbol, symbol]).expect("far below the limit");
                known.push((symbol, shape, text));
            }
            let next = dictionary.with(chunk);
            assert!(next.same_lineage(&dictionary));
            dictionary = next;
        }
        for (symbol, shape, text) in &known {
            assert_eq!(dictionary.text(*symbol), Some(text.as_str()));
            assert_eq!(dictionary.shape(*shape), Some([*symbol, *symbol].as_slice()));
        }
        assert!(dictionary.chunks.len() < 12, "{} chunks", dictionary.chunks.len());
        assert_eq!(dictionary.text(1_000_000), None);
        assert_eq!(dictionary.shape(0), Some([].as_slice()));
        assert!(!dictionary.same_lineage(&Dictionary::new()));
    }
}
