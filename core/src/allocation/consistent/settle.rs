//! Asking, accepting and turning away, until nobody has to ask.

use super::super::rendezvous::{Fit, Seed};
use super::state::{Member, Owners, Placed, Seat};
use super::{Bound, Consistent, NOBODY};

impl Consistent {
    /// How many copies of each target there can be.
    pub(in crate::allocation) fn replicas(&self) -> usize {
        self.wanted.min(self.seats.len())
    }

    pub(super) fn member(&self, slot: u16) -> Option<&Member> {
        self.slots.get(usize::from(slot))
    }

    pub(super) fn member_mut(&mut self, slot: u16) -> Option<&mut Member> {
        self.slots.get_mut(usize::from(slot))
    }

    /// Gives a member a number.
    pub(super) fn take_slot(&mut self, member: Member) -> Option<u16> {
        if let Some(slot) = self.free.pop() {
            *self.member_mut(slot)? = member;
            return Some(slot);
        }
        let slot = u16::try_from(self.slots.len()).ok().filter(|slot| *slot != NOBODY)?;
        self.slots.push(member);
        Some(slot)
    }

    /// How well the owner fits that fits least.
    pub(super) fn worst(&self, key: u64, owners: Owners) -> Option<(Fit, u16)> {
        let fits = owners
            .iter()
            .filter_map(|slot| Some((self.member(slot)?.seed.fit(key), slot)));
        fits.min()
    }

    /// All members that fit better than this were asked.
    pub(super) fn frontier(&self, key: u64) -> Fit {
        let owners = self.targets.get(&key).map_or(Owners::NONE, |placed| placed.owners);
        self.worst(key, owners).map_or(Fit::BEST, |(fit, _)| fit)
    }

    /// The best of all members that fit less well than this.
    #[inline]
    pub(super) fn next_below(&self, key: u64, below: Fit) -> Option<(Fit, u16)> {
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
    pub(super) fn who_would_rather(&self, seed: Seed) -> Vec<(u64, u64)> {
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
    pub(super) fn count_waiting(&mut self, slot: u16, count: impl Fn(u16, u16) -> u16) {
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
    pub(super) fn begin_anew(&mut self) {
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
    pub(super) fn place_all(&mut self, keys: &[u64]) {
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
    pub(super) fn settle(&mut self) {
        let bound = self.bound();
        self.settle_within(|_| bound);
    }

    /// The same where each member, by its number, may have as many targets as this says.
    pub(in crate::allocation) fn settle_within(&mut self, capacity: impl Fn(u16) -> usize) {
        for Seat { slot, .. } in &self.seats {
            let Some(member) = self.slots.get_mut(usize::from(*slot)) else {
                continue;
            };
            let before = core::mem::replace(&mut member.capacity, capacity(*slot));
            if member.capacity > before && !member.waiting.is_empty() {
                self.roomy.push(*slot);
            }
        }
        self.work_off();
        for index in 0..self.slots.len() {
            while let Some(member) = self
                .slots
                .get(index)
                .filter(|member| member.held.len() > member.capacity)
            {
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

    pub(super) fn work_off(&mut self) {
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

    /// How many targets a member may have.
    fn bound(&self) -> usize {
        let copies = (self.targets.len() as u64).saturating_mul(self.replicas() as u64);
        let bound = Bound::OF_EQUALS.over_the_mean(copies, self.seats.len());
        usize::try_from(bound).unwrap_or(usize::MAX)
    }

    /// Lets a target ask members that fit less well than `below`, until it has enough.
    pub(super) fn ask(&mut self, key: u64, mut below: Fit) {
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
            let Some(member) = self.member_mut(slot) else { continue };
            let lowest = member.held.first().copied();
            if member.held.len() < member.capacity {
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
    pub(super) fn fill(&mut self, slot: u16) {
        loop {
            let replicas = self.replicas();
            let Some(member) = self.member(slot) else { return };
            let capacity = member.capacity;
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
    pub(super) fn place(&mut self, key: u64, slot: u16, fit: Fit) {
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
    pub(super) fn unplace(&mut self, key: u64, slot: u16) {
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
    pub(super) fn turn_away(&mut self, key: u64, slot: u16) {
        let frontier = self.frontier(key);
        let Some(fit) = self.member(slot).map(|member| member.seed.fit(key)) else {
            return;
        };
        self.unplace(key, slot);
        self.wait(key, slot, fit);
        self.asking.push((key, frontier));
    }

    pub(super) fn wait(&mut self, key: u64, slot: u16, fit: Fit) {
        let Some(member) = self.member_mut(slot) else { return };
        let is_new = member.waiting.insert((fit.score, key));
        if let Some(placed) = self.targets.get_mut(&key) {
            placed.waits = placed.waits.saturating_add(u16::from(is_new));
        }
    }

    /// A target that has enough members does not wait for those that fit less well.
    pub(super) fn stop_waiting_for_worse(&mut self, key: u64) {
        if self.targets.get(&key).is_some_and(|placed| placed.waits > 0) {
            let worst = self.frontier(key);
            self.stop_waiting(key, |fit| fit < worst);
        }
    }

    /// A target no longer waits with those members whose fit is such.
    pub(super) fn stop_waiting(&mut self, key: u64, is_such: impl Fn(Fit) -> bool) {
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

    pub(super) fn note(&mut self, key: u64, slot: u16) {
        self.moved.push((key, slot));
        if self.forced.contains_key(&key) {
            self.in_question.insert(key);
        }
    }

    /// Other members may be better for copies beyond the bound.
    pub(super) fn question_forced(&mut self) {
        self.in_question.extend(self.forced.keys());
    }

    /// Gives a target the copies that it lacks, where it fits best.
    pub(super) fn force(&mut self, key: u64) {
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
    pub(super) fn unforce(&mut self, key: u64) {
        if let Some(owners) = self.forced.remove(&key) {
            self.moved.extend(owners.iter().map(|slot| (key, slot)));
        }
    }
}
