//! Which targets differ between two snapshots, for each set.
//!
//! What a set had and has is compared as a multiset of label sets. **What is on both sides is no change**, in
//! whichever group, source or provider of the set it stands; so only groups that changed have to be looked at. Of the
//! rest, what is on both sides at one address changed its labels.
//!
//! Sets to which the same happened (all that read the one provider that changed, mostly) are worked out once.

use core::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::entry::{Cause, ChangeKind, HistoryProvider};
use super::released::{Released, Went};
use crate::snapshot::ProviderSnapshot;
use crate::{GroupChange, LabelSet, ProviderChange, ProviderId, Readers, SnapshotDiff, Stored};

const ADDRESS: &str = "__address__";
/// Names of labels that an entry has.
const MOST_LABELS: usize = 16;

/// Targets of one provider to which the same happened, for the same reason, in the same sets.
pub(super) struct Change<'a> {
    pub(super) sets: Vec<Arc<str>>,
    pub(super) provider: &'a ProviderSnapshot,
    pub(super) kind: ChangeKind,
    pub(super) cause: Cause,
    pub(super) count: usize,
    /// Of their groups, if it is one.
    pub(super) source: Option<&'a str>,
    /// All of them, or the first.
    pub(super) targets: Vec<Target<'a>>,
}

/// A target, on one side or on both.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    pub(super) address: &'a str,
    now: Place<'a>,
    /// What it was, if it changed.
    before: Option<Place<'a>>,
}

/// Where a target stands.
#[derive(Clone, Copy)]
struct Place<'a> {
    stored: &'a Stored,
    own: LabelSet<'a>,
}

/// What of a provider came to a set, or went from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    /// All that it had: the set reads it no more.
    Left,
    /// All that it has: the set did not read it before.
    Joined,
    /// What it changed.
    Changed,
}

/// What happened to a set. Sets with the same have the same changes.
type Parts = Vec<(ProviderId, Part)>;

/// One side of a difference.
#[derive(Default)]
struct Side<'a> {
    /// All targets of a provider. It may have a million groups, which are gone through, and not listed.
    providers: Vec<Whole<'a>>,
    /// All targets of a group.
    groups: Vec<(Origin<'a>, &'a Stored)>,
    /// Some targets of a group.
    targets: Vec<(Origin<'a>, Place<'a>)>,
}

/// Whose targets, and why they are on a side.
#[derive(Clone, Copy)]
struct Origin<'a> {
    provider: &'a ProviderSnapshot,
    cause: Cause,
}

/// Whose targets went, and why each of them did.
#[derive(Clone, Copy)]
struct Going<'a, 'r> {
    provider: &'a ProviderSnapshot,
    why: Went<'r>,
}

/// All that a provider has.
#[derive(Clone, Copy)]
struct Whole<'a> {
    origin: Origin<'a>,
    /// Whether it is new: it can have groups that no update of it has brought.
    is_new: bool,
}

/// A target with all that decides where it belongs.
struct Item<'a> {
    address: &'a str,
    origin: Origin<'a>,
    place: Place<'a>,
}

/// What differs, in a fixed order. Of changes with more than `most_each` targets, that many are listed.
pub(super) fn between<'a>(
    diff: &'a SnapshotDiff,
    readers: &Readers,
    released: &Released,
    most_each: usize,
) -> Vec<Change<'a>> {
    let mut all = Vec::new();
    for (parts, sets) in affected(diff, readers) {
        let (out, into) = sides(diff, &parts, released);
        let found = match (out.is_empty(), into.is_empty()) {
            (true, true) => continue,
            (false, true) => one_sided(ChangeKind::Disappeared, &out, most_each),
            (true, false) => one_sided(ChangeKind::Appeared, &into, most_each),
            (false, false) => net(&out, &into, most_each),
        };
        all.extend(found.into_iter().map(|mut change| {
            change.sets.clone_from(&sets);
            change
        }));
    }
    all
}

/// The names of labels that differ, of targets that changed: the first ones, sorted.
pub(super) fn labels_of(targets: &[Target<'_>]) -> Arc<[Arc<str>]> {
    let mut names = BTreeSet::new();
    for target in targets {
        let Some(before) = target.before else { continue };
        for (name, _) in before
            .labels()
            .filter(|(name, value)| target.now.get(name) != Some(value))
        {
            names.insert(name);
        }
        for (name, _) in target.now.labels().filter(|(name, _)| before.get(name).is_none()) {
            names.insert(name);
        }
    }
    names.into_iter().take(MOST_LABELS).map(Arc::from).collect()
}

/// What happened to which sets.
fn affected(diff: &SnapshotDiff, readers: &Readers) -> BTreeMap<Parts, Vec<Arc<str>>> {
    let changed = diff.providers().filter_map(|change| match change {
        ProviderChange::Changed { new, .. } => Some(new.id()),
        ProviderChange::Added(_) | ProviderChange::Removed(_) => None,
    });
    let changed: BTreeSet<ProviderId> = changed.collect();
    let mut of_sets: BTreeMap<&Arc<str>, Parts> = BTreeMap::new();
    for change in diff.sets() {
        let (set, old, new) = change.sides();
        let (old, new): (BTreeSet<_>, BTreeSet<_>) = (old.iter().collect(), new.iter().collect());
        let part = |id: &&ProviderId| match (old.contains(id), new.contains(id)) {
            (true, false) => Some((**id, Part::Left)),
            (false, true) => Some((**id, Part::Joined)),
            _ => changed.contains(id).then_some((**id, Part::Changed)),
        };
        of_sets.insert(set, old.union(&new).copied().filter_map(|id| part(&id)).collect());
    }
    let configured: BTreeSet<&Arc<str>> = of_sets.keys().copied().collect();
    for id in &changed {
        for set in readers.of(*id).filter(|set| !configured.contains(set)) {
            of_sets.entry(set).or_default().push((*id, Part::Changed));
        }
    }
    let mut affected: BTreeMap<Parts, Vec<Arc<str>>> = BTreeMap::new();
    for (set, parts) in of_sets {
        affected.entry(parts).or_default().push(set.clone());
    }
    affected
}

/// What went, and what came.
fn sides<'a>(diff: &'a SnapshotDiff, parts: &Parts, released: &Released) -> (Side<'a>, Side<'a>) {
    let (mut out, mut into) = (Side::default(), Side::default());
    for (id, part) in parts {
        let (old, new) = (diff.older().provider(*id), diff.newer().provider(*id));
        match (part, old, new) {
            (Part::Left, Some(provider), _) => {
                let mut failed = diff.newer().failed_configs().iter();
                let cannot_run = failed.any(|failed| failed.name == *provider.name());
                let cause = if cannot_run {
                    Cause::CannotRun
                } else {
                    Cause::Configuration
                };
                let origin = Origin { provider, cause };
                out.providers.push(Whole { origin, is_new: false });
            }
            (Part::Joined, before, Some(provider)) => {
                let origin = Origin {
                    provider,
                    cause: Cause::Configuration,
                };
                into.providers.push(Whole {
                    origin,
                    is_new: before.is_none(),
                });
            }
            (Part::Changed, Some(old), Some(new)) => {
                let went = Going {
                    provider: old,
                    why: released.why(new),
                };
                let came = Origin {
                    provider: new,
                    cause: Cause::Update,
                };
                for change in new.groups().diff(old.groups()) {
                    match change {
                        GroupChange::Added(stored) => into.groups.push((came, stored)),
                        GroupChange::Removed(stored) => out.add_group(went, stored),
                        GroupChange::Changed { old, new } => compare(old, new, (went, came), (&mut out, &mut into)),
                    }
                }
            }
            _ => {}
        }
    }
    (out, into)
}

/// The targets of a group that are not as they were.
fn compare<'a>(
    old: &'a Stored,
    new: &'a Stored,
    (went, came): (Going<'a, '_>, Origin<'a>),
    (out, into): (&mut Side<'a>, &mut Side<'a>),
) {
    if old.group().labels() != new.group().labels() {
        out.add_group(went, old);
        into.groups.push((came, new));
        return;
    }
    // Both are sorted.
    let (mut olds, mut news) = (old.group().targets().peekable(), new.group().targets().peekable());
    loop {
        let order = match (olds.peek(), news.peek()) {
            (None, None) => return,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(old), Some(new)) => old.cmp(new),
        };
        let gone = if order.is_le() { olds.next() } else { None };
        let there = if order.is_ge() { news.next() } else { None };
        if order.is_ne() {
            out.targets
                .extend(gone.map(|own| went.target(Place { stored: old, own })));
            into.targets.extend(there.map(|own| (came, Place { stored: new, own })));
        }
    }
}

/// When nothing is on the other side, nothing has to be compared, and what is not listed is only counted.
fn one_sided<'a>(kind: ChangeKind, side: &Side<'a>, most_each: usize) -> Vec<Change<'a>> {
    let mut changes: BTreeMap<(ProviderId, Cause), Change<'a>> = BTreeMap::new();
    let mut add =
        |origin: Origin<'a>, stored: &'a Stored, count: usize, places: &mut dyn Iterator<Item = Place<'a>>| {
            let key = (origin.provider.id(), origin.cause);
            let source = || stored.group().source();
            let change = changes
                .entry(key)
                .or_insert_with(|| Change::new(kind, origin, source()));
            change.count(source, count);
            let room = most_each.saturating_sub(change.targets.len());
            change.targets.extend(places.take(room).map(|place| Target {
                address: place.address(),
                now: place,
                before: None,
            }));
        };
    for (origin, stored) in side.groups() {
        add(origin, stored, stored.group().target_count(), &mut places(stored));
    }
    for (origin, place) in &side.targets {
        add(*origin, place.stored, 1, &mut core::iter::once(*place));
    }
    changes.into_values().collect()
}

/// What is left when what is on both sides is taken from both.
fn net<'a>(out: &Side<'a>, into: &Side<'a>, most_each: usize) -> Vec<Change<'a>> {
    let (out, into) = (out.items(), into.items());
    let mut changes: BTreeMap<(ProviderId, ChangeKind, Cause), Change<'a>> = BTreeMap::new();
    let mut add = |kind: ChangeKind, item: &Item<'a>, before: Option<Place<'a>>| {
        let origin = item.origin;
        let key = (origin.provider.id(), kind, origin.cause);
        let source = item.place.source();
        let change = changes.entry(key).or_insert_with(|| Change::new(kind, origin, source));
        change.count(|| source, 1);
        if change.targets.len() < most_each {
            change.targets.push(Target {
                address: item.address,
                now: item.place,
                before,
            });
        }
    };
    let (mut out, mut into) = (&*out, &*into);
    loop {
        let address = match (out.first(), into.first()) {
            (None, None) => break,
            (Some(item), None) | (None, Some(item)) => item.address,
            (Some(gone), Some(there)) => gone.address.min(there.address),
        };
        let (gone, there) = (take_at(&mut out, address), take_at(&mut into, address));
        let (gone, there) = without_common(gone, there);
        let both = gone.len().min(there.len());
        for (gone, there) in gone.iter().zip(&there) {
            add(ChangeKind::Changed, there, Some(gone.place));
        }
        gone.iter()
            .skip(both)
            .for_each(|item| add(ChangeKind::Disappeared, item, None));
        there
            .iter()
            .skip(both)
            .for_each(|item| add(ChangeKind::Appeared, item, None));
    }
    changes.into_values().collect()
}

/// Takes the items at an address off the front.
fn take_at<'b, 'a>(items: &mut &'b [Item<'a>], address: &str) -> &'b [Item<'a>] {
    let count = items.iter().take_while(|item| item.address == address).count();
    let (at, rest) = items.split_at_checked(count).unwrap_or((items, &[]));
    *items = rest;
    at
}

/// Of two sorted lists, what is not in both.
fn without_common<'b, 'a>(out: &'b [Item<'a>], into: &'b [Item<'a>]) -> (Vec<&'b Item<'a>>, Vec<&'b Item<'a>>) {
    let (mut gone, mut there) = (Vec::new(), Vec::new());
    let (mut outs, mut intos) = (out.iter().peekable(), into.iter().peekable());
    loop {
        let order = match (outs.peek(), intos.peek()) {
            (None, None) => return (gone, there),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(out), Some(into)) => out.place.labels().cmp(into.place.labels()),
        };
        let out = if order.is_le() { outs.next() } else { None };
        let into = if order.is_ge() { intos.next() } else { None };
        if order.is_ne() {
            gone.extend(out);
            there.extend(into);
        }
    }
}

fn places(stored: &Stored) -> impl Iterator<Item = Place<'_>> {
    stored.group().targets().map(move |own| Place { stored, own })
}

impl<'a> Change<'a> {
    fn new(kind: ChangeKind, origin: Origin<'a>, source: &'a str) -> Self {
        Self {
            sets: Vec::new(),
            provider: origin.provider,
            kind,
            cause: origin.cause,
            count: 0,
            source: Some(source),
            targets: Vec::new(),
        }
    }

    /// Counts so many more targets of a source, which is looked up only as long as all were of one.
    fn count(&mut self, source: impl Fn() -> &'a str, count: usize) {
        self.count = self.count.saturating_add(count);
        self.source = self.source.filter(|one| *one == source());
    }
}

impl<'a> Whole<'a> {
    fn groups(&self) -> impl Iterator<Item = (Origin<'a>, &'a Stored)> + use<'a> {
        let Self { origin, is_new } = *self;
        origin.provider.groups().iter().map(move |stored| {
            let cause = if is_new && stored.update() == 0 {
                Cause::Restored
            } else {
                origin.cause
            };
            (Origin { cause, ..origin }, stored)
        })
    }
}

impl<'a> Going<'a, '_> {
    fn target(&self, place: Place<'a>) -> (Origin<'a>, Place<'a>) {
        let origin = Origin {
            provider: self.provider,
            cause: self.why.of(place.address()),
        };
        (origin, place)
    }
}

impl<'a> Side<'a> {
    /// All targets of a group that went: as a whole, if they went for one reason.
    fn add_group(&mut self, went: Going<'a, '_>, stored: &'a Stored) {
        let cause = went.why.of_all().or_else(|| {
            let mut causes = places(stored).map(|place| went.why.of(place.address()));
            let first = causes.next()?;
            causes.all(|cause| cause == first).then_some(first)
        });
        let provider = went.provider;
        match cause {
            Some(cause) => self.groups.push((Origin { provider, cause }, stored)),
            None => self.targets.extend(places(stored).map(|place| went.target(place))),
        }
    }

    fn is_empty(&self) -> bool {
        let has_some = |whole: &Whole<'_>| !whole.origin.provider.groups().is_empty();
        self.groups.is_empty() && self.targets.is_empty() && !self.providers.iter().any(has_some)
    }

    /// The groups of which it has all targets.
    fn groups(&self) -> impl Iterator<Item = (Origin<'a>, &'a Stored)> {
        let of_providers = self.providers.iter().flat_map(Whole::groups);
        of_providers.chain(self.groups.iter().copied())
    }

    /// Every target, sorted by address and labels; those that are the same, by provider and source.
    fn items(&self) -> Vec<Item<'a>> {
        let of_groups = self.groups();
        let of_groups = of_groups.flat_map(|(origin, stored)| places(stored).map(move |place| (origin, place)));
        let all = of_groups.chain(self.targets.iter().copied());
        let mut items: Vec<_> = all
            .map(|(origin, place)| Item {
                address: place.address(),
                origin,
                place,
            })
            .collect();
        items.sort_by(|a, b| {
            let by_labels = || a.place.labels().cmp(b.place.labels());
            let by_origin = || a.origin.provider.id().cmp(&b.origin.provider.id());
            let by_source = || a.place.source().cmp(b.place.source());
            a.address
                .cmp(b.address)
                .then_with(by_labels)
                .then_with(by_origin)
                .then_with(by_source)
        });
        items
    }
}

impl<'a> Target<'a> {
    pub(super) fn source(&self) -> &'a str {
        self.now.source()
    }
}

impl<'a> Place<'a> {
    fn source(&self) -> &'a str {
        self.stored.group().source()
    }

    fn address(&self) -> &'a str {
        self.get(ADDRESS).unwrap_or_default()
    }

    fn get(&self, name: &str) -> Option<&'a str> {
        self.own.get(name).or_else(|| self.stored.group().labels().get(name))
    }

    /// The target's labels with those of its group, sorted by name; its own count.
    fn labels(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let (mut own, mut shared) = (
            self.own.iter().peekable(),
            self.stored.group().labels().iter().peekable(),
        );
        core::iter::from_fn(move || {
            let order = match (own.peek(), shared.peek()) {
                (_, None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((own, _)), Some((shared, _))) => own.cmp(shared),
            };
            let common = if order.is_ge() { shared.next() } else { None };
            if order.is_le() { own.next() } else { common }
        })
    }
}

impl HistoryProvider {
    pub(super) fn of(provider: &ProviderSnapshot) -> Self {
        Self {
            id: provider.id(),
            name: provider.name().clone(),
            description: provider.description().clone(),
        }
    }
}
