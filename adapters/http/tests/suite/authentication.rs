//! Who the HTTP client says it is.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use headcount_discoverer::env::{Http, HttpError, HttpRequest};
use headcount_reader::{
    Authorization, BasicAuth, HeaderValues, HttpClientSettings, JwtAlgorithm, JwtBearer, OAuth2, OAuth2Grant,
    ProxySettings, Secret, SecretSource, TextSource, TlsSettings,
};
use headcount_runtime::{SharedRuntime, http_clients};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};

use crate::harness::{client, get, text};
use crate::server::{Seen, Server, answer, ok};

on_each_runtime!(
    basic_auth_is_sent_and_its_files_are_read_again,
    the_urls_own_credentials_come_first,
    authorization_is_sent,
    a_header_of_the_callers_stays,
    credentials_that_no_header_can_hold_are_refused,
    a_token_is_fetched_once,
    many_clients_fetch_one_token,
    many_refused_at_once_fetch_one_more,
    a_refused_token_is_renewed,
    a_token_is_renewed_when_its_time_is_over,
    a_changed_client_secret_renews_the_token,
    a_token_endpoint_that_wants_parameters_gets_them,
    a_refused_client_is_an_error_without_secrets,
    an_assertion_is_signed,
);

fn server() -> Server {
    Server::start(|seen| ok(seen.header("authorization").unwrap_or("nobody")))
}

fn basic(password: SecretSource) -> HttpClientSettings {
    let basic_auth = BasicAuth {
        username: TextSource::Inline("user".to_owned()),
        password: Some(password),
    };
    HttpClientSettings {
        basic_auth: Some(basic_auth),
        ..HttpClientSettings::default()
    }
}

async fn basic_auth_is_sent_and_its_files_are_read_again(runtime: SharedRuntime) {
    let server = server();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    let client = client(&runtime, &basic(SecretSource::File(file.clone())));
    let error = client.send(get(&server.url("/"))).await.unwrap_err();
    assert!(error.to_string().contains("basic_auth password") && error.to_string().contains("no such file"));
    // Prometheus drops white space at both ends, so a file of an editor on Windows is one, too.
    for (password, expected) in [
        ("pass\n", "Basic dXNlcjpwYXNz"),
        ("pass\r\n", "Basic dXNlcjpwYXNz"),
        (" pass \t\r\n\r\n", "Basic dXNlcjpwYXNz"),
        ("pa ss", "Basic dXNlcjpwYSBzcw=="),
        ("new", "Basic dXNlcjpuZXc="),
    ] {
        std::fs::write(&file, password).unwrap();
        assert_eq!(text(&client.send(get(&server.url("/"))).await.unwrap()), expected);
    }
}

async fn the_urls_own_credentials_come_first(runtime: SharedRuntime) {
    let server = server();
    let client = client(&runtime, &basic(SecretSource::Inline(Secret::new("pass"))));
    let url = format!("http://us%20er:p%40ss@{}/", server.address);
    assert_eq!(text(&client.send(get(&url)).await.unwrap()), "Basic dXMgZXI6cEBzcw==");
    assert_eq!(server.only().target, "/", "they are not sent as part of the URL");
}

async fn authorization_is_sent(runtime: SharedRuntime) {
    let server = server();
    let credentials = Some(SecretSource::Inline(Secret::new("t0k3n")));
    let authorization = Some(Authorization {
        scheme: "Token".to_owned(),
        credentials,
    });
    let settings = HttpClientSettings {
        authorization,
        ..HttpClientSettings::default()
    };
    let answer = client(&runtime, &settings).send(get(&server.url("/"))).await.unwrap();
    assert_eq!(text(&answer), "Token t0k3n");
}

async fn a_header_of_the_callers_stays(runtime: SharedRuntime) {
    let server = server();
    let headers = vec![("Authorization".to_owned(), "Mine".to_owned())];
    let client = client(&runtime, &basic(SecretSource::Inline(Secret::new("pass"))));
    let answer = client
        .send(HttpRequest {
            headers,
            ..get(&server.url("/"))
        })
        .await
        .unwrap();
    assert_eq!(text(&answer), "Mine");
}

async fn credentials_that_no_header_can_hold_are_refused(runtime: SharedRuntime) {
    let credentials = Some(SecretSource::Inline(Secret::new("hunter2\nX-Evil: 1")));
    let authorization = Some(Authorization {
        scheme: "Bearer".to_owned(),
        credentials,
    });
    let settings = HttpClientSettings {
        authorization,
        ..HttpClientSettings::default()
    };
    let error = client(&runtime, &settings)
        .send(get("http://127.0.0.1:1/"))
        .await
        .unwrap_err();
    assert!(
        matches!(error, HttpError::Settings { .. }) && !error.to_string().contains("hunter2"),
        "{error}"
    );
}

fn oauth2(endpoint: &Server) -> OAuth2 {
    OAuth2 {
        client_id: "id:1".to_owned(),
        client_secret: Some(SecretSource::Inline(Secret::new("s3cr&t"))),
        grant: OAuth2Grant::ClientCredentials,
        scopes: vec!["read".to_owned(), "list".to_owned()],
        token_url: endpoint.url("/token?tenant=a"),
        endpoint_params: vec![("audience".to_owned(), "x y".to_owned())],
        tls: TlsSettings::default(),
        proxy: ProxySettings::default(),
    }
}

fn with(oauth2: OAuth2) -> HttpClientSettings {
    HttpClientSettings {
        oauth2: Some(Box::new(oauth2)),
        ..HttpClientSettings::default()
    }
}

/// Gives out the tokens `t1`, `t2`, …
fn endpoint() -> Server {
    let count = AtomicUsize::new(0);
    Server::start(move |_| token(&format!("t{}", count.fetch_add(1, Ordering::SeqCst) + 1)))
}

fn token(token: &str) -> crate::server::Answer {
    let body = format!(r#"{{"access_token":"{token}","token_type":"bearer","expires_in":3600}}"#);
    answer("200 OK", &[("content-type", "application/json")], body)
}

async fn a_token_is_fetched_once(runtime: SharedRuntime) {
    let (server, endpoint) = (server(), endpoint());
    let client = client(&runtime, &with(oauth2(&endpoint)));
    for _ in 0..3 {
        assert_eq!(text(&client.send(get(&server.url("/"))).await.unwrap()), "Bearer t1");
    }
    let asked = endpoint.only();
    assert_eq!(
        (asked.method.as_str(), asked.target.as_str()),
        ("POST", "/token?tenant=a")
    );
    assert_eq!(asked.body, "grant_type=client_credentials&scope=read+list&audience=x+y");
    // Basic, of "id%3A1" and "s3cr%26t".
    assert_eq!(asked.header("authorization"), Some("Basic aWQlM0ExOnMzY3IlMjZ0"));
}

async fn many_clients_fetch_one_token(runtime: SharedRuntime) {
    let (server, endpoint) = (server(), endpoint());
    let clients = http_clients(&runtime);
    // Equal in `oauth2` only.
    let each = (0..200).map(|number| {
        let value = HeaderValues {
            values: vec![number.to_string()],
            ..HeaderValues::default()
        };
        let settings = HttpClientSettings {
            headers: vec![("x-number".to_owned(), value)],
            ..with(oauth2(&endpoint))
        };
        clients.client(&settings).unwrap()
    });
    let each: Vec<_> = each.collect();
    let executor = async_executor::LocalExecutor::new();
    let url = server.url("/");
    let tasks: Vec<_> = each
        .iter()
        .map(|client| executor.spawn(client.send(get(&url))))
        .collect();
    executor
        .run(async {
            for task in tasks {
                assert_eq!(text(&task.await.unwrap()), "Bearer t1");
            }
        })
        .await;
    endpoint.only();
}

async fn many_refused_at_once_fetch_one_more(runtime: SharedRuntime) {
    let endpoint = endpoint();
    // The first token is refused once all have come with it.
    let server = Server::start(|seen: &Seen| match seen.header("authorization") {
        Some("Bearer t1") => answer("401 Unauthorized", &[], "out"),
        _ => ok("in"),
    });
    let client = client(&runtime, &with(oauth2(&endpoint)));
    let executor = async_executor::LocalExecutor::new();
    let url = server.url("/");
    let tasks: Vec<_> = (0..50).map(|_| executor.spawn(client.send(get(&url)))).collect();
    executor
        .run(async {
            for task in tasks {
                assert_eq!(text(&task.await.unwrap()), "in");
            }
        })
        .await;
    assert_eq!(endpoint.seen().len(), 2);
}

async fn a_refused_token_is_renewed(runtime: SharedRuntime) {
    let endpoint = endpoint();
    let valid = Mutex::new("Bearer t1");
    let server = Server::start(move |seen: &Seen| {
        if seen.target == "/revoke" {
            *valid.lock().unwrap() = "Bearer t2";
        }
        let mine = seen.header("authorization") == Some(*valid.lock().unwrap());
        if mine {
            ok("in")
        } else {
            answer("401 Unauthorized", &[], "out")
        }
    });
    let client = client(&runtime, &with(oauth2(&endpoint)));
    assert_eq!(text(&client.send(get(&server.url("/"))).await.unwrap()), "in");
    assert_eq!(text(&client.send(get(&server.url("/revoke"))).await.unwrap()), "in");
    assert_eq!(server.seen().len(), 3, "one of them was refused");
    assert_eq!(endpoint.seen().len(), 2);
}

/// Nobody refuses it, so only the time can tell. A token without an end is used for ever.
async fn a_token_is_renewed_when_its_time_is_over(runtime: SharedRuntime) {
    let server = server();
    let count = AtomicUsize::new(0);
    let endpoint = Server::start(move |_| {
        let number = count.fetch_add(1, Ordering::SeqCst) + 1;
        let body = format!(r#"{{"access_token":"t{number}","expires_in":1}}"#);
        answer("200 OK", &[("content-type", "application/json")], body)
    });
    let client = client(&runtime, &with(oauth2(&endpoint)));
    let ask = async || text(&client.send(get(&server.url("/"))).await.unwrap()).to_owned();
    assert_eq!(ask().await, "Bearer t1");
    // The harness has the deadline.
    while ask().await == "Bearer t1" {
        runtime.sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!(endpoint.seen().len() > 1);
}

async fn a_changed_client_secret_renews_the_token(runtime: SharedRuntime) {
    let (server, endpoint) = (server(), endpoint());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, "one").unwrap();
    let settings = OAuth2 {
        client_secret: Some(SecretSource::File(file.clone())),
        ..oauth2(&endpoint)
    };
    let client = client(&runtime, &with(settings));
    assert_eq!(text(&client.send(get(&server.url("/"))).await.unwrap()), "Bearer t1");
    std::fs::write(&file, "two").unwrap();
    assert_eq!(text(&client.send(get(&server.url("/"))).await.unwrap()), "Bearer t2");
}

async fn a_token_endpoint_that_wants_parameters_gets_them(runtime: SharedRuntime) {
    let server = server();
    let endpoint = Server::start(
        |seen| match seen.body.ends_with("&client_id=id%3A1&client_secret=s3cr%26t") {
            true => token("t"),
            false => answer("401 Unauthorized", &[], ""),
        },
    );
    let settings = with(oauth2(&endpoint));
    assert_eq!(
        text(&client(&runtime, &settings).send(get(&server.url("/"))).await.unwrap()),
        "Bearer t"
    );
}

async fn a_refused_client_is_an_error_without_secrets(runtime: SharedRuntime) {
    let endpoint = Server::start(|_| answer("400 Bad Request", &[], r#"{"error":"invalid_client"}"#));
    let mut settings = oauth2(&endpoint);
    settings.token_url = settings.token_url.replace("http://", "http://user:hunter2@");
    let error = client(&runtime, &with(settings.clone()))
        .send(get("http://127.0.0.1:1/"))
        .await
        .unwrap_err();
    assert!(
        matches!(&error, HttpError::Token { cause, .. } if cause.to_string().contains("invalid_client")),
        "{error}"
    );
    assert!(
        !error.to_string().contains("hunter2") && !error.to_string().contains("s3cr"),
        "{error}"
    );
    settings.endpoint_params = vec![("scope".to_owned(), "x".to_owned())];
    assert!(matches!(
        http_clients(&runtime).client(&with(settings)).err(),
        Some(HttpError::Settings { .. })
    ));
}

/// A key that is used nowhere but here.
const RSA_KEY: &str = include_str!("rsa_key.pem");

async fn an_assertion_is_signed(runtime: SharedRuntime) {
    let (server, endpoint) = (server(), endpoint());
    let jwt = |key: &str| JwtBearer {
        key: Some(SecretSource::Inline(Secret::new(key))),
        key_id: "k1".to_owned(),
        algorithm: JwtAlgorithm::Rs384,
        issuer: String::new(),
        audience: "them".to_owned(),
        claims: vec![
            ("roles".to_owned(), r#"["a"]"#.to_owned()),
            ("sub".to_owned(), r#""else""#.to_owned()),
        ],
    };
    let settings = |key: &str| {
        with(OAuth2 {
            grant: OAuth2Grant::JwtBearer(Box::new(jwt(key))),
            ..oauth2(&endpoint)
        })
    };
    let answer = client(&runtime, &settings(RSA_KEY))
        .send(get(&server.url("/")))
        .await
        .unwrap();
    assert_eq!(text(&answer), "Bearer t1");
    let asked = endpoint.only();
    assert_eq!(asked.header("authorization"), None);
    let form: HashMap<String, String> = url::form_urlencoded::parse(asked.body.as_bytes())
        .into_owned()
        .collect();
    assert_eq!(form["grant_type"], "urn:ietf:params:oauth:grant-type:jwt-bearer");
    assert_eq!(
        (form["scope"].as_str(), form["audience"].as_str()),
        ("read list", "x y")
    );
    let parts: Vec<Vec<u8>> = form["assertion"]
        .split('.')
        .map(|part| URL_SAFE_NO_PAD.decode(part).unwrap())
        .collect();
    let [header, claims, signature] = parts.try_into().unwrap();
    assert_eq!(
        serde_json::from_slice::<Value>(&header).unwrap(),
        json!({"alg": "RS384", "typ": "JWT", "kid": "k1"})
    );
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!(
        (
            &claims["iss"],
            &claims["sub"],
            &claims["aud"],
            &claims["scope"],
            &claims["roles"]
        ),
        (
            &json!("id:1"),
            &json!("else"),
            &json!("them"),
            &json!("read list"),
            &json!(["a"])
        )
    );
    assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 600);
    // PKCS #1 signatures are deterministic: the same words with the same key make the same one.
    let signed = form["assertion"].rsplit_once('.').unwrap().0;
    let key = PrivateKeyDer::from_pem_slice(RSA_KEY.as_bytes()).unwrap();
    let key = rustls::crypto::ring::sign::any_supported_type(&key).unwrap();
    let signer = key.choose_scheme(&[rustls::SignatureScheme::RSA_PKCS1_SHA384]).unwrap();
    assert_eq!(signer.sign(signed.as_bytes()).unwrap(), signature);
    let error = client(&runtime, &settings("hunter2"))
        .send(get(&server.url("/")))
        .await
        .unwrap_err();
    assert!(
        matches!(error, HttpError::Settings { .. }) && !error.to_string().contains("hunter2"),
        "{error}"
    );
}
