//! Many services: what Prometheus takes a connection each for.

use serde_json::{Value, json};

use super::{label, on_node, run};
use crate::support::{Consul, Folder, Headcount, until};

const SERVICES: u16 = 250;

/// Three questions that wait, eight that are asked in a sweep.
const MOST_CONNECTIONS: usize = 3 + 8;

/// Each service's instance, and Consul itself.
fn wait_for_all(headcount: &Headcount, mut look: impl FnMut()) {
    until("all services are listed", || {
        look();
        match headcount.list("all")?.len() {
            found if found == usize::from(SERVICES) + 1 => Ok(()),
            found => Err(found.to_string()),
        }
    });
}

#[test]
fn many_services_take_a_handful_of_connections_and_are_followed() {
    require!("consul");
    let folder = Folder::new();
    // Fewer than half as many as there are services: who took one for each would be turned away.
    let consul = Consul::with_settings(&folder, json!({"limits": {"http_max_conns_per_client": 100}}));
    for port in 0..SERVICES {
        consul.catalog(&on_node("far", "10.0.0.9", &format!("s{port:03}"), 10_000 + port));
    }
    let headcount = run(&folder, &consul, &[("all", "refresh_interval: 1s")]);
    let mut most = 0;
    let mut look = || most = most.max(consul.connections());
    wait_for_all(&headcount, &mut look);

    // A check, an instance, a node: each moves another index.
    let check = json!({"Node": "far", "CheckID": "c", "Name": "c", "ServiceID": "s007-10007", "Status": "critical"});
    consul.catalog(&json!({"Node": "far", "Address": "10.0.0.9", "Check": check}));
    until("s007 is critical", || {
        look();
        let targets = headcount.list("all")?;
        match label(&targets, "10.0.0.9:10007", "__meta_consul_health") {
            Some("critical") => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
    consul.put(
        "/v1/catalog/deregister",
        &json!({"Node": "far", "ServiceID": "s008-10008"}),
    );
    consul.catalog(&on_node("far", "10.0.0.9", "other", 7));
    until("one is there for another", || {
        look();
        let targets = headcount.list("all")?;
        let has = |address: &str| targets.iter().any(|labels| labels["__address__"] == address);
        match (has("10.0.0.9:10008"), has("10.0.0.9:7")) {
            (false, true) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
    consul.catalog(&json!({"Node": "far", "Address": "10.0.0.10"}));
    until("the node has moved", || {
        look();
        let targets = headcount.list("all")?;
        let is_there = |labels: &&_| is_at(labels, "10.0.0.10:");
        match targets.iter().filter(is_there).count() {
            found if found == usize::from(SERVICES) => Ok(()),
            found => Err(found.to_string()),
        }
    });
    assert!((4..=MOST_CONNECTIONS).contains(&most), "{most} connections");
    let told: Value = headcount.provider("consul").expect("a provider");
    assert_eq!(told["health"]["failures"], 0, "{told}");

    // Far fewer: each is watched by itself again, and a change is there at once.
    for port in 20..SERVICES {
        let instance = json!({"Node": "far", "ServiceID": format!("s{port:03}-{}", 10_000 + port)});
        consul.put("/v1/catalog/deregister", &instance);
    }
    until("twenty are left, and Consul itself", || {
        match headcount.list("all")?.len() {
            21 => Ok(()),
            found => Err(found.to_string()),
        }
    });
    consul.catalog(&on_node("far", "10.0.0.10", "s001", 1));
    until("s001 has another instance", || match headcount.list("all")?.len() {
        22 => Ok(()),
        found => Err(found.to_string()),
    });
}

fn is_at(labels: &crate::support::Labels, host: &str) -> bool {
    labels["__address__"].starts_with(host)
}
