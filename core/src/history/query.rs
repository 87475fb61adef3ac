//! Looking into the past.

use std::sync::Arc;

use imbl::Vector;

use super::entry::{Happening, HistoryEntry};
use crate::{Address, Instant};

/// What a [`History`](super::History) had when it was asked for. Immutable, and as cheap to clone as it was to get.
#[derive(Debug, Clone)]
pub struct Past {
    pub(super) entries: Vector<Arc<HistoryEntry>>,
    pub(super) complete_since: Instant,
    pub(super) bytes: usize,
}

/// Which entries are wanted: those of which everything holds.
#[derive(Debug, Clone, Default)]
pub struct HistoryQuery<'a> {
    /// Of this set. What happened to all sets is of each of them.
    pub set: Option<&'a str>,
    /// Of the provider with this name.
    pub provider: Option<&'a str>,
    /// Of targets at this host, and at this port if it has one.
    pub host: Option<&'a Address>,
    /// From this moment on.
    pub since: Option<Instant>,
    /// So many at most, the newest ones.
    pub limit: usize,
}

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// The entries, newest first.
    pub entries: Vec<Arc<HistoryEntry>>,
    /// Whether there are more than the limit.
    pub has_more: bool,
    /// When a host was asked for: entries with more targets than they list, newest first, as many as the limit. The
    /// host may be one of those that they don't list.
    pub unlisted: Vec<Arc<HistoryEntry>>,
}

impl Past {
    /// From when on everything is kept that happened. Of what was before, nothing is known for certain: what is not
    /// found there may have been.
    pub fn complete_since(&self) -> Instant {
        self.complete_since
    }

    /// Whether everything is kept that happened from `since` on.
    pub fn covers(&self, since: Instant) -> bool {
        since >= self.complete_since
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many bytes they are charged for: no less than they take.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// All entries, newest first.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<HistoryEntry>> {
        self.entries.iter().rev()
    }

    /// The entries that are wanted.
    pub fn find(&self, query: &HistoryQuery<'_>) -> Found {
        let mut found = Found::default();
        for entry in self.iter() {
            if query.since.is_some_and(|since| entry.at < since) {
                break;
            }
            if !query.wants(entry) {
                continue;
            }
            let list = match query.host.map(|host| of_host(entry, host)) {
                None | Some(OfHost::Yes) => &mut found.entries,
                Some(OfHost::Maybe) if found.unlisted.len() < query.limit => &mut found.unlisted,
                Some(OfHost::Maybe | OfHost::No) => continue,
            };
            if list.len() < query.limit {
                list.push(entry.clone());
            } else {
                found.has_more = true;
                break;
            }
        }
        found
    }
}

/// Whether an entry is of a host.
enum OfHost {
    Yes,
    /// It has targets that it does not list.
    Maybe,
    No,
}

impl HistoryQuery<'_> {
    /// Whether an entry is of the set and of the provider that are asked for.
    fn wants(&self, entry: &HistoryEntry) -> bool {
        let is_of_all = matches!(
            entry.what,
            Happening::Reloaded { .. } | Happening::ReloadRefused(_) | Happening::Member { .. }
        );
        let is_of_set = |set: &str| is_of_all || entry.sets.binary_search_by(|name| (**name).cmp(set)).is_ok();
        let is_of_provider = |name: &str| entry.provider.as_ref().is_some_and(|provider| *provider.name == *name);
        self.set.is_none_or(is_of_set) && self.provider.is_none_or(is_of_provider)
    }
}

fn of_host(entry: &HistoryEntry, host: &Address) -> OfHost {
    let Happening::Targets(change) = &entry.what else {
        return OfHost::No;
    };
    if change.addresses.iter().any(|address| host.covers_text(address)) {
        OfHost::Yes
    } else if change.addresses.unlisted() > 0 {
        OfHost::Maybe
    } else {
        OfHost::No
    }
}
