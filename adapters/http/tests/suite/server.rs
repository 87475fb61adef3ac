//! Small servers in this process: threads that speak HTTP/1.1 over plain TCP or TLS, so that a
//! test decides every byte of an answer.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A request as the server saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    /// Counts the server's connections.
    pub(crate) connection: usize,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn values(&self, name: &str) -> Vec<&str> {
        let named = self.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str()).collect()
    }
}

/// What the server does about a request.
pub(crate) enum Answer {
    /// Sends these bytes, and waits for the next request.
    Bytes(Vec<u8>),
    /// Sends these bytes, and closes.
    Last(Vec<u8>),
    /// Sends these bytes over and over, with pauses, until the client is gone.
    Drip(Vec<u8>),
}

/// A server. Its threads end when their clients do, and with the process.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    /// Plain HTTP.
    pub(crate) fn start(answer: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Self {
        Self::serve(answer, |stream| Some(Box::new(stream)))
    }

    /// HTTPS.
    pub(crate) fn start_tls(config: ServerConfig, answer: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Self {
        let config = Arc::new(config);
        Self::serve(answer, move |stream| {
            let connection = ServerConnection::new(config.clone()).ok()?;
            Some(Box::new(StreamOwned::new(connection, stream)))
        })
    }

    fn serve(
        answer: impl Fn(&Seen) -> Answer + Send + Sync + 'static,
        wrap: impl Fn(TcpStream) -> Option<Box<dyn Duplex>> + Send + 'static,
    ) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (log, answer) = (seen.clone(), Arc::new(answer));
        let mut connection = 0;
        let address = listen(move |stream| {
            connection += 1;
            let (log, answer, stream) = (log.clone(), answer.clone(), wrap(stream));
            thread::spawn(move || stream.map(|stream| speak(stream, connection, &log, &*answer)));
        });
        Self { address, seen }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// All requests until now.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// The one request until now.
    pub(crate) fn only(&self) -> Seen {
        let mut seen = self.seen();
        assert_eq!(seen.len(), 1, "{seen:?}");
        seen.remove(0)
    }
}

/// Listens on a free port of this machine.
pub(crate) fn listen(mut accept: impl FnMut(TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            accept(stream);
        }
    });
    address
}

/// An answer with a length.
pub(crate) fn answer(status: &str, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Answer {
    let body = body.as_ref();
    let mut bytes = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        bytes.push_str(&format!("{name}: {value}\r\n"));
    }
    Answer::Bytes([bytes.as_bytes(), b"\r\n", body].concat())
}

pub(crate) fn ok(body: impl AsRef<[u8]>) -> Answer {
    answer("200 OK", &[], body)
}

pub(crate) trait Duplex: Read + Write + Send {}

impl<T: Read + Write + Send> Duplex for T {}

fn speak(
    stream: Box<dyn Duplex>,
    connection: usize,
    log: &Mutex<Vec<Seen>>,
    answer: &dyn Fn(&Seen) -> Answer,
) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some(request) = read_request(&mut stream, connection)? {
        log.lock().unwrap().push(request.clone());
        let stream = stream.get_mut();
        match answer(&request) {
            Answer::Bytes(bytes) => stream.write_all(&bytes)?,
            Answer::Last(bytes) => {
                stream.write_all(&bytes)?;
                return stream.flush();
            }
            Answer::Drip(bytes) => loop {
                stream.write_all(&bytes)?;
                stream.flush()?;
                thread::sleep(std::time::Duration::from_millis(2));
            },
        }
        stream.flush()?;
    }
    Ok(())
}

/// The next request; `None` when the client is gone.
pub(crate) fn read_request(stream: &mut impl BufRead, connection: usize) -> io::Result<Option<Seen>> {
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let mut seen = Seen {
        method,
        target,
        headers,
        body: String::new(),
        connection,
    };
    let length: usize = seen
        .header("content-length")
        .map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    seen.body = String::from_utf8(body).unwrap();
    Ok(Some(seen))
}
