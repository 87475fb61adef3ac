use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

use headcount_discoverer::testing::{Answer, Collected, World};
use serde_json::{Value, json};

use super::*;
use crate::golden::{counted, found, labels, start};

const MINUTE: Duration = Duration::from_secs(60);
const URL: &str = "https://api.eu-west-2.outscale.com/api/v1/ReadVms";
const ENTRY: &str = "{access_key: ACCESS, secret_key: hunter2}";

/// The answer to `ReadVms` of the API's documentation (<https://docs.outscale.com/api#readvms>), as far as it matters here.
fn vms() -> Value {
    json!([
        {
            "VmId": "i-12345678", "VmType": "tinav5.c1r1p2", "State": "running", "IsSourceDestChecked": true,
            "PrivateIp": "10.0.0.4", "PublicIp": "192.0.2.4", "Performance": "high",
            "Placement": {"Tenancy": "default", "SubregionName": "eu-west-2a"},
            "Tags": [{"Key": "Name", "Value": "web"}, {"Key": "osc.fcu/größe", "Value": "5"}, {"Key": "empty", "Value": ""},
                     {"Key": "a-b", "Value": "first"}, {"Key": "a.b", "Value": "last"}],
            "Nics": [], "BlockDeviceMappings": [],
        },
        {"VmId": "i-87654321", "State": "stopped", "PublicIp": "192.0.2.5"},
        {"VmId": "i-00000000", "State": "terminated"},
    ])
}

/// By Prometheus's documentation and source: no package of a Prometheus that knows this mechanism is at hand.
#[test]
fn each_vm_with_an_address_is_a_target() {
    let mut world = World::new();
    world.http.at(URL).then(Answer::json(
        json!({"ResponseContext": {"RequestId": "1"}, "Vms": vms()}).to_string(),
    ));
    start::<OutscaleSd>(&mut world, "{access_key: a, secret_key: hunter2, port: 9100}");
    let web = labels(&[
        ("__address__", "10.0.0.4:9100"),
        ("__meta_outscale_vm_instance_id", "i-12345678"),
        ("__meta_outscale_vm_private_ip", "10.0.0.4"),
        ("__meta_outscale_vm_public_ip", "192.0.2.4"),
        ("__meta_outscale_vm_region", "eu-west-2"),
        ("__meta_outscale_vm_state", "running"),
        ("__meta_outscale_vm_subregion", "eu-west-2a"),
        ("__meta_outscale_vm_tag_Name", "web"),
        ("__meta_outscale_vm_tag_a_b", "last"),
        ("__meta_outscale_vm_tag_osc_fcu_gr__e", "5"),
    ]);
    let stopped = labels(&[
        ("__address__", "192.0.2.5:9100"),
        ("__meta_outscale_vm_instance_id", "i-87654321"),
        ("__meta_outscale_vm_public_ip", "192.0.2.5"),
        ("__meta_outscale_vm_region", "eu-west-2"),
        ("__meta_outscale_vm_state", "stopped"),
    ]);
    let mut collected = Collected::default();
    collected.receive(&world.settle());
    assert_eq!(collected.sources(), ["eu-west-2"]);
    assert_eq!(crate::golden::targets(&collected), BTreeSet::from([web, stopped]));
    assert_eq!(counted(&world, SKIPPED), 1.0);
}

#[test]
fn what_is_missing_costs_a_label() {
    let mut world = World::new();
    let vms = json!([
        {"VmId": 5, "PrivateIp": "fd00::1", "Placement": null, "Tags": [null, {"Value": "v"}, {"Key": "k", "Value": 1}]},
        {"PrivateIp": "", "PublicIp": null}, {}, null, [],
    ]);
    world.http.at(URL).then(Answer::json(json!({ "Vms": vms }).to_string()));
    start::<OutscaleSd>(&mut world, ENTRY);
    let only = labels(&[
        ("__address__", "[fd00::1]:80"),
        ("__meta_outscale_vm_private_ip", "fd00::1"),
        ("__meta_outscale_vm_region", "eu-west-2"),
    ]);
    assert_eq!(
        (found(&mut world), counted(&world, SKIPPED)),
        (BTreeSet::from([only]), 4.0)
    );
}

/// Signed as <https://docs.outscale.com/en/userguide/Signature-of-API-Requests.html> says; `sigv4` has the examples.
#[test]
fn each_page_is_signed_for_the_region() {
    let mut world = World::new();
    world.files.write("/etc/key", "hunter2\n");
    let url = "https://api.us-east-2.outscale.com/api/v1/ReadVms";
    let bodies = Arc::new(Mutex::new(Vec::new()));
    let noted = bodies.clone();
    world.http.serve(url, move |request| {
        let body: Value = serde_json::from_slice(&request.body).expect("JSON");
        let answer = match body.get("NextPageToken") {
            None => json!({"Vms": [{"PrivateIp": "10.0.0.1"}], "NextPageToken": "t=1"}),
            Some(_) => json!({"Vms": [{"PrivateIp": "10.0.0.2"}], "NextPageToken": ""}),
        };
        noted.lock().expect("nobody panics").push(body);
        Answer::json(answer.to_string())
    });
    start::<OutscaleSd>(
        &mut world,
        "{access_key: ACCESS, secret_key_file: key, region: us-east-2}",
    );
    assert_eq!(found(&mut world).len(), 2);
    assert_eq!(
        *bodies.lock().expect("nobody panics"),
        [
            json!({"ResultsPerPage": 1000}),
            json!({"ResultsPerPage": 1000, "NextPageToken": "t=1"})
        ]
    );
    let sent = world.http.take_requests();
    for sent in &sent {
        let authorization = sent.header("authorization").expect("a signature");
        let scope = "AWS4-HMAC-SHA256 Credential=ACCESS/20260101/us-east-2/oapi/aws4_request, ";
        assert!(authorization.starts_with(scope), "{authorization}");
        assert!(authorization.contains("SignedHeaders=accept;content-type;host;x-amz-date"));
        assert!(!authorization.contains("hunter2"));
    }
    assert_ne!(sent[0].header("authorization"), sent[1].header("authorization"));
    // A key that is rotated is read when it is needed.
    let before = sent[0].header("authorization").map(str::to_owned);
    world.files.write("/etc/key", "other");
    world.run_for(MINUTE * 2);
    let sent = world.http.take_requests();
    assert_ne!(sent[0].header("authorization").map(str::to_owned), before);
    world.files.write("/etc/key", " ");
    let said = world.run_for(MINUTE * 2);
    let said = said[0].failure().expect("a failure");
    assert!(said.contains("the file of a secret is empty: /etc/key"), "{said}");
}

#[test]
fn a_page_that_cannot_be_had_is_a_failure_and_all_targets_stay() {
    for (answer, expected) in [
        (Answer::new(401), "status 401"),
        (Answer::new(429), "status 429"),
        (Answer::new(503).header("retry-after", "40"), "status 503"),
        (Answer::hangs(), "no whole answer within"),
        (Answer::json("{}"), "missing field `Vms`"),
        (Answer::json(r#"{"Vms": null}"#), "invalid type: null"),
        (
            Answer::json(r#"{"Errors": [{"Type": "AccessDenied"}]}"#),
            "missing field `Vms`",
        ),
        (Answer::json(r#"{"Vms": [{"VmId""#), "EOF while parsing"),
        (
            Answer::json(r#"{"Vms": [{}], "NextPageToken": "same"}"#),
            "comes a second time",
        ),
    ] {
        let mut world = World::new();
        world
            .http
            .at(URL)
            .then(Answer::json(json!({ "Vms": vms() }).to_string()));
        start::<OutscaleSd>(&mut world, ENTRY);
        let mut collected = Collected::default();
        collected.receive(&world.settle());
        let before = collected.clone();
        assert_eq!(before.addresses().len(), 2);
        world.http.at(URL).now(answer);
        let received = world.run_until_received(MINUTE * 4);
        collected.receive(&received);
        let said = received[0].failure().expect("a failure");
        assert!(
            said.starts_with(&format!("listing the VMs of Outscale {URL}: ")) && said.contains(expected),
            "{said}"
        );
        assert!(!said.contains("hunter2"), "{said}");
        assert_eq!(collected, before);
    }
}
