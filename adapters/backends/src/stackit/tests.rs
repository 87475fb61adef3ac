use std::collections::BTreeSet;
use std::time::Duration;

use headcount_discoverer::testing::{Answer, Collected, World};
use serde_json::json;

use super::*;
use crate::golden::{counted, found, labels, start};

const MINUTE: Duration = Duration::from_secs(60);
const URL: &str = "https://iaas.api.eu01.stackit.cloud/v1/projects/p/servers?details=true";
const TOKENS: &str = "https://service-account.api.stackit.cloud/token";
const PEM: &str = include_str!("testdata/key.pem");

/// A service account's key as STACKIT gives it out, but for its private key.
fn key() -> Value {
    json!({
        "id": "i", "publicKey": "-", "createdAt": "2026-11-01T00:00:00Z", "keyType": "USER_MANAGED", "active": true,
        "credentials": {"kid": "k", "iss": "a@sa.stackit.cloud", "sub": "s", "aud": "https://a.example"},
    })
}

/// The answer of <https://docs.api.eu01.stackit.cloud/documentation/iaas/version/v1#tag/Servers/operation/v1ListServers>.
fn servers() -> Answer {
    Answer::json(
        json!({"items": [
            {
                "id": "b4176700", "name": "web", "availabilityZone": "eu01-3", "machineType": "g1.1", "status": "INACTIVE",
                "powerStatus": "STOPPED", "createdAt": "2026-03-12T14:48:17Z", "userData": null,
                "labels": {"team/a": "x", "größe": "y", "number": 5, "empty": ""},
                "nics": [
                    {"ipv4": "10.0.0.153", "networkName": "net-a", "nicSecurity": true},
                    {"ipv4": "10.0.1.1", "networkName": "b", "publicIp": "192.0.2.1"},
                    {"networkName": "c", "publicIp": "192.0.2.2"},
                ],
            },
            {"id": "ee337436", "name": "inside", "nics": [{"networkName": "b"}, {"ipv4": "10.0.1.2", "networkName": "b"}]},
            {"id": "nowhere", "nics": []},
        ]})
        .to_string(),
    )
}

/// By Prometheus's documentation and source: no package of a Prometheus that knows this mechanism is at hand.
#[test]
fn each_server_with_an_address_is_a_target() {
    let mut world = World::new();
    world.http.at(URL).then(servers());
    start::<StackitSd>(
        &mut world,
        "{project: p, authorization: {credentials: hunter2}, port: 9100}",
    );
    let web = labels(&[
        ("__address__", "192.0.2.1:9100"),
        ("__meta_stackit_availability_zone", "eu01-3"),
        ("__meta_stackit_id", "b4176700"),
        ("__meta_stackit_label_gr__e", "y"),
        ("__meta_stackit_label_team_a", "x"),
        ("__meta_stackit_labelpresent_empty", "true"),
        ("__meta_stackit_labelpresent_gr__e", "true"),
        ("__meta_stackit_labelpresent_team_a", "true"),
        ("__meta_stackit_name", "web"),
        ("__meta_stackit_power_status", "STOPPED"),
        ("__meta_stackit_private_ipv4_b", "10.0.1.1"),
        ("__meta_stackit_private_ipv4_net_a", "10.0.0.153"),
        ("__meta_stackit_project", "p"),
        ("__meta_stackit_public_ipv4", "192.0.2.1"),
        ("__meta_stackit_status", "INACTIVE"),
        ("__meta_stackit_type", "g1.1"),
    ]);
    let inside = labels(&[
        ("__address__", "10.0.1.2:9100"),
        ("__meta_stackit_id", "ee337436"),
        ("__meta_stackit_name", "inside"),
        ("__meta_stackit_private_ipv4_b", "10.0.1.2"),
        ("__meta_stackit_project", "p"),
    ]);
    assert_eq!(
        (found(&mut world), counted(&world, SKIPPED)),
        (BTreeSet::from([web, inside]), 1.0)
    );
    // The settings of the HTTP client say who asks.
    assert_eq!(world.http.take_requests()[0].header("authorization"), None);
}

#[test]
fn what_is_missing_costs_a_label() {
    let mut world = World::new();
    let some = json!([
        {"id": 5, "labels": [], "nics": [null, {"ipv4": "10.0.0.1"}], "status": null}, {"nics": null}, {}, null, [],
    ]);
    world
        .http
        .at(URL)
        .then(Answer::json(json!({ "items": some }).to_string()));
    start::<StackitSd>(&mut world, "{project: p}");
    let only = labels(&[
        ("__address__", "10.0.0.1:80"),
        ("__meta_stackit_private_ipv4_", "10.0.0.1"),
        ("__meta_stackit_project", "p"),
    ]);
    assert_eq!(
        (found(&mut world), counted(&world, SKIPPED)),
        (BTreeSet::from([only]), 4.0)
    );
}

/// A world whose tokens are `token-1`, `token-2`, …, each good for ten minutes.
fn world_with_tokens() -> World {
    let world = World::new();
    world.http.at(URL).then(servers());
    let given = std::sync::atomic::AtomicU32::new(0);
    world.http.serve(TOKENS, move |request| {
        let form = String::from_utf8_lossy(&request.body).into_owned();
        assert!(form.starts_with("assertion=ey"), "{form}");
        assert!(form.ends_with("&grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer"));
        let number = given.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
        Answer::json(json!({"access_token": format!("token-{number}"), "expires_in": 600}).to_string())
    });
    world
}

/// How often a token was asked for, and the one that was sent last.
fn tokens(world: &World) -> (usize, String) {
    let sent = world.http.take_requests();
    let asked = sent.iter().filter(|sent| sent.request.url == TOKENS).count();
    let last = sent.iter().rev().find_map(|sent| sent.header("authorization"));
    (asked, last.unwrap_or_default().to_owned())
}

#[test]
fn a_key_gives_a_token_that_all_share_and_that_is_renewed_before_its_end() {
    let mut world = world_with_tokens();
    let mut whole = key();
    whole["credentials"]["privateKey"] = PEM.into();
    world.files.write("/etc/key.json", whole.to_string());
    let entry = "{project: p, service_account_key_path: key.json}";
    start::<StackitSd>(&mut world, entry);
    start::<StackitSd>(&mut world, &entry.replace("key.json", "key.json, port: 81"));
    world.settle();
    assert_eq!(tokens(&world), (1, "Bearer token-1".to_owned()));
    world.run_for(MINUTE * 7);
    assert_eq!(tokens(&world), (0, "Bearer token-1".to_owned()));
    world.run_for(MINUTE * 3);
    assert_eq!(tokens(&world), (1, "Bearer token-2".to_owned()));
    // One that is withdrawn is asked for anew, and the refresh goes on with it.
    world.http.serve(URL, |request| {
        let withdrawn = ("Authorization".to_owned(), "Bearer token-2".to_owned());
        if request.headers.contains(&withdrawn) {
            Answer::new(401)
        } else {
            servers()
        }
    });
    let received = world.run_for(MINUTE * 2);
    assert!(
        received.iter().all(|received| received.failure().is_none()),
        "{received:?}"
    );
    assert_eq!(tokens(&world), (1, "Bearer token-3".to_owned()));
}

#[test]
fn keys_may_be_in_two_parts_and_stand_in_many_places() {
    let mut whole = key();
    whole["credentials"]["privateKey"] = PEM.into();
    // As Go takes it.
    let odd = key()
        .to_string()
        .replace("credentials", "Credentials")
        .replace("\"iss\"", "\"Iss\"");
    for (fields, credentials) in [
        ("service_account_key_path: key.json, private_key_path: key.pem", ""),
        ("service_account_key_path: odd.json, private_key_path: key.pem", ""),
        ("service_account_key_path: whole.json", ""),
        (
            "credentials_file_path: c.json",
            r#"{"STACKIT_SERVICE_ACCOUNT_KEY_PATH": "whole.json", "STACKIT_SERVICE_ACCOUNT_TOKEN": "no"}"#,
        ),
        (
            "service_account_key_path: key.json, credentials_file_path: c.json",
            r#"{"STACKIT_PRIVATE_KEY_PATH": "key.pem"}"#,
        ),
        ("service_account_key_path: key.json", "the environment's"),
    ] {
        let mut world = world_with_tokens();
        world.files.write("/etc/key.json", key().to_string());
        world.files.write("/etc/odd.json", odd.as_str());
        world.files.write("/etc/whole.json", whole.to_string());
        world.files.write("/etc/key.pem", PEM);
        world.files.write("/etc/c.json", credentials);
        if credentials == "the environment's" {
            world.variables.set("STACKIT_PRIVATE_KEY_PATH", "/etc/key.pem");
        }
        start::<StackitSd>(&mut world, &format!("{{project: p, {fields}}}"));
        assert_eq!(found(&mut world).len(), 2, "{fields}");
        assert_eq!(tokens(&world), (1, "Bearer token-1".to_owned()), "{fields}");
    }
}

/// Otherwise than in Prometheus, which then asks as nobody.
#[test]
fn a_token_may_stand_in_the_credentials_file_unless_the_client_authenticates() {
    for (fields, sent) in [("", "Bearer t0ken"), (", bearer_token: hunter2", "")] {
        let mut world = world_with_tokens();
        world
            .files
            .write("/etc/c.json", r#"{"STACKIT_SERVICE_ACCOUNT_TOKEN": "t0ken"}"#);
        start::<StackitSd>(
            &mut world,
            &format!("{{project: p, credentials_file_path: c.json{fields}}}"),
        );
        assert_eq!(found(&mut world).len(), 2);
        assert_eq!(tokens(&world), (0, sent.to_owned()));
    }
}

#[test]
fn that_there_is_no_token_is_a_failure_that_says_why() {
    let given = json!({"credentials": {"privateKey": PEM}}).to_string();
    let answer = |answer: Answer| Some(answer);
    for (key, answer, expected) in [
        ("{\"hunter2", None, "the service account's key is no JSON"),
        ("{}", None, "the private key is missing"),
        (r#"{"credentials": {"privateKey": "hunter2"}}"#, None, "not in PEM form"),
        (" ", None, "the file of a secret is empty: /etc/key.json"),
        (&given, answer(Answer::new(401)), "the service account's key is refused"),
        (&given, answer(Answer::new(500)), "status 500"),
        (
            &given,
            answer(Answer::new(429).header("retry-after", "40")),
            "status 429",
        ),
        (&given, answer(Answer::hangs()), "no whole answer within"),
        (&given, answer(Answer::json("{}")), "the answer has no access_token"),
        (&given, answer(Answer::json("<html>")), "the answer has no access_token"),
    ] {
        let mut world = World::new();
        world.files.write("/etc/key.json", key);
        world.http.at(URL).then(servers());
        if let Some(answer) = answer {
            world.http.at(TOKENS).then(answer);
        }
        start::<StackitSd>(&mut world, "{project: p, service_account_key_path: key.json}");
        let received = world.run_until_received(MINUTE * 2);
        let said = received[0].failure().expect("a failure");
        assert!(said.contains(expected) && said.contains(TOKENS), "{said}");
        assert!(!said.contains("hunter2") && !said.contains("MII"), "{said}");
    }
}

#[test]
fn a_list_that_cannot_be_had_is_a_failure_and_all_targets_stay() {
    for (answer, expected) in [
        (Answer::new(401), "status 401"),
        (Answer::new(404), "status 404"),
        (Answer::new(429).header("retry-after", "40"), "status 429"),
        (Answer::new(500), "status 500"),
        (Answer::hangs(), "no whole answer within"),
        (Answer::json("{}"), "missing field `items`"),
        (Answer::json(r#"{"items": null}"#), "invalid type: null"),
        (Answer::json(r#"{"items": [{"id""#), "EOF while parsing"),
        (Answer::json(r#"{"items": []}"#), "gave no targets any more"),
    ] {
        let mut world = World::new();
        world.http.at(URL).then(servers());
        start::<StackitSd>(&mut world, "{project: p, bearer_token: hunter2}");
        let mut collected = Collected::default();
        collected.receive(&world.settle());
        let before = collected.clone();
        assert_eq!(before.addresses().len(), 2);
        world.http.at(URL).now(answer);
        let received = world.run_until_received(MINUTE * 4);
        collected.receive(&received);
        let said = received[0].failure().expect("a failure");
        assert!(
            said.starts_with("listing the servers of STACKIT ") && said.contains(expected),
            "{said}"
        );
        assert_eq!(collected, before);
    }
}
