//! What is known of a target.

use std::sync::Arc;
use std::time::Duration;

use headcount_core::{Instant, ScrapeStatus, planted};

/// Whether a target is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Health {
    /// It was not scraped yet.
    Unknown,
    /// Its last scrape went well.
    Up,
    /// Its last scrape failed.
    Down,
}

impl Health {
    /// As Prometheus's API says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

/// A target's last scrape. Before the first one everything is zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetHealth {
    /// Whether it is up.
    pub health: Health,
    /// When the last scrape began.
    pub last_scrape: Option<Instant>,
    /// How long it took.
    pub last_scrape_duration: Duration,
    /// Samples that were read: all of them, or those before the error.
    pub samples: u64,
    /// Bytes of the body that were read, without compression.
    pub body_bytes: u64,
    /// What went wrong.
    pub last_error: Option<Arc<str>>,
}

impl From<ScrapeStatus<'_>> for TargetHealth {
    fn from(status: ScrapeStatus<'_>) -> Self {
        let Some(last) = status.last else {
            return Self {
                health: planted!(Health::Unknown, NeverScrapedIsDown, Health::Down),
                last_scrape: None,
                last_scrape_duration: Duration::ZERO,
                samples: 0,
                body_bytes: 0,
                last_error: None,
            };
        };
        Self {
            health: if last.is_up() { Health::Up } else { Health::Down },
            last_scrape: Some(last.started),
            last_scrape_duration: last.duration,
            samples: last.result.samples,
            body_bytes: last.result.body_bytes,
            last_error: last.result.error.clone(),
        }
    }
}
