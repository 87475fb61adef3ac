//! `headcount.yml`: what is headcount's own, and stands beside a `prometheus.yml`.
//!
//! * `job`: what can be said of all jobs (`defaults`) and of each (`jobs`); `throttle`, `process` (`web`, `state`):
//!   what there is once; `members`: among whom targets are shared out.
//! * `fields`: what is said, field by field, to compare two files. `schema`: the JSON Schema, for editors.
//!
//! The one rule: **what is said counts, or is refused.** A job that does not exist, a field in the wrong place, a
//! section that a later version will have: each is an error with its place, and nothing is passed over.

mod fields;
mod job;
mod members;
mod process;
mod schema;
mod throttle;

use std::collections::BTreeMap;
use std::path::PathBuf;

use headcount_reader::{Cursor, Fields, Position, ProblemKind, ShownYaml, names_like};

pub use job::{JobSettings, Limit};
pub use members::{FoundMembers, MOST_MEMBERS, MemberIdentity, MemberStrategy, MembersSettings, NODE_LABELS, Who};
pub use process::{StateSettings, WebSettings};
pub use schema::SETTINGS_SCHEMA;
pub use throttle::ThrottleSettings;

use crate::section::Reading;
use crate::section::global::Global;
use crate::section::scrape::{self, JobNames, ScrapeConfig};

/// What the file is called when it stands beside a `prometheus.yml`.
pub const SETTINGS_FILE: &str = "headcount.yml";

/// For how many jobs that do not exist others are suggested.
const SUGGESTIONS: usize = 100;

/// What is kept for later versions.
const RESERVED: [&str; 3] = ["records", "join", "cluster"];

/// What a `headcount.yml` says, besides further jobs. What is absent is not said.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Settings {
    /// The file; `None` if there is none.
    pub file: Option<PathBuf>,
    /// `defaults`: for all jobs.
    pub defaults: JobSettings,
    /// `defaults.throttle`.
    pub throttle: ThrottleSettings,
    /// `jobs`: for some of them, by name.
    pub jobs: BTreeMap<String, JobSettings>,
    /// `web`.
    pub web: WebSettings,
    /// `state`.
    pub state: StateSettings,
    /// `members`: among whom targets are shared out, if they are.
    pub members: Option<MembersSettings>,
    /// The file as it may be shown.
    pub redacted: ShownYaml,
}

impl Settings {
    /// What counts for a job: what is said of it, and else what is said for all.
    #[must_use]
    pub fn of_job(&self, job: &str) -> JobSettings {
        let own = self.jobs.get(job).copied().unwrap_or_default();
        own.or(self.defaults)
    }
}

/// Reads the file's tree: the settings, and the jobs of its `scrape_configs`.
pub(crate) fn read(
    root: &Cursor<'_>,
    global: &Global,
    reading: Reading<'_>,
    names: &mut JobNames,
) -> (Settings, Vec<ScrapeConfig>) {
    let (mut settings, mut jobs) = (Settings::default(), Vec::new());
    let Some(mut fields) = root.fields() else {
        return (settings, jobs);
    };
    // First, since they are jobs that `jobs` may name.
    if let Some(list) = fields.take("scrape_configs") {
        jobs = scrape::read_all(&list, global, reading, names);
    }
    if let Some(mut defaults) = inside(&mut fields, "defaults") {
        settings.defaults = JobSettings::read(&mut defaults);
        settings.throttle = ThrottleSettings::read(&mut defaults);
        defaults.finish();
    }
    if let Some(at) = fields.take("jobs") {
        settings.jobs = read_jobs(&at, settings.defaults, names);
    }
    settings.web = WebSettings::read(inside(&mut fields, "web"));
    settings.state = StateSettings::read(inside(&mut fields, "state"), reading.folder);
    settings.members = MembersSettings::read(inside(&mut fields, "members"), names, global.name_validation, reading);
    refuse(&mut fields);
    fields.finish();
    (settings, jobs)
}

fn inside<'a>(fields: &mut Fields<'a>, name: &'static str) -> Option<Fields<'a>> {
    fields.take_some(name)?.fields()
}

fn read_jobs(at: &Cursor<'_>, defaults: JobSettings, names: &JobNames) -> BTreeMap<String, JobSettings> {
    let mut jobs = BTreeMap::new();
    let mut unknown = 0;
    for (name, key, entry) in at.entries_with_places().unwrap_or_default() {
        if names.lack(&name) {
            unknown += 1;
            report_unknown(at, key, &name, (unknown <= SUGGESTIONS).then_some(names));
        }
        if entry.is_null() {
            entry.report(ProblemKind::EmptyEntry);
        }
        let Some(mut fields) = entry.fields() else { continue };
        let job = JobSettings::read(&mut fields);
        job.warn_of_no_guard(defaults, &fields);
        ThrottleSettings::refuse(&mut fields);
        fields.finish();
        jobs.insert(name, job);
    }
    jobs
}

fn report_unknown(at: &Cursor<'_>, key: Position, name: &str, known: Option<&JobNames>) {
    let near = known.map(|known| names_like(name, known.iter())).unwrap_or_default();
    let kind = ProblemKind::NoSuchJob {
        job: name.to_owned(),
        near: near.into_iter().map(str::to_owned).collect(),
    };
    at.report_at(key, &format!(".{name}"), kind);
}

/// Refuses what stands here and belongs elsewhere, with the place where it belongs.
fn refuse(fields: &mut Fields<'_>) {
    for section in RESERVED {
        if let Some(at) = fields.take(section) {
            at.report(ProblemKind::Reserved { section });
        }
    }
    for name in job::FIELDS.into_iter().chain([throttle::FIELD]) {
        if let Some(at) = fields.take(name) {
            at.report(ProblemKind::Rule(match name {
                throttle::FIELD => "this belongs into `defaults`",
                _ => "this belongs into `defaults`, or to a job in `jobs`",
            }));
        }
    }
    for name in ["global", "alerting", "scrape_config_files", "rule_files"] {
        if let Some(at) = fields.take(name) {
            at.report(ProblemKind::Rule("this belongs into prometheus.yml"));
        }
    }
}

#[cfg(test)]
mod tests;
