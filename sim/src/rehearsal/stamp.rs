//! Which host a real discoverer's target shows.
//!
//! Modelled discoverers write the label [`STAMP`], by which all oracles know hosts. **A real one's
//! targets get it on their way to the manager**: by a label in which its backend hands it through, or
//! by the address, which names the host but not its latest labels.

use std::sync::Arc;

use headcount_core::reference::{PlainGroup, PlainLabels, PlainUpdate};
use headcount_core::{Encoder, Group, Update};

use crate::DiscovererId;
use crate::engine::World;
use crate::plan::Sees;
use crate::world::render::{STAMP, read_stamp};

/// Finds a host's address, `host:port` as it is shown, in a target's labels.
pub(super) type Address = Arc<dyn Fn(&PlainLabels) -> Option<String>>;

/// How one discoverer's targets name their hosts.
#[derive(Clone)]
pub(super) enum Naming {
    /// A label holds the stamp.
    Label(String),
    /// A label holds it that not all have.
    Kept(String),
    /// Their addresses do.
    Address(Address),
}

impl Default for Naming {
    fn default() -> Self {
        Self::Address(Arc::new(|labels| labels.get("__address__").cloned()))
    }
}

/// The same groups as a discoverer found them, before their targets were stamped.
pub(super) fn unstamped(groups: &[Group]) -> Vec<Group> {
    let mut encoder = Encoder::new();
    let mut batch = encoder.batch();
    for group in groups {
        let mut plain = PlainGroup::from(group);
        for target in &mut plain.targets {
            target.remove(STAMP);
        }
        // It was a group with more labels.
        plain.encode(&mut batch).ok();
    }
    batch.finish()
}

impl Naming {
    pub(super) fn sees(&self) -> Sees {
        match self {
            Self::Label(_) | Self::Kept(_) => Sees::Labels,
            Self::Address(_) => Sees::Addresses,
        }
    }

    /// The update with stamped targets.
    ///
    /// # Errors
    /// The address of a target that no host has or had.
    pub(super) fn stamp(&self, world: &World, id: DiscovererId, update: &Update) -> Result<Update, String> {
        let mut encoder = Encoder::new();
        let mut batch = encoder.batch();
        let mut plain = PlainUpdate::from(update);
        for group in &mut plain.groups {
            if let Self::Kept(name) = self {
                let shared = &group.labels;
                group
                    .targets
                    .retain(|target| target.contains_key(name) || shared.contains_key(name));
            }
            for target in &mut group.targets {
                let stamp = self.read(world, id, target, &group.labels);
                let stamp = stamp.ok_or_else(|| format!("{target:?}"))?;
                target.insert(STAMP.to_owned(), stamp);
            }
            group.encode(&mut batch).map_err(|error| error.to_string())?;
        }
        Ok(plain.encoded(batch.finish()))
    }

    fn read(&self, world: &World, id: DiscovererId, target: &PlainLabels, shared: &PlainLabels) -> Option<String> {
        match self {
            Self::Label(name) | Self::Kept(name) => {
                let stamp = target.get(name).or_else(|| shared.get(name))?;
                read_stamp(stamp).map(|_| stamp.clone())
            }
            Self::Address(find) => {
                let found = find(target)?;
                let service = world.plan.discoverers[id.place()].service;
                let (host, version) = world.addresses.get(&(service, found))?;
                Some(format!("{}.{version}", host.0))
            }
        }
    }
}
