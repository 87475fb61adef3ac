//! The services that are discovered, and when each is asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use headcount_core::Instant;
use headcount_discoverer::env::Random;

use super::signal::next_index;
use crate::consul::pace::Pace;

/// All of them. **Each is in one state only**: nothing to ask, waiting for its time, or asked.
#[derive(Debug)]
pub(super) struct Services {
    interval: Duration,
    by_name: BTreeMap<Arc<str>, Service>,
    /// Those that wait, and from when on they may be asked for.
    waiting: BTreeSet<(Instant, Arc<str>)>,
    /// How many are expected to be answered for.
    expected: usize,
}

#[derive(Debug)]
struct Service {
    index: Option<u64>,
    pace: Pace,
    state: State,
    /// Whether an answer is expected since everything was asked anew.
    is_expected: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing to ask until a sweep comes.
    Idle,
    /// In `waiting`, with this time.
    Waiting(Instant),
    /// Asked, and not answered.
    Open,
}

impl Services {
    pub(super) fn new(interval: Duration) -> Self {
        Self {
            interval,
            by_name: BTreeMap::new(),
            waiting: BTreeSet::new(),
            expected: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.by_name.len()
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// The one that has waited longest, and from when on it may be asked for.
    pub(super) fn first_waiting(&self) -> Option<&(Instant, Arc<str>)> {
        self.waiting.first()
    }

    /// From now on it is these. What is new is to be asked for at once.
    pub(super) fn set(&mut self, now: Instant, names: impl IntoIterator<Item = Arc<str>>) {
        let mut before = std::mem::take(&mut self.by_name);
        let mut added = Vec::new();
        for name in names {
            let service = before.remove(&name).unwrap_or_else(|| {
                added.push(name.clone());
                Service {
                    index: None,
                    pace: Pace::new(self.interval),
                    state: State::Idle,
                    is_expected: true,
                }
            });
            self.by_name.insert(name, service);
        }
        self.expected = self.by_name.values().filter(|service| service.is_expected).count();
        for (name, service) in before {
            if let State::Waiting(at) = service.state {
                self.waiting.remove(&(at, name));
            }
        }
        for name in added {
            self.wait(&name, now);
        }
    }

    /// One is asked for now, with this index to wait for a change of.
    pub(super) fn ask(&mut self, now: Instant, random: &dyn Random, name: &Arc<str>) -> Option<u64> {
        let service = self.by_name.get_mut(name)?;
        if let State::Waiting(at) = service.state {
            self.waiting.remove(&(at, name.clone()));
        }
        service.state = State::Open;
        service.pace.take(now, random);
        service.index
    }

    /// Each is expected to be answered for.
    pub(super) fn expect_all(&mut self) {
        self.by_name.values_mut().for_each(|service| service.is_expected = true);
        self.expected = self.by_name.len();
    }

    /// Whether each that was expected to was answered for, or was not and why is known.
    pub(super) fn are_heard(&self) -> bool {
        self.expected == 0
    }

    /// One is no longer being asked for.
    pub(super) fn close(&mut self, name: &str) {
        if let Some(service) = self.by_name.get_mut(name) {
            service.state = State::Idle;
        }
    }

    /// One was answered for. If it is watched, it is asked for again.
    pub(super) fn answered(&mut self, name: &Arc<str>, index: Option<u64>, is_watched: bool) {
        let Some(service) = self.by_name.get_mut(name) else {
            return;
        };
        service.index = next_index(service.index, index);
        if std::mem::take(&mut service.is_expected) {
            self.expected = self.expected.saturating_sub(1);
        }
        if is_watched {
            let at = service.pace.earliest();
            self.wait(name, at);
        }
    }

    /// One was not answered for.
    pub(super) fn failed(&mut self, name: &Arc<str>, retry_at: Instant) {
        if let Some(service) = self.by_name.get_mut(name) {
            // A server that comes back may count from another beginning.
            service.index = None;
            if std::mem::take(&mut service.is_expected) {
                self.expected = self.expected.saturating_sub(1);
            }
            self.wait(name, retry_at);
        }
    }

    /// Each is to be asked for, unless it is being asked for. Those that wait since before come first.
    pub(super) fn ask_for_all(&mut self, now: Instant) {
        let names: Vec<Arc<str>> = self.by_name.keys().cloned().collect();
        for name in names {
            self.wait(&name, now);
        }
    }

    /// None is being asked for any more, and none waits for a change.
    pub(super) fn let_go(&mut self) {
        for service in self.by_name.values_mut() {
            service.index = None;
            if service.state == State::Open {
                service.state = State::Idle;
            }
        }
    }

    /// Has one asked for from `at` on, unless it is being asked for.
    fn wait(&mut self, name: &Arc<str>, at: Instant) {
        let Some(service) = self.by_name.get_mut(name) else {
            return;
        };
        match service.state {
            State::Open => return,
            State::Waiting(before) if before <= at => return,
            State::Waiting(before) => drop(self.waiting.remove(&(before, name.clone()))),
            State::Idle => {}
        }
        service.state = State::Waiting(at);
        self.waiting.insert((at, name.clone()));
    }
}

#[cfg(test)]
impl Services {
    pub(super) fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.by_name.keys()
    }

    /// Whether those that are said to wait are those that do.
    pub(super) fn are_consistent(&self) -> bool {
        let is_waiting = |(name, service): (&Arc<str>, &Service)| match service.state {
            State::Waiting(at) => Some((at, name.clone())),
            State::Idle | State::Open => None,
        };
        self.by_name.iter().filter_map(is_waiting).collect::<BTreeSet<_>>() == self.waiting
    }
}
