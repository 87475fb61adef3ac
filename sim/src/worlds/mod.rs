//! Whole scenarios, drawn from a seed: who discovers what for whom, under which settings, and what goes wrong meanwhile.
//!
//! A swarm over one scenario only leaves troubles out of it; the bugs that it can't find are those of settings and of
//! overlaps that nobody wrote down. Here **everything that a scenario can say is drawn**, all of it small, because what
//! matters is what meets what, and not how much there is: a few hosts, a few jobs that share discoverers, a few minutes,
//! and events that come at one moment. What is drawn is legal by construction, and an ordinary scenario: written to a file
//! and read back it is the same run.
//!
//! How often each part is there is said in one place ([`Weights`]), which a swarm prints.

mod dice;
mod faults;
mod further;
mod hosts;
mod members;
mod processes;
mod settings;
mod topology;
mod weights;

pub use weights::Weights;

use crate::{Scenario, Span};
use dice::Dice;
use weights::Part;

/// What a scenario that is drawn is called, before its seed.
const NAME: &str = "drawn-";

/// The seed of the drawn scenario that has this name, if it is one.
///
/// ```
/// assert_eq!(headcount_sim::drawn_seed("drawn-7"), Some(7));
/// assert_eq!(headcount_sim::drawn_seed("fleet"), None);
/// ```
pub fn drawn_seed(name: &str) -> Option<u64> {
    name.strip_prefix(NAME)?.parse().ok()
}

/// The scenario that a seed draws; it runs with the same seed.
///
/// ```
/// use headcount_sim::{Scenario, Simulation, drawn_world};
///
/// let world = drawn_world(7);
/// let read = Scenario::from_yaml(&world.to_yaml()?)?;
/// let run = |scenario: &Scenario| Simulation::new(scenario, scenario.seed).map(Simulation::run);
/// assert_eq!(run(&read)?, run(&world)?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn drawn_world(seed: u64) -> Scenario {
    let mut dice = Dice::new(seed);
    let mut world = Scenario::new(format!("{NAME}{seed}")).seed(seed);
    let storm = Span::secs(dice.between(60, 360));
    // Long enough for most to come right again, and to be held to that.
    world.calm = Span::secs(dice.between(120, 300));
    world.until = storm.plus(world.calm);
    topology::draw(&mut dice, &mut world);
    settings::draw(&mut dice, &mut world);
    hosts::draw(&mut dice, &mut world);
    faults::draw(&mut dice, &mut world);
    processes::draw(&mut dice, &mut world);
    if !world.faults.is_empty() && dice.has(Part::StaysBroken) {
        world.heal = dice.percent(&[0, 50]);
    }
    if dice.has(Part::ManyHosts) {
        world.hosts.count = dice.few(13, 40);
    }
    further::draw(&mut Dice::further(seed), &mut world);
    members::draw(&mut Dice::of_members(seed), &mut world);
    world
}

#[cfg(test)]
mod tests;
