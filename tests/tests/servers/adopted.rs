//! What `headcount adopt` prints is what a real Prometheus goes on with: the same targets in every job.
//!
//! Two Prometheus run, one with the configuration as it was, and one with what `adopt` made of it, which reads its lists
//! at a headcount that reads the first one's. What they scrape has to be the same, labels and URLs.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use crate::support::{Folder, Headcount, Prometheus, Seen, check_config, headcount_binary, until};

/// Jobs in every style, with what has to go on meaning the same.
const CONFIG: &str = r#"# the whole site
global: {scrape_interval: 1h, scrape_timeout: 5s, external_labels: {region: 'köln'}}
rule_files: []
alerting: {alertmanagers: [{static_configs: [{targets: ['127.0.0.1:9']}]}]}
scrape_configs:
  # racks
  - job_name: racks
    file_sd_configs:
      - files: ['@SD@/*.json'] # all of them
        refresh_interval: 1s

    # by rack
    relabel_configs:
      - {source_labels: [__meta_filepath], regex: '.*/([^/]+)[.]json', target_label: file}
      - {source_labels: [__meta_drop], regex: 'yes', action: drop}
      - {source_labels: [__address__], target_label: __param_target}
    params: {module: [http_2xx, other]}
    metrics_path: /probe
  - static_configs:
      - targets: ['127.0.0.11:1', '127.0.0.12:1']
        labels: {env: prod, leer: ''}
    job_name: 'naïve/job'
    scheme: https
  - {job_name: braces, static_configs: [{targets: ['127.0.0.13:1']}], file_sd_configs: [{files: ['@SD@/*.json'], refresh_interval: 1s}]}
  # A Prometheus that reads a list would have a label `url`, too.
  - job_name: everything
    relabel_configs:
      - {regex: '__meta_(.+)', action: labelmap}
      - {source_labels: [dc], regex: 'a', action: keep}
      - {target_label: __scheme__, replacement: https}
    file_sd_configs: &files
      - {files: ['@SD@/*.json'], refresh_interval: 1s}
  - job_name: nothing
"#;

#[test]
fn an_adopted_configuration_has_the_same_targets_in_every_job() {
    require!("prometheus", "promtool");
    let folder = Folder::new();
    let list = |dc: &str| {
        format!(
            r#"[
                {{"targets": ["127.0.0.1:80", "127.0.0.2:80"], "labels": {{"__meta_rack": "r1", "dc": "{dc}"}}}},
                {{"targets": ["127.0.0.3:80"], "labels": {{"__meta_drop": "yes", "dc": "{dc}"}}}},
                {{"targets": ["127.0.0.4:80"], "labels": {{"dc": "b", "job": "renamed"}}}}
            ]"#
        )
    };
    folder.write("sd/one.json", list("a"));
    let config = folder.write("prometheus.yml", CONFIG.replace("@SD@", &folder.text("sd")));
    check_config(&config);
    let headcount = Headcount::with_config(&folder, &config);

    let (text, said) = adopt(&headcount, &config, "3");
    assert!(
        said.contains("headcount discovers 4 jobs, and relabels 1 of them"),
        "{said}"
    );
    for kept in [
        "# the whole site",
        "  # racks",
        "# all of them",
        "    # by rack",
        "&files",
        "url`, too.",
    ] {
        assert!(text.contains(kept), "{kept} is gone from\n{text}");
    }
    let adopted = folder.write("adopted.yml", &text);
    check_config(&adopted);

    let direct = Prometheus::start(&folder, "direct", &config);
    let through = Prometheus::start(&folder, "through", &adopted);
    wait_until_alike(&direct, &through, 13);
    let newest = Prometheus::start_newest(&folder, "newest", &adopted);
    let newest = newest.map(|newest| (newest, Prometheus::start_newest(&folder, "newest-direct", &config)));
    folder.write("sd/two.json", list("a").replace("127.0.0.", "127.0.1."));
    folder.write("sd/one.json", list("b"));
    wait_until_alike(&direct, &through, 20);
    if let Some((through, Some(direct))) = &newest {
        wait_until_alike(direct, through, 20);
    }
}

/// What `headcount adopt` prints for a version, and what it says.
fn adopt(headcount: &Headcount, config: &Path, version: &str) -> (String, String) {
    let url = format!("http://{}/", headcount.address());
    let output = Command::new(headcount_binary())
        .args(["adopt", "--url", &url, "--for", version])
        .arg(config)
        .output()
        .expect("starting headcount");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    (String::from_utf8(output.stdout).expect("text"), said)
}

#[test]
fn a_prometheus_2_takes_a_list_with_any_names_that_was_adopted_for_it() {
    require!("prometheus", "promtool");
    let folder = Folder::new();
    folder.write(
        "sd/one.json",
        r#"[{"targets": ["127.0.0.1:80", "127.0.0.2"], "labels": {"k8s.app": "web", "env": "prod"}},
            {"targets": ["127.0.0.3:80"], "labels": {"k8s.app": "db", "k8s_app": "both"}}]"#,
    );
    let files = folder.text("sd/*.json");
    let config =
        format!("scrape_configs: [{{job_name: a, scrape_interval: 1y, file_sd_configs: [{{files: ['{files}']}}]}}]\n");
    let config = folder.write("prometheus.yml", config);
    let headcount = Headcount::with_config(&folder, &config);
    let start = |version: &str| {
        let adopted = folder.write(&format!("for-{version}.yml"), adopt(&headcount, &config, version).0);
        check_config(&adopted);
        Prometheus::start(&folder, version, &adopted)
    };
    let (for_2, for_3) = (start("2"), start("3"));
    let newest = Prometheus::start_newest(&folder, "newest", &folder.path("for-3.yml"));
    until("the targets are there, with names that it takes and a port", || {
        let active = for_2.targets()?.active;
        let labels = active
            .iter()
            .map(|(_, _, labels, url)| (labels["k8s_app"].as_str(), labels["instance"].as_str(), url.as_str()));
        let found: BTreeSet<_> = labels.collect();
        let expected = [
            ("web", "127.0.0.1:80", "http://127.0.0.1:80/metrics"),
            ("web", "127.0.0.2:80", "http://127.0.0.2:80/metrics"),
        ];
        if found == BTreeSet::from(expected) {
            Ok(())
        } else {
            Err(format!("{active:#?}"))
        }
    });
    // A Prometheus 3 takes the list as it is, with one target more: no two names of it are one there.
    if let Some(newest) = newest {
        until("the targets are there with their own names", || {
            let active = newest.targets()?.active;
            let named: BTreeSet<_> = active
                .iter()
                .map(|(_, _, labels, _)| labels["k8s.app"].as_str())
                .collect();
            match active.len() == 3 && named == BTreeSet::from(["db", "web"]) {
                true => Ok(()),
                false => Err(format!("{active:#?}")),
            }
        });
    }
    // The list as it is, it refuses as a whole.
    for_3.wait_for_metric("prometheus_sd_http_failures_total", &[], 1.0);
    assert!(for_3.targets().expect("an answer").active.is_empty());
}

/// The steps of `docs/migrating.md`, in the example that it uses: only the hosts are others, because a Prometheus scrapes
/// what it reads.
#[test]
fn the_steps_of_the_handbook_end_with_a_prometheus_that_reads_the_lists() {
    require!("prometheus", "promtool");
    let folder = Folder::new();
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let read = |path: &Path| std::fs::read_to_string(path).expect("it is a file of the project");
    for name in ["r1", "r2", "r3"] {
        let list = read(&docs.join(format!("example/targets/{name}.json")));
        folder.write(&format!("targets/{name}.json"), on_loopback(&list));
    }
    let config = folder.write(
        "prometheus.yml",
        on_loopback(&read(&docs.join("example/prometheus.yml"))),
    );
    let headcount = Headcount::with_config(&folder, &config);
    let page = read(&docs.join("migrating.md"));
    let commands: Vec<_> = page
        .lines()
        .filter_map(|line| line.strip_prefix("$ headcount "))
        .collect();
    let [check, sd, adopt] = commands[..] else {
        panic!("other steps: {commands:?}")
    };
    let run = |command: &str| {
        let command = command.replace("http://headcount:9099", &format!("http://{}", headcount.address()));
        let mut ours = Command::new(headcount_binary());
        let output = ours
            .args(command.split(' '))
            .current_dir(folder.path(""))
            .output()
            .expect("it starts");
        assert!(output.status.success(), "{command}: {output:?}");
        String::from_utf8(output.stdout).expect("text")
    };
    assert!(run(check).starts_with("prometheus.yml: ok"));
    assert!(run(sd).contains("http://127.0.0.11:9100/metrics"));
    let adopted = folder.write("adopted.yml", run(adopt));
    check_config(&adopted);

    let direct = Prometheus::start(&folder, "direct", &config);
    let through = Prometheus::start(&folder, "through", &adopted);
    wait_until_alike(&direct, &through, 5);
    if let Some(newest) = Prometheus::start_newest(&folder, "newest", &adopted) {
        wait_until_alike(&direct, &newest, 5);
    }
}

/// The example's hosts as addresses that are nobody else's.
fn on_loopback(text: &str) -> String {
    let mut words = text.split("db");
    let first = words.next().unwrap_or_default().to_owned();
    words
        .fold(first, |text, rest| match rest.split_once(".example.org") {
            Some((number, rest)) => format!("{text}127.0.0.{number}{rest}"),
            None => format!("{text}db{rest}"),
        })
        .replace("localhost:9090", "127.0.0.1:9")
}

/// Waits until both scrape so many targets, and the same.
fn wait_until_alike(direct: &Prometheus, through: &Prometheus, count: usize) {
    let scraped = |seen: &Seen| -> BTreeSet<_> {
        let with_port = seen.clone().with_port();
        let targets = with_port.active.into_iter();
        targets.map(|(job, _, labels, url)| (job, labels, url)).collect()
    };
    // Both are asked anew each time: so many targets may still have labels that are about to change.
    until(
        "the Prometheus that was adopted scrapes the same as the one that discovers",
        || {
            let (expected, own) = (scraped(&direct.targets()?), scraped(&through.targets()?));
            if expected.len() == count && own == expected {
                Ok(())
            } else {
                Err(format!(
                    "it scrapes {own:#?}, the other {}: {expected:#?}",
                    expected.len()
                ))
            }
        },
    );
}
