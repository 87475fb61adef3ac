//! As whom Google is asked: each kind of credentials, and how long a token is used.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use headcount_discoverer::testing::SentRequest;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::*;

const KEY: &str = include_str!("../../bearer/testdata/rsa.pem");
const TOKENS: &str = "https://tokens.example/";

/// What a discoverer with these credentials sends until it has its first list.
fn sent(credentials: &Value) -> Vec<SentRequest> {
    let mut world = World::new();
    world.files.write(FILE, credentials.to_string());
    world.files.write("/token", "subject-1\n");
    world.variables.set("GOOGLE_APPLICATION_CREDENTIALS", FILE);
    for server in [TOKENS, "https://oauth2.googleapis.com/"] {
        world.http.at(server).then(Answer::json(TOKEN));
    }
    let lent = r#"{"accessToken": "lent", "expireTime": "2026-01-01T01:00:00Z"}"#;
    world.http.at("https://iam.example/").then(Answer::json(lent));
    world
        .http
        .at("https://subject.example/")
        .then(Answer::json(r#"{"value": "subject-2"}"#));
    world.http.at(LIST).then(Answer::json(r#"{"items": []}"#));
    start::<GceSd>(&mut world, ENTRY);
    let received = world.settle();
    assert!(received[0].update().is_some(), "{:?}", received[0].failure());
    world.http.take_requests()
}

fn form(sent: &SentRequest) -> Vec<(String, String)> {
    let body = String::from_utf8(sent.request.body.clone()).expect("text");
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let mut pairs: Vec<_> = body
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect();
    pairs.sort();
    pairs
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    pairs.iter().map(owned).collect()
}

/// <https://developers.google.com/identity/protocols/oauth2/service-account#httprest>
#[test]
fn a_service_account_signs_what_it_wants() {
    let credentials = json!({
        "type": "service_account", "client_email": "scout@p.iam.example", "private_key_id": "k1", "private_key": KEY,
        "token_uri": "https://tokens.example/token",
    });
    let sent = sent(&credentials);
    assert_eq!(
        (sent[0].request.method.as_str(), sent[0].request.url.as_str()),
        ("POST", "https://tokens.example/token")
    );
    assert_eq!(
        sent[0].header("content-type"),
        Some("application/x-www-form-urlencoded")
    );
    let form = form(&sent[0]);
    assert_eq!(
        form[1],
        (
            "grant_type".to_owned(),
            "urn:ietf:params:oauth:grant-type:jwt-bearer".to_owned()
        )
    );
    let parts: Vec<&str> = form[0].1.split('.').collect();
    let read =
        |part: &str| -> Value { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64")).expect("JSON") };
    assert_eq!(read(parts[0]), json!({"alg": "RS256", "kid": "k1", "typ": "JWT"}));
    let claims = read(parts[1]);
    let now = claims["iat"].as_u64().expect("a time");
    assert_eq!(
        claims,
        json!({
            "iss": "scout@p.iam.example", "scope": "https://www.googleapis.com/auth/compute.readonly",
            "aud": "https://tokens.example/token", "iat": now, "exp": now + 3600,
        })
    );
    assert_eq!(sent[1].header("authorization"), Some("Bearer hunter2"));
}

/// <https://developers.google.com/identity/protocols/oauth2/native-app#offline>
#[test]
fn a_person_who_logged_in_once_is_asked_for_no_more() {
    let credentials = json!({"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r"});
    let sent = sent(&credentials);
    assert_eq!(sent[0].request.url, "https://oauth2.googleapis.com/token");
    let expected = [
        ("client_id", "c"),
        ("client_secret", "s"),
        ("grant_type", "refresh_token"),
        ("refresh_token", "r"),
    ];
    assert_eq!(form(&sent[0]), pairs(&expected));
}

/// <https://google.aip.dev/auth/4117>
#[test]
fn a_token_of_somebody_else_is_exchanged() {
    let with_source = |source: Value, more: Value| {
        let mut credentials = json!({
            "type": "external_account", "audience": "//iam/pool", "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": "https://tokens.example/sts", "credential_source": source,
        });
        credentials
            .as_object_mut()
            .expect("an object")
            .extend(more.as_object().expect("an object").clone());
        credentials
    };
    let expected = |subject: &str, scope: &str| {
        pairs(&[
            ("audience", "//iam/pool"),
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("scope", scope),
            ("subject_token", subject),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:jwt"),
        ])
    };
    let compute = "https://www.googleapis.com/auth/compute.readonly";
    let of_file = sent(&with_source(json!({"file": "/token"}), json!({})));
    assert_eq!(form(&of_file[0]), expected("subject-1", compute));
    assert_eq!(of_file[0].header("authorization"), None);
    // With a header, a field, and a client that says who it is.
    let source = json!({
        "url": "https://subject.example/t", "headers": {"X-Me": "m"}, "format": {"type": "json", "subject_token_field_name": "value"},
    });
    let of_url = sent(&with_source(source, json!({"client_id": "c", "client_secret": "s"})));
    assert_eq!(of_url[0].header("x-me"), Some("m"));
    assert_eq!(form(&of_url[1]), expected("subject-2", compute));
    assert_eq!(of_url[1].header("authorization"), Some("Basic Yzpz"));
    // As which a service account may be borrowed.
    let more = json!({
        "service_account_impersonation_url": "https://iam.example/a:generateAccessToken",
        "service_account_impersonation": {"token_lifetime_seconds": 600},
    });
    let lent = sent(&with_source(json!({"file": "/token"}), more));
    assert_eq!(
        form(&lent[0]),
        expected("subject-1", "https://www.googleapis.com/auth/cloud-platform")
    );
    let body: Value = serde_json::from_slice(&lent[1].request.body).expect("JSON");
    assert_eq!(body, json!({"scope": [compute], "lifetime": "600s"}));
    assert_eq!(lent[1].header("authorization"), Some("Bearer hunter2"));
    assert_eq!(lent[2].header("authorization"), Some("Bearer lent"));
}

#[test]
fn who_may_act_as_a_service_account_does() {
    let credentials = json!({
        "type": "impersonated_service_account", "service_account_impersonation_url": "https://iam.example/a:generateAccessToken",
        "delegates": ["projects/-/serviceAccounts/b"],
        "source_credentials": {
            "type": "external_account_authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r",
            "token_url": "https://tokens.example/oauth",
        },
    });
    let sent = sent(&credentials);
    assert_eq!(
        form(&sent[0]),
        pairs(&[("grant_type", "refresh_token"), ("refresh_token", "r")])
    );
    assert_eq!(sent[0].header("authorization"), Some("Basic Yzpz"));
    let body: Value = serde_json::from_slice(&sent[1].request.body).expect("JSON");
    assert_eq!(body["delegates"], json!(["projects/-/serviceAccounts/b"]));
    assert_eq!(sent[2].header("authorization"), Some("Bearer lent"));
}

/// <https://cloud.google.com/compute/docs/access/authenticate-workloads#applications>
#[test]
fn without_a_file_it_is_what_the_machine_lends() {
    let mut world = world();
    world.variables.set("HOME", "/root");
    world.http.at(LIST).then(Answer::json(r#"{"items": []}"#));
    start::<GceSd>(&mut world, ENTRY);
    world.settle();
    let sent = world.http.take_requests();
    let url = "http://169.254.169.254/computeMetadata/v1/instance/service-accounts/default/token\
               ?scopes=https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fcompute.readonly";
    assert_eq!(
        (sent[0].request.url.as_str(), sent[0].header("metadata-flavor")),
        (url, Some("Google"))
    );
    assert_eq!(
        sent[0].settings,
        HttpClientSettings {
            follow_redirects: false,
            ..HttpClientSettings::default()
        }
    );
    assert_eq!(sent[1].settings.proxy.proxy, Proxy::Environment);
    // Another place for it, and the file that gcloud leaves behind, which goes before it.
    world.variables.set("GCE_METADATA_HOST", "meta.example:8080");
    world.http.at("http://meta.example:8080/").then(Answer::json(TOKEN));
    world.run_for(MINUTE);
    assert!(
        world.http.take_requests()[0]
            .request
            .url
            .starts_with("http://meta.example:8080/computeMetadata/")
    );
    let known = "/root/.config/gcloud/application_default_credentials.json";
    let user = json!({"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r"});
    world.files.write(known, user.to_string());
    world
        .http
        .at("https://oauth2.googleapis.com/")
        .then(Answer::json(TOKEN));
    world.run_for(MINUTE);
    assert_eq!(
        world.http.take_requests()[0].request.url,
        "https://oauth2.googleapis.com/token"
    );
}

#[test]
fn credentials_that_make_no_sense_are_a_failure_that_says_why() {
    let whole = json!({"type": "service_account", "client_email": "e", "private_key": "hunter2"});
    let source = |source: Value| json!({"type": "external_account", "audience": "a", "subject_token_type": "t", "token_url": "https://tokens.example/", "credential_source": source});
    for (written, expected) in [
        ("hunter2".to_owned(), "/gce.json: this is no file of Google's credentials: it is no JSON"),
        (json!({}).to_string(), "it has no type"),
        (json!({"type": "gdch_service_account"}).to_string(), "\"gdch_service_account\" are not known"),
        (json!({"type": "service_account", "private_key": "hunter2"}).to_string(), "client_email is missing"),
        (whole.to_string(), "e: the private key is not in PEM form"),
        (json!({"type": "authorized_user", "client_id": "c"}).to_string(), "client_secret is missing"),
        (source(json!({"environment_id": "aws1"})).to_string(), "tokens that AWS signs (environment_id) are not supported"),
        (source(json!({"executable": {"command": "x"}})).to_string(), "tokens of a program (executable) are not supported"),
        (source(json!({"certificate": {}})).to_string(), "(certificate) are not supported"),
        (source(json!({})).to_string(), "neither a file nor a url"),
        (source(json!({"file": "/gone"})).to_string(), "/gone: no such file"),
        (source(json!({"file": "/gone", "format": {"type": "xml"}})).to_string(), "\"xml\" is not known"),
        (json!({"type": "impersonated_service_account", "source_credentials": {"type": "service_account"}, "service_account_impersonation_url": "u"}).to_string(), "source_credentials: client_email is missing"),
    ] {
        let mut world = World::new();
        world.files.write(FILE, written.clone());
        world.variables.set("GOOGLE_APPLICATION_CREDENTIALS", FILE);
        start::<GceSd>(&mut world, ENTRY);
        let received = world.settle();
        let said = received[0].failure().expect("a failure");
        assert!(said.contains(expected) && !said.contains("hunter2"), "{written}: {said}");
        assert!(world.http.take_requests().is_empty(), "nobody is asked");
    }
    let mut world = World::new();
    world.variables.set("GOOGLE_APPLICATION_CREDENTIALS", "/gone");
    start::<GceSd>(&mut world, ENTRY);
    let received = world.settle();
    let said = received[0].failure().expect("a failure");
    assert!(
        said.contains("/gone: no such file; GOOGLE_APPLICATION_CREDENTIALS names it"),
        "{said}"
    );
}

#[test]
fn a_token_that_cannot_be_had_is_a_failure_that_says_why() {
    for (answer, expected) in [
        (Answer::new(404), "this machine has no service account (status 404)"),
        (Answer::new(403), "status 403"),
        (Answer::json("{}"), "the answer has no access_token"),
        (Answer::json("hunter2"), "the answer is no JSON"),
        (Answer::hangs(), "no answer within 10s"),
    ] {
        let mut world = World::new();
        world.http.at(METADATA).then(answer);
        start::<GceSd>(&mut world, ENTRY);
        let received = world.run_until_received(MINUTE);
        let said = received[0].failure().expect("a failure");
        assert!(said.contains(expected) && !said.contains("hunter2"), "{said}");
    }
    let mut world = World::new();
    start::<GceSd>(&mut world, ENTRY);
    let received = world.run_until_received(MINUTE);
    let said = received[0].failure().expect("a failure");
    assert!(
        said.contains("there are no credentials: GOOGLE_APPLICATION_CREDENTIALS is not set"),
        "{said}"
    );
}

#[test]
fn one_token_does_for_all_who_have_the_same_credentials_until_its_end_is_near_or_it_is_refused() {
    let mut world = world();
    world
        .http
        .at("https://compute.googleapis.com/")
        .then(Answer::json(r#"{"items": []}"#));
    start::<GceSd>(&mut world, ENTRY);
    start::<GceSd>(&mut world, "{project: p, zone: y}");
    let tokens = |world: &World| {
        let sent = world.http.take_requests();
        sent.iter()
            .filter(|sent| sent.request.url.starts_with(METADATA))
            .count()
    };
    world.run_for(MINUTE * 50);
    assert_eq!(tokens(&world), 1);
    world.run_for(MINUTE * 10);
    assert_eq!(tokens(&world), 1, "it is renewed before the hour is over");
    world.http.at(LIST).now(Answer::new(401));
    world.run_for(MINUTE * 2);
    // The one that was refused, and the one got in its place, which is refused as well.
    assert!((2..=4).contains(&tokens(&world)));
    let received = world.run_for(MINUTE * 2);
    assert!(
        received
            .iter()
            .any(|received| received.failure().is_some_and(|said| said.contains("status 401")))
    );
    world.http.at(LIST).now(Answer::json(
        r#"{"items": [{"networkInterfaces": [{"networkIP": "10.0.0.1"}]}]}"#,
    ));
    let mut collected = Collected::default();
    collected.receive(&world.run_for(MINUTE * 2));
    assert_eq!(collected.addresses(), ["10.0.0.1:80"]);
}
