//! Draws what happens to hosts.

use core::cmp::Reverse;
use std::collections::BinaryHeap;

use headcount_core::Instant;

use crate::dice::{Entity, Purpose};
use crate::plan::Plan;
use crate::world::truth::Truth;
use crate::{Change, Churn, Dice, Happening, HostId, Looks, ServiceId, Span};

/// Draws what happens to hosts: each host has its own dice for each entry of the scenario's list.
#[derive(Debug, Clone)]
pub(crate) struct ChurnDrawer {
    dice: Dice,
    /// When something happens next, by which entry, to which host, for the how-manieth time.
    agenda: BinaryHeap<Reverse<(Instant, u16, HostId, u32)>>,
    churn: Vec<Churn>,
    ends: Instant,
}

impl ChurnDrawer {
    pub(crate) fn new(plan: &Plan, dice: Dice) -> Self {
        let scenario = &plan.scenario;
        let mut drawer = Self {
            dice,
            agenda: BinaryHeap::new(),
            churn: scenario.churn.clone(),
            ends: scenario.storm_ends().moment(),
        };
        for (entry, churn) in scenario.churn.iter().enumerate() {
            for host in (0..scenario.hosts.count).map(HostId) {
                if let Churn::Steady { rate, every, .. } = churn {
                    let mean = every.times(u64::from(rate.whole())).as_nanos() / u64::from(rate.part().max(1));
                    // Of two draws the earlier one: as if the host had been changing for ever.
                    let first = drawer
                        .gap(entry as u16, host, 0, mean)
                        .min(drawer.gap(entry as u16, host, 1, mean));
                    drawer
                        .agenda
                        .push(Reverse((Instant::ZERO + first.into(), entry as u16, host, 2)));
                }
            }
        }
        drawer
    }

    /// A fleet as it is at the start.
    pub(crate) fn at_start(plan: &Plan) -> impl Iterator<Item = (HostId, Looks)> + use<'_> {
        let hosts = &plan.scenario.hosts;
        (0..hosts.count).map(|number| {
            let looks = Looks {
                service: ServiceId(number % hosts.services),
                zone: number % hosts.zones,
                address: number,
                name: number,
                release: 0,
                labels: hosts.labels,
            };
            (HostId(number), looks)
        })
    }

    pub(crate) fn next_at(&self) -> Option<Instant> {
        let Reverse((at, ..)) = self.agenda.peek()?;
        Some(*at).filter(|at| *at < self.ends)
    }

    pub(crate) fn draw(&mut self, now: Instant, truth: &Truth, decide: &mut impl FnMut(Happening)) {
        while let Some(Reverse((at, entry, host, count))) = self.agenda.peek().copied()
            && at <= now
        {
            self.agenda.pop();
            if let Churn::Steady { rate, every, change } = &self.churn[usize::from(entry)] {
                let (change, mean) = (
                    *change,
                    every.times(u64::from(rate.whole())).as_nanos() / u64::from(rate.part().max(1)),
                );
                if let Some(&looks) = truth.looks(host).filter(|_| truth.is_up(host)) {
                    let looks = match change {
                        Change::Replace => Looks {
                            address: next_address(looks.address),
                            ..looks
                        },
                        Change::Relabel => Looks {
                            release: looks.release.wrapping_add(1),
                            ..looks
                        },
                    };
                    decide(Happening::Up { host, looks });
                }
                let next = now + self.gap(entry, host, count, mean).into();
                self.agenda.push(Reverse((next, entry, host, count + 1)));
            }
        }
    }

    fn gap(&self, entry: u16, host: HostId, count: u32, mean: u64) -> Span {
        let who = Entity::Churn(entry, host.0);
        let nanos = self
            .dice
            .between(who, Purpose::Gap, u64::from(count), 1, mean.saturating_mul(2));
        Span::from_nanos(nanos)
    }
}

/// A host's next address: its upper ten bits count, so that no two hosts ever meet.
fn next_address(address: u32) -> u32 {
    address.wrapping_add(1 << 22)
}
