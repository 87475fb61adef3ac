//! Draws when faults' windows open, and who stays broken in the calm.

use headcount_core::Instant;

use super::{Drawer, Task};
use crate::rng::{Entity, Purpose};
use crate::{Covered, DiscovererId, Fault, FaultKind, Happening, Ratio, Span, SpanRange};

impl Drawer {
    pub(super) fn plan_faults(&mut self) {
        let plan = self.plan.clone();
        for (entry, fault) in plan.scenario.faults.iter().enumerate() {
            let entry = entry as u16;
            let is_one = fault.every.is_none() && fault.kind != FaultKind::Swizzle;
            if is_one || fault.together || fault.repeats.is_some() {
                let Some(first) = self.first_window(entry, fault) else {
                    continue;
                };
                self.plan_at(
                    first.moment(),
                    Task::Window {
                        entry,
                        whose: None,
                        step: 0,
                    },
                );
                continue;
            }
            for whose in self.covered(entry, fault) {
                let who = Entity::Fault(entry, whose.0);
                let first = match fault.every {
                    Some(every) => fault.from.plus(self.gap(who, 0, every)),
                    None => {
                        // One by one, all through the first half.
                        let half = Span::from_nanos(self.ends(fault).minus(fault.from).as_nanos() / 2);
                        let stalls = SpanRange::between(Span::ZERO, half);
                        fault.from.plus(self.rng.span(who, Purpose::Phase, 0, stalls))
                    }
                };
                let whose = Some(whose);
                self.plan_at(first.moment(), Task::Window { entry, whose, step: 0 });
            }
        }
    }

    /// When a window first opens for all that a fault covers.
    fn first_window(&self, entry: u16, fault: &Fault) -> Option<Span> {
        match (fault.repeats, fault.every) {
            (Some(repeats), _) => repeats.next(fault.from),
            (None, Some(every)) => Some(fault.from.plus(self.gap(together(entry), 0, every))),
            (None, None) => Some(fault.from),
        }
    }

    pub(super) fn draw_window(&mut self, at: Instant, entry: u16, whose: Option<DiscovererId>, step: u32) {
        let plan = self.plan.clone();
        let fault = &plan.scenario.faults[usize::from(entry)];
        let (now, ends) = (Span::since_start(at), self.ends(fault));
        if now >= ends {
            return;
        }
        let left = ends.minus(now);
        let (covers, kind, lasts) = match whose {
            None => {
                let lasts = match (fault.repeats, fault.every) {
                    (Some(repeats), _) => {
                        if let Some(next) = repeats.next(now.plus(Span::from_nanos(1))) {
                            let step = step + 1;
                            self.plan_at(next.moment(), Task::Window { entry, whose, step });
                        }
                        repeats.lasts.min(left)
                    }
                    (None, Some(every)) => {
                        let (lasts, next) = self.next_window(at, together(entry), step, fault, every);
                        let step = step + 1;
                        self.plan_at(next, Task::Window { entry, whose, step });
                        lasts
                    }
                    (None, None) => left,
                };
                (self.covers(entry, fault), fault.kind, lasts)
            }
            Some(whose) => {
                let who = Entity::Fault(entry, whose.0);
                let lasts = match fault.every {
                    Some(every) => {
                        let (lasts, next) = self.next_window(at, who, step, fault, every);
                        let (whose, step) = (Some(whose), step + 1);
                        self.plan_at(next, Task::Window { entry, whose, step });
                        lasts
                    }
                    None => {
                        // All stall until the second half has begun, then go on one by one.
                        let half = Span::from_nanos(ends.minus(fault.from).as_nanos() / 2);
                        let released = SpanRange::between(Span::ZERO, half);
                        let until = fault
                            .from
                            .plus(half)
                            .plus(self.rng.span(who, Purpose::Length, 0, released));
                        until.minus(now)
                    }
                };
                let kind = match fault.kind {
                    FaultKind::Swizzle => FaultKind::Clog,
                    kind => kind,
                };
                let covers = match fault.replica {
                    None => Covered::These(vec![whose]),
                    Some(replica) => Covered::Replica {
                        of: vec![whose],
                        replica,
                    },
                };
                (covers, kind, lasts)
            }
        };
        self.drawn.push_back(Happening::Window {
            kind,
            covers,
            rate: fault.rate,
            lasts,
            fault: entry,
        });
    }

    /// How long a window that opens now stays open, and when the next one opens.
    fn next_window(&self, at: Instant, who: Entity, step: u32, fault: &Fault, every: Span) -> (Span, Instant) {
        let left = self.ends(fault).minus(Span::since_start(at));
        let lasts = self
            .rng
            .span(who, Purpose::Length, u64::from(step), fault.lasts)
            .min(left);
        let pause = self.gap(who, step + 1, every).minus(lasts).max(fault.stability);
        (lasts, at + lasts.plus(pause).max(Span::from_nanos(1)).into())
    }

    /// Who stays broken when the calm starts: of those that a fault covers, the share that does
    /// not heal.
    pub(super) fn stay_broken(&self) -> Vec<DiscovererId> {
        let scenario = &self.plan.scenario;
        if scenario.heal.is_always() {
            return Vec::new();
        }
        let mut broken = Vec::new();
        for (entry, fault) in scenario.faults.iter().enumerate() {
            let stays = |id: &DiscovererId| {
                let draw = self.rng.draw(Entity::Fault(u16::MAX, id.0), Purpose::Choice, 0);
                !scenario.heal.hit(draw)
            };
            broken.extend(self.covered(entry as u16, fault).into_iter().filter(stays));
        }
        broken.sort_unstable();
        broken.dedup();
        broken
    }

    fn ends(&self, fault: &Fault) -> Span {
        let storm_ends = self.plan.scenario.storm_ends();
        fault.until.unwrap_or(storm_ends).min(storm_ends)
    }

    fn covers(&self, entry: u16, fault: &Fault) -> Covered {
        if let Some(replica) = fault.replica {
            let of = self.covered(entry, fault);
            return Covered::Replica { of, replica };
        }
        if fault.backend.is_none() && fault.backends.is_empty() && fault.share.is_always() {
            return Covered::Everyone;
        }
        Covered::These(self.covered(entry, fault))
    }

    /// The discoverers that can meet a fault.
    fn covered(&self, entry: u16, fault: &Fault) -> Vec<DiscovererId> {
        let scenario = &self.plan.scenario;
        // Swizzle leaves half of them alone, so that there is somebody to be ahead of.
        let share = match (
            fault.kind,
            Ratio::new(fault.share.part(), fault.share.whole().saturating_mul(2)),
        ) {
            (FaultKind::Swizzle, Some(half)) => half,
            _ => fault.share,
        };
        let discoverers = self.plan.discoverers.iter().enumerate();
        discoverers
            .filter(|(_, discoverer)| {
                fault.names(&scenario.backends[discoverer.backend]) && fault.kind.applies_to(discoverer.kind)
            })
            .map(|(number, _)| DiscovererId(number as u32))
            .filter(|id| self.chosen(Entity::Fault(entry, id.0), share))
            .collect()
    }
}

/// Draws for all that an entry of the faults covers: no discoverer has this number.
fn together(entry: u16) -> Entity {
    Entity::Fault(entry, u32::MAX)
}
