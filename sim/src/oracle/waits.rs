//! Who is waited for, and until when (B10).
//!
//! It is said here in terms of what was given and applied alone: **who was not read whole is waited for since it was
//! started, for as long as the scenario says**, and after that its sets do without it.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use headcount_core::{Instant, ProviderId};

use super::contract::Contract;
use super::{Broken, Verdict};
use crate::Rule;

/// Who is waited for.
#[derive(Debug, Clone, Default)]
pub(super) struct Waits {
    /// For how long; none is for ever.
    after: Option<Duration>,
    until: BTreeMap<ProviderId, Instant>,
    in_order: BTreeSet<(Instant, ProviderId)>,
}

impl Waits {
    pub(super) fn new(after: Option<Duration>) -> Self {
        Self {
            after,
            ..Self::default()
        }
    }

    /// A provider was started that has not been read whole.
    pub(super) fn begin(&mut self, now: Instant, id: ProviderId) {
        if let Some(after) = self.after {
            self.until.insert(id, now + after);
            self.in_order.insert((now + after, id));
        }
    }

    /// It was read whole, or is there no more.
    pub(super) fn end(&mut self, id: ProviderId) {
        if let Some(until) = self.until.remove(&id) {
            self.in_order.remove(&(until, id));
        }
    }

    /// When the first of them is waited for no longer.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.in_order.first().map(|(until, _)| *until)
    }

    fn next_due(&mut self, now: Instant) -> Option<ProviderId> {
        let (_, id) = self.in_order.first().copied().filter(|(until, _)| *until <= now)?;
        self.end(id);
        Some(id)
    }
}

impl Contract {
    /// Whoever was waited for long enough is waited for no longer.
    pub(super) fn wait_out(&mut self, now: Instant) {
        while let Some(id) = self.waits.next_due(now) {
            if let Some(given) = self.providers.get_mut(id) {
                given.waited_out = Some(now);
                self.touched(id);
                self.end_handovers(now, id);
            }
        }
    }

    /// Somebody is to be woken when the first wait is over.
    pub(super) fn check_waits(&self, reported: Option<Instant>) -> Verdict {
        match self.waits.deadline() {
            Some(until) if reported.is_none_or(|reported| reported > until) => {
                let reason = format!("a provider is waited for until {until:?}, and nobody is to be woken then");
                Err(Broken::of(Rule::B10, reason))
            }
            _ => Ok(()),
        }
    }
}
