//! What is asked.

use std::path::PathBuf;
use std::time::Duration;

/// One request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HttpRequest {
    /// `GET`, `POST`, …
    pub method: String,
    /// Absolute URL.
    pub url: String,
    /// The UNIX socket that is connected to, in place of the host that the URL names and without any proxy
    /// (`/var/run/docker.sock`).
    pub socket: Option<PathBuf>,
    /// Header names and values, beside those that the client's settings add.
    pub headers: Vec<(String, String)>,
    /// The body; empty for none.
    pub body: Vec<u8>,
    /// How long it may take, and how much may come.
    pub limits: HttpLimits,
}

impl HttpRequest {
    /// A `GET` without headers, with 30 s and 64 MiB as its limits.
    pub fn get(url: impl Into<String>) -> Self {
        Self {
            method: "GET".to_owned(),
            url: url.into(),
            socket: None,
            headers: Vec::new(),
            body: Vec::new(),
            limits: HttpLimits::default(),
        }
    }

    /// A `POST` of this body, with 30 s and 64 MiB as its limits.
    pub fn post(url: impl Into<String>, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            method: "POST".to_owned(),
            body: body.into(),
            ..Self::get(url)
        }
        .header("Content-Type", content_type)
    }

    /// The same with another header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// The same with other limits.
    #[must_use]
    pub fn limits(mut self, limits: HttpLimits) -> Self {
        self.limits = limits;
        self
    }

    /// The same over a UNIX socket.
    #[must_use]
    pub fn over(mut self, socket: impl Into<PathBuf>) -> Self {
        self.socket = Some(socket.into());
        self
    }
}

/// How long a request may take, and how much may come. `None` of a time is no limit.
///
/// An answer that is read as a whole needs no more than `total`. A stream that is open for hours, such as a watch,
/// has none, and is told by `idle` from one whose server is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct HttpLimits {
    /// Until there is a connection: looking up the name, TCP, the proxy, TLS. One that waits already takes no time.
    pub connect: Option<Duration>,
    /// From the connection to the head of the answer.
    pub head: Option<Duration>,
    /// From the head or a piece of the body to its next piece.
    pub idle: Option<Duration>,
    /// From the start to the last byte of the answer, with all redirects.
    pub total: Option<Duration>,
    /// Largest body that is accepted, in bytes after decompression.
    pub body: u64,
}

impl HttpLimits {
    /// An answer that has to be there as a whole within this time; its body up to 64 MiB.
    pub const fn whole(total: Duration) -> Self {
        Self {
            connect: None,
            head: None,
            idle: None,
            total: Some(total),
            body: 64 << 20,
        }
    }

    /// An answer that has no end: 30 s for the connection, as much for the head, and then at most `idle` without
    /// a byte.
    pub const fn stream(idle: Duration) -> Self {
        let start = Some(Duration::from_secs(30));
        Self {
            connect: start,
            head: start,
            idle: Some(idle),
            total: None,
            body: u64::MAX,
        }
    }
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self::whole(Duration::from_secs(30))
    }
}
