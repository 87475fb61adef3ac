//! How nodes are followed: read whole once for each session, and then as watches say.
//!
//! **What is less is looked at twice** (B11): a path that had targets, and in a new session has none, is followed for
//! [`SECOND_LOOK`] before it is believed. An ensemble that has lost its data looks the same, and registrars need a while to
//! come back.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use headcount_core::{Encoder, Group, Instant};
use headcount_discoverer::metrics::{Definition, Kind, Metrics};
use headcount_discoverer::refresh::RefreshError;
use headcount_discoverer::watch::{self, Broken, Change, Listing, MOST_BATCHED, Timing, Watch};
use headcount_discoverer::{BoxFuture, Discoverer, Env, Updates};

use super::client::{Client, Incoming, Opened, Trouble};
use super::ensemble::Ensemble;
use super::tree::Tree;

/// How long a path that has suddenly no targets is followed before that is believed.
pub(crate) const SECOND_LOOK: Duration = Duration::from_secs(10);
/// A connection that breaks sooner than this after the one before is a failure, and what follows waits as after any.
const BETWEEN_TAKING_UP: Duration = Duration::from_secs(1);
/// How long changes are collected while more of them come.
const LONGEST_COLLECTION: Duration = Duration::from_secs(1);
/// How much is said at a time of what is to be watched again; a server takes a megabyte.
const PORTION: usize = 128 << 10;

/// Prometheus's name, for both mechanisms together.
pub(crate) const FAILURES: Definition = Definition {
    name: "prometheus_treecache_zookeeper_failures_total",
    help: "The total number of ZooKeeper failures.",
    kind: Kind::Counter,
};
/// The same. Here no task is behind each.
pub(crate) const WATCHED: Definition = Definition {
    name: "prometheus_treecache_watcher_goroutines",
    help: "The current number of nodes that are watched.",
    kind: Kind::Gauge,
};

/// Labels of a target; the address among them.
pub(crate) type Labels = Vec<(String, String)>;

/// How nodes of a mechanism are understood.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Registry {
    /// The labels of the target that a node of this path holds; nothing if it makes no sense.
    pub(crate) parse: fn(&str, &[u8]) -> Option<Labels>,
    /// Counts nodes that make no sense.
    pub(crate) skipped: Definition,
}

/// A discoverer of what is registered in an ensemble.
pub(crate) fn discoverer(ensemble: Ensemble, registry: Registry) -> Box<dyn Discoverer> {
    Box::new(move |env: Env, updates: Updates| -> BoxFuture<'static, ()> {
        Box::pin(async move {
            env.metrics.add(FAILURES, &[], 0.0);
            env.metrics.add(registry.skipped, &[], 0.0);
            let found_before = updates.take_found_before();
            let follower = Follower::new(&ensemble, registry, &env, &found_before);
            drop(found_before);
            watch::run(Timing::default(), follower, env, updates).await;
        })
    })
}

struct Follower {
    client: Client,
    tree: Tree,
    registry: Registry,
    encoder: Encoder,
    watched: Watched,
    /// Moves up with each session.
    number: u64,
    /// In which of them everything was read last.
    read_in: Option<u64>,
    /// When the session was last taken up at once after a connection had broken.
    taken_up: Option<Instant>,
    /// Paths that have suddenly no targets, and until when that is doubted.
    doubted: BTreeSet<Arc<str>>,
    doubted_until: Instant,
    /// Whether targets were found before this discoverer began, and were not looked for yet.
    has_found_before: bool,
}

impl Follower {
    fn new(ensemble: &Ensemble, registry: Registry, env: &Env, found_before: &[Group]) -> Self {
        let turn = env.random.next_u64();
        Self {
            client: Client::new(ensemble.servers.clone(), ensemble.timeout, turn, env.limits.body),
            tree: Tree::new(ensemble.paths.iter().map(String::as_str)),
            registry,
            encoder: Encoder::new(),
            watched: Watched::new(&env.metrics),
            number: 0,
            read_in: None,
            taken_up: None,
            doubted: BTreeSet::new(),
            doubted_until: Instant::ZERO,
            has_found_before: found_before.iter().any(|group| group.target_count() > 0),
        }
    }

    /// Opens a connection if there is none.
    async fn open(&mut self, env: &Env) -> Result<(), Trouble> {
        // Between two reads that failed nobody has listened: what was not kept alive is not trusted.
        if self.client.lives(env.clock.now()) {
            return Ok(());
        }
        let opened = self.client.open(env).await?;
        let lost = self.client.take_lost();
        match opened {
            Opened::New => {
                // Everything will be asked again.
                self.tree.asks.clear();
                self.number = self.number.wrapping_add(1);
                Ok(())
            }
            Opened::Resumed => {
                self.tree.again(lost);
                self.client.set_watches(env, &self.tree.watches(PORTION)).await
            }
        }
    }

    /// Waits until something is said, and takes it in; nothing is until then.
    async fn step(&mut self, env: &Env, until: Instant) -> Result<Option<Taken>, Trouble> {
        let said = match self.client.step(env, &mut self.tree.asks, until).await {
            Ok(Some(said)) => said,
            Ok(None) => return Ok(None),
            Err(trouble) => {
                self.client.close();
                return Err(trouble);
            }
        };
        Ok(Some(match said {
            Incoming::Pong => Taken::Pong,
            Incoming::Event(happened, path) => {
                self.tree.happened(happened, &path);
                Taken::News
            }
            Incoming::Answer(ask, answer) => {
                let left = self.tree.answered(&ask, answer);
                self.skipped(env, left.out);
                Taken::News
            }
        }))
    }

    /// Whether everything that was asked has been answered.
    fn is_settled(&self) -> bool {
        self.tree.asks.is_empty() && !self.client.is_asking()
    }

    /// Makes the groups of nodes that have changed.
    fn make(&mut self, env: &Env) -> Vec<Group> {
        let changed = self.tree.take_changed();
        let mut batch = self.encoder.batch();
        let mut groups = Vec::new();
        let mut skipped = 0;
        for (path, data) in changed {
            let data = data.filter(|data| !data.is_empty());
            let labels = data.as_deref().map(|data| (self.registry.parse)(&path, data));
            let none: [(String, String); 0] = [];
            let added = match labels {
                Some(Some(labels)) => batch.group(&path, none, [labels]).is_ok(),
                Some(None) => false,
                None => {
                    groups.push((path, None));
                    continue;
                }
            };
            skipped += usize::from(!added);
            groups.push((path, added.then_some(())));
        }
        let mut made = batch.finish().into_iter();
        let mut changed = Vec::with_capacity(groups.len());
        for (path, has_target) in groups {
            let group = has_target.and_then(|()| made.next());
            self.tree.set_group(&path, group.clone());
            changed.push(group.unwrap_or_else(|| Group::empty(&path)));
        }
        self.skipped(env, skipped);
        self.watched.set(self.tree.len());
        changed
    }

    fn skipped(&self, env: &Env, nodes: usize) {
        if nodes > 0 {
            env.metrics.add(self.registry.skipped, &[], nodes as f64);
        }
    }

    /// Reads everything.
    async fn read(&mut self, env: &Env) -> Result<(), RefreshError> {
        let before = self.tree.targets();
        self.open(env).await.map_err(|trouble| failed(env, &trouble))?;
        self.tree.reread();
        self.settle(env, None).await?;
        let is_new = self.read_in.replace(self.number) != Some(self.number);
        let has_some = |tree: &Tree| {
            tree.targets()
                .into_iter()
                .filter(|(_, count)| *count > 0)
                .map(|(path, _)| path)
        };
        let now: BTreeSet<Arc<str>> = has_some(&self.tree).collect();
        let is_less = |(_, count): &(Arc<str>, usize)| is_new && *count > 0;
        let had_some = before.into_iter().filter(is_less).map(|(path, _)| path);
        let mut less: BTreeSet<Arc<str>> = had_some.filter(|path| !now.contains(path)).collect();
        if std::mem::take(&mut self.has_found_before) && now.is_empty() {
            less.extend(self.tree.targets().into_keys());
        }
        if !less.is_empty() {
            self.doubted_until = env.clock.now() + SECOND_LOOK;
            self.doubted.append(&mut less);
        }
        self.doubted.retain(|path| !now.contains(path));
        while !self.doubted.is_empty() && env.clock.now() < self.doubted_until {
            self.settle(env, Some(self.doubted_until)).await?;
            for path in has_some(&self.tree) {
                self.doubted.remove(&path);
            }
        }
        self.doubted.clear();
        Ok(())
    }

    /// Waits until everything was answered, and until then if that is said.
    async fn settle(&mut self, env: &Env, until: Option<Instant>) -> Result<(), RefreshError> {
        let far = env.clock.now() + watch::LIST_DEADLINE;
        loop {
            if self.is_settled() {
                self.make(env);
                if until.is_none() {
                    break;
                }
            }
            let step = self.step(env, until.unwrap_or(far)).await;
            match step.map_err(|trouble| failed(env, &trouble))? {
                Some(Taken::News) if until.is_some() && self.is_settled() => {
                    self.make(env);
                    return Ok(());
                }
                Some(_) => {}
                None => break,
            }
        }
        match self.tree.refusal() {
            None => Ok(()),
            Some((path, refusal)) => {
                env.metrics.add(FAILURES, &[], 1.0);
                Err(RefreshError::soon(format!("reading {path}: {refusal}")))
            }
        }
    }
}

impl Watch for Follower {
    /// The number of the session.
    type Position = u64;
    type Stream = ();

    async fn list(&mut self, env: &Env) -> Result<Listing<u64>, RefreshError> {
        self.read(env).await?;
        Ok(Listing {
            groups: self.tree.groups(),
            position: self.number,
        })
    }

    async fn watch(&mut self, env: &Env, from: &u64) -> Result<(), Broken> {
        self.open(env).await.map_err(|trouble| failed(env, &trouble))?;
        match self.tree.refusal() {
            None if *from == self.number => Ok(()),
            // What was refused is asked for again with everything else.
            _ => Err(Broken::TooOld),
        }
    }

    async fn next(&mut self, env: &Env, _stream: &mut ()) -> Result<Option<Change<u64>>, Broken> {
        let far = watch::LIST_DEADLINE;
        let mut collecting_until: Option<Instant> = None;
        loop {
            let is_enough = collecting_until.is_some_and(|until| env.clock.now() >= until);
            if is_enough && self.tree.change_count() == 0 {
                collecting_until = None;
            }
            if self.tree.change_count() > 0
                && (self.is_settled() || is_enough || self.tree.change_count() >= MOST_BATCHED)
            {
                let groups = self.make(env);
                return Ok(Some(Change { groups, position: None }));
            }
            if let Some((path, refusal)) = self.tree.refusal().filter(|_| self.is_settled()) {
                let error = RefreshError::soon(format!("reading {path}: {refusal}"));
                env.metrics.add(FAILURES, &[], 1.0);
                return Err(error.into());
            }
            let until = collecting_until.unwrap_or_else(|| env.clock.now() + far);
            match self.step(env, until).await {
                Ok(Some(Taken::Pong)) => return Ok(Some(Change::heartbeat())),
                Ok(Some(Taken::News)) => {
                    collecting_until.get_or_insert_with(|| env.clock.now() + LONGEST_COLLECTION);
                }
                Ok(None) => {}
                Err(trouble) => {
                    // Who takes the session up and loses it at once, again and again, is not asked without a pause.
                    let now = env.clock.now();
                    let last = self.taken_up.replace(now);
                    if last.is_some_and(|last| now < last + BETWEEN_TAKING_UP) {
                        return Err(failed(env, &trouble).into());
                    }
                    // Another server may go on with the session, and nothing was missed.
                    let number = self.number;
                    env.metrics.add(FAILURES, &[], 1.0);
                    self.open(env).await.map_err(|trouble| failed(env, &trouble))?;
                    if number != self.number {
                        return Err(Broken::TooOld);
                    }
                }
            }
        }
    }
}

/// What was taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    News,
    Pong,
}

fn failed(env: &Env, trouble: &Trouble) -> RefreshError {
    env.metrics.add(FAILURES, &[], 1.0);
    RefreshError::soon(format!("asking ZooKeeper: {trouble}"))
}

/// How many nodes are watched, among all of the process.
struct Watched {
    metrics: Metrics,
    count: usize,
}

impl Watched {
    fn new(metrics: &Metrics) -> Self {
        metrics.add(WATCHED, &[], 0.0);
        Self {
            metrics: metrics.clone(),
            count: 0,
        }
    }

    fn set(&mut self, count: usize) {
        let before = std::mem::replace(&mut self.count, count);
        self.metrics.add(WATCHED, &[], count as f64 - before as f64);
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.set(0);
    }
}
