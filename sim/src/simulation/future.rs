//! A run goes on otherwise than it did.

use super::Simulation;
use crate::generate::Source;
use crate::plan::Plan;
use crate::subject::Subject;
use crate::{Input, KeyedRng, Problems, Scenario};

impl<M: Subject> Simulation<M> {
    /// A run that takes its decisions from a list, and from which futures can be drawn: who would draw them goes along.
    ///
    /// # Errors
    /// Everything in the scenario that makes no sense.
    pub(crate) fn followed(scenario: &Scenario, seed: u64, inputs: Vec<Input>) -> Result<Self, Problems> {
        let plan = std::sync::Arc::new(Plan::new(scenario)?);
        let rng = KeyedRng::new(seed);
        let source = Source::followed(&plan, rng, inputs);
        Ok(Self::start(plan, rng, source))
    }

    /// This run from now on, with what is decided drawn from another seed, and noise, too.
    pub(crate) fn future(&self, seed: u64) -> Self {
        let mut future = self.clone();
        future.inputs.turn(self.world.now, seed);
        future.world.faults.draw_hits();
        future
    }
}
