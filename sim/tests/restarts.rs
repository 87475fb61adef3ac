//! Managers that take each other's place: with what was saved, and of other versions.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is the report")]

use headcount_sim::{
    Backend, BackendKind, Checks, Churn, Discoverers, Fault, FaultKind, Guard, Hosts, InputLog, Manager, Mark,
    ProcessEvent, Ratio, ReloadMode, Restarted, Scenario, Simulation, Span, SpanRange, ThrottleSetting, TraceEvent,
    Version,
};

fn restart(at: Span, age: Span, version: Option<Version>) -> ProcessEvent {
    ProcessEvent::Restart {
        at,
        what: Restarted::Manager,
        share: Ratio::ALWAYS,
        saved: true,
        age,
        version,
    }
}

fn churning(kind: BackendKind) -> Scenario {
    Scenario::new("restarts")
        .until(Span::mins(30))
        .calm(Span::mins(10))
        .hosts(Hosts::new(24).services(3).zones(2))
        .backend(Backend::new("backend", kind).wait(Span::mins(1)))
        .discoverers(Discoverers::of("backend").refresh(Span::secs(20)))
        .churn(Churn::steady(Ratio::percent(10), Span::mins(1)))
}

/// Restarts of the same version, and there and back between two that differ in all that they can.
fn upgraded(kind: BackendKind) -> Scenario {
    let peer = Version::with_format(1)
        .throttle(ThrottleSetting::Ticker(Span::secs(5)))
        .reload(ReloadMode::Legacy);
    let ours = Version::with_format(2)
        .throttle(ThrottleSetting::default())
        .reload(ReloadMode::Keep);
    churning(kind)
        .event(restart(Span::mins(3), Span::ZERO, None))
        .event(restart(Span::mins(6), Span::mins(2), Some(ours)))
        .event(ProcessEvent::Reload {
            at: Span::mins(8),
            times: 2,
            every: Span::secs(1),
        })
        .event(restart(Span::mins(10), Span::ZERO, Some(peer)))
        .event(ProcessEvent::Reload {
            at: Span::mins(12),
            times: 2,
            every: Span::secs(1),
        })
        .event(restart(Span::mins(14), Span::mins(1), Some(ours)))
        .checks(Checks::All)
}

#[test]
fn every_kind_of_backend_comes_right_after_any_restart() {
    for kind in BackendKind::ALL {
        for seed in 0..4 {
            let drops = Fault::new(FaultKind::Drop).rate(Ratio::percent(10));
            let scenario = match kind {
                BackendKind::Static => upgraded(kind),
                _ => upgraded(kind).fault(drops),
            };
            let outcome = Simulation::new(&scenario, seed).unwrap().run();
            assert!(
                outcome.is_clean(),
                "{kind:?} with seed {seed}: {:?}",
                outcome.violations
            );
            assert_eq!(outcome.marks.get(&Mark::Restored), Some(&3), "{kind:?}");
            assert_eq!(outcome.marks.get(&Mark::StateRefused), Some(&1), "{kind:?}");
        }
    }
}

/// What the guard holds is saved as it is shown, and held again.
#[test]
fn a_drop_that_is_held_survives_a_restart() {
    for kind in [BackendKind::Http, BackendKind::Kubernetes, BackendKind::File] {
        for seed in 0..8 {
            let guard = Guard::new(Ratio::percent(20), Span::mins(3));
            let scenario = upgraded(kind)
                .manager(Manager::default().guard(guard))
                .churn(Churn::ZoneLoss {
                    at: Span::mins(5),
                    zone: 1,
                    lasts: Span::mins(20),
                });
            let outcome = Simulation::new(&scenario, seed).unwrap().run();
            assert!(
                outcome.is_clean(),
                "{kind:?} with seed {seed}: {:?}",
                outcome.violations
            );
            assert!(outcome.marks.contains_key(&Mark::DropHeld), "{kind:?} with seed {seed}");
        }
    }
}

/// Targets that the receiver is given with each snapshot after the manager was restarted.
fn given_after(scenario: &Scenario, restarted: Span) -> Vec<u64> {
    let mut simulation = Simulation::new(scenario, 1).unwrap();
    simulation.run_until(restarted.minus(Span::millis(1)));
    simulation.listen(true);
    simulation.run_until(scenario.until);
    let outcome = simulation.outcome();
    assert!(outcome.is_clean(), "{:?}", outcome.violations);
    let events = simulation.take_events().into_iter();
    events
        .filter_map(|traced| match traced.event {
            TraceEvent::Emission { targets, .. } => Some(targets),
            _ => None,
        })
        .collect()
}

#[test]
fn nothing_is_missing_while_the_backends_are_out_of_reach() {
    // From before the restart until long after it nobody answers.
    let cut = Fault::new(FaultKind::Partition)
        .from(Span::mins(9))
        .until(Span::mins(15));
    let scenario = churning(BackendKind::Http).fault(cut);
    let at = Span::mins(10);
    let with = scenario.clone().event(restart(at, Span::ZERO, None));
    let without = scenario.event(ProcessEvent::Restart {
        at,
        what: Restarted::Manager,
        share: Ratio::ALWAYS,
        saved: false,
        age: Span::ZERO,
        version: None,
    });
    assert_eq!(given_after(&with, at)[0], 24);
    assert_eq!(given_after(&without, at)[0], 0);
}

#[test]
fn a_run_with_restarts_is_replayed_from_its_log() {
    let scenario = upgraded(BackendKind::Kubernetes);
    let (log, outcome) = InputLog::record(&scenario, 3).unwrap();
    let text = log.to_string();
    for word in ["save_manager", "restart_manager"] {
        assert!(text.contains(word), "{text}");
    }
    let replayed = InputLog::read(&text).unwrap().run().unwrap();
    assert!(replayed.differs.is_none());
    assert_eq!(replayed.outcome.hash, outcome.hash);
}

#[test]
fn what_makes_no_sense_about_a_restart_is_said() {
    let odd = |what, age, version| ProcessEvent::Restart {
        at: Span::mins(1),
        what,
        share: Ratio::ALWAYS,
        saved: what == Restarted::Discoverers,
        age,
        version,
    };
    let wrong = churning(BackendKind::Http)
        .event(odd(Restarted::Discoverers, Span::mins(2), Some(Version::default())))
        .event(odd(Restarted::Manager, Span::secs(1), Some(Version::with_format(0))));
    insta::assert_snapshot!(wrong.check().expect_err("it makes no sense"));
}

/// A manager that crashed has a state from before the last changes, which must not outlive the next poll.
#[test]
fn a_state_from_before_the_last_changes_is_mended() {
    let scenario = churning(BackendKind::Consul)
        .churn(Churn::ZoneLoss {
            at: Span::mins(8),
            zone: 1,
            lasts: Span::mins(20),
        })
        .event(restart(Span::mins(10), Span::mins(3), None));
    let cut = Fault::new(FaultKind::Partition)
        .from(Span::mins(9))
        .until(Span::mins(12));
    let given = given_after(&scenario.clone().fault(cut), Span::mins(10));
    assert_eq!(given[0], 24, "what was saved before the zone was lost");
    assert_eq!(given.last(), Some(&12));
    let long = scenario.fault(
        Fault::new(FaultKind::Partition)
            .every(Span::mins(4))
            .lasts(SpanRange::between(Span::secs(30), Span::mins(1))),
    );
    for seed in 0..8 {
        let outcome = Simulation::new(&long, seed).unwrap().run();
        assert!(outcome.is_clean(), "seed {seed}: {:?}", outcome.violations);
    }
}
