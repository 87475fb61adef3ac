//! What happened adds up to what there is (B12): in every scenario, the entries of a run's history, taken one after
//! the other, make each list what the snapshot says that it is.

#![allow(clippy::expect_used, reason = "a panic is the report")]

use std::collections::BTreeMap;

use headcount_core::{Address, ChangeKind, History, HistoryLimits, HistoryQuery, Instant, Readers, Snapshot};
use headcount_sim::{Shipped, Simulation, shipped};

/// How often each address stands in each set.
type Lists = BTreeMap<String, BTreeMap<String, usize>>;

/// One process's history, and what it says that there is.
struct Recorded {
    history: History,
    readers: Readers,
    shown: Snapshot,
    lists: Lists,
    read: usize,
    gone: usize,
}

impl Recorded {
    fn new(now: Instant) -> Self {
        Self {
            history: History::new(now, HistoryLimits::default()),
            readers: Readers::default(),
            shown: Snapshot::default(),
            lists: Lists::new(),
            read: 0,
            gone: 0,
        }
    }

    fn take(&mut self, snapshot: &Snapshot) {
        let diff = snapshot.diff(&self.shown);
        self.readers.take(&diff);
        self.history.take(&diff, &self.readers);
        self.shown = snapshot.clone();
        let past = self.history.past();
        assert!(past.covers(Instant::ZERO) || self.read == 0, "all of it fits");
        let new = past.len() - self.read;
        self.read = past.len();
        let entries: Vec<_> = past.iter().take(new).cloned().collect();
        // Newest first.
        for entry in entries.iter().rev() {
            let Some(change) = entry.targets() else { continue };
            assert_eq!(change.addresses().unlisted(), 0, "the fleet is small");
            for (set, address) in entry
                .sets()
                .iter()
                .flat_map(|set| change.addresses().iter().map(move |address| (set, address)))
            {
                let count = self
                    .lists
                    .entry(set.to_string())
                    .or_default()
                    .entry(address.to_owned())
                    .or_default();
                match change.kind() {
                    ChangeKind::Appeared => *count += 1,
                    ChangeKind::Changed => assert!(*count > 0, "{address} changed in {set}, and never came"),
                    ChangeKind::Disappeared => {
                        *count = count.checked_sub(1).expect("what goes was there");
                        self.gone += 1;
                        assert!(is_explained(&past, set, address), "{address} is gone from {set}");
                    }
                }
            }
        }
        for addresses in self.lists.values_mut() {
            addresses.retain(|_, count| *count > 0);
        }
        self.lists.retain(|_, addresses| !addresses.is_empty());
    }
}

/// Whether one finds of a target that is gone when that was, whose it was, and what took it away.
fn is_explained(past: &headcount_core::Past, set: &str, address: &str) -> bool {
    let query = HistoryQuery {
        set: Some(set),
        host: Some(&Address::of(address)),
        limit: 1,
        ..HistoryQuery::default()
    };
    let found = past.find(&query).entries;
    found
        .first()
        .is_some_and(|entry| entry.provider().is_some() && entry.targets().is_some())
}

fn lists(snapshot: &Snapshot) -> Lists {
    let mut lists = Lists::new();
    for set in snapshot.sets().filter_map(|set| snapshot.set(set)) {
        for (_, stored) in set.groups() {
            for target in stored.group().targets() {
                let address = target.get("__address__").unwrap_or_default();
                let addresses = lists.entry(set.name().to_string()).or_default();
                *addresses.entry(address.to_owned()).or_default() += 1;
            }
        }
    }
    lists
}

fn told(shipped: &Shipped) -> usize {
    let scenario = shipped.scenario().expect(shipped.name);
    let hosts = scenario.hosts.count.min(60);
    let mut simulation = Simulation::new(&scenario.with_hosts(hosts), 1)
        .expect(shipped.name)
        .past_expectations();
    let (mut told, mut gone) = (Recorded::new(Instant::ZERO), 0);
    while simulation.step() {
        let snapshot = simulation.snapshot().clone();
        if snapshot.version() < told.shown.version() {
            // Another process, which knows nothing of what the one before it was told.
            gone += told.gone;
            told = Recorded::new(Instant::ZERO);
        }
        if snapshot.version() != told.shown.version() {
            told.take(&snapshot);
            assert_eq!(told.lists, lists(&snapshot), "{} at {}", shipped.name, simulation.now());
        }
    }
    gone + told.gone
}

#[test]
fn b12_what_happened_adds_up_to_what_there_is() {
    let mut quiet = Vec::new();
    for shipped in shipped() {
        if told(shipped) == 0 {
            quiet.push(shipped.name);
        }
    }
    assert_eq!(quiet, [""; 0], "nothing is ever gone there, so nothing is explained");
}
