//! The servers' side: who answers a request, what hits it on the way, and what arrives when.
//!
//! **A server never knows that a fault has it.** What it is shown, what of its answer arrives and when is
//! decided around it, so each server meets every fault.

use headcount_core::Instant;
use headcount_discoverer::env::HttpRequest;

use super::told::arriving;
use super::{Arrival, Break, Line, Stream};
use crate::engine::World;
use crate::engine::faults::{Met, Occasion};
use crate::rehearsal::Shown;
use crate::rehearsal::shown::{hosts, since};
use crate::rehearsal::site::{Answer, Page, Site};
use crate::rehearsal::timeline::Timeline;
use crate::rng::{Entity, Purpose};
use crate::{DiscovererId, FaultKind, Span, ViewId};

/// How often a backend that shows something else than there is is looked at for whoever waits for news of it.
const LOOKS_EVERY: Span = Span::secs(1);

/// The servers that one discoverer can reach.
pub(in crate::rehearsal) struct Servers {
    id: DiscovererId,
    /// By the start of their URLs.
    sites: Vec<(String, Box<dyn Site>)>,
    /// Requests whose discoverer still waits for something of their answers.
    open: Vec<Stream>,
    waiting: Vec<Waiting>,
    timeline: Timeline<Arrival>,
    /// The version of what the sites were told that there is.
    stored: Option<u64>,
}

/// A request on its way through the servers.
struct Exchange {
    request: HttpRequest,
    stream: Stream,
    view: ViewId,
    /// The how-manieth call it is.
    number: u64,
    since: Instant,
    /// What has it.
    met: Option<Met>,
    /// When the answer arrives, if it is given now.
    arrives: Instant,
    /// Up to what it was told, if its answer has begun.
    told: Option<u64>,
}

/// A request that waits for something new.
struct Waiting {
    exchange: Exchange,
    until: Instant,
    /// What it was asked about last; nothing, if that was never there.
    version: Option<u64>,
    /// Until when nothing gets through.
    held_up: Instant,
    /// When it is asked about again in any case.
    again: Option<Instant>,
}

impl Exchange {
    fn kind(&self) -> Option<FaultKind> {
        self.met.map(|met| met.kind)
    }

    /// The fault that lets its backend show something else than there is, for as long as it does.
    fn misled(&self, now: Instant) -> Option<Met> {
        self.met.filter(|met| met.kind.misleads() && met.until > now)
    }
}

impl Servers {
    pub(in crate::rehearsal) fn new(id: DiscovererId, sites: Vec<(String, Box<dyn Site>)>) -> Self {
        Self {
            id,
            sites,
            open: Vec::new(),
            waiting: Vec::new(),
            timeline: Timeline::default(),
            stored: None,
        }
    }

    /// When something happens next, if nobody asks.
    pub(in crate::rehearsal) fn next_at(&self) -> Option<Instant> {
        let over = self.waiting.iter().map(|waiting| match waiting.held_up {
            Instant::ZERO => waiting.again.map_or(waiting.until, |again| again.min(waiting.until)),
            held_up => held_up,
        });
        over.chain(self.timeline.next_at()).min()
    }

    /// Does what there is to do now; says whether there was anything.
    pub(in crate::rehearsal) fn turn(&mut self, world: &mut World, line: &Line) -> bool {
        self.store(world);
        let mut any = false;
        while let Some((request, stream)) = line.take() {
            self.open.push(stream.clone());
            self.serve(world, request, stream);
            any = true;
        }
        for waiting in core::mem::take(&mut self.waiting) {
            self.ask_again(world, waiting);
        }
        self.timeline.deliver(world.now) || any
    }

    /// Tells the sites what there is, if that is something else than before.
    fn store(&mut self, world: &World) {
        let there = &world.views[world.plan.discoverers[self.id.place()].first_view.place()];
        if self.stored.replace(there.version) == Some(there.version) {
            return;
        }
        for (_, site) in self.sites.iter_mut().filter(|(_, site)| site.remembers()) {
            site.stores(there.version, &hosts(&there.rows));
        }
    }

    /// Whether somebody waits for something of an answer.
    pub(in crate::rehearsal) fn is_asked(&mut self) -> bool {
        self.open.retain(|stream| !stream.is_left());
        !self.open.is_empty()
    }

    /// All connections break.
    pub(in crate::rehearsal) fn cut(&mut self, noticed: bool) {
        let mut streams = self.timeline.cut();
        streams.extend(self.waiting.drain(..).map(|waiting| waiting.exchange.stream));
        if noticed {
            streams
                .iter()
                .for_each(|stream| stream.push(Arrival::Broken(Break::Reset)));
        }
    }

    fn serve(&mut self, world: &mut World, request: HttpRequest, stream: Stream) {
        let url = &request.url;
        let mut sites = self.sites.iter();
        let resumes = sites.any(|(start, site)| url.starts_with(start) && site.resumes(&request));
        let call = world.call(self.id, resumes);
        let exchange = Exchange {
            request,
            stream,
            view: call.view,
            number: call.number,
            since: world.now,
            met: call.met,
            arrives: call.arrives,
            told: None,
        };
        match exchange.kind() {
            // Nobody answers, not even to say that nobody is there.
            Some(FaultKind::Partition) => return,
            Some(FaultKind::Refused) => {
                let refused = Arrival::Broken(Break::Refused);
                self.timeline.send(exchange.arrives, &exchange.stream, refused);
                return;
            }
            _ => self.timeline.send(world.now, &exchange.stream, Arrival::Connected),
        }
        self.answer(world, exchange);
    }

    /// Answers a request, lets it wait, or lets it fail.
    fn answer(&mut self, world: &mut World, exchange: Exchange) {
        let at = exchange.arrives;
        match exchange.kind() {
            // What is lost of an answer that has begun breaks it.
            Some(FaultKind::Drop) if exchange.told.is_some() => {
                self.timeline.send(at, &exchange.stream, Arrival::Broken(Break::Reset));
                return;
            }
            // It hangs until whoever asked gives up.
            Some(FaultKind::Partition | FaultKind::Drop | FaultKind::OneWay) => return,
            Some(FaultKind::Reset | FaultKind::Refused) => {
                self.timeline.send(at, &exchange.stream, Arrival::Broken(Break::Reset));
                return;
            }
            Some(FaultKind::Status { code, retry_after }) => {
                self.send(world, at, &exchange.stream, error_page(code, retry_after));
                return;
            }
            Some(FaultKind::TooManyRequests { retry_after } | FaultKind::ApiPriority { retry_after }) => {
                self.send(world, at, &exchange.stream, error_page(429, Some(retry_after)));
                return;
            }
            Some(FaultKind::LeaderLoss) if !reads_stale(&exchange.request) => {
                self.send(world, at, &exchange.stream, Page::text(500, "No cluster leader\n"));
                return;
            }
            Some(FaultKind::WatchTooOld) => {
                self.send(world, at, &exchange.stream, error_page(410, None));
                return;
            }
            _ => {}
        }
        let shown = self.shown(world, &exchange);
        let url = &exchange.request.url;
        let Some((_, site)) = self.sites.iter_mut().find(|(start, _)| url.starts_with(start)) else {
            self.send(world, at, &exchange.stream, Page::text(404, "404 page not found\n"));
            return;
        };
        if exchange.kind() == Some(FaultKind::IndexReset) {
            site.reset();
        }
        match site.answer(&exchange.request, &shown) {
            Answer::Now(page) if exchange.told.is_some() => {
                self.timeline.send(at, &exchange.stream, Arrival::Piece(page.body));
                self.timeline.send(at, &exchange.stream, Arrival::End);
            }
            Answer::Now(page) => self.send_under(world, &exchange, shown.hosts.len(), page),
            // So begins no answer that goes on.
            Answer::Part { page, .. } if matches!(exchange.kind(), Some(FaultKind::Truncated | FaultKind::Garbled)) => {
                self.send_under(world, &exchange, shown.hosts.len(), page);
            }
            Answer::Part {
                mut page,
                events,
                told,
                most,
                again,
            } => {
                let mut exchange = exchange;
                for event in arriving(events, exchange.kind()) {
                    page.body.extend(event.text.into_bytes());
                }
                if exchange.told.replace(told).is_none() {
                    let head = Arrival::Head(page.status, page.headers);
                    self.timeline.send(at, &exchange.stream, head);
                }
                if !page.body.is_empty() {
                    world.meter.metrics.backend_bytes += page.body.len() as u64;
                    self.timeline.send(at, &exchange.stream, Arrival::Piece(page.body));
                }
                self.wait(world.now, exchange, &shown, most, again);
            }
            Answer::Wait(most) => self.wait(world.now, exchange, &shown, most, None),
        }
    }

    fn wait(&mut self, now: Instant, exchange: Exchange, shown: &Shown, most: Span, again: Option<Span>) {
        let until = exchange.since + most.into();
        let next_look = now + LOOKS_EVERY.into();
        let (version, held_up) = match exchange.met.map(|met| (met.kind, met.until)) {
            // What it was shown was never there. What is told of from some version on was.
            Some((kind, shuts)) if kind.misleads() && exchange.told.is_none() => {
                (None, if shuts > now { shuts.min(next_look) } else { next_look })
            }
            Some((FaultKind::Clog, shuts)) => (Some(shown.version), shuts),
            _ => (Some(shown.version), Instant::ZERO),
        };
        self.waiting.push(Waiting {
            // A site that would let it wait for ever is asked again in a while.
            until: if until > now { until } else { next_look },
            version,
            held_up,
            again: again.map(|again| now + again.into()),
            exchange,
        });
    }

    /// Something may be new for a request that waits, or its time is over.
    fn ask_again(&mut self, world: &mut World, mut waiting: Waiting) {
        let now = world.now;
        if waiting.exchange.stream.is_left() {
            return;
        }
        if waiting.held_up <= now {
            waiting.held_up = Instant::ZERO;
        }
        let is_over = waiting.until <= now;
        let is_new = waiting.version != Some(world.views[waiting.exchange.view.place()].version);
        let is_again = waiting.again.is_some_and(|again| again <= now);
        if waiting.held_up > now || !(is_over || is_new || is_again) {
            self.waiting.push(waiting);
            return;
        }
        let mut exchange = waiting.exchange;
        let occasion = match (is_over, exchange.told) {
            // What goes on is neither asked again nor misled: its end comes, or news, which may be that a host is gone.
            (true, Some(_)) if !is_new => None,
            (_, Some(_)) => Some(Occasion::News { gone: true }),
            (true, None) => Some(Occasion::Call),
            (false, None) => Some(Occasion::Notify),
        };
        exchange.met = exchange
            .misled(now)
            .filter(|_| exchange.told.is_none())
            .or_else(|| occasion.and_then(|occasion| world.meet(self.id, occasion, Some(exchange.view))));
        // Parts of an answer arrive in their order.
        exchange.arrives = match exchange.told {
            Some(_) => now.max(exchange.arrives),
            None => now,
        };
        match exchange.met.map(|met| (met.kind, met.until)) {
            Some((FaultKind::LeaderLoss, until)) if until > now && reads_stale(&exchange.request) => {
                waiting.held_up = until;
                self.waiting.push(Waiting { exchange, ..waiting });
                return;
            }
            Some((FaultKind::Freeze | FaultKind::Clog, until)) if until > now => {
                waiting.held_up = until;
                self.waiting.push(Waiting { exchange, ..waiting });
                return;
            }
            Some((FaultKind::Delay { by }, _)) => {
                let who = Entity::Discoverer(self.id.0);
                let late = now + world.rng.span(who, Purpose::Length, exchange.number, by).into();
                exchange.arrives = late.max(exchange.arrives);
            }
            _ => {}
        }
        self.answer(world, exchange);
    }

    /// What the backend shows to this request now.
    fn shown(&mut self, world: &mut World, exchange: &Exchange) -> Shown {
        self.is_asked();
        let (version, rows) = world.shown(self.id, exchange.view, exchange.kind());
        Shown {
            at: world.at(),
            hosts: hosts(&rows),
            version,
            replica: exchange.view.0 - world.plan.discoverers[self.id.place()].first_view.0,
            waited: since(world.now, exchange.since),
            told: exchange.told,
            open: self.open.len(),
        }
    }

    /// Sends a page as it is.
    fn send(&mut self, world: &mut World, at: Instant, stream: &Stream, page: Page) {
        world.meter.metrics.backend_bytes += page.body.len() as u64;
        let Page { status, headers, body } = page;
        for what in [Arrival::Head(status, headers), Arrival::Piece(body), Arrival::End] {
            self.timeline.send(at, stream, what);
        }
    }

    /// Sends a page that shows so many hosts, as far as the fault that has the request lets it.
    fn send_under(&mut self, world: &mut World, exchange: &Exchange, hosts: usize, mut page: Page) {
        let (at, stream) = (exchange.arrives, &exchange.stream);
        match exchange.kind() {
            Some(FaultKind::Truncated) => {
                // Where the end of a body is known, a client sees that it is missing; where the end of the
                // connection is the end of the body, it does not.
                let who = Entity::Discoverer(self.id.0);
                let draw = world.rng.draw(who, Purpose::Choice, exchange.number);
                let end = if draw.is_multiple_of(2) {
                    Arrival::End
                } else {
                    Arrival::Broken(Break::Closed)
                };
                page.body.truncate(page.body.len() / 2);
                let Page { status, headers, body } = page;
                for what in [Arrival::Head(status, headers), Arrival::Piece(body), end] {
                    self.timeline.send(at, stream, what);
                }
            }
            Some(FaultKind::Garbled) => {
                page.body = b"<html><body>This network needs you to sign in.</body></html>".to_vec();
                self.send(world, at, stream, page);
            }
            Some(FaultKind::Drip { each }) => self.drip(at, each, hosts, stream, page),
            _ => self.send(world, at, stream, page),
        }
    }

    fn drip(&mut self, at: Instant, each: Span, hosts: usize, stream: &Stream, page: Page) {
        let Page { status, headers, body } = page;
        self.timeline.send(at, stream, Arrival::Head(status, headers));
        let size = body.len().div_ceil(hosts.max(1)).max(1);
        let mut now = at;
        for piece in body.chunks(size) {
            now = now + each.into();
            self.timeline.send(now, stream, Arrival::Piece(piece.to_vec()));
        }
        self.timeline.send(now, stream, Arrival::End);
    }
}

/// Whether any server of Consul's may answer, also one that does not lead.
fn reads_stale(request: &HttpRequest) -> bool {
    let query = request.url.split_once('?').map_or("", |(_, query)| query);
    query
        .split('&')
        .any(|part| part == "stale" || part.starts_with("stale="))
}

fn error_page(code: u16, retry_after: Option<Span>) -> Page {
    let page = Page::text(code, format!("status {code}, says the server\n"));
    match retry_after {
        Some(span) => page.header("retry-after", span.as_nanos().div_ceil(1_000_000_000).to_string()),
        None => page,
    }
}
