//! A server in trouble.

use std::time::Duration;

use headcount_core::Instant;
use headcount_discoverer::env::Random;
use headcount_discoverer::refresh::{Retry, Schedule};

/// One question at a time, and at most two an interval, until one is answered.
#[derive(Debug)]
pub(super) struct Outage {
    schedule: Schedule,
    until: Instant,
    /// Whether the server itself named that time.
    is_told: bool,
    /// The question whose answer says how to go on.
    probe: Option<u64>,
    probed_at: Instant,
}

impl Outage {
    /// It begins with a failure; `after` is how long the server wants to be left alone.
    pub(super) fn new(interval: Duration, now: Instant, random: &dyn Random, after: Option<Duration>) -> Self {
        let mut schedule = Schedule::new(interval);
        Self {
            until: now + schedule.after_failure(retry(after), Duration::ZERO, random),
            schedule,
            is_told: after.is_some(),
            probe: None,
            probed_at: now,
        }
    }

    /// When something that is due at `at` can be asked; not at all while there is an answer to wait for.
    pub(super) fn delay(&self, at: Instant) -> Option<Instant> {
        self.probe.is_none().then(|| at.max(self.until))
    }

    /// Its one question was asked.
    pub(super) fn ask(&mut self, now: Instant, id: u64) {
        self.probe = Some(id);
        self.probed_at = now;
    }

    /// A question is no longer open. Whether it was the one.
    pub(super) fn close(&mut self, id: u64) -> bool {
        let is_probe = self.probe == Some(id);
        self.keep_if(|probe| probe != id);
        is_probe
    }

    /// Its one question may be asked now, unless it named a time itself.
    pub(super) fn hurry(&mut self, now: Instant) {
        if !self.is_told {
            self.until = self.until.min(now);
        }
    }

    /// For how long it wants to be left alone, if it said so.
    pub(super) fn left_alone_for(&self, now: Instant) -> Option<Duration> {
        let left = self.until.saturating_duration_since(now);
        (self.is_told && !left.is_zero()).then_some(left)
    }

    /// Forgets the question if it was let go.
    pub(super) fn keep_if(&mut self, is_open: impl FnOnce(u64) -> bool) {
        self.probe = self.probe.filter(|probe| is_open(*probe));
    }

    /// Whether it is over when a question was answered that was sent before it began. Who asks to be left alone is,
    /// even if he still answers what he was asked then.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        !self.is_told || self.until <= now
    }

    /// The one question was not answered either.
    pub(super) fn goes_on(&mut self, now: Instant, random: &dyn Random, after: Option<Duration>) {
        let took = now.saturating_duration_since(self.probed_at);
        self.is_told = after.is_some();
        self.until = now + self.schedule.after_failure(retry(after), took, random);
    }
}

fn retry(after: Option<Duration>) -> Retry {
    after.map_or(Retry::Soon, Retry::After)
}
