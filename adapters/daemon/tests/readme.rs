//! What the README says that headcount prints is what it prints.
//!
//! Commands that begin with `headcount` are run in `docs/example`, and compared word by word; those that ask a daemon
//! at its URL, in a copy of it where one runs that lost a host. Those that need a network are shown with `curl` or
//! `cargo`, and are not looked at.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a failed expectation is a failed test"
)]

use std::fs;
use std::path::Path;

use support::Daemon;
use tempfile::TempDir;

mod support;

/// Where the README says that the daemon is.
const URL: &str = "http://127.0.0.1:9099";

/// A command of the README, and what it is said to print.
struct Shown {
    command: String,
    output: String,
}

fn shown(readme: &str) -> Vec<Shown> {
    let mut all: Vec<Shown> = Vec::new();
    let mut is_console = false;
    let mut is_ours = false;
    for line in readme.lines() {
        match line.strip_prefix("```") {
            Some(language) => (is_console, is_ours) = (language == "console", false),
            None if !is_console => {}
            None => match line.strip_prefix("$ ") {
                Some(command) => {
                    is_ours = command.starts_with("headcount ");
                    if is_ours {
                        all.push(Shown {
                            command: command.to_owned(),
                            output: String::new(),
                        });
                    }
                }
                None if is_ours => {
                    let shown = all.last_mut().expect("a command was there");
                    shown.output += line;
                    shown.output.push('\n');
                }
                None => {}
            },
        }
    }
    all
}

/// Without what depends on when and where it runs.
fn settled(text: &str, folder: &Path) -> String {
    let text = text.replace(&folder.display().to_string(), "/srv/example");
    let lines = text.lines().map(|line| match line.split_once(", changed ") {
        Some((before, _)) => format!("{before}, changed 0s ago\n"),
        None => format!("{line}\n"),
    });
    let text: String = lines.collect();
    match text.starts_with("headcount ") {
        true => without_measures(&text),
        false => support::without_times(&text),
    }
}

/// What `status` says without what it measures: times, sizes and rates, and the widths of columns.
fn without_measures(text: &str) -> String {
    let is_unit = |word: &str| matches!(word.trim_end_matches([',', ')']), "B" | "KiB" | "MiB");
    let line = |line: &str| {
        let words: Vec<_> = line.split_whitespace().collect();
        let settled = words.iter().enumerate().map(|(place, word)| {
            let is_size = words.get(place + 1).is_some_and(|next| is_unit(next));
            let bare = word.trim_end_matches([',', ')']).trim_start_matches('<');
            let is_time = bare.ends_with('s') && headcount_core::parse_duration(bare).is_ok();
            let is_rate = bare.contains('.') && bare.parse::<f64>().is_ok();
            match *word {
                _ if is_size || is_time || is_rate => "N",
                word if is_unit(word) => "UNIT",
                word => word,
            }
        });
        settled.collect::<Vec<_>>().join(" ")
    };
    text.lines().map(|text| line(text) + "\n").collect()
}

/// A daemon over a copy of the example, whose list has lost a host since.
fn daemon_that_lost_a_host(example: &Path) -> (TempDir, Daemon) {
    let folder = support::folder(&[]);
    let targets = folder.path().join("targets");
    fs::create_dir(&targets).unwrap();
    fs::copy(example.join("prometheus.yml"), folder.path().join("prometheus.yml")).unwrap();
    for entry in fs::read_dir(example.join("targets")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), targets.join(entry.file_name())).unwrap();
    }
    let daemon = Daemon::with_config(&folder.path().join("prometheus.yml"), &[]);
    daemon.wait_for("/sd/node", |list| list.contains("db22"));
    let list = targets.join("r2.json");
    let with = fs::read_to_string(&list).unwrap();
    let without = with.replace(", \"db22.example.org:9100\"", "");
    assert_ne!(with, without, "the host is in the list");
    support::replace(&list, &without);
    daemon.wait_for("/api/v1/events?host=db22.example.org", |text| {
        text.contains("\"disappeared\"")
    });
    daemon.wait_for("/api/v1/targets", |targets| !targets.contains("db22"));
    (folder, daemon)
}

#[test]
fn commands_print_what_it_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap();
    let folder = root.join("docs/example");
    let commands = shown(&std::fs::read_to_string(root.join("README.md")).unwrap());
    assert!(commands.len() >= 6, "the README shows {} commands", commands.len());
    let (copy, daemon) = daemon_that_lost_a_host(&folder);
    let copy = copy.path().canonicalize().unwrap();
    for Shown { command, output } in commands {
        let folder = if command.contains(URL) { &copy } else { &folder };
        let command = command.replace(URL, &daemon.url());
        let words = command.split_whitespace().skip(1);
        let ran = support::headcount().current_dir(folder).args(words).output().unwrap();
        let printed = String::from_utf8([ran.stdout, ran.stderr].concat()).unwrap();
        assert_eq!(settled(&printed, folder), settled(&output, folder), "$ {command}");
    }
}

/// Settings that somebody copies from the README are right.
#[test]
fn the_settings_that_are_shown_are_right() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap();
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let shown = readme
        .split("```yaml\n")
        .find(|block| block.starts_with("# yaml-language-server:"));
    let (settings, _) = shown.and_then(|block| block.split_once("```")).expect("the settings");
    let folder = tempfile::tempdir().unwrap();
    fs::copy(
        root.join("docs/example/prometheus.yml"),
        folder.path().join("prometheus.yml"),
    )
    .unwrap();
    fs::create_dir(folder.path().join("targets")).unwrap();
    fs::write(folder.path().join("headcount.yml"), settings).unwrap();
    let checked = support::headcount()
        .current_dir(folder.path())
        .args(["check", "prometheus.yml"])
        .output()
        .unwrap();
    let printed = String::from_utf8(checked.stdout).unwrap();
    assert_eq!(printed, "prometheus.yml: ok: 3 jobs, 0 Alertmanager configs, 2 files\n");
}
