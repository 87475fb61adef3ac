//! A snapshot is handed over: the oracles check what changed, and the receiver is busy.

use headcount_core::Snapshot;

use super::Simulation;
use crate::engine::Event;
use crate::oracle::Broken;
use crate::oracle::expect::Seen;
use crate::oracle::receiver::Received;
use crate::rng::{Entity, Purpose};
use crate::scenario::{Checks, Mark};
use crate::subject::Subject;
use crate::trace::TraceEvent;
use crate::{DiscovererId, HostId, Rule, Span};

impl<M: Subject> Simulation<M> {
    pub(super) fn emitted(&mut self, snapshot: Snapshot, waited: bool) {
        let older = core::mem::replace(&mut self.snapshot, snapshot);
        let newer = self.snapshot.clone();
        let diff = newer.diff(&older);
        let mut changes = Vec::new();
        for change in diff.providers() {
            if let Some(id) = self.who(change.id()) {
                changes.push((id, change));
            }
        }
        if self.plan.scenario.checks != Checks::None {
            let verdict = self
                .contract
                .emitted(self.world.now, waited, (&older, &newer), &changes, &self.manager);
            self.rule(verdict);
            if self.contract.puts_off() {
                self.world.mark(Mark::ChangePutOff);
            }
            self.serve_lists(&newer);
        }
        if let Some(pools) = self.pools.as_mut().filter(|_| self.violations.is_empty()) {
            let verdict = pools.take(self.world.now, &older, &newer);
            self.rule(verdict);
        }
        if let Some(sharing) = self.sharing.as_mut().filter(|_| self.violations.is_empty()) {
            let verdict = sharing.take(self.world.now, &older, &newer);
            self.rule(verdict);
        }
        let had: Vec<_> = changes
            .iter()
            .map(|(id, _)| (*id, self.receiver.known_of(*id)))
            .collect();
        let received = self.receiver.take(&self.world, &changes);
        if had.iter().any(|(id, had)| *had > 0 && self.receiver.known_of(*id) == 0) {
            self.world.mark(Mark::EmptySaid);
        }
        if let Some((id, host)) = received.lost {
            self.lost(id, host);
        }
        self.measure(&newer, received);
        self.expectations.note(self.world.now, &self.receiver);
        if self.lists.have_changed() {
            let seen = Seen {
                world: &self.world,
                receiver: &self.receiver,
                lists: &self.lists,
                bytes: self.consumer.bytes,
            };
            let unmet = self.expectations.check_lists(seen);
            self.all_broken(unmet);
        }

        if self.consumer.is_outside {
            self.consumer.handed = Some(newer);
        } else {
            self.receiver_takes(Span::ZERO);
        }
    }

    /// Serves the jobs' lists as a snapshot says, before the receiver knows of it.
    fn serve_lists(&mut self, snapshot: &Snapshot) {
        let sets_changed = core::mem::take(&mut self.contract.sets_changed);
        let served = self
            .lists
            .take(&self.plan, snapshot, sets_changed, &self.receiver, &self.contract);
        match served {
            Ok(marks) => marks.into_iter().for_each(|mark| self.world.mark(mark)),
            Err(broken) => self.broken(*broken),
        }
    }

    /// The snapshot that is for a receiver outside, once.
    pub(crate) fn take_snapshot(&mut self) -> Option<Snapshot> {
        self.consumer.handed.take()
    }

    /// The receiver has the newest snapshot, and needs so long for it beside what the scenario says.
    pub(crate) fn receiver_takes(&mut self, besides: Span) {
        let version = self.snapshot.version();
        let takes = self.plan.scenario.receiver.takes;
        let takes = self.world.rng.span(Entity::Receiver, Purpose::Latency, version, takes);
        let ready = (self.world.now + takes.plus(besides).into()).max(self.consumer.paused_until);
        self.world
            .queue
            .schedule(ready, Event::ReceiverReady { life: self.lives });
    }

    fn lost(&mut self, id: DiscovererId, host: HostId) {
        let reason = format!("{id} knew it, it is there, no backend said that it is gone, and {id} took it away");
        let broken = Broken::of(Rule::FailureKeeps, reason).about(host.to_string());
        self.broken(match self.world.discoverers[id.place()].provider {
            Some(provider) => *broken.by(provider),
            None => *broken,
        });
    }

    fn measure(&mut self, snapshot: &Snapshot, received: Received) {
        for learned in &received.learned {
            if let Some(staleness) = learned.staleness {
                self.world.meter.staleness.add(staleness);
                let unmet = self.expectations.learned(learned.discoverer, staleness);
                self.all_broken(unmet);
            }
        }
        let targets = self.receiver.targets();
        self.consumer.bytes = self.consumer.bytes + received.bytes - received.bytes_gone;
        self.world.meter.differences_compared += received.compared;
        let metrics = &mut self.world.meter.metrics;
        metrics.bytes_changed += received.bytes;
        metrics.vanished += received.vanished;
        metrics.bytes_whole += self.consumer.bytes;
        metrics.peak_bytes = metrics.peak_bytes.max(self.consumer.bytes);
        metrics.peak_targets = metrics.peak_targets.max(targets);
        self.world
            .fold(snapshot.version() ^ received.groups << 24 ^ received.bytes << 40);
        for learned in received.learned {
            self.world.trace(|| TraceEvent::Learned {
                discoverer: learned.discoverer,
                host: learned.host,
                version: learned.version,
                staleness: learned.staleness,
            });
        }
        let (version, groups, bytes) = (snapshot.version(), received.groups, received.bytes);
        self.world.trace(|| TraceEvent::Emission {
            version,
            targets,
            groups,
            bytes,
        });
    }
}
