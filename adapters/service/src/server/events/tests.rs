use std::time::Duration;

use headcount_core::{
    Applied, EventKind, FailedConfig, FailedRefresh, History, HistoryLimits, Instant, ManagerEvent, MemberChange,
    Missing, MissingPart, ProviderId, Readers, Release, Snapshot,
};

use super::*;
use crate::discovery::Sets;

/// Sets, and what happens to them.
struct World {
    sets: Sets,
    shown: Snapshot,
    readers: Readers,
    history: History,
}

impl World {
    fn new(limits: HistoryLimits) -> Self {
        Self {
            sets: Sets::new(&["a", "b"]),
            shown: Snapshot::default(),
            readers: Readers::default(),
            history: History::new(Instant::ZERO, limits),
        }
    }

    fn at(&mut self, seconds: u64) -> Instant {
        self.sets.at = Instant::ZERO + Duration::from_secs(seconds);
        self.sets.at
    }

    fn show(&mut self) {
        let snapshot = self.sets.snapshot();
        let diff = snapshot.diff(&self.shown);
        self.readers.take(&diff);
        self.history.take(&diff, &self.readers);
        self.shown = snapshot;
    }

    fn hear(&mut self, what: EventKind) {
        let event = ManagerEvent {
            at: self.sets.at,
            provider: ProviderId::from_number(0),
            what,
        };
        assert!(self.history.hear(&event, &self.shown, &self.readers));
    }

    /// The answer, at a minute after the beginning.
    fn ask(&self, query: &str) -> serde_json::Value {
        let clock = WallClock::at(Instant::ZERO + Duration::from_secs(60), Duration::from_secs(1_000_060));
        let query = Query::parse(query, clock.unix()).expect("a query");
        let pasts = [("scrape", Arc::new(self.history.past()))];
        serde_json::to_value(answer(&pasts, &query, clock)).expect("JSON")
    }

    fn messages(&self, query: &str) -> String {
        let answer = self.ask(query);
        let events = answer["events"].as_array().expect("a list").iter();
        let line = |event: &serde_json::Value| {
            let text = |name: &str| event[name].as_str().unwrap_or("-").to_owned();
            let jobs = &event["jobs"];
            format!(
                "{} {} {} {jobs} {}",
                text("at"),
                text("what"),
                text("provider"),
                text("message")
            )
        };
        events.map(line).collect::<Vec<_>>().join("\n")
    }
}

fn target(address: &str) -> Vec<(&str, &str)> {
    vec![("__address__", address)]
}

#[test]
fn everything_that_can_happen_is_told() {
    let mut world = World::new(HistoryLimits::default());
    let failed = FailedRefresh {
        at: Instant::ZERO,
        message: "no answer".into(),
        retry_at: None,
    };
    world.show();
    world.history.reloaded(Instant::ZERO, &Applied::default());
    world.at(1);
    world
        .sets
        .update(0, vec![("s", vec![("rack", "1")], vec![target("x:1"), target("y:1")])]);
    world.show();
    world.at(2);
    world
        .sets
        .update(0, vec![("s", vec![("rack", "2")], vec![target("x:1")])]);
    world.show();
    world.at(3);
    world.hear(EventKind::Failing(failed));
    world.hear(EventKind::Recovered { failures: 3 });
    let part = MissingPart::new("zone a", "503");
    world.hear(EventKind::Partial(Missing::of([part]).expect("a part")));
    world.hear(EventKind::Recovered { failures: 0 });
    world.hear(EventKind::Warned("list.yml:3: the list ends here".into()));
    let until = world.at(4);
    world.hear(EventKind::DropHeld {
        set: "a".into(),
        targets: 1,
        of: 2,
        since: until,
        until,
    });
    world.at(5);
    world.hear(EventKind::DropReleased {
        targets: 1,
        held: ["x:1"].into_iter().collect(),
        why: Release::Confirmed,
    });
    world.sets.update(0, Vec::new());
    world.show();
    world.hear(EventKind::Expired { targets: 2 });
    world.at(6);
    world.hear(EventKind::BuildFailed(FailedConfig {
        name: "x/7".into(),
        description: "nothing".into(),
        sets: vec!["b".into()],
        reason: "no such mechanism".to_owned(),
    }));
    world.sets.update(1, vec![("t", vec![], vec![target("z:1")])]);
    world.show();
    let now = world.at(7);
    world.sets.reload(&["a"], "other");
    world.history.reload_refused(now, "p.yml:1:1: wrong");
    for (change, targets) in [
        (MemberChange::Joined, 1),
        (MemberChange::Retired, 2),
        (MemberChange::Lost, 0),
    ] {
        world.history.member(now, &"otel-0".into(), change, targets);
    }
    world.show();
    insta::assert_snapshot!(world.messages(""));
    let one = world.ask("host=y&limit=1");
    insta::assert_snapshot!("one_event", serde_json::to_string_pretty(&one).expect("JSON"));
}

#[test]
fn jobs_providers_hosts_and_times_are_told_apart() {
    let mut world = World::new(HistoryLimits::default());
    for (second, set, address) in [(1, 0, "x:1"), (2, 1, "x:2"), (3, 0, "y:1")] {
        world.at(second);
        world.sets.update(set, vec![("s", vec![], vec![target(address)])]);
        world.show();
    }
    let count = |query: &str| world.ask(query)["events"].as_array().expect("a list").len();
    assert_eq!(count(""), 4);
    assert_eq!(count("job=a"), 3);
    assert_eq!(count("job=nobody"), 0);
    assert_eq!(count("provider=b%2F1"), 1);
    assert_eq!((count("host=x"), count("host=X.:2"), count("host=x&job=a")), (3, 1, 2));
    assert_eq!(
        (count("since=58s"), count("since=1000003"), count("since=1m")),
        (3, 2, 4)
    );
    let first = world.ask("limit=1");
    assert_eq!(
        (first["events"].as_array().map(Vec::len), &first["hasMore"]),
        (Some(1), &true.into())
    );
    assert_eq!(first["keptSince"], 1_000_000.0);
}

#[test]
fn what_is_not_kept_is_not_said_to_have_never_been() {
    let mut world = World::new(HistoryLimits {
        entries: 1,
        ..HistoryLimits::default()
    });
    for (second, address) in [(1, "x:1"), (20, "y:1")] {
        world.at(second);
        world.sets.update(0, vec![("s", vec![], vec![target(address)])]);
        world.show();
    }
    let answer = world.ask("host=x");
    assert!(answer["keptSince"].as_f64() > Some(1_000_019.0), "{answer}");
    assert_eq!(answer["keptSinceAt"], "1970-01-12T13:47:00Z");
    // Of many that came at once not all are listed.
    let mut world = World::new(HistoryLimits::default());
    let addresses: Vec<_> = (0..1_500).map(|number| format!("host-{number:04}:1")).collect();
    let targets = addresses.iter().map(|address| target(address)).collect();
    world.sets.update(0, vec![("s", vec![], targets)]);
    world.show();
    let [listed, unlisted] = ["host=host-0007", "host=host-1400"].map(|query| world.ask(query));
    let lengths = |answer: &serde_json::Value| ["events", "unlisted"].map(|list| answer[list].as_array().map(Vec::len));
    assert_eq!(lengths(&listed), [Some(1), Some(0)]);
    assert_eq!(lengths(&unlisted), [Some(0), Some(1)]);
    assert_eq!(unlisted["unlisted"][0]["count"], 1_500);
}
