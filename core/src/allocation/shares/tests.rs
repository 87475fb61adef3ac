//! A world of members that ask, begin and stop as Prometheus does, and what must hold in it.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::members::REMEMBERED;
use super::*;

const INTERVAL: Duration = Duration::from_secs(15);

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn job() -> Arc<str> {
    "node".into()
}

/// A member as it is: what it scrapes, and what it will begin to.
#[derive(Debug, Default)]
struct Scraper {
    /// From when on it surely scrapes each.
    scrapes: BTreeMap<TargetKey, Instant>,
}

struct World {
    shares: Shares,
    now: Instant,
    scrapers: BTreeMap<Arc<str>, Scraper>,
    members: BTreeSet<Arc<str>>,
    targets: BTreeSet<TargetKey>,
    /// Where targets belong.
    places: BTreeMap<TargetKey, Arc<str>>,
    /// Targets that somebody scrapes, and that must be scraped until they are gone.
    covered: BTreeSet<TargetKey>,
    replicas: usize,
}

impl World {
    fn new(replicas: usize) -> Self {
        let mut shares = Shares::new(replicas);
        shares.set_jobs([(job(), INTERVAL)]);
        Self {
            shares,
            now: Instant::ZERO,
            scrapers: BTreeMap::new(),
            members: BTreeSet::new(),
            targets: BTreeSet::new(),
            places: BTreeMap::new(),
            covered: BTreeSet::new(),
            replicas,
        }
    }

    fn join(&mut self, names: &[String]) {
        self.shares.join(self.now, names.iter().map(String::as_str));
        for name in names {
            self.members.insert(name.as_str().into());
            self.scrapers.entry(name.as_str().into()).or_default();
        }
    }

    fn leave(&mut self, name: &str, leaving: Leaving) {
        self.shares.leave(self.now, name, leaving);
        self.members.remove(name);
        if leaving == Leaving::Lost && self.scrapers.remove(name).is_some() {
            // What only it scraped nobody scrapes: others begin when they can.
            self.covered = self.told();
        }
    }

    fn replace(&mut self, joined: &[String], left: &[Arc<str>]) {
        let left_too = left.iter().map(|name| (&**name, Leaving::Retired));
        let joined_too = joined.iter().map(String::as_str);
        self.shares.change_members(self.now, joined_too, left_too);
        for name in left {
            self.members.remove(name);
        }
        for name in joined {
            self.members.insert(name.as_str().into());
            self.scrapers.entry(name.as_str().into()).or_default();
        }
    }

    /// A member asks for its list, and takes `lag` to begin with what is new; what is not on it, it stops at once.
    fn ask(&mut self, name: &str, lag: Duration) {
        let Some((version, keys)) = self.shares.list(name, "node") else {
            return;
        };
        let keys: BTreeSet<TargetKey> = keys.collect();
        let Some(scraper) = self.scrapers.get_mut(name) else {
            return;
        };
        scraper.scrapes.retain(|key, _| keys.contains(key));
        for key in keys {
            scraper.scrapes.entry(key).or_insert(self.now + lag);
        }
        self.shares.sent(self.now, name, "node", version);
    }

    fn change(&mut self, came: &[u64], went: &[u64]) {
        let key = |number: &u64| TargetKey::from_number(*number);
        let came: Vec<_> = came.iter().map(key).filter(|key| self.targets.insert(*key)).collect();
        let went: Vec<_> = went
            .iter()
            .map(key)
            .filter(|key| !came.contains(key) && self.targets.remove(key))
            .collect();
        self.shares.change(self.now, &job(), &came, &went);
        self.places.retain(|key, _| !went.contains(key));
        // One that is gone and comes back is as new as any, even to who has not heard of either.
        self.covered.retain(|key| !went.contains(key));
        for scraper in self.scrapers.values_mut() {
            scraper.scrapes.retain(|key, _| !went.contains(key));
        }
    }

    /// What is kept is all that is known afterwards, besides the targets, of which some come first.
    fn restart(&mut self, part: u64) {
        let kept = serde_json::to_string(&self.shares.saved()).expect("it can be written");
        let kept = serde_json::from_str(&kept).expect("it can be read");
        self.shares = Shares::resume(self.now, &kept);
        self.shares.set_jobs([(job(), INTERVAL)]);
        for (key, place) in &self.places {
            self.shares.place(self.now, [(*key, Some(place.clone()))]);
        }
        let (first, then): (Vec<_>, Vec<_>) = self.targets.iter().partition(|key| key.number() < part);
        for came in [first, then] {
            self.shares.change(self.now, &job(), &came, &[]);
        }
    }

    fn place(&mut self, places: &[(u64, Option<u8>)]) {
        for (number, place) in places {
            let (key, place) = (
                TargetKey::from_number(*number),
                place.map(|name| Arc::from(format!("m-{name}"))),
            );
            self.shares.place(self.now, [(key, place.clone())]);
            match place {
                Some(place) => drop(self.places.insert(key, place)),
                None => drop(self.places.remove(&key)),
            }
        }
    }

    /// How many members are to own a target.
    fn copies(&self, key: &TargetKey) -> usize {
        match self.places.get(key).is_some_and(|place| self.members.contains(place)) {
            true => 1,
            false => self.replicas.min(self.members.len()),
        }
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.shares.poll_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.shares.handle_timeout(self.now);
        }
        self.now = end;
    }

    fn scraped(&self) -> BTreeSet<TargetKey> {
        let scrapes = self.scrapers.values().flat_map(|scraper| &scraper.scrapes);
        let begun = scrapes.filter(|(key, from)| **from <= self.now && self.targets.contains(key));
        begun.map(|(key, _)| *key).collect()
    }

    /// Those that somebody scrapes who has them on his list: what he only has not heard of yet does not count.
    fn told(&self) -> BTreeSet<TargetKey> {
        let mut told = BTreeSet::new();
        for (name, scraper) in &self.scrapers {
            let Some((_, keys)) = self.shares.list(name, "node") else {
                continue;
            };
            told.extend(keys.filter(|key| scraper.scrapes.get(key).is_some_and(|from| *from <= self.now)));
        }
        told
    }

    /// Nothing that was scraped is left alone, and nobody's is nothing.
    fn check(&mut self) -> Result<(), TestCaseError> {
        let scraped = self.scraped();
        let alone: Vec<_> = self.covered.difference(&scraped).collect();
        prop_assert!(alone.is_empty(), "nobody scrapes {alone:?} at {:?}", self.now);
        self.covered = self.told();
        for key in &self.targets {
            let owners: Vec<_> = self.shares.owners(*key).cloned().collect();
            prop_assert_eq!(owners.len(), self.copies(key));
            let place = self.places.get(key).filter(|place| self.members.contains(*place));
            prop_assert!(
                place.is_none_or(|place| owners == [place.clone()]),
                "{owners:?} own what belongs to {place:?}"
            );
            for owner in &owners {
                let (_, mut keys) = self.shares.list(owner, "node").expect("a member");
                prop_assert!(keys.any(|other| other == *key), "{owner} owns what is not on its list");
            }
        }
        Ok(())
    }

    /// All ask, and all have the time to begin.
    fn settle(&mut self) -> Result<(), TestCaseError> {
        if self.members.is_empty() {
            self.join(&["m-0".to_owned()]);
        }
        for _ in 0..2 {
            for name in self.scrapers.keys().cloned().collect::<Vec<_>>() {
                self.ask(&name, BEGINS_WITHIN + INTERVAL);
                self.check()?;
            }
            self.pass(BEGINS_WITHIN + INTERVAL);
            self.check()?;
        }
        let scrapers = self.scrapers.keys().cloned().collect::<Vec<_>>();
        scrapers.iter().for_each(|name| self.ask(name, Duration::ZERO));
        prop_assert_eq!(self.shares.handovers(), (0, None));
        prop_assert!(self.shares.awaited.is_empty() && self.shares.releases.is_empty());
        for key in &self.targets {
            let scrape = self
                .scrapers
                .iter()
                .filter(|(_, scraper)| scraper.scrapes.contains_key(key));
            let names: Vec<_> = scrape.map(|(name, _)| name).collect();
            prop_assert_eq!(names, self.shares.owners(*key).collect::<Vec<_>>());
        }
        let listed: usize = self.scrapers.keys().map(|name| self.shares.counts(name).1).sum();
        prop_assert_eq!(listed, self.targets.iter().map(|key| self.copies(key)).sum::<usize>());
        let left: Vec<_> = self.shares.members().map(|(name, _)| name.clone()).collect();
        prop_assert!(left.iter().eq(&self.members), "{left:?} are remembered");
        Ok(())
    }
}

#[derive(Debug, Clone)]
enum Step {
    Join(Vec<u8>),
    Leave(u8, bool),
    /// These are all there are from now on.
    Replace(Vec<u8>),
    Ask(u8, u64),
    Change(Vec<u64>, Vec<u64>),
    Place(Vec<(u64, Option<u8>)>),
    Pass(u64),
    Copies(usize),
    /// Each has a seat from now on, counted from this number; or none.
    Seats(Option<u32>),
    /// The process starts again, with what was kept, and finds its targets in two parts.
    Restart(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let keys = |most| prop::collection::vec(0..40_u64, 0..most);
    prop_oneof![
        2 => prop::collection::vec(0..6_u8, 1..3).prop_map(Step::Join),
        2 => (0..6_u8, prop::bool::weighted(0.3)).prop_map(|(name, is_lost)| Step::Leave(name, is_lost)),
        1 => prop::collection::vec(0..6_u8, 0..3).prop_map(Step::Replace),
        6 => (0..6_u8, 0..=25_u64).prop_map(|(name, lag)| Step::Ask(name, lag)),
        2 => (keys(20), keys(10)).prop_map(|(came, went)| Step::Change(came, went)),
        2 => prop::collection::vec((0..40_u64, prop::option::weighted(0.8, 0..6_u8)), 0..10).prop_map(Step::Place),
        4 => (1..40_u64).prop_map(Step::Pass),
        1 => (1..3_usize).prop_map(Step::Copies),
        1 => prop::option::weighted(0.7, 0..4_u32).prop_map(Step::Seats),
        2 => (0..40_u64).prop_map(Step::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(800))]
    /// Members ask when they like, are slow, leave, are lost and come back, while targets come and go.
    #[test]
    fn no_target_that_moves_is_left_alone(replicas in 1..3_usize, steps in prop::collection::vec(step(), 1..60)) {
        let mut world = World::new(replicas);
        for step in steps {
            match step {
                Step::Join(names) => world.join(&names.iter().map(|name| format!("m-{name}")).collect::<Vec<_>>()),
                Step::Leave(name, true) => world.leave(&format!("m-{name}"), Leaving::Lost),
                Step::Leave(name, false) => world.leave(&format!("m-{name}"), Leaving::Retired),
                Step::Replace(names) => {
                    let all: Vec<Arc<str>> = world.members.iter().cloned().collect();
                    let new: Vec<String> = names.iter().map(|name| format!("m-{name}")).collect();
                    let is_new = |name: &Arc<str>| new.iter().any(|new| **new == **name);
                    let left: Vec<Arc<str>> = all.into_iter().filter(|name| !is_new(name)).collect();
                    world.replace(&new, &left);
                }
                Step::Ask(name, lag) => world.ask(&format!("m-{name}"), seconds(lag)),
                Step::Change(came, went) => world.change(&came, &went),
                Step::Place(places) => world.place(&places),
                Step::Copies(count) => {
                    world.replicas = count;
                    world.shares.set_replicas(world.now, count);
                }
                Step::Seats(first) => {
                    let seats = world.members.iter().zip(0..);
                    let seats: Vec<_> = seats.map(|(name, place)| (&**name, first.map(|first| first + place))).collect();
                    world.shares.change_seats(world.now, seats, []);
                }
                Step::Restart(part) => world.restart(part),
                Step::Pass(time) => {
                    // Second by second, so that nothing is passed over.
                    for _ in 0..time {
                        world.pass(seconds(1));
                        world.check()?;
                    }
                }
            }
            world.check()?;
        }
        world.settle()?;
    }
}

fn world_of(members: &[&str], targets: u64) -> World {
    let mut world = World::new(1);
    world.join(&members.iter().map(ToString::to_string).collect::<Vec<_>>());
    world.change(&(0..targets).collect::<Vec<_>>(), &[]);
    for member in members {
        world.ask(member, Duration::ZERO);
    }
    world
}

#[test]
fn the_old_owner_has_a_target_until_the_new_one_has_begun() {
    let mut world = world_of(&["a"], 100);
    let version = |world: &World, member: &str| world.shares.list(member, "node").map(|(version, _)| version);
    let before = version(&world, "a");
    world.join(&["b".to_owned()]);
    let moved = world.shares.counts("b").0;
    let left = 100 - moved;
    assert!((45..=55).contains(&moved), "{moved}");
    assert_eq!(world.shares.counts("b"), (moved, moved));
    assert_eq!(world.shares.counts("a"), (left, 100));
    assert_eq!(version(&world, "a"), before, "nothing of a's list is another");
    assert_eq!(world.shares.handovers(), (moved, Some(Instant::ZERO)));
    world.pass(seconds(600));
    assert_eq!(world.shares.counts("a"), (left, 100), "b has not asked");

    world.ask("b", seconds(25));
    assert_eq!(world.shares.poll_timeout(), Some(Instant::ZERO + seconds(625)));
    world.pass(seconds(24));
    assert_eq!(world.shares.counts("a"), (left, 100));
    world.pass(seconds(1));
    assert_eq!(world.shares.counts("a"), (left, left));
    assert!(version(&world, "a") > before);
    assert_eq!(
        (world.shares.handovers(), world.shares.moved()),
        ((0, None), moved as u64)
    );
}

#[test]
fn a_target_with_an_interval_of_its_own_stays_for_that() {
    let mut world = world_of(&["a"], 100);
    world.join(&["b".to_owned()]);
    let (version, keys) = world.shares.list("b", "node").expect("a member");
    let keys: Vec<_> = keys.collect();
    let slow = keys[0];
    assert_eq!(world.shares.awaited("b", "node", version).count(), keys.len());
    assert_eq!(world.shares.awaited("b", "node", 0).count(), 0);
    assert_eq!(world.shares.awaited("a", "node", u64::MAX).count(), 0);
    let pace = |key| (key == slow).then_some(seconds(120));
    world.shares.sent_paced(world.now, "b", "node", version, pace);
    world.pass(seconds(25));
    assert_eq!(world.shares.handovers().0, 1);
    world.pass(seconds(104));
    assert_eq!(world.shares.leaving(slow).collect::<Vec<_>>(), [&"a".into()]);
    world.pass(seconds(1));
    assert_eq!(world.shares.handovers().0, 0);
}

/// Who had it before just as the other had begins with it no sooner than that: how often it is scraped is not known yet.
#[test]
fn one_that_owns_a_target_already_is_awaited_for_its_own_interval() {
    let mut world = World::new(2);
    world.join(&["a".to_owned(), "b".to_owned()]);
    world.change(&(0..100).collect::<Vec<_>>(), &[]);
    world.ask("a", Duration::ZERO);
    world.ask("b", Duration::ZERO);
    world.shares.set_replicas(world.now, 1);
    let (_, keys) = world.shares.list("b", "node").expect("a member");
    let is_its_own = |key: &TargetKey| world.shares.owners(*key).any(|owner| **owner == *"b");
    let slow = keys.into_iter().find(is_its_own).expect("a target");
    let leaving = |world: &World| world.shares.leaving(slow).count();
    world.pass(seconds(60));
    assert_eq!(leaving(&world), 1, "b may have begun with it, or not");
    let (version, _) = world.shares.list("b", "node").expect("a member");
    let pace = |key| (key == slow).then_some(seconds(120));
    world.shares.sent_paced(world.now, "b", "node", version, pace);
    world.pass(seconds(129));
    assert_eq!(leaving(&world), 1);
    world.pass(seconds(1));
    assert_eq!(leaving(&world), 0);
}

/// What was taken from it, was given to it once more and goes on to another before it asks, it scrapes all along.
#[test]
fn who_was_not_told_that_a_target_went_keeps_it_until_another_has_begun() {
    let mut world = world_of(&["a"], 100);
    world.join(&["b".to_owned()]);
    world.ask("b", Duration::ZERO);
    world.pass(seconds(25));
    let all: BTreeSet<TargetKey> = world.targets.clone();
    let listed = |world: &World| world.shares.counts("a").1;
    assert!(listed(&world) < 60, "b has begun, and a has yet to ask");
    world.leave("b", Leaving::Lost);
    assert_eq!(listed(&world), 100);
    world.join(&["c".to_owned()]);
    assert!(all.iter().all(|key| world.shares.is_listed("a", "node", *key)));
    // Once it was told, what it is given and not sent goes at once.
    world.ask("a", Duration::ZERO);
    world.ask("c", Duration::ZERO);
    world.pass(seconds(25));
    world.ask("a", Duration::ZERO);
    let had = listed(&world);
    world.leave("c", Leaving::Lost);
    world.join(&["c".to_owned()]);
    assert_eq!(listed(&world), had);
}

#[test]
fn what_changed_since_a_list_from_before_it_was_lost_is_not_known() {
    let mut world = world_of(&["a"], 3);
    let (version, _) = world.shares.list("a", "node").expect("a member");
    world.leave("a", Leaving::Lost);
    world.change(&[7], &[0]);
    world.join(&["a".to_owned()]);
    assert!(world.shares.changed_since("a", "node", version).is_none());
    let (version, _) = world.shares.list("a", "node").expect("a member");
    assert_eq!(
        world.shares.changed_since("a", "node", version).map(Iterator::count),
        Some(0)
    );
}

#[test]
fn who_has_not_asked_for_a_list_since_is_awaited() {
    let mut world = world_of(&["a"], 100);
    world.join(&["b".to_owned()]);
    let (version, _) = world.shares.list("b", "node").expect("a member");
    world.shares.sent(world.now, "b", "other", version);
    world.shares.sent(world.now, "b", "node", version - 1);
    let key = world
        .shares
        .list("b", "node")
        .expect("a member")
        .1
        .last()
        .expect("a target");
    let now = world.shares.poll_timeout();
    assert!(now.is_some(), "most of it was sent");
    world.pass(seconds(3_600));
    assert_eq!(world.shares.leaving(key).collect::<Vec<_>>(), [&"a".into()]);
}

#[test]
fn what_a_lost_member_had_goes_to_others_and_one_that_retires_keeps_its_own() {
    let mut world = world_of(&["a", "b"], 100);
    let had = world.shares.counts("b").0;
    world.leave("b", Leaving::Retired);
    assert_eq!(world.shares.counts("b"), (0, had));
    assert_eq!(
        world.shares.members().collect::<Vec<_>>(),
        [(&"a".into(), false), (&"b".into(), true)]
    );
    world.join(&["b".to_owned()]);
    assert_eq!(world.shares.counts("b"), (had, had));
    assert_eq!(
        world.shares.counts("a"),
        (100 - had, 100 - had),
        "it was never sent the others"
    );
    world.ask("b", Duration::ZERO);
    world.leave("b", Leaving::Lost);
    assert_eq!(world.shares.counts("a"), (100, 100));
    assert!(world.shares.list("b", "node").is_none());
    assert_eq!(world.shares.handovers(), (0, None));
}

/// Another `allow`, say, before those that match it had the time to ask.
#[test]
fn who_has_a_target_keeps_it_while_there_are_no_members() {
    let mut world = world_of(&["a"], 10);
    world.leave("a", Leaving::Retired);
    world.pass(seconds(100_000));
    assert_eq!(world.shares.counts("a"), (0, 10));
    world.join(&["b".to_owned()]);
    world.ask("b", Duration::ZERO);
    world.pass(seconds(24));
    assert_eq!(world.shares.counts("a"), (0, 10));
    world.pass(seconds(1));
    assert_eq!(world.shares.counts("a"), (0, 0));
    assert_eq!(world.shares.members().len(), 2, "it has yet to be told");
    world.ask("a", Duration::ZERO);
    assert_eq!(world.shares.members().collect::<Vec<_>>(), [(&"b".into(), false)]);
}

#[test]
fn who_was_taken_out_and_does_not_ask_is_forgotten_in_time() {
    let mut world = world_of(&["a", "b"], 10);
    world.leave("a", Leaving::Retired);
    world.ask("b", Duration::ZERO);
    world.pass(REMEMBERED - seconds(1));
    assert_eq!(world.shares.counts("a"), (0, 0));
    assert!(world.shares.is_retired("a"));
    world.pass(seconds(1));
    assert!(!world.shares.is_retired("a"));
    assert_eq!(world.shares.poll_timeout(), None);
}

#[test]
fn lists_of_jobs_that_are_no_more_are_not_kept() {
    let mut world = world_of(&["a"], 10);
    world.shares.set_jobs([]);
    assert_eq!(world.shares.counts("a"), (10, 10), "its targets are there yet");
    world.change(&[], &(0..10).collect::<Vec<_>>());
    world.shares.set_jobs([]);
    assert!(world.shares.members.values().all(|lists| lists.by_job.is_empty()));
}

#[test]
fn what_belongs_to_a_member_waits_for_him_where_there_is_no_fallback() {
    let mut world = world_of(&["m-0"], 10);
    world.place(&[(0, Some(1)), (1, Some(1)), (2, Some(0))]);
    assert_eq!(world.shares.counts("m-0"), (10, 10));
    world.shares.set_fallback(world.now, false);
    assert_eq!((world.shares.counts("m-0"), world.shares.unowned()), ((8, 10), 2));
    world.pass(seconds(25));
    assert_eq!(world.shares.counts("m-0"), (8, 8), "nobody is to scrape the others");
    world.join(&["m-1".to_owned()]);
    let home: Vec<_> = world
        .shares
        .list("m-1", "node")
        .expect("a member")
        .1
        .take(2)
        .map(TargetKey::number)
        .collect();
    assert_eq!((home, world.shares.unowned()), (vec![0, 1], 0));
    assert_eq!(
        world.shares.owners(TargetKey::from_number(2)).collect::<Vec<_>>(),
        [&"m-0".into()]
    );
    // Without members who has something keeps it, be it his own.
    world.leave("m-0", Leaving::Retired);
    world.leave("m-1", Leaving::Retired);
    world.pass(seconds(1_000));
    assert_eq!(world.shares.unowned(), 10);
    assert!(world.shares.counts("m-0").1 > 0);
}

/// Members of a Deployment, each of which is replaced by one of another name, one after the other.
#[test]
fn a_rolling_restart_of_seats_moves_each_target_once() {
    let mut world = World::new(1);
    let seated = |names: &[&'static str]| names.iter().copied().zip((0..).map(Some)).collect::<Vec<_>>();
    let before = ["a", "b", "c"];
    world.shares.change_seats(world.now, seated(&before), []);
    world.change(&(0..300).collect::<Vec<_>>(), &[]);
    let names: Vec<Arc<str>> = ["a", "b", "c", "x", "y", "z"].map(Arc::from).into();
    world
        .scrapers
        .extend(names.iter().map(|name| (name.clone(), Scraper::default())));
    world.members.extend(names[..3].iter().cloned());
    for name in before {
        world.ask(name, Duration::ZERO);
    }
    for (number, (old, new)) in before.into_iter().zip(["x", "y", "z"]).enumerate() {
        let seat = u32::try_from(number).expect("a few");
        let had = world.shares.counts(old).0;
        world
            .shares
            .change_seats(world.now, [(new, Some(seat))], [(old, Leaving::Retired)]);
        world.members.remove(old);
        world.members.insert(new.into());
        world.check().expect("the old one has all");
        assert_eq!(world.shares.counts(new), (had, had));
        assert_eq!((world.shares.seat(new), world.shares.seat(old)), (Some(seat), None));
        world.ask(new, seconds(25));
        world.pass(seconds(25));
        world.ask(old, Duration::ZERO);
        world.check().expect("the new one has all");
    }
    assert_eq!(world.shares.moved(), 300, "each once");
    world.settle().expect("nothing is left");

    // What seats have follows from their numbers, and not from how they came to be.
    let mut other = Shares::new(1);
    other.set_jobs([(job(), INTERVAL)]);
    other.change(
        Instant::ZERO,
        &job(),
        &(0..300).map(TargetKey::from_number).collect::<Vec<_>>(),
        &[],
    );
    other.change_seats(Instant::ZERO, [("k", Some(2)), ("x", Some(0)), ("l", Some(1))], []);
    let lists = |shares: &Shares, name| shares.list(name, "node").expect("a member").1.collect::<Vec<_>>();
    assert_eq!(lists(&other, "k"), lists(&world.shares, "z"));

    // Without seats each has what follows from its name, and nobody is without meanwhile.
    let names = ["x", "y", "z"];
    world.shares.change_seats(world.now, names.map(|name| (name, None)), []);
    world.check().expect("nobody is left alone");
    let mut by_name = Shares::new(1);
    by_name.set_jobs([(job(), INTERVAL)]);
    by_name.change(
        Instant::ZERO,
        &job(),
        &(0..300).map(TargetKey::from_number).collect::<Vec<_>>(),
        &[],
    );
    by_name.join(Instant::ZERO, names);
    for name in names {
        assert_eq!(world.shares.counts(name).0, by_name.counts(name).0);
        assert_eq!(world.shares.seat(name), None);
    }
    world.settle().expect("nothing is left");
}

/// Before, who had a target until another had begun lost it when the process was started anew.
#[test]
fn what_is_between_two_members_is_so_after_a_restart() {
    let mut world = world_of(&["a"], 100);
    world.pass(seconds(5));
    world.join(&["b".to_owned()]);
    let moved = world.shares.counts("b").0;
    world.restart(0);
    assert_eq!(world.shares.counts("a"), (100 - moved, 100));
    assert_eq!(world.shares.counts("b"), (moved, moved));
    assert_eq!(world.shares.handovers(), (moved, Some(Instant::ZERO + seconds(5))));
    world.pass(seconds(1_000));
    assert_eq!(world.shares.counts("a").1, 100, "b has not asked");
    world.ask("b", seconds(25));
    world.pass(seconds(24));
    // It was sent its list before, and is to be once more.
    world.restart(0);
    world.pass(seconds(1_000));
    assert_eq!(world.shares.counts("a").1, 100);
    world.ask("b", Duration::ZERO);
    world.pass(seconds(24));
    assert_eq!(world.shares.counts("a").1, 100);
    world.pass(seconds(1));
    assert_eq!(world.shares.counts("a").1, 100 - moved);
}

/// In whatever order jobs are told, what a member has goes to no other meanwhile.
#[test]
fn targets_of_several_jobs_come_back_at_once() {
    let names = ["a", "b", "c"];
    let keys = |job: u64| {
        (job * 1_000..job * 1_000 + 300)
            .map(TargetKey::from_number)
            .collect::<Vec<_>>()
    };
    let jobs: Vec<(Arc<str>, Vec<TargetKey>)> = (0..4).map(|job| (format!("job-{job}").into(), keys(job))).collect();
    let set_jobs = |shares: &mut Shares| shares.set_jobs(jobs.iter().map(|(job, _)| (job.clone(), INTERVAL)));
    let changes = || jobs.iter().map(|(job, keys)| (job, &keys[..], &[][..]));
    let mut shares = Shares::new(1);
    set_jobs(&mut shares);
    shares.join(Instant::ZERO, names);
    shares.change_jobs(Instant::ZERO, changes());
    let mut resumed = Shares::resume(Instant::ZERO, &shares.saved());
    set_jobs(&mut resumed);
    resumed.change_jobs(Instant::ZERO, changes());
    for name in names {
        assert_eq!(resumed.counts(name), shares.counts(name));
        assert_eq!(resumed.counts(name).0, resumed.counts(name).1);
    }
    assert_eq!((resumed.handovers(), resumed.moved()), ((0, None), 0));
}

/// Others are members after a restart, as after a reload, and who was one keeps what it has until they have begun.
#[test]
fn who_had_something_before_a_restart_is_known_to_have_it() {
    let mut world = world_of(&["a", "b"], 100);
    world.leave("b", Leaving::Retired);
    let had = world.shares.counts("b").1;
    world.restart(100);
    assert!(world.shares.is_retired("b"));
    assert_eq!(world.shares.counts("b"), (0, had));
    world.replace(&["c".to_owned()], &["a".into()]);
    world.check().expect("nobody is left alone");
    assert_eq!(
        (world.shares.counts("a"), world.shares.counts("c").0),
        ((0, 100), 100),
        "a may have what it was to take over from b, too"
    );
    world.settle().expect("nothing is left");
    // What never comes again is forgotten in the end.
    world.join(&["d".to_owned()]);
    let saved = world.shares.saved();
    assert!(!saved.handovers.is_empty());
    let mut resumed = Shares::resume(world.now, &saved);
    assert_eq!(resumed.saved(), saved, "it is kept over the next restart, too");
    assert_eq!(resumed.poll_timeout(), Some(world.now + REMEMBERED));
    resumed.handle_timeout(world.now + REMEMBERED);
    assert!(resumed.saved().handovers.is_empty());
    assert_eq!(resumed.poll_timeout(), None);
}
