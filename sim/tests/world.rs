//! The world: every kind of backend, every sort of churn, every fault.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is the report")]

use headcount_sim::{
    Backend, BackendKind, Checks, Churn, Discoverers, Fault, FaultKind, Guard, Hosts, InputLog, Mark, Outcome,
    ProcessEvent, Queue, Ratio, Receiver, Restarted, Scenario, Simulation, Span, SpanRange, compare,
};
use proptest::prelude::*;

/// Half an hour of which the last ten minutes are calm.
fn small(kind: BackendKind) -> Scenario {
    Scenario::new(kind.word())
        .until(Span::mins(40))
        .calm(Span::mins(20))
        .hosts(Hosts::new(24).services(3).zones(2))
        .backend(
            Backend::new("backend", kind)
                .delay(SpanRange::between(Span::ZERO, Span::secs(2)))
                .lifetime(SpanRange::between(Span::mins(1), Span::mins(3)))
                .wait(Span::mins(1)),
        )
        .discoverers(Discoverers::of("backend").refresh(Span::secs(20)))
        .checks(Checks::All)
}

fn run(scenario: &Scenario, seed: u64) -> Outcome {
    let outcome = Simulation::new(scenario, seed).expect("it makes sense").run();
    if let Some(violation) = outcome.violations.first() {
        panic!("{} with seed {seed}: {violation}", scenario.name);
    }
    outcome
}

fn range(low: u64, high: u64) -> SpanRange {
    SpanRange::between(Span::secs(low), Span::secs(high))
}

#[test]
fn every_kind_of_backend_follows_the_truth() {
    for kind in BackendKind::ALL {
        for seed in 0..4 {
            let scenario = small(kind).churn(Churn::steady(Ratio::percent(10), Span::mins(1)));
            let outcome = run(&scenario, seed);
            if kind == BackendKind::Static {
                assert_eq!(outcome.metrics.emissions, 1, "a static list never changes");
            } else {
                assert!(outcome.metrics.changes_learned > 10, "{kind:?}: {outcome:?}");
                assert_eq!(outcome.metrics.changes_open, 0, "{kind:?}");
                assert!(outcome.metrics.time_to_converge.is_some(), "{kind:?}");
            }
        }
    }
}

#[test]
fn every_sort_of_churn_reaches_the_receiver() {
    for churn in Churn::examples() {
        for kind in [BackendKind::Http, BackendKind::Kubernetes] {
            let scenario = Scenario {
                name: churn.word().to_owned(),
                ..small(kind).churn(churn.clone())
            };
            let outcome = run(&scenario, 1);
            assert!(outcome.metrics.changes_learned > 1, "{}: {outcome:?}", scenario.name);
            assert_eq!(outcome.metrics.changes_open, 0, "{}", scenario.name);
        }
    }
}

/// Under churn, with this fault at one call in three, or in windows, or all through the storm.
fn with_fault(kind: BackendKind, fault: FaultKind, how: u8) -> Scenario {
    let disagrees = matches!(fault, FaultKind::Disagree { .. });
    let fault = match how {
        0 => Fault::new(fault).rate(Ratio::percent(30)),
        1 => Fault::new(fault).every(Span::mins(4)).lasts(range(20, 90)),
        _ => Fault::new(fault).from(Span::mins(5)).until(Span::mins(12)),
    };
    let mut scenario = small(kind)
        .churn(Churn::steady(Ratio::percent(10), Span::mins(1)))
        .fault(fault);
    scenario.backends[0].replicas = if disagrees { 2 } else { 1 };
    scenario
}

#[test]
fn every_fault_is_survived_and_overcome_in_the_calm() {
    let mut wrong = Vec::new();
    for fault in FaultKind::EXAMPLES {
        for kind in BackendKind::ALL.into_iter().filter(|kind| fault.applies_to(*kind)) {
            for how in 0..3 {
                let mut scenario = with_fault(kind, fault, how).checks(Checks::Cheap);
                scenario.name = format!("{} {} {how}", kind.word(), fault.word());
                let outcome = Simulation::new(&scenario, 1).expect("it makes sense").run();
                let found = outcome.violations.first().map(|violation| violation.to_string());
                wrong.extend(found.map(|found| format!("{}: {found}", scenario.name)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_stays_broken_keeps_what_it_had() {
    for kind in BackendKind::ALL.into_iter().filter(|kind| *kind != BackendKind::Static) {
        let scenario = small(kind)
            .heal(Ratio::NEVER)
            .churn(Churn::steady(Ratio::percent(10), Span::mins(1)))
            .fault(Fault::new(FaultKind::Partition).from(Span::mins(10)));
        let outcome = run(&scenario, 3);
        assert!(outcome.metrics.failures > 10);
        assert_eq!(outcome.metrics.peak_targets, 24, "{kind:?}");
    }
}

/// Event by event: the whole chain of the log is compared, not only what the run came to.
#[test]
fn a_replay_of_any_fault_is_the_run() {
    for fault in FaultKind::EXAMPLES {
        for kind in BackendKind::ALL.into_iter().filter(|kind| fault.applies_to(*kind)) {
            // Without a delay a change is shown, and notified, at the very instant at which it happens.
            let mut scenario = with_fault(kind, fault, 0)
                .fault(Fault::new(FaultKind::Drop).rate(Ratio::percent(10)))
                .fault(Fault::new(FaultKind::Reset).every(Span::mins(3)))
                .until(Span::mins(24))
                .checks(Checks::Cheap);
            scenario.backends[0].delay = SpanRange::ZERO;
            let (log, outcome) = InputLog::record(&scenario, 5).expect("it makes sense");
            let read = InputLog::read(&log.to_string()).expect("it was written just now");
            let replayed = read.run().expect("it makes sense");
            assert_eq!(replayed.outcome, outcome, "{fault:?} {kind:?}");
            assert_eq!(replayed.differs, None, "{fault:?} {kind:?}");
            let run = Simulation::new(&scenario, 5).expect("it makes sense");
            let again: Simulation = read.simulation().expect("it makes sense");
            assert_eq!(compare(run, again, 100).divergence, None, "{fault:?} {kind:?}");
        }
    }
}

#[test]
fn processes_come_and_go() {
    let all = [
        ProcessEvent::Reload {
            at: Span::mins(3),
            times: 20,
            every: Span::millis(300),
        },
        ProcessEvent::ChangeConfig {
            at: Span::mins(4),
            share: Ratio::percent(50),
        },
        ProcessEvent::RemoveJobs {
            at: Span::mins(5),
            share: Ratio::ALWAYS,
            lasts: Some(Span::mins(2)),
        },
        ProcessEvent::Restart {
            at: Span::mins(8),
            what: Restarted::Discoverers,
            share: Ratio::percent(50),
            saved: true,
            age: Span::ZERO,
            version: None,
        },
        ProcessEvent::Restart {
            at: Span::mins(9),
            what: Restarted::Discoverers,
            share: Ratio::ALWAYS,
            saved: false,
            age: Span::ZERO,
            version: None,
        },
        ProcessEvent::Restart {
            at: Span::mins(10),
            what: Restarted::Manager,
            share: Ratio::ALWAYS,
            saved: false,
            age: Span::ZERO,
            version: None,
        },
        ProcessEvent::Suspend {
            at: Span::mins(15),
            lasts: Span::secs(90),
        },
        ProcessEvent::Reload {
            at: Span::mins(16),
            times: 2,
            every: Span::secs(20),
        },
        ProcessEvent::PauseReceiver {
            at: Span::mins(12),
            lasts: Span::mins(2),
        },
    ];
    for kind in BackendKind::ALL {
        let base = small(kind)
            .churn(Churn::steady(Ratio::percent(10), Span::mins(1)))
            .receiver(Receiver::new(range(0, 3)));
        let scenario = all.iter().cloned().fold(base, Scenario::event);
        let outcome = run(&scenario, 2);
        assert!(outcome.marks.contains_key(&Mark::ProviderKept));
        assert!(outcome.marks.contains_key(&Mark::EmptySaid));
    }
}

#[test]
fn a_full_queue_holds_discoverers_up_and_loses_nothing() {
    let scenario = Scenario {
        hosts: Hosts::new(200).services(50),
        ..small(BackendKind::Kubernetes)
    }
    .churn(Churn::MassRelabel {
        at: Span::mins(5),
        over: Span::ZERO,
        more_labels: 1,
    })
    .queue(Queue::new(4, Span::millis(100)));
    let outcome = run(&scenario, 1);
    assert!(outcome.marks.contains_key(&Mark::QueueFull));
    assert_eq!(outcome.metrics.peak_queue, 4);
    assert_eq!(outcome.metrics.changes_open, 0);
}

/// A guard in two of three, with an operator who confirms what it holds now and then.
fn guards() -> impl Strategy<Value = (Option<Guard>, Vec<ProcessEvent>)> {
    let share = (0..=100_u32).prop_map(Ratio::percent);
    let guard = (share.clone(), 1..240_u64).prop_map(|(share, hold)| Guard::new(share, Span::secs(hold)));
    let confirm = (1..700_u64, share).prop_map(|(at, share)| ProcessEvent::Confirm {
        at: Span::secs(at),
        share,
    });
    (prop::option::weighted(0.7, guard), prop::collection::vec(confirm, 0..3))
}

/// Any scenario that makes sense.
fn any_scenario() -> impl Strategy<Value = Scenario> {
    let fault = (prop::sample::select(FaultKind::EXAMPLES.to_vec()), 0..3_u8, 1..100_u32);
    let backends = prop::collection::vec(
        (
            prop::sample::select(&BackendKind::ALL[..]),
            1..3_u32,
            0..20_u64,
            0..3_u32,
        ),
        1..3,
    );
    (
        (1..30_u32, 1..4_u32, 1..4_u32),
        backends,
        prop::collection::vec(prop::sample::select(Churn::examples().to_vec()), 0..3),
        prop::collection::vec(fault, 0..3),
        (0..3_u64, any::<bool>()),
        guards(),
    )
        .prop_map(
            |((hosts, services, zones), backends, churns, faults, (takes, ticker), (guard, confirms))| {
                let hosts = Hosts::new(hosts.max(services).max(zones))
                    .services(services)
                    .zones(zones);
                let mut scenario = Scenario {
                    hosts,
                    churn: churns,
                    ..Scenario::new("any")
                        .until(Span::mins(30))
                        .calm(Span::mins(18))
                        .checks(Checks::All)
                }
                .receiver(Receiver::new(range(0, takes * 4)));
                if ticker {
                    scenario.manager.throttle = "ticker:5s".parse().expect("a throttle");
                }
                scenario.manager.guard = guard;
                scenario.events = confirms;
                for (number, (kind, replicas, cache, page)) in backends.into_iter().enumerate() {
                    let name = format!("backend-{number}");
                    let backend = Backend::new(&name, kind)
                        .replicas(replicas)
                        .delay(range(0, 3))
                        .cache(Span::secs(cache))
                        .page(page * 3)
                        .wait(Span::mins(1))
                        .lifetime(range(60, 180));
                    scenario = scenario
                        .backend(backend)
                        .discoverers(Discoverers::of(&name).refresh(Span::secs(15)));
                    let applying = faults.iter().filter(|(fault, ..)| {
                        fault.applies_to(kind) && (replicas > 1 || !matches!(fault, FaultKind::Disagree { .. }))
                    });
                    for (kind, how, rate) in applying {
                        let fault = match how {
                            0 => Fault::new(*kind).rate(Ratio::percent(*rate)),
                            1 => Fault::new(*kind).every(Span::mins(4)).share(Ratio::percent(*rate)),
                            _ => Fault::new(*kind).from(Span::mins(2)).until(Span::mins(9)),
                        };
                        scenario = scenario.fault(fault.backend(&name));
                    }
                }
                scenario
            },
        )
}

/// How many scenarios are tried; with `HEADCOUNT_LONG=N`, N times as many.
fn cases() -> u32 {
    let times = std::env::var("HEADCOUNT_LONG")
        .ok()
        .and_then(|times| times.parse().ok());
    24 * times.unwrap_or(1).clamp(1, 1_000)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    #[test]
    fn no_scenario_breaks_a_rule(scenario in any_scenario(), seed: u64) {
        let outcome = Simulation::new(&scenario, seed).expect("it makes sense").run();
        prop_assert!(outcome.is_clean(), "{}", outcome.violations[0]);
    }

    /// What the receiver has in the end does not depend on the order of what happens at once.
    #[test]
    fn the_order_of_one_instant_does_not_matter_in_the_end(scenario in any_scenario(), seed: u64) {
        let last = |order| {
            let mut simulation = Simulation::new(&scenario, seed).expect("it makes sense");
            simulation.shuffle(order);
            while simulation.step() {}
            shown(&simulation)
        };
        prop_assert_eq!(last(1), last(2));
    }

    /// Another host changes what happens to no other.
    #[test]
    fn adding_a_host_moves_nobody_elses_draws(hosts in 2..40_u32, seed: u64) {
        let story = |count| {
            let scenario = Churn::examples().into_iter().fold(
                Scenario::new("draws").until(Span::mins(20)).hosts(Hosts::new(count))
                    .backend(Backend::new("backend", BackendKind::Dns)).discoverers(Discoverers::of("backend")),
                Scenario::churn,
            );
            let mut simulation = Simulation::new(&scenario, seed).expect("it makes sense");
            simulation.listen(true);
            simulation.run_until(Span::mins(20));
            let mine = simulation.take_events().into_iter().filter_map(|traced| match traced.event {
                headcount_sim::TraceEvent::Truth { host, version, up } if host.0 < hosts => {
                    Some((traced.at, host, version, up))
                }
                _ => None,
            });
            mine.collect::<Vec<_>>()
        };
        prop_assert_eq!(story(hosts), story(hosts + 1));
    }
}

/// Every target that the receiver has, in full.
fn shown(simulation: &Simulation) -> Vec<String> {
    let snapshot = simulation.snapshot();
    let groups = snapshot.providers().flat_map(|pool| pool.groups().iter());
    let mut shown: Vec<String> = groups.map(|stored| format!("{:?}", stored.group())).collect();
    shown.sort();
    shown
}
