//! A pod on its own, for who has pods and no cluster to look anything up in.

use headcount_core::{Batch, GroupError};

use super::kind::Kind;
use super::labels::{Families, Surroundings, add_group};
use super::object::{Object, namespace_of};
use super::settings::Attach;

/// A pod, and the group that it makes.
pub(crate) struct PodGroup {
    /// `namespace/name`.
    key: String,
    object: Object,
}

impl PodGroup {
    /// Reads a pod; nothing if it makes no sense.
    pub(crate) fn read(json: &[u8]) -> Option<Self> {
        let named = Object::read(Kind::Pod, json).ok()?;
        Some(Self {
            key: named.key,
            object: named.object,
        })
    }

    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    pub(crate) fn namespace(&self) -> &str {
        namespace_of(&self.key).unwrap_or_default()
    }

    /// Whether it has targets.
    pub(crate) fn has_address(&self) -> bool {
        matches!(&self.object, Object::Pod(pod) if !pod.ip.is_empty())
    }

    /// Adds its group, with the source and the labels of the role `pod`.
    pub(crate) fn add(&self, batch: &mut Batch<'_>) -> Result<(), GroupError> {
        let (nothing, families) = (|_: Kind, _: &str| None, Families::default());
        let mut around = Surroundings::new(&nothing, &families);
        let source = format!("{}/{}", Kind::Pod.name(), self.key);
        add_group(batch, &source, &self.object, Attach::default(), &mut around)
    }
}
