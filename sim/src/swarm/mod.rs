//! Many seeds of one scenario, with some of its troubles left out for each; or of worlds that each seed draws whole.
//!
//! A run in which everything goes wrong at once hides what two troubles alone would show, so
//! **each seed draws which churn, faults and process events it has** (swarm testing: Groce et
//! al., ISSTA 2012). Runs share nothing and may be spread over threads; what they came to is
//! merged in the order of the seeds, so a swarm's report is the same for any number of threads.
//!
//! ```
//! use headcount_sim::{Backend, BackendKind, Churn, Discoverers, Fault, FaultKind, Ratio, Scenario, Span, Swarm};
//!
//! let scenario = Scenario::new("ten minutes")
//!     .until(Span::mins(10))
//!     .backend(Backend::new("cmdb", BackendKind::Http))
//!     .discoverers(Discoverers::of("cmdb"))
//!     .churn(Churn::steady(Ratio::percent(10), Span::mins(1)))
//!     .fault(Fault::new(FaultKind::Drop).rate(Ratio::percent(10)));
//! let report = Swarm::new(scenario).seeds(0..10).run()?;
//! assert_eq!(report.runs, 10);
//! assert!(report.failures.is_empty(), "{report}");
//! # Ok::<(), headcount_sim::Problems>(())
//! ```

use core::fmt;
use core::num::NonZeroUsize;
use core::ops::Range;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use headcount_core::Manager;
use serde::Serialize;

use crate::rng::{Entity, Purpose};
use crate::{
    Expectation, KeyedRng, Mark, Outcome, Problems, Scenario, Simulation, Span, Spec, Subject, Violation, drawn_world,
};

/// Many seeds of one scenario or of worlds that are drawn, about to be run.
#[derive(Debug, Clone)]
pub struct Swarm {
    of: Of,
    seeds: Range<u64>,
    jobs: NonZeroUsize,
    as_written: bool,
}

/// What the seeds of a swarm run.
#[derive(Debug, Clone)]
enum Of {
    /// One scenario, with some of its troubles.
    One(Box<Scenario>),
    /// What each of them draws.
    DrawnWorlds,
}

/// What a swarm came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SwarmReport {
    /// The scenario's name.
    pub scenario: String,
    /// The seed of the first run; those of the others follow.
    pub first_seed: u64,
    /// How many runs there were.
    pub runs: u64,
    /// The runs in which a rule was broken, by seed.
    pub failures: Vec<SwarmFailure>,
    /// In how many runs each mark was hit.
    pub marks: BTreeMap<Mark, u64>,
    /// Marks that no run hit, of all that there are.
    pub never: Vec<Mark>,
    /// Marks that the scenario asks for and no run hit: the swarm failed.
    pub missed: Vec<Mark>,
    /// How many events all runs had.
    pub events: u64,
    /// How much virtual time all runs took.
    pub time: Span,
}

/// A run of a swarm in which a rule was broken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SwarmFailure {
    /// Its seed. [`Swarm::drawn`] says what it ran.
    pub seed: u64,
    /// The first rule that was broken.
    pub violation: Violation,
}

impl Swarm {
    /// A swarm of a hundred seeds, from zero on, in one thread.
    pub fn new(scenario: Scenario) -> Self {
        Self::of(Of::One(Box::new(scenario)))
    }

    /// A swarm of a hundred seeds, from zero on, in one thread, each of which draws a world of its own
    /// ([`drawn_world`]).
    pub fn of_drawn_worlds() -> Self {
        Self::of(Of::DrawnWorlds)
    }

    fn of(of: Of) -> Self {
        Self {
            of,
            seeds: 0..100,
            jobs: NonZeroUsize::MIN,
            as_written: false,
        }
    }

    /// Sets the seeds.
    #[must_use]
    pub fn seeds(self, seeds: Range<u64>) -> Self {
        Self { seeds, ..self }
    }

    /// Sets how many threads there are.
    #[must_use]
    pub fn jobs(self, jobs: NonZeroUsize) -> Self {
        Self { jobs, ..self }
    }

    /// Leaves nothing out: every seed runs the scenario as it is written.
    #[must_use]
    pub fn as_written(self) -> Self {
        Self {
            as_written: true,
            ..self
        }
    }

    /// The scenario that a seed runs.
    #[must_use]
    pub fn drawn(&self, seed: u64) -> Scenario {
        match &self.of {
            Of::DrawnWorlds => drawn_world(seed),
            Of::One(scenario) if self.as_written => without_sometimes(Scenario::clone(scenario)),
            Of::One(scenario) => drawn(scenario, seed),
        }
    }

    /// Runs all seeds under the core's manager.
    ///
    /// # Errors
    /// Everything in the scenario that makes no sense.
    pub fn run(&self) -> Result<SwarmReport, Problems> {
        self.run_of::<Manager<Spec>>(|_, _| true)
    }

    /// Runs seeds under a manager of one's own, for as long as there are any and `go_on` says
    /// so. It is asked after each run, with the seed and the run's outcome, from any of the
    /// threads. Seeds that were begun are finished, so those that ran follow one another.
    ///
    /// # Errors
    /// Everything in the scenario that makes no sense.
    pub fn run_of<M: Subject>(&self, go_on: impl Fn(u64, &Outcome) -> bool + Sync) -> Result<SwarmReport, Problems> {
        if let Of::One(scenario) = &self.of {
            scenario.check()?;
        }
        let next = AtomicU64::new(self.seeds.start);
        let end = AtomicU64::new(self.seeds.end);
        let done = Mutex::new(BTreeMap::new());
        let work = || -> Result<(), Problems> {
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= end.load(Ordering::Relaxed) {
                    return Ok(());
                }
                let outcome = Simulation::<M>::of(&self.drawn(seed), seed)?.run();
                if !go_on(seed, &outcome) {
                    end.store(0, Ordering::Relaxed);
                }
                done.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .insert(seed, Summary::of(outcome));
            }
        };
        let results: Vec<Result<(), Problems>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (1..self.jobs.get()).map(|_| scope.spawn(work)).collect();
            let mine = work();
            let joined = threads.into_iter().map(|thread| match thread.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            });
            core::iter::once(mine).chain(joined).collect()
        });
        results.into_iter().collect::<Result<(), Problems>>()?;
        Ok(self.merge(done.into_inner().unwrap_or_else(PoisonError::into_inner)))
    }

    fn merge(&self, done: BTreeMap<u64, Summary>) -> SwarmReport {
        let mut report = SwarmReport {
            scenario: match &self.of {
                Of::One(scenario) => scenario.name.clone(),
                Of::DrawnWorlds => "drawn worlds".to_owned(),
            },
            first_seed: self.seeds.start,
            runs: done.len() as u64,
            failures: Vec::new(),
            marks: BTreeMap::new(),
            never: Vec::new(),
            missed: Vec::new(),
            events: 0,
            time: Span::ZERO,
        };
        for (seed, run) in done {
            report.events += run.events;
            report.time = report.time.plus(run.time);
            for mark in run.marks {
                *report.marks.entry(mark).or_default() += 1;
            }
            report
                .failures
                .extend(run.violation.map(|violation| SwarmFailure { seed, violation }));
        }
        let is_new = |mark: &Mark| !report.marks.contains_key(mark);
        report.never = Mark::ALL.into_iter().filter(is_new).collect();
        let expected = match &self.of {
            Of::One(scenario) => scenario.expect.as_slice(),
            Of::DrawnWorlds => &[],
        };
        let wanted = expected.iter().filter_map(|expectation| match expectation {
            Expectation::Sometimes(mark) => Some(*mark),
            _ => None,
        });
        report.missed = wanted.filter(|mark| report.never.contains(mark)).collect();
        report
    }
}

impl SwarmReport {
    /// Whether no rule was broken and every mark that the scenario asks for was hit.
    pub fn is_clean(&self) -> bool {
        self.failures.is_empty() && self.missed.is_empty()
    }
}

impl fmt::Display for SwarmReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = (self.first_seed + self.runs).saturating_sub(1);
        writeln!(
            f,
            "{}: {} runs (seeds {} to {last}), {} of virtual time, {} events, {} failed",
            self.scenario,
            self.runs,
            self.first_seed,
            self.time,
            self.events,
            self.failures.len()
        )?;
        for failure in &self.failures {
            writeln!(f, "  seed {}: {}", failure.seed, failure.violation)?;
        }
        writeln!(f, "seen in so many runs:")?;
        for (mark, runs) in &self.marks {
            writeln!(f, "  {:<18} {runs}", mark.word())?;
        }
        let words = |marks: &[Mark]| marks.iter().map(|mark| mark.word()).collect::<Vec<_>>().join(", ");
        if !self.never.is_empty() {
            writeln!(f, "never seen: {}", words(&self.never))?;
        }
        if !self.missed.is_empty() {
            writeln!(f, "never seen, but the scenario asks for it: {}", words(&self.missed))?;
        }
        Ok(())
    }
}

/// What is kept of a run.
struct Summary {
    violation: Option<Violation>,
    marks: Vec<Mark>,
    events: u64,
    time: Span,
}

impl Summary {
    fn of(outcome: Outcome) -> Self {
        Self {
            violation: outcome.violations.into_iter().next(),
            marks: outcome.marks.into_keys().collect(),
            events: outcome.events,
            time: outcome.time,
        }
    }
}

/// Leaves a part of the troubles out: of each list a share that the seed draws, from none to all.
fn drawn(scenario: &Scenario, seed: u64) -> Scenario {
    // Another seed than that of the run, so that what is left out says nothing about the rest.
    let rng = KeyedRng::new(KeyedRng::new(seed).draw(Entity::Run, Purpose::Pick, u64::MAX));
    let mut scenario = without_sometimes(scenario.clone());
    let mut count = 0;
    let mut draw = |high| {
        count += 1;
        rng.between(Entity::Run, Purpose::Choice, count, 1, high)
    };
    // One in four keeps all of a list, one in four keeps one entry in four.
    let share = draw(4);
    scenario.churn.retain(|_| draw(4) <= share);
    let share = draw(4);
    scenario.faults.retain(|_| draw(4) <= share);
    let share = draw(4);
    scenario.events.retain(|_| draw(4) <= share);
    scenario
}

/// What has to be seen in one of many runs need not be seen in each.
fn without_sometimes(mut scenario: Scenario) -> Scenario {
    scenario
        .expect
        .retain(|expectation| !matches!(expectation, Expectation::Sometimes(_)));
    scenario
}

#[cfg(test)]
mod tests;
