//! What happened in a run, over time: counted into equal stretches while the run goes on.
//!
//! **A timeline's size does not follow the run's length**: a minute and a week both have
//! [`STRETCHES`] of them. [`Timeline::page`] draws it.

mod lanes;
mod page;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::metrics::Histogram;
use crate::{Covered, DiscovererId, Happening, HostId, Input, Problems, Simulation, Span, Subject, TraceEvent, Traced};
use lanes::{Holds, JobLane, News};

/// How many stretches of time a timeline has.
const STRETCHES: usize = 480;

/// What happened in a run, over time.
///
/// ```
/// use headcount_sim::{Shipped, Simulation, Timeline};
///
/// let scenario = Shipped::named("zone-loss").expect("it comes with the simulator").scenario()?;
/// let mut simulation = Simulation::new(&scenario, 1)?;
/// simulation.listen(true);
/// let mut timeline = Timeline::of(&simulation);
/// while simulation.step() {
///     let events = simulation.take_events();
///     timeline.add(&simulation, events);
/// }
/// let page = timeline.page(&simulation.outcome(), "headcount sim run --scenario zone-loss");
/// assert!(page.starts_with("<!doctype html>"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Timeline {
    scenario: crate::Scenario,
    until: Span,
    /// Which hosts are up.
    up: Vec<bool>,
    /// The stretch of which it is known last how many targets there were to find.
    sampled: Option<usize>,
    stretches: Vec<Stretch>,
    lanes: BTreeMap<DiscovererId, Lane>,
    /// Windows that are about some discoverers only, for each of those.
    windows: BTreeMap<DiscovererId, Vec<(Span, Span)>>,
    descriptions: Vec<(String, Arc<str>)>,
    faults: BTreeMap<u16, FaultLane>,
    notes: Vec<(Span, String)>,
    holds: Holds,
    jobs: Vec<JobLane>,
    news: News,
}

/// What happened in one stretch of time.
#[derive(Debug, Clone, Default)]
struct Stretch {
    /// How many targets there were to find when it began, and how many the receiver was shown at
    /// its end.
    truth: Option<u64>,
    shown: Option<u64>,
    /// Changes of the truth.
    came: u64,
    went: u64,
    relabelled: u64,
    staleness: Histogram,
    emissions: u64,
    bytes: u64,
    calls: u64,
    failures: u64,
}

/// What happened to one discoverer.
#[derive(Debug, Clone)]
struct Lane {
    /// By stretch: how many of its calls failed, and the oldest news that came through it.
    cells: Vec<(u16, Span)>,
    failures: u64,
    oldest: Span,
}

/// What one entry of the scenario's list of faults did.
#[derive(Debug, Clone)]
struct FaultLane {
    word: &'static str,
    /// From when to when a window was open, and at how many discoverers; none is everyone.
    windows: Vec<(Span, Span, Option<usize>)>,
    /// By stretch: how many calls were hit.
    hits: Vec<u32>,
}

impl Timeline {
    /// A timeline of a run that has not started yet, and is listened to.
    pub fn of<M: Subject>(simulation: &Simulation<M>) -> Self {
        let truth = simulation.truth();
        let hosts = u32::try_from(truth.len()).unwrap_or(u32::MAX);
        Self {
            scenario: simulation.scenario().clone(),
            until: simulation.scenario().until,
            up: (0..hosts).map(|host| truth.is_up(HostId(host))).collect(),
            sampled: None,
            stretches: vec![Stretch::default(); STRETCHES],
            lanes: BTreeMap::new(),
            windows: BTreeMap::new(),
            descriptions: simulation.discoverers(),
            faults: BTreeMap::new(),
            notes: Vec::new(),
            holds: Holds::default(),
            jobs: Vec::new(),
            news: News::default(),
        }
    }

    /// Has it told of the hosts with the oldest news how each of these came, for who clicks on one. `again` is the same run at
    /// its start, and goes as far as `end`.
    ///
    /// # Errors
    /// Everything in its scenario that makes no sense.
    pub fn explain<M: Subject>(&mut self, again: Simulation<M>, end: Span) -> Result<(), Problems> {
        self.news.explain(again, end)
    }

    /// Takes in what happened in a run since the last time.
    pub fn add<M: Subject>(&mut self, simulation: &Simulation<M>, events: Vec<Traced>) {
        for Traced { at, event } in events {
            self.event(at, event);
        }
        let stretch = self.stretch_of(simulation.now());
        if self.sampled != Some(stretch) {
            self.stretches[stretch].truth = Some(simulation.targets_wanted());
            lanes::sample(&mut self.jobs, stretch, simulation);
            self.sampled = Some(stretch);
        }
    }

    fn event(&mut self, at: Span, event: TraceEvent) {
        let stretch = self.stretch_of(at);
        match event {
            TraceEvent::Input { input } => self.input(input),
            TraceEvent::Truth { host, up, .. } => self.truth(stretch, host, up),
            TraceEvent::Call { .. } => self.stretches[stretch].calls += 1,
            TraceEvent::Failure { discoverer, .. } => {
                self.stretches[stretch].failures += 1;
                let lane = self.lane(discoverer);
                lane.cells[stretch].0 = lane.cells[stretch].0.saturating_add(1);
                lane.failures += 1;
            }
            TraceEvent::Emission { targets, bytes, .. } => {
                let stretch = &mut self.stretches[stretch];
                stretch.shown = Some(targets);
                stretch.emissions += 1;
                stretch.bytes += bytes;
            }
            TraceEvent::Held { discoverer, held, .. } => self.holds.holds(at, discoverer, held),
            TraceEvent::Learned {
                discoverer,
                host,
                staleness: Some(staleness),
                ..
            } => {
                self.news.came(at, host, staleness);
                self.stretches[stretch].staleness.add(staleness);
                let lane = self.lane(discoverer);
                lane.cells[stretch].1 = lane.cells[stretch].1.max(staleness);
                lane.oldest = lane.oldest.max(staleness);
            }
            TraceEvent::Violation { violation } => self.notes.push((at, violation.to_string())),
            _ => {}
        }
    }

    fn input(&mut self, Input { at, what }: Input) {
        let stretch = self.stretch_of(at);
        let note = match what {
            Happening::Window {
                kind,
                covers,
                lasts,
                fault,
                ..
            } => {
                let end = at.plus(lasts).min(self.until);
                let covered = match covers {
                    Covered::Everyone => None,
                    Covered::These(discoverers) | Covered::Replica { of: discoverers, .. } => {
                        for id in &discoverers {
                            self.windows.entry(*id).or_default().push((at, end));
                        }
                        Some(discoverers.len())
                    }
                };
                self.fault(fault, kind.word()).windows.push((at, end, covered));
                return;
            }
            Happening::Hit { kind, .. } => {
                let mut entries = self.scenario.faults.iter();
                let entry = entries.position(|fault| fault.kind.word() == kind.word());
                let entry = entry.and_then(|entry| u16::try_from(entry).ok()).unwrap_or(u16::MAX);
                self.fault(entry, kind.word()).hits[stretch] += 1;
                return;
            }
            other => match other.says().inspect(|_| {
                if matches!(other, Happening::RestartManager { .. }) {
                    self.holds.all_end(at);
                }
            }) {
                Some(text) => text,
                None => return,
            },
        };
        self.notes.push((at, note));
    }

    fn truth(&mut self, stretch: usize, host: HostId, up: bool) {
        let place = host.0 as usize;
        if place >= self.up.len() {
            self.up.resize(place + 1, false);
        }
        let before = std::mem::replace(&mut self.up[place], up);
        let counted = &mut self.stretches[stretch];
        match (before, up) {
            (false, true) => counted.came += 1,
            (true, false) => counted.went += 1,
            _ => counted.relabelled += 1,
        }
    }

    fn lane(&mut self, discoverer: DiscovererId) -> &mut Lane {
        self.lanes.entry(discoverer).or_insert_with(|| Lane {
            cells: vec![(0, Span::ZERO); STRETCHES],
            failures: 0,
            oldest: Span::ZERO,
        })
    }

    fn fault(&mut self, entry: u16, word: &'static str) -> &mut FaultLane {
        self.faults.entry(entry).or_insert_with(|| FaultLane {
            word,
            windows: Vec::new(),
            hits: vec![0; STRETCHES],
        })
    }

    /// The stretch that a moment is in; the end belongs to the last one.
    fn stretch_of(&self, at: Span) -> usize {
        let place = u128::from(at.as_nanos()) * STRETCHES as u128 / u128::from(self.until.as_nanos().max(1));
        usize::try_from(place).unwrap_or(STRETCHES).min(STRETCHES - 1)
    }
}
