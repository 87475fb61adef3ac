//! The run: a simulation whose discoverers are real ones, all under one clock.
//!
//! The simulation decides what happens and judges it; the stage runs the discoverers between two of its
//! instants and hands it what they report. **Time goes on only when nobody has anything to do.**

use std::collections::BTreeMap;

use headcount_core::{Instant, ProviderId};
use headcount_discoverer::Report;
use headcount_discoverer::testing::Received;

use super::actor::Actor;
use super::stamp::{Naming, unstamped};
use super::{Parts, Receive};
use crate::engine::Body;
use crate::engine::outside::Order;
use crate::oracle::Broken;
use crate::trace::Traced;
use crate::{DiscovererId, Outcome, Rule, Simulation};

/// More turns than this at one instant are an endless loop.
const MOST_TURNS: u32 = 10_000;

/// A rehearsal that runs.
pub(super) struct Stage {
    simulation: Simulation,
    actors: BTreeMap<DiscovererId, Actor>,
    parts: BTreeMap<DiscovererId, Parts>,
    receive: Receive,
}

impl Stage {
    pub(super) fn new(simulation: Simulation, parts: BTreeMap<DiscovererId, Parts>, receive: Receive) -> Self {
        let world = simulation.world();
        let actor = |(id, parts): (&DiscovererId, &Parts)| (*id, Actor::new(world, *id, parts));
        Self {
            actors: parts.iter().map(actor).collect(),
            parts,
            receive,
            simulation,
        }
    }

    /// Runs to the end, or to the first broken rule.
    pub(super) fn run(mut self) -> (Outcome, Vec<Traced>) {
        loop {
            self.instant();
            let now = self.simulation.world().now;
            let next = self.next_at().map(|next| next.max(now));
            if !self.simulation.go_to(next) {
                return (self.simulation.outcome(), self.simulation.take_events());
            }
        }
    }

    fn next_at(&self) -> Option<Instant> {
        let world = self.simulation.world();
        let actors = self.actors.values().filter_map(|actor| actor.next_at(world));
        actors.chain(self.simulation.next_at()).min()
    }

    /// Does all that happens now.
    fn instant(&mut self) {
        for _ in 0..MOST_TURNS {
            self.simulation.instant();
            if !self.turn() {
                return;
            }
        }
        let reason = "a discoverer does one thing after another and never lets time pass";
        self.simulation.broken(*Broken::of(Rule::TimeGoesOn, reason));
    }

    /// Lets everybody do what can be done now; says whether anybody did anything.
    fn turn(&mut self) -> bool {
        let mut any = self.carry_out();
        let ids: Vec<DiscovererId> = self.actors.keys().copied().collect();
        for id in ids {
            any |= self.turn_of(id);
        }
        if let Some(snapshot) = self.simulation.take_snapshot() {
            let takes = (self.receive)(self.simulation.now(), &snapshot);
            self.simulation.receiver_takes(takes);
            any = true;
        }
        any
    }

    fn turn_of(&mut self, id: DiscovererId) -> bool {
        let Some(actor) = self.actors.get_mut(&id) else {
            return false;
        };
        let world = self.simulation.world_mut();
        actor.ask(world);
        let store = actor.world.files.clone();
        let mut any = actor.files.turn(world, &store);
        any |= actor.serve(world);
        if world.holds_up(id).is_some() {
            return any;
        }
        let reports = actor.turn(world);
        // What it asked for just now is on its way at once.
        any |= actor.serve(world);
        any |= !reports.is_empty();
        self.report(id, reports);
        any
    }

    /// Starts, stops and cuts off whom the simulation says.
    fn carry_out(&mut self) -> bool {
        let mut any = false;
        while let Some(order) = self.simulation.world_mut().orders.pop_front() {
            any = true;
            match order {
                Order::Start {
                    id,
                    provider,
                    found_before,
                } => {
                    let service = self.simulation.world().plan.discoverers[id.place()].service;
                    if let (Some(actor), Some(parts)) = (self.actors.get_mut(&id), self.parts.get(&id)) {
                        actor.start((parts.make)(service), provider, unstamped(&found_before));
                    }
                }
                Order::Stop { id } => {
                    let late = self.actors.get_mut(&id).map(Actor::stop).unwrap_or_default();
                    self.report(id, late);
                }
                Order::Cut { id, noticed } => {
                    if let Some(actor) = self.actors.get_mut(&id) {
                        actor.cut(noticed);
                    }
                }
            }
        }
        any
    }

    fn report(&mut self, id: DiscovererId, reports: Vec<(ProviderId, Received)>) {
        for (provider, received) in reports {
            let body = match received.report {
                Report::Failure(failure) => Body::Failed(failure),
                // The manager has nothing of it, or passes it on as it is.
                Report::Answered(_) | Report::Warning(_) => continue,
                Report::Update(update) => match self.naming(id).stamp(self.simulation.world(), id, &update) {
                    Ok(stamped) => Body::Found(stamped),
                    Err(target) => {
                        let reason = format!("{id} found a target that no host is or was: {target}");
                        self.simulation.broken(*Broken::of(Rule::NoGhost, reason).by(provider));
                        continue;
                    }
                },
            };
            self.simulation.world_mut().reported(id, provider, body);
            self.simulation.pump();
        }
    }

    fn naming(&self, id: DiscovererId) -> Naming {
        self.parts
            .get(&id)
            .map(|parts| parts.naming.clone())
            .unwrap_or_default()
    }
}
