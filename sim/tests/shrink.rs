//! Shrinking: what holds of it, whatever was drawn.
//!
//! The core breaks no rule, so each world is asked for something that none has: what is found is that it is missed.

#![allow(clippy::unwrap_used, reason = "a panic is the report")]

use headcount_sim::{
    Condition, Expectation, InputLog, Outcome, Ratio, Scenario, ShrinkError, ShrinkLimits, Simulation, Span,
    drawn_world, shrink,
};
use proptest::prelude::*;

/// A drawn world in which something is missed, as soon as there is a host that is not shown at once.
fn failing(seed: u64) -> Scenario {
    drawn_world(seed)
        .expect(Expectation::Always(Condition::StaleAtMost(Span::millis(1))))
        .expect(Expectation::Always(Condition::ShowsAtLeast(Ratio::percent(50))))
        .expect(Expectation::Eventually {
            that: Condition::Converged,
            within: Span::mins(1),
        })
}

fn run(scenario: &Scenario) -> Outcome {
    Simulation::new(scenario, scenario.seed).unwrap().run()
}

/// Few runs, which end long before nothing more can be left out: what holds has to hold at every step.
const FEW: ShrinkLimits = ShrinkLimits {
    runs: 80,
    events: 10_000_000,
};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn what_is_shrunk_fails_in_the_same_way_and_is_always_the_same(seed in 0..100_000_u64) {
        let world = failing(seed);
        let (log, outcome) = InputLog::record(&world, seed).unwrap();
        prop_assume!(!outcome.is_clean());
        let shrunk = shrink(&log, FEW).unwrap();
        prop_assert!(shrunk.violation.is_like(&outcome.violations[0]), "{}", shrunk.violation);
        prop_assert!(shrunk.runs <= FEW.runs, "{} runs", shrunk.runs);

        // As a file it is the same, makes sense (no input of its script says nothing) and fails so.
        let yaml = shrunk.yaml();
        let read = Scenario::from_yaml(&yaml).unwrap();
        prop_assert_eq!(&read, &shrunk.scenario);
        prop_assert_eq!(read.check(), Ok(()));
        let again = run(&read).violations;
        prop_assert_eq!(again.first(), Some(&shrunk.violation));
        // Nothing is expected that was not.
        prop_assert!(shrunk.scenario.expect.iter().all(|left| world.expect.contains(left)), "{yaml}");
        prop_assert!(shrunk.scenario.hosts.count <= world.hosts.count, "{yaml}");

        prop_assert_eq!(shrink(&log, FEW).unwrap(), shrunk);
    }
}

/// The first world in which something is missed, and what it shows.
fn first() -> (Scenario, InputLog, Outcome) {
    let recorded = (0..).map(|seed| {
        let world = failing(seed);
        let (log, outcome) = InputLog::record(&world, seed).unwrap();
        (world, log, outcome)
    });
    let mut failed = recorded.filter(|(world, _, outcome)| !outcome.is_clean() && !world.churn.is_empty());
    failed.next().unwrap()
}

#[test]
fn work_is_bounded_by_what_happens_in_it() {
    let (world, log, outcome) = first();
    let within = |events| {
        shrink(
            &log,
            ShrinkLimits {
                events,
                ..ShrinkLimits::default()
            },
        )
        .unwrap()
    };
    let (none, all) = (within(0), within(u64::MAX));
    let some = within(all.events / 2);
    // That it fails, and so does its script, is seen whatever it takes.
    assert!(none.violation.is_like(&outcome.violations[0]), "{}", none.violation);
    assert!(
        none.runs <= 3 && some.runs < all.runs,
        "{} {} {}",
        none.runs,
        some.runs,
        all.runs
    );
    assert!(none.events < all.events && some.events < all.events);
    let lines = |shrunk: &headcount_sim::Shrunk| shrunk.yaml().lines().count();
    assert!(lines(&all) < lines(&none), "{}\n{}", none.yaml(), all.yaml());
    assert!(all.scenario.hosts.count <= world.hosts.count);
    assert!(lines(&all) <= 20, "{}", all.yaml());
}

#[test]
fn a_script_that_says_something_twice_is_refused() {
    let (_, log, _) = first();
    let mut shrunk = shrink(&log, FEW).unwrap();
    // Nobody knows what is down already while that is drawn besides.
    shrunk.scenario.churn.clear();
    let down = headcount_sim::Happening::Down {
        host: headcount_sim::HostId(0),
    };
    let twice = shrunk
        .scenario
        .happens(Span::ZERO, down.clone())
        .happens(Span::ZERO, down);
    let log = InputLog::new(twice, log.seed, Vec::new());
    assert!(matches!(
        shrink(&log, ShrinkLimits::default()),
        Err(ShrinkError::Scenario(_))
    ));
}

#[test]
fn what_is_clean_is_not_shrunk() {
    let world = drawn_world(0);
    let (log, outcome) = InputLog::record(&world, 0).unwrap();
    assert!(outcome.is_clean(), "{:?}", outcome.violations);
    assert_eq!(shrink(&log, ShrinkLimits::default()), Err(ShrinkError::Clean));
}
