//! A member's list as bytes.
//!
//! **The same targets give the same bytes**: entries are sorted by what they say. A list is written anew when the member's
//! share changed, or a group of the job, and costs what is on it.

use std::sync::Arc;

use headcount_core::{TargetId, TargetPool, TargetView};

use super::super::list::entry_writer;
use super::super::{Names, State};
use super::{Form, ListPlace, Shared};
use crate::ListKind;
use crate::discovery::{ADDRESS, Encoded, merged, write_labels, write_string};

/// A list, and of what it was made.
#[derive(Debug)]
pub(super) struct KeptList {
    of: Of,
    list: Arc<Encoded>,
}

/// Of what a list is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Of {
    /// Of the shares, and of the member's list of the job.
    share: [u64; 2],
    /// Of the pools, their configuration, and the job's pool.
    pools: [u64; 3],
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
    targets: Vec<TargetId>,
}

impl Shared {
    /// A member's list of a job, if the job's list is to be handed out. `state` is the one that this is of.
    pub(super) fn look_up(&self, state: &State, place: &ListPlace) -> Option<Kept> {
        let (member, job, _) = place;
        let pools = pools_of(state, job)?;
        let (version, keys) = self.shares.list(member, job)?;
        let of = Of {
            share: [self.life, version],
            pools,
        };
        if let Some(kept) = self.lists.get(place).filter(|kept| kept.of == of) {
            return Some(Kept::Written(kept.list.clone(), version));
        }
        let targets = self.jobs.get(job);
        let ids = keys.flat_map(|key| targets.into_iter().flat_map(move |targets| targets.ids(key)));
        Some(Kept::Drawn(Drawn {
            of,
            targets: ids.copied().collect(),
        }))
    }

    /// Keeps what was written of `drawn`, or what was meanwhile by somebody else.
    pub(super) fn keep(&mut self, place: ListPlace, drawn: &Drawn, list: Arc<Encoded>) -> Arc<Encoded> {
        let of = drawn.of;
        match self.lists.get(&place) {
            Some(kept) if kept.of == of => kept.list.clone(),
            _ if self.shares.has(&place.0) => {
                let kept = KeptList { of, list: list.clone() };
                self.lists.insert(place, kept);
                list
            }
            _ => list,
        }
    }
}

impl Drawn {
    pub(super) fn version(&self) -> u64 {
        let [_, version] = self.of.share;
        version
    }

    /// The list, if `state` is the one of which it was drawn up.
    pub(super) fn write(&self, state: &State, place: &ListPlace) -> Option<Arc<Encoded>> {
        let (_, job, form) = place;
        if pools_of(state, job)? != self.of.pools {
            return None;
        }
        let pool = state.pools.pool(job)?;
        let views = pool.find(self.targets.iter().copied());
        let entries = match form {
            Form::Of(ListKind::Discovered) => written(views, discovered),
            Form::Allocator => written(views, allocated),
            Form::Of(ListKind::Relabelled) => written(views, relabelled(pool, Names::AsTheyAre)),
            Form::Of(ListKind::RelabelledInUnderscores) => written(views, relabelled(pool, Names::Underscores)),
        };
        Some(Arc::new(Encoded::of_entries(&entries)))
    }
}

/// What tells the job's targets from those that it had or will have, if its list is to be handed out.
fn pools_of(state: &State, job: &str) -> Option<[u64; 3]> {
    let pool = state.pools.pool(job)?;
    let is_delivered = state.view.jobs.get(job)?.delivery.is_delivered();
    is_delivered.then(|| [state.life, state.configuration, pool.next_touched()])
}

/// Each target's entry, after a comma and the end of a line; sorted.
fn written<'a>(
    views: impl Iterator<Item = TargetView<'a>>,
    mut write: impl FnMut(&TargetView<'a>, &mut Vec<u8>),
) -> Vec<Vec<u8>> {
    let mut entries: Vec<Vec<u8>> = Vec::new();
    for view in views {
        let mut entry = Vec::new();
        write(&view, &mut entry);
        entries.push(entry);
    }
    entries.retain(|entry| !entry.is_empty());
    entries.sort_unstable();
    entries
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
