//! Relabelling as simply as it can be said: compared with, never used.

use std::collections::HashMap;

use regex::Regex;

use super::{NameValidation, RelabelRule, SourceLabels, Verdict};

/// Labels in the order in which they were set.
pub(crate) type Labels = Vec<(String, String)>;

pub(crate) fn set(labels: &mut Labels, name: &str, value: &str) {
    if value.is_empty() {
        labels.retain(|(other, _)| other != name);
    } else if let Some(label) = labels.iter_mut().find(|(other, _)| other == name) {
        label.1 = value.to_owned();
    } else {
        labels.push((name.to_owned(), value.to_owned()));
    }
}

fn get(labels: &Labels, name: &str) -> String {
    let found = labels.iter().find(|(other, _)| other == name);
    found.map(|(_, value)| value.clone()).unwrap_or_default()
}

fn text(labels: &Labels, source: &SourceLabels) -> String {
    let values: Vec<String> = source.names.iter().map(|name| get(labels, name)).collect();
    values.join(&source.separator)
}

/// The `regex` crate's own expansion; it differs from Go's in what follows `$` and has to be
/// given templates that read the same in both.
fn expand(template: &str, captures: &regex::Captures<'_>) -> String {
    let mut out = String::new();
    captures.expand(template, &mut out);
    out
}

pub(crate) fn relabel(labels: &mut Labels, rules: &[RelabelRule], names: NameValidation) -> Verdict {
    let mut compiled: HashMap<String, Regex> = HashMap::new();
    let mut regex = |text: &str| {
        let compile = || Regex::new(text).unwrap();
        compiled.entry(text.to_owned()).or_insert_with(compile).clone()
    };
    for (rule, place) in rules.iter().zip(0..) {
        let kept = match rule {
            RelabelRule::Replace {
                source,
                regex: expression,
                target_label,
                replacement,
            } => {
                let source = text(labels, source);
                if let Some(captures) = regex(expression.anchored()).captures(&source) {
                    let target = expand(target_label, &captures);
                    if names.allows(&target) {
                        set(labels, &target, &expand(replacement, &captures));
                    }
                }
                true
            }
            RelabelRule::Keep { source, regex: by } => regex(by.anchored()).is_match(&text(labels, source)),
            RelabelRule::Drop { source, regex: by } => !regex(by.anchored()).is_match(&text(labels, source)),
            RelabelRule::KeepEqual { source, target_label } => text(labels, source) == get(labels, target_label),
            RelabelRule::DropEqual { source, target_label } => text(labels, source) != get(labels, target_label),
            RelabelRule::HashMod {
                source,
                target_label,
                modulus,
            } => {
                let digest = md5::compute(text(labels, source)).0;
                let mut last = [0; 8];
                last.copy_from_slice(&digest[8..]);
                let number = u64::from_be_bytes(last) % modulus.get();
                set(labels, target_label, &number.to_string());
                true
            }
            RelabelRule::LabelMap { regex: by, replacement } => {
                for (name, value) in labels.clone() {
                    if let Some(captures) = regex(by.anchored()).captures(&name) {
                        set(labels, &expand(replacement, &captures), &value);
                    }
                }
                true
            }
            RelabelRule::LabelDrop { regex: by } => {
                labels.retain(|(name, _)| !regex(by.anchored()).is_match(name));
                true
            }
            RelabelRule::LabelKeep { regex: by } => {
                labels.retain(|(name, _)| regex(by.anchored()).is_match(name));
                true
            }
            RelabelRule::Lowercase { source, target_label } => {
                let value = text(labels, source).to_lowercase();
                set(labels, target_label, &value);
                true
            }
            RelabelRule::Uppercase { source, target_label } => {
                let value = text(labels, source).to_uppercase();
                set(labels, target_label, &value);
                true
            }
        };
        if !kept {
            return Verdict::Dropped { rule: place };
        }
    }
    Verdict::Kept
}
