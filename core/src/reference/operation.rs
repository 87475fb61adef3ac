//! Operations on a world of managers, made from bytes.
//!
//! An [`Operation`] names providers by their place among those that run when it is carried out,
//! so **it is legal in any state, or illegal on purpose**, and a run from which operations were
//! taken out is still a run.

use core::time::Duration;
use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};

use super::bytes::{below, byte, one_of};
use super::options;
use super::plain::{PlainGroup, PlainKind, PlainUpdate};
use crate::{Missing, MissingPart, ProviderConfig, SetOptions, Throttle};

/// Sources whose stable hash is the same: the rarest of chances, by construction.
pub const COLLIDING_SOURCES: [&str; 3] = [
    "source-000116554collide0DxAy1QYo-the-common-tail",
    "source-000116554collide1DxAy1QYo-the-common-tail",
    "source-000116554collide2DxAy1QYo-the-common-tail",
];

const SOURCES: [&str; 6] = ["", "a", "b", "c.json:0", "http://h/", "zone/pod"];
const SETS: [&str; 4] = ["node", "", "api", "blackbox-äöü"];

/// What a provider runs in a [`World`](super::World).
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PlainConfig {
    /// The mechanism.
    pub kind: String,
    /// Tells configs of one mechanism apart.
    pub number: u8,
    /// How long it is waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incomplete_after: Option<Duration>,
}

impl PlainConfig {
    /// A config.
    pub fn new(kind: &str, number: u8) -> Self {
        Self {
            kind: kind.to_owned(),
            number,
            incomplete_after: None,
        }
    }

    /// The same, and it is waited for so long.
    #[must_use]
    pub fn awaited(self, incomplete_after: Duration) -> Self {
        Self {
            incomplete_after: Some(incomplete_after),
            ..self
        }
    }
}

impl Hash for PlainConfig {
    /// Bad on purpose: that equal configs are one must follow from their equality.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.kind.hash(state);
    }
}

impl ProviderConfig for PlainConfig {
    fn kind(&self) -> &str {
        &self.kind
    }

    fn describe(&self) -> String {
        format!("number {}", self.number)
    }

    fn incomplete_after(&self) -> Option<Duration> {
        self.incomplete_after
    }
}

/// Which provider reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pick {
    /// This one of those that run, counted round.
    Running(u8),
    /// This one of those that were stopped, counted round; without any, one that never was.
    Stopped(u8),
}

/// Something that happens to a [`World`](super::World). Managers are counted round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// A config is applied.
    Apply {
        /// To which manager.
        manager: u8,
        /// The sets and their configs; a set may be named twice.
        sets: Vec<(String, Vec<PlainConfig>)>,
    },
    /// Sets have other options.
    Options {
        /// In which manager.
        manager: u8,
        /// Those that have none of their own.
        defaults: SetOptions,
        /// Those that have.
        by_set: BTreeMap<String, SetOptions>,
    },
    /// Snapshots are throttled in another way.
    Throttle {
        /// In which manager.
        manager: u8,
        /// How.
        throttle: Throttle,
        /// Whether for each set.
        per_set: bool,
    },
    /// A provider sends an update.
    Update {
        /// To which manager.
        manager: u8,
        /// Who sends it.
        provider: Pick,
        /// What it sends.
        update: PlainUpdate,
        /// Whether its encoder is new, as after a restart of the discoverer.
        new_encoder: bool,
    },
    /// A provider sends all it has once more.
    Repeat {
        /// To which manager.
        manager: u8,
        /// Who sends it.
        provider: Pick,
        /// As what kind of update.
        kind: PlainKind,
        /// Whether its encoder is new.
        new_encoder: bool,
    },
    /// A provider's refresh fails.
    Failure {
        /// To which manager it is reported.
        manager: u8,
        /// Who fails.
        provider: Pick,
        /// How long it took, if that is known.
        took: Option<Duration>,
        /// After how long it will be tried again, if that is known.
        retry_after: Option<Duration>,
    },
    /// A discoverer can't be built.
    BuildFailure {
        /// To which manager it is reported.
        manager: u8,
        /// Whose.
        provider: Pick,
    },
    /// An operator confirms what the guard holds of a provider, or what it does not.
    Confirm {
        /// To which manager.
        manager: u8,
        /// Whose drop.
        provider: Pick,
    },
    /// A manager ends, and another one starts in its place.
    Restart {
        /// Which one.
        manager: u8,
        /// With what it had.
        saved: bool,
    },
    /// The receiver takes its snapshot, or says that it is ready when it was.
    ReceiverTakes {
        /// Whose receiver.
        manager: u8,
    },
    /// A manager is woken, deadline or not.
    Wake {
        /// Which one.
        manager: u8,
    },
    /// Time passes, and the driver meets each deadline.
    Advance(Duration),
    /// Time passes, and the driver sleeps through all deadlines.
    Oversleep(Duration),
}

impl Operation {
    /// Reads an operation off the front of `bytes`; `None` at their end.
    pub fn from_bytes(bytes: &mut &[u8]) -> Option<Self> {
        if bytes.is_empty() {
            return None;
        }
        let choice = below(bytes, 32);
        let manager = byte(bytes);
        Some(match choice {
            0..=3 => Self::Apply {
                manager,
                sets: sets(bytes),
            },
            4..=11 => Self::Update {
                manager,
                provider: pick(bytes),
                update: update(bytes),
                new_encoder: below(bytes, 4) == 3,
            },
            12 | 13 => Self::Update {
                manager,
                provider: pick(bytes),
                update: bulk_update(bytes),
                new_encoder: below(bytes, 4) == 3,
            },
            14 | 15 => Self::Repeat {
                manager,
                provider: pick(bytes),
                kind: kind(bytes),
                new_encoder: below(bytes, 2) == 1,
            },
            16 | 17 => Self::Failure {
                manager,
                provider: pick(bytes),
                took: took(bytes),
                retry_after: took(bytes),
            },
            18 => Self::BuildFailure {
                manager,
                provider: pick(bytes),
            },
            19..=23 => Self::ReceiverTakes { manager },
            24 if manager > 127 => Self::Confirm {
                manager,
                provider: pick(bytes),
            },
            24 if manager > 63 => Self::Options {
                manager,
                defaults: options::set_options(bytes),
                by_set: (0..below(bytes, 3))
                    .map(|_| (one_of(bytes, &SETS, "").to_owned(), options::set_options(bytes)))
                    .collect(),
            },
            24 => Self::Wake { manager },
            25 if manager > 191 => Self::Restart {
                manager,
                saved: below(bytes, 4) > 0,
            },
            25 if manager > 159 => Self::Throttle {
                manager,
                throttle: options::throttle(bytes),
                per_set: below(bytes, 2) == 1,
            },
            25 => Self::Oversleep(duration(bytes)),
            _ => Self::Advance(duration(bytes)),
        })
    }
}

fn pick(bytes: &mut &[u8]) -> Pick {
    let choice = byte(bytes);
    match choice % 8 {
        7 => Pick::Stopped(choice / 8),
        _ => Pick::Running(choice / 8),
    }
}

/// A delta or a full update more often than not.
fn kind(bytes: &mut &[u8]) -> PlainKind {
    let choice = byte(bytes);
    let parts = (0..=choice >> 6).map(|number| MissingPart::new(format!("zone {number}"), "HTTP 503"));
    match (choice % 8, Missing::of(parts)) {
        (0 | 2 | 4, _) => PlainKind::Delta,
        (6, Some(missing)) => PlainKind::Partial(missing),
        (5, _) => PlainKind::Completing,
        _ => PlainKind::Full,
    }
}

fn took(bytes: &mut &[u8]) -> Option<Duration> {
    let millis = byte(bytes);
    (millis > 127).then(|| Duration::from_millis(u64::from(millis)))
}

/// From nothing over the edges of the throttles' intervals to minutes.
fn duration(bytes: &mut &[u8]) -> Duration {
    const MILLIS: [u64; 12] = [0, 1, 49, 50, 100, 150, 151, 1_000, 4_999, 5_000, 5_001, 60_000];
    let millis = one_of(bytes, &MILLIS, 0);
    Duration::from_millis(millis) + Duration::from_nanos(u64::from(below(bytes, 3)))
}

fn sets(bytes: &mut &[u8]) -> Vec<(String, Vec<PlainConfig>)> {
    let count = below(bytes, 5);
    let configs = |bytes: &mut &[u8]| {
        let count = below(bytes, 4);
        (0..count).map(|_| config(bytes)).collect()
    };
    (0..count)
        .map(|_| (one_of(bytes, &SETS, "").to_owned(), configs(bytes)))
        .collect()
}

fn config(bytes: &mut &[u8]) -> PlainConfig {
    let choice = byte(bytes);
    let config = PlainConfig::new(if choice & 1 == 0 { "file" } else { "http" }, (choice >> 1) % 3);
    match (config.kind.as_str(), config.number) {
        ("http", 2) => config.awaited(Duration::from_secs(4)),
        ("file", 1) => config.awaited(Duration::from_secs(120)),
        _ => config,
    }
}

fn update(bytes: &mut &[u8]) -> PlainUpdate {
    let kind = kind(bytes);
    let count = below(bytes, 5);
    PlainUpdate {
        kind,
        duration: took(bytes),
        groups: (0..count).map(|_| group(bytes)).collect(),
    }
}

/// Many groups at once, so that maps get more than one level. Also removes as many.
fn bulk_update(bytes: &mut &[u8]) -> PlainUpdate {
    let kind = kind(bytes);
    let (first, count, step) = (byte(bytes), below(bytes, 128), below(bytes, 3) + 1);
    let version = below(bytes, 4);
    let target = |number: u32| {
        labels([
            ("__address__", format!("10.1.0.{number}")),
            ("version", version.to_string()),
        ])
    };
    let group = |place: u8| {
        let number = u32::from(first) + u32::from(place) * u32::from(step);
        PlainGroup {
            source: format!("bulk/{number}"),
            labels: labels([("job", "bulk".to_owned())]),
            targets: if version == 3 { Vec::new() } else { vec![target(number)] },
        }
    };
    PlainUpdate {
        kind,
        duration: None,
        groups: (0..count).map(group).collect(),
    }
}

fn group(bytes: &mut &[u8]) -> PlainGroup {
    let sources = [SOURCES.as_slice(), COLLIDING_SOURCES.as_slice()].concat();
    let source = one_of(bytes, &sources, "").to_owned();
    let shape = byte(bytes);
    let mut shared = BTreeMap::new();
    if shape & 1 == 1 {
        shared.insert("job".to_owned(), value(shape >> 1));
    }
    if shape & 8 == 8 {
        shared.insert("__meta_zone".to_owned(), value(shape >> 3));
    }
    PlainGroup {
        source,
        labels: shared,
        targets: (0..shape >> 6).map(|_| target(bytes)).collect(),
    }
}

fn target(bytes: &mut &[u8]) -> BTreeMap<String, String> {
    let choice = byte(bytes);
    let mut target = labels([("__address__", format!("10.0.0.{}:9100", choice % 16))]);
    match choice >> 4 {
        0..=9 => {}
        10 => target.clear(),
        11 => {
            target.remove("__address__");
            target.insert("ä".to_owned(), value(choice));
        }
        // A label that the group has, too.
        12 => {
            target.insert("job".to_owned(), value(choice));
        }
        _ => {
            target.insert("pod".to_owned(), value(choice));
        }
    }
    target
}

fn value(choice: u8) -> String {
    let values = [
        "",
        "x",
        "value",
        "another value",
        "ünï",
        "a value long enough to be shared",
    ];
    let place = usize::from(choice) % values.len();
    values.get(place).copied().unwrap_or("").to_owned()
}

fn labels<const N: usize>(pairs: [(&str, String); N]) -> BTreeMap<String, String> {
    pairs
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash;

    #[test]
    fn the_colliding_sources_collide() {
        let mut hashes: Vec<_> = COLLIDING_SOURCES
            .iter()
            .map(|source| hash::stable(source.as_bytes()))
            .collect();
        hashes.dedup();
        assert_eq!(hashes.len(), 1);
        assert_ne!(
            hash::stable(b"source-000116554collide0"),
            hash::stable(b"source-000116554collide1")
        );
    }

    #[test]
    fn every_sort_of_operation_can_be_made() {
        let made = |(choice, manager)| Operation::from_bytes(&mut [choice, manager, 200, 200].as_slice());
        let sorts: std::collections::HashSet<_> = (0..32)
            .flat_map(|choice| [0, 100, 170, 200].map(|manager| (choice, manager)))
            .filter_map(made)
            .map(|operation| core::mem::discriminant(&operation))
            .collect();
        assert_eq!(sorts.len(), 13);
        assert_eq!(Operation::from_bytes(&mut [].as_slice()), None);
    }
}
