//! What is delivered of sets that are not whole, and when (B10).

use std::time::Duration;

use headcount_core::reference::{Input, PlainConfig};
use headcount_core::{Delivery, Failure, Instant, TimeoutReason, Update};
use proptest::prelude::*;

use crate::story::{Story, cases, sources, ticker};

const AFTER: Duration = Duration::from_secs(120);

/// What a provider does, and after how many seconds.
#[derive(Debug, Clone, Copy)]
enum Act {
    Whole(u64),
    Fails(u64),
    Never,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        (0..300_u64).prop_map(Act::Whole),
        (0..300_u64).prop_map(Act::Fails),
        Just(Act::Never),
    ];
    prop::collection::vec(act, 1..4)
}

fn apply(story: &mut Story, numbers: std::ops::Range<u8>) {
    let configs = numbers.map(|number| PlainConfig::new("file", number).awaited(AFTER));
    story.input(Input::Apply(vec![("node".to_owned(), configs.collect())]));
}

fn delivery(story: &Story, before: bool) -> Delivery {
    story.last().set("node").expect("it is there").delivery(before)
}

proptest! {
    #![proptest_config(cases())]

    /// Whoever is late, fails or never speaks: the set is there when all were read whole, or when somebody found
    /// something and the others were waited for long enough, and not a moment sooner or later.
    #[test]
    fn b10_a_set_is_withheld_until_it_is_whole_or_was_waited_for_long_enough(acts in acts()) {
        let mut story = Story::throttled(ticker(Duration::ZERO));
        let count = u8::try_from(acts.len()).expect("few");
        apply(&mut story, 0..count);
        let providers: Vec<_> = story.started.iter().map(|(id, _)| *id).collect();
        let whole_at = |act: &Act| match act {
            Act::Whole(at) => Some(*at),
            _ => None,
        };
        for second in 0..300_u64 {
            story.now = Instant::ZERO + Duration::from_secs(second);
            // The driver meets the deadline, or something happens at it.
            if story.manager().poll_timeout().is_some_and(|(at, _)| at <= story.now) {
                story.input(Input::Timeout);
            }
            for (id, act) in providers.iter().zip(&acts) {
                match act {
                    Act::Whole(at) if *at == second => drop(story.full(*id, &sources(&[("s", &["a"])]))),
                    Act::Fails(at) if *at == second => story.fails(*id, Failure::new("no answer")).expect("it runs"),
                    _ => {}
                }
            }
            let is_read = |act: &Act| whole_at(act).is_some_and(|at| at <= second);
            let expected = match acts.iter().all(is_read) {
                true => Delivery::Whole,
                false if acts.iter().any(is_read) && second >= AFTER.as_secs() => Delivery::Incomplete,
                false => Delivery::Withheld,
            };
            prop_assert_eq!(delivery(&story, false), expected, "at {} s", second);
        }
        prop_assert_eq!(story.manager().poll_timeout(), None, "nobody is waited for any more");
    }
}

#[test]
fn b10_who_is_added_to_a_set_that_was_delivered_is_waited_for_until_it_says_anything() {
    let mut story = Story::prompt();
    apply(&mut story, 0..1);
    let first = story.started[0].0;
    story.full(first, &sources(&[("s", &["a"])])).expect("it runs");
    assert_eq!(delivery(&story, false), Delivery::Whole);
    apply(&mut story, 0..2);
    let added = story.started[1].0;
    assert_eq!(delivery(&story, true), Delivery::Withheld, "it may say all in a moment");
    story.fails(added, Failure::new("no answer")).expect("it runs");
    assert_eq!(delivery(&story, true), Delivery::Incomplete);
    assert_eq!(
        delivery(&story, false),
        Delivery::Withheld,
        "somebody who was never told of it has to wait"
    );
    story.wait(AFTER);
    assert_eq!(delivery(&story, false), Delivery::Incomplete);
    story.full(added, &sources(&[("s", &["b"])])).expect("it runs");
    assert_eq!(delivery(&story, false), Delivery::Whole);
}

#[test]
fn b10_the_end_of_a_wait_is_a_deadline_and_makes_a_snapshot() {
    let mut story = Story::prompt();
    apply(&mut story, 0..1);
    let until = story.now + AFTER;
    assert_eq!(story.manager().poll_timeout(), Some((until, TimeoutReason::Incomplete)));
    let emitted = story.emitted.len();
    story.wait(AFTER - Duration::from_nanos(1));
    assert_eq!(story.emitted.len(), emitted);
    story.wait(Duration::from_nanos(1));
    assert_eq!(story.emitted.len(), emitted + 1);
    let reports = story.last().providers().next().expect("it runs").reports();
    assert_eq!(reports.waited_out, Some(until));
}

/// The wait is the provider's: it is known by now that it does not answer.
#[test]
fn b10_a_set_that_comes_to_a_provider_that_was_waited_out_does_not_wait_again() {
    let mut story = Story::prompt();
    apply(&mut story, 0..2);
    let first = story.started[0].0;
    story.full(first, &sources(&[("s", &["a"])])).expect("it runs");
    story.wait(AFTER);
    assert_eq!(delivery(&story, false), Delivery::Incomplete);
    let configs = || {
        (0..2)
            .map(|number| PlainConfig::new("file", number).awaited(AFTER))
            .collect()
    };
    story.input(Input::Apply(vec![
        ("node".to_owned(), configs()),
        ("new".to_owned(), configs()),
    ]));
    story.settle();
    assert_eq!(delivery(&story, true), Delivery::Incomplete);
    let new = story.last().set("new").expect("it is there");
    assert_eq!(new.delivery(false), Delivery::Incomplete);
}

#[test]
fn b10_a_config_that_can_not_be_run_is_never_waited_out() {
    let mut story = Story::prompt();
    apply(&mut story, 0..2);
    let [(first, _), (second, _)] = story.started[..] else {
        panic!("two were started")
    };
    story.cannot_be_built(first, "no such mechanism").expect("it runs");
    story.update(second, Update::full(Vec::new())).expect("it runs");
    story.wait(AFTER * 10);
    assert_eq!(delivery(&story, true), Delivery::Withheld);
    assert_eq!(delivery(&story, false), Delivery::Withheld);
}

/// Whoever asks for a set without its configs that can't be run gets what the others found, as soon as they were read.
#[test]
fn b10_a_config_that_can_not_be_run_may_be_done_without() {
    let mut story = Story::prompt();
    let wanted = |story: &Story, before| {
        let last = story.last();
        last.set("node").expect("it is there").delivery_without_failed(before)
    };
    apply(&mut story, 0..2);
    let [(first, _), (second, _)] = story.started[..] else {
        panic!("two were started")
    };
    story.cannot_be_built(first, "no such mechanism").expect("it runs");
    assert_eq!(
        wanted(&story, false),
        Delivery::Withheld,
        "the other may say all in a moment"
    );
    story.full(second, &sources(&[("s", &["a"])])).expect("it runs");
    assert_eq!(wanted(&story, false), Delivery::Incomplete);
    assert_eq!(delivery(&story, true), Delivery::Withheld, "nobody else asked for it");
    assert!(!story.last().set("node").expect("it is there").is_whole());
    story.update(second, Update::full(Vec::new())).expect("it runs");
    assert_eq!(
        wanted(&story, false),
        Delivery::Withheld,
        "an empty list would take away what there was"
    );
    assert_eq!(wanted(&story, true), Delivery::Incomplete, "who had one knows better");
    // A set with nothing but such configs has nobody who knows.
    let mut story = Story::prompt();
    apply(&mut story, 0..1);
    let only = story.started[0].0;
    story.cannot_be_built(only, "no such mechanism").expect("it runs");
    story.wait(AFTER * 10);
    assert_eq!(wanted(&story, true), Delivery::Withheld);
    // Without any, nothing is done without.
    let mut story = Story::prompt();
    apply(&mut story, 0..1);
    let only = story.started[0].0;
    story.full(only, &sources(&[("s", &["a"])])).expect("it runs");
    assert_eq!(wanted(&story, false), Delivery::Whole);
}

/// Who was read whole by the process before is not waited for.
#[test]
fn b10_what_was_restored_whole_is_delivered_at_once() {
    let mut story = Story::prompt();
    apply(&mut story, 0..1);
    let id = story.started[0].0;
    story.full(id, &sources(&[("s", &["a"])])).expect("it runs");
    story.restart();
    apply(&mut story, 0..1);
    assert_eq!(story.manager().poll_timeout(), None);
    assert_eq!(delivery(&story, false), Delivery::Whole);
}

/// A process that starts with what was saved knows by that whom nobody has to wait for.
#[test]
fn b10_who_was_waited_out_before_a_restart_is_not_waited_for_again() {
    let mut story = Story::prompt();
    apply(&mut story, 0..2);
    let first = story.started[0].0;
    story.full(first, &sources(&[("s", &["a"])])).expect("it runs");
    story.wait(AFTER);
    assert_eq!(delivery(&story, false), Delivery::Incomplete);
    // As often as it likes.
    for _ in 0..2 {
        story.started.clear();
        story.restart();
        apply(&mut story, 0..2);
        assert_eq!(delivery(&story, false), Delivery::Incomplete);
        assert_eq!(story.manager().poll_timeout(), None, "nobody is waited for");
    }
    let [(first, _), (dead, _)] = story.started[..] else {
        panic!("two were started")
    };
    let reports = &story.manager().provider(dead).expect("it runs").health.reports;
    assert!(
        reports.is_waited_out() && !reports.is_only_restored(),
        "nothing was found by it"
    );
    // What is new reaches whoever asks.
    story.full(first, &sources(&[("s", &["a", "b"])])).expect("it runs");
    assert_eq!(delivery(&story, false), Delivery::Incomplete);
    // It answers: from then on it was read, also for those that come after.
    story.full(dead, &sources(&[("t", &["c"])])).expect("it runs");
    assert_eq!(delivery(&story, false), Delivery::Whole);
    story.restart();
    apply(&mut story, 0..2);
    assert_eq!(delivery(&story, false), Delivery::Whole);
}

/// Whoever has an older list has more than this process, which had not waited long enough.
#[test]
fn b10_who_was_not_waited_out_before_a_restart_is_waited_for_anew() {
    let mut story = Story::prompt();
    apply(&mut story, 0..2);
    let first = story.started[0].0;
    story.full(first, &sources(&[("s", &["a"])])).expect("it runs");
    story.wait(AFTER - Duration::from_nanos(1));
    story.restart();
    apply(&mut story, 0..2);
    assert_eq!(delivery(&story, false), Delivery::Withheld);
    story.wait(AFTER - Duration::from_nanos(1));
    assert_eq!(delivery(&story, false), Delivery::Withheld);
    story.wait(Duration::from_nanos(1));
    assert_eq!(delivery(&story, false), Delivery::Incomplete);
}

/// Where its config is wanted no more there is nothing to stand in with.
#[test]
fn b10_who_was_waited_out_before_a_restart_and_is_wanted_no_more_is_forgotten() {
    let mut story = Story::prompt();
    apply(&mut story, 0..2);
    let first = story.started[0].0;
    story.full(first, &sources(&[("s", &["a"])])).expect("it runs");
    story.wait(AFTER);
    story.restart();
    apply(&mut story, 0..1);
    assert_eq!(delivery(&story, false), Delivery::Whole);
    assert_eq!(story.last().providers().count(), 1);
    // It comes back with a later reload, as one of which nothing is known.
    apply(&mut story, 0..2);
    assert_eq!(delivery(&story, false), Delivery::Withheld);
}
