//! Rules as vmagent reads them: its own fields and actions, and what it asks of Prometheus's actions.
//!
//! **Where both have an action, vmagent's meaning counts**: a hash of another kind, labels in a replacement, and an expression
//! that takes anything is the default one, whose first group is the whole.

use std::num::NonZeroU64;

use headcount_core::relabel::{RelabelRule, RuleRegex, Selector, SourceLabels, VmagentRule};
use headcount_reader::{
    Cursor, Fields, ProblemKind, is_label_name, is_label_template, parse_part_regex, parse_regex, parse_series,
};

use super::{Draft, REPLACEMENT};

/// Fields of rules that only vmagent has.
const FIELDS: [&str; 3] = ["if", "match", "labels"];
/// Actions that only vmagent has.
const OWN_ACTIONS: [&str; 9] = [
    "keep_if_equal",
    "drop_if_equal",
    "keep_if_contains",
    "drop_if_contains",
    "graphite",
    "labelmap_all",
    "replace_all",
    "keep_metrics",
    "drop_metrics",
];
const ALL_ACTIONS: &str = "replace, keep, drop, keepequal, dropequal, hashmod, labelmap, labeldrop, labelkeep, lowercase, \
                           uppercase, keep_if_equal, drop_if_equal, keep_if_contains, drop_if_contains, graphite, \
                           labelmap_all, replace_all, keep_metrics, drop_metrics";

/// The fields of a rule that only vmagent has.
#[derive(Default)]
pub(super) struct Own {
    /// `if`; `Some(None)` when it is wrong, which was reported.
    condition: Option<Option<Vec<Selector>>>,
    /// `match`
    template: Option<String>,
    labels: Option<Vec<(String, String)>>,
    /// Whether `regex` is a list.
    has_list: bool,
}

/// Reports the fields that Prometheus refuses.
pub(super) fn refuse(fields: &mut Fields<'_>) {
    for name in FIELDS {
        if let Some(at) = fields.take_foreign(name) {
            let what = format!("the field `{name}`");
            at.report(ProblemKind::OfVmagent { what });
        }
    }
}

/// Whether only vmagent has an action.
pub(super) fn is_own(action: &str) -> bool {
    OWN_ACTIONS.contains(&action)
}

impl Own {
    pub(super) fn read(fields: &mut Fields<'_>) -> Self {
        let labels = fields.take("labels").and_then(|at| at.entries());
        let labels = labels.map(|labels| {
            let label = |(name, at): (String, Cursor<'_>)| (name, at.text().unwrap_or_default());
            labels.into_iter().map(label).collect()
        });
        Self {
            condition: fields.take_some("if").map(|at| selectors(&at)),
            template: fields.some_text("match"),
            labels,
            has_list: false,
        }
    }

    /// The text of a `regex`, which may be a list of alternatives.
    pub(super) fn regex(&mut self, at: &Cursor<'_>) -> Option<String> {
        if !at.is_list() {
            return at.text();
        }
        self.has_list = true;
        let parts: Option<Vec<_>> = at
            .list()?
            .iter()
            .map(|part| {
                if part.is_null() {
                    Some("null".to_owned())
                } else {
                    part.text()
                }
            })
            .collect();
        parts.map(|parts| parts.join("|"))
    }
}

fn selectors(at: &Cursor<'_>) -> Option<Vec<Selector>> {
    let read = |at: &Cursor<'_>| {
        let text = at.text()?;
        parse_series(&text).map_err(|error| at.report(error)).ok()
    };
    if at.is_list() {
        // Each is looked at, so that all mistakes are said at once.
        let read: Vec<_> = at.list()?.iter().map(read).collect();
        return read.into_iter().collect();
    }
    read(at).map(|selector| vec![selector])
}

/// Whether an expression takes anything, as vmagent sees it.
fn takes_anything(regex: &str) -> bool {
    let inside = regex.trim_start_matches('^').trim_end_matches('$');
    matches!(inside, ".*" | "(.*)" | "(?:.*)" | "(?s:.*)" | "((.*))")
}

/// Reads a rule's expression, which is anchored but for the actions that replace parts. `refers`: the rule may refer to its
/// groups.
pub(super) fn parse(action: &str, text: &str, refers: bool, at: &Cursor<'_>) -> Option<RuleRegex> {
    let replaces_parts = matches!(action, "replace_all" | "labelmap_all");
    let parsed = match (takes_anything(text), replaces_parts) {
        (true, true) => parse_part_regex(".*"),
        // Its first group is all of it, whether or not that is written.
        (true, false) if refers => return Some(RuleRegex::default()),
        (false, true) => parse_part_regex(text),
        (_, false) => parse_regex(text),
    };
    parsed.map_err(|error| at.report(error)).ok()
}

impl Draft<'_> {
    /// The rule. `is_for_metrics`: it is about samples and not about targets.
    pub(super) fn check_vmagent(mut self, legacy: bool, is_for_metrics: bool) -> Option<RelabelRule> {
        let own = std::mem::take(&mut self.own);
        let has_if = own.condition.is_some();
        let selectors = own.condition.map_or(Some(None), |read| read.map(Some))?;
        if self.action == "graphite" {
            self.check_graphite(own.template.as_deref(), own.labels.as_deref())?;
        } else {
            self.require(
                own.template.is_none() && own.labels.as_deref().unwrap_or_default().is_empty(),
                "match and labels belong to the action graphite only; remove them",
            )?;
        }
        let rule = match self.action.as_str() {
            "keep_metrics" | "drop_metrics" => self.metrics(has_if, is_for_metrics)?,
            "graphite" => RelabelRule::Vmagent(VmagentRule::Graphite {
                template: own.template.unwrap_or_default(),
                labels: own.labels.unwrap_or_default(),
            }),
            "keep" | "drop" => {
                let missing = self.has_no_source() && !has_if;
                self.require(!missing, "the actions keep and drop need source_labels or an `if`")?;
                let regex = self.regex()?;
                let source = self.source();
                match self.action.as_str() {
                    "keep" => RelabelRule::Keep { source, regex },
                    _ => RelabelRule::Drop { source, regex },
                }
            }
            _ => self.of_values(legacy)?,
        };
        Some(match selectors {
            Some(selectors) => RelabelRule::If {
                selectors,
                rule: Box::new(rule),
            },
            None => rule,
        })
    }

    fn of_values(self, legacy: bool) -> Option<RelabelRule> {
        let own = |rule| Some(RelabelRule::Vmagent(rule));
        match self.action.as_str() {
            "replace" if self.replacement.contains("{{") => {
                let is_valid = if self.target_label.contains('$') {
                    is_label_template
                } else {
                    is_label_name
                };
                self.require_target(is_valid(&self.target_label, legacy), legacy)?;
                own(VmagentRule::Fill {
                    source: self.source(),
                    regex: self.regex()?,
                    target_label: self.target_label,
                    replacement: self.replacement,
                })
            }
            "replace" => self.replace(legacy),
            "labelmap" => self.label_map(legacy),
            "labeldrop" => Some(RelabelRule::LabelDrop { regex: self.regex()? }),
            "labelkeep" => Some(RelabelRule::LabelKeep { regex: self.regex()? }),
            "labelmap_all" => own(VmagentRule::LabelMapAll {
                regex: self.part_regex()?,
                replacement: self.replacement,
            }),
            "keepequal" | "dropequal" => {
                self.check_no_regex()?;
                self.require_target(is_label_name(&self.target_label, legacy), legacy)?;
                let keeps = self.action == "keepequal";
                Some(self.into_target(|source, target_label| match keeps {
                    true => RelabelRule::KeepEqual { source, target_label },
                    false => RelabelRule::DropEqual { source, target_label },
                }))
            }
            "keep_if_equal" | "drop_if_equal" => {
                self.check_no_regex()?;
                let enough = self.source_labels.as_ref().is_some_and(|labels| labels.len() > 1);
                self.require(
                    enough && self.target_label.is_empty(),
                    "the actions keep_if_equal and drop_if_equal need two source_labels or more, and take no target_label",
                )?;
                let source = self.source();
                own(match self.action.as_str() {
                    "keep_if_equal" => VmagentRule::KeepIfEqual { source },
                    _ => VmagentRule::DropIfEqual { source },
                })
            }
            "keep_if_contains" | "drop_if_contains" => {
                self.check_no_regex()?;
                let (source, target_label) = self.source_and_target(legacy)?;
                own(match self.action.as_str() {
                    "keep_if_contains" => VmagentRule::KeepIfContains { source, target_label },
                    _ => VmagentRule::DropIfContains { source, target_label },
                })
            }
            "replace_all" => {
                let (source, target_label) = self.source_and_target(legacy)?;
                own(VmagentRule::ReplaceAll {
                    source,
                    target_label,
                    regex: self.part_regex()?,
                    replacement: self.replacement,
                })
            }
            "hashmod" => {
                let (source, target_label) = self.source_and_target(legacy)?;
                let Some(modulus) = NonZeroU64::new(self.modulus) else {
                    self.at
                        .report(ProblemKind::Rule("the action hashmod needs a modulus greater than 0"));
                    return None;
                };
                own(VmagentRule::HashMod {
                    source,
                    target_label,
                    modulus,
                })
            }
            "lowercase" | "uppercase" => {
                let (source, target_label) = self.source_and_target(legacy)?;
                Some(match self.action.as_str() {
                    "lowercase" => RelabelRule::Lowercase { source, target_label },
                    _ => RelabelRule::Uppercase { source, target_label },
                })
            }
            _ => {
                let found = self.action.clone();
                let allowed = ALL_ACTIONS;
                self.report_at("action", ProblemKind::NotOneOf { found, allowed });
                None
            }
        }
    }

    /// `keep_metrics` and `drop_metrics`: the same for the name of a sample.
    fn metrics(&self, has_if: bool, is_for_metrics: bool) -> Option<RelabelRule> {
        let keeps = self.action == "keep_metrics";
        if !is_for_metrics {
            let action = self.action.clone();
            let instead = match keeps {
                true => "it would drop all targets; put it into metric_relabel_configs",
                false => "it would do nothing; put it into metric_relabel_configs",
            };
            self.report_at("action", ProblemKind::MetricsAction { action, instead });
            return None;
        }
        let is_complete = self.has_no_source() && (has_if || self.regex.is_some());
        self.require(
            is_complete,
            "the actions keep_metrics and drop_metrics need a regex or an `if`, and take no source_labels",
        )?;
        let regex = self.regex()?;
        let source = SourceLabels {
            names: vec!["__name__".to_owned()],
            ..SourceLabels::default()
        };
        Some(match keeps {
            true => RelabelRule::Keep { source, regex },
            false => RelabelRule::Drop { source, regex },
        })
    }

    fn check_graphite(&self, template: Option<&str>, labels: Option<&[(String, String)]>) -> Option<()> {
        self.require(
            template.is_some() && !labels.unwrap_or_default().is_empty(),
            "the action graphite needs match and labels",
        )?;
        self.require(
            self.has_no_source()
                && self.target_label.is_empty()
                && self.regex.is_none()
                && !self.written.iter().any(|(name, _)| *name == "replacement"),
            "the action graphite takes match and labels only; remove the other fields",
        )
    }

    fn check_no_regex(&self) -> Option<()> {
        let rule = "an action that compares labels takes no regex; remove it";
        self.require(self.regex.is_none(), rule)
    }

    fn source_and_target(&self, legacy: bool) -> Option<(SourceLabels, String)> {
        if self.has_no_source() {
            self.at.report(ProblemKind::Missing { field: "source_labels" });
            return None;
        }
        self.require_target(is_label_name(&self.target_label, legacy), legacy)?;
        Some((self.source(), self.target_label.clone()))
    }

    fn has_no_source(&self) -> bool {
        self.source_labels.as_ref().is_none_or(Vec::is_empty)
    }

    /// The expression of an action that replaces parts, or the default one.
    fn part_regex(&self) -> Option<RuleRegex> {
        self.regex.clone().unwrap_or_else(|| parse_part_regex(".*").ok())
    }

    /// Whether Prometheus would refuse the rule, or do something else.
    pub(super) fn is_only_vmagents(&self) -> bool {
        let refers = |text: &str| text.contains('$');
        let groups = refers(&self.replacement) || refers(&self.target_label);
        let written = self.regex_text.as_deref().unwrap_or("(.*)");
        is_own(&self.action)
            || self.own.condition.is_some()
            || self.own.template.is_some()
            || self.own.labels.is_some()
            || self.own.has_list
            || self.action == "hashmod"
            || (self.action == "replace" && self.replacement.contains("{{"))
            || (takes_anything(written) && written != "(.*)" && groups)
            || (matches!(self.action.as_str(), "lowercase" | "uppercase") && self.replacement != REPLACEMENT)
    }
}
