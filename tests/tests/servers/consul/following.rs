//! Services that come, change and go, and are heard of at once.

use serde_json::{Value, json};

use super::{instance, label, on_node, run};
use crate::support::{Consul, Folder, Headcount, until};

/// A check that lives for an hour after each time that it is told how things are.
fn with_check(mut instance: Value) -> Value {
    let id = format!("check-of-{}", instance["ID"].as_str().expect("an id"));
    instance["Check"] = json!({"CheckID": id, "TTL": "1h", "Status": "passing"});
    instance
}

/// Waits until a target of a job has this health.
#[track_caller]
fn wait_for_health(headcount: &Headcount, job: &str, address: &str, health: &str) {
    until(&format!("{address} is {health}"), || {
        let targets = headcount.list(job)?;
        match label(&targets, address, "__meta_consul_health") {
            Some(found) if found == health => Ok(()),
            found => Err(format!("{found:?}")),
        }
    });
}

#[test]
fn what_changes_is_there_long_before_the_interval_is_over() {
    require!("consul");
    let folder = Folder::new();
    let consul = Consul::start(&folder);
    // With an interval of a day, only a question that waits for a change can tell of one.
    let jobs = [
        ("all", "refresh_interval: 1d"),
        ("named", "services: [web], refresh_interval: 1d"),
    ];
    let headcount = run(&folder, &consul, &jobs);
    headcount.wait_for("named", &[]);
    until("Consul itself is listed", || match &headcount.list("all")?[..] {
        [consul] if consul["__meta_consul_service"] == "consul" => Ok(()),
        other => Err(format!("{other:?}")),
    });
    consul.register(&with_check(instance("web", 80)));
    headcount.wait_for("named", &["127.0.0.1:80"]);
    until("all has both", || match headcount.list("all")?.len() {
        2 => Ok(()),
        other => Err(other.to_string()),
    });
    consul.set_check("check-of-web-80", "critical");
    wait_for_health(&headcount, "all", "127.0.0.1:80", "critical");
}

#[test]
fn services_are_followed_as_they_come_change_and_go() {
    require!("consul");
    let folder = Folder::new();
    let consul = Consul::start(&folder);
    let jobs = [(
        "all",
        "refresh_interval: 1s, health_filter: 'Service.Service != consul'",
    )];
    let headcount = run(&folder, &consul, &jobs);
    headcount.wait_for("all", &[]);

    consul.register(&with_check(instance("web", 80)));
    headcount.wait_for("all", &["127.0.0.1:80"]);
    consul.register(&with_check(instance("web", 81)));
    consul.catalog(&on_node("far", "10.0.0.9", "db", 5432));
    headcount.wait_for("all", &["10.0.0.9:5432", "127.0.0.1:80", "127.0.0.1:81"]);

    // Health: of a check, of an instance under maintenance, of a whole node.
    for status in ["warning", "critical", "passing"] {
        consul.set_check("check-of-web-81", status);
        wait_for_health(&headcount, "all", "127.0.0.1:81", status);
    }
    wait_for_health(&headcount, "all", "127.0.0.1:80", "passing");
    consul.put("/v1/agent/service/maintenance/web-81?enable=true", &Value::Null);
    wait_for_health(&headcount, "all", "127.0.0.1:81", "maintenance");
    consul.put("/v1/agent/service/maintenance/web-81?enable=false", &Value::Null);
    wait_for_health(&headcount, "all", "127.0.0.1:81", "passing");
    consul.put("/v1/agent/maintenance?enable=true", &Value::Null);
    wait_for_health(&headcount, "all", "127.0.0.1:80", "maintenance");
    consul.put("/v1/agent/maintenance?enable=false", &Value::Null);
    wait_for_health(&headcount, "all", "127.0.0.1:80", "passing");

    // An instance gets other tags and another port; a node another address.
    let mut moved = with_check(instance("web", 81));
    moved["Port"] = json!(8081);
    moved["Tags"] = json!(["moved"]);
    consul.register(&moved);
    let targets = headcount.wait_for("all", &["10.0.0.9:5432", "127.0.0.1:80", "127.0.0.1:8081"]);
    assert_eq!(label(&targets, "127.0.0.1:8081", "__meta_consul_tags"), Some(",moved,"));
    assert_eq!(
        label(&targets, "127.0.0.1:8081", "__meta_consul_service_id"),
        Some("web-81")
    );
    consul.catalog(&json!({"Node": "far", "Address": "10.0.0.10"}));
    headcount.wait_for("all", &["10.0.0.10:5432", "127.0.0.1:80", "127.0.0.1:8081"]);

    // They go: one of two instances, a service's last one, and a node with all that is on it.
    consul.deregister("web-80");
    headcount.wait_for("all", &["10.0.0.10:5432", "127.0.0.1:8081"]);
    consul.deregister("web-81");
    headcount.wait_for("all", &["10.0.0.10:5432"]);
    assert_eq!(headcount.counted("consul", "failures"), Ok(0));
    // That all are gone is doubted for a while.
    consul.put("/v1/catalog/deregister", &json!({"Node": "far"}));
    headcount.wait_for_failure("consul", &["all services are gone at once"]);
    headcount.wait_for("all", &[]);
    consul.register(&instance("web", 80));
    headcount.wait_for("all", &["127.0.0.1:80"]);
    headcount.wait_for_health("consul");
}

#[test]
fn names_of_services_may_hold_anything() {
    require!("consul");
    let folder = Folder::new();
    let consul = Consul::start(&folder);
    let names = ["a b", "größe", "a%2Fb", "a?b=c&d", "a+b", "Web", "a/b"];
    for (port, name) in (1..).zip(names) {
        consul.catalog(&on_node("far", "10.0.0.9", name, port));
    }
    let listed = format!("services: {}", json!(names));
    let headcount = run(&folder, &consul, &[("all", ""), ("named", &listed)]);
    let mut addresses: Vec<String> = (1..=names.len()).map(|port| format!("10.0.0.9:{port}")).collect();
    addresses.sort();
    let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
    let targets = headcount.wait_for("named", &addresses);
    for (port, name) in (1..).zip(names) {
        let service = label(&targets, &format!("10.0.0.9:{port}"), "__meta_consul_service");
        assert_eq!(service, Some(name));
    }
    until("all services are listed", || match headcount.list("all")?.len() {
        found if found == names.len() + 1 => Ok(()),
        found => Err(found.to_string()),
    });
}

#[test]
fn the_numbers_of_the_calls_are_those_of_prometheus() {
    require!("consul");
    let folder = Folder::new();
    let consul = Consul::start(&folder);
    consul.register(&instance("web", 80));
    let headcount = run(&folder, &consul, &[("all", "")]);
    until("both are listed", || match headcount.list("all")?.len() {
        2 => Ok(()),
        found => Err(found.to_string()),
    });
    let metrics = headcount.text("/metrics");
    for line in [
        "prometheus_sd_consul_rpc_failures_total 0",
        "prometheus_sd_consul_rpc_duration_seconds_count{endpoint=\"catalog\",call=\"service\"} 2",
        "prometheus_sd_consul_rpc_duration_seconds_count{endpoint=\"catalog\",call=\"services\"} 1",
    ] {
        assert!(
            metrics.lines().any(|found| found == line),
            "{line} is not in:\n{metrics}"
        );
    }
}
