//! A group in full, as states and recordings have it.

use core::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Batch, Group, GroupError, LabelSet};

/// A group as it is read: its labels as they come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReadGroup {
    pub(crate) source: String,
    /// When it changed, in a state.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) changed: u64,
    labels: ReadLabels,
    targets: Vec<ReadLabels>,
}

impl ReadGroup {
    pub(crate) fn of(group: &Group) -> Self {
        Self {
            source: group.source().to_owned(),
            changed: 0,
            labels: ReadLabels::of(group.labels()),
            targets: group.targets().map(ReadLabels::of).collect(),
        }
    }

    pub(crate) fn add_to(&self, batch: &mut Batch<'_>) -> Result<(), GroupError> {
        let targets = self.targets.iter().map(ReadLabels::pairs);
        batch.group(&self.source, self.labels.pairs(), targets)
    }
}

/// The labels of a group, as a map.
pub(super) struct WrittenLabels<'a>(pub(super) LabelSet<'a>);

impl Serialize for WrittenLabels<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0)
    }
}

/// Labels as they come; the encoder sorts them.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ReadLabels(Vec<(String, String)>);

impl ReadLabels {
    fn of(labels: LabelSet<'_>) -> Self {
        Self(
            labels
                .iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        )
    }

    fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl Serialize for ReadLabels {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.pairs())
    }
}

impl<'de> Deserialize<'de> for ReadLabels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(LabelsVisitor)
    }
}

struct LabelsVisitor;

impl<'de> Visitor<'de> for LabelsVisitor {
    type Value = ReadLabels;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of labels")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ReadLabels, A::Error> {
        let mut labels = Vec::new();
        while let Some(label) = map.next_entry()? {
            labels.push(label);
        }
        Ok(ReadLabels(labels))
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}
