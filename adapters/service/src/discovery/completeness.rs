//! Which providers' first groups are in a snapshot.
//!
//! **A provider counts once its first update is in the snapshot**, which says so; or what was restored of
//! it.

use std::collections::BTreeSet;

use headcount_core::{ProviderId, Snapshot};

/// The providers whose first update is in the newest snapshot.
#[derive(Debug, Default)]
pub(super) struct Spoken(BTreeSet<ProviderId>);

impl Spoken {
    /// Takes note of `snapshot`.
    pub(super) fn note(&mut self, snapshot: &Snapshot) {
        self.0.retain(|id| snapshot.provider(*id).is_some());
        for provider in snapshot.providers() {
            if !provider.groups().is_empty() || provider.reports().first_update.is_some() {
                self.0.insert(provider.id());
            }
        }
    }

    /// Whether the provider's first update is in the snapshot.
    pub(super) fn has(&self, id: ProviderId) -> bool {
        self.0.contains(&id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use headcount_backends::file::FileSd;
    use headcount_core::{Failure, Instant, Manager, ManagerOptions, Output, Throttle, Update};
    use headcount_discoverer::mechanism::SdConfig;
    use std::time::Duration;

    struct World {
        manager: Manager<SdConfig>,
        now: Instant,
        spoken: Spoken,
    }

    impl World {
        fn new() -> Self {
            let throttle = Throttle::Ticker {
                interval: Duration::from_secs(5),
            };
            let options = ManagerOptions {
                throttle,
                ..ManagerOptions::default()
            };
            let mut manager = Manager::new(Instant::ZERO, options);
            let file = FileSd::new(["x.json"], Duration::from_secs(1)).expect("good");
            manager.apply(Instant::ZERO, [("job".to_owned(), vec![SdConfig::new(file)])]);
            Self {
                manager,
                now: Instant::ZERO,
                spoken: Spoken::default(),
            }
        }

        fn emitted(&mut self) -> Option<Snapshot> {
            self.now = self.now + Duration::from_secs(5);
            self.manager.handle_receiver_ready(self.now);
            self.manager.handle_timeout(self.now);
            std::iter::from_fn(|| self.manager.poll_output())
                .filter_map(|output| {
                    if let Output::Emit(snapshot) = output {
                        Some(snapshot)
                    } else {
                        None
                    }
                })
                .last()
        }

        fn note(&mut self, snapshot: &Snapshot) -> bool {
            self.spoken.note(snapshot);
            self.spoken.has(ProviderId::from_number(0))
        }
    }

    fn some_groups() -> Update {
        let mut encoder = headcount_core::Encoder::new();
        let mut batch = encoder.batch();
        batch
            .group("s", [("a", "b")], [[("__address__", "c:1")]])
            .expect("valid");
        Update::full(batch.finish())
    }

    #[test]
    fn a_provider_that_found_nothing_has_spoken() {
        let mut world = World::new();
        let snapshot = world.emitted().expect("the sets");
        assert!(!world.note(&snapshot));
        world
            .manager
            .handle_failure(world.now, ProviderId::from_number(0), Failure::new("no"))
            .expect("running");
        let failed = world.emitted().expect("its first failure");
        assert!(!world.note(&failed), "a failure brings no groups");
        world
            .manager
            .handle_update(world.now, ProviderId::from_number(0), Update::full(Vec::new()))
            .expect("running");
        let empty = world.emitted().expect("its first update");
        assert!(world.note(&empty));
    }

    #[test]
    fn an_update_that_is_not_in_the_snapshot_does_not_count() {
        let mut world = World::new();
        let before = world.emitted().expect("the sets");
        world
            .manager
            .handle_update(world.now, ProviderId::from_number(0), some_groups())
            .expect("running");
        assert!(!world.note(&before));
        let after = world.emitted().expect("the groups");
        assert!(world.note(&after));
    }

    #[test]
    fn once_spoken_a_provider_may_lose_its_groups() {
        let mut world = World::new();
        world
            .manager
            .handle_update(world.now, ProviderId::from_number(0), some_groups())
            .expect("running");
        let full = world.emitted().expect("the groups");
        assert!(world.note(&full));
        world
            .manager
            .handle_update(world.now, ProviderId::from_number(0), Update::full(Vec::new()))
            .expect("running");
        let empty = world.emitted().expect("a change");
        world
            .manager
            .handle_update(world.now, ProviderId::from_number(0), some_groups())
            .expect("running");
        assert!(world.note(&empty));
    }
}
