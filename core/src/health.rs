//! How providers fare: what they reported, when, and what is missing of it (B04, B09).

use core::time::Duration;
use std::sync::{Arc, LazyLock};

use crate::{EventKind, Failure, Instant, Missing, Update, UpdateKind};

/// How a provider fares (B04).
#[derive(Debug, Clone, PartialEq, Eq)]
// What each update writes stands first, next to what else it looks at: see the manager's `Provider`.
#[repr(C)]
pub struct Health {
    /// Updates it sent.
    pub updates: u64,
    /// Updates that changed nothing.
    pub unchanged_updates: u64,
    /// When it last reported groups, changed or not.
    pub last_update: Option<Instant>,
    /// When it last reported without any error: an update that lacks nothing.
    pub last_success: Option<Instant>,
    /// Refreshes whose duration is known, and how long they took in all.
    pub refreshes: (u64, Duration),
    /// When what it reported last changed something.
    pub last_change: Option<Instant>,
    /// When it was started.
    pub started: Instant,
    /// Refreshes that failed.
    pub failures: u64,
    /// How it last failed, even if it did well since.
    pub last_failure: Option<FailedRefresh>,
    /// What it reported for the first time when, and how it fares now. Shared with the snapshots that say so:
    /// it seldom changes, and each of thousands of providers would have a copy of its own in each of them.
    pub reports: Arc<Reports>,
}

/// What a provider has reported so far: whether its groups can be believed to be all there is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reports {
    /// When it first reported groups, be they none.
    pub first_update: Option<Instant>,
    /// When it first failed.
    pub first_failure: Option<Instant>,
    /// When it was first read whole, by this process (B09).
    pub first_whole: Option<Instant>,
    /// When it was waited for long enough: it had not been read whole then (B10). When it was started, if the process
    /// before had waited for it.
    pub waited_out: Option<Instant>,
    /// That it started with what another process had saved of it.
    pub restored: Option<Restored>,
    /// When another took its place: its discoverer was stopped, and what it had is shown until its successors can be
    /// believed (B03).
    pub replaced: Option<Instant>,
    /// When its groups were too old to be shown, if they still are (B04).
    pub expired: Option<Instant>,
    /// How it fares now.
    pub condition: Condition,
}

/// What was known of a provider's reports when it was saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Restored {
    /// When it was first read whole, by the process that saved it or one before.
    pub first_whole: Option<Instant>,
    /// When what was saved was last known to be so. It is as old as that.
    pub as_of: Instant,
}

/// How a provider fares, by its last report.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Condition {
    /// It has not reported yet.
    #[default]
    Starting,
    /// Its last report was without any error.
    Healthy,
    /// Its last report has what could be got, and this could not.
    Partial(Missing),
    /// Its last refresh failed; its groups are those of before.
    Failing {
        /// When it failed first without doing better since.
        since: Instant,
        /// How often it has failed since then: at least once.
        times: u64,
        /// How it failed last.
        last: FailedRefresh,
    },
}

/// A refresh that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedRefresh {
    /// When.
    pub at: Instant,
    /// What was being done, to what, and what went wrong.
    pub message: Arc<str>,
    /// When the discoverer will try again, if it said so.
    pub retry_at: Option<Instant>,
}

/// Nothing was reported: what thousands of providers begin with, and some stay at for long.
static NONE: LazyLock<Arc<Reports>> = LazyLock::new(Arc::default);

impl Health {
    pub(crate) fn new(started: Instant) -> Self {
        Self {
            started,
            last_update: None,
            last_success: None,
            last_change: None,
            last_failure: None,
            updates: 0,
            unchanged_updates: 0,
            failures: 0,
            refreshes: (0, Duration::ZERO),
            reports: NONE.clone(),
        }
    }

    /// Whether it has reported groups or a failure at least once.
    pub fn has_reported(&self) -> bool {
        self.reports.has_reported()
    }

    /// Whether the last thing it reported was a failure.
    pub fn is_failing(&self) -> bool {
        self.current_failure().is_some()
    }

    /// The last failure, if nothing succeeded since.
    pub fn current_failure(&self) -> Option<&FailedRefresh> {
        self.reports.failure()
    }

    /// How often it has failed since it last did better.
    pub fn consecutive_failures(&self) -> u64 {
        match self.reports.condition {
            Condition::Failing { times, .. } => times,
            Condition::Starting | Condition::Healthy | Condition::Partial(_) => 0,
        }
    }

    /// Counts an update.
    pub(crate) fn counted(&mut self, now: Instant, update: &Update) {
        self.updates = self.updates.saturating_add(1);
        self.last_update = Some(now);
        if update.missing().is_none() {
            self.last_success = Some(now);
        }
        self.refreshed(update.duration());
    }

    /// Notes that an update came, and says what is news of that.
    pub(crate) fn updated(&mut self, now: Instant, update: &Update) -> News {
        self.counted(now, update);
        // A delta is no read of everything, and a partial one of less.
        let is_whole = planted!(
            matches!(update.kind(), UpdateKind::Full | UpdateKind::Completing),
            DeltaIsWhole,
            !matches!(update.kind(), UpdateKind::Partial),
            PartialIsWhole,
            !matches!(update.kind(), UpdateKind::Delta)
        );
        let is_first = self.reports.first_update.is_none()
            || planted!(
                is_whole && self.reports.first_whole.is_none(),
                FirstWholeReadIsNotTold,
                false
            );
        let condition = match update.missing() {
            Some(missing) => Condition::Partial(missing.clone()),
            None => Condition::Healthy,
        };
        let is_news = is_first || self.reports.condition != condition;
        if !is_news {
            return News::default();
        }
        let reports = Arc::make_mut(&mut self.reports);
        reports.first_update.get_or_insert(now);
        if is_whole {
            reports.first_whole.get_or_insert(now);
        }
        let before = core::mem::replace(&mut reports.condition, condition);
        let event = match (before, &reports.condition) {
            (Condition::Failing { times, .. }, Condition::Healthy) => Some(EventKind::Recovered { failures: times }),
            (Condition::Partial(_), Condition::Healthy) => Some(EventKind::Recovered { failures: 0 }),
            (_, Condition::Partial(missing)) => Some(EventKind::Partial(missing.clone())),
            _ => None,
        };
        News {
            is_first,
            is_news,
            event,
        }
    }

    /// Notes that a refresh failed, and says what is news of that.
    pub(crate) fn failed(&mut self, now: Instant, failure: &Failure) -> News {
        self.failures = self.failures.saturating_add(1);
        self.refreshed(failure.duration());
        let last = FailedRefresh {
            at: now,
            message: failure.message().into(),
            retry_at: failure.retry_after().map(|after| now + after),
        };
        self.last_failure = Some(last.clone());
        let reports = Arc::make_mut(&mut self.reports);
        let is_first = planted!(reports.first_failure.is_none(), FirstFailureIsNotTold, false);
        reports.first_failure.get_or_insert(now);
        let (since, times, event) = match reports.condition {
            Condition::Failing { since, times, .. } => (
                planted!(since, FailuresAreCountedFromTheLast, now),
                times.saturating_add(1),
                None,
            ),
            _ => (now, 1, Some(EventKind::Failing(last.clone()))),
        };
        reports.condition = Condition::Failing { since, times, last };
        News {
            is_first,
            is_news: true,
            event,
        }
    }

    fn refreshed(&mut self, duration: Option<Duration>) {
        if let Some(duration) = duration {
            let (count, sum) = self.refreshes;
            self.refreshes = (count.saturating_add(1), sum.saturating_add(duration));
        }
    }
}

/// What a report made known besides groups.
#[derive(Default)]
pub(crate) struct News {
    /// It is the first update, the first failure or the first whole read: receivers wait for that, so
    /// a snapshot has to say it (B01).
    pub(crate) is_first: bool,
    /// Anything in the provider's [`Reports`] is another than before.
    pub(crate) is_news: bool,
    /// What those have to hear of at once who don't wait for the next snapshot.
    pub(crate) event: Option<EventKind>,
}

impl Reports {
    /// Whether it has reported groups or a failure at least once.
    pub fn has_reported(&self) -> bool {
        self.first_report().is_some()
    }

    /// When it first reported groups or a failure.
    pub fn first_report(&self) -> Option<Instant> {
        self.first_update.into_iter().chain(self.first_failure).min()
    }

    /// Whether it has been read whole at least once, by this process or by the one whose saved
    /// state it started with (B09).
    pub fn is_whole(&self) -> bool {
        self.first_whole().is_some()
    }

    /// When it was first read whole, by this process or one before.
    pub fn first_whole(&self) -> Option<Instant> {
        let before = self.restored.and_then(|restored| restored.first_whole);
        planted!(before, RestoredIsWaitedFor, None).or(self.first_whole)
    }

    /// Whether it was waited for long enough, and has not been read whole since either: its sets are delivered without
    /// it (B10).
    pub fn is_waited_out(&self) -> bool {
        self.waited_out.is_some() && !self.is_whole()
    }

    /// Whether what it has may be as it was saved by another process: it was restored, and this
    /// process has not read it whole yet.
    pub fn is_only_restored(&self) -> bool {
        self.only_restored().is_some()
    }

    /// What was known of it when it was saved, if nothing is known better yet.
    pub fn only_restored(&self) -> Option<Restored> {
        self.restored.filter(|_| self.first_whole.is_none())
    }

    /// The failure that it last reported, if nothing succeeded since.
    pub fn failure(&self) -> Option<&FailedRefresh> {
        match &self.condition {
            Condition::Failing { last, .. } => Some(last),
            _ => None,
        }
    }

    /// What its last report could not get.
    pub fn missing(&self) -> Option<&Missing> {
        match &self.condition {
            Condition::Partial(missing) => Some(missing),
            _ => None,
        }
    }

    /// Whether every first has been, and all is well: another whole read without any error is no news then.
    pub(crate) fn is_settled(&self) -> bool {
        self.first_update.is_some() && self.first_whole.is_some() && self.condition == Condition::Healthy
    }

    /// Whether its last report leaves open what of its groups is there.
    pub(crate) fn has_gaps(&self) -> bool {
        matches!(self.condition, Condition::Partial(_) | Condition::Failing { .. })
    }
}
