//! Targets that members scrape though they are on their lists no more, because they were not told so yet.
//!
//! One that goes from a member, and comes back and goes again before the member asks, was on no list that the member was sent
//! since; but **it has scraped it all along**, and goes on until it is told.
//!
//! ```text
//!  a is sent k    k is b's, who has begun    k is a's again    k is c's        a asks
//!  ──┬─────────────────────┬──────────────────────┬───────────────┬───────────────┬──▶
//!    │ a scrapes it                                               │ a keeps it until c has begun
//! ```

use std::collections::{BTreeMap, BTreeSet};

use super::{MemberJob, TargetKey};

/// Who scrapes what, and was not told yet that it is not to.
#[derive(Debug, Default)]
pub(super) struct Untold {
    members: BTreeMap<TargetKey, BTreeSet<MemberJob>>,
    keys: BTreeMap<MemberJob, BTreeSet<TargetKey>>,
}

impl Untold {
    /// A target is taken from a list that its member was sent.
    pub(super) fn add(&mut self, of: MemberJob, key: TargetKey) {
        self.members.entry(key).or_default().insert(of.clone());
        self.keys.entry(of).or_default().insert(key);
    }

    /// Whether a member scrapes a target that was taken from it.
    pub(super) fn has(&self, member: &str, key: TargetKey) -> bool {
        let members = self.members.get(&key).into_iter().flatten();
        members.into_iter().any(|(name, _)| **name == *member)
    }

    /// A member was sent its list, as it is.
    pub(super) fn told(&mut self, of: &MemberJob) {
        for key in self.keys.remove(of).into_iter().flatten() {
            self.forget(&key, of);
        }
    }

    /// A target is gone, and nobody's to scrape.
    pub(super) fn gone(&mut self, key: TargetKey) {
        for of in self.members.remove(&key).into_iter().flatten() {
            if let Some(keys) = self.keys.get_mut(&of) {
                keys.remove(&key);
                if keys.is_empty() {
                    self.keys.remove(&of);
                }
            }
        }
    }

    fn forget(&mut self, key: &TargetKey, of: &MemberJob) {
        if let Some(members) = self.members.get_mut(key) {
            members.remove(of);
            if members.is_empty() {
                self.members.remove(key);
            }
        }
    }
}
