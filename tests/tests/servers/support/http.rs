//! A small HTTP client: one request, one answer, as HTTP/1.0, where an answer ends with its
//! connection.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// How long a connection may be silent.
const SILENCE: Duration = Duration::from_secs(90);

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Result<Value, String> {
        serde_json::from_slice(&self.body).map_err(|error| format!("not JSON ({error}): {}", self.text()))
    }

    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut fields = self.head.lines().filter_map(|line| line.split_once(':'));
        fields
            .find(|(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
    }
}

/// Sends a request without a body. `headers` are whole lines, each with its end.
///
/// # Errors
/// Nobody listens there, or what is sent is no HTTP.
pub(crate) fn request(address: SocketAddr, method: &str, path: &str, headers: &str) -> Result<Answer, String> {
    send(address, method, path, headers, b"")
}

/// Asks for what is at a path by another name of the server's.
///
/// # Errors
/// Those of [`request`].
pub(crate) fn request_by_name(address: SocketAddr, name: &str, path: &str) -> Result<Answer, String> {
    send_to(address, name, "GET", path, "", b"")
}

/// Sends a request with a body, whose length `headers` need not name.
///
/// # Errors
/// Those of [`request`].
pub(crate) fn send(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &str,
    body: &[u8],
) -> Result<Answer, String> {
    send_to(address, &address.to_string(), method, path, headers, body)
}

fn send_to(
    address: SocketAddr,
    host: &str,
    method: &str,
    path: &str,
    headers: &str,
    body: &[u8],
) -> Result<Answer, String> {
    let length = match body.len() {
        0 => String::new(),
        length => format!("Content-Length: {length}\r\n"),
    };
    let answered = || -> io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(SILENCE))?;
        write!(
            stream,
            "{method} {path} HTTP/1.0\r\nHost: {host}\r\n{headers}{length}\r\n"
        )?;
        stream.write_all(body)?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = answered().map_err(|error| format!("{method} http://{address}{path}: {error}"))?;
    let parsed = parse(&bytes);
    parsed.ok_or_else(|| {
        format!(
            "{method} http://{address}{path}: not HTTP: {:?}",
            String::from_utf8_lossy(&bytes)
        )
    })
}

fn parse(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8(bytes[..end].to_vec()).ok()?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Answer {
        status,
        head,
        body: bytes[end + 4..].to_vec(),
    })
}
