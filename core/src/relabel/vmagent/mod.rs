//! What vmagent's relabelling has and Prometheus's lacks: rules of [`RelabelRule`](super::RelabelRule) like the others.
//!
//! * [`VmagentRule`]: its actions.
//! * [`Selector`]: what stands in a rule's `if`.
//!
//! **A rule means what the newest vmagent makes of it**, with labels that are empty absent at once, where vmagent removes them
//! after the last rule.

mod condition;
mod fill;
mod graphite;
mod machine;

use core::num::NonZeroU64;
use std::sync::LazyLock;

use super::{RuleRegex, SourceLabels};

pub(super) use condition::Condition;
pub use condition::{Filter, FilterTest, Selector};
pub(super) use fill::Fill;
use fill::{Part, Piece, references};
pub(super) use graphite::Graphite;

/// The label that Graphite's names stand in.
const NAME: &str = "__name__";
/// What rules for Graphite's names look at.
static GRAPHITE_SOURCE: LazyLock<SourceLabels> = LazyLock::new(|| SourceLabels {
    names: vec![NAME.to_owned()],
    ..SourceLabels::default()
});

/// A rule with an action that only vmagent has, or by which it means something else.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum VmagentRule {
    /// Drops the target unless all labels of the source have one value.
    KeepIfEqual {
        /// What is looked at.
        source: SourceLabels,
    },
    /// Drops the target if all labels of the source have one value.
    DropIfEqual {
        /// What is looked at.
        source: SourceLabels,
    },
    /// Drops the target unless each value of the source stands in a label's value.
    KeepIfContains {
        /// What is looked for.
        source: SourceLabels,
        /// The label in which it is looked for.
        target_label: String,
    },
    /// Drops the target if each value of the source stands in a label's value.
    DropIfContains {
        /// What is looked for.
        source: SourceLabels,
        /// The label in which it is looked for.
        target_label: String,
    },
    /// Sets a label to the source with each match of `regex` replaced, if that makes a difference.
    ReplaceAll {
        /// What is looked at.
        source: SourceLabels,
        /// What is replaced; not anchored.
        regex: RuleRegex,
        /// The label that is set.
        target_label: String,
        /// What it is replaced with; may refer to the expression's groups.
        replacement: String,
    },
    /// `replace` with labels in the replacement: `{{name}}` is the label's value, and what is filled in may refer to groups
    /// in its turn.
    Fill {
        /// What is looked at.
        source: SourceLabels,
        /// What has to match.
        regex: RuleRegex,
        /// The label that is set; may refer to the expression's groups.
        target_label: String,
        /// What it is set to.
        replacement: String,
    },
    /// `hashmod` by the hash that vmagent takes: XXH64.
    HashMod {
        /// What is looked at.
        source: SourceLabels,
        /// The label that is set.
        target_label: String,
        /// The number.
        modulus: NonZeroU64,
    },
    /// `labelmap` in vmagent's order: labels sorted by name as they were discovered, then those that rules added. Of several
    /// that are copied to one name the last counts, and one that was set before its turn comes passes on what it was set to.
    LabelMap {
        /// What a name has to match.
        regex: RuleRegex,
        /// The other name; may refer to the expression's groups.
        replacement: String,
    },
    /// Gives labels other names, with each match of `regex` in a name replaced. Of labels that get one name, the one whose
    /// name came first in the alphabet stays.
    LabelMapAll {
        /// What is replaced; not anchored.
        regex: RuleRegex,
        /// What it is replaced with; may refer to the expression's groups.
        replacement: String,
    },
    /// Sets labels from the parts of the name of a metric in Graphite's way, if it matches.
    Graphite {
        /// What `__name__` has to be; a `*` takes all up to a dot.
        template: String,
        /// Labels, and what they are set to: `$1`, `${1}` is what the first `*` took.
        labels: Vec<(String, String)>,
    },
}

impl VmagentRule {
    pub(super) fn action(&self) -> &'static str {
        match self {
            Self::KeepIfEqual { .. } => "keep_if_equal",
            Self::DropIfEqual { .. } => "drop_if_equal",
            Self::KeepIfContains { .. } => "keep_if_contains",
            Self::DropIfContains { .. } => "drop_if_contains",
            Self::ReplaceAll { .. } => "replace_all",
            Self::Fill { .. } => "replace",
            Self::HashMod { .. } => "hashmod",
            Self::LabelMap { .. } => "labelmap",
            Self::LabelMapAll { .. } => "labelmap_all",
            Self::Graphite { .. } => "graphite",
        }
    }

    pub(super) fn source(&self) -> Option<&SourceLabels> {
        match self {
            Self::KeepIfEqual { source }
            | Self::DropIfEqual { source }
            | Self::KeepIfContains { source, .. }
            | Self::DropIfContains { source, .. }
            | Self::ReplaceAll { source, .. }
            | Self::Fill { source, .. }
            | Self::HashMod { source, .. } => Some(source),
            Self::Graphite { .. } => Some(&GRAPHITE_SOURCE),
            Self::LabelMap { .. } | Self::LabelMapAll { .. } => None,
        }
    }

    pub(super) fn reads(&self, label: &str) -> bool {
        let also = match self {
            Self::LabelMap { regex, .. } | Self::LabelMapAll { regex, .. } => regex.is_match(label),
            Self::KeepIfContains { target_label, .. } | Self::DropIfContains { target_label, .. } => {
                target_label == label
            }
            Self::Fill { replacement, .. } => references(replacement).any(|part| part == Part::Label(label)),
            Self::KeepIfEqual { .. }
            | Self::DropIfEqual { .. }
            | Self::ReplaceAll { .. }
            | Self::HashMod { .. }
            | Self::Graphite { .. } => false,
        };
        also || self
            .source()
            .is_some_and(|source| source.names.iter().any(|name| name == label))
    }
}
