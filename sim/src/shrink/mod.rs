//! From a run that failed to the smallest scenario that still fails in the same way.
//!
//! First, while everything is still drawn, the run is ended where it fails, the fleet is made small, and entries of the
//! scenario are left out: troubles, backends, jobs, settings, each with what names it. Then the run's decisions are
//! written out into the scenario's `script`, so that nothing is drawn any more, and whatever can be left out is:
//! inputs, halves of them at a time (delta debugging: Zeller, Hildebrandt, IEEE TSE 2002); then entries and fields of
//! the scenario; then numbers become small, spans short and round. Should the script be long, and the scenario that
//! draws it short, it is the latter that is given.
//!
//! **A step is kept if and only if the same still goes wrong**: the same rule, for the same cause, by a provider of the
//! same kind ([`Violation::is_like`]). What the scenario expects stays as it is, or is left out whole: an expectation
//! made weaker would be missed for another reason. The order of the steps is fixed, and what bounds them is their
//! number and that of the events in them, so the same failure always ends in the same scenario. What is tried is run
//! for half as long again as it took to fail, and some seconds, and for half as many events again, so that a step that
//! fails no longer costs about as much as one that does.

mod cut;
mod mend;
mod text;
mod tree;

use core::cell::Cell;

use headcount_core::Manager;

use crate::{Expectation, Happening, InputLog, Problems, Scenario, Simulation, Span, Spec, Subject, Violation};
use cut::{Cutter, Failed, Trial};
pub use text::one_line;

/// How far to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShrinkLimits {
    /// The most runs that are tried.
    pub runs: u64,
    /// The most events that these runs have together: what is large takes long, and ends sooner.
    pub events: u64,
}

impl Default for ShrinkLimits {
    /// Far enough for most: two thousand runs, of five million events.
    fn default() -> Self {
        Self {
            runs: 2_000,
            events: 5_000_000,
        }
    }
}

/// The smallest scenario that was found to fail in the same way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shrunk {
    /// The scenario; its seed is the one that it fails with.
    pub scenario: Scenario,
    /// What is broken in it.
    pub violation: Violation,
    /// How many runs it took.
    pub runs: u64,
    /// How many events these had together.
    pub events: u64,
}

/// Why a log can't be shrunk.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShrinkError {
    /// Its scenario makes no sense.
    #[error("the log's scenario makes no sense: {0}")]
    Scenario(#[from] Problems),
    /// Nothing goes wrong in it.
    #[error("no rule is broken when the log is run, so there is nothing to shrink")]
    Clean,
    /// It fails from the log, and no longer when its inputs stand in the scenario.
    #[error("the log breaks the rule {0}, but its inputs written into the scenario do not")]
    NotReproduced(String),
}

impl Shrunk {
    /// The scenario as a short YAML file.
    pub fn yaml(&self) -> String {
        text::yaml(&self.scenario)
    }

    /// A test in Rust that runs it and wants it clean, ready to be pasted.
    pub fn rust_test(&self) -> String {
        let name: String = self.violation.rule.to_string().to_lowercase().replace('-', "_");
        format!(
            "#[test]\nfn {name}_holds() {{\n    // {}\n    let file = r#\"\n{}\"#;\n    \
             let scenario = headcount_sim::Scenario::from_yaml(file).unwrap();\n    \
             let outcome = headcount_sim::Simulation::new(&scenario, scenario.seed).unwrap().run();\n    \
             assert!(outcome.is_clean(), \"{{:?}}\", outcome.violations);\n}}\n",
            self.violation.to_string().replace('\n', " "),
            self.yaml()
        )
    }
}

/// Shrinks the failure that a log shows, under the core's manager.
///
/// # Errors
/// The log's scenario makes no sense, or nothing fails in it.
pub fn shrink(log: &InputLog, limits: ShrinkLimits) -> Result<Shrunk, ShrinkError> {
    shrink_of::<Manager<Spec>>(log, limits)
}

/// The same under a manager of one's own.
///
/// # Errors
/// The log's scenario makes no sense, or nothing fails in it.
pub fn shrink_of<M: Subject>(log: &InputLog, limits: ShrinkLimits) -> Result<Shrunk, ShrinkError> {
    shrink_watched::<M>(log, limits, |_| true)
}

/// The same, for as long as `watch` says so, which is told before each run how many there were.
///
/// # Errors
/// The log's scenario makes no sense, or nothing fails in it.
pub fn shrink_watched<M: Subject>(
    log: &InputLog,
    limits: ShrinkLimits,
    watch: impl Fn(u64) -> bool,
) -> Result<Shrunk, ShrinkError> {
    let outcome = log.run_of::<M>()?.outcome;
    let wanted = outcome.violations.into_iter().next().ok_or(ShrinkError::Clean)?;
    let fails = |scenario: &Scenario, within: Span, events: u64| -> (Option<Violation>, u64) {
        let Ok(mut run) = Simulation::<M>::of(scenario, scenario.seed) else {
            return (None, 0);
        };
        while run.now() <= within && run.events() < events && run.step() {}
        let first = run.outcome().violations.into_iter().next();
        (first.filter(|violation| violation.is_like(&wanted)), run.events())
    };
    let trial = Trial {
        fails: &fails,
        watch: &watch,
        limits,
        runs: Cell::new(0),
        events: Cell::new(0),
    };

    let mut drawn = None;
    let mut shorter = None;
    if let Some(scenario) = as_drawn(log)
        && let Some(failed) = trial.begin(scenario, wanted.at)
    {
        let fewer = Cutter::new(&trial, failed, limits.runs / 4).cut_entries();
        shorter = InputLog::record_of::<M>(&fewer.scenario, log.seed)
            .ok()
            .map(|(log, _)| (log, fewer.violation.clone()));
        drawn = Some(fewer);
    }
    let shorter = shorter.iter().map(|(log, violation)| (log, violation));
    let found = shorter.chain([(log, &wanted)]).find_map(|(log, failed)| {
        [false, true]
            .into_iter()
            .find_map(|calms| trial.begin(written_out(log, failed, calms), failed.at))
    });
    // A quarter of the runs is left for what is drawn, should it be needed.
    let runs = limits.runs - if drawn.is_some() { limits.runs / 4 } else { 0 };
    let scripted = found.map(|failed| Cutter::new(&trial, failed, runs).cut());
    let lines = |failed: &Failed| text::yaml(&failed.scenario).lines().count();
    let best = match (scripted, drawn) {
        (Some(scripted), _) if lines(&scripted) <= FEW_LINES => Some(scripted),
        (scripted, drawn) => {
            let drawn = drawn.map(|failed| Cutter::new(&trial, failed, limits.runs).cut());
            scripted.into_iter().chain(drawn).min_by_key(lines)
        }
    };
    let best = best.ok_or_else(|| ShrinkError::NotReproduced(wanted.rule.to_string()))?;
    Ok(Shrunk {
        scenario: best.scenario,
        violation: best.violation,
        runs: trial.runs.get(),
        events: trial.events.get(),
    })
}

/// A script of so many lines is read rather than what draws it.
const FEW_LINES: usize = 20;

/// The log's scenario as it draws the log's inputs, if it draws any.
fn as_drawn(log: &InputLog) -> Option<Scenario> {
    let scenario = &log.scenario;
    let draws = !(scenario.churn.is_empty() && scenario.faults.is_empty() && scenario.events.is_empty());
    draws.then(|| Scenario {
        seed: log.seed,
        about: String::new(),
        ..scenario.clone()
    })
}

/// The log's scenario with its inputs in the place of its draws, up to the failure.
fn written_out(log: &InputLog, wanted: &Violation, calms: bool) -> Scenario {
    let mut scenario = log.scenario.clone();
    scenario.seed = log.seed;
    scenario.about = String::new();
    scenario.churn.clear();
    scenario.faults.clear();
    scenario.events.clear();
    if !calms {
        scenario.calm = Span::ZERO;
        scenario.until = wanted.at;
        scenario
            .expect
            .retain(|expectation| !matches!(expectation, Expectation::Eventually { .. }));
    }
    let inputs = log.inputs.iter().filter(|input| input.at <= wanted.at);
    let inputs = inputs.filter(|input| match &input.what {
        // The calm comes from the scenario's `calm`.
        Happening::Calm { .. } => !calms,
        // What it hit stands in the log as well, call by call.
        Happening::Window { rate, kind, .. } => rate.is_always() || kind.is_state(),
        _ => true,
    });
    scenario.script = inputs.cloned().collect();
    scenario.script.sort_by_key(crate::Input::order);
    scenario.without_idle_inputs()
}
