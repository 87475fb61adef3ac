//! What can be set for each set, and changed while the manager runs.
//!
//! **A provider that several sets read does what the most patient of them wants**: its groups are dropped for their age
//! (B04), and it is no longer waited for (B10), only when all of them say so.

use core::ops::RangeBounds;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::DropGuard;
use super::output::Outputs;
use super::registry::Registry;
use crate::{Instant, ProviderConfig, ProviderId};

/// What is set for a set. A set that has options of its own has nothing from the defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetOptions {
    /// Whether drops of many targets are held until they are confirmed (B05).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<DropGuard>,
    /// For how long a provider may do nothing but fail before its groups are no longer shown (B04). Without it, they are
    /// kept for as long as it takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_stale: Option<Duration>,
    /// How long a provider that was never read whole is waited for (B10). Without it, for as long as its config says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incomplete_after: Option<Duration>,
}

/// The options of all sets.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Settings {
    defaults: SetOptions,
    by_set: BTreeMap<String, SetOptions>,
    /// The longest time for which anything is held.
    longest_hold: Duration,
    /// Whether there is a set for which anything gets too old.
    has_max_stale: bool,
    /// Whether there is a set with a guard.
    has_guard: bool,
}

impl Settings {
    pub(super) fn new(defaults: SetOptions, by_set: BTreeMap<String, SetOptions>) -> Self {
        let all = by_set.values().chain([&defaults]);
        let has_max_stale = all.clone().any(|options| options.max_stale.is_some());
        let longest_hold = all.filter_map(|options| options.guard).map(|guard| guard.hold).max();
        Self {
            longest_hold: longest_hold.unwrap_or_default(),
            has_max_stale,
            has_guard: longest_hold.is_some(),
            defaults,
            by_set,
        }
    }

    pub(super) fn of(&self, set: &str) -> &SetOptions {
        self.by_set.get(set).unwrap_or(&self.defaults)
    }

    /// Whether there is a set for which anything gets too old.
    pub(super) fn has_max_stale(&self) -> bool {
        self.has_max_stale
    }

    /// Whether any of these sets has a guard.
    pub(super) fn is_guarded(&self, sets: &[Arc<str>]) -> bool {
        self.has_guard && sets.iter().any(|set| self.of(set).guard.is_some())
    }

    /// The longest time for which anything is held: to remember something for longer is of no use.
    pub(super) fn longest_hold(&self) -> Duration {
        self.longest_hold
    }
}

impl<C: ProviderConfig> Registry<C> {
    /// Puts other options in the place of those that there are, and judges by them what waits, grows old or is held.
    pub(super) fn set_options(&mut self, now: Instant, settings: Settings, outputs: &mut Outputs<C>) {
        if self.settings != settings {
            self.settings = settings;
            self.judge_times(now, ..);
            self.judge_again(now, outputs);
        }
    }

    /// Works out anew until when providers are waited for and may fail, after sets changed and these were started.
    pub(super) fn judge_times_since(&mut self, now: Instant, started: &[ProviderId]) {
        if !self.settings.by_set.is_empty() {
            self.judge_times(now, ..);
        } else if let Some(first) = started.first() {
            // Which sets read one is all the same, so there is nothing new to say of those that go on.
            self.judge_times(now, first..);
        }
    }

    /// Works out anew until when each of these is waited for and may fail. What was too old and is not any more is shown
    /// again.
    fn judge_times(&mut self, now: Instant, ids: impl RangeBounds<ProviderId>) {
        let mut came_back = Vec::new();
        // In one walk: each provider of each reload may come by.
        for (id, provider) in self.providers.range_mut(ids) {
            let readers = Readers::of(&self.settings, &provider.subscribers, self.lent.get(id));
            let awaited_until = provider.awaited_until(readers);
            let max_stale = readers.most_patient(|options| options.max_stale);
            note_time(&mut self.awaited, &mut provider.awaited, awaited_until, *id);
            if provider.bring_back(now, max_stale) {
                came_back.push(*id);
            }
            let too_old_at = provider.too_old_at(max_stale);
            note_time(&mut self.aging, &mut provider.stale_at, too_old_at, *id);
        }
        for id in came_back {
            self.touched(id);
        }
    }
}

/// The sets that show a provider: those that read it, and those that it is lent to (B03).
#[derive(Debug, Clone, Copy)]
pub(super) struct Readers<'a> {
    settings: &'a Settings,
    subscribers: &'a [Arc<str>],
    lent: Option<&'a BTreeSet<Arc<str>>>,
}

impl<'a> Readers<'a> {
    pub(super) fn of(
        settings: &'a Settings,
        subscribers: &'a [Arc<str>],
        lent: Option<&'a BTreeSet<Arc<str>>>,
    ) -> Self {
        Self {
            settings,
            subscribers,
            lent,
        }
    }

    /// The longest of what they say; none, if one of them has no limit.
    pub(super) fn most_patient(self, limit: impl Fn(&SetOptions) -> Option<Duration>) -> Option<Duration> {
        let mut sets = self.subscribers.iter().chain(self.lent.into_iter().flatten());
        if self.settings.by_set.is_empty() {
            return sets.next().and_then(|_| limit(&self.settings.defaults));
        }
        let mut longest = None;
        for set in sets {
            longest = longest.max(Some(limit(self.settings.of(set))?));
        }
        longest
    }
}

/// Notes another time of a provider, with it and where the first of all times is looked up.
pub(super) fn note_time(
    times: &mut BTreeSet<(Instant, ProviderId)>,
    of_provider: &mut Option<Instant>,
    at: Option<Instant>,
    id: ProviderId,
) {
    let before = core::mem::replace(of_provider, at);
    if before != at {
        before.map(|before| times.remove(&(before, id)));
        at.map(|at| times.insert((at, id)));
    }
}
