//! A whole headcount with `consulagent_sd_configs` and a real Consul 1.8.7.
//!
//! The labels that are expected here are what the documentation of vmagent and Alloy says, written down by hand.

use serde_json::{Value, json};

use crate::support::{Consul, Folder, Headcount, Labels, ROOT_TOKEN, until};

/// A configuration whose only job has this in its entry of `consulagent_sd_configs` beside the server.
fn config(consul: &Consul, entry: &str) -> String {
    let (server, comma) = (consul.address(), if entry.is_empty() { "" } else { ", " });
    format!("scrape_configs:\n- job_name: agent\n  consulagent_sd_configs: [{{server: '{server}'{comma}{entry}}}]\n")
}

fn run(folder: &Folder, consul: &Consul, entry: &str) -> Headcount {
    Headcount::with_config(folder, &folder.write("prometheus.yml", config(consul, entry)))
}

/// An instance with a check that lives for an hour after each time that it is told how things are.
fn instance(name: &str, port: u16) -> Value {
    let id = format!("{name}-{port}");
    let check = json!({"CheckID": format!("check-of-{id}"), "TTL": "1h", "Status": "passing"});
    json!({"ID": id, "Name": name, "Port": port, "Check": check})
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    let pairs = pairs.iter();
    pairs
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

#[test]
fn labels_are_those_that_vmagent_and_alloy_document() {
    require!("consul");
    let folder = Folder::new();
    let settings = json!({"node_meta": {"rack-name": "r7"}});
    let consul = Consul::with_settings(&folder, settings);
    let mut web = instance("web", 80);
    web["Address"] = json!("10.2.0.1");
    web["Tags"] = json!(["v=1", "canary"]);
    web["Meta"] = json!({"metrics-path": "/m"});
    web["TaggedAddresses"] = json!({"lan_ipv6": {"Address": "fd00::1", "Port": 8080}});
    consul.register(&web);
    consul.register(&instance("web", 81));
    consul.set_check("check-of-web-80", "warning");
    // What only the catalog knows is no agent's.
    consul.catalog(&json!({"Node": "far", "Address": "10.0.0.9", "Service": {"Service": "web", "Port": 9}}));

    let headcount = run(&folder, &consul, "refresh_interval: 1s");
    let targets = headcount.wait_for("agent", &["10.2.0.1:80", "127.0.0.1:81"]);
    let is_discovered = |name: &str| name == "__address__" || name.starts_with("__meta_consulagent_");
    let discovered: Vec<Labels> = targets
        .into_iter()
        .map(|labels| labels.into_iter().filter(|(name, _)| is_discovered(name)).collect())
        .collect();
    let of_agent = [
        ("__meta_consulagent_address", "127.0.0.1"),
        ("__meta_consulagent_dc", "dc1"),
        ("__meta_consulagent_metadata_rack_name", "r7"),
        ("__meta_consulagent_node", "n1"),
        ("__meta_consulagent_service", "web"),
    ];
    let mut first = labels(&[
        ("__address__", "10.2.0.1:80"),
        ("__meta_consulagent_health", "warning"),
        ("__meta_consulagent_service_address", "10.2.0.1"),
        ("__meta_consulagent_service_id", "web-80"),
        ("__meta_consulagent_service_metadata_metrics_path", "/m"),
        ("__meta_consulagent_service_port", "80"),
        ("__meta_consulagent_tag_v", "1"),
        ("__meta_consulagent_tagged_address_lan_ipv4", "10.2.0.1:80"),
        ("__meta_consulagent_tagged_address_lan_ipv6", "[fd00::1]:8080"),
        ("__meta_consulagent_tagged_address_wan_ipv4", "10.2.0.1:80"),
        ("__meta_consulagent_tagpresent_canary", "true"),
        ("__meta_consulagent_tagpresent_v", "true"),
        ("__meta_consulagent_tags", ",v=1,canary,"),
    ]);
    first.extend(labels(&of_agent));
    let mut second = labels(&[
        ("__address__", "127.0.0.1:81"),
        ("__meta_consulagent_health", "passing"),
        ("__meta_consulagent_service_id", "web-81"),
        ("__meta_consulagent_service_port", "81"),
        ("__meta_consulagent_tags", ",,"),
    ]);
    second.extend(labels(&of_agent));
    assert_eq!(discovered, [first, second]);
}

#[test]
fn what_the_agent_has_is_followed_and_sickness_is_an_answer() {
    require!("consul");
    let folder = Folder::new();
    let consul = Consul::start(&folder);
    let headcount = run(&folder, &consul, "refresh_interval: 1s, tag_separator: ';'");
    headcount.wait_for("agent", &[]);
    for port in [80, 81] {
        consul.register(&instance("web", port));
    }
    consul.register(&instance("db", 5432));
    headcount.wait_for("agent", &["127.0.0.1:5432", "127.0.0.1:80", "127.0.0.1:81"]);
    // An answer of status 429 or 503 is how an agent says so.
    for health in ["warning", "critical", "passing"] {
        consul.set_check("check-of-web-81", health);
        until(&format!("web-81 is {health}"), || {
            let targets = headcount.list("agent")?;
            let of = |id: &str| {
                let mut found = targets
                    .iter()
                    .filter(|labels| labels["__meta_consulagent_service_id"] == id);
                found.next().map(|labels| labels["__meta_consulagent_health"].clone())
            };
            match (of("web-80").as_deref(), of("web-81")) {
                (Some("passing"), Some(found)) if found == health => Ok(()),
                other => Err(format!("{other:?}")),
            }
        });
    }
    consul.deregister("web-81");
    headcount.wait_for("agent", &["127.0.0.1:5432", "127.0.0.1:80"]);
    consul.deregister("db-5432");
    headcount.wait_for("agent", &["127.0.0.1:80"]);
    assert_eq!(headcount.counted("consulagent", "failures"), Ok(0));
}

#[test]
fn an_entry_gets_what_it_asks_for() {
    require!("consul");
    let folder = Folder::new();
    let consul = Consul::start(&folder);
    for (name, port, tags) in [
        ("web", 80, json!(["v1", "canary"])),
        ("web", 81, json!(["v1"])),
        ("db", 5432, json!([])),
    ] {
        let mut instance = instance(name, port);
        instance["Tags"] = tags;
        consul.register(&instance);
    }
    for (entry, addresses) in [
        ("services: [DB, none]", &["127.0.0.1:5432"][..]),
        ("tags: [canary, v1]", &["127.0.0.1:80"]),
        ("filter: 'Service == \"web\" and Port != 80'", &["127.0.0.1:81"]),
        ("datacenter: dc1, services: [web]", &["127.0.0.1:80", "127.0.0.1:81"]),
    ] {
        let headcount = run(&folder, &consul, entry);
        headcount.wait_for("agent", addresses);
    }
}

#[test]
fn an_agent_that_hangs_or_dies_or_refuses_loses_no_target() {
    require!("consul");
    let folder = Folder::new();
    let mut consul = Consul::with_tokens(&folder);
    consul.register(&instance("web", 80));
    let headcount = run(&folder, &consul, &format!("refresh_interval: 1s, token: {ROOT_TOKEN}"));
    headcount.wait_for("agent", &["127.0.0.1:80"]);
    consul.hang();
    headcount.wait_for_failure("consulagent", &["/v1/agent/self", "no whole answer within 10s"]);
    headcount.wait_for("agent", &["127.0.0.1:80"]);
    consul.go_on();
    headcount.wait_for_health("consulagent");
    consul.kill();
    headcount.wait_for_failure("consulagent", &["Connection refused"]);
    headcount.wait_for("agent", &["127.0.0.1:80"]);
    consul.restart();
    consul.register(&instance("web", 81));
    headcount.wait_for("agent", &["127.0.0.1:81"]);
    // Another token is another provider: until it has been heard of, nothing less is served than before.
    for (token, told) in [
        ("", "status 403: Permission denied"),
        (", token: unknown", "status 403: ACL not found"),
    ] {
        folder.write(
            "prometheus.yml",
            config(&consul, &format!("refresh_interval: 1s{token}")),
        );
        assert_eq!(headcount.reload().status, 200);
        headcount.wait_for_failure("consulagent", &[told]);
        headcount.assert_not_less("agent", &["127.0.0.1:81"]);
    }
}
