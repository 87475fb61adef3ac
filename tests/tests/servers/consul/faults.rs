//! A Consul that dies, forgets, goes back in time, or hangs.

use serde_json::{Value, json};

use super::{instance, on_node, run};
use crate::support::{Consul, Folder, Headcount, until};

const WEB: [&str; 2] = ["127.0.0.1:80", "127.0.0.1:81"];

/// A Consul with two instances of `web`, and a headcount that has found them.
fn with_web(folder: &Folder) -> (Consul, Headcount) {
    let consul = Consul::start(folder);
    for port in [80, 81] {
        consul.register(&instance("web", port));
    }
    let jobs = [
        ("web", "filter: 'x', services: [web], refresh_interval: 1s"),
        ("db", "services: [db], refresh_interval: 1s"),
    ];
    let headcount = run(folder, &consul, &jobs);
    headcount.wait_for("web", &WEB);
    headcount.wait_for("db", &[]);
    (consul, headcount)
}

/// The index of the list of services.
fn index(consul: &Consul) -> u64 {
    let answer = consul.send("GET", "/v1/catalog/services", b"");
    let index = answer.header("x-consul-index").and_then(|index| index.parse().ok());
    index.expect("an index")
}

#[test]
fn a_consul_that_starts_anew_knowing_nothing_and_counting_from_the_beginning_is_followed() {
    require!("consul");
    let folder = Folder::new();
    let (mut consul, headcount) = with_web(&folder);
    for port in 0..100 {
        consul.catalog(&on_node("far", "10.0.0.9", "db", port));
    }
    until("db is listed", || match headcount.list("db")?.len() {
        100 => Ok(()),
        found => Err(found.to_string()),
    });
    let before = index(&consul);

    consul.kill();
    until("both fail", || match failing(&headcount)? {
        2 => Ok(()),
        found => Err(found.to_string()),
    });
    headcount.wait_for("web", &WEB);
    assert_eq!(headcount.list("db").map(|targets| targets.len()), Ok(100));

    // What it no longer has it says itself; what is registered then has a lower index than before.
    consul.restart();
    consul.register(&instance("web", 80));
    let after = index(&consul);
    assert!(after < before, "{after} is no step back from {before}");
    headcount.wait_for("web", &["127.0.0.1:80"]);
    headcount.wait_for("db", &[]);
    for port in [82, 83] {
        consul.register(&instance("web", port));
        consul.catalog(&on_node("far", "10.0.0.9", "db", port));
    }
    assert!(index(&consul) < before);
    headcount.wait_for("web", &["127.0.0.1:80", "127.0.0.1:82", "127.0.0.1:83"]);
    headcount.wait_for("db", &["10.0.0.9:82", "10.0.0.9:83"]);
}

#[test]
fn a_snapshot_that_is_restored_is_followed() {
    require!("consul");
    let folder = Folder::new();
    let (consul, headcount) = with_web(&folder);
    let snapshot = consul.send("GET", "/v1/snapshot", b"").body;
    let before = index(&consul);
    for port in 100..150 {
        consul.catalog(&on_node("far", "10.0.0.9", "web", port));
    }
    until("they are listed", || match headcount.list("web")?.len() {
        52 => Ok(()),
        found => Err(found.to_string()),
    });
    assert!(index(&consul) > before);
    consul.send("PUT", "/v1/snapshot", &snapshot);
    headcount.wait_for("web", &WEB);
    consul.catalog(&on_node("far", "10.0.0.9", "web", 7));
    headcount.wait_for("web", &["10.0.0.9:7", "127.0.0.1:80", "127.0.0.1:81"]);
}

#[test]
fn a_consul_that_hangs_is_found_out_and_loses_nothing() {
    require!("consul");
    let folder = Folder::new();
    let (consul, headcount) = with_web(&folder);
    consul.hang();
    until("both fail", || match failing(&headcount)? {
        2 => Ok(()),
        found => Err(found.to_string()),
    });
    headcount.wait_for("web", &WEB);
    let providers = headcount.text("/api/v1/providers");
    assert!(providers.contains("no whole answer within"), "{providers}");
    consul.go_on();
    consul.deregister("web-81");
    headcount.wait_for("web", &["127.0.0.1:80"]);
    until("none fails", || match failing(&headcount)? {
        0 => Ok(()),
        found => Err(found.to_string()),
    });
}

/// How many providers fail.
fn failing(headcount: &Headcount) -> Result<usize, String> {
    let answer = headcount.get("/api/v1/providers")?.json()?;
    let providers = answer["data"]["providers"].as_array().ok_or("no providers")?;
    let is_failing = |provider: &&Value| provider["health"]["state"] == json!("failing");
    Ok(providers.iter().filter(is_failing).count())
}
