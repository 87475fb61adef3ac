//! Who is a member, where somebody else says who is there: what a mechanism of service discovery finds.
//!
//! **Who is not found any more is a member until a grace is over**: one that is restarted comes back under its name, and a
//! source may be wrong for a moment. Before the first list there is nobody, and nothing is known.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::Instant;

/// What decides who is a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RosterOptions {
    /// How long one that is not found any more is a member.
    pub grace: Duration,
    /// The most members.
    pub most: usize,
}

/// The members that are found.
#[derive(Debug)]
pub struct Roster {
    options: RosterOptions,
    is_known: bool,
    /// Each, with until when it is a member, and since when it is not found, if it is not.
    members: BTreeMap<Arc<str>, Option<Missing>>,
    ends: BTreeSet<(Instant, Arc<str>)>,
}

#[derive(Debug, Clone, Copy)]
struct Missing {
    since: Instant,
    ends: Instant,
}

impl Roster {
    /// Nothing is known.
    pub fn new(options: RosterOptions) -> Self {
        Self {
            options,
            is_known: false,
            members: BTreeMap::new(),
            ends: BTreeSet::new(),
        }
    }

    /// Takes other options. They count for those that are not found from now on.
    pub fn configure(&mut self, options: RosterOptions) {
        self.options = options;
    }

    /// These were members before anything was found, and are until the first list says otherwise.
    pub fn begin_with(&mut self, names: impl IntoIterator<Item = Arc<str>>) {
        for name in names {
            self.members.entry(name).or_default();
        }
    }

    /// These are all that are there. Gives how many of them are too many: of more than there may be, those that come
    /// first by name are members.
    pub fn found(&mut self, now: Instant, names: BTreeSet<Arc<str>>) -> usize {
        self.is_known = true;
        let too_many = names.len().saturating_sub(self.options.most);
        let names: BTreeSet<Arc<str>> = names.into_iter().take(self.options.most).collect();
        let ends = now + self.options.grace;
        for (name, missing) in &mut self.members {
            if !names.contains(name) && missing.is_none() {
                *missing = planted!(
                    Some(Missing { since: now, ends }),
                    VanishedIsGoneAtOnce,
                    Some(Missing { since: now, ends: now })
                );
                self.ends
                    .insert((missing.map_or(ends, |missing| missing.ends), name.clone()));
            }
        }
        for name in names {
            if let Some(Some(missing)) = self.members.insert(name.clone(), None) {
                planted!(self.ends.remove(&(missing.ends, name)), WhoIsBackIsStillMissed, false);
            }
        }
        self.make_room();
        too_many
    }

    /// Whoever is not found makes room for who is, the one first that would be gone first.
    fn make_room(&mut self) {
        while self.members.len() > self.options.most
            && let Some((_, name)) = self.ends.pop_first()
        {
            self.members.remove(&name);
        }
    }

    /// One that is not found is no member any more, as if its grace were over.
    pub fn forget(&mut self, name: &str) {
        if let Some((name, Some(missing))) = self
            .members
            .get_key_value(name)
            .map(|(name, missing)| (name.clone(), *missing))
        {
            self.members.remove(&name);
            self.ends.remove(&(missing.ends, name));
        }
    }

    /// Time has passed. Gives whether there are fewer members.
    pub fn handle_timeout(&mut self, now: Instant) -> bool {
        let before = self.members.len();
        while let Some((at, _)) = self.ends.first()
            && *at <= now
        {
            let Some((_, name)) = self.ends.pop_first() else { break };
            self.members.remove(&name);
        }
        self.members.len() < before
    }

    /// When [`handle_timeout`](Self::handle_timeout) has something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.ends.first().map(|(at, _)| *at)
    }

    /// Whether anything was found yet.
    pub fn is_known(&self) -> bool {
        self.is_known
    }

    /// The members, sorted by name, each with whether it is found.
    pub fn members(&self) -> impl Iterator<Item = (&Arc<str>, bool)> {
        self.members.iter().map(|(name, missing)| (name, missing.is_none()))
    }

    /// Since when a member is not found.
    pub fn missing_since(&self, name: &str) -> Option<Instant> {
        self.members.get(name)?.map(|missing| missing.since)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::ZERO + Duration::from_secs(seconds)
    }

    fn roster(most: usize) -> Roster {
        let grace = Duration::from_secs(60);
        Roster::new(RosterOptions { grace, most })
    }

    fn these(names: &[&str]) -> BTreeSet<Arc<str>> {
        names.iter().map(|name| Arc::from(*name)).collect()
    }

    fn names(roster: &Roster) -> Vec<&str> {
        roster.members().map(|(name, _)| &**name).collect()
    }

    #[test]
    fn who_is_back_within_the_grace_was_a_member_all_along() {
        let mut roster = roster(10);
        assert!(!roster.is_known());
        roster.found(at(0), these(&["a", "b"]));
        roster.found(at(10), these(&["b"]));
        assert_eq!(roster.missing_since("a"), Some(at(10)));
        assert_eq!(roster.poll_timeout(), Some(at(70)));
        assert!(!roster.handle_timeout(at(69)));
        roster.found(at(69), these(&["a", "b"]));
        assert!(!roster.handle_timeout(at(1_000)));
        assert_eq!(names(&roster), ["a", "b"]);
        assert_eq!(roster.poll_timeout(), None);
        // It is counted from when it was missed first, however often others come and go meanwhile.
        roster.found(at(1_000), these(&["b"]));
        roster.found(at(1_030), these(&["b", "c"]));
        assert!(roster.handle_timeout(at(1_060)));
        assert_eq!(names(&roster), ["b", "c"]);
    }

    #[test]
    fn who_was_there_before_is_a_member_until_something_is_known() {
        let mut roster = roster(10);
        roster.begin_with(these(&["a", "b"]));
        assert!(!roster.is_known());
        assert_eq!(names(&roster), ["a", "b"]);
        roster.found(at(100), these(&["b"]));
        assert_eq!(names(&roster), ["a", "b"]);
        roster.handle_timeout(at(160));
        assert_eq!(names(&roster), ["b"]);
    }

    #[test]
    fn who_is_missing_makes_room_and_of_too_many_the_first_are_members() {
        let mut roster = roster(2);
        assert_eq!(roster.found(at(0), these(&["c", "b", "a"])), 1);
        assert_eq!(names(&roster), ["a", "b"]);
        assert_eq!(roster.found(at(1), these(&["d", "b"])), 0);
        assert_eq!(names(&roster), ["b", "d"]);
        assert_eq!(roster.poll_timeout(), None, "a is forgotten wholly");
        roster.found(at(2), these(&["b"]));
        roster.forget("b");
        assert_eq!(names(&roster), ["b", "d"], "who is there is not forgotten");
        roster.forget("d");
        assert_eq!((names(&roster), roster.poll_timeout()), (vec!["b"], None));
    }

    proptest! {
        /// Whoever was found within the last grace is a member, and nobody else is.
        #[test]
        fn those_found_within_the_grace_are_members(lists in prop::collection::vec((1..50_u64, prop::collection::btree_set(0..6_u8, 0..6)), 1..30)) {
            let (mut roster, mut now) = (roster(100), 0);
            let mut last: BTreeMap<Arc<str>, u64> = BTreeMap::new();
            let mut found: BTreeSet<Arc<str>> = BTreeSet::new();
            for (time, list) in lists {
                // Until this list, those of the last one were there.
                now += time;
                last.extend(found.iter().map(|name| (name.clone(), now)));
                found = list.iter().map(|name| format!("m-{name}").into()).collect();
                last.extend(found.iter().map(|name| (name.clone(), now)));
                roster.handle_timeout(at(now));
                roster.found(at(now), found.clone());
                roster.handle_timeout(at(now));
                last.retain(|_, last| now < *last + 60);
                prop_assert!(roster.members().map(|(name, _)| name).eq(last.keys()), "{roster:?} {last:?}");
                prop_assert!(roster.members().all(|(name, is_there)| is_there == found.contains(name)));
            }
        }
    }
}
