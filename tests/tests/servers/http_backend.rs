//! What goes wrong with a list that comes over HTTP. Whatever it is, no target is lost, and
//! `/api/v1/providers` says what it is.

use std::io::{self, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::support::{FaultServer, Folder, Headcount, Nginx, run_remote, whole_answer};

const LIST: &str = r#"[{"targets": ["10.0.0.1:1", "10.0.0.2:1"], "labels": {"dc": "a"}}]"#;
const ADDRESSES: [&str; 2] = ["10.0.0.1:1", "10.0.0.2:1"];

/// More than headcount takes as one list.
const TOO_MUCH: usize = 257 << 20;

#[test]
fn killing_and_restarting_the_server_loses_no_target() {
    require!("nginx");
    let folder = Folder::new();
    folder.write("www/list.json", LIST);
    let mut nginx = Nginx::start(&folder, &[";"]);
    let headcount = run_remote(&folder, &format!("http://127.0.0.1:{}/list.json", nginx.port(0)), &[]);
    let before = headcount.wait_for("remote", &ADDRESSES);

    nginx.kill();
    headcount.wait_for_failure("http", &[&format!("127.0.0.1:{}", nginx.port(0))]);
    assert_eq!(headcount.list("remote"), Ok(before.clone()));
    headcount.wait_for_more("http", "failures");
    assert_eq!(headcount.list("remote"), Ok(before));
    assert_eq!(headcount.get("/-/ready").unwrap().status, 200);

    folder.write("www/list.json", r#"[{"targets": ["10.0.0.3:1"]}]"#);
    nginx.restart();
    headcount.wait_for("remote", &["10.0.0.3:1"]);
    assert!(headcount.log().contains("discovery works again"));
}

#[test]
fn a_whole_list_is_all_that_replaces_a_list() {
    let server = FaultServer::start(LIST);
    let (_folder, headcount) = run(&server);
    let half = LIST[..LIST.len() / 2].to_owned();
    let faults: [(Vec<u8>, &[&str]); 10] = [
        (whole_answer("application/json", &half), &["line", "EOF"]),
        (whole_answer("application/json", ""), &["line", "EOF"]),
        (
            whole_answer("application/json", r#"{"targets": ["10.0.0.9:1"]}"#),
            &["list"],
        ),
        (
            whole_answer("application/json", r#"[{"targets": [7]}]"#),
            &["entry 0", "`7`"],
        ),
        // In a string it would be U+FFFD, as in Go.
        (
            whole_answer("application/json", b"[{\"targets\": [\xff]}]"),
            &["line", "column"],
        ),
        (whole_answer("text/html", LIST), &["text/html", "application/json"]),
        (answer_with("HTTP/1.1 503 Service Unavailable"), &["503"]),
        (answer_with("HTTP/1.1 404 Not Found"), &["404"]),
        // Fewer bytes than announced: the server died while it sent.
        (
            format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{half}").into(),
            &[],
        ),
        (b"SSH-2.0-OpenSSH_9.2p1\r\n".to_vec(), &[]),
    ];
    for (fault, said) in faults {
        server.misbehave(move |stream| stream.write_all(&fault));
        keeps_and_recovers(&server, &headcount, said);
    }
}

#[test]
fn a_slow_and_a_silent_server_run_out_of_time() {
    let server = FaultServer::start(LIST);
    let (_folder, headcount) = run(&server);
    server.misbehave(|stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n[")?;
        loop {
            stream.write_all(b" ")?;
            thread::sleep(Duration::from_millis(20));
        }
    });
    keeps_and_recovers(&server, &headcount, &["within"]);
    server.misbehave(|stream| {
        // Until headcount has had enough.
        io::copy(stream, &mut io::sink()).map(|_| ())
    });
    keeps_and_recovers(&server, &headcount, &["within"]);
}

#[test]
fn a_list_that_is_announced_as_too_large_is_refused() {
    refuses_as_too_large(|stream| {
        stream.write_all(&head(&format!("Content-Length: {}\r\n", 1 << 30)))?;
        pour(stream, 1 << 30)
    });
}

#[test]
fn a_list_that_grows_too_large_is_refused() {
    refuses_as_too_large(|stream| {
        stream.write_all(&head(""))?;
        pour(stream, 1 << 30)
    });
}

#[test]
fn a_small_list_that_decompresses_to_a_large_one_is_refused() {
    let compressed = compressed_spaces();
    refuses_as_too_large(move |stream| {
        stream.write_all(&head("Content-Encoding: gzip\r\n"))?;
        stream.write_all(&compressed)
    });
}

fn refuses_as_too_large(behaviour: impl Fn(&mut TcpStream) -> io::Result<()> + Send + Sync + 'static) {
    let server = FaultServer::start(LIST);
    let folder = Folder::new();
    // An interval in which so much can come at all.
    let request = format!("{{url: 'http://{}/', refresh_interval: 30s}}", server.address());
    let job = format!("scrape_configs: [{{job_name: remote, http_sd_configs: [{request}]}}]\n");
    server.misbehave(behaviour);
    let headcount = Headcount::with_config(&folder, &folder.write("prometheus.yml", job));
    headcount.wait_for_failure("http", &["limit of 268435456 bytes"]);
    assert_eq!(headcount.get("/sd/remote").unwrap().status, 503);
}

fn run(server: &FaultServer) -> (Folder, Headcount) {
    let folder = Folder::new();
    let headcount = run_remote(&folder, &format!("http://{}/", server.address()), &[]);
    headcount.wait_for("remote", &ADDRESSES);
    (folder, headcount)
}

/// Waits until headcount has seen the fault, and then that it works again without it.
fn keeps_and_recovers(server: &FaultServer, headcount: &Headcount, said: &[&str]) {
    let address = server.address().to_string();
    headcount.wait_for_failure("http", &[said, &[&address]].concat());
    headcount.wait_for("remote", &ADDRESSES);
    server.answer(LIST);
    headcount.wait_for_health("http");
    headcount.wait_for("remote", &ADDRESSES);
}

fn answer_with(status: &str) -> Vec<u8> {
    format!(
        "{status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{LIST}",
        LIST.len()
    )
    .into()
}

fn head(more: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{more}\r\n").into()
}

/// Writes so many spaces, which are no mistake in JSON.
fn pour(stream: &mut TcpStream, mut length: usize) -> io::Result<()> {
    let piece = vec![b' '; 1 << 20];
    while length > 0 {
        let step = piece.len().min(length);
        stream.write_all(&piece[..step])?;
        length -= step;
    }
    Ok(())
}

/// A small body that becomes too large.
fn compressed_spaces() -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let piece = vec![b' '; 1 << 20];
    for _ in 0..TOO_MUCH / piece.len() {
        encoder.write_all(&piece).unwrap();
    }
    encoder.finish().unwrap()
}
