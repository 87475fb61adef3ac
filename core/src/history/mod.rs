//! What happened: which targets came, went and changed, how providers fared, and what was configured (B12).
//!
//! A [`History`] is fed with what leaves a manager, and bounded in entries and in bytes. **It never says that
//! something was not when it only does not know**: it says from when on all of it is kept.
//!
//! * `entry`: what an entry says. `log`: the entries that are kept, and what they take.
//! * `changes`: which targets differ between two snapshots; `released`: which of those that are gone had been held.
//! * `query`: looking into the past.

mod changes;
mod entry;
mod log;
mod query;
mod released;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::{Applied, EventKind, Instant, ManagerEvent, Readers, Snapshot, SnapshotDiff};
use changes::Change;
use log::{Log, message};
use released::Released;

pub use entry::{Addresses, Cause, ChangeKind, Happening, HistoryEntry, HistoryProvider, MemberChange, TargetsChange};
pub use query::{Found, HistoryQuery, Past};

/// Targets that one update brings, takes or changes and that have an entry each. More of them are one entry, which
/// lists as many.
const MOST_EACH: usize = 1_000;
/// Text of the addresses that one entry lists.
const MOST_LISTED_BYTES: usize = 256 << 10;
/// Addresses that a [`Removal`] names.
const MOST_NAMED: usize = 5;

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryLimits {
    /// Entries.
    pub entries: usize,
    /// Bytes that entries take, with all texts.
    pub bytes: usize,
}

impl Default for HistoryLimits {
    fn default() -> Self {
        Self {
            entries: 100_000,
            bytes: 64 << 20,
        }
    }
}

/// What happened to a manager's sets and providers, the newest of it.
///
/// It is fed in the order in which things happen: each event before the snapshot that comes after it. Feeding it
/// costs what changed; looking into it costs what there is to look through, and holds nobody up, because what is
/// looked into is a [`Past`] that stays as it is.
///
/// ```
/// use headcount_core::{
///     Address, ChangeKind, Encoder, Group, History, HistoryLimits, HistoryQuery, Instant, Manager, ManagerOptions,
///     Readers, Snapshot, Update,
/// };
/// # use headcount_core::ProviderConfig;
/// # #[derive(Clone, PartialEq, Eq, Hash)]
/// # struct Files(&'static str);
/// # impl ProviderConfig for Files {
/// #     fn kind(&self) -> &str { "file" }
/// #     fn describe(&self) -> String { self.0.to_owned() }
/// # }
/// let seconds = |seconds: u64| Instant::from_nanos(seconds * 1_000_000_000);
/// let mut history = History::new(Instant::ZERO, HistoryLimits::default());
/// let (mut readers, mut shown) = (Readers::default(), Snapshot::default());
/// let mut show = |manager: &Manager<Files>, at| {
///     let snapshot = manager.snapshot(at);
///     let diff = snapshot.diff(&shown);
///     readers.take(&diff);
///     history.take(&diff, &readers);
///     shown = snapshot;
///     history.past()
/// };
///
/// let mut manager = Manager::new(Instant::ZERO, ManagerOptions::default());
/// let applied = manager.apply(Instant::ZERO, [("node".to_owned(), vec![Files("*.json")])]);
/// let mut encoder = Encoder::new();
/// let mut batch = encoder.batch();
/// batch.group("r1.json", [("rack", "1")], [[("__address__", "db7:9100")]])?;
/// manager.handle_update(seconds(1), applied.started[0], Update::full(batch.finish()))?;
/// show(&manager, seconds(1));
/// manager.handle_update(seconds(60), applied.started[0], Update::delta(vec![Group::empty("r1.json")]))?;
/// let past = show(&manager, seconds(60));
///
/// let host = Address::of("db7");
/// let found = past.find(&HistoryQuery { host: Some(&host), limit: 1, ..HistoryQuery::default() });
/// let gone = &found.entries[0];
/// assert_eq!((gone.at(), gone.sets()[0].as_ref()), (seconds(60), "node"));
/// assert_eq!(gone.targets().map(|change| change.kind()), Some(ChangeKind::Disappeared));
/// assert!(past.covers(Instant::ZERO), "what is not found was not there");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct History {
    log: Log,
    most_each: usize,
    /// Drops that were let go since the last snapshot: they are why targets are not in the next.
    released: Released,
}

/// Targets that a snapshot lacks for one reason, for who tells people of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// The sets that lack them.
    pub sets: Vec<Arc<str>>,
    /// Whose targets they were.
    pub provider: Arc<str>,
    /// Why.
    pub cause: Cause,
    /// How many.
    pub count: usize,
    /// The addresses of the first.
    pub addresses: Vec<String>,
}

impl History {
    /// One that begins now: of what was before it knows nothing.
    pub fn new(now: Instant, limits: HistoryLimits) -> Self {
        Self {
            log: Log::new(now, limits),
            most_each: MOST_EACH,
            released: Released::default(),
        }
    }

    /// What there is to look into. Costs nothing.
    pub fn past(&self) -> Past {
        self.log.past.clone()
    }

    /// Takes in what a snapshot has that the one before had not; `readers` have taken it already. Costs what changed.
    /// Gives what was removed.
    pub fn take(&mut self, diff: &SnapshotDiff, readers: &Readers) -> Vec<Removal> {
        let at = diff.newer().at();
        // One that came after the snapshot was made is for the next.
        let later = self.released.split_after(at);
        let released = core::mem::replace(&mut self.released, later);
        let changes = changes::between(diff, readers, &released, self.most_each);
        let mut removals = Vec::new();
        for change in changes {
            if change.kind == ChangeKind::Disappeared {
                removals.push(removal(&change));
            }
            self.record(at, change);
        }
        removals
    }

    /// Takes in an event. `shown` is the snapshot that is known to have its provider; `readers` are those of it. Says
    /// whether the provider is there: if not, it was stopped since, or is not shown yet, and who feeds keeps the event
    /// until it is.
    pub fn hear(&mut self, event: &ManagerEvent, shown: &Snapshot, readers: &Readers) -> bool {
        let what = match &event.what {
            EventKind::Failing(failed) => Happening::Failing(message(&failed.message)),
            EventKind::Partial(missing) => Happening::Partial(message(&missing.to_string().into())),
            EventKind::Recovered { failures } => Happening::Recovered { failures: *failures },
            EventKind::DropHeld {
                set,
                targets,
                of,
                until,
                ..
            } => Happening::Held {
                set: set.clone(),
                targets: *targets,
                of: *of,
                until: *until,
            },
            EventKind::DropReleased { targets, held, why } => {
                self.released.add(event, held, *why);
                Happening::Released {
                    targets: *targets,
                    why: *why,
                }
            }
            EventKind::Expired { targets } => {
                self.released.add_expired(event);
                Happening::Expired { targets: *targets }
            }
            EventKind::Warned(warning) => Happening::Warned(message(warning)),
            EventKind::BuildFailed(failed) => {
                let mut sets = failed.sets.clone();
                sets.sort();
                let provider = HistoryProvider {
                    id: event.provider,
                    name: failed.name.clone(),
                    description: failed.description.clone(),
                };
                let what = Happening::CannotRun(message(&failed.reason.as_str().into()));
                self.push(event.at, sets.into(), Some(provider), what);
                return true;
            }
        };
        let Some(provider) = shown.provider(event.provider) else {
            return false;
        };
        let sets = readers.of(event.provider).cloned().collect();
        self.push(event.at, sets, Some(HistoryProvider::of(provider)), what);
        true
    }

    /// Notes that sets were configured.
    pub fn reloaded(&mut self, now: Instant, applied: &Applied) {
        let what = Happening::Reloaded {
            started: applied.started.len(),
            stopped: applied.stopped.len(),
            kept: applied.kept.len(),
        };
        self.push(now, Arc::default(), None, what);
    }

    /// Notes that a member of those among whom targets are shared out came or went.
    pub fn member(&mut self, now: Instant, name: &Arc<str>, change: MemberChange, targets: usize) {
        let what = Happening::Member {
            name: message(name),
            change,
            targets,
        };
        self.push(now, Arc::default(), None, what);
    }

    /// Notes that sets were to be configured, and why they were not.
    pub fn reload_refused(&mut self, now: Instant, reason: &str) {
        let what = Happening::ReloadRefused(message(&reason.into()));
        self.push(now, Arc::default(), None, what);
    }

    /// Records targets that changed in one way: each of them, unless they are too many.
    fn record(&mut self, at: Instant, change: Change<'_>) {
        let sets: Arc<[Arc<str>]> = change.sets.into();
        let provider = HistoryProvider::of(change.provider);
        if change.count > self.most_each {
            let listed = change.targets.iter().map(|target| target.address);
            let what = Happening::Targets(TargetsChange {
                kind: change.kind,
                cause: change.cause,
                source: change.source.map(Arc::from),
                addresses: Addresses::of(change.count, listed, MOST_LISTED_BYTES),
                labels: changes::labels_of(&change.targets),
            });
            self.push(at, sets, Some(provider), what);
            return;
        }
        for target in &change.targets {
            let what = Happening::Targets(TargetsChange {
                kind: change.kind,
                cause: change.cause,
                source: Some(target.source().into()),
                addresses: Addresses::of(1, [target.address], MOST_LISTED_BYTES),
                labels: changes::labels_of(core::slice::from_ref(target)),
            });
            self.push(at, sets.clone(), Some(provider.clone()), what);
        }
    }

    fn push(&mut self, at: Instant, sets: Arc<[Arc<str>]>, provider: Option<HistoryProvider>, what: Happening) {
        self.log.push(HistoryEntry {
            at,
            sets,
            provider: provider.map(Arc::new),
            what,
        });
    }
}

fn removal(change: &Change<'_>) -> Removal {
    let named = change.targets.iter().take(MOST_NAMED);
    Removal {
        sets: change.sets.clone(),
        provider: change.provider.name().clone(),
        cause: change.cause,
        count: change.count,
        addresses: named.map(|target| target.address.to_owned()).collect(),
    }
}
