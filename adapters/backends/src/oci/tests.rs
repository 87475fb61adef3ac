use std::time::Duration;

use headcount_discoverer::testing::{Answer, Collected, Received, World};
use serde_json::{Value, json};

use super::*;
use crate::golden::{counted, found, labels, start, targets};

mod accounts;

const MINUTE: Duration = Duration::from_secs(60);
const ENTRY: &str = "{region: eu-frankfurt-1, tenancy: ocid1.tenancy.oc1..t, user: ocid1.user.oc1..u, fingerprint: 'aa:bb', key_file: /key.pem}";
const KEY: &str = include_str!("../bearer/testdata/rsa.pem");
const IDENTITY: &str = "https://identity.eu-frankfurt-1.oci.oraclecloud.com/20160918/";
const COMPUTE: &str = "https://iaas.eu-frankfurt-1.oraclecloud.com/20160918/";

fn instance(name: &str) -> Value {
    json!({"id": format!("i-{name}"), "displayName": name, "lifecycleState": "RUNNING"})
}

fn attachment(instance: &str, vnic: &str) -> Value {
    json!({"instanceId": format!("i-{instance}"), "vnicId": vnic, "lifecycleState": "ATTACHED", "timeCreated": "2026-01-01T00:00:00Z"})
}

fn vnic(id: &str, address: &str) -> Value {
    json!({"id": id, "isPrimary": true, "privateIp": address, "lifecycleState": "AVAILABLE"})
}

fn answer(value: &Value) -> Answer {
    Answer::json(value.to_string())
}

/// The URL of a list of a compartment.
fn of(kind: &str, compartment: &str) -> String {
    format!("{COMPUTE}{kind}?compartmentId={compartment}&limit=500")
}

fn lists(world: &World, compartment: &str, instances: &[Value], attachments: &[Value]) {
    world
        .http
        .at(&of("instances", compartment))
        .now(answer(&json!(instances)));
    world
        .http
        .at(&of("vnicAttachments", compartment))
        .now(answer(&json!(attachments)));
}

/// A tenancy with an instance of its own and one in a compartment.
fn world() -> World {
    let world = World::new();
    world.files.write("/key.pem", KEY);
    let compartments =
        json!([{"id": "c1", "lifecycleState": "ACTIVE"}, {"id": "c2", "lifecycleState": "DELETED"}, null]);
    world
        .http
        .at(&format!("{IDENTITY}compartments"))
        .then(answer(&compartments));
    for (compartment, name) in [("ocid1.tenancy.oc1..t", "root"), ("c1", "web")] {
        lists(&world, compartment, &[instance(name)], &[attachment(name, name)]);
    }
    world
        .http
        .at(&format!("{COMPUTE}vnics/root"))
        .then(answer(&vnic("root", "10.0.0.1")));
    world
        .http
        .at(&format!("{COMPUTE}vnics/web"))
        .then(answer(&vnic("web", "10.0.0.2")));
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

/// <https://docs.oracle.com/iaas/api/#/en/iaas/20160918/datatypes/Instance>, `…/VnicAttachment`, `…/Vnic`
#[test]
fn labels_are_those_of_prometheus() {
    let mut world = world();
    let whole = json!({
        "id": "i-web", "displayName": "web 1", "lifecycleState": "RUNNING", "shape": "VM.Standard.E4.Flex", "availabilityDomain": "x:EU-1-AD-1",
        "faultDomain": "FAULT-DOMAIN-2", "region": "eu-frankfurt-1", "compartmentId": "c1", "imageId": "image1",
        "freeformTags": {"env": "prod", "team-name": "core"},
        "definedTags": {"Oracle-Tags": {"CreatedBy": "me", "Count": 3, "On": true, "List": [1], "Nothing": null}, "odd": 5},
    });
    let mut other = attachment("web", "second");
    other["timeCreated"] = json!("2025-12-01T00:00:00Z");
    let mut detached = attachment("web", "gone");
    detached["lifecycleState"] = json!("DETACHED");
    lists(&world, "c1", &[whole], &[detached, attachment("web", "web"), other]);
    world.http.at(&format!("{COMPUTE}vnics/second")).then(answer(
        &json!({"id": "second", "isPrimary": false, "privateIp": "10.9.0.1"}),
    ));
    let primary = json!({
        "id": "web", "isPrimary": true, "privateIp": "10.0.0.2", "publicIp": "192.0.2.2", "hostnameLabel": "web1",
        "ipv6Addresses": ["2001:db8::2", "2001:db8::1"],
    });
    world.http.at(&format!("{COMPUTE}vnics/web")).now(answer(&primary));
    start::<OciSd>(&mut world, &ENTRY.replace('}', ", compartments: [c1], port: 9100}"));
    let expected = labels(&[
        ("__address__", "10.0.0.2:9100"),
        ("__meta_oci_availability_domain", "x:EU-1-AD-1"),
        ("__meta_oci_compartment_id", "c1"),
        ("__meta_oci_defined_tag_Oracle_Tags_Count", "3"),
        ("__meta_oci_defined_tag_Oracle_Tags_CreatedBy", "me"),
        ("__meta_oci_defined_tag_Oracle_Tags_On", "true"),
        ("__meta_oci_fault_domain", "FAULT-DOMAIN-2"),
        ("__meta_oci_hostname_label", "web1"),
        ("__meta_oci_image_id", "image1"),
        ("__meta_oci_instance_id", "i-web"),
        ("__meta_oci_instance_name", "web 1"),
        ("__meta_oci_instance_shape", "VM.Standard.E4.Flex"),
        ("__meta_oci_instance_state", "RUNNING"),
        ("__meta_oci_ipv6_addresses", ",2001:db8::1,2001:db8::2,"),
        ("__meta_oci_private_ip", "10.0.0.2"),
        ("__meta_oci_public_ip", "192.0.2.2"),
        ("__meta_oci_region", "eu-frankfurt-1"),
        ("__meta_oci_tag_env", "prod"),
        ("__meta_oci_tag_team_name", "core"),
        ("__meta_oci_tenancy_id", "ocid1.tenancy.oc1..t"),
        ("__meta_oci_vnic_id", "web"),
    ]);
    assert_eq!(found(&mut world).into_iter().collect::<Vec<_>>(), [expected]);
}

#[test]
fn the_oldest_interface_is_asked_for_first_because_it_is_mostly_the_primary_one() {
    let mut world = world();
    let mut newer = attachment("web", "newer");
    newer["timeCreated"] = json!("2026-02-01T00:00:00Z");
    lists(&world, "c1", &[instance("web")], &[newer, attachment("web", "web")]);
    start::<OciSd>(&mut world, &ENTRY.replace('}', ", compartments: [c1]}"));
    let mut collected = Collected::default();
    collected.receive(&world.settle());
    assert_eq!(collected.addresses(), ["10.0.0.2:80"]);
    let asked = urls(&world);
    let vnics: Vec<&String> = asked.iter().filter(|url| url.contains("/vnics/")).collect();
    assert_eq!(vnics, [&format!("{COMPUTE}vnics/web")]);
}

#[test]
fn what_has_no_address_is_skipped_and_counted_unless_it_is_terminated() {
    let mut world = world();
    let mut gone = instance("gone");
    gone["lifecycleState"] = json!("TERMINATED");
    let instances = [
        instance("public"),
        instance("six"),
        instance("bare"),
        instance("none"),
        instance("lost"),
        gone,
        json!(null),
        json!(7),
        json!({}),
    ];
    let attachments: Vec<Value> = ["public", "six", "bare", "lost"]
        .iter()
        .map(|name| attachment(name, name))
        .collect();
    lists(
        &world,
        "c1",
        &instances,
        &[&attachments[..], &[json!(null), json!({})]].concat(),
    );
    let at = |id: &str, value: Value| {
        world.http.at(&format!("{COMPUTE}vnics/{id}")).then(answer(&value));
    };
    at(
        "public",
        json!({"isPrimary": true, "privateIp": null, "publicIp": "192.0.2.7"}),
    );
    at(
        "six",
        json!({"isPrimary": true, "ipv6Addresses": [null, "2001:db8::7"]}),
    );
    at("bare", json!({"isPrimary": true}));
    world.http.at(&format!("{COMPUTE}vnics/lost")).then(Answer::new(404));
    start::<OciSd>(&mut world, &ENTRY.replace('}', ", compartments: [c1]}"));
    let mut collected = Collected::default();
    collected.receive(&world.settle());
    assert_eq!(collected.addresses(), ["192.0.2.7:80", "[2001:db8::7]:80"]);
    assert_eq!(counted(&world, SKIPPED), 6.0);
}

#[test]
fn compartments_are_those_that_are_active_and_the_tenancy_in_pages() {
    let mut world = world();
    let list = format!(
        "{IDENTITY}compartments?accessLevel=ACCESSIBLE&compartmentId=ocid1.tenancy.oc1..t&compartmentIdInSubtree=true&limit=500"
    );
    world
        .http
        .at(&list)
        .then(Answer::json("[]").header("opc-next-page", "a+b"));
    let second = json!([{"id": "c1", "lifecycleState": "ACTIVE"}]);
    world.http.at(&format!("{list}&page=a%2Bb")).then(answer(&second));
    start::<OciSd>(&mut world, ENTRY);
    let mut collected = Collected::default();
    collected.receive(&world.settle());
    assert_eq!(collected.sources(), ["OCI/c1", "OCI/ocid1.tenancy.oc1..t"]);
    assert_eq!(collected.addresses(), ["10.0.0.2:80", "10.0.0.1:80"]);
    let mut asked = urls(&world);
    asked.sort();
    let mut expected = vec![
        list.clone(),
        format!("{list}&page=a%2Bb"),
        format!("{COMPUTE}vnics/root"),
        format!("{COMPUTE}vnics/web"),
    ];
    for compartment in ["c1", "ocid1.tenancy.oc1..t"] {
        expected.extend([of("instances", compartment), of("vnicAttachments", compartment)]);
    }
    expected.sort();
    assert_eq!(asked, expected);
    // What is known is read while they can't be listed.
    world.http.at(&list).now(Answer::new(503));
    world
        .http
        .at(&format!("{COMPUTE}vnics/web"))
        .now(answer(&vnic("web", "10.0.0.3")));
    let received = world.run_until_received(MINUTE * 2);
    collected.receive(&received);
    assert_eq!(collected.addresses(), ["10.0.0.3:80", "10.0.0.1:80"]);
    let missing = missing(&received);
    assert!(
        missing.len() == 1 && missing[0].starts_with("the list of compartments: https://identity."),
        "{missing:?}"
    );
}

#[test]
fn a_compartment_that_cannot_be_had_keeps_what_it_had_and_is_named() {
    let denied =
        r#"{"code": "NotAuthorizedOrNotFound", "message": "Authorization failed or requested resource not found."}"#;
    for url in [
        of("instances", "c1"),
        of("vnicAttachments", "c1"),
        format!("{COMPUTE}vnics/web"),
    ] {
        for (answer, expected) in [
            (
                Answer::new(403).body(denied),
                "NotAuthorizedOrNotFound: Authorization failed or requested resource not found. (status 403)",
            ),
            (Answer::new(401), "status 401"),
            (Answer::new(429).header("retry-after", "40"), "status 429"),
            (Answer::new(500), "status 500"),
            (Answer::hangs(), "no whole answer within"),
            (Answer::json("7"), "invalid type"),
            (Answer::json("<html>"), "expected value"),
        ] {
            let mut world = world();
            start::<OciSd>(&mut world, ENTRY);
            let mut collected = Collected::default();
            collected.receive(&world.settle());
            let before = targets(&collected);
            assert_eq!(before.len(), 2);
            let is_lenient = url.contains("vnics") && expected == "invalid type";
            world.http.at(&url).now(answer);
            let received = world.run_until_received(MINUTE * 4);
            collected.receive(&received);
            if is_lenient {
                // Whatever stands in an object's place is one without an address; that all are gone has to be said twice.
                assert_eq!(targets(&collected), before);
                continue;
            }
            let missing = missing(&received);
            let is_it = missing.len() == 1
                && missing[0].starts_with("compartment c1: https://iaas.")
                && missing[0].contains(expected);
            assert!(is_it, "{url}: {missing:?}");
            assert_eq!(targets(&collected), before);
        }
    }
    let mut world = world();
    world
        .http
        .at(&of("instances", "c1"))
        .now(Answer::json("[]").header("opc-next-page", "x"));
    world
        .http
        .at(&format!("{}&page=x", of("instances", "c1")))
        .now(Answer::json("[]").header("opc-next-page", "x"));
    start::<OciSd>(&mut world, ENTRY);
    let missing = missing(&world.settle());
    assert!(missing[0].contains("comes a second time"), "{missing:?}");
}

#[test]
fn an_interface_that_is_not_to_be_found_is_what_it_was_while_it_is_attached() {
    let mut world = world();
    start::<OciSd>(&mut world, ENTRY);
    let mut collected = Collected::default();
    collected.receive(&world.settle());
    world.http.at(&format!("{COMPUTE}vnics/web")).now(Answer::new(404));
    collected.receive(&world.run_for(MINUTE * 3));
    assert_eq!(targets(&collected).len(), 2);
    let mut detached = attachment("web", "web");
    detached["lifecycleState"] = json!("DETACHED");
    lists(&world, "c1", &[instance("web")], &[detached]);
    collected.receive(&world.run_for(MINUTE * 3));
    assert_eq!(collected.addresses(), ["10.0.0.1:80"]);
}

#[test]
fn of_many_interfaces_some_are_asked_for_again_at_a_time_and_no_more_than_may_be() {
    let mut world = world();
    let names: Vec<String> = (0..700).map(|number| format!("m{number}")).collect();
    let instances: Vec<Value> = names.iter().map(|name| instance(name)).collect();
    let attachments: Vec<Value> = names.iter().map(|name| attachment(name, name)).collect();
    lists(&world, "c1", &instances, &attachments);
    world.http.serve(&format!("{COMPUTE}vnics/"), |request| {
        let id = request.url.rsplit('/').next().unwrap_or_default();
        let number: u32 = id.trim_start_matches('m').parse().unwrap_or_default();
        answer(&vnic(id, &format!("10.0.{}.{}", number / 250, number % 250)))
    });
    start::<OciSd>(
        &mut world,
        &ENTRY.replace('}', ", compartments: [c1], refresh_interval: 2m}"),
    );
    let mut collected = Collected::default();
    collected.receive(&world.run_for(MINUTE * 6));
    assert_eq!(targets(&collected).len(), 700);
    let sent = world.http.take_requests();
    let start = sent[0].at;
    let mut times: Vec<u128> = sent
        .iter()
        .map(|sent| sent.at.saturating_duration_since(start).as_millis())
        .collect();
    times.sort_unstable();
    // 50 at once, and then ten a second.
    assert!(
        times.windows(72).all(|window| window[71] - window[0] >= 1900),
        "{times:?}"
    );
    let asked = |world: &World| urls(world).iter().filter(|url| url.contains("/vnics/")).count();
    world.run_for(MINUTE * 2);
    let in_one = asked(&world);
    assert!((130..=330).contains(&in_one), "{in_one}");
    world.run_for(MINUTE * 6);
    let in_three = asked(&world);
    assert!((600..=800).contains(&in_three), "{in_three}");
}
