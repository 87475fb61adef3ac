//! Text from elsewhere that would command a terminal, begin lines of its own, or turn letters around.

#![allow(clippy::expect_used, reason = "a panic is a test's report")]

mod support;

use std::fs;
use std::process::Stdio;

use headcount_core::{is_printable, printable};
use support::{Setup, headcount, wait_until};

/// Colours, a title, a row that is none, a reversal, and C1's way to begin a command.
const ADDRESS: &str = "a\u{1b}[31m\u{1b}]0;x\u{7}\nnode  fake.example:9100\u{202e}\u{9b}1m:9100";

fn setup() -> Setup {
    let setup = Setup::new();
    let list = serde_json::json!([
        {"targets": [ADDRESS], "labels": {"rack": ADDRESS, "__meta_x": ADDRESS}},
        {"targets": ["b:9100"], "labels": {"rack": ADDRESS}},
    ]);
    fs::write(&setup.targets, list.to_string()).expect("written");
    setup
}

fn assert_printable(what: &str, text: &str) {
    let wrong = text
        .chars()
        .find(|letter| !is_printable(*letter) && !"\n\t".contains(*letter));
    assert_eq!(wrong, None, "{what}: {text:?}");
    assert!(!text.contains("\nnode  fake.example"), "{what}: {text}");
}

#[test]
fn no_command_prints_it_as_it_is() {
    let setup = setup();
    let config = setup.config.display().to_string();
    let run = |arguments: &[&str]| {
        let output = headcount().args(arguments).output().expect("it runs");
        String::from_utf8([output.stdout, output.stderr].concat()).expect("UTF-8")
    };
    for command in [
        &["sd", &config][..],
        &["sd", &config, "--output", "json"],
        &["sd", &config, "--output", "yaml"],
        &["sd", &config, "--output", "file-sd"],
        &["sd", &config, "--targets", "--dropped"],
        &["sd", &config, "--targets", "--dropped", "--output", "json"],
        &["explain", ADDRESS, "--config", &config],
        &["explain", "b:9100", "--config", &config],
        &["explain", "c\u{1b}[1m", "--config", &config],
    ] {
        let printed = run(command);
        let is_seen = ["u001b", "u{1b}"].iter().any(|escaped| printed.contains(escaped));
        assert!(is_seen, "{command:?}: {printed}");
        assert_printable(&format!("{command:?}"), &printed);
    }
    let list: serde_json::Value = serde_json::from_str(&run(&["sd", &config, "--output", "file-sd"])).expect("JSON");
    assert_eq!(list[0]["targets"][0], ADDRESS, "programs get what was found");
}

#[test]
fn no_log_has_it_as_it_is() {
    let setup = setup();
    // A job's name is in messages and in the metrics.
    let name = serde_json::to_string(ADDRESS).expect("JSON");
    let name = printable(&name);
    setup.write(&format!(
        "scrape_configs: [{{job_name: {name}, file_sd_configs: [{{files: [targets.json]}}]}}]"
    ));
    let daemon = setup.start(&["--log-level", "trace"]);
    daemon.wait_for("/metrics", |text| text.contains("u001b"));
    for path in ["/metrics", "/-/ready", "/config"] {
        assert_printable(path, &daemon.get(path).text());
    }
    drop(daemon);

    let log = setup.folder.path().join("log");
    let mut child = headcount()
        .args(["run", "--listen", "127.0.0.1:0", "--log-level", "trace", "--config"])
        .arg(&setup.config)
        .stderr(Stdio::from(fs::File::create(&log).expect("a file")))
        .spawn()
        .expect("it runs");
    let text = wait_until("what is logged of it", || {
        let text = fs::read_to_string(&log).ok()?;
        ["u001b", "u{1b}"]
            .iter()
            .any(|escaped| text.contains(escaped))
            .then_some(text)
    });
    child.kill().ok();
    child.wait().ok();
    assert_printable("the log", &text);
}
