//! Comparing settings: the same scenario and seed, once for each combination of values.
//!
//! Runs share their noise, because random numbers are keyed: **what differs between two rows of the table
//! comes from the settings**, not from luck.

mod page;
mod path;
mod setting;
mod verdict;

pub use page::page as comparison_page;
pub use setting::{Variation, VariationError};
pub use verdict::{comparison, verdict};

use crate::{Outcome, Scenario, Simulation};

/// One run of a comparison.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Varied {
    /// What varies and its value, in the order of the variations.
    pub settings: Vec<(String, String)>,
    /// What the run came to.
    pub outcome: Outcome,
    /// Whether it is the cheapest of those that meet what the scenario expects ([`judged`]).
    pub is_cheapest: bool,
}

impl Varied {
    /// A run under these settings, of which nobody has said yet whether it is the cheapest.
    pub fn new(settings: Vec<(String, String)>, outcome: Outcome) -> Self {
        Self {
            settings,
            outcome,
            is_cheapest: false,
        }
    }

    /// Its settings, as they are written.
    pub fn name(&self) -> String {
        let each = self.settings.iter().map(|(word, value)| format!("{word}={value}"));
        each.collect::<Vec<_>>().join(" ")
    }
}

/// The same runs, of which the cheapest is known that meets what the scenario expects, if one does. Calls to backends count
/// first, then the bytes of differences, then snapshots.
pub fn judged(mut runs: Vec<Varied>) -> Vec<Varied> {
    let cheapest = verdict::cheapest(&runs);
    for (place, run) in runs.iter_mut().enumerate() {
        run.is_cheapest = cheapest == Some(place);
    }
    runs
}

/// What varies and its value, in the order of the variations, and the scenario with it.
pub type Combination = (Vec<(String, String)>, Scenario);

/// The scenarios of all combinations, the last variation turning fastest.
///
/// ```
/// use headcount_sim::{Shipped, combinations};
///
/// let scenario = Shipped::named("zone-loss").expect("it comes with the simulator").scenario()?;
/// let variations = ["throttle=prometheus-2,prometheus-3".parse()?, "discoverers.*.timeout=2s,9s".parse()?];
/// assert_eq!(combinations(&scenario, &variations)?.len(), 4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// A path leads nowhere in the scenario, or a value does not fit there.
pub fn combinations(scenario: &Scenario, variations: &[Variation]) -> Result<Vec<Combination>, VariationError> {
    let mut combined = vec![(Vec::new(), scenario.clone())];
    for variation in variations {
        for (settings, scenario) in std::mem::take(&mut combined) {
            for changed in variation.each(&scenario) {
                let (value, changed) = changed?;
                let mut settings = settings.clone();
                settings.push((variation.word().to_owned(), value));
                combined.push((settings, changed));
            }
        }
    }
    Ok(combined)
}

/// Runs every combination, to its end also where the scenario's expectations are not met: which settings
/// meet them is part of the comparison.
///
/// # Errors
/// A path leads nowhere, or a combination makes no sense: nothing is run then.
pub fn vary(scenario: &Scenario, seed: u64, variations: &[Variation]) -> Result<Vec<Varied>, VariationError> {
    let combined = combinations(scenario, variations)?;
    let started: Result<Vec<_>, VariationError> = combined
        .into_iter()
        .map(|(settings, scenario)| Ok((settings, Simulation::new(&scenario, seed)?.past_expectations())))
        .collect();
    let run = started?
        .into_iter()
        .map(|(settings, simulation)| Varied::new(settings, simulation.run()));
    Ok(judged(run.collect()))
}
