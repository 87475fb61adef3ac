//! What is kept of members over a restart, and how that is gone on with.
//!
//! The one rule: **what was before is taken up before anything else is**: until the targets of before are there, members are
//! those of before, and what decided who has what is what did, nobody is answered, and nothing else is kept. Only then it is as the
//! settings say, and what moves by that is handed over.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use event_listener::EventListener;
use headcount_config::{MOST_MEMBERS, MemberStrategy, MembersSettings, Who};
use headcount_core::allocation::{Presence, PresenceOptions, Roster, RosterOptions, SavedShares, Seats, Shares};
use headcount_core::{Instant, planted};
use serde::{Deserialize, Serialize};

use super::{Shared, Sharing};
use crate::targets::State;

/// The form of what is kept. Of another form nothing is known.
const FORM: u32 = 1;

/// What is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeptMembers {
    form: u32,
    /// Who has what.
    pub(crate) shares: SavedShares,
    /// Whether shares were given out, where members are those that ask.
    settled: bool,
    /// Those that asked, each with the milliseconds between its requests.
    pub(crate) asked: Vec<(Arc<str>, u64)>,
    /// What decided who has what; versions before this one did not keep it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by: Option<SharedBy>,
}

/// What decides who has what, besides who there is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SharedBy {
    strategy: KeptStrategy,
    unshared_jobs: BTreeSet<String>,
}

/// [`MemberStrategy`] as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum KeptStrategy {
    Consistent,
    PerNode { labels: Vec<String>, has_fallback: bool },
    Weighted { label: String },
}

impl SharedBy {
    pub(super) fn of(settings: &MembersSettings) -> Self {
        let strategy = match &settings.strategy {
            MemberStrategy::Consistent => KeptStrategy::Consistent,
            MemberStrategy::PerNode { labels, has_fallback } => KeptStrategy::PerNode {
                labels: labels.clone(),
                has_fallback: *has_fallback,
            },
            MemberStrategy::Weighted { label } => KeptStrategy::Weighted { label: label.clone() },
        };
        Self {
            strategy,
            unshared_jobs: settings.unshared_jobs.clone(),
        }
    }

    /// Has settings say this.
    pub(super) fn put_into(&self, settings: &mut MembersSettings) {
        settings.unshared_jobs.clone_from(&self.unshared_jobs);
        settings.strategy = match &self.strategy {
            KeptStrategy::Consistent => MemberStrategy::Consistent,
            KeptStrategy::PerNode { labels, has_fallback } => MemberStrategy::PerNode {
                labels: labels.clone(),
                has_fallback: *has_fallback,
            },
            KeptStrategy::Weighted { label } => MemberStrategy::Weighted { label: label.clone() },
        };
    }
}

impl KeptMembers {
    /// As bytes.
    pub(crate) fn write(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(self)
    }

    /// What such bytes say, if this version knows how to read them.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let kept: Self = serde_json::from_slice(bytes).ok()?;
        let mut members = kept.shares.members.iter();
        let is_sane = kept.form == FORM && members.all(|member| super::may_be_member(&member.name));
        is_sane.then_some(kept)
    }
}

/// What there is to keep.
#[derive(Debug)]
pub(crate) enum ToKeep {
    /// What was kept: nothing else is known yet.
    AsItIs,
    /// Nothing: targets are not shared out.
    Nothing,
    /// This.
    Members(KeptMembers),
}

impl Sharing {
    /// This was kept. It counts for the first settings that have members.
    pub(crate) fn begin_with(&self, kept: Option<KeptMembers>) {
        *self.kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = kept;
    }

    /// Completes when there may be something else to keep. Get it before looking.
    pub(crate) fn changed(&self) -> EventListener {
        self.news.listen()
    }

    /// What there is to keep now.
    pub(crate) fn to_keep(&self) -> ToKeep {
        match &*self.lock() {
            None if self.is_configured.load(std::sync::atomic::Ordering::Relaxed) => ToKeep::Nothing,
            None => ToKeep::AsItIs,
            Some(shared) if shared.is_resuming || !shared.is_sound => ToKeep::AsItIs,
            Some(shared) => ToKeep::Members(shared.kept()),
        }
    }

    pub(super) fn take_kept(&self) -> Option<KeptMembers> {
        self.kept
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .take()
    }
}

impl Shared {
    fn kept(&self) -> KeptMembers {
        let millis = |refresh: Duration| u64::try_from(refresh.as_millis()).unwrap_or(u64::MAX);
        let asked = self.presence.iter().flat_map(Presence::counted);
        KeptMembers {
            form: FORM,
            shares: self.shares.saved(),
            settled: self.presence.as_ref().is_some_and(Presence::is_settled),
            asked: asked.map(|(name, refresh)| (name.clone(), millis(refresh))).collect(),
            by: Some(SharedBy::of(&self.settings)),
        }
    }

    /// Goes on with what was kept. Members and targets are those of before until all of that is there.
    pub(super) fn resumed(now: Instant, settings: &MembersSettings, life: u64, kept: &KeptMembers) -> Self {
        let mut new = Self::new(settings.clone(), life);
        new.shares = Shares::resume(now, &kept.shares);
        new.is_resuming = true;
        if let Some(by) = planted!(&kept.by, ResumedByOtherRules, &None) {
            by.put_into(&mut new.settings);
        }
        new.shares.set_fallback(now, new.has_fallback());
        let there = || kept.shares.members.iter().filter(|member| !member.retired);
        let grace = match &settings.who {
            Who::Listed(_) => return new,
            Who::Asking { grace, .. } => *grace,
            Who::Found(found) => found.grace,
        };
        let options = PresenceOptions {
            grace,
            most: MOST_MEMBERS,
        };
        let asked: Vec<(Arc<str>, Duration)> = kept
            .asked
            .iter()
            .map(|(name, refresh)| (name.clone(), Duration::from_millis(*refresh)))
            .collect();
        let asked = asked.iter().map(|(name, refresh)| (name, *refresh));
        new.presence = Some(Presence::resume(now, options, kept.settled, asked));
        if settings.found().is_some() {
            let options = RosterOptions {
                grace,
                most: MOST_MEMBERS,
            };
            let mut roster = Roster::new(options);
            roster.begin_with(there().map(|member| member.name.clone()));
            new.roster = Some(roster);
        }
        new.seats = Some(Seats::of(
            there().filter_map(|member| Some((member.seat?, member.name.clone()))),
        ));
        new
    }

    /// The targets of before are there: from now on all is as the settings say. Gives whether it was not before.
    pub(super) fn end_resuming(&mut self, now: Instant, state: &State) -> bool {
        if !std::mem::take(&mut self.is_resuming) {
            return false;
        }
        if let Some(said) = self.said.take()
            && said != SharedBy::of(&self.settings)
        {
            said.put_into(&mut self.settings);
            self.is_built = false;
        }
        self.share_as_said(now);
        if !self.is_built {
            self.build(now, state);
        }
        true
    }
}
