//! Which services, instances and nodes an entry wants, decided by a real Consul.

use serde_json::json;

use super::{instance, run};
use crate::support::{Consul, Folder};

fn fill(consul: &Consul) {
    let on = |node: &str, address: &str, role: &str, name: &str, port: u16, tags: &[&str]| {
        consul.catalog(&json!({
            "Node": node, "Address": address, "NodeMeta": {"role": role, "site": "x"},
            "Service": {"ID": format!("{name}-{port}"), "Service": name, "Port": port, "Tags": tags,
                        "Meta": {"shard": port.to_string()}},
        }));
    };
    on("a", "10.0.0.1", "front", "web", 80, &["v1", "canary"]);
    on("a", "10.0.0.1", "front", "web", 81, &["v1"]);
    on("b", "10.0.0.2", "back", "web", 80, &["v2", "canary"]);
    on("b", "10.0.0.2", "back", "db", 5432, &["v1", "canary"]);
    on("b", "10.0.0.2", "back", "cache", 6379, &[]);
}

#[test]
fn an_entry_gets_what_it_asks_for() {
    require!("consul");
    let folder = Folder::new();
    let socket = folder.text("consul.sock");
    let addresses = json!({"http": format!("127.0.0.1 unix://{socket}")});
    let consul = Consul::with_settings(&folder, json!({ "addresses": addresses }));
    fill(&consul);
    let cases: [(&str, &str, &[&str]); 9] = [
        (
            "services",
            "services: [db, cache, none]",
            &["10.0.0.2:5432", "10.0.0.2:6379"],
        ),
        // A tag is an instance's, and all of them are demanded of one instance.
        (
            "tag",
            "tags: [canary]",
            &["10.0.0.1:80", "10.0.0.2:5432", "10.0.0.2:80"],
        ),
        ("tags", "tags: [canary, v1]", &["10.0.0.1:80", "10.0.0.2:5432"]),
        (
            "both",
            "services: [web], tags: [canary]",
            &["10.0.0.1:80", "10.0.0.2:80"],
        ),
        ("node", "node_meta: {role: front}", &["10.0.0.1:80", "10.0.0.1:81"]),
        (
            "nodes",
            "node_meta: {role: back, site: x}, services: [web]",
            &["10.0.0.2:80"],
        ),
        ("nowhere", "node_meta: {role: back, site: y}", &[]),
        (
            "filtered",
            "services: [web, db], health_filter: 'Service.Meta.shard == \"80\" and v1 in Service.Tags'",
            &["10.0.0.1:80"],
        ),
        // Consul 1.8 has no filter for the list, and passes over this one.
        (
            "list",
            "filter: 'ServiceName == db', tags: [v1, canary]",
            &["10.0.0.1:80", "10.0.0.2:5432"],
        ),
    ];
    let jobs = cases.map(|(job, entry, _)| (job, entry));
    let headcount = run(&folder, &consul, &jobs);
    for (job, _, addresses) in cases {
        headcount.wait_for(job, addresses);
    }

    // All ways to say where a server is, and the rest of what is said to it.
    let server = consul.address();
    let entries = [
        format!("server: 'http://{server}', services: [db], allow_stale: false"),
        format!("server: '{server}', scheme: http, services: [cache], node_meta: {{role: back}}, datacenter: dc1"),
        format!("server: 'unix://{socket}', services: [web], tags: [canary], node_meta: {{role: back}}"),
    ];
    let entries: String = entries.iter().map(|entry| format!("  - {{{entry}}}\n")).collect();
    folder.write(
        "prometheus.yml",
        format!("scrape_configs:\n- job_name: db\n  consul_sd_configs:\n{entries}"),
    );
    assert_eq!(headcount.reload().status, 200);
    headcount.wait_for("db", &["10.0.0.2:5432", "10.0.0.2:6379", "10.0.0.2:80"]);
}

#[test]
fn what_consul_refuses_is_told_and_the_other_entries_go_on() {
    require!("consul");
    let folder = Folder::new();
    let consul = Consul::start(&folder);
    consul.register(&instance("web", 80));
    for (entry, told) in [
        ("services: [web], health_filter: 'Service.Nothing == x'", "500"),
        ("services: [web], datacenter: nowhere", "No path to datacenter"),
        (
            "services: [web], namespace: team",
            "Namespaces are a Consul Enterprise feature",
        ),
    ] {
        let headcount = run(&folder, &consul, &[("refused", entry)]);
        let error = headcount.wait_for_failure("consul", &[told]);
        assert!(error.contains("service web"), "{error}");
        assert_eq!(headcount.get("/sd/refused").map(|answer| answer.status), Ok(503));
    }
}
