//! The discovery manager: a state machine without input and output of its own.
//!
//! The manager merges what providers report and hands out snapshots, throttled. It reads no
//! clock, spawns nothing and waits for nothing: whoever drives it brings the time with each
//! input and carries out what it asks for. **After every input, drain [`Manager::poll_output`]
//! to `None`, then sleep until [`Manager::poll_timeout`].** The same inputs at the same times
//! give the same outputs, byte for byte (B08).

mod awaited;
mod counters;
mod elsewhere;
mod emission;
mod event;
mod guard;
mod guarded;
mod handover;
mod hold;
mod judge;
mod let_go;
mod options;
mod output;
mod provider;
mod received;
mod registry;
mod saved;
mod settings;
mod shown;
mod stale;
mod throttle;
mod throttle_text;
mod throttles;
mod unheard;
mod update;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use counters::Counters;
pub use event::{EventKind, ManagerEvent, Release};
pub use guard::{Count, DropGuard, Held, Percent, PercentError, StillThere};
pub use let_go::LetGo;
pub use options::{ManagerOptions, Reload};
pub use output::{Output, TimeoutReason};
pub use registry::Applied;
pub use settings::SetOptions;
pub use throttle::{Backoff, Throttle};
pub use throttle_text::ThrottleError;

use crate::health::News;
use crate::provider::{FailedConfig, ProviderStatus};
use crate::{
    Failure, Group, Groups, Instant, ProviderConfig, ProviderId, SavedState, Snapshot, StoreWork, Stored,
    UnknownProvider, Update, UpdateOutcome,
};
use emission::Receiver;
use output::Outputs;
use received::{Received, Taken};
use registry::Registry;
use settings::Settings;
use throttles::Throttles;

/// Merges what providers find into snapshots.
///
/// Its methods come in three families:
///
/// * inputs: [`apply`](Self::apply), `handle_*`: something happened outside, at `now`;
/// * outputs: `poll_*`: what the driver should do next;
/// * getters: everything else. A driver needs none of them: what others have to know comes as
///   [snapshots](Snapshot) and [events](ManagerEvent).
///
/// ```
/// use headcount_core::{
///     Encoder, EventKind, Failure, Instant, Manager, ManagerOptions, Output, ProviderConfig, Update,
/// };
///
/// #[derive(Clone, PartialEq, Eq, Hash)]
/// struct Rack(&'static str);
/// impl ProviderConfig for Rack {
///     fn kind(&self) -> &str { "rack" }
///     fn describe(&self) -> String { self.0.to_owned() }
/// }
///
/// // 1. Say what is wanted.
/// let mut now = Instant::ZERO;
/// let mut manager = Manager::new(now, ManagerOptions::default());
/// manager.apply(now, [("node".to_owned(), vec![Rack("r1")])]);
/// // 2. Do what it asks for: here, start a discoverer for `rack/0`.
/// let Some(Output::Start { provider, .. }) = manager.poll_output() else { panic!() };
/// assert!(manager.poll_output().is_none());
/// // 3. Report what the discoverer found.
/// let mut encoder = Encoder::new();
/// let mut batch = encoder.batch();
/// batch.group("r1", [("rack", "r1")], [[("__address__", "10.0.0.1:9100")]])?;
/// manager.handle_update(now, provider, Update::full(batch.finish()))?;
/// // 4. Sleep until the deadline, and take the snapshot.
/// if let Some((deadline, _why)) = manager.poll_timeout() {
///     now = deadline;
///     manager.handle_timeout(now);
/// }
/// let Some(Output::Emit(snapshot)) = manager.poll_output() else { panic!() };
/// assert_eq!(snapshot.set("node").map(|set| set.target_count()), Some(1));
/// assert!(snapshot.set("node").is_some_and(|set| set.is_whole()));
/// manager.handle_receiver_ready(now);
/// // 5. Hear at once how providers fare. What was found before a failure stays.
/// manager.handle_failure(now, provider, Failure::new("asking r1: connection refused"))?;
/// let Some(Output::Event(event)) = manager.poll_output() else { panic!() };
/// assert!(event.provider == provider && matches!(event.what, EventKind::Failing(_)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Manager<C: ProviderConfig> {
    name: Arc<str>,
    reload: Reload,
    registry: Registry<C>,
    throttle: Throttles,
    receiver: Receiver,
    /// The last snapshot that was emitted, brought up to date when the next one is.
    snapshot: Snapshot,
    outputs: Outputs<C>,
    counters: Counters,
    work: StoreWork,
}

impl<C: ProviderConfig> Manager<C> {
    /// A manager without sets, at `now`.
    pub fn new(now: Instant, options: ManagerOptions) -> Self {
        let of_sets = options.of_sets();
        let name: Arc<str> = options.name.into();
        Self {
            snapshot: Snapshot {
                manager: name.clone(),
                at: now,
                ..Snapshot::default()
            },
            name,
            reload: options.reload,
            registry: Registry::new(of_sets),
            throttle: Throttles::new(options.throttle, options.per_set, now, options.seed),
            receiver: Receiver::Ready,
            outputs: Outputs::default(),
            counters: Counters::default(),
            work: StoreWork::default(),
        }
    }

    /// A manager without sets that knows what another one had: the providers that the first
    /// [`apply`](Self::apply) starts have the saved groups of their configs at once, and keep them until
    /// they know better.
    pub fn restore(now: Instant, options: ManagerOptions, saved: SavedState<C>) -> Self {
        Self {
            registry: Registry::restore(now, options.of_sets(), saved),
            ..Self::new(now, options)
        }
    }

    /// What this manager has, for one that starts after it: what is shown of each provider. Before
    /// the first [`apply`](Self::apply) that is nothing. Costs what providers there are.
    pub fn save(&self, now: Instant) -> SavedState<C> {
        SavedState {
            manager: self.name.clone(),
            at: now,
            providers: self.registry.save(),
        }
    }

    /// Input: these sets are wanted, each with its configs, and no others.
    ///
    /// A set that is named twice has the configs of both. Providers whose config is still wanted
    /// go on (S02), unless the manager reloads as 2.x did. A snapshot is due in any case (S10).
    pub fn apply(&mut self, now: Instant, sets: impl IntoIterator<Item = (String, Vec<C>)>) -> Applied {
        let version = self.next_version();
        let applied = self.registry.apply(now, self.reload, version, sets, &mut self.outputs);
        planted!(self.registry.judge_again(now, &mut self.outputs), ReloadHoldsOn, ());
        let sets = self.registry.sets();
        self.throttle.retain(|set| sets.contains_key(set));
        self.advance(now);
        applied
    }

    /// Input: sets have these options from now on, those in `by_set` their own and all others the defaults. What is held,
    /// grows old or is waited for is judged by them. To be called before the [`apply`](Self::apply) that they come
    /// with; sets that are not there yet may be named.
    pub fn set_options(&mut self, now: Instant, defaults: SetOptions, by_set: BTreeMap<String, SetOptions>) {
        let settings = Settings::new(defaults, by_set);
        self.registry.set_options(now, settings, &mut self.outputs);
        self.advance(now);
    }

    /// Input: snapshots are throttled like this from now on, with `per_set` for each set by itself (B06). Another throttle
    /// than before begins anew, as with a manager that starts.
    pub fn set_throttle(&mut self, now: Instant, throttle: Throttle, per_set: bool) {
        self.throttle.set_policy(now, throttle, per_set);
        self.advance(now);
    }

    /// Input: a provider found groups.
    ///
    /// An update that changes nothing makes no snapshot, unless it is the provider's first or the first
    /// that has everything (B01). With a guard set, one that removes too many targets is held, and
    /// changes nothing but what it adds (B05).
    ///
    /// # Errors
    /// [`UnknownProvider`] when the provider is not running; nothing changed (S06).
    pub fn handle_update(
        &mut self,
        now: Instant,
        provider: ProviderId,
        update: Update,
    ) -> Result<UpdateOutcome, UnknownProvider> {
        let Some(received) = self.registry.receive(now, provider, update, &mut self.work) else {
            let before = self.counters.ignored_reports;
            self.counters.ignored_reports = before.saturating_add(planted!(1, IgnoredIsNotCounted, 0));
            return Err(UnknownProvider(provider));
        };
        let Received { before, news, taken } = received;
        self.announce(now, provider, news);
        let outcome = match taken {
            Taken::Shown(outcome) => outcome,
            Taken::ToJudge(update) => {
                let (work, outputs) = (&mut self.work, &mut self.outputs);
                let outcome = self.registry.judge_update(now, provider, update, before, work, outputs);
                outcome.unwrap_or_default()
            }
        };
        self.registry.note_whole(provider);
        self.registry.note_age(provider);
        self.counters.received_updates = self.counters.received_updates.saturating_add(1);
        let is_unchanged = planted!(
            outcome.is_unchanged(),
            RemovalIsNoChange,
            outcome.added == 0 && outcome.changed == 0,
            EveryUpdateIsAChange,
            false
        );
        if is_unchanged && !before.came_back {
            self.counters.unchanged_updates = self.counters.unchanged_updates.saturating_add(1);
        } else {
            self.registry.touched(provider);
        }
        self.advance(now);
        Ok(outcome)
    }

    /// Input: a provider's refresh failed. Its groups stay (B04). Its first failure makes a snapshot
    /// (B01); that it fails, and did not before, is an event.
    ///
    /// # Errors
    /// [`UnknownProvider`] when the provider is not running; nothing changed (S06).
    pub fn handle_failure(
        &mut self,
        now: Instant,
        provider: ProviderId,
        failure: Failure,
    ) -> Result<(), UnknownProvider> {
        let Some(running) = self.registry.provider_mut(provider) else {
            self.counters.ignored_reports = self.counters.ignored_reports.saturating_add(1);
            return planted!(Err(UnknownProvider(provider)), StoppedMayFail, Ok(()));
        };
        let news = running.failed(now, &failure);
        self.announce(now, provider, news);
        self.registry.note_age(provider);
        self.advance(now);
        Ok(())
    }

    /// Input: a provider's discoverer has a warning about what it read, which is passed on as an
    /// [event](EventKind::Warned), and changes nothing.
    ///
    /// # Errors
    /// [`UnknownProvider`] when the provider is not running (S06).
    pub fn handle_warning(
        &mut self,
        now: Instant,
        provider: ProviderId,
        warning: impl Into<Arc<str>>,
    ) -> Result<(), UnknownProvider> {
        if self.registry.provider_mut(provider).is_none() {
            self.counters.ignored_reports = self.counters.ignored_reports.saturating_add(1);
            return Err(UnknownProvider(provider));
        }
        self.outputs.event(now, provider, EventKind::Warned(warning.into()));
        self.advance(now);
        Ok(())
    }

    /// Input: the discoverer that [`Output::Start`] asked for can't be built (S11).
    ///
    /// The config is listed in [`failed_configs`](Self::failed_configs) until the next
    /// [`apply`](Self::apply), which tries it again.
    ///
    /// # Errors
    /// [`UnknownProvider`] when the provider is not running; nothing changed.
    pub fn handle_build_failure(
        &mut self,
        now: Instant,
        provider: ProviderId,
        reason: impl Into<String>,
    ) -> Result<(), UnknownProvider> {
        let failed = match self.registry.build_failed(provider, reason.into()) {
            Ok(failed) => failed,
            Err(unknown) => {
                self.counters.ignored_reports = self.counters.ignored_reports.saturating_add(1);
                return Err(unknown);
            }
        };
        self.outputs.event(now, provider, EventKind::BuildFailed(failed));
        self.advance(now);
        Ok(())
    }

    /// Input: an operator says that what the guard holds of a provider is true. Returns how many
    /// targets that lets go; none when nothing is held (B05).
    ///
    /// # Errors
    /// [`UnknownProvider`] when the provider is not running; nothing changed.
    pub fn confirm_drop(&mut self, now: Instant, provider: ProviderId) -> Result<usize, UnknownProvider> {
        if self.registry.provider_mut(provider).is_none() {
            return Err(UnknownProvider(provider));
        }
        let released = self
            .registry
            .release(now, provider, Release::Confirmed, &mut self.outputs);
        self.advance(now);
        Ok(released.unwrap_or(0))
    }

    /// Input: the receiver took the last snapshot and can take another.
    pub fn handle_receiver_ready(&mut self, now: Instant) {
        self.receiver_is_ready(now);
    }

    /// Input: time passed. Calling it early or late is harmless.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.advance(now);
    }

    /// Output: what to do next; `None` when there is nothing more.
    pub fn poll_output(&mut self) -> Option<Output<C>> {
        self.outputs.pop()
    }

    /// Output: when to call [`handle_timeout`](Self::handle_timeout) at the latest, and why;
    /// `None` when only another input can bring something new.
    pub fn poll_timeout(&self) -> Option<(Instant, TimeoutReason)> {
        let throttle = self.throttle_deadline().map(|at| (at, TimeoutReason::Throttle));
        if !self.registry.has_deadlines() {
            return throttle;
        }
        throttle.into_iter().chain(self.registry.deadlines()).min()
    }

    /// The manager's name.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The state as it is, whether or not it was emitted. Its version is that of the snapshot
    /// that would be emitted next, or of the last one if nothing is to be emitted.
    pub fn snapshot(&self, now: Instant) -> Snapshot {
        if self.throttle.deadline().is_none() {
            self.snapshot.clone()
        } else {
            self.next_snapshot(now)
        }
    }

    /// Every running provider, in the order of their ids.
    pub fn providers(&self) -> impl Iterator<Item = ProviderStatus<'_, C>> {
        self.registry.statuses()
    }

    /// The provider `id`, if it is running.
    pub fn provider(&self, id: ProviderId) -> Option<ProviderStatus<'_, C>> {
        self.registry.status(id)
    }

    /// The provider that runs for a config, if one does.
    pub fn provider_of(&self, config: &C) -> Option<ProviderId> {
        self.registry.find(config)
    }

    /// The groups that a running provider has reported: what is shown, unless the guard holds a drop, or they are too old.
    pub fn reported_groups(&self, id: ProviderId) -> Option<&Groups> {
        self.registry.reported_groups(id)
    }

    /// What a provider's discoverer may begin with, once it is asked to be started: what was saved of it, or else what
    /// the providers have whose place it takes (B03) and that are of its kind. So it can tell what is less than before
    /// from what is new to it (B11). Nothing for a provider that begins with nothing.
    ///
    /// Each source is there once: where several providers have it, of the first of them. Two of one kind may have read the
    /// same, and have kept other sources for it (B13); who began with both would give two groups one source, and lose one.
    pub fn found_before(&self, id: ProviderId) -> impl Iterator<Item = &Group> {
        let mut earlier: Vec<&Groups> = Vec::new();
        let found = self.registry.found_before(id).into_iter();
        let stored = found.flat_map(move |groups| {
            let before = earlier.clone();
            earlier.push(groups);
            let is_new = move |stored: &&Stored| {
                let has_it = |groups: &&Groups| groups.get(stored.group().source()).is_some();
                !before.iter().any(has_it)
            };
            groups.iter().filter(is_new)
        });
        stored.map(Stored::group)
    }

    /// The configs whose discoverers could not be built since the last apply (S11).
    pub fn failed_configs(&self) -> &[FailedConfig] {
        self.registry.failed()
    }

    /// The sets that are wanted, sorted by name.
    pub fn sets(&self) -> impl ExactSizeIterator<Item = &Arc<str>> {
        self.registry.sets().keys()
    }

    /// Whether every provider has reported groups or a failure at least once.
    pub fn is_ready(&self) -> bool {
        self.providers().all(|provider| provider.health.has_reported())
    }

    /// What was counted.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// What taking updates has cost so far, in steps.
    pub fn work(&self) -> StoreWork {
        self.work
    }

    /// What changed is due, for everybody or for the sets that it concerns (B06).
    fn note_changes(&mut self, now: Instant) {
        let Some((mut providers, is_for_all)) = self.registry.take_changed() else {
            return;
        };
        if is_for_all || !self.throttle.is_per_set() {
            self.throttle.changed(now);
            return;
        }
        providers.sort_unstable();
        providers.dedup();
        for id in providers {
            for set in self.registry.readers(id) {
                self.throttle.changed_for(now, set, id);
                planted!({}, OnlyFirstReaderIsTold, break);
            }
        }
    }

    /// Lets everybody know what a report made known besides groups: those who wait for snapshots with
    /// the next one, and soon, if they have to wait for it; the others at once.
    fn announce(&mut self, now: Instant, provider: ProviderId, news: News) {
        if news.is_news {
            self.registry.note(provider);
        }
        if news.is_first {
            self.registry.touched(provider);
        }
        if let Some(what) = news.event {
            self.outputs.event(now, provider, what);
        }
    }
}
