//! `/api/v1/targets/relabel_steps`: what each rule of a job makes of some labels.

use std::collections::BTreeMap;

use headcount_core::relabel::{Explanation, RelabelRule, Relabeling, SourceLabels, VmagentRule};
use http::Response;
use serde::Serialize;

use super::super::respond::{self, Body};
use crate::app::App;

type Labels = BTreeMap<String, String>;

#[derive(Debug, Serialize)]
struct Answer<'a> {
    steps: Vec<Step<'a>>,
}

#[derive(Debug, Serialize)]
pub(super) struct Step<'a> {
    rule: Rule<'a>,
    /// Empty once the target is dropped.
    output: Labels,
    keep: bool,
    source: Option<String>,
    /// Whether the rule's `if` was true of the labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    applies: Option<bool>,
}

/// A rule as Prometheus shows it: all fields of the configuration, with defaults. Those of vmagent's are there where a rule
/// has them.
#[derive(Debug, Serialize)]
pub(super) struct Rule<'a> {
    #[serde(rename = "if", skip_serializing_if = "Option::is_none")]
    pub(super) condition: Option<Vec<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) source_labels: Option<&'a [String]>,
    pub(super) separator: &'a str,
    pub(super) regex: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) modulus: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) target_label: Option<&'a str>,
    pub(super) replacement: &'a str,
    pub(super) action: &'static str,
    #[serde(rename = "match", skip_serializing_if = "Option::is_none")]
    pub(super) template: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) labels: Option<BTreeMap<&'a str, &'a str>>,
}

/// The steps for the labels in the query.
pub(in crate::server) fn relabel_steps(app: &App, query: &str) -> Response<Body> {
    let value = |wanted: &str| {
        let mut parameters = url::form_urlencoded::parse(query.as_bytes());
        let value = parameters.find(|(name, _)| name == wanted).map(|(_, value)| value);
        value.filter(|value| !value.is_empty())
    };
    let Some(job) = value("scrapePool") else {
        return respond::bad_data("no scrapePool parameter provided");
    };
    let Some(labels) = value("labels") else {
        return respond::bad_data("no labels parameter provided");
    };
    let labels = match parse(&labels) {
        Ok(labels) => labels,
        Err(error) => return respond::bad_data(format!("error parsing labels: {error}")),
    };
    let relabeling = app
        .targets
        .read(|state| Some(state.pools.pool(&job)?.options().relabeling.clone()));
    let Some(relabeling) = relabeling else {
        return respond::bad_data(format!(
            "error retrieving scrape config: there is no scrape pool {job:?}"
        ));
    };
    let explanation = relabeling.explain(labels.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    respond::success(&Answer {
        steps: steps(&relabeling, labels, explanation),
    })
}

/// Labels as Go reads them: `null` is none, and as a value it is an empty one.
pub(super) fn parse(text: &str) -> serde_json::Result<Labels> {
    let labels: Option<BTreeMap<String, Option<String>>> = serde_json::from_str(text)?;
    let labels = labels.unwrap_or_default().into_iter();
    Ok(labels.map(|(name, value)| (name, value.unwrap_or_default())).collect())
}

pub(super) fn steps(relabeling: &Relabeling, mut labels: Labels, explanation: Explanation) -> Vec<Step<'_>> {
    // To Prometheus, a label with an empty value is no label.
    labels.retain(|_, value| !value.is_empty());
    let mut explained = explanation.steps.into_iter();
    let steps = relabeling.rules().iter().map(|rule| {
        let mut step = Step {
            rule: shown(rule),
            output: Labels::new(),
            keep: false,
            source: None,
            applies: None,
        };
        // None follows the one that drops the target.
        if let Some(explained) = explained.next() {
            for change in explained.changes {
                match change.after {
                    Some(after) => labels.insert(change.name, after),
                    None => labels.remove(&change.name),
                };
            }
            (step.keep, step.source, step.applies) = (explained.kept, explained.source, explained.applies);
            if step.keep {
                step.output.clone_from(&labels);
            }
        }
        step
    });
    steps.collect()
}

pub(super) fn shown(rule: &RelabelRule) -> Rule<'_> {
    let source = rule.source();
    let (selectors, inner) = rule.parts();
    let mut shown = Rule {
        condition: selectors.map(|selectors| selectors.iter().map(|selector| selector.written.as_str()).collect()),
        source_labels: source.map(|source| &*source.names).filter(|names| !names.is_empty()),
        separator: source.map_or(";", |SourceLabels { separator, .. }| separator),
        regex: "(.*)",
        modulus: None,
        target_label: None,
        replacement: "$1",
        action: rule.action(),
        template: None,
        labels: None,
    };
    match inner {
        RelabelRule::Replace {
            regex,
            target_label,
            replacement,
            ..
        } => {
            shown.regex = regex.written();
            (shown.target_label, shown.replacement) = (Some(target_label.as_str()), replacement);
        }
        RelabelRule::Keep { regex, .. }
        | RelabelRule::Drop { regex, .. }
        | RelabelRule::LabelDrop { regex }
        | RelabelRule::LabelKeep { regex } => shown.regex = regex.written(),
        RelabelRule::LabelMap { regex, replacement } => {
            (shown.regex, shown.replacement) = (regex.written(), replacement)
        }
        RelabelRule::HashMod {
            target_label, modulus, ..
        } => (shown.target_label, shown.modulus) = (Some(target_label.as_str()), Some(modulus.get())),
        RelabelRule::KeepEqual { target_label, .. }
        | RelabelRule::DropEqual { target_label, .. }
        | RelabelRule::Lowercase { target_label, .. }
        | RelabelRule::Uppercase { target_label, .. } => shown.target_label = Some(target_label.as_str()),
        RelabelRule::Vmagent(rule) => show_vmagent(&mut shown, rule),
        // A condition stands in no other.
        RelabelRule::If { .. } => {}
    }
    shown
}

fn show_vmagent<'a>(shown: &mut Rule<'a>, rule: &'a VmagentRule) {
    match rule {
        VmagentRule::KeepIfEqual { .. } | VmagentRule::DropIfEqual { .. } => {}
        VmagentRule::KeepIfContains { target_label, .. } | VmagentRule::DropIfContains { target_label, .. } => {
            shown.target_label = Some(target_label);
        }
        VmagentRule::ReplaceAll {
            regex,
            target_label,
            replacement,
            ..
        }
        | VmagentRule::Fill {
            regex,
            target_label,
            replacement,
            ..
        } => {
            (shown.regex, shown.target_label, shown.replacement) =
                (regex.written(), Some(target_label.as_str()), replacement)
        }
        VmagentRule::HashMod {
            target_label, modulus, ..
        } => (shown.target_label, shown.modulus) = (Some(target_label.as_str()), Some(modulus.get())),
        VmagentRule::LabelMap { regex, replacement } | VmagentRule::LabelMapAll { regex, replacement } => {
            (shown.regex, shown.replacement) = (regex.written(), replacement);
        }
        VmagentRule::Graphite { template, labels } => {
            let labels = labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            (shown.template, shown.labels) = (Some(template.as_str()), Some(labels.collect()));
            // It is not written, because it is always the same.
            shown.source_labels = None;
        }
    }
}
