//! A discovery that is made once, for who looks at what it finds themselves.
//!
//! The one rule: **nothing is waited for twice.** It ends when every provider has reported or failed, or
//! when the time is over; who reported nothing by then is a failure like any other.

use std::sync::Arc;
use std::time::Duration;

use futures_lite::FutureExt;
use headcount_core::{ManagerOptions, Throttle};
use headcount_discoverer::mechanism::SdConfig;
use headcount_runtime::{DriverGone, Running};
use smol::Timer;

use crate::Workers;
use crate::discovery::Observation;

/// Someone who could not be asked.
#[derive(Debug)]
pub struct Failure {
    /// The sets that read it.
    pub sets: Vec<Arc<str>>,
    /// Who it is, and what went wrong.
    pub reason: String,
}

/// Runs until every provider has reported or failed, or the time is over.
///
/// # Errors
/// When the manager ends by itself, which is a bug.
pub async fn discover(
    workers: &Workers,
    sets: Vec<(String, Vec<SdConfig>)>,
    timeout: Duration,
) -> Result<Observation, DriverGone> {
    let env = workers.env();
    let options = ManagerOptions {
        // Who waits for one answer wants it at once.
        throttle: Throttle::Ticker {
            interval: Duration::ZERO,
        },
        seed: env.random.next_u64(),
        ..ManagerOptions::default()
    };
    let running = headcount_runtime::start(workers.runtime(), options, env.clone(), SdConfig::discoverer);
    let Running {
        handle, mut snapshots, ..
    } = running;
    let first = handle.apply(sets).await?.version;
    let all_reported = async {
        while let Some(snapshot) = snapshots.next().await {
            let mut providers = snapshot.providers();
            if snapshot.version() >= first && providers.all(|provider| provider.reports().has_reported()) {
                return;
            }
        }
    };
    let too_late = async {
        Timer::after(timeout).await;
    };
    all_reported.or(too_late).await;
    let clock = env.clock.clone();
    let observation = handle.with(move |manager| Observation::of(manager, clock.now())).await;
    handle.stop().await;
    observation
}

/// Each provider that failed, got a part only or did not answer, and each config that could not be run.
#[must_use]
pub fn failures(observation: &Observation, timeout: Duration) -> Vec<Failure> {
    let mut failures = Vec::new();
    for provider in &observation.providers {
        let (name, description) = (&provider.name, &provider.description);
        let what = if let Some(failed) = provider.health.current_failure() {
            failed.message.to_string()
        } else if let Some(missing) = provider.health.reports.missing() {
            format!("could not get {missing}")
        } else if !provider.health.has_reported() {
            let timeout = headcount_core::format_duration(timeout);
            format!("no answer within {timeout}; see --timeout")
        } else {
            continue;
        };
        failures.push(Failure {
            sets: provider.subscribers.clone(),
            reason: format!("{name} ({description}): {what}"),
        });
    }
    failures.extend(observation.failed_configs.iter().map(|failed| Failure {
        sets: failed.sets.clone(),
        reason: format!("{}: {}", failed.name, failed.reason),
    }));
    failures
}
