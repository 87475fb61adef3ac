//! `/api/v1/providers`: each provider, who subscribes to it, and how it fares.

use std::sync::Arc;

use http::Response;
use serde::Serialize;

use super::respond::{self, Body};
use crate::app::App;
use crate::discovery::{Observation, Provider};
use crate::wall_clock::WallClock;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    providers: Vec<Entry>,
    failed_configs: Vec<Failed>,
}

/// Ages are in seconds, times in seconds since 1970-01-01 UTC; both are `null` for what has not
/// happened.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    manager: &'static str,
    name: Arc<str>,
    kind: Arc<str>,
    description: Arc<str>,
    subscribers: Vec<Arc<str>>,
    groups: usize,
    targets: usize,
    health: Health,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Health {
    /// `starting`, `ok` or `failing`.
    state: &'static str,
    started: f64,
    last_update: Option<f64>,
    last_update_age: Option<f64>,
    last_change: Option<f64>,
    last_change_age: Option<f64>,
    last_error: Option<Arc<str>>,
    last_failure: Option<f64>,
    last_failure_age: Option<f64>,
    updates: u64,
    unchanged: u64,
    failures: u64,
    refreshes: u64,
    refresh_seconds: f64,
}

#[derive(Serialize)]
struct Failed {
    manager: &'static str,
    name: Arc<str>,
    description: Arc<str>,
    sets: Vec<Arc<str>>,
    reason: String,
}

/// The list.
pub(super) async fn providers(app: &App) -> Response<Body> {
    let Ok(observations) = app.observe().await else {
        return respond::gone();
    };
    let clock = app.wall_clock();
    let mut answer = Answer {
        providers: Vec::new(),
        failed_configs: Vec::new(),
    };
    for (
        manager,
        Observation {
            providers,
            failed_configs,
            ..
        },
    ) in observations
    {
        answer
            .providers
            .extend(providers.into_iter().map(|provider| entry(manager, provider, clock)));
        answer
            .failed_configs
            .extend(failed_configs.into_iter().map(|failed| Failed {
                manager,
                name: failed.name,
                description: failed.description,
                sets: failed.sets,
                reason: failed.reason,
            }));
    }
    respond::success(&answer)
}

fn entry(manager: &'static str, provider: Provider, clock: WallClock) -> Entry {
    let state = provider.state();
    let health = provider.health;
    let at = |instant: Option<headcount_core::Instant>| instant.map(|at| clock.unix_seconds(at));
    let age = |instant: Option<headcount_core::Instant>| instant.map(|at| clock.age_seconds(at));
    let (last_failure, last_error) = health.last_failure.unzip();
    Entry {
        manager,
        name: provider.name,
        kind: provider.kind,
        description: provider.description,
        subscribers: provider.subscribers,
        groups: provider.groups,
        targets: provider.targets,
        health: Health {
            state,
            started: clock.unix_seconds(health.started),
            last_update: at(health.last_update),
            last_update_age: age(health.last_update),
            last_change: at(health.last_change),
            last_change_age: age(health.last_change),
            last_error,
            last_failure: at(last_failure),
            last_failure_age: age(last_failure),
            updates: health.updates,
            unchanged: health.unchanged_updates,
            failures: health.failures,
            refreshes: health.refreshes.0,
            refresh_seconds: health.refreshes.1.as_secs_f64(),
        },
    }
}
