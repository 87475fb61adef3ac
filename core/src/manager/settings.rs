//! What can be set for each set, and changed while the manager runs.
//!
//! **A provider that several sets read does what the most patient of them wants**: its groups are dropped for their age
//! (B04), and it is no longer waited for (B10), only when all of them say so.

use core::time::Duration;
use std::collections::BTreeMap;
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
}

impl Settings {
    pub(super) fn new(defaults: SetOptions, by_set: BTreeMap<String, SetOptions>) -> Self {
        let all = by_set.values().chain([&defaults]);
        let holds = all.filter_map(|options| options.guard).map(|guard| guard.hold);
        Self {
            longest_hold: holds.max().unwrap_or_default(),
            defaults,
            by_set,
        }
    }

    pub(super) fn of(&self, set: &str) -> &SetOptions {
        self.by_set.get(set).unwrap_or(&self.defaults)
    }

    /// Whether any of these sets has a guard.
    pub(super) fn is_guarded(&self, sets: &[Arc<str>]) -> bool {
        sets.iter().any(|set| self.of(set).guard.is_some())
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
            self.judge_times(now);
            self.judge_again(now, outputs);
        }
    }

    /// Works out anew until when each provider is waited for and may fail, after sets or their options changed. What was
    /// too old and is not any more is shown again.
    pub(super) fn judge_times(&mut self, now: Instant) {
        let ids: Vec<ProviderId> = self.providers.keys().copied().collect();
        for id in ids {
            self.note_awaited(id);
            self.bring_back(now, id);
            self.note_age(id);
        }
    }
}

impl<C> Registry<C> {
    /// The longest of what the sets that read a provider say; none, if one of them has no limit.
    pub(super) fn most_patient(
        &self,
        id: ProviderId,
        limit: impl Fn(&SetOptions) -> Option<Duration>,
    ) -> Option<Duration> {
        let subscribers = self.providers.get(&id)?.subscribers.iter();
        let lent = self.lent.get(&id).into_iter().flatten();
        let mut longest = None;
        for set in subscribers.chain(lent) {
            longest = longest.max(Some(limit(self.settings.of(set))?));
        }
        longest
    }
}
