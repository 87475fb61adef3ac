//! Who has lists: members that are there, and those that were taken out and keep what others have not begun with.
//!
//! **Who was taken out is forgotten when he was told that he has nothing any more**, or does not ask for so long that nobody
//! would.

use core::time::Duration;

use super::{Leaving, List, Lists, Shares};
use crate::Instant;

/// How long a member that was taken out is remembered that does not ask any more: the longest that one waits between two
/// requests. What it keeps until others have begun it keeps longer, if need be.
pub(super) const REMEMBERED: Duration = Duration::from_secs(3600);

impl Shares {
    /// Members are there.
    pub fn join<'a>(&mut self, now: Instant, names: impl IntoIterator<Item = &'a str>) {
        self.change_members(now, names, []);
    }

    /// A member is no longer one.
    pub fn leave(&mut self, now: Instant, name: &str, leaving: Leaving) {
        self.change_members(now, [], [(name, leaving)]);
    }

    /// Members are there, and others no longer. What goes from one to another goes there at once, and not by way of others.
    pub fn change_members<'a>(
        &mut self,
        now: Instant,
        joined: impl IntoIterator<Item = &'a str>,
        left: impl IntoIterator<Item = (&'a str, Leaving)>,
    ) {
        let joined: Vec<(&str, Option<u32>)> = joined.into_iter().map(|name| (name, None)).collect();
        let left: Vec<(&str, Leaving)> = left.into_iter().collect();
        self.change_all(now, &joined, &left);
    }

    /// The same where members have seats, each with its number: what a member owns follows from that alone. One that has
    /// another seat than before, or none any more, is among those that join.
    pub fn change_seats<'a>(
        &mut self,
        now: Instant,
        joined: impl IntoIterator<Item = (&'a str, Option<u32>)>,
        left: impl IntoIterator<Item = (&'a str, Leaving)>,
    ) {
        let joined: Vec<(&str, Option<u32>)> = joined.into_iter().collect();
        let left: Vec<(&str, Leaving)> = left.into_iter().collect();
        self.change_all(now, &joined, &left);
    }

    fn change_all(&mut self, now: Instant, joined: &[(&str, Option<u32>)], left: &[(&str, Leaving)]) {
        let is_here = |name: &str| self.members.get(name).filter(|lists| !lists.is_retired);
        let has_other = |(name, seat): &&(&str, Option<u32>)| is_here(name).is_some_and(|lists| lists.seat != *seat);
        let moving: Vec<&str> = joined.iter().filter(has_other).map(|(name, _)| *name).collect();
        let gone: Vec<&str> = left.iter().map(|(name, _)| *name).chain(moving).collect();
        // Who takes a seat does so when nobody has it. What was one's and is the other's went nowhere meanwhile: moves are told
        // when all is done.
        let is_seated =
            gone.iter().any(|name| self.seat(name).is_some()) || joined.iter().any(|(_, seat)| seat.is_some());
        if !is_seated {
            self.allocation.join_all(joined.iter().map(|(name, _)| *name));
        }
        for (name, seat) in joined {
            let lists = match self.members.get_mut(*name) {
                Some(lists) => lists,
                None => self.members.entry((*name).into()).or_default(),
            };
            (lists.is_retired, lists.seat) = (false, *seat);
        }
        for (name, leaving) in left {
            match leaving {
                Leaving::Retired => self.retire(now, name),
                Leaving::Lost => self.lose(now, name),
            }
        }
        self.allocation.leave_all(gone);
        if is_seated {
            self.allocation.join_seats(joined.iter().copied());
        }
        self.take_moves(now);
        for (name, _) in left {
            self.forget_if_told(name);
        }
    }

    /// A member's seat, if it has one.
    pub fn seat(&self, name: &str) -> Option<u32> {
        self.members.get(name)?.seat
    }

    fn retire(&mut self, now: Instant, name: &str) {
        let Some((member, _)) = self.members.get_key_value(name) else {
            return;
        };
        self.reviews.insert((now + REMEMBERED, member.clone()));
        if let Some(lists) = self.members.get_mut(name) {
            (lists.is_retired, lists.seat) = (true, None);
        }
    }

    fn lose(&mut self, now: Instant, name: &str) {
        let Some((member, lists)) = self.members.remove_entry(name) else {
            return;
        };
        for job in lists.by_job.keys() {
            self.untold.told(&(member.clone(), job.clone()));
        }
        let keys = lists.by_job.values().flat_map(|list| list.keys.keys().copied());
        for key in keys {
            self.forget_holder(now, key, &member);
        }
    }

    /// A member that was taken out is forgotten once it was told that it has nothing any more.
    pub(super) fn forget_if_told(&mut self, name: &str) {
        let is_told = |list: &List| list.keys.is_empty() && list.sent >= list.version;
        let is_done = |lists: &Lists| lists.is_retired && lists.by_job.values().all(is_told);
        if self.members.get(name).is_some_and(is_done) && !self.is_pending(name) {
            self.members.remove(name);
        }
    }

    /// Forgets those that were taken out long ago, if they have nothing any more.
    pub(super) fn review(&mut self, now: Instant) {
        while let Some((at, _)) = self.reviews.first()
            && *at <= now
        {
            let Some((_, name)) = self.reviews.pop_first() else {
                break;
            };
            let Some(lists) = self.members.get(&name).filter(|lists| lists.is_retired) else {
                continue;
            };
            match lists.by_job.values().all(|list| list.keys.is_empty()) {
                true => drop(self.members.remove(&name)),
                false => drop(self.reviews.insert((now + REMEMBERED, name))),
            }
        }
    }
}
