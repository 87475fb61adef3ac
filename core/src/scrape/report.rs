//! What scrapes found out.

use core::time::Duration;
use std::sync::Arc;

use crate::Instant;

/// What came of a scrape.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScrapeResult {
    /// Samples that were read: all of them, or those before the error.
    pub samples: u64,
    /// Bytes of the body that were read, without compression.
    pub body_bytes: u64,
    /// What went wrong.
    pub error: Option<Arc<str>>,
}

/// A target's last scrape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastScrape {
    /// When it began.
    pub started: Instant,
    /// How long it took.
    pub duration: Duration,
    /// What came of it.
    pub result: ScrapeResult,
}

impl LastScrape {
    /// What Prometheus records as `up`.
    pub fn is_up(&self) -> bool {
        self.result.error.is_none()
    }
}

/// What a [`Schedule`](super::Schedule) knows of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScrapeStatus<'a> {
    /// Its pace.
    pub pace: super::ScrapePace,
    /// When it is due next, or was, if it waits for others to finish.
    pub due: Instant,
    /// Whether it is being scraped.
    pub is_running: bool,
    /// Its last scrape that is over; `None` before the first.
    pub last: Option<&'a LastScrape>,
}

/// What a [`Schedule`](super::Schedule) has counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ScheduleCounts {
    /// Targets that there are.
    pub targets: usize,
    /// Scrapes that run.
    pub in_flight: usize,
    /// Scrapes that were begun, since the schedule was made.
    pub begun: u64,
    /// Times that were passed over because the target was still being scraped, or waited for
    /// others, when its time came again; and scrapes that were [abandoned](super::Schedule::abandon).
    pub skipped: u64,
}
