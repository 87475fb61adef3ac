//! What a manager leaves to the one after it, in full.

use std::collections::BTreeMap;

use super::guard::PlainGroups;
use super::handover::PlainRetired;
use super::plain::PlainStored;
use super::{Disagreement, Model, Pair, agree};
use crate::{Instant, Manager, ManagerOptions, ProviderConfig, ProviderId, Reports, Restored, SavedState};

/// A [`SavedState`] in full.
pub(super) type PlainSaved<C> = Vec<PlainSavedProvider<C>>;

/// A saved provider: its config, when it was first read whole, when that was last known, whether it was waited for in vain,
/// and its groups by source.
#[derive(Debug, Clone)]
pub(super) struct PlainSavedProvider<C> {
    pub(super) config: C,
    pub(super) sets: Vec<String>,
    pub(super) first_whole: Option<Instant>,
    pub(super) as_of: Instant,
    pub(super) waited_out: bool,
    pub(super) groups: PlainGroups,
    /// The provider that runs this config now.
    pub(super) taken_by: Option<ProviderId>,
}

impl<C: Clone> PlainSavedProvider<C> {
    fn new(config: &C, sets: Vec<String>, reports: (Option<Instant>, Instant, bool), groups: &PlainGroups) -> Self {
        let (first_whole, as_of, waited_out) = reports;
        Self {
            config: config.clone(),
            sets,
            first_whole,
            as_of,
            waited_out,
            groups: groups.clone(),
            taken_by: None,
        }
    }

    /// Whether it had anything: groups, or that there are none. Otherwise it can't stand in for anybody.
    pub(super) fn has_something(&self) -> bool {
        !self.groups.is_empty() || self.first_whole.is_some()
    }

    /// With what is known of it a provider starts.
    pub(super) fn reports(&self, now: Instant) -> Reports {
        let restored = Restored {
            first_whole: self.first_whole,
            as_of: self.as_of,
        };
        Reports {
            restored: self.has_something().then_some(restored),
            waited_out: self.waited_out.then_some(now),
            ..Reports::default()
        }
    }
}

impl<C: ProviderConfig> Model<C> {
    /// What is shown of each provider, and whether it was read whole or waited for in vain; nothing of those of which
    /// there is none of that.
    pub(super) fn save(&self, now: Instant) -> PlainSaved<C> {
        let mut saved: BTreeMap<ProviderId, PlainSavedProvider<C>> = BTreeMap::new();
        for (id, provider) in &self.providers {
            let reports = &provider.health.reports;
            let known = (
                reports.first_whole(),
                known_at(reports).unwrap_or(now),
                in_vain(reports),
            );
            let mut sets = provider.subscribers.clone();
            sets.extend(self.lent_to(*id));
            saved.insert(
                *id,
                PlainSavedProvider::new(&provider.config, sets, known, &provider.shown.groups),
            );
        }
        for (id, PlainRetired { config, shown }) in &self.retired {
            let as_of = known_at(&shown.reports).or(shown.reports.replaced);
            let reports = &shown.reports;
            let known = (reports.first_whole(), as_of.unwrap_or(now), in_vain(reports));
            saved.insert(
                *id,
                PlainSavedProvider::new(config, self.lent_to(*id), known, &shown.groups),
            );
        }
        saved
            .into_values()
            .filter(|saved| saved.has_something() || saved.waited_out)
            .collect()
    }

    /// The sets in which a provider stands in for others.
    fn lent_to(&self, id: ProviderId) -> Vec<String> {
        let lent = self
            .sets
            .iter()
            .filter(|(_, members)| members.predecessors.contains(&id));
        lent.map(|(set, _)| set.clone()).collect()
    }

    /// A model of a manager that starts with what another one had.
    pub(super) fn restore(now: Instant, options: &ManagerOptions, mut saved: PlainSaved<C>) -> Self {
        for provider in &mut saved {
            // B09: it was whole before now.
            provider.first_whole = provider.first_whole.map(|at| at.min(now));
            provider.as_of = provider.as_of.min(now);
            for stored in provider.groups.values_mut() {
                // B07: no update of this life put it there, and it did so before now.
                stored.update = 0;
                stored.changed = stored.changed.min(now);
            }
        }
        let mut model = Self::new(now, options);
        model.saved = saved;
        model
    }
}

impl<C: ProviderConfig + core::fmt::Debug> Pair<C> {
    /// A manager and its model that start with what others had, at `now`.
    pub fn restore(now: Instant, options: ManagerOptions, saved: SavedState<C>) -> Self {
        let plain = plain(&saved);
        Self::of(
            Manager::restore(now, options.clone(), saved),
            Model::restore(now, &options, plain),
        )
    }

    /// What the manager leaves to the one after it.
    ///
    /// # Errors
    /// The model would leave something else.
    pub fn save(&self, now: Instant) -> Result<SavedState<C>, Disagreement> {
        let saved = self.manager().save(now);
        let words = |saved: &PlainSavedProvider<C>| format!("{saved:?}");
        let (expected, found) = (self.model().save(now), plain(&saved));
        agree(
            "what is saved",
            &expected.iter().map(words).collect::<Vec<_>>(),
            &found.iter().map(words).collect::<Vec<_>>(),
        )?;
        Ok(saved)
    }
}

/// B09: who has not been read whole in this life is known as it was in the one before.
fn known_at(reports: &Reports) -> Option<Instant> {
    match (reports.restored, reports.first_whole) {
        (Some(restored), None) => Some(restored.as_of),
        _ => None,
    }
}

/// B10: it was waited for, and nothing came that has everything.
fn in_vain(reports: &Reports) -> bool {
    reports.waited_out.is_some() && reports.first_whole().is_none()
}

fn plain<C: ProviderConfig>(saved: &SavedState<C>) -> PlainSaved<C> {
    let groups = |groups: &crate::Groups| -> PlainGroups {
        let all = groups
            .iter()
            .map(|stored| (stored.group().source().to_owned(), PlainStored::from(stored)));
        all.collect()
    };
    let sets = |sets: &[std::sync::Arc<str>]| sets.iter().map(|set| set.to_string()).collect();
    let providers = saved.providers().iter();
    providers
        .map(|provider| {
            let known = (
                provider.first_whole(),
                provider.as_of().unwrap_or(saved.at()),
                provider.is_waited_out(),
            );
            PlainSavedProvider::new(
                provider.config(),
                sets(provider.sets()),
                known,
                &groups(provider.groups()),
            )
        })
        .collect()
}
