//! Shells complete names of jobs and providers.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is a test's report")]

mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use support::{Daemon, headcount};

/// One job's name has a letter at which bash breaks words, and one what a shell has to be told.
const CONFIG: &str = "scrape_configs:\n\
    - {job_name: node, static_configs: [{targets: ['a:1']}]}\n\
    - {job_name: 'team:web', static_configs: [{targets: ['b:1']}]}\n\
    - {job_name: 'two words', static_configs: [{targets: ['c:1']}]}\n";

/// What a shell prints that finds this build's headcount first.
fn shell(folder: &Path, name: &str, arguments: &[&str]) -> Option<String> {
    let binary = Path::new(env!("CARGO_BIN_EXE_headcount")).parent().unwrap();
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
    let output = Command::new(name)
        .args(arguments)
        .current_dir(folder)
        .env("PATH", path)
        .env("HOME", folder)
        .stdin(Stdio::null())
        .output()
        .ok()?;
    assert!(output.stderr.is_empty(), "{name}: {output:?}");
    Some(String::from_utf8(output.stdout).unwrap())
}

/// What bash offers for a line.
fn in_bash(folder: &Path, line: &str) -> Vec<String> {
    // As readline does it: words are broken at its own letters, and the function is the one that was registered.
    let script = r#"
        source <(headcount completions bash)
        COMP_LINE=$1 COMP_POINT=${#1} COMP_WORDS=(headcount)
        read -r _ _ _ _ _ _ function _ <<<"$(complete -p headcount)"
        "$function"
        printf '%s\n' "${COMPREPLY[@]}""#;
    let printed = shell(folder, "bash", &["--norc", "-c", script, "bash", line]).expect("there is a bash");
    printed
        .lines()
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect()
}

#[test]
fn names_are_those_of_the_daemon_or_the_file_that_is_meant() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("p.yml"), CONFIG).unwrap();
    fs::write(
        folder.path().join("wrong.yml"),
        "scrape_configs: [{job_name: lost}]\nglobal: 3\n",
    )
    .unwrap();
    let daemon = Daemon::with_config(&folder.path().join("p.yml"), &[]);
    daemon.wait_for("/-/ready", |_| true);
    let url = daemon.url();
    let bash = |line: &str| in_bash(folder.path(), &line.replace("URL", &url));

    // A job, or an address: all jobs, and nothing else is known.
    assert_eq!(
        bash("headcount explain --url URL "),
        ["node", "team:web", r"two\ words"]
    );
    assert_eq!(bash("headcount explain --config p.yml n"), ["node"]);
    // What bash takes for a word of its own is behind the colon.
    assert_eq!(bash("headcount events --url=URL --job team:w"), ["web"]);
    assert_eq!(
        bash("headcount coverage --url URL --job=t"),
        ["team:web", r"two\ words"]
    );
    assert_eq!(bash("headcount sd p.yml 'two"), ["two words"]);
    assert_eq!(bash("headcount refresh --url URL static/1"), ["static/1"]);
    assert_eq!(
        bash("headcount guard confirm --url URL s"),
        ["static/0", "static/1", "static/2"]
    );

    // Files, commands and flags, too; a file that is wrong has no jobs, and says nothing.
    assert_eq!(bash("headcount sd p.y"), ["p.yml"]);
    assert_eq!(bash("headcount expl"), ["explain"]);
    assert_eq!(bash("headcount refresh --man"), ["--manager"]);
    assert_eq!(bash("headcount sd wrong.yml l"), [""; 0]);
    // Who does not answer has no names.
    assert_eq!(bash("headcount refresh --url http://127.0.0.1:1 s"), [""; 0]);
}

#[test]
fn other_shells_get_what_stands_beside_a_name_as_well() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("p.yml"), CONFIG).unwrap();
    let daemon = Daemon::with_config(&folder.path().join("p.yml"), &[]);
    daemon.wait_for("/-/ready", |_| true);
    let url = daemon.url();

    // zsh's script asks so; a `:` in a name is escaped, because it would begin the description.
    let output = headcount()
        .env("HEADCOUNT_COMPLETE", "zsh")
        .env("_CLAP_COMPLETE_INDEX", "4")
        .env("_CLAP_IFS", "\n")
        .args(["--", "headcount", "explain", "--url", &url, "t"])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "team\\:web\ntwo words");

    // Where there is a fish, it is asked itself.
    let script = format!("headcount completions fish | source; complete -C 'headcount refresh --url {url} static/1'");
    if let Some(printed) = shell(folder.path(), "fish", &["--no-config", "-c", &script]) {
        assert_eq!(printed, "static/1\tb:1\n");
    }
}

#[test]
fn a_question_that_makes_no_sense_has_no_answer() {
    for (shell, asked) in [
        ("tcsh", &["--", "headcount", "s"][..]),
        ("bash", &[]),
        ("bash", &["--"]),
    ] {
        let output = headcount()
            .env("HEADCOUNT_COMPLETE", shell)
            .args(asked)
            .output()
            .unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        assert!(shell == "bash" || output.stdout.is_empty(), "{output:?}");
    }
    let completed = headcount()
        .env("HEADCOUNT_COMPLETE", "")
        .arg("--version")
        .output()
        .unwrap();
    assert!(String::from_utf8(completed.stdout).unwrap().starts_with("headcount "));
}
