//! A member's list as bytes.
//!
//! **The same targets give the same bytes**: entries are sorted by what they say. A list is written anew when the member's
//! share changed, or a group of the job, and costs what is on it.

use std::sync::Arc;

use headcount_core::{TargetPool, TargetView};

use super::super::list::entry_writer;
use super::super::{Names, State};
use super::Shared;
use crate::ListKind;
use crate::discovery::{ADDRESS, Encoded, merged, write_labels, write_string};

/// A list, and of what it was made.
#[derive(Debug)]
pub(super) struct KeptList {
    /// Of the share, and of the pool's state.
    of: [u64; 4],
    list: Arc<Encoded>,
}

impl Shared {
    /// A member's list of a job, with its version, if the job's list is to be handed out.
    pub(super) fn list(
        &mut self,
        state: &State,
        member: &str,
        job: &str,
        kind: ListKind,
    ) -> Option<(Arc<Encoded>, u64)> {
        let pool = state.pools.pool(job)?;
        if !state.view.jobs.get(job)?.delivery.is_delivered() {
            return None;
        }
        let (version, keys) = self.shares.list(member, job)?;
        let of = [version, state.life, state.configuration, pool.next_touched()];
        let place = (Arc::from(member), Arc::from(job), kind);
        if let Some(kept) = self.lists.get(&place).filter(|kept| kept.of == of) {
            return Some((kept.list.clone(), version));
        }
        let targets = self.jobs.get(job);
        let ids = keys.flat_map(|key| targets.into_iter().flat_map(move |targets| targets.ids(key)));
        let views = pool.find(ids.copied());
        let entries = match kind {
            ListKind::Discovered => written(views, discovered),
            ListKind::Relabelled => written(views, relabelled(pool, Names::AsTheyAre)),
            ListKind::RelabelledInUnderscores => written(views, relabelled(pool, Names::Underscores)),
        };
        let list = Arc::new(Encoded::of_entries(&entries));
        let kept = KeptList { of, list: list.clone() };
        self.lists.insert(place, kept);
        Some((list, version))
    }
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
    let address = view.labels.get(ADDRESS).or(view.group.labels().get(ADDRESS));
    let Some(address) = address else { return };
    out.extend_from_slice(b",\n{\"targets\":[");
    write_string(out, address);
    out.extend_from_slice(b"],\"labels\":");
    let own = view.labels.iter().filter(|(name, _)| *name != ADDRESS);
    write_labels(out, merged(own, view.group.labels()));
    out.push(b'}');
}

fn relabelled(pool: &TargetPool, names: Names) -> impl FnMut(&TargetView<'_>, &mut Vec<u8>) {
    entry_writer(pool, names)
}
