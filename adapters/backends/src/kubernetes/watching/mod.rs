//! What is watched: **once for each kind, namespace and selector of a server**, however many jobs look at it.
//!
//! A [`Watched`] is one such thing: what there is, and the work of following it. Nobody runs that work by himself, because
//! a discoverer is one task and can't start others. It is done within the tasks of those who have subscribed: whichever
//! of them was woken for it does what is to be done, and when that one goes away another is woken. With the last
//! subscription everything is gone, the connection first.

mod asking;
mod behind;
mod events;
mod initial;
mod lines;
mod list;
mod reflector;
mod store;
mod subscribers;

use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Waker};

use headcount_discoverer::{BoxFuture, Env};

use super::access::Access;
use super::kind::Kind;
use super::object::Object;
use super::selector::Selector;
use reflector::Reflector;
use store::Store;
use subscribers::Subscribers;

pub(super) use reflector::{FIRST_PAUSE, LONGEST_PAUSE};
pub(super) use store::{Changes, Place, Trouble};

/// What a page of pods decodes to; those that make no sense are left out.
#[cfg(feature = "decoding")]
pub(crate) fn pods(body: &[u8]) -> Result<Vec<impl Sized + use<>>, String> {
    let (mut reader, mut found) = (list::ListReader::default(), Vec::new());
    reader.add_objects(Kind::Pod, body, |pod| found.extend(pod));
    reader.end().map(|_| found)
}

/// What a watch is of. Whoever has an equal one has the same watch.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Subject {
    pub(super) access: Access,
    pub(super) kind: Kind,
    /// `None` for all.
    pub(super) namespace: Option<Arc<str>>,
    pub(super) selector: Selector,
}

/// What there is of a subject, and the work of following it.
struct Watched {
    store: Arc<Store>,
    subscribers: Arc<Subscribers>,
    work: Mutex<BoxFuture<'static, ()>>,
    waker: Waker,
}

/// Somebody's hold on what is watched.
pub(super) struct Subscription {
    watched: Arc<Watched>,
    number: u64,
}

impl Watched {
    fn new(subject: Subject, env: &Env) -> Self {
        let subscribers = Arc::new(Subscribers::default());
        let store = Arc::new(Store::new(subject.kind, subscribers.clone(), env.metrics.clone()));
        // What is shared is held by whoever uses it, and does not hold itself.
        let reflector = Reflector::new(subject, store.clone(), env.clone());
        Self {
            store,
            waker: subscribers.clone().into(),
            subscribers,
            work: Mutex::new(Box::pin(reflector.run())),
        }
    }
}

impl Subscription {
    pub(super) fn new(subject: Subject, env: &Env) -> Self {
        let watched = env.shared.of(subject.clone(), || Watched::new(subject, env));
        Self {
            number: watched.subscribers.add(),
            watched,
        }
    }

    /// Does what there is to be done now, if it is this one's turn. The task is woken when there is more, or something
    /// new to be read.
    pub(super) fn drive(&self, context: &Context<'_>) {
        if self.watched.subscribers.register(self.number, context.waker()) {
            let mut work = self.watched.work.lock().unwrap_or_else(PoisonError::into_inner);
            // It never ends.
            let _ = work.as_mut().poll(&mut Context::from_waker(&self.watched.waker));
        }
    }

    /// Whether there is anything that was not read at this place.
    pub(super) fn has_news(&self, place: &Place) -> bool {
        self.watched.store.has_news(place)
    }

    /// What changed since this place, which moves on.
    pub(super) fn read(&self, place: &mut Place) -> Changes {
        self.watched.store.read(place)
    }

    /// The object with this key.
    pub(super) fn get(&self, key: &str) -> Option<Arc<Object>> {
        self.watched.store.get(key)
    }

    /// The keys of all objects.
    pub(super) fn keys(&self) -> Vec<Arc<str>> {
        self.watched.store.keys()
    }

    /// Has everything listed anew, and says which number that has.
    pub(super) fn ask(&self) -> u64 {
        let number = self.watched.store.ask();
        self.watched.waker.wake_by_ref();
        number
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.watched.subscribers.remove(self.number);
    }
}
