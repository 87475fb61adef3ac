//! The limits of a request: how much may come, and how long that may take.

use std::io::{BufReader, Write};
use std::net::SocketAddr;
use std::time::Duration;

use headcount_discoverer::env::{Awaited, HttpError, HttpLimits};
use headcount_reader::HttpClientSettings;
use headcount_runtime::SharedRuntime;

use crate::harness::{client, get, gzip, limited};
use crate::server::{Answer, Server, answer, listen, ok, read_request};

on_each_runtime!(
    a_gzip_bomb_stops_at_the_limit,
    a_long_body_stops_at_the_limit,
    what_says_that_it_is_too_long_has_a_head_all_the_same,
    a_connection_that_is_not_made_times_out,
    an_answer_that_does_not_begin_times_out,
    a_body_that_drips_times_out,
    a_body_that_stops_times_out_however_often_it_is_asked_for,
);

const LONG: Duration = Duration::from_secs(20);

fn plain() -> HttpClientSettings {
    HttpClientSettings::default()
}

async fn a_gzip_bomb_stops_at_the_limit(runtime: SharedRuntime) {
    let bomb = gzip(&vec![0; 50 << 20]);
    let server = Server::start(move |_| answer("200 OK", &[("content-encoding", "gzip")], &bomb));
    let request = get(&server.url("/")).limits(limited(100_000, LONG));
    let error = client(&runtime, &plain()).send(request).await.unwrap_err();
    assert_eq!(
        error,
        HttpError::BodyTooLarge {
            host: server.address.to_string(),
            limit: 100_000
        }
    );
}

async fn a_long_body_stops_at_the_limit(runtime: SharedRuntime) {
    let server = Server::start(|seen| match seen.target.as_str() {
        "/said" => ok([b'x'; 101]),
        "/exact" => ok([b'x'; 100]),
        _ => Answer::Drip(b"HTTP/1.1 200 OK\r\n\r\n and so on for ever".to_vec()),
    });
    let client = client(&runtime, &plain());
    let send = |path: &str| client.send(get(&server.url(path)).limits(limited(100, LONG)));
    let too_large = HttpError::BodyTooLarge {
        host: server.address.to_string(),
        limit: 100,
    };
    assert_eq!(send("/said").await, Err(too_large.clone()));
    assert_eq!(send("/endless").await, Err(too_large));
    assert_eq!(send("/exact").await.unwrap().body.len(), 100);
}

async fn what_says_that_it_is_too_long_has_a_head_all_the_same(runtime: SharedRuntime) {
    let server = Server::start(|_| answer("503 Overloaded", &[], [b'x'; 101]));
    let client = client(&runtime, &plain());
    let request = get(&server.url("/")).limits(limited(100, LONG));
    let mut stream = client.open(request).await.unwrap();
    assert_eq!(stream.status, 503);
    assert!(matches!(stream.next_piece().await, Err(HttpError::BodyTooLarge { .. })));
}

/// Takes connections and says nothing.
fn silent() -> SocketAddr {
    let mut kept = Vec::new();
    listen(move |stream| kept.push(stream))
}

const SOON: Duration = Duration::from_millis(50);

fn late(host: impl ToString, awaited: Awaited) -> HttpError {
    HttpError::Timeout {
        host: host.to_string(),
        awaited,
        limit: SOON,
    }
}

async fn a_connection_that_is_not_made_times_out(runtime: SharedRuntime) {
    let address = silent();
    let limits = HttpLimits {
        connect: Some(SOON),
        ..HttpLimits::stream(LONG)
    };
    // There is TCP at once; it is TLS that hangs.
    let request = get(&format!("https://{address}/")).limits(limits);
    let error = client(&runtime, &plain()).open(request).await.unwrap_err();
    assert_eq!(error, late(address, Awaited::Connection));
}

async fn an_answer_that_does_not_begin_times_out(runtime: SharedRuntime) {
    let address = silent();
    let client = client(&runtime, &plain());
    let ask = |limits| client.open(get(&format!("http://{address}/")).limits(limits));
    let limits = HttpLimits {
        head: Some(SOON),
        ..HttpLimits::stream(LONG)
    };
    assert_eq!(ask(limits).await.unwrap_err(), late(address, Awaited::Head));
    assert_eq!(
        ask(HttpLimits::whole(SOON)).await.unwrap_err(),
        late(address, Awaited::End)
    );
}

/// Sends these bytes after each other, with pauses of 2 ms; the last of them for ever, or nothing more.
fn dripping(first: &'static [u8], then: &'static [u8]) -> SocketAddr {
    listen(move |mut stream| {
        std::thread::spawn(move || {
            read_request(&mut BufReader::new(&stream), 1).unwrap();
            let mut next = first;
            while stream.write_all(next).is_ok() {
                next = then;
                std::thread::sleep(Duration::from_millis(2));
            }
        });
    })
}

async fn a_body_that_drips_times_out(runtime: SharedRuntime) {
    let address = dripping(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n", b"x");
    let client = client(&runtime, &plain());
    let limits = HttpLimits {
        idle: Some(LONG),
        ..HttpLimits::whole(SOON)
    };
    let request = get(&format!("http://{address}/")).limits(limits);
    assert_eq!(client.send(request).await.unwrap_err(), late(address, Awaited::End));
    // Where chunks should be is another head: broken, not slow.
    let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n";
    let server = Server::start(|_| Answer::Drip(head.to_vec()));
    let error = client.send(get(&server.url("/"))).await.unwrap_err();
    assert!(matches!(error, HttpError::Protocol { .. }), "{error}");
}

async fn a_body_that_stops_times_out_however_often_it_is_asked_for(runtime: SharedRuntime) {
    let address = dripping(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nbegun", b"");
    let request = get(&format!("http://{address}/")).limits(HttpLimits::stream(SOON));
    let mut stream = client(&runtime, &plain()).open(request).await.unwrap();
    assert_eq!(stream.next_piece().await, Ok(Some(&b"begun"[..])));
    let error = loop {
        let pause = async {
            runtime.sleep(Duration::from_millis(1)).await;
            Ok(None)
        };
        let next = async { stream.next_piece().await.map(|piece| piece.map(<[u8]>::len)) };
        match futures_lite::future::or(next, pause).await {
            Ok(piece) => assert_eq!(piece, None),
            Err(error) => break error,
        }
    };
    assert_eq!(error, late(address, Awaited::Piece));
}
