//! The answer, as JSON has it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::lookup::Target;

/// How an inventory is covered.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    pub(super) inventory: Source,
    /// Whether a host was to be scraped once in all.
    #[serde(skip)]
    pub(super) once: bool,
    #[serde(flatten)]
    pub(super) hosts: Hosts,
    /// Who could not be asked, so that the answer is not certain.
    pub(super) troubles: Vec<String>,
    /// What else is remarkable.
    pub(super) notes: Vec<String>,
}

/// What can be wrong between an inventory and the targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Finding {
    /// A host of which nothing is scraped.
    Uncovered,
    /// A host that is scraped more than once.
    Repeated,
    /// A target of a host that the inventory does not have.
    Unknown,
}

/// What the inventory is.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Source {
    pub(super) from: String,
    pub(super) format: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) field: Option<String>,
    pub(super) hosts: usize,
}

/// Hosts and targets, brought together.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Hosts {
    /// Hosts of which a target is scraped.
    pub(super) covered: usize,
    /// Those of them that several jobs scrape.
    pub(super) in_several_jobs: usize,
    /// By reason, then in the order of the inventory.
    pub(super) uncovered: Vec<Uncovered>,
    /// In the order of the inventory.
    pub(super) repeated: Vec<Repeated>,
    /// By job, then by address.
    pub(super) unknown: Vec<Unknown>,
    pub(super) jobs: BTreeMap<String, JobCounts>,
    /// Targets that are not scraped and lack the label that `--key` names.
    #[serde(skip)]
    pub(super) unlabelled: usize,
}

/// A host of which nothing is scraped.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Uncovered {
    pub(super) host: String,
    pub(super) because: Because,
    /// Its targets, none of which is scraped; the first came nearest to it, in the job that covers most.
    pub(super) seen: Vec<Seen>,
    /// The address of a target that nobody knows, and whose name differs by the domain only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) near: Option<String>,
}

/// Why a host is not covered: what came nearest to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Because {
    OverLimit,
    Invalid,
    Duplicate,
    Dropped,
    NotFound,
}

/// A target that is not scraped.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Seen {
    pub(super) job: String,
    pub(super) address: String,
    /// A fate as the API has it.
    pub(super) state: String,
    /// Of a dropped one: the rule, by its place in `relabel_configs`, and its action.
    #[serde(flatten)]
    pub(super) rule: Option<Rule>,
    pub(super) why: String,
}

/// A rule of a job.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Rule {
    pub(super) rule: u64,
    pub(super) action: String,
}

/// A host that is scraped more than once.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Repeated {
    pub(super) host: String,
    /// The addresses of its targets.
    pub(super) jobs: BTreeMap<String, Vec<String>>,
}

/// A target that is scraped, and of no host in the inventory.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Unknown {
    pub(super) job: String,
    pub(super) address: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) instance: Option<String>,
    /// What was looked for in the inventory; none if the target lacks the label that `--key` names.
    pub(super) host: Option<String>,
}

/// What is counted of a job.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct JobCounts {
    /// Targets that are scraped.
    pub(super) targets: usize,
    /// Hosts of the inventory that they cover.
    pub(super) hosts: usize,
    /// Those hosts that it scrapes more than once.
    pub(super) repeated: usize,
    /// Targets that are scraped, of hosts that the inventory does not have.
    pub(super) unknown: usize,
    /// Dropped targets that the API lists.
    #[serde(skip)]
    pub(super) dropped: usize,
}

impl Report {
    /// Whether there is any such thing.
    #[must_use]
    pub fn has(&self, finding: Finding) -> bool {
        match finding {
            Finding::Uncovered => !self.hosts.uncovered.is_empty(),
            Finding::Repeated => !self.hosts.repeated.is_empty(),
            Finding::Unknown => !self.hosts.unknown.is_empty(),
        }
    }

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
}

impl Uncovered {
    /// Why, as it may be for many: without what is the host's own.
    pub(super) fn reason(&self) -> String {
        let word = self.because.word();
        match self.seen.first() {
            Some(Seen { job, rule: None, .. }) => format!("{word} in job {job:?}"),
            Some(Seen {
                job,
                rule: Some(Rule { rule, action }),
                ..
            }) => {
                format!("{word} by relabel_configs[{rule}] ({action}) of job {job:?}")
            }
            None => word.to_owned(),
        }
    }
}

impl Because {
    pub(super) fn of(seen: &Seen) -> Self {
        match &*seen.state {
            "overLimit" => Self::OverLimit,
            "invalid" => Self::Invalid,
            "duplicate" => Self::Duplicate,
            _ => Self::Dropped,
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::OverLimit => "over a limit",
            Self::Invalid => "invalid",
            Self::Duplicate => "duplicate",
            Self::Dropped => "dropped",
            Self::NotFound => "not found",
        }
    }
}

impl Seen {
    pub(super) fn of(target: &Target) -> Self {
        Self {
            job: target.scrape_pool.clone(),
            address: target.address().to_owned(),
            state: target.fate.state.clone(),
            rule: target.fate.rule().map(|(rule, action)| Rule {
                rule,
                action: action.to_owned(),
            }),
            why: target.why().to_owned(),
        }
    }
}
