//! What the scenario expects beyond the rules.

use std::collections::BTreeSet;

use headcount_core::Instant;

use super::lists::Lists;
use super::receiver::Receiver;
use super::{Broken, Verdict};
use crate::engine::World;
use crate::scenario::{Condition, Expectation, Mark};
use crate::{DiscovererId, Rule, Span};

/// What the scenario expects.
#[derive(Debug, Clone)]
pub(crate) struct Expectations {
    all: Vec<Expectation>,
    /// For each: the discoverers that it is about; none is all.
    about: Vec<Option<BTreeSet<DiscovererId>>>,
    /// For each: whether it was met once. Before a fleet was found at all, too little is shown.
    met: Vec<bool>,
    calm: Option<Instant>,
    /// In the calm: since when the receiver has had the truth.
    converged: Option<Instant>,
}

impl Expectations {
    pub(crate) fn new(world: &World) -> Self {
        let all = world.plan.scenario.expect.clone();
        let job = |name: &str| world.plan.jobs.iter().find(|job| job.name == name);
        let about = all.iter().map(|expectation| match expectation {
            Expectation::Always(Condition::JobStaleAtMost { job: name, .. })
            | Expectation::Eventually {
                that: Condition::JobStaleAtMost { job: name, .. },
                ..
            } => job(name).map(|job| job.discoverers.iter().copied().collect()),
            _ => None,
        });
        Self {
            about: about.collect(),
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
    pub(crate) fn learned(&self, discoverer: DiscovererId, staleness: Span) -> Verdict {
        for (expectation, about) in self.all.iter().zip(&self.about) {
            if let Expectation::Always(
                Condition::StaleAtMost(longest) | Condition::JobStaleAtMost { at_most: longest, .. },
            ) = expectation
                && staleness > *longest
                && about.as_ref().is_none_or(|about| about.contains(&discoverer))
            {
                let reason = format!("a change reached the receiver after {staleness}; {longest} was expected at most");
                return Err(Broken::of(Rule::Expectation, reason));
            }
        }
        Ok(())
    }

    /// Looks at everything that has to hold just now.
    pub(crate) fn check(&mut self, world: &World, receiver: &Receiver, lists: &Lists) -> Verdict {
        self.check_where(world, receiver, lists, |_| true)
    }

    /// Looks at what lists have to show, which are served otherwise than before.
    pub(crate) fn check_lists(&mut self, world: &World, receiver: &Receiver, lists: &Lists) -> Verdict {
        let is_of_lists = |condition: &Condition| matches!(condition, Condition::ListsShowAtLeast(_));
        self.check_where(world, receiver, lists, is_of_lists)
    }

    fn check_where(
        &mut self,
        world: &World,
        receiver: &Receiver,
        lists: &Lists,
        is_asked: impl Fn(&Condition) -> bool,
    ) -> Verdict {
        for (place, expectation) in self.all.iter().enumerate() {
            let condition = match expectation {
                Expectation::Always(condition) => condition,
                Expectation::Eventually { that, within } => match self.calm {
                    Some(calm) if world.now >= calm + (*within).into() => that,
                    _ => continue,
                },
                Expectation::Sometimes(_) => continue,
            };
            if !is_asked(condition) {
                continue;
            }
            match unmet(condition, self.about[place].as_ref(), world, receiver, lists) {
                None => self.met[place] = true,
                Some(broken) if self.met[place] || matches!(expectation, Expectation::Eventually { .. }) => {
                    return Err(broken);
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
fn unmet(
    condition: &Condition,
    about: Option<&BTreeSet<DiscovererId>>,
    world: &World,
    receiver: &Receiver,
    lists: &Lists,
) -> Option<Box<Broken>> {
    let unless = |met: bool, reason: &dyn Fn() -> String| (!met).then(|| Broken::of(Rule::Expectation, reason()));
    match condition {
        Condition::Converged => receiver.diverged(world),
        Condition::StaleAtMost(longest) | Condition::JobStaleAtMost { at_most: longest, .. } => {
            let oldest = receiver.oldest(world.now, |id| about.is_none_or(|about| about.contains(&id)));
            unless(oldest <= *longest, &|| {
                format!("a change has been on its way for {oldest}; {longest} was expected at most")
            })
        }
        Condition::ShowsAtLeast(share) => {
            let (has, should) = (receiver.targets(), receiver.should_have(world));
            unless(has >= share.of(should), &|| {
                format!("the receiver has {has} targets of {should}; {share} was expected at least")
            })
        }
        Condition::ListsShowAtLeast(share) => {
            let (has, should) = lists.shown(world, receiver);
            unless(has >= share.of(should), &|| {
                format!("who reads the lists has {has} hosts of {should}; {share} was expected at least")
            })
        }
    }
}
