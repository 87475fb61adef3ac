//! Why targets of a provider are gone: those that were held and let go, and the others.
//!
//! **Each target has its own cause**: what is seen of a provider at once may have happened one thing after another.

use std::collections::{BTreeMap, BTreeSet};

use super::entry::Cause;
use crate::{Instant, LetGo, ManagerEvent, ProviderId, ProviderSnapshot, Release};

/// What was let go since a snapshot, of each provider, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Released {
    drops: BTreeMap<ProviderId, Vec<(Instant, LetGo, Release)>>,
    expired: BTreeSet<(ProviderId, Instant)>,
}

/// Why targets of a provider went.
#[derive(Debug, Clone, Copy)]
pub(super) struct Went<'a> {
    /// Why those did that were not held.
    cause: Cause,
    drops: &'a [(Instant, LetGo, Release)],
}

impl Released {
    /// A drop is held no more.
    pub(super) fn add(&mut self, event: &ManagerEvent, held: &LetGo, why: Release) {
        let drops = self.drops.entry(event.provider).or_default();
        drops.push((event.at, held.clone(), why));
    }

    /// All that a provider had is too old.
    pub(super) fn add_expired(&mut self, event: &ManagerEvent) {
        self.expired.insert((event.provider, event.at));
    }

    /// Takes out what came after this.
    pub(super) fn split_after(&mut self, at: Instant) -> Self {
        let mut later = Self::default();
        for (id, drops) in &mut self.drops {
            let split = drops.partition_point(|(released, ..)| *released <= at);
            let rest = drops.split_off(split);
            if !rest.is_empty() {
                later.drops.insert(*id, rest);
            }
        }
        later.expired = self.expired.extract_if(.., |(_, expired)| *expired > at).collect();
        later
    }

    /// Why targets of a provider went that is so `now`.
    pub(super) fn why(&self, now: &ProviderSnapshot) -> Went<'_> {
        let id = now.id();
        let first = self.expired.range((id, Instant::ZERO)..).next();
        let has_expired = first.is_some_and(|(expired, _)| *expired == id);
        // Where it was heard of again, what is gone all the same is gone because of what it said.
        if has_expired && now.reports().expired.is_some() {
            return Went {
                cause: Cause::Expired,
                drops: &[],
            };
        }
        Went {
            cause: Cause::Update,
            drops: self.drops.get(&id).map(Vec::as_slice).unwrap_or_default(),
        }
    }
}

impl Went<'_> {
    /// The cause of all targets, if they have one.
    pub(super) fn of_all(&self) -> Option<Cause> {
        self.drops.is_empty().then_some(self.cause)
    }

    /// The cause of targets with this address. One that was let go, came back and went again was not seen to come back.
    pub(super) fn of(&self, address: &str) -> Cause {
        let last = self.drops.iter().rfind(|(_, held, _)| held.has(address));
        match last {
            None => self.cause,
            Some((_, _, Release::Expired)) => Cause::Expired,
            Some((_, _, why)) => Cause::Released(*why),
        }
    }
}
