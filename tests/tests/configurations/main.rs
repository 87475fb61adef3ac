//! What each mechanism takes and refuses, compared with Prometheus's promtool of several versions.
//!
//! The cases are those that stand beside each mechanism, in `testdata/accepted.yml` and `refused.yml`. **Both decide
//! alike, but where a case says above it that they don't**, in which versions, and why:
//!
//! ```yaml
//! # promtool differs: Prometheus stops with a panic at its first refresh
//! # promtool 2.42, 2.53 differs: the role is newer
//! ```
//!
//! Without versions that holds for each. A note that holds no more is a failure as well. A promtool that does not know a
//! mechanism, or is built without it, says nothing of it; mechanisms of which none does are listed in `NO_ORACLE`.
//!
//! `tests/setup` installs the promtools; 3.5 only where Debian's sid has it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is a test's report")]

mod cases;
#[macro_use]
mod support;
mod whole;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use headcount_backends::registry;
use headcount_config::{Loader, Nowhere};

use cases::{Case, cases};
use support::required::find;

/// Mechanisms that none of the promtools knows: newer ones, others' than Prometheus's, and those that Debian leaves out.
/// Their cases are from the configuration's documentation.
const NO_ORACLE: [&str; 17] = [
    "aws",
    "consul",
    "consulagent",
    "ecs",
    "elasticache",
    "kubelet",
    "kuma",
    "local",
    "msk",
    "nomad",
    "oci",
    "outscale",
    "process",
    "proxmox",
    "rds",
    "stackit",
    "yandexcloud",
];

/// A promtool that is installed.
struct Promtool {
    version: &'static str,
    program: PathBuf,
}

/// What one said of cases: nothing of those whose mechanism it does not know, and else why it refuses each, or that it
/// takes it.
type Verdicts = BTreeMap<usize, Result<(), String>>;

/// All that are installed. `HEADCOUNT_PROMTOOL_35` names one of 3.5 that stands elsewhere.
fn promtools() -> Vec<Promtool> {
    let elsewhere = std::env::var_os("HEADCOUNT_PROMTOOL_35").map(PathBuf::from);
    let programs = [
        ("2.42", find("promtool")),
        ("2.53", find("promtool-2.53")),
        ("3.5", elsewhere.or_else(|| find("promtool-3"))),
    ];
    let installed = programs.into_iter().filter_map(|(version, program)| {
        let program = program?;
        let said = Command::new(&program).arg("--version").output().expect("starting it");
        let said = String::from_utf8_lossy(&said.stdout).into_owned() + &String::from_utf8_lossy(&said.stderr);
        // On another Debian `promtool` is another one.
        said.contains(&format!("version {version}."))
            .then_some(Promtool { version, program })
    });
    installed.collect()
}

impl Promtool {
    /// All in one process.
    fn decide(&self, folder: &Path, cases: &[Case]) -> Verdicts {
        let files: Vec<PathBuf> = (0..cases.len())
            .map(|number| folder.join(format!("{number}.yml")))
            .collect();
        let output = Command::new(&self.program)
            .args(["check", "config", "--syntax-only"])
            .args(&files)
            .output();
        let output = output.expect("starting promtool");
        let (taken, refused) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        let reasons: Vec<&str> = refused.split("  FAILED: ").collect();
        let mut verdicts = Verdicts::new();
        for (number, (case, file)) in cases.iter().zip(&files).enumerate() {
            let name = file.to_str().expect("text");
            if taken.contains(&format!("{name} is valid")) {
                verdicts.insert(number, Ok(()));
                continue;
            }
            let reason = reasons.iter().find(|reason| reason.contains(&format!("{name}:")));
            let reason = reason.unwrap_or_else(|| panic!("{} says nothing of {name}: {refused}", self.version));
            if !reason.contains(&format!("field {} not found", case.field)) {
                verdicts.insert(number, Err(reason.split_whitespace().collect::<Vec<_>>().join(" ")));
            }
        }
        verdicts
    }
}

/// What `headcount check` decides.
fn ours(case: &Case) -> Result<(), String> {
    let loader = Loader::new(registry());
    let read = loader.parse(
        case.config.as_bytes(),
        Path::new("/etc/prometheus/prometheus.yml"),
        &Nowhere,
    );
    read.map(drop).map_err(|errors| errors.to_string())
}

#[test]
fn ours_are_as_their_files_say() {
    for case in cases() {
        let decided = ours(&case);
        assert_eq!(decided.is_ok(), case.is_accepted, "{case}: {decided:?}");
    }
}

#[test]
fn whole_configurations_are_as_their_folders_say() {
    for case in whole::configurations() {
        let decided = ours(&case);
        assert_eq!(decided.is_ok(), case.is_accepted, "{case}: {decided:?}");
    }
}

#[test]
fn promtools_of_all_versions_decide_whole_configurations_alike() {
    require!("promtool", "promtool-2.53");
    compare(&promtools(), &whole::configurations(), 40);
}

#[test]
fn promtools_of_all_versions_decide_alike() {
    require!("promtool", "promtool-2.53");
    let cases = cases();
    let promtools = promtools();
    let known = compare(&promtools, &cases, 150);
    if promtools.len() == 3 {
        let all: BTreeSet<&str> = cases.iter().map(|case| case.mechanism.as_str()).collect();
        let unknown: BTreeSet<&str> = all.difference(&known).copied().collect();
        assert_eq!(
            unknown,
            BTreeSet::from(NO_ORACLE),
            "left those that none knows, right NO_ORACLE"
        );
    }
}

/// Says which of the mechanisms any of these promtools knows. Each has to know more than so many cases.
fn compare<'c>(promtools: &[Promtool], cases: &'c [Case], known_cases: usize) -> BTreeSet<&'c str> {
    let folder = tempfile::tempdir().unwrap();
    for (number, case) in cases.iter().enumerate() {
        std::fs::write(folder.path().join(format!("{number}.yml")), &case.config).unwrap();
    }
    let mut differences = String::new();
    let mut known = BTreeSet::new();
    for promtool in promtools {
        let version = promtool.version;
        let verdicts = promtool.decide(folder.path(), cases);
        assert!(verdicts.len() > known_cases, "{version} knows {} cases", verdicts.len());
        // Not with `eprintln!`, which the test runner keeps to itself when a test passes.
        writeln!(
            std::io::stderr(),
            "compared with promtool {version}: {} cases",
            verdicts.len()
        )
        .ok();
        for (number, verdict) in verdicts {
            let case = &cases[number];
            known.insert(case.mechanism.as_str());
            let may_differ = case.note.as_ref().is_some_and(|note| note.is_of(version));
            let differs = verdict.is_ok() != case.is_accepted;
            if differs != may_differ {
                let wrong = if differs {
                    "differs, without a note"
                } else {
                    "does not differ, as is noted"
                };
                writeln!(differences, "promtool {version} {wrong}: {case}: {verdict:?}").unwrap();
            }
        }
    }
    assert!(differences.is_empty(), "{differences}");
    known
}

#[test]
fn each_note_names_versions_that_there_are() {
    let mut notes = 0;
    for case in cases() {
        let Some(note) = &case.note else { continue };
        notes += 1;
        let are_known = note
            .versions
            .iter()
            .all(|version| ["2.42", "2.53", "3.5"].contains(&version.as_str()));
        assert!(are_known && !note.reason.is_empty(), "{case}");
        assert!(
            !NO_ORACLE.contains(&case.mechanism.as_str()),
            "nobody could differ: {case}"
        );
    }
    assert!(notes > 50, "{notes} notes were found");
}
