//! What becomes of one job's targets.
//!
//! The one rule: **what is written is what a reload does in the daemon**, as `reload` does it to the core's
//! pool; labels and reasons are looked up for that, and nothing is compared here that the core compares.

use std::collections::BTreeSet;

use headcount_config::ScrapeConfig;
use headcount_core::{JobOptions, Snapshot};

use super::formatter::TargetFormatter;
use super::pairs::pairs;
use super::reload::{ids, pool_of, reload};
use super::report::{Counts, JobDiff, JobState};
use super::settings::settings;
use super::sides::{Side, Use, set_name};
use super::writer::JobWriter;

/// A job of either configuration, or of both.
pub(super) struct Compared<'a> {
    pub(super) name: &'a str,
    pub(super) old: Option<&'a ScrapeConfig>,
    pub(super) new: Option<&'a ScrapeConfig>,
    /// The sides on which one of its providers could not be asked.
    pub(super) unasked: &'a BTreeSet<Side>,
}

/// Compares a job's two sides, whose sets are in `snapshot`.
pub(super) fn compare(compared: &Compared<'_>, snapshot: &Snapshot) -> Option<JobDiff> {
    let (old_job, new_job) = (compared.old, compared.new);
    // A side without the job has no targets, whatever it would make of them.
    let old_options = JobOptions::from(old_job.or(new_job)?);
    let new_options = JobOptions::from(new_job.or(old_job)?);
    let (old_name, new_name) = (
        set_name(Side::Old, Use::Job, compared.name),
        set_name(Side::New, Use::Job, compared.name),
    );
    let (old_set, new_set) = (snapshot.set(&old_name), snapshot.set(&new_name));
    let (old_ids, new_ids) = (ids(old_set), ids(new_set));
    let old_pool = pool_of(old_options.clone(), old_set);
    let mut diff = JobDiff {
        job: compared.name.to_owned(),
        state: match (old_job, new_job) {
            (None, _) => JobState::Added,
            (_, None) => JobState::Removed,
            _ => JobState::Unchanged,
        },
        settings: match (old_job, new_job) {
            (Some(old), Some(new)) => settings(old, new),
            _ => Vec::new(),
        },
        before: old_job.map(|_| Counts::of(&old_pool)),
        after: new_job.map(|_| Counts::of(&old_pool)),
        kept: old_pool.counts().active,
        started: Vec::new(),
        stopped: Vec::new(),
        relabelled: Vec::new(),
        moved: Vec::new(),
        others: Vec::new(),
    };
    if old_options != new_options || old_ids != new_ids {
        let mut new_pool = pool_of(old_options, old_set);
        let outputs = reload(&mut new_pool, new_options, old_set, new_set);
        diff.after = new_job.map(|_| Counts::of(&new_pool));
        let came = outputs.started.len() + outputs.relabelled.len();
        diff.kept = new_pool.counts().active.saturating_sub(came);
        let old = TargetFormatter::new(&old_pool, snapshot, compared.name, old_job.is_some());
        let new = TargetFormatter::new(&new_pool, snapshot, compared.name, new_job.is_some());
        let mut writer = JobWriter::new(old, new, compared.unasked, &outputs, &mut diff);
        pairs(&old_pool, old_set, &new_pool, new_set, |pair| writer.write(&pair));
        writer.finish();
    }
    if diff.state == JobState::Unchanged && (diff.has_other_targets() || !diff.settings.is_empty()) {
        diff.state = JobState::Changed;
    }
    Some(diff)
}
