//! Relabelling as simply as it can be said: compared with, never used.

use std::collections::HashMap;

use regex::Regex;

use super::{Filter, FilterTest, NameValidation, RelabelRule, SourceLabels, Verdict, VmagentRule};

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
    let is_map = |rule: &RelabelRule| matches!(rule.parts().1, RelabelRule::Vmagent(VmagentRule::LabelMap { .. }));
    if rules.iter().any(is_map) {
        labels.sort();
    }
    for (rule, place) in rules.iter().zip(0..) {
        let (selectors, rule) = rule.parts();
        let holds = |filter: &Filter| {
            let value = get(labels, &filter.label);
            let is_named = filter.label != "__name__" || !value.is_empty();
            match &filter.test {
                FilterTest::Is(wanted) => is_named && *wanted == value,
                FilterTest::IsNot(wanted) => !is_named || *wanted != value,
                FilterTest::Matches(by) => Regex::new(by.anchored()).unwrap().is_match(&value),
                FilterTest::MatchesNot(by) => !Regex::new(by.anchored()).unwrap().is_match(&value),
            }
        };
        if let Some(selectors) = selectors {
            let mut lists = selectors.iter().flat_map(|selector| &selector.any_of);
            if !lists.any(|list| list.iter().all(holds)) {
                match rule {
                    RelabelRule::Keep { .. } => return Verdict::Dropped { rule: place },
                    _ => continue,
                }
            }
        }
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
            RelabelRule::If { .. } => unreachable!("it is taken apart above"),
            RelabelRule::Vmagent(rule) => vmagent(labels, rule, names),
        };
        if !kept {
            return Verdict::Dropped { rule: place };
        }
    }
    Verdict::Kept
}

fn vmagent(labels: &mut Labels, rule: &VmagentRule, names: NameValidation) -> bool {
    let values = |labels: &Labels, source: &SourceLabels| -> Vec<String> {
        source.names.iter().map(|name| get(labels, name)).collect()
    };
    let are_equal = |labels: &Labels, source| values(labels, source).windows(2).all(|two| two[0] == two[1]);
    let contains = |labels: &Labels, source, target: &str| {
        let whole = get(labels, target);
        values(labels, source)
            .iter()
            .all(|value| whole.contains(value.as_str()))
    };
    match rule {
        VmagentRule::KeepIfEqual { source } => return are_equal(labels, source),
        VmagentRule::DropIfEqual { source } => return !are_equal(labels, source),
        VmagentRule::KeepIfContains { source, target_label } => return contains(labels, source, target_label),
        VmagentRule::DropIfContains { source, target_label } => return !contains(labels, source, target_label),
        VmagentRule::ReplaceAll {
            source,
            regex,
            target_label,
            replacement,
        } => {
            let before = text(labels, source);
            let regex = Regex::new(regex.anchored()).unwrap();
            let after = regex.replace_all(&before, replacement.as_str()).into_owned();
            if after != before {
                set(labels, target_label, &after);
            }
        }
        VmagentRule::Fill {
            source,
            regex,
            target_label,
            replacement,
        } => {
            let source = text(labels, source);
            let mut filled = replacement.clone();
            for (name, value) in labels.clone() {
                filled = filled.replace(&format!("{{{{{name}}}}}"), &value);
            }
            let absent = Regex::new(r"\{\{[^}]*\}\}").unwrap();
            let filled = absent.replace_all(&filled, "").into_owned();
            if let Some(captures) = Regex::new(regex.anchored()).unwrap().captures(&source) {
                let target = expand(target_label, &captures);
                if names.allows(&target) {
                    set(labels, &target, &expand(&filled, &captures));
                }
            }
        }
        VmagentRule::HashMod {
            source,
            target_label,
            modulus,
        } => {
            let number = twox_hash::XxHash64::oneshot(0, text(labels, source).as_bytes()) % modulus.get();
            set(labels, target_label, &number.to_string());
        }
        VmagentRule::LabelMap { regex, replacement } => {
            let regex = Regex::new(regex.anchored()).unwrap();
            for (name, _) in labels.clone() {
                if let Some(captures) = regex.captures(&name) {
                    let renamed = expand(replacement, &captures);
                    if !renamed.is_empty() {
                        let value = get(labels, &name);
                        set(labels, &renamed, &value);
                    }
                }
            }
        }
        VmagentRule::LabelMapAll { regex, replacement } => {
            let regex = Regex::new(regex.anchored()).unwrap();
            let mut before = core::mem::take(labels);
            before.sort();
            for (name, value) in before {
                let name = regex.replace_all(&name, replacement.as_str()).into_owned();
                if !name.is_empty() && get(labels, &name).is_empty() {
                    set(labels, &name, &value);
                }
            }
        }
        VmagentRule::Graphite { template, labels: to } => {
            // A pattern and values that mean the same to both.
            let pattern = template.replace('.', r"\.").replace('*', "([^.]*)");
            let name = get(labels, "__name__");
            if let Some(captures) = Regex::new(&format!("^{pattern}$")).unwrap().captures(&name) {
                for (label, value) in to {
                    set(labels, label, &expand(value, &captures));
                }
            }
        }
    }
    true
}
