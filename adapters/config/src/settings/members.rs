//! `members`: those among whom the jobs' targets are shared out, and how.

use std::collections::BTreeSet;
use std::time::Duration;

use headcount_core::allocation::MAX_REPLICAS;
use headcount_core::relabel::RuleRegex;
use headcount_reader::{Cursor, Fields, ProblemKind, names_like, parse_regex};

use crate::section::scrape::JobNames;

/// The most members.
pub const MOST_MEMBERS: usize = 1_000;

/// How long after the request that it owed a member is gone, unless it is said otherwise.
const GRACE: Duration = Duration::from_secs(60);

/// `members`: among whom targets are shared out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MembersSettings {
    /// Who the members are.
    pub who: Who,
    /// `replication_factor`: how many members scrape each target.
    pub replicas: usize,
    /// `unshared_jobs`: the jobs of which each member scrapes all targets.
    pub unshared_jobs: BTreeSet<String>,
}

/// Who the members are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// `names`: these.
    Listed(BTreeSet<String>),
    /// `allow`: whoever asks by a name that matches.
    Asking {
        /// The names that are taken.
        allow: RuleRegex,
        /// `grace`: how long after the request that it owed a member is gone.
        grace: Duration,
    },
}

impl MembersSettings {
    pub(super) fn read(fields: Option<Fields<'_>>, jobs: &JobNames) -> Option<Self> {
        let mut fields = fields?;
        let names = fields.take_some("names");
        let allow = fields.take_some("allow");
        let grace = fields.take_some("grace");
        let replicas_at = fields.take_some("replication_factor");
        let replicas = replicas_at.as_ref().and_then(replicas).unwrap_or(1);
        let unshared_jobs = fields.take_some("unshared_jobs").map(|at| unshared(&at, jobs));
        let at = fields.at().clone();
        fields.finish();
        let who = match (names, allow) {
            (Some(names), None) => {
                if let Some(grace) = grace {
                    grace.report(ProblemKind::Rule(
                        "`grace` is for members that ask (`allow`); listed ones stay",
                    ));
                }
                listed(&names).map(Who::Listed)
            }
            (None, Some(allow)) => regex(&allow)
                .zip(grace.map_or(Some(GRACE), |at| super::job::time(&at)))
                .map(|(allow, grace)| Who::Asking { allow, grace }),
            (names, _) => {
                let at = names.as_ref().unwrap_or(&at);
                at.report(ProblemKind::Rule(
                    "say who the members are, in one way: `names` lists them, `allow` is a regex for the names of those that ask",
                ));
                None
            }
        };
        if let (Some(Who::Listed(names)), Some(at)) = (&who, &replicas_at)
            && names.len() < replicas
        {
            at.warn(ProblemKind::Rule(
                "each target is to have more members than `names` has, so it has all of them",
            ));
        }
        Some(Self {
            who: who?,
            replicas,
            unshared_jobs: unshared_jobs.unwrap_or_default(),
        })
    }
}

fn listed(at: &Cursor<'_>) -> Option<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    let texts = at.texts()?;
    for (index, (name, position)) in texts.into_iter().enumerate() {
        let problem = match name.is_empty() {
            true => "a member's name is empty",
            false if names.contains(&name) => "this member is named twice",
            false if names.len() >= MOST_MEMBERS => "there are more than 1000 members",
            false => {
                names.insert(name);
                continue;
            }
        };
        at.report_at(position, &format!("[{index}]"), ProblemKind::Rule(problem));
    }
    if names.is_empty() {
        at.report(ProblemKind::Rule("name at least one member"));
        return None;
    }
    Some(names)
}

fn regex(at: &Cursor<'_>) -> Option<RuleRegex> {
    let text = at.text()?;
    if text.is_empty() {
        at.report(ProblemKind::Rule("this matches no name; `.+` matches all"));
        return None;
    }
    parse_regex(&text).map_err(|error| at.report(error)).ok()
}

fn replicas(at: &Cursor<'_>) -> Option<usize> {
    let count = at.count().and_then(|count| usize::try_from(count).ok())?;
    if !(1..=MAX_REPLICAS).contains(&count) {
        at.report(ProblemKind::Rule(
            "each target is scraped by at least one member, and by at most 4",
        ));
        return None;
    }
    Some(count)
}

fn unshared(at: &Cursor<'_>, jobs: &JobNames) -> BTreeSet<String> {
    let mut unshared = BTreeSet::new();
    for (index, (name, position)) in at.texts().unwrap_or_default().into_iter().enumerate() {
        if jobs.lack(&name) {
            let near = names_like(&name, jobs.iter()).into_iter().map(str::to_owned).collect();
            let kind = ProblemKind::NoSuchJob {
                job: name.clone(),
                near,
            };
            at.report_at(position, &format!("[{index}]"), kind);
        }
        unshared.insert(name);
    }
    unshared
}
