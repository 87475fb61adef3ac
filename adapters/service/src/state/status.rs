//! How writing fares, for metrics.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use headcount_core::Instant;

/// How writing fares, by manager.
#[derive(Debug, Default)]
pub(crate) struct Status(Mutex<BTreeMap<&'static str, Written>>);

/// What was written of a manager.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Written {
    /// Whether the last attempt failed.
    pub(crate) is_failing: bool,
    /// When all there was had been written.
    pub(crate) last: Option<Instant>,
    /// Bytes, in all.
    pub(crate) bytes: u64,
    /// Attempts that failed.
    pub(crate) failures: u64,
}

impl Status {
    /// Every manager.
    pub(crate) fn all(&self) -> BTreeMap<&'static str, Written> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes that all there is was written, with so many bytes. Gives whether the attempt before failed.
    pub(super) fn written(&self, manager: &'static str, at: Instant, bytes: u64) -> bool {
        self.note(manager, |written| {
            written.last = Some(at);
            written.bytes = written.bytes.saturating_add(bytes);
            std::mem::take(&mut written.is_failing)
        })
    }

    /// Notes that an attempt failed. Gives whether the one before did, too.
    pub(super) fn failed(&self, manager: &'static str) -> bool {
        self.note(manager, |written| {
            written.failures = written.failures.saturating_add(1);
            std::mem::replace(&mut written.is_failing, true)
        })
    }

    fn note<T>(&self, manager: &'static str, note: impl FnOnce(&mut Written) -> T) -> T {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        note(all.entry(manager).or_default())
    }
}
