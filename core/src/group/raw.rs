//! Groups as they are encoded, for readers that remember what they worked out.
//!
//! Within one lineage a symbol, and the number of a shape, always mean the same. Who remembers by
//! symbol needs no text, and has to keep the [`Lineage`] with what it remembers.

use triomphe::Arc;

use super::codec;
use super::dictionary::{self, Shape, Symbol};
use super::{Group, LabelSet};

/// Tells the meaning of symbols apart.
#[derive(Debug, Clone)]
pub(crate) struct Lineage(Arc<dictionary::Lineage>);

/// A value as it is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RawValue<'a> {
    /// A string that groups of the lineage share.
    Symbol(Symbol),
    /// A text of the group's own, in UTF-8.
    Text(&'a [u8]),
}

impl Group {
    /// What its symbols mean.
    pub(crate) fn lineage(&self) -> Lineage {
        Lineage(self.0.header.header.dictionary.lineage().clone())
    }

    /// Whether its symbols have this meaning.
    #[inline]
    pub(crate) fn is_of(&self, lineage: &Lineage) -> bool {
        Arc::ptr_eq(self.0.header.header.dictionary.lineage(), &lineage.0)
    }

    /// Whether both are the same, without a look at them.
    #[inline]
    pub(crate) fn is_same_allocation(&self, other: &Self) -> bool {
        core::ptr::eq(self.0.as_ptr(), other.0.as_ptr())
    }

    /// The string that a symbol of this group stands for.
    pub(crate) fn symbol_text(&self, symbol: Symbol) -> &str {
        self.0.header.header.dictionary.text(symbol).unwrap_or_default()
    }
}

impl<'a> LabelSet<'a> {
    /// Says, within a lineage, which names there are.
    #[inline]
    pub(crate) fn shape(&self) -> Shape {
        self.shape
    }

    /// The values, in the order of their names.
    #[inline]
    pub(crate) fn raw_values(&self) -> RawValues<'a> {
        RawValues {
            left: self.names.len(),
            bytes: self.values,
        }
    }
}

/// The values of a [`LabelSet`].
#[derive(Debug, Clone)]
pub(crate) struct RawValues<'a> {
    left: usize,
    bytes: &'a [u8],
}

impl<'a> Iterator for RawValues<'a> {
    type Item = RawValue<'a>;

    #[inline]
    fn next(&mut self) -> Option<RawValue<'a>> {
        self.left = self.left.checked_sub(1)?;
        let head = match self.bytes.split_first() {
            Some((&head, rest)) if head < 0x80 => {
                self.bytes = rest;
                head.into()
            }
            _ => codec::take(&mut self.bytes)?,
        };
        if head & 1 == 1 {
            return Some(RawValue::Symbol(head >> 1));
        }
        codec::take_bytes(&mut self.bytes, (head >> 1) as usize).map(RawValue::Text)
    }
}
