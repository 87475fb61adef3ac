//! Groups and updates in full: maps of strings, nothing shared.

use core::time::Duration;
use std::collections::BTreeMap;

use crate::{Batch, Group, GroupError, Instant, LabelSet, Missing, Stored, Update, UpdateKind};

/// A label set in full.
pub type PlainLabels = BTreeMap<String, String>;

/// A [`Group`] in full.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct PlainGroup {
    /// What it came from.
    pub source: String,
    /// The labels that all targets share.
    pub labels: PlainLabels,
    /// The targets; a [`Group`] has them sorted.
    pub targets: Vec<PlainLabels>,
}

impl PlainGroup {
    /// The same group with its targets in the order in which a [`Group`] has them.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        self.targets.sort();
        self
    }

    /// Adds the group to a batch, targets in the order in which they stand here.
    ///
    /// # Errors
    /// Those of [`Batch::group`].
    pub fn encode(&self, batch: &mut Batch<'_>) -> Result<(), GroupError> {
        batch.group(&self.source, &self.labels, &self.targets)
    }
}

impl From<&Group> for PlainGroup {
    fn from(group: &Group) -> Self {
        Self {
            source: group.source().to_owned(),
            labels: plain_labels(group.labels()),
            targets: group.targets().map(plain_labels).collect(),
        }
    }
}

/// A group as it is stored, with which update put it there, when (B07).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlainStored {
    /// The group.
    pub group: PlainGroup,
    /// When it became what it is.
    pub changed: Instant,
    /// The number of the provider's update that made it so.
    pub update: u64,
}

impl From<&Stored> for PlainStored {
    fn from(stored: &Stored) -> Self {
        Self {
            group: PlainGroup::from(stored.group()),
            changed: stored.changed(),
            update: stored.update(),
        }
    }
}

/// An [`Update`] in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlainUpdate {
    /// What it says of the sources that it does not name.
    pub kind: PlainKind,
    /// The groups, in order.
    pub groups: Vec<PlainGroup>,
    /// How long the refresh took, where that is known.
    pub duration: Option<Duration>,
}

/// An [`UpdateKind`], with what it comes with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlainKind {
    /// [`Update::full`].
    Full,
    /// [`Update::delta`].
    Delta,
    /// [`Update::completing`].
    Completing,
    /// [`Update::partial`].
    Partial(Missing),
}

impl PlainUpdate {
    /// The update with these groups in the place of its own, which they have to be, encoded.
    pub fn encoded(&self, groups: Vec<Group>) -> Update {
        let update = match &self.kind {
            PlainKind::Full => Update::full(groups),
            PlainKind::Delta => Update::delta(groups),
            PlainKind::Completing => Update::completing(groups),
            PlainKind::Partial(missing) => Update::partial(groups, missing.clone()),
        };
        match self.duration {
            Some(duration) => update.took(duration),
            None => update,
        }
    }
}

impl From<&Update> for PlainUpdate {
    fn from(update: &Update) -> Self {
        let kind = match (update.kind(), update.missing()) {
            (_, Some(missing)) => PlainKind::Partial(missing.clone()),
            (UpdateKind::Full, None) => PlainKind::Full,
            (UpdateKind::Completing, None) => PlainKind::Completing,
            (UpdateKind::Delta | UpdateKind::Partial, None) => PlainKind::Delta,
        };
        Self {
            kind,
            groups: update.groups().iter().map(PlainGroup::from).collect(),
            duration: update.duration(),
        }
    }
}

fn plain_labels(labels: LabelSet<'_>) -> PlainLabels {
    labels
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}
