//! `members`: those among whom the jobs' targets are shared out, and how.

mod found;

use std::collections::BTreeSet;
use std::time::Duration;

use headcount_core::allocation::MAX_REPLICAS;
use headcount_core::planted;
use headcount_core::relabel::{NameValidation, RuleRegex};
use headcount_reader::{Cursor, Fields, ProblemKind, names_like, parse_regex};

use crate::section::Reading;
use crate::section::scrape::JobNames;

pub use found::{FoundMembers, MemberIdentity};

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
    /// `weighted`: what the targets of each weigh is about the same.
    Weighted {
        /// `weight_label`: the label, after relabelling, that says what a target weighs, as a whole number.
        label: String,
    },
}

impl MemberStrategy {
    /// The labels that are said to name a target's node; none where nothing is said, or nodes don't matter.
    pub fn node_labels(&self) -> &[String] {
        match self {
            Self::PerNode { labels, .. } => labels,
            Self::Consistent | Self::Weighted { .. } => &[],
        }
    }
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
        /// `identity: seat`: whether they have numbered places.
        has_seats: bool,
    },
    /// `*_sd_configs`: those that are found.
    Found(Box<FoundMembers>),
}

impl MembersSettings {
    pub(super) fn read(
        fields: Option<Fields<'_>>,
        jobs: &JobNames,
        naming: NameValidation,
        reading: Reading<'_>,
    ) -> Option<Self> {
        let mut fields = fields?;
        let replicas_at = fields.take_some("replication_factor");
        let replicas = replicas_at.as_ref().and_then(replicas).unwrap_or(1);
        let unshared_jobs = fields.take_some("unshared_jobs").map(|at| unshared(&at, jobs));
        let strategy = strategy(&mut fields);
        let who = who(&mut fields, naming, reading, &strategy);
        fields.finish();
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

    /// Where members are found, if they are.
    pub fn found(&self) -> Option<&FoundMembers> {
        match &self.who {
            Who::Found(found) => Some(found),
            Who::Listed(_) | Who::Asking { .. } => None,
        }
    }
}

/// Who the members are; nothing if that can't be said.
fn who(
    fields: &mut Fields<'_>,
    naming: NameValidation,
    reading: Reading<'_>,
    strategy: &MemberStrategy,
) -> Option<Who> {
    let names = fields.take_some("names");
    let allow = fields.take_some("allow");
    let grace_at = fields.take_some("grace");
    let identity_at = fields.take_some("identity");
    let is_found = found::is_said(fields);
    if is_found && names.is_none() && allow.is_none() {
        let (sd, relabeling) = found::read(fields, naming, reading);
        let grace = grace_at.map_or(Some(GRACE), |at| super::job::time(&at))?;
        let identity = identity(identity_at.as_ref(), strategy)?;
        return Some(Who::Found(Box::new(FoundMembers {
            sd,
            relabeling,
            identity,
            grace,
        })));
    }
    if !is_found && let Some(rules) = fields.take_some("relabel_configs") {
        rules.report(ProblemKind::Rule("this is for members that are found by a mechanism"));
    }
    match (names, allow) {
        (Some(names), None) if !is_found => {
            for at in [grace_at, identity_at].into_iter().flatten() {
                at.report(ProblemKind::Rule(
                    "this is for members that ask (`allow`) or are found; listed ones stay, and are called what the list says",
                ));
            }
            listed(&names).map(Who::Listed)
        }
        (None, Some(allow)) if !is_found => {
            let has_seats = match identity(identity_at.as_ref(), strategy)? {
                MemberIdentity::Name => false,
                MemberIdentity::Seat => true,
                MemberIdentity::Node => {
                    if let Some(at) = &identity_at {
                        at.report(ProblemKind::Rule(
                            "a member that asks is called what it says; this is for members that are found by a mechanism",
                        ));
                    }
                    return None;
                }
            };
            regex(&allow)
                .zip(grace_at.map_or(Some(GRACE), |at| super::job::time(&at)))
                .map(|(allow, grace)| Who::Asking {
                    allow,
                    grace,
                    has_seats,
                })
        }
        (names, allow) => {
            let at = names.or(allow).unwrap_or_else(|| fields.at().clone());
            at.report(ProblemKind::Rule(
                "say who the members are, in one way: `names` lists them, `allow` is a regex for the names of those that ask, \
                 and what `*_sd_configs` find are those that are found",
            ));
            // What there is of it is no unknown field.
            if is_found {
                found::read(fields, naming, reading);
            }
            None
        }
    }
}

fn identity(at: Option<&Cursor<'_>>, strategy: &MemberStrategy) -> Option<MemberIdentity> {
    let Some(at) = at else {
        return Some(MemberIdentity::default());
    };
    let identity = MemberIdentity::read(at)?;
    let is_per_node = matches!(strategy, MemberStrategy::PerNode { .. });
    if identity == MemberIdentity::Seat && planted!(is_per_node, SeatsOfNodes, false) {
        at.report(ProblemKind::Rule(
            "with `strategy: per_node` a target belongs to the member that is called like its node, whatever seat that has",
        ));
        return None;
    }
    Some(identity)
}

fn strategy(fields: &mut Fields<'_>) -> MemberStrategy {
    const WORDS: [&str; 3] = ["consistent", "per_node", "weighted"];
    let strategy = fields.take_some("strategy");
    let labels = fields.take_some("node_labels");
    let fallback = fields.take_some("fallback");
    let weight = fields.take_some("weight_label");
    let word = match &strategy {
        None => Some("consistent"),
        Some(at) => one_of(at, WORDS, "consistent, per_node, weighted"),
    };
    let others = [
        (&labels, "per_node", "this is for `strategy: per_node`"),
        (&fallback, "per_node", "this is for `strategy: per_node`"),
        (&weight, "weighted", "this is for `strategy: weighted`"),
    ];
    for (at, of, problem) in others {
        if let Some(at) = at
            && word.is_some_and(|word| word != of)
        {
            at.report(ProblemKind::Rule(problem));
        }
    }
    match word {
        Some("per_node") => {
            let fallback = fallback.and_then(|at| one_of(&at, ["none", "consistent"], "none, consistent"));
            MemberStrategy::PerNode {
                labels: labels.map(|at| node_labels(&at)).unwrap_or_default(),
                has_fallback: fallback != Some("none"),
            }
        }
        Some("weighted") => {
            if let (None, Some(at)) = (&weight, &strategy) {
                at.report(ProblemKind::Rule(
                    "say with `weight_label` which label says what a target weighs, such as how many samples it has",
                ));
            }
            MemberStrategy::Weighted {
                label: weight.and_then(|at| weight_label(&at)).unwrap_or_default(),
            }
        }
        _ => MemberStrategy::Consistent,
    }
}

/// The one of some words that it is.
fn one_of<const N: usize>(at: &Cursor<'_>, words: [&'static str; N], allowed: &'static str) -> Option<&'static str> {
    let found = at.text()?;
    let word = words.into_iter().find(|word| *word == found);
    if word.is_none() {
        at.report(ProblemKind::NotOneOf { found, allowed });
    }
    word
}

fn weight_label(at: &Cursor<'_>) -> Option<String> {
    let name = at.text()?;
    if name.is_empty() {
        at.report(ProblemKind::LabelName { name, legacy: false });
        return None;
    }
    if name.starts_with("__meta_") {
        at.report(ProblemKind::Rule(
            "labels that begin with `__meta_` are gone after relabelling; have a rule write it to another, which may begin with `__`",
        ));
        return None;
    }
    Some(name)
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
