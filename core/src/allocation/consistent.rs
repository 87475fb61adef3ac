//! Members with nearly the same number of targets each: bounded rendezvous, by deferred acceptance.
//!
//! Each target asks the member that fits best, and then the next. A member takes who asks until it has as many as it may
//! have, 5 % more than the mean; from then on it keeps those that fit best, and who is turned away asks the next. In which order
//! they ask does not matter, since both sides go by the same [fits](super::rendezvous): **there is one end, and it is
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

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::key::TargetKey;
use super::rendezvous::{ByKey, Fit, Seed};

/// The most copies that there are of a target.
pub const MAX_REPLICAS: usize = 4;

/// The most members.
pub const MAX_MEMBERS: usize = 10_000;

/// How much more than the mean a member may have, in hundredths.
const BOUND: u128 = 105;

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
    /// How many targets a member may have.
    capacity: usize,
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

#[derive(Debug)]
struct Member {
    name: Arc<str>,
    seed: Seed,
    /// By fit.
    held: BTreeSet<(u64, u64)>,
    /// Those that would rather be here and were turned away.
    waiting: BTreeSet<(u64, u64)>,
}

#[derive(Debug, Clone, Copy)]
struct Seat {
    seed: Seed,
    slot: u16,
}

/// Some of a target's owners, in no order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Owners([u16; MAX_REPLICAS]);

#[derive(Debug, Clone, Copy)]
struct Placed {
    owners: Owners,
    /// With how many members it waits.
    waits: u16,
}

impl Owners {
    const NONE: Self = Self([NOBODY; MAX_REPLICAS]);

    fn iter(self) -> impl Iterator<Item = u16> {
        self.0.into_iter().filter(|slot| *slot != NOBODY)
    }

    fn len(self) -> usize {
        self.iter().count()
    }

    fn has(self, slot: u16) -> bool {
        self.0.contains(&slot)
    }

    fn put(&mut self, slot: u16) {
        if let Some(free) = self.0.iter_mut().find(|slot| **slot == NOBODY) {
            *free = slot;
        }
    }

    fn take(&mut self, slot: u16) {
        for own in self.0.iter_mut().filter(|own| **own == slot) {
            *own = NOBODY;
        }
    }
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
            capacity: 0,
            asking: Vec::new(),
            roomy: Vec::new(),
            forced: BTreeMap::new(),
            in_question: BTreeSet::new(),
            moved: Vec::new(),
            free: Vec::new(),
            retired: Vec::new(),
        }
    }

    /// The members, sorted by name.
    pub fn members(&self) -> impl ExactSizeIterator<Item = &Arc<str>> {
        self.by_name.keys()
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

    /// Each target is to have so many members from now on.
    pub fn set_replicas(&mut self, replicas: usize) {
        let before = self.replicas();
        self.wanted = replicas.clamp(1, MAX_REPLICAS);
        if self.replicas() != before {
            self.begin_anew();
            self.settle();
        }
    }

    /// A member is there. Gives whether it is new; past [`MAX_MEMBERS`] nobody joins.
    pub fn join(&mut self, name: &str) -> bool {
        self.join_all([name]) == 1
    }

    /// Members are there. Gives how many are new. Many at once cost little more than one.
    pub fn join_all<'a>(&mut self, names: impl IntoIterator<Item = &'a str>) -> usize {
        let (before, replicas) = (self.seats.len(), self.replicas());
        let mut new = Vec::new();
        for name in names {
            new.extend(self.seat(name));
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
        self.settle();
        new.len()
    }

    /// Gives a new member a place among the others.
    fn seat(&mut self, name: &str) -> Option<Seat> {
        if self.by_name.contains_key(name) || self.seats.len() >= MAX_MEMBERS {
            return None;
        }
        let seed = Seed::of(name);
        let name: Arc<str> = name.into();
        let slot = self.take_slot(Member {
            name: name.clone(),
            seed,
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
        let Some(slot) = self.by_name.remove(name) else {
            return false;
        };
        let replicas = self.replicas();
        self.question_forced();
        self.count_waiting(slot, u16::saturating_sub);
        self.seats.retain(|seat| seat.slot != slot);
        self.retired.push(slot);
        let Some(member) = self.member_mut(slot) else {
            return false;
        };
        member.waiting.clear();
        for (_, key) in core::mem::take(&mut member.held) {
            let before = self.frontier(key);
            self.moved.push((key, slot));
            if let Some(placed) = self.targets.get_mut(&key) {
                placed.owners.take(slot);
            }
            self.asking.push((key, before));
        }
        if self.replicas() != replicas {
            self.begin_anew();
        }
        self.settle();
        true
    }

    /// A target is there. Gives whether it is new.
    pub fn add(&mut self, key: TargetKey) -> bool {
        self.add_all([key]) == 1
    }

    /// Targets are there. Gives how many are new. Many at once cost less than one by one.
    pub fn add_all(&mut self, keys: impl IntoIterator<Item = TargetKey>) -> usize {
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
        self.settle();
        new.len()
    }

    /// A target is gone. Gives whether it was there.
    pub fn remove(&mut self, key: TargetKey) -> bool {
        self.remove_all([key]) == 1
    }

    /// Targets are gone. Gives how many of them were there.
    pub fn remove_all(&mut self, keys: impl IntoIterator<Item = TargetKey>) -> usize {
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
        self.settle();
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

    /// How many copies of each target there can be.
    fn replicas(&self) -> usize {
        self.wanted.min(self.seats.len())
    }

    fn member(&self, slot: u16) -> Option<&Member> {
        self.slots.get(usize::from(slot))
    }

    fn member_mut(&mut self, slot: u16) -> Option<&mut Member> {
        self.slots.get_mut(usize::from(slot))
    }

    /// Gives a member a number.
    fn take_slot(&mut self, member: Member) -> Option<u16> {
        if let Some(slot) = self.free.pop() {
            *self.member_mut(slot)? = member;
            return Some(slot);
        }
        let slot = u16::try_from(self.slots.len()).ok().filter(|slot| *slot != NOBODY)?;
        self.slots.push(member);
        Some(slot)
    }

    /// How well the owner fits that fits least.
    fn worst(&self, key: u64, owners: Owners) -> Option<(Fit, u16)> {
        let fits = owners
            .iter()
            .filter_map(|slot| Some((self.member(slot)?.seed.fit(key), slot)));
        fits.min()
    }

    /// All members that fit better than this were asked.
    fn frontier(&self, key: u64) -> Fit {
        let owners = self.targets.get(&key).map_or(Owners::NONE, |placed| placed.owners);
        self.worst(key, owners).map_or(Fit::BEST, |(fit, _)| fit)
    }

    /// The best of all members that fit less well than this.
    #[inline]
    fn next_below(&self, key: u64, below: Fit) -> Option<(Fit, u16)> {
        let (mut best, mut found) = (Fit { score: 0, seed: 0 }, None);
        for seat in &self.seats {
            let fit = seat.seed.fit(key);
            // Mostly by the score alone: this is what a first allocation spends its time with.
            if fit.score >= best.score && fit.score <= below.score && fit >= best && fit < below {
                (best, found) = (fit, Some(seat.slot));
            }
        }
        found.map(|slot| (best, slot))
    }

    /// The targets that would rather be with one of this seed than where they are.
    fn who_would_rather(&self, seed: Seed) -> Vec<(u64, u64)> {
        let replicas = self.replicas();
        let mut found = Vec::new();
        for member in &self.slots {
            for (_, key) in &member.held {
                let (fit, held_by) = (seed.fit(*key), member.seed.fit(*key));
                if fit < held_by {
                    continue;
                }
                // One with several owners is looked at with the one that fits least.
                if replicas > 1 && self.frontier(*key) != held_by {
                    continue;
                }
                found.push((fit.score, *key));
            }
        }
        if !self.forced.is_empty() {
            // Who found too few members would be with any.
            found.extend(self.forced.keys().map(|key| (seed.fit(*key).score, *key)));
            found.sort_unstable();
            found.dedup();
        }
        found
    }

    /// Counts all who wait with a member.
    fn count_waiting(&mut self, slot: u16, count: impl Fn(u16, u16) -> u16) {
        let Self { slots, targets, .. } = self;
        for (_, key) in slots
            .get(usize::from(slot))
            .into_iter()
            .flat_map(|member| &member.waiting)
        {
            if let Some(placed) = targets.get_mut(key) {
                placed.waits = count(placed.waits, 1);
            }
        }
    }

    /// Takes all targets from all members, and places them: there is another number of copies.
    fn begin_anew(&mut self) {
        #[expect(clippy::disallowed_methods, reason = "in their order right after")]
        let mut keys: Vec<u64> = self.targets.keys().copied().collect();
        keys.sort_unstable();
        self.asking.clear();
        for (slot, member) in (0..NOBODY).zip(&mut self.slots) {
            member.waiting.clear();
            let held = core::mem::take(&mut member.held);
            self.moved.extend(held.into_iter().map(|(_, key)| (key, slot)));
        }
        for key in &keys {
            self.unforce(*key);
            if let Some(placed) = self.targets.get_mut(key) {
                *placed = Placed {
                    owners: Owners::NONE,
                    waits: 0,
                };
            }
        }
        self.place_all(&keys);
    }

    /// Gives targets that nobody has to those that they fit best, whether or not those may have them.
    fn place_all(&mut self, keys: &[u64]) {
        let replicas = self.replicas();
        let mut by_slot: Vec<Vec<(u64, u64)>> = vec![Vec::new(); self.slots.len()];
        for key in keys {
            let (mut below, mut owners) = (Fit::BEST, Owners::NONE);
            for _ in 0..replicas {
                let Some((fit, slot)) = self.next_below(*key, below) else {
                    break;
                };
                below = fit;
                owners.put(slot);
                self.moved.push((*key, slot));
                if let Some(of_slot) = by_slot.get_mut(usize::from(slot)) {
                    of_slot.push((fit.score, *key));
                }
            }
            if let Some(placed) = self.targets.get_mut(key) {
                placed.owners = owners;
            }
        }
        for (member, mut new) in self.slots.iter_mut().zip(by_slot) {
            new.sort_unstable();
            member.held.append(&mut new.into_iter().collect());
        }
    }

    /// Has everybody ask whom he has to ask, until nobody has.
    fn settle(&mut self) {
        let bound = self.bound();
        let before = core::mem::replace(&mut self.capacity, bound);
        if self.capacity > before {
            let waited_for = self.seats.iter().map(|seat| seat.slot);
            let waited_for =
                waited_for.filter(|slot| self.member(*slot).is_some_and(|member| !member.waiting.is_empty()));
            self.roomy.extend(waited_for.collect::<Vec<_>>());
        }
        self.work_off();
        for index in 0..self.slots.len() {
            while let Some(member) = self.slots.get(index).filter(|member| member.held.len() > self.capacity) {
                let (Some((_, key)), Ok(slot)) = (member.held.first().copied(), u16::try_from(index)) else {
                    break;
                };
                self.turn_away(key, slot);
            }
        }
        self.work_off();
        for key in core::mem::take(&mut self.in_question) {
            self.force(key);
        }
    }

    fn work_off(&mut self) {
        loop {
            if let Some((key, below)) = self.asking.pop() {
                self.ask(key, below);
            } else if let Some(slot) = self.roomy.pop() {
                self.fill(slot);
            } else {
                return;
            }
        }
    }

    /// How many targets a member may have: 5 % more than the mean, or what the mean is short of a whole one.
    fn bound(&self) -> usize {
        let copies = (self.targets.len() as u128).saturating_mul(self.replicas() as u128);
        let members = (self.seats.len() as u128).max(1);
        let above = copies.saturating_mul(BOUND).checked_div(members.saturating_mul(100));
        let least = copies.div_ceil(members);
        usize::try_from(above.unwrap_or_default().max(least)).unwrap_or(usize::MAX)
    }

    /// Lets a target ask members that fit less well than `below`, until it has enough.
    fn ask(&mut self, key: u64, mut below: Fit) {
        loop {
            let Some(placed) = self.targets.get(&key).copied() else {
                return;
            };
            if placed.owners.len() >= self.replicas() {
                return self.stop_waiting_for_worse(key);
            }
            let Some((fit, slot)) = self.next_below(key, below) else {
                self.in_question.insert(key);
                return;
            };
            below = fit;
            if placed.owners.has(slot) {
                continue;
            }
            let capacity = self.capacity;
            let Some(member) = self.member_mut(slot) else { continue };
            let lowest = member.held.first().copied();
            if member.held.len() < capacity {
                self.place(key, slot, fit);
            } else if let Some(lowest) = lowest.filter(|lowest| *lowest < (fit.score, key)) {
                self.turn_away(lowest.1, slot);
                self.place(key, slot, fit);
            } else {
                self.wait(key, slot, fit);
            }
        }
    }

    /// Takes in who waits, while he may be here.
    fn fill(&mut self, slot: u16) {
        loop {
            let (capacity, replicas) = (self.capacity, self.replicas());
            let Some(member) = self.member(slot) else { return };
            let Some((score, key)) = member.waiting.last().copied() else {
                return;
            };
            let lowest = member.held.first().copied();
            let is_better = lowest.is_some_and(|lowest| lowest < (score, key));
            if member.held.len() >= capacity && !is_better {
                return;
            }
            let fit = member.seed.fit(key);
            if member.held.len() >= capacity
                && let Some((_, lowest)) = lowest
            {
                self.turn_away(lowest, slot);
            }
            let owners = self.targets.get(&key).map_or(Owners::NONE, |placed| placed.owners);
            if owners.len() >= replicas
                && let Some((_, worst)) = self.worst(key, owners)
            {
                self.unplace(key, worst);
            }
            self.place(key, slot, fit);
            let owners = self.targets.get(&key).map_or(Owners::NONE, |placed| placed.owners);
            if owners.len() >= replicas {
                self.stop_waiting_for_worse(key);
            }
        }
    }

    /// A member takes a target.
    fn place(&mut self, key: u64, slot: u16, fit: Fit) {
        let Some(member) = self.member_mut(slot) else { return };
        let waited = member.waiting.remove(&(fit.score, key));
        member.held.insert((fit.score, key));
        if let Some(placed) = self.targets.get_mut(&key) {
            placed.owners.put(slot);
            placed.waits = placed.waits.saturating_sub(u16::from(waited));
        }
        self.note(key, slot);
    }

    /// A member no longer has a target.
    fn unplace(&mut self, key: u64, slot: u16) {
        let Some(member) = self.member_mut(slot) else { return };
        let fit = member.seed.fit(key);
        member.held.remove(&(fit.score, key));
        if let Some(placed) = self.targets.get_mut(&key) {
            placed.owners.take(slot);
        }
        self.roomy.push(slot);
        self.note(key, slot);
    }

    /// A member gives a target up for one that fits better, and has it ask others.
    fn turn_away(&mut self, key: u64, slot: u16) {
        let frontier = self.frontier(key);
        let Some(fit) = self.member(slot).map(|member| member.seed.fit(key)) else {
            return;
        };
        self.unplace(key, slot);
        self.wait(key, slot, fit);
        self.asking.push((key, frontier));
    }

    fn wait(&mut self, key: u64, slot: u16, fit: Fit) {
        let Some(member) = self.member_mut(slot) else { return };
        let is_new = member.waiting.insert((fit.score, key));
        if let Some(placed) = self.targets.get_mut(&key) {
            placed.waits = placed.waits.saturating_add(u16::from(is_new));
        }
    }

    /// A target that has enough members does not wait for those that fit less well.
    fn stop_waiting_for_worse(&mut self, key: u64) {
        if self.targets.get(&key).is_some_and(|placed| placed.waits > 0) {
            let worst = self.frontier(key);
            self.stop_waiting(key, |fit| fit < worst);
        }
    }

    /// A target no longer waits with those members whose fit is such.
    fn stop_waiting(&mut self, key: u64, is_such: impl Fn(Fit) -> bool) {
        let Self {
            slots, seats, targets, ..
        } = self;
        let Some(placed) = targets.get_mut(&key) else { return };
        for seat in seats {
            if placed.waits == 0 {
                return;
            }
            let fit = seat.seed.fit(key);
            if is_such(fit)
                && let Some(member) = slots.get_mut(usize::from(seat.slot))
                && member.waiting.remove(&(fit.score, key))
            {
                placed.waits = placed.waits.saturating_sub(1);
            }
        }
    }

    fn note(&mut self, key: u64, slot: u16) {
        self.moved.push((key, slot));
        if self.forced.contains_key(&key) {
            self.in_question.insert(key);
        }
    }

    /// Other members may be better for copies beyond the bound.
    fn question_forced(&mut self) {
        self.in_question.extend(self.forced.keys());
    }

    /// Gives a target the copies that it lacks, where it fits best.
    fn force(&mut self, key: u64) {
        self.unforce(key);
        let Some(placed) = self.targets.get(&key).copied() else {
            return;
        };
        let lacks = self.replicas().saturating_sub(placed.owners.len());
        let (mut below, mut forced) = (Fit::BEST, Owners::NONE);
        while forced.len() < lacks {
            let Some((fit, slot)) = self.next_below(key, below) else {
                break;
            };
            below = fit;
            if !placed.owners.has(slot) {
                forced.put(slot);
                self.moved.push((key, slot));
            }
        }
        if forced != Owners::NONE {
            self.forced.insert(key, forced);
        }
    }

    /// Takes the copies beyond the bound away.
    fn unforce(&mut self, key: u64) {
        if let Some(owners) = self.forced.remove(&key) {
            self.moved.extend(owners.iter().map(|slot| (key, slot)));
        }
    }
}
