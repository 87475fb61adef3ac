//! The corpus: every file in `corpus/accepted` loads, every file in `corpus/refused` says what is
//! wrong, and Prometheus's own `promtool` agrees with both.
//!
//! Where `promtool` is not installed the last part is skipped, and says so; with
//! `HEADCOUNT_REQUIRE_SERVERS=1` that is a failure.

// Helpers of tests may panic as tests may; clippy exempts test functions only.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use headcount_config::{Loader, Nowhere};

/// Files on which a promtool that is in use somewhere decides otherwise, and why.
const NOT_COMPARED: [(&str, &str); 26] = [
    (
        "accepted/alertmanager_alert_relabelling.yml",
        "alert_relabel_configs of an Alertmanager is new in 2.51",
    ),
    (
        "accepted/alertmanager_sigv4.yml",
        "sigv4 of an Alertmanager is new in 2.48",
    ),
    (
        "accepted/escaping_follows_validation.yml",
        "the naming schemes are new in 3.0",
    ),
    ("accepted/fields_newer_than_prometheus_3_5.yml", "as its name says"),
    ("accepted/global_fields_of_prometheus_3.yml", "as its name says"),
    ("accepted/http_sd_headers.yml", "http_headers is new in 2.55"),
    ("accepted/http_sd_inline_tls.yml", "ca, cert and key are new in 2.45"),
    ("accepted/http_sd_oauth2_jwt_bearer.yml", "the grant type is new in 3.5"),
    (
        "accepted/http_sd_proxy_from_environment.yml",
        "proxy_from_environment is new in 2.43",
    ),
    ("accepted/http_sd_proxy_of_prometheus_3.yml", "no_proxy is new in 2.43"),
    (
        "accepted/label_names_of_prometheus_3.yml",
        "2.x takes letters, digits and underscores only",
    ),
    ("accepted/limits_of_prometheus_3.yml", "as its name says"),
    (
        "accepted/mechanisms_kubernetes_and_consul.yml",
        "Debian builds promtool without these",
    ),
    (
        "accepted/mechanisms_of_prometheus_3.yml",
        "as its name says, and Debian builds promtool without some",
    ),
    (
        "accepted/other_mechanisms.yml",
        "Debian builds promtool without some of these",
    ),
    ("accepted/otlp_under_legacy_names.yml", "otlp is new in 2.55"),
    ("accepted/prometheus_3_sections.yml", "as its name says"),
    (
        "accepted/realistic.yml",
        "Debian builds promtool without Kubernetes and Consul",
    ),
    (
        "accepted/remote_read_chunked_limit.yml",
        "chunked_read_limit is newer than 2.42",
    ),
    ("accepted/remote_write_of_prometheus_3.yml", "as its name says"),
    ("accepted/scrape_fields_of_prometheus_3.yml", "as its name says"),
    ("accepted/storage_of_prometheus_3.yml", "as its name says"),
    (
        "refused/alertmanager_api_v1.yml",
        "2.x takes it with a warning; 3.0 removed it",
    ),
    (
        "refused/http_sd_authenticates_twice.yml",
        "2.42 checks this only when it makes the client",
    ),
    (
        "refused/rule_files_bad_pattern.yml",
        "promtool expands no pattern with --syntax-only; Prometheus stops at it",
    ),
    (
        "refused/zero_refresh_interval.yml",
        "promtool takes it, and Prometheus stops with a panic at its first refresh",
    ),
];

/// Files that promtool 3.5 takes and newer ones, or none that run, do.
const NOT_COMPARED_SINCE_3: [(&str, &str); 1] = [(
    "refused/relabel_names.yml",
    "3.5 checks relabelling against the process-wide scheme, newer ones against the file's",
)];

fn loader() -> Loader {
    Loader::new(headcount_backends::registry()).allow_unsupported(true)
}

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")
}

/// The files of a part of the corpus, sorted, as `part/name.yml`.
fn files(part: &str) -> Vec<String> {
    let entries = std::fs::read_dir(corpus().join(part)).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| format!("{part}/{}", entry.unwrap().file_name().into_string().unwrap()))
        .collect();
    names.sort();
    assert!(names.len() > 50, "the corpus is where it should be");
    names
}

fn read(name: &str) -> Vec<u8> {
    std::fs::read(corpus().join(name)).unwrap()
}

#[test]
fn accepted_files_load() {
    for name in files("accepted") {
        if let Err(errors) = loader().parse(&read(&name), name.as_ref(), &Nowhere) {
            panic!("{errors}");
        }
    }
}

#[test]
fn refused_files_say_what_is_wrong() {
    let mut lines = String::new();
    for name in files("refused") {
        let errors = loader().parse(&read(&name), name.as_ref(), &Nowhere).expect_err(&name);
        assert!(
            errors
                .problems
                .iter()
                .all(|problem| !problem.to_string().contains('\n')),
            "one line a problem: {name}"
        );
        writeln!(lines, "{errors}\n").unwrap();
    }
    assert!(!lines.contains("hidden"), "secrets stay out of messages");
    insta::assert_snapshot!(lines);
}

#[test]
fn warnings_are_said() {
    let config = loader()
        .parse(
            &read("accepted/second_document_is_ignored.yml"),
            "a.yml".as_ref(),
            &Nowhere,
        )
        .unwrap();
    let warnings: Vec<String> = config.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        ["a.yml:2:1: only the first YAML document is read; what follows this line is ignored, as in Prometheus"]
    );
}

/// What a job of each accepted file looks like, so that a change of meaning shows.
#[test]
fn what_a_realistic_file_means() {
    let config = loader()
        .parse(
            &read("accepted/realistic.yml"),
            "/etc/prometheus/prometheus.yml".as_ref(),
            &Nowhere,
        )
        .unwrap();
    let shown = format!("{config:#?}");
    for secret in ["correct horse", "s3cr3t", "h1dden", "wJalrXUtnFEMI", "b1gs3cr3t"] {
        assert!(!shown.contains(secret), "{secret}");
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn promtool_agrees() {
    let Ok(version) = Command::new("promtool").arg("--version").output() else {
        assert!(
            std::env::var("HEADCOUNT_REQUIRE_SERVERS").is_err(),
            "promtool is not installed (Debian package `prometheus`)"
        );
        eprintln!("NOT TESTED: promtool is not installed; the corpus was not compared with Prometheus");
        return;
    };
    let is_2 = String::from_utf8_lossy(&version.stdout).contains("version 2.")
        || String::from_utf8_lossy(&version.stderr).contains("version 2.");
    let since_3 = if is_2 { &[] } else { NOT_COMPARED_SINCE_3.as_slice() };
    let skipped: Vec<&str> = NOT_COMPARED.iter().chain(since_3).map(|(name, _)| *name).collect();
    let mut compared = 0;
    let mut differences = String::new();
    for (part, is_accepted) in [("accepted", true), ("refused", false)] {
        let names = files(part);
        for name in names.iter().filter(|name| !skipped.contains(&name.as_str())) {
            let answer = Command::new("promtool")
                .args(["check", "config", "--syntax-only"])
                .arg(corpus().join(name))
                .output()
                .unwrap();
            if answer.status.success() != is_accepted {
                let said = String::from_utf8_lossy(&answer.stderr);
                writeln!(differences, "{name}: promtool decides otherwise: {said}").unwrap();
            }
            compared += 1;
        }
    }
    assert!(differences.is_empty(), "{differences}");
    assert!(compared > 100, "{compared} files were compared");
}

#[test]
fn files_that_are_not_compared_exist() {
    for (name, _) in NOT_COMPARED.iter().chain(&NOT_COMPARED_SINCE_3) {
        assert!(corpus().join(name).exists(), "{name}");
    }
}

#[test]
fn rules_that_find_something_else_in_a_reader_of_lists_are_said() {
    let warnings = |rule: &str| -> Vec<String> {
        let text = format!("scrape_configs: [{{job_name: a, relabel_configs: [{{target_label: x}}, {rule}]}}]");
        let config = loader().parse(text.as_bytes(), Path::new("/prometheus.yml"), &Nowhere);
        config
            .expect("valid")
            .warnings
            .iter()
            .map(ToString::to_string)
            .collect()
    };
    let said = warnings("{source_labels: [__meta_url], target_label: from}");
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with("/prometheus.yml:1:"), "{said:?}");
    assert!(
        said[0].contains("scrape_configs[0].relabel_configs[1]: this rule looks at `__meta_url`"),
        "{said:?}"
    );
    assert_eq!(warnings("{action: labelmap, regex: '__meta_(.+)'}").len(), 1);
    assert_eq!(
        warnings("{action: labelmap, regex: '__meta_tag_(.+)'}"),
        Vec::<String>::new()
    );
    assert_eq!(
        warnings("{target_label: __meta_url, replacement: x}"),
        Vec::<String>::new()
    );
}
