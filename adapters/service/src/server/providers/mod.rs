//! `/api/v1/providers`: each provider, who subscribes to it, and how it fares.
//!
//! * `named`: the provider that a path names.
//! * `confirm`: an operator's word that a drop of its targets is true. `guard`: the drops that wait for it.
//! * `refresh`: the wish that it asks its backend now.

mod confirm;
mod guard;
mod named;
mod refresh;

use std::sync::Arc;

use headcount_core::Held;
use http::Response;
use serde::Serialize;

use super::respond::{self, Body};
use crate::app::App;
use crate::discovery::{CHURN_WINDOW, Churn, Observation, Provider};
use crate::wall_clock::WallClock;

pub(super) use confirm::confirm;
pub(super) use guard::holds;
pub(super) use refresh::refresh;

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
    /// Groups that it has only because it had them: it fails, could not get them, or has them from before a restart.
    stale_groups: usize,
    churn: Churned,
    health: Health,
    /// The drop that is held, or `null`.
    held: Option<HeldDrop>,
}

/// How much of it changes, and the memory that it takes.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Churned {
    /// On average over so much time.
    window_seconds: f64,
    groups_per_minute: f64,
    bytes_per_minute: f64,
    /// Since the first list.
    changed_groups: u64,
    changed_bytes: u64,
    /// Bytes that its groups take.
    size: usize,
}

/// Targets that are gone and still in the lists.
#[derive(Serialize)]
struct HeldDrop {
    since: f64,
    /// When it counts, unless the provider fails then.
    until: f64,
    /// How many.
    targets: usize,
    /// How many of the set went before, within the hold time.
    before: usize,
    /// How many came to the set within the hold time, and so count against the others; none where losses are counted
    /// gross.
    came: usize,
    /// Of how many of the set, with those that went before.
    of: usize,
    /// The set that would lose too many.
    set: Arc<str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Health {
    /// `starting`, `ok` or `failing`.
    state: &'static str,
    started: f64,
    last_update: Option<f64>,
    last_update_age: Option<f64>,
    /// The last update that lacked nothing.
    last_success: Option<f64>,
    last_success_age: Option<f64>,
    last_change: Option<f64>,
    last_change_age: Option<f64>,
    last_error: Option<Arc<str>>,
    /// What the last read could not get, if it got the rest.
    #[serde(skip_serializing_if = "Option::is_none")]
    missing: Option<String>,
    last_failure: Option<f64>,
    last_failure_age: Option<f64>,
    /// When its targets were last known to be so before a restart; absent once it was read whole since.
    #[serde(skip_serializing_if = "Option::is_none")]
    restored: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    restored_age: Option<f64>,
    updates: u64,
    unchanged: u64,
    failures: u64,
    /// Since it last did better.
    consecutive_failures: u64,
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

impl From<Churn> for Churned {
    fn from(churn: Churn) -> Self {
        Self {
            window_seconds: CHURN_WINDOW.as_secs_f64(),
            groups_per_minute: churn.groups_per_minute,
            bytes_per_minute: churn.bytes_per_minute,
            changed_groups: churn.total.groups,
            changed_bytes: churn.total.bytes,
            size: churn.size,
        }
    }
}

impl HeldDrop {
    fn of(held: Held, clock: WallClock) -> Self {
        Self {
            since: clock.unix_seconds(held.since),
            until: clock.unix_seconds(held.until),
            targets: held.targets,
            before: held.before,
            came: held.came,
            of: held.of,
            set: held.set,
        }
    }
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
    let churn = app.managers().map(|managed| managed.churn());
    for (
        (
            manager,
            Observation {
                providers,
                failed_configs,
                ..
            },
        ),
        churn,
    ) in observations.into_iter().zip(churn)
    {
        let entries = providers.into_iter().map(|provider| {
            let churn = churn.get(&provider.id).copied().unwrap_or_default();
            entry(manager, provider, churn, clock)
        });
        answer.providers.extend(entries);
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

fn entry(manager: &'static str, provider: Provider, churn: Churn, clock: WallClock) -> Entry {
    let state = provider.state();
    let held = provider.held.map(|held| HeldDrop::of(held, clock));
    let health = provider.health;
    let at = |instant: Option<headcount_core::Instant>| instant.map(|at| clock.unix_seconds(at));
    let age = |instant: Option<headcount_core::Instant>| instant.map(|at| clock.age_seconds(at));
    let restored = health.reports.only_restored().map(|restored| restored.as_of);
    let missing = health.reports.missing().map(ToString::to_string);
    let consecutive_failures = health.consecutive_failures();
    let (last_failure, last_error) = health.last_failure.map(|failed| (failed.at, failed.message)).unzip();
    Entry {
        manager,
        name: provider.name,
        kind: provider.kind,
        description: provider.description,
        subscribers: provider.subscribers,
        groups: provider.groups,
        targets: provider.targets,
        stale_groups: provider.stale_groups,
        churn: churn.into(),
        health: Health {
            state,
            started: clock.unix_seconds(health.started),
            last_update: at(health.last_update),
            last_update_age: age(health.last_update),
            last_success: at(health.last_success),
            last_success_age: age(health.last_success),
            last_change: at(health.last_change),
            last_change_age: age(health.last_change),
            last_error,
            missing,
            last_failure: at(last_failure),
            last_failure_age: age(last_failure),
            restored: at(restored),
            restored_age: age(restored),
            updates: health.updates,
            unchanged: health.unchanged_updates,
            failures: health.failures,
            consecutive_failures,
            refreshes: health.refreshes.0,
            refresh_seconds: health.refreshes.1.as_secs_f64(),
        },
        held,
    }
}
