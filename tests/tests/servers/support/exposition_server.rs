//! An HTTP server that answers by path, as targets do.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

/// Whole answers by path. A path without one is never answered.
pub(crate) type Answers = BTreeMap<String, Vec<u8>>;

/// A server of what many targets say.
pub(crate) struct ExpositionServer {
    address: SocketAddr,
    is_over: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
}

impl ExpositionServer {
    /// Starts one.
    pub(crate) fn start(answers: Answers) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let (answers, is_over) = (Arc::new(answers), Arc::new(AtomicBool::new(false)));
        let accepting = thread::spawn({
            let is_over = is_over.clone();
            move || {
                while let Ok((stream, _)) = listener.accept() {
                    if is_over.load(Ordering::SeqCst) {
                        return;
                    }
                    let answers = answers.clone();
                    thread::spawn(move || serve(stream, &answers));
                }
            }
        });
        Self {
            address,
            is_over,
            accepting: Some(accepting),
        }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for ExpositionServer {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        // It may wait for a connection.
        TcpStream::connect(self.address).ok();
        if let Some(accepting) = self.accepting.take() {
            accepting.join().ok();
        }
    }
}

/// Answers one request; the connection ends with the answer.
fn serve(mut stream: TcpStream, answers: &Answers) {
    let mut request = Vec::new();
    let mut piece = [0; 4096];
    while !request.windows(4).any(|window| window == b"\r\n\r\n") {
        match stream.read(&mut piece) {
            Ok(length @ 1..) => request.extend_from_slice(&piece[..length]),
            _ => return,
        }
    }
    let request = String::from_utf8_lossy(&request);
    let path = request.split(' ').nth(1).unwrap_or_default();
    match answers.get(path) {
        // An error means that the client has had enough.
        Some(answer) => drop(stream.write_all(answer)),
        // Until the client gives up.
        None => while matches!(stream.read(&mut piece), Ok(1..)) {},
    }
}
