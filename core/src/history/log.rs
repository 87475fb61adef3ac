//! The entries that are kept, and what they take.
//!
//! **Everything that an entry holds is charged**: what is its own when it comes, and what it shares with others (names
//! of sets, providers, sources) once, for as long as any entry has it. The charges are fixed numbers that are no less
//! than what a 64-bit machine takes, so that the same things are kept everywhere (B08).

use std::collections::BTreeMap;
use std::sync::Arc;

use imbl::Vector;

use super::entry::{Happening, HistoryEntry, HistoryProvider};
use super::{HistoryLimits, Past};
use crate::Instant;

/// What an entry takes without texts: itself, its place in the list, and the heap's own for its two texts.
pub(super) const ENTRY_BYTES: usize = 208;
/// What something that is shared takes without its text: the heap's own, and its place in the table.
pub(super) const SHARED_BYTES: usize = 128;
/// A longer message is cut.
const MOST_MESSAGE_BYTES: usize = 2_048;

/// The entries, oldest first, within limits.
#[derive(Debug)]
pub(super) struct Log {
    limits: HistoryLimits,
    pub(super) past: Past,
    names: Shared<Arc<[Arc<str>]>>,
    providers: Shared<Arc<HistoryProvider>>,
    sources: Shared<Arc<str>>,
}

/// What entries share, and how many have it.
#[derive(Debug)]
struct Shared<K>(BTreeMap<K, usize>);

impl Log {
    pub(super) fn new(began: Instant, limits: HistoryLimits) -> Self {
        Self {
            limits,
            past: Past {
                entries: Vector::new(),
                complete_since: began,
                bytes: 0,
            },
            names: Shared(BTreeMap::new()),
            providers: Shared(BTreeMap::new()),
            sources: Shared(BTreeMap::new()),
        }
    }

    /// Adds an entry in the order of time, and forgets the oldest that are too many then.
    pub(super) fn push(&mut self, mut entry: HistoryEntry) {
        entry.sets = self.names.hold(entry.sets, names_bytes, &mut self.past.bytes);
        if let Some(provider) = entry.provider.take() {
            entry.provider = Some(self.providers.hold(provider, provider_bytes, &mut self.past.bytes));
        }
        if let Happening::Targets(change) = &mut entry.what {
            if let Some(source) = change.source.take() {
                change.source = Some(self.sources.hold(source, |source| source.len(), &mut self.past.bytes));
            }
            let labels = core::mem::take(&mut change.labels);
            change.labels = self.names.hold(labels, names_bytes, &mut self.past.bytes);
        }
        self.past.bytes = self.past.bytes.saturating_add(own_bytes(&entry));
        let entries = &mut self.past.entries;
        // An event can come after a snapshot that was made later.
        let mut place = entries.len();
        while let Some(before) = place.checked_sub(1)
            && entries.get(before).is_some_and(|other| other.at > entry.at)
        {
            place = before;
        }
        if place == entries.len() {
            entries.push_back(Arc::new(entry));
        } else {
            entries.insert(place, Arc::new(entry));
        }
        while self.past.entries.len() > self.limits.entries || self.past.bytes > self.limits.bytes {
            if !self.forget_oldest() {
                break;
            }
        }
    }

    fn forget_oldest(&mut self) -> bool {
        let Some(entry) = self.past.entries.pop_front() else {
            return false;
        };
        let bytes = &mut self.past.bytes;
        *bytes = bytes.saturating_sub(own_bytes(&entry));
        self.names.release(&entry.sets, names_bytes, bytes);
        if let Some(provider) = &entry.provider {
            self.providers.release(provider, provider_bytes, bytes);
        }
        if let Happening::Targets(change) = &entry.what {
            if let Some(source) = &change.source {
                self.sources.release(source, |source| source.len(), bytes);
            }
            self.names.release(&change.labels, names_bytes, bytes);
        }
        // Others of the same moment may be kept, but not all.
        let after = Instant::from_nanos(entry.at.as_nanos().saturating_add(1));
        self.past.complete_since = self.past.complete_since.max(after);
        true
    }
}

/// A message, cut where it is too long to be kept.
pub(super) fn message(text: &Arc<str>) -> Arc<str> {
    if text.len() <= MOST_MESSAGE_BYTES {
        return text.clone();
    }
    let mut end = MOST_MESSAGE_BYTES;
    while !text.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    format!("{}…", text.get(..end).unwrap_or_default()).into()
}

/// What an entry takes that it shares with nobody.
fn own_bytes(entry: &HistoryEntry) -> usize {
    let text = match &entry.what {
        Happening::Targets(change) => change.addresses.text_bytes(),
        Happening::Failing(text)
        | Happening::Partial(text)
        | Happening::CannotRun(text)
        | Happening::Warned(text)
        | Happening::ReloadRefused(text)
        | Happening::Member { name: text, .. }
        | Happening::Held { set: text, .. } => text.len(),
        Happening::Recovered { .. }
        | Happening::Released { .. }
        | Happening::Expired { .. }
        | Happening::Reloaded { .. } => 0,
    };
    ENTRY_BYTES.saturating_add(text)
}

fn names_bytes(names: &Arc<[Arc<str>]>) -> usize {
    let each = names.iter().map(|name| name.len().saturating_add(SHARED_BYTES));
    each.fold(0, usize::saturating_add)
}

fn provider_bytes(provider: &Arc<HistoryProvider>) -> usize {
    let texts = provider.name.len().saturating_add(provider.description.len());
    texts.saturating_add(SHARED_BYTES)
}

impl<K: Ord + Clone> Shared<K> {
    /// What is the same as this one, or this one; charged if it is new.
    fn hold(&mut self, key: K, text: impl Fn(&K) -> usize, bytes: &mut usize) -> K {
        if let Some((known, _)) = self.0.get_key_value(&key) {
            let known = known.clone();
            if let Some(count) = self.0.get_mut(&known) {
                *count = count.saturating_add(1);
            }
            return known;
        }
        *bytes = bytes.saturating_add(SHARED_BYTES).saturating_add(text(&key));
        self.0.insert(key.clone(), 1);
        key
    }

    fn release(&mut self, key: &K, text: impl Fn(&K) -> usize, bytes: &mut usize) {
        let Some(count) = self.0.get_mut(key) else {
            return;
        };
        *count = count.saturating_sub(1);
        if *count == 0 {
            self.0.remove(key);
            *bytes = bytes.saturating_sub(SHARED_BYTES).saturating_sub(text(key));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// On the machines where it is asked how much memory there is.
    #[cfg(target_pointer_width = "64")]
    #[test]
    fn an_entry_is_charged_for_no_less_than_it_takes() {
        // The counts of its `Arc`, what allocators add to each of three pieces, and its place, of which a list that
        // shares its pieces with a reader may have a few twice.
        let around = 2 * size_of::<usize>() + 3 * 16 + 2 * size_of::<usize>();
        let takes = size_of::<HistoryEntry>() + around;
        assert!(takes <= ENTRY_BYTES, "an entry takes {takes}");
    }

    #[test]
    fn a_long_message_is_cut_where_a_letter_ends() {
        let long: Arc<str> = "ü".repeat(2_000).into();
        let cut = message(&long);
        assert!(cut.len() <= MOST_MESSAGE_BYTES + 3 && cut.ends_with("ü…"));
        assert_eq!(message(&"short".into()), "short".into());
    }
}
