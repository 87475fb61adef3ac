//! The servers' side: what hits a connection and what is said on it, and what arrives when.

use std::collections::BTreeMap;

use headcount_core::Instant;
use headcount_discoverer::env::Endpoint;

use super::{Arrival, Doing, Line, Stream, Wire};
use crate::engine::World;
use crate::engine::faults::{Met, Occasion};
use crate::rehearsal::Shown;
use crate::rehearsal::shown::hosts;
use crate::rehearsal::timeline::Timeline;
use crate::rng::{Entity, Purpose};
use crate::{DiscovererId, FaultKind, Span, ViewId};

/// How often a backend that shows something else than there is, or can't say what it shows, is looked at.
const LOOKS_EVERY: Span = Span::secs(1);

/// The servers that one discoverer can connect to.
pub(in crate::rehearsal) struct Wires {
    id: DiscovererId,
    wires: Vec<(Endpoint, Box<dyn Wire>)>,
    open: BTreeMap<u64, Open>,
    timeline: Timeline<Arrival>,
    /// Which version of which view was shown last; none of one that is not there.
    shown: Option<(ViewId, u64)>,
    /// When it is looked at next, if nothing else happens.
    look_at: Option<Instant>,
}

/// An open connection.
struct Open {
    stream: Stream,
    wire: usize,
    /// Something got lost, and nothing arrives any more.
    is_lost: bool,
    /// When the last thing arrives that was sent.
    sent_until: Instant,
}

impl Wires {
    pub(in crate::rehearsal) fn new(id: DiscovererId, wires: Vec<(Endpoint, Box<dyn Wire>)>) -> Self {
        Self {
            id,
            wires,
            open: BTreeMap::new(),
            timeline: Timeline::default(),
            shown: None,
            look_at: None,
        }
    }

    /// When something happens next, if nobody says anything.
    pub(in crate::rehearsal) fn next_at(&self) -> Option<Instant> {
        let look_at = self.look_at.filter(|_| !self.open.is_empty());
        look_at.into_iter().chain(self.timeline.next_at()).min()
    }

    /// Does what there is to do now; says whether there was anything.
    pub(in crate::rehearsal) fn turn(&mut self, world: &mut World, line: &Line) -> bool {
        let mut any = false;
        while let Some(((number, doing), stream)) = line.take() {
            match doing {
                Doing::Connect(endpoint) => self.connect(world, number, &endpoint, stream),
                Doing::Say(bytes) => self.hear(world, number, &bytes),
                Doing::Close => self.close(number),
            }
            any = true;
        }
        self.look(world);
        self.timeline.deliver(world.now) || any
    }

    /// All connections break.
    pub(in crate::rehearsal) fn cut(&mut self, noticed: bool) {
        self.timeline.cut();
        for number in self.open.keys().copied().collect::<Vec<_>>() {
            match self.open.get_mut(&number) {
                Some(open) if !noticed => open.is_lost = true,
                Some(open) => {
                    open.stream.push(Arrival::Reset);
                    self.close(number);
                }
                None => {}
            }
        }
    }

    fn connect(&mut self, world: &mut World, number: u64, endpoint: &Endpoint, stream: Stream) {
        let call = world.call(self.id, false);
        let place = self.wires.iter().position(|(known, _)| known == endpoint);
        let answer = match (call.met.map(|met| met.kind), place) {
            // Nobody answers, not even to say that nobody is there.
            (Some(FaultKind::Partition | FaultKind::Drop | FaultKind::OneWay), _) => return,
            (Some(FaultKind::Reset), _) => Arrival::Reset,
            (Some(FaultKind::Refused), _) | (_, None) => Arrival::Refused,
            (_, Some(wire)) => {
                let open = Open {
                    stream: stream.clone(),
                    wire,
                    is_lost: false,
                    sent_until: call.arrives,
                };
                self.open.insert(number, open);
                Arrival::Connected
            }
        };
        self.timeline.send(call.arrives, &stream, answer);
    }

    /// Something is said on a connection.
    fn hear(&mut self, world: &mut World, number: u64, bytes: &[u8]) {
        let Some((wire, is_lost)) = self.open.get(&number).map(|open| (open.wire, open.is_lost)) else {
            return;
        };
        let call = world.call(self.id, false);
        let kind = call.met.map(|met| met.kind);
        match kind {
            _ if is_lost => return,
            Some(FaultKind::Partition | FaultKind::Drop | FaultKind::OneWay) => return self.lose(number),
            Some(FaultKind::Reset | FaultKind::Refused) => return self.send_last(call.arrives, number, Arrival::Reset),
            Some(FaultKind::SessionExpiry) => {
                self.wires.iter_mut().for_each(|(_, wire)| wire.expire());
                let all: Vec<u64> = self.open.keys().copied().collect();
                for number in all {
                    self.send_last(call.arrives, number, Arrival::Reset);
                }
                return;
            }
            _ => {}
        }
        let shown = self.shown(world, call.view, call.met);
        self.tell(call.arrives, &shown);
        let Some((_, server)) = self.wires.get_mut(wire) else {
            return;
        };
        let mut said = server.hear(number, bytes, &shown);
        match kind {
            Some(FaultKind::Truncated) => {
                said.truncate(said.len() / 2);
                self.send(call.arrives, number, Arrival::Bytes(said));
                self.send_last(call.arrives, number, Arrival::Closed);
            }
            Some(FaultKind::Garbled) => {
                let page = b"HTTP/1.1 400 Bad Request\r\n\r\nThis network needs you to sign in.".to_vec();
                self.send(call.arrives, number, Arrival::Bytes(page));
            }
            Some(FaultKind::Drip { each }) => {
                let pieces = shown.hosts.len().max(1);
                let size = said.len().div_ceil(pieces).max(1);
                let mut at = call.arrives;
                for piece in said.chunks(size) {
                    at = at + each.into();
                    self.send(at, number, Arrival::Bytes(piece.to_vec()));
                }
            }
            _ => self.send(call.arrives, number, Arrival::Bytes(said)),
        }
    }

    /// Tells who is connected that something else is shown.
    fn look(&mut self, world: &mut World) {
        let view = match self.shown {
            Some((view, version)) if world.views[view.place()].version != version => view,
            Some((view, _)) if self.look_at.is_some_and(|at| at <= world.now) => view,
            _ => return,
        };
        if self.open.is_empty() || self.look_at.is_some_and(|at| at > world.now) {
            return;
        }
        let met = world.meet(self.id, Occasion::Notify, Some(view));
        let mut at = world.now;
        match met.map(|met| (met.kind, met.until)) {
            Some((FaultKind::Freeze | FaultKind::Clog, until)) if until > world.now => {
                self.look_at = Some(until);
                return;
            }
            Some((FaultKind::Partition | FaultKind::OneWay, _)) => {
                let all: Vec<u64> = self.open.keys().copied().collect();
                all.into_iter().for_each(|number| self.lose(number));
            }
            Some((FaultKind::Delay { by }, _)) => {
                let draw = world.views[view.place()].version;
                at = at
                    + world
                        .rng
                        .span(Entity::Discoverer(self.id.0), Purpose::Length, draw, by)
                        .into();
            }
            _ => {}
        }
        self.look_at = None;
        let shown = self.shown(world, view, None);
        self.tell(at, &shown);
    }

    fn tell(&mut self, at: Instant, shown: &Shown) {
        let told: Vec<(u64, Vec<u8>)> = self
            .wires
            .iter_mut()
            .flat_map(|(_, wire)| wire.changed(shown))
            .collect();
        for (number, bytes) in told {
            self.send(at, number, Arrival::Bytes(bytes));
        }
    }

    /// What the backend shows now.
    fn shown(&mut self, world: &mut World, view: ViewId, met: Option<Met>) -> Shown {
        let (version, rows) = world.shown(self.id, view, met.map(|met| met.kind));
        match met.filter(|met| met.kind.misleads()) {
            // What it was shown was never there, or is no more.
            Some(_) => {
                self.shown = Some((view, u64::MAX));
                self.look_at = Some(world.now + LOOKS_EVERY.into());
            }
            None => self.shown = Some((view, version)),
        }
        Shown {
            at: world.at(),
            hosts: hosts(&rows),
            version,
            replica: 0,
            waited: Span::ZERO,
            told: None,
            open: self.open.len(),
        }
    }

    fn send(&mut self, at: Instant, number: u64, what: Arrival) {
        let is_nothing = matches!(&what, Arrival::Bytes(bytes) if bytes.is_empty());
        let Some(open) = self.open.get_mut(&number).filter(|open| !open.is_lost && !is_nothing) else {
            return;
        };
        // Nothing overtakes what was said before.
        open.sent_until = open.sent_until.max(at);
        self.timeline.send(open.sent_until, &open.stream, what);
    }

    fn send_last(&mut self, at: Instant, number: u64, what: Arrival) {
        self.send(at, number, what);
        self.close(number);
    }

    /// Something gets lost on a connection.
    fn lose(&mut self, number: u64) {
        if let Some(open) = self.open.get_mut(&number) {
            open.is_lost = true;
        }
    }

    fn close(&mut self, number: u64) {
        if let Some(open) = self.open.remove(&number)
            && let Some((_, wire)) = self.wires.get_mut(open.wire)
        {
            wire.closed(number);
        }
    }
}
