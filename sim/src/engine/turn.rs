//! When a discoverer's next turn comes, and what it reports of the last one.
//!
//! **A discoverer waits by its own clock**, which may run or leap as it likes; what it is asked to
//! wait for by the wall's clock it may misread.

use headcount_core::{Failure, Instant};

use super::discoverer::{Body, Report};
use super::world::World;
use crate::plan::Plan;
use crate::rng::{Entity, Purpose};
use crate::scenario::{BackendKind, Phase};
use crate::trace::TraceEvent;
use crate::{DiscovererId, Span};

impl World {
    pub(super) fn failed(&mut self, id: DiscovererId, call: u64, why: &'static str, retry_after: Option<Span>) {
        let plan = self.plan.clone();
        let mine = &plan.discoverers[id.place()];
        let retry = plan.scenario.discoverers[mine.entry].retry;
        let discoverer = &mut self.discoverers[id.place()];
        let doublings = discoverer.failures.min(32);
        discoverer.failures += 1;
        discoverer.last_failure = Some(why.into());
        if mine.resync.is_some() {
            // A server that was away may be earlier in its history than before.
            discoverer.held_at = None;
        }
        if !mine.kind.polls() {
            // A connection that failed is made anew.
            discoverer.link += 1;
        }
        self.unwatch(id);
        self.meter.metrics.failures += 1;
        self.trace(|| TraceEvent::Answer {
            discoverer: id,
            call,
            view_version: None,
            failure: Some(why.to_owned()),
        });
        let description = &mine.description;
        self.report(
            id,
            Body::Failed(Failure::new(format!("asking for {description}: {why}"))),
        );
        let wait = match (retry_after, self.faults.wall(id)) {
            (None, _) => retry.low().times(1 << doublings).min(retry.high()),
            (Some(wait), None) => wait,
            // The server names a time of day.
            (Some(wait), Some((by, false))) => wait.minus(by),
            (Some(wait), Some((by, true))) => wait.plus(by),
        };
        let at = self.now + self.stretch(id, wait).into();
        if retry_after.is_some() {
            self.faults.disturbed(at, id);
        }
        self.wait_until(id, at);
    }

    /// Plans what comes after an answer.
    pub(super) fn next_turn(&mut self, plan: &Plan, id: DiscovererId, call: u64) {
        let mine = &plan.discoverers[id.place()];
        let entry = &plan.scenario.discoverers[mine.entry];
        let wait = match mine.kind {
            BackendKind::Dns | BackendKind::Http | BackendKind::File => {
                // As the production refresh loop does: the second time after half to a whole
                // interval, the others after 90 % to 100 % of one, from start to start.
                let nanos = entry.refresh.as_nanos();
                let least = if call == 0 { nanos / 2 } else { nanos / 10 * 9 };
                match entry.phase {
                    Phase::Spread => {
                        let who = Entity::Discoverer(id.0);
                        Span::from_nanos(self.rng.between(who, Purpose::Phase, call, least, nanos))
                    }
                    Phase::Together => entry.refresh,
                }
            }
            BackendKind::Consul => Span::ZERO,
            BackendKind::Zookeeper if self.discoverers[id.place()].again => Span::ZERO,
            BackendKind::Static | BackendKind::Kubernetes | BackendKind::Zookeeper | BackendKind::Push => return,
        };
        let discoverer = &mut self.discoverers[id.place()];
        let asked_at = discoverer.asked_at;
        let wait = if core::mem::replace(&mut discoverer.again, false) {
            Span::ZERO
        } else {
            wait
        };
        let at = (asked_at + self.stretch(id, wait).into()).max(self.now);
        self.wait_until(id, at);
    }

    /// Plans a discoverer's next turn by its own clock, which may leap meanwhile.
    fn wait_until(&mut self, id: DiscovererId, at: Instant) {
        let at = match self.discoverers[id.place()].leap.take() {
            None => at,
            Some((by, false)) => Instant::from_nanos(at.as_nanos().saturating_sub(by.as_nanos())).max(self.now),
            Some((by, true)) => {
                let later = at + by.into();
                self.faults.disturbed(later, id);
                later
            }
        };
        self.ask_at(id, at);
    }

    pub(crate) fn report(&mut self, id: DiscovererId, body: Body) {
        let Some(provider) = self.discoverers[id.place()].provider else {
            return;
        };
        self.fold(u64::from(id.0) << 32 | provider.number());
        self.outbox.push_back(Report {
            provider,
            discoverer: id,
            body,
        });
    }
}
