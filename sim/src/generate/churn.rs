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
            Churn::Daily { .. } => {
                let day = self.day(churn, who)?;
                // It begins as it is at midnight.
                Some(if day.is_away(Span::ZERO) {
                    Span::ZERO
                } else {
                    day.next(Span::ZERO)
                })
            }
        }
    }

    /// Draws what an entry makes of a host now, and plans its next step if there is one.
    pub(super) fn draw_churn(&mut self, at: Instant, entry: u16, host: HostId, step: u32, truth: &Truth) {
        let plan = self.plan.clone();
        let Some(looks) = truth.looks(host).copied() else {
            return;
        };
        let turn = Turn {
            at,
            entry,
            host,
            step,
            looks,
            is_up: truth.is_up(host),
            spare: HostId(host.0 + plan.scenario.hosts.count * (u32::from(entry) + 1)),
        };
        let moved = turn.moved();
        match &plan.scenario.churn[usize::from(entry)] {
            Churn::Steady { rate, every, change } => {
                let looks = match change {
                    Change::Replace => moved,
                    Change::Relabel => next_release(looks),
                };
                self.change(turn, looks);
                let gap = self.gap(turn.who(), step + 1, mean(*rate, *every));
                self.plan_next(turn, at + gap.into());
            }
            Churn::RollingDeploy { away, .. } => self.draw_absence(turn, *away, next_release(moved)),
            Churn::ZoneLoss { lasts, .. } => self.draw_absence(turn, SpanRange::exactly(*lasts), looks),
            Churn::SpotReclaim { replaced_after, .. } => {
                let name = turn.spare.0;
                self.draw_absence(turn, *replaced_after, Looks { name, ..moved });
            }
            Churn::NameReuse { away, .. } => self.draw_absence(turn, *away, moved),
            Churn::BlueGreen {
                at: start,
                over,
                overlap,
                ..
            } => match step {
                0 => {
                    self.up(turn.spare, next_release(moved));
                    self.plan_next(turn, start.plus(*over).plus(*overlap).moment());
                }
                _ => self.down(host),
            },
            Churn::Autoscale { over, lasts, .. } => self.draw_autoscale(turn, *over, *lasts),
            Churn::MassRelabel { more_labels, .. } => {
                let labels = looks.labels.saturating_add(*more_labels);
                let relabelled = Looks {
                    labels,
                    ..next_release(looks)
                };
                self.change(turn, relabelled);
            }
            Churn::Flapping { up, down, .. } => self.draw_flap(turn, *up, *down),
            Churn::IpReuse { .. } if turn.is_up => {
                let service = ServiceId((looks.service.0 + 1) % plan.scenario.hosts.services);
                let name = turn.spare.0;
                self.down(host);
                self.up(turn.spare, Looks { service, name, ..looks });
            }
            Churn::HostClone { .. } if turn.is_up => self.up(turn.spare, moved),
            daily @ Churn::Daily { .. } => self.draw_hours(turn, daily),
            Churn::IpReuse { .. } | Churn::HostClone { .. } => {}
        }
    }

    /// The host goes at its first step, if it is there, and comes back at its second, looking like this.
    fn draw_absence(&mut self, turn: Turn, away: SpanRange, back: Looks) {
        if turn.step > 0 {
            self.up(turn.host, back);
        } else if turn.is_up {
            self.down(turn.host);
            let back = turn.at + self.rng.span(turn.who(), Purpose::Length, 0, away).into();
            self.plan_next(turn, back);
        }
    }

    /// Another host comes up beside this one, and goes after a while.
    fn draw_autoscale(&mut self, turn: Turn, over: Span, lasts: Span) {
        if turn.step > 0 {
            self.down(turn.spare);
            return;
        }
        let name = turn.spare.0;
        self.up(turn.spare, Looks { name, ..turn.moved() });
        let shrinks = SpanRange::between(Span::ZERO, over);
        let stays = lasts.plus(self.rng.span(turn.who(), Purpose::Length, 0, shrinks));
        self.plan_next(turn, turn.at + stays.into());
    }

    /// The host goes if it is up, else it comes, for as long as it stays so.
    fn draw_flap(&mut self, turn: Turn, up: SpanRange, down: SpanRange) {
        let range = if turn.is_up {
            self.down(turn.host);
            down
        } else {
            self.up(turn.host, turn.looks);
            up
        };
        let stays = self.rng.span(turn.who(), Purpose::Length, u64::from(turn.step), range);
        self.plan_next(turn, turn.at + stays.max(Span::from_nanos(1)).into());
    }

    /// The host goes where its day ends, and comes where it begins.
    fn draw_hours(&mut self, turn: Turn, daily: &Churn) {
        let Some(day) = self.day(daily, turn.who()) else { return };
        let now = Span::since_start(turn.at);
        match day.is_away(now) {
            true if turn.is_up => self.down(turn.host),
            false if !turn.is_up => self.up(turn.host, turn.looks),
            _ => {}
        }
        self.plan_next(turn, day.next(now).moment());
    }

    /// When of the day a host is up, unless it always is: of those that are as soon dispensable as it is, none is left then.
    fn day(&self, churn: &Churn, who: Entity) -> Option<Day> {
        let Churn::Daily { busiest, low, every } = churn else {
            return None;
        };
        let rank = u128::from(self.natures.draw(who, Purpose::Choice, 0) >> 32);
        let all = u128::from(u32::MAX);
        // Both in parts of `all`, of what is not there at the least busy time.
        let above = all - all * u128::from(low.part()) / u128::from(low.whole().max(1));
        let spared = all - rank;
        if above == 0 || spared >= above {
            return None;
        }
        let half = u128::from(every.as_nanos() / 2);
        let reach = u64::try_from(half * spared / above).unwrap_or(u64::MAX);
        Some(Day {
            busiest: *busiest,
            every: *every,
            reach: Span::from_nanos(reach),
        })
    }

    /// The host looks like this from now on, if it is up.
    fn change(&mut self, turn: Turn, looks: Looks) {
        if turn.is_up {
            self.up(turn.host, looks);
        }
    }

    fn up(&mut self, host: HostId, looks: Looks) {
        self.drawn.push_back(Happening::Up { host, looks });
    }

    fn down(&mut self, host: HostId) {
        self.drawn.push_back(Happening::Down { host });
    }

    fn plan_next(&mut self, turn: Turn, at: Instant) {
        let Turn { entry, host, .. } = turn;
        let step = turn.step + 1;
        self.plan_at(at, Task::Churn { entry, host, step });
    }
}

/// One step of an entry of the scenario's churn for one host.
#[derive(Debug, Clone, Copy)]
struct Turn {
    at: Instant,
    entry: u16,
    host: HostId,
    step: u32,
    looks: Looks,
    is_up: bool,
    /// The number of the host that comes beside this one or in its place, if one does.
    spare: HostId,
}

impl Turn {
    fn who(self) -> Entity {
        Entity::Churn(self.entry, self.host.0)
    }

    /// How the host looks at another address.
    fn moved(self) -> Looks {
        Looks {
            address: next_address(self.looks.address),
            ..self.looks
        }
    }
}

/// When of the day a host is up: for as long before the busiest time as after it.
#[derive(Debug, Clone, Copy)]
struct Day {
    busiest: Span,
    every: Span,
    /// How far from the busiest time it is up still.
    reach: Span,
}

impl Day {
    /// How far the next or the last busiest time is away, whichever is nearer; and whether that is the next.
    fn distance(self, now: Span) -> (u64, bool) {
        let (every, busiest) = (self.every.as_nanos().max(1), self.busiest.as_nanos());
        let since = (now.as_nanos() % every + every - busiest % every) % every;
        match since <= every - since {
            true => (since, false),
            false => (every - since, true),
        }
    }

    fn is_away(self, now: Span) -> bool {
        self.distance(now).0 > self.reach.as_nanos()
    }

    /// When it next goes or comes.
    fn next(self, now: Span) -> Span {
        let (distance, comes) = self.distance(now);
        let (reach, every) = (self.reach.as_nanos(), self.every.as_nanos());
        let wait = match (distance > reach, comes) {
            // It is up, and goes just behind its reach.
            (false, true) => distance + reach + 1,
            (false, false) => reach - distance + 1,
            // It is away, and comes where its reach begins.
            (true, true) => distance - reach,
            (true, false) => every - distance - reach,
        };
        now.plus(Span::from_nanos(wait.max(1)))
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
