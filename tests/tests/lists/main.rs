//! Lists of targets, read by headcount and by Prometheus's promtool of several versions: **the same targets with the same
//! labels, or none in both.**
//!
//! The cases are files in `cases/<where they are from>/`. Who knows of one more writes it down as a file; a folder's
//! `SOURCE` says what documentation or issue its files are from. A file whose name begins with `refused` is taken by
//! nobody.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is a test's report")]

#[macro_use]
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use headcount_backends::file;
use headcount_core::Encoder;

use support::required::find;

type Labels = BTreeMap<String, String>;

/// What was found in each file.
type Found = BTreeMap<PathBuf, BTreeSet<Labels>>;

/// The files of all folders.
fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lists/cases");
    let paths = |folder: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    };
    let mut cases = Vec::new();
    for folder in paths(&folder) {
        let source = std::fs::read_to_string(folder.join("SOURCE"))
            .unwrap_or_else(|error| panic!("{}/SOURCE says where its cases are from: {error}", folder.display()));
        assert!(!source.trim().is_empty(), "{}", folder.display());
        cases.extend(paths(&folder).into_iter().filter(|path| !path.ends_with("SOURCE")));
    }
    cases.sort();
    assert!(cases.len() > 30, "{} cases were found", cases.len());
    cases
}

fn is_refused(path: &Path) -> bool {
    path.file_name()
        .and_then(|name| name.to_str())
        .is_some_and(|name| name.starts_with("refused"))
}

/// What headcount makes of a file; nothing if it refuses it.
fn ours(path: &Path) -> Option<BTreeSet<Labels>> {
    let bytes = std::fs::read(path).unwrap();
    let mut encoder = Encoder::new();
    let mut batch = encoder.batch();
    file::decode(path.to_str().unwrap(), &bytes, &mut batch).ok()?;
    let mut found = BTreeSet::new();
    for group in batch.finish() {
        for target in group.targets() {
            let labels = group.labels().iter().chain(target.iter());
            found.insert(
                labels
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .collect(),
            );
        }
    }
    Some(found)
}

/// What a promtool finds in all files at once.
fn found_by(promtool: &Path, cases: &[PathBuf]) -> Found {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("prometheus.yml");
    let files = serde_json::to_string(cases).unwrap();
    std::fs::write(
        &config,
        format!("scrape_configs: [{{job_name: a, file_sd_configs: [{{files: {files}}}]}}]"),
    )
    .unwrap();
    let output = Command::new(promtool)
        .args(["check", "service-discovery", "--timeout=3s"])
        .arg(&config)
        .arg("a")
        .output()
        .unwrap();
    let printed: serde_json::Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    // What every target of the job has.
    let of_job = [
        "job",
        "__metrics_path__",
        "__scheme__",
        "__scrape_interval__",
        "__scrape_timeout__",
    ];
    let mut found = Found::new();
    for target in printed.as_array().unwrap() {
        let mut labels: Labels = serde_json::from_value(target["discoveredLabels"].clone()).unwrap();
        labels.retain(|name, _| !of_job.contains(&name.as_str()));
        let file = PathBuf::from(&labels["__meta_filepath"]);
        found.entry(file).or_default().insert(labels);
    }
    found
}

#[test]
fn ours_are_as_their_names_say() {
    for case in cases() {
        let found = ours(&case);
        assert_eq!(found.is_none(), is_refused(&case), "{}: {found:?}", case.display());
        // Of a list without targets nobody can say whether promtool took it.
        assert!(found.is_none_or(|found| !found.is_empty()), "{}", case.display());
    }
}

#[test]
fn promtools_of_all_versions_find_the_same_targets() {
    require!("promtool", "promtool-2.53");
    let cases = cases();
    let mut compared = Vec::new();
    for name in ["promtool", "promtool-2.53", "promtool-3"] {
        let Some(promtool) = find(name) else { continue };
        let found = found_by(&promtool, &cases);
        for case in &cases {
            let theirs = found.get(case).cloned().unwrap_or_default();
            assert_eq!(ours(case).unwrap_or_default(), theirs, "{name}: {}", case.display());
        }
        compared.push(name);
    }
    // Not with `eprintln!`, which the test runner keeps to itself when a test passes.
    writeln!(std::io::stderr(), "compared {} lists with {compared:?}", cases.len()).ok();
}
