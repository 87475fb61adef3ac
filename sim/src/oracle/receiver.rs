//! What the receiver knows, held against the truth.
//!
//! For each discoverer and host: which version the receiver has. **Costs what changes**: a change
//! of the truth opens an entry for each discoverer that should tell of it, a snapshot's
//! difference closes those that it brings up to date.

use std::collections::BTreeMap;

use headcount_core::{GroupChange, Instant, Snapshot, Stored};

use crate::plan::Plan;
use crate::world::render::{read_target, visible_version};
use crate::world::truth::Truth;
use crate::{BackendKind, DiscovererId, HostId, Span};

/// What the receiver knows.
#[derive(Debug, Clone)]
pub(crate) struct Receiver {
    kinds: Vec<BackendKind>,
    /// By discoverer: the hosts that it shows, as of which version.
    known: Vec<BTreeMap<HostId, u32>>,
    /// What differs from the truth, and since when.
    open: BTreeMap<(DiscovererId, HostId), Instant>,
    targets: u64,
}

/// What a snapshot told the receiver.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) learned: Vec<Learned>,
    pub(crate) groups: u64,
    pub(crate) bytes: u64,
    pub(crate) targets: u64,
}

/// A host that the receiver learned something about.
#[derive(Debug)]
pub(crate) struct Learned {
    pub(crate) discoverer: DiscovererId,
    pub(crate) host: HostId,
    pub(crate) version: Option<u32>,
    pub(crate) staleness: Option<Span>,
}

impl Receiver {
    pub(crate) fn new(plan: &Plan) -> Self {
        Self {
            kinds: plan.discoverers.iter().map(|discoverer| discoverer.kind).collect(),
            known: vec![BTreeMap::new(); plan.discoverers.len()],
            open: BTreeMap::new(),
            targets: 0,
        }
    }

    /// How many hosts the receiver knows otherwise than they are.
    pub(crate) fn open(&self) -> u64 {
        self.open.len() as u64
    }

    /// The truth about a host changed just now.
    pub(crate) fn truth_changed(&mut self, discoverer: DiscovererId, host: HostId, truth: &Truth) {
        if self.should_know(discoverer, host, truth) == self.known[discoverer.place()].get(&host).copied() {
            self.open.remove(&(discoverer, host));
        } else {
            self.open.entry((discoverer, host)).or_insert(truth.changed(host));
        }
    }

    /// A snapshot was handed over.
    pub(crate) fn take(
        &mut self,
        newer: &Snapshot,
        older: &Snapshot,
        truth: &Truth,
        providers: &[DiscovererId],
        now: Instant,
    ) -> Told {
        let mut told = Told::default();
        let mut touched: Vec<(DiscovererId, HostId)> = Vec::new();
        for pool in newer.diff(older).pools() {
            let Some(&discoverer) = providers.get(pool.id().number() as usize) else {
                continue;
            };
            let (mut gone, mut here) = (Vec::new(), Vec::new());
            for change in pool.groups() {
                told.groups += 1;
                let (old, new) = match change {
                    GroupChange::Added(new) => (None, Some(new)),
                    GroupChange::Removed(old) => (Some(old), None),
                    GroupChange::Changed { old, new } => (Some(old), Some(new)),
                };
                if let Some(old) = old {
                    gone.extend(targets(old).filter_map(|target| target.0));
                }
                for (stamp, bytes) in new.into_iter().flat_map(targets) {
                    here.extend(stamp);
                    told.bytes += bytes;
                }
            }
            let known = &mut self.known[discoverer.place()];
            let before = known.len() as u64;
            for (host, version) in &gone {
                known.remove(host);
                touched.push((discoverer, *host));
                if here.contains(&(*host, *version)) {
                    touched.pop();
                }
            }
            for (host, version) in here {
                if !gone.contains(&(host, version)) {
                    touched.push((discoverer, host));
                }
                known.insert(host, version);
            }
            self.targets = self.targets + known.len() as u64 - before;
        }
        touched.sort_unstable();
        touched.dedup();
        for (discoverer, host) in touched {
            let version = self.known[discoverer.place()].get(&host).copied();
            let right = version == self.should_know(discoverer, host, truth);
            let since = if right {
                self.open.remove(&(discoverer, host))
            } else {
                self.open.entry((discoverer, host)).or_insert(truth.changed(host));
                None
            };
            told.learned.push(Learned {
                discoverer,
                host,
                version,
                staleness: since.map(|since| Span::from_nanos(now.as_nanos() - since.as_nanos())),
            });
        }
        told.targets = self.targets;
        told
    }

    /// The version that the receiver has if it has the truth; none, if the host is gone.
    fn should_know(&self, discoverer: DiscovererId, host: HostId, truth: &Truth) -> Option<u32> {
        let row = truth.row(host)?;
        Some(visible_version(self.kinds[discoverer.place()], &row))
    }
}

/// The targets of a group: which host each shows as of which version, and how many bytes it has.
fn targets(stored: &Stored) -> impl Iterator<Item = (Option<(HostId, u32)>, u64)> {
    stored.group().targets().map(read_target)
}
