//! Faults and process events do what they say, seen from outside.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is the report")]

use headcount_sim::{
    Backend, BackendKind, Churn, Discoverers, Fault, FaultKind, Hosts, Mark, Outcome, ProcessEvent, Ratio, Restarted,
    Scenario, Simulation, Span, SpanRange, TraceEvent,
};

fn under(backend: Backend, fault: Option<FaultKind>) -> Outcome {
    let scenario = Scenario::new("faults")
        .until(Span::mins(30))
        .hosts(Hosts::new(40).services(2))
        .churn(Churn::steady(Ratio::percent(20), Span::mins(1)))
        .discoverers(Discoverers::of(&backend.name).refresh(Span::secs(30)))
        .backend(backend);
    let scenario = fault
        .into_iter()
        .fold(scenario, |scenario, kind| scenario.fault(Fault::new(kind)));
    let outcome = Simulation::new(&scenario, 1).expect("it makes sense").run();
    assert!(outcome.is_clean(), "{:?}", outcome.violations);
    outcome
}

fn backend(kind: BackendKind) -> Backend {
    Backend::new("backend", kind)
}

#[test]
fn replicas_that_disagree_take_discoverers_back_in_time() {
    let two = backend(BackendKind::Http).replicas(2);
    let agree = under(two.clone(), None);
    let disagree = under(two, Some(FaultKind::Disagree { by: Span::mins(2) }));
    assert!(!agree.marks.contains_key(&Mark::WentBackInTime));
    assert!(disagree.marks[&Mark::WentBackInTime] > 10);
}

#[test]
fn records_that_may_not_be_kept_are_fresh_and_cost_calls() {
    let cached = backend(BackendKind::Dns).cache(Span::mins(3));
    let kept = under(cached.clone(), None);
    let not_kept = under(cached, Some(FaultKind::TtlZero));
    assert!(not_kept.metrics.staleness_p50 < kept.metrics.staleness_p50);
    assert!(not_kept.metrics.backend_calls > kept.metrics.backend_calls * 3 / 2);
}

#[test]
fn clocks_that_leap_ask_sooner_or_later() {
    let calls = |fault| under(backend(BackendKind::Http), fault).metrics.backend_calls;
    let by = Span::secs(20);
    let usual = calls(None);
    assert!(calls(Some(FaultKind::Step { by, back: false })) > usual * 2);
    assert!(calls(Some(FaultKind::Step { by, back: true })) < usual * 3 / 4);
}

#[test]
fn a_clock_that_wobbles_is_now_too_fast_and_now_too_slow() {
    let scenario = Scenario::new("wobble")
        .until(Span::mins(40))
        .backend(backend(BackendKind::Http))
        .discoverers(Discoverers::of("backend").refresh(Span::secs(30)))
        .fault(Fault::new(FaultKind::Wobble {
            permille: 500,
            each: Span::mins(10),
        }));
    let mut simulation = Simulation::new(&scenario, 1).expect("it makes sense");
    simulation.listen(true);
    while simulation.step() {}
    let calls: Vec<Span> = simulation
        .take_events()
        .into_iter()
        .filter_map(|traced| matches!(traced.event, TraceEvent::Call { .. }).then_some(traced.at))
        .collect();
    let between = |from, to| {
        let (from, to) = (Span::mins(from), Span::mins(to));
        calls.iter().filter(|at| (from..to).contains(*at)).count()
    };
    assert!(between(1, 9) > between(11, 19) * 2, "{calls:?}");
    assert!(between(21, 29) > between(31, 39) * 2, "{calls:?}");
}

#[test]
fn only_times_of_day_are_misread_by_a_wrong_wall_clock() {
    let wrong = |by, back| FaultKind::WallJump { by, back };
    let by = Span::mins(1);
    let usual = under(backend(BackendKind::Http), None);
    let misread = under(backend(BackendKind::Http), Some(wrong(by, true)));
    assert_eq!(usual.metrics, misread.metrics, "waits are counted on another clock");

    let told_to_wait = |wall: Option<FaultKind>| {
        let retry_after = Span::secs(90);
        let scenario = Scenario::new("busy")
            .until(Span::mins(30))
            .backend(backend(BackendKind::Http))
            .discoverers(Discoverers::of("backend"))
            .fault(Fault::new(FaultKind::TooManyRequests { retry_after }));
        let scenario = wall
            .into_iter()
            .fold(scenario, |scenario, kind| scenario.fault(Fault::new(kind)));
        let outcome = Simulation::new(&scenario, 1).expect("it makes sense").run();
        outcome.metrics.backend_calls
    };
    let usual = told_to_wait(None);
    assert!(told_to_wait(Some(wrong(by, true))) < usual, "behind: it comes too late");
    assert!(
        told_to_wait(Some(wrong(by, false))) > usual * 2,
        "ahead: it comes too soon"
    );
}

#[test]
fn a_process_that_stands_still_says_nothing_and_then_everything() {
    for kind in BackendKind::ALL.into_iter().filter(|kind| *kind != BackendKind::Static) {
        let (from, to) = (Span::mins(10), Span::mins(14));
        let scenario = Scenario::new("stands still")
            .until(Span::mins(30))
            .calm(Span::mins(10))
            .hosts(Hosts::new(40).services(2))
            .backend(backend(kind))
            .discoverers(Discoverers::of("backend").refresh(Span::secs(30)))
            .churn(Churn::steady(Ratio::percent(50), Span::mins(1)))
            .event(ProcessEvent::Suspend {
                at: from,
                lasts: to.minus(from),
            })
            .event(ProcessEvent::Reload {
                at: Span::mins(12),
                times: 1,
                every: Span::secs(1),
            });
        let mut simulation = Simulation::new(&scenario, 1).expect("it makes sense");
        simulation.listen(true);
        while simulation.step() {}
        let (outcome, events) = (simulation.outcome(), simulation.take_events());
        assert!(outcome.is_clean(), "{kind:?}: {:?}", outcome.violations);
        let own = |event: &TraceEvent| {
            !matches!(
                event,
                TraceEvent::Input { .. } | TraceEvent::Truth { .. } | TraceEvent::Shown { .. }
            )
        };
        let meanwhile = events.iter().filter(|traced| from < traced.at && traced.at < to);
        let said: Vec<_> = meanwhile.filter(|traced| own(&traced.event)).collect();
        assert!(said.is_empty(), "{kind:?}: {said:?}");
        let emitted = events
            .iter()
            .find(|traced| traced.at >= to && matches!(traced.event, TraceEvent::Emission { .. }));
        assert!(
            emitted.is_some_and(|traced| traced.at < to.plus(Span::secs(10))),
            "{kind:?}"
        );
    }
}

/// The last thing that happens is a deletion whose news gets lost: no later change brings the discoverer to
/// list again, so the next connection has to.
#[test]
fn a_lost_delete_is_mended_by_the_next_connection() {
    for seed in 0..200 {
        let scenario = Scenario::new("lost")
            .until(Span::mins(30))
            .calm(Span::mins(18))
            .hosts(Hosts::new(7))
            .backend(backend(BackendKind::Kubernetes).lifetime(SpanRange::between(Span::mins(1), Span::mins(3))))
            .discoverers(Discoverers::of("backend"))
            .churn(Churn::BlueGreen {
                at: Span::mins(2),
                over: Span::mins(1),
                overlap: Span::mins(2),
            })
            .fault(Fault::new(FaultKind::LostDelete).rate(Ratio::percent(55)));
        let outcome = Simulation::new(&scenario, seed).expect("it makes sense").run();
        assert!(outcome.is_clean(), "seed {seed}: {}", outcome.violations[0]);
    }
}

#[test]
fn who_saved_what_it_knew_goes_on_from_there() {
    let marks = |saved| {
        let hour = SpanRange::exactly(Span::hours(1));
        let scenario = Scenario::new("restarts")
            .until(Span::mins(10))
            .hosts(Hosts::new(40).services(2))
            .backend(backend(BackendKind::Kubernetes).lifetime(hour))
            .discoverers(Discoverers::of("backend"))
            .fault(Fault::new(FaultKind::WatchTooOld))
            .event(ProcessEvent::Restart {
                at: Span::mins(5),
                what: Restarted::Discoverers,
                share: Ratio::ALWAYS,
                saved,
                age: Span::ZERO,
                version: None,
            });
        Simulation::new(&scenario, 1).expect("it makes sense").run().marks
    };
    // Only who asks for what changed since can be refused because that is too long ago.
    assert_eq!(marks(true).get(&Mark::Relisted), Some(&2));
    assert_eq!(marks(false).get(&Mark::Relisted), None);
}
