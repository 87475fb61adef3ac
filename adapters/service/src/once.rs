//! A discovery that is made once, for who looks at what it finds themselves.
//!
//! The one rule: **nothing is waited for twice.** It ends when every provider has spoken or failed, or
//! when the time is over; who said nothing by then is a failure like any other.

use std::sync::Arc;
use std::time::{Duration, Instant};

use headcount_core::ManagerOptions;
use headcount_discoverer::mechanism::SdConfig;
use headcount_runtime::DriverGone;
use smol::Timer;

use crate::Workers;
use crate::discovery::Observation;

/// Time between looks at whether every provider has spoken.
const PAUSE: Duration = Duration::from_millis(10);

/// Someone who could not be asked.
#[derive(Debug)]
pub struct Failure {
    /// The sets that read it.
    pub sets: Vec<Arc<str>>,
    /// Who it is, and what went wrong.
    pub reason: String,
}

/// Runs until every provider has spoken or failed, or the time is over.
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
        seed: env.random.next_u64(),
        ..ManagerOptions::default()
    };
    let running = headcount_runtime::start(workers.runtime(), options, env.clone(), SdConfig::discoverer);
    let handle = &running.handle;
    handle.apply(sets).await?;
    let deadline = Instant::now() + timeout;
    while !handle.with(|manager| manager.is_ready()).await? && Instant::now() < deadline {
        Timer::after(PAUSE).await;
    }
    let clock = env.clock.clone();
    let observation = handle.with(move |manager| Observation::of(manager, clock.now())).await;
    handle.stop().await;
    observation
}

/// Each provider that failed or said nothing, and each config that could not be run.
#[must_use]
pub fn failures(observation: &Observation, timeout: Duration) -> Vec<Failure> {
    let mut failures = Vec::new();
    for provider in &observation.providers {
        let (name, description) = (&provider.name, &provider.description);
        let what = if let Some(failed) = provider.health.current_failure() {
            failed.message.to_string()
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
