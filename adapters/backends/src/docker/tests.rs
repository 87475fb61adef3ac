use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use headcount_discoverer::mechanism::{Mechanism, Place};
use headcount_discoverer::testing::{Answer, Collected, Received, World};
use headcount_reader::{Proxy, Sink, read};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const MINUTE: Duration = Duration::from_secs(60);
const ENTRY: &str = "{host: 'http://docker.example'}";

fn settings(entry: &str) -> DockerSd {
    let sink = Sink::new(std::path::Path::new("a.yml").into());
    let document = read(&format!("[{entry}]"), &sink).expect("YAML");
    let root = document.root(&sink).expect("a list");
    let config = DockerSd::read_field(&root, &Place::new("/".as_ref())).pop();
    assert_eq!(sink.finish().problems, []);
    config.expect("an entry")
}

fn start(world: &mut World, entry: &str) {
    world.start(Arc::new(settings(entry)).discoverer());
}

/// An Engine that has these containers and networks.
fn engine(world: &World, containers: &Value, networks: &Value) {
    let base = "http://docker.example";
    let ping = Answer::new(200).header("api-version", "1.41").body("OK");
    world.http.at(&format!("{base}/_ping")).now(ping);
    let containers = Answer::json(containers.to_string());
    world.http.at(&format!("{base}/v1.41/containers/json")).now(containers);
    world
        .http
        .at(&format!("{base}/v1.41/networks"))
        .now(Answer::json(networks.to_string()));
}

type Labels = BTreeMap<String, String>;

fn targets(received: &[Received]) -> Vec<Labels> {
    let mut collected = Collected::default();
    collected.receive(received);
    assert!(collected.sources().iter().all(|source| *source == "Docker"));
    let group = collected.group("Docker");
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    group
        .into_iter()
        .flat_map(|group| {
            group
                .targets()
                .map(|target| target.iter().map(owned).collect())
                .collect::<Vec<_>>()
        })
        .collect()
}

/// What is found of these containers.
fn found(entry: &str, containers: Value, networks: Value) -> (Vec<Labels>, f64) {
    let mut world = World::new();
    engine(&world, &containers, &networks);
    start(&mut world, entry);
    let targets = targets(&world.settle());
    (targets, skipped(&world))
}

fn skipped(world: &World) -> f64 {
    let families = world.metrics.read();
    let family = families.iter().find(|(definition, _)| *definition == SKIPPED);
    family.map_or(-1.0, |(_, samples)| samples[0].value)
}

fn addresses(targets: &[Labels]) -> Vec<&str> {
    targets.iter().map(|target| target["__address__"].as_str()).collect()
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn container(id: &str, mode: &str, networks: Value, ports: Value) -> Value {
    json!({
        "Id": id, "Names": [format!("/{id}")], "HostConfig": {"NetworkMode": mode},
        "NetworkSettings": {"Networks": networks}, "Ports": ports,
    })
}

#[test]
fn a_container_has_the_labels_that_prometheus_gives_it() {
    let container = json!({
        "Id": "c1", "Names": ["/web", "/other"], "Image": "web:1", "ImageID": "sha256:1", "Command": "run",
        "Labels": {"com.example.app": "web", "größe": "xl", "empty": "", "null": null},
        "HostConfig": {"NetworkMode": "front"},
        "NetworkSettings": {"Networks": {"front": {"NetworkID": "n1", "IPAddress": "10.0.0.2", "GlobalIPv6Address": ""}}},
        "Ports": [
            {"IP": "0.0.0.0", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"},
            {"PrivatePort": 443, "Type": "tcp"},
            {"PrivatePort": 53, "Type": "udp"},
        ],
    });
    let network = json!({
        "Id": "n1", "Name": "front", "Scope": "local", "Internal": false, "Ingress": true, "Labels": {"team.name": "shop"},
    });
    let (found, skipped) = found(ENTRY, json!([container]), json!([network, {"Id": "n2"}]));
    let common = [
        ("__meta_docker_container_id", "c1"),
        ("__meta_docker_container_image", "web:1"),
        ("__meta_docker_container_image_id", "sha256:1"),
        ("__meta_docker_container_label_com_example_app", "web"),
        ("__meta_docker_container_label_gr__e", "xl"),
        ("__meta_docker_container_name", "/web"),
        ("__meta_docker_container_network_mode", "front"),
        ("__meta_docker_network_id", "n1"),
        ("__meta_docker_network_ingress", "true"),
        ("__meta_docker_network_internal", "false"),
        ("__meta_docker_network_ip", "10.0.0.2"),
        ("__meta_docker_network_label_team_name", "shop"),
        ("__meta_docker_network_name", "front"),
        ("__meta_docker_network_scope", "local"),
    ];
    let mut secure = labels(&common);
    secure.extend(labels(&[
        ("__address__", "10.0.0.2:443"),
        ("__meta_docker_port_private", "443"),
    ]));
    let mut plain = labels(&common);
    plain.extend(labels(&[
        ("__address__", "10.0.0.2:80"),
        ("__meta_docker_port_private", "80"),
        ("__meta_docker_port_public", "8080"),
        ("__meta_docker_port_public_ip", "0.0.0.0"),
    ]));
    assert_eq!((found, skipped), (vec![secure, plain], 0.0));
}

#[test]
fn the_address_is_the_one_in_the_network() {
    let tcp = json!([{"PrivatePort": 80, "Type": "tcp"}]);
    let network = |ip: &str, ipv6: &str| json!({"NetworkID": "n", "IPAddress": ip, "GlobalIPv6Address": ipv6});
    let both = json!({"b": network("10.0.0.2", ""), "a": null, "aa": network("", "FD00::2"), "c": network("10.0.0.4", "fd00::4")});
    let containers = json!([
        container("several", "b", both, tcp.clone()),
        container("without", "b", json!({"b": network("10.0.0.3", "")}), json!([{"PrivatePort": 53, "Type": "udp"}])),
        container("host", "host", json!({"host": network("", "")}), json!([])),
        container("none", "none", json!({"none": network("", "")}), tcp.clone()),
        container("wrong", "b", json!({"b": network("10.0.0.256", "")}), tcp.clone()),
        container("nothing", "b", json!({}), tcp.clone()),
        {"Id": "leaving", "NetworkSettings": {"Networks": {"b": network("10.0.0.9", "")}}},
    ]);
    let (first, skipped) = found(ENTRY, containers.clone(), json!([]));
    assert_eq!(addresses(&first), ["10.0.0.3:80", "[fd00::2]:80", "localhost"]);
    assert_eq!(skipped, 4.0);
    let entry = "{host: 'http://docker.example', port: 9100, host_networking_host: h, match_first_network: false}";
    let (all, _) = found(entry, containers, json!([]));
    let expected = ["10.0.0.2:80", "10.0.0.3:9100", "10.0.0.4:80", "[fd00::2]:80", "h"];
    assert_eq!(addresses(&all), expected);
}

#[test]
fn networks_can_be_borrowed_and_nobody_goes_round_in_circles() {
    let tcp = |port: u16| json!([{"PrivatePort": port, "Type": "tcp"}]);
    let network = json!({"b": {"NetworkID": "n", "IPAddress": "10.0.0.2"}});
    let containers = json!([
        container("a", "container:b", json!({}), tcp(1)),
        container("b", "container:c", json!({}), tcp(2)),
        container("c", "b", network, tcp(3)),
        container("x", "container:y", json!({}), tcp(4)),
        container("y", "container:x", json!({}), tcp(5)),
        container("z", "container:gone", json!({}), tcp(6)),
        container("self", "container:self", json!({}), tcp(7)),
    ]);
    let (found, skipped) = found(ENTRY, containers, json!([]));
    assert_eq!(addresses(&found), ["10.0.0.2:1", "10.0.0.2:2", "10.0.0.2:3"]);
    assert_eq!(found[0]["__meta_docker_container_network_mode"], "container:b");
    assert_eq!(skipped, 4.0);
}

#[test]
fn what_makes_no_sense_is_left_out_and_what_is_absent_costs_a_label() {
    let network = json!({"b": {"NetworkID": "n", "IPAddress": "10.0.0.2"}});
    let containers = json!([
        {"Names": ["/bare"], "NetworkSettings": {"Networks": {"b": {"IPAddress": "10.0.0.3"}}}},
        {"Id": null, "Names": ["/nulls"], "Image": null, "Labels": null, "Ports": null, "HostConfig": null,
         "NetworkSettings": {"Networks": {"b": {"IPAddress": "10.0.0.4", "NetworkID": null}}}},
        container("large", "b", network.clone(), json!([{"PrivatePort": 65536, "Type": "tcp"}])),
        container("text", "b", network.clone(), json!("80")),
        {"Id": 5}, "c", null, [],
    ]);
    let (found, skipped) = found(ENTRY, containers, json!([{"Id": "n", "Labels": []}, {"Id": "m"}]));
    let bare = |name: &str, address: &str, ip: &str| {
        labels(&[
            ("__address__", address),
            ("__meta_docker_container_name", name),
            ("__meta_docker_network_ip", ip),
        ])
    };
    assert_eq!(
        found,
        [
            bare("/bare", "10.0.0.3:80", "10.0.0.3"),
            bare("/nulls", "10.0.0.4:80", "10.0.0.4")
        ]
    );
    assert_eq!(skipped, 7.0);
}

#[test]
fn a_network_without_an_id_is_nobodys() {
    let containers = json!([container(
        "c",
        "b",
        json!({"b": {"NetworkID": "", "IPAddress": "10.0.0.2"}}),
        json!([])
    ),]);
    for nameless in [
        json!({"Name": "stray"}),
        json!({"Id": "", "Name": "stray"}),
        json!({"Id": null, "Name": "stray"}),
    ] {
        let (found, skipped) = found(ENTRY, containers.clone(), json!([nameless]));
        assert_eq!(addresses(&found), ["10.0.0.2:80"]);
        assert_eq!(found[0].get("__meta_docker_network_name"), None);
        assert_eq!(skipped, 1.0);
    }
}

fn one(ip: &str) -> Value {
    json!([container(
        "a",
        "b",
        json!({"b": {"NetworkID": "n", "IPAddress": ip}}),
        json!([])
    )])
}

#[test]
fn nothing_that_fails_takes_a_target_away() {
    let mut world = World::new();
    let containers = "http://docker.example/v1.41/containers/json";
    let networks = "http://docker.example/v1.41/networks";
    let ping = "http://docker.example/_ping";
    let wrong: [(&str, Answer, &str); 9] = [
        (
            ping,
            Answer::new(500),
            "_ping: the server answered with status 500, not 200",
        ),
        (
            containers,
            Answer::new(400).body(r#"{"message": "client version is too new"}"#),
            "the server answered with status 400: client version is too new",
        ),
        (containers, Answer::new(503).header("retry-after", "5"), "status 503"),
        (
            containers,
            Answer::json(r#"{"message": "no list"}"#),
            "expected a sequence",
        ),
        (containers, Answer::json(r#"[{"Id": "a"}, {"#), "EOF while parsing"),
        (containers, Answer::new(200).body("<html>"), "expected value"),
        (
            networks,
            Answer::new(401),
            "networks: the server answered with status 401, not 200",
        ),
        (networks, Answer::json("[{"), "EOF while parsing"),
        (containers, Answer::hangs(), "no whole answer within"),
    ];
    engine(&world, &one("10.0.0.1"), &json!([]));
    start(&mut world, ENTRY);
    let mut collected = Collected::default();
    collected.receive(&world.settle());
    for (url, answer, expected) in wrong {
        engine(&world, &one("10.0.0.9"), &json!([]));
        world.http.at(url).now(answer);
        let received = world.run_for(MINUTE * 3);
        let said: Vec<&str> = received.iter().filter_map(Received::failure).collect();
        assert!(
            said.first().is_some_and(|said| said.contains(expected)),
            "{said:?} does not say {expected:?}"
        );
        assert!(
            received.iter().all(|received| received.update().is_none()),
            "{expected}"
        );
        collected.receive(&received);
        assert_eq!(collected.addresses(), ["10.0.0.1:80"]);
    }
    engine(&world, &one("10.0.0.2"), &json!([]));
    collected.receive(&world.run_for(MINUTE * 3));
    assert_eq!(collected.addresses(), ["10.0.0.2:80"]);
    // That there is nothing any more is believed the second time.
    engine(&world, &json!([]), &json!([]));
    collected.receive(&world.run_until_received(MINUTE * 2));
    assert_eq!(collected.addresses(), ["10.0.0.2:80"]);
    collected.receive(&world.run_for(MINUTE * 2));
    assert_eq!(collected.addresses(), [""; 0]);
}

#[test]
fn an_engine_is_reached_as_the_entry_says() {
    let asked = |entry: &str| {
        let mut world = World::new();
        world.http.answer(200, &[("api-version", "1.24")], "[]");
        start(&mut world, entry);
        world.settle();
        world.http.take_requests()
    };
    let urls = |entry: &str| -> Vec<String> { asked(entry).into_iter().map(|sent| sent.request.url).collect() };
    assert_eq!(
        urls("{host: 'tcp://10.0.0.1:2375/behind/', filters: [{name: a, values: [b]}]}"),
        [
            "http://10.0.0.1:2375/behind/_ping",
            "http://10.0.0.1:2375/behind/v1.24/containers/json?filters=%7B%22a%22%3A%7B%22b%22%3Atrue%7D%7D",
            "http://10.0.0.1:2375/behind/v1.24/networks",
        ]
    );
    let sent = asked("{host: 'unix:///run/docker.sock', bearer_token: unused}");
    assert!(
        sent.iter()
            .all(|sent| sent.request.socket.as_deref() == Some("/run/docker.sock".as_ref()))
    );
    assert!(sent.iter().all(|sent| sent.settings == HttpClientSettings::default()));
    assert_eq!(sent[0].request.url, "http://localhost/_ping");
    let sent = asked("{host: 'tcp://a', bearer_token: unused}");
    assert!(sent.iter().all(|sent| sent.settings.authorization.is_none()));
    assert!(sent.iter().all(|sent| sent.settings.proxy.proxy == Proxy::Environment));
    let sent = asked("{host: 'https://a', bearer_token: used}");
    assert!(
        sent.iter()
            .all(|sent| sent.settings.authorization.is_some() && sent.request.socket.is_none())
    );
    assert!(
        sent[0]
            .header("user-agent")
            .is_some_and(|agent| agent.starts_with("headcount/"))
    );
}

#[test]
fn without_an_answer_about_versions_none_is_named() {
    let mut world = World::new();
    let base = "http://docker.example";
    world.http.at(&format!("{base}/_ping")).now(Answer::new(403));
    world
        .http
        .at(&format!("{base}/containers/json"))
        .now(Answer::json(one("10.0.0.1").to_string()));
    world.http.at(&format!("{base}/networks")).now(Answer::json("[]"));
    start(&mut world, ENTRY);
    assert_eq!(addresses(&targets(&world.settle())), ["10.0.0.1:80"]);
}

#[test]
fn settings_without_effect_are_warned_about() {
    let warnings = |entry: &str| {
        let sink = Sink::new(std::path::Path::new("a.yml").into());
        let document = read(&format!("[{entry}]"), &sink).expect("YAML");
        let root = document.root(&sink).expect("a list");
        drop(DockerSd::read_field(&root, &Place::new("/".as_ref())));
        sink.finish().warnings.len()
    };
    assert_eq!(
        warnings("{host: 'unix:///a', tls_config: {insecure_skip_verify: true}}"),
        1
    );
    assert_eq!(warnings("{host: 'tcp://a', basic_auth: {username: a}}"), 1);
    assert_eq!(warnings("{host: 'https://a', basic_auth: {username: a}}"), 0);
    assert_eq!(warnings("{host: 'unix:///a'}"), 0);
    assert_eq!(
        settings("{host: 'unix:///a', bearer_token: b}"),
        settings("{host: 'unix:///a'}")
    );
}

proptest! {
    /// Whatever is listed, there is no target without a host, and nobody goes round for ever.
    #[test]
    fn any_containers_are_answered(containers in prop::collection::vec((0..4_usize, 0..6_usize, 0..3_usize, 0..3_usize), 0..6)) {
        let modes = ["bridge", "host", "none", "container:0", "container:1", "container:2"];
        let ips = ["", "10.0.0.1", "fd00::1"];
        let list: Vec<Value> = containers
            .iter()
            .enumerate()
            .map(|(id, (networks, mode, ip, ports))| {
                let networks: serde_json::Map<String, Value> = (0..*networks)
                    .map(|number| (number.to_string(), json!({"IPAddress": ips[(ip + number) % 3]})))
                    .collect();
                let ports: Vec<Value> = (0..*ports).map(|port| json!({"PrivatePort": port, "Type": "tcp"})).collect();
                container(&id.to_string(), modes[*mode], networks.into(), ports.into())
            })
            .collect();
        let entry = "{host: 'http://docker.example', match_first_network: false}";
        let (found, _) = found(entry, list.into(), json!([]));
        prop_assert!(addresses(&found).iter().all(|address| !address.starts_with(':')));
    }
}
