//! Futures of a run: up to a moment it is what a log says, and from then on it is drawn anew, many times.
//!
//! Who runs something asks not only what happened, but what could have: of a thousand ways to go on from here, how many come
//! to harm, and what is it that goes wrong in those? What had begun by then goes on in each of them: windows that are open,
//! hosts that are away, what the manager holds back. **Each future is a run of its own** with its seed, and can be written
//! down as an input log like any other.
//!
//! ```
//! use headcount_sim::{Futures, InputLog, Shipped, Span};
//!
//! let scenario = Shipped::named("zone-loss").expect("it comes with the simulator").scenario()?;
//! let (log, _) = InputLog::record(&scenario, 1)?;
//! let explored = Futures::of(&log, Span::mins(12))?.seeds(0..5).run();
//! assert_eq!(explored.futures, 5);
//! println!("{explored}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use core::fmt;
use core::num::NonZeroUsize;
use core::ops::Range;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use headcount_core::Manager;
use serde::Serialize;

use crate::report::{count, short};
use crate::{
    EVENTS_PER_LINK, InputLog, Outcome, Problems, Recorder, Simulation, Span, Spec, SwarmFailure, Violation, table,
};

/// The futures of a run from a moment on.
#[derive(Debug, Clone)]
pub struct Futures {
    log: InputLog,
    at: Span,
    /// The run at that moment.
    then: Simulation<Manager<Spec>>,
    seeds: Range<u64>,
    jobs: NonZeroUsize,
}

/// Why there are no futures to be drawn.
#[derive(Debug, thiserror::Error)]
pub enum FuturesError {
    /// The scenario makes no sense.
    #[error(transparent)]
    Senseless(#[from] Problems),
    /// The run is over by then.
    #[error("at {at} the run is over; it lasts {until}")]
    Over {
        /// The moment.
        at: Span,
        /// How long the run lasts.
        until: Span,
    },
    /// By then something was wrong already.
    #[error("by {at} something was wrong already: {violation}; name a moment before that")]
    Broken {
        /// The moment.
        at: Span,
        /// What was wrong.
        violation: Box<Violation>,
    },
}

/// What the futures of a run came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explored {
    /// The scenario's name.
    pub scenario: String,
    /// From when on they are drawn.
    pub at: Span,
    /// The first seed.
    pub first_seed: u64,
    /// How many there are.
    pub futures: u64,
    /// Those in which a rule was broken or something expected was not met, by seed.
    pub failures: Vec<SwarmFailure>,
    /// The staleness that 99 % of the changes don't exceed, of each future, by size.
    pub staleness_p99: Vec<Span>,
    /// The longest, of each future, by size.
    pub staleness_max: Vec<Span>,
}

impl Futures {
    /// The futures of the run that a log says, from this moment on: a hundred, in one thread.
    ///
    /// # Errors
    /// The scenario makes no sense, the run is over by then, or something was wrong already.
    pub fn of(log: &InputLog, at: Span) -> Result<Self, FuturesError> {
        let until = log.scenario.until;
        if at >= until {
            return Err(FuturesError::Over { at, until });
        }
        let mut then = Simulation::followed(&log.scenario, log.seed, log.inputs.clone())?;
        then.run_until(at);
        if let Some(violation) = then.outcome().violations.into_iter().next() {
            let violation = Box::new(violation);
            return Err(FuturesError::Broken { at, violation });
        }
        Ok(Self {
            log: log.clone(),
            at,
            then,
            seeds: 0..100,
            jobs: NonZeroUsize::MIN,
        })
    }

    /// Sets the seeds; each is a future.
    #[must_use]
    pub fn seeds(self, seeds: Range<u64>) -> Self {
        Self { seeds, ..self }
    }

    /// Sets how many threads there are.
    #[must_use]
    pub fn jobs(self, jobs: NonZeroUsize) -> Self {
        Self { jobs, ..self }
    }

    /// Runs all of them.
    pub fn run(&self) -> Explored {
        self.run_watched(|_| {})
    }

    /// The same; after each, `done` is called with the number of those that are done, from any of the threads.
    pub fn run_watched(&self, done: impl Fn(u64) + Sync) -> Explored {
        let (next, ran) = (AtomicU64::new(self.seeds.start), AtomicU64::new(0));
        let found = Mutex::new(BTreeMap::new());
        let work = |then: Simulation<Manager<Spec>>| {
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= self.seeds.end {
                    return;
                }
                let outcome = then.future(seed).run();
                found
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .insert(seed, outcome);
                done(ran.fetch_add(1, Ordering::Relaxed) + 1);
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..self.jobs.get() {
                let (work, then) = (&work, self.then.clone());
                scope.spawn(move || work(then));
            }
            work(self.then.clone());
        });
        self.explored(found.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    fn explored(&self, found: BTreeMap<u64, Outcome>) -> Explored {
        let sorted = |figure: fn(&Outcome) -> Span| {
            let mut all: Vec<Span> = found.values().map(figure).collect();
            all.sort_unstable();
            all
        };
        Explored {
            scenario: self.log.scenario.name.clone(),
            at: self.at,
            first_seed: self.seeds.start,
            futures: found.len() as u64,
            staleness_p99: sorted(|outcome| outcome.metrics.staleness_p99),
            staleness_max: sorted(|outcome| outcome.metrics.staleness_max),
            failures: found
                .into_iter()
                .filter_map(|(seed, outcome)| {
                    let violation = outcome.violations.into_iter().next()?;
                    Some(SwarmFailure { seed, violation })
                })
                .collect(),
        }
    }

    /// One of them as an input log, from the run's start on, and what it came to.
    ///
    /// # Errors
    /// Everything in the scenario that makes no sense.
    pub fn record(&self, seed: u64) -> Result<(InputLog, Outcome), Problems> {
        let log = &self.log;
        let start = Simulation::<Manager<Spec>>::followed(&log.scenario, log.seed, log.inputs.clone())?;
        let mut recorder = Recorder::new(start, EVENTS_PER_LINK);
        recorder.run_until(self.at);
        Ok(recorder.into_future(seed).run())
    }
}

impl Explored {
    /// In how many nothing was wrong.
    pub fn clean(&self) -> u64 {
        self.futures - self.failures.len() as u64
    }

    /// What goes wrong, the most frequent first: in how many futures, and the first of these.
    pub fn causes(&self) -> Vec<(u64, &SwarmFailure)> {
        let mut causes: Vec<(u64, &SwarmFailure)> = Vec::new();
        for failure in &self.failures {
            match causes
                .iter_mut()
                .find(|(_, first)| first.violation.is_like(&failure.violation))
            {
                Some((count, _)) => *count += 1,
                None => causes.push((1, failure)),
            }
        }
        causes.sort_by_key(|(count, first)| (core::cmp::Reverse(*count), first.seed));
        causes
    }
}

impl fmt::Display for Explored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = (self.first_seed + self.futures).saturating_sub(1);
        writeln!(
            f,
            "{} from {} on: {} futures (seeds {} to {last}), {} meet what is expected, {} do not",
            self.scenario,
            self.at,
            count(self.futures),
            self.first_seed,
            count(self.clean()),
            count(self.failures.len() as u64)
        )?;
        for (times, SwarmFailure { seed, violation }) in self.causes() {
            writeln!(f, "  {} times, first with seed {seed}: {violation}", count(times))?;
        }
        let header = ["staleness", "least", "median", "most"].map(str::to_owned).to_vec();
        let row = |name: &str, all: &[Span]| {
            let at = |place: usize| all.get(place).map_or_else(String::new, |span| short(*span));
            vec![
                name.to_owned(),
                at(0),
                at(all.len() / 2),
                at(all.len().saturating_sub(1)),
            ]
        };
        let rows = [
            header,
            row("of 99 %", &self.staleness_p99),
            row("longest", &self.staleness_max),
        ];
        f.write_str(&table(&rows))
    }
}

#[cfg(test)]
mod tests;
