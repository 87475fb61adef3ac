//! One set in a view: how many targets it has, whether it is complete, and its list.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use blocking::unblock;
use bytes::Bytes;
use headcount_core::{ProviderId, Snapshot};
use smol::lock::OnceCell;

use super::{Encoded, target_list};

/// One set of a [`View`](super::View). Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    /// The set's list, encoded when somebody asks.
    pub(crate) list: Arc<List>,
    /// Groups in it.
    pub(crate) groups: usize,
    /// Targets in those groups.
    pub(crate) targets: usize,
    /// The providers whose first groups are not in it yet. Without them the list is not complete,
    /// and handing it out would take targets away from whoever has them from an earlier run.
    pub(crate) waiting_for: Arc<[ProviderId]>,
}

impl Job {
    /// Whether every provider's groups are in the list.
    pub(crate) fn is_complete(&self) -> bool {
        self.waiting_for.is_empty()
    }
}

/// A set's list at one state of its groups. It is encoded at most once, however many ask.
#[derive(Debug)]
pub(crate) struct List {
    generation: u64,
    /// Shared with the lists that follow: what was asked for once is made ready after a change.
    demand: Arc<Demand>,
    json: OnceCell<Arc<Encoded>>,
    gzip: OnceCell<Bytes>,
}

#[derive(Debug, Default)]
struct Demand {
    json: AtomicBool,
    gzip: AtomicBool,
}

/// Generations are unique in the process, so a set that is removed and comes back has another.
static GENERATIONS: AtomicU64 = AtomicU64::new(1);

impl List {
    /// A list that nobody asked for yet.
    pub(crate) fn new() -> Arc<Self> {
        Self::with_demand(Arc::default())
    }

    /// The list that follows this one.
    pub(crate) fn successor(&self) -> Arc<Self> {
        Self::with_demand(self.demand.clone())
    }

    /// Another number for every state of the groups.
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// The list as JSON. `snapshot` must be that of the view that the list is in.
    pub(crate) async fn json(&self, snapshot: &Snapshot, set: &Arc<str>) -> Arc<Encoded> {
        self.demand.json.store(true, Ordering::Relaxed);
        let encode = async || {
            let (snapshot, set) = (snapshot.clone(), set.clone());
            let encode = move || {
                // A set that is not there has no targets.
                let list = snapshot.set(&set).map_or_else(|| b"[]".to_vec(), target_list);
                Arc::new(Encoded::new(list))
            };
            unblock(encode).await
        };
        self.json.get_or_init(encode).await.clone()
    }

    /// The same, compressed with gzip.
    pub(crate) async fn gzip(&self, snapshot: &Snapshot, set: &Arc<str>) -> Bytes {
        self.demand.gzip.store(true, Ordering::Relaxed);
        let compress = async || {
            let json = self.json(snapshot, set).await;
            unblock(move || json.gzip()).await
        };
        self.gzip.get_or_init(compress).await.clone()
    }

    /// Whether it, or a list that it follows, was asked for.
    pub(crate) fn is_wanted(&self) -> bool {
        self.demand.json.load(Ordering::Relaxed)
    }

    /// Encodes what was asked for before, so that who asks next need not wait.
    pub(crate) async fn prepare(&self, snapshot: &Snapshot, set: &Arc<str>) {
        if self.demand.gzip.load(Ordering::Relaxed) {
            self.gzip(snapshot, set).await;
        } else if self.demand.json.load(Ordering::Relaxed) {
            self.json(snapshot, set).await;
        }
    }

    fn with_demand(demand: Arc<Demand>) -> Arc<Self> {
        let generation = GENERATIONS.fetch_add(1, Ordering::Relaxed);
        Arc::new(Self {
            generation,
            demand,
            json: OnceCell::new(),
            gzip: OnceCell::new(),
        })
    }
}
