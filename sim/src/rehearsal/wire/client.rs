//! The client's side: connects, and gives up by its own clock.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_lite::io::{AsyncRead, AsyncWrite};
use headcount_discoverer::BoxFuture;
use headcount_discoverer::env::{ByteStream, Clock, Connection, ConnectionError, Connections, Doing as At, Endpoint};

use super::{Arrival, Doing, Incoming, Line};

/// Opens connections for one discoverer.
#[derive(Clone)]
pub(in crate::rehearsal) struct Connector {
    pub(in crate::rehearsal) clock: Arc<dyn Clock>,
    pub(in crate::rehearsal) line: Line,
    /// How many there were.
    pub(in crate::rehearsal) count: Arc<AtomicU64>,
}

impl Connections for Connector {
    fn connect(
        &self,
        endpoint: &Endpoint,
        within: Duration,
    ) -> BoxFuture<'static, Result<Connection, ConnectionError>> {
        let (this, endpoint) = (self.clone(), endpoint.clone());
        Box::pin(async move {
            let open = this.open(&endpoint);
            Connection::open(endpoint.clone(), this.clock.clone(), within, open).await
        })
    }
}

impl Connector {
    async fn open(&self, endpoint: &Endpoint) -> Result<Box<dyn ByteStream>, ConnectionError> {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let talk = Talk {
            number,
            incoming: self.line.post((number, Doing::Connect(endpoint.clone()))),
            line: self.line.clone(),
            piece: Vec::new(),
            read: 0,
            ended: None,
        };
        let kind = match talk.incoming.next().await {
            Arrival::Connected => return Ok(Box::new(talk)),
            Arrival::Refused => io::ErrorKind::ConnectionRefused,
            _ => io::ErrorKind::ConnectionReset,
        };
        Err(ConnectionError::Io {
            endpoint: endpoint.clone(),
            doing: At::Connecting,
            cause: kind.into(),
        })
    }
}

/// One connection. Dropping it closes it.
struct Talk {
    number: u64,
    line: Line,
    incoming: Incoming,
    /// What has come last, and how much of it was read.
    piece: Vec<u8>,
    read: usize,
    /// Nothing comes any more, in good order or for a reason.
    ended: Option<Option<io::ErrorKind>>,
}

impl AsyncRead for Talk {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        loop {
            let rest = self.piece.get(self.read..).unwrap_or_default();
            if !rest.is_empty() {
                let count = rest.len().min(buffer.len());
                buffer[..count].copy_from_slice(&rest[..count]);
                self.read += count;
                return Poll::Ready(Ok(count));
            }
            match self.ended {
                Some(None) => return Poll::Ready(Ok(0)),
                Some(Some(kind)) => return Poll::Ready(Err(kind.into())),
                None => {}
            }
            match self.incoming.poll_next(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Arrival::Bytes(bytes)) => (self.piece, self.read) = (bytes, 0),
                Poll::Ready(Arrival::Closed) => self.ended = Some(None),
                Poll::Ready(Arrival::Refused | Arrival::Reset) => {
                    self.ended = Some(Some(io::ErrorKind::ConnectionReset));
                }
                Poll::Ready(Arrival::Connected) => {}
            }
        }
    }
}

impl AsyncWrite for Talk {
    fn poll_write(self: Pin<&mut Self>, _context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.ended.is_some() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        // What comes of it arrives where everything of this connection does.
        drop(self.line.post((self.number, Doing::Say(bytes.to_vec()))));
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        drop(self.line.post((self.number, Doing::Close)));
    }
}
