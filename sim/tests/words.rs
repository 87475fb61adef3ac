//! What operators meet, word by word: each does what it says, seen from outside.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is the report")]

use std::collections::BTreeSet;

use headcount_sim::{
    Backend, BackendKind, Checks, Churn, Condition, Covered, Discoverers, Disk, Expectation, Fault, FaultKind,
    Happening, HostId, Hosts, Manager, Mark, Outcome, ProcessEvent, Ratio, Repeats, Restarted, Scenario, Simulation,
    Size, Span, SpanRange, TraceEvent, Traced,
};

fn backend(kind: BackendKind) -> Backend {
    Backend::new(kind.word(), kind)
}

fn world(backends: impl IntoIterator<Item = Backend>) -> Scenario {
    let scenario = Scenario::new("words")
        .until(Span::mins(30))
        .hosts(Hosts::new(40).services(4))
        .churn(Churn::steady(Ratio::percent(20), Span::mins(1)));
    backends.into_iter().fold(scenario, |scenario, backend| {
        let discoverers = Discoverers::of(&backend.name).refresh(Span::secs(30));
        scenario.discoverers(discoverers).backend(backend)
    })
}

/// What happened in a run that breaks no rule, and what it came to. It is the same when its inputs are replayed, and after
/// its scenario was written and read.
fn run(scenario: &Scenario) -> (Vec<Traced>, Outcome) {
    let text = scenario.to_yaml().expect("it can be written");
    assert_eq!(&Scenario::from_yaml(&text).expect("it can be read"), scenario, "{text}");
    let mut simulation = Simulation::new(scenario, 1).expect("it makes sense");
    simulation.listen(true);
    while simulation.step() {}
    let (events, outcome) = (simulation.take_events(), simulation.outcome());
    assert!(outcome.is_clean(), "{:?}", outcome.violations);
    let (log, _) = headcount_sim::InputLog::record(scenario, 1).expect("it makes sense");
    let again = log.run().expect("it makes sense");
    assert!(again.differs.is_none(), "{:?}", again.differs);
    (events, outcome)
}

/// When windows opened, for how long, and at whom.
fn windows(events: &[Traced]) -> Vec<(Span, Span, Covered)> {
    let window = |traced: &Traced| match &traced.event {
        TraceEvent::Input { input } => match &input.what {
            Happening::Window { lasts, covers, .. } => Some((input.at, *lasts, covers.clone())),
            _ => None,
        },
        _ => None,
    };
    events.iter().filter_map(window).collect()
}

/// When calls failed.
fn failures(events: &[Traced]) -> Vec<Span> {
    let failed = |traced: &&Traced| matches!(traced.event, TraceEvent::Failure { .. });
    events.iter().filter(failed).map(|traced| traced.at).collect()
}

/// When the receiver learned of a change.
fn learned(events: &[Traced]) -> Vec<Span> {
    let is_news = |traced: &&Traced| matches!(traced.event, TraceEvent::Learned { staleness: Some(_), .. });
    events.iter().filter(is_news).map(|traced| traced.at).collect()
}

#[test]
fn a_window_that_repeats_opens_each_night_at_its_time() {
    let nightly = Repeats::daily(Span::hours(2), Span::mins(30));
    let scenario = world([backend(BackendKind::Http)])
        .until(Span::hours(74))
        .calm(Span::hours(1))
        .hosts(Hosts::new(4))
        .fault(Fault::new(FaultKind::Refused).repeats(nightly).from(Span::hours(3)));
    let (events, _) = run(&scenario);
    let opened: Vec<(Span, Span)> = windows(&events).into_iter().map(|(at, lasts, _)| (at, lasts)).collect();
    let half = Span::mins(30);
    assert_eq!(
        opened,
        [(Span::hours(26), half), (Span::hours(50), half)],
        "not before `from`"
    );
    let failures = failures(&events);
    assert!(failures.len() > 40, "{failures:?}");
    for at in failures {
        let of_day = Span::from_nanos(at.as_nanos() % Span::hours(24).as_nanos());
        let soon = Span::hours(2).plus(half).plus(Span::secs(1));
        assert!(Span::hours(2) <= of_day && of_day <= soon, "{at}");
    }
}

#[test]
fn backends_that_stand_on_the_same_fail_at_the_same_time() {
    let fault = || {
        Fault::new(FaultKind::Refused)
            .every(Span::mins(5))
            .lasts(SpanRange::exactly(Span::mins(1)))
            .backends(["http", "consul"])
    };
    let all = || world([BackendKind::Http, BackendKind::Consul, BackendKind::Dns].map(backend));
    let of_two: BTreeSet<u32> = (0..8).collect();
    let (events, _) = run(&all().fault(fault().together()));
    let together = windows(&events);
    assert!(together.len() > 2, "{together:?}");
    for (_, _, covers) in &together {
        let Covered::These(these) = covers else {
            panic!("{covers:?}")
        };
        let these: BTreeSet<u32> = these.iter().map(|id| id.0).collect();
        assert_eq!(these, of_two, "dns is another's");
    }
    let (events, _) = run(&all().fault(fault()));
    let alone = windows(&events);
    assert!(alone.len() > 16, "each has windows of its own: {alone:?}");
    let moments: BTreeSet<Span> = alone.iter().map(|(at, _, _)| *at).collect();
    assert_eq!(moments.len(), alone.len());
}

#[test]
fn only_who_asks_the_replica_that_is_hit_has_trouble() {
    let hit = |replica: Option<u32>| {
        let mut fault = Fault::new(FaultKind::Refused);
        fault.replica = replica;
        fault
    };
    let polled = |fault| {
        let (events, outcome) = run(&world([backend(BackendKind::Http).replicas(3)]).fault(fault));
        (failures(&events).len() as u64, outcome.metrics.backend_calls)
    };
    let (failed, calls) = polled(hit(None));
    assert_eq!(failed, calls, "all of them");
    let (failed, calls) = polled(hit(Some(2)));
    assert!(
        failed > calls / 5 && failed < calls / 2,
        "a third of them: {failed} of {calls}"
    );

    // A connection that is broken is made anew, to another replica sooner or later.
    for kind in [
        BackendKind::Kubernetes,
        BackendKind::Push,
        BackendKind::Zookeeper,
        BackendKind::Consul,
    ] {
        let from = Span::mins(5);
        let two = backend(kind).replicas(2).lifetime(SpanRange::exactly(Span::hours(1)));
        let (events, outcome) = run(&world([two]).fault(hit(Some(0)).from(from)));
        assert!(outcome.metrics.failures > 0, "{kind:?}");
        let views: BTreeSet<u32> = events
            .iter()
            .filter_map(|traced| match traced.event {
                TraceEvent::Call { view, .. } if traced.at > from.plus(Span::mins(3)) => Some(view.0 % 2),
                _ => None,
            })
            .collect();
        assert!(
            !views.contains(&0) || kind == BackendKind::Consul,
            "{kind:?}: all are at the other one: {views:?}"
        );
        assert!(learned(&events).iter().any(|at| *at > Span::mins(25)), "{kind:?}");
    }
}

#[test]
fn without_a_leader_consul_tells_old_news_or_none() {
    let (from, to) = (Span::mins(10), Span::mins(14));
    let without = |discoverers: Discoverers| {
        let scenario = Scenario {
            discoverers: vec![discoverers],
            ..world([backend(BackendKind::Consul)])
        };
        let (events, outcome) = run(&scenario.fault(Fault::new(FaultKind::LeaderLoss).from(from).until(to)));
        let within = |at: &Span| *at > from.plus(Span::secs(15)) && *at < to;
        let news = learned(&events).into_iter().filter(within).count();
        assert_eq!(news, 0, "nothing is written without a leader");
        assert!(learned(&events).iter().any(|at| *at > to), "it goes on");
        (failures(&events), outcome.metrics.vanished)
    };
    let (stale, _) = without(Discoverers::of("consul"));
    assert_eq!(stale, []);
    let (refused, vanished) = without(Discoverers::of("consul").from_the_leader());
    assert!(refused.len() > 20, "{refused:?}");
    assert!(
        refused[0] < from.plus(Span::secs(1)),
        "whoever waits is told at once: {refused:?}"
    );
    assert_eq!(vanished, 0, "what was found stays");
}

#[test]
fn a_follower_is_behind_and_is_not_asked_again_and_again() {
    let by = Span::secs(40);
    let read = |discoverers: Discoverers, fault: Option<Fault>| {
        let scenario = Scenario {
            discoverers: vec![discoverers],
            ..world([backend(BackendKind::Consul)])
        };
        let scenario = fault.into_iter().fold(scenario, Scenario::fault);
        run(&scenario).1.metrics
    };
    let stale = || Some(Fault::new(FaultKind::StaleRead { by }));
    let usual = read(Discoverers::of("consul"), None);
    let behind = read(Discoverers::of("consul"), stale());
    assert!(
        behind.staleness_p50 > usual.staleness_p50.plus(Span::secs(20)),
        "{behind:#?}"
    );
    assert!(
        behind.staleness_max < by.times(2).plus(usual.staleness_max),
        "{behind:#?}"
    );
    assert!(behind.backend_calls < usual.backend_calls * 2, "{behind:#?}");
    let leader = read(Discoverers::of("consul").from_the_leader(), stale());
    assert_eq!(
        leader.staleness_max,
        read(Discoverers::of("consul").from_the_leader(), None).staleness_max
    );
}

#[test]
fn lists_are_turned_away_while_watches_live() {
    let (from, retry_after) = (Span::mins(10), Span::secs(7));
    let restart = ProcessEvent::Restart {
        at: Span::mins(15),
        what: Restarted::Discoverers,
        share: Ratio::percent(50),
        saved: false,
        age: Span::ZERO,
        version: None,
    };
    let scenario = world([backend(BackendKind::Kubernetes).lifetime(SpanRange::exactly(Span::mins(2)))])
        .fault(
            Fault::new(FaultKind::ApiPriority { retry_after })
                .from(from)
                .until(Span::mins(20)),
        )
        .event(restart);
    let (events, outcome) = run(&scenario);
    let failed = failures(&events);
    assert!(
        failed.iter().all(|at| *at > Span::mins(15)),
        "watches are begun anew: {failed:?}"
    );
    let rounds = failed.len() as u64 / (Span::mins(5).as_nanos() / retry_after.as_nanos());
    assert!((1..4).contains(&rounds), "as often as the server wants: {failed:?}");
    let within = learned(&events)
        .into_iter()
        .filter(|at| *at > from && *at < Span::mins(15));
    assert!(within.count() > 20);
    assert_eq!(outcome.metrics.vanished, 0);
}

#[test]
fn who_is_dead_is_listed_for_a_while() {
    let lingers = Span::mins(4);
    let at_most = |share| {
        let scenario = world([backend(BackendKind::Http).lingers(SpanRange::exactly(lingers))])
            .churn(Churn::ZoneLoss {
                at: Span::mins(10),
                zone: 0,
                lasts: Span::mins(15),
            })
            .hosts(Hosts::new(40).services(4).zones(2))
            .expect(Expectation::Always(Condition::DeadAtMost(Ratio::percent(share))));
        Simulation::new(&scenario, 1).expect("it makes sense").run()
    };
    let dead = at_most(20);
    let [broken] = dead.violations.as_slice() else {
        panic!("{dead:#?}")
    };
    assert!(broken.at >= Span::mins(10) && broken.at < Span::mins(11), "{broken}");
    assert!(broken.reason.contains("are dead; 20% was expected at most"), "{broken}");
    let lost = |backend: Backend| {
        world([backend]).churn(Churn::ZoneLoss {
            at: Span::mins(10),
            zone: 0,
            lasts: Span::mins(15),
        })
    };
    let scenario = lost(backend(BackendKind::Http).lingers(SpanRange::exactly(lingers)));
    let (events, outcome) = run(&scenario);
    assert!(outcome.metrics.staleness_max > lingers);
    let at_once = run(&lost(backend(BackendKind::Http))).1.metrics.staleness_max;
    assert!(outcome.metrics.staleness_max < lingers.plus(at_once), "and no longer");
    assert!(learned(&events).len() > 100);
    // Nobody is dead for long where all that goes is taken off the list.
    let quick = world([backend(BackendKind::Push)]).expect(Expectation::Mostly {
        that: Condition::DeadAtMost(Ratio::percent(5)),
        share: Ratio::percent(95),
    });
    run(&quick);
}

/// A manager that is killed begins with what was written whole by then, and is away for as long as it reads.
#[test]
fn a_slow_disk_has_less_and_takes_its_time() {
    let killed = Span::mins(10);
    let restarted = |disk: Disk| {
        let scenario = world([backend(BackendKind::Http)])
            .manager(Manager::default().disk(disk))
            .event(ProcessEvent::Restart {
                at: killed,
                what: Restarted::Manager,
                share: Ratio::ALWAYS,
                saved: true,
                age: Span::ZERO,
                version: None,
            });
        let (events, outcome) = run(&scenario);
        let moment = |wanted: fn(&Happening) -> bool| {
            events.iter().find_map(|traced| match &traced.event {
                TraceEvent::Input { input } if wanted(&input.what) => Some(input.at),
                _ => None,
            })
        };
        let saved = moment(|what| matches!(what, Happening::SaveManager));
        let starts = moment(|what| matches!(what, Happening::RestartManager { .. })).expect("it starts again");
        (saved, starts, outcome.marks.get(&Mark::Restored).copied())
    };
    let disk = Disk::written_each(Span::secs(45));
    let quick = restarted(disk);
    assert_eq!(quick, (Some(Span::secs(585)), killed, Some(1)));
    let writes = SpanRange::exactly(Span::secs(20));
    let slow = restarted(disk.writes(writes).reads(SpanRange::exactly(Span::secs(30))));
    assert_eq!(slow, (Some(Span::secs(540)), killed.plus(Span::secs(30)), Some(1)));
    let never = restarted(disk.writes(SpanRange::exactly(Span::hours(1))));
    assert_eq!(never, (None, killed, None), "nothing was written whole");
}

#[test]
fn the_fleet_follows_the_time_of_day() {
    let scenario = world([backend(BackendKind::Http)])
        .until(Span::hours(49))
        .hosts(Hosts::new(400))
        .checks(Checks::None);
    let scenario = Scenario {
        churn: vec![Churn::Daily {
            busiest: Span::hours(14),
            low: Ratio::percent(25),
            every: Span::hours(24),
        }],
        ..scenario
    };
    run(&scenario);
    let mut simulation = Simulation::new(&scenario, 1).expect("it makes sense");
    let mut up_at = |hours: u64, mins: u64| {
        simulation.run_until(Span::hours(hours).plus(Span::mins(mins)));
        simulation.truth().count_up()
    };
    for day in [0, 24] {
        // In a straight line: a quarter of the day away from the busiest time, half of what comes and goes is there.
        let few = up_at(day + 2, 0);
        assert!((70..130).contains(&few), "{few} at 2 h");
        let half = up_at(day + 8, 0);
        assert!((220..280).contains(&half), "{half} at 8 h");
        assert_eq!(up_at(day + 14, 0), 400, "all at 14 h");
        let half = up_at(day + 20, 0);
        assert!((220..280).contains(&half), "{half} at 20 h");
    }
    assert!(HostId(0) < HostId(1));
}

#[test]
fn most_of_the_time_is_not_always() {
    let with = |share, longest| {
        let scenario = world([backend(BackendKind::Http)])
            .fault(
                Fault::new(FaultKind::Refused)
                    .from(Span::mins(10))
                    .until(Span::mins(16)),
            )
            .expect(Expectation::Mostly {
                that: Condition::StaleAtMost(longest),
                share: Ratio::percent(share),
            });
        Simulation::new(&scenario, 1).expect("it makes sense").run()
    };
    let minute = Span::mins(1);
    assert!(with(70, minute).is_clean(), "six minutes of thirty");
    let too_little = with(90, minute);
    assert_eq!(too_little.time, Span::mins(30), "nobody knows before the end");
    let [broken] = too_little.violations.as_slice() else {
        panic!("{too_little:#?}")
    };
    assert!(
        broken
            .reason
            .starts_with("it held in 81.11% of the time (146 of 180 looks), "),
        "{broken}"
    );
    assert!(
        broken
            .reason
            .contains("in 90% of it was expected to; not at 10m50s first: a change"),
        "{broken}"
    );
    assert!(with(100, Span::mins(10)).is_clean());
}

#[test]
fn what_the_receiver_has_takes_so_much() {
    let with = |most: u64| {
        let scenario = world([backend(BackendKind::Http)])
            .churn(Churn::MassRelabel {
                at: Span::mins(10),
                over: Span::ZERO,
                more_labels: 40,
            })
            .expect(Expectation::Always(Condition::MemoryAtMost(Size::of(most))));
        Simulation::new(&scenario, 1).expect("it makes sense").run()
    };
    let free = with(u64::MAX);
    assert!(free.is_clean(), "{free:#?}");
    let before = with(free.metrics.peak_bytes / 2);
    let [broken] = before.violations.as_slice() else {
        panic!("{before:#?}")
    };
    assert!(broken.at > Span::mins(10), "{broken}");
    assert!(with(free.metrics.peak_bytes).is_clean(), "it takes just that");
}

#[test]
fn all_that_goes_wrong_is_told_of_one_run() {
    let scenario = world([backend(BackendKind::Http)])
        .fault(
            Fault::new(FaultKind::Refused)
                .from(Span::mins(10))
                .until(Span::mins(16)),
        )
        .expect(Expectation::Always(Condition::StaleAtMost(Span::mins(1))))
        .expect(Expectation::Always(Condition::ShowsAtLeast(Ratio::percent(50))))
        .expect(Expectation::Always(Condition::MemoryAtMost(Size::of(1))))
        .expect(Expectation::Sometimes(Mark::Relisted))
        .expect(Expectation::Mostly {
            that: Condition::StaleAtMost(Span::mins(1)),
            share: Ratio::percent(95),
        });
    let first = Simulation::new(&scenario, 1).expect("it makes sense").run();
    assert_eq!(first.violations.len(), 1, "{:#?}", first.violations);
    let all = Simulation::new(&scenario, 1)
        .expect("it makes sense")
        .past_failures()
        .run();
    let said: Vec<&str> = all
        .violations
        .iter()
        .map(|violation| violation.reason.as_str())
        .collect();
    let [memory, stale, unseen, mostly] = said.as_slice() else {
        panic!("{said:#?}")
    };
    assert!(memory.contains("1B was expected at most"), "{memory}");
    assert!(stale.contains("1m was expected at most"), "{stale}");
    assert!(unseen.contains("\"relisted\""), "{unseen}");
    assert!(mostly.contains("95%"), "{mostly}");
    assert!(all.violations.is_sorted_by_key(|violation| violation.at));
    assert_eq!(all.time, scenario.until);
    let whole = Simulation::new(
        &Scenario {
            expect: Vec::new(),
            ..scenario
        },
        1,
    )
    .expect("it makes sense")
    .run();
    assert_eq!((all.events, all.hash), (whole.events, whole.hash), "it is the same run");
}
