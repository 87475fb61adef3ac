//! A target's last scrape, in the fields of Prometheus's API and with what it read.

use std::time::Duration;

use headcount_core::TargetId;
use headcount_scraper::TargetHealth;

use crate::discovery::write_string;
use crate::scraping::Scraping;
use crate::wall_clock::WallClock;

/// Who knows of scrapes; nobody does unless that was asked for.
#[derive(Default)]
pub(crate) struct Healths(Option<(Scraping, WallClock)>);

impl Healths {
    pub(crate) fn of(scraping: Option<&Scraping>, clock: WallClock) -> Self {
        Self(scraping.map(|scraping| (scraping.clone(), clock)))
    }

    /// Whether the last scrape of a target failed.
    pub(crate) fn is_down(&self, job: &str, id: TargetId) -> bool {
        let health = self.0.as_ref().and_then(|(scraping, _)| scraping.health(job, id));
        health.is_some_and(|health| health.health == headcount_scraper::Health::Down)
    }

    /// Writes the fields. A target that was never scraped has those that it has in Prometheus
    /// then, and without `--scrape` no others.
    pub(crate) fn write(&self, out: &mut Vec<u8>, job: &str, id: Option<TargetId>) {
        let Some((scraping, clock)) = &self.0 else {
            return write_last(out, "", "0001-01-01T00:00:00Z", Duration::ZERO, "unknown");
        };
        let health = id.and_then(|id| scraping.health(job, id));
        let scraped = health.as_ref().and_then(|health| Some((health, health.last_scrape?)));
        let Some((health, at)) = scraped else {
            write_last(out, "", "0001-01-01T00:00:00Z", Duration::ZERO, "unknown");
            return write_read(out, None);
        };
        let error = health.last_error.as_deref().unwrap_or_default();
        let (at, state) = (clock.utc(at), health.health.as_str());
        write_last(out, error, &at, health.last_scrape_duration, state);
        write_read(out, Some(health));
    }
}

fn write_last(out: &mut Vec<u8>, error: &str, at: &str, duration: Duration, health: &str) {
    out.extend_from_slice(br#","lastError":"#);
    write_string(out, error);
    let duration = duration.as_secs_f64();
    let rest = format!(r#","lastScrape":"{at}","lastScrapeDuration":{duration},"health":"{health}""#);
    out.extend_from_slice(rest.as_bytes());
}

fn write_read(out: &mut Vec<u8>, health: Option<&TargetHealth>) {
    let (samples, bytes) = health.map_or((0, 0), |health| (health.samples, health.body_bytes));
    out.extend_from_slice(format!(r#","lastSamples":{samples},"lastBodyBytes":{bytes}"#).as_bytes());
}
