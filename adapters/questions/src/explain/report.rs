//! The answer, as JSON has it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::near::Near;
use super::past::Past;
use crate::lookup::{Labels, Overview, Step, Target};
use headcount_service::{LabelChange, label_changes};

/// What was found, or that nothing was.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    pub(super) asked: String,
    /// How many targets match, by what became of them.
    pub(super) counts: BTreeMap<String, usize>,
    /// The first of them.
    pub(super) targets: Vec<Found>,
    /// When there are none: what was there, if who was asked knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) past: Option<Past>,
    /// When there are none: those that come near.
    pub(super) near: Vec<Near>,
    pub(super) looked_at: LookedAt,
    /// When it was asked, in seconds since 1970-01-01 UTC.
    pub(super) now: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hint: Option<String>,
}

/// The answer in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It was found, and at least one target is scraped.
    Scraped,
    /// It was found, but none is scraped.
    NotScraped,
    /// It is nowhere, and every provider has answered.
    Nowhere,
    /// It is nowhere, but a provider fails or has not answered, so it may be there.
    Uncertain,
}

/// Where it was looked for.
#[derive(Debug, Serialize)]
pub(super) struct LookedAt {
    pub(super) jobs: usize,
    pub(super) providers: usize,
    /// Each provider's once, however many jobs read it.
    pub(super) groups: usize,
    pub(super) targets: usize,
    /// Who could not be asked, and why.
    pub(super) troubles: Vec<String>,
}

/// A target, and how it became what it is.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Found {
    #[serde(flatten)]
    pub(super) target: Target,
    /// What its provider looks at.
    pub(super) provider_description: String,
    pub(super) steps: Vec<Did>,
}

/// What a rule did.
#[derive(Debug, Serialize)]
pub(super) struct Did {
    /// Its place in `relabel_configs`, from 0.
    pub(super) rule: usize,
    pub(super) text: String,
    /// What it looked at; `None` for rules that look at names.
    pub(super) value: Option<String>,
    /// Whether its `if` was true; `None` without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) applies: Option<bool>,
    pub(super) kept: bool,
    pub(super) changes: Vec<LabelChange>,
}

impl Report {
    /// The answer in a word.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        if self.counts.contains_key("active") {
            Verdict::Scraped
        } else if !self.counts.is_empty() {
            Verdict::NotScraped
        } else if self.looked_at.troubles.is_empty() {
            Verdict::Nowhere
        } else {
            Verdict::Uncertain
        }
    }

    /// The answer for people.
    #[must_use]
    pub fn text(&self) -> String {
        super::output::text(self)
    }
}

impl LookedAt {
    pub(super) fn of(overview: &Overview) -> Self {
        let providers = &overview.providers;
        Self {
            jobs: overview.jobs.len(),
            providers: providers.len(),
            groups: providers.iter().map(|provider| provider.groups).sum(),
            targets: providers.iter().map(|provider| provider.targets).sum(),
            troubles: overview.troubles(|_| true),
        }
    }
}

impl Found {
    pub(super) fn of(target: Target, provider_description: String, steps: Vec<Step>) -> Self {
        let mut labels = target.discovered_labels.clone();
        let did = |(rule, step): (usize, Step)| {
            let changes = if step.keep {
                label_changes(text(&labels), text(&step.output))
            } else {
                Vec::new()
            };
            labels = step.output;
            Did {
                rule,
                text: step.rule.to_string(),
                value: step.source,
                applies: step.applies,
                kept: step.keep,
                changes,
            }
        };
        let steps = steps.into_iter().enumerate().map(did).collect();
        Self {
            target,
            provider_description,
            steps,
        }
    }
}

fn text(labels: &Labels) -> impl Iterator<Item = (&str, &str)> {
    labels.iter().map(|(name, value)| (name.as_str(), value.as_str()))
}
