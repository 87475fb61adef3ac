//! The simulated servers and what goes wrong with them.
//!
//! One [`FaultSchedule`] covers everything. A fault is drawn for each request, by the name of the
//! fault and the number of the request; **whoever meets one is remembered with the time**, so
//! that the watcher knows from when on nothing is in the way.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use headcount_core::Instant;
use headcount_discoverer::BoxFuture;
use headcount_discoverer::env::{Awaited, Clock, Http, HttpClient, HttpError, HttpRequest, HttpResponse, HttpStream};
use headcount_discoverer::testing::VirtualClock;
use headcount_reader::HttpClientSettings;

use super::{Render, ShownHost};
use crate::rng::{Entity, Purpose};
use crate::{FaultKind, KeyedRng, Ratio, Span, SpanRange};

/// What backends show, and what goes wrong just now.
#[derive(Debug)]
pub(super) struct FaultSchedule {
    rng: KeyedRng,
    latency: SpanRange,
    windows: Vec<Window>,
    requests: u64,
    /// Each state of the fleet since the start, with when it began.
    history: Vec<(Instant, Arc<[ShownHost]>)>,
    /// Until when a fault was last in the way.
    pub(super) touched: Instant,
    /// When somebody last received less than there is.
    pub(super) lied: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    kind: FaultKind,
    rate: Ratio,
    fault: u16,
    from: Instant,
    until: Instant,
}

impl FaultSchedule {
    pub(super) fn new(rng: KeyedRng, latency: SpanRange) -> Self {
        Self {
            rng,
            latency,
            windows: Vec::new(),
            requests: 0,
            history: Vec::new(),
            touched: Instant::ZERO,
            lied: None,
        }
    }

    pub(super) fn requests(&self) -> u64 {
        self.requests
    }

    /// The fleet looks like this from now on.
    pub(super) fn show(&mut self, now: Instant, hosts: Vec<ShownHost>) {
        self.history.push((now, hosts.into()));
    }

    pub(super) fn open(&mut self, now: Instant, kind: FaultKind, rate: Ratio, lasts: Span, fault: u16) {
        let until = now + lasts.into();
        self.windows.push(Window {
            kind,
            rate,
            fault,
            from: now,
            until,
        });
    }

    /// All windows shut.
    pub(super) fn calm(&mut self, now: Instant) {
        self.windows.clear();
        self.touched = self.touched.min(now);
    }

    /// The fault that hits a poll of the backend now, if one does.
    pub(super) fn meet(&mut self, now: Instant) -> Option<(FaultKind, Instant)> {
        let (rng, request) = (self.rng, self.requests);
        self.windows.retain(|window| window.until > now);
        let hits = |window: &&Window| {
            let draw = rng.draw(Entity::Fault(window.fault, 0), Purpose::Choice, request);
            window.rate.is_always() || window.rate.hit(draw)
        };
        let window = *self.windows.iter().find(hits)?;
        let until = if window.rate.is_always() { window.until } else { now };
        self.touched = self.touched.max(until);
        if is_lie(window.kind) {
            self.lied = Some(until);
        }
        Some((window.kind, window.from))
    }

    /// The fleet as it was then.
    pub(super) fn hosts_at(&self, then: Instant) -> Arc<[ShownHost]> {
        let known = self.history.iter().rev().find(|(since, _)| *since <= then);
        known
            .or(self.history.first())
            .map_or_else(|| [].into(), |(_, hosts)| hosts.clone())
    }

    /// What a request gets, and how long that takes.
    fn answer(&mut self, now: Instant, render: &Render) -> (Span, Result<Vec<u8>, Refusal>) {
        self.requests += 1;
        let (rng, count) = (self.rng, self.requests);
        let span = |purpose, range| rng.span(Entity::Run, purpose, count, range);
        let latency = span(Purpose::Latency, self.latency);
        let hosts = self.hosts_at(now);
        let Some((kind, since)) = self.meet(now) else {
            return (latency, Ok(render(&hosts)));
        };
        let body = |hosts: &[ShownHost]| Ok(render(hosts));
        match kind {
            FaultKind::Drop | FaultKind::Clog | FaultKind::OneWay | FaultKind::Pause => {
                (Span::MAX, Err(Refusal::Reset))
            }
            FaultKind::Partition => (latency, Err(Refusal::Unreachable)),
            FaultKind::Reset => (latency, Err(Refusal::Reset)),
            FaultKind::Delay { by } => (latency.plus(span(Purpose::Length, by)), body(&hosts)),
            FaultKind::Drip { each } => (latency.plus(each.times(hosts.len() as u64)), body(&hosts)),
            FaultKind::Empty => (latency, body(&[])),
            FaultKind::PartialPage => (latency, body(&hosts[..hosts.len() / 2])),
            FaultKind::Truncated => {
                let mut whole = render(&hosts);
                whole.truncate(whole.len() / 2);
                (latency, Ok(whole))
            }
            FaultKind::BackInTime { by } => {
                let then = Span::since_start(now).minus(by).moment();
                (latency, body(&self.hosts_at(then)))
            }
            FaultKind::Freeze => (latency, body(&self.hosts_at(since))),
            FaultKind::TooManyRequests { retry_after } => (latency, Err(Refusal::TooMany(retry_after))),
            _ => (latency, body(&hosts)),
        }
    }
}

/// Whether it shows less, or something older, than there is, and looks like an answer.
fn is_lie(kind: FaultKind) -> bool {
    matches!(
        kind,
        FaultKind::Empty | FaultKind::PartialPage | FaultKind::BackInTime { .. } | FaultKind::Freeze
    )
}

enum Refusal {
    Unreachable,
    Reset,
    TooMany(Span),
}

/// HTTP servers under those faults.
#[derive(Clone)]
pub(super) struct Servers {
    pub(super) clock: VirtualClock,
    pub(super) faults: Arc<Mutex<FaultSchedule>>,
    pub(super) pages: Arc<[(String, Render)]>,
}

pub(super) fn lock(faults: &Mutex<FaultSchedule>) -> MutexGuard<'_, FaultSchedule> {
    faults.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Http for Servers {
    fn client(&self, _settings: &HttpClientSettings) -> Result<Arc<dyn HttpClient>, HttpError> {
        Ok(Arc::new(self.clone()))
    }
}

impl HttpClient for Servers {
    fn open(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpStream, HttpError>> {
        Box::pin(async move {
            let host = request.url.split('/').nth(2).unwrap_or(&request.url).to_owned();
            let answer = |status, headers: &[(&str, String)], body| {
                let headers = headers.iter();
                HttpStream::from(HttpResponse {
                    status,
                    headers: headers
                        .map(|(name, value)| ((*name).to_owned(), value.clone()))
                        .collect(),
                    body,
                })
            };
            let Some((_, render)) = self.pages.iter().find(|(url, _)| *url == request.url) else {
                return Ok(answer(404, &[], Vec::new()));
            };
            let (after, result) = lock(&self.faults).answer(self.clock.time(), render);
            // A simulated answer comes as a whole, so its head is as late as its end.
            let (after, limits) = (after.into(), request.limits);
            let times = [(limits.total, Awaited::End), (limits.head, Awaited::Head)];
            let times = times.into_iter().filter_map(|(limit, awaited)| Some((limit?, awaited)));
            if let Some((limit, awaited)) = times
                .filter(|(limit, _)| *limit < after)
                .min_by_key(|(limit, _)| *limit)
            {
                self.clock.sleep(limit).await;
                return Err(HttpError::Timeout { host, awaited, limit });
            }
            self.clock.sleep(after).await;
            match result {
                Ok(body) if body.len() as u64 > limits.body => Err(HttpError::BodyTooLarge {
                    host,
                    limit: limits.body,
                }),
                Ok(body) => Ok(answer(200, &[("content-type", "application/json".to_owned())], body)),
                Err(Refusal::TooMany(wait)) => {
                    let seconds = wait.as_nanos().div_ceil(1_000_000_000);
                    Ok(answer(429, &[("retry-after", seconds.to_string())], Vec::new()))
                }
                Err(Refusal::Unreachable) => Err(HttpError::Connect {
                    host,
                    cause: io::ErrorKind::HostUnreachable.into(),
                }),
                Err(Refusal::Reset) => Err(HttpError::Protocol {
                    host,
                    cause: io::ErrorKind::ConnectionReset.into(),
                }),
            }
        })
    }
}
