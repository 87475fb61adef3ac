//! One set in a view: how many targets it has, whether it is complete, and its list. And what
//! is handed out of any list: its pieces, made once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use blocking::unblock;
use headcount_core::Delivery;
use smol::lock::OnceCell;

use super::pieces::{Encoded, KeptIndex};

/// One set of a [`View`](super::View). Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    /// The set's list, encoded when somebody asks.
    pub(crate) list: Arc<List>,
    /// Groups in it.
    pub(crate) groups: usize,
    /// Targets in those groups.
    pub(crate) targets: usize,
    /// Whether it is handed out (B09, B10). Handing out a list that is not complete takes targets away from
    /// whoever has them from an earlier run.
    pub(crate) delivery: Delivery,
    /// Whether it has what a provider had whose place another takes, until that one was read (B03).
    pub(crate) has_stand_in: bool,
    /// Whether it was ever handed out.
    pub(super) was_delivered: bool,
}

impl Job {
    /// Whether its list is what its providers have: all of them, and nobody else.
    pub(crate) fn is_complete(&self) -> bool {
        self.delivery == Delivery::Whole && !self.has_stand_in
    }
}

/// A set's list at one state of its groups. It is encoded at most once, however many ask.
#[derive(Debug)]
pub(crate) struct List {
    generation: u64,
    /// Shared with the lists that follow: what was asked for once is made ready after a change.
    demand: Arc<Demand>,
    json: OnceCell<Arc<Encoded>>,
}

#[derive(Debug, Default)]
struct Demand {
    json: AtomicBool,
    gzip: AtomicBool,
    index: KeptIndex,
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

    async fn json(&self, encode: &Encode) -> Option<Arc<Encoded>> {
        self.demand.json.store(true, Ordering::Relaxed);
        let encode = async || {
            let (encode, demand) = (encode.clone(), self.demand.clone());
            unblock(move || encode(&demand.index).ok_or(())).await
        };
        self.json.get_or_try_init(encode).await.ok().cloned()
    }

    /// Whether it, or a list that it follows, was asked for.
    pub(crate) fn is_wanted(&self) -> bool {
        self.demand.json.load(Ordering::Relaxed)
    }

    fn with_demand(demand: Arc<Demand>) -> Arc<Self> {
        let generation = GENERATIONS.fetch_add(1, Ordering::Relaxed);
        Arc::new(Self {
            generation,
            demand,
            json: OnceCell::new(),
        })
    }
}

/// Encodes a list; `None` when it is not to be handed out any more.
type Encode = Arc<dyn Fn(&KeptIndex) -> Option<Arc<Encoded>> + Send + Sync>;

/// A list, and whether it is to be handed out. Cheap to clone.
#[derive(Clone)]
pub(crate) struct ListHandle {
    pub(crate) list: Arc<List>,
    /// As in [`Job`]; a list that was handed out may be withheld in a later state.
    pub(crate) delivery: Delivery,
    /// As in [`Job`].
    pub(crate) is_complete: bool,
    /// Encodes the list in the state that its generation stands for, or in a later one. What it gives is
    /// to be handed out in that same state.
    pub(crate) encode: Encode,
}

impl ListHandle {
    /// The list as JSON; `None` when it is not to be handed out any more.
    pub(crate) async fn json(&self) -> Option<Arc<Encoded>> {
        self.list.json(&self.encode).await
    }

    /// Says that it is compressed from now on.
    pub(crate) fn want_gzip(&self) {
        self.list.demand.gzip.store(true, Ordering::Relaxed);
    }

    /// Encodes what was asked for before, so that who asks next need not wait.
    pub(crate) async fn prepare(&self) {
        if !self.list.is_wanted() {
            return;
        }
        let Some(list) = self.json().await else { return };
        if self.list.demand.gzip.load(Ordering::Relaxed) {
            unblock(move || list.deflate(0, u64::MAX)).await;
        }
    }
}
