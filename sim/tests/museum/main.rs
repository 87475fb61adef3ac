//! The bug museum: historic bugs of discovery managers, put back in, and found by the simulator.
//!
//! A simulator that finds nothing proves nothing. Each [`Exhibit`] is a manager with one bug that
//! Prometheus's, vmagent's, Alloy's or the target allocator's manager really had, or a registry's
//! guard. **Each has to be found by the same storm that the core's manager passes**, in few seeds, and has to shrink
//! to a scenario that fits on a page. The table of how many seeds each took is the measure of
//! what the simulator can find.

#![allow(clippy::unwrap_used, reason = "a panic is the report")]

mod bugs;
mod exhibits;
mod faulty;
mod guards;
mod restarts;
mod storm;

use std::fmt::Write as _;
use std::time::Duration;

use exhibits::{Exhibit, exhibits};
use faulty::{Bug, Core, Faulty};
use guards::HoldsAdditionsToo;
use headcount_core::{Failure, Group, Instant, ManagerOptions, ProviderId, UnknownProvider};
use headcount_sim::{
    Checks, Condition, Expectation, InputLog, Manager, ProcessEvent, Ratio, Restarted, Rule, Scenario, ShrinkLimits,
    Simulation, Sources, Span, Subject, Swarm, SwarmReport, shrink_of,
};
use storm::{SEEDS, guarded_storm, storm};

#[test]
fn the_core_passes_the_storm() {
    let times: u64 = std::env::var("HEADCOUNT_LONG")
        .ok()
        .and_then(|times| times.parse().ok())
        .unwrap_or(1);
    let seeds = (SEEDS * times).min(1_000.max(SEEDS));
    for storm in [storm(), guarded_storm()] {
        let report = Swarm::new(storm).seeds(0..seeds).run().unwrap();
        assert!(report.is_clean(), "{report}");
    }
}

#[test]
fn every_exhibit_is_found_and_shrinks() {
    let mut table = String::new();
    let mut files = String::new();
    let mut missed = Vec::new();
    for exhibit in exhibits() {
        let storm = (exhibit.storm)();
        let Some(found) = exhibit.find(&storm, SEEDS) else {
            missed.push(exhibit.name);
            continue;
        };
        let shrunk = exhibit.shrink(&storm, found.seed);
        let yaml = shrunk.yaml();
        let lines = yaml.lines().count();
        assert!(lines <= 20, "{}: {lines} lines\n{yaml}", exhibit.name);
        // The file is read again and fails as the run did, under this bug and no other manager.
        let read = Scenario::from_yaml(&yaml).unwrap();
        assert_eq!(read, shrunk.scenario);
        assert_eq!(exhibit.run(&read), Some(shrunk.violation.clone()));
        let core = Simulation::new(&read, read.seed).unwrap().run();
        assert!(core.is_clean(), "{}: {:?}", exhibit.name, core.violations);

        let (seeds, rule) = (found.seeds, found.violation.rule.to_string());
        writeln!(
            table,
            "{:<24} {:<28} {seeds:>5}  {rule:<14} {lines:>5}",
            exhibit.name, exhibit.issue
        )
        .unwrap();
        writeln!(
            files,
            "# {}, {}: {}\n{yaml}",
            exhibit.name, exhibit.issue, shrunk.violation
        )
        .unwrap();
    }
    assert!(missed.is_empty(), "not found in {SEEDS} seeds: {missed:?}");
    let head = format!(
        "{:<24} {:<28} {:>5}  {:<14} {:>5}\n",
        "bug", "issue", "seeds", "broken", "lines"
    );
    insta::assert_snapshot!("seeds_to_find", head + &table);
    insta::assert_snapshot!("shrunk", files);
}

/// How many drawn worlds a bug may take to be found.
const WORLDS: u64 = 300;

/// Nobody wrote a storm for these bugs: the worlds that find them are those that look for all others.
#[test]
fn every_exhibit_is_found_by_drawn_worlds() {
    let mut table = format!("{:<24} {:>5}  broken\n", "bug", "seeds");
    let mut missed = Vec::new();
    for exhibit in exhibits() {
        match exhibit.find_drawn(WORLDS) {
            Some(found) => writeln!(
                table,
                "{:<24} {:>5}  {}",
                exhibit.name, found.seeds, found.violation.rule
            )
            .unwrap(),
            None => missed.push(exhibit.name),
        }
    }
    assert!(missed.is_empty(), "not found in {WORLDS} drawn worlds: {missed:?}");
    insta::assert_snapshot!("drawn_worlds_to_find", table);
}

/// What a drawn world shows ends as a file that shows the same.
#[test]
fn what_drawn_worlds_find_shrinks_to_a_file() {
    let some = ["stopped-still-store", "guards-nothing"];
    for exhibit in exhibits().iter().filter(|exhibit| some.contains(&exhibit.name)) {
        let found = exhibit.find_drawn(WORLDS).unwrap();
        let shrunk = exhibit.shrink_drawn(found.seed);
        assert!(shrunk.violation.is_like(&found.violation), "{}", shrunk.violation);
        assert!(
            shrunk.runs <= ShrinkLimits::default().runs,
            "{}: {} runs",
            exhibit.name,
            shrunk.runs
        );
        let yaml = shrunk.yaml();
        assert!(yaml.lines().count() <= 20, "{}\n{yaml}", exhibit.name);
        let read = Scenario::from_yaml(&yaml).unwrap();
        assert_eq!(exhibit.run(&read), Some(shrunk.violation), "{yaml}");
    }
}

#[test]
fn every_exhibit_has_its_story() {
    let all = exhibits();
    assert!(all.len() >= 10);
    for Exhibit { name, issue, story, .. } in &all {
        assert!(issue.contains('#') && story.len() > 100, "{name}");
    }
}

/// Not of history, but of our own drawing board: what comes back must not wait for what is gone.
#[test]
fn a_guard_that_holds_additions_too_is_found() {
    let report = Swarm::new(guarded_storm()).seeds(0..SEEDS);
    let report = report
        .run_of::<Faulty<HoldsAdditionsToo>>(|_, outcome| outcome.is_clean())
        .unwrap();
    assert_eq!(report.failures.len(), 1, "{report}");
    assert_eq!(report.failures[0].violation.rule, Rule::B05, "{report}");
}

/// B06: a throttle for each set that is one for all of them makes a quiet set wait.
#[derive(Debug, Clone, Default)]
struct OneThrottleForAll;

impl Bug for OneThrottleForAll {
    fn options(options: ManagerOptions) -> ManagerOptions {
        ManagerOptions {
            per_set: false,
            ..options
        }
    }
}

/// B10: who was never read is waited for, for ever.
#[derive(Debug, Clone, Default)]
struct WaitsForEver;

impl Bug for WaitsForEver {
    fn options(options: ManagerOptions) -> ManagerOptions {
        ManagerOptions {
            incomplete_after: None,
            ..options
        }
    }
}

/// B13: what a restart leaves of a list is its groups, and not their numbers.
#[derive(Debug, Clone, Default)]
struct ForgetsNumbers;

impl Bug for ForgetsNumbers {
    fn found_before(&self, _core: &Core, _id: ProviderId) -> Vec<Group> {
        Vec::new()
    }
}

/// Whatever panics ends its own run only.
#[derive(Debug, Clone, Default)]
struct PanicsAtAFailure;

impl Bug for PanicsAtAFailure {
    fn failure(&mut self, _: &mut Core, _: Instant, _: ProviderId, failure: Failure) -> Result<(), UnknownProvider> {
        panic!("never meant to happen: {failure:?}")
    }
}

#[test]
fn a_panic_is_a_failure_with_its_seed_and_shrinks() {
    let calm = storm().checks(Checks::Cheap);
    let report = Swarm::new(calm.clone()).seeds(0..12);
    let report = report.run_of::<Faulty<PanicsAtAFailure>>(|_, _| true).unwrap();
    assert_eq!(report.runs, 12, "{report}");
    shrinks_as::<PanicsAtAFailure>(&calm, &report, Rule::NoPanic, "never meant to happen");
}

/// The first failure in the report of this scenario is of this rule and says so, and stays that when it is shrunk.
fn shrinks_as<B: Bug>(scenario: &Scenario, report: &SwarmReport, rule: Rule, says: &str) {
    let found = report.failures.first().unwrap();
    assert_eq!(found.violation.rule, rule, "{report}");
    assert!(found.violation.reason.contains(says), "{report}");
    let scenario = Swarm::new(scenario.clone()).drawn(found.seed);
    let (log, _) = InputLog::record_of::<Faulty<B>>(&scenario, found.seed).unwrap();
    let limits = ShrinkLimits {
        runs: 300,
        ..ShrinkLimits::default()
    };
    let shrunk = shrink_of::<Faulty<B>>(&log, limits).unwrap();
    assert_eq!(shrunk.violation.rule, rule);
    assert!(shrunk.yaml().lines().count() <= 20, "{}", shrunk.yaml());
}

/// Whatever is done at a time is to be done at the same time again.
#[derive(Debug, Clone, Default)]
struct IsNeverDone;

impl Bug for IsNeverDone {
    fn timeout(&self, core: &Core, now: Instant) -> Option<Instant> {
        Subject::poll_timeout(core).map(|at| if at <= now + Duration::from_secs(1) { now } else { at })
    }
}

#[test]
fn a_manager_that_is_never_done_is_a_failure_and_shrinks() {
    // A deadline that is not the throttle's is found before time stands still.
    let calm = storm().checks(Checks::None);
    let swarm = Swarm::new(calm.clone()).seeds(0..1);
    let report = swarm.run_of::<Faulty<IsNeverDone>>(|_, _| true).unwrap();
    shrinks_as::<IsNeverDone>(&calm, &report, Rule::TimeGoesOn, "the manager's time is up");
}

fn rule_that_finds<B: Bug>(scenario: Scenario) -> Option<Rule> {
    let core = Swarm::new(scenario.clone()).as_written().seeds(0..SEEDS).run().unwrap();
    assert!(core.is_clean(), "{core}");
    let swarm = Swarm::new(scenario).as_written().seeds(0..SEEDS);
    let report = swarm.run_of::<Faulty<B>>(|_, outcome| outcome.is_clean()).unwrap();
    report.failures.first().map(|failure| failure.violation.rule)
}

/// What a manager can get wrong about settings that the storm does not have is found where they are.
#[test]
fn settings_that_are_not_kept_are_found() {
    let waiting = Manager::default().per_set().incomplete_after(Span::secs(20));
    let rule = rule_that_finds::<OneThrottleForAll>(storm().manager(waiting.clone()));
    assert!(matches!(rule, Some(Rule::S07 | Rule::S08 | Rule::B06)), "{rule:?}");
    assert_eq!(
        rule_that_finds::<WaitsForEver>(storm().manager(waiting)),
        Some(Rule::B10)
    );
}

/// Who forgets over a restart which numbers the groups of a list had gives them others.
#[test]
fn sources_that_do_not_outlive_a_restart_are_found() {
    let mut scenario = storm().event(ProcessEvent::Restart {
        at: Span::mins(5),
        what: Restarted::Manager,
        share: Ratio::ALWAYS,
        saved: true,
        age: Span::ZERO,
        version: None,
    });
    let lists = scenario
        .discoverers
        .iter_mut()
        .filter(|entry| matches!(&*entry.backend, "http" | "file"));
    lists.for_each(|entry| entry.sources = Sources::Sticky);
    assert_eq!(rule_that_finds::<ForgetsNumbers>(scenario), Some(Rule::B13));
}

#[test]
fn a_canary_fails() {
    let canary = storm().expect(Expectation::Always(Condition::StaleAtMost(Span::millis(1))));
    let report = Swarm::new(canary).as_written().seeds(0..1).run().unwrap();
    assert_eq!(report.failures.len(), 1, "{report}");
    assert_eq!(report.failures[0].violation.rule, Rule::Expectation);
}

/// Who watches the watchers: with the oracles off, the museum itself has to notice.
#[test]
fn broken_oracles_are_caught() {
    let blind = |exhibit: &Exhibit| (exhibit.storm)().checks(Checks::None);
    let missed = exhibits()
        .into_iter()
        .filter(|exhibit| exhibit.find(&blind(exhibit), 2).is_none());
    assert_eq!(missed.count(), exhibits().len());
}
