//! Discoverers that run outside of the engine: real ones.
//!
//! The world starts and stops them by [`Order`]s, decides what becomes of each of their calls, and
//! takes their reports like those of modelled ones. **They meet the same faults as modelled ones, by
//! the same schedule**: only what a discoverer makes of an answer is its own.

use headcount_core::{Group, Instant, ProviderId};

use super::discoverer::{Body, Report};
use super::faults::{Met, Occasion};
use super::world::World;
use crate::rng::{Entity, Purpose};
use crate::trace::TraceEvent;
use crate::world::view::Rows;
use crate::{DiscovererId, FaultKind, Span, ViewId};

/// Something that has to be done outside.
#[derive(Debug, Clone)]
pub(crate) enum Order {
    /// A discoverer starts, and reports as this provider. It knows what was found before.
    Start {
        id: DiscovererId,
        provider: ProviderId,
        found_before: Vec<Group>,
    },
    /// It stops.
    Stop { id: DiscovererId },
    /// All its connections break; it notices at once, or not before it gives up by itself.
    Cut { id: DiscovererId, noticed: bool },
}

/// A call that a discoverer makes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call {
    /// The how-manieth of this discoverer it is.
    pub(crate) number: u64,
    /// Which view answers.
    pub(crate) view: ViewId,
    /// What hits it.
    pub(crate) met: Option<Met>,
    /// When the answer arrives, or the failure shows.
    pub(crate) arrives: Instant,
}

impl World {
    /// Whether a discoverer runs outside.
    pub(crate) fn is_outside(&self, id: DiscovererId) -> bool {
        self.plan.discoverers[id.place()].is_real
    }

    /// A discoverer makes a call, and a fault may hit it. It asks for everything, or goes on from what it was told.
    pub(crate) fn call(&mut self, id: DiscovererId, resumes: bool) -> Call {
        let discoverer = &mut self.discoverers[id.place()];
        let number = discoverer.calls;
        discoverer.calls += 1;
        discoverer.asked_at = self.now;
        let plan = self.plan.clone();
        let backend = &plan.scenario.backends[plan.discoverers[id.place()].backend];
        let (who, first) = (Entity::Discoverer(id.0), plan.discoverers[id.place()].first_view);
        // Servers share the load: each call may be answered by another one.
        let last = u64::from(backend.replicas.max(1)) - 1;
        let replica = self.rng.between(who, Purpose::Pick, number, 0, last);
        let view = ViewId(first.0 + replica as u32);
        self.meter.metrics.backend_calls += 1;
        self.trace(|| TraceEvent::Call {
            discoverer: id,
            call: number,
            view,
        });
        let met = self.meet(id, if resumes { Occasion::Resume } else { Occasion::Call }, Some(view));
        let usually = self.now + self.rng.span(who, Purpose::Latency, number, backend.latency).into();
        let arrives = match met.map(|met| (met.kind, met.until)) {
            Some((FaultKind::Clog, until)) => usually.max(until),
            Some((FaultKind::Delay { by }, _)) => usually + self.rng.span(who, Purpose::Length, number, by).into(),
            Some((FaultKind::Step { by, back }, _)) => {
                self.discoverers[id.place()].leap = Some((by, back));
                if back {
                    self.faults.disturbed(self.now + by.into(), id);
                }
                usually
            }
            _ => usually,
        };
        Call {
            number,
            view,
            met,
            arrives,
        }
    }

    /// What a view shows to a discoverer when this fault has it, and as of which version.
    pub(crate) fn shown(&mut self, id: DiscovererId, view: ViewId, kind: Option<FaultKind>) -> (u64, Rows) {
        let plan = &self.plan.discoverers[id.place()];
        let cache = match kind {
            Some(FaultKind::TtlZero) => Span::ZERO,
            _ => self.plan.scenario.backends[plan.backend].cache,
        };
        let frozen = self.discoverers[id.place()].held_at.filter(|(of, _)| *of == view);
        let (version, rows) = match (kind, frozen) {
            // The replica shows what it did when it was asked last.
            (Some(FaultKind::Freeze | FaultKind::LeaderLoss), Some((_, version))) => {
                (version, self.discoverers[id.place()].held.clone())
            }
            (kind, _) => match kind.and_then(|kind| self.wrong_rows(id, view, kind)) {
                Some(wrong) => wrong,
                None => {
                    let (version, rows) = self.views[view.place()].answer(self.now, cache);
                    (version, rows.clone())
                }
            },
        };
        let discoverer = &mut self.discoverers[id.place()];
        discoverer.held = rows.clone();
        discoverer.held_at = Some((view, version));
        (version, rows)
    }

    /// A discoverer reports as this provider.
    pub(crate) fn reported(&mut self, id: DiscovererId, provider: ProviderId, body: Body) {
        let discoverer = &mut self.discoverers[id.place()];
        let call = discoverer.calls.saturating_sub(1);
        let failure = match &body {
            Body::Found(_) => {
                discoverer.failures = 0;
                discoverer.last_failure = None;
                None
            }
            Body::Failed(failure) => {
                discoverer.failures += 1;
                discoverer.last_failure = Some(failure.message().into());
                self.meter.metrics.failures += 1;
                Some(failure.message().to_owned())
            }
        };
        let view_version = discoverer
            .held_at
            .filter(|_| failure.is_none())
            .map(|(_, version)| version);
        self.trace(|| TraceEvent::Answer {
            discoverer: id,
            call,
            view_version,
            failure,
        });
        self.fold(u64::from(id.0) << 32 | provider.number());
        self.outbox.push_back(Report {
            provider,
            discoverer: id,
            body,
        });
    }

    /// Until when a discoverer does nothing: its process stands still, or it waits for room in the queue.
    pub(crate) fn holds_up(&self, id: DiscovererId) -> Option<Instant> {
        let blocked = self.discoverers[id.place()].blocked;
        let blocked = blocked.then_some(Instant::from_nanos(u64::MAX));
        let stands = Some(self.stands_until);
        [self.faults.paused(id), stands, blocked]
            .into_iter()
            .flatten()
            .filter(|until| *until > self.now)
            .max()
    }

    /// How far a discoverer's clock goes while so much time truly passes.
    pub(crate) fn local_span(&self, id: DiscovererId, span: Span) -> Span {
        let nanos = u128::from(span.as_nanos()) * self.speed(id) / 1_000;
        Span::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// How much time has to pass until a discoverer's clock has gone so far.
    pub(crate) fn true_span(&self, id: DiscovererId, span: Span) -> Span {
        let nanos = (u128::from(span.as_nanos()) * 1_000).div_ceil(self.speed(id));
        Span::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// How fast a discoverer's clock goes, in thousandths.
    fn speed(&self, id: DiscovererId) -> u128 {
        let speed = 1_000_i64 + i64::from(self.faults.skew(self.now, id));
        u128::from(speed.max(1).unsigned_abs())
    }

    /// The host that has an address is known from now on, also when it no longer has it.
    pub(super) fn note_address(&mut self, host: crate::HostId) {
        if !self.plan.has_real {
            return;
        }
        if let Some(row) = self.truth.row(host) {
            let key = (row.looks.service, crate::world::render::address(&row.looks));
            self.addresses.insert(key, (host, row.incarnation));
        }
    }
}
