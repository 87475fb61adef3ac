//! When what could not be written is tried again: soon, and then less often.

use std::time::Duration;

const FIRST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(5 * 60);

/// How long it takes until what could not be written is tried again; nothing while it can be.
#[derive(Debug, Default)]
pub(super) struct Retry(Option<Duration>);

impl Retry {
    pub(super) fn wait(&self) -> Option<Duration> {
        self.0
    }

    pub(super) fn failed(&mut self) {
        let next = self.0.map_or(FIRST, |before| before.saturating_mul(2));
        self.0 = Some(next.min(LONGEST));
    }

    pub(super) fn worked(&mut self) {
        self.0 = None;
    }
}
