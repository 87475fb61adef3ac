//! Numbered places for members whose names are others after each restart, as those of a Deployment's pods are.
//!
//! What a member owns follows from the number of its seat, and not from its name. **A newcomer takes the seat of one that is
//! not there any more**, so that a restart of all members one after the other moves each target once, and nothing that
//! others have. Only who finds none for as long as a rolling restart may leave both there opens another.
//!
//! ```text
//!  seat 0   a                        a       a     c takes the seat of b, and with it all that b had
//!  seat 1   b   c comes, and waits   b goes  c
//! ```
//!
//! Whoever is missing has its seat until somebody takes it, or until it is no member any more; then the seat is closed.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::Instant;

/// The seats, and those that wait for one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seats {
    /// Who has each, be it there or not.
    holders: BTreeMap<u32, Arc<str>>,
    numbers: BTreeMap<Arc<str>, u32>,
    /// Since when each waits.
    waiting: BTreeMap<Arc<str>, Instant>,
    patience: Duration,
}

impl Seats {
    /// The seats that there were before.
    pub fn of(seats: impl IntoIterator<Item = (u32, Arc<str>)>) -> Self {
        let mut new = Self::default();
        for (number, name) in seats {
            if !new.numbers.contains_key(&name) && !new.holders.contains_key(&number) {
                new.sit(number, name);
            }
        }
        new
    }

    /// These are the members now, each with whether it is there. A newcomer waits for `patience` before it opens a seat.
    /// Gives those whose seats others took.
    pub fn update<'a>(
        &mut self,
        now: Instant,
        members: impl IntoIterator<Item = (&'a Arc<str>, bool)>,
        patience: Duration,
    ) -> Vec<Arc<str>> {
        self.patience = patience;
        let members: BTreeMap<&Arc<str>, bool> = members.into_iter().collect();
        let is_there = |name: &Arc<str>| members.get(name) == Some(&true);
        self.waiting.retain(|name, _| is_there(name));
        for name in members.keys().filter(|name| is_there(name)) {
            if !self.numbers.contains_key(*name) {
                self.waiting.entry(Arc::clone(name)).or_insert(now);
            }
        }
        let is_first = self.holders.is_empty();
        let mut newcomers: Vec<(Instant, Arc<str>)> = self
            .waiting
            .iter()
            .map(|(name, since)| (*since, name.clone()))
            .collect();
        newcomers.sort();
        let mut newcomers = newcomers.into_iter().peekable();
        // Those first that would be closed.
        let mut vacant: Vec<(bool, u32)> = self
            .holders
            .iter()
            .filter(|(_, name)| planted!(!is_there(name), SeatOfOneThatIsThereIsTaken, true))
            .map(|(number, name)| (members.contains_key(name), *number))
            .collect();
        vacant.sort_unstable();
        let mut ousted = Vec::new();
        for (is_member, number) in vacant {
            let newcomer = newcomers.next();
            if newcomer.is_none() && is_member {
                continue;
            }
            let Some(before) = self.holders.remove(&number) else {
                continue;
            };
            self.numbers.remove(&before);
            if let Some((_, name)) = newcomer {
                ousted.push(before);
                self.sit(number, name);
            }
        }
        while let Some((_, name)) = newcomers.next_if(|(since, _)| is_first || *since + patience <= now) {
            let number = planted!(self.first_free(), NewSeatIsTheLast, self.after_all());
            self.sit(number, name);
        }
        ousted
    }

    fn sit(&mut self, number: u32, name: Arc<str>) {
        self.waiting.remove(&name);
        self.numbers.insert(name.clone(), number);
        self.holders.insert(number, name);
    }

    fn first_free(&self) -> u32 {
        let taken: BTreeSet<u32> = self.holders.keys().copied().collect();
        (0..u32::MAX).find(|number| !taken.contains(number)).unwrap_or(u32::MAX)
    }

    #[cfg(planted)]
    fn after_all(&self) -> u32 {
        self.holders
            .last_key_value()
            .map_or(0, |(number, _)| number.saturating_add(1))
    }

    /// When [`update`](Self::update) has something to do though the members are the same.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.waiting.values().map(|since| *since + self.patience).min()
    }

    /// Who has which seat, sorted by number.
    pub fn holders(&self) -> impl ExactSizeIterator<Item = (u32, &Arc<str>)> {
        self.holders.iter().map(|(number, name)| (*number, name))
    }

    /// A member's seat.
    pub fn number(&self, name: &str) -> Option<u32> {
        self.numbers.get(name).copied()
    }

    /// Those that wait for a seat, sorted by name, each with until when at most.
    pub fn waiting(&self) -> impl ExactSizeIterator<Item = (&Arc<str>, Instant)> {
        self.waiting.iter().map(|(name, since)| (name, *since + self.patience))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    fn at(seconds: u64) -> Instant {
        Instant::ZERO + Duration::from_secs(seconds)
    }

    /// What each seat's member is called; `-name` for one that is not there, and after `?` those that wait.
    fn shown(seats: &Seats) -> String {
        let held = seats.holders().map(|(number, name)| format!("{number}:{name}"));
        let waiting = seats.waiting().map(|(name, _)| format!("?{name}"));
        held.chain(waiting).collect::<Vec<_>>().join(" ")
    }

    fn update(seats: &mut Seats, second: u64, members: &[&str]) -> String {
        let members: Vec<(Arc<str>, bool)> = members
            .iter()
            .map(|name| (name.trim_start_matches('-').into(), !name.starts_with('-')))
            .collect();
        let ousted = seats.update(
            at(second),
            members.iter().map(|(name, is_there)| (name, *is_there)),
            PATIENCE,
        );
        let ousted: String = ousted.iter().map(|name| format!(" !{name}")).collect();
        shown(seats) + &ousted
    }

    #[test]
    fn a_rolling_restart_gives_each_seat_to_one_newcomer() {
        let mut seats = Seats::default();
        assert_eq!(update(&mut seats, 0, &["a", "b", "c"]), "0:a 1:b 2:c");
        // One more first, and then one less, three times.
        assert_eq!(update(&mut seats, 10, &["a", "b", "c", "x"]), "0:a 1:b 2:c ?x");
        assert_eq!(seats.poll_timeout(), Some(at(70)));
        assert_eq!(update(&mut seats, 20, &["a", "-b", "c", "x"]), "0:a 1:x 2:c !b");
        assert_eq!(update(&mut seats, 30, &["-a", "-b", "c", "x", "y"]), "0:y 1:x 2:c !a");
        assert_eq!(update(&mut seats, 40, &["y", "x", "-c"]), "0:y 1:x 2:c");
        assert_eq!(update(&mut seats, 50, &["y", "x", "-c", "z"]), "0:y 1:x 2:z !c");
        assert_eq!(seats.poll_timeout(), None);
    }

    #[test]
    fn who_is_back_before_anybody_took_its_seat_has_it() {
        let mut seats = Seats::default();
        update(&mut seats, 0, &["a", "b"]);
        assert_eq!(update(&mut seats, 10, &["-a", "b"]), "0:a 1:b");
        assert_eq!(update(&mut seats, 60, &["a", "b"]), "0:a 1:b");
        // It was taken meanwhile, and so it waits as any.
        update(&mut seats, 70, &["-a", "b"]);
        assert_eq!(update(&mut seats, 71, &["-a", "b", "c"]), "0:c 1:b !a");
        assert_eq!(update(&mut seats, 80, &["a", "b", "c"]), "0:c 1:b ?a");
        assert_eq!(update(&mut seats, 139, &["a", "b", "c"]), "0:c 1:b ?a");
        assert_eq!(update(&mut seats, 140, &["a", "b", "c"]), "0:c 1:b 2:a");
    }

    #[test]
    fn seats_are_closed_with_their_members_and_the_first_free_one_opens() {
        let mut seats = Seats::default();
        update(&mut seats, 0, &["a", "b", "c"]);
        assert_eq!(update(&mut seats, 10, &["a", "c"]), "0:a 2:c");
        assert_eq!(update(&mut seats, 20, &["a", "c", "d", "e"]), "0:a 2:c ?d ?e");
        assert_eq!(update(&mut seats, 80, &["a", "c", "d", "e"]), "0:a 1:d 2:c 3:e");
        // A seat of one that is no member is taken before that of one that is missing.
        assert_eq!(update(&mut seats, 90, &["-a", "c", "d", "f"]), "0:a 1:d 2:c 3:f !e");
        assert_eq!(update(&mut seats, 95, &[]), "");
        assert_eq!(
            update(&mut seats, 96, &["k", "j"]),
            "0:j 1:k",
            "nobody is there to wait for"
        );
    }

    #[test]
    fn what_was_kept_of_seats_is_taken_if_it_makes_sense() {
        let kept = [(3, "a".into()), (1, "b".into()), (3, "c".into()), (5, "a".into())];
        assert_eq!(shown(&Seats::of(kept)), "1:b 3:a");
    }

    #[derive(Debug, Clone)]
    enum Step {
        Come(u8),
        Miss(u8),
        Go(u8),
        Pass(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => (0..12_u8).prop_map(Step::Come),
            2 => (0..12_u8).prop_map(Step::Miss),
            2 => (0..12_u8).prop_map(Step::Go),
            2 => (1..50_u64).prop_map(Step::Pass),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]
        /// No two have one seat, nobody that is there loses his, and who waits does so only where no seat is vacant.
        #[test]
        fn each_has_a_seat_of_its_own(steps in prop::collection::vec(step(), 1..60)) {
            let (mut seats, mut now) = (Seats::default(), 0);
            let mut members: BTreeMap<Arc<str>, bool> = BTreeMap::new();
            let mut waits: BTreeMap<Arc<str>, u64> = BTreeMap::new();
            for step in steps {
                let name = |number| Arc::<str>::from(format!("m-{number}"));
                let before = seats.clone();
                match step {
                    Step::Come(number) => drop(members.insert(name(number), true)),
                    Step::Miss(number) => drop(members.get_mut(&name(number)).map(|is_there| *is_there = false)),
                    Step::Go(number) => drop(members.remove(&name(number))),
                    Step::Pass(time) => now += time,
                }
                let ousted = seats.update(at(now), members.iter().map(|(name, is_there)| (name, *is_there)), PATIENCE);
                let is_there = |name: &Arc<str>| members.get(name) == Some(&true);
                let names: BTreeSet<_> = seats.holders().map(|(_, name)| name.clone()).collect();
                prop_assert_eq!(names.len(), seats.holders().len(), "somebody has two");
                for (number, name) in seats.holders() {
                    prop_assert_eq!(seats.number(name), Some(number));
                    prop_assert!(members.contains_key(name), "{} is no member", name);
                }
                for (number, name) in before.holders() {
                    if is_there(name) {
                        prop_assert_eq!(seats.number(name), Some(number), "{} is there", name);
                    } else if members.contains_key(name) && !ousted.contains(name) {
                        prop_assert_eq!(seats.number(name), Some(number), "nobody took the seat of {}", name);
                    }
                }
                for name in &ousted {
                    prop_assert!(!is_there(name) && seats.number(name).is_none());
                }
                // Whoever is there has a seat or waits, and waits no longer than it has to.
                let waiting: BTreeSet<_> = seats.waiting().map(|(name, _)| name.clone()).collect();
                for name in members.keys().filter(|name| is_there(name)) {
                    prop_assert!(names.contains(name) != waiting.contains(name), "{}", name);
                }
                waits.retain(|name, _| waiting.contains(name));
                for name in &waiting {
                    let since = *waits.entry(name.clone()).or_insert(now);
                    prop_assert!(now < since + 60, "{} waits for ever", name);
                    prop_assert!(before.holders().len() > 0, "nobody was there");
                }
                let vacant = seats.holders().filter(|(_, name)| !is_there(name)).count();
                prop_assert!(vacant == 0 || waiting.is_empty(), "a seat is vacant, and somebody waits");
                // A new one is the first that was free, and none opens while one is vacant.
                let opened: Vec<u32> = seats.holders().map(|(number, _)| number)
                    .filter(|number| before.holders().all(|(other, _)| other != *number)).collect();
                for number in opened {
                    let held: BTreeSet<u32> = seats.holders().map(|(number, _)| number).collect();
                    prop_assert!((0..number).all(|lower| held.contains(&lower)), "{} is not the first", number);
                    prop_assert_eq!(vacant, 0);
                }
                prop_assert_eq!(seats.poll_timeout(), waits.values().min().map(|since| at(since + 60)));
            }
        }
    }
}
