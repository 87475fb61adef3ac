//! The targets that a provider shows and that are nowhere any more (B05).
//!
//! **A target is known by its `__address__`**, wherever it stands: it is lost when it is gone from its source and
//! stands in no other, of this provider or of another that its sets read. Who knows whether it does is asked; here it is
//! kept what was answered, at the cost of what changes.

use std::collections::{BTreeMap, BTreeSet};

use super::Groups;
use super::keep::{Addresses, addresses};

/// Sources by name.
pub(crate) type SourceNames = BTreeSet<Box<str>>;

/// What is lost of what a provider shows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lost {
    by_address: BTreeMap<Box<str>, LostAddress>,
    targets: usize,
    further: usize,
    /// How often losses were taken in.
    turn: u64,
}

/// An address that is lost.
#[derive(Debug, Clone)]
struct LostAddress {
    /// The sources that are shown with it, and how many targets of each have it.
    sources: Vec<(Box<str>, usize)>,
    /// Whether it was lost since the hold began.
    is_further: bool,
    /// With which losses it came.
    turn: u64,
}

impl<'a> FromIterator<&'a str> for Lost {
    /// One target of each of these addresses.
    fn from_iter<I: IntoIterator<Item = &'a str>>(addresses: I) -> Self {
        let mut lost = Self::default();
        for address in addresses {
            lost.add(address, "", false);
        }
        lost
    }
}

impl Lost {
    /// How many targets are shown that are not there.
    pub(crate) fn targets(&self) -> usize {
        self.targets
    }

    /// Those of them that were lost since the hold began, beyond what it began with.
    pub(crate) fn further(&self) -> usize {
        self.further
    }

    /// Whether a target with this address is lost.
    pub(crate) fn has(&self, address: &str) -> bool {
        self.by_address.contains_key(address)
    }

    /// Whether a target with this address is lost, and was so before losses were taken in last.
    pub(crate) fn had(&self, address: &str) -> bool {
        let lost = self.by_address.get(address);
        lost.is_some_and(|lost| lost.turn != self.turn)
    }

    /// The addresses that are lost, sorted.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = &str> {
        self.by_address.keys().map(|address| &**address)
    }

    /// The hold begins with what is lost now.
    pub(crate) fn begin(&mut self) {
        for lost in self.by_address.values_mut() {
            lost.is_further = false;
        }
        self.further = 0;
    }

    /// Takes in that a provider that shows `shown` went from `before` to `after`. Says in which sources something is
    /// lost no more that did not change themselves.
    pub(crate) fn take(
        &mut self,
        shown: &Groups,
        before: &Groups,
        after: &Groups,
        is_held: bool,
        stands: impl Fn(&str) -> bool,
    ) -> SourceNames {
        self.turn = self.turn.wrapping_add(1);
        let mut looked_at: Vec<&str> = Vec::new();
        for change in after.diff(before) {
            let Some(shown) = shown.get(change.source()) else {
                continue;
            };
            let (_, new) = change.sides();
            let new = Addresses::of(new);
            if !self.by_address.is_empty() {
                for address in addresses(shown.group()) {
                    self.subtract(address, change.source());
                    looked_at.push(address);
                }
            }
            for address in addresses(shown.group()) {
                if !new.has(address) && planted!(!stands(address), MovedIsLost, true) {
                    self.add(address, shown.group().source(), is_held);
                }
            }
        }
        let mut sources = SourceNames::new();
        if is_held {
            self.come_back(after.added_addresses(before), |_| true, &mut sources);
        }
        for address in looked_at {
            if self.by_address.get(address).is_some_and(|lost| lost.sources.is_empty()) {
                self.by_address.remove(address);
            }
        }
        sources
    }

    /// Takes in that these addresses may stand somewhere again. Says in which sources they are lost no more.
    pub(crate) fn recheck<'a>(
        &mut self,
        addresses: impl IntoIterator<Item = &'a str>,
        stands: impl Fn(&str) -> bool,
    ) -> SourceNames {
        let mut sources = SourceNames::new();
        self.come_back(addresses, stands, &mut sources);
        sources
    }

    /// The same for all of them.
    pub(crate) fn recheck_all(&mut self, stands: impl Fn(&str) -> bool) -> SourceNames {
        let all: Vec<Box<str>> = self.by_address.keys().cloned().collect();
        self.recheck(all.iter().map(|address| &**address), stands)
    }

    fn come_back<'a>(
        &mut self,
        addresses: impl IntoIterator<Item = &'a str>,
        stands: impl Fn(&str) -> bool,
        sources: &mut SourceNames,
    ) {
        for address in addresses {
            if !self.has(address) || !stands(address) {
                continue;
            }
            if let Some(lost) = self.by_address.remove(address) {
                for (source, targets) in lost.sources {
                    self.count_off(targets, lost.is_further);
                    sources.insert(source);
                }
            }
        }
    }

    fn add(&mut self, address: &str, source: &str, is_further: bool) {
        if !self.has(address) {
            let lost = LostAddress {
                sources: Vec::new(),
                is_further,
                turn: self.turn,
            };
            self.by_address.insert(address.into(), lost);
        }
        let Some(lost) = self.by_address.get_mut(address) else {
            return;
        };
        self.targets = self.targets.saturating_add(1);
        self.further = self.further.saturating_add(usize::from(lost.is_further));
        match lost.sources.iter_mut().find(|(other, _)| **other == *source) {
            Some((_, targets)) => *targets = targets.saturating_add(1),
            None => lost.sources.push((source.into(), 1)),
        }
    }

    /// What of an address is lost in a source is counted off. That it is lost stays known until the source was looked at.
    fn subtract(&mut self, address: &str, source: &str) {
        let Some(lost) = self.by_address.get_mut(address) else {
            return;
        };
        let Some(place) = lost.sources.iter().position(|(other, _)| **other == *source) else {
            return;
        };
        let (_, targets) = lost.sources.swap_remove(place);
        let is_further = lost.is_further;
        self.count_off(targets, is_further);
    }

    fn count_off(&mut self, targets: usize, is_further: bool) {
        self.targets = self.targets.saturating_sub(targets);
        let further = if is_further { targets } else { 0 };
        self.further = self.further.saturating_sub(further);
    }
}
