//! Which discoverers a reload would start and stop.
//!
//! The one rule: **a provider is its config.** One that differs in anything is stopped, and another is
//! started, even if both look at the same place.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::sides::{Side, Use, of_set_name};
use headcount_service::{MEMBERS_SET, Observation};

/// What becomes of the providers.
#[derive(Debug, Default, Serialize)]
pub(super) struct Providers {
    pub(super) changed: Vec<Provider>,
    pub(super) kept: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum ProviderState {
    Started,
    Stopped,
    /// It is stopped, and one that looks at the same, with other settings, is started.
    Replaced,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Provider {
    pub(super) mechanism: String,
    /// What it looks at.
    pub(super) description: String,
    pub(super) state: ProviderState,
    /// Who reads it: jobs and lists of Alertmanagers.
    pub(super) readers: Vec<String>,
}

/// For one mechanism, place and use: the providers of either side that the other lacks.
#[derive(Default)]
struct Unlike {
    old: usize,
    new: usize,
    readers: BTreeSet<String>,
}

impl Providers {
    pub(super) fn of(observation: &Observation) -> Self {
        let mut kept = 0;
        let mut unlike: BTreeMap<(Use, &str, &str), Unlike> = BTreeMap::new();
        for provider in &observation.providers {
            // Jobs and Alertmanagers are discovered by a manager each, so a provider that both read is two.
            for what in [Use::Job, Use::Alertmanagers] {
                let readers = provider.subscribers.iter().filter_map(|set| of_set_name(set));
                let readers: Vec<_> = readers.filter(|(_, its, _)| *its == what).collect();
                let has = |wanted| readers.iter().any(|(side, _, _)| *side == wanted);
                let (in_old, in_new) = (has(Side::Old), has(Side::New));
                if in_old && in_new {
                    kept += 1;
                } else if in_old || in_new {
                    let key = (what, &*provider.kind, &*provider.description);
                    let entry = unlike.entry(key).or_default();
                    entry.old += usize::from(in_old);
                    entry.new += usize::from(in_new);
                    entry
                        .readers
                        .extend(readers.iter().map(|(_, _, name)| reader(what, name)));
                }
            }
        }
        let changed = unlike
            .into_iter()
            .flat_map(|((_, mechanism, description), unlike)| {
                let replaced = unlike.old.min(unlike.new);
                let counts = [
                    (ProviderState::Started, unlike.new - replaced),
                    (ProviderState::Stopped, unlike.old - replaced),
                    (ProviderState::Replaced, replaced),
                ];
                let readers: Vec<String> = unlike.readers.into_iter().collect();
                counts.into_iter().flat_map(move |(state, count)| {
                    let provider = Provider {
                        mechanism: mechanism.to_owned(),
                        description: description.to_owned(),
                        state,
                        readers: readers.clone(),
                    };
                    std::iter::repeat_with(move || provider.clone()).take(count)
                })
            })
            .collect();
        Self { changed, kept }
    }

    pub(super) fn count(&self, state: ProviderState) -> usize {
        self.changed.iter().filter(|provider| provider.state == state).count()
    }
}

/// Someone who reads a provider, in words.
pub(super) fn reader(what: Use, name: &str) -> String {
    // Members that are found are discovered beside Alertmanagers.
    match (what, name) {
        (Use::Alertmanagers, MEMBERS_SET) => MEMBERS_SET.to_owned(),
        _ => format!("{} {name:?}", what.word()),
    }
}
