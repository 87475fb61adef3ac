//! A whole headcount with `docker_sd_configs` and `dockerswarm_sd_configs`, and a real Docker Engine 20.10 with its swarm.
//!
//! Its labels are compared with those that promtool 2.42 finds at the same Engine, field by field. promtool scrapes
//! nothing, and the Engine has a network of its own. What came to Prometheus later, `match_first_network`, the labels of
//! images and networks that are borrowed, is compared with what is documented.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{
    Certificates, Docker, Folder, Headcount, Labels, check_service_discovery, prints_what_promtool_prints,
    require_docker, until,
};

/// A configuration with these jobs: a name, a mechanism, and what stands in its entry beside the Engine.
fn config(docker: &Docker, jobs: &[(&str, &str, &str)]) -> String {
    let host = docker.host();
    let jobs = jobs.iter().map(|(job, mechanism, entry)| {
        format!("- job_name: {job}\n  {mechanism}_sd_configs: [{{host: '{host}', refresh_interval: 1s{entry}}}]\n")
    });
    format!("scrape_configs:\n{}", jobs.collect::<String>())
}

/// What discovery alone says of each target that has a host, as far as promtool knows it; what has none is no target of
/// ours.
fn found(targets: impl Iterator<Item = Labels>) -> BTreeSet<Labels> {
    let is_later = |name: &str| name.starts_with("__meta_docker_container_image");
    let is_found = |name: &str, value: &str| {
        let is_of_it = name == "__address__" || name.starts_with("__meta_docker");
        is_of_it && !value.is_empty() && !is_later(name)
    };
    let borrows = |labels: &Labels| {
        let mode = labels.get("__meta_docker_container_network_mode");
        mode.is_some_and(|mode| mode.starts_with("container:"))
    };
    targets
        .filter(|labels| !labels["__address__"].starts_with(':') && !borrows(labels))
        .map(|labels| {
            labels
                .into_iter()
                .filter(|(name, value)| is_found(name, value))
                .collect()
        })
        .collect()
}

/// Waits until a job has what promtool finds for it, and gives how many targets that are.
fn compare(headcount: &Headcount, config: &Path, job: &str) -> usize {
    until(&format!("{job} has what promtool finds"), || {
        let expected = found(
            check_service_discovery(config, job)
                .into_iter()
                .map(|(discovered, _)| discovered),
        );
        let targets = found(headcount.list(job)?.into_iter());
        let (more, less): (Vec<_>, Vec<_>) = (
            targets.difference(&expected).collect(),
            expected.difference(&targets).collect(),
        );
        match more.is_empty() && less.is_empty() && !expected.is_empty() {
            true => Ok(expected.len()),
            false => Err(format!("only headcount: {more:#?}\nonly promtool: {less:#?}")),
        }
    })
}

fn in_network(network: &str) -> Value {
    json!({"HostConfig": {"NetworkMode": network}})
}

/// Containers in all sorts of networks.
fn fill(docker: &Docker) {
    for name in ["front", "back"] {
        docker.post(
            "/networks/create",
            &json!({"Name": name, "Labels": {"team.name": name}}),
        );
    }
    docker.run(
        "web",
        json!({
            "Labels": {"mine": "", "com.example.app": "web", "größe": "xl", "empty": ""},
            "ExposedPorts": {"80/tcp": {}, "443/tcp": {}, "53/udp": {}},
            "HostConfig": {"NetworkMode": "front", "PortBindings": {
                "80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}], "53/udp": [{"HostIp": "127.0.0.1", "HostPort": "5353"}],
            }},
        }),
    );
    docker.post("/networks/back/connect", &json!({"Container": "web"}));
    docker.run(
        "beside",
        json!({"Labels": {"mine": "", "com.example.app": "side"}, "HostConfig": {"NetworkMode": "container:web"}}),
    );
    docker.run(
        "further",
        json!({"Labels": {"mine": ""}, "HostConfig": {"NetworkMode": "container:beside"}}),
    );
    docker.run("bare", json!({"ExposedPorts": {"53/udp": {}}}));
    docker.run("hosts", in_network("host"));
    docker.run("alone", in_network("none"));
}

/// Makes it a swarm of one node, with services of several kinds.
fn swarm(docker: &Docker) {
    docker.post(
        "/swarm/init",
        &json!({"ListenAddr": "127.0.0.1:2377", "AdvertiseAddr": "127.0.0.1"}),
    );
    docker.post(
        "/networks/create",
        &json!({"Name": "over", "Driver": "overlay", "Labels": {"a.b": "c"}}),
    );
    let service = |name: &str, mode: Value, networks: Value, ports: Value| {
        let container = json!({
            "Image": "tiny", "Command": ["/bin/sleep", "3600"], "StopSignal": "SIGKILL", "Hostname": "h",
            "Labels": {"tier.name": "front"},
        });
        let service = json!({
            "Name": name, "Labels": {"team-name": "shop"}, "Mode": mode, "EndpointSpec": {"Ports": ports},
            "TaskTemplate": {"ContainerSpec": container, "Networks": networks},
        });
        docker.post("/services/create", &service);
    };
    let over = json!([{"Target": "over"}]);
    let ingress = json!([
        {"Name": "http", "Protocol": "tcp", "TargetPort": 80, "PublishedPort": 8081},
        {"Protocol": "udp", "TargetPort": 53, "PublishedPort": 5354},
    ]);
    let host = json!([{"Protocol": "tcp", "TargetPort": 80, "PublishedPort": 8082, "PublishMode": "host"}]);
    service("web", json!({"Replicated": {"Replicas": 2}}), over.clone(), ingress);
    service("hosted", json!({"Global": {}}), over.clone(), host);
    service("quiet", json!({"Replicated": {"Replicas": 1}}), over, json!([]));
    let node = docker.get("/nodes")[0].clone();
    let mut spec = node["Spec"].clone();
    spec["Labels"] = json!({"disk.kind": "ssd"});
    let (id, version) = (node["ID"].as_str().expect("an id"), &node["Version"]["Index"]);
    docker.post(&format!("/nodes/{id}/update?version={version}"), &spec);
    wait_for_tasks(docker, 4);
}

fn wait_for_tasks(docker: &Docker, count: usize) {
    until(&format!("{count} tasks run"), || {
        let tasks = docker.get("/tasks");
        let states: Vec<&str> = tasks
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|task| task["Status"]["State"].as_str())
            .collect();
        let running = states.iter().filter(|state| **state == "running").count();
        if running == count {
            Ok(())
        } else {
            Err(format!("{states:?}"))
        }
    });
}

#[test]
fn containers_and_a_swarm_have_the_labels_of_prometheus() {
    require_docker!();
    require!("promtool");
    let folder = Folder::new();
    let docker = Docker::start(&folder);
    fill(&docker);
    swarm(&docker);
    let running = "{name: desired-state, values: [running]}";
    let jobs = [
        (
            "containers",
            "docker",
            ", port: 9100, host_networking_host: here".to_owned(),
        ),
        (
            "labelled",
            "docker",
            ", filters: [{name: label, values: ['com.example.app=web']}]".to_owned(),
        ),
        ("nodes", "dockerswarm", ", role: nodes, port: 9323".to_owned()),
        ("services", "dockerswarm", ", role: services".to_owned()),
        ("tasks", "dockerswarm", format!(", role: tasks, filters: [{running}]")),
        (
            "some",
            "dockerswarm",
            format!(", role: tasks, filters: [{running}, {{name: service, values: [hosted]}}]"),
        ),
    ];
    let all = |later: &str| -> String {
        let jobs = jobs.iter().map(|(job, mechanism, entry)| {
            let later = if *mechanism == "docker" { later } else { "" };
            (*job, *mechanism, format!("{entry}{later}"))
        });
        let jobs: Vec<(&str, &str, String)> = jobs.collect();
        let jobs: Vec<(&str, &str, &str)> = jobs
            .iter()
            .map(|(job, mechanism, entry)| (*job, *mechanism, &**entry))
            .collect();
        config(&docker, &jobs)
    };
    let of_promtool = folder.write("promtool.yml", all(""));
    let later = [
        ("first", "docker", ", filters: [{name: label, values: [mine]}]"),
        (
            "orphan",
            "docker",
            ", filters: [{name: label, values: ['com.example.app=side']}]",
        ),
    ];
    let later = config(&docker, &later).replacen("scrape_configs:\n", "", 1);
    let ours = folder.write("prometheus.yml", all(", match_first_network: false") + &later);
    let headcount = Headcount::with_config(&folder, &ours);
    for (job, least) in [
        ("containers", 10),
        ("labelled", 4),
        ("nodes", 1),
        ("services", 4),
        ("tasks", 7),
        ("some", 2),
    ] {
        let targets = compare(&headcount, &of_promtool, job);
        assert!(targets >= least, "{job}: {targets}");
    }
    // The network that comes first by its name, and who has borrowed it, over one in between as well.
    let back = ["172.19.0.2:443", "172.19.0.2:80", "172.19.0.2:80", "172.19.0.2:80"];
    let targets = headcount.wait_for("first", &back);
    assert!(
        targets
            .iter()
            .all(|labels| labels["__meta_docker_container_image"] == "tiny"),
        "{targets:?}"
    );
    // Who has borrowed that of a container that was filtered out is nowhere.
    headcount.wait_for("orphan", &[]);
    check_examples(&folder, &docker);
}

/// As in the examples that Prometheus has for Docker and for a swarm: what has a label is scraped, and keeps others.
fn check_examples(folder: &Folder, docker: &Docker) {
    docker.run(
        "cadvisor",
        json!({"Labels": {"prometheus-job": "cadvisor", "prometheus-zone": "a"}, "ExposedPorts": {"8080/tcp": {}}}),
    );
    let container = json!({"Image": "tiny", "Command": ["/bin/sleep", "3600"], "StopSignal": "SIGKILL"});
    docker.post(
        "/services/create",
        &json!({
            "Name": "node", "Labels": {"prometheus-job": "node"}, "Mode": {"Global": {}},
            "EndpointSpec": {"Ports": [{"Protocol": "tcp", "TargetPort": 9100, "PublishedPort": 9100, "PublishMode": "host"}]},
            "TaskTemplate": {"ContainerSpec": container},
        }),
    );
    wait_for_tasks(docker, 5);
    let host = docker.host();
    let job = |job: &str, mechanism: &str, rest: &str, of: &str, more: &str| {
        format!(
            "- job_name: {job}\n  {mechanism}_sd_configs: [{{host: '{host}'{rest}}}]\n  relabel_configs:\n{more}  - \
             {{source_labels: [{of}_label_prometheus_job], regex: .+, action: keep}}\n  - {{regex: {of}_label_prometheus_(.+), \
             action: labelmap, replacement: $1}}\n"
        )
    };
    let running = "  - {source_labels: [__meta_dockerswarm_task_desired_state], regex: running, action: keep}\n";
    let text = format!(
        "scrape_configs:\n{}{}",
        job("docker-containers", "docker", "", "__meta_docker_container", ""),
        job(
            "dockerswarm",
            "dockerswarm",
            ", role: tasks",
            "__meta_dockerswarm_service",
            running
        ),
    );
    let path = folder.write("examples.yml", text);
    assert_eq!(prints_what_promtool_prints("promtool", &path, "docker-containers"), 1);
    assert_eq!(prints_what_promtool_prints("promtool", &path, "dockerswarm"), 1);
}

#[test]
fn containers_and_tasks_are_followed_as_they_come_change_and_go() {
    require_docker!();
    let folder = Folder::new();
    let mut docker = Docker::start(&folder);
    let jobs = [
        (
            "containers",
            "docker",
            ", filters: [{name: label, values: [mine]}], host_networking_host: here",
        ),
        (
            "tasks",
            "dockerswarm",
            ", role: tasks, filters: [{name: desired-state, values: [running]}]",
        ),
    ];
    let headcount = Headcount::with_config(&folder, &folder.write("prometheus.yml", config(&docker, &jobs)));
    headcount.wait_for("containers", &[]);
    headcount.wait_for_failure(
        "dockerswarm",
        &["/v1.41/tasks", "status 503: This node is not a swarm manager"],
    );
    let mine = |mode: &str| json!({"Labels": {"mine": ""}, "HostConfig": {"NetworkMode": mode}});
    docker.run("one", mine("bridge"));
    headcount.wait_for("containers", &["172.17.0.2:80"]);
    docker.run("two", mine("host"));
    headcount.wait_for("containers", &["172.17.0.2:80", "here"]);
    docker.remove("one");
    headcount.wait_for("containers", &["here"]);

    docker.post(
        "/swarm/init",
        &json!({"ListenAddr": "127.0.0.1:2377", "AdvertiseAddr": "127.0.0.1"}),
    );
    headcount.wait_for_health("dockerswarm");
    let port = json!([{"Protocol": "tcp", "TargetPort": 80, "PublishedPort": 8082, "PublishMode": "host"}]);
    let container = json!({"Image": "tiny", "Command": ["/bin/sleep", "3600"], "StopSignal": "SIGKILL"});
    let service = json!({"Name": "web", "TaskTemplate": {"ContainerSpec": container}, "EndpointSpec": {"Ports": port}});
    docker.post("/services/create", &service);
    // A port is published for both families of addresses, and is a target for each, as in Prometheus.
    let tasks = until("the task is found", || match headcount.list("tasks")? {
        targets if targets.is_empty() => Err("there is none".to_owned()),
        targets => Ok(targets),
    });
    assert!(
        tasks.iter().all(|labels| labels["__address__"] == "127.0.0.1:8082"),
        "{tasks:?}"
    );

    // It is away, and everything stays.
    docker.kill();
    headcount.wait_for_failure("docker", &["asking Docker for", "Connection refused"]);
    headcount.wait_for_failure("dockerswarm", &["asking the swarm for", "Connection refused"]);
    headcount.assert_not_less("containers", &["here"]);
    let addresses: Vec<&str> = tasks.iter().map(|labels| labels["__address__"].as_str()).collect();
    headcount.assert_not_less("tasks", &addresses);
    // Nothing of what ran does, when it is there again.
    docker.restart();
    headcount.wait_for("containers", &[]);
    docker.run("three", mine("host"));
    headcount.wait_for("containers", &["here"]);
    headcount.wait_for_health("docker");
}

/// What some labels of a job's targets are, each target's once.
fn labelled(headcount: &Headcount, job: &str, names: &[&str]) -> Result<BTreeSet<String>, String> {
    let of_target = |labels: &Labels| {
        let values = names
            .iter()
            .map(|name| labels.get(&format!("__meta_dockerswarm_{name}")));
        values
            .map(|value| value.map_or("-", String::as_str))
            .collect::<Vec<_>>()
            .join(" ")
    };
    Ok(headcount.list(job)?.iter().map(of_target).collect())
}

/// Waits until the targets of a job have these labels.
#[track_caller]
fn wait_for_labels(headcount: &Headcount, job: &str, names: &[&str], expected: &[&str]) {
    let expected: BTreeSet<String> = expected.iter().map(|text| (*text).to_owned()).collect();
    until(&format!("{job} has {expected:?}"), || {
        match labelled(headcount, job, names)? {
            found if found == expected => Ok(()),
            found => Err(format!("{found:?}")),
        }
    });
}

#[test]
fn services_and_nodes_are_followed_as_they_come_change_and_go() {
    require_docker!();
    let folder = Folder::new();
    let mut docker = Docker::start(&folder);
    let begin = json!({"ListenAddr": "127.0.0.1:2377", "AdvertiseAddr": "127.0.0.1"});
    docker.post("/swarm/init", &begin);
    // One of each, because providers are asked for by their mechanism.
    let follow = |job: &str, entry: &str| {
        let text = config(&docker, &[(job, "dockerswarm", entry)]);
        Headcount::with_config(&folder, &folder.write(&format!("{job}.yml"), text))
    };
    let (services, nodes) = (
        follow("services", ", role: services"),
        follow("nodes", ", role: nodes, port: 9323"),
    );
    let (of_service, of_node) = (
        ["service_name", "service_label_tier"],
        ["node_availability", "node_label_disk"],
    );
    wait_for_labels(&services, "services", &of_service, &[]);
    wait_for_labels(&nodes, "nodes", &of_node, &["active -"]);
    nodes.wait_for("nodes", &["127.0.0.1:9323"]);

    let network = json!({"Name": "over", "Driver": "overlay"});
    docker.post("/networks/create", &network);
    let service = |name: &str, tier: &str| {
        let container = json!({"Image": "tiny", "Command": ["/bin/sleep", "3600"], "StopSignal": "SIGKILL"});
        json!({
            "Name": name, "Labels": {"tier": tier}, "Mode": {"Replicated": {"Replicas": 0}},
            "EndpointSpec": {"Ports": [{"Protocol": "tcp", "TargetPort": 80, "PublishedPort": if name == "web" { 8081 } else { 8082 }}]},
            "TaskTemplate": {"ContainerSpec": container, "Networks": [{"Target": "over"}]},
        })
    };
    docker.post("/services/create", &service("web", "front"));
    wait_for_labels(&services, "services", &of_service, &["web front"]);
    docker.post("/services/create", &service("db", "back"));
    wait_for_labels(&services, "services", &of_service, &["db back", "web front"]);
    // It changes.
    let known = docker.get("/services/web");
    let (id, version) = (known["ID"].as_str().expect("an id"), &known["Version"]["Index"]);
    docker.post(
        &format!("/services/{id}/update?version={version}"),
        &service("web", "edge"),
    );
    wait_for_labels(&services, "services", &of_service, &["db back", "web edge"]);
    let change_node = |fields: Value| {
        let node = docker.get("/nodes")[0].clone();
        let mut spec = node["Spec"].clone();
        for (name, value) in fields.as_object().expect("fields") {
            spec[name] = value.clone();
        }
        let (id, version) = (node["ID"].as_str().expect("an id"), &node["Version"]["Index"]);
        docker.post(&format!("/nodes/{id}/update?version={version}"), &spec);
    };
    change_node(json!({"Labels": {"disk": "ssd"}, "Availability": "drain"}));
    wait_for_labels(&nodes, "nodes", &of_node, &["drain ssd"]);
    // It goes.
    docker.delete("/services/db");
    wait_for_labels(&services, "services", &of_service, &["web edge"]);

    // The Engine is away, and everything stays. It is back with what it had.
    docker.kill();
    for headcount in [&services, &nodes] {
        headcount.wait_for_failure("dockerswarm", &["asking the swarm for", "Connection refused"]);
    }
    assert_eq!(labelled(&services, "services", &of_service).expect("a list").len(), 1);
    nodes.assert_not_less("nodes", &["127.0.0.1:9323"]);
    docker.restart();
    services.wait_for_health("dockerswarm");
    nodes.wait_for_health("dockerswarm");
    wait_for_labels(&services, "services", &of_service, &["web edge"]);
    wait_for_labels(&nodes, "nodes", &of_node, &["drain ssd"]);

    // It goes back in time: it is in no swarm, which is no answer, and then in a new one, in which there is nothing yet.
    docker.post("/swarm/leave?force=true", &json!({}));
    services.wait_for_failure("dockerswarm", &["status 503: This node is not a swarm manager"]);
    assert_eq!(labelled(&services, "services", &of_service).expect("a list").len(), 1);
    docker.post("/swarm/init", &begin);
    wait_for_labels(&services, "services", &of_service, &[]);
    wait_for_labels(&nodes, "nodes", &of_node, &["active -"]);
    docker.post("/networks/create", &network);
    docker.post("/services/create", &service("web", "new"));
    wait_for_labels(&services, "services", &of_service, &["web new"]);
}

#[test]
fn an_engine_behind_tls_wants_a_certificate() {
    require_docker!();
    require!("openssl");
    let folder = Folder::new();
    let docker = Docker::with_tls(&folder, Certificates::new(&folder));
    docker.run("hosts", in_network("host"));
    let config = |client: &str| {
        let (host, tls) = (docker.secure_host(), folder.text("tls"));
        format!(
            "scrape_configs:\n- job_name: secure\n  docker_sd_configs: [{{host: '{host}', refresh_interval: 1s, tls_config: \
             {{ca_file: '{tls}/ca.crt', cert_file: '{tls}/{client}.crt', key_file: '{tls}/{client}.key'}}}}]\n"
        )
    };
    let headcount = Headcount::with_config(&folder, &folder.write("prometheus.yml", config("stranger")));
    headcount.wait_for_failure("docker", &["asking Docker for https://127.0.0.1:"]);
    folder.write("prometheus.yml", config("client"));
    assert_eq!(headcount.reload().status, 200);
    headcount.wait_for("secure", &["localhost"]);
}
