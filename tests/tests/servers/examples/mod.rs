//! What `headcount adopt` prints, for each example of Prometheus's documentation and of this repository: **the targets of
//! every job are the same before and after**, for Prometheus 2 and 3, whichever is installed.
//!
//! The examples are run in three ways. As they are, where what they discover with can be read here; with lists of files in
//! place of what needs a cloud or a cluster ([`jobs`]); and, without a Prometheus, by `headcount diff`.

mod jobs;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use self::jobs::{Job, jobs};
use crate::support::required::find;
use crate::support::{
    FaultServer, Folder, Headcount, Labels, Prometheus, check_config, check_service_discovery_within, headcount_binary,
    until,
};

/// The promtools that are asked for each job, if they are installed, and which version theirs is. That of 2.42 is not among
/// them: a whole Prometheus of that version runs, too, and each question takes half a second of CPU.
const PROMTOOLS: [(&str, &str); 2] = [("promtool-2.53", "2"), ("promtool-3", "3")];

/// The jobs of which nothing is found.
const NOTHING: [&str; 2] = ["dns/nothing", "cmdb"];

/// A list that a server sends.
const LIST: &str = r#"[{"targets": ["10.20.0.1:80", "10.20.0.2"], "labels": {"__meta_dc": "eu", "rack": "1"}}]"#;

/// All jobs as one configuration, each with the discovery that `discovery` gives it.
fn config(folder: &Folder, list: &str, discovery: impl Fn(usize, &Job) -> String) -> String {
    let jobs = jobs().into_iter().enumerate().map(|(number, job)| {
        let parts = [
            format!("job_name: '{}'", job.name),
            discovery(number, job),
            job.settings.to_owned(),
        ];
        let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        format!("- {{{}}}\n", parts.join(", "))
    });
    // Nothing is scraped while the test runs.
    let head = "global: {scrape_interval: 1y, scrape_timeout: 5s}\nscrape_configs:\n".to_owned();
    let text = head + &jobs.collect::<String>();
    text.replace("@SD@", &folder.text("sd")).replace("@LIST@", list)
}

/// The same, with files of what may be found in place of what can't be asked.
fn with_files(folder: &Folder, list: &str) -> String {
    folder.write(
        "sd/hosts-1.json",
        r#"[{"targets": ["10.0.0.1:80", "10.0.0.2"], "labels": {"abc": "x", "env": "prod", "secret_a": "b"}},
            {"targets": ["10.0.0.3:80"], "labels": {"env": "test"}}]"#,
    );
    folder.write(
        "sd/db.yml",
        "- targets: ['10.0.1.1:5432']\n  labels: {__meta_dns_name: 'some-r', job: 'a'}\n",
    );
    config(folder, list, |number, job| {
        let Some(found) = job.found else {
            return job.discovery.to_owned();
        };
        let groups = found.iter().map(|(address, labels)| {
            let labels: BTreeMap<_, _> = labels.iter().copied().collect();
            json!({"targets": [address], "labels": labels})
        });
        let file = format!("found/{number}.json");
        folder.write(&file, Value::from_iter(groups).to_string());
        format!(
            "file_sd_configs: [{{files: ['{}'], refresh_interval: 1s}}]",
            folder.text(&file)
        )
    })
}

/// What `headcount adopt` makes of a configuration for a version, at a headcount.
fn adopted(folder: &Folder, config: &Path, url: &str, version: &str) -> PathBuf {
    let output = Command::new(headcount_binary())
        .args(["adopt", "--url", url, "--for", version])
        .arg(config)
        .output()
        .expect("starting headcount");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{}: {said}", config.display());
    folder.write(&format!("adopted-for-{version}.yml"), output.stdout)
}

/// What a promtool finds to scrape in a job.
fn found_by(promtool: &str, config: &Path, job: &str) -> BTreeSet<Labels> {
    let found = check_service_discovery_within(promtool, config, job, "2s").into_iter();
    let found = found.map(|(_, kept)| kept).filter(|kept| !kept.is_empty());
    // The labels of Prometheus's own are those of its job.
    found
        .map(|mut labels| {
            labels.retain(|name, _| !name.starts_with("__") || name == "__address__" || name.starts_with("__param_"));
            labels
        })
        .collect()
}

/// Waits until all jobs that are to have a list have one.
fn wait_until_served(headcount: &Headcount, jobs: &[&str]) {
    until("every job is served", || {
        let index = headcount.get("/sd")?.json()?;
        let entries = index["jobs"].as_array().ok_or_else(|| index.to_string())?;
        let served: BTreeSet<_> = entries
            .iter()
            .filter(|job| job["served"] == true)
            .filter_map(|job| job["job"].as_str())
            .collect();
        let waiting: Vec<_> = jobs.iter().filter(|job| !served.contains(*job)).collect();
        if waiting.is_empty() {
            Ok(())
        } else {
            Err(format!("{waiting:?}"))
        }
    });
}

fn say(text: &str) {
    // Not with `eprintln!`, which the test runner keeps to itself when a test passes.
    writeln!(std::io::stderr(), "{text}").ok();
}

#[test]
fn promtools_find_the_same_targets_before_and_after() {
    require!("promtool-2.53");
    let folder = Folder::new();
    let server = FaultServer::start(LIST);
    let url = format!("http://{}/list", server.address());
    let before = folder.write("prometheus.yml", with_files(&folder, &url));
    let headcount = Headcount::with_config(&folder, &before);
    let names: Vec<&str> = jobs().into_iter().map(|job| job.name).collect();
    wait_until_served(&headcount, &names);
    let at = format!("http://{}", headcount.address());
    let after = ["2", "3"].map(|version| (version, adopted(&folder, &before, &at, version)));

    let promtools: Vec<_> = PROMTOOLS.into_iter().filter(|(name, _)| find(name).is_some()).collect();
    let after = |version: &str| {
        after
            .iter()
            .find(|(of, _)| *of == version)
            .map(|(_, path)| path.as_path())
    };
    let pairs = promtools
        .iter()
        .filter_map(|(promtool, version)| Some((*promtool, after(version)?)));
    let work: Vec<(&str, &Path, &str)> = pairs
        .flat_map(|(promtool, after)| names.iter().map(move |job| (promtool, after, *job)))
        .collect();
    let (next, compared) = (AtomicUsize::new(0), AtomicUsize::new(0));
    // promtool always waits as long as it may.
    std::thread::scope(|scope| {
        for _ in 0..12 {
            scope.spawn(|| {
                while let Some((promtool, after, job)) = work.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let targets = compare(promtool, job, &before, after);
                    compared.fetch_add(targets, Ordering::Relaxed);
                }
            });
        }
    });
    say(&format!(
        "compared {} jobs of examples, {} targets in all, with {promtools:?}",
        names.len(),
        compared.into_inner()
    ));
}

/// Waits until a promtool finds the same in a job before and after; gives how many targets that are. A busy machine may have
/// been too slow for one look.
fn compare(promtool: &str, job: &str, before: &Path, after: &Path) -> usize {
    until(&format!("{promtool} finds the same in {job}"), || {
        let before = found_by(promtool, before, job);
        if before.is_empty() != NOTHING.contains(&job) {
            return Err(format!("before there are {before:#?}"));
        }
        let after = found_by(promtool, after, job);
        if after != before {
            return Err(format!("before {before:#?}\nadopted {after:#?}"));
        }
        Ok(before.len())
    })
}

/// What a Prometheus scrapes: job, labels and URL.
fn scraped(prometheus: &Prometheus) -> Result<BTreeSet<(String, Labels, String)>, String> {
    let targets = prometheus.targets()?.active.into_iter();
    Ok(targets.map(|(job, _, labels, url)| (job, labels, url)).collect())
}

/// Waits until Prometheus scrapes the same before and after, but for one job, and no fewer targets than that; gives how many.
fn wait_until_alike(what: &str, but: Option<&str>, least: usize, before: &Prometheus, after: &Prometheus) -> usize {
    until(&format!("{what} scrapes the same before and after"), || {
        let [mut before, mut after] = [scraped(before)?, scraped(after)?];
        for targets in [&mut before, &mut after] {
            targets.retain(|(job, ..)| but != Some(job));
        }
        if before == after && before.len() >= least {
            return Ok(before.len());
        }
        let (gone, more): (Vec<_>, Vec<_>) = (before.difference(&after).collect(), after.difference(&before).collect());
        Err(format!(
            "{} targets before; gone {gone:#?}, more {more:#?}",
            before.len()
        ))
    })
}

#[test]
fn a_prometheus_2_scrapes_the_same_targets_before_and_after() {
    require!("prometheus", "promtool");
    let folder = Folder::new();
    let server = FaultServer::start(LIST);
    let url = format!("http://{}/list", server.address());
    let before = folder.write("prometheus.yml", with_files(&folder, &url));
    check_config(&before);
    let headcount = Headcount::with_config(&folder, &before);
    let names: Vec<&str> = jobs().into_iter().map(|job| job.name).collect();
    wait_until_served(&headcount, &names);
    let direct = Prometheus::start(&folder, "direct", &before);
    // It adds ports. What it reads as headcount relabels it for 3 has no port in `instance`.
    for (version, but) in [("2", None), ("3", Some("http/list-by-its-url"))] {
        let after = adopted(&folder, &before, &format!("http://{}", headcount.address()), version);
        check_config(&after);
        let through = Prometheus::start(&folder, &format!("for-{version}"), &after);
        let targets = wait_until_alike("an example", but, 41, &direct, &through);
        let jobs = names.len();
        say(&format!(
            "compared {jobs} jobs of examples, {targets} targets, in a running Prometheus 2, adopted for {version}"
        ));
    }
}

/// The configurations of this repository's documentation and of the installed Prometheus, as they are.
fn whole_examples() -> Vec<PathBuf> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/example");
    let mut found = vec![
        docs.join("prometheus.yml"),
        docs.join("new.yml"),
        docs.join("with-cmdb.yml"),
    ];
    let installed = [
        "/etc/prometheus/prometheus.yml",
        "/usr/share/doc/prometheus/examples/prometheus.yml",
    ];
    found.extend(installed.map(PathBuf::from).into_iter().filter(|path| path.is_file()));
    found
}

#[test]
fn whole_examples_have_the_same_targets_before_and_after() {
    require!("promtool-2.53");
    let promtools: Vec<_> = PROMTOOLS.into_iter().filter(|(name, _)| find(name).is_some()).collect();
    std::thread::scope(|scope| {
        for config in whole_examples() {
            let promtools = &promtools;
            scope.spawn(move || compare_whole(&config, promtools));
        }
    });
}

fn compare_whole(config: &Path, promtools: &[(&str, &str)]) {
    let folder = Folder::new();
    let headcount = Headcount::with_config(&folder, config);
    let at = format!("http://{}", headcount.address());
    let jobs = until("it knows its jobs", || {
        let index = headcount.get("/sd")?.json()?;
        let entries = index["jobs"].as_array().into_iter().flatten();
        let jobs: Vec<String> = entries
            .filter_map(|job| Some(job["job"].as_str()?.to_owned()))
            .collect();
        if jobs.is_empty() {
            Err(index.to_string())
        } else {
            Ok(jobs)
        }
    });
    let mut targets = 0;
    for (promtool, version) in promtools {
        let after = adopted(&folder, config, &at, version);
        for job in &jobs {
            targets += compare(promtool, job, config, &after);
        }
    }
    say(&format!(
        "compared {}: {jobs:?}, {targets} targets in all, with {promtools:?}",
        config.display()
    ));
}

#[test]
fn diff_finds_no_other_targets_before_and_after() {
    let folder = Folder::new();
    let server = FaultServer::start(LIST);
    let url = format!("http://{}/list", server.address());
    let before = folder.write("prometheus.yml", with_files(&folder, &url));
    let headcount = Headcount::with_config(&folder, &before);
    let names: Vec<&str> = jobs().into_iter().map(|job| job.name).collect();
    wait_until_served(&headcount, &names);
    let after = adopted(&folder, &before, &format!("http://{}", headcount.address()), "3");
    let output = Command::new(headcount_binary())
        .args(["diff", "--output", "json"])
        .args([&before, &after])
        .output()
        .expect("starting headcount");
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["troubles"], json!([]));
    let jobs = report["jobs"].as_array().expect("jobs");
    assert_eq!(jobs.len(), names.len());
    for job in jobs {
        assert_eq!((&job["started"], &job["stopped"]), (&json!([]), &json!([])), "{job:#}");
    }
}

#[test]
fn examples_with_what_needs_a_cloud_are_rewritten_so_that_they_mean_the_same() {
    let folder = Folder::new();
    let before = folder.write(
        "prometheus.yml",
        config(&folder, "http://127.0.0.1:9/", |_, job| job.discovery.to_owned()),
    );
    for version in ["2", "3"] {
        // It compares by itself what it reads with what was there.
        let after = adopted(&folder, &before, "http://127.0.0.1:9099", version);
        let text = std::fs::read_to_string(&after).expect("it was written");
        let discovered = text
            .lines()
            .filter(|line| !line.trim_start().starts_with('#') && line.contains("_sd_configs"));
        assert!(
            discovered
                .clone()
                .all(|line| line.contains("http_sd_configs: [{url: 'http://127.0.0.1:9099/sd/")),
            "{text}"
        );
        // Rules stay where nothing speaks against it.
        assert!(
            text.contains("__meta_consul_tags], regex: '.*,prod,.*', action: keep}, {source"),
            "{text}"
        );
    }
}
