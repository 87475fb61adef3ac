//! A discoverer asks its backend, and gets an answer of some sort.

use headcount_core::{Instant, Update};

use super::discoverer::{Body, Coming};
use super::event::Event;
use super::faults::{Met, Occasion};
use super::world::World;
use crate::plan::Plan;
use crate::rng::{Entity, Purpose};
use crate::scenario::{BackendKind, FaultKind, Mark};
use crate::trace::TraceEvent;
use crate::world::view::Rows;
use crate::{DiscovererId, Span, SpanRange, ViewId};

impl World {
    /// Plans a discoverer's next turn; one that was planned before is void.
    pub(crate) fn ask_at(&mut self, id: DiscovererId, at: Instant) {
        let discoverer = &mut self.discoverers[id.place()];
        discoverer.turn += 1;
        let (life, turn) = (discoverer.life, discoverer.turn);
        self.queue.schedule(at, Event::Ask { id, life, turn });
    }

    /// A discoverer's turn: it asks, and its answer is on its way, or it waits in a blocking query.
    pub(crate) fn ask(&mut self, id: DiscovererId, turn: u32) {
        if self.discoverers[id.place()].turn != turn {
            return;
        }
        let plan = self.plan.clone();
        let mine = &plan.discoverers[id.place()];
        let discoverer = &mut self.discoverers[id.place()];
        let call = discoverer.calls;
        discoverer.calls += 1;
        discoverer.asked_at = self.now;
        let life = discoverer.life;
        let may_resume = mine.resync.is_none() || self.now < discoverer.list_at;
        let resumes = mine.kind == BackendKind::Kubernetes && discoverer.held_at.is_some() && may_resume;
        let view = self.replica(id, call);
        self.meter.metrics.backend_calls += 1;
        self.trace(|| TraceEvent::Call {
            discoverer: id,
            call,
            view,
        });

        let met = self.meet(id, if resumes { Occasion::Resume } else { Occasion::Call }, Some(view));
        let coming = match met.map(|met| met.kind) {
            None => self.serve(&plan, id, view, resumes),
            Some(kind) => self.serve_badly(&plan, id, view, resumes, kind),
        };
        let pages = match &coming {
            Coming::All { pages, .. } => u64::from(*pages),
            _ => 1,
        };
        self.meter.metrics.backend_calls += pages - 1;
        let mut arrives = self.arrival(&plan, id, call, view, pages, met);
        let gives_up = self.now + plan.scenario.discoverers[mine.entry].timeout.times(pages).into();
        let coming = if arrives > gives_up {
            arrives = gives_up;
            self.mark(Mark::TimedOut);
            // Who asks a backend that is slower than it waits learns nothing by that, as when the call got lost.
            self.faults.disturbed(gives_up, id);
            Coming::Trouble {
                why: "the backend did not answer in time",
                retry_after: None,
            }
        } else {
            coming
        };
        if let Some(FaultKind::Duplicate { after }) = met.map(|met| met.kind) {
            self.plan_echo(id, call, &coming, arrives, after);
        }
        if mine.kind == BackendKind::Consul && matches!(coming, Coming::Unchanged) {
            self.park(&plan, id, view, met);
            return;
        }
        let subscribes = matches!(
            coming,
            Coming::All { .. } | Coming::Wrong { .. } | Coming::Changes { .. } | Coming::Unchanged
        );
        let discoverer = &mut self.discoverers[id.place()];
        discoverer.coming = Some(coming);
        discoverer.last_delivery = arrives;
        if subscribes && mine.kind.notifies() && mine.kind != BackendKind::Consul {
            self.connect(id, view);
        }
        self.queue.schedule(arrives, Event::Answer { id, life, turn });
    }

    /// When the answer to a call arrives, if somebody waits for it.
    fn arrival(&self, plan: &Plan, id: DiscovererId, call: u64, view: ViewId, pages: u64, met: Option<Met>) -> Instant {
        let (mine, who) = (&plan.discoverers[id.place()], Entity::Discoverer(id.0));
        let latency = plan.scenario.backends[mine.backend].latency;
        let latency = self.rng.span(who, Purpose::Latency, call, latency);
        let usually = self.now + latency.times(pages).into();
        match met.map(|met| (met.kind, met.until)) {
            Some((FaultKind::Drop | FaultKind::Partition | FaultKind::OneWay, _)) => {
                self.now + plan.scenario.discoverers[mine.entry].timeout.into()
            }
            Some((FaultKind::Clog, until)) => usually.max(until),
            Some((FaultKind::Delay { by }, _)) => usually + self.rng.span(who, Purpose::Length, call, by).into(),
            Some((FaultKind::Drip { each }, _)) => {
                let rows = self.views[view.place()].rows.len() as u64;
                usually + each.times(rows).into()
            }
            _ => usually,
        }
    }

    /// The same answer arrives once more.
    fn plan_echo(&mut self, id: DiscovererId, call: u64, coming: &Coming, arrives: Instant, after: SpanRange) {
        let discoverer = &mut self.discoverers[id.place()];
        discoverer.echo = match coming {
            Coming::All {
                view, version, rows, ..
            } => Some(Box::new((*view, *version, rows.clone()))),
            // Of who resyncs it holds some of these: told once more, they are no news.
            Coming::Changes { view, version, rows } if discoverer.told.is_none() => {
                Some(Box::new((*view, Some(*version), rows.clone())))
            }
            Coming::Changes { .. } | Coming::Wrong { .. } => None,
            Coming::Unchanged | Coming::Trouble { .. } | Coming::Gap => None,
        };
        let life = discoverer.life;
        let again = arrives
            + self
                .rng
                .span(Entity::Discoverer(id.0), Purpose::Length, call, after)
                .into();
        self.queue.schedule(again, Event::Echo { id, life });
    }

    /// The query blocks until there is something new, or for as long as the backend lets it.
    fn park(&mut self, plan: &Plan, id: DiscovererId, view: ViewId, met: Option<Met>) {
        self.watch(id, view);
        let wait = plan.scenario.backends[plan.discoverers[id.place()].backend].wait;
        let over = self.now + self.stretch(id, wait).into();
        let until = match met.map(|met| (met.kind, met.until)) {
            // A follower that is behind learns by then of all that the leader knows now.
            Some((FaultKind::StaleRead { by }, _)) => Some(self.now + by.max(Span::millis(1)).into()),
            Some((_, until)) => Some(until).filter(|until| *until > self.now),
            None => None,
        };
        let discoverer = &mut self.discoverers[id.place()];
        discoverer.parked = true;
        let (life, turn) = (discoverer.life, discoverer.turn);
        self.queue.schedule(
            until.map_or(over, |until| over.min(until)),
            Event::WaitOver { id, life, turn },
        );
    }

    /// The view that answers a discoverer's call: polls are spread over the replicas, connections
    /// stay with one.
    fn replica(&self, id: DiscovererId, call: u64) -> ViewId {
        let mine = &self.plan.discoverers[id.place()];
        let replicas = self.plan.scenario.backends[mine.backend].replicas;
        if replicas == 1 {
            return mine.first_view;
        }
        let discoverer = &self.discoverers[id.place()];
        if let Some(view) = discoverer.watching.filter(|_| mine.kind.notifies()) {
            return view;
        }
        let counter = if mine.kind.polls() {
            call
        } else {
            u64::from(discoverer.link)
        };
        let replica = self.rng.between(
            Entity::Discoverer(id.0),
            Purpose::Pick,
            counter,
            0,
            u64::from(replicas) - 1,
        );
        ViewId(mine.first_view.0 + replica as u32)
    }

    pub(crate) fn answer(&mut self, id: DiscovererId, turn: u32) {
        if self.discoverers[id.place()].turn != turn {
            return;
        }
        let plan = self.plan.clone();
        let mine = &plan.discoverers[id.place()];
        let discoverer = &mut self.discoverers[id.place()];
        let call = discoverer.calls.saturating_sub(1);
        let Some(coming) = discoverer.coming.take() else { return };
        let (body, view_version) = match coming {
            Coming::Unchanged => {
                discoverer.nothing_new();
                (
                    Body::Found(Update::unchanged()),
                    discoverer.held_at.map(|(_, version)| version),
                )
            }
            Coming::All {
                view,
                version,
                rows,
                pages,
            } => {
                let (version, rows) = if pages > 1 && mine.kind != BackendKind::Kubernetes {
                    self.last_pages(id, view, version, rows)
                } else {
                    (version, rows)
                };
                if self.looks_again(mine, id, call, &rows) {
                    return;
                }
                let discoverer = &mut self.discoverers[id.place()];
                discoverer.told = mine.resync.map(|_| rows.clone());
                discoverer.list_at = discoverer.asked_at + mine.resync.unwrap_or(Span::ZERO).into();
                let update = discoverer.take_all(mine, rows);
                discoverer.held_at = version.map(|version| (view, version));
                (Body::Found(update), version)
            }
            Coming::Wrong {
                view,
                version,
                rows,
                there,
            } => {
                let is_list = discoverer.held_at.is_none() || discoverer.list_at <= discoverer.asked_at;
                if is_list {
                    discoverer.list_at = discoverer.asked_at + mine.resync.unwrap_or(Span::ZERO).into();
                }
                let update = discoverer.take_all(mine, rows);
                (discoverer.held_at, discoverer.told) = (Some((view, version)), Some(there));
                // What it watches from that version on may have happened before it asked.
                self.ask_at(id, self.now);
                (Body::Found(update), Some(version))
            }
            Coming::Changes { view, version, rows } => {
                let held = discoverer.caught_up(&rows, true);
                let update = discoverer.take_changes(mine, held);
                discoverer.held_at = Some((view, version));
                discoverer.told = mine.resync.map(|_| rows);
                (Body::Found(update), Some(version))
            }
            Coming::Trouble { why, retry_after } => {
                self.failed(id, call, why, retry_after);
                return;
            }
            Coming::Gap => {
                let wait = self.stretch(id, plan.scenario.discoverers[mine.entry].retry.low());
                self.ask_at(id, self.now + wait.into());
                return;
            }
        };
        let discoverer = &mut self.discoverers[id.place()];
        discoverer.failures = 0;
        discoverer.last_failure = None;
        self.meter.metrics.backend_bytes += discoverer.bytes;
        self.trace(|| TraceEvent::Answer {
            discoverer: id,
            call,
            view_version,
            failure: None,
        });
        self.report(id, body);
        self.next_turn(&plan, id, call);
    }

    /// The last pages of a list are of a later moment than the first one.
    fn last_pages(&mut self, id: DiscovererId, view: ViewId, version: Option<u64>, rows: Rows) -> (Option<u64>, Rows) {
        let page = self.plan.scenario.backends[self.plan.discoverers[id.place()].backend].page as usize;
        let now = &self.views[view.place()];
        if Some(now.version) == version {
            return (version, rows);
        }
        let Some(first_of_rest) = rows.keys().nth(page).copied() else {
            return (version, rows);
        };
        let first = rows.iter().take(page).map(|(host, row)| (*host, *row));
        let rest = now.rows.range(first_of_rest..).map(|(host, row)| (*host, *row));
        let torn = first.chain(rest).collect();
        self.mark(Mark::TornPages);
        (None, torn)
    }

    pub(crate) fn echo(&mut self, id: DiscovererId) {
        let plan = self.plan.clone();
        let discoverer = &mut self.discoverers[id.place()];
        let Some(echo) = discoverer.echo.take() else {
            return;
        };
        let (view, version, rows) = *echo;
        let discoverer = &self.discoverers[id.place()];
        let call = discoverer.calls.saturating_sub(1);
        // The answer that begins a stream comes before the stream's news, also when it comes twice. If it were
        // taken after them, it would take back what they said, and nothing on this stream would say so again.
        let is_stream = matches!(
            plan.discoverers[id.place()].kind,
            BackendKind::Kubernetes | BackendKind::Push
        );
        let is_older = |(held_view, held): (ViewId, u64)| held_view == view && version.is_some_and(|at| at < held);
        if is_stream && discoverer.held_at.is_some_and(is_older) {
            return;
        }
        if self.looks_again(&plan.discoverers[id.place()], id, call, &rows) {
            return;
        }
        let discoverer = &mut self.discoverers[id.place()];
        // The discoverer can't tell it from an answer to its last call.
        discoverer.told = plan.discoverers[id.place()].resync.map(|_| rows.clone());
        let update = discoverer.take_all(&plan.discoverers[id.place()], rows);
        discoverer.held_at = version.map(|version| (view, version));
        self.faults.misled(self.now, id);
        self.report(id, Body::Found(update));
    }
}
