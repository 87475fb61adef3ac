//! A job's rules as YAML again.
//!
//! The one rule: **read again, it gives the same rules.** Comments and what says nothing are gone.

use std::borrow::Cow;

use headcount_core::relabel::RelabelRule;
use headcount_reader::quoted_if_needed;

use super::steps::{Rule, shown};

/// The rules as a list, ready to stand under `relabel_configs`.
pub(super) fn yaml(rules: &[RelabelRule]) -> String {
    rules.iter().map(|rule| one(&shown(rule))).collect()
}

/// In single quotes where it needs some: expressions are full of backslashes.
fn text(text: &str) -> Cow<'_, str> {
    match quoted_if_needed(text) {
        Cow::Owned(_) if text.chars().all(|c| matches!(c, ' '..='~')) => {
            Cow::Owned(format!("'{}'", text.replace('\'', "''")))
        }
        written => written,
    }
}

fn one(rule: &Rule<'_>) -> String {
    let list = |texts: &[Cow<'_, str>]| {
        let texts: Vec<_> = texts.iter().map(|one| text(one)).collect();
        format!("[{}]", texts.join(", "))
    };
    let mut fields: Vec<(&str, String)> = Vec::new();
    if let Some(condition) = &rule.condition {
        let condition = match condition.as_slice() {
            [one] => text(one).into_owned(),
            many => list(&many.iter().map(|one| Cow::Borrowed(*one)).collect::<Vec<_>>()),
        };
        fields.push(("if", condition));
    }
    if let Some(names) = rule.source_labels {
        let names: Vec<_> = names.iter().map(|name| Cow::Borrowed(name.as_str())).collect();
        fields.push(("source_labels", list(&names)));
    }
    for (name, value, default) in [("separator", rule.separator, ";"), ("regex", rule.regex, "(.*)")] {
        if value != default {
            fields.push((name, text(value).into_owned()));
        }
    }
    if let Some(modulus) = rule.modulus {
        fields.push(("modulus", modulus.to_string()));
    }
    if let Some(target) = rule.target_label {
        fields.push(("target_label", text(target).into_owned()));
    }
    if rule.replacement != "$1" {
        fields.push(("replacement", text(rule.replacement).into_owned()));
    }
    if let Some(template) = rule.template {
        fields.push(("match", text(template).into_owned()));
    }
    if let Some(labels) = &rule.labels {
        let labels: Vec<_> = labels
            .iter()
            .map(|(name, value)| format!("{}: {}", text(name), text(value)))
            .collect();
        fields.push(("labels", format!("{{{}}}", labels.join(", "))));
    }
    if rule.action != "replace" || fields.is_empty() {
        fields.push(("action", rule.action.to_owned()));
    }
    let lines = fields.iter().enumerate();
    lines
        .map(|(index, (name, value))| format!("{} {name}: {value}\n", if index == 0 { "-" } else { " " }))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use headcount_config::Dialect;
    use headcount_core::relabel::NameValidation;
    use proptest::prelude::*;

    fn read(text: &str, dialect: Dialect) -> Vec<RelabelRule> {
        let loader = crate::mechanisms::loader().dialect(dialect);
        let read = loader.relabeling(text.as_bytes(), "rules".as_ref(), NameValidation::Utf8);
        let (rules, _) = read.unwrap_or_else(|errors| panic!("{text}\n{errors}"));
        rules.rules().to_vec()
    }

    #[test]
    fn rules_are_written_as_people_write_them() {
        let written = "- source_labels: [__address__]\n  regex: '([^:]+):.*'\n  target_label: host\n\
                       - {source_labels: [a, b], separator: '', regex: 'yes', action: keep, replacement: $1}\n\
                       - {regex: (.*), action: labeldrop}\n- {source_labels: [a], modulus: 8, target_label: __tmp, action: hashmod}\n";
        let rules = read(written, Dialect::Prometheus);
        let expected = "- source_labels: [__address__]\n  regex: '([^:]+):.*'\n  target_label: host\n\
                        - source_labels: [a, b]\n  separator: ''\n  regex: 'yes'\n  action: keep\n\
                        - action: labeldrop\n\
                        - source_labels: [a]\n  modulus: 8\n  target_label: __tmp\n  action: hashmod\n";
        assert_eq!(yaml(&rules), expected);
    }

    #[test]
    fn rules_of_each_kind_are_read_again_as_they_were() {
        let prometheus = "- {target_label: a, replacement: x}\n- {action: keep}\n- {source_labels: [a], regex: b, action: drop}\n\
            - {source_labels: [a], target_label: b, action: keepequal}\n- {source_labels: [a], target_label: b, action: dropequal}\n\
            - {source_labels: [a], target_label: b, modulus: 2, action: hashmod}\n- {regex: 'a(.*)', replacement: 'b$1', action: labelmap}\n\
            - {regex: a, action: labeldrop}\n- {regex: a, action: labelkeep}\n- {source_labels: [a], target_label: b, action: lowercase}\n\
            - {source_labels: [a], target_label: b, action: uppercase}\n";
        let rules = read(prometheus, Dialect::Prometheus);
        assert_eq!(rules.len(), 11);
        assert_eq!(read(&yaml(&rules), Dialect::Prometheus), rules);
        let vmagent = "- {if: '{a=\"b\"}', target_label: a, replacement: x}\n- {if: ['{a=\"b\"}', '{c!=\"d\"}'], regex: a, action: labeldrop}\n\
            - {source_labels: [a, b], action: keep_if_equal}\n- {source_labels: [a, b], action: drop_if_equal}\n\
            - {source_labels: [a], target_label: b, action: keep_if_contains}\n- {source_labels: [a], target_label: b, action: drop_if_contains}\n\
            - {source_labels: [a], target_label: b, regex: x, replacement: y, action: replace_all}\n\
            - {source_labels: [a], target_label: b, replacement: '{{c}}-$1'}\n- {regex: [a, b], action: labeldrop}\n\
            - {regex: a, replacement: b, action: labelmap_all}\n- {source_labels: [a], target_label: b, modulus: 3, action: hashmod}\n\
            - {match: 'a.*.c', labels: {x: $1, __name__: y}, action: graphite}\n";
        let rules = read(vmagent, Dialect::Vmagent);
        assert_eq!(rules.len(), 12);
        assert_eq!(read(&yaml(&rules), Dialect::Vmagent), rules);
    }

    proptest! {
        #[test]
        fn any_text_stays(separator in "\\PC{0,6}|[\\n\\t #:'\"\\\\{}\\[\\],&*!|>%@`-]{0,4}", replacement in "\\PC{0,6}|true|null|1e3|~") {
            let quoted = |text: &str| serde_json::to_string(text).expect("JSON");
            let text = format!(
                "- {{source_labels: [a], separator: {}, target_label: b, replacement: {}}}",
                quoted(&separator),
                quoted(&replacement),
            );
            let rules = read(&text, Dialect::Prometheus);
            prop_assert_eq!(read(&yaml(&rules), Dialect::Prometheus), rules);
        }
    }
}
