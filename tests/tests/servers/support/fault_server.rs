//! An HTTP server that answers wrongly, as no real server can be made to.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

/// Writes an answer, or what passes for one. An error means that the client has had enough.
type Behaviour = Arc<dyn Fn(&mut TcpStream) -> io::Result<()> + Send + Sync>;

/// A server whose behaviour can be changed while it runs.
pub(crate) struct FaultServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

struct Shared {
    behaviour: Mutex<Behaviour>,
    is_over: AtomicBool,
}

impl FaultServer {
    /// Starts one that answers with this list of targets.
    pub(crate) fn start(list: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let shared = Arc::new(Shared {
            behaviour: Mutex::new(well(list)),
            is_over: AtomicBool::new(false),
        });
        let accepting = thread::spawn({
            let shared = shared.clone();
            move || accept(&listener, &shared)
        });
        Self {
            address,
            shared,
            accepting: Some(accepting),
        }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers with this list of targets from now on.
    pub(crate) fn answer(&self, list: &str) {
        *self.shared.behaviour.lock().expect("no panic under it") = well(list);
    }

    /// Behaves so from now on.
    pub(crate) fn misbehave(&self, behaviour: impl Fn(&mut TcpStream) -> io::Result<()> + Send + Sync + 'static) {
        *self.shared.behaviour.lock().expect("no panic under it") = Arc::new(behaviour);
    }
}

impl Drop for FaultServer {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        // It may wait for a connection.
        TcpStream::connect(self.address).ok();
        if let Some(accepting) = self.accepting.take() {
            accepting.join().ok();
        }
    }
}

/// A whole and right answer of this type with this body.
pub(crate) fn whole_answer(content_type: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let length = body.len();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

fn well(list: &str) -> Behaviour {
    let answer = whole_answer("application/json", list);
    Arc::new(move |stream| stream.write_all(&answer))
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept() {
        if shared.is_over.load(Ordering::SeqCst) {
            return;
        }
        let shared = shared.clone();
        thread::spawn(move || serve(stream, &shared));
    }
}

/// Answers one request; the connection ends with the answer.
fn serve(mut stream: TcpStream, shared: &Shared) {
    let mut request = Vec::new();
    let mut piece = [0; 4096];
    while !request.windows(4).any(|window| window == b"\r\n\r\n") {
        match stream.read(&mut piece) {
            Ok(length @ 1..) => request.extend_from_slice(&piece[..length]),
            _ => return,
        }
    }
    let behaviour = shared.behaviour.lock().expect("no panic under it").clone();
    behaviour(&mut stream).ok();
}
