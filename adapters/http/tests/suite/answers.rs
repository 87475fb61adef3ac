//! The client's answers, over plain HTTP.

use std::io::Write;

use headcount_discoverer::env::{Http, HttpError, HttpRequest};
use headcount_reader::{HeaderValues, HttpClientSettings, Secret};
use headcount_runtime::{SharedRuntime, http_clients};

use crate::harness::{client, get, gzip, text};
use crate::server::{Answer, Server, answer, listen, ok};

on_each_runtime!(
    sends_and_reads,
    keeps_connections,
    a_connection_that_was_closed_while_it_waited_is_replaced,
    what_may_not_be_sent_twice_is_not,
    follows_redirects,
    redirects_can_be_turned_off,
    stops_after_ten_requests,
    secrets_stay_with_the_first_host,
    secrets_stay_out_when_the_way_comes_back,
    adds_configured_headers,
    decompresses,
    broken_answers_are_errors,
    a_server_that_speaks_first_is_an_error,
    nobody_there_is_an_error,
    bad_requests_are_refused,
);

fn plain() -> HttpClientSettings {
    HttpClientSettings::default()
}

async fn sends_and_reads(runtime: SharedRuntime) {
    let server = Server::start(|seen| answer("418 teapot", &[("X-Two", "1"), ("x-two", "2")], &seen.body));
    let request = HttpRequest {
        method: "POST".to_owned(),
        headers: vec![("X-Mine".to_owned(), "yes".to_owned())],
        body: b"hello".to_vec(),
        ..get(&server.url("/a/b?c=d&e=%20#fragment"))
    };
    let response = client(&runtime, &plain()).send(request).await.unwrap();
    assert_eq!((response.status, text(&response)), (418, "hello"));
    assert_eq!(response.header("x-two"), Some("1"));
    assert_eq!(response.headers.iter().filter(|(name, _)| name == "x-two").count(), 2);
    let seen = server.only();
    assert_eq!(
        (seen.method.as_str(), seen.target.as_str(), seen.body.as_str()),
        ("POST", "/a/b?c=d&e=%20", "hello")
    );
    assert_eq!(seen.header("x-mine"), Some("yes"));
    assert_eq!(seen.header("host"), Some(server.address.to_string().as_str()));
    assert!(seen.header("user-agent").unwrap().starts_with("headcount/"));
    assert_eq!(seen.header("authorization"), None);
}

async fn keeps_connections(runtime: SharedRuntime) {
    let server = Server::start(|_| ok("x"));
    let client = client(&runtime, &plain());
    for _ in 0..5 {
        client.send(get(&server.url("/"))).await.unwrap();
    }
    assert!(
        server.seen().iter().all(|seen| seen.connection == 1),
        "{:?}",
        server.seen()
    );
}

async fn a_connection_that_was_closed_while_it_waited_is_replaced(runtime: SharedRuntime) {
    // It does not say that it closes.
    let server = Server::start(|_| Answer::Last(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_vec()));
    let client = client(&runtime, &plain());
    for number in 1..=5 {
        client.send(get(&server.url("/"))).await.unwrap();
        assert_eq!(server.seen().last().unwrap().connection, number);
    }
}

async fn what_may_not_be_sent_twice_is_not(runtime: SharedRuntime) {
    // The second request on a connection is read, and then the server goes.
    let server = Server::start(|seen| {
        if seen.target == "/bad" {
            Answer::Last(Vec::new())
        } else {
            ok("")
        }
    });
    let client = client(&runtime, &plain());
    client.send(get(&server.url("/"))).await.unwrap();
    let post = HttpRequest {
        method: "POST".to_owned(),
        ..get(&server.url("/bad"))
    };
    let error = client.send(post).await.unwrap_err();
    assert!(matches!(error, HttpError::Protocol { .. }), "{error}");
    assert_eq!(server.seen().len(), 2);
}

async fn follows_redirects(runtime: SharedRuntime) {
    let server = Server::start(|seen| match seen.target.as_str() {
        "/start" => answer("302 Found", &[("location", "next?x=1")], "ignored"),
        "/next?x=1" => answer("307 Temporary Redirect", &[("location", "/end")], ""),
        _ => ok(&seen.method),
    });
    let client = client(&runtime, &plain());
    let post = HttpRequest {
        method: "POST".to_owned(),
        body: b"b".to_vec(),
        ..get(&server.url("/start"))
    };
    assert_eq!(text(&client.send(post).await.unwrap()), "GET");
    let seen = server.seen();
    assert_eq!(
        seen.iter().map(|seen| seen.target.as_str()).collect::<Vec<_>>(),
        ["/start", "/next?x=1", "/end"]
    );
    assert!(
        seen.iter().all(|seen| seen.connection == 1),
        "one connection serves them all"
    );
}

async fn redirects_can_be_turned_off(runtime: SharedRuntime) {
    let server = Server::start(|_| answer("302 Found", &[("location", "/next")], "body"));
    let settings = HttpClientSettings {
        follow_redirects: false,
        ..plain()
    };
    let response = client(&runtime, &settings).send(get(&server.url("/"))).await.unwrap();
    assert_eq!(
        (response.status, text(&response), response.header("location")),
        (302, "body", Some("/next"))
    );
}

async fn stops_after_ten_requests(runtime: SharedRuntime) {
    let server = Server::start(|_| answer("301 Moved", &[("location", "/again")], ""));
    let error = client(&runtime, &plain())
        .send(get(&server.url("/")))
        .await
        .unwrap_err();
    assert_eq!(
        error,
        HttpError::TooManyRedirects {
            host: server.address.to_string(),
            count: 10
        }
    );
    assert_eq!(server.seen().len(), 10);
}

async fn secrets_stay_with_the_first_host(runtime: SharedRuntime) {
    let second = Server::start(|_| ok("end"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, "in a file").unwrap();
    let header = |values: HeaderValues| HttpClientSettings {
        headers: vec![("X-Mine".to_owned(), values)],
        ..plain()
    };
    let (secrets, files) = (vec![Secret::new("s")], vec![file]);
    let with_secret = header(HeaderValues {
        secrets,
        ..HeaderValues::default()
    });
    let with_file = header(HeaderValues {
        files,
        ..HeaderValues::default()
    });
    // The same machine under another name.
    let away = format!("http://localhost:{}/", second.address.port());
    let first = Server::start(move |seen| match seen.target.as_str() {
        "/here" => answer("302 Found", &[("location", "/there")], ""),
        "/moved" => answer("307 Temporary Redirect", &[("location", &away)], ""),
        _ => answer("302 Found", &[("location", &away)], ""),
    });
    for settings in [with_secret, with_file] {
        for path in ["/there", "/moved"] {
            client(&runtime, &settings).send(get(&first.url(path))).await.unwrap();
            assert!(first.seen().last().unwrap().header("x-mine").is_some());
            assert_eq!(second.seen().last().unwrap().header("x-mine"), None, "{path}");
        }
    }
    let (before, seen_before) = (second.seen().len(), first.seen().len());
    let request = HttpRequest {
        headers: vec![
            ("Cookie".to_owned(), "c=1".to_owned()),
            ("X-Public".to_owned(), "p".to_owned()),
            ("X-Consul-Token".to_owned(), "t".to_owned()),
        ],
        ..get(&format!("http://user:pass@{}/here", first.address))
    };
    client(&runtime, &plain()).send(request).await.unwrap();
    for seen in first.seen().drain(seen_before..) {
        assert_eq!(
            seen.header("authorization"),
            Some("Basic dXNlcjpwYXNz"),
            "{}",
            seen.target
        );
        assert_eq!(
            (seen.header("cookie"), seen.header("x-consul-token")),
            (Some("c=1"), Some("t"))
        );
    }
    assert_eq!(second.seen().len(), before + 1);
    let seen = second.seen().pop().unwrap();
    assert_eq!(seen.header("x-consul-token"), None);
    assert_eq!((seen.header("authorization"), seen.header("cookie")), (None, None));
    assert_eq!(seen.header("x-public"), Some("p"));
    assert_eq!(
        seen.header("host"),
        Some(format!("localhost:{}", second.address.port()).as_str())
    );
}

/// Whoever answered in between chose where it goes on, and may not choose who gets the secrets.
async fn secrets_stay_out_when_the_way_comes_back(runtime: SharedRuntime) {
    let back = std::sync::Arc::new(std::sync::OnceLock::<String>::new());
    let way = back.clone();
    let between = Server::start(move |_| answer("302 Found", &[("location", way.get().unwrap())], ""));
    let away = format!("http://localhost:{}/", between.address.port());
    let first = Server::start(move |seen| match seen.target.as_str() {
        "/" => answer("302 Found", &[("location", &away)], ""),
        "/back" => answer("302 Found", &[("location", "/end")], ""),
        _ => ok("end"),
    });
    back.set(first.url("/back")).unwrap();
    let values = HeaderValues {
        secrets: vec![Secret::new("s")],
        ..HeaderValues::default()
    };
    let settings = HttpClientSettings {
        headers: vec![("X-Mine".to_owned(), values)],
        ..plain()
    };
    let request = HttpRequest {
        headers: vec![
            ("Cookie".to_owned(), "c=1".to_owned()),
            ("X-Public".to_owned(), "p".to_owned()),
        ],
        ..get(&format!("http://user:pass@{}/", first.address))
    };
    client(&runtime, &settings).send(request).await.unwrap();
    let seen = first.seen();
    let targets: Vec<_> = seen.iter().map(|seen| seen.target.as_str()).collect();
    assert_eq!(targets, ["/", "/back", "/end"]);
    for (number, seen) in seen.iter().enumerate() {
        let is_first = number == 0;
        for name in ["authorization", "cookie", "x-mine"] {
            assert_eq!(seen.header(name).is_some(), is_first, "{name} of {}", seen.target);
        }
        assert_eq!(seen.header("x-public"), Some("p"));
    }
}

async fn adds_configured_headers(runtime: SharedRuntime) {
    let server = Server::start(|_| ok(""));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("header");
    std::fs::write(&file, " from file \n").unwrap();
    let values = HeaderValues {
        values: vec!["a".to_owned(), "b".to_owned()],
        secrets: vec![Secret::new("c")],
        files: vec![file.clone()],
    };
    let settings = HttpClientSettings {
        headers: vec![("X-Many".to_owned(), values)],
        ..plain()
    };
    let client = client(&runtime, &settings);
    client.send(get(&server.url("/"))).await.unwrap();
    std::fs::write(&file, "changed").unwrap();
    client.send(get(&server.url("/"))).await.unwrap();
    let seen = server.seen();
    assert_eq!(seen[0].values("x-many"), ["a", "b", "c", "from file"]);
    assert_eq!(seen[1].values("x-many"), ["a", "b", "c", "changed"]);
    std::fs::write(&file, "two\nlines").unwrap();
    let error = client.send(get(&server.url("/"))).await.unwrap_err();
    assert!(
        matches!(&error, HttpError::Settings { cause, .. } if !cause.to_string().contains("lines")),
        "{error}"
    );
    std::fs::remove_file(&file).unwrap();
    let error = client.send(get(&server.url("/"))).await.unwrap_err();
    assert!(error.to_string().contains("no such file"), "{error}");
    let bad = HttpClientSettings {
        headers: vec![("bad name".to_owned(), HeaderValues::default())],
        ..plain()
    };
    assert!(matches!(
        http_clients(&runtime).client(&bad).err(),
        Some(HttpError::Settings { .. })
    ));
}

async fn decompresses(runtime: SharedRuntime) {
    let body = "unfolds ".repeat(1000);
    let compressed = gzip(body.as_bytes());
    let server = Server::start(move |seen| match seen.header("accept-encoding") {
        Some("gzip") => answer("200 OK", &[("Content-Encoding", "GZIP")], &compressed),
        _ => ok("as it is"),
    });
    let client = client(&runtime, &plain());
    let response = client.send(get(&server.url("/"))).await.unwrap();
    assert_eq!(text(&response), body);
    assert_eq!(
        (response.header("content-encoding"), response.header("content-length")),
        (None, None)
    );
    let identity = vec![("accept-encoding".to_owned(), "identity".to_owned())];
    let response = client
        .send(HttpRequest {
            headers: identity,
            ..get(&server.url("/"))
        })
        .await
        .unwrap();
    assert_eq!(text(&response), "as it is");
}

async fn broken_answers_are_errors(runtime: SharedRuntime) {
    let answers: [&[u8]; 7] = [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-le",
        b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\nnope",
    ];
    for bytes in answers {
        let server = Server::start(move |_| Answer::Last(bytes.to_vec()));
        let error = client(&runtime, &plain())
            .send(get(&server.url("/")))
            .await
            .unwrap_err();
        assert!(
            matches!(error, HttpError::Protocol { .. }),
            "{error} for {}",
            String::from_utf8_lossy(bytes)
        );
    }
}

async fn a_server_that_speaks_first_is_an_error(runtime: SharedRuntime) {
    let address = listen(|mut stream| {
        stream.write_all(b"220 mail.example ESMTP\r\n").unwrap();
        std::thread::spawn(move || std::io::copy(&mut stream, &mut std::io::sink()));
    });
    let error = client(&runtime, &plain())
        .send(get(&format!("http://{address}/")))
        .await
        .unwrap_err();
    assert!(
        matches!(&error, HttpError::Protocol { cause, .. } if !cause.to_string().contains("channel closed")),
        "{error}"
    );
}

async fn nobody_there_is_an_error(runtime: SharedRuntime) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let client = client(&runtime, &plain());
    let error = client
        .send(get(&format!("http://u:hunter2@{address}/")))
        .await
        .unwrap_err();
    assert!(
        matches!(&error, HttpError::Connect { host, .. } if *host == address.to_string()),
        "{error}"
    );
    assert!(!error.to_string().contains("hunter2"));
    let error = client.send(get("http://does-not-exist.invalid/")).await.unwrap_err();
    assert!(
        matches!(&error, HttpError::Connect { host, .. } if host == "does-not-exist.invalid:80"),
        "{error}"
    );
}

async fn bad_requests_are_refused(runtime: SharedRuntime) {
    let client = client(&runtime, &plain());
    for url in [
        "",
        "/path",
        "ftp://host/",
        "http://",
        "http://host:99999/",
        "http://u:hunter2@host:x/",
    ] {
        let error = client.send(get(url)).await.unwrap_err();
        assert!(matches!(error, HttpError::Url { .. }), "{url}: {error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
    let bad_method = HttpRequest {
        method: "NOT A METHOD".to_owned(),
        ..get("http://host/")
    };
    assert!(matches!(client.send(bad_method).await, Err(HttpError::Url { .. })));
    let bad_header = vec![("x".to_owned(), "a\nb".to_owned())];
    let bad_header = HttpRequest {
        headers: bad_header,
        ..get("http://host/")
    };
    assert!(matches!(client.send(bad_header).await, Err(HttpError::Url { .. })));
}
