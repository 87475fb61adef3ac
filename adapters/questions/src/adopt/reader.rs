//! Who reads the lists, and whether it reads them as they are discovered.

use headcount_backends::r#static::StaticSd;
use headcount_config::{OVERWRITTEN, ScrapeConfig};
use headcount_core::relabel::{NameValidation, RelabelRule, Relabeling};
use headcount_discoverer::mechanism::SdConfig;
use headcount_reader::is_label_name;

use super::refilled;

/// Who reads the lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reader {
    /// A version 2: it refuses a whole list for one label whose name has more than letters, digits and underscores.
    Prometheus2,
    /// A version 3.
    #[default]
    Prometheus3,
    /// A vmagent, whose rules are its own.
    Vmagent,
}

/// Why a job reads its list as it is after relabelling.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Because {
    /// The first of its rules that looks at a label which is overwritten on the way.
    Overwritten {
        /// Its place in `relabel_configs`.
        rule: usize,
    },
    /// The first of its rules that Prometheus lacks, or carries out in another way than vmagent.
    RuleOfVmagent {
        /// Its place in `relabel_configs`.
        rule: usize,
    },
    /// The first of its rules with a name that a Prometheus 2 refuses.
    RuleWithName {
        /// Its place in `relabel_configs`.
        rule: usize,
    },
    /// What it discovers with may find names that a Prometheus 2 refuses.
    FoundNames {
        /// The field that discovers.
        field: String,
    },
}

/// The mechanisms that find labels of any name; of the others, names are fixed or made of what Prometheus 2 takes.
const WITH_ANY_NAMES: [&str; 2] = ["file", "http"];

impl Reader {
    /// Why the job's list has to be one that is relabelled, if it has.
    pub(super) fn needs_relabelled(self, job: &ScrapeConfig) -> Option<Because> {
        let overwritten = looks_at_overwritten(&job.relabel_configs).map(|rule| Because::Overwritten { rule });
        let of_vmagent = job.only_vmagent.rule.filter(|_| self != Self::Vmagent);
        let of_vmagent = of_vmagent.map(|rule| Because::RuleOfVmagent { rule });
        overwritten.or(of_vmagent).or_else(|| match self {
            Self::Prometheus2 => names_for_3(job),
            Self::Prometheus3 | Self::Vmagent => None,
        })
    }

    /// How often lists are asked for, where a list can say that: for vmagent a flag says it of all. It costs nothing while
    /// nothing changes: the answer is a 304.
    pub(super) fn refresh_interval(self) -> Option<&'static str> {
        match self {
            Self::Prometheus2 | Self::Prometheus3 => Some("5s"),
            Self::Vmagent => None,
        }
    }

    /// What a job's list is asked for with, if it is one that is relabelled.
    pub(super) fn query(self) -> &'static str {
        match self {
            Self::Prometheus2 => "?relabelled=true&names=underscores",
            Self::Prometheus3 | Self::Vmagent => "?relabelled=true",
        }
    }
}

impl Because {
    /// The same as the end of a sentence.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Overwritten { rule } => format!(
                "relabel_configs[{rule}] looks at {OVERWRITTEN}, which Prometheus overwrites when it reads a list"
            ),
            Self::RuleOfVmagent { rule } => {
                format!("relabel_configs[{rule}] is vmagent's, and Prometheus would refuse it or do something else")
            }
            Self::RuleWithName { rule } => {
                format!("relabel_configs[{rule}] has the name of a label that Prometheus 2 refuses")
            }
            Self::FoundNames { field } => {
                format!("{field} may find names of labels for which Prometheus 2 refuses the whole list")
            }
        }
    }
}

/// The first rule that looks at a label which is overwritten on the way to a Prometheus.
pub fn looks_at_overwritten(rules: &Relabeling) -> Option<usize> {
    rules.rules().iter().position(|rule| rule.reads(OVERWRITTEN))
}

/// Where names may come from that only a Prometheus 3 takes.
fn names_for_3(job: &ScrapeConfig) -> Option<Because> {
    let rules = job.relabel_configs.rules().iter();
    let of_rule = rules.clone().position(has_name_for_3);
    let of_rule = of_rule.map(|rule| Because::RuleWithName { rule });
    of_rule.or_else(|| {
        // Then Prometheus relabels it, as it did before, and refuses what it refused before.
        if refilled::first(job).is_some() {
            return None;
        }
        let sd = job.sd.iter().find(|sd| may_find_names_for_3(sd))?;
        let field = match sd.mechanism() {
            "static" => "static_configs".to_owned(),
            mechanism => format!("{mechanism}_sd_configs"),
        };
        Some(Because::FoundNames { field })
    })
}

fn has_name_for_3(rule: &RelabelRule) -> bool {
    let sources = rule.source().map(|source| &*source.names).unwrap_or_default();
    let is_for_3 = |name: &String| !name.is_empty() && !is_label_name(name, true);
    sources.iter().any(is_for_3) || Relabeling::compile([rule.clone()], NameValidation::Legacy).is_err()
}

fn may_find_names_for_3(sd: &SdConfig) -> bool {
    match sd.get::<StaticSd>() {
        Some(fixed) => {
            let mut labels = fixed.groups().iter().flat_map(|group| &group.labels);
            labels.any(|(name, _)| !is_label_name(name, true))
        }
        None => WITH_ANY_NAMES.contains(&sd.mechanism()),
    }
}
