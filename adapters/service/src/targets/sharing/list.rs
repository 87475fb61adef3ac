//! A member's list as bytes.
//!
//! **A list costs what changed since the one before**: its entries stand in the order of their targets' keys, in runs that begin
//! where a key says so, and a run is written anew when what is on it changed: a target came or went, or one of its group's may have
//! other labels. The same targets give the same bytes and the same runs, whatever was there before.

use std::collections::BTreeSet;
use std::sync::Arc;

use headcount_core::allocation::TargetKey;
use headcount_core::{TargetId, TargetPool, TargetView, planted};
use imbl::OrdMap;

use super::super::list::entry_writer;
use super::super::{Names, State};
use super::ids::JobTargets;
use super::{Form, ListPlace, Shared};
use crate::ListKind;
use crate::discovery::{ADDRESS, Encoded, Piece, merged, write_labels, write_string};

/// About how many targets a run has.
const TARGETS: u64 = 128;

/// Each run by the key that it begins with, the first by 0, as bytes if it has entries.
type Runs = OrdMap<u64, Option<Arc<Piece>>>;

/// A list, and of what it was made.
#[derive(Debug)]
pub(super) struct KeptList {
    of: Of,
    runs: Runs,
    list: Arc<Encoded>,
}

/// Of what a list is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Of {
    /// Of the shares, and of the member's list of the job.
    share: [u64; 2],
    /// Of the pools, their configuration, and the job's pool.
    pools: [u64; 3],
    /// Of the job's keys.
    keys: [u64; 2],
}

/// What is known of a list.
pub(super) enum Kept {
    /// All of it, with its version.
    Written(Arc<Encoded>, u64),
    /// What is on it.
    Drawn(Drawn),
}

/// What is to be on a list.
pub(super) struct Drawn {
    of: Of,
    runs: Runs,
    /// The runs that are to be written, and what is on them.
    dirty: BTreeSet<u64>,
    targets: Vec<(TargetId, TargetKey)>,
}

impl Shared {
    /// A member's list of a job, if the job's list is to be handed out. `state` is the one that this is of.
    pub(super) fn look_up(&self, state: &State, place: &ListPlace) -> Option<Kept> {
        let (member, job, _) = place;
        let pools = pools_of(state, job)?;
        let (version, _) = self.shares.list(member, job)?;
        let targets = self.jobs.get(job);
        let of = Of {
            share: [self.life, version],
            pools,
            keys: [self.builds, targets.map_or(0, JobTargets::next_change)],
        };
        let kept = self.lists.get(place);
        if let Some(kept) = kept.filter(|kept| kept.of == of) {
            return Some(Kept::Written(kept.list.clone(), version));
        }
        let changed = kept.and_then(|kept| Some((kept, self.changed(state, place, &kept.of, &of)?)));
        let (runs, dirty) = match changed {
            Some((kept, changed)) => self.edited(place, &kept.runs, &changed),
            None => self.all_runs(place),
        };
        let on_run = |start: &u64| {
            let end = runs.range(start.saturating_add(1)..).next().map(|(end, _)| *end);
            let keys = self.shares.listed_from(member, job, TargetKey::from_number(*start));
            keys.take_while(move |key| end.is_none_or(|end| key.number() < end))
        };
        let ids = |key| {
            let ids = targets.into_iter().flat_map(move |targets| targets.ids(key));
            ids.map(move |id| (*id, key))
        };
        let mut on_list: Vec<(TargetId, TargetKey)> = dirty.iter().flat_map(on_run).flat_map(ids).collect();
        on_list.sort_unstable();
        Some(Kept::Drawn(Drawn {
            of,
            targets: on_list,
            runs,
            dirty,
        }))
    }

    /// The keys of which the entries may be others than on the list that was made of `before`, or that are on it no longer or
    /// newly. `None` if that is not known.
    fn changed(&self, state: &State, place: &ListPlace, before: &Of, now: &Of) -> Option<BTreeSet<TargetKey>> {
        let (member, job, _) = place;
        let ([life, version], [state_life, configuration, touched]) = (before.share, before.pools);
        let [builds, noted] = before.keys;
        if [life, builds] != [self.life, self.builds] || [state_life, configuration] != now.pools[..2] {
            return None;
        }
        let (targets, pool) = (self.jobs.get(job)?, state.pools.pool(job)?);
        let mut changed: BTreeSet<TargetKey> = self.shares.changed_since(member, job, version)?.collect();
        let is_listed = |key: &TargetKey| self.shares.is_listed(member, job, *key);
        changed.extend(targets.changed_since(noted)?.filter(is_listed));
        let touched: BTreeSet<_> = pool.touched_since(touched)?.collect();
        for (id, hash) in planted!(touched, OtherLabelsAreOnNoMembersList, BTreeSet::new()) {
            let provider = state.view.snapshot.provider(id);
            let stored = provider
                .into_iter()
                .flat_map(|provider| provider.groups().of_hash(hash));
            for stored in stored {
                let views = pool.group_targets(id, stored.group().source());
                let keys = views.filter_map(|view| targets.key(view.fate.scraped()?));
                changed.extend(keys.filter(is_listed));
            }
        }
        Some(changed)
    }

    /// The runs after these keys changed, and which are to be written.
    fn edited(&self, place: &ListPlace, before: &Runs, changed: &BTreeSet<TargetKey>) -> (Runs, BTreeSet<u64>) {
        let (member, job, _) = place;
        let (mut runs, mut dirty) = (before.clone(), BTreeSet::new());
        for key in changed.iter().filter(|key| begins_run(**key)) {
            match self.shares.is_listed(member, job, *key) {
                true if !runs.contains_key(&key.number()) => {
                    runs.insert(key.number(), None);
                    dirty.insert(*key);
                }
                true => {}
                false => drop(runs.remove(&key.number())),
            }
        }
        let start = |before: u64| runs.range(..before).next_back().map_or(0, |(start, _)| *start);
        // What begins a run was on the one before.
        let halved: Vec<u64> = dirty.into_iter().map(|key: TargetKey| start(key.number())).collect();
        let of_changed = changed.iter().map(|key| start(key.number().saturating_add(1)));
        let dirty = halved.into_iter().chain(of_changed).collect();
        (runs, dirty)
    }

    /// All runs, none of them written.
    fn all_runs(&self, place: &ListPlace) -> (Runs, BTreeSet<u64>) {
        let (member, job, _) = place;
        let keys = self.shares.listed_from(member, job, TargetKey::from_number(0));
        let starts = keys.filter(|key| begins_run(*key)).map(TargetKey::number);
        let starts: BTreeSet<u64> = starts.chain([0]).collect();
        (starts.iter().map(|start| (*start, None)).collect(), starts)
    }

    /// Keeps what was written of `drawn`, or what was meanwhile by somebody else.
    pub(super) fn keep(&mut self, place: ListPlace, drawn: &Drawn, (runs, list): Written) -> Arc<Encoded> {
        let of = drawn.of;
        match self.lists.get(&place) {
            Some(kept) if kept.of == of => kept.list.clone(),
            _ if self.shares.has(&place.0) => {
                let kept = KeptList {
                    of,
                    runs,
                    list: list.clone(),
                };
                self.lists.insert(place, kept);
                list
            }
            _ => list,
        }
    }
}

/// What was written.
pub(super) type Written = (Runs, Arc<Encoded>);

impl Drawn {
    pub(super) fn version(&self) -> u64 {
        let [_, version] = self.of.share;
        version
    }

    /// How many targets are to be written.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.targets.len()
    }

    /// The list, if `state` is the one of which it was drawn up.
    pub(super) fn write(&self, state: &State, place: &ListPlace) -> Option<Written> {
        let (_, job, form) = place;
        if pools_of(state, job)? != self.of.pools {
            return None;
        }
        let pool = state.pools.pool(job)?;
        let views = pool.find(self.targets.iter().map(|(id, _)| *id));
        let entries = match form {
            Form::Of(ListKind::Discovered) => self.written(views, discovered),
            Form::Allocator => self.written(views, allocated),
            Form::Of(ListKind::Relabelled) => self.written(views, relabelled(pool, Names::AsTheyAre)),
            Form::Of(ListKind::RelabelledInUnderscores) => self.written(views, relabelled(pool, Names::Underscores)),
        };
        let mut runs = self.runs.clone();
        let mut entries = entries.into_iter().peekable();
        let mut bytes = Vec::new();
        for start in &self.dirty {
            let end = runs.range(start.saturating_add(1)..).next().map(|(end, _)| *end);
            bytes.clear();
            while let Some((_, entry)) = entries.next_if(|(key, _)| end.is_none_or(|end| key.number() < end)) {
                bytes.extend_from_slice(&entry);
            }
            runs.insert(*start, Piece::of_entries(&bytes));
        }
        let list = Encoded::of_pieces(runs.values().flatten().cloned());
        Some((runs, Arc::new(list)))
    }

    /// Each target's entry, after a comma and the end of a line; in the order of their keys, and of what they say.
    fn written<'a>(
        &self,
        views: impl Iterator<Item = TargetView<'a>>,
        mut write: impl FnMut(&TargetView<'a>, &mut Vec<u8>),
    ) -> Vec<(TargetKey, Vec<u8>)> {
        let mut entries = Vec::with_capacity(self.targets.len());
        for view in views {
            let place = view
                .fate
                .scraped()
                .map(|id| self.targets.partition_point(|(other, _)| *other < id));
            let Some((_, key)) = place.and_then(|place| self.targets.get(place)) else {
                continue;
            };
            let mut entry = Vec::new();
            write(&view, &mut entry);
            if !entry.is_empty() {
                entries.push((*key, entry));
            }
        }
        entries.sort_unstable();
        entries
    }
}

/// Whether a run begins with this target: one in so many.
fn begins_run(key: TargetKey) -> bool {
    key.number().is_multiple_of(TARGETS)
}

/// What tells the job's targets from those that it had or will have, if its list is to be handed out.
fn pools_of(state: &State, job: &str) -> Option<[u64; 3]> {
    let pool = state.pools.pool(job)?;
    let is_delivered = state.view.jobs.get(job)?.delivery.is_delivered();
    is_delivered.then(|| [state.life, state.configuration, pool.next_touched()])
}

/// As it was discovered, for who relabels it himself.
fn discovered(view: &TargetView<'_>, out: &mut Vec<u8>) {
    write_discovered(view, false, out);
}

/// The same with the address among the labels.
fn allocated(view: &TargetView<'_>, out: &mut Vec<u8>) {
    write_discovered(view, true, out);
}

fn write_discovered(view: &TargetView<'_>, is_address_label: bool, out: &mut Vec<u8>) {
    let address = view.labels.get(ADDRESS).or(view.group.labels().get(ADDRESS));
    let Some(address) = address else { return };
    out.extend_from_slice(b",\n{\"targets\":[");
    write_string(out, address);
    out.extend_from_slice(b"],\"labels\":");
    // A name that begins with underscores stands before nearly all others, and the order of JSON says nothing.
    let label = is_address_label.then_some((ADDRESS, address));
    let own = view.labels.iter().filter(|(name, _)| *name != ADDRESS);
    write_labels(out, label.into_iter().chain(merged(own, view.group.labels())));
    out.push(b'}');
}

fn relabelled(pool: &TargetPool, names: Names) -> impl FnMut(&TargetView<'_>, &mut Vec<u8>) {
    entry_writer(pool, names)
}
