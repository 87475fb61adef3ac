//! Two runs side by side: where they first part, and what that came to.
//!
//! Both are walked event by event, so **the first event that differs is known with what stands
//! in its place on the other side**. The same scenario twice must never part; two scenarios that
//! differ in one setting part where the setting first matters, because they share their noise.

use core::fmt;
use std::collections::VecDeque;

use headcount_core::Manager;
use serde::Serialize;

use crate::record::Digest;
use crate::{Outcome, Problems, Scenario, Simulation, Span, Spec, Subject, Traced};

/// Two runs, compared.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    /// What the first run came to.
    pub first: Outcome,
    /// What the second run came to.
    pub second: Outcome,
    /// Where they part, if they do.
    pub divergence: Option<Divergence>,
}

/// Where two runs part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Divergence {
    /// How many events are the same before it.
    pub after: u64,
    /// What differs.
    pub what: Parted,
}

/// What differs between two runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Parted {
    /// Other events: what the first run does, and what the second one does; none if it is over.
    Events(Option<Traced>, Option<Traced>),
    /// The same events, and another state: the hashes of both, at this moment.
    State(Span, u64, u64),
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            Parted::Events(first, second) => {
                writeln!(f, "the runs part at event {}", self.after + 1)?;
                writeln!(f, "  first:  {}", Side(first.as_ref()))?;
                write!(f, "  second: {}", Side(second.as_ref()))
            }
            Parted::State(at, first, second) => write!(
                f,
                "the runs have the same {} events, but at {at} their states differ\n  first:  {first:016x}\n  second: {second:016x}",
                self.after
            ),
        }
    }
}

struct Side<'a>(Option<&'a Traced>);

impl fmt::Display for Side<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("nothing more"),
            Some(traced) => write!(f, "at {}: {:?}", traced.at, traced.event),
        }
    }
}

/// Runs a scenario twice under the core's manager, and says where both part: with a manager that
/// is deterministic (B08), nowhere. States are compared after each `every` events.
///
/// # Errors
/// Everything in the scenario that makes no sense.
pub fn twice(scenario: &Scenario, seed: u64, every: u64) -> Result<Comparison, Problems> {
    twice_of::<Manager<Spec>>(scenario, seed, every)
}

/// The same under a manager of one's own.
///
/// # Errors
/// Everything in the scenario that makes no sense.
pub fn twice_of<M: Subject>(scenario: &Scenario, seed: u64, every: u64) -> Result<Comparison, Problems> {
    let first = Simulation::<M>::of(scenario, seed)?;
    Ok(compare(first, Simulation::<M>::of(scenario, seed)?, every))
}

/// Runs both to their ends, and says where they first part. States are compared after each
/// `every` events of both; with zero, never.
pub fn compare<A: Subject, B: Subject>(first: Simulation<A>, second: Simulation<B>, every: u64) -> Comparison {
    let (mut first, mut second) = (Walk::new(first), Walk::new(second));
    let (mut after, mut divergence) = (0_u64, None);
    while divergence.is_none() {
        let parted = match (first.next(), second.next()) {
            (None, None) => break,
            (one, other) if one != other => Some(Parted::Events(one, other)),
            _ => {
                after += 1;
                let is_due = every > 0 && after.is_multiple_of(every);
                is_due.then(|| first.other_state(&second)).flatten()
            }
        };
        divergence = parted.map(|what| Divergence { after, what });
    }
    if divergence.is_none() && every > 0 {
        divergence = first.other_state(&second).map(|what| Divergence { after, what });
    }
    Comparison {
        first: first.finish(),
        second: second.finish(),
        divergence,
    }
}

/// A run as a sequence of events.
struct Walk<M> {
    simulation: Simulation<M>,
    events: VecDeque<Traced>,
}

impl<M: Subject> Walk<M> {
    fn new(mut simulation: Simulation<M>) -> Self {
        simulation.listen(true);
        Self {
            simulation,
            events: VecDeque::new(),
        }
    }

    fn next(&mut self) -> Option<Traced> {
        while self.events.is_empty() {
            let any = self.simulation.step();
            self.events.extend(self.simulation.take_events());
            if !any {
                break;
            }
        }
        self.events.pop_front()
    }

    fn other_state<B: Subject>(&self, other: &Walk<B>) -> Option<Parted> {
        let (mut one, mut two) = (Digest::default(), Digest::default());
        one.state(&self.simulation);
        two.state(&other.simulation);
        let differ = one.hash() != two.hash();
        differ.then(|| Parted::State(self.simulation.now(), one.hash(), two.hash()))
    }

    fn finish(mut self) -> Outcome {
        self.simulation.listen(false);
        self.simulation.run_until(self.simulation.scenario().until);
        self.simulation.outcome()
    }
}

#[cfg(test)]
mod tests;
