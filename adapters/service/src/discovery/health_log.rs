//! Says in the log when a provider fails and when it recovers, and when a drop of its targets is held
//! and when no longer, once each.
//!
//! It hears of that by events. What makes a snapshot, like a provider's first groups, stands in the
//! difference of two.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use headcount_core::{
    EventKind, FailedConfig, Instant, ManagerEvent, Missing, ProviderChange, ProviderId, ProviderSnapshot, Readers,
    Release, Reports, SnapshotDiff,
};

use super::history::release;
use super::hold_counts::HoldCounts;

/// What was reported last of each provider.
pub(super) struct HealthLog {
    manager: &'static str,
    hold_counts: Arc<HoldCounts>,
    providers: HashMap<ProviderId, Reported>,
}

/// What was reported of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Reported {
    has_updated: bool,
    /// It did well after so many failures, and that is reported with the snapshot that has its first groups.
    recovered: Option<u64>,
    /// Since when a drop is held.
    held: Option<Instant>,
}

/// What there is to report of a provider.
#[derive(Debug, PartialEq, Eq)]
enum Transition<'a> {
    /// It found groups for the first time.
    Discovered,
    /// It fails.
    Fails(&'a str),
    /// It got a part.
    Partial(&'a Missing),
    /// It does well again after so many failures.
    Recovered(u64),
    /// A drop is held.
    Held(Drop<'a>),
    /// No drop is held any more.
    Released(usize, Release),
    /// So many targets are too old to be shown.
    Expired(usize),
    /// Its discoverer has a warning.
    Warned(&'a str),
}

#[derive(Debug, PartialEq, Eq)]
struct Drop<'a> {
    set: &'a str,
    targets: usize,
    of: usize,
    hold: Duration,
}

impl HealthLog {
    pub(super) fn new(manager: &'static str, hold_counts: Arc<HoldCounts>) -> Self {
        Self {
            manager,
            hold_counts,
            providers: HashMap::new(),
        }
    }

    /// Logs what happened, if that is news.
    pub(super) fn hear(&mut self, event: &ManagerEvent, provider: &ProviderSnapshot, readers: &Readers) {
        let reported = self.providers.entry(provider.id()).or_default();
        if let Some(transition) = reported.hear(&event.what, provider.reports()) {
            match transition {
                Transition::Held(_) => self.hold_counts.count_held(),
                Transition::Released(_, why) => self.hold_counts.count_released(why),
                _ => {}
            }
            self.log(provider, readers, &transition);
        }
    }

    /// Logs what a snapshot has for the first time. Costs what differs.
    pub(super) fn take(&mut self, diff: &SnapshotDiff, readers: &Readers) {
        for change in diff.reports() {
            let reported = self.providers.entry(change.new.id()).or_default();
            if let Some(transition) = reported.take(change.new.reports()) {
                self.log(change.new, readers, &transition);
            }
        }
        for change in diff.providers() {
            if let ProviderChange::Removed(provider) = change {
                self.providers.remove(&provider.id());
            }
        }
        if diff.has_other_failed_configs() {
            self.take_failed_configs(diff.older().failed_configs(), diff.newer().failed_configs());
        }
    }

    /// Says which configs can't be run, unless they could not be run before, either. A reload
    /// tries them again under other names.
    fn take_failed_configs(&self, before: &[FailedConfig], now: &[FailedConfig]) {
        let before: HashSet<_> = before.iter().map(fault).collect();
        for failed in now.iter().filter(|failed| !before.contains(&fault(failed))) {
            let (sets, reason) = (few(failed.sets.iter()), &failed.reason);
            tracing::warn!(
                manager = self.manager, provider = %failed.name, sets, reason,
                "a service discovery config can't be run; its targets are missing"
            );
        }
    }

    fn log(&self, provider: &ProviderSnapshot, readers: &Readers, transition: &Transition<'_>) {
        let (manager, name, description) = (self.manager, &**provider.name(), &**provider.description());
        let sets = few(readers.of(provider.id()));
        let targets = provider.groups().target_count();
        match transition {
            Transition::Discovered => {
                tracing::info!(manager, provider = name, description, sets, targets, "discovered");
            }
            Transition::Fails(error) => {
                tracing::warn!(
                    manager,
                    provider = name,
                    description,
                    sets,
                    error,
                    "discovery fails; what was found before is kept, unless it is known to be gone"
                );
            }
            Transition::Partial(missing) => {
                tracing::warn!(
                    manager,
                    provider = name,
                    description,
                    sets,
                    %missing,
                    "discovery got a part only; targets that were found before in what is missing are kept"
                );
            }
            // It got parts, and did not fail.
            Transition::Recovered(0) => {
                tracing::info!(
                    manager,
                    provider = name,
                    description,
                    sets,
                    "discovery gets everything again"
                );
            }
            Transition::Recovered(failures) => {
                tracing::info!(
                    manager,
                    provider = name,
                    description,
                    sets,
                    failures,
                    "discovery works again"
                );
            }
            Transition::Held(drop) => {
                let Drop { set, targets, of, hold } = drop;
                tracing::warn!(
                    manager,
                    provider = name,
                    description,
                    set,
                    targets,
                    of,
                    ?hold,
                    "too many targets are gone at once; they are kept until that stays so for the hold time, or is confirmed"
                );
            }
            Transition::Released(gone, why) => {
                let why = release(*why);
                tracing::info!(
                    manager,
                    provider = name,
                    description,
                    gone,
                    why,
                    "no drop is held any more; targets are those that were discovered"
                );
            }
            Transition::Warned(warning) => {
                tracing::warn!(
                    manager,
                    provider = name,
                    description,
                    sets,
                    warning,
                    "what was found was read as it stands; something looks wrong with it"
                );
            }
            Transition::Expired(gone) => {
                tracing::warn!(
                    manager,
                    provider = name,
                    description,
                    sets,
                    gone,
                    "discovery has failed for longer than max_stale allows; its targets are dropped until it works again"
                );
            }
        }
    }
}

impl Reported {
    /// What is news of an event. `shown` is what the snapshot has that readers see now, or will see at once.
    fn hear<'a>(&mut self, event: &'a EventKind, shown: &Reports) -> Option<Transition<'a>> {
        match event {
            EventKind::Failing(failed) => {
                self.recovered = None;
                Some(Transition::Fails(&failed.message))
            }
            EventKind::Partial(missing) => Some(Transition::Partial(missing)),
            EventKind::Recovered { failures } if shown.first_update.is_some() => {
                self.has_updated = true;
                Some(Transition::Recovered(*failures))
            }
            EventKind::Recovered { failures } => {
                self.recovered = Some(*failures);
                None
            }
            EventKind::DropHeld {
                set,
                targets,
                of,
                since,
                until,
            } => {
                let drop = Drop {
                    set,
                    targets: *targets,
                    of: *of,
                    hold: until.saturating_duration_since(*since),
                };
                let is_news = self.held.replace(*since) != Some(*since);
                is_news.then_some(Transition::Held(drop))
            }
            EventKind::DropReleased { targets, why, .. } => {
                self.held = None;
                Some(Transition::Released(*targets, *why))
            }
            EventKind::Expired { targets } => Some(Transition::Expired(*targets)),
            EventKind::Warned(warning) => Some(Transition::Warned(warning)),
            _ => None,
        }
    }

    /// What is news of what a snapshot says.
    fn take(&mut self, reports: &Reports) -> Option<Transition<'static>> {
        let is_first = reports.first_update.is_some() && !self.has_updated;
        self.has_updated |= is_first;
        let transition = match self.recovered.take_if(|_| is_first) {
            Some(failures) => Transition::Recovered(failures),
            None => Transition::Discovered,
        };
        // Why it fails since then was an event.
        (is_first && reports.failure().is_none()).then_some(transition)
    }
}

/// Names for a log line, which must not grow with the configuration.
pub(super) fn few<'a>(sets: impl ExactSizeIterator<Item = &'a Arc<str>>) -> String {
    const MOST: usize = 5;
    let more = sets.len().saturating_sub(MOST);
    let mut names = sets.take(MOST).map(|set| &**set).collect::<Vec<_>>().join(", ");
    if more > 0 {
        names.push_str(&format!(" and {more} more"));
    }
    names
}

/// What makes it the same config with the same fault, whatever its name.
fn fault(failed: &FailedConfig) -> (&str, &[Arc<str>], &str) {
    (&failed.description, &failed.sets, &failed.reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use headcount_core::{Failure, Manager, ManagerOptions, MissingPart, Output, Update};
    use headcount_discoverer::mechanism::{SdConfig, Unsupported};

    /// A manager with one provider, and what is reported of it.
    struct World {
        manager: Manager<SdConfig>,
        provider: ProviderId,
        reported: Reported,
    }

    impl World {
        fn new() -> Self {
            let mut manager = Manager::new(Instant::ZERO, ManagerOptions::default());
            let config = SdConfig::unsupported(Unsupported {
                mechanism: "x".to_owned(),
                entry: String::new(),
            });
            let applied = manager.apply(Instant::ZERO, [("job".to_owned(), vec![config])]);
            Self {
                manager,
                provider: applied.started[0],
                reported: Reported::default(),
            }
        }

        fn fails(&mut self) {
            let failure = Failure::new("down");
            self.manager
                .handle_failure(Instant::ZERO, self.provider, failure)
                .expect("running");
        }

        fn updates(&mut self, update: Update) {
            self.manager
                .handle_update(Instant::ZERO, self.provider, update)
                .expect("running");
        }

        /// What is reported of the events so far; the snapshot is as it was before them.
        fn heard(&mut self, shown: &Reports) -> Vec<String> {
            let mut all = Vec::new();
            while let Some(output) = self.manager.poll_output() {
                if let Output::Event(event) = output {
                    let transition = self.reported.hear(&event.what, shown);
                    all.extend(transition.map(|transition| format!("{transition:?}")));
                }
            }
            all
        }

        fn reports(&self) -> Reports {
            let provider = self.manager.provider(self.provider).expect("running");
            (*provider.health.reports).clone()
        }
    }

    #[test]
    fn each_transition_is_reported_once() {
        let mut world = World::new();
        let nothing = Reports::default();
        (0..3).for_each(|_| world.fails());
        assert_eq!(world.heard(&nothing), ["Fails(\"down\")"]);
        assert_eq!(world.reported.take(&world.reports()), None);
        world.fails();
        world.updates(Update::full(Vec::new()));
        assert!(
            world.heard(&nothing).is_empty(),
            "how many targets it found is in the next snapshot"
        );
        let shown = world.reports();
        assert_eq!(world.reported.take(&shown), Some(Transition::Recovered(4)));
        assert_eq!(world.reported.take(&shown), None);
        world.fails();
        world.updates(Update::unchanged());
        assert_eq!(world.heard(&shown), ["Fails(\"down\")", "Recovered(1)"]);
        let zone = Missing::of([MissingPart::new("zone a", "503")]).expect("a part");
        (0..2).for_each(|_| world.updates(Update::partial(Vec::new(), zone.clone())));
        world.updates(Update::full(Vec::new()));
        let heard = world.heard(&shown);
        assert!(heard[0].starts_with("Partial("), "{heard:?}");
        assert_eq!(heard[1..], ["Recovered(0)"]);
    }

    #[test]
    fn the_first_groups_are_reported() {
        let mut world = World::new();
        world.updates(Update::unchanged());
        assert!(world.heard(&Reports::default()).is_empty());
        let shown = world.reports();
        assert_eq!(world.reported.take(&shown), Some(Transition::Discovered));
        assert_eq!(world.reported.take(&shown), None);
    }
}
