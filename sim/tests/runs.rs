//! Whole runs: what a run is like from outside.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is the report")]

use headcount_sim::{
    Backend, BackendKind, Churn, Condition, Discoverers, Expectation, Fault, FaultKind, Hosts, Manager, Ratio,
    Receiver, Scenario, Simulation, Span, SpanRange, ThrottleSetting, TraceEvent,
};

fn churning() -> Scenario {
    Scenario::new("churning")
        .until(Span::mins(30))
        .hosts(Hosts::new(60).services(3).zones(2))
        .backend(Backend::new("cmdb", BackendKind::Http))
        .discoverers(Discoverers::of("cmdb").refresh(Span::secs(5)))
        .churn(Churn::steady(Ratio::percent(20), Span::mins(1)))
}

fn under(throttle: ThrottleSetting) -> Scenario {
    churning().manager(Manager::with_throttle(throttle))
}

/// When each snapshot was emitted.
fn emissions(scenario: &Scenario) -> Vec<Span> {
    let mut simulation = Simulation::new(scenario, 1).expect("it makes sense");
    simulation.listen(true);
    while simulation.step() {}
    let events = simulation.take_events().into_iter();
    events
        .filter(|traced| matches!(traced.event, TraceEvent::Emission { .. }))
        .map(|traced| traced.at)
        .collect()
}

#[test]
fn a_ticker_emits_at_its_ticks_only() {
    let all = emissions(&under(ThrottleSetting::Ticker(Span::secs(5))));
    assert!(all.len() > 100);
    assert!(all.iter().all(|at| at.as_nanos() % 5_000_000_000 == 0));
}

#[test]
fn a_slow_receiver_gets_the_newest_state_and_delays_are_counted() {
    let slow =
        under(ThrottleSetting::Ticker(Span::secs(5))).receiver(Receiver::new(SpanRange::exactly(Span::secs(12))));
    let all = emissions(&slow);
    assert!(all.windows(2).all(|pair| pair[1].minus(pair[0]) >= Span::secs(12)));
    let outcome = Simulation::new(&slow, 1).expect("it makes sense").run();
    assert_eq!(outcome.metrics.emissions, all.len() as u64);
    assert!(outcome.metrics.delayed_updates > 100);
}

#[test]
fn the_same_seed_gives_the_same_run_and_another_one_another() {
    let run = |seed| Simulation::new(&churning(), seed).expect("it makes sense").run();
    assert_eq!(run(1), run(1));
    assert_ne!(run(1).hash, run(2).hash);
}

#[test]
fn a_run_can_be_forked_and_both_go_on_alike() {
    let mut simulation = Simulation::new(&churning(), 3).expect("it makes sense");
    simulation.run_until(Span::mins(10));
    let fork = simulation.clone();
    assert_eq!(fork.run(), simulation.run());
}

#[test]
fn a_run_from_its_recorded_inputs_is_the_run() {
    let mut simulation = Simulation::new(&churning(), 5).expect("it makes sense");
    simulation.listen(true);
    while simulation.step() {}
    let inputs: Vec<_> = simulation
        .take_events()
        .into_iter()
        .filter_map(|traced| match traced.event {
            TraceEvent::Input { input } => Some(input),
            _ => None,
        })
        .collect();
    assert!(inputs.len() > 100);
    let replayed: Simulation = Simulation::replay(&churning(), 5, inputs).expect("it makes sense");
    assert_eq!(replayed.run().hash, simulation.hash());
}

#[test]
fn listening_changes_nothing() {
    let silent = Simulation::new(&churning(), 5).expect("it makes sense");
    let mut listened = silent.clone();
    listened.listen(true);
    assert_eq!(silent.run(), listened.run());
}

/// What differs is told with whom to ask about it.
#[test]
fn who_has_not_converged_is_told_with_the_provider_and_the_cause() {
    let cut_off = churning()
        .calm(Span::mins(10))
        .fault(Fault::new(FaultKind::Refused).from(Span::mins(1)))
        .expect(Expectation::Eventually {
            that: Condition::Converged,
            within: Span::ZERO,
        });
    let outcome = Simulation::new(&cut_off, 1).expect("it makes sense").run();
    let violation = outcome.violations.first().expect("it can't be met at once");
    assert!(
        violation
            .provider
            .as_deref()
            .is_some_and(|name| name.starts_with("http/"))
    );
    let reason = &violation.reason;
    let told = reason.lines().skip(1).filter(|line| line.contains("the receiver has"));
    assert_eq!(told.count(), 3, "{reason}");
    assert!(
        reason.contains("its last call failed: the connection was refused"),
        "{reason}"
    );
    assert!(
        reason.lines().last().is_some_and(|line| line.starts_with("  and ")),
        "{reason}"
    );
}
