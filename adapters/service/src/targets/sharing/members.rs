//! Who the members are: those that the settings list, that ask, or that are found, with or without seats.
//!
//! All that may change it ends in [`name_members`](Shared::name_members), which makes the shares' members those that are
//! wanted by then. **Who is taken out keeps what it scrapes until others have begun, unless nobody is there that would scrape
//! it**: one that asked, and does not any more.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use headcount_config::{MOST_MEMBERS, MemberIdentity, MembersSettings, Who};
use headcount_core::allocation::{Leaving, Presence, PresenceOptions, Roster, RosterOptions, Seats};
use headcount_core::{Instant, JobOptions, MemberChange, planted};

use super::{ListPlace, Shared, SharedBy};
use crate::discovery::MemberEvent;
use crate::targets::sharing::list::KeptList;

/// How long a member waits between two requests, where that is not known.
const USUAL_REFRESH: Duration = Duration::from_secs(60);

impl Shared {
    pub(super) fn configure(&mut self, now: Instant, settings: &MembersSettings, jobs: &[JobOptions]) {
        let intervals = jobs.iter().map(|job| (job.name.as_str().into(), job.scrape_interval));
        self.shares.set_jobs(intervals);
        let mut settings = settings.clone();
        if self.is_resuming {
            self.said = Some(SharedBy::of(&settings));
            SharedBy::of(&self.settings).put_into(&mut settings);
        }
        self.is_built &= self.settings.unshared_jobs == settings.unshared_jobs;
        self.is_built &= self.settings.strategy == settings.strategy;
        self.settings = settings;
        self.configure_members(now);
        if !self.is_resuming {
            self.share_as_said(now);
        }
    }

    /// Has targets be shared out as the settings say, among those that they say.
    pub(super) fn share_as_said(&mut self, now: Instant) {
        self.shares.set_fallback(now, self.has_fallback());
        self.shares.set_replicas(now, self.settings.replicas);
        self.name_members(now, &BTreeSet::new());
    }

    /// Has who the members are follow from what the settings say now.
    fn configure_members(&mut self, now: Instant) {
        let asking = |grace| PresenceOptions {
            grace,
            most: MOST_MEMBERS,
        };
        match &self.settings.who {
            Who::Listed(_) => self.presence = None,
            Who::Asking { grace, allow, .. } => {
                let options = asking(*grace);
                let presence = self.presence.get_or_insert_with(|| Presence::new(now, options));
                presence.configure(options);
                // Of newcomers, the first to ask would be given everything here, too.
                if presence.is_settled() && !presence.members().any(|name| allow.is_match(name)) {
                    presence.begin_anew(now);
                }
            }
            Who::Found(found) => {
                // Here it says of those that are taken out whether they are there.
                let options = asking(found.grace);
                let presence = self.presence.get_or_insert_with(|| Presence::new(now, options));
                presence.configure(options);
            }
        }
        match &self.settings.who {
            Who::Found(found) => {
                let options = RosterOptions {
                    grace: found.grace,
                    most: MOST_MEMBERS,
                };
                let roster = self.roster.get_or_insert_with(|| Roster::new(options));
                roster.configure(options);
                // Until their manager has what is configured now.
                self.found_from = u64::MAX;
            }
            Who::Listed(_) | Who::Asking { .. } => (self.roster, self.taken) = (None, None),
        }
        match self.has_seats() {
            true => drop(self.seats.get_or_insert_default()),
            false => self.seats = None,
        }
    }

    fn has_seats(&self) -> bool {
        match &self.settings.who {
            Who::Listed(_) => false,
            Who::Asking { has_seats, .. } => *has_seats,
            Who::Found(found) => found.identity == MemberIdentity::Seat,
        }
    }

    /// Those that are to be members, each with its seat if it has one; `None` if that is not known, and all stays as it is.
    fn wanted(&mut self, now: Instant) -> Option<BTreeMap<Arc<str>, Option<u32>>> {
        let presence = self.presence.as_ref();
        let (members, patience): (Vec<(&Arc<str>, bool)>, Duration) = match &self.settings.who {
            Who::Listed(names) => return Some(names.iter().map(|name| (name.as_str().into(), None)).collect()),
            Who::Asking { allow, .. } => {
                let members = presence.into_iter().flat_map(Presence::members);
                let members = members.filter(|name| allow.is_match(name)).map(|name| (name, true));
                // The one whose seat it is to take may have gone before it came, or when it had come.
                let patience = presence.map(Presence::missed_within).unwrap_or_default();
                (members.collect(), patience)
            }
            Who::Found(found) => {
                let roster = self.roster.as_ref().filter(|roster| roster.is_known())?;
                (roster.members().collect(), found.grace)
            }
        };
        let Some(seats) = &mut self.seats else {
            return Some(members.into_iter().map(|(name, _)| (name.clone(), None)).collect());
        };
        let ousted = seats.update(now, members, patience);
        let held = seats
            .holders()
            .map(|(number, name)| (name.clone(), Some(number)))
            .collect();
        if let Some(roster) = &mut self.roster {
            ousted.iter().for_each(|name| roster.forget(name));
        }
        Some(held)
    }

    /// Makes the members those that there are now. Of others, these are `lost`.
    pub(super) fn name_members(&mut self, now: Instant, lost: &BTreeSet<Arc<str>>) {
        if self.is_resuming {
            return;
        }
        let retired = |name: &&Arc<str>| self.shares.is_retired(name);
        let mut left: Vec<(Arc<str>, Leaving)> = lost
            .iter()
            .filter(retired)
            .map(|name| (name.clone(), Leaving::Lost))
            .collect();
        let wanted = self.wanted(now);
        let here = self.shares.members().filter(|(_, is_retired)| !is_retired);
        let here: BTreeMap<Arc<str>, Option<u32>> =
            here.map(|(name, _)| (name.clone(), self.shares.seat(name))).collect();
        let wanted = wanted.unwrap_or_else(|| here.clone());
        let joined: Vec<(&str, Option<u32>)> = wanted
            .iter()
            .filter(|(name, seat)| here.get(*name) != Some(*seat))
            .map(|(name, seat)| (&**name, *seat))
            .collect();
        let gone = here.keys().filter(|name| !wanted.contains_key(*name));
        left.extend(gone.map(|name| (name.clone(), self.leaving(now, name, lost))));
        if joined.is_empty() && left.is_empty() {
            return;
        }
        let had: Vec<usize> = left.iter().map(|(member, _)| self.shares.counts(member).0).collect();
        let leaving = left.iter().map(|(name, leaving)| (&**name, *leaving));
        self.shares.change_seats(now, joined.iter().copied(), leaving);
        for (member, seat) in joined {
            let (targets, _) = self.shares.counts(member);
            match seat {
                None => tracing::info!(%member, targets, "a member joined, and has its share of the targets"),
                Some(seat) => {
                    tracing::info!(%member, seat, targets, "a member took a seat, and has its share of the targets")
                }
            }
            if !here.contains_key(member) {
                self.tell(now, member, MemberChange::Joined, targets);
            }
        }
        for ((member, leaving), had) in left.into_iter().zip(had) {
            let change = match leaving {
                Leaving::Retired => {
                    tracing::info!(%member, "a member was taken out; what it scrapes goes to others, and each target when they have begun");
                    MemberChange::Retired
                }
                Leaving::Lost => {
                    tracing::warn!(%member, "a member no longer asks, and others have its targets");
                    MemberChange::Lost
                }
            };
            self.tell(now, &member, change, had);
        }
        self.forget_lists();
    }

    /// How a member leaves that is no longer wanted.
    fn leaving(&self, now: Instant, name: &Arc<str>, lost: &BTreeSet<Arc<str>>) -> Leaving {
        let is_lost = match &self.settings.who {
            Who::Found(found) => planted!(!self.asks(now, name, found.grace), WhoIsNotFoundIsLost, true),
            Who::Listed(_) | Who::Asking { .. } => lost.contains(name),
        };
        match is_lost {
            true => Leaving::Lost,
            false => Leaving::Retired,
        }
    }

    /// Whether somebody is there who asks by this name, as far as that is known: before members were found, nobody took note
    /// of when they would ask again.
    fn asks(&self, now: Instant, name: &str, grace: Duration) -> bool {
        let presence = self.presence.as_ref();
        let was_sent = |at| now.saturating_duration_since(at) <= USUAL_REFRESH.saturating_add(grace);
        presence.is_some_and(|presence| presence.last(name).is_some())
            || self.shares.last_sent(name).is_some_and(was_sent)
    }

    /// Has it told that a member came or went.
    fn tell(&mut self, at: Instant, name: &str, change: MemberChange, targets: usize) {
        self.untold.push(MemberEvent {
            at,
            name: name.into(),
            change,
            targets,
        });
    }

    /// Lists of members and jobs that are no more are not kept.
    fn forget_lists(&mut self) {
        let (shares, jobs) = (&self.shares, &self.jobs);
        let is_needed = |(member, job, _): &ListPlace, _: &mut KeptList| shares.has(member) && jobs.contains_key(job);
        self.lists.retain(is_needed);
    }

    /// Time has passed.
    pub(super) fn pass(&mut self, now: Instant) {
        let (mut is_other, mut lost) = (false, BTreeSet::new());
        if let Some(presence) = &mut self.presence {
            let was_settled = presence.is_settled();
            lost.extend(presence.handle_timeout(now));
            is_other |= presence.is_settled() && !was_settled;
        }
        is_other |= self.roster.as_mut().is_some_and(|roster| roster.handle_timeout(now));
        is_other |= self
            .seats
            .as_ref()
            .and_then(Seats::poll_timeout)
            .is_some_and(|at| at <= now);
        if is_other || !lost.is_empty() {
            self.name_members(now, &lost);
        }
        self.shares.handle_timeout(now);
    }

    /// When [`pass`](Self::pass) has something to do.
    pub(super) fn next(&self) -> Option<Instant> {
        let presence = self.presence.as_ref().and_then(Presence::poll_timeout);
        let roster = self.roster.as_ref().and_then(Roster::poll_timeout);
        let seats = self.seats.as_ref().and_then(Seats::poll_timeout);
        let all = [presence, roster, seats, self.shares.poll_timeout()];
        all.into_iter().flatten().min()
    }
}
