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

    /// Notes something about a manager, and gives how it was before.
    pub(super) fn note(&self, manager: &'static str, note: impl FnOnce(&mut Written)) -> Written {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let written = all.entry(manager).or_default();
        let before = *written;
        note(written);
        before
    }
}
