//! `/metrics`: the manager's counters and the providers' health (S12), under the names that
//! Prometheus gives them, and what is ours alone under names that begin with `headcount_`.
//!
//! The one rule: **every number is derived from the state when it is asked for**, so the series
//! of removed sets and providers vanish with them. What is more than a state is kept where it happens
//! (`headcount_discoverer::metrics`), and let go by who has counted.

mod discovery;
mod exposition;
mod members;
mod memory;
mod process;
mod requests;
mod state;
mod targets;

use std::sync::Arc;

use blocking::unblock;
use headcount_core::Instant;
use headcount_discoverer::metrics;
use http::header::HeaderValue;
use http::{Response, StatusCode};

use super::respond::{self, Body};
use crate::app::App;
use exposition::{Exposition, Kind};

pub(super) use memory::parts;
pub(super) use process::this as this_process;

/// All metrics.
pub(super) async fn all(app: &Arc<App>) -> Response<Body> {
    const FORMAT: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    let Ok(observations) = app.observe().await else {
        return respond::gone();
    };
    let app = app.clone();
    let text = unblock(move || {
        let mut out = Exposition::default();
        discovery::managers(&mut out, &app, &observations);
        discovery::refreshes(&mut out, &observations);
        discovery::providers(&mut out, &observations, app.wall_clock());
        discovery::churn(&mut out, &app, &observations);
        targets::targets(&mut out, &app);
        members::members(&mut out, &app);
        state::state(&mut out, &app);
        kept(&mut out, &app.env.metrics, app.env.clock.now());
        requests::requests(&mut out, &app);
        reloads(&mut out, &app);
        memory::memory(&mut out, &app);
        build(&mut out);
        process::process(&mut out);
        out.finish()
    })
    .await;
    respond::whole(StatusCode::OK, FORMAT, text)
}

/// Numbers that are kept: of mechanisms, of refreshes, of scrapes.
fn kept(out: &mut Exposition, own: &metrics::Metrics, now: Instant) {
    for (definition, samples) in own.read_at(now) {
        let kind = match definition.kind {
            metrics::Kind::Counter => Kind::Counter,
            metrics::Kind::Gauge => Kind::Gauge,
            metrics::Kind::Summary(_) => Kind::Summary,
            metrics::Kind::Histogram(_) => Kind::Histogram,
        };
        let is_of_refreshes = definition.name.starts_with("prometheus_sd_refresh_");
        let mut family = out.family(definition.name, kind, definition.help);
        for sample in &samples {
            let labels = labels(sample);
            let mut mechanism = labels.iter().filter(|(name, _)| *name == "mechanism");
            if is_of_refreshes && mechanism.any(|(_, mechanism)| !discovery::is_refreshed(mechanism)) {
                continue;
            }
            family.sample_of(sample.ending, &labels, sample.value);
        }
    }
}

fn labels(sample: &metrics::Sample) -> Vec<(&str, &str)> {
    sample
        .labels
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect()
}

fn reloads(out: &mut Exposition, app: &App) {
    let status = app.reloader.status();
    out.family(
        "prometheus_config_last_reload_successful",
        Kind::Gauge,
        "Whether the last attempt to load the configuration worked.",
    )
    .sample(&[], f64::from(u8::from(status.is_successful)));
    out.family(
        "prometheus_config_last_reload_success_timestamp_seconds",
        Kind::Gauge,
        "When the configuration was last loaded successfully, as a Unix timestamp.",
    )
    .sample(&[], status.last_success);
}

fn build(out: &mut Exposition) {
    out.family(
        "headcount_build_info",
        Kind::Gauge,
        "Always 1; the label says which version runs.",
    )
    .sample(&[("version", env!("CARGO_PKG_VERSION"))], 1.0);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use headcount_discoverer::metrics::{Definition, Metrics};

    #[test]
    fn summaries_and_histograms_are_written_as_prometheus_writes_them() {
        let definition = |name, kind| Definition {
            name,
            help: "Help.",
            kind,
        };
        let (own, took) = (Metrics::default(), Duration::from_millis(1_500));
        let scans = definition("prometheus_sd_file_scan_duration_seconds", metrics::QUANTILES);
        let refreshes = definition("prometheus_sd_refresh_seconds", metrics::Kind::Histogram(&[10, 10_000]));
        own.observe(scans, &[], Instant::ZERO, took);
        for mechanism in ["http", "file", "static"] {
            own.observe(refreshes, &[("mechanism", mechanism)], Instant::ZERO, took);
        }
        own.add(
            definition("prometheus_sd_file_read_errors_total", metrics::Kind::Counter),
            &[("a", "b")],
            1.0,
        );
        let mut out = Exposition::default();
        kept(&mut out, &own, Instant::ZERO + Duration::from_secs(1));
        insta::assert_snapshot!(out.finish());
    }
}
