//! What a manager leaves to the one after it, in full.

use super::guard::PlainGroups;
use super::plain::PlainStored;
use super::{Disagreement, Model, Pair, agree};
use crate::{Instant, Manager, ManagerOptions, ProviderConfig, SavedState};

/// A [`SavedState`] in full.
pub(super) type PlainSaved<C> = Vec<PlainSavedProvider<C>>;

/// A saved provider: its config, when it was first read whole, and its groups by source.
#[derive(Debug, Clone)]
pub(super) struct PlainSavedProvider<C> {
    pub(super) config: C,
    pub(super) first_whole: Option<Instant>,
    pub(super) groups: PlainGroups,
}

impl<C: ProviderConfig> Model<C> {
    /// What is shown of each provider, and whether it was read whole; nothing of those of which there
    /// is neither.
    pub(super) fn save(&self) -> PlainSaved<C> {
        let saved = self.providers.values().map(|provider| PlainSavedProvider {
            config: provider.config.clone(),
            first_whole: provider.health.reports.first_whole(),
            groups: provider.shown.groups.clone(),
        });
        saved
            .filter(|saved| !saved.groups.is_empty() || saved.first_whole.is_some())
            .collect()
    }

    /// A model of a manager that starts with what another one had.
    pub(super) fn restore(now: Instant, options: &ManagerOptions, mut saved: PlainSaved<C>) -> Self {
        for provider in &mut saved {
            // B09: it was whole before now.
            provider.first_whole = provider.first_whole.map(|at| at.min(now));
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
        let (expected, found) = (self.model().save(), plain(&saved));
        agree(
            "what is saved",
            &expected.iter().map(words).collect::<Vec<_>>(),
            &found.iter().map(words).collect::<Vec<_>>(),
        )?;
        Ok(saved)
    }
}

fn plain<C: ProviderConfig>(saved: &SavedState<C>) -> PlainSaved<C> {
    let groups = |groups: &crate::Groups| {
        let all = groups
            .iter()
            .map(|stored| (stored.group().source().to_owned(), PlainStored::from(stored)));
        all.collect()
    };
    let providers = saved.providers().iter();
    providers
        .map(|provider| PlainSavedProvider {
            config: provider.config().clone(),
            first_whole: provider.first_whole(),
            groups: groups(provider.groups()),
        })
        .collect()
}
