//! Rules as they are given: typed, so that each action holds just what it uses.

use core::num::NonZeroU64;

use super::RuleRegex;
use super::vmagent::{Selector, VmagentRule};

/// The labels whose values a rule looks at, and what stands between them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SourceLabels {
    /// The labels, in order. An absent label counts as an empty value.
    pub names: Vec<String>,
    /// What stands between their values.
    pub separator: String,
}

impl Default for SourceLabels {
    fn default() -> Self {
        Self {
            names: Vec::new(),
            separator: ";".to_owned(),
        }
    }
}

/// Which names labels may have: `metric_name_validation_scheme`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum NameValidation {
    /// Any text that is not empty.
    #[default]
    Utf8,
    /// Letters, digits and underscores, and no digit first, as in Prometheus 2.
    Legacy,
}

impl NameValidation {
    /// Whether the stricter rules hold.
    pub fn is_legacy(self) -> bool {
        self == Self::Legacy
    }

    /// Whether a label may have this name.
    pub fn allows(self, name: &str) -> bool {
        match self {
            Self::Utf8 => !name.is_empty(),
            Self::Legacy => {
                !name.is_empty()
                    && !name.starts_with(|c: char| c.is_ascii_digit())
                    && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            }
        }
    }
}

/// One relabelling rule.
///
/// A value that is set to nothing removes its label.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RelabelRule {
    /// Where `regex` matches the source, sets a label to the filled-in replacement.
    Replace {
        /// What is looked at.
        source: SourceLabels,
        /// What has to match.
        regex: RuleRegex,
        /// The label that is set; may refer to the expression's groups. Where what it is filled
        /// in to is no name, nothing is set.
        target_label: String,
        /// What it is set to: `$1`, `${1}` and `${name}` are groups, `$$` is a dollar sign.
        replacement: String,
    },
    /// Drops the target unless `regex` matches the source.
    Keep {
        /// What is looked at.
        source: SourceLabels,
        /// What has to match.
        regex: RuleRegex,
    },
    /// Drops the target if `regex` matches the source.
    Drop {
        /// What is looked at.
        source: SourceLabels,
        /// What has to match.
        regex: RuleRegex,
    },
    /// Drops the target unless the source equals a label's value.
    KeepEqual {
        /// What is looked at.
        source: SourceLabels,
        /// The label that it is compared with.
        target_label: String,
    },
    /// Drops the target if the source equals a label's value.
    DropEqual {
        /// What is looked at.
        source: SourceLabels,
        /// The label that it is compared with.
        target_label: String,
    },
    /// Sets a label to the source's MD5 hash, of which the last eight bytes count, modulo a number.
    HashMod {
        /// What is looked at.
        source: SourceLabels,
        /// The label that is set.
        target_label: String,
        /// The number.
        modulus: NonZeroU64,
    },
    /// Copies labels whose names match to labels with other names. Of several that are copied to
    /// one name, the last counts: labels of the target come first, then those of its group, then
    /// those of the job, each sorted by name, then those that rules added.
    LabelMap {
        /// What a name has to match.
        regex: RuleRegex,
        /// The other name; may refer to the expression's groups.
        replacement: String,
    },
    /// Removes labels whose names match.
    LabelDrop {
        /// What a name has to match.
        regex: RuleRegex,
    },
    /// Removes labels whose names don't match.
    LabelKeep {
        /// What a name has to match.
        regex: RuleRegex,
    },
    /// Sets a label to the source in lower case.
    Lowercase {
        /// What is looked at.
        source: SourceLabels,
        /// The label that is set.
        target_label: String,
    },
    /// Sets a label to the source in upper case.
    Uppercase {
        /// What is looked at.
        source: SourceLabels,
        /// The label that is set.
        target_label: String,
    },
    /// A rule of vmagent's for targets of whose labels one of these selectors is true. Of others nothing happens, but that
    /// `keep` drops them.
    If {
        /// The selectors.
        selectors: Vec<Selector>,
        /// The rule, which is not of this kind itself.
        rule: Box<RelabelRule>,
    },
    /// A rule that Prometheus does not have.
    Vmagent(VmagentRule),
}

impl RelabelRule {
    /// The action's name in a configuration.
    pub fn action(&self) -> &'static str {
        match self {
            Self::Replace { .. } => "replace",
            Self::Keep { .. } => "keep",
            Self::Drop { .. } => "drop",
            Self::KeepEqual { .. } => "keepequal",
            Self::DropEqual { .. } => "dropequal",
            Self::HashMod { .. } => "hashmod",
            Self::LabelMap { .. } => "labelmap",
            Self::LabelDrop { .. } => "labeldrop",
            Self::LabelKeep { .. } => "labelkeep",
            Self::Lowercase { .. } => "lowercase",
            Self::Uppercase { .. } => "uppercase",
            Self::If { rule, .. } => rule.action(),
            Self::Vmagent(rule) => rule.action(),
        }
    }

    /// The selectors of its `if`, and the rule without it.
    pub fn parts(&self) -> (Option<&[Selector]>, &Self) {
        match self {
            Self::If { selectors, rule } => (Some(selectors), rule),
            rule => (None, rule),
        }
    }

    /// The labels whose values it looks at, if it looks at values.
    pub fn source(&self) -> Option<&SourceLabels> {
        match self {
            Self::Replace { source, .. }
            | Self::Keep { source, .. }
            | Self::Drop { source, .. }
            | Self::KeepEqual { source, .. }
            | Self::DropEqual { source, .. }
            | Self::HashMod { source, .. }
            | Self::Lowercase { source, .. }
            | Self::Uppercase { source, .. } => Some(source),
            Self::LabelMap { .. } | Self::LabelDrop { .. } | Self::LabelKeep { .. } => None,
            Self::If { rule, .. } => rule.source(),
            Self::Vmagent(rule) => rule.source(),
        }
    }

    /// Whether it does what a rule of Prometheus's does: it is that one, or a `labelmap` that takes a fixed beginning off
    /// names, so that no two labels get one name and their order does not show. (It does for a label that has the beginning
    /// twice, beside the one that has it once.)
    pub fn is_alike(&self, prometheus: &Self) -> bool {
        match (self, prometheus) {
            (
                Self::Vmagent(VmagentRule::LabelMap { regex, replacement }),
                Self::LabelMap {
                    regex: other,
                    replacement: to,
                },
            ) => (regex, replacement) == (other, to) && takes_a_beginning_off(regex.written(), replacement),
            (rule, other) => rule == other,
        }
    }

    /// Whether what it does depends on the value of this label: it is one of those that it looks at or compares with, or
    /// is copied by it.
    ///
    /// ```
    /// use headcount_core::relabel::{RelabelRule, RuleRegex};
    ///
    /// let regex = RuleRegex::new("__meta_(.+)");
    /// let rule = RelabelRule::LabelMap { regex, replacement: "$1".to_owned() };
    /// assert!(rule.reads("__meta_url") && !rule.reads("url"));
    /// ```
    pub fn reads(&self, label: &str) -> bool {
        match self {
            Self::LabelMap { regex, .. } => regex.is_match(label),
            Self::If { selectors, rule } => selectors.iter().any(|it| it.reads(label)) || rule.reads(label),
            Self::Vmagent(rule) => rule.reads(label),
            Self::KeepEqual { target_label, .. } | Self::DropEqual { target_label, .. } if target_label == label => {
                true
            }
            rule => rule
                .source()
                .is_some_and(|source| source.names.iter().any(|name| name == label)),
        }
    }
}

/// Whether a `labelmap` gives a label the name behind a fixed beginning.
fn takes_a_beginning_off(regex: &str, replacement: &str) -> bool {
    let beginning = regex.strip_suffix("(.+)").or_else(|| regex.strip_suffix("(.*)"));
    let is_fixed = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    beginning.is_some_and(is_fixed) && matches!(replacement, "$1" | "${1}")
}

impl RelabelError {
    /// The place of the rule that can't be used, counted from 0.
    pub fn rule(&self) -> usize {
        match self {
            Self::LabelName { rule, .. }
            | Self::Regex { rule, .. }
            | Self::RegexTooLarge { rule, .. }
            | Self::NestedIf { rule } => *rule,
        }
    }
}

/// Why a list of rules can't be used. Rules are counted from 0.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RelabelError {
    /// The label that the rule sets or maps to has no valid name.
    #[error("relabelling rule {rule} ({action}): {name:?} is no valid label name; use another name")]
    LabelName {
        /// The rule's place.
        rule: usize,
        /// Its action.
        action: &'static str,
        /// The name.
        name: String,
    },
    /// The regular expression is not valid.
    #[error("relabelling rule {rule} ({action}): the regular expression {regex:?} is not valid: {reason}")]
    Regex {
        /// The rule's place.
        rule: usize,
        /// Its action.
        action: &'static str,
        /// The expression as written.
        regex: String,
        /// What is wrong.
        reason: String,
    },
    /// Compiled, the regular expression would be too large.
    #[error(
        "relabelling rule {rule} ({action}): the regular expression {regex:?} takes more than {limit} bytes when compiled; make it smaller"
    )]
    RegexTooLarge {
        /// The rule's place.
        rule: usize,
        /// Its action.
        action: &'static str,
        /// The expression as written.
        regex: String,
        /// The limit in bytes.
        limit: usize,
    },
    /// A condition within a condition.
    #[error("relabelling rule {rule}: an `if` can't stand in another; give one `if` both selectors")]
    NestedIf {
        /// The rule's place.
        rule: usize,
    },
}
