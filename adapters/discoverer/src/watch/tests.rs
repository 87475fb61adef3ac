use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use headcount_core::{Encoder, UpdateKind};
use proptest::prelude::*;

use super::*;
use crate::testing::{Collected, Received, World};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

const TIMING: Timing = Timing {
    resync: Duration::from_secs(600),
    idle: Duration::from_secs(60),
};

/// A store with a history.
#[derive(Debug, Default)]
struct Store {
    /// A source and its version, or that it is gone.
    log: Vec<(u8, Option<u32>)>,
    /// Positions before this one are too old.
    compacted: usize,
    faults: Faults,
    lists: usize,
    streams: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Faults {
    list_fails: bool,
    list_hangs: bool,
    stream_fails: bool,
    stream_ends: bool,
    /// A stream ends after one change.
    says_one_each: bool,
    stream_hangs: bool,
    asks_to_wait: Option<Duration>,
}

type State = BTreeMap<String, String>;

impl Store {
    /// What there is after so many entries.
    fn state(&self, position: usize) -> State {
        let mut state = State::new();
        for (source, version) in &self.log[..position] {
            match version {
                Some(version) => state.insert(source.to_string(), version.to_string()),
                None => state.remove(&source.to_string()),
            };
        }
        state
    }

    fn put(&mut self, source: u8) {
        let version = self.log.len() as u32;
        self.log.push((source, Some(version)));
    }

    /// How often it was listed, and how many streams were opened.
    fn asked(&self) -> (usize, usize) {
        (self.lists, self.streams)
    }

    fn failure(&self) -> RefreshError {
        let error = RefreshError::soon("the store is down");
        match self.faults.asks_to_wait {
            Some(wait) => error.after(wait),
            None => error,
        }
    }
}

/// Watches a store.
struct Watching {
    store: Arc<Mutex<Store>>,
    encoder: Encoder,
}

impl Watching {
    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().expect("nobody panics")
    }

    fn groups<'a>(&mut self, state: impl Iterator<Item = (&'a str, Option<&'a str>)>) -> Vec<Group> {
        let mut batch = self.encoder.batch();
        for (source, version) in state {
            let target = version.map(|version| [("__address__", version)]);
            batch.group(source, [("a", "b")], target).expect("short strings");
        }
        batch.finish()
    }
}

impl Watch for Watching {
    type Position = usize;
    /// Where it began, and where it is.
    type Stream = (usize, usize);

    async fn list(&mut self, env: &Env) -> Result<Listing<usize>, RefreshError> {
        self.store().lists += 1;
        env.clock.sleep(Duration::from_millis(10)).await;
        if self.store().faults.list_hangs {
            std::future::pending::<()>().await;
        }
        let (state, position) = {
            let store = self.store();
            if store.faults.list_fails {
                return Err(store.failure());
            }
            (store.state(store.log.len()), store.log.len())
        };
        let state = state
            .iter()
            .map(|(source, version)| (source.as_str(), Some(version.as_str())));
        let groups = self.groups(state);
        Ok(Listing { groups, position })
    }

    async fn watch(&mut self, _env: &Env, from: &usize) -> Result<(usize, usize), Broken> {
        let mut store = self.store();
        store.streams += 1;
        match store.faults.stream_fails {
            true => Err(store.failure().into()),
            false if *from < store.compacted => Err(Broken::TooOld),
            false => Ok((*from, *from)),
        }
    }

    async fn next(&mut self, env: &Env, stream: &mut (usize, usize)) -> Result<Option<Change<usize>>, Broken> {
        let (began, position) = stream;
        loop {
            let entry = {
                let store = self.store();
                match store.faults {
                    Faults { stream_fails: true, .. } => return Err(store.failure().into()),
                    Faults { stream_ends: true, .. } => return Ok(None),
                    Faults {
                        says_one_each: true, ..
                    } if began < position => return Ok(None),
                    Faults { stream_hangs: true, .. } => None,
                    _ if *position < store.compacted => return Err(Broken::TooOld),
                    _ => store.log.get(*position).copied(),
                }
            };
            let Some((source, version)) = entry else {
                env.clock.sleep(Duration::from_millis(250)).await;
                continue;
            };
            *position += 1;
            let (source, version) = (source.to_string(), version.map(|version| version.to_string()));
            let groups = self.groups([(source.as_str(), version.as_deref())].into_iter());
            let position = Some(*position);
            return Ok(Some(Change { groups, position }));
        }
    }
}

/// A world in which a store is watched.
fn world() -> (World, Arc<Mutex<Store>>) {
    let mut world = World::new();
    let store = Arc::new(Mutex::new(Store::default()));
    let watching = Watching {
        store: store.clone(),
        encoder: Encoder::new(),
    };
    world.start(Box::new(move |env, updates| run(TIMING, watching, env, updates)));
    (world, store)
}

fn lock(store: &Mutex<Store>) -> MutexGuard<'_, Store> {
    store.lock().expect("nobody panics")
}

fn kinds(received: &[Received]) -> Vec<UpdateKind> {
    received
        .iter()
        .filter_map(|received| received.update().map(Update::kind))
        .collect()
}

fn shown(collected: &Collected) -> State {
    let version = |source: &str| {
        let group = collected.group(source).expect("it is one of them");
        let targets: Vec<_> = group.targets().collect();
        targets[0].get("__address__").unwrap_or_default().to_owned()
    };
    collected
        .sources()
        .into_iter()
        .map(|source| (source.to_owned(), version(source)))
        .collect()
}

#[test]
fn everything_is_listed_and_then_what_changes_is_reported() {
    let (mut world, store) = world();
    lock(&store).put(1);
    lock(&store).put(2);
    let mut collected = Collected::default();
    let received = world.run_for(SECOND);
    collected.receive(&received);
    assert_eq!(
        (kinds(&received), collected.sources()),
        (vec![UpdateKind::Full], vec!["1", "2"])
    );
    lock(&store).put(3);
    lock(&store).log.push((1, None));
    let received = world.run_for(SECOND);
    collected.receive(&received);
    assert_eq!(
        (kinds(&received), collected.sources()),
        (vec![UpdateKind::Delta], vec!["2", "3"])
    );
    assert_eq!(lock(&store).asked(), (1, 1));
}

#[test]
fn what_the_stream_left_out_is_found_by_listing_again_and_only_that_is_reported() {
    let (mut world, store) = world();
    (1..100).for_each(|source| lock(&store).put(source));
    let mut collected = Collected::default();
    collected.receive(&world.run_for(SECOND));
    // The history is rewritten.
    lock(&store).log[7].1 = Some(4711);
    lock(&store).log[8].1 = None;
    let received = world.run_for(MINUTE * 10);
    let changed: Vec<_> = received
        .iter()
        .filter_map(Received::update)
        .filter(|u| !u.groups().is_empty())
        .collect();
    assert_eq!(
        (changed.len(), changed[0].kind(), changed[0].groups().len()),
        (1, UpdateKind::Completing, 2)
    );
    collected.receive(&received);
    assert_eq!(shown(&collected), lock(&store).state(99));
}

#[test]
fn a_stream_that_is_silent_is_opened_again_where_it_stopped() {
    let (mut world, store) = world();
    lock(&store).put(1);
    world.run_for(SECOND);
    lock(&store).faults.stream_hangs = true;
    lock(&store).put(2);
    assert!(world.run_for(MINUTE * 3).is_empty(), "silence is no failure");
    assert_eq!(lock(&store).asked(), (1, 4));
    lock(&store).faults.stream_hangs = false;
    assert_eq!(kinds(&world.run_for(MINUTE)), [UpdateKind::Delta]);
}

#[test]
fn failures_are_told_ever_less_often_and_so_is_the_recovery() {
    let (mut world, store) = world();
    lock(&store).put(1);
    world.run_for(SECOND);
    lock(&store).faults.stream_fails = true;
    let failures = world.run_for(MINUTE * 8);
    assert!(
        failures
            .iter()
            .all(|received| received.failure() == Some("the store is down"))
    );
    // Four doublings, and then each half minute or a little sooner.
    assert!((16..=40).contains(&failures.len()), "{}", failures.len());
    lock(&store).faults.stream_fails = false;
    let received = world.run_for(LONGEST_PAUSE);
    assert_eq!(
        (received.len(), kinds(&received)),
        (1, vec![UpdateKind::Delta]),
        "it is well, with nothing new"
    );
    lock(&store).put(2);
    world.run_for(SECOND);
    lock(&store).faults.stream_fails = true;
    let failures = world.run_for(SECOND * 3);
    assert!(failures.len() >= 2, "it begins anew with a short wait: {failures:?}");
}

#[test]
fn a_server_decides_when_it_is_asked_again() {
    let (mut world, store) = world();
    lock(&store).faults.list_fails = true;
    lock(&store).faults.asks_to_wait = Some(MINUTE * 5);
    assert_eq!(world.run_for(SECOND).len(), 1);
    lock(&store).faults = Faults::default();
    assert!(world.run_for(MINUTE * 4).is_empty());
    assert_eq!(kinds(&world.run_for(MINUTE * 2)), [UpdateKind::Full]);
}

#[test]
fn a_listing_has_a_deadline_and_what_is_known_is_followed_when_it_fails() {
    let (mut world, store) = world();
    lock(&store).faults.list_hangs = true;
    let received = world.run_for(LIST_DEADLINE + SECOND / 2);
    assert_eq!(received[0].failure(), Some("listing everything: no answer within 300s"));
    lock(&store).faults.list_hangs = false;
    assert_eq!(kinds(&world.run_for(SECOND * 2)), [UpdateKind::Full]);
    // The resync fails; changes are reported all the same.
    lock(&store).faults.list_fails = true;
    let received = world.run_for(MINUTE * 11);
    assert!(received.iter().any(|received| received.failure().is_some()));
    lock(&store).put(1);
    assert!(kinds(&world.run_for(SECOND)).contains(&UpdateKind::Delta));
    lock(&store).faults.list_fails = false;
    assert!(kinds(&world.run_for(MINUTE)).contains(&UpdateKind::Completing));
}

#[test]
fn streams_that_end_at_once_are_not_opened_all_the_time() {
    let (mut world, store) = world();
    lock(&store).faults.stream_ends = true;
    let received = world.run_for(MINUTE * 5);
    assert!(lock(&store).streams <= 40, "{}", lock(&store).streams);
    assert!(received.iter().any(|received| received.failure().is_some()));
    let (mut world, store) = self::world();
    lock(&store).compacted = 1;
    world.run_for(MINUTE * 5);
    assert!(lock(&store).lists <= 40, "{}", lock(&store).lists);
}

#[test]
fn a_stream_that_ends_when_it_has_said_something_has_not_failed() {
    let (mut world, store) = world();
    world.run_for(SECOND);
    lock(&store).faults.says_one_each = true;
    (0..30).for_each(|source| lock(&store).put(source));
    let mut collected = Collected::default();
    let received = world.run_for(MINUTE);
    collected.receive(&received);
    assert!(received.iter().all(|received| received.failure().is_none()));
    assert_eq!(collected.sources().len(), 30);
    assert!((30..=61).contains(&lock(&store).streams), "{}", lock(&store).streams);
}

#[test]
fn a_stream_that_never_stops_talking_is_listed_again_in_its_time() {
    let (mut world, store) = world();
    world.run_for(SECOND);
    for second in 0..660_u32 {
        lock(&store).put((second % 7) as u8);
        world.run_for(SECOND);
    }
    assert_eq!(lock(&store).lists, 2);
}

#[test]
fn a_position_that_is_too_old_is_listed_anew_and_has_not_failed() {
    let (mut world, store) = world();
    world.run_for(MINUTE);
    {
        let mut store = lock(&store);
        (0..10).for_each(|source| store.put(source));
        store.compacted = store.log.len();
    }
    let received = world.run_for(SECOND * 2);
    assert!(
        received.iter().all(|received| received.failure().is_none()),
        "{received:?}"
    );
    assert_eq!(kinds(&received), [UpdateKind::Completing]);
    assert_eq!(lock(&store).lists, 2);
}

#[test]
fn a_burst_is_reported_in_bounded_batches() {
    let (mut world, store) = world();
    world.run_for(SECOND);
    for round in 0..20_u32 {
        for source in 0..=255_u8 {
            lock(&store).log.push((source, Some(round)));
        }
    }
    let received = world.run_for(SECOND);
    let sizes: Vec<_> = received
        .iter()
        .filter_map(|r| r.update().map(|update| update.groups().len()))
        .collect();
    assert_eq!(sizes, [1000, 1000, 1000, 1000, 1000, 120]);
}

/// Which requests were answered.
fn answered(received: &[Received]) -> Vec<u64> {
    received.iter().filter_map(Received::answered).collect()
}

#[test]
fn who_asks_has_everything_listed_again_and_hears_when_that_is_reported() {
    let (mut world, store) = world();
    let provider = world.provider();
    (1..100).for_each(|source| lock(&store).put(source));
    world.run_for(SECOND * 30);
    // The history is rewritten, and the stream says nothing of it.
    lock(&store).log[7].1 = Some(4711);
    assert!(world.run_for(SECOND).is_empty());
    let request = world.ask(provider);
    let received = world.run_for(SECOND);
    assert_eq!(kinds(&received), [UpdateKind::Completing]);
    assert_eq!(answered(&received), [request]);
    // And follows what changes, as before.
    lock(&store).put(3);
    assert_eq!(kinds(&world.run_for(SECOND)), [UpdateKind::Delta]);
    assert_eq!(lock(&store).asked(), (2, 2));
}

#[test]
fn who_asks_while_the_backend_is_down_hears_that_it_is_and_does_not_have_it_asked_all_the_time() {
    let (mut world, store) = world();
    let provider = world.provider();
    lock(&store).faults.list_fails = true;
    lock(&store).faults.stream_fails = true;
    world.run_for(MINUTE);
    let before = lock(&store).lists;
    let request = world.ask(provider);
    let received = world.run_for(SECOND / 10);
    assert_eq!(
        received.iter().filter_map(Received::failure).next(),
        Some("the store is down")
    );
    assert_eq!(answered(&received), [request]);
    for _ in 0..300 {
        world.ask(provider);
        world.run_for(SECOND / 10);
    }
    let lists = lock(&store).lists - before;
    assert!((5..=12).contains(&lists), "{lists}");
}

#[test]
fn who_asks_while_a_stream_is_silent_does_not_wait_for_it() {
    let (mut world, store) = world();
    let provider = world.provider();
    world.run_for(SECOND);
    lock(&store).faults.stream_hangs = true;
    lock(&store).put(1);
    world.run_for(SECOND);
    world.ask(provider);
    assert_eq!(kinds(&world.run_for(SECOND)), [UpdateKind::Completing]);
}

#[derive(Debug, Clone)]
enum Step {
    Put(u8),
    Remove(u8),
    Compact(usize),
    Faults(Faults),
    Ask,
    Pass(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let source = 0..6_u8;
    let faults = prop::array::uniform6(prop::bool::weighted(0.25)).prop_map(|[a, b, c, d, e, f]| Faults {
        says_one_each: f,
        list_fails: a,
        list_hangs: b && a,
        stream_fails: c,
        stream_ends: d,
        stream_hangs: e,
        asks_to_wait: None,
    });
    let step = prop_oneof![
        5 => source.clone().prop_map(Step::Put),
        2 => source.prop_map(Step::Remove),
        2 => (0..8_usize).prop_map(Step::Compact),
        2 => faults.prop_map(Step::Faults),
        2 => Just(Step::Ask),
        3 => prop_oneof![0..2_000_u64, 0..100_000_u64, 600_000..700_000_u64].prop_map(Step::Pass),
    ];
    prop::collection::vec(step, 1..30)
}

/// Each report shows a state that the store was in, and never an earlier one than the report before.
#[derive(Default)]
struct Follower {
    collected: Collected,
    position: usize,
}

impl Follower {
    fn receive(&mut self, store: &Store, received: &[Received]) -> Result<(), TestCaseError> {
        for received in received {
            self.collected.receive(std::slice::from_ref(received));
            let shown = shown(&self.collected);
            let found = (self.position..=store.log.len()).find(|position| store.state(*position) == shown);
            prop_assert!(found.is_some(), "{shown:?} after {} of {:?}", self.position, store.log);
            self.position = found.unwrap_or_default();
        }
        Ok(())
    }
}

proptest! {
    #[test]
    fn whatever_happens_each_report_shows_a_state_that_the_store_was_in(steps in steps()) {
        let (mut world, store) = world();
        let mut follower = Follower::default();
        let (provider, mut asked, mut answered) = (world.provider(), 0, 0);
        for step in steps {
            match step {
                Step::Put(source) => lock(&store).put(source),
                Step::Remove(source) => lock(&store).log.push((source, None)),
                Step::Compact(kept) => {
                    let mut store = lock(&store);
                    store.compacted = store.compacted.max(store.log.len().saturating_sub(kept));
                }
                Step::Faults(faults) => lock(&store).faults = faults,
                Step::Ask => asked = world.ask(provider),
                Step::Pass(millis) => {
                    let received = world.run_for(Duration::from_millis(millis));
                    follower.receive(&lock(&store), &received)?;
                    answered = received.iter().filter_map(Received::answered).next_back().unwrap_or(answered);
                }
            }
        }
        lock(&store).faults = Faults::default();
        let received = world.run_for(LIST_DEADLINE + MINUTE * 2);
        answered = received.iter().filter_map(Received::answered).next_back().unwrap_or(answered);
        prop_assert_eq!(answered, asked, "nobody waits for ever");
        follower.receive(&lock(&store), &received)?;
        let now = lock(&store).log.len();
        prop_assert_eq!(shown(&follower.collected), lock(&store).state(now));
        // Nobody is left with a failure.
        let received = world.run_for(TIMING.resync);
        prop_assert!(received.last().is_some_and(|received| received.failure().is_none()));
    }
}
