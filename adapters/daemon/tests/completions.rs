//! Shells complete names of jobs and providers.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is a test's report")]

mod support;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use support::{Daemon, headcount, wait_until};

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

/// Names with what a shell does something with, each known by its first letter. They make a file where one is run.
const HOSTILE: [&str; 10] = [
    "a$(touch run)",
    "b`touch run`",
    "c'; touch run; '",
    "d\"; touch run; \"",
    "e\\",
    "f!! \\$(touch run)",
    "g&touch run|touch run;touch run>run",
    "h {i,j} ~ #k",
    "i \"!",
    "m$'\\x27",
];
/// Names that can't be written in one line, or do something to who sees them.
const NOT_OFFERED: [&str; 3] = ["n\n$(touch run)", "o\u{1b}[2J", "p\r"];

fn hostile_configuration(folder: &Path) {
    let jobs = HOSTILE.iter().chain(&NOT_OFFERED).map(|name| {
        let first = name.get(..1).unwrap();
        serde_json::json!({"job_name": name, "static_configs": [{"targets": [format!("of-{first}:1")]}]})
    });
    let text = serde_json::json!({"scrape_configs": jobs.collect::<Vec<_>>()}).to_string();
    fs::write(folder.join("p.yml"), text).unwrap();
}

#[test]
fn in_bash_a_name_reads_back_as_it_is_within_any_quotes() {
    let folder = tempfile::tempdir().unwrap();
    hostile_configuration(folder.path());
    for name in HOSTILE {
        let first = name.get(..1).unwrap();
        for quote in ["", "'", "\""] {
            let offered = in_bash(folder.path(), &format!("headcount sd p.yml {quote}{first}"));
            let [offered] = offered.as_slice() else {
                panic!("{quote}{name}: {offered:?}")
            };
            // What readline makes of the line, run: it ends the quotation, unless what was offered ends in its sign.
            let end = if offered.ends_with(quote) { "" } else { quote };
            let line = format!("printf %s {quote}{offered}{end}");
            assert_eq!(
                shell(folder.path(), "bash", &["--norc", "-c", &line]).unwrap(),
                name,
                "{line}"
            );
        }
    }
    for name in NOT_OFFERED {
        let first = name.get(..1).unwrap();
        assert_eq!(in_bash(folder.path(), &format!("headcount sd p.yml {first}")), [""; 0]);
    }
    assert!(!folder.path().join("run").exists());
}

/// A shell at a terminal. It ends with this value.
struct Terminal<'a> {
    shell: &'a str,
    folder: &'a Path,
    process: Child,
}

impl<'a> Terminal<'a> {
    /// One without settings of anybody's; `None` where there is no such shell.
    fn of(shell: &'a str, folder: &'a Path) -> Option<Self> {
        Command::new(shell).arg("--version").output().ok()?;
        let flags = match shell {
            "bash" => "--norc",
            "zsh" => "-f",
            _ => "--no-config",
        };
        let binary = Path::new(env!("CARGO_BIN_EXE_headcount")).parent().unwrap();
        let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
        let process = Command::new("script")
            .args(["-qfc", &format!("exec {shell} {flags} -i"), "/dev/null"])
            .current_dir(folder)
            .env("PATH", path)
            .env("HOME", folder)
            .env("TERM", "xterm")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("there is a terminal");
        Some(Self { shell, folder, process })
    }

    /// Types a line, and waits until it was carried out.
    fn type_in(&mut self, line: &str) {
        let done = self.folder.join("done");
        let input = self.process.stdin.as_mut().unwrap();
        input.write_all(format!("{line}; : > done\r").as_bytes()).unwrap();
        wait_until(&format!("{} to have done {line:?}", self.shell), || {
            done.exists().then_some(())
        });
        fs::remove_file(done).unwrap();
    }
}

impl Drop for Terminal<'_> {
    fn drop(&mut self) {
        // Without a terminal, the shell ends, too.
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

#[test]
fn nothing_that_a_name_says_is_run_once_it_was_completed() {
    let folder = tempfile::tempdir().unwrap();
    hostile_configuration(folder.path());
    // zsh and fish find nothing for who has begun a quotation.
    for (shell, beginning, quotes) in [
        ("bash", "source <(headcount completions bash)", &["", "'", "\""][..]),
        (
            "zsh",
            "autoload -U compinit; compinit -D -u; source <(headcount completions zsh)",
            &[""],
        ),
        ("fish", "headcount completions fish | source", &[""]),
    ] {
        let Some(mut terminal) = Terminal::of(shell, folder.path()) else {
            continue;
        };
        terminal.type_in(beginning);
        for name in HOSTILE {
            let first = name.get(..1).unwrap();
            for quote in quotes {
                terminal.type_in(&format!("headcount sd p.yml {quote}{first}\t > found"));
                let found = fs::read_to_string(folder.path().join("found")).unwrap();
                assert!(
                    found.contains(&format!("of-{first}:1")),
                    "{shell}: {quote}{name}: {found}"
                );
            }
        }
        assert!(!folder.path().join("run").exists(), "{shell}");
    }
}

#[test]
fn a_file_that_is_not_read_at_once_has_no_names() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("p.yml"), CONFIG).unwrap();
    let made = Command::new("mkfifo").arg(folder.path().join("pipe.yml")).status();
    assert!(made.unwrap().success());
    assert_eq!(in_bash(folder.path(), "headcount sd pipe.yml n"), [""; 0]);
    // `~` is the home folder, and vmagent's file is read as vmagent does.
    assert_eq!(in_bash(folder.path(), "headcount sd ~/p.yml n"), ["node"]);
    assert_eq!(in_bash(folder.path(), "headcount sd --config=~/p.yml n"), [""; 0]);
    let own = "scrape_configs: [{job_name: own, relabel_configs: [{action: drop, if: '{a=\"b\"}'}]}]";
    fs::write(folder.path().join("own.yml"), own).unwrap();
    assert_eq!(
        in_bash(folder.path(), "headcount sd --dialect vmagent own.yml o"),
        ["own"]
    );
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
