//! A set's groups in the order of its list, in runs of which each is a piece.
//!
//! The one rule: **what changes costs the runs that it falls into.** Where a run begins is decided by the hash of the
//! group that it begins with, and by how many targets that has: so the same groups are in the same runs, whatever was there
//! before, and after a restart. A run remembers hashes of sources and no groups, which would keep old ones alive.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread;

use headcount_core::{Group, GroupChange, Groups, ProviderId, ProviderSnapshot, SetView};

use super::encoded::Encoded;
use super::piece::{Piece, Shelf};
use super::sorted::{self, Entry};

/// About how many targets a run has.
const TARGETS: u64 = 128;

/// Runs that are worth a thread of their own.
const RUNS_A_THREAD: usize = 64;

/// Threads that encode a list at most.
const MOST_THREADS: usize = 4;

/// Writes the entries of a group, each after a comma and the end of a line.
pub(crate) trait Write: FnMut(ProviderId, &Group, &mut Vec<u8>) {}

impl<T: FnMut(ProviderId, &Group, &mut Vec<u8>)> Write for T {}

/// A group whose entries may be others although it is the same group.
pub(crate) type Touched = (ProviderId, u64);

/// The list of a set in one state, and what is needed to make that of the next.
#[derive(Debug, Default)]
pub(crate) struct Index {
    members: Vec<ProviderId>,
    /// The state of each.
    states: Vec<Groups>,
    runs: Vec<Run>,
    list: Option<Arc<Encoded>>,
    /// What whoever writes the list has seen of its own: kept here, and not looked at.
    pub(crate) seen: [u64; 3],
}

/// Groups that stand together.
#[derive(Debug)]
struct Run {
    /// What it begins with. What comes before the first run belongs to that.
    source: Box<str>,
    member: u32,
    /// The hashes of the sources, and which providers have them: nothing where it is the first for all.
    hashes: Box<[u64]>,
    members: Box<[u32]>,
    /// Nothing where the groups have no entries.
    piece: Option<Arc<Piece>>,
}

impl Index {
    /// The list of `set` as it is. `touched` are groups that are encoded anew in any case; with `None` all are. Each thread
    /// that encodes makes what it writes with.
    pub(super) fn update<W: Write>(
        &mut self,
        set: SetView<'_>,
        touched: Option<&[Touched]>,
        shelf: &Shelf,
        writer: impl Fn() -> W + Sync,
    ) -> Arc<Encoded> {
        let members: Vec<_> = set.providers().collect();
        let is_known = members
            .iter()
            .map(|provider| provider.id())
            .eq(self.members.iter().copied());
        let changed = match (touched, &self.list) {
            (Some(touched), Some(_)) if is_known => self.changed(&members, touched),
            _ => None,
        };
        match (changed, &self.list) {
            (Some(changed), Some(list)) if changed.is_empty() => return list.clone(),
            (Some(changed), Some(_)) => self.edit(&members, changed, shelf, writer),
            _ => self.runs = encode(&split(&sorted::all(&members)), &members, shelf, writer),
        }
        self.members = members.iter().map(|provider| provider.id()).collect();
        self.states = members.iter().map(|provider| provider.groups().clone()).collect();
        let list = Arc::new(Encoded::new(
            self.runs.iter().filter_map(|run| run.piece.clone()).collect(),
        ));
        self.list = Some(list.clone());
        list
    }

    /// What may have other entries, by run. `None` where that is so much that all of it is better made anew.
    fn changed(&self, members: &[&ProviderSnapshot], touched: &[Touched]) -> Option<Changed> {
        let most = members.iter().map(|provider| provider.groups().len()).sum::<usize>() / 8 + 8;
        let (mut changed, mut count) = (Changed::default(), 0);
        let mut add = |source: &str, member: u32, hash: u64| {
            count += 1;
            changed
                .entry(self.run_of(source, member))
                .or_default()
                .insert((member, hash));
            count <= most
        };
        for ((member, provider), before) in (0_u32..).zip(members).zip(&self.states) {
            for change in provider.groups().diff(before) {
                let (GroupChange::Added(stored)
                | GroupChange::Removed(stored)
                | GroupChange::Changed { new: stored, .. }) = change;
                if !add(stored.group().source(), member, stored.group().source_hash()) {
                    return None;
                }
            }
            for (_, hash) in touched.iter().filter(|(id, _)| *id == provider.id()) {
                for stored in provider.groups().of_hash(*hash) {
                    if !add(stored.group().source(), member, *hash) {
                        return None;
                    }
                }
            }
        }
        Some(changed)
    }

    /// The run that a group belongs to.
    fn run_of(&self, source: &str, member: u32) -> usize {
        let after = self.runs.partition_point(|run| run.place() <= (source, member));
        after.saturating_sub(1)
    }

    fn edit<W: Write>(
        &mut self,
        members: &[&ProviderSnapshot],
        mut changed: Changed,
        shelf: &Shelf,
        writer: impl Fn() -> W + Sync,
    ) {
        // From the end, so that the places of what comes before stay. What is made anew stands for runs that were there.
        let mut made: Vec<(std::ops::Range<usize>, Vec<Entry<'_>>)> = Vec::new();
        while let Some((last, mut hashes)) = changed.pop_last() {
            let mut first = last;
            let entries = loop {
                let runs = self.runs.get(first..=last).unwrap_or_default();
                hashes.extend(runs.iter().flat_map(Run::hashes));
                let end = self.runs.get(last + 1).map(Run::place);
                let start = self.runs.get(first).filter(|_| first > 0).map(Run::place);
                let entries = found(members, &hashes, start, end);
                // Without a group that a run begins with, it is a part of the one before.
                if first == 0 || entries.first().is_some_and(begins_run) {
                    break entries;
                }
                first -= 1;
                hashes.extend(changed.remove(&first).unwrap_or_default());
            };
            made.push((first..(last + 1).min(self.runs.len()), entries));
        }
        let parts: Vec<Vec<&[Entry<'_>]>> = made.iter().map(|(_, entries)| split(entries)).collect();
        let all: Vec<&[Entry<'_>]> = parts.iter().flatten().copied().collect();
        let mut runs = encode(&all, members, shelf, writer).into_iter();
        for ((range, _), parts) in made.iter().zip(&parts) {
            self.runs.splice(range.clone(), runs.by_ref().take(parts.len()));
        }
    }
}

/// The members and hashes of what changed, by the run that it belongs to.
type Changed = BTreeMap<usize, BTreeSet<(u32, u64)>>;

impl Run {
    fn place(&self) -> (&str, u32) {
        (&self.source, self.member)
    }

    fn hashes(&self) -> impl Iterator<Item = (u32, u64)> {
        let members = self.members.iter().copied().chain(std::iter::repeat(0));
        members.zip(self.hashes.iter().copied())
    }

    fn new(entries: &[Entry<'_>], piece: Option<Arc<Piece>>) -> Self {
        let (source, member) = entries.first().map_or(("", 0), Entry::place);
        let members = match entries.iter().all(|entry| entry.member == 0) {
            true => Box::default(),
            false => entries.iter().map(|entry| entry.member).collect(),
        };
        Self {
            source: source.into(),
            member,
            hashes: entries.iter().map(|entry| entry.stored.group().source_hash()).collect(),
            members,
            piece,
        }
    }
}

/// The groups of these hashes that are there, from `start` up to `end`, in order.
fn found<'a>(
    members: &[&'a ProviderSnapshot],
    hashes: &BTreeSet<(u32, u64)>,
    start: Option<(&str, u32)>,
    end: Option<(&str, u32)>,
) -> Vec<Entry<'a>> {
    let mut entries = Vec::with_capacity(hashes.len());
    for (member, hash) in hashes {
        let provider = members.get(*member as usize);
        let stored = provider.map(|provider| provider.groups().of_hash(*hash));
        let of_hash = stored.into_iter().flatten().map(|stored| Entry::new(*member, stored));
        entries.extend(of_hash.filter(|entry| {
            // Of two sources with one hash, the other may be elsewhere.
            start.is_none_or(|start| entry.place() >= start) && end.is_none_or(|end| entry.place() < end)
        }));
    }
    sorted::sort(&mut entries);
    entries
}

/// Whether a run begins with this group: one in so many, and the likelier the more targets it has.
fn begins_run(entry: &Entry<'_>) -> bool {
    let targets = entry.stored.group().target_count() as u64;
    // The low half: the high one decides where a group stands in the manager.
    let hash = entry.stored.group().source_hash() & u64::from(u32::MAX);
    hash * TARGETS < targets.clamp(1, TARGETS) << 32
}

/// Cuts groups into runs.
fn split<'a, 'b>(entries: &'b [Entry<'a>]) -> Vec<&'b [Entry<'a>]> {
    entries.chunk_by(|_, next| !begins_run(next)).collect()
}

/// Encodes runs, on several threads where they are many.
fn encode<W: Write>(
    runs: &[&[Entry<'_>]],
    members: &[&ProviderSnapshot],
    shelf: &Shelf,
    writer: impl Fn() -> W + Sync,
) -> Vec<Run> {
    let pieces = |runs: &[&[Entry<'_>]]| -> Vec<Option<Piece>> {
        let (mut write, mut bytes) = (writer(), Vec::new());
        let mut piece = |entries: &[Entry<'_>]| {
            bytes.clear();
            for entry in entries {
                if let Some(provider) = members.get(entry.member as usize) {
                    write(provider.id(), entry.stored.group(), &mut bytes);
                }
            }
            (!bytes.is_empty()).then(|| Piece::new(&bytes))
        };
        runs.iter().map(|entries| piece(entries)).collect()
    };
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let threads = threads.min(MOST_THREADS).min(runs.len() / RUNS_A_THREAD).max(1);
    let pieces = &pieces;
    let pieces: Vec<_> = match threads {
        1 => pieces(runs),
        _ => thread::scope(|scope| {
            let parts = runs.chunks(runs.len().div_ceil(threads));
            let parts: Vec<_> = parts.map(|part| scope.spawn(move || pieces(part))).collect();
            let joined = parts.into_iter().map(|part| part.join());
            joined
                .flat_map(|part| part.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect()
        }),
    };
    let runs = runs.iter().zip(pieces);
    runs.map(|(entries, piece)| Run::new(entries, piece.map(|piece| shelf.shelve(piece))))
        .collect()
}
