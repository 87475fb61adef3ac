//! What is suddenly less, of which nobody said that it is gone (B11), and what a reload puts in a source's place (B03):
//! as processes, over restarts and reloads.

#![allow(clippy::expect_used, reason = "a panic is a test's report")]

mod support;

use std::fs;

use rustix::process::Signal;
use serde_json::Value;
use support::{Daemon, Setup, Upstream, replace, wait_until};

/// Waits until a source of this kind fails for a reason that says this. Its job is served meanwhile with all that it had.
fn fails(daemon: &Daemon, kind: &str, reason: &str, had: &[&str]) {
    wait_until("the source to fail", || {
        let list = daemon.get("/sd/node");
        // Of which whoever reads the list keeps what it has: the port is open before the state was read.
        if list.status == 503 && list.text().contains("headcount is starting") {
            return None;
        }
        assert!(
            list.status == 200 && had.iter().all(|target| list.text().contains(target)),
            "{}",
            list.text()
        );
        let all = daemon.get("/api/v1/providers").json();
        let providers = all["data"]["providers"].as_array()?;
        let health = &providers.iter().find(|provider| provider["kind"] == kind)?["health"];
        let is_said = health["lastError"].as_str().is_some_and(|error| error.contains(reason));
        (health["state"] == "failing" && is_said).then_some(())
    });
}

/// What is left of a mount that is gone is an empty folder.
#[test]
fn lists_of_a_mount_that_is_gone_are_kept_while_it_runs_and_over_a_restart() {
    let setup = Setup::new();
    let (lists, away) = (setup.folder.path().join("lists"), setup.folder.path().join("away"));
    setup.write(
        "scrape_configs: [{job_name: node, file_sd_configs: [{files: ['lists/*.json'], refresh_interval: 1s}]}]",
    );
    fs::create_dir(&lists).expect("made");
    for name in ["a", "b"] {
        replace(
            &lists.join(format!("{name}.json")),
            &format!(r#"[{{"targets": ["{name}:1"]}}]"#),
        );
    }
    let state = setup.folder.path().join("state").display().to_string();
    let start = || setup.start(&["--state-dir", &state]);
    let both = ["a:1", "b:1"];
    let mut daemon = start();
    daemon.wait_for("/sd/node", |list| both.iter().all(|target| list.contains(target)));

    fs::rename(&lists, &away).expect("moved");
    fs::create_dir(&lists).expect("made");
    fails(&daemon, "file", "is not known to be the one that they were in", &both);
    // It has been saved a while ago: what is killed now has nothing to write down.
    wait_until("the state to be saved", || {
        let shown = support::headcount()
            .args(["state", "show", &state, "--output", "json"])
            .output()
            .ok()?;
        let shown: Value = serde_json::from_slice(&shown.stdout).ok()?;
        shown
            .as_array()?
            .iter()
            .any(|manager| manager["targets"] == 2)
            .then_some(())
    });
    daemon.signal(Signal::KILL);
    daemon.ended();
    let daemon = start();
    fails(&daemon, "file", "has none of the lists that were found in it", &both);

    replace(&away.join("a.json"), r#"[{"targets": ["a:2"]}]"#);
    fs::remove_dir(&lists).expect("it is empty");
    fs::rename(&away, &lists).expect("moved");
    daemon.wait_for("/sd/node", |list| {
        assert!(list.contains("b:1"), "{list}");
        list.contains("a:2") && !list.contains("a:1")
    });
}

/// What a job has stays until the source that a reload gave other settings was read.
#[test]
fn a_reload_that_changes_a_source_takes_nothing_away_while_it_can_not_be_read() {
    let setup = Setup::new();
    let upstream = Upstream::start(200, r#"[{"targets": ["u:1"]}, {"targets": ["u:2"]}]"#);
    let configure = |interval: &str| {
        setup.write(&format!(
            "scrape_configs: [{{job_name: node, http_sd_configs: [{{url: '{}', refresh_interval: {interval}}}]}}]",
            upstream.url
        ));
    };
    configure("1s");
    let daemon = setup.start(&["--no-state"]);
    daemon.wait_for("/sd/node", |list| list.contains("u:2"));

    upstream.answer(500, "");
    configure("2s");
    assert_eq!(daemon.request("POST", "/-/reload", &[]).status, 200);
    fails(&daemon, "http", "500", &["u:1", "u:2"]);
    // B11: that there is nothing any more is doubted as it was before the reload.
    upstream.answer(200, "[]");
    fails(&daemon, "http", "of 2 before", &["u:1", "u:2"]);
    upstream.answer(200, r#"[{"targets": ["u:2"]}]"#);
    daemon.wait_for("/sd/node", |list| {
        assert!(list.contains("u:2"), "{list}");
        !list.contains("u:1")
    });
}
