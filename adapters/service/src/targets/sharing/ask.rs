//! What a member that asks for its share of a job is answered.
//!
//! **Who writes a list holds up nobody**: what is on it is taken down while the shares are held, and written when they are not,
//! unless the targets are others by then. When they are time and again, it is written while nothing can change.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use blocking::unblock;
use headcount_config::{MOST_MEMBERS, Who};
use headcount_core::allocation::{Asked, TargetKey};
use headcount_core::{Instant, parse_duration};
use headcount_discoverer::Env;

use super::super::{State, Targets};
use super::list::{Drawn, Kept};
use super::{Form, ListPlace, Shared};
use crate::discovery::Encoded;

/// The label that says how often a target is scraped.
const INTERVAL: &str = "__scrape_interval__";

/// So many times a list is begun again whose targets are others by then.
const TRIES: usize = 3;

/// What a member that asks gets.
#[derive(Debug)]
pub(crate) enum Share {
    /// Its targets. Whoever hands them out says when they were [sent](Sent::now).
    List(Arc<Encoded>, Sent),
    /// All of the job's targets: they are not shared out.
    Whole,
    /// Nothing yet, and why: it keeps what it has.
    NotYet(&'static str),
    /// Nothing: there is no such member.
    NoMember(String),
    /// There are no members.
    Nobody,
}

/// A list that is handed out to a member.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    member: Arc<str>,
    job: Arc<str>,
    version: u64,
    /// Of which shares it is.
    life: u64,
}

/// What a member has, to be written when it is wanted.
#[derive(Debug)]
pub(crate) struct ShareLater {
    targets: Arc<Targets>,
    place: ListPlace,
}

impl ShareLater {
    /// What it has now.
    pub(crate) async fn now(self) -> Share {
        unblock(move || self.targets.list_now(&self.place)).await
    }
}

impl Targets {
    /// A member asks for its share of a job, and will again after `refresh`. Completes without a share while that is worked
    /// out.
    pub(crate) async fn share(
        self: &Arc<Self>,
        env: &Env,
        member: &str,
        job: &str,
        form: Form,
        refresh: Option<Duration>,
    ) -> Share {
        let (targets, clock) = (self.clone(), env.clock.clone());
        let (member, job) = (member.to_owned(), job.to_owned());
        unblock(move || targets.share_now(clock.now(), &member, &job, form, refresh)).await
    }

    pub(super) fn share_now(
        &self,
        now: Instant,
        member: &str,
        job: &str,
        form: Form,
        refresh: Option<Duration>,
    ) -> Share {
        let place: ListPlace = (member.into(), job.into(), form);
        if let Some(refused) = self.refused(now, &place.0, refresh) {
            return refused;
        }
        self.list_now(&place)
    }

    /// What each member has of a job, whoever asks; `None` if targets are not shared out. What a member gets is written when it
    /// is its turn, for who takes long.
    pub(crate) async fn shares(self: &Arc<Self>, job: &str, form: Form) -> Option<Vec<(Arc<str>, ShareLater)>> {
        let (targets, job) = (self.clone(), Arc::<str>::from(job));
        let names = unblock(move || targets.sharing.names()).await?;
        let later = |name: Arc<str>| {
            let place = (name.clone(), job.clone(), form);
            let targets = self.clone();
            (name, ShareLater { targets, place })
        };
        Some(names.into_iter().map(later).collect())
    }

    /// What a member has, whether it asks or not.
    pub(super) fn list_now(&self, place: &ListPlace) -> Share {
        let mut tried = 0;
        loop {
            let (drawn, sent) = match self.looked_up(place, tried == TRIES) {
                Ok(drawn) => drawn,
                Err(share) => return share,
            };
            if let Some(list) = self.write_list(place, &drawn) {
                return Share::List(list, sent);
            }
            tried += 1;
        }
    }

    /// Takes note of who asks; gives why he gets nothing, if he does not.
    fn refused(&self, now: Instant, member: &str, refresh: Option<Duration>) -> Option<Share> {
        let mut shared = self.sharing.lock();
        let Some(shared) = shared.as_mut() else {
            return Some(Share::Nobody);
        };
        shared.pass(now);
        let refused = shared.ask(now, member, refresh);
        self.sharing.news.notify(usize::MAX);
        refused
    }

    /// What is to be on a list that has yet to be written, or else the answer; that in any case if it is to be written `now`,
    /// while nothing can change.
    fn looked_up(&self, place: &ListPlace, now: bool) -> Result<(Drawn, Sent), Share> {
        const WORKED_OUT: Share = Share::NotYet("the job's targets are being worked out");
        let (member, job, _) = place;
        let mut shared = self.sharing.lock();
        let shared = shared.as_mut().ok_or(Share::Nobody)?;
        if !shared.is_shared(job) {
            return Err(Share::Whole);
        }
        if !shared.is_built || shared.is_resuming {
            return Err(Share::NotYet("its share is being worked out"));
        }
        let kept = self.read(|state| shared.look_up(state, place)).ok_or(WORKED_OUT)?;
        let sent = |version| Sent {
            member: member.clone(),
            job: job.clone(),
            version,
            life: shared.life,
        };
        match kept {
            Kept::Written(list, version) => Err(Share::List(list, sent(version))),
            Kept::Drawn(drawn) if !now => {
                let sent = sent(drawn.version());
                Ok((drawn, sent))
            }
            Kept::Drawn(drawn) => {
                let sent = sent(drawn.version());
                let list = self.read(|state| drawn.write(state, place)).ok_or(WORKED_OUT)?;
                Err(Share::List(shared.keep(place.clone(), &drawn, list), sent))
            }
        }
    }

    /// Writes what was drawn up, unless the targets are others by now.
    fn write_list(&self, place: &ListPlace, drawn: &Drawn) -> Option<Arc<Encoded>> {
        let list = self.read(|state| drawn.write(state, place))?;
        match self.sharing.lock().as_mut() {
            Some(shared) => Some(shared.keep(place.clone(), drawn, list)),
            None => Some(list.1),
        }
    }

    /// A list was sent, whole.
    pub(crate) async fn was_sent(self: &Arc<Self>, env: &Env, sent: Sent) {
        let (targets, clock) = (self.clone(), env.clock.clone());
        unblock(move || targets.sent_now(clock.now(), &sent)).await;
    }

    pub(super) fn sent_now(&self, now: Instant, sent: &Sent) {
        if let Some(shared) = self.sharing.lock().as_mut().filter(|shared| shared.life == sent.life) {
            let paces = self.read(|state| shared.paces(state, sent));
            let pace = |key| paces.get(&key).copied();
            shared
                .shares
                .sent_paced(now, &sent.member, &sent.job, sent.version, pace);
        }
        self.sharing.news.notify(usize::MAX);
    }
}

impl Shared {
    /// How often those targets are scraped that others may begin to lose now.
    fn paces(&self, state: &State, sent: &Sent) -> BTreeMap<TargetKey, Duration> {
        let awaited = self.shares.awaited(&sent.member, &sent.job, sent.version);
        let mut awaited = awaited.peekable();
        let (Some(pool), Some(targets)) = (state.pools.pool(&sent.job), self.jobs.get(&sent.job)) else {
            return BTreeMap::new();
        };
        if awaited.peek().is_none() {
            return BTreeMap::new();
        }
        let mut reader = pool.reader();
        let paces = awaited.filter_map(|key| {
            let views = pool.find(targets.ids(key).iter().copied());
            let intervals = views.filter_map(|view| {
                let labels = reader.labels(&view)?;
                let (_, interval) = labels.into_iter().find(|(name, _)| name == INTERVAL)?;
                parse_duration(&interval).ok()
            });
            Some((key, intervals.max()?))
        });
        paces.collect()
    }

    /// Why one gets nothing that would be a member if it had a seat.
    fn seatless(&self, member: &str) -> Option<Share> {
        let waits = !self.shares.has(member) && self.waiting().any(|name| **name == *member);
        waits.then_some(Share::NotYet(
            "it waits for the seat of a member that is gone, and opens another one when none is for as long as \
             `members.grace` says",
        ))
    }

    /// The same where members are found.
    fn ask_found(&mut self, now: Instant, member: &str, refresh: Option<Duration>) -> Option<Share> {
        if self.shares.has(member) {
            // When it is taken out, this says that it is there.
            if let Some(presence) = &mut self.presence {
                presence.asked(now, member, refresh);
            }
            return None;
        }
        if !self.is_settled() {
            return Some(Share::NotYet("the members are being found"));
        }
        Some(self.seatless(member).unwrap_or_else(|| {
            let all: Vec<&str> = self.shares.members().map(|(name, _)| &**name).collect();
            let known = all.iter().take(20).copied().collect::<Vec<_>>().join(", ");
            Share::NoMember(format!(
                "{member:?} is no member; `members` of headcount.yml finds {} of them: {known}",
                all.len()
            ))
        }))
    }

    /// Somebody asks. Gives why he gets nothing, if he does not.
    fn ask(&mut self, now: Instant, member: &str, refresh: Option<Duration>) -> Option<Share> {
        if self.is_resuming {
            return Some(Share::NotYet("its share is being worked out"));
        }
        if self.settings.found().is_some() {
            return self.ask_found(now, member, refresh);
        }
        let is_retired = self.shares.is_retired(member);
        match (&self.settings.who, &mut self.presence) {
            (Who::Asking { allow, .. }, Some(presence)) if allow.is_match(member) => {
                match presence.asked(now, member, refresh) {
                    Asked::Member => self.seatless(member),
                    Asked::Joined => {
                        self.name_members(now, &BTreeSet::new());
                        self.seatless(member)
                    }
                    Asked::First => Some(Share::NotYet("a member counts from its second request on")),
                    Asked::Early => Some(Share::NotYet(
                        "shares are given out when all members had the time to ask twice",
                    )),
                    Asked::TooMany => Some(Share::NoMember(format!(
                        "there are {MOST_MEMBERS} members, and no more are possible; one that does not ask any more is gone \
                         after its refresh interval and `members.grace`"
                    ))),
                }
            }
            (Who::Listed(names), _) if names.contains(member) => None,
            // What it scrapes it keeps until others have begun, and then it is told so.
            (_, presence) if is_retired => {
                // As long as it asks it is not lost.
                if let Some(presence) = presence {
                    presence.asked(now, member, refresh);
                }
                None
            }
            (Who::Listed(names), _) => {
                let first: Vec<&str> = names.iter().take(20).map(String::as_str).collect();
                let known = first.join(", ");
                Some(Share::NoMember(format!(
                    "{member:?} is no member; `members.names` of headcount.yml has {} of them: {known}",
                    names.len()
                )))
            }
            (Who::Asking { allow, .. }, _) => Some(Share::NoMember(format!(
                "{member:?} does not match `members.allow` of headcount.yml, which is {:?}",
                allow.written()
            ))),
            (Who::Found(_), _) => None,
        }
    }
}
