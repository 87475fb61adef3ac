use std::collections::BTreeSet;
use std::time::Duration;

use headcount_discoverer::testing::{Answer, Collected, Received, World};
use serde_json::{Value, json};

use super::*;
use crate::golden::{counted, found, golden, labels, start, targets};

mod accounts;

const MINUTE: Duration = Duration::from_secs(60);
const ENTRY: &str = "{subscription_id: sub, tenant_id: ten, client_id: scout, client_secret: hunter2}";
const TOKEN: &str = r#"{"token_type": "Bearer", "expires_in": 3599, "access_token": "t0ken"}"#;

/// The URL of a list, of the subscription or of what is further in.
fn url(path: &str) -> String {
    format!("https://management.azure.com/subscriptions/sub/{path}")
}

fn machine(name: &str, more: Value) -> Value {
    let mut properties = json!({"networkProfile": {"networkInterfaces": [{"id": format!("/nics/{name}")}]}});
    properties
        .as_object_mut()
        .expect("an object")
        .extend(more.as_object().expect("an object").clone());
    json!({"id": format!("/subscriptions/sub/resourceGroups/g/x/{name}"), "properties": properties})
}

fn interface(name: &str, address: &str) -> Value {
    let configuration = json!({"properties": {"privateIPAddress": address}});
    json!({"id": format!("/NICS/{name}"), "properties": {"primary": true, "ipConfigurations": [configuration]}})
}

fn list(items: &[Value]) -> Answer {
    Answer::json(json!({"value": items}).to_string())
}

/// A subscription without anything.
fn world() -> World {
    let world = World::new();
    world
        .http
        .at("https://login.microsoftonline.com/")
        .then(Answer::json(TOKEN));
    for kind in [
        "Compute/virtualMachines",
        "Compute/virtualMachineScaleSets",
        "Network/networkInterfaces",
        "Network/publicIPAddresses",
    ] {
        world
            .http
            .at(&url(&format!("providers/Microsoft.{kind}?")))
            .then(list(&[]));
    }
    world
}

fn missing(received: &[Received]) -> Vec<String> {
    let update = received.iter().filter_map(Received::update).next_back();
    let missing = update.and_then(|update| update.missing());
    let parts = missing.into_iter().flat_map(|missing| missing.parts());
    parts.map(|part| format!("{}: {}", part.part, part.reason)).collect()
}

#[test]
fn targets_are_those_of_prometheus() {
    let golden = golden!("azure");
    let mut expected = golden.expected();
    // Newer ones than 2.42 leave the group's name as it is written.
    for targets in expected.values_mut() {
        *targets = std::mem::take(targets)
            .into_iter()
            .map(|mut labels| {
                let group = labels.get_mut("__meta_azure_machine_resource_group").expect("a group");
                *group = group.replace("db", "DB");
                labels
            })
            .collect();
    }
    assert_eq!(golden.found(), expected);
}

#[test]
fn interfaces_are_listed_and_only_those_elsewhere_are_asked_for() {
    let mut world = World::new();
    golden!("azure").serve(&world);
    let entry = ENTRY.replace('}', ", resource_group: web}");
    start::<AzureSd>(&mut world, &entry);
    world.settle();
    let sent = world.http.take_requests();
    let urls: Vec<&str> = sent.iter().map(|sent| sent.request.url.as_str()).collect();
    let group = url("resourceGroups/web/providers/");
    assert_eq!(
        urls,
        [
            "https://login.microsoftonline.com/ten/oauth2/v2.0/token".to_owned(),
            format!("{group}Microsoft.Compute/virtualMachineScaleSets?api-version=2024-03-01"),
            format!("{group}Microsoft.Compute/virtualMachines?api-version=2024-03-01"),
            format!("{group}Microsoft.Network/networkInterfaces?api-version=2023-05-01"),
            url(
                "resourceGroups/net/providers/Microsoft.Network/networkInterfaces/far-1?api-version=2023-05-01&$expand=IPConfigurations/PublicIPAddress"
            ),
            format!("{group}Microsoft.Network/publicIPAddresses?api-version=2023-05-01"),
        ]
    );
    assert!(
        sent[1..]
            .iter()
            .all(|sent| sent.header("authorization") == Some("Bearer t"))
    );
    assert_eq!((counted(&world, CACHE_HITS), counted(&world, SKIPPED)), (2.0, 0.0));
}

#[test]
fn what_is_missing_costs_a_label_and_what_has_no_address_is_skipped_and_counted() {
    let mut world = world();
    let machines = json!({"value": [
        {"properties": {"networkProfile": {"networkInterfaces": [null, {"id": "/nics/none"}]}, "osProfile": 7}},
        {"id": 5, "tags": {"a": null, "b": "c", "d": {}}, "properties": {"networkProfile": {"networkInterfaces": [{"id": "/nics/bare"}, {"id": "/nics/second"}, {"id": "/nics/a"}]}, "storageProfile": {"osDisk": null}}},
        {"id": "/x", "properties": {"networkProfile": {"networkInterfaces": [{"id": "/nics/off"}, {"id": "/nics/a"}]}}},
        {"id": "/x", "properties": {"networkProfile": {"networkInterfaces": [{"id": "/nics/empty"}]}}},
        {"id": "/x", "properties": {}}, {}, null, 7
    ]});
    world
        .http
        .at(&url("providers/Microsoft.Compute/virtualMachines?"))
        .now(Answer::json(machines.to_string()));
    let interfaces = json!({"value": [
        {"id": "/nics/bare"}, null, {"properties": {"primary": true}},
        {"id": "/nics/second", "properties": {"primary": false, "ipConfigurations": null}},
        {"id": "/nics/a", "properties": {"primary": true, "ipConfigurations": [null, {}, {"properties": {"privateIPAddress": "10.0.0.1", "publicIPAddress": {"id": "/ips/gone"}}}]}},
        {"id": "/nics/off", "properties": {"primary": null}},
        {"id": "/nics/empty", "properties": {"primary": true, "ipConfigurations": [{"properties": {}}]}}
    ]});
    world
        .http
        .at(&url("providers/Microsoft.Network/networkInterfaces?"))
        .now(Answer::json(interfaces.to_string()));
    world
        .http
        .at("https://management.azure.com/nics/none?")
        .then(Answer::new(404));
    start::<AzureSd>(&mut world, ENTRY);
    let only = labels(&[
        ("__address__", "10.0.0.1:80"),
        ("__meta_azure_machine_private_ip", "10.0.0.1"),
        ("__meta_azure_machine_tag_b", "c"),
        ("__meta_azure_subscription_id", "sub"),
        ("__meta_azure_tenant_id", "ten"),
    ]);
    assert_eq!(found(&mut world), BTreeSet::from([only]));
    assert_eq!(counted(&world, SKIPPED), 7.0);
}

#[test]
fn a_machine_of_a_flexible_scale_set_is_found_once() {
    let mut world = world();
    let set =
        json!({"id": "/subscriptions/sub/sets/flex", "name": "flex", "properties": {"orchestrationMode": "Flexible"}});
    world
        .http
        .at(&url("providers/Microsoft.Compute/virtualMachineScaleSets?"))
        .now(list(&[set]));
    let machine = machine(
        "a",
        json!({"virtualMachineScaleSet": {"id": "/subscriptions/sub/sets/flex"}}),
    );
    world
        .http
        .at(&url("providers/Microsoft.Compute/virtualMachines?"))
        .now(list(&[machine]));
    world
        .http
        .at(&url("providers/Microsoft.Network/networkInterfaces?"))
        .now(list(&[interface("a", "10.0.0.1")]));
    start::<AzureSd>(&mut world, ENTRY);
    let found = found(&mut world);
    let found: Vec<_> = found
        .iter()
        .map(|labels| labels["__meta_azure_machine_scale_set"].as_str())
        .collect();
    assert_eq!(found, ["flex"]);
}

#[test]
fn who_may_not_see_public_addresses_lacks_their_label() {
    let mut world = World::new();
    golden!("azure").serve(&world);
    world
        .http
        .at(&url("providers/Microsoft.Network/publicIPAddresses?"))
        .then(Answer::new(403));
    start::<AzureSd>(&mut world, ENTRY);
    let mut collected = Collected::default();
    collected.receive(&world.settle());
    assert_eq!(
        collected.addresses(),
        ["10.0.2.0:80", "10.0.2.1:80", "10.0.0.4:80", "10.0.0.6:80"]
    );
    let public = targets(&collected)
        .iter()
        .filter(|labels| labels.contains_key("__meta_azure_machine_public_ip"))
        .count();
    assert_eq!(public, 2, "those of the scale set");
}

/// The lists of the golden answers, and what of them is lost when they can't be had.
const LISTS: [(&str, &str); 5] = [
    ("providers/Microsoft.Compute/virtualMachines?", "machines of their own"),
    (
        "providers/Microsoft.Network/networkInterfaces?",
        "machines of their own",
    ),
    (
        "providers/Microsoft.Compute/virtualMachineScaleSets?",
        "the list of scale sets",
    ),
    (
        "resourceGroups/web/providers/Microsoft.Compute/virtualMachineScaleSets/pool/virtualMachines?",
        "scale set pool",
    ),
    (
        "resourceGroups/web/providers/Microsoft.Compute/virtualMachineScaleSets/pool/networkInterfaces?",
        "scale set pool",
    ),
];

#[test]
fn a_part_that_cannot_be_had_keeps_what_it_had_and_is_named() {
    let denied = r#"{"error": {"code": "AuthorizationFailed", "message": "The client has no right."}}"#;
    for (path, part) in LISTS {
        for (answer, expected) in [
            (
                Answer::new(403).body(denied),
                "AuthorizationFailed: The client has no right. (status 403)",
            ),
            (Answer::new(404), "status 404"),
            (Answer::new(429).header("retry-after", "40"), "status 429"),
            (Answer::new(500), "status 500"),
            (Answer::json("{}"), "missing field `value`"),
            (Answer::json(r#"{"value": null}"#), "invalid type: null"),
            (Answer::json(r#"{"value": [{"id""#), "EOF while parsing"),
            (Answer::json("<html>"), "expected value"),
            (
                Answer::json(r#"{"value": [], "nextLink": "https://evil.example/"}"#),
                "goes on at another server",
            ),
        ] {
            let mut world = World::new();
            golden!("azure").serve(&world);
            start::<AzureSd>(&mut world, ENTRY);
            let mut collected = Collected::default();
            collected.receive(&world.settle());
            let before = collected.clone();
            assert_eq!(
                before.sources(),
                ["virtualMachineScaleSets/web/pool", "virtualMachines"]
            );
            world.http.at(&url(path)).now(answer);
            let received = world.run_until_received(MINUTE * 20);
            collected.receive(&received);
            let missing = missing(&received);
            assert!(
                missing.len() == 1 && missing[0].starts_with(part) && missing[0].contains(expected),
                "{missing:?}"
            );
            assert!(
                !missing[0].contains("hunter2") && !missing[0].contains("t0ken"),
                "{missing:?}"
            );
            assert_eq!((&collected, counted(&world, FAILURES)), (&before, 1.0));
            assert!(
                !world
                    .http
                    .take_requests()
                    .iter()
                    .any(|sent| sent.request.url.contains("evil"))
            );
        }
    }
}

#[test]
fn scale_sets_that_are_gone_all_at_once_count_when_it_is_said_twice() {
    let mut world = World::new();
    golden!("azure").serve(&world);
    start::<AzureSd>(&mut world, ENTRY);
    let mut collected = Collected::default();
    collected.receive(&world.settle());
    world
        .http
        .at(&url("providers/Microsoft.Compute/virtualMachineScaleSets?"))
        .now(list(&[]));
    let received = world.run_until_received(MINUTE * 20);
    collected.receive(&received);
    let said = "the list of scale sets: virtualMachineScaleSets: there are none any more, of 1 before; that counts if the next answer is the same";
    assert_eq!(missing(&received), [said]);
    assert_eq!(collected.sources().len(), 2);
    collected.receive(&world.run_until_received(MINUTE * 20));
    assert_eq!(collected.sources(), ["virtualMachines"]);
}

#[test]
fn a_cloud_that_is_not_known_is_warned_of_and_fails() {
    let mut world = World::new();
    start::<AzureSd>(&mut world, &ENTRY.replace('}', ", environment: AzureMarsCloud}"));
    let received = world.settle();
    let said = received[0].failure().expect("a failure");
    assert!(
        said.ends_with("environment: there is no cloud of the name \"AzureMarsCloud\""),
        "{said}"
    );
}
