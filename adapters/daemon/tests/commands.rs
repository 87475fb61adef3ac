//! `headcount check`, `sd`, `completions` and `--help`, as processes.

#![allow(clippy::expect_used, reason = "a test's helper reports by panicking")]

mod support;

use std::io::Write;
use std::process::Stdio;

use support::{Upstream, folder, headcount, outcome};

const GOOD: &str = "\
scrape_configs:
- job_name: node
  file_sd_configs: [{files: ['targets.json']}]
- job_name: fixed
  static_configs: [{targets: ['s:1', 't:2'], labels: {zone: \"a\\\"b\"}}]
";
const TARGETS: &str =
    r#"[{"targets": ["b:9100", "a:9100"], "labels": {"rack": "1", "__meta_n": "x"}}, {"targets": ["c:9100"]}]"#;

#[test]
fn check_names_every_problem_with_its_place() {
    let bad =
        "global: {scrape_interval: 5 minutes}\nscrape_configs:\n- job_name: a\n  scrape_timeot: 1s\n- job_name: a\n";
    let folder = folder(&[("good.yml", GOOD), ("targets.json", TARGETS), ("bad.yml", bad)]);
    insta::assert_snapshot!(
        "check_bad",
        outcome(folder.path(), &["check", "good.yml", "bad.yml", "missing.yml"])
    );
}

#[test]
fn check_is_content_with_what_is_good() {
    let warned = "scrape_configs: [{job_name: a, marathon_sd_configs: [{}]}]";
    let folder = folder(&[("good.yml", GOOD), ("targets.json", TARGETS), ("warned.yml", warned)]);
    insta::assert_snapshot!(
        "check_good",
        outcome(
            folder.path(),
            &[
                "check",
                "--allow-unsupported",
                support::LACKING,
                "good.yml",
                "warned.yml"
            ]
        )
    );
}

#[test]
fn check_fails_for_one_bad_file_wherever_it_stands() {
    let folder = folder(&[
        ("good.yml", GOOD),
        ("bad.yml", "scrape_configs: [{job_name: a, shceme: http}]\n"),
        ("targets.json", TARGETS),
    ]);
    for (files, code) in [
        (&["good.yml", "good.yml"] as &[&str], 0),
        (&["bad.yml", "good.yml"], 1),
        (&["good.yml", "bad.yml"], 1),
        (&["good.yml", "bad.yml", "good.yml"], 1),
        (&["missing.yml", "good.yml"], 1),
    ] {
        let output = headcount()
            .current_dir(folder.path())
            .arg("check")
            .args(files)
            .output()
            .expect("it runs");
        assert_eq!(output.status.code(), Some(code), "{files:?}");
    }
}

/// What `check` says of standard input.
fn checked(folder: &std::path::Path, input: &str, options: &[&str]) -> (Option<i32>, String) {
    fed(folder, input, &[&["check", "-"], options].concat())
}

/// Exit code and standard output of a command with this standard input.
fn fed(folder: &std::path::Path, input: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let mut child = headcount()
        .current_dir(folder)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(input.as_bytes()).expect("written");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    let real = folder.canonicalize().expect("a folder");
    (
        output.status.code(),
        said.replace(&real.display().to_string(), "FOLDER"),
    )
}

#[test]
fn check_reads_standard_input_whose_paths_start_in_the_working_directory() {
    let folder = folder(&[("targets.json", TARGETS)]);
    let good = checked(folder.path(), GOOD, &[]);
    assert_eq!(
        good,
        (
            Some(0),
            "<stdin>: ok: 2 jobs, 0 Alertmanager configs, 1 file\n".to_owned()
        )
    );
    let missing = checked(folder.path(), &GOOD.replace("targets.json", "other.json"), &[]);
    let expected = "<stdin>:3:30: scrape_configs[0].file_sd_configs[0].files[0]: FOLDER/other.json can't be read: \
                    No such file or directory (os error 2)\n";
    assert_eq!(missing, (Some(1), expected.to_owned()));
}

#[test]
fn check_writes_json_for_programs() {
    let folder = folder(&[("targets.json", TARGETS)]);
    let json = |input: &str, options: &[&str]| {
        let options = [&["--output", "json"], options].concat();
        let (code, said) = checked(folder.path(), input, &options);
        let document: serde_json::Value = serde_json::from_str(&said).expect("one document");
        assert_eq!(document["ok"], code == Some(0), "{said}");
        document
    };
    let lacking = format!("{GOOD}- {{job_name: a, marathon_sd_configs: [{{}}, {{}}]}}\n");
    insta::assert_snapshot!(
        "check_json_ok",
        serde_json::to_string_pretty(&json(&lacking, &["--allow-unsupported", support::LACKING])).expect("JSON")
    );
    let wrong = "scrape_configs:\n- {job_name: a, shceme: http}\n- {job_name: b, scheme: http, dns_sd_configs: [{}]}\n";
    insta::assert_snapshot!(
        "check_json_wrong",
        serde_json::to_string_pretty(&json(wrong, &[])).expect("JSON")
    );
    assert_eq!(json(&lacking, &[support::LACKING])["errors"][0]["line"], 6);
}

#[test]
fn sd_prints_what_it_finds() {
    let folder = folder(&[("prometheus.yml", GOOD), ("targets.json", TARGETS)]);
    let sd = |rest: &[&str]| outcome(folder.path(), &[&["sd", "prometheus.yml"], rest].concat());
    insta::assert_snapshot!("sd_table", sd(&[]));
    insta::assert_snapshot!("sd_json", sd(&["fixed", "--output", "json"]));
    insta::assert_snapshot!("sd_yaml", sd(&["fixed", "--output", "yaml"]));
    insta::assert_snapshot!("sd_file_sd", sd(&["node", "--output", "file-sd"]));
    insta::assert_snapshot!("sd_file_sd_of_all", sd(&["--output", "file-sd"]));
    insta::assert_snapshot!("sd_unknown_job", sd(&["nodes"]));
}

#[test]
fn sd_prints_what_is_scraped_in_the_end_and_why_the_rest_is_not() {
    let config = "\
scrape_configs:
- job_name: node
  target_limit: 2
  file_sd_configs: [{files: ['targets.json']}]
  relabel_configs:
  - {source_labels: [rack], regex: '[12]', action: keep}
  - {source_labels: [__meta_n], target_label: n}
- job_name: fixed
  params: {module: [http 2xx]}
  static_configs: [{targets: ['s:1', 's:1']}]
";
    let targets = r#"[{"targets": ["b:1", "a:1", "http://x/"], "labels": {"rack": "1", "__meta_n": "x\"y"}},
                      {"targets": ["c:1"], "labels": {"rack": "2"}}, {"targets": ["d:1"], "labels": {"rack": "3"}}]"#;
    let folder = folder(&[("prometheus.yml", config), ("targets.json", targets)]);
    let sd = |rest: &[&str]| outcome(folder.path(), &[&["sd", "prometheus.yml", "--targets"], rest].concat());
    insta::assert_snapshot!("sd_targets_table", sd(&[]));
    insta::assert_snapshot!("sd_targets_dropped", sd(&["--dropped"]));
    // What an identity is, is for the core to say.
    let without_ids = |text: String| {
        let is_id = |line: &str| line.trim_start().trim_start_matches('"').starts_with("id");
        let lines = text.lines().filter(|line| !is_id(line));
        lines.collect::<Vec<_>>().join("\n")
    };
    let json = sd(&["fixed", "--dropped", "--output", "json"]);
    insta::assert_snapshot!("sd_targets_json", without_ids(json));
    insta::assert_snapshot!("sd_targets_yaml", without_ids(sd(&["fixed", "--output", "yaml"])));
    insta::assert_snapshot!("sd_targets_file_sd", sd(&["node", "--output", "file-sd"]));
}

#[test]
fn sd_says_what_failed_and_still_prints_the_rest() {
    let upstream = Upstream::start(500, "");
    let config = format!(
        "scrape_configs:\n- job_name: a\n  http_sd_configs: [{{url: '{}'}}]\n  static_configs: [{{targets: ['s:1']}}]\n\
         - job_name: b\n  marathon_sd_configs: [{{}}]\n",
        upstream.url
    );
    let folder = folder(&[("prometheus.yml", &config)]);
    let said = outcome(
        folder.path(),
        &["sd", "--allow-unsupported", support::LACKING, "prometheus.yml"],
    );
    let host = upstream.url.trim_end_matches("/list");
    insta::assert_snapshot!(
        "sd_failed",
        said.replace(host, "http://HOST")
            .replace(host.trim_start_matches("http://"), "HOST")
    );
}

#[test]
fn sd_gives_up_in_the_end() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    let config = format!("scrape_configs: [{{job_name: a, http_sd_configs: [{{url: '{url}'}}]}}]");
    let folder = folder(&[("prometheus.yml", &config)]);
    let said = outcome(folder.path(), &["sd", "prometheus.yml", "--timeout", "200ms"]);
    insta::assert_snapshot!("sd_timeout", said.replace(&url, "http://HOST/"));
}

// It names all commands.
#[cfg(feature = "sim")]
#[test]
fn help_reads_well() {
    let folder = folder(&[]);
    insta::assert_snapshot!("help", outcome(folder.path(), &["--help"]));
    insta::assert_snapshot!("help_run", outcome(folder.path(), &["run", "--help"]));
    insta::assert_snapshot!("wrong_option", outcome(folder.path(), &["run", "--throttle", "x"]));
}

#[test]
fn without_arguments_it_helps() {
    let output = headcount().output().expect("it runs");
    let said = [output.stdout, output.stderr].concat();
    assert!(String::from_utf8_lossy(&said).contains("Usage: headcount [OPTIONS] <COMMAND>"));
}

#[test]
fn completions_exist_for_every_shell() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = headcount().args(["completions", shell]).output().expect("it runs");
        let script = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && script.contains("HEADCOUNT_COMPLETE"),
            "{shell}: {script}"
        );
        // The question that the script asks then.
        let line = ["headcount", "run", "--file-sd-d"];
        let asked = if shell == "bash" {
            vec![line.join(" ")]
        } else {
            line.map(str::to_owned).into()
        };
        let mut command = headcount();
        command
            .env("HEADCOUNT_COMPLETE", shell)
            .env("_CLAP_COMPLETE_INDEX", "2");
        let output = command.arg("--").args(asked).output().expect("it runs");
        let answer = String::from_utf8_lossy(&output.stdout);
        assert!(answer.starts_with("--file-sd-dir"), "{shell}: {answer}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut child = headcount()
        .args(["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
}

#[test]
fn every_command_that_reads_a_configuration_takes_it_from_standard_input() {
    let folder = folder(&[("targets.json", TARGETS), ("good.yml", GOOD)]);
    let (code, text) = fed(folder.path(), GOOD, &["sd", "-", "node"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("a:9100") && !text.contains("s:1"), "{text}");
    let (code, text) = fed(folder.path(), GOOD, &["explain", "--config", "-", "node", "a:9100"]);
    assert_eq!(code, Some(0), "{text}");
    let less = GOOD.replace(", 't:2'", "");
    for arguments in [["diff", "-", "good.yml"], ["diff", "good.yml", "-"]] {
        let (code, text) = fed(folder.path(), &less, &arguments);
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains("t:2") && text.contains("<stdin>"), "{text}");
    }
    let (code, _) = fed(folder.path(), GOOD, &["diff", "-", "-"]);
    assert_eq!(code, Some(2));
    let (code, text) = fed(folder.path(), GOOD, &["adopt", "-"]);
    assert_eq!(code, Some(0), "{text}");
}

#[test]
fn sd_takes_patterns_of_jobs_and_dropped_by_itself() {
    let jobs = "\
scrape_configs:
- {job_name: node-a, static_configs: [{targets: ['a:1']}]}
- {job_name: node/b, static_configs: [{targets: ['b:1']}]}
- {job_name: 'node*', static_configs: [{targets: ['star:1']}]}
- job_name: web
  static_configs: [{targets: ['w:1', 'x:1']}]
  relabel_configs: [{source_labels: [__address__], regex: 'x:1', action: drop}]
";
    let folder = folder(&[("jobs.yml", jobs)]);
    let listed = |arguments: &[&str]| {
        let output = headcount()
            .current_dir(folder.path())
            .args([&["sd", "jobs.yml"], arguments].concat())
            .output()
            .expect("it runs");
        (output.status.code(), String::from_utf8(output.stdout).expect("UTF-8"))
    };
    let found = |arguments: &[&str]| -> Vec<&str> {
        let (code, text) = listed(arguments);
        assert_eq!(code, Some(0), "{text}");
        let all = ["a:1", "b:1", "star:1", "w:1", "x:1"];
        all.into_iter().filter(|address| text.contains(address)).collect()
    };
    assert_eq!(found(&["node?*"]), ["a:1", "b:1", "star:1"], "a `/` is a letter");
    assert_eq!(found(&["node*"]), ["star:1"], "a name comes before a pattern");
    assert_eq!(found(&["*[bB]"]), ["b:1", "w:1", "x:1"]);
    assert_eq!(found(&["web", "--targets"]), ["w:1"]);
    assert_eq!(found(&["web", "--dropped"]), ["w:1", "x:1"]);
    assert_eq!(listed(&["nod"]).0, Some(2));
    assert_eq!(listed(&["no[d"]).0, Some(2));
}

#[test]
fn every_command_has_a_manual_page() {
    let folder = tempfile::tempdir().expect("a folder");
    let pages = folder.path().join("man1");
    let status = headcount().arg("man").arg(&pages).status().expect("it runs");
    assert!(status.success());
    let help = headcount().arg("--help").output().expect("it runs");
    let help = String::from_utf8(help.stdout).expect("UTF-8");
    let (_, commands) = help.split_once("Commands:\n").expect("commands");
    let (commands, _) = commands.split_once("\n\n").expect("and more");
    let names = commands
        .lines()
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let mut count = 0;
    for name in names.filter(|name| !matches!(*name, "" | "help")) {
        let page = std::fs::read_to_string(pages.join(format!("headcount-{name}.1"))).expect(name);
        assert!(page.contains(".TH") && page.contains(name), "{page}");
        count += 1;
    }
    assert!(count > 12, "{help}");
    assert!(pages.join("headcount.1").is_file());
}
