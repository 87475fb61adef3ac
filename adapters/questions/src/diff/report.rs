//! The answer, as JSON has it.

use std::collections::BTreeMap;

use headcount_core::TargetPool;
use serde::Serialize;

use super::own_settings::OwnSetting;
use super::providers::Providers;
use super::settings::Setting;
use super::sides::Side;
use headcount_service::LabelChange;

/// What a reload would change.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    pub(super) old: String,
    pub(super) new: String,
    /// Sorted by name.
    pub(super) jobs: Vec<JobDiff>,
    pub(super) providers: Providers,
    /// What headcount's own files say otherwise, by field.
    pub(super) settings: Vec<OwnSetting>,
    pub(super) alertmanagers: AlertmanagersDiff,
    /// Who could not be asked.
    pub(super) troubles: Vec<Trouble>,
}

/// A provider that could not be asked.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Trouble {
    /// The configurations that want it.
    pub(super) sides: Vec<Side>,
    /// Who reads it.
    pub(super) readers: Vec<String>,
    pub(super) reason: String,
}

/// Where alerts are sent.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AlertmanagersDiff {
    pub(super) started: Vec<String>,
    pub(super) stopped: Vec<String>,
    /// Whether one who could not be asked may know those that are started, or stopped.
    pub(super) uncertain_started: bool,
    pub(super) uncertain_stopped: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum JobState {
    Added,
    Removed,
    Changed,
    Unchanged,
}

/// What becomes of a job.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct JobDiff {
    pub(super) job: String,
    pub(super) state: JobState,
    pub(super) settings: Vec<Setting>,
    pub(super) before: Option<Counts>,
    pub(super) after: Option<Counts>,
    /// Targets that are scraped before and after, and do not differ.
    pub(super) kept: usize,
    pub(super) started: Vec<Target>,
    pub(super) stopped: Vec<Target>,
    /// Scraped where they were, with other labels.
    pub(super) relabelled: Vec<Relabelled>,
    /// Stopped, and started at another URL.
    pub(super) moved: Vec<Relabelled>,
    /// Not scraped before or after, for reasons of another kind; or scraped, and over a limit.
    pub(super) others: Vec<Target>,
}

/// How many targets have which fate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Counts {
    /// Scraped, or over a limit.
    pub(super) active: usize,
    /// Of those, the ones whose scrapes all fail: they are over a limit.
    pub(super) over_limit: usize,
    pub(super) dropped: usize,
    pub(super) duplicate: usize,
    pub(super) invalid: usize,
}

/// A discovered target, before and after.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Target {
    pub(super) address: String,
    /// Where it is or was scraped, and with which labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) url: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) labels: BTreeMap<String, String>,
    /// Its group.
    pub(super) source: String,
    pub(super) before: State,
    pub(super) after: State,
    /// Whether one who could not be asked may know better.
    pub(super) uncertain: bool,
}

/// What becomes of a target on one side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct State {
    /// A fate as the API has it, or `notFound` or `noJob`.
    pub(super) state: &'static str,
    /// Why, for all but active ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<String>,
}

/// A target whose labels differ.
#[derive(Debug, Serialize)]
pub(super) struct Relabelled {
    pub(super) address: String,
    /// Where it is scraped afterwards.
    pub(super) url: String,
    pub(super) changes: Vec<LabelChange>,
}

impl Report {
    /// Whether everybody could be asked.
    #[must_use]
    pub fn is_certain(&self) -> bool {
        self.troubles.is_empty()
    }

    /// The answer for people; of each list `limit` entries at most.
    #[must_use]
    pub fn text(&self, limit: usize) -> String {
        super::output::text(self, limit)
    }

    /// Whether a reload would change anything.
    #[must_use]
    pub fn differs(&self) -> bool {
        let alertmanagers = &self.alertmanagers;
        self.jobs.iter().any(|job| job.state != JobState::Unchanged)
            || !self.providers.changed.is_empty()
            || !self.settings.is_empty()
            || !alertmanagers.started.is_empty()
            || !alertmanagers.stopped.is_empty()
    }

    pub(super) fn count(&self, state: JobState) -> usize {
        self.jobs.iter().filter(|job| job.state == state).count()
    }
}

impl JobDiff {
    /// How many targets are over a limit that were not, or were not there.
    pub(super) fn newly_over_limit(&self) -> usize {
        let over = |counts: Option<Counts>| counts.map_or(0, |counts| counts.over_limit);
        over(self.after).saturating_sub(over(self.before))
    }

    /// Whether anything is to be written of its targets.
    pub(super) fn has_other_targets(&self) -> bool {
        !(self.started.is_empty()
            && self.stopped.is_empty()
            && self.relabelled.is_empty()
            && self.moved.is_empty()
            && self.others.is_empty())
    }
}

impl Counts {
    pub(super) fn of(pool: &TargetPool) -> Self {
        let counts = pool.counts();
        Self {
            active: counts.active,
            over_limit: pool.over_limit(),
            dropped: counts.dropped,
            duplicate: counts.duplicate,
            invalid: counts.invalid,
        }
    }
}

impl State {
    pub(super) const NOT_FOUND: Self = Self {
        state: "notFound",
        message: None,
    };
    pub(super) const NO_JOB: Self = Self {
        state: "noJob",
        message: None,
    };
}
