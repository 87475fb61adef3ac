//! Clients that hold connections, and clients that take what they asked for slowly, before a whole service.

// Helpers panic as tests do: it is the report.
#![allow(clippy::expect_used)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::ConnectionLimits;
use crate::{ListKind, Service, Source};

/// How long a test waits for what has to come.
const DEADLINE: Duration = Duration::from_secs(30);

/// A service of one list of about so many bytes.
struct Served {
    service: Service,
    address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Served {
    fn start(bytes: usize, limits: ConnectionLimits) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let groups: Vec<_> = (0..bytes.div_ceil(10_000))
            .map(|number| serde_json::json!({"targets": [format!("h{number}:1")], "labels": {"x": "y".repeat(10_000)}}))
            .collect();
        let file = folder.path().join("list.json");
        std::fs::write(&file, serde_json::to_vec(&groups).expect("JSON")).expect("written");
        let config = format!(
            "scrape_configs: [{{job_name: a, file_sd_configs: [{{files: ['{}']}}]}}]",
            file.display()
        );
        let builder = Service::builder().listen("127.0.0.1:0").connections(limits);
        let service = smol::block_on(builder.start(Source::text(config))).expect("started");
        smol::block_on(service.next_list("a", ListKind::Discovered, None)).expect("a list");
        let address = service.address().expect("it listens");
        Self {
            service,
            address,
            _folder: folder,
        }
    }

    /// A connection on which this was sent.
    fn sent(&self, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).expect("connected");
        stream.set_read_timeout(Some(DEADLINE)).expect("set");
        stream.write_all(request.as_bytes()).expect("sent");
        stream
    }

    /// The status of an answer; `None` when there is none.
    fn status(&self, path: &str) -> Option<u16> {
        let mut stream = self.sent(&format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        ));
        let mut head = [0; 12];
        stream.read_exact(&mut head).ok()?;
        String::from_utf8_lossy(&head[9..]).parse().ok()
    }
}

const LIST: &str = "GET /sd/a HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// Whether the other side has ended the connection, without reading what comes.
fn is_ended(stream: &TcpStream) -> bool {
    use rustix::event::{PollFd, PollFlags, poll};
    let mut polled = [PollFd::new(stream, PollFlags::RDHUP)];
    poll(&mut polled, Some(&rustix::event::Timespec::default())).expect("polled");
    polled[0]
        .revents()
        .intersects(PollFlags::RDHUP | PollFlags::HUP | PollFlags::ERR)
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) -> Duration {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < DEADLINE, "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
    begun.elapsed()
}

/// Issue 12, finding 2: they were cut after two times as long as promised, and one that takes a little now and then never.
#[test]
fn clients_that_stall_or_crawl_are_cut_and_others_are_not() {
    let limits = ConnectionLimits {
        patience: Duration::from_millis(600),
        ..ConnectionLimits::default()
    };
    let served = Served::start(16 << 20, limits);
    let [stalled, mut crawling] = [LIST, LIST].map(|request| served.sent(request));
    let begun = Instant::now();
    let (mut is_stalled, mut is_crawling) = (None, None);
    wait_until("both to be cut", || {
        let _some = crawling.read(&mut [0; 200]);
        is_stalled = is_stalled.or(is_ended(&stalled).then(|| begun.elapsed()));
        is_crawling = is_crawling.or(is_ended(&crawling).then(|| begun.elapsed()));
        is_stalled.is_some() && is_crawling.is_some()
    });
    for cut in [is_stalled, is_crawling].into_iter().flatten() {
        assert!(cut >= Duration::from_millis(600), "{cut:?}");
    }
    // Slow, and quick enough: about four times what it has to be, over several windows.
    let mut steady = served.sent(&LIST.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"));
    let (mut piece, mut all) = (vec![0; 1 << 20], 0);
    loop {
        std::thread::sleep(Duration::from_millis(100));
        match steady.read(&mut piece).expect("it is not cut") {
            0 => break,
            read => all += read,
        }
    }
    assert!(all > 16 << 20, "{all}");
    smol::block_on(served.service.stop());
}

/// Issue 12, finding 3.
#[test]
fn clients_that_hold_connections_keep_nobody_out() {
    let limits = ConnectionLimits {
        connections: 20,
        per_address: Some(20),
        ..ConnectionLimits::default()
    };
    let served = Served::start(16 << 20, limits);
    let idle: Vec<_> = (0..60).map(|_| served.sent("")).collect();
    assert_eq!(served.status("/sd"), Some(200));
    wait_until("all but the newest to be closed", || {
        idle.iter().filter(|stream| !is_ended(stream)).count() <= 20
    });
    assert!(!is_ended(&idle[59]) && is_ended(&idle[0]), "the oldest go first");
    // Now all places are taken by who is being answered: whose request was not read yet would be idle, and go.
    let answered = |_| {
        let mut stream = served.sent(LIST);
        stream.read_exact(&mut [0]).expect("an answer begins");
        stream
    };
    let busy: Vec<_> = (0..20).map(answered).collect();
    wait_until("all to be busy", || served.status("/sd") == Some(503));
    assert_eq!(
        (served.status("/-/healthy"), served.status("/-/ready")),
        (Some(200), Some(200))
    );
    assert!(!busy.iter().any(is_ended), "who is being answered stays");
    drop(busy);
    wait_until("places to be free", || served.status("/sd") == Some(200));
    drop(idle);
    smol::block_on(served.service.stop());
}
