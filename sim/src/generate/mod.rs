//! Where inputs come from: drawn while the run goes on, or read from a log.
//!
//! **Whatever is decided passes through here as an [`Input`]**, so a run whose inputs were
//! recorded can be run again without the dice that drew them.

pub(crate) mod churn;

use std::collections::VecDeque;

use headcount_core::Instant;

use crate::plan::Plan;
use crate::world::truth::Truth;
use crate::{Dice, Happening, Input, Span};

use churn::ChurnDrawer;

/// Where inputs come from.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// The scenario's dice.
    Drawn(Box<ChurnDrawer>),
    /// A list, by time.
    Log(VecDeque<Input>),
}

impl Source {
    pub(crate) fn drawn(plan: &Plan, dice: Dice) -> Self {
        Self::Drawn(Box::new(ChurnDrawer::new(plan, dice)))
    }

    /// Inputs of one instant keep their order.
    pub(crate) fn log(mut inputs: Vec<Input>) -> Self {
        inputs.sort_by_key(|input| input.at);
        Self::Log(inputs.into())
    }

    /// When the next input takes effect.
    pub(crate) fn next_at(&self) -> Option<Instant> {
        match self {
            Self::Drawn(drawer) => drawer.next_at(),
            Self::Log(inputs) => inputs.front().map(|input| input.at.moment()),
        }
    }

    /// The inputs that take effect `now`.
    pub(crate) fn take(&mut self, now: Instant, truth: &Truth, taken: &mut Vec<Input>) {
        match self {
            Self::Drawn(drawer) => {
                let at = Span::since_start(now);
                drawer.draw(now, truth, &mut |what: Happening| taken.push(Input { at, what }));
            }
            Self::Log(inputs) => {
                let due = inputs.partition_point(|input| input.at.moment() <= now);
                taken.extend(inputs.drain(..due));
            }
        }
    }
}
