//! `headcount run` over a restart, as a process that is killed.

#![allow(clippy::expect_used, reason = "a panic is a test's report")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;
use support::{Daemon, Setup, Upstream, headcount, replace, wait_until};

/// A folder, a configuration with a source that can die and one that does not, and a place for state.
struct Restarts {
    setup: Setup,
    upstream: Upstream,
    state: String,
}

impl Restarts {
    fn new() -> Self {
        let setup = Setup::new();
        let upstream = Upstream::start(200, r#"[{"targets": ["u:1", "u:2"]}]"#);
        let url = &upstream.url;
        setup.write(&format!(
            "scrape_configs: [{{job_name: node, file_sd_configs: [{{files: ['targets*.json']}}], \
             http_sd_configs: [{{url: '{url}', basic_auth: {{username: u, password: hunter2}}}}]}}]\n\
             alerting: {{alertmanagers: [{{static_configs: [{{targets: ['am:9093']}}]}}]}}"
        ));
        let state = setup.folder.path().join("state").display().to_string();
        Self { setup, upstream, state }
    }

    fn start(&self) -> Daemon {
        self.setup.start(&["--state-dir", &self.state])
    }

    /// Runs until all is saved, and is killed then; the source that can die has.
    fn run_and_die(&self) {
        let mut daemon = self.start();
        daemon.wait_for("/sd/node", |list| list.contains("u:2"));
        self.wait_until_saved(3);
        daemon.signal(Signal::KILL);
        daemon.ended();
        self.upstream.answer(500, "");
    }

    /// The one folder in the folder of states.
    fn folder(&self) -> PathBuf {
        let mut entries = fs::read_dir(&self.state).expect("a folder");
        entries.next().expect("a folder in it").expect("an entry").path()
    }

    /// Waits until all that the daemon serves now is saved.
    fn wait_until_saved(&self, targets: usize) {
        wait_until("the state to be saved", || {
            let shown = self.show().ok()?;
            let scrape = shown.as_array()?.iter().find(|state| state["manager"] == "scrape")?;
            (scrape["targets"] == targets).then_some(())
        });
    }

    fn show(&self) -> Result<Value, String> {
        let shown = headcount()
            .args(["state", "show", &self.state, "--output", "json"])
            .output();
        let shown = shown.expect("it runs");
        if shown.status.code() != Some(0) {
            return Err(String::from_utf8_lossy(&shown.stderr).into_owned());
        }
        serde_json::from_slice(&shown.stdout).map_err(|error| error.to_string())
    }
}

fn message(entry: &Value) -> &str {
    entry["message"].as_str().unwrap_or_default()
}

fn restored(daemon: &Daemon) -> Option<Value> {
    let all = daemon.get("/api/v1/providers").json();
    let providers = all["data"]["providers"].as_array()?;
    providers.iter().find(|provider| provider["kind"] == "http").cloned()
}

/// A file is empty when it is about to be written, or after the machine has failed.
#[test]
fn an_empty_configuration_forgets_nothing() {
    let restarts = Restarts::new();
    restarts.run_and_die();
    let file = restarts.setup.folder.path().join("prometheus.yml");
    let whole = fs::read_to_string(&file).expect("it is there");
    for blank in ["", "\n \n"] {
        fs::write(&file, blank).expect("written");
        let mut run = headcount();
        run.args(["run", "--listen", "127.0.0.1:0", "--state-dir", &restarts.state]);
        let out = run.arg("--config").arg(&file).output().expect("it runs");
        let said = String::from_utf8_lossy(&out.stderr);
        assert_eq!(out.status.code(), Some(1), "{said}");
        assert!(said.contains("it is empty, and was not before"), "{said}");
    }
    fs::write(&file, whole).expect("written");
    let daemon = restarts.start();
    daemon.wait_for("/sd/node", |list| list.contains("u:1") && list.contains("u:2"));

    // Nothing was known of this one.
    let other = restarts.setup.folder.path().join("other.yml");
    fs::write(&other, "").expect("written");
    Daemon::with_config(&other, &["--state-dir", &restarts.state]).get("/-/healthy");
}

/// It was taken as it is, and what the missing job had was forgotten.
#[test]
fn b11_a_configuration_that_goes_on_being_written_at_a_start_forgets_nothing() {
    let restarts = Restarts::new();
    restarts.run_and_die();
    let file = restarts.setup.folder.path().join("prometheus.yml");
    let whole = fs::read_to_string(&file).expect("it is there");
    let is_over = AtomicBool::new(false);
    let out = std::thread::scope(|scope| {
        // Something else each time that it is looked at, and never a configuration that is wrong.
        scope.spawn(|| {
            for number in 0_u64.. {
                replace(&file, &format!("global: {{}}\n# {number}\n"));
                if is_over.load(Ordering::Relaxed) {
                    break;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let started = || {
            let mut run = headcount();
            run.args(["run", "--listen", "127.0.0.1:0", "--state-dir", &restarts.state]);
            run.arg("--config").arg(&file).output().expect("it runs")
        };
        let out = started();
        is_over.store(true, Ordering::Relaxed);
        out
    });
    let said = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(1), "{said}");
    assert!(said.contains("lacks sources of which something was saved"), "{said}");
    fs::write(&file, whole).expect("written");
    let daemon = restarts.start();
    daemon.wait_for("/sd/node", |list| list.contains("u:1") && list.contains("u:2"));
}

#[test]
fn a_source_that_died_is_served_as_it_was_and_others_go_on() {
    let restarts = Restarts::new();
    restarts.run_and_die();
    replace(&restarts.setup.targets, r#"[{"targets": ["b:9100"]}]"#);
    let mut daemon = restarts.start();
    // From the first answer on: a 503 would be right, too, but a list without them never is.
    let list = daemon.wait_for("/sd/node", |list| {
        assert!(list.contains("u:1") && list.contains("u:2"), "{list}");
        list.contains("b:9100")
    });
    let header = list.header("x-headcount-restored").expect("it says so").to_owned();
    assert!(header.starts_with("http/") && header.contains(";age="), "{header}");
    assert!(list.header("x-headcount-incomplete").is_none());
    let ready = daemon.wait_for("/-/ready", |_| true).text();
    assert!(
        ready.contains("node has what http/") && ready.contains("before the restart"),
        "{ready}"
    );
    wait_until("the failure to be seen", || {
        let provider = restored(&daemon)?;
        let health = &provider["health"];
        (health["state"] == "failing" && health["restored_age"].is_null() && health["restoredAge"].is_number())
            .then_some(())
    });
    let sd = daemon.get("/sd").json();
    assert!(sd["jobs"][0]["restored_age"].is_number(), "{sd}");
    assert_eq!(
        (&sd["jobs"][0]["complete"], &sd["jobs"][0]["targets"]),
        (&true.into(), &3.into())
    );
    daemon.wait_for("/metrics", |metrics| {
        metrics.contains("headcount_sd_provider_restored_timestamp_seconds{")
            && metrics.contains("headcount_state_failing{name=\"scrape\"} 0")
    });
    daemon.logged("what was restored", |entry| {
        (message(entry).contains("before the restart is served") && entry["targets"] == 3).then_some(())
    });
    daemon.wait_for("/api/v1/alertmanagers", |list| list.contains("am:9093"));

    // A second life without an answer does not make it any younger.
    let as_of = restored(&daemon).expect("it is there")["health"]["restored"].as_f64();
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.ended().code(), Some(0));
    let daemon = restarts.start();
    daemon.wait_for("/sd/node", |list| list.contains("u:1"));
    let again = restored(&daemon).expect("it is there")["health"]["restored"].as_f64();
    let (before, after) = (as_of.expect("a time"), again.expect("a time"));
    assert!((before - after).abs() < 0.1, "{before} is {after}");

    restarts.upstream.answer(200, r#"[{"targets": ["u:3"]}]"#);
    assert_eq!(daemon.request("POST", "/-/reload", &[]).status, 200);
    drop(daemon);
    let daemon = restarts.start();
    let list = daemon.wait_for("/sd/node", |list| list.contains("u:3") && !list.contains("u:1"));
    assert_eq!(list.header("x-headcount-restored"), None, "it is known better");
    assert!(
        !daemon
            .get("/metrics")
            .text()
            .contains("provider_restored_timestamp_seconds{")
    );
}

#[test]
fn what_is_saved_is_shown_and_holds_no_secret() {
    let restarts = Restarts::new();
    let mut daemon = restarts.start();
    daemon.wait_for("/sd/node", |list| list.contains("u:2") && list.contains("a:9100"));
    restarts.wait_until_saved(3);
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.ended().code(), Some(0));
    let shown = restarts.show().expect("it can be shown");
    let scrape = shown
        .as_array()
        .expect("a list")
        .iter()
        .find(|state| state["manager"] == "scrape");
    let scrape = scrape.expect("it is there");
    assert_eq!(scrape["config"], restarts.setup.config.display().to_string());
    let providers = scrape["providers"].as_array().expect("a list");
    let http = providers
        .iter()
        .find(|provider| provider["kind"] == "http")
        .expect("it is there");
    assert_eq!((&http["targets"], &http["subscribers"][0]), (&2.into(), &"node".into()));
    assert!(
        http["firstWhole"].is_number() && http["age"].as_f64().is_some_and(|age| age < 60.0),
        "{http}"
    );
    let base = restarts.folder().join("scrape.base");
    let table = headcount()
        .args(["state", "show"])
        .arg(&base)
        .output()
        .expect("it runs");
    let table = String::from_utf8(table.stdout).expect("UTF-8");
    assert!(table.contains("2 providers with 3 targets as of "), "{table}");
    assert!(
        table
            .lines()
            .any(|line| line.starts_with("http ") && line.contains("/list")),
        "{table}"
    );
    for entry in fs::read_dir(restarts.folder()).expect("a folder") {
        let path = entry.expect("an entry").path();
        let content = fs::read(&path).expect("a file");
        assert!(
            !content.windows(7).any(|window| window == b"hunter2"),
            "{}",
            path.display()
        );
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(
            fs::metadata(&path).expect("a file").permissions().mode() & 0o777,
            0o600,
            "{}",
            path.display()
        );
    }
    let nothing = headcount()
        .args(["state", "show"])
        .arg(restarts.setup.folder.path())
        .output()
        .expect("it runs");
    assert_eq!(nothing.status.code(), Some(2));
    let said = String::from_utf8_lossy(&nothing.stderr);
    assert!(said.contains("there is no saved state in "), "{said}");
    let missing = headcount()
        .args(["state", "show", "/nonexistent"])
        .output()
        .expect("it runs");
    assert_eq!(missing.status.code(), Some(2));
}

#[test]
fn a_second_instance_runs_without_and_one_that_is_told_to_keeps_nothing() {
    let restarts = Restarts::new();
    let first = restarts.start();
    first.wait_for("/sd/node", |list| list.contains("u:2"));
    let second = restarts.start();
    second.wait_for("/sd/node", |list| list.contains("u:2"));
    second.logged("that it runs without", |entry| {
        entry["error"]
            .as_str()
            .is_some_and(|error| error.contains("another headcount uses"))
            .then_some(())
    });
    assert!(!second.get("/metrics").text().contains("headcount_state_"));
    assert!(first.log_count(|entry| message(entry).contains("saved state")) == 0);
    drop((first, second));

    let setup = Setup::new();
    let home = setup.folder.path().join("home");
    let start = |options: &[&str]| {
        let mut command = headcount();
        command.env("HOME", &home);
        let config = setup.config.to_str().expect("UTF-8");
        let daemon = Daemon::launch(command, &[&["--config", config], options].concat());
        daemon.wait_for("/sd/node", |list| list.contains("a:9100"));
        daemon
    };
    assert!(
        !start(&["--no-state"])
            .get("/metrics")
            .text()
            .contains("headcount_state_")
    );
    assert!(!home.exists());
    let by_default = start(&[]);
    by_default.wait_for("/metrics", |metrics| {
        metrics.contains("headcount_state_failing{name=\"scrape\"} 0")
    });
    assert!(home.join(".local/state/headcount").is_dir());
}

#[test]
fn what_can_not_be_written_is_said_once_and_discovery_goes_on() {
    let restarts = Restarts::new();
    fs::write(&restarts.state, "in the way").expect("written");
    let daemon = restarts.start();
    daemon.wait_for("/sd/node", |list| list.contains("u:2"));
    daemon.logged("that it can't be saved", |entry| {
        (message(entry).contains("can't be saved") && entry["manager"] == "scrape").then_some(())
    });
    daemon.wait_for("/metrics", |metrics| {
        metrics.contains("headcount_state_failing{name=\"scrape\"} 1")
    });
    replace(&restarts.setup.targets, r#"[{"targets": ["b:9100"]}]"#);
    daemon.wait_for("/sd/node", |list| list.contains("b:9100"));
    fs::remove_file(&restarts.state).expect("removed");
    daemon.logged("that it is saved again", |entry| {
        (message(entry).contains("saved again") && entry["manager"] == "scrape").then_some(())
    });
    restarts.wait_until_saved(3);
    let said = daemon.log_count(|entry| message(entry).contains("can't be saved") && entry["manager"] == "scrape");
    assert_eq!(said, 1);
}

#[test]
fn what_is_no_state_of_this_version_is_refused_and_nothing_worse() {
    let restarts = Restarts::new();
    let daemon = restarts.start();
    daemon.wait_for("/sd/node", |list| list.contains("u:2"));
    restarts.wait_until_saved(3);
    drop(daemon);
    let base = restarts.folder().join("scrape.base");
    let mut newer = fs::read(&base).expect("a file");
    newer[16] = 9;
    fs::write(&base, newer).expect("written");
    let shown = restarts.show().expect_err("it can't be read");
    assert!(
        shown.contains("format 9, which a newer version of headcount wrote"),
        "{shown}"
    );
    let daemon = restarts.start();
    daemon.logged("the refusal", |entry| {
        entry["error"]
            .as_str()
            .is_some_and(|error| error.contains("format 9"))
            .then_some(())
    });
    daemon.wait_for("/sd/node", |list| list.contains("u:2"));
    restarts.wait_until_saved(3);
    assert!(base.with_extension("refused").exists());
}

/// A list that a writer replaces again and again, while the daemon is killed at any moment.
#[test]
fn however_it_is_killed_it_has_what_was_there_a_moment_ago() {
    /// What may not have been saved yet: what changes within a second is one change, and then it is written.
    const LAG: Duration = Duration::from_secs(4);
    // A thousand with HEADCOUNT_LONG=100.
    let long = std::env::var("HEADCOUNT_LONG")
        .ok()
        .and_then(|long| long.parse::<u64>().ok());
    let rounds = long.map_or(12, |long| long.saturating_mul(10));
    let setup = Setup::new();
    let upstream = Upstream::start(500, "");
    setup.write(&format!(
        "scrape_configs: [{{job_name: node, http_sd_configs: [{{url: '{}', refresh_interval: 100ms}}]}}]",
        upstream.url
    ));
    let state = setup.folder.path().join("state");
    let state = state.to_str().expect("UTF-8");
    // When each number was seen to be served.
    let mut seen: Vec<(usize, Instant)> = Vec::new();
    let (mut number, mut killed) = (0, Instant::now());
    for round in 0..rounds {
        let daemon = setup.start(&["--state-dir", state]);
        // Nobody answers: what is served was saved.
        let oldest = seen.iter().rev().find(|(_, at)| *at + LAG < killed);
        let saved = match oldest {
            Some(_) => number_in(&daemon.wait_for("/sd/node", |_| true).text()),
            None => Some(daemon.get("/sd/node"))
                .filter(|answer| answer.status == 200)
                .and_then(|answer| number_in(&answer.text())),
        };
        assert!(saved <= Some(number), "{saved:?} never was, but {number}");
        if let Some((oldest, _)) = oldest {
            assert!(
                saved >= Some(*oldest),
                "in round {round} there is {saved:?}, not {oldest}"
            );
        }
        // Not as long as it takes to save it, and longer.
        let end = Instant::now() + Duration::from_millis(300 * (round * 5 % 17));
        loop {
            number += 1;
            upstream.answer(200, &content(number));
            daemon.wait_for("/sd/node", |list| number_in(list) == Some(number));
            seen.push((number, Instant::now()));
            if Instant::now() >= end {
                break;
            }
        }
        upstream.answer(500, "");
        killed = Instant::now();
        drop(daemon);
    }
}

fn content(number: usize) -> String {
    let group = |name: &str| format!(r#"{{"targets": ["{name}:{number}"], "labels": {{"of": "{number}"}}}}"#);
    format!("[{}, {}]", group("a"), group("b"))
}

/// The number that all of a list has.
fn number_in(list: &str) -> Option<usize> {
    let value: Value = serde_json::from_str(list).expect("JSON");
    let groups = value.as_array().expect("a list");
    let numbers: Vec<_> = groups.iter().map(|group| group["labels"]["of"].as_str()).collect();
    let first = *numbers.first()?;
    assert!(
        numbers.len() == 2 && numbers.iter().all(|number| *number == first),
        "half of a change: {list}"
    );
    first.and_then(|number| number.parse().ok())
}

#[test]
fn nothing_but_run_touches_it() {
    let restarts = Restarts::new();
    let home = restarts.setup.folder.path().join("home");
    let config = restarts.setup.config.to_str().expect("UTF-8");
    for arguments in [
        &["check", config][..],
        &["sd", config],
        &["explain", "--config", config, "a"],
        &["state", "show", Path::new("/").to_str().expect("UTF-8")],
    ] {
        headcount()
            .env("HOME", &home)
            .args(arguments)
            .output()
            .expect("it runs");
    }
    assert!(!home.exists());
}

/// It was waited for again, and what came to the others was not seen meanwhile.
#[test]
fn b10_a_source_that_was_waited_out_is_not_waited_for_after_a_restart() {
    let restarts = Restarts::new();
    restarts.upstream.answer(500, "");
    let settings = |after: &str| {
        let text = format!("{{defaults: {{incomplete_after: {after}}}}}");
        restarts.setup.write_settings(&text);
    };
    settings("1s");
    let mut daemon = restarts.start();
    let list = daemon.wait_for("/sd/node", |list| list.contains("a:9100"));
    assert!(list.header("x-headcount-incomplete").is_some());
    wait_until("it to be saved", || {
        let shown = restarts.show().ok()?;
        let scrape = shown.as_array()?.iter().find(|state| state["manager"] == "scrape")?;
        let mut providers = scrape["providers"].as_array()?.iter();
        let dead = providers.find(|provider| provider["kind"] == "http")?;
        (dead["waitedOut"] == true && scrape["targets"] == 1).then_some(())
    });
    daemon.signal(Signal::KILL);
    daemon.ended();

    // Longer than anybody waits here.
    settings("1h");
    replace(&restarts.setup.targets, r#"[{"targets": ["a:9100", "b:9100"]}]"#);
    let daemon = restarts.start();
    let list = daemon.wait_for("/sd/node", |list| list.contains("b:9100"));
    assert!(list.text().contains("a:9100"), "{}", list.text());
    let lacking = list.header("x-headcount-incomplete").expect("it says so");
    assert!(lacking.starts_with("http/"), "{lacking}");
    assert!(list.header("x-headcount-restored").is_none(), "nothing was found by it");
}

/// A container without a home kept nothing, and nobody heard of it before the first restart.
#[test]
fn that_there_is_no_place_for_state_is_said_once() {
    let restarts = Restarts::new();
    let about = |entry: &Value| message(entry).starts_with("nothing is kept over a restart, because there is no place");
    let daemon = restarts.setup.start(&[]);
    daemon.wait_for("/sd/node", |list| list.contains("u:1"));
    assert_eq!(daemon.log_count(|entry| about(entry) && entry["level"] == "INFO"), 1);
    for options in [&["--no-state"][..], &["--state-dir", &restarts.state]] {
        let daemon = restarts.setup.start(options);
        daemon.wait_for("/sd/node", |list| list.contains("u:1"));
        assert_eq!(daemon.log_count(about), 0, "{options:?}");
    }
}

/// Who waits for a pipe waits for ever.
#[cfg(unix)]
#[test]
fn what_is_no_file_is_not_shown() {
    let out = headcount()
        .args(["state", "show", "/dev/zero"])
        .output()
        .expect("it runs");
    assert_eq!(out.status.code(), Some(2));
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(
        said.contains("/dev/zero is neither a file nor a folder; name a saved state"),
        "{said}"
    );
}
