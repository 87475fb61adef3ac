use std::time::Duration;

use headcount_discoverer::testing::{Answer, Collected, Received, SentRequest, World};
use serde_json::{Value, json};

use super::*;
use crate::golden::{Labels, counted, labels, start, targets};

const MINUTE: Duration = Duration::from_secs(60);
const ENTRY: &str = "{servers: ['https://pve1.example:8006'], token_id: 'scout@pve!hc', token_secret: hunter2}";
const API: &str = "https://pve1.example:8006/api2/json/";

fn data(data: &Value) -> Answer {
    Answer::json(json!({ "data": data }).to_string())
}

/// <https://pve.proxmox.com/pve-docs/api-viewer/index.html#/cluster/resources>
fn resource(kind: &str, vmid: u32, node: &str, status: &str) -> Value {
    json!({
        "id": format!("{kind}/{vmid}"), "type": kind, "vmid": vmid, "name": format!("guest-{vmid}"), "node": node, "status": status,
        "template": 0, "maxcpu": 2, "maxmem": 4_294_967_296_u64, "cpu": 0.1, "uptime": 100,
    })
}

fn list(world: &World, guests: &[Value]) {
    world
        .http
        .at(&format!("{API}cluster/resources"))
        .now(data(&json!(guests)));
}

/// A cluster with a machine that says its address on one node, and a container with a fixed one on another.
fn world() -> World {
    let world = World::new();
    list(
        &world,
        &[
            resource("qemu", 100, "pve1", "running"),
            resource("lxc", 101, "pve2", "running"),
        ],
    );
    at(
        &world,
        "nodes/pve1/qemu/100/config",
        &json!({"agent": "1", "net0": "virtio=BC:24:11:00:00:01,bridge=vmbr0"}),
    );
    agent(
        &world,
        &json!([{"name": "eth0", "hardware-address": "bc:24:11:00:00:01", "ip-addresses": [{"ip-address": "10.0.0.100"}]}]),
    );
    at(
        &world,
        "nodes/pve2/lxc/101/config",
        &json!({"net0": "name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:00:02,ip=10.0.0.101/24"}),
    );
    at(&world, "nodes/pve2/lxc/101/interfaces", &json!([]));
    world
}

fn at(world: &World, path: &str, answer: &Value) {
    world.http.at(&format!("{API}{path}")).now(data(answer));
}

/// <https://pve.proxmox.com/pve-docs/api-viewer/index.html#/nodes/{node}/qemu/{vmid}/agent/network-get-interfaces>
fn agent(world: &World, interfaces: &Value) {
    at(
        world,
        "nodes/pve1/qemu/100/agent/network-get-interfaces",
        &json!({ "result": interfaces }),
    );
}

fn missing(received: &[Received]) -> Vec<String> {
    let update = received.iter().filter_map(Received::update).next_back();
    let missing = update.and_then(|update| update.missing());
    let parts = missing.into_iter().flat_map(|missing| missing.parts());
    parts.map(|part| format!("{}: {}", part.part, part.reason)).collect()
}

fn only(world: &mut World) -> Labels {
    let mut collected = Collected::default();
    collected.receive(&world.run_until_received(MINUTE));
    let mut found = targets(&collected);
    assert_eq!(found.len(), 1, "{found:?}");
    found.pop_first().expect("a target")
}

#[test]
fn a_machine_is_where_its_agent_says_on_its_own_interfaces() {
    let mut world = World::new();
    let mut machine = resource("qemu", 100, "pve1", "running");
    machine["tags"] = json!("prod;web");
    machine["pool"] = json!("shop");
    let mut template = resource("qemu", 9000, "pve1", "stopped");
    template["template"] = json!(1);
    list(&world, &[machine, template, json!({"type": "storage", "node": "pve1"})]);
    let config = json!({
        "agent": "enabled=1,fstrim_cloned_disks=1", "ostype": "l26", "net0": "virtio=BC:24:11:00:00:01,bridge=vmbr0",
        "net1": "virtio=BC:24:11:00:00:02,bridge=vmbr1", "ipconfig0": "ip=10.0.0.99/24", "cores": 2, "onboot": 1,
    });
    at(&world, "nodes/pve1/qemu/100/config", &config);
    let address = |address: &str, family: &str| json!({"ip-address": address, "ip-address-type": family, "prefix": 24});
    agent(
        &world,
        &json!([
            {"name": "lo", "hardware-address": "00:00:00:00:00:00", "ip-addresses": [address("127.0.0.1", "ipv4"), address("::1", "ipv6")]},
            {"name": "docker0", "hardware-address": "02:42:0a:00:00:01", "ip-addresses": [address("172.17.0.1", "ipv4")]},
            {"name": "ens19", "hardware-address": "bc:24:11:00:00:02", "ip-addresses": [address("192.168.7.5", "ipv4")]},
            {"name": "ens18", "hardware-address": "bc:24:11:00:00:01", "ip-addresses": [
                address("fe80::be24:11ff:fe00:1", "ipv6"), address("2001:db8::100", "ipv6"), address("10.0.0.100", "ipv4"), address("10.0.0.200", "ipv4"),
            ], "statistics": {"rx-bytes": 1}},
            {"name": "wg0"},
        ]),
    );
    start::<ProxmoxSd>(&mut world, ENTRY);
    let expected = labels(&[
        ("__address__", "10.0.0.100:80"),
        ("__meta_proxmox_cpus", "2"),
        ("__meta_proxmox_interface_ipv4_ens18", "10.0.0.100"),
        ("__meta_proxmox_interface_ipv4_ens19", "192.168.7.5"),
        ("__meta_proxmox_interface_ipv6_ens18", "2001:db8::100"),
        ("__meta_proxmox_ipv4", "10.0.0.100"),
        ("__meta_proxmox_ipv4_addresses", ",10.0.0.100,10.0.0.200,192.168.7.5,"),
        ("__meta_proxmox_ipv6", "2001:db8::100"),
        ("__meta_proxmox_ipv6_addresses", ",2001:db8::100,"),
        ("__meta_proxmox_memory_bytes", "4294967296"),
        ("__meta_proxmox_name", "guest-100"),
        ("__meta_proxmox_node", "pve1"),
        ("__meta_proxmox_os_type", "l26"),
        ("__meta_proxmox_pool", "shop"),
        ("__meta_proxmox_status", "running"),
        ("__meta_proxmox_tags", ",prod,web,"),
        ("__meta_proxmox_type", "qemu"),
        ("__meta_proxmox_vmid", "100"),
    ]);
    assert_eq!(only(&mut world), expected);
    assert_eq!(counted(&world, SKIPPED), 0.0);
    let sent = world.http.take_requests();
    let urls: Vec<&str> = sent.iter().map(|sent| sent.request.url.as_str()).collect();
    let at = |path: &str| format!("{API}{path}");
    assert_eq!(
        urls,
        [
            at("cluster/resources?type=vm"),
            at("nodes/pve1/qemu/100/config"),
            at("nodes/pve1/qemu/100/agent/network-get-interfaces")
        ]
    );
    let token = |sent: &SentRequest| sent.header("authorization") == Some("PVEAPIToken=scout@pve!hc=hunter2");
    assert!(sent.iter().all(token));
}

/// <https://pve.proxmox.com/pve-docs/api-viewer/index.html#/nodes/{node}/lxc/{vmid}/interfaces>
#[test]
fn a_container_is_where_its_node_says_or_where_it_is_set_to_be() {
    let mut world = World::new();
    list(&world, &[resource("lxc", 101, "pve2", "running")]);
    let config = json!({"hostname": "proxy", "ostype": "debian", "net0": "name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:00:02,ip=dhcp,ip6=auto,type=veth"});
    at(&world, "nodes/pve2/lxc/101/config", &config);
    let interfaces = json!([
        {"name": "lo", "hwaddr": "00:00:00:00:00:00", "inet": "127.0.0.1/8", "inet6": "::1/128"},
        {"name": "eth0", "hwaddr": "bc:24:11:00:00:02", "inet": "10.0.0.101/24", "inet6": "2001:db8::101/64"},
    ]);
    at(&world, "nodes/pve2/lxc/101/interfaces", &interfaces);
    start::<ProxmoxSd>(&mut world, &ENTRY.replace('}', ", port: 9100}"));
    let found = only(&mut world);
    let label = |name: &str| found.get(name).map(String::as_str);
    assert_eq!(label("__address__"), Some("10.0.0.101:9100"));
    assert_eq!(label("__meta_proxmox_ipv6"), Some("2001:db8::101"));
    assert_eq!(label("__meta_proxmox_hostname"), Some("proxy"));
    // One that does not run is asked nothing.
    let mut world = super::tests::world();
    list(&world, &[resource("lxc", 101, "pve2", "stopped")]);
    start::<ProxmoxSd>(&mut world, ENTRY);
    let found = only(&mut world);
    assert_eq!(
        (found["__address__"].as_str(), found["__meta_proxmox_status"].as_str()),
        ("10.0.0.101:80", "stopped")
    );
    assert_eq!(world.http.take_requests().len(), 2);
}

#[test]
fn what_is_missing_costs_a_label_and_what_has_no_address_is_skipped_and_counted() {
    let mut world = world();
    list(
        &world,
        &[
            json!({"type": "qemu", "vmid": "100", "node": "pve1", "status": "running", "name": null, "tags": 5}),
            json!({"type": "qemu", "vmid": 105, "node": "pve1", "status": "running"}),
            json!({"type": "qemu", "vmid": 106, "node": "pve1", "status": "stopped"}),
            Value::Null,
            json!(7),
            json!({}),
        ],
    );
    at(&world, "nodes/pve1/qemu/105/config", &json!({"net0": 7, "agent": null}));
    world
        .http
        .at(&format!("{API}nodes/pve1/qemu/106/config"))
        .then(Answer::new(500));
    agent(
        &world,
        &json!([null, {}, {"name": "eth0", "ip-addresses": [null, {"ip-address": 5}, {"ip-address": "10.0.0.100"}]}]),
    );
    start::<ProxmoxSd>(&mut world, ENTRY);
    let found = only(&mut world);
    let expected = labels(&[
        ("__address__", "10.0.0.100:80"),
        ("__meta_proxmox_interface_ipv4_eth0", "10.0.0.100"),
        ("__meta_proxmox_ipv4", "10.0.0.100"),
        ("__meta_proxmox_ipv4_addresses", ",10.0.0.100,"),
        ("__meta_proxmox_node", "pve1"),
        ("__meta_proxmox_status", "running"),
        ("__meta_proxmox_type", "qemu"),
        ("__meta_proxmox_vmid", "100"),
    ]);
    assert_eq!(found, expected);
    assert_eq!((counted(&world, SKIPPED), counted(&world, AGENT_FAILURES)), (5.0, 0.0));
}

#[test]
fn what_an_agent_said_counts_while_it_does_not_answer_and_it_is_asked_less() {
    let mut world = world();
    start::<ProxmoxSd>(&mut world, ENTRY);
    let mut collected = Collected::default();
    collected.receive(&world.settle());
    assert_eq!(collected.addresses(), ["10.0.0.100:80", "10.0.0.101:80"]);
    let path = format!("{API}nodes/pve1/qemu/100/agent");
    world
        .http
        .at(&format!("{path}/network-get-interfaces"))
        .now(Answer::new(500).body(r#"{"data": null, "message": "QEMU guest agent is not running\n"}"#));
    world.http.take_requests();
    let received = world.run_for(MINUTE * 60);
    collected.receive(&received);
    assert_eq!(collected.addresses(), ["10.0.0.100:80", "10.0.0.101:80"]);
    assert!(received.iter().all(|received| received.failure().is_none()));
    let failures = counted(&world, AGENT_FAILURES);
    assert!((7.0..=12.0).contains(&failures), "{failures}");
    // It has another address when it is back.
    agent(
        &world,
        &json!([{"name": "eth0", "ip-addresses": [{"ip-address": "10.0.0.200"}]}]),
    );
    collected.receive(&world.run_for(MINUTE * 12));
    assert_eq!(collected.addresses(), ["10.0.0.200:80", "10.0.0.101:80"]);
}

#[test]
fn what_was_set_for_a_guest_counts_while_it_cannot_be_read() {
    let mut world = world();
    start::<ProxmoxSd>(&mut world, ENTRY);
    let mut collected = Collected::default();
    collected.receive(&world.settle());
    let before = collected.addresses().join(" ");
    assert_eq!(before, "10.0.0.100:80 10.0.0.101:80");
    for wrong in [
        Answer::new(500),
        Answer::json(r#"{"data": {"agent""#),
        Answer::json("<html>"),
    ] {
        for guest in ["pve1/qemu/100", "pve2/lxc/101"] {
            world.http.at(&format!("{API}nodes/{guest}/config")).now(wrong.clone());
        }
        collected.receive(&world.run_for(MINUTE * 2));
        assert_eq!(collected.addresses().join(" "), before);
    }
}

#[test]
fn a_node_that_cannot_be_reached_keeps_what_it_had_and_is_named() {
    for (answer, expected) in [
        (Answer::new(595), "status 595"),
        (Answer::new(599), "status 599"),
        (Answer::hangs(), "no whole answer within"),
    ] {
        let mut world = world();
        start::<ProxmoxSd>(&mut world, ENTRY);
        let mut collected = Collected::default();
        collected.receive(&world.settle());
        let before = collected.clone();
        assert_eq!(before.sources(), ["pve1", "pve2"]);
        world.http.at(&format!("{API}nodes/pve2/lxc/101/config")).now(answer);
        let received = world.run_until_received(MINUTE * 4);
        collected.receive(&received);
        let missing = missing(&received);
        assert!(
            missing.len() == 1
                && missing[0].starts_with("node pve2: https://pve1.example:8006/")
                && missing[0].contains(expected),
            "{missing:?}"
        );
        assert_eq!(collected, before);
    }
    // The cluster says it itself.
    let mut world = world();
    start::<ProxmoxSd>(&mut world, ENTRY);
    let mut collected = Collected::default();
    collected.receive(&world.settle());
    list(
        &world,
        &[
            resource("qemu", 100, "pve1", "running"),
            resource("lxc", 101, "pve2", "unknown"),
        ],
    );
    let received = world.run_until_received(MINUTE * 4);
    collected.receive(&received);
    assert_eq!(
        missing(&received),
        ["node pve2: https://pve1.example:8006: the cluster does not hear of this node"]
    );
    assert_eq!(collected.addresses(), ["10.0.0.100:80", "10.0.0.101:80"]);
}

#[test]
fn a_list_that_cannot_be_had_is_a_failure_and_all_targets_stay() {
    for (answer, expected) in [
        (
            Answer::new(401),
            "the server does not take this token (status 401); are token_id and token_secret right?",
        ),
        (
            Answer::new(403).body(r#"{"message": "Permission check failed", "data": null}"#),
            "Permission check failed (status 403)",
        ),
        (Answer::new(500), "status 500"),
        (Answer::json("{}"), "missing field `data`"),
        (Answer::json(r#"{"data": null}"#), "invalid type: null"),
        (Answer::json("<html>"), "expected value"),
        (
            data(&json!([])),
            "there are no guests any more, of 2 before; that counts if the next answer is the same",
        ),
    ] {
        let mut world = world();
        start::<ProxmoxSd>(&mut world, ENTRY);
        let mut collected = Collected::default();
        collected.receive(&world.settle());
        let before = collected.clone();
        world.http.at(&format!("{API}cluster/resources")).now(answer);
        let received = world.run_until_received(MINUTE * 4);
        collected.receive(&received);
        let said = received[0].failure().expect("a failure");
        assert!(
            said.starts_with("listing the guests of Proxmox VE https://") && said.contains(expected),
            "{said}"
        );
        assert!(!said.contains("hunter2"), "{said}");
        assert_eq!(collected, before);
    }
    let mut world = world();
    start::<ProxmoxSd>(&mut world, ENTRY);
    let mut collected = Collected::default();
    collected.receive(&world.settle());
    list(&world, &[]);
    collected.receive(&world.run_for(MINUTE * 3));
    assert_eq!(collected.addresses(), Vec::<&str>::new());
}

#[test]
fn another_member_of_the_cluster_is_asked_when_one_does_not_answer() {
    let mut world = world();
    let entry = ENTRY.replace("['", "['https://down.example:8006', '");
    world.http.at("https://down.example:8006/").then(Answer::new(503));
    start::<ProxmoxSd>(&mut world, &entry);
    let mut collected = Collected::default();
    collected.receive(&world.run_until_received(MINUTE));
    assert_eq!(targets(&collected).len(), 2);
    // The one that answered is asked first from then on.
    world.http.take_requests();
    world.run_until_received(MINUTE * 2);
    let sent = world.http.take_requests();
    assert!(!sent.is_empty() && sent.iter().all(|sent| sent.request.url.starts_with(API)));
}

#[test]
fn a_secret_in_a_file_is_read_each_time() {
    let mut world = world();
    let entry = ENTRY.replace("token_secret: hunter2", "token_secret_file: pve.token");
    start::<ProxmoxSd>(&mut world, &entry);
    let received = world.settle();
    assert!(
        received[0]
            .failure()
            .is_some_and(|said| said.contains("/etc/pve.token: no such file")),
        "{received:?}"
    );
    world.files.write("/etc/pve.token", "one\n");
    world.run_for(MINUTE * 2);
    world.files.write("/etc/pve.token", "two");
    world.run_for(MINUTE * 2);
    let sent = world.http.take_requests();
    let tokens: BTreeSet<&str> = sent.iter().filter_map(|sent| sent.header("authorization")).collect();
    assert_eq!(
        tokens.into_iter().collect::<Vec<_>>(),
        ["PVEAPIToken=scout@pve!hc=one", "PVEAPIToken=scout@pve!hc=two"]
    );
}
