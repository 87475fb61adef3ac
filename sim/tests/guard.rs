//! Guards in runs: what is held, for how long, what comes back, and what an operator confirms.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is the report")]

use headcount_sim::{
    Backend, BackendKind, Checks, Churn, Condition, DiscovererId, Discoverers, Expectation, Fault, FaultKind, Guard,
    Happening, HostId, Hosts, InputLog, Manager, Mark, Outcome, ProcessEvent, Ratio, Rule, Scenario, Shipped,
    Simulation, Span, SpanRange, Swarm, TraceEvent, Variation, comparison, short_log, vary,
};

const HOLD: Span = Span::mins(5);

/// Ten hosts of which five go for good after ten minutes.
fn losing(guard: Option<Guard>) -> Scenario {
    let mut scenario = Scenario::new("losing")
        .until(Span::mins(30))
        .hosts(Hosts::new(10).zones(2))
        .backend(Backend::new("cmdb", BackendKind::Http))
        .discoverers(Discoverers::of("cmdb").refresh(Span::secs(15)))
        .churn(Churn::ZoneLoss {
            at: Span::mins(10),
            zone: 1,
            lasts: Span::hours(1),
        })
        .checks(Checks::All);
    scenario.manager.guard = guard;
    scenario
}

fn guard(percent: u32) -> Option<Guard> {
    Some(Guard::new(Ratio::percent(percent), HOLD))
}

fn clean(scenario: &Scenario) -> Outcome {
    let outcome = Simulation::new(scenario, 1).expect("it makes sense").run();
    assert!(outcome.is_clean(), "{:?}", outcome.violations);
    outcome
}

/// When the receiver learned that a host is gone.
fn learned(scenario: &Scenario, host: u32) -> Option<Span> {
    let mut simulation = Simulation::new(scenario, 1).expect("it makes sense");
    simulation.listen(true);
    while simulation.step() {}
    assert!(simulation.outcome().is_clean(), "{:?}", simulation.outcome().violations);
    simulation
        .take_events()
        .into_iter()
        .find_map(|traced| match traced.event {
            TraceEvent::Learned {
                host: other,
                version: None,
                ..
            } if other.0 == host => Some(traced.at),
            _ => None,
        })
}

#[test]
fn a_drop_within_the_share_passes_at_once_and_a_larger_one_after_the_hold() {
    let at_once = learned(&losing(None), 1).expect("without a guard");
    assert_eq!(learned(&losing(guard(50)), 1), Some(at_once));
    let held = learned(&losing(guard(49)), 1).expect("it is let go");
    assert!(held >= at_once.plus(HOLD.minus(Span::secs(1))), "{at_once} {held}");
    assert!(held < at_once.plus(HOLD).plus(Span::secs(20)), "{at_once} {held}");

    let outcome = clean(&losing(guard(49)));
    assert_eq!((outcome.metrics.drops_held, outcome.metrics.peak_held), (1, 5));
    assert_eq!(outcome.marks.get(&Mark::DropHeld), Some(&1));
    assert_eq!(clean(&losing(guard(50))).metrics.drops_held, 0);
}

/// Until it comes back it may be shown as it was; from then on it is late like any other change.
#[test]
fn what_comes_back_during_a_hold_is_news_from_then_on() {
    let mut scenario = losing(guard(30));
    scenario.churn = vec![Churn::ZoneLoss {
        at: Span::mins(10),
        zone: 1,
        lasts: Span::mins(4),
    }];
    let outcome = clean(&scenario);
    assert!(outcome.metrics.staleness_max < Span::mins(1), "{:?}", outcome.metrics);
    assert_eq!((outcome.metrics.vanished, outcome.metrics.changes_open), (0, 0));
}

#[test]
fn what_comes_during_a_hold_is_there_at_once() {
    let comes = Span::mins(12);
    let looks = |address| headcount_sim::Looks {
        service: headcount_sim::ServiceId(0),
        zone: 0,
        address,
        name: address,
        release: 0,
        labels: 0,
    };
    let host = HostId(77);
    let scenario = losing(guard(30)).happens(comes, Happening::Up { host, looks: looks(77) });
    let mut simulation = Simulation::new(&scenario, 1).expect("it makes sense");
    simulation.run_until(comes.plus(Span::secs(40)));
    let snapshot = simulation.snapshot();
    let shown: usize = snapshot.providers().map(|pool| pool.groups().target_count()).sum();
    assert_eq!(shown, 11, "ten that are shown still, and the new one");
    assert!(simulation.run().is_clean());
}

#[test]
fn an_operator_confirms_and_it_is_in_the_log_and_in_what_is_told() {
    let at = Span::mins(11);
    let confirm = |share| {
        let share = Ratio::percent(share);
        losing(guard(30)).event(ProcessEvent::Confirm { at, share })
    };
    let gone = learned(&confirm(100), 1).expect("confirmed");
    assert!(gone >= at && gone < at.plus(Span::secs(10)), "{gone}");
    assert_eq!(clean(&confirm(100)).marks.get(&Mark::DropConfirmed), Some(&1));
    assert_eq!(clean(&confirm(0)).marks.get(&Mark::DropConfirmed), None);

    let (log, outcome) = InputLog::record(&confirm(100), 1).expect("it makes sense");
    let confirmed = Happening::Confirm {
        discoverers: vec![DiscovererId(0)],
    };
    assert!(log.inputs.iter().any(|input| input.at == at && input.what == confirmed));
    let read = InputLog::read(&log.to_string()).expect("it was written just now");
    let replayed = read.run().expect("it makes sense");
    assert_eq!((replayed.differs, &replayed.outcome), (None, &outcome));

    let mut simulation = Simulation::new(&confirm(100), 1).expect("it makes sense");
    simulation.listen(true);
    while simulation.step() {}
    let lines: Vec<String> = simulation.take_events().iter().filter_map(short_log).collect();
    let guards: Vec<&String> = lines
        .iter()
        .filter(|line| line.contains("  G") || line.contains("confirmed"))
        .collect();
    insta::assert_debug_snapshot!(guards);
}

/// What the guard says nothing of is nothing for it: a confirmation without a guard or a hold.
#[test]
fn a_confirmation_of_nothing_changes_nothing() {
    let at = Span::mins(20);
    let confirm = ProcessEvent::Confirm {
        at,
        share: Ratio::ALWAYS,
    };
    for guard in [None, guard(100)] {
        let (without, with) = (clean(&losing(guard)), clean(&losing(guard).event(confirm.clone())));
        assert_eq!(without.metrics, with.metrics);
        assert_eq!(without.marks, with.marks);
    }
}

/// A scenario's expectations are met because of its guard.
#[test]
fn empty_answers_need_their_guard() {
    let shipped = Shipped::named("empty-answers-guarded").expect("shipped");
    let guarded = shipped.scenario().expect("good");
    let mut bare = guarded.clone();
    bare.manager.guard = None;
    bare.expect
        .retain(|expectation| !matches!(expectation, Expectation::Sometimes(_)));
    let report = Swarm::new(guarded).as_written().seeds(0..8).run().expect("good");
    assert!(report.is_clean(), "{report}");
    let report = Swarm::new(bare).as_written().seeds(0..8).run().expect("good");
    assert_eq!(report.failures.len(), 8, "{report}");
    assert!(
        report
            .failures
            .iter()
            .all(|failure| failure.violation.rule == Rule::Expectation)
    );
}

/// What is replaced is not held, unless losses are counted gross; and the empty answers of the scenario need the guard.
#[test]
fn a_rolling_deployment_is_not_held() {
    let shipped = Shipped::named("rolling-deploy-guarded").expect("shipped");
    let guarded = shipped.scenario().expect("good");
    let mut calm = guarded.clone();
    calm.faults.clear();
    calm.expect
        .retain(|expectation| !matches!(expectation, Expectation::Sometimes(_)));
    assert_eq!(clean(&calm).metrics.drops_held, 0);
    calm.manager.guard = guarded.manager.guard.map(Guard::gross);
    assert!(clean(&calm).metrics.drops_held > 0);
    let mut bare = guarded;
    bare.manager.guard = None;
    let report = Swarm::new(bare).as_written().seeds(0..4).run().expect("good");
    assert_eq!(report.failures.len(), 4, "{report}");
}

#[test]
fn what_a_guard_costs_and_saves() {
    let scenario = Shipped::named("empty-answers-guarded")
        .expect("shipped")
        .scenario()
        .expect("good");
    let variation: Variation = "guard=none,30%:5m,100%:5m".parse().expect("good");
    insta::assert_snapshot!(comparison(&vary(&scenario, 1, &[variation]).expect("good")));
}

/// Everything at once, watched by everything there is, under guards of all sorts.
#[test]
fn guarded_swarms_are_clean() {
    let times = std::env::var("HEADCOUNT_LONG")
        .ok()
        .and_then(|times| times.parse().ok());
    let seeds = 6 * times.unwrap_or(1_u64).clamp(1, 100);
    let mut seen = 0;
    for kind in BackendKind::ALL.into_iter().filter(|kind| *kind != BackendKind::Static) {
        let mut scenario = Scenario::new(format!("guarded {}", kind.word()))
            .until(Span::mins(24))
            .calm(Span::mins(9))
            .hosts(Hosts::new(24).services(3).zones(2))
            .backend(
                Backend::new("backend", kind)
                    .wait(Span::mins(1))
                    .lifetime(SpanRange::between(Span::mins(1), Span::mins(3))),
            )
            .discoverers(Discoverers::of("backend").refresh(Span::secs(15)))
            .jobs(headcount_sim::Jobs::new("own").count(3).split())
            .jobs(headcount_sim::Jobs::new("all"))
            .manager(Manager::default().guard(Guard::new(Ratio::percent(30), Span::mins(2))))
            .churn(Churn::steady(Ratio::percent(10), Span::mins(1)))
            .churn(Churn::ZoneLoss {
                at: Span::mins(3),
                zone: 1,
                lasts: Span::mins(4),
            })
            .event(ProcessEvent::Confirm {
                at: Span::mins(4),
                share: Ratio::percent(50),
            })
            .event(ProcessEvent::RemoveJobs {
                at: Span::mins(5),
                share: Ratio::percent(50),
                lasts: Some(Span::mins(1)),
            })
            .event(ProcessEvent::Suspend {
                at: Span::mins(6),
                lasts: Span::secs(90),
            })
            .event(ProcessEvent::PauseReceiver {
                at: Span::mins(9),
                lasts: Span::secs(90),
            })
            .event(ProcessEvent::Confirm {
                at: Span::mins(10),
                share: Ratio::percent(50),
            })
            .expect(Expectation::Eventually {
                that: Condition::Converged,
                within: Span::mins(8),
            })
            .checks(Checks::All);
        let faults = [
            FaultKind::Empty,
            FaultKind::Drop,
            FaultKind::Partition,
            FaultKind::BackInTime { by: Span::mins(3) },
        ];
        for fault in faults.into_iter().filter(|fault| fault.applies_to(kind)) {
            let fault = match fault {
                FaultKind::Partition => Fault::new(fault).every(Span::mins(4)),
                _ => Fault::new(fault).rate(Ratio::percent(5)),
            };
            scenario = scenario.fault(fault);
        }
        let report = Swarm::new(scenario).seeds(0..seeds).run().expect("it makes sense");
        assert!(report.is_clean(), "{report}");
        seen += report.marks.get(&Mark::DropHeld).copied().unwrap_or(0);
    }
    assert!(seen > seeds * 3, "drops were held in {seen} runs only");
}
