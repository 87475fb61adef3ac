//! What a member that asks for its share of a job is answered.

use std::sync::Arc;
use std::time::Duration;

use blocking::unblock;
use headcount_config::Who;
use headcount_core::Instant;
use headcount_core::allocation::Asked;
use headcount_discoverer::Env;

use super::super::Targets;
use super::Shared;
use crate::ListKind;
use crate::discovery::Encoded;

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
    member: String,
    job: String,
    version: u64,
}

impl Targets {
    /// A member asks for its share of a job, and will again after `refresh`. Completes without a share while that is worked
    /// out.
    pub(crate) async fn share(
        self: &Arc<Self>,
        env: &Env,
        member: &str,
        job: &str,
        kind: ListKind,
        refresh: Option<Duration>,
    ) -> Share {
        let (targets, clock) = (self.clone(), env.clock.clone());
        let (member, job) = (member.to_owned(), job.to_owned());
        unblock(move || targets.share_now(clock.now(), member, job, kind, refresh)).await
    }

    pub(super) fn share_now(
        &self,
        now: Instant,
        member: String,
        job: String,
        kind: ListKind,
        refresh: Option<Duration>,
    ) -> Share {
        let mut shared = self.sharing.lock();
        let Some(shared) = shared.as_mut() else {
            return Share::Nobody;
        };
        shared.pass(now);
        let refused = shared.ask(now, &member, refresh);
        self.sharing.news.notify(usize::MAX);
        if let Some(refused) = refused {
            return refused;
        }
        if !shared.is_shared(&job) {
            return Share::Whole;
        }
        if !shared.is_built {
            return Share::NotYet("its share is being worked out");
        }
        let list = self.read(|state| shared.list(state, &member, &job, kind));
        match list {
            Some((list, version)) => Share::List(list, Sent { member, job, version }),
            None => Share::NotYet("the job's targets are being worked out"),
        }
    }

    /// A list was sent, whole.
    pub(crate) async fn was_sent(self: &Arc<Self>, env: &Env, sent: Sent) {
        let (targets, clock) = (self.clone(), env.clock.clone());
        unblock(move || targets.sent_now(clock.now(), &sent)).await;
    }

    pub(super) fn sent_now(&self, now: Instant, sent: &Sent) {
        if let Some(shared) = self.sharing.lock().as_mut() {
            shared.shares.sent(now, &sent.member, &sent.job, sent.version);
        }
        self.sharing.news.notify(usize::MAX);
    }
}

impl Shared {
    /// Somebody asks. Gives why he gets nothing, if he does not.
    fn ask(&mut self, now: Instant, member: &str, refresh: Option<Duration>) -> Option<Share> {
        let mut members = self.shares.members();
        let is_retired = members.any(|(name, is_retired)| is_retired && **name == *member);
        drop(members);
        match (&self.settings.who, &mut self.presence) {
            (Who::Asking { allow, .. }, Some(presence)) if allow.is_match(member) => {
                match presence.asked(now, member, refresh) {
                    Asked::Member => {
                        self.name_members(now);
                        None
                    }
                    Asked::First => Some(Share::NotYet("a member counts from its second request on")),
                    Asked::Early => Some(Share::NotYet(
                        "shares are given out when all members had the time to ask twice",
                    )),
                    Asked::TooMany => Some(Share::NoMember("there are as many members as there may be".to_owned())),
                }
            }
            (Who::Listed(names), _) if names.contains(member) => None,
            // What it scrapes it keeps until others have begun, and then it is told so.
            _ if is_retired => None,
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
        }
    }
}
