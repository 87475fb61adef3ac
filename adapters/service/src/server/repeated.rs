//! Trouble that comes again and again, and is logged once.

use std::fmt::Display;
use std::time::{Duration, Instant};

use headcount_core::planted;

/// How often it is said that it goes on.
const AGAIN: Duration = Duration::from_secs(60);

/// How long it has to be gone to be over: while a flood lasts, one connection in a while is accepted.
const QUIET: Duration = Duration::from_secs(5);

/// A row of failures.
#[derive(Debug)]
pub(super) struct Repeated {
    begins: &'static str,
    ends: &'static str,
    row: Option<Row>,
}

#[derive(Debug)]
struct Row {
    last: Instant,
    /// When it was last said, and how many there were since.
    said: Instant,
    unsaid: u64,
    count: u64,
}

impl Repeated {
    /// None yet; what is said when one begins, and when it ends.
    pub(super) fn new(begins: &'static str, ends: &'static str) -> Self {
        Self {
            begins,
            ends,
            row: None,
        }
    }

    /// It happened.
    pub(super) fn note(&mut self, why: &impl Display) {
        if let Some(times) = self.noted(Instant::now()) {
            tracing::warn!(error = %why, times, "{}", self.begins);
        }
    }

    /// It did not happen.
    pub(super) fn end(&mut self) {
        if self.row.is_some()
            && let Some(times) = self.ended(Instant::now())
        {
            tracing::info!(times, "{}", self.ends);
        }
    }

    /// How many there were, if that is to be said.
    fn noted(&mut self, now: Instant) -> Option<u64> {
        let row = self.row.get_or_insert(Row {
            last: now,
            said: now,
            unsaid: 0,
            count: 0,
        });
        row.last = now;
        row.count = row.count.saturating_add(1);
        row.unsaid = row.unsaid.saturating_add(1);
        if row.count > 1 && planted!(now.saturating_duration_since(row.said) < AGAIN, LoggedEachTime, false) {
            return None;
        }
        row.said = now;
        Some(std::mem::take(&mut row.unsaid))
    }

    /// How many there were in all, if that is over.
    fn ended(&mut self, now: Instant) -> Option<u64> {
        let row = self.row.as_ref()?;
        if now.saturating_duration_since(row.last) < QUIET {
            return None;
        }
        self.row.take().map(|row| row.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_again_and_again_is_said_once_a_minute_with_a_count() {
        let (start, mut repeated) = (Instant::now(), Repeated::new("", ""));
        let at = |tenths: u64| start + Duration::from_millis(100 * tenths);
        assert_eq!(repeated.ended(at(0)), None);
        let said: Vec<_> = (0..1_000)
            .filter_map(|tenth| {
                // One is accepted in between.
                assert_eq!(repeated.ended(at(tenth)), None);
                Some((tenth, repeated.noted(at(tenth))?))
            })
            .collect();
        assert_eq!(said, [(0, 1), (600, 600)]);
        assert_eq!(repeated.ended(at(1_040)), None);
        assert_eq!(repeated.ended(at(1_050)), Some(1_000));
        assert_eq!(repeated.ended(at(1_060)), None);
        assert_eq!(repeated.noted(at(1_070)), Some(1), "another time");
    }
}
