//! Against full comparisons of what sets had and have, and of what is kept with everything that ever was.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::Address;
use crate::reference::{PlainConfig, PlainGroup, PlainLabels};
use crate::{Encoder, Manager, ManagerOptions, ProviderId, Update};

/// A manager with few sets, configs, sources and addresses, so that they meet.
struct World {
    manager: Manager<PlainConfig>,
    encoder: Encoder,
    now: Instant,
    shown: Snapshot,
    readers: Readers,
    history: History,
}

/// Of each group its source, its shared label, and each target's address and own label.
type GroupNumbers = (u8, u8, Vec<(u8, u8)>);

#[derive(Debug, Clone)]
enum Act {
    Apply(Vec<(u8, Vec<u8>)>),
    Update {
        config: u8,
        is_full: bool,
        groups: Vec<GroupNumbers>,
    },
    Show,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let groups = vec((0..3_u8, 0..2_u8, vec((0..4_u8, 0..2_u8), 0..4)), 0..4);
    let update = (0..3_u8, any::<bool>(), groups).prop_map(|(config, is_full, groups)| Act::Update {
        config,
        is_full,
        groups,
    });
    let act = prop_oneof![
        2 => vec((0..3_u8, vec(0..3_u8, 0..3)), 0..4).prop_map(Act::Apply),
        8 => update,
        6 => Just(Act::Show),
    ];
    vec(act, 1..24)
}

impl World {
    fn new(limits: HistoryLimits) -> Self {
        Self {
            manager: Manager::new(Instant::ZERO, ManagerOptions::default()),
            encoder: Encoder::new(),
            now: Instant::ZERO,
            shown: Snapshot::default(),
            readers: Readers::default(),
            history: History::new(Instant::ZERO, limits),
        }
    }

    fn apply(&mut self, sets: &[(u8, Vec<u8>)]) {
        let configs = |numbers: &[u8]| numbers.iter().map(|number| PlainConfig::new("file", *number)).collect();
        let sets = sets
            .iter()
            .map(|(set, numbers)| (format!("set-{set}"), configs(numbers)));
        self.manager.apply(self.now, sets.collect::<Vec<_>>());
    }

    fn provider(&self, config: u8) -> Option<ProviderId> {
        let mut running = self.manager.providers();
        running
            .find(|provider| provider.config.number == config)
            .map(|provider| provider.id)
    }

    fn update(&mut self, config: u8, is_full: bool, groups: &[GroupNumbers]) {
        let Some(id) = self.provider(config) else { return };
        let mut batch = self.encoder.batch();
        for (source, shared, targets) in groups {
            let targets = targets.iter().map(|(address, own)| {
                let labels = [("__address__", format!("host-{address}:1")), ("own", own.to_string())];
                labels.map(|(name, value)| (name, value))
            });
            batch
                .group(&format!("source-{source}"), [("shared", shared.to_string())], targets)
                .expect("short labels");
        }
        let groups = batch.finish();
        let update = if is_full {
            Update::full(groups)
        } else {
            Update::delta(groups)
        };
        self.manager.handle_update(self.now, id, update).expect("it runs");
    }

    /// Shows what there is. Gives what was shown before, and what the history has of the difference.
    fn show(&mut self) -> (Snapshot, Vec<Arc<HistoryEntry>>) {
        let snapshot = self.manager.snapshot(self.now);
        let diff = snapshot.diff(&self.shown);
        self.readers.take(&diff);
        let before = self.history.past().len();
        self.history.take(&diff, &self.readers);
        let past = self.history.past();
        let new = past.iter().take(past.len() - before).cloned().collect();
        (core::mem::replace(&mut self.shown, snapshot), new)
    }
}

type Labels = (String, PlainLabels);

/// Every target of a set with all of its labels, and how often it is there.
fn targets_of(snapshot: &Snapshot, set: &str) -> BTreeMap<Labels, usize> {
    let mut all = BTreeMap::new();
    let groups = snapshot.set(set).into_iter().flat_map(|set| set.groups());
    for group in groups.map(|(_, stored)| PlainGroup::from(stored.group())) {
        for target in group.targets {
            let labels: PlainLabels = group.labels.clone().into_iter().chain(target).collect();
            *all.entry((labels["__address__"].clone(), labels)).or_default() += 1;
        }
    }
    all
}

/// What happened, by comparing everything: how many of each set, address and kind.
fn compared(old: &Snapshot, new: &Snapshot) -> BTreeMap<(String, String, ChangeKind), usize> {
    let sets: BTreeSet<_> = old.sets().chain(new.sets()).map(|set| set.to_string()).collect();
    let mut all = BTreeMap::new();
    for set in sets {
        let (before, after) = (targets_of(old, &set), targets_of(new, &set));
        let mut of_addresses: BTreeMap<String, (usize, usize)> = BTreeMap::new();
        for labels in before.keys().chain(after.keys()).collect::<BTreeSet<_>>() {
            let count = |side: &BTreeMap<Labels, usize>| side.get(labels).copied().unwrap_or(0);
            let (gone, there) = of_addresses.entry(labels.0.clone()).or_default();
            *gone += count(&before).saturating_sub(count(&after));
            *there += count(&after).saturating_sub(count(&before));
        }
        for (address, (gone, there)) in of_addresses {
            let changed = gone.min(there);
            for (kind, count) in [
                (ChangeKind::Changed, changed),
                (ChangeKind::Disappeared, gone - changed),
                (ChangeKind::Appeared, there - changed),
            ] {
                if count > 0 {
                    all.insert((set.clone(), address.clone(), kind), count);
                }
            }
        }
    }
    all
}

/// What entries say, in the same words; of what they don't list, only how many.
fn told(entries: &[Arc<HistoryEntry>]) -> (BTreeMap<(String, String, ChangeKind), usize>, usize) {
    let (mut all, mut unlisted) = (BTreeMap::new(), 0);
    for entry in entries {
        let Some(change) = entry.targets() else { continue };
        for set in entry.sets() {
            for address in change.addresses().iter() {
                *all.entry((set.to_string(), address.to_owned(), change.kind()))
                    .or_default() += 1;
            }
            unlisted += change.addresses().unlisted();
        }
    }
    (all, unlisted)
}

/// Whether the provider that an entry names had, or has, one of its targets in the source that it names.
fn is_found(entry: &HistoryEntry, old: &Snapshot, new: &Snapshot) -> bool {
    let change = entry.targets().expect("of targets");
    let snapshot = if change.kind() == ChangeKind::Disappeared {
        old
    } else {
        new
    };
    let provider = snapshot
        .provider(entry.provider().expect("of a provider").id())
        .expect("it is there");
    let source = change.source().expect("of one source");
    let group = PlainGroup::from(provider.groups().get(source).expect("it is there").group());
    change
        .addresses()
        .iter()
        .all(|address| group.targets.iter().any(|target| target["__address__"] == address))
}

proptest! {
    #[test]
    fn what_is_told_is_what_differs(acts in acts(), most_each in prop_oneof![Just(2_usize), Just(1_000)]) {
        let mut world = World::new(HistoryLimits::default());
        world.history.most_each = most_each;
        for act in acts {
            world.now = world.now + core::time::Duration::from_secs(1);
            match act {
                Act::Apply(sets) => world.apply(&sets),
                Act::Update { config, is_full, groups } => world.update(config, is_full, &groups),
                Act::Show => {
                    let (old, entries) = world.show();
                    let expected = compared(&old, &world.shown);
                    let (told, unlisted) = told(&entries);
                    prop_assert_eq!(told.values().sum::<usize>() + unlisted, expected.values().sum::<usize>());
                    for (key, count) in &told {
                        let differs = expected.get(key).copied().unwrap_or(0);
                        prop_assert!(*count <= differs && (unlisted > 0 || *count == differs), "{:?}: {}", key, count);
                    }
                    for entry in &entries {
                        prop_assert_eq!(entry.at(), world.shown.at());
                        let change = entry.targets().expect("nothing else happened");
                        let is_one = change.addresses().count() == 1;
                        prop_assert!(is_one || change.addresses().count() > most_each);
                        prop_assert!(change.source().is_none() || is_found(entry, &old, &world.shown));
                        prop_assert_eq!(change.labels().is_empty(), change.kind() != ChangeKind::Changed);
                    }
                }
            }
        }
    }

    /// Whatever comes, and however late: what is kept is the newest of all, within the limits; and what is not kept is
    /// before the moment from which on everything is.
    #[test]
    fn what_is_kept_is_the_newest_within_the_limits(
        entries in vec((0..40_u64, 0..4_u64, 0..4_u8, "[a-c]{0,60}"), 0..60),
        most in 0..20_usize,
        bytes in 0..8_000_usize,
    ) {
        let limits = HistoryLimits { entries: most, bytes };
        let mut history = History::new(Instant::ZERO, limits);
        let mut all: Vec<Arc<HistoryEntry>> = Vec::new();
        let mut is_whole = true;
        for (at, provider, what, text) in entries {
            let entry = made(at, provider, what, &text);
            all.push(Arc::new(entry.clone()));
            // Stable, as they came.
            all.sort_by_key(|entry| entry.at);
            history.log.push(entry);
            let past = history.past();
            prop_assert!(past.len() <= most && past.bytes() <= bytes);
            prop_assert_eq!(past.bytes(), charged(&past));
            let kept: Vec<_> = past.iter().cloned().collect();
            for (kept, entry) in kept.iter().zip(all.iter().rev()) {
                prop_assert_eq!(kept, entry, "the newest, newest first");
            }
            let gone = &all[..all.len() - kept.len()];
            prop_assert!(gone.iter().all(|entry| !past.covers(entry.at)));
            is_whole &= gone.is_empty();
            prop_assert_eq!(is_whole, past.covers(Instant::ZERO));
            all.drain(..all.len() - kept.len());
        }
    }

    /// Looking is filtering.
    #[test]
    fn what_is_found_is_what_is_asked_for(
        entries in vec((0..10_u64, 0..4_u64, 0..4_u8, "[a-c]{1,2}"), 0..40),
        set in prop::option::of("[a-c]{1,2}"),
        provider in prop::option::of(0..4_u64),
        host in prop::option::of("[a-cA-C]{1,2}"),
        since in prop::option::of(0..12_u64),
        limit in 0..6_usize,
    ) {
        let mut history = History::new(Instant::ZERO, HistoryLimits::default());
        entries.iter().for_each(|(at, provider, what, text)| history.log.push(made(*at, *provider, *what, text)));
        let past = history.past();
        let (name, address) = (provider.map(|id| format!("file/{id}")), host.as_deref().map(Address::of));
        let since = since.map(Instant::from_nanos);
        let query = HistoryQuery {
            set: set.as_deref(),
            provider: name.as_deref(),
            host: address.as_ref(),
            since,
            limit,
        };
        let found = past.find(&query);
        let wanted: Vec<_> = past
            .iter()
            .filter(|entry| since.is_none_or(|since| entry.at >= since))
            .filter(|entry| match entry.what {
                Happening::Reloaded { .. } => provider.is_none(),
                _ => {
                    let is_set = set.as_deref().is_none_or(|set| entry.sets().iter().any(|name| **name == *set));
                    is_set && provider.is_none_or(|id| entry.provider().expect("of one").id().number() == id)
                }
            })
            .collect();
        let lists = |entry: &HistoryEntry, host: &Address| {
            let change = entry.targets();
            change.is_some_and(|change| change.addresses().iter().any(|text| Address::of(text) == *host))
        };
        let listed: Vec<_> = wanted.iter().copied()
            .filter(|entry| address.as_ref().is_none_or(|host| lists(entry, host)))
            .cloned()
            .collect();
        prop_assert_eq!(&found.entries[..], &listed[..limit.min(listed.len())]);
        prop_assert_eq!(found.has_more, listed.len() > limit);
        for entry in &found.unlisted {
            let change = entry.targets().expect("of targets");
            prop_assert!(change.addresses().unlisted() > 0 && !lists(entry, address.as_ref().expect("asked for")));
        }
        if let Some(host) = &address && !found.has_more {
            let hides = |entry: &HistoryEntry| entry.targets().is_some_and(|change| change.addresses().unlisted() > 0);
            let hidden = wanted.iter().filter(|entry| hides(entry) && !lists(entry, host)).count();
            prop_assert_eq!(found.unlisted.len(), hidden.min(limit));
        }
    }
}

/// An entry of any kind, with texts that others have, too.
fn made(at: u64, provider: u64, what: u8, text: &str) -> HistoryEntry {
    let targets = |count, addresses: &[&str]| {
        Happening::Targets(TargetsChange {
            kind: ChangeKind::Appeared,
            cause: Cause::Update,
            source: Some(text.into()),
            addresses: Addresses::of(count, addresses.iter().copied(), 1_000),
            labels: [Arc::from(text)].into(),
        })
    };
    let id = ProviderId::from_number(provider);
    let provider = HistoryProvider {
        id,
        name: format!("file/{id}").into(),
        description: "files".into(),
    };
    let (sets, provider, what): (&[&str], _, _) = match what {
        0 => (&[text], Some(provider), targets(1, &[text])),
        1 => (&[text, "z"], Some(provider), targets(7, &[text, "b", "a"])),
        2 => (&["a"], Some(provider), Happening::Failing(text.into())),
        _ => {
            let reloaded = Happening::Reloaded {
                started: 0,
                stopped: 0,
                kept: 0,
            };
            (&[], None, reloaded)
        }
    };
    HistoryEntry {
        at: Instant::from_nanos(at),
        sets: sets.iter().map(|set| Arc::from(*set)).collect(),
        provider: provider.map(Arc::new),
        what,
    }
}

/// What the entries are charged for, added up anew.
fn charged(past: &Past) -> usize {
    let (mut bytes, mut shared) = (0, BTreeMap::new());
    let names = |names: &[Arc<str>]| names.iter().map(|name| name.len() + log::SHARED_BYTES).sum::<usize>();
    for entry in past.iter() {
        bytes += log::ENTRY_BYTES;
        shared.insert(format!("names {:?}", entry.sets()), names(entry.sets()));
        if let Some(provider) = entry.provider() {
            let texts = provider.name().len() + provider.description().len();
            shared.insert(format!("provider {provider:?}"), texts + log::SHARED_BYTES);
        }
        match entry.what() {
            Happening::Targets(change) => {
                let listed = change.addresses().listed();
                let marks = if listed > 1 { listed * 4 } else { 0 };
                bytes += change.addresses().iter().map(str::len).sum::<usize>() + marks;
                let source = change.source().expect("of one");
                shared.insert(format!("source {source}"), source.len());
                shared.insert(format!("names {:?}", change.labels()), names(change.labels()));
            }
            Happening::Failing(text) => bytes += text.len(),
            _ => {}
        }
    }
    bytes + shared.values().map(|text| text + log::SHARED_BYTES).sum::<usize>()
}

/// 20,000 groups that are named anew are looked at once, and are no news.
#[test]
fn targets_that_move_between_sources_are_not_gone() {
    let mut world = World::new(HistoryLimits::default());
    world.apply(&[(0, vec![0, 1])]);
    let groups = |range: core::ops::Range<usize>, name: &str, encoder: &mut Encoder| {
        let mut batch = encoder.batch();
        for number in range {
            let target = [("__address__", format!("host-{number}:1"))];
            batch
                .group(&format!("{name}-{number}"), [("a", "b".to_owned())], [target])
                .expect("short");
        }
        Update::full(batch.finish())
    };
    let [first, second] = [0, 1].map(|number| world.provider(number).expect("it runs"));
    for (range, id, name) in [(0..20_000, first, "before"), (0..20_000, first, "after")] {
        let update = groups(range, name, &mut world.encoder);
        world.manager.handle_update(world.now, id, update).expect("it runs");
        world.now = world.now + core::time::Duration::from_secs(1);
        world.show();
    }
    assert_eq!(world.history.past().len(), 1, "they came");
    // Half of them to the other provider, and one to nobody.
    for (range, id) in [(10_001..20_000, second), (0..10_000, first)] {
        let update = groups(range, "after", &mut world.encoder);
        world.manager.handle_update(world.now, id, update).expect("it runs");
    }
    world.show();
    let past = world.history.past();
    assert_eq!(past.len(), 2);
    let entry = past.iter().next().expect("the newest");
    let change = entry.targets().expect("of targets");
    assert_eq!(
        format!("{:?} {:?}", change.kind(), change.addresses()),
        r#"Disappeared ["host-10000:1"]"#
    );
    assert_eq!(entry.provider().map(HistoryProvider::id), Some(first));
}
