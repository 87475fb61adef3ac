//! What changed, for those who follow it at a pace of their own.
//!
//! The one rule: **who is slow holds nobody up and misses nothing.** What a follower has not taken yet is
//! made into one change, so that what waits for it does not grow with the time it takes.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use event_listener::{Event, EventListener};

/// Something that changed.
pub(crate) trait Change: Clone {
    /// Makes it what changed in all, with what changed after it.
    fn extend(&mut self, later: &Self);
}

/// Jobs that came or went, or whose list or completeness may be another.
#[derive(Debug, Clone)]
pub(crate) struct Jobs(pub(crate) Arc<BTreeSet<Arc<str>>>);

impl Change for Jobs {
    fn extend(&mut self, later: &Self) {
        Arc::make_mut(&mut self.0).extend(later.0.iter().cloned());
    }
}

/// Tells its followers what changed.
#[derive(Debug)]
pub(crate) struct Feed<T> {
    followers: Mutex<Vec<Weak<Waiting<T>>>>,
}

/// Follows a [`Feed`] for as long as it lives.
#[derive(Debug)]
pub(crate) struct Follower<T>(Arc<Waiting<T>>);

#[derive(Debug)]
struct Waiting<T> {
    change: Mutex<Option<T>>,
    news: Event,
}

impl<T> Default for Feed<T> {
    fn default() -> Self {
        Self {
            followers: Mutex::default(),
        }
    }
}

impl<T: Change> Feed<T> {
    /// Somebody who gets all that changes from now on.
    pub(crate) fn follow(&self) -> Follower<T> {
        let waiting = Arc::new(Waiting {
            change: Mutex::default(),
            news: Event::new(),
        });
        lock(&self.followers).push(Arc::downgrade(&waiting));
        Follower(waiting)
    }

    /// Tells all followers.
    pub(crate) fn put(&self, change: &T) {
        lock(&self.followers).retain(|follower| {
            let Some(waiting) = follower.upgrade() else {
                return false;
            };
            match &mut *lock(&waiting.change) {
                Some(before) => before.extend(change),
                empty => *empty = Some(change.clone()),
            }
            waiting.news.notify(usize::MAX);
            true
        });
    }
}

impl<T> Follower<T> {
    /// What changed since it was taken last, if anything did.
    pub(crate) fn take(&self) -> Option<T> {
        lock(&self.0.change).take()
    }

    /// Completes when something changes. Get it before taking, and nothing is missed.
    pub(crate) fn news(&self) -> EventListener {
        self.0.news.listen()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Change for Vec<u32> {
        fn extend(&mut self, later: &Self) {
            self.extend_from_slice(later);
        }
    }

    #[test]
    fn who_is_slow_gets_all_of_it_at_once_and_who_has_gone_nothing() {
        let feed = Feed::default();
        let (quick, slow) = (feed.follow(), feed.follow());
        drop(feed.follow());
        for number in 0..3 {
            feed.put(&vec![number]);
            assert_eq!(quick.take(), Some(vec![number]));
        }
        assert_eq!((quick.take(), slow.take()), (None, Some(vec![0, 1, 2])));
        assert_eq!(lock(&feed.followers).len(), 2);
    }
}
