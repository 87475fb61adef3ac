//! A day of a fleet in the simulator: what it costs for each event.

use headcount_sim::{Backend, BackendKind, Churn, Discoverers, Hosts, Outcome, Ratio, Scenario, Simulation, Span};

use crate::allocations;

/// What a run came to, and what it took.
#[derive(Debug)]
pub struct Simulated {
    /// What it came to; no rule is broken.
    pub outcome: Outcome,
    /// Allocations made while it ran.
    pub allocations: usize,
    /// Bytes of heap at its end.
    pub live_bytes: usize,
}

/// 20,000 hosts of which one in a hundred is replaced each minute, and 2,000 discoverers that ask every
/// 30 s, for so many virtual hours, with the rules checked.
///
/// # Panics
/// A rule is broken: its figures would be those of something else.
pub fn run(hours: u64) -> Simulated {
    let before = allocations::live_bytes();
    let scenario = Scenario::new("bench")
        .until(Span::hours(hours))
        .hosts(Hosts::new(20_000).services(2_000).zones(3))
        .backend(Backend::new("cmdb", BackendKind::Http))
        .discoverers(Discoverers::of("cmdb").refresh(Span::secs(30)))
        .churn(Churn::steady(Ratio::percent(1), Span::mins(1)));
    let made = allocations::allocations();
    let mut simulation = match Simulation::new(&scenario, 1) {
        Ok(simulation) => simulation,
        Err(problems) => panic!("the scenario makes sense: {problems}"),
    };
    simulation.run_until(Span::hours(hours));
    let allocations = allocations::allocations() - made;
    let live_bytes = allocations::live_bytes().saturating_sub(before);
    let outcome = simulation.run();
    assert!(outcome.is_clean(), "no rule is broken: {:?}", outcome.violations);
    Simulated {
        outcome,
        allocations,
        live_bytes,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_runs_to_the_end() {
        let simulated = super::run(1);
        assert_eq!(simulated.outcome.time.as_nanos(), 3_600_000_000_000);
        assert!(simulated.outcome.events > 240_000, "every discoverer asks every 30 s");
    }
}
