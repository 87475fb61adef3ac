//! `members`: those among whom the jobs' targets are shared out, and how.

use std::collections::BTreeSet;
use std::time::Duration;

use headcount_core::allocation::MAX_REPLICAS;
use headcount_core::planted;
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
    /// `strategy`: what decides who scrapes a target.
    pub strategy: MemberStrategy,
}

/// What decides who scrapes a target.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum MemberStrategy {
    /// `consistent`: all have about the same number.
    #[default]
    Consistent,
    /// `per_node`: the member that is called like the target's node.
    PerNode {
        /// `node_labels`: the labels that name it, of which the first counts that a target has; none for
        /// [those of Kubernetes](NODE_LABELS).
        labels: Vec<String>,
        /// `fallback`: whether targets without a node, or whose node has no member, are shared out among all; if not, nobody
        /// scrapes them.
        has_fallback: bool,
    },
}

/// The labels that name a target's node unless others are said, as OpenTelemetry's target allocator has them; beside them
/// `__meta_kubernetes_endpointslice_address_target_name`, where what it names is a node.
pub const NODE_LABELS: [&str; 3] = [
    "__meta_kubernetes_pod_node_name",
    "__meta_kubernetes_node_name",
    "__meta_kubernetes_endpoint_node_name",
];

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
        let strategy = strategy(&mut fields);
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
            strategy,
        })
    }
}

fn strategy(fields: &mut Fields<'_>) -> MemberStrategy {
    let strategy = fields.take_some("strategy");
    let labels = fields.take_some("node_labels");
    let fallback = fields.take_some("fallback");
    let is_per_node = strategy
        .as_ref()
        .and_then(|at| one_of(at, ["consistent", "per_node"], "consistent, per_node"));
    if is_per_node != Some(true) {
        for at in [&labels, &fallback]
            .into_iter()
            .flatten()
            .filter(|_| is_per_node == Some(false) || strategy.is_none())
        {
            at.report(ProblemKind::Rule("this is for `strategy: per_node`"));
        }
        return MemberStrategy::Consistent;
    }
    let has_fallback = fallback.and_then(|at| one_of(&at, ["none", "consistent"], "none, consistent"));
    MemberStrategy::PerNode {
        labels: labels.map(|at| node_labels(&at)).unwrap_or_default(),
        has_fallback: has_fallback.unwrap_or(true),
    }
}

/// Whether it is the second of two words.
fn one_of(at: &Cursor<'_>, words: [&str; 2], allowed: &'static str) -> Option<bool> {
    let found = at.text()?;
    let place = words.iter().position(|word| *word == found);
    if place.is_none() {
        at.report(ProblemKind::NotOneOf { found, allowed });
    }
    place.map(|place| place == 1)
}

fn node_labels(at: &Cursor<'_>) -> Vec<String> {
    let labels = at.texts().unwrap_or_default();
    if labels.is_empty() && at.is_list() {
        at.report(ProblemKind::Rule(
            "name at least one label, or leave this out for those of Kubernetes",
        ));
    }
    for (index, (name, position)) in labels.iter().enumerate().filter(|(_, (name, _))| name.is_empty()) {
        let kind = ProblemKind::LabelName {
            name: name.clone(),
            legacy: false,
        };
        at.report_at(*position, &format!("[{index}]"), kind);
    }
    labels.into_iter().map(|(name, _)| name).collect()
}

fn listed(at: &Cursor<'_>) -> Option<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    let texts = at.texts()?;
    for (index, (name, position)) in texts.into_iter().enumerate() {
        let problem = match name.is_empty() {
            true => "a member's name is empty",
            false if planted!(names.contains(&name), MemberNamedTwice, false) => "this member is named twice",
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
        if planted!(jobs.lack(&name), UnknownUnsharedJob, false) {
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
