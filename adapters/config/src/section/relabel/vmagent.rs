//! Rules as vmagent reads them: its own fields and actions, and what it asks of Prometheus's actions.
//!
//! **Where both have an action, vmagent's meaning counts**: a hash of another kind, labels in a replacement, and an expression
//! that takes anything is the default one, whose first group is the whole.

use headcount_core::relabel::{RelabelRule, RuleRegex, Selector, SourceLabels, VmagentRule};
use headcount_reader::{Cursor, Fields, ProblemKind, parse_part_regex, parse_regex, parse_series};

use super::Draft;

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
        }
    }
}

/// The text of a `regex`, which may be a list of alternatives.
fn regex_text(at: &Cursor<'_>) -> Option<String> {
    if !at.is_list() {
        return at.text();
    }
    let parts = at.list()?;
    let parts = parts.iter().map(|part| match part.is_null() {
        true => Some("null".to_owned()),
        false => part.text(),
    });
    let parts: Option<Vec<_>> = parts.collect();
    parts.map(|parts| parts.join("|"))
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

/// Reads a rule's expression, which is anchored but for the actions that replace parts. `refers`: the rule may refer to its
/// groups.
pub(super) fn parse(action: &str, refers: bool, at: &Cursor<'_>) -> Option<RuleRegex> {
    let text = regex_text(at)?;
    let replaces_parts = matches!(action, "replace_all" | "labelmap_all");
    let uses_groups = refers && matches!(action, "replace" | "labelmap");
    let parsed = parse_regex(&text).and_then(|regex| match (regex.is_anything(), replaces_parts) {
        (true, true) => parse_part_regex(".*"),
        // Its first group is all of it, whether or not that is written.
        (true, false) if uses_groups => Ok(RuleRegex::default()),
        (false, true) => parse_part_regex(&text),
        (_, false) => Ok(regex),
    });
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
                self.filter()?
            }
            _ => self.of_labels(legacy)?,
        };
        Some(match selectors {
            // No selector at all is one that is always true.
            Some(selectors) if !selectors.is_empty() => RelabelRule::If {
                selectors,
                rule: Box::new(rule),
            },
            _ => rule,
        })
    }

    fn of_labels(self, legacy: bool) -> Option<RelabelRule> {
        match self.action.as_str() {
            "replace" if self.replacement.contains("{{") => self.fill(legacy),
            "replace" => self.replace(legacy),
            "replace_all" => self.replace_all(legacy),
            "labelmap" => self.label_map(legacy, |regex, replacement| {
                RelabelRule::Vmagent(VmagentRule::LabelMap { regex, replacement })
            }),
            "labelmap_all" => Some(RelabelRule::Vmagent(VmagentRule::LabelMapAll {
                regex: self.part_regex()?,
                replacement: self.replacement,
            })),
            "labeldrop" | "labelkeep" => self.label_filter(),
            "keepequal" | "dropequal" => self.into_target(legacy, Self::check_no_regex),
            "keep_if_equal" | "drop_if_equal" => self.if_equal(),
            "keep_if_contains" | "drop_if_contains" => self.if_contains(legacy),
            "hashmod" => {
                self.require_source()?;
                self.hash_mod(legacy, |source, target_label, modulus| {
                    RelabelRule::Vmagent(VmagentRule::HashMod {
                        source,
                        target_label,
                        modulus,
                    })
                })
            }
            "lowercase" | "uppercase" => {
                self.require_source()?;
                self.into_target(legacy, |_| Some(()))
            }
            _ => self.unknown(ALL_ACTIONS),
        }
    }

    fn fill(self, legacy: bool) -> Option<RelabelRule> {
        self.require_target_or_template(legacy)?;
        Some(RelabelRule::Vmagent(VmagentRule::Fill {
            source: self.source(),
            regex: self.regex()?,
            target_label: self.target_label,
            replacement: self.replacement,
        }))
    }

    fn replace_all(self, legacy: bool) -> Option<RelabelRule> {
        self.require_source()?;
        self.require_target(legacy)?;
        Some(RelabelRule::Vmagent(VmagentRule::ReplaceAll {
            source: self.source(),
            regex: self.part_regex()?,
            target_label: self.target_label,
            replacement: self.replacement,
        }))
    }

    fn if_equal(self) -> Option<RelabelRule> {
        self.check_no_regex()?;
        let enough = self.source_labels.as_ref().is_some_and(|labels| labels.len() > 1);
        self.require(
            enough && self.target_label.is_empty(),
            "the actions keep_if_equal and drop_if_equal need two source_labels or more, and take no target_label",
        )?;
        let source = self.source();
        Some(RelabelRule::Vmagent(match self.action.as_str() {
            "keep_if_equal" => VmagentRule::KeepIfEqual { source },
            _ => VmagentRule::DropIfEqual { source },
        }))
    }

    fn if_contains(self, legacy: bool) -> Option<RelabelRule> {
        self.check_no_regex()?;
        self.require_source()?;
        self.require_target(legacy)?;
        let (source, target_label) = (self.source(), self.target_label);
        Some(RelabelRule::Vmagent(match self.action.as_str() {
            "keep_if_contains" => VmagentRule::KeepIfContains { source, target_label },
            _ => VmagentRule::DropIfContains { source, target_label },
        }))
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

    fn require_source(&self) -> Option<()> {
        if self.has_no_source() {
            self.at.report(ProblemKind::Missing { field: "source_labels" });
            return None;
        }
        Some(())
    }

    fn has_no_source(&self) -> bool {
        self.source_labels.as_ref().is_none_or(Vec::is_empty)
    }

    /// The expression of an action that replaces parts, or the default one.
    fn part_regex(&self) -> Option<RuleRegex> {
        self.regex.clone().unwrap_or_else(|| parse_part_regex(".*").ok())
    }
}
