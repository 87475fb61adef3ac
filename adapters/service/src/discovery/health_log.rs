//! Says in the log when a provider fails and when it recovers, and when a drop of its targets is held
//! and when no longer, once each.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use headcount_core::{FailedConfig, Held, Instant, ProviderId};

use super::{Observation, Provider};

/// What was said last of each provider.
pub(super) struct HealthLog {
    manager: &'static str,
    providers: BTreeMap<ProviderId, Said>,
    failed_configs: Vec<FailedConfig>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Said {
    is_failing: bool,
    /// Failures since it last did well, as counted when it did.
    failures: u64,
    has_updated: bool,
    /// Since when a drop is held, and of how many targets.
    held: Option<(Instant, usize)>,
}

/// What there is to say of a provider.
#[derive(Debug, PartialEq, Eq)]
enum Transition {
    /// It found groups for the first time.
    Spoke,
    /// It fails.
    Fails,
    /// It does well again after so many failures.
    Recovered(u64),
}

impl HealthLog {
    pub(super) fn new(manager: &'static str) -> Self {
        Self {
            manager,
            providers: BTreeMap::new(),
            failed_configs: Vec::new(),
        }
    }

    /// Logs what is new. Says whether other targets are held than before.
    pub(super) fn note(&mut self, observation: &Observation) -> bool {
        let mut holds_others = false;
        self.providers.retain(|id, _| observation.provider(*id).is_some());
        for provider in &observation.providers {
            let said = self.providers.entry(provider.id).or_default();
            let (transition, was_held) = (said.next(provider), said.held);
            said.held = provider.held.as_ref().map(|held| (held.since, held.targets));
            let is_held = said.held;
            holds_others |= is_held != was_held;
            let is_news = is_held.map(|(since, _)| since) != was_held.map(|(since, _)| since);
            if let Some(transition) = transition {
                self.log(provider, &transition);
            }
            match (is_news, &provider.held) {
                (true, Some(held)) => self.log_held(provider, held),
                (true, None) => self.log_let_go(provider),
                (false, _) => {}
            }
        }
        self.note_failed_configs(&observation.failed_configs);
        holds_others
    }

    /// Says which configs can't be run, unless they could not be run before, either. A reload
    /// tries them again under other names.
    fn note_failed_configs(&mut self, all: &[FailedConfig]) {
        if self.failed_configs == all {
            return;
        }
        let before: HashSet<_> = self.failed_configs.iter().map(fault).collect();
        for failed in all.iter().filter(|failed| !before.contains(&fault(failed))) {
            let (sets, reason) = (few(&failed.sets), &failed.reason);
            tracing::warn!(
                manager = self.manager, provider = %failed.name, sets, reason,
                "a service discovery config can't be run; its targets are missing"
            );
        }
        self.failed_configs = all.to_vec();
    }

    fn log_held(&self, provider: &Provider, held: &Held) {
        let (manager, name, description) = (self.manager, &*provider.name, &*provider.description);
        let (set, targets, of, before) = (&*held.set, held.targets, held.of, held.before);
        let hold = format!("{:?}", held.until.saturating_duration_since(held.since));
        tracing::warn!(
            manager,
            provider = name,
            description,
            set,
            targets,
            of,
            before,
            hold,
            "too many targets are gone at once; they are kept until that stays so for the hold time, or is confirmed"
        );
    }

    fn log_let_go(&self, provider: &Provider) {
        let (manager, name, description) = (self.manager, &*provider.name, &*provider.description);
        let targets = provider.targets;
        tracing::info!(
            manager,
            provider = name,
            description,
            targets,
            "no drop is held any more; targets are those that were discovered"
        );
    }

    fn log(&self, provider: &Provider, transition: &Transition) {
        let (manager, name, description) = (self.manager, &*provider.name, &*provider.description);
        let sets = few(&provider.subscribers);
        match transition {
            Transition::Spoke => {
                let targets = provider.targets;
                tracing::info!(manager, provider = name, description, sets, targets, "discovered");
            }
            Transition::Fails => {
                let error = provider.health.current_failure().map_or("", |failed| &*failed.message);
                tracing::warn!(
                    manager,
                    provider = name,
                    description,
                    sets,
                    error,
                    "discovery fails; targets found before are kept"
                );
            }
            Transition::Recovered(failures) => {
                let targets = provider.targets;
                tracing::info!(
                    manager,
                    provider = name,
                    description,
                    sets,
                    failures,
                    targets,
                    "discovery works again"
                );
            }
        }
    }
}

impl Said {
    fn next(&mut self, provider: &Provider) -> Option<Transition> {
        let health = &provider.health;
        let has_updated = provider.has_updated();
        let (was_failing, had_updated) = (self.is_failing, self.has_updated);
        let failures = health.failures.saturating_sub(self.failures);
        self.is_failing = health.is_failing();
        self.has_updated = has_updated;
        if !health.is_failing() {
            self.failures = health.failures;
        }
        match (was_failing, health.is_failing()) {
            (false, true) => Some(Transition::Fails),
            (true, false) => Some(Transition::Recovered(failures)),
            // It failed and recovered between two looks.
            (false, false) if failures > 0 => Some(Transition::Recovered(failures)),
            (false, false) if has_updated && !had_updated => Some(Transition::Spoke),
            _ => None,
        }
    }
}

/// Names for a log line, which must not grow with the configuration.
fn few(sets: &[Arc<str>]) -> String {
    const MOST: usize = 5;
    let mut names = sets.iter().take(MOST).map(|set| &**set).collect::<Vec<_>>().join(", ");
    if let Some(more) = sets.len().checked_sub(MOST).filter(|more| *more > 0) {
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
    use headcount_backends::file::FileSd;
    use headcount_core::{Failure, Manager, ManagerOptions, Update};
    use headcount_discoverer::mechanism::{SdConfig, Unsupported};
    use std::time::Duration;

    #[test]
    fn each_transition_is_said_once() {
        let file = FileSd::new(["x.json"], Duration::from_secs(1)).expect("good");
        let mut manager = Manager::new(Instant::ZERO, ManagerOptions::default());
        let applied = manager.apply(Instant::ZERO, [("job".to_owned(), vec![SdConfig::new(file)])]);
        let provider = applied.started[0];
        let mut said = Said::default();
        let mut look = |manager: &Manager<SdConfig>| {
            let observation = Observation::of(manager, Instant::ZERO);
            said.next(&observation.providers[0])
        };
        assert_eq!(look(&manager), None);
        for _ in 0..3 {
            manager
                .handle_failure(Instant::ZERO, provider, Failure::new("down"))
                .expect("running");
        }
        assert_eq!(look(&manager), Some(Transition::Fails));
        manager
            .handle_failure(Instant::ZERO, provider, Failure::new("down"))
            .expect("running");
        assert_eq!(look(&manager), None);
        manager
            .handle_update(Instant::ZERO, provider, Update::full(Vec::new()))
            .expect("running");
        assert_eq!(look(&manager), Some(Transition::Recovered(4)));
        assert_eq!(look(&manager), None);
        manager
            .handle_failure(Instant::ZERO, provider, Failure::new("down"))
            .expect("running");
        manager
            .handle_update(Instant::ZERO, provider, Update::unchanged())
            .expect("running");
        assert_eq!(look(&manager), Some(Transition::Recovered(1)), "between two looks");
        assert_eq!(look(&manager), None);
    }

    #[test]
    fn the_first_groups_are_said() {
        let mut manager = Manager::new(Instant::ZERO, ManagerOptions::default());
        let config = SdConfig::unsupported(Unsupported {
            mechanism: "x".to_owned(),
            entry: String::new(),
        });
        let applied = manager.apply(Instant::ZERO, [("job".to_owned(), vec![config])]);
        let mut said = Said::default();
        manager
            .handle_update(Instant::ZERO, applied.started[0], Update::unchanged())
            .expect("running");
        let observation = Observation::of(&manager, Instant::ZERO);
        assert_eq!(said.next(&observation.providers[0]), Some(Transition::Spoke));
        assert_eq!(said.next(&observation.providers[0]), None);
    }
}
