//! How a state is written down: format 3.
//!
//! ```json
//! {"format": 3, "manager": "scrape", "at": 1700000000000000000, "providers": [
//!   {"config": "whatever the config is", "sets": ["node"], "first_whole": 1700000000000000000, "groups": [
//!     {"source": "racks.json:0", "changed": 1700000000000000000, "labels": {"rack": "r1"},
//!      "targets": [{"__address__": "10.0.0.1:9100"}]}]}]}
//! ```
//!
//! **The format comes first**, so that a reader knows whether it can read the rest. Times are
//! nanoseconds since the driver's epoch, which must be the same for who writes and who reads.
//! `first_whole` is missing for a provider that was never read whole; `as_of` is there for one that the process which
//! saved it had not read itself, and `"waited_out": true` for one that was waited for long enough and not read whole by then.

use core::fmt;
use core::marker::PhantomData;
use std::borrow::Cow;
use std::sync::Arc;

use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeSeq, SerializeStruct};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::group::{ReadGroup, WrittenLabels};
use super::{STATE_FORMAT, SavedProvider, SavedState};
use crate::{Encoder, Groups, Instant, Stored};

const FIELDS: [&str; 4] = ["format", "manager", "at", "providers"];

impl<C: Serialize> Serialize for SavedState<C> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("SavedState", FIELDS.len())?;
        out.serialize_field("format", &STATE_FORMAT)?;
        out.serialize_field("manager", &*self.manager)?;
        out.serialize_field("at", &self.at.as_nanos())?;
        out.serialize_field("providers", &self.providers)?;
        out.end()
    }
}

impl<C: Serialize> Serialize for SavedProvider<C> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("SavedProvider", 6)?;
        out.serialize_field("config", &*self.config)?;
        out.serialize_field("sets", &Names(&self.sets))?;
        match self.first_whole {
            Some(at) => out.serialize_field("first_whole", &at.as_nanos())?,
            None => out.skip_field("first_whole")?,
        }
        match self.as_of {
            Some(at) => out.serialize_field("as_of", &at.as_nanos())?,
            None => out.skip_field("as_of")?,
        }
        match self.waited_out {
            true => out.serialize_field("waited_out", &true)?,
            false => out.skip_field("waited_out")?,
        }
        out.serialize_field("groups", &WrittenGroups(&self.groups))?;
        out.end()
    }
}

struct Names<'a>(&'a [Arc<str>]);

impl Serialize for Names<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|name| &**name))
    }
}

struct WrittenGroups<'a>(&'a Groups);

impl Serialize for WrittenGroups<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_seq(Some(self.0.len()))?;
        for stored in self.0.iter() {
            out.serialize_element(&WrittenGroup(stored))?;
        }
        out.end()
    }
}

struct WrittenGroup<'a>(&'a Stored);

impl Serialize for WrittenGroup<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let group = self.0.group();
        let mut out = serializer.serialize_struct("Group", 4)?;
        out.serialize_field("source", group.source())?;
        out.serialize_field("changed", &self.0.changed().as_nanos())?;
        out.serialize_field("labels", &WrittenLabels(group.labels()))?;
        let targets: Vec<WrittenLabels<'_>> = group.targets().map(WrittenLabels).collect();
        out.serialize_field("targets", &targets)?;
        out.end()
    }
}

impl<'de, C: Deserialize<'de>> Deserialize<'de> for SavedState<C> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_struct("SavedState", &FIELDS, StateVisitor(PhantomData))
    }
}

struct StateVisitor<C>(PhantomData<C>);

impl<'de, C: Deserialize<'de>> Visitor<'de> for StateVisitor<C> {
    type Value = SavedState<C>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the state that a manager saved")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SavedState<C>, A::Error> {
        if map.next_key::<Cow<'de, str>>()?.as_deref() != Some("format") {
            return Err(A::Error::custom(
                "no state of a manager: it does not begin with `format`",
            ));
        }
        let format: u32 = map.next_value()?;
        if planted!(format != STATE_FORMAT, AnyFormatIsRead, false) {
            return Err(A::Error::custom(format_args!(
                "a state of format {format}, which another version wrote; this one reads format {STATE_FORMAT}"
            )));
        }
        let (mut manager, mut at, mut providers) = (None, None, None);
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            match &*key {
                "manager" => manager = Some(map.next_value::<Cow<'de, str>>()?.into()),
                "at" => at = Some(Instant::from_nanos(map.next_value()?)),
                "providers" => providers = Some(map.next_value()?),
                other => return Err(A::Error::unknown_field(other, &FIELDS)),
            }
        }
        Ok(SavedState {
            manager: manager.ok_or_else(|| A::Error::missing_field("manager"))?,
            at: at.ok_or_else(|| A::Error::missing_field("at"))?,
            providers: providers.ok_or_else(|| A::Error::missing_field("providers"))?,
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadProvider<C> {
    config: C,
    sets: Vec<String>,
    #[serde(default = "Option::default")]
    first_whole: Option<u64>,
    #[serde(default = "Option::default")]
    as_of: Option<u64>,
    #[serde(default)]
    waited_out: bool,
    groups: ReadGroups,
}

impl<'de, C: Deserialize<'de>> Deserialize<'de> for SavedProvider<C> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let ReadProvider {
            config,
            sets,
            first_whole,
            as_of,
            waited_out,
            groups,
        } = ReadProvider::deserialize(deserializer)?;
        Ok(Self {
            config: Arc::new(config),
            sets: sets.into_iter().map(Arc::from).collect(),
            first_whole: first_whole.map(Instant::from_nanos),
            as_of: as_of.map(Instant::from_nanos),
            waited_out,
            groups: groups.0,
        })
    }
}

/// Groups, encoded one by one as they are read.
struct ReadGroups(Groups);

impl<'de> Deserialize<'de> for ReadGroups {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(GroupsVisitor)
    }
}

struct GroupsVisitor;

impl<'de> Visitor<'de> for GroupsVisitor {
    type Value = ReadGroups;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of groups")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<ReadGroups, A::Error> {
        let mut encoder = Encoder::new();
        let mut batch = encoder.batch();
        let mut changed = Vec::new();
        while let Some(group) = seq.next_element::<ReadGroup>()? {
            let added = group.add_to(&mut batch);
            added.map_err(|error| A::Error::custom(format_args!("the group `{}`: {error}", group.source)))?;
            changed.push(Instant::from_nanos(group.changed));
        }
        Ok(ReadGroups(Groups::from_saved(changed.into_iter().zip(batch.finish()))))
    }
}
