//! What of a provider's groups is held, and what is shown for it (B05).
//!
//! The rule is the reference model's ([`headcount_core::reference::guard`]). **It is asked only about
//! the sources that an update touches, and those of which something is held**, so watching a guard costs what changes, too.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use headcount_core::reference::guard::{PlainAddresses, PlainGroups, address, keep};
use headcount_core::reference::{PlainGroup, PlainStored};
use headcount_core::{Encoder, Group, Instant, Update, UpdateKind, UpdateOutcome};

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
    pub(super) passed: Vec<(Instant, usize)>,
    /// Targets that came, and when; less than nothing, if some went that stand elsewhere.
    pub(super) came: Vec<(Instant, i64)>,
    /// How many targets are shown.
    pub(super) shown: usize,
    /// How many targets there are, as the backend says.
    pub(super) there: i64,
    /// How many of them have each address.
    addresses: BTreeMap<String, usize>,
    /// The hosts of targets that were held, and when they were let go.
    let_go: BTreeMap<HostId, Instant>,
}

/// A drop that has to be held.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) since: Instant,
    pub(super) until: Instant,
    pub(super) targets: usize,
    /// What was lost when it began, and still is.
    pub(super) first: PlainAddresses,
    /// What the backend says.
    actual: GivenGroups,
    /// The sources of the targets that are held, and their hosts.
    sources: BTreeSet<Arc<str>>,
    hosts: BTreeSet<HostId>,
}

impl Guarded {
    /// How many targets have to be held.
    pub(super) fn targets(&self) -> usize {
        self.held.as_ref().map_or(0, |held| held.targets)
    }

    pub(super) fn is_holding(&self) -> bool {
        self.held.is_some()
    }

    /// Whether the backend has a target with this address.
    pub(super) fn has(&self, address: &str) -> bool {
        self.addresses.contains_key(address)
    }

    /// Until when the guard had to show a host that is gone, as far as is known now.
    pub(super) fn kept(&self, host: HostId) -> Option<Instant> {
        let held = self.held.as_ref().filter(|held| held.hosts.contains(&host));
        held.map(|held| held.until).or_else(|| self.let_go.get(&host).copied())
    }
}

impl Given {
    /// What the backend says.
    pub(super) fn actual(&self) -> &GivenGroups {
        self.guarded.held.as_ref().map_or(&self.groups, |held| &held.actual)
    }

    /// What an update says that the backend did not say before.
    pub(super) fn touched_by(&self, now: Instant, update: &Update) -> Changes {
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
        changes
    }

    /// Has the addresses of what it starts with.
    pub(super) fn index_all(&mut self) {
        self.guarded.addresses.clear();
        self.guarded.there = self
            .groups
            .values()
            .map(|given| number(given.group.target_count()))
            .sum();
        for given in self.groups.values() {
            count_addresses(&mut self.guarded.addresses, &given.group, true);
        }
    }

    /// Has other addresses now; says how many targets more there are.
    pub(super) fn index(&mut self, changes: &Changes) -> i64 {
        let (mut more, mut addresses) = (0, core::mem::take(&mut self.guarded.addresses));
        for (source, change) in changes {
            if let Some(before) = self.actual().get(source) {
                count_addresses(&mut addresses, &before.group, false);
                more -= number(before.group.target_count());
            }
            if let Some(after) = change {
                count_addresses(&mut addresses, &after.group, true);
                more += number(after.group.target_count());
            }
        }
        self.guarded.addresses = addresses;
        self.guarded.there += more;
        more
    }

    /// What is shown, as far as something of it may be lost: in the sources that change, and in those of which something
    /// is held.
    pub(super) fn may_be_lost(&self, changes: &Changes) -> PlainGroups {
        let held = self.guarded.held.iter().flat_map(|held| &held.sources);
        plain_of(&self.groups, changes.keys().chain(held))
    }

    /// Holds what is lost; gives what is shown otherwise from now on.
    pub(super) fn hold(
        &mut self,
        now: Instant,
        (since, until): (Instant, Instant),
        first: PlainAddresses,
        changes: &Changes,
        lost: &PlainAddresses,
    ) -> Changes {
        let shown = self.may_be_lost(changes);
        let before = self.guarded.held.take();
        let (mut actual, hosts_before) = match before {
            Some(before) => (before.actual, before.hosts),
            None => (self.groups.clone(), BTreeSet::new()),
        };
        take(&mut actual, changes);
        let (mut sources, mut hosts, mut targets) = (BTreeSet::new(), BTreeSet::new(), 0);
        for (source, stored) in &shown {
            for target in &stored.group.targets {
                if lost.contains(&address(&stored.group, target)) {
                    sources.insert(source.as_str().into());
                    hosts.extend(
                        target
                            .get(STAMP)
                            .and_then(|stamp| read_stamp(stamp))
                            .map(|(host, _)| host),
                    );
                    targets += 1;
                }
            }
        }
        let found = hosts_before.difference(&hosts);
        self.guarded.let_go.extend(found.map(|host| (*host, now)));
        let names: Vec<Arc<str>> = shown.keys().map(|source| source.as_str().into()).collect();
        let mut kept = keep(
            now,
            &shown,
            &plain_of(&actual, names.iter().chain(changes.keys())),
            lost,
        );
        let each = names.iter().chain(changes.keys()).cloned().collect::<BTreeSet<_>>();
        let each = each.into_iter().map(|source| {
            let shown = kept.remove(&*source).map(|kept| match actual.get(&source) {
                Some(there) if kept == plain(there) => there.clone(),
                _ => stored(&kept),
            });
            (source, shown)
        });
        let each = each.collect();
        self.guarded.held = Some(Held {
            since,
            until,
            targets,
            first,
            actual,
            sources,
            hosts,
        });
        each
    }

    /// Lets go what was held; gives what is shown otherwise from now on. `passed` targets were lost and
    /// nobody confirmed it; or somebody did, and nothing from before counts any more.
    pub(super) fn let_go(&mut self, now: Instant, changes: Changes, passed: Option<usize>) -> Changes {
        match passed {
            Some(lost) => self.guarded.passed.push((now, lost)),
            None => {
                self.guarded.passed.clear();
                self.guarded.came.clear();
            }
        }
        let Some(mut held) = self.guarded.held.take() else {
            return changes;
        };
        take(&mut held.actual, &changes);
        self.guarded.let_go.extend(held.hosts.iter().map(|host| (*host, now)));
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

pub(super) fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The backend says something else about some sources.
fn take(actual: &mut GivenGroups, changes: &Changes) {
    for (source, change) in changes {
        match change {
            Some(group) => actual.insert(source.clone(), group.clone()),
            None => actual.remove(source),
        };
    }
}

fn count_addresses(counts: &mut BTreeMap<String, usize>, group: &Group, more: bool) {
    let group = PlainGroup::from(group);
    for target in &group.targets {
        let address = address(&group, target);
        let count = counts.entry(address.clone()).or_default();
        *count = if more { *count + 1 } else { count.saturating_sub(1) };
        if *count == 0 {
            counts.remove(&address);
        }
    }
}

fn plain_of<'a>(groups: &GivenGroups, sources: impl Iterator<Item = &'a Arc<str>>) -> PlainGroups {
    let here = sources.filter_map(|source| Some((source, groups.get(source)?)));
    here.map(|(source, group)| (source.to_string(), plain(group))).collect()
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
