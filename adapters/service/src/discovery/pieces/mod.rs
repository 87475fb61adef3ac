//! Lists as bytes, in pieces.
//!
//! * `piece`: a run of entries as bytes, and compressed; made once for all who have it.
//! * `encoded`: a list of pieces, with what HTTP needs to know of it.
//! * `index`: a set's groups in the order of its list, in runs: what changes is encoded, and no more.
//! * `sorted`: that order.
//!
//! The one rule: **a list costs what changed since the one before, and is there once**, however many connections read it, and
//! however many of its readers are slow.

mod encoded;
mod index;
mod piece;
mod sorted;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use headcount_core::{Group, ProviderId, SetView};

use super::list::write_entries;
pub(crate) use encoded::{Encoded, Part, Parts};
pub(crate) use index::{Index, Touched, Write};
pub(crate) use piece::Piece;
use piece::Shelf;

/// The pieces of all lists that somebody reads.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    shelf: Shelf,
    /// By the providers: sets of the same ones have the same list.
    discovered: Mutex<BTreeMap<Vec<ProviderId>, Weak<Mutex<Index>>>>,
}

/// Where a list keeps what it takes to make the next one. Whatever else reads the same keeps it, too.
#[derive(Debug, Default)]
pub(crate) struct KeptIndex(Mutex<Option<Arc<Mutex<Index>>>>);

impl Pieces {
    /// The list of a set as it was discovered.
    pub(crate) fn list(&self, set: SetView<'_>, kept: &KeptIndex) -> Arc<Encoded> {
        let index = self.index_of(set.providers().map(|provider| provider.id()).collect());
        *lock(&kept.0) = Some(index.clone());
        let mut index = lock(&index);
        index.update(set, Some(&[]), &self.shelf, || {
            |_: ProviderId, group: &Group, out: &mut Vec<u8>| write_entries(group, out)
        })
    }

    /// A list that somebody else writes; see [`Index::update`].
    pub(crate) fn write<W: Write>(
        &self,
        set: SetView<'_>,
        touched: Option<&[Touched]>,
        index: &mut Index,
        writer: impl Fn() -> W + Sync,
    ) -> Arc<Encoded> {
        index.update(set, touched, &self.shelf, writer)
    }

    /// Bytes that all of it takes, compressed or not.
    pub(crate) fn size_bytes(&self) -> usize {
        self.shelf.size_bytes()
    }

    fn index_of(&self, members: Vec<ProviderId>) -> Arc<Mutex<Index>> {
        let mut discovered = lock(&self.discovered);
        if let Some(index) = discovered.get(&members).and_then(Weak::upgrade) {
            return index;
        }
        discovered.retain(|_, index| index.strong_count() > 0);
        let index = Arc::default();
        discovered.insert(members, Arc::downgrade(&index));
        index
    }
}

impl KeptIndex {
    /// Changes one that nobody else has.
    pub(crate) fn use_own<R>(&self, change: impl FnOnce(&mut Index) -> R) -> R {
        let index = lock(&self.0).get_or_insert_default().clone();
        let mut index = lock(&index);
        change(&mut index)
    }
}

/// A panic while it was changed leaves an index that is not that of its list: it is made anew.
fn lock<T: Default>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| {
        mutex.clear_poison();
        let mut guard = poisoned.into_inner();
        *guard = T::default();
        guard
    })
}
