//! Members with nearly the same number of targets each: bounded rendezvous, by deferred acceptance.
//!
//! Each target asks the member that fits best, and then the next. A member takes who asks until it has as many as it may
//! have, 5 % more than the mean; from then on it keeps those that fit best, and who is turned away asks the next. In which order
//! they ask does not matter, since both sides go by the same fits: **there is one end, and it is
//! kept up to date at the cost of what changes.**
//!
//! ```text
//!  fits      a    b    c      each may have two
//!  t1       90   50   10      asks a
//!  t2       80   70   20      asks a
//!  t3       85   30   60      asks a, which turns t2 away; t2 asks b
//!                             t1 goes: a takes t2, who waits there, and b is left
//! ```
//!
//! For that, each member knows who would rather be with it and was turned away. Copies of one target are with different
//! members; a target that finds fewer members than it has copies, because all others are full, has the rest where it fits
//! best, beyond the bound. That takes few targets, or hardly more members than copies.

mod settle;
mod state;

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::key::TargetKey;
use super::rendezvous::{ByKey, Fit, Seed};
use state::{Member, Owners, Placed, Seat};

/// The most copies that there are of a target.
pub const MAX_REPLICAS: usize = 4;

/// The most members.
pub const MAX_MEMBERS: usize = 10_000;

/// How much of the mean a member may have, in hundredths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bound(pub(super) u64);

impl Bound {
    /// Where all targets are alike.
    pub(super) const OF_EQUALS: Self = Self(105);

    /// What a member may have where so much is shared out: so much more than the mean, or what the mean is short of a whole
    /// one.
    pub(super) fn over_the_mean(self, all: u64, members: usize) -> u64 {
        let (all, members) = (u128::from(all), (members as u128).max(1));
        let above = all
            .saturating_mul(self.0.into())
            .checked_div(members.saturating_mul(100));
        let least = all.div_ceil(members);
        u64::try_from(above.unwrap_or_default().max(least)).unwrap_or(u64::MAX)
    }
}

/// The slot of no member.
const NOBODY: u16 = u16::MAX;

/// A target came to a member, or left it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Move {
    /// The target.
    pub key: TargetKey,
    /// The member.
    pub member: Arc<str>,
    /// Whether it owns the target now.
    pub came: bool,
}

/// Which members own which targets.
///
/// After each change, or after several, [`take_moves`](Self::take_moves) says what moved.
#[derive(Debug)]
pub struct Consistent {
    /// How many copies there are to be of each target.
    wanted: usize,
    /// Members by number. One that is gone has its number until its moves were taken.
    slots: Vec<Member>,
    by_name: BTreeMap<Arc<str>, u16>,
    /// The members that are there, to ask for fits.
    seats: Vec<Seat>,
    targets: HashMap<u64, Placed, ByKey>,
    /// Who is to ask the members that fit less well than this.
    asking: Vec<(u64, Fit)>,
    /// Members that may have room for who waits.
    roomy: Vec<u16>,
    /// Copies beyond the bound, of targets that found too few members.
    forced: BTreeMap<u64, Owners>,
    /// Targets that may have found too few, or no longer.
    in_question: BTreeSet<u64>,
    /// Who came to whom, or left, as often as that happened.
    moved: Vec<(u64, u16)>,
    /// Numbers that are free, and those that will be.
    free: Vec<u16>,
    retired: Vec<u16>,
}

impl Consistent {
    /// Nobody owns anything. `replicas` is how many members each target is to have: at least one, and at most
    /// [`MAX_REPLICAS`].
    pub fn new(replicas: usize) -> Self {
        Self {
            wanted: replicas.clamp(1, MAX_REPLICAS),
            slots: Vec::new(),
            by_name: BTreeMap::new(),
            seats: Vec::new(),
            targets: HashMap::default(),
            asking: Vec::new(),
            roomy: Vec::new(),
            forced: BTreeMap::new(),
            in_question: BTreeSet::new(),
            moved: Vec::new(),
            free: Vec::new(),
            retired: Vec::new(),
        }
    }

    /// Without targets, with the members of another, each under the same number there and here for as long as both take the same
    /// members in and out.
    pub(super) fn like(other: &Self) -> Self {
        let without = |member: &Member| Member {
            name: member.name.clone(),
            seed: member.seed,
            capacity: 0,
            held: BTreeSet::new(),
            waiting: BTreeSet::new(),
        };
        Self {
            slots: other.slots.iter().map(without).collect(),
            by_name: other.by_name.clone(),
            seats: other.seats.clone(),
            free: other.free.clone(),
            retired: other.retired.clone(),
            ..Self::new(other.wanted)
        }
    }

    /// The members, sorted by name.
    pub fn members(&self) -> impl ExactSizeIterator<Item = &Arc<str>> {
        self.by_name.keys()
    }

    /// Whether there is a member of this name.
    pub fn has_member(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// How many targets there are.
    pub fn len(&self) -> usize {
        self.targets.len()
    }

    /// Whether there are no targets.
    pub fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }

    /// Whether there is a target of this key.
    pub fn has(&self, key: TargetKey) -> bool {
        self.targets.contains_key(&key.0)
    }

    /// The members that own a target, sorted by name: as many as there are to be copies, or all that there are.
    pub fn owners(&self, key: TargetKey) -> impl Iterator<Item = &Arc<str>> {
        let placed = self.targets.get(&key.0).map(|placed| placed.owners);
        let slots = placed.into_iter().chain(self.forced.get(&key.0).copied());
        let names = slots.flat_map(Owners::iter).filter_map(|slot| self.member(slot));
        let mut names: Vec<&Arc<str>> = names.map(|member| &member.name).collect();
        names.sort_unstable();
        names.into_iter()
    }

    /// How many targets a member owns.
    pub fn count(&self, member: &str) -> usize {
        let Some(slot) = self.by_name.get(member) else { return 0 };
        let held = self.member(*slot).map_or(0, |member| member.held.len());
        let forced = self.forced.values().filter(|owners| owners.has(*slot)).count();
        held.saturating_add(forced)
    }

    /// All targets, in the order of their keys.
    pub(super) fn keys(&self) -> Vec<TargetKey> {
        #[expect(clippy::disallowed_methods, reason = "in their order right after")]
        let mut keys: Vec<TargetKey> = self.targets.keys().copied().map(TargetKey).collect();
        keys.sort_unstable();
        keys
    }

    /// The members' numbers, each with how many targets it owns.
    pub(super) fn counts(&self) -> impl Iterator<Item = (u16, usize)> {
        let mut forced: BTreeMap<u16, usize> = BTreeMap::new();
        for slot in self.forced.values().copied().flat_map(Owners::iter) {
            let count = forced.entry(slot).or_default();
            *count = count.saturating_add(1);
        }
        self.seats.iter().map(move |seat| {
            let held = self.member(seat.slot).map_or(0, |member| member.held.len());
            let forced = forced.get(&seat.slot).copied().unwrap_or_default();
            (seat.slot, held.saturating_add(forced))
        })
    }

    /// How many members each target is to have.
    pub fn wanted_replicas(&self) -> usize {
        self.wanted
    }

    /// Each target is to have so many members from now on.
    pub fn set_replicas(&mut self, replicas: usize) {
        self.copy(replicas);
        self.settle();
    }

    /// The same, to be settled.
    pub(super) fn copy(&mut self, replicas: usize) {
        let before = self.replicas();
        self.wanted = replicas.clamp(1, MAX_REPLICAS);
        if self.replicas() != before {
            self.begin_anew();
        }
    }

    /// A member is there. Gives whether it is new; past [`MAX_MEMBERS`] nobody joins.
    pub fn join(&mut self, name: &str) -> bool {
        self.join_all([name]) == 1
    }

    /// Members are there. Gives how many are new. Many at once cost little more than one.
    pub fn join_all<'a>(&mut self, names: impl IntoIterator<Item = &'a str>) -> usize {
        self.join_seats(names.into_iter().map(|name| (name, None)))
    }

    /// The same of members of which some have a numbered seat: what one of those owns follows from the number, and not from
    /// its name. No two have the same.
    pub fn join_seats<'a>(&mut self, members: impl IntoIterator<Item = (&'a str, Option<u32>)>) -> usize {
        let count = self.enter(members);
        self.settle();
        count
    }

    /// The same, to be settled.
    pub(super) fn enter<'a>(&mut self, members: impl IntoIterator<Item = (&'a str, Option<u32>)>) -> usize {
        let (before, replicas) = (self.seats.len(), self.replicas());
        let mut new = Vec::new();
        for (name, number) in members {
            new.extend(self.seat(name, number));
        }
        if new.is_empty() {
            return 0;
        }
        self.question_forced();
        if self.replicas() == replicas && new.len() <= before / 8 {
            for seat in &new {
                let waiting = self.who_would_rather(seat.seed);
                if let Some(member) = self.member_mut(seat.slot) {
                    member.waiting = waiting.into_iter().collect();
                }
                self.count_waiting(seat.slot, u16::saturating_add);
                self.roomy.push(seat.slot);
            }
        } else {
            self.begin_anew();
        }
        new.len()
    }

    /// Gives a new member a place among the others.
    fn seat(&mut self, name: &str, number: Option<u32>) -> Option<Seat> {
        if self.by_name.contains_key(name) || self.seats.len() >= MAX_MEMBERS {
            return None;
        }
        let seed = number.map_or_else(|| Seed::of(name), Seed::of_seat);
        let name: Arc<str> = name.into();
        let slot = self.take_slot(Member {
            name: name.clone(),
            seed,
            capacity: 0,
            held: BTreeSet::new(),
            waiting: BTreeSet::new(),
        })?;
        let seat = Seat { seed, slot };
        self.by_name.insert(name, slot);
        self.seats.push(seat);
        Some(seat)
    }

    /// A member is gone. Gives whether it was there.
    pub fn leave(&mut self, name: &str) -> bool {
        self.leave_all([name]) == 1
    }

    /// Members are gone. Gives how many of them were there. Their targets are shared out among those that are left.
    pub fn leave_all<'a>(&mut self, names: impl IntoIterator<Item = &'a str>) -> usize {
        let count = self.exit(names);
        self.settle();
        count
    }

    /// The same, to be settled.
    pub(super) fn exit<'a>(&mut self, names: impl IntoIterator<Item = &'a str>) -> usize {
        let (before, replicas) = (self.seats.len(), self.replicas());
        // Of a target that loses several owners, the first place that it is met has the last member that was asked.
        let mut asking: BTreeMap<u64, Fit> = BTreeMap::new();
        for name in names {
            let Some(slot) = self.by_name.remove(name) else {
                continue;
            };
            self.question_forced();
            self.count_waiting(slot, u16::saturating_sub);
            self.seats.retain(|seat| seat.slot != slot);
            self.retired.push(slot);
            let Some(member) = self.member_mut(slot) else {
                continue;
            };
            member.waiting.clear();
            for (_, key) in core::mem::take(&mut member.held) {
                let before = self.frontier(key);
                self.moved.push((key, slot));
                if let Some(placed) = self.targets.get_mut(&key) {
                    placed.owners.take(slot);
                }
                asking.entry(key).or_insert(before);
            }
        }
        self.asking.extend(asking);
        let count = before.saturating_sub(self.seats.len());
        if self.replicas() != replicas {
            self.begin_anew();
        }
        count
    }

    /// A target is there. Gives whether it is new.
    pub fn add(&mut self, key: TargetKey) -> bool {
        self.add_all([key]) == 1
    }

    /// Targets are there. Gives how many are new. Many at once cost less than one by one.
    pub fn add_all(&mut self, keys: impl IntoIterator<Item = TargetKey>) -> usize {
        let count = self.put(keys);
        self.settle();
        count
    }

    /// The same, to be settled.
    pub(super) fn put(&mut self, keys: impl IntoIterator<Item = TargetKey>) -> usize {
        let mut new = Vec::new();
        let keys = keys.into_iter();
        self.targets.reserve(keys.size_hint().0);
        for TargetKey(key) in keys {
            if let Entry::Vacant(free) = self.targets.entry(key) {
                free.insert(Placed {
                    owners: Owners::NONE,
                    waits: 0,
                });
                new.push(key);
            }
        }
        if new.len() > self.targets.len() / 8 {
            self.place_all(&new);
        } else {
            self.asking.extend(new.iter().map(|key| (*key, Fit::BEST)));
        }
        new.len()
    }

    /// A target is gone. Gives whether it was there.
    pub fn remove(&mut self, key: TargetKey) -> bool {
        self.remove_all([key]) == 1
    }

    /// Targets are gone. Gives how many of them were there.
    pub fn remove_all(&mut self, keys: impl IntoIterator<Item = TargetKey>) -> usize {
        let count = self.drop_all(keys);
        self.settle();
        count
    }

    /// The same, to be settled.
    pub(super) fn drop_all(&mut self, keys: impl IntoIterator<Item = TargetKey>) -> usize {
        let mut count: usize = 0;
        for TargetKey(key) in keys {
            let Some(placed) = self.targets.get(&key).copied() else {
                continue;
            };
            self.unforce(key);
            self.stop_waiting(key, |_| true);
            placed.owners.iter().for_each(|slot| self.unplace(key, slot));
            self.targets.remove(&key);
            count = count.saturating_add(1);
        }
        count
    }

    /// What moved since this was asked last, sorted. What came back has not moved.
    pub fn take_moves(&mut self) -> Vec<Move> {
        let mut moved = core::mem::take(&mut self.moved);
        moved.sort_unstable();
        // Who came as often as he left is where he was.
        let odd = moved.chunk_by(|a, b| a == b).filter(|same| same.len() % 2 == 1);
        let moves = odd.filter_map(|same| {
            let (key, slot) = *same.first()?;
            Some(Move {
                key: TargetKey(key),
                member: self.member(slot)?.name.clone(),
                came: self.owns(key, slot),
            })
        });
        let mut moves: Vec<Move> = moves.collect();
        if !self.retired.is_empty() {
            // A member that left and is back had another number before.
            moves.sort_unstable();
            let pairs = moves.chunk_by(|a, b| a.key == b.key && a.member == b.member);
            moves = pairs.filter(|same| same.len() == 1).flatten().cloned().collect();
            self.free.append(&mut self.retired);
        }
        moves.sort_unstable_by(|a, b| (a.key, &a.member).cmp(&(b.key, &b.member)));
        moves
    }

    fn owns(&self, key: u64, slot: u16) -> bool {
        let has = |owners: Owners| owners.has(slot);
        let placed = self.targets.get(&key).is_some_and(|placed| has(placed.owners));
        placed || self.forced.get(&key).copied().is_some_and(has)
    }
}
