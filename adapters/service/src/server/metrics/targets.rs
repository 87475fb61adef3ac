//! The jobs' targets: how many have which fate, and how often they changed.

use headcount_core::{FateCounts, TargetPool};

use super::exposition::{Exposition, Kind, count};
use crate::app::App;

type OfCounts = fn(&FateCounts) -> usize;

/// Fates that are counted for each job, under names of ours.
const FATES: [(&str, OfCounts); 5] = [
    ("active", |counts| counts.active),
    ("dropped", |counts| counts.dropped),
    ("duplicate", |counts| counts.duplicate),
    ("invalid", |counts| counts.invalid),
    ("over_label_limits", |counts| counts.over_label_limits),
];

/// Adds all of them.
pub(super) fn targets(out: &mut Exposition, app: &App) {
    app.targets.read(|state| {
        let each = |out: &mut Exposition, name: &str, help: &str, value: &dyn Fn(&TargetPool) -> Option<f64>| {
            let mut family = out.family(name, Kind::Gauge, help);
            for (job, pool) in state.pools.pools() {
                if let Some(value) = value(pool) {
                    family.sample(&[("scrape_job", job)], value);
                }
            }
        };
        each(
            out,
            "prometheus_target_scrape_pool_targets",
            "Targets that are active, those over a limit included.",
            &|pool| Some(count(pool.counts().active)),
        );
        each(
            out,
            "prometheus_target_scrape_pool_target_limit",
            "target_limit; 0 for none.",
            &|pool| Some(pool.options().limits.targets.map_or(0.0, |limit| count(limit.get()))),
        );
        each(
            out,
            "headcount_target_shared_labels",
            "Sets of labels that several active targets have: their samples end in the same series.",
            &|pool| Some(count(pool.counts().shared_labels)),
        );
        let help =
            "Discovered targets by what became of them. Those over a limit of labels are active or duplicate, too.";
        let mut family = out.family("headcount_target_fates", Kind::Gauge, help);
        for (job, pool) in state.pools.pools() {
            let counts = pool.counts();
            for (fate, of) in FATES {
                family.sample(&[("scrape_job", job), ("fate", fate)], count(of(&counts)));
            }
        }
    });
    counters(out, app);
}

fn counters(out: &mut Exposition, app: &App) {
    let published = app.targets.published();
    let counters = &published.counters;
    out.family(
        "prometheus_target_scrape_pool_exceeded_target_limit_total",
        Kind::Counter,
        "Times that a job had more targets than target_limit after they changed.",
    )
    .sample(&[], count(counters.exceeded_target_limit));
    let help = "Times that a job's targets changed.";
    let mut family = out.family("prometheus_target_scrape_pool_sync_total", Kind::Counter, help);
    for (job, syncs) in &counters.job_syncs {
        family.sample(&[("scrape_job", job)], count(*syncs));
    }
    let help = "Targets that could not be scraped, counted each time that their job's targets changed.";
    let mut family = out.family("prometheus_target_sync_failed_total", Kind::Counter, help);
    for (job, failed) in &counters.failed {
        family.sample(&[("scrape_job", job)], count(*failed));
    }
    let help = "How long it took to work out what a snapshot or a configuration changed, for all jobs.";
    let mut family = out.family("headcount_target_sync_length_seconds", Kind::Summary, help);
    family.sample_of("_sum", &[], counters.sync_time.as_secs_f64());
    family.sample_of("_count", &[], count(counters.syncs));
}
