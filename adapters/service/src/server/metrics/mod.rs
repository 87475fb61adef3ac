//! `/metrics`: the manager's counters and the providers' health (S12), under the names that
//! Prometheus gives them, and what is ours alone under names that begin with `headcount_`.
//!
//! The one rule: **every number is derived from the state when it is asked for**, so the series
//! of removed sets and providers vanish with them.

mod discovery;
mod exposition;
mod memory;
mod process;
mod state;
mod targets;

use std::sync::Arc;

use blocking::unblock;
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
        state::state(&mut out, &app);
        mechanisms(&mut out, &app.env.metrics);
        reloads(&mut out, &app);
        memory::memory(&mut out, &app);
        build(&mut out);
        process::process(&mut out);
        out.finish()
    })
    .await;
    respond::whole(StatusCode::OK, FORMAT, text)
}

fn mechanisms(out: &mut Exposition, own: &metrics::Metrics) {
    let families = own.read();
    let is_there = |name: String| families.iter().any(|(definition, _)| definition.name == name);
    for (definition, samples) in &families {
        // Two counters of these names are the halves of a summary.
        if let Some(name) = definition
            .name
            .strip_suffix("_sum")
            .filter(|name| is_there(format!("{name}_count")))
        {
            let mut family = out.family(name, Kind::Summary, definition.help);
            for (other, samples) in &families {
                if let Some(ending @ ("_sum" | "_count")) = other.name.strip_prefix(name) {
                    samples
                        .iter()
                        .for_each(|sample| family.sample_of(ending, &labels(sample), sample.value));
                }
            }
            continue;
        }
        if definition
            .name
            .strip_suffix("_count")
            .is_some_and(|name| is_there(format!("{name}_sum")))
        {
            continue;
        }
        let kind = match definition.kind {
            metrics::Kind::Counter => Kind::Counter,
            metrics::Kind::Gauge => Kind::Gauge,
        };
        let mut family = out.family(definition.name, kind, definition.help);
        samples
            .iter()
            .for_each(|sample| family.sample(&labels(sample), sample.value));
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
    use super::*;
    use headcount_discoverer::metrics::{Definition, Metrics};

    #[test]
    fn the_halves_of_a_summary_become_one() {
        let counter = |name| Definition {
            name,
            help: "Help.",
            kind: metrics::Kind::Counter,
        };
        let own = Metrics::default();
        own.add(counter("prometheus_sd_file_scan_duration_seconds_sum"), &[], 1.5);
        own.add(counter("prometheus_sd_file_scan_duration_seconds_count"), &[], 3.0);
        own.add(counter("prometheus_sd_file_read_errors_total"), &[("a", "b")], 1.0);
        own.add(counter("prometheus_sd_lonely_count"), &[], 1.0);
        let mut out = Exposition::default();
        mechanisms(&mut out, &own);
        insta::assert_snapshot!(out.finish());
    }
}
