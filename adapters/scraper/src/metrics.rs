//! What is counted of scrapes, under Prometheus's names where it has some.

use std::sync::Arc;
use std::time::Duration;

use headcount_core::{Instant, ScheduleCounts, Scrape};
use headcount_discoverer::metrics::{Definition, Kind, Metrics, QUANTILES};

use crate::failure::ScrapeFailure;
use crate::scrape::Scraped;

const SCRAPES: Definition = Definition {
    name: "headcount_scrapes_total",
    help: "Scrapes by result.",
    kind: Kind::Counter,
};
const SAMPLES: Definition = Definition {
    name: "headcount_scraped_samples_total",
    help: "Samples that were read, and not kept.",
    kind: Kind::Counter,
};
const DURATION: Definition = Definition {
    name: "headcount_scrape_duration_seconds",
    help: "How long scrapes took.",
    kind: QUANTILES,
};
const BODY_SIZE: Definition = Definition {
    name: "prometheus_target_scrapes_exceeded_body_size_limit_total",
    help: "Total number of scrapes that hit the body size limit.",
    kind: Kind::Counter,
};
const SAMPLE_LIMIT: Definition = Definition {
    name: "prometheus_target_scrapes_exceeded_sample_limit_total",
    help: "Total number of scrapes that hit the sample limit and were rejected.",
    kind: Kind::Counter,
};
const INTERVAL: Definition = Definition {
    name: "prometheus_target_interval_length_seconds",
    help: "Actual intervals between scrapes.",
    kind: Kind::Summary(&[10, 50, 500, 900, 990]),
};
const SKIPPED: Definition = Definition {
    name: "headcount_scrapes_skipped_total",
    help: "Times that passed without a scrape, because the target was still being scraped or too many others were, or \
           headcount had reached a limit of its own.",
    kind: Kind::Counter,
};
const IN_FLIGHT: Definition = Definition {
    name: "headcount_scrapes_in_flight",
    help: "Scrapes that run now.",
    kind: Kind::Gauge,
};

/// Shows what may be counted before there is anything.
pub(crate) fn show(metrics: &Metrics) {
    metrics.add(SCRAPES, &[("result", "up")], 0.0);
    for definition in [SAMPLES, DURATION, BODY_SIZE, SAMPLE_LIMIT, SKIPPED] {
        metrics.add(definition, &[], 0.0);
    }
}

/// Scrapes are begun.
pub(crate) fn begun(
    metrics: &Metrics,
    at: Instant,
    scrapes: &[Scrape<Arc<str>>],
    before: ScheduleCounts,
    now: ScheduleCounts,
) {
    metrics.set(IN_FLIGHT, &[], now.in_flight as f64);
    metrics.add(SKIPPED, &[], now.skipped.saturating_sub(before.skipped) as f64);
    for scrape in scrapes {
        let Some(since_last) = scrape.since_last() else {
            continue;
        };
        let interval = in_go_words(scrape.pace().interval());
        let labels = [("interval", interval.as_str())];
        metrics.observe(INTERVAL, &labels, at, since_last);
    }
}

/// A scrape is over.
pub(crate) fn ended(metrics: &Metrics, at: Instant, scraped: &Scraped, duration: Duration, now: ScheduleCounts) {
    let result = scraped.failure.as_ref().map_or("up", ScrapeFailure::kind);
    metrics.add(SCRAPES, &[("result", result)], 1.0);
    metrics.add(SAMPLES, &[], scraped.samples as f64);
    metrics.observe(DURATION, &[], at, duration);
    metrics.set(IN_FLIGHT, &[], now.in_flight as f64);
    match scraped.failure {
        Some(ScrapeFailure::OwnLimit(_)) => metrics.add(SKIPPED, &[], 1.0),
        Some(ScrapeFailure::BodySize) => metrics.add(BODY_SIZE, &[], 1.0),
        Some(ref failure) if failure.kind() == "sample_limit" => metrics.add(SAMPLE_LIMIT, &[], 1.0),
        _ => {}
    }
}

/// A duration as Go writes it, `1m30s`, which is what Prometheus's label says.
fn in_go_words(duration: Duration) -> String {
    let (seconds, nanos) = (duration.as_secs(), duration.subsec_nanos());
    let fraction = format!(".{nanos:09}");
    let fraction = fraction.trim_end_matches('0').trim_end_matches('.');
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, 0) => format!("{}ms", duration.as_secs_f64() * 1e3),
        (0, 0, seconds) => format!("{seconds}{fraction}s"),
        (0, minutes, seconds) => format!("{minutes}m{seconds}{fraction}s"),
        (hours, minutes, seconds) => format!("{hours}h{minutes}m{seconds}{fraction}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_go() {
        let written = [500, 1_000, 1_500, 60_000, 90_000, 3_600_000, 5_400_010].map(Duration::from_millis);
        let written = written.map(in_go_words);
        assert_eq!(
            written,
            ["500ms", "1s", "1.5s", "1m0s", "1m30s", "1h0m0s", "1h30m0.01s"]
        );
    }
}
