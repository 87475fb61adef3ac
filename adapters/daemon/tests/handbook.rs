//! What the README and the handbook say that commands print is what they print.
//!
//! Each page is a story of its own: its console blocks are run from the top down by a shell, in a copy of `docs/example`,
//! and where the page asks a daemon at its URL, one runs over the copy. **There is no command that nobody runs**: those
//! that can't be run here stand in [`ELSEWHERE`], with what runs them.
//!
//! With `HEADCOUNT_WRITE_HANDBOOK=1` the pages get what is printed now, to be read before it is committed.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a failed expectation is a failed test"
)]

use std::cell::RefCell;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use support::{Daemon, wait_until};
use tempfile::TempDir;

mod support;

/// Where the pages say that the daemon is.
const URL: &str = "http://127.0.0.1:9099";

/// What stands for lines that are not shown.
const REST: &str = "…";

/// How commands begin that are run elsewhere, and what runs them: a file, and what stands in it.
const ELSEWHERE: [(&str, &str, &str); 2] = [
    ("cargo install --path adapters/daemon", ".ci/compile", "cargo package"),
    ("kit/package", "tests/tests/servers/kit/package.rs", "kit/package"),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

/// README and handbook.
fn pages() -> Vec<PathBuf> {
    let docs = fs::read_dir(root().join("docs")).unwrap();
    let mut pages: Vec<PathBuf> = docs.map(|entry| entry.unwrap().path()).collect();
    pages.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    pages.push(root().join("README.md"));
    pages.sort();
    pages
}

/// A command of a page, and the lines of what it is said to print.
#[derive(Debug)]
struct Shown {
    command: String,
    output: Range<usize>,
}

fn shown(lines: &[String]) -> Vec<Shown> {
    let mut all: Vec<Shown> = Vec::new();
    let mut is_console = false;
    for (number, line) in lines.iter().enumerate() {
        match (line.strip_prefix("```"), line.strip_prefix("$ ")) {
            (Some(language), _) => is_console = language == "console",
            (None, Some(command)) if is_console => all.push(Shown {
                command: command.to_owned(),
                output: number + 1..number + 1,
            }),
            (None, _) if is_console => all.last_mut().expect("a block begins with a command").output.end = number + 1,
            (None, _) => {}
        }
    }
    all
}

/// What a page's commands act on.
struct Stage {
    copy: TempDir,
    daemon: Option<Daemon>,
}

impl Stage {
    fn for_page(text: &str) -> Self {
        let copy = support::folder(&[]);
        let example = root().join("docs/example");
        for folder in ["", "targets"] {
            fs::create_dir_all(copy.path().join(folder)).unwrap();
            for entry in fs::read_dir(example.join(folder)).unwrap() {
                let path = entry.unwrap().path();
                if path.is_file() {
                    let name = path.file_name().unwrap();
                    fs::copy(&path, copy.path().join(folder).join(name)).unwrap();
                }
            }
        }
        let daemon = text.contains(URL).then(|| {
            // A page that is about settings asks a daemon that has them.
            let settings = copy.path().join("members.yml").display().to_string();
            let has_settings = text.contains("--settings members.yml");
            let arguments: &[&str] = if has_settings { &["--settings", &settings] } else { &[] };
            let daemon = Daemon::with_config(&copy.path().join("prometheus.yml"), arguments);
            daemon.wait_for("/sd/node", |list| list.contains("db22"));
            daemon
        });
        Self { copy, daemon }
    }

    fn folder(&self) -> PathBuf {
        self.copy.path().canonicalize().unwrap()
    }

    /// What a command prints, as the page has it, and whether it ended well.
    fn run(&self, command: &str) -> (String, bool) {
        let url = self.daemon.as_ref().map_or_else(|| URL.to_owned(), Daemon::url);
        let binary = Path::new(env!("CARGO_BIN_EXE_headcount")).parent().unwrap();
        let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
        // Where a command is to run in, as `cargo run` does in the project.
        let command = command
            .replace("cargo run --release -- ", "headcount ")
            .replace(URL, &url);
        let mut shell = Command::new("sh");
        for variable in ["STATE_DIRECTORY", "XDG_STATE_HOME", "HOME"] {
            shell.env_remove(variable);
        }
        let shell = shell
            .args(["-c", &command])
            .env("PATH", path)
            .current_dir(self.folder());
        let ran = shell.stdin(Stdio::null()).output().unwrap();
        let printed = String::from_utf8([ran.stdout, ran.stderr].concat()).unwrap();
        let printed = printed
            .replace(&url, URL)
            .replace(&self.folder().display().to_string(), "/srv/example");
        (printed, ran.status.success())
    }
}

/// Whether it may be asked again until it says what it should: who only asks changes nothing, and a daemon notices what a
/// command before did to a file in its own time.
fn only_asks(command: &str) -> bool {
    let changes = [
        "refresh", "confirm", "-X POST", ">", "sed -i", "rm ", "mv ", "cp ", "sim ",
    ];
    !changes.iter().any(|word| command.contains(word))
}

/// Without what depends on when and where it runs.
fn settled(text: &str) -> Vec<String> {
    let lines = text.lines().map(|line| match line.split_once(", changed ") {
        Some((before, _)) => format!("{before}, changed 0s ago\n"),
        None if line.contains(" virtual s per s") => "so fast\n".to_owned(),
        None => format!("{line}\n"),
    });
    let text: String = lines.collect();
    let is_of_now = text.starts_with("headcount ") && text.contains(" is ready") || text.contains("  COUNTS  ");
    let text = match is_of_now {
        true => without_measures(&text),
        false => support::without_times(&text),
    };
    text.lines().map(|line| line.trim_end().to_owned()).collect()
}

/// What `status` and `guard list` say without what they measure: times, sizes and rates, and the widths of columns.
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

/// Whether these lines are shown so; [`REST`] stands for any lines that are left out.
fn is_shown_as(printed: &[String], shown: &[String]) -> bool {
    match shown {
        [] => printed.is_empty(),
        [first, rest @ ..] if first.trim() == REST => {
            (0..=printed.len()).any(|skipped| is_shown_as(&printed[skipped..], rest))
        }
        [first, rest @ ..] => printed.first() == Some(first) && is_shown_as(&printed[1..], rest),
    }
}

/// What a daemon logs that is started by hand, without what differs from machine to machine.
fn log_of(command: &str, lines: usize) -> Vec<String> {
    let (_, options) = command.rsplit_once(" run").expect("it is run");
    let options: Vec<_> = options.split_whitespace().collect();
    let folder = support::folder(&[]);
    let mut command = support::headcount();
    command.current_dir(folder.path());
    let daemon = Daemon::launch(command, &options);
    let messages = || -> Vec<String> {
        let all = RefCell::new(Vec::new());
        daemon.log_count(|entry| {
            let message = entry["message"].as_str().unwrap_or_default();
            all.borrow_mut().push(message.replace(&daemon.url(), URL));
            true
        });
        all.into_inner()
    };
    wait_until("its log", || Some(messages()).filter(|all| all.len() >= lines))
}

/// The message of a line as a terminal shows it: `2026-11-21T23:10:26.471423Z  INFO message key=value`.
fn message(line: &str) -> &str {
    let message = line.split_once("  INFO ").map_or(line, |(_, message)| message);
    let end = message
        .match_indices(' ')
        .find(|(at, _)| {
            message[at + 1..]
                .split(' ')
                .next()
                .is_some_and(|word| word.contains('='))
        })
        .map_or(message.len(), |(at, _)| at);
    &message[..end]
}

/// Runs what a page shows, and gives the page as it should be.
fn perform(path: &Path) -> String {
    let name = path.strip_prefix(root()).unwrap_or(path).display().to_string();
    let text = fs::read_to_string(path).unwrap();
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let stage = Stage::for_page(&text);
    let mut corrected: Vec<String> = Vec::new();
    let mut copied = 0;
    for Shown { command, output } in shown(&lines) {
        if ELSEWHERE.iter().any(|(begin, ..)| command.starts_with(begin)) {
            continue;
        }
        let place = format!("{name}:{}: $ {command}", output.start);
        let expected = &lines[output.clone()];
        if command.contains("headcount run") || command.contains("-- run") {
            let printed = log_of(&command, expected.len());
            let expected: Vec<_> = expected.iter().map(|line| message(line)).collect();
            assert_eq!(printed[..expected.len()], expected, "{place}");
            continue;
        }
        let wanted = settled(&expected.join("\n"));
        let (mut printed, mut is_well) = stage.run(&command);
        // Where nothing is shown, only that it works counts.
        let agrees = |printed: &str, is_well: bool| match wanted.as_slice() {
            [] => is_well,
            wanted => is_shown_as(&settled(printed), wanted),
        };
        if only_asks(&command) && stage.daemon.is_some() && !agrees(&printed, is_well) {
            let again = std::time::Instant::now() + std::time::Duration::from_secs(20);
            while !agrees(&printed, is_well) && std::time::Instant::now() < again {
                std::thread::sleep(std::time::Duration::from_millis(100));
                (printed, is_well) = stage.run(&command);
            }
        }
        if !agrees(&printed, is_well) {
            assert!(
                std::env::var_os("HEADCOUNT_WRITE_HANDBOOK").is_some(),
                "{place}\nprints:\n{printed}\nand the page says:\n{}",
                expected.join("\n")
            );
            corrected.extend_from_slice(&lines[copied..output.start]);
            corrected.extend(printed.lines().map(str::to_owned));
            copied = output.end;
        }
    }
    corrected.extend_from_slice(&lines[copied..]);
    corrected.join("\n") + "\n"
}

#[test]
fn commands_print_what_it_says() {
    let performing: Vec<_> = pages()
        .into_iter()
        .map(|path| std::thread::spawn(move || (perform(&path), path)))
        .collect();
    let mut failures = 0;
    for page in performing {
        let Ok((corrected, path)) = page.join() else {
            failures += 1;
            continue;
        };
        if corrected != fs::read_to_string(&path).unwrap() {
            fs::write(path, corrected).unwrap();
        }
    }
    assert_eq!(failures, 0, "pages say what is not so");
}

#[test]
fn what_is_run_elsewhere_is_run_there() {
    let all: String = pages().iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    for (begin, path, words) in ELSEWHERE {
        assert!(all.contains(&format!("\n$ {begin}")), "no page shows {begin:?}");
        let text = fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert!(text.contains(words), "{path} does not have {words:?}");
    }
}

/// A link to a page that is not there, or to a heading that it lacks, sends readers nowhere.
#[test]
fn links_lead_somewhere() {
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for (_, link) in text
            .split("](")
            .skip(1)
            .filter_map(|rest| Some(("", rest.split_once(')')?.0)))
        {
            if link.contains("://") {
                continue;
            }
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => page.clone(),
                file => page.parent().unwrap().join(file),
            };
            assert!(target.exists(), "{}: {link} is not there", page.display());
            if !heading.is_empty() {
                let there = fs::read_to_string(&target).unwrap();
                let mut headings = there.lines().filter(|line| line.starts_with('#')).map(anchor);
                assert!(
                    headings.any(|anchor| anchor == heading),
                    "{}: {link} has no such heading",
                    page.display()
                );
            }
        }
    }
}

/// How a heading is linked to.
fn anchor(heading: &str) -> String {
    let words = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = words
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// Settings that somebody copies from a page are right.
#[test]
fn the_settings_that_are_shown_are_right() {
    let page = fs::read_to_string(root().join("docs/settings.md")).unwrap();
    let shown = page
        .split("```yaml\n")
        .find(|block| block.starts_with("# yaml-language-server:"));
    let (settings, _) = shown.and_then(|block| block.split_once("```")).expect("the settings");
    let stage = Stage::for_page("");
    fs::write(stage.folder().join("headcount.yml"), settings).unwrap();
    let (printed, _) = stage.run("headcount check prometheus.yml");
    assert_eq!(printed, "prometheus.yml: ok: 3 jobs, 0 Alertmanager configs, 2 files\n");
}

#[test]
fn each_alert_is_explained() {
    let rules = fs::read_to_string(root().join("kit/prometheus/headcount.rules.yml")).unwrap();
    let page = fs::read_to_string(root().join("docs/alerting.md")).unwrap();
    let alerts: Vec<_> = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "))
        .collect();
    assert!(alerts.len() > 10, "{alerts:?}");
    for alert in alerts {
        assert!(
            page.contains(&format!("`{alert}`")),
            "docs/alerting.md says nothing of {alert}"
        );
    }
}
