//! Draws what happens to hosts.
//!
//! Hosts that come in addition (a second fleet, clones) have numbers behind those of the fleet,
//! as many for each entry as the fleet has, and share the draws of the host that they go with.

use headcount_core::Instant;

use super::{Drawer, Task};
use crate::rng::{Entity, Purpose};
use crate::world::truth::Truth;
use crate::{Change, Churn, Happening, HostId, Looks, Ratio, ServiceId, Span, SpanRange};

impl Drawer {
    pub(super) fn plan_churn(&mut self) {
        let plan = self.plan.clone();
        let hosts = &plan.scenario.hosts;
        for (entry, churn) in plan.scenario.churn.iter().enumerate() {
            let entry = entry as u16;
            for host in (0..hosts.count).map(HostId) {
                if let Some(first) = self.first(churn, entry, host) {
                    self.plan_at(first.moment(), Task::Churn { entry, host, step: 0 });
                }
            }
        }
    }

    /// When an entry first concerns a host, if it ever does.
    fn first(&self, churn: &Churn, entry: u16, host: HostId) -> Option<Span> {
        let who = Entity::Churn(entry, host.0);
        let hosts = &self.plan.scenario.hosts;
        let within = |over: Span| {
            self.rng
                .span(who, Purpose::Phase, 0, SpanRange::between(Span::ZERO, over))
        };
        let if_chosen = |share: Ratio, at: Span| self.chosen(who, share).then_some(at);
        match churn {
            Churn::Steady { rate, every, .. } => Some(self.gap(who, 0, mean(*rate, *every))),
            Churn::RollingDeploy { at, over, service, .. } => {
                let mine = service.is_none_or(|service| host.0 % hosts.services == service);
                mine.then(|| at.plus(within(*over)))
            }
            Churn::BlueGreen { at, over, .. } | Churn::MassRelabel { at, over, .. } => Some(at.plus(within(*over))),
            Churn::Autoscale { at, by, over, .. } => if_chosen(*by, at.plus(within(*over))),
            Churn::ZoneLoss { at, zone, .. } => (host.0 % hosts.zones == *zone).then_some(*at),
            Churn::SpotReclaim { at, share, over, .. }
            | Churn::IpReuse { at, share, over }
            | Churn::NameReuse { at, share, over, .. } => if_chosen(*share, at.plus(within(*over))),
            Churn::Flapping { share, up, .. } => if_chosen(*share, within(up.high())),
            Churn::HostClone { at, share } => if_chosen(*share, *at),
        }
    }

    pub(super) fn draw_churn(&mut self, at: Instant, entry: u16, host: HostId, step: u32, truth: &Truth) {
        let plan = self.plan.clone();
        let who = Entity::Churn(entry, host.0);
        let here = truth.looks(host).copied().filter(|_| truth.is_up(host));
        let Some(looks) = truth.looks(host).copied() else {
            return;
        };
        let spare = HostId(host.0 + plan.scenario.hosts.count * (u32::from(entry) + 1));
        let next = |drawer: &mut Self, at: Instant| {
            let step = step + 1;
            drawer.plan_at(at, Task::Churn { entry, host, step });
        };
        let up = |host, looks| Happening::Up { host, looks };
        let down = |host| Happening::Down { host };
        let moved = Looks {
            address: next_address(looks.address),
            ..looks
        };
        match &plan.scenario.churn[usize::from(entry)] {
            Churn::Steady { rate, every, change } => {
                if here.is_some() {
                    let looks = match change {
                        Change::Replace => moved,
                        Change::Relabel => next_release(looks),
                    };
                    self.drawn.push_back(up(host, looks));
                }
                let gap = self.gap(who, step + 1, mean(*rate, *every));
                next(self, at + gap.into());
            }
            Churn::RollingDeploy { away, .. } => match step {
                0 if here.is_some() => self.leave(at, entry, host, *away),
                0 => {}
                _ => self.drawn.push_back(up(host, next_release(moved))),
            },
            Churn::BlueGreen {
                over,
                at: start,
                overlap,
                ..
            } => match step {
                0 => {
                    self.drawn.push_back(up(spare, next_release(moved)));
                    next(self, start.plus(*over).plus(*overlap).moment());
                }
                _ => self.drawn.push_back(down(host)),
            },
            Churn::Autoscale { over, lasts, .. } => match step {
                0 => {
                    let name = spare.0;
                    self.drawn.push_back(up(spare, Looks { name, ..moved }));
                    let shrinks = SpanRange::between(Span::ZERO, *over);
                    let stays = lasts.plus(self.rng.span(who, Purpose::Length, 0, shrinks));
                    next(self, at + stays.into());
                }
                _ => self.drawn.push_back(down(spare)),
            },
            Churn::ZoneLoss { lasts, .. } => match step {
                0 if here.is_some() => self.leave(at, entry, host, SpanRange::exactly(*lasts)),
                0 => {}
                _ => self.drawn.push_back(up(host, looks)),
            },
            Churn::SpotReclaim { replaced_after, .. } => match step {
                0 if here.is_some() => self.leave(at, entry, host, *replaced_after),
                0 => {}
                _ => self.drawn.push_back(up(host, Looks { name: spare.0, ..moved })),
            },
            Churn::MassRelabel { more_labels, .. } => {
                let labels = looks.labels.saturating_add(*more_labels);
                if here.is_some() {
                    self.drawn.push_back(up(
                        host,
                        Looks {
                            labels,
                            ..next_release(looks)
                        },
                    ));
                }
            }
            Churn::Flapping {
                up: stays,
                down: stays_away,
                ..
            } => {
                let range = if here.is_some() { stays_away } else { stays };
                let span = self
                    .rng
                    .span(who, Purpose::Length, u64::from(step), *range)
                    .max(Span::from_nanos(1));
                self.drawn
                    .push_back(if here.is_some() { down(host) } else { up(host, looks) });
                next(self, at + span.into());
            }
            Churn::IpReuse { .. } => {
                if here.is_some() {
                    let services = plan.scenario.hosts.services;
                    let service = ServiceId((looks.service.0 + 1) % services);
                    self.drawn.push_back(down(host));
                    self.drawn.push_back(up(
                        spare,
                        Looks {
                            service,
                            name: spare.0,
                            ..looks
                        },
                    ));
                }
            }
            Churn::NameReuse { away, .. } => match step {
                0 if here.is_some() => self.leave(at, entry, host, *away),
                0 => {}
                _ => self.drawn.push_back(up(host, moved)),
            },
            Churn::HostClone { .. } => {
                if here.is_some() {
                    self.drawn.push_back(up(spare, moved));
                }
            }
        }
    }

    /// The host goes now and comes back after a while.
    fn leave(&mut self, at: Instant, entry: u16, host: HostId, away: SpanRange) {
        let who = Entity::Churn(entry, host.0);
        self.drawn.push_back(Happening::Down { host });
        let back = at + self.rng.span(who, Purpose::Length, 0, away).into();
        self.plan_at(back, Task::Churn { entry, host, step: 1 });
    }
}

/// How far apart a host's changes are, if so many of all hosts change in each span.
fn mean(rate: Ratio, every: Span) -> Span {
    let nanos = u128::from(every.as_nanos()) * u128::from(rate.whole()) / u128::from(rate.part().max(1));
    Span::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// A host's next address: its upper ten bits count, so that no two hosts ever meet.
fn next_address(address: u32) -> u32 {
    address.wrapping_add(1 << 22)
}

fn next_release(looks: Looks) -> Looks {
    Looks {
        release: looks.release.wrapping_add(1),
        ..looks
    }
}
