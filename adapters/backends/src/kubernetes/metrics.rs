//! Numbers about the watches, with Prometheus's names, and ours. What is watched for many jobs is counted once.

use std::time::Duration;

use headcount_core::Instant;
use headcount_discoverer::metrics::{Definition, Kind as Counts, Metrics};

use super::kind::{Kind, ROLES};

/// All of them.
pub(super) const METRICS: &[Definition] = &[EVENTS, FAILURES, REQUESTS, TIMED, SKIPPED];

const EVENTS: Definition = Definition {
    name: "prometheus_sd_kubernetes_events_total",
    help: "The number of Kubernetes events handled.",
    kind: Counts::Counter,
};
const FAILURES: Definition = Definition {
    name: "prometheus_sd_kubernetes_failures_total",
    help: "The number of failed WATCH/LIST requests.",
    kind: Counts::Counter,
};
const REQUESTS: Definition = Definition {
    name: "prometheus_sd_kubernetes_http_request_total",
    help: "Total number of HTTP requests to the Kubernetes API by status code.",
    kind: Counts::Counter,
};
/// Without quantiles, as in Prometheus.
const TIMED: Definition = Definition {
    name: "prometheus_sd_kubernetes_http_request_duration_seconds",
    help: "Summary of latencies for HTTP requests to the Kubernetes API by endpoint.",
    kind: Counts::Summary(&[]),
};
const SKIPPED: Definition = Definition {
    name: "headcount_sd_kubernetes_skipped_objects_total",
    help: "Objects that made no sense: what was known of them before stays.",
    kind: Counts::Counter,
};

/// What happened to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Happened {
    Added,
    Updated,
    Deleted,
}

impl Happened {
    fn name(self) -> &'static str {
        match self {
            Self::Added => "add",
            Self::Updated => "update",
            Self::Deleted => "delete",
        }
    }
}

/// So that the series are there before anything happens, as in Prometheus.
pub(super) fn begin(metrics: &Metrics) {
    metrics.add(FAILURES, &[], 0.0);
    metrics.add(SKIPPED, &[], 0.0);
    for kind in ROLES {
        for what in [Happened::Added, Happened::Updated, Happened::Deleted] {
            happened(metrics, kind, what, 0);
        }
    }
}

/// This happened to so many objects of a kind.
pub(super) fn happened(metrics: &Metrics, kind: Kind, what: Happened, times: usize) {
    if ROLES.contains(&kind) {
        let labels = [("role", kind.name()), ("event", what.name())];
        metrics.add(EVENTS, &labels, times as f64);
    }
}

/// A request failed.
pub(super) fn failed(metrics: &Metrics) {
    metrics.add(FAILURES, &[], 1.0);
}

/// An answer came, or none, which has no status.
pub(super) fn asked(metrics: &Metrics, path: &str, status: Option<u16>, now: Instant, took: Duration) {
    let status = status.map_or_else(|| "<error>".to_owned(), |status| status.to_string());
    metrics.add(REQUESTS, &[("status_code", &status)], 1.0);
    metrics.observe(TIMED, &[("endpoint", path)], now, took);
}

/// So many objects made no sense.
pub(super) fn skipped(metrics: &Metrics, objects: usize) {
    metrics.add(SKIPPED, &[], objects as f64);
}
