//! The targets are shared out among members, which ask for their lists, crash, are cut off, and come back.
//!
//! * `process`: who shares out, as the daemon does it. `member`: who asks.
//! * `watch`: what must hold. Who is a member, who owns what, and **that no target is left alone**: who is told to scrape it no more
//!   is told so only when another has surely begun, over joins, losses, reloads and restarts.
//! * `targets`: what is made up about targets.
//!
//! It stands behind the receiver and changes nothing before it; so it is run up to the moment at which a snapshot comes, and not by
//! the world's own queue.

mod member;
mod process;
mod targets;
mod watch;

use std::collections::BTreeSet;
use std::sync::Arc;

use headcount_core::{Instant, Snapshot};

pub(crate) use process::SavedSharing;

use crate::oracle::{Broken, Verdict};
use crate::rng::{Entity, Purpose};
use crate::scenario::{Known, Members};
use crate::{KeyedRng, Rule, Span};
use member::Member;
use process::Process;
use targets::WEIGHED_EACH;
use watch::Watch;

/// How long after a start members are found.
const FOUND_AFTER: Span = Span::secs(2);

/// Who shares out, among whom, and who watches.
#[derive(Debug)]
pub(crate) struct Sharing {
    settings: Members,
    rng: KeyedRng,
    /// Whether all is looked at, each time.
    is_close: bool,
    now: Instant,
    /// How many processes there were before this one.
    life: u32,
    process: Process,
    members: Vec<Member>,
    watch: Watch,
    /// Up to which of the process's changes all was compared.
    compared: u64,
    /// When members are found again.
    finds: Option<Instant>,
    /// When it is said anew what targets weigh.
    weighs: Instant,
    /// What the process before this one had left, until this one leaves something.
    kept: Option<SavedSharing>,
}

impl Clone for Sharing {
    /// A copy of a run begins to share out anew.
    fn clone(&self) -> Self {
        let mut new = Self::new(&self.settings, self.rng, self.is_close);
        new.now = self.now;
        new.begin(self.now);
        new
    }
}

impl Sharing {
    /// Nothing to share out yet. Where `is_close`, who owns what is compared with a model.
    pub(crate) fn new(settings: &Members, rng: KeyedRng, is_close: bool) -> Self {
        let refresh = settings.refresh.as_nanos().max(1);
        let member = |number: u32| {
            let first = rng.draw(Entity::Member(number), Purpose::Phase, 0) % refresh;
            Member::new(number, settings, Span::from_nanos(first))
        };
        let mut new = Self {
            settings: settings.clone(),
            rng,
            is_close,
            now: Instant::ZERO,
            life: 0,
            process: Process::new(Instant::ZERO, settings),
            members: (0..settings.count).map(member).collect(),
            watch: Watch::new(settings),
            compared: u64::MAX,
            finds: None,
            weighs: Instant::ZERO + WEIGHED_EACH,
            kept: None,
        };
        new.begin(Instant::ZERO);
        new
    }

    /// A process begins.
    fn begin(&mut self, now: Instant) {
        self.finds = match self.settings.known {
            Known::Asking => None,
            Known::Listed => Some(now),
            Known::Found => Some(now + FOUND_AFTER.into()),
        };
    }

    /// What another process could go on with.
    pub(crate) fn save(&mut self) -> Option<SavedSharing> {
        if let Some(saved) = self.process.save() {
            self.kept = Some(saved);
        }
        self.kept.clone()
    }

    /// Another process takes the place of this one, with what was saved. `is_newest` says that nothing happened since.
    pub(crate) fn restarted(&mut self, now: Instant, saved: Option<&SavedSharing>, is_newest: bool) {
        self.life += 1;
        self.process = match saved {
            Some(saved) => Process::resumed(now, &self.settings, saved),
            None => Process::new(now, &self.settings),
        };
        (self.kept, self.compared) = (saved.cloned(), u64::MAX);
        self.watch.restarted(now, saved);
        if saved.is_none() || !is_newest {
            self.watch.lose_track();
            self.members.iter_mut().for_each(Member::forget);
        }
        self.begin(now);
    }

    /// Lets time pass in which no snapshot comes.
    pub(crate) fn advance(&mut self, now: Instant) -> Verdict {
        while let Some(next) = self.next().filter(|next| *next <= now) {
            self.now = self.now.max(next);
            self.turn()?;
        }
        self.now = self.now.max(now);
        Ok(())
    }

    /// A snapshot comes.
    pub(crate) fn take(&mut self, now: Instant, older: &Snapshot, newer: &Snapshot) -> Verdict {
        self.advance(now)?;
        self.process.follow(now, newer, &newer.diff(older));
        if !self.watch.targets(now, &self.process) {
            self.members.iter_mut().for_each(Member::forget);
        }
        self.look()
    }

    fn next(&self) -> Option<Instant> {
        let members = self.members.iter().map(|member| member.next(self.now));
        let weighs = self.settings.weighted.then_some(self.weighs);
        members.chain(self.finds).chain(weighs).chain(self.process.next()).min()
    }

    /// Does all that is to be done now.
    fn turn(&mut self) -> Verdict {
        let now = self.now;
        self.find(now);
        self.process.pass(now);
        if self.process.next().is_some_and(|at| at <= now) {
            let reason = "something is due for who shares targets out, and stays due when it was done";
            return Err(Broken::of(Rule::Members, reason));
        }
        if self.settings.weighted && self.weighs <= now {
            self.weighs = self.weighs + WEIGHED_EACH;
            self.weigh(now)?;
        }
        for number in 0..self.members.len() {
            let is_due = self.members.get_mut(number).is_some_and(|member| member.is_due(now));
            if is_due {
                self.ask(now, number)?;
            }
        }
        self.look()
    }

    /// Members are found, or the list of them is read, when that is due or others are there.
    fn find(&mut self, now: Instant) {
        if self.finds.is_some_and(|at| at > now) || self.settings.known == Known::Asking {
            return;
        }
        let found = self.members.iter().filter(|member| member.is_found(now));
        let found: BTreeSet<Arc<str>> = found.map(|member| member.name.clone()).collect();
        if self.finds.take().is_some() || !self.watch.was_found(&found) {
            self.process.found(now, &found);
            self.watch.found(now, found);
        }
    }

    /// Says what targets weigh by now, job by job. Nothing moves that has the same owners after that.
    fn weigh(&mut self, now: Instant) -> Verdict {
        let jobs: BTreeSet<Arc<str>> = self.process.keys.values().map(|(job, _)| job.clone()).collect();
        for job in jobs {
            let owners = self.is_close.then(|| watch::owners(&self.process));
            let moved = self.process.shares.moved();
            self.process.weigh_again(now, &job);
            let is_other = owners.is_some_and(|owners| owners != watch::owners(&self.process));
            if self.is_close && !is_other && self.process.shares.moved() != moved {
                let reason = "targets are said to have moved that have the owners that they had";
                return Err(Broken::of(Rule::Members, reason).about(&*job));
            }
        }
        Ok(())
    }

    fn ask(&mut self, now: Instant, number: usize) -> Verdict {
        let Some(name) = self.members.get(number).map(|member| member.name.clone()) else {
            return Ok(());
        };
        let is_resuming = self.process.is_resuming();
        let lists = self.process.ask(now, &name);
        if !is_resuming {
            self.watch.asked(now, &name);
        }
        let Some(lists) = lists else { return Ok(()) };
        for (job, list) in &lists {
            let Some(member) = self.members.get_mut(number) else {
                break;
            };
            let heard = member.hear(now, self.life, job, list);
            watch::changes_lead_there(&self.process, &name, job, &heard, list)?;
            for (key, since) in heard.dropped {
                self.watch
                    .dropped(now, &self.process, &self.members, number, (key, since))?;
            }
            self.process.sent(now, &name, job, list.version);
        }
        if let Some(member) = self.members.get_mut(number) {
            member.has_heard(now, |job| lists.contains_key(job));
        }
        Ok(())
    }

    /// Looks whether all is as it should be.
    fn look(&mut self) -> Verdict {
        let now = self.now;
        self.watch.members(now, &self.process, &self.members)?;
        if !self.is_close {
            return Ok(());
        }
        // Nothing is compared twice.
        if core::mem::replace(&mut self.compared, self.process.changes) != self.process.changes {
            self.watch.shares(now, &self.process)?;
        }
        self.watch.settled(now, &self.process, &self.members)
    }
}

#[cfg(test)]
mod tests;
