//! Who has what, kept over a restart: the members, and the targets between two of them.
//!
//! Who owns what follows from members and targets, and so is not kept. **Whoever had something goes on having it**: members
//! are those of before until all that there was is there again, what is then theirs they may have, sent or not, and a target that
//! was between two of them still is, until its owners were sent their lists once more. Only when others are members afterwards does anything move.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::members::REMEMBERED;
use super::{Changed, List, Lists, Shares, TargetKey};
use crate::Instant;

/// What is kept of [`Shares`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SavedShares {
    /// How many members each target was to have.
    pub replicas: usize,
    /// All that had lists, sorted by name.
    pub members: Vec<SavedMember>,
    /// The targets between two owners, sorted.
    pub handovers: Vec<SavedHandover>,
}

/// A member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedMember {
    /// What it is called.
    pub name: Arc<str>,
    /// Its seat, if it had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seat: Option<u32>,
    /// Whether it was taken out, and kept what others had not begun with.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub retired: bool,
}

/// A target that has another owner than those who scrape it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedHandover {
    /// The [target](TargetKey), as a number.
    pub key: u64,
    /// Who has it until others have begun, by their places among the members.
    pub from: Vec<usize>,
    /// When that began, in nanoseconds of the clock.
    pub began: u64,
}

/// Shares that were resumed, and not all of whose targets are there again.
#[derive(Debug)]
pub(super) struct Resumed {
    /// Handovers of targets that have yet to come.
    pending: BTreeMap<TargetKey, Pending>,
    /// When what has not come by then is forgotten.
    pub(super) ends: Instant,
    /// Who had lists.
    members: BTreeSet<Arc<str>>,
}

/// A handover of a target that has yet to come.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) from: BTreeSet<Arc<str>>,
    pub(super) began: Instant,
}

impl Shares {
    /// What is to be kept.
    pub fn saved(&self) -> SavedShares {
        let places: BTreeMap<&Arc<str>, usize> = self.members.keys().zip(0..).collect();
        let in_places = |names: &mut dyn Iterator<Item = &Arc<str>>| -> Vec<usize> {
            names.filter_map(|name| places.get(name).copied()).collect()
        };
        let members = self.members.iter().map(|(name, lists)| SavedMember {
            name: name.clone(),
            seat: lists.seat,
            retired: lists.is_retired,
        });
        let now = self.handovers.iter().map(|(key, handover)| SavedHandover {
            key: key.number(),
            from: in_places(&mut handover.from.iter()),
            began: handover.began.as_nanos(),
        });
        let pending = self.resumed.iter().flat_map(|resumed| &resumed.pending);
        let pending = pending.map(|(key, pending)| SavedHandover {
            key: key.number(),
            from: in_places(&mut pending.from.iter()),
            began: pending.began.as_nanos(),
        });
        let mut handovers: Vec<SavedHandover> = now.chain(pending).collect();
        handovers.sort_by_key(|handover| handover.key);
        SavedShares {
            replicas: self.allocation.replicas(),
            members: members.collect(),
            handovers,
        }
    }

    /// Shares as they were when this was kept. No target is there yet.
    pub fn resume(now: Instant, saved: &SavedShares) -> Self {
        let mut shares = Self::new(saved.replicas);
        let there = saved.members.iter().filter(|member| !member.retired);
        shares.change_seats(now, there.map(|member| (&*member.name, member.seat)), []);
        for member in saved.members.iter().filter(|member| member.retired) {
            let lists = Lists {
                is_retired: true,
                ..Lists::default()
            };
            shares.members.entry(member.name.clone()).or_insert(lists);
            shares.reviews.insert((now + REMEMBERED, member.name.clone()));
        }
        let names = |places: &[usize]| -> BTreeSet<Arc<str>> {
            let members = places.iter().filter_map(|place| saved.members.get(*place));
            members.map(|member| member.name.clone()).collect()
        };
        let pending = saved.handovers.iter().map(|handover| {
            let pending = Pending {
                from: names(&handover.from),
                began: Instant::ZERO + Duration::from_nanos(handover.began),
            };
            (TargetKey::from_number(handover.key), pending)
        });
        shares.resumed = Some(Resumed {
            pending: planted!(pending.collect(), HandoversAreNotResumed, BTreeMap::new()),
            ends: now + REMEMBERED,
            members: shares.members.keys().cloned().collect(),
        });
        shares
    }

    /// Whether a member may have what is on its list of a job though it was not sent that: it was sent a list before, as far as
    /// is known, and none since.
    pub(super) fn may_have(&self, member: &str, job: &str) -> bool {
        let was_there = self
            .resumed
            .as_ref()
            .is_some_and(|resumed| resumed.members.contains(member));
        let is_unsent = |lists: &Lists| lists.by_job.get(job).is_none_or(|list| list.sent == 0);
        planted!(
            was_there && self.members.get(member).is_some_and(is_unsent),
            ResumedIsNew,
            false
        )
    }

    /// Who was taken out before and is there again has to be told so of each job, be it that it has nothing.
    pub(super) fn list_again(&mut self) {
        let Some(resumed) = &self.resumed else { return };
        let retired = self
            .members
            .iter_mut()
            .filter(|(name, lists)| lists.is_retired && resumed.members.contains(*name));
        for (_, lists) in retired {
            for job in self.intervals.keys() {
                lists.by_job.entry(job.clone()).or_insert_with(|| {
                    self.versions = self.versions.saturating_add(1);
                    List {
                        version: self.versions,
                        changed: Changed::after(self.versions),
                        ..List::default()
                    }
                });
            }
        }
    }

    /// The handover of a target that has come again.
    pub(super) fn take_pending(&mut self, key: TargetKey) -> Option<Pending> {
        self.resumed.as_mut()?.pending.remove(&key)
    }

    /// Whether a member is to keep something that has yet to come.
    pub(super) fn is_pending(&self, member: &str) -> bool {
        let pending = self.resumed.iter().flat_map(|resumed| resumed.pending.values());
        pending.into_iter().any(|pending| pending.from.contains(member))
    }

    /// Forgets what has not come for so long.
    pub(super) fn end_resuming(&mut self, now: Instant) {
        self.resumed = self.resumed.take().filter(|resumed| now < resumed.ends);
    }
}
