//! Groups that were made, for all entries that make some of the same objects.
//!
//! The one rule: **an equal group is there once, whoever made it.** Entries that look at other things besides, or at other
//! namespaces, but find the same of an object, show the very same group. Nobody is kept from showing another one, and what
//! nobody shows any more is dropped by and by, as others are made.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use headcount_core::{Encoder, Group};
use headcount_discoverer::Env;

use super::access::Access;
use super::kind::Kind;

/// How many keys are looked through for each group that is shown: more than become dubious with it.
const LOOKED_THROUGH: usize = 2;

/// The groups of a server's objects of one kind.
#[derive(Default)]
pub(super) struct Made(Mutex<Groups>);

/// The same while one entry makes some.
#[derive(Default)]
pub(super) struct Groups {
    /// What texts groups share, those of all entries do.
    pub(super) encoder: Encoder,
    by_key: BTreeMap<Arc<str>, Shown>,
    /// Keys of which there may be a group that nobody shows any more, each once.
    dubious: VecDeque<Arc<str>>,
}

/// The groups of one object.
#[derive(Default)]
struct Shown {
    groups: Vec<Group>,
    is_dubious: bool,
}

/// Whose groups they are.
#[derive(PartialEq, Eq, Hash)]
struct Of(Access, Kind);

impl Made {
    /// Those that all share who reach the server like this.
    pub(super) fn shared(access: &Access, kind: Kind, env: &Env) -> Arc<Self> {
        env.shared.of(Of(access.clone(), kind), Self::default)
    }

    /// Lets one entry make groups; others wait for so long.
    pub(super) fn groups(&self) -> MutexGuard<'_, Groups> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Groups {
    /// The group of an object that is equal to this one, if somebody shows one; or else this one, from now on.
    pub(super) fn share(&mut self, key: &Arc<str>, group: Group) -> Group {
        self.look_through();
        let shown = self.by_key.entry(key.clone()).or_default();
        if let Some(shown) = shown.groups.iter().find(|shown| **shown == group) {
            return shown.clone();
        }
        shown.groups.reserve_exact(1);
        shown.groups.push(group.clone());
        if shown.groups.len() > 1 {
            self.doubt(key);
        }
        group
    }

    /// An entry shows no group of this object any more.
    pub(super) fn gone(&mut self, key: &Arc<str>) {
        self.look_through();
        self.doubt(key);
    }

    fn doubt(&mut self, key: &Arc<str>) {
        if let Some(shown) = self.by_key.get_mut(key)
            && !std::mem::replace(&mut shown.is_dubious, true)
        {
            self.dubious.push_back(key.clone());
        }
    }

    /// Drops what nobody shows any more, of what became dubious first.
    fn look_through(&mut self) {
        for _ in 0..LOOKED_THROUGH.min(self.dubious.len()) {
            let Some(key) = self.dubious.pop_front() else {
                return;
            };
            let Some(shown) = self.by_key.get_mut(&key) else {
                continue;
            };
            shown.groups.retain(Group::is_held_elsewhere);
            match shown.groups.len() {
                0 => drop(self.by_key.remove(&key)),
                1 => shown.is_dubious = false,
                // Entries show different ones, or it was changed a moment ago.
                _ => self.dubious.push_back(key),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(groups: &mut Groups, key: &Arc<str>, address: &str) -> Group {
        let mut batch = groups.encoder.batch();
        batch
            .group(&format!("pod/{key}"), [("a", "b")], [[("__address__", address)]])
            .expect("a group");
        let made = batch.finish().remove(0);
        groups.share(key, made)
    }

    fn count(groups: &Groups) -> usize {
        groups.by_key.values().map(|shown| shown.groups.len()).sum()
    }

    #[test]
    fn what_is_equal_is_there_once_and_what_nobody_shows_goes() {
        let mut groups = Groups::default();
        let keys: Vec<Arc<str>> = ["a/p", "a/q"].map(Arc::from).to_vec();
        let mut one: Vec<Group> = keys.iter().map(|key| group(&mut groups, key, "10.0.0.1:80")).collect();
        let mut other: Vec<Group> = keys.iter().map(|key| group(&mut groups, key, "10.0.0.1:80")).collect();
        assert_eq!(count(&groups), 2);
        // The first is shown twice, in here, and no more often.
        other.pop();
        one.pop();
        assert!(!groups.by_key[&keys[1]].groups[0].is_held_elsewhere());
        // Somebody finds something else of the first.
        let newer = group(&mut groups, &keys[0], "10.0.0.2:80");
        assert_eq!(count(&groups), 3);
        other[0] = group(&mut groups, &keys[0], "10.0.0.2:80");
        assert_eq!((count(&groups), &other[0]), (3, &newer));
        one.clear();
        // As others are made.
        groups.gone(&keys[1]);
        groups.gone(&keys[1]);
        assert_eq!(count(&groups), 1);
        assert_eq!(groups.by_key[&keys[0]].groups, [newer]);
    }

    #[test]
    fn what_changes_again_and_again_leaves_nothing_behind() {
        let mut groups = Groups::default();
        let keys: Vec<Arc<str>> = (0..100).map(|number| Arc::from(format!("a/p{number}"))).collect();
        let mut shown: BTreeMap<Arc<str>, Group> = BTreeMap::new();
        for round in 0..20 {
            for key in &keys {
                let group = group(&mut groups, key, &format!("10.0.0.{round}:80"));
                shown.insert(key.clone(), group);
            }
            assert!(count(&groups) <= 2 * keys.len(), "{}", count(&groups));
        }
        for key in &keys {
            shown.remove(key);
            groups.gone(key);
        }
        keys.iter().for_each(|key| groups.gone(key));
        assert_eq!((count(&groups), groups.dubious.len()), (0, 0));
    }
}
