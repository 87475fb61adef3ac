//! Relabelling, with all that a rule's action takes, as Prometheus writes it.
//!
//! **What takes anything is written as no expression**: so does Prometheus, whose reader refuses the default one, written out,
//! where a rule takes none (prometheus/prometheus#12534).

use headcount_core::relabel::{RelabelRule, Relabeling, RuleRegex, SourceLabels};
use serde_json::{Map, Value, json};

/// What a rule has where nothing is written.
const REPLACEMENT: &str = "$1";

/// The rules, or the first one that Prometheus does not have, counted from 0.
pub(super) fn written(rules: &Relabeling) -> Result<Vec<Value>, usize> {
    let rules = rules.rules().iter().enumerate();
    rules.map(|(index, rule)| rule_of(rule).ok_or(index)).collect()
}

/// The rules in one form each, for who compares them.
pub(crate) fn compared(rules: &Relabeling) -> Vec<String> {
    let written = |rule| rule_of(rule).map(|written| written.to_string());
    let rules = rules.rules().iter();
    rules
        .map(|rule| written(rule).unwrap_or_else(|| format!("{rule:?}")))
        .collect()
}

fn rule_of(rule: &RelabelRule) -> Option<Value> {
    let nothing = SourceLabels::default();
    let any = RuleRegex::default();
    // What an action does not take has its default.
    let (source, regex, target, modulus, replacement) = match rule {
        RelabelRule::Replace {
            source,
            regex,
            target_label,
            replacement,
        } => (source, Some(regex), &**target_label, None, &**replacement),
        RelabelRule::Keep { source, regex } | RelabelRule::Drop { source, regex } => {
            (source, Some(regex), "", None, REPLACEMENT)
        }
        RelabelRule::KeepEqual { source, target_label } | RelabelRule::DropEqual { source, target_label } => {
            (source, None, &**target_label, None, REPLACEMENT)
        }
        RelabelRule::HashMod {
            source,
            target_label,
            modulus,
        } => (source, None, &**target_label, Some(modulus.get()), REPLACEMENT),
        RelabelRule::LabelMap { regex, replacement } => (&nothing, Some(regex), "", None, &**replacement),
        RelabelRule::LabelDrop { regex } | RelabelRule::LabelKeep { regex } => {
            (&nothing, Some(regex), "", None, REPLACEMENT)
        }
        RelabelRule::Lowercase { source, target_label } | RelabelRule::Uppercase { source, target_label } => {
            (source, None, &**target_label, None, REPLACEMENT)
        }
        RelabelRule::If { .. } | RelabelRule::Vmagent(_) => return None,
    };
    let mut written = Map::new();
    let mut put = |name: &str, value: Value| drop(written.insert(name.to_owned(), value));
    if !source.names.is_empty() {
        // A name that is nothing can be written as nothing only.
        let names = source.names.iter().map(|name| (!name.is_empty()).then_some(name));
        put("source_labels", json!(names.collect::<Vec<_>>()));
    }
    put("separator", source.separator.as_str().into());
    if let Some(regex) = regex.filter(|regex| **regex != any) {
        put("regex", regex.written().into());
    }
    if let Some(modulus) = modulus {
        put("modulus", modulus.into());
    }
    if !target.is_empty() {
        put("target_label", target.into());
    }
    put("replacement", replacement.into());
    put("action", rule.action().into());
    Some(Value::Object(written))
}
