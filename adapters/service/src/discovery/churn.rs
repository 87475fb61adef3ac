//! How much of what each provider finds changes, for who asks which of them keeps everybody busy.
//!
//! The one rule: **it is counted from differences, at the cost of what changed.** What a provider says first is no
//! change, however much that is.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use headcount_core::{GroupChange, Instant, ProviderChange, ProviderId, SnapshotDiff, Stored};

/// How far back a rate looks.
pub(crate) const WINDOW: Duration = Duration::from_mins(10);
/// A rate is of so much time at least: one change a second after the first list is not sixty a minute.
const LEAST: Duration = Duration::from_mins(1);

/// Groups that are others than before, and the memory that they take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Changed {
    pub(crate) groups: u64,
    pub(crate) bytes: u64,
}

/// What a provider makes of everybody's time and memory.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Churn {
    /// Since the first list.
    pub(crate) total: Changed,
    /// In one minute, on average over [`WINDOW`].
    pub(crate) groups_per_minute: f64,
    pub(crate) bytes_per_minute: f64,
    /// Bytes that its groups take now.
    pub(crate) size: usize,
}

/// The churn of a manager's providers: written by who publishes, and read by anybody.
#[derive(Debug, Default)]
pub(crate) struct ChurnLog(Mutex<BTreeMap<ProviderId, Counted>>);

#[derive(Debug, Clone, Copy)]
struct Counted {
    /// When it was seen first.
    since: Instant,
    total: Changed,
    size: usize,
    window: Window,
}

/// The changes of about [`WINDOW`], in two numbers: of that which ended the share is taken that the window still covers.
///
/// ```text
///          before          current
///     |---------------|--------------- now
///          [========= WINDOW =========]
/// ```
#[derive(Debug, Clone, Copy)]
struct Window {
    /// When `current` began.
    began: Instant,
    before: Changed,
    current: Changed,
}

impl ChurnLog {
    /// Takes the next difference.
    pub(super) fn take(&self, diff: &SnapshotDiff) {
        let now = diff.newer().at();
        let mut all = self.lock();
        for change in diff.providers() {
            if let ProviderChange::Removed(gone) = change {
                all.remove(&gone.id());
                continue;
            }
            let counted = all.entry(change.id()).or_insert_with(|| Counted::new(now));
            let is_first = match change {
                ProviderChange::Changed { old, .. } => !old.reports().has_reported() && !old.reports().is_whole(),
                _ => true,
            };
            let mut changed = Changed::default();
            for group in change.groups() {
                let (gone, come) = match group {
                    GroupChange::Added(new) => (0, size(new)),
                    GroupChange::Changed { old, new } => (size(old), size(new)),
                    GroupChange::Removed(old) => (size(old), 0),
                };
                counted.size = counted.size.saturating_add(come).saturating_sub(gone);
                changed.add(Changed {
                    groups: 1,
                    bytes: come.max(gone) as u64,
                });
            }
            if !is_first {
                counted.total.add(changed);
                counted.window.at(now).current.add(changed);
            }
        }
    }

    /// That of each provider that has groups, or had some.
    pub(crate) fn all(&self, now: Instant) -> BTreeMap<ProviderId, Churn> {
        let all = self.lock();
        all.iter().map(|(id, counted)| (*id, counted.churn(now))).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ProviderId, Counted>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counted {
    fn new(now: Instant) -> Self {
        Self {
            since: now,
            total: Changed::default(),
            size: 0,
            window: Window {
                began: now,
                before: Changed::default(),
                current: Changed::default(),
            },
        }
    }

    fn churn(&self, now: Instant) -> Churn {
        let mut window = self.window;
        let window = window.at(now);
        let covered = now.saturating_duration_since(self.since).clamp(LEAST, WINDOW);
        let elapsed = now.saturating_duration_since(window.began).div_duration_f64(WINDOW);
        let per_minute = |before: u64, current: u64| {
            (before as f64 * (1.0 - elapsed) + current as f64) / covered.div_duration_f64(Duration::from_mins(1))
        };
        Churn {
            total: self.total,
            groups_per_minute: per_minute(window.before.groups, window.current.groups),
            bytes_per_minute: per_minute(window.before.bytes, window.current.bytes),
            size: self.size,
        }
    }
}

impl Window {
    /// As it is at that time: `current` is no longer than a window.
    fn at(&mut self, now: Instant) -> &mut Self {
        let elapsed = now.saturating_duration_since(self.began);
        if elapsed >= WINDOW {
            let is_next = elapsed < WINDOW.saturating_mul(2);
            self.before = if is_next { self.current } else { Changed::default() };
            self.current = Changed::default();
            self.began = if is_next { self.began + WINDOW } else { now };
        }
        self
    }
}

impl Changed {
    fn add(&mut self, other: Self) {
        self.groups = self.groups.saturating_add(other.groups);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

fn size(stored: &Stored) -> usize {
    stored.group().size_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discovery::Sets;
    use headcount_core::Snapshot;

    struct Watched {
        sets: Sets,
        shown: Snapshot,
        log: ChurnLog,
    }

    impl Watched {
        fn new() -> Self {
            Self {
                sets: Sets::new(&["a", "b"]),
                shown: Snapshot::default(),
                log: ChurnLog::default(),
            }
        }

        /// The groups `0..groups` of the first provider are there, the first of them with this host.
        fn finds(&mut self, groups: usize, host: &str) {
            let sources: Vec<_> = (0..groups).map(|number| number.to_string()).collect();
            let list = sources.iter().enumerate().map(|(number, source)| {
                let address = if number == 0 { host } else { "h:1" };
                (source.as_str(), vec![], vec![vec![("__address__", address)]])
            });
            self.sets.update(0, list.collect());
            let snapshot = self.sets.snapshot();
            self.log.take(&snapshot.diff(&self.shown));
            self.shown = snapshot;
        }

        fn churn(&self) -> Churn {
            let first = self.shown.providers().next().expect("a provider").id();
            let all = self.log.all(self.shown.at());
            all.get(&first).copied().expect("it was seen")
        }
    }

    #[test]
    fn the_first_list_is_no_change_and_what_comes_and_goes_after_it_is() {
        let mut watched = Watched::new();
        watched.finds(1_000, "h:1");
        let first = watched.churn();
        assert_eq!((first.total, first.groups_per_minute), (Changed::default(), 0.0));
        assert!(first.size > 1_000 * 16, "{first:?}");
        watched.finds(1_000, "other-host:1");
        watched.finds(998, "other-host:1");
        let churn = watched.churn();
        assert_eq!((churn.total.groups, churn.groups_per_minute), (3, 3.0));
        assert!(churn.bytes_per_minute > 0.0);
        let by_hand = watched.shown.providers().next().expect("a provider").groups();
        let by_hand: usize = by_hand.iter().map(size).sum();
        assert_eq!(churn.size, by_hand);
    }

    #[test]
    fn a_rate_is_of_the_last_minutes_and_fades() {
        let mut watched = Watched::new();
        watched.finds(10, "h:1");
        for minute in 1..=20 {
            watched.sets.pass(Duration::from_mins(1));
            watched.finds(10, &format!("h:{minute}"));
        }
        let steady = watched.churn().groups_per_minute;
        assert!((0.9..=1.1).contains(&steady), "one a minute: {steady}");
        watched.sets.pass(Duration::from_mins(5));
        let later = watched.sets.snapshot().at();
        let first = watched.shown.providers().next().expect("a provider").id();
        let rate = |at| watched.log.all(at).get(&first).expect("seen").groups_per_minute;
        assert!(rate(later) < steady && rate(later) > 0.0, "{}", rate(later));
        assert_eq!(rate(later + WINDOW + WINDOW), 0.0);
    }

    #[test]
    fn who_is_stopped_is_forgotten() {
        let mut watched = Watched::new();
        watched.finds(3, "h:1");
        assert!(!watched.log.lock().is_empty());
        watched.log.take(&Snapshot::default().diff(&watched.shown));
        assert!(watched.log.lock().is_empty());
    }
}
