//! The rules that runs are checked by, and the atlas that says which faults each endures.

use core::fmt;

use serde::Serialize;

use crate::FaultKind;

/// The rules that a run is checked by. Those with a number are the contract's; the others follow
/// from it for the way from the truth to the receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[non_exhaustive]
pub enum Rule {
    /// Equal configs are one provider.
    S01,
    /// A reload keeps what is unchanged.
    S02,
    /// A set without targets stands there empty.
    S03,
    /// An update replaces the sources that it names.
    S04,
    /// A full update removes the sources that it does not name.
    S05,
    /// A stopped provider changes nothing.
    S06,
    /// No snapshot comes sooner than the throttle allows.
    S07,
    /// Every change is in a snapshot, at most one throttle interval later.
    S08,
    /// A slow receiver gets the newest state when it is ready.
    S09,
    /// Applying a config makes a snapshot due.
    S10,
    /// A config that can't be built is said, and harms no other.
    S11,
    /// The counters count.
    S12,
    /// An update that changes nothing makes no snapshot.
    B01,
    /// A difference is what changed, and shares the rest.
    B02,
    /// A reload takes nothing away before what comes in its place has been read whole.
    B03,
    /// Each provider's health is known.
    B04,
    /// A sudden drop is held until it has stayed so or is confirmed.
    B05,
    /// A set waits for its own throttle, and for no other's.
    B06,
    /// It is known where each group comes from, and when it came.
    B07,
    /// Only a list that is whole is served as such.
    B09,
    /// Nobody is kept from what was found because a source never answers.
    B10,
    /// A list that has less is looked at twice.
    B11,
    /// A group of a list that stays keeps its source.
    B13,
    /// Snapshots are numbered without a gap.
    Versions,
    /// No target is shown long after it is gone.
    NoGhost,
    /// No target is missing long after it is there.
    NoHole,
    /// A failed poll takes no target away.
    FailureKeeps,
    /// What was saved is there after a restart, unless another version wrote it.
    Restart,
    /// What a removed provider had is given back.
    NoLeak,
    /// What becomes of a target follows from the groups that there are.
    Pools,
    /// A target is scraped once an interval, in its place.
    Scrapes,
    /// Who is a member, and who owns what, follows from what there is.
    Members,
    /// A target is taken from a member only when another has begun with it.
    Handover,
    /// In the calm, everything comes right that can.
    Converges,
    /// The reference model says the same.
    Model,
    /// What the scenario expects.
    Expectation,
    /// Nothing panics.
    NoPanic,
    /// An instant comes to its end.
    TimeGoesOn,
}

/// What sort of failure it is; each has an exit code of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureClass {
    /// Something wrong was given.
    Correctness,
    /// Something right was not given, or not in time.
    Liveness,
    /// A rule holds, but the scenario wanted more.
    Expectation,
    /// The run came to no end: something in it panicked, or went on and on at one instant.
    Panic,
}

/// What a rule demands while and after a fault has somebody (the atlas of faults).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Endures {
    /// The same as ever: the fault is no excuse.
    Always,
    /// Nothing while the fault has somebody; from when it lets go, that what is late arrives within
    /// the usual bound.
    OnceItLetsGo,
    /// The same, but what was received wrong may stay until the next connection is made.
    OnceConnectedAnew,
    /// What the scenario says, whatever its faults are.
    AsTheScenarioSays,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 38] = [
        Self::S01,
        Self::S02,
        Self::S03,
        Self::S04,
        Self::S05,
        Self::S06,
        Self::S07,
        Self::S08,
        Self::S09,
        Self::S10,
        Self::S11,
        Self::S12,
        Self::B01,
        Self::B02,
        Self::B03,
        Self::B04,
        Self::B05,
        Self::B06,
        Self::B07,
        Self::B09,
        Self::B10,
        Self::B11,
        Self::B13,
        Self::Versions,
        Self::NoGhost,
        Self::NoHole,
        Self::FailureKeeps,
        Self::Restart,
        Self::NoLeak,
        Self::Pools,
        Self::Scrapes,
        Self::Members,
        Self::Handover,
        Self::Converges,
        Self::Model,
        Self::Expectation,
        Self::NoPanic,
        Self::TimeGoesOn,
    ];

    /// What it says.
    pub const fn says(self) -> &'static str {
        match self {
            Self::S01 => "equal configs are one provider",
            Self::S02 => "a reload keeps what is unchanged",
            Self::S03 => "a set without targets stands there empty",
            Self::S04 => "an update replaces the sources that it names",
            Self::S05 => "a full update removes the sources that it does not name",
            Self::S06 => "a stopped provider changes nothing",
            Self::S07 => "no snapshot comes sooner than the throttle allows",
            Self::S08 => "every change is in a snapshot, at most one throttle interval later",
            Self::S09 => "a slow receiver gets the newest state when it is ready",
            Self::S10 => "applying a config makes a snapshot due",
            Self::S11 => "a config that can't be built is said, and harms no other",
            Self::S12 => "the counters count",
            Self::B01 => "an update that changes nothing makes no snapshot",
            Self::B02 => "a difference is what changed, and shares the rest",
            Self::B03 => "what a reload replaces stays until its successor was read whole",
            Self::B04 => "each provider's health is known",
            Self::B05 => "a sudden drop is held until it has stayed so or is confirmed",
            Self::B06 => "a set waits for its own throttle, and for no other's",
            Self::B07 => "it is known where each group comes from, and when it came",
            Self::B09 => "only a list that is whole is served as such",
            Self::B10 => "a source that never answers withholds a list for a while only",
            Self::B11 => "a list that has less is looked at twice",
            Self::B13 => "a group of a list that stays keeps its source",
            Self::Versions => "snapshots are numbered without a gap",
            Self::NoGhost => "no target is shown long after it is gone",
            Self::NoHole => "no target is missing long after it is there",
            Self::FailureKeeps => "a failed poll takes no target away",
            Self::Restart => "what was saved is there after a restart",
            Self::NoLeak => "what a removed provider had is given back",
            Self::Pools => "what becomes of a target follows from the groups that there are",
            Self::Scrapes => "a target is scraped once an interval, in its place",
            Self::Members => "who is a member, and who owns what, follows from what there is",
            Self::Handover => "a target is taken from a member only when another has begun with it",
            Self::Converges => "in the calm, everything comes right that can",
            Self::Model => "the reference model says the same",
            Self::Expectation => "what the scenario expects",
            Self::NoPanic => "nothing panics",
            Self::TimeGoesOn => "an instant comes to its end",
        }
    }

    /// What it demands of a run in which this fault happens.
    ///
    /// The rules about the manager judge it by what it was given, so nothing that goes wrong before
    /// it can excuse it. Those about the truth count from the last moment at which a fault touched
    /// the way to the receiver.
    pub const fn endures(self, fault: FaultKind) -> Endures {
        match self {
            Self::NoGhost | Self::NoHole | Self::Converges => {
                if fault.leaves_a_trace() {
                    Endures::OnceConnectedAnew
                } else {
                    Endures::OnceItLetsGo
                }
            }
            Self::Expectation => Endures::AsTheScenarioSays,
            _ => Endures::Always,
        }
    }

    /// What sort of failure it is when it is broken.
    pub const fn class(self) -> FailureClass {
        match self {
            Self::S08 | Self::S10 | Self::B10 | Self::Converges | Self::NoHole | Self::NoGhost => {
                FailureClass::Liveness
            }
            Self::Expectation => FailureClass::Expectation,
            Self::NoPanic | Self::TimeGoesOn => FailureClass::Panic,
            _ => FailureClass::Correctness,
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self {
            Self::Versions => "versions",
            Self::NoGhost => "no-ghost",
            Self::NoHole => "no-hole",
            Self::FailureKeeps => "failure-keeps",
            Self::Restart => "restart",
            Self::NoLeak => "no-leak",
            Self::Pools => "pools",
            Self::Scrapes => "scrapes",
            Self::Members => "members",
            Self::Handover => "handover",
            Self::Converges => "converges",
            Self::Model => "model",
            Self::Expectation => "expectation",
            Self::NoPanic => "no-panic",
            Self::TimeGoesOn => "time-goes-on",
            numbered => return fmt::Debug::fmt(numbered, f),
        };
        f.write_str(word)
    }
}

impl fmt::Display for Endures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Always => "every fault",
            Self::OnceItLetsGo => "every fault, once it lets go",
            Self::OnceConnectedAnew => "every fault, once connected anew",
            Self::AsTheScenarioSays => "what the scenario says",
        })
    }
}
