//! What happened to a manager, for everybody who reads it.
//!
//! The one rule: **who reads waits for nobody, and nobody for him.** What was read stays as it is.

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use headcount_core::{Cause, History, HistoryLimits, Instant, MemberChange, Past, Release};

/// A manager's history: written by who publishes and by who configures, and read by anybody.
#[derive(Debug)]
pub(crate) struct SharedHistory {
    history: Mutex<History>,
    past: ArcSwap<Past>,
}

/// A member came or went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MemberEvent {
    pub(crate) at: Instant,
    pub(crate) name: Arc<str>,
    pub(crate) change: MemberChange,
    /// How many targets it has, of one that came, or had.
    pub(crate) targets: usize,
}

impl SharedHistory {
    /// One that begins now.
    pub(crate) fn new(now: Instant) -> Self {
        let history = History::new(now, HistoryLimits::default());
        Self {
            past: ArcSwap::from_pointee(history.past()),
            history: Mutex::new(history),
        }
    }

    /// What there is to look into.
    pub(crate) fn past(&self) -> Arc<Past> {
        self.past.load_full()
    }

    /// Writes into it, and shows that to who reads.
    pub(crate) fn write<R>(&self, write: impl FnOnce(&mut History) -> R) -> R {
        let mut history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
        let written = write(&mut history);
        self.past.store(Arc::new(history.past()));
        written
    }
}

/// What took targets of a provider away, for people.
pub(crate) fn because(cause: Cause, provider: &str) -> String {
    match cause {
        Cause::Update => format!("{provider} no longer found it"),
        Cause::Configuration => format!("the configuration no longer asks {provider} for it"),
        Cause::Released(why) => format!("a drop that was held was let go: {}", release(why)),
        Cause::Expired => format!("{provider} has failed for too long"),
        Cause::CannotRun => format!("{provider} can't be run"),
        _ => format!("{provider} lost it"),
    }
}

/// Why a drop is no longer held, for people.
pub(crate) fn release(why: Release) -> &'static str {
    match why {
        Release::CameBack => "enough of them came back, or others came",
        Release::HoldTime => "it stayed so for the hold time",
        Release::Confirmed => "it was confirmed",
        Release::Expired => "all that there was is too old",
        Release::Reload => "the configuration is another",
    }
}
