//! The fates of a group's targets: without an allocation where there is but one.

use super::fate::Entry;

/// One for each target of a group, in order.
#[derive(Debug, Default, Clone)]
pub(super) enum Entries {
    #[default]
    None,
    One(Entry),
    Many(Box<[Entry]>),
}

impl Entries {
    pub(super) fn as_slice(&self) -> &[Entry] {
        match self {
            Self::None => &[],
            Self::One(entry) => core::slice::from_ref(entry),
            Self::Many(entries) => entries,
        }
    }

    /// Bytes that were allocated for it.
    pub(super) fn heap_bytes(&self) -> usize {
        match self {
            Self::None | Self::One(_) => 0,
            Self::Many(entries) => size_of_val::<[Entry]>(entries),
        }
    }
}

impl FromIterator<Entry> for Entries {
    fn from_iter<I: IntoIterator<Item = Entry>>(entries: I) -> Self {
        let mut entries = entries.into_iter();
        match entries.size_hint() {
            (_, Some(0)) => Self::None,
            (_, Some(1)) => entries.next().map_or(Self::None, Self::One),
            _ => Self::Many(entries.collect()),
        }
    }
}
