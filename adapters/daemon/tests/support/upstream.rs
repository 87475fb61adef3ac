//! An http_sd server that can be made to fail.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// A server that answers every request with one status and one body.
pub(crate) struct Upstream {
    pub(crate) url: String,
    answer: Arc<Mutex<(u16, String)>>,
    requests: Arc<AtomicUsize>,
}

impl Upstream {
    pub(crate) fn start(status: u16, body: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}/list", listener.local_addr().expect("an address"));
        let answer = Arc::new(Mutex::new((status, body.to_owned())));
        let requests = Arc::new(AtomicUsize::new(0));
        let (shared, counted) = (answer.clone(), requests.clone());
        // Ends with the process.
        thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let reader = BufReader::new(stream.try_clone().expect("cloned"));
                reader
                    .lines()
                    .map_while(Result::ok)
                    .take_while(|line| !line.is_empty())
                    .for_each(drop);
                counted.fetch_add(1, Ordering::Relaxed);
                let (status, body) = shared.lock().expect("not poisoned").clone();
                let length = body.len();
                write!(
                    stream,
                    "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
                )
                .ok();
            }
        });
        Self { url, answer, requests }
    }

    pub(crate) fn answer(&self, status: u16, body: &str) {
        *self.answer.lock().expect("not poisoned") = (status, body.to_owned());
    }

    /// How many requests were answered.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }
}
