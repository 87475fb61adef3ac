//! What can't be said in a list that is relabelled: that a rule removed a label which who scrapes fills in again.
//!
//! A Prometheus gives each target `job`, `__scheme__` and their like where it has none. So a job whose rules may remove one
//! of them is better relabelled by Prometheus itself, if nothing else speaks against that. **What may be removed is looked
//! for in the rules, and rather found too often.**

use headcount_config::ScrapeConfig;
use headcount_core::relabel::{RelabelRule, RuleRegex, VmagentRule};

/// What every target is given.
const FILLED_IN: [&str; 5] = [
    "job",
    "__scheme__",
    "__metrics_path__",
    "__scrape_interval__",
    "__scrape_timeout__",
];

/// The first rule that may remove a label which is filled in again, and that label.
pub(super) fn first(job: &ScrapeConfig) -> Option<(usize, String)> {
    let parameters = job.params.iter().map(|(name, _)| format!("__param_{name}"));
    let filled_in: Vec<String> = FILLED_IN.iter().map(ToString::to_string).chain(parameters).collect();
    let rules = job.relabel_configs.rules().iter().enumerate();
    rules
        .filter_map(|(rule, what)| {
            let label = filled_in.iter().find(|label| may_remove(what, label))?;
            Some((rule, label.clone()))
        })
        .next()
}

fn may_remove(rule: &RelabelRule, label: &str) -> bool {
    match rule {
        RelabelRule::Replace {
            target_label,
            replacement,
            regex,
            ..
        } => may_be(target_label, label) && may_be_empty(replacement, regex),
        RelabelRule::Lowercase { target_label, .. } | RelabelRule::Uppercase { target_label, .. } => {
            target_label == label
        }
        RelabelRule::LabelDrop { regex } | RelabelRule::Vmagent(VmagentRule::LabelMapAll { regex, .. }) => {
            regex.is_match(label)
        }
        RelabelRule::LabelKeep { regex } => !regex.is_match(label),
        RelabelRule::If { rule, .. } => may_remove(rule, label),
        RelabelRule::Vmagent(VmagentRule::ReplaceAll { target_label, .. } | VmagentRule::Fill { target_label, .. }) => {
            may_be(target_label, label)
        }
        RelabelRule::Vmagent(VmagentRule::Graphite { labels, .. }) => labels.iter().any(|(name, _)| name == label),
        _ => false,
    }
}

/// Whether a name may be this one once groups are filled in.
fn may_be(template: &str, label: &str) -> bool {
    match template.split_once('$') {
        Some((before, _)) => label.starts_with(before),
        None => template == label,
    }
}

/// Whether what is filled in may be nothing.
fn may_be_empty(replacement: &str, regex: &RuleRegex) -> bool {
    if replacement.is_empty() {
        return true;
    }
    let groups = |text: &str| -> Option<bool> {
        // Text between groups is always there.
        let mut rest = text;
        while let Some(after) = rest.strip_prefix('$') {
            rest = match after.strip_prefix('{') {
                Some(name) => name.split_once('}')?.1,
                None => after.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_'),
            };
        }
        Some(rest.is_empty())
    };
    // An expression of which a part may be missing may have a group that matches nothing.
    let may_lack_a_part = regex.written().contains(['?', '*', '|', '{']) || regex.is_match("");
    may_lack_a_part && groups(replacement).unwrap_or(true)
}
