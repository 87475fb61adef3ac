use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use headcount_discoverer::env::{HttpClient, HttpRequest, HttpResponse};
use headcount_reader::{BasicAuth, HttpClientSettings, Secret, SecretSource, TextSource, TlsSettings};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use super::*;
use crate::{Service, Source, Workers};

const CONFIG: &str = "scrape_configs: [{job_name: node, static_configs: [{targets: ['10.9.0.1:9100']}]}]";

/// bcrypt's of "right".
const HASH: &str = "$2b$04$QqGiyndc5CA1Dfjf6rcyWOJ1Fq7Jkt6bfVzF65lT8JXZU83IcSyOK";

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::new([]).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("signed")
}

/// Certificate and key for these names.
fn signed(by: &Authority, names: &[&str]) -> (String, String) {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let key = KeyPair::generate().expect("a key");
    let certificate = CertificateParams::new(names)
        .expect("names")
        .signed_by(&key, by)
        .expect("signed");
    (certificate.pem(), key.serialize_pem())
}

/// A folder with the files of a server: `cert.pem` and `key.pem` for localhost, and `ca.pem` of who vouches for clients.
struct Files {
    folder: tempfile::TempDir,
    authority: Authority,
}

impl Files {
    fn new() -> Self {
        let files = Self {
            folder: tempfile::tempdir().expect("a folder"),
            authority: authority(),
        };
        files.write("ca.pem", &files.authority.pem());
        files.identify(&files.authority);
        files
    }

    /// Gives the server a certificate of this authority's.
    fn identify(&self, by: &Authority) {
        let (certificate, key) = signed(by, &["localhost", "127.0.0.1"]);
        self.write("key.pem", &key);
        self.write("cert.pem", &certificate);
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let (path, unfinished) = (self.path(name), self.path("unfinished"));
        fs::write(&unfinished, text).expect("written");
        fs::rename(unfinished, &path).expect("renamed");
        path
    }

    /// What is wrong with a file, without the folder.
    fn wrong(&self, text: &str) -> String {
        let path = self.write("web.yml", text);
        let said = check_web_config(&path)
            .map_err(|errors| errors.to_string())
            .err()
            .unwrap_or_default();
        said.replace(&format!("{}/", self.folder.path().display()), "")
    }
}

const TLS: &str = "cert_file: cert.pem, key_file: key.pem";

#[test]
fn what_prometheus_takes_is_taken() {
    let files = Files::new();
    for text in [
        "",
        "{}",
        "tls_server_config: {}",
        "tls_server_config: {cert_file: cert.pem, key_file: key.pem, client_auth_type: NoClientCert}",
        "tls_server_config: {cert_file: cert.pem, key_file: key.pem, client_ca_file: ca.pem, \
         client_auth_type: RequireAndVerifyClientCert, client_allowed_sans: [a.example, 10.0.0.1, 'spiffe://a/b'], \
         min_version: TLS10, max_version: TLS13, prefer_server_cipher_suites: false, \
         cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_AES_128_GCM_SHA256], \
         curve_preferences: [CurveP521, X25519]}",
        "tls_server_config: {cert_file: cert.pem, key_file: key.pem, min_version: TLS13, cipher_suites: [TLS_AES_128_GCM_SHA256]}",
        "http_server_config: {http2: false, headers: {X-Frame-Options: deny, X-XSS-Protection: '', \
         Strict-Transport-Security: max-age=1, X-Content-Type-Options: nosniff, Content-Security-Policy: default-src x}}",
        "rate_limit: {interval: 1s, burst: 5}",
        "rate_limit: {interval: 0s}",
    ] {
        assert_eq!(files.wrong(text), "", "{text}");
    }
    assert_eq!(files.wrong(&format!("basic_auth_users: {{ann: '{HASH}'}}")), "");
}

#[test]
fn each_mistake_has_its_place_and_shows_no_secret() {
    let files = Files::new();
    files.write("other.pem", &signed(&files.authority, &["a"]).1);
    files.write("no.pem", "hunter2");
    let tls = |more: &str| format!("tls_server_config: {{{TLS}, {more}}}");
    let cases = [
        (
            "tls_server_config: {cert_file: cert.pem}".to_owned(),
            "web.yml:1:20: tls_server_config: key or key_file is missing",
        ),
        (
            "tls_server_config: {cert_file: gone.pem, key_file: key.pem}".to_owned(),
            "gone.pem can't be read: No such file",
        ),
        (
            "tls_server_config: {cert_file: cert.pem, key_file: other.pem}".to_owned(),
            "tls_server_config.key: it can't be used with the certificate",
        ),
        (
            "tls_server_config: {cert_file: no.pem, key_file: key.pem}".to_owned(),
            "tls_server_config.cert: it holds no certificate in PEM",
        ),
        (
            "tls_server_config: {cert_file: cert.pem, key_file: no.pem}".to_owned(),
            "tls_server_config.key: it holds no private key in PEM",
        ),
        (
            "tls_server_config: {cert_file: ., key_file: key.pem}".to_owned(),
            "it is a folder, not a file",
        ),
        (
            tls("client_auth_type: RequireAndVerifyClientCert"),
            "client_ca or client_ca_file, which says who vouches for clients, is missing",
        ),
        (
            tls("client_ca_file: ca.pem"),
            "a client_ca does nothing unless client_auth_type is",
        ),
        (
            tls("client_ca_file: no.pem, client_auth_type: VerifyClientCertIfGiven"),
            "tls_server_config.client_ca: it holds no certificate",
        ),
        (
            tls("client_auth_type: Maybe"),
            "\"Maybe\" is not known; known: NoClientCert",
        ),
        (
            tls("client_allowed_sans: [a@b.example]"),
            "client_allowed_sans[0]: mail addresses can't be looked at",
        ),
        (tls("max_version: TLS11"), "no version is left"),
        (tls("min_version: SSL3"), "\"SSL3\" is not known"),
        (
            tls("cipher_suites: [TLS_INVENTED]"),
            "cipher_suites[0]: \"TLS_INVENTED\" is not known",
        ),
        (
            tls("cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA]"),
            "none of these is spoken here for TLS 1.2",
        ),
        (
            tls("curve_preferences: [CurveP521]"),
            "none of these is spoken here; name CurveP256",
        ),
        (
            tls("certfile: x"),
            "unknown field `certfile`; did you mean `cert_file`?",
        ),
        (
            "http_server_config: {headers: {X-Other: a}}".to_owned(),
            "\"X-Other\" is not known; known: Content-Security-Policy",
        ),
        (
            "http_server_config: {headers: {X-Frame-Options: maybe}}".to_owned(),
            "\"maybe\" is not known; known: deny, sameorigin",
        ),
        (
            "basic_auth_users: {ann: hunter2}".to_owned(),
            "web.yml:1:25: basic_auth_users.ann: this is not a hash of bcrypt's",
        ),
        (
            "rate_limit: {interval: 1s}".to_owned(),
            "with a burst of 0 no request is ever taken",
        ),
        ("users: {}".to_owned(), "unknown field `users`"),
        ("tls_server_config: [".to_owned(), "not valid YAML"),
    ];
    for (text, part) in cases {
        let said = files.wrong(&text);
        assert!(said.contains(part), "{text}: {said:?}");
        assert_eq!(said.lines().count(), 1, "{text}: {said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}

/// A client that trusts this authority; with a certificate and a password, if they are given.
fn client(
    workers: &Workers,
    trusted: &Authority,
    identity: Option<&(String, String)>,
    password: Option<&str>,
) -> Arc<dyn HttpClient> {
    let settings = HttpClientSettings {
        tls: TlsSettings {
            ca: Some(TextSource::Inline(trusted.pem())),
            cert: identity.map(|(certificate, _)| TextSource::Inline(certificate.clone())),
            key: identity.map(|(_, key)| SecretSource::Inline(Secret::new(key.clone()))),
            ..TlsSettings::default()
        },
        basic_auth: password.map(|password| BasicAuth {
            username: TextSource::Inline("ann".to_owned()),
            password: Some(SecretSource::Inline(Secret::new(password))),
        }),
        ..HttpClientSettings::default()
    };
    workers.env().http.client(&settings).expect("settings that work")
}

async fn start(workers: &Workers, web: PathBuf) -> (Service, SocketAddr) {
    let service = Service::builder()
        .workers(workers)
        .listen("127.0.0.1:0")
        .web_config(web);
    let service = service.start(Source::text(CONFIG)).await.expect("it starts");
    let address = service.address().expect("it listens");
    (service, address)
}

async fn get(client: &Arc<dyn HttpClient>, scheme: &str, address: SocketAddr) -> Option<HttpResponse> {
    client
        .send(HttpRequest::get(format!(
            "{scheme}://localhost:{}/sd/node",
            address.port()
        )))
        .await
        .ok()
}

fn status(answer: Option<HttpResponse>) -> Option<u16> {
    answer.map(|answer| answer.status)
}

#[test]
fn clients_are_known_by_their_certificates() {
    let (files, stranger) = (Files::new(), authority());
    let (workers, ours) = (Workers::start().expect("threads"), &files.authority);
    let names = ["scraper.example", "10.0.0.1"];
    let identities = [
        None,
        Some(signed(ours, &names)),
        Some(signed(ours, &["else.example"])),
        Some(signed(&stranger, &names)),
    ];
    let (yes, no) = (Some(200), None);
    workers.block_on(async {
        for (asked, expected) in [
            ("client_auth_type: NoClientCert", [yes, yes, yes, yes]),
            ("client_auth_type: RequestClientCert", [yes, yes, yes, yes]),
            ("client_auth_type: RequireAnyClientCert", [no, yes, yes, yes]),
            ("client_ca_file: ca.pem, client_auth_type: VerifyClientCertIfGiven", [yes, yes, yes, no]),
            ("client_ca_file: ca.pem, client_auth_type: RequireAndVerifyClientCert", [no, yes, yes, no]),
            (
                "client_ca_file: ca.pem, client_auth_type: RequireAndVerifyClientCert, client_allowed_sans: [scraper.example]",
                [no, yes, no, no],
            ),
            (
                "client_ca_file: ca.pem, client_auth_type: RequireAndVerifyClientCert, client_allowed_sans: [10.0.0.1]",
                [no, yes, no, no],
            ),
        ] {
            let web = files.write("web.yml", &format!("tls_server_config: {{{TLS}, {asked}}}"));
            let (service, address) = start(&workers, web).await;
            for (identity, expected) in identities.iter().zip(expected) {
                let client = client(&workers, ours, identity.as_ref(), None);
                assert_eq!(status(get(&client, "https", address).await), expected, "{asked}");
            }
            let plain = client(&workers, ours, None, None);
            assert_eq!(status(get(&plain, "http", address).await), None, "nothing in the clear");
            service.stop().await;
        }
    });
}

#[test]
fn users_headers_and_the_limit_count_without_tls_too() {
    let files = Files::new();
    let workers = Workers::start().expect("threads");
    let web = format!(
        "basic_auth_users: {{ann: '{HASH}'}}\nhttp_server_config: {{headers: {{X-Frame-Options: deny}}}}\n\
         rate_limit: {{interval: 1h, burst: 4}}\n"
    );
    let web = files.write("web.yml", &web);
    workers.block_on(async {
        let (service, address) = start(&workers, web).await;
        let ask = async |password: Option<&str>| {
            let client = client(&workers, &files.authority, None, password);
            get(&client, "http", address).await.expect("an answer")
        };
        let refused = ask(None).await;
        assert_eq!(refused.status, 401);
        assert!(
            refused
                .header("www-authenticate")
                .is_some_and(|value| value.starts_with("Basic "))
        );
        assert_eq!(ask(Some("wrong")).await.status, 401);
        for _ in 0..2 {
            let taken = ask(Some("right")).await;
            assert_eq!((taken.status, taken.header("x-frame-options")), (200, Some("deny")));
        }
        assert_eq!(ask(Some("right")).await.status, 429);
        service.stop().await;
    });
}

#[test]
fn what_changes_is_read_again_and_what_is_wrong_changes_nothing() {
    let (files, other) = (Files::new(), authority());
    let workers = Workers::start().expect("threads");
    let web = files.write("web.yml", &format!("tls_server_config: {{{TLS}}}"));
    let until = async |what: &str, trusted: &Authority, password: Option<&str>, expected: Option<u16>, address| {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            // A new one each time: connections that are there keep their certificate.
            let client = client(&workers, trusted, None, password);
            if status(get(&client, "https", address).await) == expected {
                return;
            }
            assert!(Instant::now() < deadline, "{what}");
            smol::Timer::after(Duration::from_millis(20)).await;
        }
    };
    workers.block_on(async {
        let (service, address) = start(&workers, web).await;
        until("the first certificate", &files.authority, None, Some(200), address).await;
        files.identify(&other);
        until("the second certificate", &other, None, Some(200), address).await;
        // A user is there; then, half of a file, which lets nobody in.
        files.write(
            "web.yml",
            &format!("tls_server_config: {{{TLS}}}\nbasic_auth_users: {{ann: '{HASH}'}}"),
        );
        until("a password is asked for", &other, None, Some(401), address).await;
        for wrong in [
            &*format!("tls_server_config: {{{TLS}}}\nbasic_auth_users: {{ann: x}}"),
            "{}",
        ] {
            files.write("web.yml", wrong);
            let since = Instant::now();
            // Longer than it takes to look again.
            while since.elapsed() < Duration::from_millis(2_500) {
                let client = client(&workers, &other, None, None);
                assert_eq!(status(get(&client, "https", address).await), Some(401), "{wrong}");
                smol::Timer::after(Duration::from_millis(50)).await;
            }
            until("the password goes on", &other, Some("right"), Some(200), address).await;
        }
        service.stop().await;
    });
}

#[test]
fn a_service_does_not_start_with_what_is_wrong() {
    let files = Files::new();
    let workers = Workers::start().expect("threads");
    let web = files.write("web.yml", "basic_auth_users: {ann: x}");
    let service = Service::builder()
        .workers(&workers)
        .listen("127.0.0.1:0")
        .web_config(web);
    let refused = workers.block_on(service.start(Source::text(CONFIG)));
    assert!(refused.is_err_and(|error| error.to_string().contains("not a hash of bcrypt's")));
}
