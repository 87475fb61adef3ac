//! What the scenario expects beyond the rules.

use headcount_core::Instant;

use super::receiver::Receiver;
use super::{Broken, Verdict};
use crate::engine::World;
use crate::scenario::{Condition, Expectation, Mark};
use crate::{Rule, Span};

/// What the scenario expects.
#[derive(Debug, Clone)]
pub(crate) struct Expectations {
    all: Vec<Expectation>,
    /// For each: whether it was met once. Before a fleet was found at all, too little is shown.
    met: Vec<bool>,
    calm: Option<Instant>,
    /// In the calm: since when the receiver has had the truth.
    converged: Option<Instant>,
}

impl Expectations {
    pub(crate) fn new(world: &World) -> Self {
        let all = world.plan.scenario.expect.clone();
        Self {
            met: vec![false; all.len()],
            all,
            calm: None,
            converged: None,
        }
    }

    /// The calm starts.
    pub(crate) fn calm(&mut self, now: Instant) {
        self.calm = Some(now);
    }

    /// Whether the calm has started.
    pub(crate) fn is_calm(&self) -> bool {
        self.calm.is_some()
    }

    /// How long it took in the calm until the receiver had the truth for good.
    pub(crate) fn time_to_converge(&self) -> Option<Span> {
        let (calm, converged) = (self.calm?, self.converged?);
        Some(Span::from_nanos(converged.as_nanos() - calm.as_nanos()))
    }

    /// Something changed in what the receiver has or should have.
    pub(crate) fn note(&mut self, now: Instant, receiver: &Receiver) {
        if self.calm.is_some() {
            self.converged = match self.converged {
                _ if receiver.open() > 0 => None,
                None => Some(now),
                since => since,
            };
        }
    }

    /// A change reached the receiver after so long.
    pub(crate) fn learned(&self, staleness: Span) -> Verdict {
        for expectation in &self.all {
            if let Expectation::Always(Condition::StaleAtMost(longest)) = expectation
                && staleness > *longest
            {
                let reason = format!("a change reached the receiver after {staleness}; {longest} was expected at most");
                return Err(Broken::of(Rule::Expectation, reason));
            }
        }
        Ok(())
    }

    /// Looks at everything that has to hold just now.
    pub(crate) fn check(&mut self, world: &World, receiver: &Receiver) -> Verdict {
        for (place, expectation) in self.all.iter().enumerate() {
            let condition = match expectation {
                Expectation::Always(condition) => condition,
                Expectation::Eventually { that, within } => match self.calm {
                    Some(calm) if world.now >= calm + (*within).into() => that,
                    _ => continue,
                },
                Expectation::Sometimes(_) => continue,
            };
            match unmet(*condition, world, receiver) {
                None => self.met[place] = true,
                Some(reason) if self.met[place] || matches!(expectation, Expectation::Eventually { .. }) => {
                    return Err(Broken::of(Rule::Expectation, reason));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// The run is over: what was never seen?
    pub(crate) fn at_end(&self, marks: &[u64]) -> Verdict {
        for expectation in &self.all {
            if let Expectation::Sometimes(mark) = expectation
                && marks[*mark as usize] == 0
            {
                let reason = format!("{:?} was expected to be seen, and was not", Mark::word(*mark));
                return Err(Broken::of(Rule::Expectation, reason));
            }
        }
        Ok(())
    }
}

/// Why a condition does not hold just now.
fn unmet(condition: Condition, world: &World, receiver: &Receiver) -> Option<String> {
    match condition {
        Condition::Converged => {
            let open = receiver.open();
            (open > 0).then(|| format!("the receiver knows {open} hosts otherwise than they are"))
        }
        Condition::StaleAtMost(longest) => {
            let oldest = receiver.oldest(world.now);
            (oldest > longest)
                .then(|| format!("a change has been on its way for {oldest}; {longest} was expected at most"))
        }
        Condition::ShowsAtLeast(share) => {
            let (has, should) = (receiver.targets(), receiver.should_have(world));
            (has < share.of(should))
                .then(|| format!("the receiver has {has} targets of {should}; {share} was expected at least"))
        }
    }
}
