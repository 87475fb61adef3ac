//! Who is waited for is told to who wants to know, and the answer is the same.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is a test's report")]

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;

use support::{folder, headcount, wait_until};

const LIST: &str = r#"[{"targets": ["db7:9100"]}]"#;

/// A server that answers nobody before it is told to.
struct Holding(TcpListener);

impl Holding {
    fn start() -> (Self, String) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/list", listener.local_addr().unwrap());
        (Self(listener), url)
    }

    /// Somebody asked, and waits.
    fn asked(&self) -> TcpStream {
        let (stream, _) = self.0.accept().unwrap();
        let lines = BufReader::new(stream.try_clone().unwrap()).lines();
        lines
            .map_while(Result::ok)
            .take_while(|line| !line.is_empty())
            .for_each(drop);
        stream
    }
}

fn answer(mut stream: TcpStream) {
    let length = LIST.len();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{LIST}"
    )
    .unwrap();
}

/// What a command says on standard error until the backend answers, on standard output, and afterwards.
fn while_it_waits(arguments: &[&str], config: impl Fn(&str) -> String) -> [String; 3] {
    let (backend, url) = Holding::start();
    let folder = folder(&[("p.yml", &config(&url)), ("empty.yml", "{}")]);
    let mut child = headcount()
        .current_dir(folder.path())
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let held = backend.asked();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut waiting = String::new();
    // There is a line while the answer is held, or the test hangs until its harness ends it.
    stderr.read_line(&mut waiting).unwrap();
    answer(held);
    let (mut out, mut rest) = (String::new(), String::new());
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    stderr.read_to_string(&mut rest).unwrap();
    wait_until("the end", || child.try_wait().unwrap());
    [waiting.replace(&url, "URL"), out, rest]
}

fn job(url: &str) -> String {
    format!("scrape_configs: [{{job_name: far, http_sd_configs: [{{url: '{url}'}}]}}]")
}

#[test]
fn who_is_waited_for_is_named_to_who_wants_more() {
    for (arguments, answered) in [
        (&["sd", "-v", "p.yml"][..], "db7:9100"),
        (
            &["explain", "-v", "--config", "p.yml", "db7"],
            "db7:9100 in job \"far\" is active",
        ),
        (&["diff", "-v", "empty.yml", "p.yml"], "+ db7:9100"),
    ] {
        let [waiting, out, rest] = while_it_waits(arguments, job);
        assert_eq!(waiting, "headcount: waiting for http/0 (URL)\n", "{arguments:?}");
        assert!(
            out.contains(answered) && !out.contains("waiting"),
            "{arguments:?}: {out}"
        );
        assert_eq!(rest, "", "{arguments:?}");
    }
}

#[test]
fn nobody_else_is_told() {
    // The backend is asked by a second command, which is told, so the first one has waited longer than that.
    let (backend, url) = Holding::start();
    let folder = folder(&[("p.yml", &job(&url))]);
    let start = |more: &[&str]| {
        headcount()
            .current_dir(folder.path())
            .args([&["sd", "p.yml"], more].concat())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let silent = [start(&[]), start(&["-q"])];
    let held = [backend.asked(), backend.asked()];
    let mut told = start(&["-v"]);
    let last = backend.asked();
    BufReader::new(told.stderr.take().unwrap())
        .read_line(&mut String::new())
        .unwrap();
    for stream in held.into_iter().chain([last]) {
        answer(stream);
    }
    for child in silent {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    }
    wait_until("the end", || told.try_wait().unwrap());
}
