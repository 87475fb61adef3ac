//! Options that change while a manager runs, and differ by set.

use std::collections::BTreeMap;
use std::time::Duration;

use headcount_core::reference::{Input, PlainConfig};
use headcount_core::{
    Delivery, DropGuard, EventKind, Failure, Percent, Release, SetOptions, Throttle, TimeoutReason, Update,
};

use crate::story::{Story, backoff, sets, sources, ticker};

const MINUTE: Duration = Duration::from_secs(60);

fn set_options(story: &mut Story, defaults: SetOptions, by_set: &[(&str, SetOptions)]) {
    let by_set: BTreeMap<_, _> = by_set.iter().map(|(set, of)| ((*set).to_owned(), *of)).collect();
    story.input(Input::Options(defaults, by_set));
}

fn guard(max_drop: u8, hold: Duration) -> SetOptions {
    let max_drop = Percent::new(max_drop).expect("a percentage");
    SetOptions {
        guard: Some(DropGuard::new(max_drop, hold)),
        ..SetOptions::default()
    }
}

fn max_stale(max_stale: Duration) -> SetOptions {
    SetOptions {
        max_stale: Some(max_stale),
        ..SetOptions::default()
    }
}

/// B05: each set's drops are judged by its own guard, and what is held is judged again when that changes.
#[test]
fn b05_each_set_has_its_guard() {
    let mut story = Story::prompt();
    set_options(
        &mut story,
        guard(30, MINUTE),
        &[("strict", guard(0, MINUTE * 10)), ("free", SetOptions::default())],
    );
    let started = story
        .apply(&sets(&[("strict", &[0]), ("free", &[1]), ("other", &[2])]))
        .started;
    let (all, most) = (["a:1", "b:1", "c:1", "d:1"], ["a:1", "b:1", "c:1"]);
    for id in &started {
        story.full(*id, &sources(&[("s", &all)])).expect("it runs");
    }
    let held: Vec<_> = started
        .iter()
        .map(|id| story.full(*id, &sources(&[("s", &most)])).expect("it runs").held)
        .collect();
    assert_eq!(held, [1, 0, 0]);
    let held: Vec<_> = started[1..]
        .iter()
        .map(|id| story.full(*id, &sources(&[("s", &["a:1"])])).expect("it runs").held)
        .collect();
    assert_eq!(held, [0, 2]);
    // Each is held for as long as its own guard says.
    story.wait(MINUTE);
    let targets = |story: &Story, set| story.last().set(set).map(|set| set.target_count());
    assert_eq!(
        (targets(&story, "strict"), targets(&story, "other")),
        (Some(4), Some(1))
    );
    story.take_events();
    set_options(&mut story, guard(30, MINUTE), &[("strict", guard(25, MINUTE))]);
    assert_eq!(targets(&story, "strict"), Some(3));
    let released = EventKind::DropReleased {
        targets: 1,
        held: ["d:1"].into_iter().collect(),
        why: Release::Reload,
    };
    assert_eq!(story.take_events(), [released]);
}

/// B05: a shorter hold time is over when it is over, also for what is held already; without a guard nothing is held.
#[test]
fn b05_a_guard_that_changes_holds_for_another_time_or_not_at_all() {
    let mut story = Story::prompt();
    set_options(&mut story, guard(30, MINUTE * 10), &[]);
    let id = story.one_provider();
    story.full(id, &sources(&[("s", &["a:1", "b:1"])])).expect("it runs");
    story.full(id, &sources(&[])).expect("it runs");
    story.wait(MINUTE);
    set_options(&mut story, guard(30, MINUTE * 2), &[]);
    let until = story.now + MINUTE;
    assert_eq!(story.manager().poll_timeout(), Some((until, TimeoutReason::Hold)));
    let emitted = story.emitted.len();
    set_options(&mut story, guard(30, MINUTE * 2), &[]);
    assert_eq!(story.emitted.len(), emitted, "nothing is other than it was");
    set_options(&mut story, SetOptions::default(), &[]);
    assert_eq!(story.received("node"), Some(sources(&[])));
}

/// B04: groups are dropped for their age only when all sets that read them say so, and are there again when one does not.
#[test]
fn b04_the_most_patient_set_decides() {
    let mut story = Story::prompt();
    set_options(
        &mut story,
        SetOptions::default(),
        &[("a", max_stale(MINUTE)), ("b", max_stale(MINUTE * 3))],
    );
    let id = story.apply(&sets(&[("a", &[0]), ("b", &[0])])).started[0];
    story.full(id, &sources(&[("s", &["a:1"])])).expect("it runs");
    story.fails(id, Failure::new("no answer")).expect("it runs");
    let shown = |story: &Story| story.last().set("a").map(|set| set.target_count());
    story.wait(MINUTE * 2);
    assert_eq!(shown(&story), Some(1));
    story.wait(MINUTE);
    assert_eq!(shown(&story), Some(0));
    set_options(&mut story, SetOptions::default(), &[("a", max_stale(MINUTE))]);
    assert_eq!(shown(&story), Some(1), "b keeps it for ever now");
    set_options(&mut story, max_stale(MINUTE), &[]);
    assert_eq!(shown(&story), Some(0));
    story.apply(&sets(&[("a", &[0])]));
    set_options(&mut story, max_stale(MINUTE), &[("b", SetOptions::default())]);
    assert_eq!(shown(&story), Some(0), "b reads it no more");
    story.apply(&sets(&[("a", &[0]), ("b", &[0])]));
    assert_eq!(shown(&story), Some(1));
    story.update(id, Update::unchanged()).expect("it runs");
    assert_eq!(shown(&story), Some(1));
}

/// B10: a set says how long it waits, whatever its providers' configs say, and may say something else while it does.
#[test]
fn b10_a_set_says_how_long_it_waits() {
    let waits = |minutes| SetOptions {
        incomplete_after: Some(MINUTE * minutes),
        ..SetOptions::default()
    };
    let mut story = Story::prompt();
    set_options(&mut story, SetOptions::default(), &[("node", waits(1))]);
    let dead = PlainConfig::new("http", 1).awaited(MINUTE * 5);
    let configs = vec![PlainConfig::new("file", 0), dead];
    story.input(Input::Apply(vec![("node".to_owned(), configs)]));
    let id = story.started[0].0;
    story.full(id, &sources(&[("s", &["a:1"])])).expect("it runs");
    let delivery = |story: &Story| story.last().set("node").map(|set| set.delivery(false));
    set_options(&mut story, SetOptions::default(), &[("node", waits(2))]);
    story.wait(MINUTE);
    assert_eq!(delivery(&story), Some(Delivery::Withheld));
    set_options(&mut story, waits(1), &[]);
    assert_eq!(delivery(&story), Some(Delivery::Incomplete));
    set_options(&mut story, waits(9), &[]);
    assert_eq!(delivery(&story), Some(Delivery::Incomplete), "it was waited for");
}

/// S07: another throttle holds at once, and what waits is due as it says.
#[test]
fn s07_a_throttle_can_be_changed() {
    let mut story = Story::throttled(ticker(MINUTE));
    let id = story.one_provider();
    let deadline = |story: &Story| story.manager().poll_timeout().map(|(at, _)| at);
    assert_eq!(deadline(&story), Some(story.now + MINUTE));
    let set_throttle = |story: &mut Story, throttle: Throttle| drop(story.input(Input::Throttle(throttle, false)));
    set_throttle(&mut story, ticker(Duration::from_secs(5)));
    assert_eq!(deadline(&story), Some(story.now + Duration::from_secs(5)));
    set_throttle(&mut story, ticker(Duration::ZERO));
    assert_eq!(story.emitted.len(), 1);
    set_throttle(&mut story, backoff());
    story.full(id, &sources(&[("s", &["a:1"])])).expect("it runs");
    assert!(deadline(&story) > Some(story.now));
    story.settle();
    assert_eq!(story.emitted.len(), 2);
}
