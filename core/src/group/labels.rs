//! Reading label sets out of a group's bytes.
//!
//! Encoding of a set: the length in bytes of what follows, then the shape, then a value for each
//! of the shape's names: `length × 2` and the text itself, or `symbol × 2 + 1`. Nothing here can
//! panic: bytes that make no sense (there are none, the encoder wrote them) read as the end.

use core::cmp::Ordering;
use core::fmt;

use super::codec;
use super::dictionary::{Dictionary, Shape, Symbol};

/// A set of labels, borrowed from the group that holds it. Sorted by name, names are unique.
#[derive(Clone, Copy)]
pub struct LabelSet<'a> {
    /// `None` for the empty set that belongs to no group.
    dictionary: Option<&'a Dictionary>,
    pub(super) shape: Shape,
    pub(super) names: &'a [Symbol],
    pub(super) values: &'a [u8],
}

impl<'a> LabelSet<'a> {
    pub(super) const EMPTY: LabelSet<'static> = LabelSet {
        dictionary: None,
        shape: 0,
        names: &[],
        values: &[],
    };

    pub(super) fn read(dictionary: &'a Dictionary, bytes: &mut &'a [u8]) -> Option<Self> {
        let length = codec::take(bytes)? as usize;
        let mut set = codec::take_bytes(bytes, length)?;
        let shape = codec::take(&mut set)?;
        let names = dictionary.shape(shape)?;
        Some(Self {
            dictionary: Some(dictionary),
            shape,
            names,
            values: set,
        })
    }

    /// The first label: its name, and the bytes of its value.
    pub(super) fn first(&self) -> Option<(Symbol, &'a [u8])> {
        let mut values = self.values;
        let head = codec::take(&mut values)?;
        let value = if head & 1 == 1 {
            self.dictionary?.bytes(head >> 1)?
        } else {
            codec::take_bytes(&mut values, (head >> 1) as usize)?
        };
        Some((*self.names.first()?, value))
    }

    /// Names and values, sorted by name.
    pub fn iter(&self) -> Labels<'a> {
        Labels {
            dictionary: self.dictionary,
            names: self.names.iter(),
            values: self.values,
        }
    }

    /// The value of the label called `name`.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        let (_, value) = self.raw().find(|(label, _)| *label == name.as_bytes())?;
        core::str::from_utf8(value).ok()
    }

    /// How many bytes all names and values have.
    pub fn text_bytes(&self) -> usize {
        let each = self.raw().map(|(name, value)| name.len().saturating_add(value.len()));
        each.fold(0, usize::saturating_add)
    }

    /// Names and values as the bytes that they are, for whoever does not need to know that they
    /// are text.
    fn raw(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let (dictionary, mut names, mut values) = (self.dictionary, self.names.iter(), self.values);
        core::iter::from_fn(move || {
            let dictionary = dictionary?;
            let name = dictionary.bytes(*names.next()?)?;
            let head = codec::take(&mut values)?;
            let value = if head & 1 == 1 {
                dictionary.bytes(head >> 1)?
            } else {
                codec::take_bytes(&mut values, (head >> 1) as usize)?
            };
            Some((name, value))
        })
    }

    /// How many labels there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

impl PartialEq for LabelSet<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.raw().eq(other.raw())
    }
}

impl Eq for LabelSet<'_> {}

impl PartialOrd for LabelSet<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for LabelSet<'_> {
    /// As sorted lists of pairs, so `__address__` mostly decides.
    fn cmp(&self, other: &Self) -> Ordering {
        self.raw().cmp(other.raw())
    }
}

impl fmt::Debug for LabelSet<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<'a> IntoIterator for LabelSet<'a> {
    type Item = (&'a str, &'a str);
    type IntoIter = Labels<'a>;

    fn into_iter(self) -> Labels<'a> {
        self.iter()
    }
}

/// The names and values of a [`LabelSet`].
#[derive(Clone)]
pub struct Labels<'a> {
    dictionary: Option<&'a Dictionary>,
    names: core::slice::Iter<'a, Symbol>,
    values: &'a [u8],
}

impl<'a> Iterator for Labels<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let dictionary = self.dictionary?;
        let name = dictionary.text(*self.names.next()?)?;
        let head = codec::take(&mut self.values)?;
        let value = if head & 1 == 1 {
            dictionary.text(head >> 1)?
        } else {
            core::str::from_utf8(codec::take_bytes(&mut self.values, (head >> 1) as usize)?).ok()?
        };
        Some((name, value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.names.size_hint()
    }
}

impl fmt::Debug for Labels<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.clone()).finish()
    }
}

/// The targets of a group, in order.
#[derive(Clone)]
pub struct Targets<'a> {
    dictionary: &'a Dictionary,
    bytes: &'a [u8],
    left: usize,
}

impl<'a> Targets<'a> {
    pub(super) fn new(dictionary: &'a Dictionary, bytes: &'a [u8], count: usize) -> Self {
        Self {
            dictionary,
            bytes,
            left: count,
        }
    }
}

impl<'a> Iterator for Targets<'a> {
    type Item = LabelSet<'a>;

    fn next(&mut self) -> Option<LabelSet<'a>> {
        self.left = self.left.checked_sub(1)?;
        LabelSet::read(self.dictionary, &mut self.bytes)
    }

    /// Skips without decoding.
    fn nth(&mut self, n: usize) -> Option<LabelSet<'a>> {
        for _ in 0..n {
            self.left = self.left.checked_sub(1)?;
            let length = codec::take(&mut self.bytes)? as usize;
            codec::take_bytes(&mut self.bytes, length)?;
        }
        self.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Targets<'_> {}

impl fmt::Debug for Targets<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

/// Appends a group's source: its length and its text.
pub(super) fn push_source(out: &mut Vec<u8>, source: &str) {
    codec::push(out, u32::try_from(source.len()).unwrap_or(0));
    out.extend_from_slice(source.as_bytes());
}

/// Reads a group's source off the front of its bytes.
pub(super) fn take_source<'a>(bytes: &mut &'a [u8]) -> Option<&'a str> {
    core::str::from_utf8(take_source_bytes(bytes)?).ok()
}

/// Reads the bytes of a group's source off the front of its bytes.
pub(super) fn take_source_bytes<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = codec::take(bytes)? as usize;
    codec::take_bytes(bytes, length)
}

/// Appends the set without labels.
pub(super) fn push_empty(out: &mut Vec<u8>) {
    out.extend_from_slice(&[1, 0]);
}
