//! What the README says that headcount prints is what it prints.
//!
//! Commands that begin with `headcount` are run in `docs/example`, and compared word by word. Those
//! that need a network or a running daemon are shown with `curl` or `cargo`, and are not looked at.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a failed expectation is a failed test"
)]

use std::path::Path;

mod support;

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
    lines.collect()
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
    for Shown { command, output } in commands {
        let words = command.split_whitespace().skip(1);
        let ran = support::headcount().current_dir(&folder).args(words).output().unwrap();
        let printed = String::from_utf8([ran.stdout, ran.stderr].concat()).unwrap();
        assert_eq!(settled(&printed, &folder), settled(&output, &folder), "$ {command}");
    }
}
