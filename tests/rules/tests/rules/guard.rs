//! What is held when too much goes at once (B05).
//!
//! The guard of these stories lets 30 % go, and holds what is more for ten minutes.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;

use headcount_core::reference::{Answer, Input, PlainGroup};
use headcount_core::{
    DropGuard, Encoder, Failure, GroupChange, Held, Instant, JobOptions, ManagerOptions, Percent, ProviderId,
    TargetPools, Throttle, TimeoutReason, UnknownProvider, Update,
};
use proptest::prelude::*;

use crate::story::{Sources, Story, any_sources, backoff, cases, sets, sources, ticker};

const HOLD: Duration = Duration::from_secs(600);
const MINUTE: Duration = Duration::from_secs(60);

fn guard(max_drop: u8) -> DropGuard {
    DropGuard::new(Percent::new(max_drop).expect("a percentage"), HOLD)
}

fn with(guard: DropGuard, throttle: Throttle) -> Story {
    Story::new(ManagerOptions {
        throttle,
        guard: Some(guard),
        ..ManagerOptions::default()
    })
}

fn guarded_by(max_drop: u8, throttle: Throttle) -> Story {
    with(guard(max_drop), throttle)
}

fn guarded() -> Story {
    guarded_by(30, ticker(Duration::ZERO))
}

/// So many targets, ten in each source.
fn targets(count: usize) -> Sources {
    numbered(0..count)
}

/// The targets with these numbers, ten in each source.
fn numbered(numbers: Range<usize>) -> Sources {
    let mut all = Sources::new();
    for number in numbers {
        let addresses = all.entry(format!("source {}", number / 10)).or_default();
        addresses.push(format!("10.0.0.{number}:9100"));
    }
    all
}

fn count(sources: &Sources) -> usize {
    sources.values().map(Vec::len).sum()
}

/// The sources of both, with the addresses of both.
fn union(a: &Sources, b: &Sources) -> Sources {
    let mut both: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for (source, addresses) in a.iter().chain(b) {
        both.entry(source.clone()).or_default().extend(addresses.clone());
    }
    let list = |(source, addresses): (_, BTreeSet<_>)| (source, addresses.into_iter().collect());
    both.into_iter().map(list).collect()
}

/// What of the first is nowhere in the second.
fn lost(before: &Sources, after: &Sources) -> Sources {
    let there: BTreeSet<&String> = after.values().flatten().collect();
    let of_source = |(source, all): (&String, &Vec<String>)| {
        let lost = all.iter().filter(|address| !there.contains(address));
        (source.clone(), lost.cloned().collect::<Vec<_>>())
    };
    before
        .iter()
        .map(of_source)
        .filter(|(_, lost)| !lost.is_empty())
        .collect()
}

fn held(story: &Story, id: ProviderId) -> Option<&Held> {
    story.manager().provider(id).expect("it runs").held
}

fn confirm(story: &mut Story, id: ProviderId) -> Result<usize, UnknownProvider> {
    match story.input(Input::Confirm(id)) {
        Answer::Confirmed(result) => result,
        other => panic!("a confirmation was answered with {other:?}"),
    }
}

proptest! {
    #![proptest_config(cases())]

    /// B05: an update that removes more than the share is held: what it adds passes at once, what it
    /// removes stays; and what removes less passes whole. Whether it comes as a full update or as
    /// a delta makes no difference.
    #[test]
    fn b05_more_than_the_share_is_held_and_additions_pass(
        before in any_sources(), after in any_sources(), max_drop in 0_u8..=100, full: bool, gross: bool,
    ) {
        let guard = if gross { guard(max_drop).gross() } else { guard(max_drop) };
        let mut story = with(guard, ticker(Duration::ZERO));
        let id = story.one_provider();
        story.full(id, &before).expect("it runs");
        prop_assert!(held(&story, id).is_none(), "what was never there can't be lost");
        let outcome = if full {
            story.full(id, &after)
        } else {
            let gone = before.keys().map(|source| (source.clone(), Vec::new()));
            let update: Sources = gone.chain(after.clone()).collect();
            story.delta(id, &update)
        };
        let all_lost = lost(&before, &after);
        let lost = count(&all_lost);
        let came = if gross { 0 } else { (lost + count(&after)).saturating_sub(count(&before)) };
        if lost > 0 && lost.saturating_sub(came) * 100 > count(&before) * usize::from(max_drop) {
            prop_assert_eq!(outcome.expect("it runs").held, lost);
            prop_assert_eq!(story.received("node"), Some(union(&all_lost, &after)));
            let held = held(&story, id).expect("it is held");
            prop_assert_eq!((held.targets, held.before, held.came, held.of), (lost, 0, came, count(&before)));
            prop_assert_eq!(&*held.set, "node");
            prop_assert_eq!((held.since, held.until), (Instant::ZERO, Instant::ZERO + HOLD));
        } else {
            prop_assert_eq!(outcome.expect("it runs").held, 0);
            prop_assert_eq!(story.received("node"), Some(after));
            prop_assert!(held(&story, id).is_none());
        }
    }

    /// B05: without a guard nothing is held, whatever goes.
    #[test]
    fn b05_without_a_guard_nothing_is_held(all in prop::collection::vec(any_sources(), 1..6)) {
        let mut story = Story::prompt();
        let id = story.one_provider();
        for found in &all {
            let outcome = story.full(id, found).expect("it runs");
            prop_assert_eq!(outcome.held, 0);
            prop_assert!(held(&story, id).is_none());
            prop_assert_eq!(story.received("node"), Some(found.clone()));
        }
        prop_assert_eq!(confirm(&mut story, id), Ok(0));
    }

    /// B05: what a backend reports while its drop is held is never lost: after the hold time, or when an
    /// operator says so, snapshots have just what it reported last. And for each target that is shown
    /// meanwhile it can be said whether it is there.
    #[test]
    fn b05_in_the_end_it_is_what_the_backend_said(
        all in prop::collection::vec((any_sources(), any::<bool>(), 0_u64..400), 1..12), by_operator: bool,
    ) {
        let mut story = guarded();
        let id = story.one_provider();
        let mut truth = Sources::new();
        for (found, full, seconds) in &all {
            if *full {
                truth = found.clone();
                story.full(id, found).expect("it runs");
            } else {
                truth.extend(found.clone());
                story.delta(id, found).expect("it runs");
            }
            let received = story.received("node").expect("it is there");
            for (source, addresses) in &truth {
                prop_assert!(addresses.iter().all(|address| received[source].contains(address)), "additions pass at once");
            }
            // What stands somewhere is shown where it stands, and nowhere else.
            let there: BTreeSet<&String> = truth.values().flatten().collect();
            for (source, addresses) in &received {
                let elsewhere = |address: &&String| there.contains(address) && !truth.get(source).is_some_and(|all| all.contains(*address));
                prop_assert_eq!(addresses.iter().find(elsewhere), None);
            }
            if let Some(held) = held(&story, id) {
                for (_, stored) in story.last().set("node").expect("it is there").groups() {
                    for target in stored.group().targets() {
                        let (source, address) = (stored.group().source(), target.get("__address__").expect("it has one"));
                        let is_there = truth.get(source).is_some_and(|all| all.iter().any(|one| one == address));
                        prop_assert_eq!(held.holds(stored.group(), target), !is_there);
                    }
                }
            } else {
                prop_assert_eq!(&received, &truth);
            }
            story.wait(Duration::from_secs(*seconds));
        }
        if by_operator {
            let targets = held(&story, id).map_or(0, |held| held.targets);
            prop_assert_eq!(confirm(&mut story, id), Ok(targets));
        } else {
            story.wait(HOLD);
        }
        prop_assert!(held(&story, id).is_none());
        prop_assert_eq!(story.received("node"), Some(truth));
    }

    /// B05 and B01: a backend that comes back before anything was let go changes nothing, so nothing is
    /// emitted, and each group is still what the first update put there (B07).
    #[test]
    fn b05_a_backend_that_comes_back_was_never_away(found in any_sources(), full: bool, new_encoder: bool) {
        let mut story = guarded();
        let id = story.one_provider();
        story.full(id, &found).expect("it runs");
        story.wait(MINUTE);
        story.full(id, &Sources::new()).expect("it runs");
        story.wait(MINUTE);
        let emitted = story.emitted.len();
        let groups = if new_encoder {
            crate::story::encode(&mut Encoder::new(), &found)
        } else {
            story.groups(&found)
        };
        let update = if full { Update::full(groups) } else { Update::delta(groups) };
        let outcome = story.update(id, update).expect("it runs");
        prop_assert!(outcome.is_unchanged() && outcome.held == 0 && outcome.unchanged == found.len());
        prop_assert_eq!(story.emitted.len(), emitted);
        prop_assert!(held(&story, id).is_none());
        for stored in story.manager().snapshot(story.now).providers().flat_map(|pool| pool.groups().iter()) {
            prop_assert_eq!((stored.update(), stored.changed()), (1, Instant::ZERO));
        }
    }
}

/// B05: the sum of what went within the hold time counts, over all of a set's providers.
#[test]
fn b05_a_sum_of_small_drops_is_held() {
    let mut story = guarded();
    let started = story.apply(&sets(&[("node", &[0, 1])])).started;
    story.full(started[0], &numbered(0..50)).expect("it runs");
    story.full(started[1], &numbered(50..100)).expect("it runs");
    let drops = |story: &mut Story, id: usize, left| {
        story.wait(MINUTE);
        let found = numbered(50 * id..50 * id + left);
        story.full(started[id], &found).expect("it runs").held
    };
    assert_eq!(drops(&mut story, 0, 40), 0);
    assert_eq!(drops(&mut story, 1, 40), 0);
    assert_eq!(drops(&mut story, 0, 30), 0, "30 of 100, and no more");
    assert_eq!(drops(&mut story, 1, 39), 1);
    let reason = held(&story, started[1]).expect("31 of 100");
    assert_eq!((reason.targets, reason.before, reason.of), (1, 30, 100));
    assert_eq!(story.last().set("node").map(|set| set.target_count()), Some(70));

    // What went long ago no longer counts: at the next refresh it passes.
    story.wait(HOLD - MINUTE);
    assert!(held(&story, started[1]).is_some());
    story.full(started[1], &numbered(50..89)).expect("it runs");
    assert!(held(&story, started[1]).is_none());
}

/// B05: a target that stands in another group afterwards is not lost, wherever in the list it went: a group in front of
/// others whose sources are numbered by place takes nothing away.
#[test]
fn b05_a_target_in_another_group_is_not_lost() {
    let mut story = guarded_by(0, ticker(Duration::ZERO));
    let id = story.one_provider();
    let list = |first: usize| -> Sources {
        let source = |place: usize| (format!("{place}"), vec![format!("10.0.0.{}:9100", first + place)]);
        (0..100 - first).map(source).collect()
    };
    story.full(id, &list(1)).expect("it runs");
    let outcome = story.full(id, &list(0)).expect("it runs");
    assert_eq!((outcome.added, outcome.changed, outcome.held), (1, 99, 0));
    assert_eq!(story.received("node"), Some(list(0)));
    // The other way round the one that was in front is lost, and it alone.
    story.wait(HOLD);
    assert_eq!(story.full(id, &list(1)).expect("it runs").held, 1);
    let shown = story.last().set("node").expect("it is there").target_count();
    assert_eq!(shown, 100);
}

/// B05: a target that another provider of the set has is not lost, whoever is heard of first; what is held until the
/// other speaks is then shown there alone.
#[test]
fn b05_a_target_at_another_provider_is_not_lost() {
    for gone_first in [false, true] {
        let mut story = guarded();
        let started = story.apply(&sets(&[("node", &[0, 1])])).started;
        story.full(started[0], &numbered(0..60)).expect("it runs");
        story.full(started[1], &numbered(60..100)).expect("it runs");
        story.wait(MINUTE);
        if gone_first {
            assert_eq!(story.full(started[0], &numbered(0..10)).expect("it runs").held, 50);
            story.wait(MINUTE);
            // Twenty of the fifty are found; to lose thirty is not too much.
            story.full(started[1], &numbered(40..100)).expect("it runs");
            assert!(held(&story, started[0]).is_none());
            let shown = |story: &Story| story.last().set("node").map(|set| set.target_count());
            assert_eq!(shown(&story), Some(70));
            story.full(started[1], &numbered(10..100)).expect("it runs");
            assert_eq!(shown(&story), Some(100));
        } else {
            story.full(started[1], &numbered(10..100)).expect("it runs");
            assert_eq!(story.full(started[0], &numbered(0..10)).expect("it runs").held, 0);
        }
        // They came from nowhere, so they don't take the place of what goes now.
        story.wait(MINUTE);
        assert_eq!(story.full(started[0], &Sources::new()).expect("it runs").held, 0);
        assert_eq!(story.full(started[1], &numbered(31..100)).expect("it runs").held, 21);
    }
}

/// B05: of what is held, that which another provider has is shown there, and no longer held; the rest is.
#[test]
fn b05_what_is_held_and_stands_elsewhere_is_shown_once() {
    let mut story = guarded_by(10, ticker(Duration::ZERO));
    let started = story.apply(&sets(&[("node", &[0, 1])])).started;
    story.full(started[0], &numbered(0..60)).expect("it runs");
    story.full(started[1], &numbered(60..100)).expect("it runs");
    story.full(started[0], &numbered(0..5)).expect("it runs");
    story.wait(MINUTE);
    story.full(started[1], &numbered(45..100)).expect("it runs");
    let reason = held(&story, started[0]).expect("forty of a hundred");
    assert_eq!((reason.targets, reason.since, reason.of), (40, Instant::ZERO, 100));
    let groups = story.last().set("node").expect("it is there");
    let mut shown: Vec<_> = groups
        .groups()
        .flat_map(|(_, stored)| PlainGroup::from(stored.group()).targets)
        .map(|target| target["__address__"].clone())
        .collect();
    assert_eq!(shown.len(), 100);
    shown.sort();
    shown.dedup();
    assert_eq!(shown.len(), 100, "none twice");
}

/// B05: what comes counts against what goes, before or after it, within the hold time: a rolling deployment passes. It
/// does not if losses are counted gross, nor if what came did so long ago.
#[test]
fn b05_a_rolling_deployment_passes() {
    let roll = |guard: DropGuard, pause: Duration| {
        let mut story = with(guard, ticker(Duration::ZERO));
        let id = story.one_provider();
        story.full(id, &numbered(0..100)).expect("it runs");
        story.wait(HOLD);
        let held = (0..10).map(|step| {
            let (old, new) = (10 * step, 100 + 10 * step);
            story.full(id, &numbered(old..new + 10)).expect("it runs");
            story.wait(pause);
            let held = story.full(id, &numbered(old + 10..new + 10)).expect("it runs").held;
            story.wait(pause);
            held
        });
        held.collect::<Vec<_>>()
    };
    assert_eq!(roll(guard(0), MINUTE), [0; 10]);
    assert_eq!(roll(guard(30).gross(), MINUTE)[..5], [0, 0, 0, 0, 10]);
    assert_eq!(roll(guard(9), HOLD)[..2], [10, 10]);
}

/// B05: old targets that go before new ones come are held until these are there.
#[test]
fn b05_what_comes_lets_go_what_is_held() {
    let mut story = guarded();
    let started = story.apply(&sets(&[("node", &[0, 1])])).started;
    story.full(started[0], &numbered(0..100)).expect("it runs");
    story.full(started[1], &Sources::new()).expect("it runs");
    story.wait(MINUTE);
    assert_eq!(story.full(started[0], &numbered(0..60)).expect("it runs").held, 40);
    story.wait(MINUTE);
    story.full(started[1], &numbered(200..209)).expect("it runs");
    assert!(held(&story, started[0]).is_some_and(|held| held.came == 9), "31 of 100");
    story.full(started[1], &numbered(200..210)).expect("it runs");
    assert!(held(&story, started[0]).is_none(), "30 of 100");
    assert_eq!(story.last().set("node").map(|set| set.target_count()), Some(70));
}

/// B05: a backend that has as many other targets passes, and does not if losses are counted gross.
#[test]
fn b05_as_many_others_pass_unless_gross_is_counted() {
    for (guard, expected) in [(guard(30), 0), (guard(30).gross(), 100)] {
        let mut story = with(guard, ticker(Duration::ZERO));
        let id = story.one_provider();
        story.full(id, &numbered(0..100)).expect("it runs");
        assert_eq!(story.full(id, &numbered(100..200)).expect("it runs").held, expected);
    }
}

/// B05: a list that came a minute ago and is empty now has not replaced itself.
#[test]
fn b05_what_comes_and_goes_takes_nobodys_place() {
    let mut story = guarded();
    let id = story.one_provider();
    story.full(id, &Sources::new()).expect("it runs");
    story.wait(MINUTE);
    story.full(id, &targets(100)).expect("it runs");
    story.wait(MINUTE);
    assert_eq!(story.full(id, &Sources::new()).expect("it runs").held, 100);
    let reason = held(&story, id).expect("all of them");
    assert_eq!((reason.came, reason.of), (0, 100));
}

/// B05: a provider's first list takes nobody's place: what goes right after it is guarded.
#[test]
fn b05_a_first_list_does_not_count_as_what_comes() {
    let mut story = guarded();
    let started = story.apply(&sets(&[("node", &[0, 1])])).started;
    story.full(started[0], &numbered(0..50)).expect("it runs");
    story.delta(started[1], &numbered(50..80)).expect("it runs");
    let rest = story.groups(&numbered(80..100));
    story.update(started[1], Update::completing(rest)).expect("it runs");
    assert_eq!(story.full(started[0], &numbered(0..10)).expect("it runs").held, 40);
}

/// B05: when so much comes back that the rest is within the share, the rest goes.
#[test]
fn b05_recovery_releases() {
    let mut story = guarded();
    let id = story.one_provider();
    story.full(id, &targets(100)).expect("it runs");
    assert_eq!(story.full(id, &targets(20)).expect("it runs").held, 80);
    story.wait(MINUTE);
    assert_eq!(story.full(id, &targets(69)).expect("it runs").held, 31);
    let since = held(&story, id).expect("it is held").since;
    assert_eq!(since, Instant::ZERO, "it is the same drop");
    assert_eq!(story.full(id, &targets(70)).expect("it runs").held, 0);
    assert_eq!(story.received("node"), Some(targets(70)));
    // That was nobody's word, so it counts as what went.
    assert_eq!(story.full(id, &targets(69)).expect("it runs").held, 1);
}

/// B05: what stays so for the hold time counts, at that very time, and is a change like any other.
#[test]
fn b05_hold_time_releases() {
    let mut story = guarded_by(30, backoff());
    let id = story.one_provider();
    story.full(id, &targets(100)).expect("it runs");
    story.wait(MINUTE);
    story.full(id, &Sources::new()).expect("it runs");
    let until = story.now + HOLD;
    assert_eq!(story.manager().poll_timeout(), Some((until, TimeoutReason::Hold)));
    story.wait(HOLD - Duration::from_nanos(1));
    assert_eq!(story.received("node"), Some(targets(100)));
    let emitted = story.emitted.len();
    story.wait(Duration::from_nanos(1));
    assert!(held(&story, id).is_none());
    assert_eq!(story.emitted.len(), emitted, "the throttle is kept (S07)");
    assert!(matches!(
        story.manager().poll_timeout(),
        Some((_, TimeoutReason::Throttle))
    ));
    story.settle();
    assert_eq!(story.received("node"), Some(Sources::new()));
    let health = &story.manager().provider(id).expect("it runs").health;
    assert_eq!(health.last_change, Some(until));
}

/// B05: a backend that can't be asked does not confirm; the first refresh that succeeds does.
#[test]
fn b05_a_failing_backend_does_not_confirm() {
    let mut story = guarded();
    let id = story.one_provider();
    story.full(id, &targets(100)).expect("it runs");
    story.full(id, &targets(20)).expect("it runs");
    story.wait(MINUTE);
    story.fails(id, Failure::new("no answer")).expect("it runs");
    assert_eq!(story.manager().poll_timeout(), None);
    story.wait(HOLD * 3);
    assert_eq!(story.received("node"), Some(targets(100)));
    story.update(id, Update::unchanged()).expect("it runs");
    assert_eq!(story.received("node"), Some(targets(20)));

    // It may as well report that all is there again.
    story.full(id, &Sources::new()).expect("it runs");
    story.fails(id, Failure::new("no answer")).expect("it runs");
    story.wait(HOLD * 3);
    assert_eq!(story.full(id, &targets(20)).expect("it runs").held, 0);
    assert_eq!(story.received("node"), Some(targets(20)));
}

/// B05: a drop that joins another has to stay for as long by itself, if it is too much by itself.
#[test]
fn b05_a_further_drop_starts_the_time_anew() {
    let mut story = guarded();
    let id = story.one_provider();
    story.full(id, &targets(100)).expect("it runs");
    story.full(id, &targets(60)).expect("it runs");
    story.wait(HOLD - MINUTE);
    story.full(id, &targets(40)).expect("it runs");
    let since = |story: &Story| held(story, id).map(|held| held.since);
    assert_eq!(since(&story), Some(Instant::ZERO), "20 of 100 would pass by themselves");
    story.full(id, &targets(29)).expect("it runs");
    assert_eq!(since(&story), Some(story.now), "31 of 100 would not");
    story.wait(HOLD - MINUTE);
    assert_eq!(story.received("node"), Some(targets(100)));
    story.wait(MINUTE);
    assert_eq!(story.received("node"), Some(targets(29)));
}

/// B05: an operator confirms; and what was confirmed does not count towards what goes next.
#[test]
fn b05_an_operator_confirms() {
    let mut story = guarded();
    let id = story.one_provider();
    story.full(id, &targets(100)).expect("it runs");
    assert_eq!(confirm(&mut story, id), Ok(0), "nothing is held");
    story.full(id, &targets(20)).expect("it runs");
    assert_eq!(confirm(&mut story, id), Ok(80));
    assert_eq!(story.received("node"), Some(targets(20)));
    assert_eq!(story.manager().poll_timeout(), None);
    assert_eq!(story.full(id, &targets(14)).expect("it runs").held, 0, "6 of 20");
    let nobody = ProviderId::from_number(7);
    assert_eq!(confirm(&mut story, nobody), Err(UnknownProvider(nobody)));
}

/// B05: groups are kept once, so what one set must not lose is held for all.
#[test]
fn b05_one_set_holds_for_all() {
    let mut story = guarded();
    let started = story.apply(&sets(&[("large", &[0, 1]), ("small", &[0])])).started;
    story.full(started[0], &targets(10)).expect("it runs");
    story.full(started[1], &targets(200)).expect("it runs");
    assert_eq!(story.full(started[0], &targets(5)).expect("it runs").held, 5);
    assert_eq!(held(&story, started[0]).map(|held| &*held.set), Some("small"));
    assert_eq!(story.last().set("large").map(|set| set.target_count()), Some(210));
}

/// B05: configuration is not guarded: a reload that removes or changes a provider takes its targets,
/// and one after which no set would lose too much lets them go. Nor does a ghost come back (S06).
#[test]
fn b05_a_reload_is_not_held() {
    let mut story = guarded();
    let started = story.apply(&sets(&[("large", &[0, 1]), ("small", &[0])])).started;
    story.full(started[0], &targets(10)).expect("it runs");
    story.full(started[1], &targets(200)).expect("it runs");
    story.full(started[0], &targets(5)).expect("it runs");
    story.apply(&sets(&[("large", &[0, 1])]));
    assert!(held(&story, started[0]).is_none());
    assert_eq!(story.last().set("large").map(|set| set.target_count()), Some(205));

    story.full(started[1], &Sources::new()).expect("it runs");
    assert!(held(&story, started[1]).is_some());
    story.apply(&sets(&[("large", &[0])]));
    assert_eq!(story.received("large"), Some(targets(5)));
    assert!(story.full(started[1], &targets(200)).is_err());
    assert_eq!(confirm(&mut story, started[1]), Err(UnknownProvider(started[1])));
    assert_eq!(story.manager().poll_timeout(), None);
}

/// B05: a drop that is let go while the receiver is busy is in what it gets next (S09).
#[test]
fn b05_a_slow_receiver_gets_what_was_let_go() {
    let mut story = guarded();
    let id = story.one_provider();
    story.full(id, &targets(100)).expect("it runs");
    story.receiver_is_quick = false;
    story.delta(id, &sources(&[("another", &["a:1"])])).expect("it runs");
    story.delta(id, &sources(&[("another", &["a:2"])])).expect("it runs");
    story.full(id, &Sources::new()).expect("it runs");
    story.now = story.now + HOLD;
    story.receiver_takes();
    assert_eq!(story.received("node"), Some(Sources::new()));
}

/// B05: a group that loses some targets is shown as it is now, with them; they read as they did,
/// through relabelling, although the labels of their group changed. Pools follow the differences, and B07
/// says which update a group is from.
#[test]
fn b05_a_lost_target_keeps_its_groups_old_labels() {
    let mut story = guarded();
    let id = story.one_provider();
    let group = |story: &mut Story, labels: &[(&str, &str)], addresses: &[&str]| {
        let map = |all: &[(&str, &str)]| {
            all.iter()
                .map(|(name, value)| ((*name).into(), (*value).into()))
                .collect()
        };
        let group = PlainGroup {
            source: "s".to_owned(),
            labels: map(labels),
            targets: addresses
                .iter()
                .map(|address| map(&[("__address__", *address)]))
                .collect(),
        };
        let mut encoder = Encoder::new();
        let mut batch = encoder.batch();
        group.encode(&mut batch).expect("short labels");
        let update = Update::full(batch.finish());
        story.update(id, update).expect("it runs")
    };
    group(&mut story, &[("rack", "1"), ("only", "before")], &["a:1", "b:1", "c:1"]);
    let mut pools = TargetPools::new();
    pools.configure([JobOptions::new("node")]);
    let mut ids = |story: &Story| {
        pools.handle_snapshot(story.last());
        let pool = pools.pool("node").expect("it is there");
        let mut reader = pool.reader();
        let ids = pool.targets().map(|target| {
            let (address, labels) = (
                target.labels.get("__address__").expect("it has one"),
                reader.explain(&target),
            );
            (address.to_owned(), labels.id.expect("it is active"))
        });
        ids.collect::<BTreeMap<_, _>>()
    };
    let before = ids(&story);
    story.wait(MINUTE);
    let outcome = group(&mut story, &[("rack", "2"), ("new", "x")], &["a:1", "d:1"]);
    assert_eq!((outcome.changed, outcome.held), (1, 2));

    let shown = story
        .last()
        .provider(id)
        .and_then(|pool| pool.groups().get("s"))
        .expect("it is there");
    assert_eq!((shown.update(), shown.changed()), (2, story.now));
    let plain = PlainGroup::from(shown.group());
    let labels = |address: &str| {
        let target = plain.targets.iter().find(|target| target["__address__"] == address);
        let mut labels = plain.labels.clone();
        labels.extend(target.expect("it is shown").clone());
        labels.retain(|_, value| !value.is_empty());
        labels
            .into_iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(labels("a:1"), "__address__=a:1 new=x rack=2");
    assert_eq!(labels("b:1"), "__address__=b:1 only=before rack=1");
    assert_eq!(labels("d:1"), "__address__=d:1 new=x rack=2");

    // For pools, what is held is the same target as before.
    let meanwhile = ids(&story);
    let same: Vec<_> = before
        .iter()
        .filter(|(address, id)| meanwhile.get(*address) == Some(*id))
        .collect();
    assert_eq!(
        same.iter().map(|(address, _)| address.as_str()).collect::<Vec<_>>(),
        ["b:1", "c:1"]
    );
    assert_eq!(meanwhile.len(), 4);

    assert_eq!(confirm(&mut story, id), Ok(2));
    let [.., held, after] = story.emitted.as_slice() else {
        panic!("two snapshots")
    };
    let diff = after.diff(held);
    let changes: Vec<_> = diff
        .providers()
        .flat_map(|pool| pool.groups().collect::<Vec<_>>())
        .collect();
    let [GroupChange::Changed { old, new }] = changes.as_slice() else {
        panic!("one change: {changes:?}")
    };
    assert_eq!((old.group().target_count(), new.group().target_count()), (4, 2));
    assert_eq!((old.update(), new.update()), (2, 2));
    assert_eq!(ids(&story).into_keys().collect::<Vec<_>>(), ["a:1", "d:1"]);
}
