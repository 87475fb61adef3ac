//! What the managers and their providers say of themselves.

use std::collections::BTreeMap;

use headcount_core::Past;
use headcount_discoverer::QueueStatus;

use super::exposition::{Exposition, Kind, count};
use crate::app::App;
use crate::discovery::{Churn, Job, Observation, Provider};
use crate::wall_clock::WallClock;

type Observations = [(&'static str, Observation)];

/// Counters of the managers, and the sets that were handed out.
pub(super) fn managers(out: &mut Exposition, app: &App, observations: &Observations) {
    let each = |out: &mut Exposition, name: &str, kind, help: &str, value: &dyn Fn(&Observation) -> f64| {
        let mut family = out.family(name, kind, help);
        for (manager, observation) in observations {
            family.sample(&[("name", manager)], value(observation));
        }
    };
    each(
        out,
        "prometheus_sd_failed_configs",
        Kind::Gauge,
        "Service discovery configs that can't be run, one for each job that wants it.",
        &|observation| {
            count(
                observation
                    .failed_configs
                    .iter()
                    .map(|failed| failed.sets.len())
                    .sum::<usize>(),
            )
        },
    );
    each(
        out,
        "prometheus_sd_received_updates_total",
        Kind::Counter,
        "Updates that providers sent.",
        &|observation| count(observation.counters.received_updates),
    );
    each(
        out,
        "headcount_sd_unchanged_updates_total",
        Kind::Counter,
        "Updates that providers sent and that changed nothing.",
        &|observation| count(observation.counters.unchanged_updates),
    );
    each(
        out,
        "prometheus_sd_updates_delayed_total",
        Kind::Counter,
        "Snapshots that were due while the receiver was busy.",
        &|observation| count(observation.counters.updates_delayed),
    );
    each(
        out,
        "prometheus_sd_updates_total",
        Kind::Counter,
        "Snapshots that were handed to the receiver; unlike in Prometheus, one that was not taken is not counted before it is.",
        &|observation| count(observation.counters.updates),
    );
    held(out, observations);
    operators(out, app);
    queues(out, app);
    sets(out, app, observations);
    histories(out, app);
}

/// How much of what happened is kept.
fn histories(out: &mut Exposition, app: &App) {
    let clock = app.wall_clock();
    let pasts = app.managers().map(|managed| (managed.name(), managed.past()));
    let each = |out: &mut Exposition, name: &str, help: &str, value: &dyn Fn(&Past) -> f64| {
        let mut family = out.family(name, Kind::Gauge, help);
        for (manager, past) in &pasts {
            family.sample(&[("name", manager)], value(past));
        }
    };
    each(
        out,
        "headcount_sd_history_entries",
        "Things that happened and are kept.",
        &|past| count(past.len()),
    );
    each(
        out,
        "headcount_sd_history_bytes",
        "Memory that they are charged for.",
        &|past| count(past.bytes()),
    );
    each(
        out,
        "headcount_sd_history_complete_since_timestamp_seconds",
        "From when on everything that happened is kept, as a Unix timestamp.",
        &|past| clock.unix_seconds(past.complete_since()),
    );
}

/// What the guard holds. A provider's targets are held for all sets that subscribe to it.
fn held(out: &mut Exposition, observations: &Observations) {
    let mut sums: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for (manager, provider) in all(observations) {
        let targets = provider.held.as_ref().map_or(0, |held| held.targets);
        for set in &provider.subscribers {
            let sum = sums.entry((manager, set)).or_default();
            *sum = sum.saturating_add(targets);
        }
    }
    let help = "Targets that are gone and are kept, because too many went at once; they count as discovered.";
    let mut family = out.family("headcount_sd_held_targets", Kind::Gauge, help);
    for ((manager, set), targets) in sums {
        family.sample(&[("name", manager), ("config", set)], count(targets));
    }
}

/// Reports on their way to the managers.
fn queues(out: &mut Exposition, app: &App) {
    let queues = app.managers().map(|managed| (managed.name(), managed.queue()));
    let each = |out: &mut Exposition, name: &str, kind, help: &str, value: &dyn Fn(&QueueStatus) -> f64| {
        let mut family = out.family(name, kind, help);
        for (manager, status) in &queues {
            family.sample(&[("name", manager)], value(status));
        }
    };
    each(
        out,
        "headcount_sd_queued_reports",
        Kind::Gauge,
        "Reports of providers that wait for the manager.",
        &|status| count(status.reports),
    );
    each(
        out,
        "headcount_sd_queued_bytes",
        Kind::Gauge,
        "Memory that they take.",
        &|status| count(status.bytes),
    );
    each(
        out,
        "headcount_sd_collapsed_reports_total",
        Kind::Counter,
        "Full updates that waited and in whose place a newer one was taken.",
        &|status| count(status.collapsed),
    );
    each(
        out,
        "headcount_sd_held_up_reports_total",
        Kind::Counter,
        "Reports of providers that had to wait for room in the queue.",
        &|status| count(status.waited),
    );
}

/// Drops that were held and let go, and refreshes that somebody asked for.
fn operators(out: &mut Exposition, app: &App) {
    let managers = app.managers();
    let help = "Drops of many targets that were held.";
    let mut family = out.family("headcount_sd_drops_held_total", Kind::Counter, help);
    for managed in managers {
        family.sample(&[("name", managed.name())], count(managed.hold_counts().held()));
    }
    let help = "Drops that are no longer held, by why.";
    let mut family = out.family("headcount_sd_drops_released_total", Kind::Counter, help);
    for managed in managers {
        for (why, number) in managed.hold_counts().released() {
            family.sample(&[("name", managed.name()), ("why", why)], count(number));
        }
    }
    let help = "Requests that a provider asks its backend now; one refresh can answer many.";
    let mut family = out.family("headcount_sd_refresh_requests_total", Kind::Counter, help);
    for managed in managers {
        family.sample(&[("name", managed.name())], count(managed.refreshes()));
    }
}

/// What is said of sets. Those that are wanted now are there, whatever was emitted last: one that was just added has no
/// targets yet, and one that was removed is gone.
fn sets(out: &mut Exposition, app: &App, observations: &Observations) {
    let clock = app.wall_clock();
    let each = |out: &mut Exposition, name: &str, help: &str, value: &dyn Fn(Option<&Job>, f64) -> Option<f64>| {
        let mut family = out.family(name, Kind::Gauge, help);
        for (managed, (manager, observation)) in app.managers().into_iter().zip(observations) {
            let view = managed.view();
            let emitted = clock.unix_seconds(view.snapshot.at());
            for set in observation.newest.sets() {
                if let Some(value) = value(view.jobs.get(set), emitted) {
                    family.sample(&[("name", manager), ("config", set)], value);
                }
            }
        }
    };
    each(
        out,
        "prometheus_sd_discovered_targets",
        "Targets that are discovered.",
        &|job, _| Some(job.map_or(0.0, |job| count(job.targets))),
    );
    each(
        out,
        "prometheus_sd_last_update_timestamp_seconds",
        "When the last snapshot was handed to the receiver, as a Unix timestamp.",
        &|job, emitted| job.map(|_| emitted),
    );
    each(
        out,
        "headcount_sd_set_complete",
        "Whether every provider of the set was read whole at least once, none can't be run, and nothing is shown of what a reload has replaced.",
        &|job, _| Some(f64::from(u8::from(job?.is_complete()))),
    );
    each(
        out,
        "headcount_sd_set_served",
        "Whether the set's list is served: it is complete, was waited for long enough, or is wanted without configs that can't be run. /sd answers 503 until then.",
        &|job, _| Some(f64::from(u8::from(job?.delivery.is_delivered()))),
    );
}

/// Whether a mechanism refreshes, to Prometheus: what reads files counts scans, and what stands in the configuration is
/// not looked up.
pub(super) fn is_refreshed(mechanism: &str) -> bool {
    !matches!(mechanism, "file" | "static")
}

/// Refreshes that failed. As in Prometheus, a provider counts for the first set that subscribes.
pub(super) fn refreshes(out: &mut Exposition, observations: &Observations) {
    let mut sums: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for provider in all(observations).map(|(_, provider)| provider) {
        let Some(first) = provider.subscribers.first().filter(|_| is_refreshed(&provider.kind)) else {
            continue;
        };
        let sum = sums.entry((&provider.kind, first)).or_default();
        *sum = sum.saturating_add(provider.health.failures);
    }
    let help = "Refreshes that failed.";
    let mut family = out.family("prometheus_sd_refresh_failures_total", Kind::Counter, help);
    for ((mechanism, config), failures) in sums {
        family.sample(&[("mechanism", mechanism), ("config", config)], count(failures));
    }
}

/// How each provider fares.
pub(super) fn providers(out: &mut Exposition, observations: &Observations, clock: WallClock) {
    let each = |out: &mut Exposition, name: &str, kind, help: &str, value: &dyn Fn(&Provider) -> Option<f64>| {
        let mut family = out.family(name, kind, help);
        for (manager, provider) in all(observations) {
            if let Some(value) = value(provider) {
                let labels = [
                    ("name", manager),
                    ("provider", &*provider.name),
                    ("mechanism", &*provider.kind),
                ];
                family.sample(&labels, value);
            }
        }
    };
    each(
        out,
        "headcount_sd_provider_failing",
        Kind::Gauge,
        "Whether the provider's last refresh failed.",
        &|provider| Some(f64::from(u8::from(provider.health.is_failing()))),
    );
    each(
        out,
        "headcount_sd_provider_partial",
        Kind::Gauge,
        "Whether the provider's last refresh could not get everything; what it found before in what is missing is kept.",
        &|provider| Some(f64::from(u8::from(provider.health.reports.missing().is_some()))),
    );
    each(
        out,
        "headcount_sd_provider_consecutive_failures",
        Kind::Gauge,
        "The provider's refreshes that failed since it last did better.",
        &|provider| Some(count(provider.health.consecutive_failures())),
    );
    each(
        out,
        "headcount_sd_provider_stale_groups",
        Kind::Gauge,
        "Groups that the provider shows as they were: it fails, could not get them, or has them from before a restart.",
        &|provider| Some(count(provider.stale_groups)),
    );
    each(
        out,
        "headcount_sd_provider_targets",
        Kind::Gauge,
        "Targets that the provider found.",
        &|provider| Some(count(provider.targets)),
    );
    each(
        out,
        "headcount_sd_provider_last_success_timestamp_seconds",
        Kind::Gauge,
        "When the provider last found targets, or none, without any error, as a Unix timestamp; absent until then.",
        &|provider| provider.health.last_success.map(|at| clock.unix_seconds(at)),
    );
    each(
        out,
        "headcount_sd_provider_last_change_timestamp_seconds",
        Kind::Gauge,
        "When what the provider found last changed, as a Unix timestamp; absent until then.",
        &|provider| provider.health.last_change.map(|at| clock.unix_seconds(at)),
    );
    each(
        out,
        "headcount_sd_provider_failures_total",
        Kind::Counter,
        "The provider's refreshes that failed.",
        &|provider| Some(count(provider.health.failures)),
    );
    each(
        out,
        "headcount_sd_provider_restored_timestamp_seconds",
        Kind::Gauge,
        "When the provider's targets were last known to be so before a restart; absent once they are known better.",
        &|provider| {
            let restored = provider.health.reports.only_restored();
            restored.map(|restored| clock.unix_seconds(restored.as_of))
        },
    );
}

/// How much of what each provider finds changes.
pub(super) fn churn(out: &mut Exposition, app: &App, observations: &Observations) {
    let all = app.managers().map(|managed| managed.churn());
    let each = |out: &mut Exposition, name: &str, kind, help: &str, value: &dyn Fn(&Churn) -> f64| {
        let mut family = out.family(name, kind, help);
        for ((manager, observation), churn) in observations.iter().zip(&all) {
            for provider in &observation.providers {
                let Some(churn) = churn.get(&provider.id) else { continue };
                let labels = [
                    ("name", *manager),
                    ("provider", &*provider.name),
                    ("mechanism", &*provider.kind),
                ];
                family.sample(&labels, value(churn));
            }
        }
    };
    each(
        out,
        "headcount_sd_provider_changed_groups_total",
        Kind::Counter,
        "Groups of the provider that came, went or changed after its first list.",
        &|churn| count(churn.total.groups),
    );
    each(
        out,
        "headcount_sd_provider_changed_bytes_total",
        Kind::Counter,
        "Memory that these groups took.",
        &|churn| count(churn.total.bytes),
    );
    each(
        out,
        "headcount_sd_provider_group_bytes",
        Kind::Gauge,
        "Memory that the provider's groups take.",
        &|churn| count(churn.size),
    );
}

fn all(observations: &Observations) -> impl Iterator<Item = (&'static str, &Provider)> {
    observations
        .iter()
        .flat_map(|(manager, observation)| observation.providers.iter().map(move |provider| (*manager, provider)))
}
