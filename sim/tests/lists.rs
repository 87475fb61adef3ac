//! The jobs' lists: served whole, without whom they waited for long enough, or not at all (B09, B10).

#![allow(clippy::expect_used, reason = "a panic is the report")]

use headcount_sim::{
    Backend, BackendKind, Checks, Condition, Discoverers, Expectation, Fault, FaultKind, Hosts, Jobs, Manager, Mark,
    Outcome, ProcessEvent, Ratio, Rule, Scenario, Simulation, Span, ThrottleSetting,
};

const NEVER: Span = Span::mins(30);

/// A job with two sources, each of which finds all ten hosts; nothing happens to anybody.
fn two_sources() -> Scenario {
    Scenario::new("two sources")
        .until(Span::mins(10))
        .hosts(Hosts::new(10))
        .backend(Backend::new("a", BackendKind::Http))
        .backend(Backend::new("b", BackendKind::Http))
        .discoverers(Discoverers::of("a"))
        .discoverers(Discoverers::of("b"))
        .jobs(Jobs::new("node"))
        .checks(Checks::All)
}

fn b_never_answers(scenario: Scenario) -> Scenario {
    let cut = Fault::new(FaultKind::Partition).backend("b").until(NEVER);
    scenario.fault(cut)
}

fn run(scenario: &Scenario) -> Outcome {
    Simulation::new(scenario, 1).expect("it makes sense").run()
}

fn clean(scenario: &Scenario) -> Outcome {
    let outcome = run(scenario);
    assert!(outcome.is_clean(), "{:?}", outcome.violations);
    outcome
}

/// Whether those who read the lists have all hosts in the end, after so long.
fn is_served(scenario: &Scenario, after: Span) -> bool {
    let all = Expectation::Eventually {
        that: Condition::ListsShowAtLeast(Ratio::ALWAYS),
        within: Span::ZERO,
    };
    let scenario = scenario
        .clone()
        .calm(Span::mins(10).minus(after))
        .heal(Ratio::NEVER)
        .expect(all);
    let outcome = run(&scenario);
    let broken: Vec<Rule> = outcome.violations.iter().map(|violation| violation.rule).collect();
    assert!(
        broken.is_empty() || broken == [Rule::Expectation],
        "{:?}",
        outcome.violations
    );
    broken.is_empty()
}

#[test]
fn b10_a_list_waits_for_a_source_that_never_answers_as_long_as_it_is_told() {
    let waiting = |after| b_never_answers(two_sources().manager(Manager::default().incomplete_after(after)));
    let outcome = clean(&waiting(Span::mins(3)));
    assert_eq!(outcome.marks.get(&Mark::ListIncomplete), Some(&1));
    assert!(!is_served(&waiting(Span::mins(3)), Span::mins(2)));
    assert!(is_served(&waiting(Span::mins(3)), Span::mins(4)));
    assert!(!is_served(&b_never_answers(two_sources()), Span::mins(9)), "for ever");
    assert!(is_served(&two_sources(), Span::mins(1)), "both answer");
}

#[test]
fn a_config_that_cannot_be_run_is_done_without_only_where_that_is_allowed() {
    let mut broken = two_sources();
    broken.discoverers[1].broken = 1;
    assert_eq!(clean(&broken).marks.get(&Mark::ListIncomplete), None);
    assert!(!is_served(&broken, Span::mins(9)));
    broken.manager.serve_incomplete = true;
    assert!(clean(&broken).marks.contains_key(&Mark::ListIncomplete));
    assert!(is_served(&broken, Span::mins(1)));
}

/// What a reload puts in another's place is waited for no longer than that (B03, B10).
#[test]
fn b03_who_was_waited_for_long_enough_takes_its_place_without_having_answered() {
    let change = ProcessEvent::ChangeConfig {
        at: Span::mins(2),
        share: Ratio::ALWAYS,
    };
    let cut = Fault::new(FaultKind::Partition).from(Span::mins(1)).until(NEVER);
    let scenario = two_sources().event(change).fault(cut);
    let targets_at = |scenario: &Scenario, at: Span| {
        let mut simulation = Simulation::new(scenario, 1).expect("it makes sense");
        simulation.run_until(at);
        let outcome = simulation.outcome();
        assert!(outcome.is_clean(), "{:?}", outcome.violations);
        simulation.snapshot().set("node").map(|set| set.target_count())
    };
    let patient = scenario
        .clone()
        .manager(Manager::default().incomplete_after(Span::mins(4)));
    assert_eq!(targets_at(&scenario, Span::mins(9)), Some(20), "nobody else was read");
    assert_eq!(targets_at(&patient, Span::mins(5)), Some(20));
    assert_eq!(targets_at(&patient, Span::mins(7)), Some(0));
}

/// The rules hold, and the reference model agrees, under each throttle and with everything that can be set (B06, B10).
#[test]
fn b06_a_throttle_for_each_job_keeps_all_other_rules() {
    for throttle in ["ticker:5s", "backoff:100ms..5s", "backoff:0s"] {
        let throttle: ThrottleSetting = throttle.parse().expect(throttle);
        let manager = Manager::with_throttle(throttle)
            .per_set()
            .incomplete_after(Span::secs(40));
        let mut scenario = two_sources()
            .manager(manager)
            .jobs(Jobs::new("b").of("b"))
            .churn(headcount_sim::Churn::steady(Ratio::percent(50), Span::mins(1)))
            .fault(Fault::new(FaultKind::Drop).rate(Ratio::percent(30)))
            .event(ProcessEvent::ChangeConfig {
                at: Span::mins(3),
                share: Ratio::percent(50),
            })
            .event(ProcessEvent::Reload {
                at: Span::mins(5),
                times: 5,
                every: Span::millis(700),
            })
            .event(ProcessEvent::PauseReceiver {
                at: Span::mins(6),
                lasts: Span::secs(20),
            })
            .event(ProcessEvent::Suspend {
                at: Span::mins(7),
                lasts: Span::secs(30),
            });
        scenario
            .discoverers
            .iter_mut()
            .for_each(|entry| entry.refresh = Span::secs(3));
        for seed in 0..8 {
            let outcome = Simulation::new(&scenario, seed).expect("it makes sense").run();
            assert!(
                outcome.is_clean(),
                "{throttle} with seed {seed}: {:?}",
                outcome.violations
            );
        }
    }
}
