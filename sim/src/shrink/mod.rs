//! From a run that failed to the smallest scenario that still fails in the same way.
//!
//! First the run's decisions are written out into the scenario's `script`, so that nothing is drawn
//! any more. Then whatever can be left out is: inputs, halves of them at a time (delta debugging:
//! Zeller, Hildebrandt, IEEE TSE 2002); then entries and fields of the scenario; then numbers
//! become small, spans short and round. **A step is kept if and only if the same rule is still
//! broken**; the order of the steps is fixed, so the same failure always ends in the same
//! scenario.

mod cut;
mod text;
mod tree;

use core::cell::Cell;

use headcount_core::Manager;

use crate::{Expectation, Happening, InputLog, Problems, Scenario, Simulation, Span, Spec, Subject, Violation};
use cut::Cutter;
pub use text::one_line;

/// How far to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShrinkLimits {
    /// The most runs that are tried.
    pub runs: u64,
}

impl Default for ShrinkLimits {
    /// Far enough for most: three thousand runs.
    fn default() -> Self {
        Self { runs: 3_000 }
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
    shrink_watched::<M>(log, limits, |_| {})
}

/// The same, saying before each run how many there were.
///
/// # Errors
/// The log's scenario makes no sense, or nothing fails in it.
pub fn shrink_watched<M: Subject>(
    log: &InputLog,
    limits: ShrinkLimits,
    watch: impl Fn(u64),
) -> Result<Shrunk, ShrinkError> {
    let runs = Cell::new(0);
    let outcome = log.run_of::<M>()?.outcome;
    let wanted = outcome.violations.into_iter().next().ok_or(ShrinkError::Clean)?;
    let fails = |scenario: &Scenario| -> Option<Violation> {
        watch(runs.replace(runs.get() + 1));
        let outcome = Simulation::<M>::of(scenario, scenario.seed).ok()?.run();
        let violation = outcome.violations.into_iter().next()?;
        (violation.rule == wanted.rule).then_some(violation)
    };
    let scripted = [false, true].map(|calms| written_out(log, &wanted, calms));
    let found = scripted.into_iter().find_map(|scenario| {
        let violation = fails(&scenario)?;
        Some((scenario, violation))
    });
    let (scenario, violation) = found.ok_or_else(|| ShrinkError::NotReproduced(wanted.rule.to_string()))?;
    Ok(Cutter::new(&fails, scenario, violation, limits.runs).cut())
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
    scenario
}
