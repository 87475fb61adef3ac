//! `headcount.yml`, as a process: what it says counts, is checked, compared, shown and reloaded.

#![allow(clippy::expect_used, reason = "helpers report by panicking, as tests do")]

mod support;

use std::fs;

use rustix::process::Signal;
use serde_json::{Value, json};
use support::{Answer, Daemon, Setup, folder, headcount, outcome, replace, wait_until};

/// The job's file with targets of these names.
fn write(setup: &Setup, names: &[&str]) {
    let targets: Vec<_> = names.iter().map(|name| format!("{name}:9100")).collect();
    replace(&setup.targets, &json!([{ "targets": targets }]).to_string());
}

/// What is held of the first provider.
fn held(daemon: &Daemon) -> Value {
    daemon.get("/api/v1/providers").json()["data"]["providers"][0]["held"].clone()
}

fn reload(daemon: &Daemon) -> Answer {
    daemon.request("POST", "/-/reload", &[])
}

/// Loses three of four targets, and waits until it is known that one more came.
fn lose_three(setup: &Setup, daemon: &Daemon) -> String {
    daemon.wait_for("/sd/node", |list| list.contains("d:9100"));
    write(setup, &["a", "new"]);
    daemon.wait_for("/sd/node", |list| list.contains("new:9100")).text()
}

#[test]
fn a_guard_of_a_job_counts_until_a_reload_takes_it_away() {
    let setup = Setup::new();
    write(&setup, &["a", "b", "c", "d"]);
    setup.write_settings("{defaults: {hold: 1h}, jobs: {node: {max_drop: 30%}}}");
    let daemon = setup.start(&[]);
    let list = lose_three(&setup, &daemon);
    assert!(list.contains("d:9100"), "{list}");
    let shown = held(&daemon);
    assert_eq!((&shown["targets"], &shown["set"]), (&json!(3), &json!("node")));
    let hold = shown["until"]
        .as_f64()
        .zip(shown["since"].as_f64())
        .map(|(until, since)| until - since);
    assert!(hold.is_some_and(|hold| (hold - 3_600.0).abs() < 1.0), "{shown}");

    // Wrong settings change nothing, also of what is right in them.
    setup.write_settings("{jobs: {node: {max_drop: off}, nod: {}}}");
    let refused = reload(&daemon);
    assert_eq!(refused.status, 500);
    let said = refused.text();
    assert!(
        said.contains("headcount.yml:1:32: jobs.nod: there is no job \"nod\"; did you mean \"node\"?"),
        "{said}"
    );
    assert_eq!(held(&daemon)["targets"], 3);
    assert!(daemon.get("/config").text().contains("max_drop: 30%"));

    setup.write_settings("{defaults: {hold: 1h}, jobs: {node: {max_drop: off}}}");
    daemon.signal(Signal::HUP);
    daemon.wait_for("/sd/node", |list| !list.contains("d:9100"));
    wait_until("nothing to be held", || held(&daemon).is_null().then_some(()));
    assert!(daemon.get("/config").text().contains("max_drop: off"));
}

#[test]
fn a_flag_counts_over_defaults_and_not_over_what_is_said_of_a_job() {
    let over_defaults = Setup::new();
    write(&over_defaults, &["a", "b", "c", "d"]);
    over_defaults.write_settings("defaults: {max_drop: 100%, hold: 2h}");
    let daemon = over_defaults.start(&["--max-drop", "30%"]);
    let list = lose_three(&over_defaults, &daemon);
    assert!(list.contains("d:9100"), "{list}");
    let shown = held(&daemon);
    let hold = shown["until"]
        .as_f64()
        .zip(shown["since"].as_f64())
        .map(|(until, since)| until - since);
    assert!(
        hold.is_some_and(|hold| (hold - 7_200.0).abs() < 1.0),
        "no flag says how long: {shown}"
    );

    let of_the_job = Setup::new();
    write(&of_the_job, &["a", "b", "c", "d"]);
    of_the_job.write_settings("jobs: {node: {max_drop: 100%}}");
    let daemon = of_the_job.start(&["--max-drop", "30%"]);
    let list = lose_three(&of_the_job, &daemon);
    assert!(!list.contains("d:9100"), "{list}");
}

const PARTLY_UNSUPPORTED: &str = "scrape_configs:
- job_name: node
  file_sd_configs: [{files: ['targets*.json']}]
  marathon_sd_configs: [{servers: ['http://127.0.0.1:1']}]
";

#[test]
fn b10_a_job_with_a_config_that_can_not_be_run_is_served_where_that_is_wanted() {
    let setup = Setup::new();
    setup.write(PARTLY_UNSUPPORTED);
    let lists = setup.folder.path().join("lists");
    let options = [
        "--allow-unsupported",
        support::LACKING,
        "--file-sd-dir",
        lists.to_str().expect("UTF-8"),
    ];
    let daemon = setup.start(&options);
    let withheld = |daemon: &Daemon| {
        wait_until("the answer to be an error", || {
            let answer = daemon.get("/sd/node");
            (answer.status == 503 && answer.text().contains("marathon")).then_some(answer)
        })
    };
    withheld(&daemon);
    let metric =
        |name: &str, value: u8| format!("\nheadcount_sd_set_{name}{{name=\"scrape\",config=\"node\"}} {value}\n");
    assert!(daemon.get("/metrics").text().contains(&metric("served", 0)));
    assert!(!lists.join("node.json").exists());

    setup.write_settings("jobs: {node: {serve_incomplete: true}}");
    assert_eq!(
        reload(&daemon).text(),
        "reloaded\n  settings   changed\n  providers  1 kept\n"
    );
    let served = daemon.wait_for("/sd/node", |list| list.contains("a:9100"));
    let lacking = served.header("x-headcount-incomplete").expect("it says so");
    assert!(lacking.starts_with("marathon/"), "{lacking}");
    let relabelled = daemon.wait_for("/sd/node?relabelled=true", |list| list.contains("a:9100"));
    assert!(relabelled.header("x-headcount-incomplete").is_some());
    let metrics = daemon.get("/metrics").text();
    assert!(
        metrics.contains(&metric("served", 1)) && metrics.contains(&metric("complete", 0)),
        "{metrics}"
    );
    let ready = daemon.wait_for("/-/ready", |text| text.contains("node is served without marathon/"));
    assert!(ready.text().contains("(not part of this build)"), "{}", ready.text());
    wait_until("the file", || {
        let text = fs::read_to_string(lists.join("node.json")).ok()?;
        text.contains("a:9100").then_some(())
    });
    let pools = daemon.get("/api/v1/scrape_pools").json();
    let pool = &pools["data"]["pools"][0];
    assert_eq!((&pool["served"], &pool["complete"]), (&json!(true), &json!(false)));
    assert!(
        pool["failedConfigs"][0]
            .as_str()
            .is_some_and(|reason| reason.contains("marathon")),
        "{pool}"
    );
    let is_said = |entry: &Value| {
        let message = entry["message"].as_str().unwrap_or_default();
        message.starts_with("the list is served though it is not complete")
    };
    daemon.logged("a warning", |entry| is_said(entry).then_some(()));
    write(&setup, &["b"]);
    daemon.wait_for("/sd/node", |list| list.contains("b:9100"));
    assert_eq!(daemon.log_count(is_said), 1, "it is said once");

    setup.write_settings("jobs: {node: {serve_incomplete: false}}");
    assert_eq!(reload(&daemon).status, 200);
    withheld(&daemon);
    assert!(lists.join("node.json").exists(), "what readers have they keep");
}

#[test]
fn jobs_of_the_settings_are_jobs() {
    let setup = Setup::new();
    setup.write_settings("scrape_configs: [{job_name: sockets, local_sd_configs: [{}]}]");
    let daemon = setup.start(&[]);
    let (_, port) = daemon
        .url()
        .rsplit_once(':')
        .map(|(host, port)| (host.to_owned(), port.to_owned()))
        .expect("a port");
    daemon.wait_for("/sd/sockets", |list| list.contains(&format!(":{port}\"")));
    daemon.wait_for("/sd/node", |list| list.contains("a:9100"));
    setup.write_settings("scrape_configs: [{job_name: node, local_sd_configs: [{}]}]");
    let said = reload(&daemon).text();
    assert!(
        said.contains("job \"node\" is already defined in") && said.contains("prometheus.yml:1"),
        "{said}"
    );
    fs::remove_file(setup.folder.path().join("headcount.yml")).expect("removed");
    assert_eq!(reload(&daemon).status, 200);
    wait_until("the job to go", || {
        (daemon.get("/sd/sockets").status == 404).then_some(())
    });
    daemon.logged("that they are gone", |entry| {
        entry["message"].as_str()?.contains("settings are gone").then_some(())
    });
}

#[test]
fn settings_reload_by_themselves_too() {
    let setup = Setup::new();
    let daemon = setup.start(&["--auto-reload=20ms"]);
    daemon.wait_for("/sd/node", |list| list.contains("a:9100"));
    setup.write_settings("scrape_configs: [{job_name: more, static_configs: [{targets: ['m:1']}]}]");
    daemon.wait_for("/sd/more", |list| list.contains("m:1"));
}

#[test]
fn where_it_listens_and_keeps_its_state_is_said_once() {
    let setup = Setup::new();
    setup.write_settings("{web: {listen: '127.0.0.1:0'}, state: {dir: kept}}");
    let config = setup.config.to_str().expect("UTF-8");
    let daemon = Daemon::start_as_settings(&["--config", config]);
    assert!(
        daemon.url().starts_with("http://127.0.0.1:") && !daemon.url().ends_with(":9099"),
        "{}",
        daemon.url()
    );
    daemon.wait_for("/sd/node", |list| list.contains("a:9100"));
    let kept = setup.folder.path().join("kept");
    wait_until("the state", || fs::read_dir(&kept).ok()?.next().map(drop));
    setup.write_settings("{web: {listen: '127.0.0.1:1'}, state: {enabled: false}}");
    let said = reload(&daemon).text();
    assert_eq!(
        said,
        "reloaded\n  settings   changed\n  providers  1 kept\n`web` of the settings counts after a restart only\n`state` of the settings counts after a restart only\n"
    );
    daemon.logged("the same", |entry| (entry["sections"] == "web, state").then_some(()));
    drop(daemon);

    // Flags decide both.
    setup.write_settings("{web: {listen: '127.0.0.1:1'}, state: {enabled: false}}");
    let elsewhere = setup.folder.path().join("elsewhere");
    let daemon = setup.start(&["--state-dir", elsewhere.to_str().expect("UTF-8")]);
    daemon.wait_for("/sd/node", |list| list.contains("a:9100"));
    wait_until("the state", || fs::read_dir(&elsewhere).ok()?.next().map(drop));
    setup.write_settings("{}");
    assert_eq!(
        reload(&daemon).text(),
        "reloaded\n  settings   changed\n  providers  1 kept\n"
    );
}

#[test]
fn the_configuration_is_shown_with_its_settings_and_without_secrets() {
    let setup = Setup::new();
    setup.write_settings(
        "scrape_configs: [{job_name: a, basic_auth: {username: u, password: hunter2}, static_configs: [{targets: ['a:1']}]}]",
    );
    let daemon = setup.start(&[]);
    let shown = daemon.get("/config").text();
    let (main, own) = shown.split_once("---\n").expect("two documents");
    assert!(main.contains("job_name: node"), "{main}");
    assert!(
        own.starts_with("# ") && own.contains("headcount.yml\n") && own.contains("job_name: a"),
        "{own}"
    );
    assert!(
        own.contains("password: <secret>") && !shown.contains("hunter2"),
        "{own}"
    );
}

#[test]
fn without_a_configuration_settings_add_to_what_is_built_in() {
    let folder = folder(&[(
        "own.yml",
        "{jobs: {local: {max_drop: 50%}}, scrape_configs: [{job_name: a, static_configs: [{targets: ['a:1']}]}]}",
    )]);
    let path = folder.path().join("own.yml");
    let daemon = Daemon::start(&["--settings", path.to_str().expect("UTF-8")]);
    daemon.wait_for("/sd/a", |list| list.contains("a:1"));
    daemon.wait_for("/sd", |index| index.contains("\"local\""));
}

const NODE: &str = "scrape_configs: [{job_name: node, static_configs: [{targets: ['n:1']}]}]";

#[test]
fn settings_are_checked() {
    let folder = folder(&[
        ("prometheus.yml", NODE),
        (
            "good.yml",
            "{defaults: {max_drop: 30%}, scrape_configs: [{job_name: a, local_sd_configs: [{}]}]}",
        ),
        (
            "headcount.yml",
            "defaults: {max_drop: 30, throttle: backoff}\njobs:\n  Node: {hold: 0s}\ncluster: {}\n",
        ),
        (
            "lists.yml",
            "scrape_configs: [{job_name: a, file_sd_configs: [{files: [none.json]}]}]",
        ),
    ]);
    let all = [
        &["check", "prometheus.yml"][..],
        &["check", "--settings", "good.yml", "prometheus.yml"],
        &["check", "--settings", "lists.yml", "prometheus.yml"],
        &["check", "--settings", "missing.yml", "prometheus.yml"],
        &["sd", "--settings", "good.yml", "prometheus.yml", "node"],
        &["sd", "prometheus.yml", "node"],
    ];
    let all: Vec<_> = all
        .iter()
        .map(|words| format!("$ {}\n{}", words.join(" "), outcome(folder.path(), words)))
        .collect();
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn what_changes_in_settings_is_said() {
    let folder = folder(&[
        ("prometheus.yml", NODE),
        (
            "headcount.yml",
            "{defaults: {max_drop: 30%, throttle: {policy: ticker}}, jobs: {node: {serve_incomplete: true}}}",
        ),
        (
            "new.yml",
            "{defaults: {max_drop: 0030%, throttle: {policy: 'ticker:5s', per_set: true}}, web: {listen: ':80'}, \
             scrape_configs: [{job_name: a, static_configs: [{targets: ['a:1']}]}]}",
        ),
    ]);
    let said = outcome(
        folder.path(),
        &["diff", "prometheus.yml", "prometheus.yml", "--settings", "new.yml"],
    );
    insta::assert_snapshot!(said);
    let same = ["diff", "prometheus.yml", "prometheus.yml"];
    assert!(
        outcome(folder.path(), &same).starts_with("exit code 0"),
        "{}",
        outcome(folder.path(), &same)
    );
    let json = [&same[..], &["--old-settings", "new.yml", "--output", "json"]].concat();
    let output = headcount()
        .current_dir(folder.path())
        .args(json)
        .output()
        .expect("it runs");
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(
        report["settings"][0],
        json!({"name": "defaults.throttle.per_set", "before": "true", "after": null, "needsRestart": false})
    );
}

/// B06: what a set has to say is not kept back by what others say. Seen by the order of two changes: with one throttle
/// for all, whoever has seen the later one has seen the earlier one, too.
#[test]
fn b06_a_job_that_churns_does_not_slow_a_quiet_one() {
    let setup = Setup::new();
    let quiet = setup.folder.path().join("quiet.json");
    replace(&quiet, r#"[{"targets": ["quiet-0:1"]}]"#);
    setup.write(
        "scrape_configs: [{job_name: node, file_sd_configs: [{files: [targets.json]}]}, \
         {job_name: quiet, file_sd_configs: [{files: [quiet.json]}]}]",
    );
    setup.write_settings("defaults: {throttle: {policy: 'backoff:50ms..1h', per_set: true}}");
    let daemon = setup.start(&[]);
    daemon.wait_for("/sd/quiet", |list| list.contains("quiet-0:1"));
    let updates = || {
        let answer = daemon.get("/api/v1/providers").json();
        let providers = answer["data"]["providers"].as_array().cloned().unwrap_or_default();
        let of_node = providers
            .iter()
            .find(|provider| provider["subscribers"] == json!(["node"]));
        of_node.and_then(|provider| provider["health"]["updates"].as_u64())
    };
    for round in 1.. {
        // With each change it is half as long again until the next one is served.
        for churn in 0..5 {
            write(&setup, &[&format!("node-{round}-{churn}")]);
            daemon.wait_for("/sd/node", |list| list.contains(&format!("node-{round}-{churn}:9100")));
        }
        let before = updates();
        write(&setup, &[&format!("node-{round}")]);
        wait_until("the manager to know of the change", || {
            (updates() != before).then_some(())
        });
        replace(&quiet, &format!(r#"[{{"targets": ["quiet-{round}:1"]}}]"#));
        daemon.wait_for("/sd/quiet", |list| list.contains(&format!("quiet-{round}:1")));
        let node = daemon.get("/sd/node").text();
        if !node.contains(&format!("node-{round}:9100")) {
            return;
        }
        assert!(round < 3, "a quiet job waits with the one that churns");
    }
}

#[test]
fn the_schema_is_printed() {
    let output = headcount().args(["settings", "schema"]).output().expect("it runs");
    let schema: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(
        schema["properties"]["defaults"]["properties"]["throttle"]["type"],
        "object"
    );
}
