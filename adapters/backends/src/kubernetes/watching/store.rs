//! What there is of a kind, and what changed, for any number of readers.
//!
//! The one rule: **a reader pays for what changed since it last looked.** Changes are a list of keys with a place for each
//! reader; who falls behind what is kept of it looks at everything. An object that comes again with nothing new in what
//! is kept of it has not changed.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use headcount_core::Instant;
use headcount_discoverer::metrics::Metrics;

use super::super::kind::Kind;
use super::super::metrics::{self, Happened};
use super::super::object::Object;
use super::subscribers::Subscribers;

/// Changes that are kept at least, for readers that are slow.
const MOST_CHANGES: usize = 4_096;

/// What there is.
pub(super) struct Store {
    kind: Kind,
    subscribers: Arc<Subscribers>,
    metrics: Metrics,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    objects: BTreeMap<Arc<str>, Arc<Object>>,
    /// The keys of what changed, the newest last.
    changes: VecDeque<Arc<str>>,
    /// How many changes were before the first of them.
    forgotten: u64,
    /// Moves on whenever there is something to be read.
    news: u64,
    is_listed: bool,
    trouble: Option<Trouble>,
    failures: u64,
    asked: u64,
    answered: u64,
}

/// Why something can't be read now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Trouble {
    pub(in super::super) reason: String,
    pub(in super::super) retry_at: Instant,
}

/// How far a reader has read.
#[derive(Debug, Clone, Copy, Default)]
pub(in super::super) struct Place {
    changes: u64,
    news: u64,
}

/// What a reader reads.
#[derive(Debug)]
pub(in super::super) struct Changes {
    /// The keys of what came, changed or went; `None`: look at everything.
    pub(in super::super) keys: Option<Vec<Arc<str>>>,
    /// Whether everything was listed once.
    pub(in super::super) is_listed: bool,
    /// Why it can't be read now, if it can't.
    pub(in super::super) trouble: Option<Trouble>,
    /// How often it failed.
    pub(in super::super) failures: u64,
    /// Up to which number everything was listed anew, or was tried in vain, for who asked.
    pub(in super::super) answered: u64,
}

/// What is with an object from now on; `None`: it is gone.
pub(super) struct Change {
    pub(super) key: String,
    pub(super) object: Option<Object>,
}

impl Store {
    pub(super) fn new(kind: Kind, subscribers: Arc<Subscribers>, metrics: Metrics) -> Self {
        Self {
            kind,
            subscribers,
            metrics,
            state: Mutex::default(),
        }
    }

    pub(super) fn has_news(&self, place: &Place) -> bool {
        self.with(|state| state.news != place.news)
    }

    pub(super) fn read(&self, place: &mut Place) -> Changes {
        self.with(|state| {
            let end = state.forgotten.saturating_add(state.changes.len() as u64);
            let skipped = place.changes.checked_sub(state.forgotten);
            let keys = skipped.map(|skipped| {
                let skipped = usize::try_from(skipped).unwrap_or(usize::MAX);
                state.changes.iter().skip(skipped).cloned().collect()
            });
            *place = Place {
                changes: end,
                news: state.news,
            };
            Changes {
                keys,
                is_listed: state.is_listed,
                trouble: state.trouble.clone(),
                failures: state.failures,
                answered: state.answered,
            }
        })
    }

    pub(super) fn get(&self, key: &str) -> Option<Arc<Object>> {
        self.with(|state| state.objects.get(key).cloned())
    }

    pub(super) fn keys(&self) -> Vec<Arc<str>> {
        self.with(|state| state.objects.keys().cloned().collect())
    }

    /// Somebody wants everything to be listed.
    pub(super) fn ask(&self) -> u64 {
        self.with(|state| {
            state.asked = state.asked.wrapping_add(1);
            state.asked
        })
    }

    /// Whether somebody waits for that.
    pub(super) fn is_asked(&self) -> bool {
        self.with(|state| state.asked != state.answered)
    }

    /// A list begins; gives the number that it answers.
    pub(super) fn begin_list(&self) -> u64 {
        self.with(|state| state.asked)
    }

    /// This is all there is. What is kept has been seen, and could not be read: it stays as it was.
    pub(super) fn replace(&self, fresh: BTreeMap<Arc<str>, Object>, kept: &[String], answers: u64) {
        let (mut added, mut updated, mut deleted) = (0, 0, 0);
        self.change(|state| {
            let mut before = std::mem::take(&mut state.objects);
            for (key, object) in fresh {
                // The old key and the old object stay where nothing is new: others hold them, too.
                match before.remove_entry(&key) {
                    Some((key, known)) if *known == object => drop(state.objects.insert(key, known)),
                    Some((key, _)) => {
                        updated += 1;
                        state.put(key, object);
                    }
                    None => {
                        added += 1;
                        state.put(key, object);
                    }
                }
            }
            for key in kept {
                if let Some((key, known)) = before.remove_entry(key.as_str()) {
                    state.objects.entry(key).or_insert(known);
                }
            }
            for gone in before.into_keys() {
                deleted += 1;
                state.changes.push_back(gone);
            }
            if !std::mem::replace(&mut state.is_listed, true) {
                // Who has read nothing yet looks at everything.
                state.forget_changes();
            }
            state.trouble = None;
            state.answered = answers;
        });
        for (what, times) in [
            (Happened::Added, added),
            (Happened::Updated, updated),
            (Happened::Deleted, deleted),
        ] {
            metrics::happened(&self.metrics, self.kind, what, times);
        }
    }

    /// What a watch has told.
    pub(super) fn apply(&self, changes: Vec<Change>) {
        if changes.is_empty() {
            return;
        }
        let mut happened = Vec::with_capacity(changes.len());
        let is_new = self.with(|state| {
            let before = state.changes.len();
            for change in changes {
                happened.extend(state.apply(change));
            }
            let is_new = state.changes.len() != before;
            if is_new {
                state.trim();
                state.news = state.news.wrapping_add(1);
            }
            is_new
        });
        for what in happened {
            metrics::happened(&self.metrics, self.kind, what, 1);
        }
        if is_new {
            self.subscribers.tell_all();
        }
    }

    /// It can't be read. What is known stays. A list that was to answer who asked has done so, in vain.
    pub(super) fn fail(&self, trouble: Trouble, answers: Option<u64>) {
        metrics::failed(&self.metrics);
        self.change(|state| {
            state.trouble = Some(trouble);
            state.failures = state.failures.wrapping_add(1);
            state.answered = answers.unwrap_or(state.answered);
        });
    }

    /// So many objects made no sense.
    pub(super) fn skipped(&self, objects: usize) {
        metrics::skipped(&self.metrics, objects);
    }

    fn change(&self, act: impl FnOnce(&mut State)) {
        self.with(|state| {
            act(state);
            state.trim();
            state.news = state.news.wrapping_add(1);
        });
        self.subscribers.tell_all();
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl State {
    fn put(&mut self, key: Arc<str>, object: Object) {
        self.changes.push_back(key.clone());
        self.objects.insert(key, Arc::new(object));
    }

    fn apply(&mut self, change: Change) -> Option<Happened> {
        let Some(object) = change.object else {
            let (key, _) = self.objects.remove_entry(change.key.as_str())?;
            self.changes.push_back(key);
            return Some(Happened::Deleted);
        };
        if let Some((key, known)) = self.objects.get_key_value(change.key.as_str()) {
            if **known != object {
                let key = key.clone();
                self.put(key, object);
            }
            return Some(Happened::Updated);
        }
        self.put(change.key.into(), object);
        Some(Happened::Added)
    }

    /// Keeps what is worth keeping of the changes: who has more to read than there are objects looks at all of them.
    fn trim(&mut self) {
        let most = self.objects.len().max(MOST_CHANGES);
        // Half of it at once, so that it is done seldom.
        if self.changes.len() > most.saturating_mul(2) {
            let old = self.changes.len().saturating_sub(most);
            self.changes.drain(..old);
            self.forgotten = self.forgotten.saturating_add(old as u64);
        }
    }

    fn forget_changes(&mut self) {
        // One more, so that also who has read everything so far, which is nothing, has something to read.
        let count = self.changes.len() as u64;
        self.forgotten = self.forgotten.saturating_add(count).saturating_add(1);
        self.changes.clear();
    }
}
