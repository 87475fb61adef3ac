//! Numbers about the calls, with Prometheus's names, and ours.

use std::time::Duration;

use headcount_core::Instant;
use headcount_discoverer::metrics::{Definition, Kind, Metrics, QUANTILES};

use super::plan::What;

/// All of them.
pub(super) const METRICS: &[Definition] = &[FAILURES, CALLS, SKIPPED];

const FAILURES: Definition = Definition {
    name: "prometheus_sd_consul_rpc_failures_total",
    help: "The number of Consul RPC call failures.",
    kind: Kind::Counter,
};
const CALLS: Definition = Definition {
    name: "prometheus_sd_consul_rpc_duration_seconds",
    help: "The duration of a Consul RPC call in seconds.",
    kind: QUANTILES,
};
const SKIPPED: Definition = Definition {
    name: "headcount_sd_consul_skipped_instances_total",
    help: "Instances that were found without any address, and so are no targets.",
    kind: Kind::Counter,
};

/// So that the series are there before the first call, as in Prometheus.
pub(super) fn begin(metrics: &Metrics) {
    metrics.add(FAILURES, &[], 0.0);
    metrics.add(SKIPPED, &[], 0.0);
    for what in [What::List, What::Service("".into())] {
        metrics.add(CALLS, &labels(&what), 0.0);
    }
}

/// A call took this long, its waiting for something new included.
pub(super) fn took(metrics: &Metrics, what: &What, now: Instant, duration: Duration) {
    metrics.observe(CALLS, &labels(what), now, duration);
}

/// A call failed.
pub(super) fn failed(metrics: &Metrics) {
    metrics.add(FAILURES, &[], 1.0);
}

/// So many instances have no address.
pub(super) fn skipped(metrics: &Metrics, instances: usize) {
    metrics.add(SKIPPED, &[], instances as f64);
}

/// Prometheus's own for its two calls, even though instances come from the health API.
fn labels(what: &What) -> [(&'static str, &'static str); 2] {
    let (endpoint, call) = match what {
        What::List => ("catalog", "services"),
        What::Service(_) => ("catalog", "service"),
        What::Nodes => ("catalog", "nodes"),
        What::Checks => ("health", "state"),
        What::Agent => ("agent", "self"),
    };
    [("endpoint", endpoint), ("call", call)]
}
