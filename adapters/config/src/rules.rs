//! Rule files: checked, so that none keeps Prometheus from starting, and forgotten.
//!
//! **The structure is checked, the expressions are not**: groups with names of their own, rules that record or
//! alert, names, labels, durations. PromQL and the templates in labels and annotations would need their own
//! parsers; `promtool check rules` has them.

use std::collections::HashMap;
use std::path::Path;

use headcount_core::relabel::NameValidation;
use headcount_reader::{Cursor, Fields, Findings, Position, ProblemKind, Sink, is_label_name};

use crate::load::with_tree;

/// What is wrong with a rule file. `names` is `metric_name_validation_scheme` of `global`.
///
/// ```
/// use headcount_config::check_rules;
///
/// let text = "groups: [{name: up, rules: [{alert: Down, expr: up == 0, fore: 5m}]}]";
/// let found = check_rules(text.as_bytes(), "rules.yml".as_ref(), Default::default());
/// assert_eq!(
///     found.problems[0].to_string(),
///     "rules.yml:1:58: groups[0].rules[0]: unknown field `fore`; did you mean `for`?"
/// );
/// ```
pub fn check_rules(bytes: &[u8], path: &Path, names: NameValidation) -> Findings {
    let sink = Sink::new(path.into());
    with_tree(bytes, &sink, |root| {
        let Some(mut fields) = root.fields() else { return };
        if let Some(groups) = fields.take("groups") {
            check_groups(&groups, names);
        }
        fields.finish();
    });
    sink.finish()
}

fn check_groups(groups: &Cursor<'_>, names: NameValidation) {
    let mut known: HashMap<String, Position> = HashMap::new();
    for entry in groups.list().unwrap_or_default() {
        if entry.is_null() {
            entry.report(ProblemKind::EmptyEntry);
        }
        let Some(mut fields) = entry.fields() else { continue };
        let at = fields.take("name");
        match at.as_ref().map(|at| (at, at.text())) {
            Some((_, None)) => {}
            Some((at, Some(name))) if !name.is_empty() => {
                if let Some(first) = known.get(&name) {
                    let first = first.line;
                    at.report(ProblemKind::RepeatedName { name, first });
                } else {
                    known.insert(name, at.position());
                }
            }
            _ => fields.at().report(ProblemKind::Missing { field: "name" }),
        }
        fields.duration("interval");
        fields.duration("query_offset");
        fields.take("limit").and_then(|at| at.number());
        check_labels(&mut fields, "labels", names);
        if let Some(rules) = fields.take("rules") {
            for rule in rules.list().unwrap_or_default() {
                if rule.is_null() {
                    rule.report(ProblemKind::EmptyEntry);
                }
                if let Some(mut fields) = rule.fields() {
                    check_rule(&mut fields, names);
                    fields.finish();
                }
            }
        }
        fields.finish();
    }
}

fn check_rule(fields: &mut Fields<'_>, names: NameValidation) {
    let record = written(fields, "record");
    let alert = written(fields, "alert");
    if written(fields, "expr").is_none() {
        fields.at().report(ProblemKind::Missing { field: "expr" });
    }
    let waits = ["for", "keep_firing_for"].map(|name| {
        let at = fields.take(name)?;
        at.duration().filter(|wait| !wait.is_zero()).map(|_| at)
    });
    check_labels(fields, "labels", names);
    let annotations = check_labels(fields, "annotations", names);
    match (record, alert) {
        (Some(_), Some((at, _))) => at.report(ProblemKind::Conflict {
            fields: "record and alert",
        }),
        (None, None) => fields.at().report(ProblemKind::Rule(
            "neither records nor alerts; set record or alert to its name",
        )),
        (Some((at, name)), None) => {
            if !is_metric_name(&name, names) {
                at.report(ProblemKind::Rule(
                    "not the name of a metric; an expression belongs into expr",
                ));
            }
            for at in waits.into_iter().flatten().chain(annotations) {
                at.report(ProblemKind::Rule("only a rule that alerts has this field"));
            }
        }
        (None, Some(_)) => {}
    }
}

/// A field that says something, and its text.
fn written<'a>(fields: &mut Fields<'a>, name: &'static str) -> Option<(Cursor<'a>, String)> {
    let at = fields.take(name)?;
    let text = at.text().filter(|text| !text.is_empty())?;
    Some((at, text))
}

/// Checks the names of labels or annotations. Gives the field, if there are any in it.
fn check_labels<'a>(fields: &mut Fields<'a>, field: &'static str, names: NameValidation) -> Option<Cursor<'a>> {
    let at = fields.take(field)?;
    let entries = at.entries()?;
    let legacy = names.is_legacy();
    let is_empty = entries.is_empty();
    for (name, value) in entries {
        value.text();
        if field == "labels" && name == "__name__" {
            value.report(ProblemKind::Rule("a rule can't set __name__; use record"));
        } else if !is_label_name(&name, legacy) {
            value.report(ProblemKind::LabelName { name, legacy });
        }
    }
    (!is_empty).then_some(at)
}

/// Braces are never meant: an expression was put in the wrong place.
fn is_metric_name(name: &str, names: NameValidation) -> bool {
    match names.is_legacy() {
        true => is_label_name(&name.replace(':', "_"), true),
        false => !name.contains(['{', '}']),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str, names: NameValidation) -> Vec<String> {
        let found = check_rules(text.as_bytes(), "r.yml".as_ref(), names);
        found.problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn good_rules_pass() {
        let text = "
groups:
- name: a
  interval: 30s
  query_offset: 1m
  limit: 0
  labels: {team: x}
  rules:
  - {record: 'job:up:sum', expr: sum by (job) (up), labels: {a: b}}
  - {alert: Down, expr: 1, for: 5m, keep_firing_for: 1m, annotations: {summary: '{{ $labels.job }}'}}
- {name: b}
- {name: c, rules: }
";
        assert_eq!(problems(text, NameValidation::Legacy), Vec::<String>::new());
        assert_eq!(problems("", NameValidation::Utf8), Vec::<String>::new());
        assert_eq!(problems("groups:\n", NameValidation::Utf8), Vec::<String>::new());
    }

    #[test]
    fn each_mistake_has_its_place() {
        let text = "
groups:
- name: a
  rules:
  - {record: a, alert: b, expr: up}
  - {expr: up}
  - {record: 'up{a=\"b\"}', expr: up}
  - {record: a, for: 5m, annotations: {x: y}}
  - {alert: a, expr: up, labels: {__name__: x, '': y}, for: soon}
  -
- {name: a, rules: []}
- {rules: [{alert: a, expr: up, extra: 1}]}
-
other: 1
";
        insta::assert_snapshot!(problems(text, NameValidation::Utf8).join("\n"));
        assert_eq!(problems("- a\n", NameValidation::Utf8).len(), 1);
        let dotted = "groups: [{name: a, rules: [{record: a.b, expr: up, labels: {c-d: e}}]}]";
        assert_eq!(problems(dotted, NameValidation::Utf8), Vec::<String>::new());
        assert_eq!(problems(dotted, NameValidation::Legacy).len(), 2);
    }
}
