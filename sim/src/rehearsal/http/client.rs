//! The client's side: sends, collects what arrives, and gives up by its own clock.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures_lite::FutureExt;
use headcount_core::Instant;
use headcount_discoverer::BoxFuture;
use headcount_discoverer::env::{
    Awaited, Clock, Http, HttpBody, HttpClient, HttpError, HttpLimits, HttpRequest, HttpStream,
};
use headcount_reader::HttpClientSettings;

use super::{Arrival, Break, Incoming, Line};

/// Makes clients of one discoverer.
#[derive(Clone)]
pub(in crate::rehearsal) struct Clients {
    pub(in crate::rehearsal) clock: Arc<dyn Clock>,
    pub(in crate::rehearsal) line: Line,
}

impl Http for Clients {
    fn client(&self, _settings: &HttpClientSettings) -> Result<Arc<dyn HttpClient>, HttpError> {
        Ok(Arc::new(self.clone()))
    }
}

impl HttpClient for Clients {
    fn open(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpStream, HttpError>> {
        Box::pin(async move {
            let mut exchange = Exchange {
                host: request.url.split('/').nth(2).unwrap_or(&request.url).to_owned(),
                limits: request.limits,
                clock: self.clock.clone(),
                sent_at: self.clock.now(),
                incoming: self.line.post(request),
            };
            let limits = exchange.limits;
            let (status, headers) = match exchange.next(limits.connect, Awaited::Connection).await? {
                Arrival::Head(status, headers) => (status, headers),
                _ => exchange.head().await?,
            };
            let body = Body {
                exchange,
                size: 0,
                piece: Vec::new(),
            };
            Ok(HttpStream::new(status, headers, body))
        })
    }
}

/// A request, and what of its answer is still to come.
struct Exchange {
    host: String,
    limits: HttpLimits,
    clock: Arc<dyn Clock>,
    sent_at: Instant,
    incoming: Incoming,
}

impl Exchange {
    async fn head(&mut self) -> Result<(u16, Vec<(String, String)>), HttpError> {
        loop {
            if let Arrival::Head(status, headers) = self.next(self.limits.head, Awaited::Head).await? {
                return Ok((status, headers));
            }
        }
    }

    /// What arrives next, within this time and that of the whole exchange.
    async fn next(&self, limit: Option<Duration>, awaited: Awaited) -> Result<Arrival, HttpError> {
        let spent = self.clock.now().saturating_duration_since(self.sent_at);
        let total = self
            .limits
            .total
            .map(|total| (total.saturating_sub(spent), total, Awaited::End));
        let step = limit.map(|limit| (limit, limit, awaited));
        let late = async {
            // Of two that end together, the one of this step says more.
            let Some((left, limit, awaited)) = step.into_iter().chain(total).min_by_key(|(left, ..)| *left) else {
                return std::future::pending().await;
            };
            self.clock.sleep(left).await;
            let host = self.host.clone();
            Err(HttpError::Timeout { host, awaited, limit })
        };
        match async { Ok(self.incoming.next().await) }.or(late).await? {
            Arrival::Broken(how) => Err(broken(how, self.host.clone())),
            arrival => Ok(arrival),
        }
    }
}

struct Body {
    exchange: Exchange,
    /// How much came.
    size: u64,
    piece: Vec<u8>,
}

impl HttpBody for Body {
    fn next_piece(&mut self) -> BoxFuture<'_, Result<Option<&[u8]>, HttpError>> {
        Box::pin(async move {
            let limits = self.exchange.limits;
            loop {
                match self.exchange.next(limits.idle, Awaited::Piece).await? {
                    Arrival::Piece(piece) if piece.is_empty() => {}
                    Arrival::Piece(piece) => {
                        self.size = self.size.saturating_add(piece.len() as u64);
                        if self.size > limits.body {
                            return Err(HttpError::BodyTooLarge {
                                host: self.exchange.host.clone(),
                                limit: limits.body,
                            });
                        }
                        self.piece = piece;
                        return Ok(Some(self.piece.as_slice()));
                    }
                    Arrival::End => return Ok(None),
                    _ => {}
                }
            }
        })
    }
}

fn broken(how: Break, host: String) -> HttpError {
    match how {
        Break::Refused => HttpError::Connect {
            host,
            cause: io::Error::from(io::ErrorKind::ConnectionRefused).into(),
        },
        Break::Reset => HttpError::Protocol {
            host,
            cause: io::Error::from(io::ErrorKind::ConnectionReset).into(),
        },
        Break::Closed => HttpError::Protocol {
            host,
            cause: io::Error::from(io::ErrorKind::UnexpectedEof).into(),
        },
    }
}
