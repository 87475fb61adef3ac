//! How much is said, and in which colours.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is a test's report")]

use std::process::{Command, Output};

/// One that is right, with something to remark.
const REMARKABLE: &str = "scrape_configs: [{job_name: a, static_configs: [{targets: ['a:1']}], relabel_configs: [{source_labels: [__meta_url], target_label: a}]}]\n";

fn headcount(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_headcount"))
        .args(arguments)
        .env_remove("NO_COLOR")
        .envs(variables.iter().copied())
        .output()
        .unwrap()
}

fn check(more: &[&str], variables: &[(&str, &str)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("p.yml");
    std::fs::write(&file, REMARKABLE).unwrap();
    let output = headcount(&[&["check", file.to_str().unwrap()], more].concat(), variables);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn colours_are_for_terminals_or_for_who_asks_for_them() {
    // Its standard output is no terminal here.
    let plain = check(&[], &[]);
    assert!(plain.contains("(warning)") && !plain.contains('\u{1b}'), "{plain}");
    let coloured = check(&["--color", "always"], &[("NO_COLOR", "1")]);
    assert!(
        coloured.contains("\u{1b}[33m") && coloured.contains("\u{1b}[32m"),
        "{coloured}"
    );
    assert_eq!(coloured.matches("\u{1b}[0m").count(), 2, "{coloured}");
    assert!(!check(&["--color", "always", "--output", "json"], &[]).contains('\u{1b}'));
    assert!(!check(&["--color", "never"], &[]).contains('\u{1b}'));
}

#[test]
fn who_wants_quiet_gets_no_notes_but_the_answer() {
    let quiet = check(&["-q"], &[]);
    assert!(!quiet.contains("(warning)") && quiet.contains(": ok: 1 job"), "{quiet}");
    let both = headcount(&["check", "-q", "-v", "p.yml"], &[]);
    assert_eq!(both.status.code(), Some(2), "{both:?}");
}
