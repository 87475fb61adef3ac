//! What of a provider's groups is held, and what is shown for it (B05).
//!
//! The rule is the reference model's ([`headcount_core::reference::guard`]). **It is asked only about
//! the sources that an update touches**, so watching a guard costs what changes, too.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use headcount_core::reference::guard::{PlainGroups, keep, lost_of};
use headcount_core::reference::{PlainGroup, PlainStored};
use headcount_core::{DropGuard, Encoder, Group, Instant, Update, UpdateKind, UpdateOutcome};

use super::given::{Given, GivenGroup};
use crate::HostId;
use crate::world::render::{STAMP, read_stamp};

/// What a provider has, by source; or how it changes: what there is from now on, or nothing.
pub(super) type GivenGroups = BTreeMap<Arc<str>, GivenGroup>;
pub(super) type Changes = BTreeMap<Arc<str>, Option<GivenGroup>>;

/// What is known of a provider's drops.
#[derive(Debug, Clone, Default)]
pub(super) struct Guarded {
    pub(super) held: Option<Held>,
    /// Losses that passed, and when.
    passed: Vec<(Instant, usize)>,
    /// How many targets are shown.
    pub(super) shown: usize,
    /// The hosts of targets that were held, and when they were let go.
    let_go: BTreeMap<HostId, Instant>,
}

/// A drop that has to be held.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) since: Instant,
    pub(super) until: Instant,
    pub(super) targets: usize,
    /// Lost since then, beyond what it is held for.
    pub(super) further: usize,
    /// What the backend says.
    actual: GivenGroups,
    /// By source: the hosts of the targets that are held.
    hosts: BTreeMap<Arc<str>, Vec<HostId>>,
}

impl Guarded {
    /// How many targets have to be held.
    pub(super) fn targets(&self) -> usize {
        self.held.as_ref().map_or(0, |held| held.targets)
    }

    pub(super) fn is_holding(&self) -> bool {
        self.held.is_some()
    }

    pub(super) fn passed_lately(&self, now: Instant, guard: DropGuard) -> usize {
        let lately = self.passed.iter().filter(|(at, _)| *at + guard.hold > now);
        lately.map(|(_, lost)| lost).sum()
    }

    /// Until when the guard had to show a host that is gone, as far as is known now.
    pub(super) fn kept(&self, host: HostId) -> Option<Instant> {
        let holds = |held: &&Held| held.hosts.values().flatten().any(|other| *other == host);
        let held = self.held.as_ref().filter(holds);
        held.map(|held| held.until).or_else(|| self.let_go.get(&host).copied())
    }
}

/// What an update touches of a provider: the sources that the backend says are others than before.
#[derive(Debug, Default)]
pub(super) struct Touched {
    changes: Changes,
    pub(super) shown: PlainGroups,
    pub(super) before: PlainGroups,
    pub(super) after: PlainGroups,
}

impl Given {
    /// What the backend says.
    fn actual(&self) -> &GivenGroups {
        self.guarded.held.as_ref().map_or(&self.groups, |held| &held.actual)
    }

    /// What an update says that the backend did not say before.
    pub(super) fn touched_by(&self, now: Instant, update: &Update) -> Touched {
        let actual = self.actual();
        let named = named(update);
        let mut changes = Changes::new();
        if update.kind() == UpdateKind::Full {
            let gone = actual.keys().filter(|source| !named.contains_key(&***source));
            changes.extend(gone.map(|source| (source.clone(), None)));
        }
        for (source, group) in named {
            let known = actual.get(source);
            let is_known = known.is_some_and(|known| known.group == *group);
            if is_known || known.is_none() && group.target_count() == 0 {
                continue;
            }
            // What was only said to be gone was there all the time.
            let shown = self.groups.get(source).filter(|shown| shown.group == *group);
            let change = (group.target_count() > 0).then(|| {
                shown.cloned().unwrap_or_else(|| GivenGroup {
                    group: group.clone(),
                    changed: now,
                    update: self.updates,
                })
            });
            changes.insert(source.into(), change);
        }
        let touched = |groups: &GivenGroups| -> PlainGroups {
            let touched = changes.keys().filter_map(|source| Some((source, groups.get(source)?)));
            touched
                .map(|(source, group)| (source.to_string(), plain(group)))
                .collect()
        };
        let (shown, before) = (touched(&self.groups), touched(actual));
        let after = changes
            .iter()
            .filter_map(|(source, group)| Some((source.to_string(), plain(group.as_ref()?))));
        Touched {
            after: after.collect(),
            shown,
            before,
            changes,
        }
    }

    /// Holds what was lost; gives what is shown otherwise from now on.
    pub(super) fn hold(&mut self, mut held: Held, touched: &Touched) -> Changes {
        match self.guarded.held.take() {
            Some(before) => (held.actual, held.hosts) = (before.actual, before.hosts),
            None => held.actual.clone_from(&self.groups),
        }
        held.take(touched);
        self.guarded.held = Some(held);
        let mut kept = keep(&touched.shown, &touched.after);
        let each = touched.changes.iter().map(|(source, change)| {
            let shown = kept.remove(&**source).map(|kept| match change {
                Some(change) if kept == plain(change) => change.clone(),
                _ => stored(&kept),
            });
            (source.clone(), shown)
        });
        each.collect()
    }

    /// Lets go what was held; gives what is shown otherwise from now on. `passed` targets were lost and
    /// nobody confirmed it; or somebody did, and no loss from before counts any more.
    pub(super) fn let_go(&mut self, now: Instant, touched: Touched, passed: Option<usize>) -> Changes {
        match passed {
            Some(0) => {}
            Some(lost) => self.guarded.passed.push((now, lost)),
            None => self.guarded.passed.clear(),
        }
        let Some(mut held) = self.guarded.held.take() else {
            return touched.changes;
        };
        held.take(&touched);
        let hosts = held.hosts.values().flatten();
        self.guarded.let_go.extend(hosts.map(|host| (*host, now)));
        let sources: BTreeSet<Arc<str>> = self.groups.keys().chain(held.actual.keys()).cloned().collect();
        let each = sources.into_iter().map(|source| {
            let group = held.actual.remove(&source);
            (source, group)
        });
        each.collect()
    }

    /// Shows these sources otherwise from now on; gives those that differ, with what they were.
    pub(super) fn show(&mut self, changes: Changes) -> Changes {
        let mut differ = Changes::new();
        for (source, group) in changes {
            let before = match &group {
                Some(group) => self.groups.insert(source.clone(), group.clone()),
                None => self.groups.remove(&source),
            };
            if before != group {
                self.dirty.insert(source.clone());
                differ.insert(source, before);
            }
        }
        let groups = self.groups.values();
        self.guarded.shown = groups.map(|given| given.group.target_count()).sum();
        differ
    }

    /// What an update comes to, after it made these sources differ.
    pub(super) fn outcome(&self, update: &Update, differ: &Changes, held: usize) -> UpdateOutcome {
        let mut outcome = UpdateOutcome {
            held,
            ..UpdateOutcome::default()
        };
        for (source, before) in differ {
            match (before, self.groups.contains_key(source)) {
                (None, _) => outcome.added += 1,
                (Some(_), true) => outcome.changed += 1,
                (Some(_), false) => outcome.removed += 1,
            }
        }
        let named = named(update).into_iter().filter(|(_, group)| group.target_count() > 0);
        let is_unchanged = |source: &str| self.groups.contains_key(source) && !differ.contains_key(source);
        outcome.unchanged = named.filter(|(source, _)| is_unchanged(source)).count();
        outcome
    }
}

impl Held {
    /// A drop that begins to be held, or goes on being.
    pub(super) fn new(since: Instant, until: Instant, targets: usize, further: usize) -> Self {
        Self {
            since,
            until,
            targets,
            further,
            actual: GivenGroups::new(),
            hosts: BTreeMap::new(),
        }
    }

    /// The backend says something else about some sources.
    fn take(&mut self, touched: &Touched) {
        for (source, change) in &touched.changes {
            match change {
                Some(group) => self.actual.insert(source.clone(), group.clone()),
                None => self.actual.remove(source),
            };
            let shown = touched.shown.get(&**source);
            let lost = shown
                .map(|shown| lost_of(&shown.group, &touched.after))
                .unwrap_or_default();
            let hosts = lost.iter().filter_map(|target| read_stamp(target.get(STAMP)?));
            let hosts: Vec<HostId> = hosts.map(|(host, _)| host).collect();
            if hosts.is_empty() {
                self.hosts.remove(source);
            } else {
                self.hosts.insert(source.clone(), hosts);
            }
        }
    }
}

/// The groups that an update names; when a source is named twice, the last one counts.
fn named(update: &Update) -> BTreeMap<&str, &Group> {
    update.groups().iter().map(|group| (group.source(), group)).collect()
}

fn plain(given: &GivenGroup) -> PlainStored {
    PlainStored {
        group: PlainGroup::from(&given.group),
        changed: given.changed,
        update: given.update,
    }
}

/// What the model keeps, as the manager would have it. Its labels were in a group before.
fn stored(plain: &PlainStored) -> GivenGroup {
    let mut encoder = Encoder::new();
    let mut batch = encoder.batch();
    let encoded = plain.group.encode(&mut batch);
    let group = batch.finish().pop().filter(|_| encoded.is_ok());
    GivenGroup {
        group: group.unwrap_or_else(|| Group::empty(&plain.group.source)),
        changed: plain.changed,
        update: plain.update,
    }
}
