use std::time::Duration;

use headcount_discoverer::testing::{Answer, Collected, Received, World};
use serde_json::json;

use super::*;
use crate::golden::{counted, found, labels, start};

const MINUTE: Duration = Duration::from_secs(60);
const ENTRY: &str = "{service: compute, folder_ids: [f1, f2]}";
const TOKEN: &str = r#"{"access_token": "t0ken", "expires_in": 43200, "token_type": "Bearer"}"#;
const LENDS: &str = "http://169.254.169.254/computeMetadata/";
const INSTANCES: &str = "https://compute.example:443/compute/v1/instances?pageSize=1000&folderId=";

/// <https://yandex.cloud/docs/api-design-guide/concepts/endpoints>
fn endpoints() -> Answer {
    let services = ["compute", "iam", "organization-manager", "resource-manager"];
    let services = services.map(|id| json!({"id": id, "address": format!("{id}.example:443")}));
    Answer::json(json!({"endpoints": services}).to_string())
}

/// A cloud with an instance in each of two folders.
fn world() -> World {
    let world = World::new();
    world
        .http
        .at("https://api.cloud.yandex.net/endpoints")
        .then(endpoints());
    world.http.at(LENDS).then(Answer::json(TOKEN));
    for folder in ["f1", "f2"] {
        let list = format!(r#"{{"instances": [{{"fqdn": "{folder}.internal"}}]}}"#);
        world.http.at(&format!("{INSTANCES}{folder}")).then(Answer::json(list));
    }
    world
}

fn missing(received: &[Received]) -> Vec<String> {
    let update = received.iter().filter_map(Received::update).next_back();
    let missing = update.and_then(|update| update.missing());
    let parts = missing.into_iter().flat_map(|missing| missing.parts());
    parts.map(|part| format!("{}: {}", part.part, part.reason)).collect()
}

fn urls(world: &World) -> Vec<String> {
    let sent = world.http.take_requests();
    sent.iter().map(|sent| sent.request.url.clone()).collect()
}

/// The object of <https://yandex.cloud/docs/compute/api-ref/Instance/list#responses>, with two interfaces.
#[test]
fn labels_are_those_of_vmagent() {
    let mut world = world();
    let list = json!({"instances": [{
        "id": "fhm1", "folderId": "f1", "createdAt": "2026-01-02T03:04:05Z", "name": "web", "zoneId": "ru-central1-a",
        "labels": {"env": "prod", "app.name": "x"}, "platformId": "standard-v3", "status": "RUNNING", "fqdn": "web.ru-central1.internal",
        "resources": {"memory": "2147483648", "cores": "2", "coreFraction": "50"},
        "networkInterfaces": [
            {"index": "0", "macAddress": "d0:0d", "subnetId": "s", "primaryV4Address": {
                "address": "10.1.0.3", "oneToOneNat": {"address": "203.0.113.3", "ipVersion": "IPV4", "dnsRecords": [{"fqdn": "web.example."}]},
                "dnsRecords": [{"fqdn": "a.internal."}, {"fqdn": "b.internal."}],
            }},
            {"index": "1", "primaryV4Address": {"address": "10.2.0.3", "dnsRecords": [{"fqdn": "c.internal."}]}},
        ],
    }]});
    world
        .http
        .at(&format!("{INSTANCES}f1"))
        .now(Answer::json(list.to_string()));
    start::<YandexCloudSd>(&mut world, "{service: compute, folder_ids: [f1]}");
    let found = found(&mut world);
    let expected = labels(&[
        ("__address__", "web.ru-central1.internal"),
        ("__meta_yandexcloud_folder_id", "f1"),
        ("__meta_yandexcloud_instance_fqdn", "web.ru-central1.internal"),
        ("__meta_yandexcloud_instance_id", "fhm1"),
        ("__meta_yandexcloud_instance_label_app_name", "x"),
        ("__meta_yandexcloud_instance_label_env", "prod"),
        ("__meta_yandexcloud_instance_name", "web"),
        ("__meta_yandexcloud_instance_platform_id", "standard-v3"),
        ("__meta_yandexcloud_instance_private_dns_0", "a.internal."),
        ("__meta_yandexcloud_instance_private_dns_1", "b.internal."),
        ("__meta_yandexcloud_instance_private_dns_2", "c.internal."),
        ("__meta_yandexcloud_instance_private_ip_0", "10.1.0.3"),
        ("__meta_yandexcloud_instance_private_ip_1", "10.2.0.3"),
        ("__meta_yandexcloud_instance_public_dns_0", "web.example."),
        ("__meta_yandexcloud_instance_public_ip_0", "203.0.113.3"),
        ("__meta_yandexcloud_instance_resources_core_fraction", "50"),
        ("__meta_yandexcloud_instance_resources_cores", "2"),
        ("__meta_yandexcloud_instance_resources_memory", "2147483648"),
        ("__meta_yandexcloud_instance_status", "RUNNING"),
    ]);
    assert_eq!(found.into_iter().collect::<Vec<_>>(), [expected]);
}

#[test]
fn what_is_missing_costs_a_label_and_what_has_no_address_is_skipped_and_counted() {
    let mut world = world();
    let list = r#"{"instances": [
        {"fqdn": null, "networkInterfaces": [null, {}, {"index": 3, "primaryV4Address": {"address": "10.0.0.1", "dnsRecords": null}}], "labels": 5},
        {"networkInterfaces": null}, {}, null, 7]}"#;
    world.http.at(&format!("{INSTANCES}f1")).now(Answer::json(list));
    start::<YandexCloudSd>(&mut world, "{service: compute, folder_ids: [f1]}");
    let found = found(&mut world);
    let expected = labels(&[
        ("__address__", "10.0.0.1"),
        ("__meta_yandexcloud_instance_private_ip_3", "10.0.0.1"),
    ]);
    assert_eq!(found.into_iter().collect::<Vec<_>>(), [expected]);
    assert_eq!(counted(&world, SKIPPED), 4.0);
}

#[test]
fn folders_are_those_that_can_be_seen_by_way_of_organizations_and_clouds() {
    let mut world = world();
    let organizations = "https://organization-manager.example:443/organization-manager/v1/organizations?pageSize=1000";
    let clouds = "https://resource-manager.example:443/resource-manager/v1/clouds?pageSize=1000";
    let folders = "https://resource-manager.example:443/resource-manager/v1/folders?pageSize=1000";
    let at = |url: &str, body: &str| {
        world.http.at(url).then(Answer::json(body));
    };
    at(organizations, r#"{"organizations": [{"id": "o"}]}"#);
    at(
        &format!("{clouds}&organizationId=o"),
        r#"{"clouds": [{"id": "c1"}], "nextPageToken": "a+b"}"#,
    );
    at(
        &format!("{clouds}&organizationId=o&pageToken=a%2Bb"),
        r#"{"clouds": [{"id": "c2"}]}"#,
    );
    at(&format!("{folders}&cloudId=c1"), r#"{"folders": [{"id": "f1"}]}"#);
    at(&format!("{folders}&cloudId=c2"), r#"{"folders": [{"id": "f2"}]}"#);
    start::<YandexCloudSd>(&mut world, "{service: compute}");
    let mut collected = Collected::default();
    collected.receive(&world.settle());
    assert_eq!(collected.sources(), ["f1", "f2"]);
    let sent = world.http.take_requests();
    assert_eq!(sent[1].header("metadata-flavor"), Some("Google"));
    assert!(
        sent[2..]
            .iter()
            .all(|sent| sent.header("authorization") == Some("Bearer t0ken"))
    );
    // What is known is read while they can't be listed.
    world.http.at(organizations).now(Answer::new(503));
    world
        .http
        .at(&format!("{INSTANCES}f1"))
        .now(Answer::json(r#"{"instances": [{"fqdn": "new.internal"}]}"#));
    let received = world.run_until_received(MINUTE);
    collected.receive(&received);
    assert_eq!(collected.addresses(), ["new.internal", "f2.internal"]);
    let missing = missing(&received);
    assert!(
        missing.len() == 1 && missing[0].starts_with("the list of folders: https://organization-manager"),
        "{missing:?}"
    );
    // Who sees no organization may see clouds, and who sees no folder is told.
    world.http.at(organizations).now(Answer::json("{}"));
    world.http.at(clouds).now(Answer::json("{}"));
    world.http.take_requests();
    let received = world.run_until_received(MINUTE);
    let asked = urls(&world);
    assert!(asked.contains(&clouds.to_owned()), "{asked:?}");
    let missing = super::tests::missing(&received);
    assert!(
        missing[0].contains("this account may see no folder; name folders in folder_ids"),
        "{missing:?}"
    );
}

#[test]
fn a_folder_that_cannot_be_had_keeps_what_it_had_and_is_named() {
    for (answer, expected) in [
        (
            Answer::new(403).body(r#"{"code": 7, "message": "Permission denied", "details": []}"#),
            "7: Permission denied (status 403)",
        ),
        (Answer::new(404), "status 404"),
        (Answer::new(429).header("retry-after", "40"), "status 429"),
        (Answer::new(500), "status 500"),
        (Answer::hangs(), "no whole answer within"),
        (Answer::json(r#"{"code": 7}"#), "the answer is no list of instances"),
        (Answer::json("[]"), "the answer is no list of instances"),
        (Answer::json(r#"{"instances": null}"#), "invalid type: null"),
        (Answer::json(r#"{"instances": [{"id""#), "EOF while parsing"),
        (Answer::json("<html>"), "expected value"),
        (
            Answer::json(r#"{"instances": [], "nextPageToken": "p"}"#),
            "comes a second time",
        ),
    ] {
        let mut world = world();
        start::<YandexCloudSd>(&mut world, ENTRY);
        let mut collected = Collected::default();
        collected.receive(&world.settle());
        let before = collected.clone();
        assert_eq!(before.addresses(), ["f1.internal", "f2.internal"]);
        let next = format!("{INSTANCES}f1&pageToken=p");
        world.http.at(&next).now(answer.clone());
        world.http.at(&format!("{INSTANCES}f1")).now(answer);
        let received = world.run_until_received(MINUTE * 4);
        collected.receive(&received);
        let missing = missing(&received);
        let start = "folder f1: https://compute.example:443/";
        assert!(
            missing.len() == 1 && missing[0].starts_with(start) && missing[0].contains(expected),
            "{missing:?}"
        );
        assert!(!missing[0].contains("t0ken"), "{missing:?}");
        assert_eq!(collected, before);
    }
}

#[test]
fn services_are_where_they_were_while_that_cannot_be_said() {
    for answer in [Answer::new(500), Answer::json("{}"), Answer::json("<html>")] {
        let mut world = world();
        let url = "https://api.cloud.yandex.net/endpoints";
        world.http.at(url).now(answer.clone());
        start::<YandexCloudSd>(&mut world, ENTRY);
        let received = world.run_until_received(MINUTE);
        assert!(received[0].failure().is_some_and(|said| said.contains(url)));
        world.http.at(url).now(endpoints());
        let mut collected = Collected::default();
        collected.receive(&world.run_until_received(MINUTE));
        assert_eq!(collected.addresses(), ["f1.internal", "f2.internal"]);
        world.http.at(url).now(answer);
        let received = world.run_until_received(MINUTE);
        assert!(received[0].failure().is_none() && missing(&received).is_empty());
    }
}

/// <https://yandex.cloud/docs/iam/operations/iam-token/create>
#[test]
fn a_person_exchanges_a_token_at_the_service_that_is_named() {
    let mut world = world();
    let token = r#"{"iamToken": "iam1", "expiresAt": "2026-01-01T12:00:00.123456789Z"}"#;
    world
        .http
        .at("https://iam.example:443/iam/v1/tokens")
        .then(Answer::json(token));
    let entry = ENTRY.replace('}', ", yandex_passport_oauth_token: hunter2}");
    start::<YandexCloudSd>(&mut world, &entry);
    start::<YandexCloudSd>(&mut world, &entry.replace("f2", "f3"));
    world.settle();
    let sent = world.http.take_requests();
    let logins: Vec<_> = sent
        .iter()
        .filter(|sent| sent.request.url.contains("iam.example"))
        .collect();
    assert_eq!(logins.len(), 1, "it is shared");
    assert_eq!(logins[0].request.body, br#"{"yandexPassportOauthToken":"hunter2"}"#);
    assert_eq!(
        sent.last().expect("a list").header("authorization"),
        Some("Bearer iam1")
    );
    // It is got anew when it is refused.
    world
        .http
        .at(&format!("{INSTANCES}f1"))
        .now(Answer::new(401))
        .then(Answer::json(r#"{"instances": [{"fqdn": "f1.internal"}]}"#));
    let received = world.run_for(Duration::from_secs(40));
    assert!(received.iter().all(|received| received.failure().is_none()));
    let asked = urls(&world);
    assert_eq!(asked.iter().filter(|url| url.contains("iam.example")).count(), 1);
    world
        .http
        .at("https://iam.example:443/iam/v1/tokens")
        .now(Answer::new(401).body(r#"{"code": 16, "message": "OAuth token is invalid"}"#));
    start::<YandexCloudSd>(&mut world, &entry.replace("hunter2", "hunter3"));
    let received = world.settle();
    let said = received[0].failure().expect("a failure");
    assert!(
        said.ends_with("16: OAuth token is invalid (status 401)") && !said.contains("hunter"),
        "{said}"
    );
}

/// <https://yandex.cloud/docs/compute/concepts/vm-metadata>
#[test]
fn a_machine_that_lends_no_token_in_googles_way_may_do_so_in_amazons() {
    let mut world = world();
    world.http.at(LENDS).now(Answer::new(400));
    let lent = r#"{"Code": "Success", "Token": "old1", "Expiration": "2026-01-01T12:00:00Z"}"#;
    let old = "http://169.254.169.254/latest/meta-data/iam/security-credentials/default";
    world.http.at(old).then(Answer::json(lent));
    start::<YandexCloudSd>(&mut world, ENTRY);
    world.settle();
    assert_eq!(
        world
            .http
            .take_requests()
            .last()
            .expect("a list")
            .header("authorization"),
        Some("Bearer old1")
    );
    let mut world = super::tests::world();
    world.http.at(LENDS).now(Answer::new(400));
    start::<YandexCloudSd>(&mut world, ENTRY);
    let received = world.settle();
    let said = received[0].failure().expect("a failure");
    assert!(
        said.contains("computeMetadata") && said.contains("status 400"),
        "{said}"
    );
}
