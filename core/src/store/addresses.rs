//! Which addresses a provider's targets have (B05).
//!
//! **The index follows the groups when it is asked for**, at the cost of what changed since. So what only adds costs
//! nothing for it, and the first loss pays for one walk over what there is.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::Groups;
use super::keep::addresses;
use crate::hash;

/// The hashes are as good as random already; the table is only ever asked, never walked.
type FixedState = core::hash::BuildHasherDefault<rapidhash::fast::RapidHasher<'static>>;

/// How many targets have each address, in one state of a provider's groups.
#[derive(Debug, Clone, Default)]
pub(crate) struct AddressIndex {
    groups: Groups,
    /// By a hash of the address.
    counts: HashMap<u64, u32, FixedState>,
}

impl AddressIndex {
    /// Is about this state from now on.
    pub(crate) fn follow(&mut self, groups: &Groups) {
        let Self { groups: before, counts } = self;
        if before.is_empty() {
            counts.reserve(groups.target_count());
        }
        for change in groups.diff(before) {
            let (old, new) = change.sides();
            for address in old.into_iter().flat_map(|stored| addresses(stored.group())) {
                if let Entry::Occupied(mut entry) = counts.entry(hash::stable(address.as_bytes())) {
                    *entry.get_mut() = entry.get().saturating_sub(1);
                    if *entry.get() == 0 {
                        entry.remove();
                    }
                }
            }
            for address in new.into_iter().flat_map(|stored| addresses(stored.group())) {
                let count = counts.entry(hash::stable(address.as_bytes())).or_default();
                *count = count.saturating_add(1);
            }
        }
        self.groups = groups.clone();
    }

    /// Whether a target has this address.
    pub(crate) fn has(&self, address: &str) -> bool {
        self.counts.contains_key(&hash::stable(address.as_bytes()))
    }
}
