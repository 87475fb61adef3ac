//! Configurations and lists that are wrong: a clear error that says where, and the daemon keeps
//! running on what it had.

use std::path::PathBuf;

use crate::support::{Folder, Headcount, until};

const GOOD: &str = "scrape_configs:\n  - job_name: good\n    static_configs: [{targets: ['10.0.0.1:1']}]\n";

/// Configurations that are wrong, each with where, and what of the error has to be there.
fn wrong_configs() -> Vec<(&'static str, String, Vec<&'static str>)> {
    let job = |lines: &str| format!("scrape_configs:\n  - job_name: a\n{lines}");
    let nine = |level: usize| vec![format!("*a{}", level - 1); 9].join(", ");
    let bomb: String = (1..=9)
        .map(|level| format!("a{level}: &a{level} [{}]\n", nine(level)))
        .collect();
    vec![
        (
            "unknown field",
            job("    static_config: []\n"),
            vec![":3:5:", "static_config", "did you mean"],
        ),
        (
            "unknown section",
            "scrape_config: []\n".into(),
            vec![":1:1:", "scrape_config"],
        ),
        (
            "wrong type",
            job("    honor_labels: maybe\n"),
            vec![":3:19:", "honor_labels", "true or false"],
        ),
        (
            "text for a list",
            job("    static_configs: x\n"),
            vec![":3:21:", "static_configs", "list"],
        ),
        (
            "duplicate job",
            job("  - job_name: a\n"),
            vec![":3:15:", "job_name", "already defined"],
        ),
        (
            "duplicate key",
            job("    scheme: http\n    scheme: https\n"),
            vec![":4:5:", "scheme"],
        ),
        (
            "bad duration",
            job("    scrape_interval: 5 minutes\n"),
            vec![":3:22:", "scrape_interval", "5 minutes"],
        ),
        (
            "bad URL",
            job("    http_sd_configs:\n      - url: 'ftp://x/'\n"),
            vec![":4:14:", "url", "http"],
        ),
        (
            "URL without host",
            job("    http_sd_configs: [{url: 'http://'}]\n"),
            vec![":3:29:", "url", "host"],
        ),
        (
            "bad regex",
            job("    relabel_configs:\n      - {target_label: x, regex: '(a'}\n"),
            vec![":4:34:", "regex"],
        ),
        (
            "regex that repeats too often",
            job("    relabel_configs:\n      - {target_label: x, regex: '(\\pL{500}){1,20}'}\n"),
            vec![":4:34:", "regex", "more than 1000 times together"],
        ),
        (
            "too large regex",
            job("    relabel_configs:\n      - {target_label: x, regex: '\\pL{1000}\\pL{1000}\\pL{1000}\\pL{1000}'}\n"),
            vec![":4:34:", "regex", "too large when compiled"],
        ),
        (
            "bad target label",
            job("    metric_name_validation_scheme: legacy\n    relabel_configs:\n      - {target_label: 'a-b'}\n"),
            vec![":5:24:", "target_label", "a-b"],
        ),
        (
            "unknown action",
            job("    relabel_configs:\n      - {action: dropp}\n"),
            vec![":4:18:", "action", "dropp"],
        ),
        (
            "bad file pattern",
            job("    file_sd_configs: [{files: [x.txt]}]\n"),
            vec![":3:32:", "files[0]", ".json"],
        ),
        (
            "bad label name",
            "global: {external_labels: {'': x}}\n".into(),
            vec![":1:32:", "external_labels"],
        ),
        (
            "two passwords",
            job("    basic_auth: {password: hunter2, password_file: x}\n"),
            vec![":3:", "basic_auth"],
        ),
        (
            "missing job name",
            "scrape_configs:\n  - scheme: http\n".into(),
            vec![":2:5:", "job_name"],
        ),
        (
            "not YAML",
            job("    static_configs: [{targets: ['x'\n"),
            vec!["prometheus.yml:", "YAML"],
        ),
        ("tabs", "global:\n\tscrape_interval: 1s\n".into(), vec![":2:", "YAML"]),
        (
            "alias bomb",
            format!("a0: &a0 [1, 1]\n{bomb}"),
            vec!["prometheus.yml:", "alias"],
        ),
        (
            "deep nesting",
            format!("global: {}{}\n", "[".repeat(150), "]".repeat(150)),
            vec!["prometheus.yml:1:", "nested deeper"],
        ),
        (
            "deeper nesting",
            format!("global: {}\n", "[".repeat(50_000)),
            vec!["prometheus.yml:1:", "YAML"],
        ),
    ]
}

#[test]
fn a_wrong_configuration_is_refused_and_what_ran_goes_on() {
    let folder = Folder::new();
    let config = folder.write("prometheus.yml", GOOD);
    let headcount = Headcount::with_config(&folder, &config);
    headcount.wait_for("good", &["10.0.0.1:1"]);
    for (name, wrong, said) in wrong_configs() {
        folder.write("prometheus.yml", wrong);
        check_refusal(&headcount, name, &said);
    }
    folder.write("prometheus.yml", b"scrape_configs: [{job_name: \xff}]\n");
    check_refusal(&headcount, "not UTF-8", &["prometheus.yml", "UTF-8", "28"]);
    folder.write("prometheus.yml", GOOD.to_owned() + "scrape_config_files: [more.yml]\n");
    folder.write(
        "more.yml",
        "scrape_configs:\n  - job_name: more\n    scrape_interval: often\n",
    );
    check_refusal(
        &headcount,
        "an included file is wrong",
        &["more.yml:3:22:", "scrape_interval", "often"],
    );
    folder.remove("prometheus.yml");
    check_refusal(&headcount, "missing file", &[&folder.text("prometheus.yml")]);

    folder.write("prometheus.yml", GOOD.replace("10.0.0.1", "10.0.0.2"));
    assert_eq!(headcount.reload().status, 200);
    headcount.wait_for("good", &["10.0.0.2:1"]);
    assert!(headcount.text("/metrics").contains("last_reload_successful 1"));
}

fn check_refusal(headcount: &Headcount, name: &str, said: &[&str]) {
    let answer = headcount.reload();
    assert_eq!(answer.status, 500, "{name}: {}", answer.text());
    for part in said {
        assert!(answer.text().contains(part), "{name}: no {part:?} in {}", answer.text());
    }
    assert!(
        !answer.text().contains("hunter2"),
        "{name}: a password was told: {}",
        answer.text()
    );
    headcount.wait_for("good", &["10.0.0.1:1"]);
    assert!(
        headcount.text("/config").contains("good"),
        "{name}: /config is not what runs"
    );
    assert!(
        headcount.text("/metrics").contains("last_reload_successful 0"),
        "{name}: no metric says so"
    );
}

#[test]
fn a_signal_reloads_as_well_and_the_log_says_what_was_wrong() {
    let folder = Folder::new();
    let config = folder.write("prometheus.yml", GOOD);
    let headcount = Headcount::with_config(&folder, &config);
    headcount.wait_for("good", &["10.0.0.1:1"]);
    folder.write("prometheus.yml", GOOD.replace("targets:", "target:"));
    headcount.hang_up();
    until("the log says what was wrong", || {
        let log = headcount.log();
        let said = ["prometheus.yml:3:23:", "static_configs[0]", "target", "not reloaded"];
        if said.iter().all(|part| log.contains(part)) {
            Ok(())
        } else {
            Err(log)
        }
    });
    headcount.wait_for("good", &["10.0.0.1:1"]);
    folder.write("prometheus.yml", GOOD.replace("10.0.0.1", "10.0.0.2"));
    headcount.hang_up();
    headcount.wait_for("good", &["10.0.0.2:1"]);
}

#[test]
fn a_wrong_configuration_at_the_start_is_said_and_ends_it() {
    let folder = Folder::new();
    let config = folder.write(
        "prometheus.yml",
        "scrape_configs:\n  - job_name: a\n    scrape_intervall: 5s\n",
    );
    let (status, log) = Headcount::run_to_its_end(&folder, &config);
    assert!(!status.success());
    assert!(
        log.contains("prometheus.yml:3:5:") && log.contains("scrape_intervall"),
        "{log}"
    );
}

#[test]
fn a_secret_that_cant_be_read_harms_its_job_only() {
    let folder = Folder::new();
    let secret = folder.text("no-such-secret");
    let locked = format!(
        "  - job_name: locked\n    http_sd_configs:\n      - url: http://127.0.0.1:9/\n        \
         basic_auth: {{username: u, password_file: {secret}}}\n"
    );
    let config = folder.write("prometheus.yml", GOOD.to_owned() + &locked);
    let headcount = Headcount::with_config(&folder, &config);
    headcount.wait_for_failure("http", &[&secret]);
    headcount.wait_for("good", &["10.0.0.1:1"]);
    assert_eq!(headcount.get("/sd/locked").unwrap().status, 503);
    until("it is ready", || {
        let status = headcount.get("/-/ready")?.status;
        (status == 200)
            .then_some(())
            .ok_or_else(|| format!("it answers {status}"))
    });
}

#[test]
fn a_wrong_list_in_a_file_keeps_the_targets_and_is_named() {
    let folder = Folder::new();
    let good = r#"[{"targets": ["10.0.0.1:1"], "labels": {"dc": "a"}}]"#;
    folder.write("sd/a.json", good);
    folder.write("sd/b.yml", "- targets: [10.0.0.2:1]\n");
    let config = format!(
        "scrape_configs:\n  - job_name: files\n    file_sd_configs: [{{files: ['{0}/*.json', '{0}/*.yml']}}]\n",
        folder.text("sd")
    );
    let headcount = Headcount::with_config(&folder, &folder.write("prometheus.yml", config));
    let both = ["10.0.0.1:1", "10.0.0.2:1"];
    let before = headcount.wait_for("files", &both);

    let long_name = format!(
        r#"[{{"targets": ["10.0.0.9:1"], "labels": {{"{}": "x"}}}}]"#,
        "n".repeat(70_000)
    );
    let long_value = format!(
        r#"[{{"targets": ["10.0.0.9:1"], "labels": {{"x": "{}"}}}}]"#,
        "v".repeat(1_100_000)
    );
    let wrong: [(&str, Vec<u8>, &[&str]); 9] = [
        ("a.json", good[..good.len() / 2].into(), &["line 1", "EOF"]),
        // In a string it would be U+FFFD, as in Go.
        ("a.json", b"[{\"targets\": [\xff]}]".into(), &["line 1"]),
        ("b.yml", b"- targets: ['10.0.0.\xff:1']\n".into(), &["UTF-8", "line 1"]),
        (
            "a.json",
            br#"[{"targets": ["10.0.0.9:1"], "label": {}}]"#.into(),
            &["label"],
        ),
        (
            "a.json",
            br#"[{"targets": "10.0.0.9:1"}]"#.into(),
            &["entry 0", "a list of addresses"],
        ),
        ("a.json", long_name.into(), &["nnnn", "70000"]),
        ("a.json", long_value.into(), &["\"x\"", "1100000"]),
        ("b.yml", b"- targets: [10.0.0.9:1\n".into(), &["line"]),
        (
            "b.yml",
            b"a: &a [x, x]\nb: &b [*a, *a]\n".into(),
            &["line 1", "sequence"],
        ),
    ];
    for (file, content, said) in wrong {
        let path: PathBuf = folder.write(&format!("sd/{file}"), content);
        headcount.wait_for_failure("file", &[said, &[path.to_str().unwrap()]].concat());
        assert_eq!(headcount.list("files").as_ref(), Ok(&before));
        folder.write("sd/a.json", good);
        folder.write("sd/b.yml", "- targets: [10.0.0.2:1]\n");
        headcount.wait_for_health("file");
        assert_eq!(headcount.list("files").as_ref(), Ok(&before));
    }
    // What comes after all that is taken.
    folder.write("sd/a.json", good.replace("10.0.0.1", "10.0.0.3"));
    headcount.wait_for("files", &["10.0.0.2:1", "10.0.0.3:1"]);
}
