//! What a backend sends by itself: events of a stream, notifications, the end of a wait.
//!
//! A discoverer that watches a view receives its changes **in order and none of them twice**,
//! unless a fault makes it otherwise; what happened between two connections it learns from the
//! answer that begins the second one.

use headcount_core::{Instant, Update};

use super::discoverer::{Body, Coming, News};
use super::event::Event;
use super::faults::Occasion;
use super::outside::Order;
use super::world::World;
use crate::rng::{Entity, Purpose};
use crate::scenario::{BackendKind, FaultKind, Mark};
use crate::trace::TraceEvent;
use crate::world::truth::Row;
use crate::{DiscovererId, HostId, Span, ViewId};

impl World {
    /// A discoverer is notified of a view's changes from now on.
    pub(crate) fn watch(&mut self, id: DiscovererId, view: ViewId) {
        self.unwatch(id);
        self.views[view.place()].watchers.insert(id);
        self.discoverers[id.place()].watching = Some(view);
    }

    pub(crate) fn unwatch(&mut self, id: DiscovererId) {
        let discoverer = &mut self.discoverers[id.place()];
        discoverer.parked = false;
        discoverer.inbox.clear();
        if let Some(view) = discoverer.watching.take() {
            self.views[view.place()].watchers.remove(&id);
        }
    }

    /// Makes a connection that lasts for a while. A file's watch lasts as long as its discoverer.
    pub(crate) fn connect(&mut self, id: DiscovererId, view: ViewId) {
        if self.discoverers[id.place()].watching == Some(view) {
            return;
        }
        self.watch(id, view);
        let plan = self.plan.clone();
        let mine = &plan.discoverers[id.place()];
        let discoverer = &mut self.discoverers[id.place()];
        discoverer.link += 1;
        discoverer.notified = false;
        let (life, link) = (discoverer.life, discoverer.link);
        if mine.kind != BackendKind::File {
            let lifetime = plan.scenario.backends[mine.backend].lifetime;
            let lifetime = self
                .rng
                .span(Entity::Discoverer(id.0), Purpose::Lifetime, u64::from(link), lifetime);
            // A connection that ends as it begins would be made anew for ever.
            let ends = self.now + lifetime.max(Span::millis(1)).into();
            // Who resyncs leaves its watch when it is time to list.
            let list_at = self.discoverers[id.place()].list_at;
            let ends = if list_at > self.now { ends.min(list_at) } else { ends };
            self.queue.schedule(ends, Event::LinkEnds { id, life, link });
        }
    }

    /// Cuts a discoverer's connection, or its blocking query; it notices after a while.
    pub(crate) fn cut(&mut self, id: DiscovererId, notice: Span) {
        let discoverer = &self.discoverers[id.place()];
        let (life, link, turn) = (discoverer.life, discoverer.link, discoverer.turn);
        if self.is_outside(id) {
            let noticed = notice.is_zero();
            self.orders.push_back(Order::Cut { id, noticed });
        } else if discoverer.parked {
            self.queue
                .schedule(self.now + notice.into(), Event::WaitOver { id, life, turn });
        } else if discoverer.watching.is_some() && self.plan.discoverers[id.place()].kind != BackendKind::File {
            // From now on it receives nothing.
            self.unwatch(id);
            self.queue
                .schedule(self.now + notice.into(), Event::LinkEnds { id, life, link });
        }
    }

    /// A view changed, and a discoverer that watches it is notified, as its protocol does.
    pub(crate) fn notify_watcher(
        &mut self,
        id: DiscovererId,
        view: ViewId,
        host: HostId,
        row: Option<Row>,
        version: u32,
    ) {
        let plan = self.plan.clone();
        let mine = &plan.discoverers[id.place()];
        let backend = &plan.scenario.backends[mine.backend];
        let view_version = self.views[view.place()].version;
        let there = mine.resync.map(|_| self.views[view.place()].rows.clone());
        let draw = u64::from(host.0) << 32 | u64::from(version);
        let latency = self.rng.span(
            Entity::Discoverer(id.0),
            Purpose::Latency,
            mix_event(draw),
            backend.latency,
        );
        let discoverer = &mut self.discoverers[id.place()];
        let (life, link, turn) = (discoverer.life, discoverer.link, discoverer.turn);
        match mine.kind {
            BackendKind::Consul => {
                if discoverer.parked {
                    self.wake_unless_held_up(id, turn, latency);
                }
            }
            BackendKind::File | BackendKind::Zookeeper => {
                if !core::mem::replace(&mut discoverer.notified, true) {
                    self.queue
                        .schedule(self.now + latency.into(), Event::Notify { id, life, link });
                }
            }
            BackendKind::Kubernetes | BackendKind::Push => {
                let at = (self.now + latency.into()).max(discoverer.last_delivery);
                discoverer.last_delivery = at;
                discoverer.inbox.push_back(News {
                    view,
                    view_version,
                    host,
                    row,
                    version,
                    there,
                });
                self.queue.schedule(at, Event::Deliver { id, life, link });
            }
            BackendKind::Static | BackendKind::Dns | BackendKind::Http => {}
        }
    }

    /// Whether a discoverer reads from servers that don't lead, too.
    fn reads_stale(&self, id: DiscovererId) -> bool {
        self.plan.scenario.discoverers[self.plan.discoverers[id.place()].entry].allow_stale
    }

    fn wake_unless_held_up(&mut self, id: DiscovererId, turn: u32, latency: Span) {
        let (life, watching) = (self.discoverers[id.place()].life, self.discoverers[id.place()].watching);
        match self
            .meet(id, Occasion::Notify, watching)
            .map(|met| (met.kind, met.until))
        {
            Some((FaultKind::Freeze | FaultKind::Clog, until)) if until > self.now => {
                self.queue.schedule(until, Event::WaitOver { id, life, turn });
            }
            Some((FaultKind::LeaderLoss, until)) if until > self.now => {
                self.queue.schedule(until, Event::WaitOver { id, life, turn });
            }
            // The follower that is waited at learns of it later.
            Some((FaultKind::StaleRead { by }, _)) if self.reads_stale(id) => {
                let later = self.now + by.max(Span::millis(1)).into();
                self.queue.schedule(later, Event::WaitOver { id, life, turn });
            }
            // The query hangs until the connection is found dead, or the wait is over.
            Some((FaultKind::Partition | FaultKind::OneWay, _)) => {}
            _ => self.wake(id, turn, latency),
        }
    }

    /// A blocking query returns with what there is now.
    fn wake(&mut self, id: DiscovererId, turn: u32, latency: Span) {
        let Some(view) = self.discoverers[id.place()].watching else {
            return;
        };
        self.unwatch(id);
        let shown = &self.views[view.place()];
        let discoverer = &mut self.discoverers[id.place()];
        discoverer.coming = Some(Coming::All {
            view,
            version: Some(shown.version),
            rows: shown.rows.clone(),
            pages: 1,
        });
        let life = discoverer.life;
        self.queue
            .schedule(self.now + latency.into(), Event::Answer { id, life, turn });
    }

    pub(crate) fn wait_over(&mut self, id: DiscovererId, turn: u32) {
        let discoverer = &mut self.discoverers[id.place()];
        if discoverer.turn != turn || !discoverer.parked {
            return;
        }
        discoverer.coming = Some(Coming::Unchanged);
        let view = discoverer.watching;
        self.unwatch(id);
        if let Some(met) = self.meet(id, Occasion::Call, view) {
            let trouble = match met.kind {
                FaultKind::Reset | FaultKind::Partition | FaultKind::OneWay | FaultKind::Drop => true,
                FaultKind::LeaderLoss => !self.reads_stale(id),
                _ => false,
            };
            if trouble {
                self.discoverers[id.place()].coming = Some(Coming::Trouble {
                    why: "the connection broke while waiting",
                    retry_after: None,
                });
            }
        }
        self.mark(Mark::WaitedInVain);
        self.answer(id, turn);
    }

    pub(crate) fn notified(&mut self, id: DiscovererId, link: u32) {
        let discoverer = &mut self.discoverers[id.place()];
        if discoverer.link != link || !core::mem::replace(&mut discoverer.notified, false) {
            return;
        }
        let (life, view) = (discoverer.life, discoverer.watching);
        match self.meet(id, Occasion::Notify, view).map(|met| (met.kind, met.until)) {
            Some((FaultKind::LostNotify | FaultKind::Freeze, _)) => return,
            Some((FaultKind::Partition | FaultKind::OneWay, _)) => {
                let notice = self.plan.scenario.discoverers[self.plan.discoverers[id.place()].entry].timeout;
                self.cut(id, notice);
                return;
            }
            Some((FaultKind::Clog, until)) if until > self.now => {
                self.discoverers[id.place()].notified = true;
                self.queue.schedule(until, Event::Notify { id, life, link });
                return;
            }
            _ => {}
        }
        let discoverer = &mut self.discoverers[id.place()];
        if discoverer.coming.is_some() {
            discoverer.again = true;
        } else {
            self.ask_at(id, self.now);
        }
    }

    pub(crate) fn deliver(&mut self, id: DiscovererId, link: u32) {
        let discoverer = &mut self.discoverers[id.place()];
        if discoverer.link != link {
            return;
        }
        let life = discoverer.life;
        if discoverer.coming.is_some() {
            // The answer that begins the stream comes first, also when both were held up.
            let soon = self.now + Span::millis(1).into();
            self.queue.schedule(soon, Event::Deliver { id, life, link });
            return;
        }
        let Some(news) = discoverer.inbox.pop_front() else {
            return;
        };
        let gone = news.row.is_none();
        match self
            .meet(id, Occasion::News { gone }, Some(news.view))
            .map(|met| (met.kind, met.until))
        {
            Some((FaultKind::LostDelete, _)) => {
                let discoverer = &mut self.discoverers[id.place()];
                match news.there {
                    // It knows of nothing that it lacks, and is told what comes next.
                    Some(there) => discoverer.goes_on_from(news.view, news.view_version, Some(there)),
                    // It holds what no version of the view shows: the next connection begins with a list.
                    None => discoverer.held_at = None,
                }
                return;
            }
            Some((FaultKind::Clog | FaultKind::Freeze, until)) if until > self.now => {
                let discoverer = &mut self.discoverers[id.place()];
                discoverer.inbox.push_front(news);
                discoverer.last_delivery = discoverer.last_delivery.max(until);
                self.queue.schedule(until, Event::Deliver { id, life, link });
                return;
            }
            Some((FaultKind::Drop | FaultKind::Reset, _)) => {
                // What is lost on a stream breaks it.
                self.link_ends(id, link);
                return;
            }
            Some((FaultKind::Partition | FaultKind::OneWay, _)) => {
                // It is lost, and after a while of silence the connection is found dead.
                let notice = self.plan.scenario.discoverers[self.plan.discoverers[id.place()].entry].timeout;
                self.cut(id, notice);
                return;
            }
            Some((FaultKind::Reorder, _)) => {
                let discoverer = &mut self.discoverers[id.place()];
                if let Some(next) = discoverer.inbox.pop_front() {
                    discoverer.inbox.push_front(news);
                    self.take_news(id, next);
                    return;
                }
            }
            Some((FaultKind::Duplicate { .. } | FaultKind::DuplicateDelete, _)) => self.take_news(id, news.clone()),
            _ => {}
        }
        self.take_news(id, news);
    }

    fn take_news(&mut self, id: DiscovererId, news: News) {
        let plan = self.plan.clone();
        let mine = &plan.discoverers[id.place()];
        let discoverer = &mut self.discoverers[id.place()];
        let call = discoverer.calls.saturating_sub(1);
        let older = discoverer
            .held
            .get(&news.host)
            .is_some_and(|row| row.version > news.version);
        let update = if older {
            Update::unchanged()
        } else {
            discoverer.take_one(mine, news.host, news.row)
        };
        if discoverer
            .held_at
            .is_some_and(|(view, version)| view == news.view && version < news.view_version)
        {
            discoverer.goes_on_from(news.view, news.view_version, news.there);
        }
        self.trace(|| TraceEvent::Answer {
            discoverer: id,
            call,
            view_version: Some(news.view_version),
            failure: None,
        });
        self.report(id, Body::Found(update));
    }

    /// A watch, stream or session is over: the discoverer makes another.
    pub(crate) fn link_ends(&mut self, id: DiscovererId, link: u32) {
        let discoverer = &mut self.discoverers[id.place()];
        if discoverer.link != link {
            return;
        }
        discoverer.link += 1;
        discoverer.coming = None;
        self.mark(Mark::Reconnected);
        self.unwatch(id);
        let at: Instant = self.now;
        self.ask_at(id, at);
    }
}

/// Keeps the draws of events apart from those of calls, which count up from zero.
fn mix_event(draw: u64) -> u64 {
    draw | 1 << 63
}
