use std::sync::atomic::{AtomicU64, Ordering};

use headcount_core::{
    Applied, Counters, FailedConfig, Failure, Health, Instant, ManagerOptions, Output, ProviderId, UnknownProvider,
    Update, UpdateOutcome,
};

use super::*;
use crate::{Backend, BackendKind, Churn, Discoverers, Hosts, Ratio, ThrottleSetting};

fn scenario() -> Scenario {
    Scenario::new("twice")
        .until(Span::mins(5))
        .hosts(Hosts::new(10))
        .backend(Backend::new("cmdb", BackendKind::Http))
        .discoverers(Discoverers::of("cmdb").refresh(Span::secs(10)))
        .churn(Churn::steady(Ratio::percent(20), Span::mins(1)))
}

#[test]
fn the_core_does_the_same_twice() {
    let comparison = twice(&scenario(), 7, 10).expect("it makes sense");
    assert_eq!(comparison.divergence, None);
    assert_eq!(comparison.first, comparison.second);
}

#[test]
fn another_setting_parts_where_it_first_matters() {
    let slower = scenario().manager(crate::Manager::with_throttle(ThrottleSetting::Ticker(Span::secs(5))));
    let first = Simulation::new(&scenario(), 7).expect("it makes sense");
    let second = Simulation::new(&slower, 7).expect("it makes sense");
    let comparison = compare(first, second, 0);
    let divergence = comparison.divergence.expect("another throttle");
    let Parted::Events(Some(first), Some(second)) = &divergence.what else {
        panic!("{divergence}");
    };
    assert!(first.at < second.at, "{divergence}");
    assert!(comparison.first.metrics.staleness_p50 < comparison.second.metrics.staleness_p50);
}

#[test]
fn chance_from_outside_is_found_with_both_sides() {
    let comparison = twice_of::<Moody>(&scenario(), 7, 10).expect("it makes sense");
    let divergence = comparison.divergence.expect("it is moody");
    let Parted::Events(Some(first), Some(second)) = divergence.what else {
        panic!("{divergence}");
    };
    assert_ne!(first, second);
}

/// Every manager that was ever made, counted: what B08 forbids to depend on.
static MADE: AtomicU64 = AtomicU64::new(0);

/// A manager of which every second one takes a failure in the place of its third update.
#[derive(Debug, Clone)]
struct Moody {
    manager: Manager<Spec>,
    is_odd: bool,
}

impl Subject for Moody {
    fn new(now: Instant, options: ManagerOptions) -> Self {
        Self {
            manager: Manager::new(now, options),
            is_odd: MADE.fetch_add(1, Ordering::Relaxed) % 2 == 1,
        }
    }

    fn apply(&mut self, now: Instant, sets: Vec<(String, Vec<Spec>)>) -> Applied {
        self.manager.apply(now, sets)
    }

    fn handle_update(
        &mut self,
        now: Instant,
        provider: ProviderId,
        update: Update,
    ) -> Result<UpdateOutcome, UnknownProvider> {
        if self.is_odd && self.manager.counters().received_updates == 2 {
            return self.manager.handle_update(now, provider, Update::full(Vec::new()));
        }
        self.manager.handle_update(now, provider, update)
    }

    fn handle_failure(&mut self, now: Instant, provider: ProviderId, failure: Failure) -> Result<(), UnknownProvider> {
        self.manager.handle_failure(now, provider, failure)
    }

    fn handle_build_failure(&mut self, now: Instant, id: ProviderId, reason: String) -> Result<(), UnknownProvider> {
        self.manager.handle_build_failure(now, id, reason)
    }

    fn confirm_drop(&mut self, now: Instant, provider: ProviderId) -> Result<usize, UnknownProvider> {
        self.manager.confirm_drop(now, provider)
    }

    fn handle_receiver_ready(&mut self, now: Instant) {
        self.manager.handle_receiver_ready(now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.manager.handle_timeout(now);
    }

    fn poll_output(&mut self) -> Option<Output<Spec>> {
        self.manager.poll_output()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        Subject::poll_timeout(&self.manager)
    }

    fn counters(&self) -> Counters {
        self.manager.counters()
    }

    fn failed_configs(&self) -> &[FailedConfig] {
        self.manager.failed_configs()
    }

    fn provider(&self, id: ProviderId) -> Option<(&Health, usize)> {
        Subject::provider(&self.manager, id)
    }

    fn held(&self, id: ProviderId) -> usize {
        self.manager.held(id)
    }

    fn provider_count(&self) -> usize {
        self.manager.provider_count()
    }
}
