//! How much happens at one instant.
//!
//! The clock stands while anything is left to do, so what is done again in no time would be done for ever. **An instant
//! comes to its end, or the run fails in it** ([`Rule::TimeGoesOn`]): the bound is a number of events, so that it is the
//! same one in every run, however fast the machine is.

use core::fmt;

use headcount_core::Instant;

use super::Simulation;
use crate::engine::Event;
use crate::oracle::Broken;
use crate::plan::Plan;
use crate::subject::Subject;
use crate::{DiscovererId, Rule};

/// So much may happen at once in any world…
const IN_ANY: u64 = 10_000;
/// …and so much for each change that reaches each discoverer, or each replica.
const FOR_EACH: u64 = 10;

/// So many of the last are looked at, to say what it is that comes again and again.
const LAST: u64 = 64;
/// So many different ones are named.
const NAMED: usize = 4;

/// What happened so far at an instant.
#[derive(Debug, Clone)]
pub(super) struct AtOnce {
    at: Instant,
    count: u64,
    most: u64,
    /// The last ones before there were too many.
    last: Vec<Turn>,
}

/// One thing that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// A decision of the scenario takes effect.
    Input,
    /// The manager's time is up.
    Timeout,
    Event(Event),
}

impl AtOnce {
    pub(super) fn new(plan: &Plan) -> Self {
        let hosts = u64::from(plan.scenario.hosts.count);
        let in_a_service = hosts.div_ceil(u64::from(plan.scenario.hosts.services.max(1)));
        let told = (in_a_service + plan.scenario.script.len() as u64) * (plan.discoverers.len() as u64 + 1);
        let shown = hosts * plan.views.len() as u64;
        Self {
            at: Instant::ZERO,
            count: 0,
            most: IN_ANY + FOR_EACH * (told + shown),
            last: Vec::new(),
        }
    }

    /// Counts it. Whether it may happen, or is one too many.
    fn may(&mut self, now: Instant, turn: Turn) -> bool {
        if self.at != now {
            (self.at, self.count) = (now, 0);
            self.last.clear();
        }
        self.count += 1;
        if self.count + LAST > self.most {
            self.last.push(turn);
        }
        self.count <= self.most
    }

    /// Whose it is, if all of the last ones are of one discoverer.
    fn whose(&self) -> Option<DiscovererId> {
        let mut all = self.last.iter().map(|turn| turn.whose());
        let first = all.next()??;
        all.all(|other| other == Some(first)).then_some(first)
    }

    /// What comes again and again.
    fn says(&self) -> String {
        let mut different: Vec<Turn> = Vec::new();
        for turn in &self.last {
            if !different.iter().any(|other| other.is_like(*turn)) {
                different.push(*turn);
            }
        }
        let named: Vec<String> = different.iter().take(NAMED).map(Turn::to_string).collect();
        named.join(", ")
    }
}

impl<M: Subject> Simulation<M> {
    /// Whether this may happen now; the run fails if it is one too many.
    pub(super) fn may_happen(&mut self, turn: Turn) -> bool {
        let may = self.at_once.may(self.world.now, turn);
        if !may {
            let (most, says) = (self.at_once.most, self.at_once.says());
            let reason = format!("time stands still, and it goes on and on after {most} events at one instant: {says}");
            let provider = self
                .at_once
                .whose()
                .and_then(|id| self.world.discoverers[id.place()].provider);
            let broken = Broken::of(Rule::TimeGoesOn, reason);
            self.broken(match provider {
                Some(provider) => *broken.by(provider),
                None => *broken,
            });
        }
        may
    }
}

impl Turn {
    fn whose(self) -> Option<DiscovererId> {
        match self {
            Self::Event(event) => event.whose().map(|(id, _)| id),
            Self::Input | Self::Timeout => None,
        }
    }

    /// Whether it is the same to who reads of it: calls and connections are counted up.
    fn is_like(self, other: Self) -> bool {
        self.whose() == other.whose() && self.word() == other.word()
    }

    fn word(self) -> &'static str {
        match self {
            Self::Input => "the scenario decides something",
            Self::Timeout => "the manager's time is up",
            Self::Event(event) => event.word(),
        }
    }
}

impl fmt::Display for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.whose() {
            Some(id) => write!(f, "{id} {}", self.word()),
            None => f.write_str(self.word()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::generate::Source;
    use crate::{
        Backend, BackendKind, Discoverers, Fault, FaultKind, Hosts, KeyedRng, Scenario, Span, SpanRange, Violation,
    };

    /// Who is given no index that can be waited for asks again at once.
    fn spins(latency: SpanRange) -> Simulation {
        let scenario = Scenario::new("an answer in no time")
            .until(Span::secs(30))
            .hosts(Hosts::new(1))
            .backend(Backend::new("consul", BackendKind::Consul))
            .discoverers(Discoverers::of("consul"))
            .fault(Fault::new(FaultKind::Empty));
        let mut plan = Plan::new(&scenario).expect("it makes sense");
        // Which is refused of a scenario.
        plan.scenario.backends[0].latency = latency;
        let plan = Arc::new(plan);
        let source = Source::drawn(&plan, KeyedRng::new(1));
        Simulation::start(plan, KeyedRng::new(1), source)
    }

    fn broken(run: Simulation) -> Vec<Violation> {
        run.run().violations
    }

    #[test]
    fn an_instant_without_end_fails_and_says_of_whom() {
        let found = broken(spins(SpanRange::ZERO));
        let [violation] = found.as_slice() else {
            panic!("{found:?}");
        };
        assert_eq!(violation.rule, Rule::TimeGoesOn);
        assert_eq!(violation.provider.as_deref(), Some("consul/0"));
        assert!(
            violation.reason.contains("is answered") && violation.reason.contains("asks"),
            "{violation}"
        );
        // It ends a run that goes past failures, too, and is the same however often it is run.
        assert_eq!(broken(spins(SpanRange::ZERO).past_failures()), found);
    }

    #[test]
    fn who_lets_time_pass_may_ask_as_often() {
        let run = spins(SpanRange::exactly(Span::millis(1))).run();
        assert!(run.events > 2 * IN_ANY, "{} events", run.events);
        assert!(
            run.violations
                .iter()
                .all(|violation| violation.rule != Rule::TimeGoesOn)
        );
    }
}
