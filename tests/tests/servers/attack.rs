//! A daemon under attack: what is malformed, what is slow, what is too much, and pages that mean harm. It has to go on
//! serving everybody else, keep its memory, change nothing, and never panic.
//!
//! Short enough to be run each time; what it sends is drawn by a fixed seed.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{Browser, FaultServer, Folder, Headcount, until};

/// How long a probe may take while a flood lasts. Not kubelet's second: a machine that does other things is no failure.
const PROBE: Duration = Duration::from_secs(10);

/// A daemon with a list of about so many bytes, and the size of that list.
fn attacked(folder: &Folder, bytes: usize, options: &[&str]) -> (Headcount, usize) {
    let groups: Vec<_> = (0..bytes.div_ceil(10_000))
        .map(|number| json!({"targets": [format!("h{number}:1")], "labels": {"x": "y".repeat(10_000)}}))
        .collect();
    folder.write("list.json", serde_json::to_vec(&groups).unwrap());
    let config = format!(
        "scrape_configs: [{{job_name: node, file_sd_configs: [{{files: ['{}']}}]}}]",
        folder.text("list.json")
    );
    let config = folder.write("prometheus.yml", config);
    let headcount = Headcount::start(folder, &[&["--config", config.to_str().unwrap()], options].concat());
    let size = until("the list", || match headcount.get("/sd/node")? {
        answer if answer.status == 200 => Ok(answer.body.len()),
        answer => Err(answer.text()),
    });
    (headcount, size)
}

fn connected(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
}

/// Whether it is well, and how long it took to say so.
fn probe(headcount: &Headcount) -> Result<Duration, String> {
    let begun = Instant::now();
    match headcount.get("/-/healthy")? {
        answer if answer.status == 200 => Ok(begun.elapsed()),
        answer => Err(answer.text()),
    }
}

/// A number of `/metrics`.
fn metric(headcount: &Headcount, name: &str) -> f64 {
    let text = headcount.text("/metrics");
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.and_then(|value| value.parse().ok())
        .unwrap_or_else(|| panic!("{name} in {text}"))
}

fn resident(headcount: &Headcount) -> f64 {
    metric(headcount, "process_resident_memory_bytes")
}

fn reloads(headcount: &Headcount) -> usize {
    headcount.log().matches("the configuration was reloaded").count()
}

fn assert_unharmed(headcount: &Headcount, list: usize) {
    probe(headcount).unwrap();
    assert_eq!(headcount.get("/sd/node").unwrap().body.len(), list);
    let log = headcount.log();
    assert!(!log.contains("panick") && !log.contains("please report"), "{log}");
}

/// Numbers that look like chance, and are the same each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % most.max(1) as u64) as usize
    }
}

/// Sends it, and gives the statuses of what comes back.
fn sent(address: SocketAddr, bytes: &[u8]) -> Vec<u16> {
    let mut stream = connected(address);
    // It may refuse to read all of it.
    stream.write_all(bytes).ok();
    stream.shutdown(Shutdown::Write).ok();
    let (mut answer, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        match stream.read(&mut piece) {
            Ok(0) => break,
            Ok(read) => answer.extend_from_slice(&piece[..read]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                panic!(
                    "neither an answer nor an end after {:?}",
                    String::from_utf8_lossy(bytes)
                )
            }
            Err(_) => break,
        }
    }
    let answer = String::from_utf8_lossy(&answer);
    let heads = answer.match_indices("HTTP/1.").map(|(at, _)| &answer[at..]);
    heads.filter_map(|head| head.get(9..12)?.parse().ok()).collect()
}

#[test]
fn requests_that_are_malformed_harm_nobody() {
    let folder = Folder::new();
    let (headcount, list) = attacked(&folder, 100_000, &[]);
    let address = headcount.address();
    let long = "a".repeat(1 << 20);
    let heads = "X-A: b\r\n".repeat(10_000);
    let refused: Vec<Vec<u8>> = [
        "\0\0\0\0",
        "GET\r\n\r\n",
        "GET /sd/node HTTP/9.9\r\nHost: localhost\r\n\r\n",
        "GET /sd/node HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
        "GET /sd/node HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        "GET http://evil.example/sd/node HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        "GET /sd/node HTTP/1.1\r\nHost: local\0host\r\n\r\n",
        "GET /sd/node HTTP/1.1\r\nHost: localhost\r\nBad Name: x\r\n\r\n",
        "POST /-/reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        "POST /-/reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        "POST /-/reload HTTP/1.1\r\nHost: localhost\r\nOrigin: null\r\n\r\n",
        "CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        "TRACE / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
        "GET /page/../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /page/%2e%2e%2f%2e%2e%2fetc%2fpasswd HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /sd/%ff HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /sd/node?relabelled=%zz HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /api/v1/targets?match[]=%7B HTTP/1.1\r\nHost: localhost\r\n\r\n",
        &format!("GET /{long} HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        &format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {long}\r\n\r\n"),
        &format!("GET / HTTP/1.1\r\nHost: localhost\r\n{heads}\r\n"),
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec();
    for request in &refused {
        let statuses = sent(address, request);
        let shown = String::from_utf8_lossy(&request[..request.len().min(200)]).into_owned();
        assert!(
            statuses.iter().all(|status| (400..=505).contains(status)),
            "{statuses:?} for {shown:?}"
        );
    }
    // A hello of TLS, and requests of which bytes are others.
    sent(address, b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00");
    let mut numbers = Numbers(0x6865_6164);
    for _ in 0..400 {
        let mut request = refused[numbers.below(19)].clone();
        for _ in 0..=numbers.below(4) {
            let at = numbers.below(request.len());
            match numbers.below(3) {
                0 => request[at] = numbers.below(256) as u8,
                1 => drop(request.remove(at)),
                _ => request.insert(at, b"\r\n \0:/%\xff"[numbers.below(8)]),
            }
            if request.is_empty() {
                break;
            }
        }
        // A post to another path may be another's business.
        if !request.windows(2).any(|bytes| bytes == b"-/") {
            sent(address, &request);
        }
    }
    assert_eq!(reloads(&headcount), 0);
    assert_unharmed(&headcount, list);
}

/// Issue 12, finding 2: it took 2.6 GB, and held on to it.
#[test]
fn clients_that_are_slow_cost_next_to_nothing() {
    let folder = Folder::new();
    let (headcount, list) = attacked(&folder, 14 << 20, &["--web.max-connections-per-address", "400"]);
    let address = headcount.address();
    // Compressed once, too.
    let gzipped = connected(address);
    request(
        &gzipped,
        "GET",
        "/sd/node",
        "Accept-Encoding: gzip\r\nConnection: close\r\n",
    );
    (&gzipped).read_to_end(&mut Vec::new()).unwrap();
    let before = resident(&headcount);
    let stalled: Vec<_> = (0..200)
        .map(|number| {
            let stream = connected(address);
            let coding = if number % 2 == 0 { "gzip" } else { "identity" };
            request(&stream, "GET", "/sd/node", &format!("Accept-Encoding: {coding}\r\n"));
            stream
        })
        .collect();
    // They have begun to be answered, and are left alone; others send a head that does not end.
    for stream in &stalled {
        stream.peek(&mut [0]).expect("an answer begins");
    }
    let heads: Vec<_> = (0..100)
        .map(|_| {
            let stream = connected(address);
            (&stream)
                .write_all(b"GET /sd/node HTTP/1.1\r\nHost: localhost\r\nX-")
                .unwrap();
            stream
        })
        .collect();
    for round in 0..20 {
        assert!(probe(&headcount).unwrap() < PROBE, "{round}");
        for stream in &heads {
            (&*stream).write_all(b"a").ok();
        }
    }
    assert_eq!(headcount.get("/sd/node").unwrap().body.len(), list);
    let grown = resident(&headcount) - before;
    assert!(
        grown < 50.0 * f64::from(1 << 20),
        "{} MiB more",
        grown / f64::from(1 << 20)
    );
    drop((stalled, heads));
    assert_unharmed(&headcount, list);
}

fn request(stream: &TcpStream, method: &str, path: &str, headers: &str) {
    let mut stream = stream;
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n").expect("sent");
}

/// Issue 12, finding 3: 1,024 connections that ask nothing stopped the service, and those that came again and again one
/// probe in four.
#[test]
fn floods_of_connections_keep_no_probe_out() {
    let folder = Folder::new();
    let (headcount, list) = attacked(&folder, 100_000, &[]);
    let address = headcount.address();
    let idle: Vec<_> = (0..700).map(|_| connected(address)).collect();
    for round in 0..10 {
        let took = probe(&headcount).unwrap();
        assert!(
            took < PROBE,
            "{took:?} in round {round}, beside {} connections",
            idle.len()
        );
    }
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        for number in 0..3 {
            let is_over = &is_over;
            scope.spawn(move || {
                let mut held: Vec<TcpStream> = Vec::new();
                while !is_over.load(Ordering::Relaxed) {
                    match TcpStream::connect(address) {
                        // Some ask, some don't, some go at once.
                        Ok(stream) if number == 0 => held.push(stream),
                        Ok(stream) if number == 1 => {
                            (&stream)
                                .write_all(b"GET /sd/node HTTP/1.1\r\nHost: localhost\r\n\r\n")
                                .ok();
                            held.push(stream);
                        }
                        Ok(_) | Err(_) => {}
                    }
                    if held.len() > 200 {
                        held.clear();
                    }
                }
            });
        }
        let probes: Vec<_> = (0..60)
            .map(|_| {
                thread::sleep(Duration::from_millis(50));
                probe(&headcount)
            })
            .collect();
        is_over.store(true, Ordering::Relaxed);
        for took in probes {
            let took = took.expect("an answer");
            assert!(took < PROBE, "{took:?}");
        }
    });
    drop(idle);
    until("the list to be served again", || match headcount.get("/sd/node")? {
        answer if answer.status == 200 => Ok(()),
        answer => Err(answer.text()),
    });
    let log = headcount.log();
    let said = log.matches("more clients are connected than may be").count();
    assert_eq!(said, 1, "once a minute, with a count: {log}");
    assert_unharmed(&headcount, list);
}

/// Whatever a page of somebody else's can make a browser send.
#[test]
fn pages_that_mean_harm_do_none() {
    require!("chromium");
    let folder = Folder::new();
    let (headcount, list) = attacked(&folder, 1_000, &[]);
    let at = format!("http://{}", headcount.address());
    let page = format!(
        "<!doctype html><title>evil</title><img src='{at}/-/reload'><img src='{at}/sd/node'>\
         <script src='{at}/sd/node' onload=\"window.ran=1\"></script><iframe id=frame src='{at}/'></iframe>\
         <form id=form method=post action='{at}/-/reload' target=hidden></form>\
         <iframe name=hidden></iframe>\
         <iframe sandbox='allow-scripts allow-forms' srcdoc=\"<form method=post action='{at}/-/reload'></form>\
         <script>document.forms[0].submit()</script>\"></iframe>"
    );
    let evil = FaultServer::start("[]");
    evil.misbehave(move |stream| {
        write!(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{page}",
            page.len()
        )
    });
    let browser = Browser::start(&folder);
    browser.open(&format!("http://evil.example:{}/", evil.address().port()));
    browser.wait_until("document.readyState === 'complete'");
    browser.evaluate("document.getElementById('form').submit()");
    let attempts = [
        "fetch(at + '/-/reload', {method: 'POST', mode: 'no-cors', credentials: 'include'})",
        "fetch(at + '/-/reload', {method: 'PUT'})",
        "fetch(at + '/-/reload', {method: 'POST', headers: {'X-Requested-With': 'x'}})",
        "fetch(at + '/api/v1/providers/file/0/refresh', {method: 'POST', mode: 'no-cors'})",
        "fetch(at + '/api/v1/providers/file/0/confirm', {method: 'POST', mode: 'no-cors'})",
        "fetch(at + '/sd/node')",
        "fetch(at + '/config')",
        "new Promise((done) => { navigator.sendBeacon(at + '/-/reload', 'x'); done(); })",
        "new Promise((done, failed) => { const s = new WebSocket(at.replace('http', 'ws') + '/'); \
         s.onopen = () => done({type: 'basic'}); s.onerror = failed; })",
        "new Promise((done, failed) => { const s = new EventSource(at + '/api/v1/events'); \
         s.onopen = () => done({type: 'basic'}); s.onerror = (e) => { s.close(); failed(e); }; })",
    ];
    for attempt in attempts {
        let read = format!(
            "((at) => {attempt}.then((answer) => answer && answer.type !== 'opaque' ? 'read' : 'blind', () => 'kept'))('{at}')"
        );
        let came = browser.evaluate(&read);
        assert_ne!(came, json!("read"), "{attempt}");
    }
    assert_eq!(
        browser.evaluate("window.ran === 1"),
        json!(false),
        "no list runs as a script"
    );
    // What its name once was, it is now here: the browser takes it for the page's own.
    browser.open(&format!("http://evil.example:{}/-/healthy", headcount.address().port()));
    let own = "fetch('/-/reload', {method: 'POST'}).then((answer) => answer.status)";
    assert_eq!(browser.evaluate(own), json!(403));
    assert_eq!(reloads(&headcount), 0);
    assert_unharmed(&headcount, list);
}
