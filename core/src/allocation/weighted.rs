//! Members with nearly the same weight of targets each, where targets weigh what they are said to.
//!
//! Each target counts as [a power of two](WeightClass). Those of one class are alike, and are
//! [shared out as such](Consistent): the heaviest class first, and then each among the room that those before it left. **A class's
//! shares follow from it and from the room alone, so all of it has one end**, whatever came when.
//!
//! ```text
//!  16 in all, each may have 8        room for   a    b
//!  class 8   t1                      1 of 8     t1
//!  class 4   t2                      1 of 4          t2    a is full
//!  class 1   t3 t4 t5 t6             1 each          t3 t4 t5 t6
//! ```
//!
//! A member has a tenth more than the mean at most; where a class does not fit into that, as where one target weighs more than
//! all that a member is to have, as little more as it takes, and never by more than one target. That is so of one copy: copies
//! are with different members, whatever those have.
//!
//! A target that comes or goes changes the room of its owner for all lighter classes; so others may move that weigh as much as
//! it, and what it costs is a look at each member for each class. Where all weigh the same there is one class, and
//! no others move than with [`Consistent`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::consistent::Bound;
use super::weights::Weights;
use super::{Consistent, Move, TargetKey, WeightClass};

/// How much more than the mean a member may have where targets have weights.
const BOUND: Bound = Bound(110);

/// Of each job what targets weigh, `None` where that is not known.
pub type JobWeights = Vec<(Arc<str>, Vec<(TargetKey, Option<WeightClass>)>)>;

/// Which members own which targets, by weight.
#[derive(Debug)]
pub struct Weighted {
    bound: Bound,
    weights: Weights,
    classes: BTreeMap<WeightClass, Consistent>,
    /// The members, without targets.
    members: Consistent,
}

impl Weighted {
    /// Nobody owns anything, and all targets weigh the same. `replicas` is how many members each target is to have.
    pub fn new(replicas: usize) -> Self {
        Self {
            bound: Bound::OF_EQUALS,
            weights: Weights::default(),
            classes: BTreeMap::new(),
            members: Consistent::new(replicas),
        }
    }

    /// The members, sorted by name.
    pub fn members(&self) -> impl ExactSizeIterator<Item = &Arc<str>> {
        self.members.members()
    }

    /// Whether there is a member of this name.
    pub fn has_member(&self, name: &str) -> bool {
        self.members.has_member(name)
    }

    /// How many targets there are.
    pub fn len(&self) -> usize {
        let counts = self.classes.values().map(Consistent::len);
        counts.fold(0, usize::saturating_add)
    }

    /// Whether there are no targets.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is a target of this key.
    pub fn has(&self, key: TargetKey) -> bool {
        self.classes.values().any(|class| class.has(key))
    }

    /// What a target counts as that is there.
    pub fn class(&self, key: TargetKey) -> Option<WeightClass> {
        let mut classes = self.classes.iter();
        classes.find(|(_, targets)| targets.has(key)).map(|(class, _)| *class)
    }

    /// The members that own a target, sorted by name.
    pub fn owners(&self, key: TargetKey) -> impl Iterator<Item = &Arc<str>> {
        let class = self.classes.values().find(|class| class.has(key));
        class.into_iter().flat_map(move |class| class.owners(key))
    }

    /// How many targets a member owns.
    pub fn count(&self, member: &str) -> usize {
        let counts = self.classes.values().map(|class| class.count(member));
        counts.fold(0, usize::saturating_add)
    }

    /// What a member's targets count as, together.
    pub fn weight(&self, member: &str) -> u64 {
        let weights = self
            .classes
            .iter()
            .map(|(class, targets)| weight(*class, targets.count(member)));
        weights.fold(0, u64::saturating_add)
    }

    /// How many members each target is to have.
    pub fn wanted_replicas(&self) -> usize {
        self.members.wanted_replicas()
    }

    /// Each target is to have so many members from now on.
    pub fn set_replicas(&mut self, replicas: usize) {
        self.each(|class| class.copy(replicas));
        self.settle();
    }

    /// Targets weigh what is said of them from now on, such as this, which counts as what is [said later](Self::weigh); or with
    /// `None` all the same, as to begin with, and what was said is forgotten.
    pub fn set_weights(&mut self, weights: Option<JobWeights>) {
        self.bound = if weights.is_some() { BOUND } else { Bound::OF_EQUALS };
        let others = match weights {
            Some(weights) => {
                let others = weights
                    .into_iter()
                    .flat_map(|(job, of_job)| self.weights.say(&job, of_job));
                others.collect()
            }
            None if self.weights.is_empty() => Vec::new(),
            None => {
                self.weights = Weights::default();
                let others = self
                    .classes
                    .iter()
                    .filter(|(class, _)| **class != WeightClass::default());
                others.flat_map(|(_, targets)| targets.keys()).collect()
            }
        };
        self.reclass(others);
        self.settle();
    }

    /// Says what targets of a job weigh, be they there or not; `None` where that is not known. It counts until they are gone.
    pub fn weigh(&mut self, job: &Arc<str>, weights: impl IntoIterator<Item = (TargetKey, Option<WeightClass>)>) {
        let others = self.weights.say(job, weights);
        if !others.is_empty() {
            self.reclass(others);
            self.settle();
        }
    }

    /// Members are there, of which some have a [seat](Consistent::join_seats).
    pub fn join_seats<'a>(&mut self, members: impl IntoIterator<Item = (&'a str, Option<u32>)>) {
        let members: Vec<(&str, Option<u32>)> = members.into_iter().collect();
        self.each(|class| {
            class.enter(members.iter().copied());
        });
        self.settle();
    }

    /// Members are gone.
    pub fn leave_all<'a>(&mut self, names: impl IntoIterator<Item = &'a str>) {
        let names: Vec<&str> = names.into_iter().collect();
        self.each(|class| {
            class.exit(names.iter().copied());
        });
        self.settle();
    }

    /// Targets are there.
    pub fn add_all(&mut self, keys: impl IntoIterator<Item = TargetKey>) {
        if self.weights.is_empty() {
            self.put(WeightClass::default(), keys);
        } else {
            let mut by_class: BTreeMap<WeightClass, Vec<TargetKey>> = BTreeMap::new();
            for key in keys {
                by_class.entry(self.weights.class(key)).or_default().push(key);
            }
            for (class, keys) in by_class {
                self.put(class, keys);
            }
        }
        self.settle();
    }

    /// Targets are gone, and what was said of them is forgotten.
    pub fn remove_all(&mut self, keys: impl IntoIterator<Item = TargetKey>) {
        let keys: Vec<TargetKey> = keys.into_iter().collect();
        self.drop_all(&keys);
        let others = self.weights.forget(keys);
        self.reclass(others);
        self.settle();
    }

    /// Targets are not to be shared out for now; they weigh what they do.
    pub fn withdraw_all(&mut self, keys: impl IntoIterator<Item = TargetKey>) {
        let keys: Vec<TargetKey> = keys.into_iter().collect();
        self.drop_all(&keys);
        self.settle();
    }

    /// What moved since this was asked last, sorted. What came back has not moved.
    pub fn take_moves(&mut self) -> Vec<Move> {
        self.members.take_moves();
        let mut moves: Vec<Move> = self.classes.values_mut().flat_map(Consistent::take_moves).collect();
        let is_one = self.classes.len() <= 1;
        self.classes.retain(|_, targets| !targets.is_empty());
        if is_one {
            return moves;
        }
        moves.sort_unstable_by(|a, b| (a.key, &a.member).cmp(&(b.key, &b.member)));
        // Who had it in one class and has it in another has it.
        let of_one = moves.chunk_by(|a, b| (a.key, &a.member) == (b.key, &b.member));
        let of_one = of_one.filter(|same| planted!(same.len() == 1, OtherWeightIsAMove, true));
        of_one.flat_map(|same| same.last().cloned()).collect()
    }

    fn each(&mut self, change: impl Fn(&mut Consistent)) {
        self.classes.values_mut().for_each(&change);
        change(&mut self.members);
    }

    fn put(&mut self, class: WeightClass, keys: impl IntoIterator<Item = TargetKey>) {
        let members = &self.members;
        let targets = self.classes.entry(class).or_insert_with(|| Consistent::like(members));
        targets.put(keys);
    }

    fn drop_all(&mut self, keys: &[TargetKey]) {
        for targets in self.classes.values_mut() {
            targets.drop_all(keys.iter().copied());
        }
    }

    /// Has targets be in the classes that they are of now, those of them that are there.
    fn reclass(&mut self, keys: Vec<TargetKey>) {
        let mut by_class: BTreeMap<(WeightClass, WeightClass), BTreeSet<TargetKey>> = BTreeMap::new();
        for key in keys {
            let after = self.weights.class(key);
            if let Some(before) = self.class(key).filter(|before| *before != after) {
                by_class.entry((before, after)).or_default().insert(key);
            }
        }
        for ((before, after), keys) in by_class {
            if let Some(targets) = self.classes.get_mut(&before) {
                targets.drop_all(keys.iter().copied());
            }
            self.put(after, keys);
        }
    }

    /// Shares all classes out, the heaviest first.
    fn settle(&mut self) {
        let replicas = self.members.replicas();
        let copies = |targets: &Consistent| targets.len().saturating_mul(replicas);
        let weights = self
            .classes
            .iter()
            .map(|(class, targets)| weight(*class, copies(targets)));
        let all = weights.fold(0, u64::saturating_add);
        let most = self.bound.over_the_mean(all, self.members.members().len());
        let mut loads = Loads::new(&self.members);
        let mut classes: Vec<_> = self.classes.iter_mut().collect();
        planted!(classes.reverse(), LightestFirst, ());
        for (class, targets) in classes {
            let level = loads.level(most, *class, targets.len(), copies(targets));
            targets.settle_within(|slot| loads.room(slot, level, *class));
            for (slot, count) in targets.counts() {
                loads.add(slot, weight(*class, count));
            }
        }
    }
}

fn weight(class: WeightClass, count: usize) -> u64 {
    class.weight().saturating_mul(u64::try_from(count).unwrap_or(u64::MAX))
}

/// What members have so far, by their numbers.
struct Loads {
    members: Vec<u16>,
    by_slot: Vec<u64>,
}

impl Loads {
    fn new(members: &Consistent) -> Self {
        let members: Vec<u16> = members.counts().map(|(slot, _)| slot).collect();
        let slots = members
            .iter()
            .max()
            .map_or(0, |slot| usize::from(*slot).saturating_add(1));
        Self {
            members,
            by_slot: vec![0; slots],
        }
    }

    fn add(&mut self, slot: u16, weight: u64) {
        if let Some(load) = self.by_slot.get_mut(usize::from(slot)) {
            *load = load.saturating_add(weight);
        }
    }

    /// How many more of a class a member may have where it may have so much in all.
    fn room(&self, slot: u16, level: u64, class: WeightClass) -> usize {
        let load = self.by_slot.get(usize::from(slot)).copied().unwrap_or(u64::MAX);
        let room = level.saturating_sub(load).checked_div(class.weight());
        usize::try_from(room.unwrap_or_default()).unwrap_or(usize::MAX)
    }

    /// The least from `most` on that each member may have in all, so that all copies of a class find room.
    fn level(&self, most: u64, class: WeightClass, targets: usize, copies: usize) -> u64 {
        let fits = |level: u64| {
            let mut left = copies;
            self.members.iter().any(|slot| {
                left = left.saturating_sub(self.room(*slot, level, class).min(targets));
                left == 0
            })
        };
        if copies == 0 || self.members.is_empty() || planted!(fits(most), NobodyIsTooFull, true) {
            return most;
        }
        // There everyone has room for all of them.
        let fullest = self.by_slot.iter().max().copied().unwrap_or_default();
        let (mut low, mut high) = (most, fullest.saturating_add(weight(class, targets)));
        while low < high {
            let middle = low.midpoint(high);
            match fits(middle) {
                true => high = middle,
                false => low = middle.saturating_add(1),
            }
        }
        low
    }
}

#[cfg(test)]
mod tests;
