//! A manager that records what it is given.

use core::ops::Deref;
use std::collections::BTreeMap;

use super::{Recorded, RecordedEvent, RecordedGroup, RecordedProvider, RecordedRead};
use crate::saved::ReadGroup;
use crate::{
    Applied, Failure, GroupChange, Instant, Manager, Output, ProviderConfig, ProviderId, SetOptions, Throttle,
    UnknownProvider, Update, UpdateOutcome,
};

/// Where events go. It is called within each input, so it should be quick.
pub type Sink = Box<dyn FnMut(Recorded) + Send>;

/// A [`Manager`] whose inputs and snapshots go to a [`Sink`], if there is one; without, each
/// method is that of the manager. It can be asked whatever the manager can.
///
/// What a stopped provider still reports is not recorded: it changes nothing (S06).
pub struct RecordingManager<C: ProviderConfig> {
    manager: Manager<C>,
    sink: Option<Sink>,
}

impl<C: ProviderConfig> RecordingManager<C> {
    /// Records a manager to which nothing has happened yet.
    pub fn new(manager: Manager<C>, sink: Option<Sink>) -> Self {
        Self { manager, sink }
    }

    /// See [`Manager::apply`].
    pub fn apply(&mut self, now: Instant, sets: Vec<(String, Vec<C>)>) -> Applied {
        if self.sink.is_none() {
            return self.manager.apply(now, sets);
        }
        let applied = self.manager.apply(now, sets.clone());
        let number = |config: &C| self.manager.provider_of(config).map(ProviderId::number);
        let numbered = sets
            .iter()
            .map(|(set, configs)| (set.clone(), configs.iter().filter_map(number).collect()))
            .collect();
        let started = applied.started.iter().filter_map(|id| self.manager.provider(*id));
        let started = started.map(|provider| RecordedProvider {
            provider: provider.id.number(),
            kind: provider.config.kind().to_owned(),
            description: provider.description.to_string(),
            incomplete_after: provider
                .config
                .incomplete_after()
                .map(|after| u64::try_from(after.as_nanos()).unwrap_or(u64::MAX)),
        });
        let started = started.collect();
        self.record(
            now,
            RecordedEvent::Apply {
                sets: numbered,
                started,
            },
        );
        applied
    }

    /// See [`Manager::set_options`].
    pub fn set_options(&mut self, now: Instant, defaults: SetOptions, by_set: BTreeMap<String, SetOptions>) {
        self.manager.set_options(now, defaults, by_set.clone());
        self.record(now, RecordedEvent::Options { defaults, by_set });
    }

    /// See [`Manager::set_throttle`].
    pub fn set_throttle(&mut self, now: Instant, throttle: Throttle, per_set: bool) {
        self.manager.set_throttle(now, throttle, per_set);
        self.record(now, RecordedEvent::Throttle { throttle, per_set });
    }

    /// See [`Manager::handle_update`].
    ///
    /// # Errors
    /// Those of the manager.
    pub fn handle_update(
        &mut self,
        now: Instant,
        provider: ProviderId,
        update: Update,
    ) -> Result<UpdateOutcome, UnknownProvider> {
        if self.sink.is_none() {
            return self.manager.handle_update(now, provider, update);
        }
        let (took, read) = (update.duration(), RecordedRead::of(&update));
        let before = self.manager.reported_groups(provider).cloned().unwrap_or_default();
        let outcome = self.manager.handle_update(now, provider, update)?;
        let (mut groups, mut gone) = (Vec::new(), Vec::new());
        for change in self
            .manager
            .reported_groups(provider)
            .into_iter()
            .flat_map(|groups| groups.diff(&before))
        {
            match change {
                GroupChange::Added(stored) | GroupChange::Changed { new: stored, .. } => {
                    groups.push(RecordedGroup(ReadGroup::of(stored.group())));
                }
                GroupChange::Removed(stored) => gone.push(stored.group().source().to_owned()),
            }
        }
        let provider = provider.number();
        self.record(
            now,
            RecordedEvent::Update {
                provider,
                groups,
                gone,
                read,
                took,
            },
        );
        Ok(outcome)
    }

    /// See [`Manager::handle_warning`]. It is not recorded: what the manager does next does not depend on it.
    ///
    /// # Errors
    /// Those of the manager.
    pub fn handle_warning(
        &mut self,
        now: Instant,
        provider: ProviderId,
        warning: impl Into<std::sync::Arc<str>>,
    ) -> Result<(), UnknownProvider> {
        self.manager.handle_warning(now, provider, warning)
    }

    /// See [`Manager::handle_failure`].
    ///
    /// # Errors
    /// Those of the manager.
    pub fn handle_failure(
        &mut self,
        now: Instant,
        provider: ProviderId,
        failure: Failure,
    ) -> Result<(), UnknownProvider> {
        let message = failure.message().to_owned();
        let (took, retry_after) = (failure.duration(), failure.retry_after());
        self.manager.handle_failure(now, provider, failure)?;
        let provider = provider.number();
        self.record(
            now,
            RecordedEvent::Failure {
                provider,
                message,
                took,
                retry_after,
            },
        );
        Ok(())
    }

    /// See [`Manager::handle_build_failure`].
    ///
    /// # Errors
    /// Those of the manager.
    pub fn handle_build_failure(
        &mut self,
        now: Instant,
        provider: ProviderId,
        reason: String,
    ) -> Result<(), UnknownProvider> {
        self.manager.handle_build_failure(now, provider, reason.clone())?;
        let provider = provider.number();
        self.record(now, RecordedEvent::BuildFailure { provider, reason });
        Ok(())
    }

    /// See [`Manager::confirm_drop`].
    ///
    /// # Errors
    /// Those of the manager.
    pub fn confirm_drop(&mut self, now: Instant, provider: ProviderId) -> Result<usize, UnknownProvider> {
        let released = self.manager.confirm_drop(now, provider)?;
        let provider = provider.number();
        self.record(now, RecordedEvent::Confirm { provider });
        Ok(released)
    }

    /// See [`Manager::handle_receiver_ready`].
    pub fn handle_receiver_ready(&mut self, now: Instant) {
        self.manager.handle_receiver_ready(now);
        self.record(now, RecordedEvent::ReceiverReady);
    }

    /// See [`Manager::handle_timeout`].
    pub fn handle_timeout(&mut self, now: Instant) {
        self.manager.handle_timeout(now);
        self.record(now, RecordedEvent::Timeout);
    }

    /// See [`Manager::poll_output`].
    pub fn poll_output(&mut self) -> Option<Output<C>> {
        let output = self.manager.poll_output();
        if let (Some(Output::Emit(snapshot)), Some(_)) = (&output, &self.sink) {
            let counts = snapshot
                .providers()
                .map(|provider| provider.groups().target_count() as u64);
            let emitted = RecordedEvent::Emitted {
                version: snapshot.version(),
                targets: counts.fold(0, u64::saturating_add),
            };
            self.record(snapshot.at(), emitted);
        }
        output
    }

    fn record(&mut self, now: Instant, what: RecordedEvent) {
        if let Some(sink) = &mut self.sink {
            let at = now.as_nanos();
            sink(Recorded { at, what });
        }
    }
}

impl<C: ProviderConfig> Deref for RecordingManager<C> {
    type Target = Manager<C>;

    fn deref(&self) -> &Manager<C> {
        &self.manager
    }
}
