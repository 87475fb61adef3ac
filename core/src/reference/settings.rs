//! Options that change while a manager runs, and what they mean then.

use core::time::Duration;
use std::collections::BTreeMap;

use super::Disagreement;
use super::fair::Deadlines;
use super::model::Model;
use super::window::Windows;
use crate::{Instant, ManagerOptions, ProviderConfig, ProviderId, SetOptions, Throttle};

/// What is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PlainSettings {
    pub(super) throttle: Throttle,
    pub(super) per_set: bool,
    pub(super) defaults: SetOptions,
    pub(super) by_set: BTreeMap<String, SetOptions>,
}

impl PlainSettings {
    pub(super) fn of(options: &ManagerOptions) -> Self {
        Self {
            throttle: options.throttle,
            per_set: options.per_set,
            defaults: options.of_sets(),
            by_set: BTreeMap::new(),
        }
    }

    /// A set that has its own has nothing from the defaults.
    pub(super) fn of_set(&self, set: &str) -> SetOptions {
        self.by_set.get(set).copied().unwrap_or(self.defaults)
    }

    /// The longest hold time that any set has.
    pub(super) fn longest_hold(&self) -> Duration {
        let guards = self.by_set.values().chain([&self.defaults]);
        guards
            .filter_map(|options| Some(options.guard?.hold))
            .max()
            .unwrap_or_default()
    }
}

impl<C: ProviderConfig> Model<C> {
    /// Judges everything by these, and says whether something else is shown.
    pub(super) fn set_options(
        &mut self,
        now: Instant,
        defaults: SetOptions,
        by_set: &BTreeMap<String, SetOptions>,
    ) -> bool {
        let settings = PlainSettings {
            defaults,
            by_set: by_set.clone(),
            ..self.settings.clone()
        };
        if settings == self.settings {
            return false;
        }
        self.settings = settings;
        let came_back = self.bring_back(now);
        self.judge_again(now) || came_back
    }

    /// Another throttle begins anew, and says when what waits is due.
    pub(super) fn set_throttle(
        &mut self,
        now: Instant,
        throttle: Throttle,
        per_set: bool,
        deadlines: &Deadlines,
    ) -> Result<(), Disagreement> {
        if (self.settings.throttle, self.settings.per_set) == (throttle, per_set) {
            return Ok(());
        }
        (self.settings.throttle, self.settings.per_set) = (throttle, per_set);
        self.windows = Windows::new(throttle, self.started);
        // What waits concerns everything from now on.
        self.due = self.first_due();
        self.set_throttles.clear();
        if self.due.take_if(|due| *due > now).is_some() {
            self.make_due(now, deadlines.all)?;
        }
        Ok(())
    }
}

impl<C> Model<C> {
    /// What the most patient of the sets that read a provider says; nothing, if one has no limit.
    pub(super) fn most_patient(
        &self,
        id: ProviderId,
        limit: impl Fn(SetOptions) -> Option<Duration>,
    ) -> Option<Duration> {
        let readers = self.sets.iter().filter(|(_, members)| members.all().contains(&id));
        let limits: Option<Vec<Duration>> = readers.map(|(set, _)| limit(self.settings.of_set(set))).collect();
        limits?.into_iter().max()
    }
}
