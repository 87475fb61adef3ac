//! Secrets of a configuration are nowhere but where they are sent to.

#![allow(clippy::expect_used, reason = "a panic is a test's report")]

mod support;

use std::fs;
use std::path::Path;

use support::{Setup, Upstream, headcount, wait_until};

/// What stands in every setting that takes a secret, and must be seen nowhere.
const MARKER: &str = "hunter2-marker";

/// Jobs with a secret in every way to say one. `UP` is a server that answers, `DOWN` one that is not there.
const CONFIG: &str = r#"
global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs:
- job_name: url
  http_sd_configs: [{url: 'http://who:MARKER@UP/list?dc=1&token=MARKER', refresh_interval: 1s}]
  params: {module: [a], api_key: [MARKER]}
  relabel_configs:
  - {source_labels: [__param_api_key], regex: nothing, action: drop}
  - {source_labels: [__param_api_key], target_label: __param_session_token}
- job_name: away
  http_sd_configs: [{url: 'http://who:MARKER@DOWN/list?signature=MARKER', refresh_interval: 1s}]
- job_name: headers
  http_sd_configs:
  - url: http://UP/list
    http_headers: {X-One: {secrets: [MARKER]}, X-Auth-Token: {values: [MARKER]}}
    basic_auth: {username: who, password: MARKER}
  - url: http://UP/list
    oauth2: {client_id: who, client_secret: MARKER, token_url: 'http://DOWN/?key=MARKER', endpoint_params: {password: MARKER}}
  - url: http://UP/list
    proxy_url: http://who:MARKER@DOWN
    proxy_connect_header: {X-Two: [MARKER]}
    authorization: {credentials: MARKER}
- job_name: consul
  consul_sd_configs: [{server: UP, token: MARKER}, {server: DOWN, username: who, password: MARKER}]
- job_name: scraped
  basic_auth: {username: who, password: MARKER}
  http_headers: {X-Three: {secrets: [MARKER]}}
  params: {token: [MARKER], key: [MARKER, MARKER]}
  static_configs: [{targets: [UP, DOWN]}]
- job_name: dropped
  params: {token: [MARKER]}
  static_configs: [{targets: ['a:1']}]
  relabel_configs: [{source_labels: [__param_token], regex: '.+', action: drop}]
alerting:
  alertmanagers:
  - static_configs: [{targets: [DOWN]}]
    basic_auth: {username: who, password: MARKER}
remote_write: [{url: 'http://who:MARKER@DOWN/write?token=MARKER', bearer_token: MARKER}]
"#;

fn assert_clean(what: &str, text: &str) {
    let place = text.find(MARKER);
    let around = place.map(|place| {
        let start = text.floor_char_boundary(place.saturating_sub(200));
        &text[start..text.ceil_char_boundary((place + 100).min(text.len()))]
    });
    assert_eq!(around, None, "{what}");
}

/// All files below a folder, but those of the configuration.
fn assert_clean_files(folder: &Path, given: &[&Path]) -> usize {
    let mut count = 0;
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            count += assert_clean_files(&path, given);
        } else if !given.contains(&path.as_path()) {
            count += 1;
            let content = fs::read(&path).expect("a file");
            assert_clean(&path.display().to_string(), &String::from_utf8_lossy(&content));
        }
    }
    count
}

/// Written `CONFIG`.
fn configured(upstream: &Upstream) -> Setup {
    let setup = Setup::new();
    let up = upstream.url.trim_start_matches("http://").trim_end_matches("/list");
    let config = CONFIG
        .replace("MARKER", MARKER)
        .replace("UP", up)
        .replace("DOWN", "127.0.0.1:1");
    fs::write(&setup.config, config).expect("written");
    setup
}

#[test]
fn a_running_daemon_shows_and_writes_none() {
    let upstream = Upstream::start(200, r#"[{"targets": ["127.0.0.1:1"]}]"#);
    let setup = configured(&upstream);
    let path = |name: &str| setup.folder.path().join(name);
    let text = |path: &Path| path.display().to_string();
    let (recording, output, state) = (path("incident.jsonl"), path("out"), path("state"));
    let options = ["--log-level", "trace", "--scrape", "--record", &text(&recording)];
    let outputs = [
        "--file-sd-dir",
        &text(&output),
        "--file-sd-relabelled",
        "--state-dir",
        &text(&state),
    ];
    let daemon = setup.start(&[&options[..], &outputs[..]].concat());
    daemon.wait_for("/sd/url", |list| list.contains("__meta_url"));
    daemon.wait_for("/api/v1/providers", |body| {
        body.matches("onnection refused").count() >= 4
    });
    daemon.wait_for("/api/v1/targets", |body| body.contains("\"health\":\"down\""));
    for path in [
        "/sd",
        "/sd/url",
        "/sd/url?relabelled=true",
        "/sd/away",
        "/sd/headers",
        "/sd/consul",
        "/sd/scraped?relabelled=true",
        "/api/v1/targets",
        "/api/v1/targets?state=any",
        "/api/v1/targets?state=dropped",
        "/api/v1/scrape_pools",
        "/api/v1/alertmanagers",
        "/api/v1/providers",
        "/api/v1/guard",
        "/api/v1/events",
        "/metrics",
        "/config",
        "/-/ready",
        "/nowhere",
    ] {
        let answer = daemon.get(path);
        // A parameter that a rule sets has to be told to whoever scrapes by this list.
        let told = answer
            .text()
            .replace(&format!(r#""__param_session_token":"{MARKER}""#), "");
        match path {
            "/sd/url?relabelled=true" => assert_clean(path, &told),
            _ => assert_clean(path, &answer.text()),
        }
    }
    assert!(daemon.get("/config").text().contains("<secret>"));
    assert!(daemon.get("/api/v1/targets").text().contains("token=<secret>"));
    assert_clean("/-/reload", &daemon.request("POST", "/-/reload", &[]).text());
    let broken = fs::read_to_string(&setup.config)
        .expect("the file")
        .replace("alerting:", "alertin:");
    fs::write(&setup.config, broken).expect("written");
    assert_clean("/-/reload", &daemon.request("POST", "/-/reload", &[]).text());
    for command in [
        &["explain", "127.0.0.1:1"][..],
        &["explain", "a:1"],
        &["explain", "nobody"],
        &["events"],
        &["guard", "list"],
        &["refresh", "http/0"],
    ] {
        assert_clean(
            command[0],
            &printed(&setup, &[command, &["--url", &daemon.url()]].concat()),
        );
    }
    let list = output.join("url.json");
    wait_until("the list's file", || {
        fs::read_to_string(&list)
            .ok()
            .filter(|list| list.contains("127.0.0.1:1"))
    });
    // The same exception.
    let told = fs::read_to_string(&list).expect("the file");
    fs::write(
        &list,
        told.replace(&format!(r#""__param_session_token":"{MARKER}""#), ""),
    )
    .expect("written");
    assert!(assert_clean_files(setup.folder.path(), &[&setup.config]) >= 5);
    daemon.assert_log(|line| assert_clean("the log", line));
    let mode = |path: &Path| {
        use std::os::unix::fs::PermissionsExt;
        fs::metadata(path).expect("a file").permissions().mode() & 0o777
    };
    assert_eq!(mode(&recording), 0o600);
}

/// What the command prints, on both ways out.
fn printed(setup: &Setup, arguments: &[&str]) -> String {
    let output = headcount()
        .current_dir(setup.folder.path())
        .args(arguments)
        .output()
        .expect("it runs");
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

#[test]
fn commands_print_none() {
    let upstream = Upstream::start(200, r#"[{"targets": ["127.0.0.1:1"]}]"#);
    let setup = configured(&upstream);
    let other = setup.folder.path().join("other.yml");
    let text = fs::read_to_string(&setup.config).expect("the file");
    fs::write(
        &other,
        text.replace("module: [a]", "module: [b]")
            .replace("job_name: headers", "job_name: titles"),
    )
    .expect("written");
    let (config, other) = (setup.config.display().to_string(), other.display().to_string());
    let inventory = setup.folder.path().join("hosts.txt");
    fs::write(&inventory, "a\nb\n").expect("written");
    let inventory = inventory.display().to_string();
    for command in [
        &["check", &config][..],
        &["check", "--output", "json", &config],
        &["sd", &config, "--timeout", "2s"],
        &["sd", &config, "--timeout", "2s", "--output", "yaml"],
        &["sd", &config, "--timeout", "2s", "--targets", "--dropped"],
        &[
            "sd",
            &config,
            "--timeout",
            "2s",
            "--targets",
            "--dropped",
            "--output",
            "json",
        ],
        &["explain", "127.0.0.1:1", "--config", &config, "--timeout", "2s"],
        &[
            "explain",
            "a:1",
            "--config",
            &config,
            "--timeout",
            "2s",
            "--output",
            "json",
        ],
        &[
            "coverage",
            "--inventory",
            &inventory,
            "--config",
            &config,
            "--timeout",
            "2s",
        ],
        &["diff", &config, &other, "--timeout", "2s"],
        &["diff", &config, &other, "--timeout", "2s", "--output", "json"],
    ] {
        let printed = printed(&setup, command);
        assert!(!printed.contains("unexpected argument"), "{command:?}: {printed}");
        assert_clean(&format!("{command:?}"), &printed);
    }
}

/// Whatever the registry has.
#[test]
fn checks_of_every_mechanism_s_entries_print_none() {
    let setup = Setup::new();
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../backends/src");
    for mechanism in headcount_backends::registry().iter() {
        let accepted = sources.join(mechanism.name()).join("testdata/accepted.yml");
        let entries = fs::read_to_string(accepted)
            .expect("the mechanism's test data")
            .replace("hunter2", MARKER);
        let entries = entries.replace('\n', "\n  ");
        let config = format!(
            "scrape_configs:\n- job_name: a\n  {}:\n  {entries}\n",
            mechanism.field()
        );
        fs::write(&setup.config, config).expect("written");
        assert_clean(
            mechanism.name(),
            &printed(&setup, &["check", &setup.config.display().to_string()]),
        );
    }
}
