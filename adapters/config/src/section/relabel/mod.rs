//! Relabelling rules: read, checked, and given as the core's [`RelabelRule`], in which each action
//! holds just what it uses.
//!
//! `vmagent`: what is different in the other dialect.

mod vmagent;

use std::num::NonZeroU64;

use headcount_core::relabel::{NameValidation, RelabelRule, Relabeling, RuleRegex, SourceLabels};
use headcount_reader::{Cursor, Fields, ProblemKind, Sink, is_label_name, is_label_template, parse_regex};

use crate::Dialect;
use vmagent::Own;

const ACTIONS: &str =
    "replace, keep, drop, keepequal, dropequal, hashmod, labelmap, labeldrop, labelkeep, lowercase, uppercase";
const SEPARATOR: &str = ";";

/// The label that a Prometheus sets when it reads a list by HTTP, whatever it was before.
pub const OVERWRITTEN: &str = "__meta_url";

const REPLACEMENT: &str = "$1";

/// Rules as they are written. What they mean can be checked only when it is known which names
/// are valid, and that stands elsewhere.
pub(crate) struct RelabelRules<'a> {
    drafts: Vec<Draft<'a>>,
    dialect: Dialect,
}

/// What rules are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    Targets,
    Metrics,
}

/// One rule as it is written, with defaults.
struct Draft<'a> {
    at: Cursor<'a>,
    /// The fields that are written, for messages.
    written: Vec<(&'static str, Cursor<'a>)>,
    action: String,
    source_labels: Option<Vec<String>>,
    separator: String,
    /// `None` when it is the default, `Some(None)` when it is written and wrong.
    regex: Option<Option<RuleRegex>>,
    modulus: u64,
    target_label: String,
    replacement: String,
    /// The fields of vmagent's.
    own: Own,
}

impl<'a> RelabelRules<'a> {
    /// Reads the rules of a field.
    pub(crate) fn of(fields: &mut Fields<'a>, name: &'static str, dialect: Dialect) -> Self {
        let drafts = Vec::new();
        fields
            .take(name)
            .map_or(Self { drafts, dialect }, |at| Self::read(&at, dialect))
    }

    /// Reads a list of rules.
    pub(crate) fn read(list: &Cursor<'a>, dialect: Dialect) -> Self {
        let mut drafts = Vec::new();
        for entry in list.list().unwrap_or_default() {
            if entry.is_null() {
                entry.report(ProblemKind::EmptyEntry);
            }
            drafts.extend(Draft::read(&entry, dialect));
        }
        Self { drafts, dialect }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.drafts.is_empty()
    }

    /// Where the rules stand.
    pub(super) fn places(&self) -> Vec<Cursor<'a>> {
        self.drafts.iter().map(|draft| draft.at.clone()).collect()
    }

    /// Checks each rule's fields against each other. `names` says which names labels may have.
    pub(crate) fn check(self, names: NameValidation, subject: Subject) -> Vec<RelabelRule> {
        let legacy = names.is_legacy();
        let check = |draft: Draft<'_>| match self.dialect {
            Dialect::Prometheus => draft.check(legacy),
            Dialect::Vmagent => draft.check_vmagent(legacy, subject == Subject::Metrics),
        };
        self.drafts.into_iter().filter_map(check).collect()
    }

    /// Checks the rules of a job, and compiles them; with a warning for each that would find something else in a Prometheus
    /// which reads the job's list.
    pub(crate) fn compile_for_job(self, names: NameValidation) -> Relabeling {
        let places = self.places();
        let rules = self.compile(names, Subject::Targets);
        for (at, rule) in places.iter().zip(rules.rules()) {
            if rule.reads(OVERWRITTEN) {
                at.warn(ProblemKind::Overwritten { label: OVERWRITTEN });
            }
        }
        rules
    }

    /// Checks the rules, and compiles them.
    pub(crate) fn compile(self, names: NameValidation, subject: Subject) -> Relabeling {
        let places = self.places();
        let count = places.len();
        let rules = self.check(names, subject);
        if rules.len() < count {
            // Something was reported, and the result does not count.
            return Relabeling::default();
        }
        Relabeling::compile(rules, names).unwrap_or_else(|error| {
            if let Some(at) = places.get(error.rule()) {
                at.report(ProblemKind::Relabel(error));
            }
            Relabeling::default()
        })
    }
}

/// The first of rules of vmagent's that a Prometheus refuses, or carries out in another way: each entry is read once more as
/// Prometheus does. `rules` are what stands at `places`.
pub(super) fn only_vmagents(places: &[Cursor<'_>], rules: &Relabeling) -> Option<usize> {
    places.iter().zip(rules.rules()).position(|(at, rule)| {
        let sink = Sink::new(at.file().into());
        let at = at.reported_to(&sink);
        let draft = Draft::read(&at, Dialect::Prometheus);
        let read = draft.and_then(|draft| draft.check(rules.names().is_legacy()));
        !sink.finish().problems.is_empty() || !read.is_some_and(|read| rule.is_alike(&read))
    })
}

impl<'a> Draft<'a> {
    fn read(at: &Cursor<'a>, dialect: Dialect) -> Option<Self> {
        let mut fields = at.fields()?;
        let own = match dialect {
            Dialect::Vmagent => Own::read(&mut fields),
            Dialect::Prometheus => {
                vmagent::refuse(&mut fields);
                Own::default()
            }
        };
        let mut written = Vec::new();
        let mut text = |name, default: &str| match fields.take(name) {
            Some(at) => {
                let text = at.text();
                written.push((name, at));
                text.unwrap_or_else(|| default.to_owned())
            }
            None => default.to_owned(),
        };
        let action = text("action", "replace").to_lowercase();
        let separator = text("separator", SEPARATOR);
        let target_label = text("target_label", "");
        let replacement = text("replacement", REPLACEMENT);
        let source_labels_at = fields.take("source_labels");
        let source_labels = source_labels_at.as_ref().and_then(|at| {
            let texts = at.optional_texts()?;
            for (index, (name, position)) in texts.iter().enumerate() {
                // Prometheus does not look at what is nothing: it is a label that no target has.
                if let Some(name) = name.as_ref().filter(|name| !is_label_name(name, false)) {
                    let kind = ProblemKind::LabelName {
                        name: name.clone(),
                        legacy: false,
                    };
                    at.report_at(*position, &format!("[{index}]"), kind);
                }
            }
            Some(texts.into_iter().map(|(name, _)| name.unwrap_or_default()).collect())
        });
        let refers = [&replacement, &target_label]
            .into_iter()
            .any(|text| text.contains(['$', '{']));
        let regex = fields.take("regex").map(|at| match dialect {
            Dialect::Vmagent => vmagent::parse(&action, refers, &at),
            Dialect::Prometheus if at.is_list() => {
                let what = "a list as regex".to_owned();
                at.report(ProblemKind::OfVmagent { what });
                None
            }
            Dialect::Prometheus => {
                let text = at.text()?;
                parse_regex(&text).map_err(|error| at.report(error)).ok()
            }
        });
        let draft = Self {
            at: at.clone(),
            written,
            action,
            source_labels,
            separator,
            regex,
            own,
            modulus: fields.count("modulus").unwrap_or_default(),
            target_label,
            replacement,
        };
        fields.finish();
        Some(draft)
    }

    fn check(self, legacy: bool) -> Option<RelabelRule> {
        match self.action.as_str() {
            "replace" => self.replace(legacy),
            "keep" | "drop" => self.filter(),
            "keepequal" | "dropequal" => self.into_target(legacy, Self::check_equal),
            "lowercase" | "uppercase" => self.into_target(legacy, Self::check_case),
            "hashmod" => self.hash_mod(legacy, |source, target_label, modulus| RelabelRule::HashMod {
                source,
                target_label,
                modulus,
            }),
            "labelmap" => self.label_map(legacy, |regex, replacement| RelabelRule::LabelMap {
                regex,
                replacement,
            }),
            "labeldrop" | "labelkeep" => {
                self.check_only_regex()?;
                self.label_filter()
            }
            action if vmagent::is_own(action) => {
                let what = format!("the action {action}");
                self.report_at("action", ProblemKind::OfVmagent { what });
                None
            }
            _ => self.unknown(ACTIONS),
        }
    }

    fn replace(self, legacy: bool) -> Option<RelabelRule> {
        self.require_target_or_template(legacy)?;
        Some(RelabelRule::Replace {
            source: self.source(),
            regex: self.regex()?,
            target_label: self.target_label,
            replacement: self.replacement,
        })
    }

    /// A rule that sets a label to a hash.
    fn hash_mod(
        self,
        legacy: bool,
        rule: impl FnOnce(SourceLabels, String, NonZeroU64) -> RelabelRule,
    ) -> Option<RelabelRule> {
        self.require_target(legacy)?;
        let Some(modulus) = NonZeroU64::new(self.modulus) else {
            self.at
                .report(ProblemKind::Rule("the action hashmod needs a modulus greater than 0"));
            return None;
        };
        Some(rule(self.source(), self.target_label, modulus))
    }

    /// A rule that copies labels.
    fn label_map(self, legacy: bool, rule: impl FnOnce(RuleRegex, String) -> RelabelRule) -> Option<RelabelRule> {
        if !is_label_template(&self.replacement, legacy) {
            let name = self.replacement.clone();
            self.report_at("replacement", ProblemKind::LabelName { name, legacy });
            return None;
        }
        Some(rule(self.regex()?, self.replacement))
    }

    /// `keep`, or else `drop`.
    fn filter(self) -> Option<RelabelRule> {
        let (source, regex) = (self.source(), self.regex()?);
        Some(match self.action.as_str() {
            "keep" => RelabelRule::Keep { source, regex },
            _ => RelabelRule::Drop { source, regex },
        })
    }

    /// `labelkeep`, or else `labeldrop`.
    fn label_filter(self) -> Option<RelabelRule> {
        let regex = self.regex()?;
        Some(match self.action.as_str() {
            "labelkeep" => RelabelRule::LabelKeep { regex },
            _ => RelabelRule::LabelDrop { regex },
        })
    }

    /// A rule that makes one label of others, or compares it with them, once `check` has looked at the other fields.
    fn into_target(self, legacy: bool, check: impl FnOnce(&Self) -> Option<()>) -> Option<RelabelRule> {
        self.require_target(legacy)?;
        check(&self)?;
        let (source, target_label) = (self.source(), self.target_label);
        Some(match self.action.as_str() {
            "keepequal" => RelabelRule::KeepEqual { source, target_label },
            "dropequal" => RelabelRule::DropEqual { source, target_label },
            "lowercase" => RelabelRule::Lowercase { source, target_label },
            _ => RelabelRule::Uppercase { source, target_label },
        })
    }

    fn unknown(&self, allowed: &'static str) -> Option<RelabelRule> {
        let found = self.action.clone();
        self.report_at("action", ProblemKind::NotOneOf { found, allowed });
        None
    }

    /// Says what is wrong with a field: at its place, or at the rule's if it is not written.
    fn report_at(&self, field: &str, kind: ProblemKind) {
        let at = self
            .written
            .iter()
            .find(|(name, _)| *name == field)
            .map_or(&self.at, |(_, at)| at);
        at.report(kind);
    }

    fn source(&self) -> SourceLabels {
        SourceLabels {
            names: self.source_labels.clone().unwrap_or_default(),
            separator: self.separator.clone(),
        }
    }

    /// The expression, or the default one. `None` when it is wrong, which was reported.
    fn regex(&self) -> Option<RuleRegex> {
        self.regex.clone().unwrap_or_else(|| Some(RuleRegex::default()))
    }

    /// A label has to be named.
    fn require_target(&self, legacy: bool) -> Option<()> {
        self.require_valid_target(legacy, is_label_name)
    }

    /// A label has to be named, or a text that names one once groups are filled in.
    fn require_target_or_template(&self, legacy: bool) -> Option<()> {
        let is_valid = match self.target_label.contains('$') {
            true => is_label_template,
            false => is_label_name,
        };
        self.require_valid_target(legacy, is_valid)
    }

    fn require_valid_target(&self, legacy: bool, is_valid: fn(&str, bool) -> bool) -> Option<()> {
        if self.target_label.is_empty() {
            self.at.report(ProblemKind::Missing { field: "target_label" });
            return None;
        }
        if !is_valid(&self.target_label, legacy) {
            let name = self.target_label.clone();
            self.report_at("target_label", ProblemKind::LabelName { name, legacy });
            return None;
        }
        Some(())
    }

    fn check_case(&self) -> Option<()> {
        self.require(
            self.replacement == REPLACEMENT,
            "the actions lowercase and uppercase take no replacement; remove it",
        )
    }

    /// These actions take no expression at all, not even the default one written out.
    fn check_equal(&self) -> Option<()> {
        self.require(
            self.regex.is_none() && self.modulus == 0 && self.separator == SEPARATOR && self.replacement == REPLACEMENT,
            "the actions keepequal and dropequal take source_labels and target_label only; remove the other fields",
        )
    }

    fn check_only_regex(&self) -> Option<()> {
        self.require(
            self.source_labels.is_none()
                && self.target_label.is_empty()
                && self.modulus == 0
                && self.separator == SEPARATOR
                && self.replacement == REPLACEMENT,
            "the actions labeldrop and labelkeep take a regex only; remove the other fields",
        )
    }

    fn require(&self, holds: bool, rule: &'static str) -> Option<()> {
        if !holds {
            self.at.report(ProblemKind::Rule(rule));
        }
        holds.then_some(())
    }
}
