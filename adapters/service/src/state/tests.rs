//! The whole way of a state: written change by change, cut and damaged, read back.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use headcount_config::Nowhere;
use headcount_core::{
    Encoder, Group, Instant, Manager, ManagerOptions, Missing, MissingPart, ProviderId, Snapshot, TimeoutReason, Update,
};
use headcount_discoverer::BoxFuture;
use headcount_discoverer::env::Clock;
use headcount_discoverer::mechanism::SdConfig;
use proptest::prelude::*;

use super::image::{self, Image, decode};
use super::restore::{Restored, restore};
use super::states::States;
use super::store::{Store, base_path, log_path};
use super::writer::{Appended, Writer};
use crate::plan::Plan;

/// A clock that goes on by a second whenever it is read.
#[derive(Default)]
pub(super) struct Seconds(AtomicU64);

impl Clock for Seconds {
    fn now(&self) -> Instant {
        Instant::ZERO + Duration::from_secs(self.0.fetch_add(1, Ordering::Relaxed))
    }

    fn unix_time(&self) -> Duration {
        Duration::ZERO
    }

    fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }
}

/// Longer than anybody is waited for.
const WAIT: Duration = Duration::from_secs(3_600);

/// What is known of a provider: who reads it, when it was first read whole, whether it was waited out, and its groups.
type Plain = BTreeMap<String, (Vec<String>, (Option<Instant>, bool), BTreeMap<String, String>)>;

fn in_words(changed: Instant, group: &Group) -> (String, String) {
    (group.source().to_owned(), format!("{changed:?} {group:?}"))
}

fn of_snapshot(snapshot: &Snapshot) -> Plain {
    let mut readers: BTreeMap<ProviderId, BTreeSet<String>> = BTreeMap::new();
    for set in snapshot.sets().filter_map(|set| snapshot.set(set)) {
        for provider in set.providers() {
            readers.entry(provider.id()).or_default().insert(set.name().to_string());
        }
    }
    let providers = snapshot.providers().map(|provider| {
        let sets = readers.remove(&provider.id()).unwrap_or_default().into_iter().collect();
        let groups = provider.groups().iter();
        let groups = groups
            .map(|stored| in_words(stored.changed(), stored.group()))
            .collect();
        let known = (provider.reports().first_whole(), provider.reports().is_waited_out());
        (provider.description().to_string(), (sets, known, groups))
    });
    providers.collect()
}

fn of_image(image: &Image) -> Plain {
    let providers = image.providers.iter().map(|(record, groups)| {
        let sets = record.sets.iter().map(ToString::to_string).collect();
        let groups = groups
            .iter()
            .map(|(changed, group)| in_words(*changed, group))
            .collect();
        let known = (record.first_whole, record.waited_out);
        (record.description.to_string(), (sets, known, groups))
    });
    providers.collect()
}

/// Sets by name, each with the numbers of its configs.
fn configs(sets: &[(String, Vec<u8>)]) -> Vec<(String, Vec<SdConfig>)> {
    let job = |(name, numbers): &(String, Vec<u8>)| {
        let entries: Vec<_> = numbers
            .iter()
            .map(|number| format!("{{url: 'http://h{number}/'}}"))
            .collect();
        format!("{{job_name: {name}, http_sd_configs: [{}]}}", entries.join(", "))
    };
    let jobs: Vec<_> = sets.iter().map(job).collect();
    let text = format!("scrape_configs: [{}]", jobs.join(", "));
    let config = crate::loader().parse(text.as_bytes(), "/etc/p.yml".as_ref(), &Nowhere);
    Plan::from(config.expect("valid")).scrape_sets()
}

/// A manager, its files, and all that was ever true of them.
pub(super) struct World {
    folder: tempfile::TempDir,
    manager: Manager<SdConfig>,
    encoder: Encoder,
    writer: Writer,
    /// What was applied last.
    sets: Vec<(String, Vec<u8>)>,
    now: Instant,
    /// What may be read back: what was written since the last base, and with it.
    history: Vec<Plain>,
    bases: u64,
}

#[derive(Debug, Clone)]
enum Step {
    Apply(Vec<(String, Vec<u8>)>),
    /// To the provider at this place among those there are: all it has, or a part.
    Update(u8, BTreeMap<String, Vec<u8>>, bool),
    /// Until nobody is waited for any more.
    WaitOut,
    Append,
    Base,
    /// Another process begins with what is in the files.
    Restart,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::new(folder.path().to_owned(), "scrape");
        Self {
            writer: Writer::new(store, Arc::new(Seconds::default())),
            folder,
            manager: Manager::new(Instant::ZERO, ManagerOptions::default()),
            encoder: Encoder::new(),
            sets: Vec::new(),
            now: Instant::ZERO,
            history: Vec::new(),
            bases: 0,
        }
    }

    fn take(&mut self, step: &Step) {
        self.now = self.now + Duration::from_secs(1);
        match step {
            Step::Apply(sets) => {
                self.manager.apply(self.now, configs(sets));
                self.sets.clone_from(sets);
            }
            Step::Update(place, sources, is_all) => {
                let ids: Vec<_> = self.manager.providers().map(|provider| provider.id).collect();
                if !ids.is_empty() {
                    self.update(ids[usize::from(*place) % ids.len()], sources, *is_all);
                }
            }
            Step::WaitOut => {
                self.now = self.now + WAIT;
                self.manager.handle_timeout(self.now);
            }
            Step::Append => {
                let newest = self.manager.snapshot(self.now);
                if !self.history.is_empty() {
                    let appended = self.writer.append(&newest).expect("written");
                    assert!(matches!(appended, Appended::Bytes(_)));
                    self.history.push(of_snapshot(&newest));
                }
            }
            Step::Base => self.base(&[]),
            Step::Restart => {
                if !self.restart() {
                    self.base(&[]);
                }
            }
        }
    }

    /// Ends this process, and has another one go on with its files. Says whether it does.
    fn restart(&mut self) -> bool {
        let image = image::read(self.folder.path(), "scrape")
            .expect("it is whole")
            .expect("it is there");
        let sets = configs(&self.sets);
        let Restored { state, kept, .. } = restore(image, &sets);
        self.manager = Manager::restore(self.now, ManagerOptions::default(), state);
        self.manager.apply(self.now, sets);
        let store = Store::new(self.folder.path().to_owned(), "scrape");
        self.writer = Writer::new(store, Arc::new(Seconds::default()));
        let first = self.manager.snapshot(self.now);
        self.writer.go_on(kept, &first).expect("written");
        let goes_on = self.writer.goes_on();
        if goes_on {
            self.history.push(of_snapshot(&first));
        }
        goes_on
    }

    /// Writes a base while these happen.
    fn base(&mut self, meanwhile: &[Step]) {
        let mut newest = vec![self.manager.snapshot(self.now)];
        let updates = meanwhile
            .iter()
            .filter(|step| !matches!(step, Step::Append | Step::Base | Step::Restart));
        for step in updates {
            self.take(step);
            newest.push(self.manager.snapshot(self.now));
        }
        self.history = newest.iter().map(of_snapshot).collect();
        let left = RefCell::new(newest);
        let next = || {
            let mut left = left.borrow_mut();
            match left.len() {
                1 => left[0].clone(),
                _ => left.remove(0),
            }
        };
        self.bases += 1;
        self.writer
            .write_base(&next, self.bases, "/etc/p.yml")
            .expect("written");
        // Of what happened meanwhile, the writer sees what it asks for: the first, and what is there at last or before.
        let first = next();
        self.writer.append(&first).expect("written");
        self.history.push(of_snapshot(&first));
    }

    fn update(&mut self, id: ProviderId, sources: &BTreeMap<String, Vec<u8>>, is_all: bool) {
        let mut batch = self.encoder.batch();
        for (source, targets) in sources {
            let targets = targets.iter().map(|target| [("__address__", format!("h{target}"))]);
            batch
                .group(source, [("rack", source.clone())], targets)
                .expect("it fits");
        }
        let groups = batch.finish();
        let update = match is_all {
            true => Update::full(groups),
            false => Update::partial(
                groups,
                Missing::of([MissingPart::new("a zone", "503")]).expect("a part"),
            ),
        };
        self.manager.handle_update(self.now, id, update).expect("it runs");
    }

    pub(super) fn files(&self) -> (Vec<u8>, Vec<u8>) {
        let read = |path| fs::read(path).expect("a file");
        (
            read(base_path(self.folder.path(), "scrape")),
            read(log_path(self.folder.path(), "scrape")),
        )
    }

    fn decode(&self, base: &[u8], log: &[u8]) -> Option<Image> {
        decode(Path::new("scrape.base"), (base, base.len() as u64), log).ok()
    }
}

fn any_sets() -> impl Strategy<Value = Vec<(String, Vec<u8>)>> {
    let sets = prop::collection::btree_map("[ab]", prop::collection::vec(0_u8..4, 0..3), 0..3);
    sets.prop_map(|sets| sets.into_iter().collect())
}

fn any_update() -> impl Strategy<Value = Step> {
    let sources = prop::collection::btree_map("[a-d]", prop::collection::vec(any::<u8>(), 0..3), 0..4);
    (any::<u8>(), sources, prop::bool::weighted(0.7))
        .prop_map(|(place, sources, is_all)| Step::Update(place, sources, is_all))
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => any_sets().prop_map(Step::Apply),
        6 => any_update(),
        1 => Just(Step::WaitOut),
        5 => Just(Step::Append),
        1 => Just(Step::Base),
        2 => Just(Step::Restart),
    ]
}

/// Something that was running before.
pub(super) fn started() -> World {
    let mut world = World::new();
    world.take(&Step::Apply(vec![("a".to_owned(), vec![0, 1])]));
    world.take(&Step::Update(0, BTreeMap::from([("a".to_owned(), vec![1, 2])]), true));
    world.base(&[]);
    world
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_read_is_what_was_written_last(
        before in prop::collection::vec(any_step(), 0..12),
        meanwhile in prop::collection::vec(any_step(), 0..4),
        after in prop::collection::vec(any_step(), 0..12),
    ) {
        let mut world = started();
        before.iter().for_each(|step| world.take(step));
        world.base(&meanwhile);
        after.iter().for_each(|step| world.take(step));
        let image = image::read(world.folder.path(), "scrape").expect("it is whole").expect("it is there");
        prop_assert_eq!(Some(&of_image(&image)), world.history.last());
        prop_assert_eq!(image.torn, 0);
    }

    #[test]
    fn what_is_damaged_is_refused_or_was_so_before(
        meanwhile in prop::collection::vec(any_step(), 0..4),
        after in prop::collection::vec(any_step(), 0..12),
        damages in prop::collection::vec((any::<bool>(), any::<prop::sample::Index>(), prop::option::of(0_u8..8)), 32),
    ) {
        let mut world = started();
        world.base(&meanwhile);
        after.iter().for_each(|step| world.take(step));
        let (base, log) = world.files();
        for (in_base, place, bit) in damages {
            let (mut base, mut log) = (base.clone(), log.clone());
            let file = if in_base { &mut base } else { &mut log };
            let place = place.index(file.len());
            match bit {
                Some(bit) => file[place] ^= 1 << bit,
                None => file.truncate(place),
            }
            match world.decode(&base, &log) {
                Some(image) => prop_assert!(world.history.contains(&of_image(&image)), "it never was so"),
                None => prop_assert!(in_base, "a log takes nothing with it"),
            }
        }
    }
}

/// What a restart costs the disk is what it changes.
#[test]
fn who_begins_with_what_is_there_writes_no_base() {
    let mut world = started();
    let update = |place, target| Step::Update(place, BTreeMap::from([("a".to_owned(), vec![target])]), true);
    world.take(&update(1, 7));
    world.take(&Step::Append);
    let (base, log) = world.files();
    // The numbers of another process are others.
    world.sets = vec![("a".to_owned(), vec![3, 1, 0])];
    assert!(world.restart());
    let (same, longer) = world.files();
    assert!(same == base && longer.starts_with(&log) && longer.len() < log.len() + 400);
    world.take(&update(1, 9));
    world.take(&Step::Append);
    // What is torn at the end goes.
    let mut torn = world.files().1;
    torn.extend_from_slice(&[7; 99]);
    fs::write(log_path(world.folder.path(), "scrape"), torn).expect("written");
    assert!(world.restart());
    world.take(&update(0, 8));
    world.take(&Step::Append);
    assert_eq!(world.files().0, base);
    let image = image::read(world.folder.path(), "scrape")
        .expect("it is whole")
        .expect("it is there");
    assert_eq!((Some(&of_image(&image)), image.torn), (world.history.last(), 0));
}

/// Another process knows it from the log: that is all that there is to write.
#[test]
fn b10_who_was_waited_out_is_not_waited_for_by_the_next_process() {
    let mut world = started();
    let deadline = |world: &World| world.manager.poll_timeout().map(|(_, reason)| reason);
    let is_waited_out = |world: &World| {
        let snapshot = world.manager.snapshot(world.now);
        let dead = snapshot
            .providers()
            .find(|provider| &**provider.description() == "http://h1/");
        dead.expect("it runs").reports().is_waited_out()
    };
    assert!(!world.restart() || !is_waited_out(&world));
    world.base(&[]);
    world.take(&Step::WaitOut);
    world.take(&Step::Append);
    for _ in 0..2 {
        assert!(world.restart() && is_waited_out(&world));
        world.manager.handle_timeout(world.now);
        assert_ne!(deadline(&world), Some(TimeoutReason::Incomplete));
    }
}

/// Of what was found anew before anybody looked, nobody knows in what it differs.
#[test]
fn what_became_another_before_it_was_seen_is_written_anew() {
    let mut world = started();
    let all = |target| Step::Update(0, BTreeMap::from([("a".to_owned(), vec![target])]), true);
    world.take(&Step::Update(1, BTreeMap::from([("b".to_owned(), vec![4])]), true));
    world.take(&Step::Append);
    let image = image::read(world.folder.path(), "scrape")
        .expect("it is whole")
        .expect("it is there");
    let sets = configs(&world.sets);
    let Restored { state, kept, .. } = restore(image, &sets);
    world.manager = Manager::restore(world.now, ManagerOptions::default(), state);
    world.manager.apply(world.now, sets);
    // The same number of groups, and of the same sources, with another target.
    world.take(&all(9));
    let first = world.manager.snapshot(world.now);
    world.writer = Writer::new(
        Store::new(world.folder.path().to_owned(), "scrape"),
        Arc::new(Seconds::default()),
    );
    world.writer.go_on(kept, &first).expect("written");
    assert!(world.writer.goes_on());
    let image = image::read(world.folder.path(), "scrape")
        .expect("it is whole")
        .expect("it is there");
    assert_eq!(of_image(&image), of_snapshot(&first));
}

/// A base has what changed while it was written at its end. Cut off just before that it is whole, and the log is not of it.
#[test]
fn a_log_goes_on_after_all_of_its_base() {
    let mut world = started();
    let update = |target| Step::Update(1, BTreeMap::from([("a".to_owned(), vec![target])]), true);
    world.base(&[update(7)]);
    world.take(&update(8));
    world.take(&Step::Append);
    let (base, log) = world.files();
    let images = (0..base.len()).filter_map(|end| world.decode(&base[..end], &log));
    let images: Vec<_> = images.map(|image| of_image(&image)).collect();
    assert_eq!(images, [world.history[0].clone()]);
}

#[test]
fn a_change_costs_what_it_is() {
    let mut world = World::new();
    world.take(&Step::Apply(vec![("a".to_owned(), vec![0])]));
    let mut sources: BTreeMap<String, Vec<u8>> = (0..2_000).map(|source| (source.to_string(), vec![1; 10])).collect();
    world.take(&Step::Update(0, sources.clone(), true));
    world.base(&[]);
    let (base, before) = world.files();
    sources.insert("7".to_owned(), vec![2]);
    sources.remove("8");
    world.take(&Step::Update(0, sources, true));
    world.take(&Step::Append);
    let (_, after) = world.files();
    assert!(base.len() > 30_000, "{}", base.len());
    let grown = after.len() - before.len();
    assert!(
        grown < 150,
        "{grown} bytes for one group that changed and one that is gone"
    );
}

/// Its clock goes on by a second with each look.
#[test]
fn that_nothing_changed_is_written_now_and_then() {
    let mut world = started();
    let newest = world.manager.snapshot(world.now);
    let image = |world: &World| {
        image::read(world.folder.path(), "scrape")
            .expect("whole")
            .expect("there")
    };
    let before = image(&world);
    let mut written = 0;
    for _ in 0..45 {
        match world.writer.append(&newest).expect("written") {
            Appended::Bytes(0) => {}
            Appended::Bytes(_) => written += 1,
            Appended::TooMuch => panic!("nothing is not too much"),
        }
    }
    assert_eq!(written, 1, "each half minute, not each second");
    let after = image(&world);
    assert!(after.at > before.at, "it is known to be so for longer");
    assert_eq!(of_image(&after), of_image(&before));
}

#[test]
fn a_log_of_another_base_is_none() {
    let mut world = started();
    let (_, old) = world.files();
    world.take(&Step::Update(0, BTreeMap::from([("b".to_owned(), vec![9])]), true));
    world.base(&[]);
    let (base, _) = world.files();
    let image = world.decode(&base, &old).expect("the base is whole");
    assert_eq!(Some(&of_image(&image)), world.history.last());
}

#[test]
fn what_can_not_be_written_is_cut_off_and_written_later() {
    let mut world = started();
    // Whatever else is in the log, the next change does not stand behind it.
    fs::remove_dir_all(world.folder.path()).expect("removed");
    world.take(&Step::Update(0, BTreeMap::from([("b".to_owned(), vec![9])]), true));
    let newest = world.manager.snapshot(world.now);
    let write = |world: &mut World| world.writer.write(&|| newest.clone(), 77, "");
    assert!(write(&mut world).is_err(), "there is no folder");
    fs::create_dir(world.folder.path()).expect("made anew");
    write(&mut world).expect("written");
    let image = image::read(world.folder.path(), "scrape")
        .expect("it is whole")
        .expect("it is there");
    assert_eq!(of_image(&image), of_snapshot(&newest));
}

#[test]
fn what_is_no_state_is_refused_and_kept_aside() {
    let world = started();
    let (base, _) = world.files();
    let with = |place: usize, byte: u8| {
        let mut other = base.clone();
        other[place] = byte;
        other
    };
    for content in [
        with(16, 2),
        with(16, 0),
        b"#!/bin/sh".to_vec(),
        with(60, 0xff),
        Vec::new(),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let path = base_path(folder.path(), "scrape");
        fs::write(&path, &content).expect("written");
        let states = States::open(folder.path().to_owned(), "", Arc::new(Seconds::default())).expect("it is free");
        assert!(states.restore("scrape", &[], None).expect("it may").is_none());
        assert!(!path.exists());
        assert_eq!(
            fs::read(folder.path().join("scrape.refused")).expect("it is kept"),
            content
        );
    }
    let errors = [
        with(16, 2),
        with(16, 0),
        b"#!/bin/sh".to_vec(),
        with(60, 0xff),
        base[..base.len() - 1].to_vec(),
    ]
    .map(|content| {
        decode(
            Path::new("scrape.base"),
            (content.as_slice(), content.len() as u64),
            &[],
        )
        .expect_err("refused")
        .to_string()
    });
    insta::assert_debug_snapshot!(errors);
}
