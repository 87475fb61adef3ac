//! What is kept of what happened (B12).

use std::sync::Arc;
use std::time::Duration;

use headcount_core::reference::PlainConfig;
use headcount_core::{
    Address, Cause, ChangeKind, DropGuard, Encoder, Failure, Happening, History, HistoryEntry, HistoryLimits,
    HistoryQuery, Instant, Manager, ManagerOptions, Past, Percent, Readers, Release, Snapshot, Update,
};
use proptest::prelude::*;

use crate::story::{Story, any_sets, any_sources, cases, sets, sources, ticker};

/// A story, and the history that hears of it as a service's does: events, and snapshots after them.
pub(crate) struct Recorded {
    pub(crate) story: Story,
    history: History,
    readers: Readers,
    shown: Snapshot,
    emitted: usize,
}

impl Recorded {
    pub(crate) fn of(story: Story, limits: HistoryLimits) -> Self {
        Self {
            history: History::new(story.now, limits),
            story,
            readers: Readers::default(),
            shown: Snapshot::default(),
            emitted: 0,
        }
    }

    fn prompt() -> Self {
        Self::of(Story::prompt(), HistoryLimits::default())
    }

    /// Takes what happened since it was asked last.
    pub(crate) fn past(&mut self) -> Past {
        let events = std::mem::take(&mut self.story.events);
        let mut events = events.into_iter().peekable();
        for snapshot in self.story.emitted.iter().skip(self.emitted) {
            let diff = snapshot.diff(&self.shown);
            self.readers.take(&diff);
            while let Some(event) = events.next_if(|event| event.at <= snapshot.at()) {
                self.history.hear(&event, snapshot, &self.readers);
            }
            self.history.take(&diff, &self.readers);
            self.shown = snapshot.clone();
        }
        self.emitted = self.story.emitted.len();
        for event in events {
            self.history.hear(&event, &self.shown, &self.readers);
        }
        self.history.past()
    }

    fn second(&mut self) {
        self.story.wait(Duration::from_secs(1));
    }
}

fn at_host(past: &Past, host: &str) -> Vec<Arc<HistoryEntry>> {
    let query = HistoryQuery {
        host: Some(&Address::of(host)),
        limit: usize::MAX,
        ..HistoryQuery::default()
    };
    past.find(&query).entries
}

fn limits(entries: usize) -> HistoryLimits {
    HistoryLimits {
        entries,
        ..HistoryLimits::default()
    }
}

#[test]
fn b12_what_has_vanished_says_until_when_it_was_there_whose_it_was_and_what_took_it_away() {
    let mut told = Recorded::prompt();
    let id = told.story.one_provider();
    told.story
        .full(id, &sources(&[("r1", &["a:1", "b:1"]), ("r2", &["c:1"])]))
        .expect("it runs");
    told.second();
    told.past();
    told.story
        .full(id, &sources(&[("r1", &["a:1"]), ("r2", &["c:1"])]))
        .expect("it runs");
    let gone_at = told.story.now;
    told.second();
    let past = told.past();
    let entry = at_host(&past, "B.").first().cloned().expect("it was there");
    let change = entry.targets().expect("of targets");
    assert_eq!(
        (change.kind(), change.cause()),
        (ChangeKind::Disappeared, Cause::Update)
    );
    assert_eq!((entry.at(), &*entry.sets()[0]), (gone_at, "node"));
    assert_eq!(entry.provider().map(|provider| &**provider.name()), Some("file/0"));
    assert_eq!(change.source().map(|source| &**source), Some("r1"));

    // A reload takes the others.
    told.story.apply(&sets(&[]));
    told.second();
    let past = told.past();
    let entry = at_host(&past, "c:1").first().cloned().expect("it was there");
    assert_eq!(entry.targets().map(|change| change.cause()), Some(Cause::Configuration));
    assert!(
        at_host(&past, "d").is_empty() && past.covers(Instant::ZERO),
        "it never was"
    );
}

/// The sets that lose a target are those that read no other provider that has it.
#[test]
fn b12_what_moves_within_a_set_is_not_gone() {
    let mut told = Recorded::prompt();
    let applied = told.story.apply(&sets(&[("both", &[0, 1]), ("one", &[0])]));
    let [first, second] = applied.started[..] else {
        panic!("two were started")
    };
    told.story
        .full(first, &sources(&[("s", &["a:1"]), ("t", &["b:1"])]))
        .expect("it runs");
    told.past();
    // In one snapshot: the receiver is busy meanwhile.
    told.story.receiver_is_quick = false;
    let busy = sources(&[("s", &["a:1"]), ("t", &["b:1", "c:1"])]);
    told.story.full(first, &busy).expect("it runs");
    told.story
        .full(first, &sources(&[("other", &["b:1", "c:1"])]))
        .expect("it runs");
    told.story.full(second, &sources(&[("s", &["a:1"])])).expect("it runs");
    told.story.receiver_takes();
    told.story.receiver_takes();
    let past = told.past();
    let last = &at_host(&past, "a")[0];
    assert_eq!(last.sets().iter().map(|set| &**set).collect::<Vec<_>>(), ["one"]);
    assert_eq!(
        last.targets().map(|change| change.kind()),
        Some(ChangeKind::Disappeared)
    );
    assert_eq!(at_host(&past, "b").len(), 1, "that it came");
}

#[test]
fn b12_drops_that_are_held_and_let_go_are_the_cause_of_what_is_gone() {
    let mut told = Recorded::of(
        Story::new(ManagerOptions {
            throttle: ticker(Duration::ZERO),
            guard: Some(DropGuard::new(
                "30%".parse::<Percent>().expect("a share"),
                Duration::from_secs(600),
            )),
            ..ManagerOptions::default()
        }),
        HistoryLimits::default(),
    );
    let id = told.story.one_provider();
    told.story
        .full(id, &sources(&[("s", &["a:1", "b:1", "c:1"])]))
        .expect("it runs");
    told.past();
    told.second();
    told.story.full(id, &sources(&[("s", &["a:1"])])).expect("it runs");
    told.story.wait(Duration::from_secs(599));
    assert!(at_host(&told.past(), "b").len() == 1, "it is still there");
    told.story.wait(Duration::from_secs(2));
    let past = told.past();
    let words: Vec<_> = past
        .iter()
        .map(|entry| match entry.what() {
            Happening::Targets(change) => format!("{:?} {:?}", change.kind(), change.cause()),
            Happening::Held { targets, of, .. } => format!("held {targets} of {of}"),
            Happening::Released { targets, why } => format!("released {targets}: {why:?}"),
            other => format!("{other:?}"),
        })
        .collect();
    let gone = format!("Disappeared {:?}", Cause::Released(Release::HoldTime));
    assert_eq!(words[..4], [&*gone, &gone, "released 2: HoldTime", "held 2 of 3"]);
}

#[test]
fn b12_failures_and_recoveries_are_entries_of_their_provider() {
    let mut told = Recorded::prompt();
    let id = told.story.one_provider();
    told.story.fails(id, Failure::new("no answer")).expect("it runs");
    told.second();
    told.story.full(id, &sources(&[])).expect("it runs");
    told.story.cannot_be_built(id, "no such mechanism").expect("it runs");
    let past = told.past();
    let query = HistoryQuery {
        provider: Some("file/0"),
        set: Some("node"),
        limit: 9,
        ..HistoryQuery::default()
    };
    let found: Vec<_> = past
        .find(&query)
        .entries
        .iter()
        .map(|entry| entry.what().clone())
        .collect();
    assert_eq!(
        found,
        [
            Happening::CannotRun("no such mechanism".into()),
            Happening::Recovered { failures: 1 },
            Happening::Failing("no answer".into()),
        ]
    );
}

#[test]
fn b12_what_fell_out_of_memory_is_not_kept_and_not_said_to_have_never_been() {
    let mut told = Recorded::of(Story::prompt(), limits(2));
    let id = told.story.one_provider();
    for address in ["a:1", "b:1", "c:1"] {
        told.story.full(id, &sources(&[("s", &[address])])).expect("it runs");
        told.past();
        told.second();
    }
    let past = told.past();
    assert_eq!(past.len(), 2);
    assert!(at_host(&past, "a").is_empty());
    assert!(!past.covers(Instant::ZERO), "it may have been there");
    assert!(past.covers(told.story.now), "now it is not");
}

#[test]
fn b12_more_than_a_thousand_by_one_update_are_one_entry_with_a_thousand_addresses_and_the_count() {
    for (count, entries) in [(1_000_usize, 1_000), (1_001, 1), (20_000, 1)] {
        let mut told = Recorded::prompt();
        let id = told.story.one_provider();
        let addresses: Vec<String> = (0..count).map(|number| format!("host-{number}:1")).collect();
        let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
        let stays = sources(&[("t", &["stays:1"])]);
        told.story.full(id, &stays).expect("it runs");
        told.past();
        told.second();
        let with_many = sources(&[("s", &addresses), ("t", &["stays:1"])]);
        told.story.full(id, &with_many).expect("it runs");
        let came = told.past().len();
        told.second();
        told.story.full(id, &stays).expect("it runs");
        let past = told.past();
        assert_eq!(past.len() - came, entries);
        let newest = past.iter().next().expect("they went");
        let change = newest.targets().expect("of targets");
        assert_eq!(change.kind(), ChangeKind::Disappeared);
        if entries == 1 {
            assert_eq!(
                (change.addresses().count(), change.addresses().listed()),
                (count, 1_000)
            );
            assert_eq!(change.addresses().unlisted(), count - 1_000);
            assert_eq!(change.source().map(|source| &**source), Some("s"));
        }
        let query = HistoryQuery {
            host: Some(&Address::of("host-999999")),
            limit: 9,
            ..HistoryQuery::default()
        };
        let found = past.find(&query);
        assert_eq!(
            found.unlisted.is_empty(),
            entries == 1_000,
            "it may be one of those that are not listed"
        );
    }
}

/// 100,000 entries, each with texts of its own, take less than they are charged for, and that is within the limit.
#[test]
fn b12_a_hundred_thousand_entries_fit_into_64_mib() {
    let mut kept = None;
    let measured = allocation_counter::measure(|| {
        // Without the model, which compares all there is with each step.
        let mut manager = Manager::new(Instant::ZERO, ManagerOptions::default());
        let applied = manager.apply(Instant::ZERO, [("node".to_owned(), vec![PlainConfig::new("file", 0)])]);
        let (mut encoder, mut readers) = (Encoder::new(), Readers::default());
        let (mut history, mut shown) = (
            History::new(Instant::ZERO, HistoryLimits::default()),
            Snapshot::default(),
        );
        for round in 0..60_u64 {
            let now = Instant::from_nanos(round);
            let mut batch = encoder.batch();
            for number in 0..900 {
                let address = format!("host-{round:03}-{number:03}.rack-17.zone-eu-1b.example.org:9100");
                let source = format!("/srv/lists/{address}.json:0");
                batch
                    .group(&source, [("job", "node")], [[("__address__", &*address)]])
                    .expect("short");
            }
            manager
                .handle_update(now, applied.started[0], Update::full(batch.finish()))
                .expect("it runs");
            let snapshot = manager.snapshot(now);
            let diff = snapshot.diff(&shown);
            readers.take(&diff);
            history.take(&diff, &readers);
            shown = snapshot;
        }
        // What was kept is all that is left.
        kept = Some(history.past());
    });
    let past = kept.expect("it is there");
    assert_eq!(past.len(), 100_000);
    assert!(past.bytes() <= 64 << 20, "{} bytes are charged", past.bytes());
    let taken = usize::try_from(measured.bytes_current).expect("more than nothing");
    assert!(
        taken <= past.bytes(),
        "{taken} bytes are taken, {} charged",
        past.bytes()
    );
    assert!(
        taken > past.bytes() / 4,
        "{taken} bytes are taken, {} charged: too careful",
        past.bytes()
    );
}

proptest! {
    #![proptest_config(cases())]

    /// B08: the same story is told in the same words.
    #[test]
    fn b12_the_same_happenings_are_the_same_history(
        steps in prop::collection::vec((prop::option::of(any_sets()), any_sources(), 0_usize..4), 1..8),
    ) {
        let tell = || {
            let mut told = Recorded::of(Story::prompt(), limits(20));
            for (apply, sources, number) in &steps {
                if let Some(sets) = apply {
                    told.story.apply(sets);
                }
                if let Some((id, _)) = told.story.started.get(*number).cloned() {
                    // One that was stopped is answered so.
                    told.story.full(id, sources).ok();
                }
                told.second();
                told.past();
            }
            told.past()
        };
        let (one, other) = (tell(), tell());
        prop_assert!(one.iter().eq(other.iter()));
        prop_assert_eq!((one.bytes(), one.complete_since()), (other.bytes(), other.complete_since()));
    }
}
