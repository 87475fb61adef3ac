//! `headcount run`, as a process: starting, reloading, ending.

mod support;

use std::fs;

use rustix::process::Signal;
use serde_json::json;
use support::{CONFIG, Daemon, Setup, replace, wait_until};

fn metric(daemon: &Daemon, name: &str) -> f64 {
    let metrics = daemon.get("/metrics").text();
    let sample = metrics
        .lines()
        .find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    sample.unwrap_or_else(|| panic!("no {name} in {metrics}"))
}

fn unix_seconds() -> f64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.unwrap_or_default().as_secs_f64()
}

#[test]
fn a_good_configuration_is_reloaded_and_a_bad_one_is_not() {
    let setup = Setup::new();
    let daemon = setup.start(&[]);
    daemon.wait_for("/sd/node", |list| list.contains("a:9100"));
    assert_eq!(daemon.get("/-/reload").status, 405);

    let two = "scrape_configs: [{job_name: node, file_sd_configs: [{files: ['targets*.json']}]}, \
               {job_name: fixed, static_configs: [{targets: ['s:1']}]}]";
    fs::write(&setup.config, two).expect("written");
    assert_eq!(daemon.request("POST", "/-/reload", &[]).status, 200);
    daemon.wait_for("/sd/fixed", |list| list.contains("s:1"));
    daemon.wait_for("/sd/node", |list| list.contains("a:9100"));

    let succeeded = || metric(&daemon, "prometheus_config_last_reload_success_timestamp_seconds");
    let before = succeeded();
    assert!(before > 1.7e9, "{before}");
    // So that a success now would be seen as one.
    wait_until("the clock to go on", || (unix_seconds() > before.ceil()).then_some(()));
    fs::write(
        &setup.config,
        "scrape_configs: [{job_name: node, scrape_intervall: 5s}]",
    )
    .expect("written");
    let refused = daemon.request("PUT", "/-/reload", &[]);
    assert_eq!(refused.status, 500);
    assert!(
        refused.text().contains("prometheus.yml:1:35: scrape_configs[0]"),
        "{}",
        refused.text()
    );
    assert!(refused.text().contains("scrape_intervall"), "{}", refused.text());
    daemon.wait_for("/sd/fixed", |list| list.contains("s:1"));
    assert!(
        daemon
            .get("/metrics")
            .text()
            .contains("\nprometheus_config_last_reload_successful 0\n")
    );
    assert_eq!(succeeded(), before, "it was no success");

    // What it would have changed would be seen with what comes next, after the throttle.
    replace(&setup.targets, r#"[{"targets": ["b:9100"]}]"#);
    daemon.wait_for("/sd/node", |list| list.contains("b:9100"));
    daemon.wait_for("/sd/node?relabelled=true", |list| list.contains("b:9100"));
    for path in ["/sd/fixed", "/sd/fixed?relabelled=true"] {
        assert!(
            daemon.get(path).text().contains("s:1"),
            "{path}: {}",
            daemon.get(path).text()
        );
    }

    fs::write(&setup.config, CONFIG).expect("written");
    daemon.signal(Signal::HUP);
    wait_until("the job to go", || {
        (daemon.get("/sd/fixed").status == 404).then_some(())
    });
    let metrics = daemon.get("/metrics").text();
    assert!(metrics.contains("\nprometheus_config_last_reload_successful 1\n"));
    assert!(succeeded() > before);
    assert!(
        !metrics.contains("config=\"fixed\""),
        "series of removed sets disappear"
    );
    let unknown = daemon.get("/sd/fixed").json();
    assert_eq!(unknown["jobs"], json!(["node"]));
}

#[test]
fn it_reloads_by_itself_when_asked_to() {
    let setup = Setup::new();
    fs::write(&setup.config, "scrape_config_files: ['jobs-*.yml']").expect("written");
    let daemon = setup.start(&["--auto-reload=20ms"]);
    let job =
        |name: &str| format!("scrape_configs: [{{job_name: {name}, static_configs: [{{targets: ['{name}:1']}}]}}]");
    replace(&setup.folder.path().join("jobs-a.yml"), &job("a"));
    daemon.wait_for("/sd/a", |list| list.contains("a:1"));
    replace(&setup.folder.path().join("jobs-b.yml"), &job("a"));
    daemon.logged("the failed reload", |entry| entry["problems"].as_str().map(drop));
    replace(&setup.folder.path().join("jobs-b.yml"), &job("b"));
    daemon.wait_for("/sd/b", |list| list.contains("b:1"));
    assert_eq!(
        daemon.log_count(|entry| entry["problems"].is_string()),
        1,
        "one change is tried once"
    );
    assert_eq!(reloads(&daemon), 2);
}

fn reloads(daemon: &Daemon) -> usize {
    daemon.log_count(|entry| {
        let message = entry["message"].as_str();
        message.is_some_and(|message| message.starts_with("the configuration was reloaded"))
    })
}

/// While one that was started later takes two changes, which each have to stay as they are for a while, it has looked
/// hundreds of times.
#[test]
fn without_a_change_nothing_is_reloaded() {
    let [quiet, busy] = [Setup::new(), Setup::new()];
    let daemon = quiet.start(&["--auto-reload=20ms"]);
    let other = busy.start(&["--auto-reload=20ms"]);
    for (number, target) in ["a:1", "b:1"].into_iter().enumerate() {
        let job = format!("{{job_name: fixed, static_configs: [{{targets: ['{target}']}}]}}");
        replace(&busy.config, &format!("scrape_configs: [{job}]"));
        other.wait_for("/sd/fixed", |list| list.contains(target));
        wait_until("it to be said", || (reloads(&other) == number + 1).then_some(()));
    }
    assert_eq!(reloads(&daemon), 0);
    daemon.wait_for("/sd/node", |list| list.contains("a:9100"));
}

#[test]
fn it_ends_cleanly() {
    for signal in [Signal::TERM, Signal::INT] {
        let setup = Setup::new();
        let mut daemon = setup.start(&[]);
        daemon.wait_for("/sd/node", |list| list.contains("a:9100"));
        daemon.signal(signal);
        assert_eq!(daemon.ended().code(), Some(0));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn as_many_files_may_be_open_as_the_system_allows() {
    let setup = Setup::new();
    let daemon = setup.start(&[]);
    let metrics = daemon.get("/metrics").text();
    let most = rustix::process::getrlimit(rustix::process::Resource::Nofile)
        .maximum
        .expect("a limit");
    assert!(metrics.contains(&format!("\nprocess_max_fds {most}\n")), "{metrics}");
}

/// Each reload waits until its sets are seen, which a slow throttle makes seconds.
#[test]
fn a_burst_of_reloads_does_not_hold_up_the_end() {
    let setup = Setup::new();
    let config = setup.config.to_str().expect("UTF-8");
    let mut daemon = Daemon::start(&["--config", config, "--throttle", "ticker:1m"]);
    for _ in 0..50 {
        daemon.signal(Signal::HUP);
    }
    daemon.logged("a reload", |entry| {
        entry["message"].as_str()?.contains("was reloaded").then_some(())
    });
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.ended().code(), Some(0));
    let reloads = daemon.log_count(|entry| {
        entry["message"]
            .as_str()
            .is_some_and(|printed| printed.contains("was reloaded"))
    });
    assert!(reloads <= 3, "many requests become one reload: {reloads}");
}

#[test]
fn without_a_configuration_it_shows_this_machine() {
    let daemon = Daemon::start(&["--throttle", "backoff:0..100ms"]);
    let address = daemon.logged("the address", |entry| entry["address"].as_str().map(str::to_owned));
    let (_, port) = address.rsplit_once(':').expect("a port");
    daemon.wait_for("/sd/local", |list| list.contains(&format!(":{port}\"")));
}

#[test]
fn a_wrong_start_is_explained() {
    let setup = Setup::new();
    fs::write(&setup.config, "scrape_configs: [{}]").expect("written");
    let output = support::headcount()
        .arg("run")
        .arg("--config")
        .arg(&setup.config)
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    let printed = String::from_utf8_lossy(&output.stderr);
    assert!(
        printed.contains("prometheus.yml:1:18: scrape_configs[0]: job_name is missing"),
        "{printed}"
    );

    let daemon = Daemon::start(&[]);
    let address = daemon.logged("the address", |entry| entry["address"].as_str().map(str::to_owned));
    let output = support::headcount()
        .args(["run", "--listen", &address])
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    let printed = String::from_utf8_lossy(&output.stderr);
    assert!(printed.contains(&format!("listening on {address}")), "{printed}");
}
