//! A discoverer and a receiver of one's own under an hour of churn and faults.
//!
//! `cargo run -p headcount-sim --example own_discoverer`

use headcount_core::{Encoder, Snapshot, Update};
use headcount_discoverer::env::HttpRequest;
use headcount_discoverer::refresh::{self, Refresh, RefreshError, Refreshed};
use headcount_discoverer::{Env, Updates};
use headcount_reader::HttpClientSettings;
use headcount_sim::{
    Backend, BackendKind, Churn, Discoverers, Fault, FaultKind, Hosts, Ratio, Rehearsal, Scenario, ShownHost, Span,
};

/// Reads an inventory that has one `address zone` a line and ends with a line `end`.
struct Inventory(Encoder);

impl Refresh for Inventory {
    async fn refresh(&mut self, env: &Env) -> Result<Refreshed, RefreshError> {
        let client = env.http.client(&HttpClientSettings::default());
        let client = client.map_err(|error| RefreshError::at_interval(error.to_string()))?;
        let answer = client.send(HttpRequest::get("http://inventory/hosts")).await;
        let answer = answer.map_err(|error| RefreshError::soon(error.to_string()))?;
        if answer.status != 200 {
            return Err(RefreshError::soon(format!("status {}", answer.status)));
        }
        let text = String::from_utf8_lossy(&answer.body);
        // Leave this check out, and the rehearsal says `failure-keeps`.
        let Some(text) = text.strip_suffix("end\n") else {
            return Err(RefreshError::soon("the answer broke off"));
        };
        let mut batch = self.0.batch();
        let targets = text.lines().filter_map(|line| line.split_once(' '));
        let targets = targets.map(|(address, zone)| [("__address__", address), ("zone", zone)]);
        let shared: [(&str, &str); 0] = [];
        let group = batch.group("inventory", shared, targets);
        group.map_err(|error| RefreshError::at_interval(error.to_string()))?;
        Ok(Refreshed::Update(Update::full(batch.finish())))
    }
}

async fn inventory(env: Env, updates: Updates) {
    refresh::run(Span::secs(30).into(), Inventory(Encoder::new()), env, updates).await;
}

fn body(hosts: &[ShownHost]) -> Vec<u8> {
    let line = |host: &ShownHost| format!("{} zone-{}\n", host.address, host.looks.zone);
    let lines: String = hosts.iter().map(line).collect();
    (lines + "end\n").into_bytes()
}

/// A receiver that needs a millisecond for each target.
fn receive(_at: Span, snapshot: &Snapshot) -> Span {
    let targets = snapshot.set("all").map_or(0, |set| set.target_count());
    Span::millis(targets as u64)
}

#[allow(clippy::print_stdout, reason = "an example shows what it does")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let scenario = Scenario::new("an hour of an inventory")
        .until(Span::hours(1))
        .calm(Span::mins(5))
        .hosts(Hosts::new(500).zones(3))
        .backend(Backend::new("inventory", BackendKind::Http))
        .discoverers(Discoverers::of("inventory").refresh(Span::secs(30)))
        .churn(Churn::steady(Ratio::percent(2), Span::mins(1)))
        .fault(Fault::new(FaultKind::Truncated).rate(Ratio::percent(10)))
        .fault(Fault::new(FaultKind::Drop).rate(Ratio::percent(5)));
    let outcome = Rehearsal::new(&scenario, 7)?
        .serve("http://inventory/hosts", body)
        .discoverer("inventory", |_| Box::new(inventory))?
        .receiver(receive)
        .within(Span::mins(2))
        .run();
    for violation in &outcome.violations {
        println!("broken: {violation}");
    }
    let metrics = &outcome.metrics;
    println!(
        "{} of virtual time, {} requests, {} failures, {} snapshots",
        outcome.time, metrics.backend_calls, metrics.failures, metrics.emissions
    );
    println!(
        "{} changes reached the receiver: half of them within {}, the last after {}",
        metrics.changes_learned, metrics.staleness_p50, metrics.staleness_max
    );
    Ok(())
}
