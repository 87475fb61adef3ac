//! What a manager leaves to the one after it, in full.

use super::guard::PlainGroups;
use super::plain::PlainStored;
use super::{Disagreement, Model, Pair, agree};
use crate::{Instant, Manager, ManagerOptions, ProviderConfig, SavedState};

/// A [`SavedState`] in full: configs, each with its groups by source.
pub(super) type PlainSaved<C> = Vec<(C, PlainGroups)>;

impl<C: ProviderConfig> Model<C> {
    /// What is shown of each provider that shows anything.
    pub(super) fn save(&self) -> PlainSaved<C> {
        let shown = self.providers.values();
        let shown = shown.filter(|provider| !provider.shown.groups.is_empty());
        shown
            .map(|provider| (provider.config.clone(), provider.shown.groups.clone()))
            .collect()
    }

    /// A model of a manager that starts with what another one had.
    pub(super) fn restore(now: Instant, options: &ManagerOptions, mut saved: PlainSaved<C>) -> Self {
        for stored in saved.iter_mut().flat_map(|(_, groups)| groups.values_mut()) {
            // B07: no update of this life put it there, and it did so before now.
            stored.update = 0;
            stored.changed = stored.changed.min(now);
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
        let words = |(config, groups): &(C, PlainGroups)| format!("{config:?}: {groups:?}");
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
        .map(|provider| (provider.config().clone(), groups(provider.groups())))
        .collect()
}
