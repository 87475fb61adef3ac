//! Answers as streams, and what becomes of their connections.

use std::io::{BufReader, Write};
use std::os::unix::net::UnixListener;

use flate2::Compression;
use flate2::write::GzEncoder;
use headcount_discoverer::env::Http;
use headcount_reader::{HttpClientSettings, Proxy, Secret};
use headcount_runtime::{SharedRuntime, http_clients};

use crate::harness::{client, get, text, until};
use crate::server::{Server, listen, ok, read_request};

on_each_runtime!(
    a_body_is_given_as_it_comes,
    a_compressed_body_is_given_as_it_comes,
    who_stops_to_read_ends_the_connection,
    a_dropped_request_closes_its_connection,
    equal_settings_share_their_connections,
    a_unix_socket_is_asked_in_place_of_the_host,
);

fn plain() -> HttpClientSettings {
    HttpClientSettings::default()
}

/// Sends a head, and then a piece each time that the one before was taken. It hears of that by what is returned.
fn one_by_one(head: &'static str, pieces: Vec<Vec<u8>>) -> (String, std::sync::mpsc::Sender<()>) {
    let (taken, was_taken) = std::sync::mpsc::channel();
    let was_taken = std::sync::Mutex::new(Some(was_taken));
    let address = listen(move |mut stream| {
        let (was_taken, pieces) = (was_taken.lock().unwrap().take().unwrap(), pieces.clone());
        std::thread::spawn(move || {
            read_request(&mut BufReader::new(&stream), 1).unwrap();
            stream.write_all(head.as_bytes()).unwrap();
            for piece in pieces {
                stream.write_all(&piece).unwrap();
                was_taken.recv().unwrap();
            }
        });
    });
    (format!("http://{address}/"), taken)
}

async fn a_body_is_given_as_it_comes(runtime: SharedRuntime) {
    let head = "HTTP/1.1 201 Created\r\nX-A: b\r\ncontent-length: 10\r\n\r\n";
    let (url, taken) = one_by_one(head, vec![b"begun".to_vec(), b"ended".to_vec()]);
    let mut stream = client(&runtime, &plain()).open(get(&url)).await.unwrap();
    assert_eq!((stream.status, stream.header("x-a")), (201, Some("b")));
    for expected in [&b"begun"[..], b"ended"] {
        assert_eq!(stream.next_piece().await, Ok(Some(expected)));
        taken.send(()).unwrap();
    }
    assert_eq!(stream.next_piece().await, Ok(None));
}

async fn a_compressed_body_is_given_as_it_comes(runtime: SharedRuntime) {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let lines = ["one\n", "two\n", "three\n"];
    let pieces = lines.map(|line| {
        encoder.write_all(line.as_bytes()).unwrap();
        encoder.flush().unwrap();
        std::mem::take(encoder.get_mut())
    });
    let head = "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n";
    let (url, taken) = one_by_one(head, pieces.to_vec());
    let mut stream = client(&runtime, &plain()).open(get(&url)).await.unwrap();
    for line in lines {
        assert_eq!(stream.next_piece().await, Ok(Some(line.as_bytes())));
        taken.send(()).unwrap();
    }
    // The server ends where the format does not.
    assert!(stream.next_piece().await.is_err());
}

async fn who_stops_to_read_ends_the_connection(runtime: SharedRuntime) {
    let (closed, gone) = std::sync::mpsc::channel();
    let address = listen(move |mut stream| {
        let closed = closed.clone();
        std::thread::spawn(move || {
            read_request(&mut BufReader::new(&stream), 1).unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
            while stream.write_all(b"event").is_ok() {
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
            closed.send(()).ok();
        });
    });
    let client = client(&runtime, &plain());
    let mut stream = client.open(get(&format!("http://{address}/"))).await.unwrap();
    assert!(stream.next_piece().await.unwrap().is_some());
    drop(stream);
    until(&runtime, || gone.try_recv().is_ok()).await;
}

async fn a_dropped_request_closes_its_connection(runtime: SharedRuntime) {
    let (closed, gone) = std::sync::mpsc::channel();
    let (opened, open) = std::sync::mpsc::channel();
    let address = listen(move |mut stream| {
        opened.send(()).unwrap();
        let closed = closed.clone();
        std::thread::spawn(move || {
            // Ends when the client closes.
            std::io::copy(&mut stream, &mut std::io::sink()).ok();
            closed.send(()).ok();
        });
    });
    let client = client(&runtime, &plain());
    let mut sending = client.send(get(&format!("http://{address}/")));
    let connected = async {
        until(&runtime, || open.try_recv().is_ok()).await;
        None
    };
    let sent = futures_lite::future::or(async { Some((&mut sending).await) }, connected).await;
    assert!(sent.is_none(), "{sent:?}");
    drop(sending);
    until(&runtime, || gone.try_recv().is_ok()).await;
}

async fn equal_settings_share_their_connections(runtime: SharedRuntime) {
    let server = Server::start(|_| ok("x"));
    let clients = http_clients(&runtime);
    let kept: Vec<_> = (0..200).map(|_| clients.client(&plain()).unwrap()).collect();
    for client in &kept {
        client.send(get(&server.url("/"))).await.unwrap();
    }
    let other = HttpClientSettings {
        follow_redirects: false,
        ..plain()
    };
    let other = clients.client(&other).unwrap();
    other.send(get(&server.url("/"))).await.unwrap();
    let connections: Vec<_> = server.seen().iter().map(|seen| seen.connection).collect();
    assert_eq!(connections, [vec![1; 200], vec![2]].concat());
}

async fn a_unix_socket_is_asked_in_place_of_the_host(runtime: SharedRuntime) {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("docker.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    std::thread::spawn(move || {
        for (number, mut stream) in listener.incoming().flatten().enumerate() {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            while let Ok(Some(seen)) = read_request(&mut reader, number) {
                let body = format!("{number} {} {}", seen.header("host").unwrap(), seen.target);
                let redirect = match seen.target.as_str() {
                    "/old" => "302 Found\r\nlocation: /new",
                    _ => "200 OK",
                };
                let length = body.len();
                write!(stream, "HTTP/1.1 {redirect}\r\ncontent-length: {length}\r\n\r\n{body}").unwrap();
            }
        }
    });
    // A proxy could not reach it.
    let mut settings = plain();
    settings.proxy.proxy = Proxy::Url {
        url: Secret::new("http://nowhere.invalid"),
        no_proxy: String::new(),
    };
    let client = client(&runtime, &settings);
    for path in ["/a?b", "/old"] {
        let request = get(&format!("http://docker{path}")).over(&socket);
        let answer = client.send(request).await.unwrap();
        let path = path.replace("old", "new");
        assert_eq!(
            text(&answer),
            format!("0 docker {path}"),
            "one connection serves them all"
        );
    }
    let missing = folder.path().join("missing.sock");
    let error = client.send(get("http://docker/").over(&missing)).await.unwrap_err();
    assert!(error.to_string().contains("missing.sock"), "{error}");
}
