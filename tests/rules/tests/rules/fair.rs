//! A throttle for each set (B06): a set that churns does not slow a quiet one.

use std::time::Duration;

use headcount_core::{Condition, Failure, Instant, ManagerOptions, Snapshot, Throttle};
use proptest::prelude::*;

use crate::story::{Sources, Story, any_sources, backoff, cases, sets, sources, ticker};

fn story(throttle: Throttle, per_set: bool) -> Story {
    Story::new(ManagerOptions {
        throttle,
        per_set,
        ..ManagerOptions::default()
    })
}

fn shown(snapshot: &Snapshot, set: &str) -> Option<Sources> {
    let set = snapshot.set(set)?;
    let addresses = |group: &headcount_core::Group| {
        let all = group.targets().filter_map(|target| target.get("__address__"));
        (group.source().to_owned(), all.map(str::to_owned).collect())
    };
    Some(set.groups().map(|(_, stored)| addresses(stored.group())).collect())
}

fn numbered(number: u64) -> Sources {
    sources(&[("s", &[&format!("10.0.0.1:{number}")])])
}

/// How long a change of a quiet set waits while another has been churning for a minute.
fn wait_beside_churn(per_set: bool) -> Duration {
    let mut story = story(backoff(), per_set);
    let started = story.apply(&sets(&[("api", &[0]), ("node", &[1])])).started;
    story.full(started[1], &numbered(0)).expect("it runs");
    for number in 0..600 {
        story.full(started[0], &numbered(number)).expect("it runs");
        story.wait(Duration::from_millis(100));
    }
    let churned = story.emitted.len();
    let since = story.now;
    story.full(started[1], &numbered(1)).expect("it runs");
    while story.received("node") != Some(numbered(1)) {
        let (at, _) = story.manager().poll_timeout().expect("it is due");
        story.wait(at.saturating_duration_since(story.now));
    }
    assert!(churned < 60, "{churned} snapshots in a minute: the churn is throttled");
    story.now.saturating_duration_since(since)
}

/// B06: its first delay is its own.
#[test]
fn b06_a_quiet_set_is_prompt_beside_one_that_churns() {
    let own = wait_beside_churn(true);
    assert!(own <= Duration::from_millis(150), "{own:?}");
    let common = wait_beside_churn(false);
    assert!(common > Duration::from_millis(500), "{common:?}");
}

/// B06: a provider that several sets read is shown as soon as it is due for one of them, and what else is new for the
/// others waits for their own time.
#[test]
fn b06_what_two_sets_read_is_shown_when_it_is_first_due() {
    let mut story = story(backoff(), true);
    let started = story.apply(&sets(&[("api", &[0, 1]), ("node", &[1])])).started;
    story.settle();
    for number in 0..200 {
        story.full(started[0], &numbered(number)).expect("it runs");
        story.wait(Duration::from_millis(100));
    }
    story.settle();
    story.full(started[0], &numbered(500)).expect("it runs");
    story
        .full(started[1], &sources(&[("both", &["b:1"])]))
        .expect("it runs");
    let (at, _) = story.manager().poll_timeout().expect("it is due");
    let wait = at.saturating_duration_since(story.now);
    assert!(wait <= Duration::from_millis(150), "{wait:?}");
    story.wait(wait);
    let both = sources(&[("both", &["b:1"])]);
    assert_eq!(story.received("node"), Some(both.clone()));
    let mut api = numbered(199);
    api.extend(both);
    assert_eq!(story.received("api"), Some(api.clone()));
    story.settle();
    api.extend(numbered(500));
    assert_eq!(story.received("api"), Some(api));
}

/// B06, S10: a reload concerns everything, so the snapshot that has it has all that is new, due or not.
#[test]
fn b06_a_reload_has_everything() {
    let mut story = story(ticker(Duration::from_secs(60)), true);
    let started = story.apply(&sets(&[("api", &[0]), ("node", &[1])])).started;
    story.settle();
    story.full(started[0], &numbered(1)).expect("it runs");
    let applied = story.apply(&sets(&[("api", &[0]), ("node", &[1]), ("new", &[2])]));
    story.settle();
    assert_eq!(story.last().version(), applied.version);
    assert_eq!(story.received("api"), Some(numbered(1)));
    assert!(story.last().set("new").is_some_and(|set| !set.is_whole()));
}

/// B06, B01: what is new of a provider besides its groups is told with the next snapshot, whichever sets that is for, once
/// its groups wait for nobody: a snapshot of everything has shown them to each of its sets.
#[test]
fn b06_how_a_provider_fares_is_told_with_another_set_after_a_reload() {
    let mut story = story(ticker(Duration::from_secs(60)), true);
    let two = sets(&[("api", &[0]), ("node", &[1])]);
    let started = story.apply(&two).started;
    // Its first failure makes a snapshot of its own sets (B01); the next one does not.
    story.fails(started[0], Failure::new("no route")).expect("it runs");
    story.settle();
    story.full(started[0], &numbered(1)).expect("it runs");
    story.apply(&two);
    story.settle();
    story.fails(started[0], Failure::new("no route")).expect("it runs");
    story.full(started[1], &numbered(2)).expect("it runs");
    story.settle();
    assert_eq!(story.received("node"), Some(numbered(2)));
    let api = story.last().provider(started[0]).expect("it runs");
    let condition = &api.reports().condition;
    assert!(matches!(condition, Condition::Failing { .. }), "{condition:?}");
}

proptest! {
    #![proptest_config(cases())]

    /// B06, S07, S08, S09: whatever comes when, each set is shown in each snapshot as in the one before or as it is; not
    /// more often than its throttle allows, and not later than it promises after its last change.
    #[test]
    fn b06_each_set_keeps_its_own_throttle(
        updates in prop::collection::vec((0..3_usize, any_sources(), 0_u64..3_000), 1..40), slow: bool,
    ) {
        let interval = Duration::from_secs(2);
        let mut story = story(ticker(interval), true);
        let names = ["a", "b", "c"];
        let started = story.apply(&sets(&[("a", &[0]), ("b", &[1]), ("c", &[2])])).started;
        story.settle();
        let mut is: [Sources; 3] = Default::default();
        let mut was = is.clone();
        let mut changed: [Option<Instant>; 3] = [None; 3];
        for (set, found, millis) in updates {
            if is[set] != found {
                changed[set].get_or_insert(story.now);
            }
            story.full(started[set], &found).expect("it runs");
            is[set] = found;
            let before = story.emitted.len();
            story.receiver_is_quick = !slow;
            story.wait(Duration::from_millis(millis));
            if slow {
                story.receiver_is_quick = true;
                story.receiver_takes();
            }
            for snapshot in &story.emitted[before..] {
                for (place, name) in names.iter().enumerate() {
                    let seen = shown(snapshot, name).expect("it is there");
                    prop_assert!(seen == was[place] || seen == is[place], "{} shows {:?}", name, seen);
                    if seen == is[place] {
                        changed[place] = None;
                    }
                    was[place] = seen;
                }
            }
            for (place, since) in changed.iter().enumerate() {
                let is_late = since.is_some_and(|since| story.now > since + interval);
                prop_assert!(!is_late, "{} is late", names[place]);
            }
        }
        story.settle();
        for (place, name) in names.iter().enumerate() {
            prop_assert_eq!(story.received(name), Some(is[place].clone()), "S08");
        }
    }
}
