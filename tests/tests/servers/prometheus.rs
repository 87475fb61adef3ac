//! A real Prometheus sees through headcount what it sees itself.
//!
//! Two Prometheus run with the same jobs: one with the discovery sections as they are, one with
//! each job's `http_sd_configs` pointing to headcount, which reads the first one's file. What
//! they know of their targets has to be the same, but for `__meta_url`, which tells that a list
//! came over HTTP. A third one reads what headcount makes of the targets with the jobs' rules, has
//! no rules of its own, and ends with the same targets. headcount's own API says the same, too.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::{Folder, Headcount, Prometheus, Seen, check_config, seen, until};

/// A job's name and its settings without discovery; `@SD@` stands for the folder of lists.
struct Job {
    name: &'static str,
    settings: &'static str,
    discovery: &'static str,
}

/// The jobs that relabel; the others show what was discovered.
const RELABELLED: [&str; 2] = ["web", "mixed"];

const JOBS: [Job; 5] = [
    Job {
        name: "plain",
        settings: "
    params: {module: [http_2xx, other]}
",
        discovery: "
    file_sd_configs:
      - {files: ['@SD@/web-*.json', '@SD@/d*.yml'], refresh_interval: 1s}
",
    },
    Job {
        name: "web",
        settings: r#"
    metrics_path: /probe
    params: {module: [http_2xx, other]}
    relabel_configs:
      - {source_labels: [__meta_filepath], regex: '.*/([^/]+)[.](?:json|ya?ml)', target_label: file}
      - {source_labels: [__meta_rack, dc], separator: /, target_label: place}
      - {source_labels: [__meta_drop], regex: 'yes', action: drop}
      - {regex: '__meta_tag_(.+)', action: labelmap, replacement: 'tag_$1'}
      - {source_labels: [__address__], modulus: 7, target_label: shard, action: hashmod}
      - {source_labels: [dc], target_label: dc_upper, action: uppercase}
      - {regex: secret_.*, action: labeldrop}
      - {source_labels: [__address__], target_label: __param_target}
"#,
        discovery: "
    file_sd_configs:
      - {files: ['@SD@/web-*.json', '@SD@/d*.yml'], refresh_interval: 1s}
",
    },
    Job {
        name: "naïve job/ü",
        settings: "
    scheme: https
    honor_labels: true
",
        discovery: "
    file_sd_configs:
      - {files: ['@SD@/umlaut.yaml'], refresh_interval: 1s}
",
    },
    Job {
        name: "static",
        settings: "",
        discovery: "
    static_configs:
      - {targets: ['10.9.0.1:9100', '10.9.0.2:9100'], labels: {env: prod, leer: ''}}
      - {targets: ['10.9.0.3:9100']}
",
    },
    Job {
        name: "mixed",
        settings: "
    relabel_configs:
      - {source_labels: [env], regex: 'prod|', action: keep}
",
        discovery: "
    static_configs:
      - {targets: ['10.9.0.1:9100'], labels: {env: prod}}
      - {targets: ['10.9.0.2:9100'], labels: {env: test}}
    file_sd_configs:
      - {files: ['@SD@/d*.yml'], refresh_interval: 1s}
",
    },
];

/// A whole prometheus.yml, with sections that are not headcount's.
fn config(folder: &Folder, discovery: impl Fn(&Job) -> String) -> String {
    config_of(folder, |job| job.settings.to_owned() + &discovery(job))
}

/// The same, of whole jobs without their names.
fn config_of(folder: &Folder, job: impl Fn(&Job) -> String) -> String {
    let head = "
global: {scrape_interval: 1h, scrape_timeout: 5s, evaluation_interval: 1h, external_labels: {region: 'köln'}}
rule_files: []
alerting: {alertmanagers: [{static_configs: [{targets: ['127.0.0.1:9']}]}]}
scrape_configs:
";
    let jobs = JOBS.iter().map(|of| format!("  - job_name: '{}'{}", of.name, job(of)));
    (head.to_owned() + &jobs.collect::<String>()).replace("@SD@", &folder.text("sd"))
}

fn write_first_lists(folder: &Folder) {
    folder.write(
        "sd/web-1.json",
        r#"[
            {"targets": ["10.0.0.1:80", "10.0.0.2:80"], "labels": {"__meta_rack": "r1", "dc": "äöü", "secret_a": "x"}},
            {"targets": ["10.0.0.3:80"], "labels": {"__meta_rack": "r2", "__meta_tag_color": "日本語 \"quoted\"\n", "empty": ""}},
            {"targets": ["10.0.0.4:80"], "labels": {"__meta_drop": "yes"}},
            {"targets": ["[::1]:80", "host.example", "10.0.0.5:443"]},
            {"targets": [], "labels": {"dc": "nobody"}}
        ]"#,
    );
    folder.write(
        "sd/web-2.json",
        r#"[{"targets": ["10.0.1.1:80"], "labels": {"__scheme__": "https", "job": "renamed"}}]"#,
    );
    folder.write(
        "sd/db.yml",
        "- targets: [10.1.0.1:5432]\n  labels: {env: prod, n: '1.50'}\n- targets: [10.1.0.2:5432]\n",
    );
    // Prometheus 2 takes label names of letters, digits and underscores only; values are free.
    folder.write(
        "sd/umlaut.yaml",
        "- targets: ['bücher.example:443']\n  labels: {stadt: 'Köln ☃'}\n",
    );
}

#[test]
fn a_prometheus_has_the_same_targets_as_from_the_files_themselves() {
    require!("prometheus", "promtool");
    let folder = Folder::new();
    write_first_lists(&folder);
    let direct_config = folder.write("prometheus.yml", config(&folder, |job| job.discovery.to_owned()));
    check_config(&direct_config);
    let headcount = Headcount::with_config(&folder, &direct_config);
    let paths = until("headcount serves every job", || {
        let paths: BTreeMap<_, _> = headcount.jobs()?.into_iter().collect();
        if paths.len() == JOBS.len() {
            Ok(paths)
        } else {
            Err(format!("{paths:?}"))
        }
    });
    let through_config = config(&folder, |job| {
        let url = format!("http://{}{}", headcount.address(), paths[job.name]);
        format!("\n    http_sd_configs: [{{url: '{url}', refresh_interval: 500ms}}]\n")
    });
    let through_config = folder.write("through.yml", through_config);
    let relabelled_config = config_of(&folder, |job| {
        let settings = job.settings.split("    relabel_configs:").next().unwrap_or_default();
        let url = format!("http://{}{}?relabelled=true", headcount.address(), paths[job.name]);
        let discovery = format!("\n    http_sd_configs: [{{url: '{url}', refresh_interval: 500ms}}]\n");
        settings.to_owned() + &discovery
    });
    let relabelled_config = folder.write("relabelled.yml", relabelled_config);
    let direct = Prometheus::start(&folder, "direct", &direct_config);
    let through = Prometheus::start(&folder, "through", &through_config);
    let relabelled = Prometheus::start(&folder, "relabelled", &relabelled_config);

    let first = Expected {
        active: 26,
        dropped: 2,
        there: &[
            "10.0.0.3:80",
            "10.0.1.1:80",
            "10.1.0.2:5432",
            "10.9.0.1:9100",
            "bücher.example:443",
            "host.example",
        ],
        gone: &[],
    };
    let seen = wait_until_equal(&direct, &through, &headcount, &first);
    wait_until_scraped_alike(&relabelled, &seen);
    let dropped: Vec<_> = seen
        .dropped
        .iter()
        .map(|labels| labels["__address__"].as_str())
        .collect();
    assert_eq!(dropped, ["10.0.0.4:80", "10.9.0.2:9100"]);

    // A list changes, one comes, one goes, one is broken and so stays what it was.
    folder.write(
        "sd/web-1.json",
        r#"[{"targets": ["10.0.0.1:80"], "labels": {"dc": "ßß"}}, {"targets": ["10.0.0.6:80"]}]"#,
    );
    folder.write(
        "sd/web-3.json",
        r#"[{"targets": ["10.0.2.1:80"], "labels": {"__meta_tag_x": "new"}}]"#,
    );
    folder.remove("sd/db.yml");
    folder.write("sd/umlaut.yaml", "- targets: ['half");
    let second = Expected {
        active: 13,
        dropped: 1,
        there: &["10.0.0.6:80", "10.0.2.1:80", "10.9.0.1:9100", "bücher.example:443"],
        gone: &["10.1.0.2:5432", "10.0.0.2:80"],
    };
    let seen = wait_until_equal(&direct, &through, &headcount, &second);
    wait_until_scraped_alike(&relabelled, &seen);
}

/// Waits until the Prometheus with the files has what it is to end with, and the one behind headcount and headcount
/// itself have the same.
///
/// All three are asked anew each time: Prometheus takes over each job's lists as they come, so what it has of the last
/// ones may be of one job only. What is seen then is not what it ends with, and nobody else ever has it.
fn wait_until_equal(direct: &Prometheus, through: &Prometheus, headcount: &Headcount, expected: &Expected) -> Seen {
    until(
        "a Prometheus with the files, one behind headcount, and headcount have the same targets",
        || {
            let direct = direct.targets()?.with_relabelled(&RELABELLED);
            expected.check(&direct)?;
            let through = through.targets()?.without("__meta_url").with_relabelled(&RELABELLED);
            if through != direct {
                return Err(format!(
                    "the one behind headcount has {through:#?}, the one with the files {direct:#?}"
                ));
            }
            // And headcount says of its targets what Prometheus says.
            let own = seen(&headcount.get("/api/v1/targets")?.json()?["data"])?.with_relabelled(&RELABELLED);
            let (own, with_port) = (own.with_port(), direct.clone().with_port());
            if own != with_port {
                return Err(format!("headcount has {own:#?}, the one with the files {with_port:#?}"));
            }
            Ok(direct)
        },
    )
}

/// What the Prometheus with the files is to end with.
struct Expected {
    active: usize,
    dropped: usize,
    there: &'static [&'static str],
    gone: &'static [&'static str],
}

impl Expected {
    fn check(&self, seen: &Seen) -> Result<(), String> {
        let addresses = seen.addresses();
        let complete = seen.active.len() == self.active
            && seen.dropped.len() == self.dropped
            && self.there.iter().all(|address| addresses.contains(address))
            && !self.gone.iter().any(|address| addresses.contains(address));
        if complete {
            Ok(())
        } else {
            Err(format!("the one with the files has {seen:#?}"))
        }
    }
}

/// Waits until a Prometheus that does not relabel scrapes what another one does that relabels.
fn wait_until_scraped_alike(relabelled: &Prometheus, other: &Seen) {
    let scraped = |seen: &Seen| -> BTreeSet<_> {
        let with_port = seen.clone().with_port();
        let targets = with_port.active.into_iter();
        targets.map(|(job, _, labels, url)| (job, labels, url)).collect()
    };
    let expected = scraped(other);
    until("the Prometheus without rules scrapes the same", || {
        let seen = relabelled.targets()?;
        if scraped(&seen) == expected && seen.dropped.is_empty() {
            Ok(())
        } else {
            Err(format!("it scrapes {seen:#?}, the other {expected:#?}"))
        }
    });
}
