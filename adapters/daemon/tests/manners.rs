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

#[test]
fn many_notes_alike_are_one_line_unless_all_are_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("p.yml");
    // Each job drops its target, and looks at a label that a reader of its list overwrites.
    let job = |number: u32| {
        format!(
            "- job_name: j{number}\n  static_configs: [{{targets: ['a:1']}}]\n  relabel_configs: [{{source_labels: [__meta_url], target_label: a}}, {{action: drop}}]\n"
        )
    };
    let jobs: String = (0..50).map(job).collect();
    std::fs::write(&file, format!("scrape_configs:\n{jobs}")).unwrap();
    let said = |arguments: &[&str]| {
        let file = file.to_str().unwrap();
        let arguments: Vec<&str> = arguments
            .iter()
            .map(|word| if *word == "FILE" { file } else { word })
            .collect();
        let Output { stdout, stderr, .. } = headcount(&arguments, &[]);
        let [out, err] = [stdout, stderr].map(|text| String::from_utf8(text).unwrap());
        (out, err)
    };
    let (checked, _) = said(&["check", "FILE"]);
    assert_eq!(checked.matches("(warning)").count(), 1, "{checked}");
    assert!(checked.contains("; and 49 more like this, the last in "), "{checked}");
    let (checked, _) = said(&["check", "-v", "FILE"]);
    assert_eq!(checked.matches("(warning)").count(), 50, "{checked}");
    let (json, _) = said(&["check", "--output", "json", "FILE"]);
    assert_eq!(
        json.matches("relabel_configs[0]").count(),
        50,
        "programs get all of them"
    );

    let (_, sd) = said(&["sd", "--targets", "FILE"]);
    assert_eq!(sd.lines().count(), 2, "{sd}");
    assert!(sd.contains("headcount: not scraped, in 50 jobs: 50 dropped; "), "{sd}");
    let (_, sd) = said(&["sd", "--targets", "-v", "FILE"]);
    assert_eq!(sd.matches(": not scraped: 1 dropped; ").count(), 50, "{sd}");
    // Both sides remark the same.
    let (_, diff) = said(&["diff", "FILE", "FILE"]);
    assert_eq!(diff.lines().count(), 1, "{diff}");
    assert!(diff.contains("; and 99 more like this"), "{diff}");
}
