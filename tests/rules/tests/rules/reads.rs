//! How much of a backend a report is of, and what is known of it afterwards (S04, B04, B05, B09).

use std::time::Duration;

use headcount_core::{
    Condition, DropGuard, Failure, Health, ManagerOptions, Missing, MissingPart, ProviderId, Update, UpdateKind,
};
use proptest::prelude::*;

use crate::story::{Sources, Story, any_sources, backoff, cases, sources, ticker};

/// A report of any kind.
#[derive(Debug, Clone)]
enum Report {
    Update(UpdateKind, Sources),
    Failure,
}

fn any_report() -> impl Strategy<Value = Report> {
    let kinds = [
        UpdateKind::Full,
        UpdateKind::Delta,
        UpdateKind::Completing,
        UpdateKind::Partial,
    ];
    prop_oneof![
        4 => (prop::sample::select(kinds.to_vec()), any_sources()).prop_map(|(kind, found)| Report::Update(kind, found)),
        1 => Just(Report::Failure),
    ]
}

fn zone_b() -> Missing {
    Missing::of([MissingPart::new("zone b", "HTTP 503")]).expect("a part")
}

fn report(story: &mut Story, id: ProviderId, report: &Report) {
    let (kind, found) = match report {
        Report::Failure => return story.fails(id, Failure::new("no answer")).expect("it runs"),
        Report::Update(kind, found) => (kind, story.groups(found)),
    };
    let update = match kind {
        UpdateKind::Full => Update::full(found),
        UpdateKind::Delta => Update::delta(found),
        UpdateKind::Completing => Update::completing(found),
        UpdateKind::Partial => Update::partial(found, zone_b()),
    };
    story.update(id, update).expect("it runs");
}

fn health(story: &Story, id: ProviderId) -> &Health {
    story.manager().provider(id).expect("it runs").health
}

fn is_whole(report: &Report) -> bool {
    matches!(report, Report::Update(UpdateKind::Full | UpdateKind::Completing, _))
}

proptest! {
    #![proptest_config(cases())]

    /// S04: what a partial read could get replaces its sources, what it does not name stays; and
    /// what it could not get is known until the next report.
    #[test]
    fn s04_a_partial_read_replaces_what_it_names(before in any_sources(), found in any_sources(), fails: bool) {
        let mut story = Story::prompt();
        let id = story.one_provider();
        story.full(id, &before).expect("it runs");
        report(&mut story, id, &Report::Update(UpdateKind::Partial, found.clone()));
        let mut expected = before;
        expected.extend(found);
        prop_assert_eq!(story.received("node"), Some(expected.clone()));
        prop_assert_eq!(&health(&story, id).reports.condition, &Condition::Partial(zone_b()));
        prop_assert!(!health(&story, id).is_failing(), "it got something");

        let next = if fails { Report::Failure } else { Report::Update(UpdateKind::Delta, Sources::new()) };
        report(&mut story, id, &next);
        prop_assert_eq!(health(&story, id).reports.missing(), None);
        prop_assert_eq!(health(&story, id).is_failing(), fails);
        story.settle();
        prop_assert_eq!(story.received("node"), Some(expected));
    }

    /// B09: a provider is whole from the first report of everything that had no error; and no later
    /// report takes that back.
    #[test]
    fn b09_whole_is_what_was_read_without_any_error(reports in prop::collection::vec(any_report(), 0..8)) {
        let mut story = Story::throttled(backoff());
        let id = story.one_provider();
        let mut first_whole = None;
        for each in &reports {
            story.wait(Duration::from_secs(1));
            report(&mut story, id, each);
            if is_whole(each) {
                first_whole = first_whole.or(Some(story.now));
            }
            let known = &health(&story, id).reports;
            prop_assert_eq!(known.first_whole, first_whole);
            prop_assert_eq!(known.is_whole(), first_whole.is_some());
            let condition = match each {
                Report::Failure => matches!(known.condition, Condition::Failing { .. }),
                Report::Update(UpdateKind::Partial, _) => known.condition == Condition::Partial(zone_b()),
                Report::Update(..) => known.condition == Condition::Healthy,
            };
            prop_assert!(condition, "{:?} after {:?}", known.condition, each);
        }
        prop_assert_eq!(health(&story, id).has_reported(), !reports.is_empty());
    }

    /// B09: who was read whole by the process before is whole, also with no groups; who was not has
    /// to be read whole by this one.
    #[test]
    fn b09_whole_survives_a_restart(before in prop::collection::vec(any_report(), 0..4), after in any_report()) {
        let mut story = Story::prompt();
        let id = story.one_provider();
        for each in &before {
            report(&mut story, id, each);
        }
        let was_whole = health(&story, id).reports.first_whole;
        let had_groups = story.received("node").is_some_and(|groups| !groups.is_empty());
        let saved = story.now;
        story.restart();
        story.wait(Duration::from_secs(60));
        // A life in which nobody could be read does not make it any younger.
        story.one_provider();
        story.restart();
        let id = story.one_provider();
        let reports = &health(&story, id).reports;
        if let Some(restored) = reports.only_restored() {
            prop_assert_eq!(restored.as_of, saved);
        }
        prop_assert_eq!(reports.is_whole(), was_whole.is_some());
        prop_assert_eq!(reports.first_whole(), was_whole);
        prop_assert_eq!(reports.is_only_restored(), was_whole.is_some() || had_groups);
        prop_assert!(!reports.has_reported(), "that was another process");

        report(&mut story, id, &after);
        let reports = &health(&story, id).reports;
        prop_assert_eq!(reports.is_whole(), was_whole.is_some() || is_whole(&after));
        prop_assert!(!(reports.is_only_restored() && is_whole(&after)));
    }

    /// B04: a failure says when it is tried again, how often it failed and since when, until something
    /// succeeds; how it failed last stays known.
    #[test]
    fn b04_failures_in_a_row(times in 1_u64..5, retry: Option<u32>) {
        let mut story = Story::throttled(backoff());
        let id = story.one_provider();
        story.wait(Duration::from_secs(1));
        let first = story.now;
        for number in 1..=times {
            let failure = Failure::new(format!("attempt {number}"));
            let retry = retry.map(|millis| Duration::from_millis(millis.into()));
            let failure = retry.map_or(failure.clone(), |after| failure.retry_in(after));
            story.fails(id, failure).expect("it runs");
            let Condition::Failing { since, times, last } = &health(&story, id).reports.condition else {
                return Err(TestCaseError::fail("it fails"));
            };
            prop_assert_eq!((*since, *times), (first, number));
            prop_assert_eq!(&*last.message, format!("attempt {number}"));
            prop_assert_eq!((last.at, last.retry_at), (story.now, retry.map(|after| story.now + after)));
            story.wait(Duration::from_secs(1));
        }
        story.update(id, Update::unchanged()).expect("it runs");
        let health = health(&story, id);
        prop_assert_eq!(health.current_failure(), None);
        let last = health.last_failure.as_ref().map(|last| last.message.to_string());
        prop_assert_eq!(last, Some(format!("attempt {times}")));
    }
}

/// B05: a partial read does not know whether what is gone stayed so: it confirms nothing, however
/// long ago the drop was. The next read without an error does.
#[test]
fn b05_a_partial_read_does_not_confirm() {
    let hold = Duration::from_secs(600);
    let mut story = Story::new(ManagerOptions {
        throttle: ticker(Duration::ZERO),
        guard: Some(DropGuard::new("30%".parse().expect("a percentage"), hold)),
        ..ManagerOptions::default()
    });
    let id = story.one_provider();
    let all = sources(&[("zone a", &["a:1"]), ("zone b", &["b:1"]), ("zone c", &["c:1"])]);
    let left = sources(&[("zone a", &["a:1"])]);
    story.full(id, &all).expect("it runs");
    assert_eq!(story.full(id, &left).expect("it runs").held, 2);
    for pause in [Duration::from_secs(60), hold, hold] {
        story.wait(pause);
        let groups = story.groups(&left);
        let outcome = story.update(id, Update::partial(groups, zone_b())).expect("it runs");
        assert_eq!(outcome.held, 2);
        assert_eq!(story.manager().poll_timeout(), None, "nobody knows when it counts");
    }
    assert_eq!(story.received("node"), Some(all));
    assert_eq!(story.full(id, &left).expect("it runs").held, 0);
    assert_eq!(story.received("node"), Some(left));
}

/// B04: how much of what is shown is there only because it was: all while a provider fails, what a read said that it
/// could not get, and after a restart what nothing was heard of yet.
#[test]
fn b04_groups_that_are_as_they_were_are_counted() {
    let mut story = Story::prompt();
    let id = story.one_provider();
    let stale = |story: &Story| story.manager().provider(id).map(|provider| provider.stale_groups);
    let three = sources(&[("a", &["a:1"]), ("b", &["b:1"]), ("c", &["c:1"])]);
    assert_eq!(stale(&story), Some(0));
    story.full(id, &three).expect("it runs");
    assert_eq!(stale(&story), Some(0));
    story.fails(id, Failure::new("no answer")).expect("it runs");
    assert_eq!(stale(&story), Some(3));
    // What was read and is as it was need not be named.
    story
        .update(id, Update::partial(Vec::new(), zone_b()).keeping(2))
        .expect("it runs");
    assert_eq!(stale(&story), Some(2));
    story.update(id, Update::unchanged()).expect("it runs");
    assert_eq!(stale(&story), Some(0));

    story.restart();
    let id = story.one_provider();
    let stale = |story: &Story| story.manager().provider(id).map(|provider| provider.stale_groups);
    assert_eq!(stale(&story), Some(3));
    story.delta(id, &sources(&[("a", &["a:1"])])).expect("it runs");
    assert_eq!(stale(&story), Some(2), "two were not heard of");
    story.update(id, Update::completing(Vec::new())).expect("it runs");
    assert_eq!(stale(&story), Some(0));
}

/// B04: a read that could not get everything is no success, whenever it was.
#[test]
fn b04_a_part_is_no_success() {
    let mut story = Story::prompt();
    let id = story.one_provider();
    story.full(id, &sources(&[("a", &["a:1"])])).expect("it runs");
    let whole = story.now;
    let health = |story: &Story| story.manager().provider(id).expect("it runs").health.clone();
    for _ in 0..3 {
        story.wait(Duration::from_secs(60));
        story
            .update(id, Update::partial(Vec::new(), zone_b()))
            .expect("it runs");
        assert_eq!(
            (health(&story).last_update, health(&story).last_success),
            (Some(story.now), Some(whole))
        );
    }
    story.wait(Duration::from_secs(60));
    story.update(id, Update::unchanged()).expect("it runs");
    assert_eq!(health(&story).last_success, Some(story.now));
}
