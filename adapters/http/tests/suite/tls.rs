//! Certificates, and HTTP/2.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_rustls::TlsAcceptor;
use headcount_discoverer::env::{Http, HttpClient, HttpError};
use headcount_reader::{HttpClientSettings, Secret, SecretSource, TextSource, TlsSettings, TlsVersion};
use headcount_runtime::{SharedRuntime, http_clients};
use http_body_util::{Either, Full};
use hyper::body::{Body, Bytes, Frame};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio_util::compat::{FuturesAsyncReadCompatExt, TokioAsyncReadCompatExt};

use crate::harness::{client, get, text};
use crate::server::{Server, ok};

on_each_runtime!(
    a_given_authority_is_trusted_and_others_are_not,
    a_certificate_for_another_name_is_refused,
    verification_can_be_turned_off,
    a_self_signed_certificate_can_be_its_own_authority,
    a_client_certificate_is_sent,
    changed_files_are_read_again,
    versions_are_kept_to,
    settings_that_can_never_work_are_refused,
    plain_http_on_the_other_end_is_an_error,
    http2_is_spoken_when_it_may,
    who_stops_to_read_leaves_an_http2_connection_to_the_others,
);

/// Who signs certificates.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self {
            issuer: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap(),
        }
    }

    /// Certificate and key for these names, as PEM.
    fn sign(&self, names: &[&str]) -> (String, String) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(names)
            .unwrap()
            .signed_by(&key, &self.issuer)
            .unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    /// A server with a certificate for these names.
    pub(crate) fn server(&self, names: &[&str]) -> ServerConfig {
        config(&self.sign(names), None, rustls::ALL_VERSIONS)
    }

    fn ca(&self) -> TextSource {
        TextSource::Inline(self.issuer.pem())
    }
}

/// Settings that trust this authority alone.
pub(crate) fn trusting(authority: &Authority) -> TlsSettings {
    TlsSettings {
        ca: Some(authority.ca()),
        ..TlsSettings::default()
    }
}

fn with(tls: TlsSettings) -> HttpClientSettings {
    HttpClientSettings {
        tls,
        ..HttpClientSettings::default()
    }
}

fn config(
    (certificate, key): &(String, String),
    clients: Option<&Authority>,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> ServerConfig {
    use rustls::pki_types::pem::PemObject;
    let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(versions)
        .unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(authority.issuer.der().clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .build()
                .unwrap();
            builder.with_client_cert_verifier(verifier)
        }
    };
    builder.with_single_cert(chain, key).unwrap()
}

fn url(server: &Server) -> String {
    format!("https://localhost:{}/", server.address.port())
}

#[track_caller]
fn assert_tls_error<T: std::fmt::Debug>(result: Result<T, HttpError>, part: &str) {
    match result {
        Err(HttpError::Tls { cause, .. }) if cause.to_string().contains(part) => {}
        other => panic!("not a TLS error about {part}: {other:?}"),
    }
}

async fn a_given_authority_is_trusted_and_others_are_not(runtime: SharedRuntime) {
    let authority = Authority::new();
    let server = Server::start_tls(authority.server(&["localhost", "127.0.0.1"]), |_| ok("hi"));
    let trusted = client(&runtime, &with(trusting(&authority)));
    assert_eq!(text(&trusted.send(get(&url(&server))).await.unwrap()), "hi");
    let by_address = format!("https://{}/", server.address);
    assert_eq!(text(&trusted.send(get(&by_address)).await.unwrap()), "hi");
    let other = client(&runtime, &with(trusting(&Authority::new())));
    assert_tls_error(other.send(get(&url(&server))).await, "invalid peer certificate");
    let system = client(&runtime, &with(TlsSettings::default()));
    assert_tls_error(system.send(get(&url(&server))).await, "invalid peer certificate");
}

async fn a_certificate_for_another_name_is_refused(runtime: SharedRuntime) {
    let authority = Authority::new();
    let server = Server::start_tls(authority.server(&["other.example"]), |_| ok("hi"));
    let plain = client(&runtime, &with(trusting(&authority)));
    assert_tls_error(plain.send(get(&url(&server))).await, "localhost");
    let server_name = Some("other.example".to_owned());
    let named = client(
        &runtime,
        &with(TlsSettings {
            server_name,
            ..trusting(&authority)
        }),
    );
    assert_eq!(text(&named.send(get(&url(&server))).await.unwrap()), "hi");
}

async fn verification_can_be_turned_off(runtime: SharedRuntime) {
    let server = Server::start_tls(Authority::new().server(&["other.example"]), |_| ok("hi"));
    let settings = TlsSettings {
        insecure_skip_verify: true,
        ..TlsSettings::default()
    };
    assert_eq!(
        text(
            &client(&runtime, &with(settings))
                .send(get(&url(&server)))
                .await
                .unwrap()
        ),
        "hi"
    );
}

async fn a_self_signed_certificate_can_be_its_own_authority(runtime: SharedRuntime) {
    // As `openssl req -x509` makes them: an authority's, with the server's name.
    for (name, authority) in [("localhost", true), ("localhost", false), ("other.example", true)] {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        if authority {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        let server_config = config(&(pem.clone(), key.serialize_pem()), None, rustls::ALL_VERSIONS);
        let server = Server::start_tls(server_config, |_| ok("hi"));
        let settings = TlsSettings {
            ca: Some(TextSource::Inline(pem)),
            ..TlsSettings::default()
        };
        let result = client(&runtime, &with(settings)).send(get(&url(&server))).await;
        if name == "localhost" {
            assert_eq!(text(&result.unwrap()), "hi");
        } else {
            assert_tls_error(result, "localhost");
        }
    }
    // Another authority's of the same name is not it.
    let server = Server::start_tls(Authority::new().server(&["localhost"]), |_| ok("hi"));
    let other = client(&runtime, &with(trusting(&Authority::new())));
    assert_tls_error(other.send(get(&url(&server))).await, "");
}

async fn a_client_certificate_is_sent(runtime: SharedRuntime) {
    let authority = Authority::new();
    for version in rustls::ALL_VERSIONS {
        let server_config = config(&authority.sign(&["localhost"]), Some(&authority), &[version]);
        let server = Server::start_tls(server_config, |_| ok("hi"));
        let (certificate, key) = authority.sign(&["client"]);
        let settings = TlsSettings {
            cert: Some(TextSource::Inline(certificate)),
            key: Some(SecretSource::Inline(Secret::new(key))),
            ..trusting(&authority)
        };
        assert_eq!(
            text(
                &client(&runtime, &with(settings))
                    .send(get(&url(&server)))
                    .await
                    .unwrap()
            ),
            "hi"
        );
        let without = client(&runtime, &with(trusting(&authority)))
            .send(get(&url(&server)))
            .await;
        assert!(
            matches!(without, Err(HttpError::Tls { .. } | HttpError::Protocol { .. })),
            "{without:?}"
        );
        assert_eq!(server.seen().len(), 1);
    }
}

fn write(path: &Path, (certificate, key): &(String, String)) {
    std::fs::write(path.join("cert.pem"), certificate).unwrap();
    std::fs::write(path.join("key.pem"), key).unwrap();
}

async fn changed_files_are_read_again(runtime: SharedRuntime) {
    let (old, new) = (Authority::new(), Authority::new());
    let server_config = config(&new.sign(&["localhost"]), Some(&new), rustls::ALL_VERSIONS);
    let server = Server::start_tls(server_config, |_| ok("hi"));
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    let settings = TlsSettings {
        ca: Some(TextSource::File(ca.clone())),
        cert: Some(TextSource::File(folder.path().join("cert.pem"))),
        key: Some(SecretSource::File(folder.path().join("key.pem"))),
        ..TlsSettings::default()
    };
    let client = client(&runtime, &with(settings));
    let send = || client.send(get(&url(&server)));
    let missing = send().await.unwrap_err();
    assert!(
        matches!(&missing, HttpError::Settings { cause, .. } if cause.to_string().contains("ca.pem")),
        "{missing}"
    );
    std::fs::write(&ca, old.issuer.pem()).unwrap();
    write(folder.path(), &new.sign(&["client"]));
    assert_tls_error(send().await, "invalid peer certificate");
    std::fs::write(&ca, new.issuer.pem()).unwrap();
    assert_eq!(text(&send().await.unwrap()), "hi");
    // A connection is there, but it was made as somebody else.
    write(folder.path(), &old.sign(&["client"]));
    assert!(send().await.is_err());
    std::fs::write(&ca, "no PEM").unwrap();
    assert!(matches!(send().await, Err(HttpError::Settings { .. })));
}

async fn versions_are_kept_to(runtime: SharedRuntime) {
    let authority = Authority::new();
    let only_12 = config(&authority.sign(&["localhost"]), None, &[&rustls::version::TLS12]);
    let server = Server::start_tls(only_12, |_| ok("hi"));
    let at_least = |version| {
        with(TlsSettings {
            min_version: Some(version),
            ..trusting(&authority)
        })
    };
    assert!(
        client(&runtime, &at_least(TlsVersion::Tls10))
            .send(get(&url(&server)))
            .await
            .is_ok()
    );
    let error = client(&runtime, &at_least(TlsVersion::Tls13))
        .send(get(&url(&server)))
        .await;
    assert_tls_error(error, "");
}

async fn settings_that_can_never_work_are_refused(runtime: SharedRuntime) {
    let clients = http_clients(&runtime);
    let authority = Authority::new();
    let (certificate, key) = authority.sign(&["client"]);
    let (_, other_key) = authority.sign(&["client"]);
    let cert = Some(TextSource::Inline(certificate));
    let secret = |key: &str| Some(SecretSource::Inline(Secret::new(key)));
    let nothing = TlsSettings::default();
    for (tls, about) in [
        (
            TlsSettings {
                max_version: Some(TlsVersion::Tls11),
                ..nothing.clone()
            },
            "max_version",
        ),
        (
            TlsSettings {
                ca: Some(TextSource::Inline("x".to_owned())),
                ..nothing.clone()
            },
            "the ca holds no",
        ),
        (
            TlsSettings {
                cert: cert.clone(),
                ..nothing.clone()
            },
            "a cert needs a key",
        ),
        (
            TlsSettings {
                key: secret(&key),
                ..nothing.clone()
            },
            "a key needs a cert",
        ),
        (
            TlsSettings {
                cert: cert.clone(),
                key: secret("x"),
                ..nothing.clone()
            },
            "the key holds no",
        ),
        (
            TlsSettings {
                cert,
                key: secret(&other_key),
                ..nothing
            },
            "can't be used together",
        ),
    ] {
        let error = clients.client(&with(tls)).err().expect(about);
        assert!(
            matches!(&error, HttpError::Settings { cause, .. } if cause.to_string().contains(about)),
            "{error}"
        );
    }
}

async fn plain_http_on_the_other_end_is_an_error(runtime: SharedRuntime) {
    let server = Server::start(|_| ok("hi"));
    assert_tls_error(
        client(&runtime, &with(TlsSettings::default()))
            .send(get(&url(&server)))
            .await,
        "",
    );
}

/// A body that never comes.
struct Endless;

impl Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }
}

/// A server that speaks HTTP/2 if asked to, and says what it spoke. It ends with its thread.
fn http2_server(authority: &Authority) -> SocketAddr {
    let mut config = authority.server(&["localhost"]);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    let serve = async move {
        let listener = ::tokio::net::TcpListener::from_std(listener).unwrap();
        let mut connection = 0;
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            connection += 1;
            ::tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream.compat()).await else {
                    return;
                };
                let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                let io = TokioIo::new(stream.compat());
                let service = service_fn(move |request: Request<_>| {
                    let said = match request.uri().path() {
                        "/connection" => connection.to_string(),
                        _ => format!("{:?} {}", request.version(), request.uri()),
                    };
                    let body = Full::new(Bytes::from(said));
                    let body = match request.uri().path() {
                        "/endless" => Either::Left(Endless),
                        _ => Either::Right(body),
                    };
                    std::future::ready(Ok::<_, Infallible>(Response::new(body)))
                });
                if http2 {
                    hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                        .serve_connection(io, service)
                        .await
                        .ok();
                } else {
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(io, service)
                        .await
                        .ok();
                }
            });
        }
    };
    std::thread::spawn(move || {
        ::tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
            .block_on(serve);
    });
    address
}

async fn http2_is_spoken_when_it_may(runtime: SharedRuntime) {
    let authority = Authority::new();
    let server = http2_server(&authority);
    let url = format!("https://localhost:{}/a?b", server.port());
    let speaking = |enable_http2| HttpClientSettings {
        enable_http2,
        ..with(trusting(&authority))
    };
    let new = client(&runtime, &speaking(true));
    let ask = async |client: &Arc<dyn HttpClient>| text(&client.send(get(&url)).await.unwrap()).to_owned();
    // At the same time, over one connection once there is one.
    let (one, two) = futures_lite::future::zip(ask(&new), ask(&new)).await;
    assert_eq!(
        [one, two, ask(&new).await],
        [
            format!("HTTP/2.0 {url}"),
            format!("HTTP/2.0 {url}"),
            format!("HTTP/2.0 {url}")
        ]
    );
    assert_eq!(ask(&client(&runtime, &speaking(false))).await, "HTTP/1.1 /a?b");
}

async fn who_stops_to_read_leaves_an_http2_connection_to_the_others(runtime: SharedRuntime) {
    let authority = Authority::new();
    let server = http2_server(&authority);
    let client = client(&runtime, &with(trusting(&authority)));
    let url = format!("https://localhost:{}/", server.port());
    let open = client.open(get(&format!("{url}endless"))).await.unwrap();
    drop(open);
    let connection = async || {
        let answer = client.send(get(&format!("{url}connection"))).await.unwrap();
        text(&answer).to_owned()
    };
    assert_eq!(connection().await, "1");
    // One on which nothing comes in time may be dead.
    let limits = headcount_discoverer::env::HttpLimits::stream(std::time::Duration::from_millis(20));
    let mut open = client.open(get(&format!("{url}endless")).limits(limits)).await.unwrap();
    assert!(open.next_piece().await.is_err());
    assert_eq!(connection().await, "2");
}
