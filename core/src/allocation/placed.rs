//! Targets that belong to a member: those of a node, which the collector on that node scrapes.
//!
//! A target may say where it belongs. If there is a member of that name it is its owner, alone; if not, the target is
//! [shared out](Weighted) with those that belong nowhere, or it waits for that member. **Who owns a target follows from
//! targets, where they belong, and members alone**, here too.
//!
//! ```text
//!  belongs to   members a, b       b leaves           b leaves, without fallback
//!  a            a                  a                  a
//!  b            b                  a                  nobody
//!  nowhere      a or b             a                  a
//! ```

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::rendezvous::ByKey;
use super::{JobWeights, Move, TargetKey, WeightClass, Weighted};

/// Targets shared out among members, of which some belong to one.
#[derive(Debug)]
pub struct Placed {
    shared: Weighted,
    /// Whether targets whose member is not there are shared out.
    has_fallback: bool,
    /// Where targets belong, be they there or not.
    places: HashMap<u64, Arc<str>, ByKey>,
    /// Those that are there, by where they belong.
    belonging: BTreeMap<Arc<str>, BTreeSet<TargetKey>>,
    /// Who came to own a target that belongs to him, or ceased to.
    moved: Vec<(TargetKey, Arc<str>)>,
}

impl Placed {
    /// No members and no targets. `replicas` is how many members each target is to have that is shared out.
    pub fn new(replicas: usize) -> Self {
        Self {
            shared: Weighted::new(replicas),
            has_fallback: true,
            places: HashMap::default(),
            belonging: BTreeMap::new(),
            moved: Vec::new(),
        }
    }

    /// How many targets there are.
    pub fn len(&self) -> usize {
        let apart = self.apart().map(|(_, keys)| keys.len());
        apart.fold(self.shared.len(), usize::saturating_add)
    }

    /// Whether there are no targets.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there are any members.
    pub fn has_members(&self) -> bool {
        self.shared.members().len() > 0
    }

    /// How many targets nobody owns.
    pub fn unowned(&self) -> usize {
        let apart = self.apart().filter(|(place, _)| !self.shared.has_member(place));
        let waiting = apart.map(|(_, keys)| keys.len()).fold(0, usize::saturating_add);
        match self.has_members() {
            true => waiting,
            false => waiting.saturating_add(self.shared.len()),
        }
    }

    /// Whether there is a target of this key.
    pub fn has(&self, key: TargetKey) -> bool {
        self.shared.has(key) || self.belongs(key).is_some()
    }

    /// The members that own a target, sorted by name.
    pub fn owners(&self, key: TargetKey) -> impl Iterator<Item = &Arc<str>> {
        let own = self.belongs(key).filter(|place| self.shared.has_member(place));
        let others = own.is_none().then(|| self.shared.owners(key));
        own.into_iter().chain(others.into_iter().flatten())
    }

    /// How many targets a member owns.
    pub fn count(&self, member: &str) -> usize {
        let own = self.belonging.get(member).filter(|_| self.shared.has_member(member));
        self.shared.count(member).saturating_add(own.map_or(0, BTreeSet::len))
    }

    /// How many members each target that is shared out is to have.
    pub fn replicas(&self) -> usize {
        self.shared.wanted_replicas()
    }

    /// Each target that is shared out is to have so many members from now on.
    pub fn set_replicas(&mut self, replicas: usize) {
        self.shared.set_replicas(replicas);
    }

    /// Whether targets that belong to a member who is not there are shared out, or wait for him.
    pub fn set_fallback(&mut self, has_fallback: bool) {
        if core::mem::replace(&mut self.has_fallback, has_fallback) == has_fallback {
            return;
        }
        let waiting = self
            .belonging
            .iter()
            .filter(|(place, _)| !self.shared.has_member(place));
        let waiting: Vec<TargetKey> = waiting.flat_map(|(_, keys)| keys.iter().copied()).collect();
        match has_fallback {
            true => self.shared.add_all(waiting),
            false => self.shared.withdraw_all(waiting),
        };
    }

    /// [What](Weighted::set_weights) targets that are shared out weigh.
    pub fn set_weights(&mut self, weights: Option<JobWeights>) {
        self.shared.set_weights(weights);
    }

    /// Says what targets of a job [weigh](Weighted::weigh).
    pub fn weigh(&mut self, job: &Arc<str>, weights: impl IntoIterator<Item = (TargetKey, Option<WeightClass>)>) {
        self.shared.weigh(job, weights);
    }

    /// What a target counts as that is shared out.
    pub fn class(&self, key: TargetKey) -> Option<WeightClass> {
        self.shared.class(key)
    }

    /// What a member's targets count as together, without those that belong to it.
    pub fn weight(&self, member: &str) -> u64 {
        self.shared.weight(member)
    }

    /// Whether any target belongs to a member.
    pub fn has_places(&self) -> bool {
        !self.places.is_empty()
    }

    /// Says where targets belong, whether they are there already or will be; `None` is nowhere.
    pub fn place(&mut self, places: impl IntoIterator<Item = (TargetKey, Option<Arc<str>>)>) {
        let mut again = Vec::new();
        for (key, place) in places {
            if self.places.get(&key.number()) == place.as_ref() {
                continue;
            }
            if self.has(key) {
                self.unplace(key);
                again.push(key);
            }
            match place {
                Some(place) => drop(self.places.insert(key.number(), place)),
                None => drop(self.places.remove(&key.number())),
            }
        }
        self.add_all(again);
    }

    /// Members are there.
    pub fn join_all<'a>(&mut self, names: impl IntoIterator<Item = &'a str>) {
        self.join_seats(names.into_iter().map(|name| (name, None)));
    }

    /// The same of members of which some have a [seat](Weighted::join_seats).
    pub fn join_seats<'a>(&mut self, members: impl IntoIterator<Item = (&'a str, Option<u32>)>) {
        let new = |(name, _): &(&str, _)| !self.shared.has_member(name);
        let seats: BTreeMap<&str, Option<u32>> = members.into_iter().filter(new).collect();
        let new: Vec<&str> = seats.keys().copied().collect();
        // What belongs to them is not shared out among them first.
        let home: Vec<TargetKey> = self.home(&new);
        self.shared.withdraw_all(home.iter().copied());
        self.shared.join_seats(seats);
        // Past the most members there can be nobody joins.
        let (in_, out): (Vec<&str>, Vec<&str>) = new.into_iter().partition(|name| self.shared.has_member(name));
        self.note(&in_);
        let out = self.home(&out);
        self.add_to_shared(out);
    }

    /// Members are gone.
    pub fn leave_all<'a>(&mut self, names: impl IntoIterator<Item = &'a str>) {
        let there = |name: &&str| self.shared.has_member(name);
        let left: BTreeSet<&str> = names.into_iter().filter(there).collect();
        let left: Vec<&str> = left.into_iter().collect();
        self.note(&left);
        self.shared.leave_all(left.iter().copied());
        let homeless = self.home(&left);
        self.add_to_shared(homeless);
    }

    /// Targets are there.
    pub fn add_all(&mut self, keys: impl IntoIterator<Item = TargetKey>) {
        let mut shared = Vec::new();
        for key in keys {
            let Some(place) = self.places.get(&key.number()) else {
                shared.push(key);
                continue;
            };
            let is_new = self.belonging.entry(place.clone()).or_default().insert(key);
            match (is_new, self.shared.has_member(place)) {
                (true, true) => self.moved.push((key, place.clone())),
                (true, false) if self.has_fallback => shared.push(key),
                _ => {}
            }
        }
        self.shared.add_all(shared);
    }

    /// Targets are gone, and where they belonged is forgotten.
    pub fn remove_all(&mut self, keys: impl IntoIterator<Item = TargetKey>) {
        let keys: Vec<TargetKey> = keys.into_iter().collect();
        for key in &keys {
            self.take_home(*key);
            self.places.remove(&key.number());
        }
        self.shared.remove_all(keys);
    }

    /// What has changed since this was asked last, sorted by target and member.
    pub fn take_moves(&mut self) -> Vec<Move> {
        let mut moved = core::mem::take(&mut self.moved);
        let mut moves = self.shared.take_moves();
        if moved.is_empty() {
            return moves;
        }
        moved.sort_unstable();
        // Who came as often as he left is where he was.
        for same in moved.chunk_by(|a, b| a == b).filter(|same| same.len() % 2 == 1) {
            if let Some((key, member)) = same.first() {
                let is_member = self.shared.has_member(member);
                moves.push(Move {
                    key: *key,
                    member: member.clone(),
                    came: is_member && self.belongs(*key).is_some_and(|place| place == member),
                });
            }
        }
        moves.sort_by(|a, b| (a.key, &a.member).cmp(&(b.key, &b.member)));
        // Who had it shared out and has it as his own, or the other way around, has it.
        let of_one = moves.chunk_by(|a, b| (a.key, &a.member) == (b.key, &b.member));
        let of_one = of_one.filter(|same| same.len() == 1);
        of_one.flat_map(|same| same.first().cloned()).collect()
    }

    /// Where a target belongs that is there.
    fn belongs(&self, key: TargetKey) -> Option<&Arc<str>> {
        let place = self.places.get(&key.number())?;
        let (place, keys) = self.belonging.get_key_value(place)?;
        keys.contains(&key).then_some(place)
    }

    /// Targets that are not shared out, by where they belong.
    fn apart(&self) -> impl Iterator<Item = (&Arc<str>, &BTreeSet<TargetKey>)> {
        let is_apart = |place: &str| !self.has_fallback || self.shared.has_member(place);
        self.belonging.iter().filter(move |(place, _)| is_apart(place))
    }

    /// The targets that belong to these.
    fn home(&self, names: &[&str]) -> Vec<TargetKey> {
        let keys = names.iter().filter_map(|name| self.belonging.get(*name)).flatten();
        keys.copied().collect()
    }

    /// Notes that these have come to own what belongs to them, or have ceased to.
    fn note(&mut self, names: &[&str]) {
        for (place, keys) in names.iter().filter_map(|name| self.belonging.get_key_value(*name)) {
            self.moved.extend(keys.iter().map(|key| (*key, place.clone())));
        }
    }

    fn add_to_shared(&mut self, keys: Vec<TargetKey>) {
        if self.has_fallback {
            self.shared.add_all(keys);
        }
    }

    /// Takes a target away, from its member or from those that it was shared out to.
    fn unplace(&mut self, key: TargetKey) {
        if !self.take_home(key) {
            self.shared.withdraw_all([key]);
        }
    }

    /// Takes a target from where it belongs; gives whether it was nowhere else.
    fn take_home(&mut self, key: TargetKey) -> bool {
        let Some(place) = self.places.get(&key.number()).cloned() else {
            return false;
        };
        let keys = self.belonging.get_mut(&place);
        let was_there = keys.is_some_and(|keys| keys.remove(&key));
        if self.belonging.get(&place).is_some_and(BTreeSet::is_empty) {
            self.belonging.remove(&place);
        }
        let is_member = self.shared.has_member(&place);
        if was_there && is_member {
            self.moved.push((key, place));
        }
        is_member || !self.has_fallback
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Consistent;
    use super::*;

    const PLACES: [&str; 4] = ["a", "b", "c", "d"];

    #[derive(Debug, Clone)]
    enum Op {
        Join(Vec<usize>),
        Leave(Vec<usize>),
        Add(Vec<u64>),
        Remove(Vec<u64>),
        Place(Vec<(u64, Option<usize>)>),
        Fallback(bool),
        Replicas(usize),
    }

    fn op() -> impl Strategy<Value = Op> {
        let names = || proptest::collection::vec(0..PLACES.len(), 1..3);
        let keys = || proptest::collection::vec(0..12_u64, 1..6);
        let places = proptest::collection::vec((0..12_u64, proptest::option::of(0..PLACES.len())), 1..6);
        prop_oneof![
            3 => names().prop_map(Op::Join),
            2 => names().prop_map(Op::Leave),
            3 => keys().prop_map(Op::Add),
            2 => keys().prop_map(Op::Remove),
            4 => places.prop_map(Op::Place),
            1 => any::<bool>().prop_map(Op::Fallback),
            1 => (1..3_usize).prop_map(Op::Replicas),
        ]
    }

    fn key(number: &u64) -> TargetKey {
        TargetKey::from_number(*number)
    }

    /// What there is, told in words of sets.
    #[derive(Debug)]
    struct Facts {
        members: BTreeSet<usize>,
        keys: BTreeSet<u64>,
        places: BTreeMap<u64, usize>,
        has_fallback: bool,
        replicas: usize,
    }

    impl Facts {
        fn take(&mut self, op: &Op) {
            match op {
                Op::Join(names) => self.members.extend(names),
                Op::Leave(names) => self.members.retain(|name| !names.contains(name)),
                Op::Add(keys) => self.keys.extend(keys),
                Op::Remove(keys) => {
                    self.keys.retain(|key| !keys.contains(key));
                    self.places.retain(|key, _| !keys.contains(key));
                }
                Op::Place(places) => {
                    for (key, place) in places {
                        match place {
                            Some(place) => drop(self.places.insert(*key, *place)),
                            None => drop(self.places.remove(key)),
                        }
                    }
                }
                Op::Fallback(has_fallback) => self.has_fallback = *has_fallback,
                Op::Replicas(replicas) => self.replicas = *replicas,
            }
        }

        /// Who owns each: its own member, or who has it among those that have none of their own.
        fn owners(&self) -> BTreeMap<u64, Vec<String>> {
            let is_home = |key: &u64| self.places.get(key).is_some_and(|place| self.members.contains(place));
            let mut rest = Consistent::new(self.replicas);
            rest.join_all(self.members.iter().map(|name| PLACES[*name]));
            let shared = |number: &&u64| !is_home(number) && (self.has_fallback || !self.places.contains_key(number));
            rest.add_all(self.keys.iter().filter(shared).map(key));
            let owners = |number: &u64| match self.places.get(number) {
                Some(place) if is_home(number) => vec![PLACES[*place].to_owned()],
                _ => rest.owners(key(number)).map(ToString::to_string).collect(),
            };
            self.keys.iter().map(|number| (*number, owners(number))).collect()
        }
    }

    fn apply(placed: &mut Placed, op: &Op) {
        let keys = |numbers: &[u64]| numbers.iter().map(key).collect::<Vec<_>>();
        match op {
            Op::Join(names) => placed.join_all(names.iter().map(|name| PLACES[*name])),
            Op::Leave(names) => placed.leave_all(names.iter().map(|name| PLACES[*name])),
            Op::Add(numbers) => placed.add_all(keys(numbers)),
            Op::Remove(numbers) => placed.remove_all(keys(numbers)),
            Op::Place(places) => {
                let place =
                    |(number, place): &(u64, Option<usize>)| (key(number), place.map(|place| PLACES[place].into()));
                placed.place(places.iter().map(place));
            }
            Op::Fallback(has_fallback) => placed.set_fallback(*has_fallback),
            Op::Replicas(replicas) => placed.set_replicas(*replicas),
        }
    }

    proptest! {
        #[test]
        fn owners_follow_from_targets_places_and_members_and_moves_are_the_differences(
            ops in proptest::collection::vec(op(), 1..30),
        ) {
            let mut placed = Placed::new(1);
            let mut facts = Facts {
                members: BTreeSet::new(),
                keys: BTreeSet::new(),
                places: BTreeMap::new(),
                has_fallback: true,
                replicas: 1,
            };
            let mut told: BTreeSet<(u64, String)> = BTreeSet::new();
            for op in &ops {
                apply(&mut placed, op);
                facts.take(op);
                let expected = facts.owners();
                for number in 0..12 {
                    let owners: Vec<String> = placed.owners(key(&number)).map(ToString::to_string).collect();
                    prop_assert_eq!(&owners, &expected.get(&number).cloned().unwrap_or_default(), "{} after {:?}", number, op);
                    prop_assert_eq!(placed.has(key(&number)), facts.keys.contains(&number));
                }
                prop_assert_eq!(placed.len(), facts.keys.len());
                prop_assert_eq!(placed.unowned(), expected.values().filter(|owners| owners.is_empty()).count());
                for name in PLACES {
                    let owned = expected.values().filter(|owners| owners.iter().any(|owner| owner == name));
                    prop_assert_eq!(placed.count(name), owned.count(), "of {}", name);
                }
                let moves = placed.take_moves();
                prop_assert!(moves.is_sorted_by_key(|one| (one.key, one.member.clone())));
                for Move { key, member, came } in moves {
                    let pair = (key.number(), member.to_string());
                    let is_news = if came { told.insert(pair) } else { told.remove(&pair) };
                    prop_assert!(is_news, "{} {} was told already", member, if came { "came" } else { "went" });
                }
                let owned = expected.iter().flat_map(|(key, owners)| owners.iter().map(|owner| (*key, owner.clone())));
                prop_assert_eq!(&told, &owned.collect(), "after {:?}", op);
            }
        }
    }
}
