//! Connections of bytes: for protocols that are not HTTP.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_lite::FutureExt;
use futures_lite::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::{Cause, Clock, NotAvailable};
use crate::BoxFuture;
use crate::address::host_port;

/// Where a connection goes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endpoint {
    /// A TCP port.
    Tcp {
        /// A name, or an address without brackets.
        host: String,
        /// The port.
        port: u16,
    },
    /// A UNIX socket.
    Unix(PathBuf),
}

impl Endpoint {
    /// A TCP port of a host: a name, or an address without brackets.
    pub fn tcp(host: impl Into<String>, port: u16) -> Self {
        Self::Tcp {
            host: host.into(),
            port,
        }
    }

    /// A UNIX socket.
    pub fn unix(path: impl Into<PathBuf>) -> Self {
        Self::Unix(path.into())
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } => f.write_str(&host_port(host, *port)),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

/// Bytes in both directions.
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for T {}

/// Opens connections.
pub trait Connections: Send + Sync {
    /// Opens a connection, which is given up when `within` has passed.
    ///
    /// A name that has several addresses is connected to at the first that answers.
    ///
    /// # Errors
    /// The name has no address, nobody listens there, or there was no answer in time.
    fn connect(&self, endpoint: &Endpoint, within: Duration)
    -> BoxFuture<'static, Result<Connection, ConnectionError>>;
}

/// What a connection was doing when it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doing {
    /// Looking up the address of the name, or opening the connection.
    Connecting,
    /// Waiting for bytes.
    Reading,
    /// Sending bytes.
    Writing,
}

impl fmt::Display for Doing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connecting => "connecting to",
            Self::Reading => "reading from",
            Self::Writing => "writing to",
        })
    }
}

/// Why a connection could not be had, or broke.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectionError {
    /// There are no connections here.
    #[error("connecting to {endpoint}: {source}")]
    NotAvailable {
        /// Where to.
        endpoint: Endpoint,
        /// What is missing.
        source: NotAvailable,
    },
    /// The name's address could not be found.
    #[error("connecting to {endpoint}: looking up its address: {cause}")]
    Resolve {
        /// Where to.
        endpoint: Endpoint,
        /// What the system says.
        cause: Cause,
    },
    /// The system says no: nobody listens, the network can't be reached, the other side broke the connection.
    #[error("{doing} {endpoint}: {cause}")]
    Io {
        /// Where to.
        endpoint: Endpoint,
        /// At what.
        doing: Doing,
        /// What the system says.
        cause: Cause,
    },
    /// Nothing happened for too long.
    #[error("{doing} {endpoint}: nothing within {within:?}")]
    Timeout {
        /// Where to.
        endpoint: Endpoint,
        /// At what.
        doing: Doing,
        /// The time that was allowed.
        within: Duration,
    },
    /// The other side closed the connection where more bytes were to come.
    #[error("{endpoint} closed the connection in the middle of an answer")]
    Closed {
        /// Where to.
        endpoint: Endpoint,
    },
}

/// An open connection; dropping it closes it.
pub struct Connection {
    endpoint: Endpoint,
    stream: Box<dyn ByteStream>,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Connection").field(&self.endpoint).finish()
    }
}

impl Connection {
    /// A connection to `endpoint` over these bytes, with deadlines by this clock.
    pub fn new(endpoint: Endpoint, stream: Box<dyn ByteStream>, clock: Arc<dyn Clock>) -> Self {
        Self {
            endpoint,
            stream,
            clock,
        }
    }

    /// The connection that `open` makes, which is given up when `within` has passed: for implementations of
    /// [`Connections`].
    ///
    /// # Errors
    /// That of `open`, or that it took too long.
    pub async fn open(
        endpoint: Endpoint,
        clock: Arc<dyn Clock>,
        within: Duration,
        open: impl Future<Output = Result<Box<dyn ByteStream>, ConnectionError>>,
    ) -> Result<Self, ConnectionError> {
        let late = late(&*clock, &endpoint, Doing::Connecting, within);
        let stream = open.or(late).await?;
        Ok(Self::new(endpoint, stream, clock))
    }

    /// Where it goes.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The bytes alone, for who puts another protocol on top (TLS, HTTP).
    pub fn into_stream(self) -> Box<dyn ByteStream> {
        self.stream
    }

    /// Reads what has come, at most as much as there is room for, and waits for it if nothing has. Nothing
    /// read (0) is the end: the other side sends no more.
    ///
    /// Dropping the future loses no bytes, so it can be raced against a timer.
    ///
    /// # Errors
    /// Nothing came within this time, or the connection broke.
    pub async fn read(&mut self, buffer: &mut [u8], within: Duration) -> Result<usize, ConnectionError> {
        let read = self.stream.read(buffer);
        limited(&*self.clock, &self.endpoint, Doing::Reading, within, read).await
    }

    /// Reads until the buffer is full.
    ///
    /// # Errors
    /// There was too little within this time, the connection broke, or it was closed before.
    pub async fn read_exact(&mut self, buffer: &mut [u8], within: Duration) -> Result<(), ConnectionError> {
        let read = self.stream.read_exact(buffer);
        let result = limited(&*self.clock, &self.endpoint, Doing::Reading, within, read).await;
        match result {
            Err(ConnectionError::Io { cause, .. }) if cause.kind() == Some(io::ErrorKind::UnexpectedEof) => {
                Err(ConnectionError::Closed {
                    endpoint: self.endpoint.clone(),
                })
            }
            result => result,
        }
    }

    /// Sends all these bytes.
    ///
    /// # Errors
    /// The other side did not take them within this time, or the connection broke.
    pub async fn write_all(&mut self, bytes: &[u8], within: Duration) -> Result<(), ConnectionError> {
        let stream = &mut self.stream;
        let write = async {
            stream.write_all(bytes).await?;
            stream.flush().await
        };
        limited(&*self.clock, &self.endpoint, Doing::Writing, within, write).await
    }
}

/// What `act` gives, unless it takes too long.
async fn limited<T>(
    clock: &dyn Clock,
    endpoint: &Endpoint,
    doing: Doing,
    within: Duration,
    act: impl Future<Output = io::Result<T>>,
) -> Result<T, ConnectionError> {
    let act = async {
        act.await.map_err(|error| ConnectionError::Io {
            endpoint: endpoint.clone(),
            doing,
            cause: error.into(),
        })
    };
    act.or(late(clock, endpoint, doing, within)).await
}

/// That it took too long, once it has.
async fn late<T>(clock: &dyn Clock, endpoint: &Endpoint, doing: Doing, within: Duration) -> Result<T, ConnectionError> {
    clock.sleep(within).await;
    Err(ConnectionError::Timeout {
        endpoint: endpoint.clone(),
        doing,
        within,
    })
}
