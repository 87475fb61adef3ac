//! What vmagent's relabelling has and Prometheus's lacks: rules of [`RelabelRule`](super::RelabelRule) like the others.
//!
//! * [`VmagentRule`]: its actions.
//! * [`Selector`]: what stands in a rule's `if`.
//!
//! **A rule means what the newest vmagent makes of it**, with labels that are empty absent at once, where vmagent removes them
//! after the last rule.

mod condition;
mod graphite;
mod machine;

use core::num::NonZeroU64;

use super::{RuleRegex, SourceLabels};

pub(super) use condition::Condition;
pub use condition::{Filter, FilterTest, Selector};
pub(super) use graphite::Graphite;

/// The label that Graphite's names stand in.
pub(super) const NAME: &str = "__name__";

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
            Self::LabelMapAll { .. } | Self::Graphite { .. } => None,
        }
    }

    pub(super) fn reads(&self, label: &str) -> bool {
        let also = match self {
            Self::LabelMapAll { regex, .. } => regex.is_match(label),
            Self::Graphite { .. } => label == NAME,
            Self::KeepIfContains { target_label, .. } | Self::DropIfContains { target_label, .. } => {
                target_label == label
            }
            Self::Fill { replacement, .. } => references(replacement).any(|part| part == Part::Label(label)),
            Self::KeepIfEqual { .. } | Self::DropIfEqual { .. } | Self::ReplaceAll { .. } | Self::HashMod { .. } => {
                false
            }
        };
        also || self
            .source()
            .is_some_and(|source| source.names.iter().any(|name| name == label))
    }
}

/// A part of a replacement with labels in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part<'t> {
    Text(&'t str),
    /// The value of the label with this name.
    Label(&'t str),
}

/// The parts of a replacement. What is not closed is text.
pub(super) fn references(replacement: &str) -> impl Iterator<Item = Part<'_>> {
    let mut rest = replacement;
    core::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (before, behind) = rest.split_once("{{").unwrap_or((rest, ""));
        if !before.is_empty() {
            rest = rest.get(before.len()..).unwrap_or_default();
            return Some(Part::Text(before));
        }
        match behind.split_once("}}") {
            Some((name, after)) => {
                rest = after;
                Some(Part::Label(name))
            }
            None => Some(Part::Text(core::mem::take(&mut rest))),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_stand_in_two_braces_and_what_is_open_is_text() {
        let parts = |text| references(text).collect::<Vec<_>>();
        assert_eq!(
            parts("a{{b}}{{c}}:{d}$1"),
            [
                Part::Text("a"),
                Part::Label("b"),
                Part::Label("c"),
                Part::Text(":{d}$1")
            ]
        );
        assert_eq!(parts("{{a"), [Part::Text("{{a")]);
        assert_eq!(parts("x{{a}"), [Part::Text("x"), Part::Text("{{a}")]);
        assert_eq!(parts("{{}}"), [Part::Label("")]);
        assert_eq!(parts(""), []);
    }
}
