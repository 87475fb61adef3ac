//! The scenarios that come with the simulator: they say what they show, and hold.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is the report")]

use std::collections::BTreeSet;
use std::fmt::Write;

use headcount_sim::{
    Less, Mark, ReloadMode, Rule, Scenario, Shipped, Simulation, Sources, Span, Swarm, SwarmFailure, shipped,
};

/// So that the default fleet, which is large, can run in every test.
const MOST_HOSTS: u32 = 1_000;

fn small(shipped: &Shipped) -> Scenario {
    let scenario = shipped
        .scenario()
        .unwrap_or_else(|mistakes| panic!("{}: {mistakes}", shipped.name));
    let hosts = scenario.hosts.count.min(MOST_HOSTS);
    scenario.with_hosts(hosts)
}

#[test]
fn each_has_the_name_of_its_file_and_a_paragraph() {
    for shipped in shipped() {
        let scenario = shipped.scenario().expect(shipped.name);
        assert_eq!(scenario.name, shipped.name);
        assert!(scenario.about.len() > 150, "{}", shipped.name);
        assert!(
            scenario.calm > Span::ZERO && !scenario.expect.is_empty(),
            "{}",
            shipped.name
        );
    }
}

#[test]
fn each_is_written_as_the_same_words() {
    for shipped in shipped() {
        let scenario = shipped.scenario().expect(shipped.name);
        let written = scenario.to_yaml().expect(shipped.name);
        assert_eq!(
            Scenario::from_yaml(&written).expect(shipped.name),
            scenario,
            "{written}"
        );
    }
}

/// With `HEADCOUNT_LONG=N`, N seeds of each, up to about a thousand runs in all.
#[test]
fn each_holds() {
    let times = std::env::var("HEADCOUNT_LONG")
        .ok()
        .and_then(|times| times.parse().ok());
    let seeds = times.unwrap_or(1_u64).clamp(1, 42);
    let mut broken = String::new();
    for shipped in shipped() {
        let swarm = Swarm::new(small(shipped)).as_written().seeds(1..1 + seeds);
        let report = swarm.run().expect(shipped.name);
        for SwarmFailure { seed, violation } in report.failures {
            writeln!(broken, "{} with seed {seed}: {violation}", shipped.name).ok();
        }
        assert!(
            report.missed.is_empty(),
            "{}: never seen: {:?}",
            shipped.name,
            report.missed
        );
    }
    assert!(broken.is_empty(), "{broken}");
}

/// What is worth seeing is seen: a mark that no scenario hits is a part of the world that nobody
/// looks at.
#[test]
fn together_they_hit_every_mark() {
    let mut seen = BTreeSet::new();
    for shipped in shipped() {
        let outcome = Simulation::new(&small(shipped), 1).expect(shipped.name).run();
        seen.extend(outcome.marks.into_keys());
    }
    let never: Vec<Mark> = Mark::ALL.into_iter().filter(|mark| !seen.contains(mark)).collect();
    assert!(never.is_empty(), "never seen: {never:?}");
}

/// A changed configuration makes a gap for who forgets what was there, and none for us.
#[test]
fn a_changed_configuration_makes_no_gap() {
    let shipped = Shipped::named("config-change").expect("shipped");
    let ours = shipped.scenario().expect("good");
    let mut peers = ours.clone();
    peers.manager.reload = ReloadMode::Legacy;
    let report = Swarm::new(ours).as_written().seeds(0..4).run().expect("good");
    assert!(report.is_clean(), "{report}");
    let report = Swarm::new(peers).as_written().seeds(0..4).run().expect("good");
    assert_eq!(report.failures.len(), 4, "{report}");
}

/// The scenario as it is, and with what a peer does in the place of ours: the one holds, and the other never does.
fn only_ours_holds(name: &str, peers: impl Fn(&mut Scenario), rule: Rule) {
    let ours = Shipped::named(name).expect(name).scenario().expect("good");
    let mut theirs = ours.clone();
    peers(&mut theirs);
    let report = Swarm::new(ours).as_written().seeds(0..4).run().expect("good");
    assert!(report.is_clean(), "{report}");
    let report = Swarm::new(theirs).as_written().seeds(0..4).run().expect("good");
    let broken: Vec<Rule> = report.failures.iter().map(|failure| failure.violation.rule).collect();
    assert_eq!(broken, [rule; 4], "{report}");
}

/// B06: a quiet job waits for its neighbour where there is one throttle for all.
#[test]
fn b06_a_quiet_job_waits_for_nobody() {
    let one_for_all = |scenario: &mut Scenario| scenario.manager.per_set = false;
    only_ours_holds("noisy-neighbour", one_for_all, Rule::Expectation);
}

/// B09: who serves what there is at once takes away what was not read yet.
#[test]
fn b09_a_list_that_is_half_read_takes_nothing_away() {
    let at_once = |scenario: &mut Scenario| scenario.manager.incomplete_after = Some(Span::ZERO);
    only_ours_holds("restart-half-read", at_once, Rule::Expectation);
}

/// B10: who waits for every source for ever never serves the list again.
#[test]
fn b10_a_source_that_never_answers_does_not_keep_new_hosts_away() {
    let for_ever = |scenario: &mut Scenario| scenario.manager.incomplete_after = None;
    only_ours_holds("dead-source", for_ever, Rule::Expectation);
}

/// B11: who believes what a list lacks while it is written, and that there is nothing when a server says so once, loses it.
#[test]
fn b11_a_list_that_has_less_is_looked_at_twice() {
    let at_once = |scenario: &mut Scenario| {
        let entries = scenario.discoverers.iter_mut();
        entries.for_each(|entry| entry.less = Less::AtOnce);
    };
    only_ours_holds("half-written", at_once, Rule::Expectation);
}

/// B13: by their place, all groups of a list are others when one is put in front of them.
#[test]
fn b13_what_comes_in_front_of_a_list_is_one_change() {
    let by_place = |scenario: &mut Scenario| {
        let entries = scenario.discoverers.iter_mut();
        entries.for_each(|entry| entry.sources = Sources::Place);
    };
    only_ours_holds("growing-list", by_place, Rule::B13);
    let shipped = Shipped::named("growing-list").expect("shipped");
    let outcome = Simulation::new(&shipped.scenario().expect("good"), 1)
        .expect("good")
        .run();
    assert_eq!(outcome.metrics.drops_held, 0, "what moves is not lost");
}

/// What some of them come to. A change of behaviour is a change of these figures.
#[test]
fn what_they_come_to() {
    let named = ["zone-loss", "dns-flaps", "slow-receiver"].map(|name| Shipped::named(name).expect(name));
    let tables = named.map(|shipped| {
        let scenario = shipped.scenario().expect(shipped.name);
        let outcome = Simulation::new(&scenario, 1).expect(shipped.name).run();
        format!("{}\n{}", scenario.opening(1), outcome.table())
    });
    insta::assert_snapshot!(tables.join("\n\n"));
}
