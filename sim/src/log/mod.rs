//! The input log of a run: everything that was decided, in a file of its own.
//!
//! A seed repeats a run only as long as its random numbers are drawn in the same way; **a log
//! repeats it without drawing decisions**, so it survives changes of the generators, and a shrinker can leave parts
//! of it out. The file has one JSON value a line: a header with the scenario and the seed of the
//! noise, then [`Input`]s in their order, with a [`Link`] of the run's hash chain now and then,
//! and at its end an [`End`], by which a log that was cut off is known.
//!
//! ```
//! use headcount_sim::{Backend, BackendKind, Churn, Discoverers, InputLog, Ratio, Scenario, Span};
//!
//! let scenario = Scenario::new("an hour")
//!     .backend(Backend::new("cmdb", BackendKind::Http))
//!     .discoverers(Discoverers::of("cmdb"))
//!     .churn(Churn::steady(Ratio::percent(10), Span::mins(1)));
//! let (log, outcome) = InputLog::record(&scenario, 7)?;
//! let text = log.to_string();
//! let replayed = InputLog::read(&text)?.run()?;
//! assert_eq!(replayed.outcome.hash, outcome.hash);
//! assert!(replayed.differs.is_none());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod read;
mod write;

pub use read::LogError;

use core::fmt;

use headcount_core::Manager;
use serde::{Deserialize, Serialize};

use crate::{Input, Outcome, Problems, Recorder, Scenario, Simulation, Span, Spec, Subject};

/// How many events there are between two links of a log's hash chain.
pub const EVENTS_PER_LINK: u64 = 10_000;

/// Everything that was decided in a run, and what the run came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputLog {
    /// What the run was about. Its decisions are not drawn when the log is replayed.
    pub scenario: Scenario,
    /// The seed of the noise.
    pub seed: u64,
    /// What was decided, by time.
    pub inputs: Vec<Input>,
    /// The hash chain of the run that wrote the log; empty if the log was not written by one.
    pub links: Vec<Link>,
    /// What the run that wrote the log came to; none if the log was not written by one.
    pub end: Option<End>,
}

/// A link of a run's hash chain: what it had come to after so many events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// How many events had been traced by then.
    pub events: u64,
    /// When that was.
    pub at: Span,
    /// The hash of all inputs, all outputs and the state by then.
    #[serde(with = "hex")]
    pub hash: u64,
}

/// What the run that wrote a log came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct End {
    /// How many inputs the log has.
    pub inputs: u64,
    /// How far the run got.
    pub at: Span,
    /// The run's [`Outcome::hash`].
    #[serde(with = "hex")]
    pub hash: u64,
}

/// What the replay of a log came to.
#[derive(Debug, Clone)]
pub struct Replayed {
    /// What the run came to.
    pub outcome: Outcome,
    /// Where it differs from the run that wrote the log, if it does.
    pub differs: Option<Differs>,
}

/// Where a replay differs from the run that wrote the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Differs {
    /// The last link in which both agree; none if they differ from the start.
    pub agreed: Option<Link>,
    /// The first link of the log in which they don't; none if it is the end that differs.
    pub wanted: Option<Link>,
}

impl fmt::Display for Differs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the replay is not the run that wrote the log: they agree ")?;
        match self.agreed {
            Some(link) => write!(f, "up to event {} at {}", link.events, link.at)?,
            None => f.write_str("at the start")?,
        }
        match self.wanted {
            Some(link) => write!(f, ", and no longer at event {} at {}", link.events, link.at),
            None => f.write_str(", and no longer at the end"),
        }
    }
}

impl InputLog {
    /// A log of these inputs, which no run has written.
    pub fn new(scenario: Scenario, seed: u64, inputs: Vec<Input>) -> Self {
        Self {
            scenario,
            seed,
            inputs,
            links: Vec::new(),
            end: None,
        }
    }

    /// Runs a scenario under the core's manager, and writes down what is decided.
    ///
    /// # Errors
    /// Everything in the scenario that makes no sense.
    pub fn record(scenario: &Scenario, seed: u64) -> Result<(Self, Outcome), Problems> {
        Self::record_of::<Manager<Spec>>(scenario, seed)
    }

    /// The same under a manager of one's own.
    ///
    /// # Errors
    /// Everything in the scenario that makes no sense.
    pub fn record_of<M: Subject>(scenario: &Scenario, seed: u64) -> Result<(Self, Outcome), Problems> {
        let recorder = Recorder::new(Simulation::<M>::of(scenario, seed)?, EVENTS_PER_LINK);
        Ok(recorder.run())
    }

    /// A run from the log, at its start.
    ///
    /// # Errors
    /// Everything in the scenario that makes no sense.
    pub fn simulation<M: Subject>(&self) -> Result<Simulation<M>, Problems> {
        Simulation::replay(&self.scenario, self.seed, self.inputs.clone())
    }

    /// Runs the log under the core's manager, and compares with the run that wrote it.
    ///
    /// # Errors
    /// Everything in the scenario that makes no sense.
    pub fn run(&self) -> Result<Replayed, Problems> {
        self.run_of::<Manager<Spec>>()
    }

    /// The same under a manager of one's own.
    ///
    /// # Errors
    /// Everything in the scenario that makes no sense.
    pub fn run_of<M: Subject>(&self) -> Result<Replayed, Problems> {
        let (again, outcome) = Recorder::new(self.simulation::<M>()?, EVENTS_PER_LINK).run();
        Ok(Replayed {
            differs: self.differs(&again),
            outcome,
        })
    }

    /// Where the run that wrote `again` differs from the one that wrote this log.
    pub fn differs(&self, again: &Self) -> Option<Differs> {
        let same = self
            .links
            .iter()
            .zip(&again.links)
            .take_while(|(one, other)| one == other);
        let same = same.count();
        let agreed = same.checked_sub(1).and_then(|last| self.links.get(last)).copied();
        let wanted = self.links.get(same).copied();
        let other_end = self.end.is_some_and(|end| again.end.is_some_and(|other| other != end));
        (wanted.is_some() || other_end).then_some(Differs { agreed, wanted })
    }
}

/// Hashes as 16 hexadecimal digits: JSON's numbers are too short for them elsewhere.
mod hex {
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(hash: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{hash:016x}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        let text = String::deserialize(deserializer)?;
        u64::from_str_radix(&text, 16).map_err(|_| de::Error::custom(format!("`{text}` is not 16 hexadecimal digits")))
    }
}

#[cfg(test)]
mod tests;
