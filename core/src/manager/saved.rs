//! What was saved, and what there is to be saved: how one manager goes on where another ended.
//!
//! **What was saved is given out once.** A provider whose config was saved takes what that had; what no config wants stands
//! in for what is new to its sets (B03), and the rest is forgotten with the first apply.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::handover::Retired;
use super::registry::{FixedState, Registry};
use crate::members::Members;
use crate::snapshot::Identity;
use crate::{Groups, Instant, ProviderConfig, ProviderId, Restored, SavedProvider, SavedState};

/// What was saved, until the first apply.
#[derive(Debug, Clone)]
pub(super) struct Saved<C> {
    providers: Vec<SavedBefore<C>>,
    by_config: HashMap<Arc<C>, usize, FixedState>,
}

/// A provider as it was saved.
#[derive(Debug, Clone)]
struct SavedBefore<C> {
    config: Arc<C>,
    sets: Vec<Arc<str>>,
    was_whole: bool,
    /// Whether it was waited for long enough, and is not to be waited for again (B10).
    waited_out: bool,
    /// What it has, until a provider of its config takes that.
    content: Option<Taken>,
    taken_by: Option<ProviderId>,
}

/// What was saved of a config.
#[derive(Debug, Clone)]
pub(super) struct Taken {
    /// Nothing, if all that is known is that it was waited for.
    pub(super) restored: Option<Restored>,
    pub(super) waited_out: bool,
    pub(super) groups: Groups,
}

impl<C> Default for Saved<C> {
    fn default() -> Self {
        Self {
            providers: Vec::new(),
            by_config: HashMap::default(),
        }
    }
}

impl<C: ProviderConfig> Saved<C> {
    pub(super) fn new(now: Instant, saved: SavedState<C>) -> Self {
        let saved_at = saved.at;
        let restored = |provider: SavedProvider<C>| {
            // A clock that went back since does not make it whole in the future.
            let restored = Restored {
                first_whole: planted!(provider.first_whole, RestoredIsWhole, Some(saved_at)).map(|at| at.min(now)),
                as_of: provider.as_of.unwrap_or(saved_at).min(now),
            };
            let (has_something, waited_out) = (provider.has_something(), provider.waited_out);
            SavedBefore {
                config: provider.config,
                sets: provider.sets,
                was_whole: restored.first_whole.is_some(),
                waited_out,
                content: {
                    let groups = planted!(
                        provider.groups.restored(now),
                        RestoredChangedJustNow,
                        Groups::from_saved(provider.groups.iter().map(|stored| (now, stored.group().clone())))
                    );
                    Some(Taken {
                        restored: has_something.then_some(restored),
                        waited_out,
                        groups,
                    })
                },
                taken_by: None,
            }
        };
        let providers: Vec<SavedBefore<C>> = saved.providers.into_iter().map(restored).collect();
        let places = providers.iter().enumerate();
        Self {
            by_config: places.map(|(place, saved)| (saved.config.clone(), place)).collect(),
            providers,
        }
    }

    /// What was saved of a config, for the provider that runs it now.
    pub(super) fn take(&mut self, config: &C, id: ProviderId) -> Option<Taken> {
        let saved = self.providers.get_mut(*self.by_config.get(config)?)?;
        saved.taken_by = Some(id);
        saved.content.take()
    }
}

impl<C: ProviderConfig> Registry<C> {
    /// What there is, to start again with.
    pub(super) fn save(&self) -> Vec<SavedProvider<C>> {
        let lent = |id: &ProviderId| self.lent.get(id).into_iter().flatten().cloned();
        let running = self.providers.iter().map(|(id, provider)| {
            let saved = SavedProvider {
                config: provider.config.clone(),
                sets: planted!(
                    provider.subscribers.iter().cloned().chain(lent(id)).collect(),
                    BorrowersAreNotSaved,
                    provider.subscribers.clone()
                ),
                first_whole: planted!(provider.health.reports.first_whole(), WholeIsNotSaved, None),
                as_of: planted!(provider.health.reports.only_restored(), SavedAgainIsFresh, None)
                    .map(|restored| restored.as_of),
                waited_out: planted!(provider.health.reports.is_waited_out(), WaitedOutIsNotSaved, false),
                groups: planted!(provider.groups.clone(), SavesWhatIsTold, provider.actual().clone()),
            };
            (*id, saved)
        });
        let retired = self.retired.iter();
        let retired = retired.map(|(id, retired)| (*id, retired.save(lent(id).collect())));
        // Of the others there is nothing to know.
        let saved = running.chain(retired).filter(|(_, saved)| {
            let is_whole = planted!(saved.first_whole.is_some(), KnownEmptyIsNotSaved, false);
            !saved.groups.is_empty() || is_whole || saved.waited_out
        });
        let in_order: BTreeMap<ProviderId, SavedProvider<C>> = saved.collect();
        planted!(in_order.into_values().collect(), StandInsAreNotSaved, {
            let runs = |(id, saved)| self.providers.contains_key(&id).then_some(saved);
            in_order.into_iter().filter_map(runs).collect()
        })
    }

    /// Makes retired providers of what was saved and no config wants, as far as its sets are there, and says which
    /// providers each set had then.
    pub(super) fn retire_saved(
        &mut self,
        now: Instant,
        saved: Saved<C>,
        wanted: &BTreeMap<Arc<str>, Vec<ProviderId>>,
    ) -> BTreeMap<Arc<str>, Members> {
        let mut before: BTreeMap<Arc<str>, Vec<ProviderId>> = BTreeMap::new();
        for saved in saved.providers {
            let is_there = |set| wanted.contains_key(set);
            if !planted!(
                saved.sets.iter().any(is_there),
                StandsInForAllOrNobody,
                saved.sets.iter().all(is_there)
            ) {
                continue;
            }
            // One that goes on and was never read whole may have been waited for, and is so again if it was not waited
            // out.
            if saved.taken_by.is_some() && !saved.was_whole && !saved.waited_out {
                continue;
            }
            // Nobody stands in with nothing.
            if saved.content.as_ref().is_some_and(|content| content.restored.is_none()) {
                continue;
            }
            let id = saved.taken_by.unwrap_or_else(|| self.new_id());
            if let Some(content) = saved.content {
                let identity = Identity::new(id, &*saved.config);
                let Taken {
                    restored,
                    waited_out,
                    groups,
                } = content;
                let retired = Retired::restored(now, identity, saved.config, restored, waited_out, groups);
                self.retired.insert(id, retired);
                self.dirty.insert(id);
            }
            for set in saved.sets {
                before.entry(set).or_default().push(id);
            }
        }
        before.into_iter().map(|(set, ids)| (set, Members::of(ids))).collect()
    }
}
