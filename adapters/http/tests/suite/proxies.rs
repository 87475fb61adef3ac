//! Proxies of all kinds, each a few lines of this file.

use std::collections::BTreeMap;
use std::io::{BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use headcount_discoverer::env::{Http, HttpError, TokenCache};
use headcount_reader::{HttpClientSettings, Proxy, ProxySettings, Secret, TlsSettings};
use headcount_runtime::{SharedRuntime, http_clients, http_clients_with};

use crate::harness::{client, get, text};
use crate::server::{Seen, Server, answer, listen, ok, read_request};
use crate::tls::{Authority, trusting};

on_each_runtime!(
    an_http_proxy_is_asked_for_the_whole_url,
    an_https_target_goes_through_a_tunnel,
    an_https_proxy_is_spoken_to_over_tls,
    a_socks5_proxy_resolves_names,
    a_socks5_proxy_that_refuses_is_an_error,
    a_proxy_that_refuses_is_an_error,
    no_proxy_goes_directly,
    the_environment_names_the_proxy,
    bad_proxies_are_refused,
);

fn through(url: impl Into<String>) -> HttpClientSettings {
    let proxy = Proxy::Url {
        url: Secret::new(url),
        no_proxy: String::new(),
    };
    HttpClientSettings {
        proxy: ProxySettings {
            proxy,
            connect_headers: Vec::new(),
        },
        ..HttpClientSettings::default()
    }
}

/// Copies in both directions until one side closes.
fn splice(one: &TcpStream, other: &TcpStream) {
    let copy = |from: &TcpStream, to: &TcpStream| {
        let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
        thread::spawn(move || {
            std::io::copy(&mut from, &mut to).ok();
            to.shutdown(std::net::Shutdown::Write).ok();
        })
    };
    let forth = copy(one, other);
    copy(other, one).join().unwrap();
    forth.join().unwrap();
}

/// A proxy that opens tunnels to `target`, whatever is asked for, and tells what was asked.
fn tunnels(target: SocketAddr) -> (SocketAddr, Receiver<Seen>) {
    let (tell, told): (Sender<Seen>, _) = channel();
    let address = listen(move |mut stream| {
        let tell = tell.clone();
        thread::spawn(move || {
            let asked = read_request(&mut BufReader::new(&stream), 1).unwrap().unwrap();
            tell.send(asked).unwrap();
            stream
                .write_all(b"HTTP/1.1 200 Connection established\r\nvia: p\r\n\r\n")
                .unwrap();
            splice(&stream, &TcpStream::connect(target).unwrap());
        });
    });
    (address, told)
}

async fn an_http_proxy_is_asked_for_the_whole_url(runtime: SharedRuntime) {
    let proxy = Server::start(|seen| ok(&seen.target));
    let settings = through(format!("http://us:p%40@{}", proxy.address));
    let answer = client(&runtime, &settings)
        .send(get("http://nowhere.invalid:81/a?b=c"))
        .await
        .unwrap();
    assert_eq!(text(&answer), "http://nowhere.invalid:81/a?b=c");
    let seen = proxy.only();
    assert_eq!(seen.header("host"), Some("nowhere.invalid:81"));
    assert_eq!(seen.header("proxy-authorization"), Some("Basic dXM6cEA="));
}

async fn an_https_target_goes_through_a_tunnel(runtime: SharedRuntime) {
    let authority = Authority::new();
    let target = Server::start_tls(authority.server(&["nowhere.invalid"]), |seen| {
        ok(seen.header("proxy-authorization").unwrap_or("not told"))
    });
    let (proxy, told) = tunnels(target.address);
    let mut settings = through(format!("http://user:pass@{proxy}"));
    settings.tls = trusting(&authority);
    settings.proxy.connect_headers = vec![("X-Zone".to_owned(), vec![Secret::new("a"), Secret::new("b")])];
    let client = client(&runtime, &settings);
    for _ in 0..2 {
        assert_eq!(
            text(&client.send(get("https://nowhere.invalid/")).await.unwrap()),
            "not told"
        );
    }
    let asked = told.recv().unwrap();
    assert_eq!(
        (asked.method.as_str(), asked.target.as_str()),
        ("CONNECT", "nowhere.invalid:443")
    );
    assert_eq!(asked.header("proxy-authorization"), Some("Basic dXNlcjpwYXNz"));
    assert_eq!(asked.values("x-zone"), ["a", "b"]);
    assert!(told.try_recv().is_err(), "the tunnel is used again");
}

async fn an_https_proxy_is_spoken_to_over_tls(runtime: SharedRuntime) {
    let authority = Authority::new();
    let proxy = Server::start_tls(authority.server(&["localhost"]), |seen| ok(&seen.target));
    let settings = HttpClientSettings {
        tls: trusting(&authority),
        ..through(format!("https://localhost:{}", proxy.address.port()))
    };
    let answer = client(&runtime, &settings)
        .send(get("http://nowhere.invalid/"))
        .await
        .unwrap();
    assert_eq!(text(&answer), "http://nowhere.invalid/");
    let untrusted = HttpClientSettings {
        tls: TlsSettings::default(),
        ..settings
    };
    let error = client(&runtime, &untrusted)
        .send(get("http://nowhere.invalid/"))
        .await
        .unwrap_err();
    assert!(matches!(error, HttpError::Tls { .. }), "{error}");
}

/// A SOCKS5 proxy that wants `user` and `pass`, and connects to `target` or answers `verdict`.
fn socks5(target: SocketAddr, verdict: u8) -> (SocketAddr, Receiver<Vec<u8>>) {
    let (tell, told): (Sender<Vec<u8>>, _) = channel();
    let address = listen(move |mut stream| {
        let tell = tell.clone();
        thread::spawn(move || {
            let read = |length: usize| {
                let mut bytes = vec![0; length];
                (&stream).read_exact(&mut bytes).map(|()| bytes)
            };
            assert_eq!(read(4).unwrap(), [5, 2, 0, 2]);
            (&stream).write_all(&[5, 2]).unwrap();
            assert_eq!(read(11).unwrap(), b"\x01\x04user\x04pass");
            (&stream).write_all(&[1, 0]).unwrap();
            let mut asked = read(5).unwrap();
            let rest = read(usize::from(asked[4]) + 2).unwrap();
            asked.extend(rest);
            tell.send(asked).unwrap();
            stream.write_all(&[5, verdict, 0, 1, 0, 0, 0, 0, 0, 0]).unwrap();
            if verdict == 0 {
                splice(&stream, &TcpStream::connect(target).unwrap());
            }
        });
    });
    (address, told)
}

async fn a_socks5_proxy_resolves_names(runtime: SharedRuntime) {
    let target = Server::start(|seen| ok(seen.header("host").unwrap()));
    let (proxy, told) = socks5(target.address, 0);
    let settings = through(format!("socks5://user:pass@{proxy}"));
    let answer = client(&runtime, &settings)
        .send(get("http://nowhere.invalid:8080/"))
        .await
        .unwrap();
    assert_eq!(text(&answer), "nowhere.invalid:8080");
    assert_eq!(target.only().target, "/");
    assert_eq!(told.recv().unwrap(), b"\x05\x01\x00\x03\x0fnowhere.invalid\x1f\x90");
}

async fn a_socks5_proxy_that_refuses_is_an_error(runtime: SharedRuntime) {
    let (proxy, _told) = socks5("127.0.0.1:1".parse().unwrap(), 4);
    let settings = through(format!("socks5://user:pass@{proxy}"));
    let error = client(&runtime, &settings)
        .send(get("http://nowhere.invalid/"))
        .await
        .unwrap_err();
    let HttpError::Connect { host, cause } = &error else {
        panic!("{error}")
    };
    assert_eq!(host, "nowhere.invalid:80");
    assert_eq!(
        cause.to_string(),
        format!("through the proxy {proxy}: it answered: host unreachable")
    );
    // What speaks HTTP is no SOCKS5 proxy.
    let web = listen(|mut stream| stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap());
    let error = client(&runtime, &through(format!("socks5://{web}")))
        .send(get("http://a.invalid/"))
        .await
        .unwrap_err();
    assert!(matches!(error, HttpError::Connect { .. }), "{error}");
}

async fn a_proxy_that_refuses_is_an_error(runtime: SharedRuntime) {
    let proxy = Server::start(|_| answer("407 Proxy Authentication Required", &[], "who are you?"));
    let settings = through(format!("http://user:hunter2@{}", proxy.address));
    let error = client(&runtime, &settings)
        .send(get("https://nowhere.invalid/"))
        .await
        .unwrap_err();
    let HttpError::Connect { host, cause } = &error else {
        panic!("{error}")
    };
    assert_eq!(host, "nowhere.invalid:443");
    let expected = "it answered 407 Proxy Authentication Required";
    assert_eq!(
        cause.to_string(),
        format!("through the proxy {}: {expected}", proxy.address)
    );
    // To a plain target it is the answer.
    let answer = client(&runtime, &settings)
        .send(get("http://nowhere.invalid/"))
        .await
        .unwrap();
    assert_eq!((answer.status, text(&answer)), (407, "who are you?"));
}

async fn no_proxy_goes_directly(runtime: SharedRuntime) {
    let (proxy, target) = (Server::start(|_| ok("proxy")), Server::start(|_| ok("target")));
    let ask = async |no_proxy: &str| {
        let mut settings = through(proxy.url(""));
        let Proxy::Url { no_proxy: list, .. } = &mut settings.proxy.proxy else {
            unreachable!()
        };
        *list = no_proxy.to_owned();
        let answer = client(&runtime, &settings).send(get(&target.url("/"))).await.unwrap();
        text(&answer).to_owned()
    };
    assert_eq!(
        ask("").await,
        "proxy",
        "without a list not even this machine is left out"
    );
    assert_eq!(ask("other.example").await, "target", "with one it is");
    assert_eq!(ask("127.0.0.0/8").await, "target");
}

async fn the_environment_names_the_proxy(runtime: SharedRuntime) {
    let proxy = Server::start(|_| ok("proxy"));
    let variables = BTreeMap::from([("http_proxy".to_owned(), proxy.address.to_string())]);
    let clients = http_clients_with(&runtime, Arc::new(variables), TokenCache::default());
    let mut settings = through("");
    settings.proxy.proxy = Proxy::Environment;
    let client = clients.client(&settings).unwrap();
    assert_eq!(
        text(&client.send(get("http://nowhere.invalid/")).await.unwrap()),
        "proxy"
    );
    let error = client.send(get("https://nowhere.invalid/")).await.unwrap_err();
    assert!(matches!(error, HttpError::Connect { .. }), "{error}");
}

async fn bad_proxies_are_refused(runtime: SharedRuntime) {
    let clients = http_clients(&runtime);
    for url in ["gopher://u:hunter2@p", "http://u:hunter2@p:x"] {
        let error = clients.client(&through(url)).err().unwrap();
        assert!(
            matches!(error, HttpError::Settings { .. }) && !error.to_string().contains("hunter2"),
            "{error}"
        );
    }
    let mut settings = through("http://p");
    settings.proxy.connect_headers = vec![("x".to_owned(), vec![Secret::new("hunter2\n")])];
    let error = clients.client(&settings).err().unwrap();
    assert!(
        matches!(error, HttpError::Settings { .. }) && !error.to_string().contains("hunter2"),
        "{error}"
    );
}
