//! Who is a member, where members are those that ask.
//!
//! **One request makes no member, and one that is missed unmakes none.** A member counts from its second request on, and is
//! gone when it has not asked for its own interval and a grace. Nobody is given a share before all who are there had the time
//! to ask twice: the first to ask would be given everything, be it after a start, or when all had been cut off.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::Instant;

/// How long a member that does not say so waits between its requests.
const USUAL_REFRESH: Duration = Duration::from_secs(60);

/// The longest that a member is believed to wait.
const LONGEST_REFRESH: Duration = Duration::from_secs(3600);

/// What is added to two intervals, for requests that are late.
const LATE: Duration = Duration::from_secs(5);

/// What decides who is a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PresenceOptions {
    /// How long after the request that it owed a member is gone.
    pub grace: Duration,
    /// The most names that are kept.
    pub most: usize,
}

/// What a request made of who asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// He counts when he asks again.
    First,
    /// He counts, and nobody has a share yet: others have to have had the time to ask.
    Early,
    /// He is a member from now on.
    Joined,
    /// He is a member, and was.
    Member,
    /// There are as many as there may be, all of which count.
    TooMany,
}

/// The members among those that ask.
#[derive(Debug)]
pub struct Presence {
    options: PresenceOptions,
    /// When the first of those asked that are there.
    started: Instant,
    is_settled: bool,
    seen: BTreeMap<Arc<str>, Seen>,
    /// When who is gone, if he does not ask.
    ends: BTreeSet<(Instant, Arc<str>)>,
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    last: Instant,
    refresh: Duration,
    is_counted: bool,
    ends: Instant,
}

impl Presence {
    /// Nobody has asked.
    pub fn new(now: Instant, options: PresenceOptions) -> Self {
        Self {
            options,
            started: now,
            is_settled: false,
            seen: BTreeMap::new(),
            ends: BTreeSet::new(),
        }
    }

    /// These counted before a restart, each with how long it waits between its requests. They could not ask meanwhile, and so
    /// have as long as if they had asked now; if shares were given out, they are.
    pub fn resume<'a>(
        now: Instant,
        options: PresenceOptions,
        is_settled: bool,
        names: impl IntoIterator<Item = (&'a Arc<str>, Duration)>,
    ) -> Self {
        let mut new = Self::new(now, options);
        for (name, refresh) in names.into_iter().take(options.most) {
            let refresh = refresh.min(LONGEST_REFRESH);
            let ends = planted!(
                now + refresh.saturating_add(options.grace),
                ResumedHasNoGrace,
                now + refresh
            );
            let seen = Seen {
                last: now,
                refresh,
                is_counted: true,
                ends,
            };
            if new.seen.insert(name.clone(), seen).is_none() {
                new.ends.insert((ends, name.clone()));
            }
        }
        new.is_settled = is_settled && !new.seen.is_empty();
        new
    }

    /// Those that count, sorted by name, each with how long it waits between its requests, whether shares are given out or
    /// not.
    pub fn counted(&self) -> impl Iterator<Item = (&Arc<str>, Duration)> {
        let counted = self.seen.iter().filter(|(_, seen)| seen.is_counted);
        counted.map(|(name, seen)| (name, seen.refresh))
    }

    /// Takes other options. They count from the next request of each on.
    pub fn configure(&mut self, options: PresenceOptions) {
        self.options = options;
    }

    /// Waits once more until all had the time to ask twice, as after a start: those that are members by now are not to be.
    pub fn begin_anew(&mut self, now: Instant) {
        self.started = now;
        self.is_settled = false;
    }

    /// Somebody asks, and will again after `refresh`, if he says so.
    pub fn asked(&mut self, now: Instant, name: &str, refresh: Option<Duration>) -> Asked {
        let known = self.seen.get_key_value(name).map(|(name, seen)| (name.clone(), *seen));
        if known.is_none() && self.seen.len() >= self.options.most && !self.forget_a_guest() {
            return Asked::TooMany;
        }
        if self.seen.is_empty() {
            self.started = now;
        }
        let before = known.as_ref().map(|(_, seen)| *seen);
        let refresh = refresh.or(before.map(|seen| seen.refresh)).unwrap_or(USUAL_REFRESH);
        let refresh = refresh.min(LONGEST_REFRESH);
        let name = known.map_or_else(|| name.into(), |(name, _)| name);
        let ends = now + refresh.saturating_add(self.options.grace);
        if let Some(before) = before {
            self.ends.remove(&(before.ends, name.clone()));
        }
        self.ends.insert((ends, name.clone()));
        let is_counted = before.is_some();
        let was_counted = before.is_some_and(|seen| seen.is_counted);
        self.seen.insert(
            name,
            Seen {
                last: now,
                refresh,
                is_counted,
                ends,
            },
        );
        match (is_counted, self.is_settled) {
            (false, _) => Asked::First,
            (true, false) => Asked::Early,
            (true, true) if was_counted => Asked::Member,
            (true, true) => Asked::Joined,
        }
    }

    /// Time has passed. Gives who is gone.
    pub fn handle_timeout(&mut self, now: Instant) -> Vec<Arc<str>> {
        self.is_settled |= self.settles().is_some_and(|at| at <= now);
        let mut gone = Vec::new();
        while let Some((at, _)) = self.ends.first()
            && *at <= now
        {
            let Some((_, name)) = self.ends.pop_first() else { break };
            if self.seen.remove(&name).is_some_and(|seen| seen.is_counted) {
                gone.push(name);
            }
        }
        self.is_settled &= !self.seen.is_empty();
        gone
    }

    /// When [`handle_timeout`](Self::handle_timeout) has something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let settles = self.settles().filter(|_| !self.is_settled);
        let ends = self.ends.first().map(|(at, _)| *at);
        settles.into_iter().chain(ends).min()
    }

    /// How long it takes at most until one that is gone is known to be.
    pub fn missed_within(&self) -> Duration {
        let longest = self
            .seen
            .values()
            .map(|seen| seen.refresh)
            .max()
            .unwrap_or(USUAL_REFRESH);
        longest.saturating_add(self.options.grace).saturating_add(LATE)
    }

    /// Whether there was the time for all to ask.
    pub fn is_settled(&self) -> bool {
        self.is_settled
    }

    /// Those that count, sorted by name; none before it is settled.
    pub fn members(&self) -> impl Iterator<Item = &Arc<str>> {
        let counted = self.seen.iter().filter(|(_, seen)| seen.is_counted && self.is_settled);
        counted.map(|(name, _)| name)
    }

    /// When somebody asked last.
    pub fn last(&self, name: &str) -> Option<Instant> {
        self.seen.get(name).map(|seen| seen.last)
    }

    /// Makes room: who asked once, and that longest ago, is as if he had not. `false` if all count.
    fn forget_a_guest(&mut self) -> bool {
        let guests = self.seen.iter().filter(|(_, seen)| !seen.is_counted);
        let Some((name, ends)) = guests
            .min_by_key(|(_, seen)| seen.last)
            .map(|(name, seen)| (name.clone(), seen.ends))
        else {
            return false;
        };
        self.seen.remove(&name);
        self.ends.remove(&(ends, name))
    }

    /// When all had the time to ask twice, once anybody has asked.
    fn settles(&self) -> Option<Instant> {
        let longest = self.seen.values().map(|seen| seen.refresh).max()?;
        Some(self.started + longest.saturating_mul(2).saturating_add(LATE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::ZERO + Duration::from_secs(seconds)
    }

    fn presence(most: usize) -> Presence {
        let grace = Duration::from_secs(60);
        Presence::new(Instant::ZERO, PresenceOptions { grace, most })
    }

    fn names(presence: &Presence) -> Vec<&str> {
        presence.members().map(|name| &**name).collect()
    }

    #[test]
    fn nobody_has_a_share_before_all_could_ask_twice() {
        let (mut presence, refresh) = (presence(10), Some(Duration::from_secs(30)));
        assert_eq!(presence.poll_timeout(), None, "nobody is there");
        assert_eq!(presence.asked(at(1), "a", refresh), Asked::First);
        assert_eq!(presence.asked(at(31), "a", refresh), Asked::Early);
        assert_eq!(presence.asked(at(40), "b", refresh), Asked::First);
        assert_eq!(presence.handle_timeout(at(65)), []);
        assert_eq!(names(&presence), [""; 0]);
        assert_eq!(presence.poll_timeout(), Some(at(66)));
        assert_eq!(presence.handle_timeout(at(66)), []);
        assert_eq!(names(&presence), ["a"]);
        assert_eq!(presence.asked(at(66), "a", refresh), Asked::Member);
        assert_eq!(presence.asked(at(70), "b", refresh), Asked::Joined);
        assert_eq!(presence.asked(at(71), "b", refresh), Asked::Member);
        assert_eq!(names(&presence), ["a", "b"]);
    }

    /// A fleet that comes after its headcount, and one that was cut off from it: both come one by one.
    #[test]
    fn the_first_to_come_is_not_given_everything() {
        let (mut presence, refresh) = (presence(10), Some(Duration::from_secs(30)));
        for start in [10_000, 20_000] {
            presence.handle_timeout(at(start));
            for (second, name) in [(0, "a"), (20, "b"), (30, "a")] {
                assert!(!matches!(
                    presence.asked(at(start + second), name, refresh),
                    Asked::Joined | Asked::Member
                ));
                presence.handle_timeout(at(start + second));
                assert_eq!(names(&presence), [""; 0]);
            }
            presence.asked(at(start + 50), "b", refresh);
            presence.handle_timeout(at(start + 65));
            assert_eq!(names(&presence), ["a", "b"]);
        }
    }

    #[test]
    fn a_member_is_gone_after_its_interval_and_the_grace() {
        let (mut presence, refresh) = (presence(10), Some(Duration::from_secs(10)));
        for second in [0, 10, 20] {
            presence.asked(at(second), "a", refresh);
            presence.asked(at(second), "b", refresh);
        }
        presence.handle_timeout(at(25));
        // A restart takes a minute.
        assert_eq!(presence.handle_timeout(at(89)), []);
        assert_eq!(presence.asked(at(89), "a", refresh), Asked::Member);
        assert_eq!(presence.poll_timeout(), Some(at(90)));
        assert_eq!(presence.handle_timeout(at(90)), ["b".into()]);
        assert_eq!(names(&presence), ["a"]);
        assert_eq!(
            presence.asked(at(91), "b", refresh),
            Asked::First,
            "it is as new as any"
        );
        assert_eq!(
            presence.handle_timeout(at(161)),
            ["a".into()],
            "who asked once never was one"
        );
        assert_eq!(presence.last("b"), None);
    }

    #[test]
    fn who_asked_before_a_restart_is_a_member_for_as_long_as_if_it_had_asked_then() {
        let (mut presence, refresh) = (presence(10), Some(Duration::from_secs(10)));
        for second in [0, 10] {
            presence.asked(at(second), "a", refresh);
            presence.asked(at(second), "b", refresh);
        }
        presence.asked(at(11), "once", refresh);
        let options = presence.options;
        let kept: Vec<_> = presence
            .counted()
            .map(|(name, refresh)| (name.clone(), refresh))
            .collect();
        let kept = || kept.iter().map(|(name, refresh)| (name, *refresh));
        // Nobody was given anything before, and others may be about to come.
        let early = Presence::resume(at(500), options, presence.is_settled(), kept());
        assert_eq!(names(&early), [""; 0]);
        let mut presence = Presence::resume(at(500), options, true, kept());
        assert_eq!(names(&presence), ["a", "b"]);
        assert_eq!(presence.asked(at(569), "a", refresh), Asked::Member);
        assert_eq!(presence.handle_timeout(at(569)), []);
        assert_eq!(presence.handle_timeout(at(570)), ["b".into()]);
        let none = Presence::resume(at(500), options, true, []);
        assert!(!none.is_settled(), "the first to ask would be given everything");
    }

    #[test]
    fn there_are_no_more_than_may_be() {
        let mut presence = presence(2);
        for second in [0, 1] {
            presence.asked(at(second), "a", None);
            presence.asked(at(second), "b", None);
        }
        assert_eq!(presence.asked(at(2), "c", None), Asked::TooMany);
        assert_eq!(presence.asked(at(2), "a", None), Asked::Early);
        presence.handle_timeout(at(121));
        assert_eq!(presence.asked(at(121), "c", None), Asked::First, "b is gone");
    }

    #[test]
    fn who_asked_once_makes_room_for_who_comes_again() {
        let mut presence = presence(2);
        for (second, name) in [(0, "a"), (1, "x"), (2, "a"), (3, "y"), (4, "b"), (60, "b")] {
            assert_ne!(presence.asked(at(second), name, None), Asked::TooMany, "{name}");
        }
        assert_eq!(presence.asked(at(61), "z", None), Asked::TooMany);
        presence.handle_timeout(at(125));
        assert_eq!(names(&presence), ["b"], "a is gone");
        assert_eq!(presence.poll_timeout(), Some(at(180)), "nothing is left of the others");
    }
}
