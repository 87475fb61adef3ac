//! `headcount run`, as a process: what it says of itself.

mod support;

use std::fs;

use serde_json::json;
use support::{Daemon, Setup};

#[test]
fn b10_a_config_that_can_not_be_run_keeps_its_job_from_being_served_and_harms_no_other() {
    let setup = Setup::new();
    let fine = "scrape_configs: [{job_name: node, file_sd_configs: [{files: ['targets.json']}]}, ";
    let both = "{job_name: both, static_configs: [{targets: ['s:1']}], marathon_sd_configs: [{}]}, ";
    fs::write(
        &setup.config,
        format!("{fine}{both}{{job_name: only, marathon_sd_configs: [{{port: 81}}]}}]"),
    )
    .expect("written");
    let lists = setup.folder.path().join("lists");
    let lists_option = lists.to_str().expect("UTF-8");
    let daemon = setup.start(&["--allow-unsupported", support::LACKING, "--file-sd-dir", lists_option]);
    daemon.wait_for("/sd/node", |list| list.contains("a:9100"));
    daemon.wait_for("/sd?", |index| index.contains("\"both\""));
    let failed = daemon.get("/api/v1/providers").json()["data"]["failedConfigs"].clone();
    assert_eq!(failed.as_array().map(Vec::len), Some(2));
    assert_eq!(failed[0]["sets"], json!(["both"]));
    let reason = failed[0]["reason"].as_str().expect("a reason").to_owned();
    assert!(reason.contains("no marathon_sd"), "{reason}");

    for path in ["/sd/both", "/sd/only", "/sd/both?relabelled=true"] {
        let answer = daemon.get(path);
        assert_eq!(answer.status, 503, "{path}: {}", answer.text());
        assert!(answer.text().contains(&reason), "{path}: {}", answer.text());
    }
    let pools = daemon.get("/api/v1/scrape_pools").json()["data"]["pools"].clone();
    let pool = |name: &str| {
        pools
            .as_array()
            .into_iter()
            .flatten()
            .find(|pool| pool["name"] == name)
            .cloned()
    };
    let both = pool("both").expect("the job");
    assert_eq!(
        (&both["complete"], &both["failedConfigs"]),
        (&json!(false), &json!([reason]))
    );
    assert_eq!(pool("node").expect("the job").get("failedConfigs"), None);
    let metrics = daemon.get("/metrics").text();
    for line in [
        "prometheus_sd_failed_configs{name=\"scrape\"} 2\n",
        "headcount_sd_set_complete{name=\"scrape\",config=\"only\"} 0\n",
    ] {
        assert!(metrics.contains(line), "{line} is not in {metrics}");
    }
    daemon.logged("the fault", |entry| (entry["sets"] == "only").then_some(()));
    support::wait_until("the list of node", || lists.join("node.json").exists().then_some(()));

    // Without the config that can't run, the job is complete. Its file shows that the other job's was not
    // passed over for want of time.
    let mended = "{job_name: both, static_configs: [{targets: ['s:1']}]}, ";
    fs::write(
        &setup.config,
        format!("{fine}{mended}{{job_name: only, marathon_sd_configs: [{{port: 81}}]}}]"),
    )
    .expect("written");
    assert_eq!(daemon.request("POST", "/-/reload", &[]).status, 200);
    daemon.wait_for("/sd/both", |list| list.contains("s:1"));
    support::wait_until("the list of both", || lists.join("both.json").exists().then_some(()));
    assert!(!lists.join("only.json").exists(), "an incomplete list is not written");
}

#[test]
fn a_mechanism_that_is_not_there_is_refused_at_the_start_and_when_it_is_reloaded() {
    let setup = Setup::new();
    let good = fs::read_to_string(&setup.config).expect("a configuration");
    let wrong = "scrape_configs:\n- job_name: a\n  marathon_sd_configs: [{}]\n";
    fs::write(&setup.config, wrong).expect("written");
    let config = setup.config.to_str().expect("UTF-8");
    let refused = |args: &[&str]| {
        let output = support::headcount()
            .args(args)
            .arg(support::LACKING)
            .output()
            .expect("it runs");
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(!output.status.success(), "{args:?}: {said}");
        assert!(
            said.contains("prometheus.yml:3:24: scrape_configs[0].marathon_sd_configs"),
            "{args:?}: {said}"
        );
        assert!(said.contains("--allow-unsupported"), "{args:?}: {said}");
    };
    let hosts = setup.folder.path().join("hosts.txt");
    fs::write(&hosts, "a\n").expect("written");
    let inventory = ["--inventory", hosts.to_str().expect("UTF-8"), "--format", "text"];
    let coverage = [&["coverage", "--config", config][..], &inventory].concat();
    refused(&["run", "--config", config]);
    // With `--allow-unsupported` they go on, and say by their status that they can't know.
    for (args, status) in [
        (&["check", config][..], 0),
        (&["sd", config], 1),
        (&["explain", "--config", config, "a"], 4),
        (&["diff", config, config], 2),
        (&coverage, 2),
    ] {
        refused(args);
        let mut allowed = support::headcount();
        let output = allowed
            .args(args)
            .args(["--allow-unsupported", support::LACKING])
            .output()
            .expect("it runs");
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert_eq!(output.status.code(), Some(status), "{args:?}: {said}");
        assert!(
            said.contains("prometheus.yml:3:24") && said.contains("never complete"),
            "{args:?}: {said}"
        );
    }

    fs::write(&setup.config, good).expect("written");
    let daemon = setup.start(&[support::LACKING]);
    daemon.wait_for("/sd/node", |list| list.contains("a:9100"));
    fs::write(&setup.config, wrong).expect("written");
    let answer = daemon.request("POST", "/-/reload", &[]);
    assert_eq!(answer.status, 500);
    assert!(answer.text().contains("prometheus.yml:3:24"), "{}", answer.text());
    daemon.wait_for("/sd/node", |list| list.contains("a:9100"));
}

/// What `check` calls an error does not keep `run` from starting: the provider fails, and mends itself.
#[test]
fn files_that_are_missing_are_failures_until_they_come() {
    let setup = Setup::new();
    let upstream = support::Upstream::start(200, r#"[{"targets": ["h:1"]}]"#);
    let config = format!(
        "scrape_configs:\n\
         - {{job_name: http, http_sd_configs: [{{url: '{}', refresh_interval: 1s, bearer_token_file: token}}]}}\n\
         - {{job_name: file, file_sd_configs: [{{files: [later.json], refresh_interval: 1s}}]}}\n",
        upstream.url
    );
    fs::write(&setup.config, config).expect("written");
    let checked = support::headcount()
        .args(["check", setup.config.to_str().expect("UTF-8")])
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert_eq!((checked.status.code(), said.lines().count()), (Some(1), 2), "{said}");

    let daemon = setup.start(&[]);
    for name in ["token", "later.json"] {
        daemon.wait_for("/api/v1/providers", |body| {
            let answer: serde_json::Value = serde_json::from_str(body).expect("JSON");
            let providers = answer["data"]["providers"].as_array().cloned().unwrap_or_default();
            providers.iter().any(|provider| {
                let health = &provider["health"];
                health["state"] == "failing" && health["lastError"].as_str().is_some_and(|error| error.contains(name))
            })
        });
    }
    fs::write(setup.folder.path().join("token"), "hunter2").expect("written");
    fs::write(setup.folder.path().join("later.json"), r#"[{"targets": ["f:1"]}]"#).expect("written");
    daemon.wait_for("/sd/http", |list| list.contains("h:1"));
    daemon.wait_for("/sd/file", |list| list.contains("f:1"));
    daemon.wait_for("/api/v1/providers", |body| !body.contains("\"failing\""));
}

/// Jobs of two kinds and an Alertmanager, with a password.
const VARIOUS: &str = "global: {scrape_interval: 30s}\n\
    alerting: {alertmanagers: [{static_configs: [{targets: ['am:9093']}]}]}\n\
    scrape_configs:\n\
    - {job_name: node, scheme: https, basic_auth: {username: u, password: hunter2}, \
       file_sd_configs: [{files: ['targets.json']}]}\n\
    - {job_name: fixed, static_configs: [{targets: ['s:1', 's:2']}]}\n";

fn start_various(setup: &Setup) -> Daemon {
    setup.write(VARIOUS);
    let daemon = setup.start(&[]);
    daemon.wait_for("/sd/node", |list| list.contains("a:9100"));
    daemon.wait_for("/-/ready", |_| true);
    daemon
}

#[test]
fn the_api_describes_targets() {
    let setup = Setup::new();
    let daemon = start_various(&setup);
    // Targets are worked out soon after they are discovered.
    daemon.wait_for("/api/v1/targets", |body| {
        body.contains("a:9100") && body.contains("s:2")
    });
    let pools = daemon.get("/api/v1/scrape_pools").json()["data"].clone();
    assert_eq!(pools["scrapePools"], json!(["fixed", "node"]));
    let fixed = json!({
        "name": "fixed", "complete": true, "served": true, "active": 2, "dropped": 0, "duplicate": 0, "invalid": 0,
        "overLabelLimits": 0, "sharedLabels": 0, "targetLimit": null, "exceedsTargetLimit": false,
    });
    assert_eq!(pools["pools"][0], fixed);

    let targets = daemon.get("/api/v1/targets").json();
    let active = targets["data"]["activeTargets"].as_array().expect("a list").clone();
    let found: Vec<_> = active
        .iter()
        .map(|target| target["scrapeUrl"].as_str().expect("a URL"))
        .collect();
    assert_eq!(
        found,
        ["http://s:1/metrics", "http://s:2/metrics", "https://a:9100/metrics"]
    );
    assert_eq!(
        active[2]["labels"],
        json!({"job": "node", "instance": "a:9100", "rack": "1"})
    );
    assert_eq!(active[2]["discoveredLabels"]["__scrape_interval__"], "30s");
    assert_eq!(targets["data"]["droppedTargets"], json!([]));
    let one = daemon.get("/api/v1/targets?scrapePool=node&state=ANY").json();
    assert_eq!(one["data"]["activeTargets"].as_array().map(Vec::len), Some(1));
    let none = daemon.get("/api/v1/targets?state=dropped").json();
    assert_eq!(none["data"]["activeTargets"], json!([]));

    // As in Prometheus.
    let unknown = daemon.get("/api/v1/targets?state=up").json();
    let data = &unknown["data"];
    assert_eq!(
        (&data["activeTargets"], &data["droppedTargets"]),
        (&json!([]), &json!([]))
    );

    let alertmanagers = daemon.wait_for("/api/v1/alertmanagers", |body| body.contains("am:9093"));
    let expected = json!({
        "activeAlertmanagers": [{"url": "http://am:9093/api/v2/alerts"}],
        "droppedAlertmanagers": [],
    });
    assert_eq!(alertmanagers.json()["data"], expected);
}

#[test]
fn the_api_describes_what_runs() {
    let setup = Setup::new();
    let daemon = start_various(&setup);
    assert_eq!(daemon.get("/-/healthy").status, 200);

    let providers = daemon.get("/api/v1/providers").json()["data"]["providers"].clone();
    let described: Vec<_> = providers
        .as_array()
        .expect("a list")
        .iter()
        .map(|provider| {
            json!([
                provider["manager"],
                provider["name"],
                provider["subscribers"],
                provider["health"]["state"],
                provider["targets"]
            ])
        })
        .collect();
    let expected = json!([
        ["scrape", "file/0", ["node"], "ok", 1],
        ["scrape", "static/1", ["fixed"], "ok", 2],
        ["notify", "static/0", ["config-0"], "ok", 1],
    ]);
    assert_eq!(json!(described), expected);
    assert!(
        providers[0]["health"]["lastUpdateAge"]
            .as_f64()
            .is_some_and(|age| age < 60.0)
    );
    assert_eq!(providers[0]["health"]["lastError"], json!(null));

    let index = daemon.get("/sd").json();
    assert_eq!(
        index["jobs"][0],
        json!({"job": "fixed", "path": "/sd/fixed", "groups": 1, "targets": 2, "complete": true, "served": true})
    );
    let shown = daemon.get("/config").text();
    assert!(
        shown.contains("job_name: node") && !shown.contains("hunter2"),
        "{shown}"
    );
    let page = daemon.get("/").text();
    assert!(
        page.contains("href=\"sd\"") && page.contains("href=\"metrics\""),
        "{page}"
    );
    assert_eq!(daemon.get("/nothing").status, 404);
    assert_eq!(daemon.request("POST", "/sd/node", &[]).status, 405);
}

#[test]
fn metrics_have_the_names_of_prometheus() {
    let setup = Setup::new();
    let daemon = setup.start(&[]);
    daemon.wait_for("/sd/node", |list| list.contains("a:9100"));
    daemon.wait_for("/metrics", |text| {
        text.contains("scrape_pool_targets{scrape_job=\"node\"} 1\n")
    });
    let text = daemon.get("/metrics").text();
    for sample in [
        "prometheus_target_scrape_pool_targets{scrape_job=\"node\"} 1\n",
        "prometheus_target_scrape_pool_target_limit{scrape_job=\"node\"} 0\n",
        "prometheus_target_scrape_pool_exceeded_target_limit_total 0\n",
        "prometheus_target_scrape_pool_sync_total{scrape_job=\"node\"} 1\n",
        "prometheus_target_sync_failed_total{scrape_job=\"node\"} 0\n",
        "headcount_target_fates{scrape_job=\"node\",fate=\"active\"} 1\n",
        "headcount_target_fates{scrape_job=\"node\",fate=\"dropped\"} 0\n",
        "headcount_target_sync_length_seconds_count ",
        "prometheus_sd_discovered_targets{name=\"scrape\",config=\"node\"} 1\n",
        "prometheus_sd_failed_configs{name=\"scrape\"} 0\n",
        "prometheus_sd_failed_configs{name=\"notify\"} 0\n",
        "prometheus_sd_received_updates_total{name=\"scrape\"} 1\n",
        "prometheus_sd_updates_delayed_total{name=\"scrape\"} ",
        "prometheus_sd_updates_total{name=\"scrape\"} ",
        "prometheus_sd_last_update_timestamp_seconds{name=\"scrape\",config=\"node\"} ",
        "prometheus_sd_file_scan_duration_seconds{quantile=\"0.99\"} ",
        "prometheus_sd_file_scan_duration_seconds_count ",
        "headcount_sd_unchanged_updates_total{name=\"scrape\"} 0\n",
        "headcount_sd_provider_failing{name=\"scrape\",provider=\"file/0\",mechanism=\"file\"} 0\n",
        "prometheus_sd_file_mtime_seconds{",
        "process_resident_memory_bytes ",
    ] {
        assert!(text.contains(&format!("\n{sample}")), "{sample} is not in\n{text}");
    }
    let mut seen = std::collections::BTreeSet::new();
    for line in text.lines() {
        if let Some(family) = line.strip_prefix("# TYPE ") {
            assert!(
                seen.insert(family.split(' ').next().expect("a name").to_owned()),
                "{family} twice"
            );
        }
    }
}

#[test]
fn what_became_of_a_target_can_be_asked_for() {
    let setup = Setup::new();
    let config = "scrape_configs:\n\
                  - job_name: node\n  \
                    file_sd_configs: [{files: ['targets.json']}]\n  \
                    relabel_configs: [{source_labels: [rack], regex: '1', action: keep}]\n";
    fs::write(&setup.config, config).expect("written");
    let targets = r#"[{"targets": ["a:9100", "a:9100", "http://b/"], "labels": {"rack": "1"}},
                      {"targets": ["c:9100"], "labels": {"rack": "2"}}]"#;
    fs::write(&setup.targets, targets).expect("written");
    let daemon = setup.start(&[]);
    daemon.wait_for("/api/v1/targets", |body| body.contains("c:9100"));
    let data = daemon.get("/api/v1/targets").json()["data"].clone();
    let fate = |list: &str| data[list][0]["fate"].clone();
    assert_eq!(fate("activeTargets"), json!({"state": "active"}));
    assert_eq!(fate("droppedTargets")["value"], "2");
    assert_eq!(fate("duplicateTargets")["of"]["address"], "a:9100");
    assert_eq!(fate("invalidTargets")["state"], "invalid");
    assert_eq!(data["droppedTargetCounts"], json!({"node": 1}));
    assert_eq!(data["activeTargets"][0]["provider"], "file/0");
    let source = data["activeTargets"][0]["source"].as_str().expect("a source");
    assert!(source.ends_with("targets.json:0"), "{source}");

    let page = daemon.get("/api/v1/targets?limit=1").json()["data"].clone();
    let token = page["nextToken"].as_str().expect("more").to_owned();
    let next = daemon
        .get(&format!("/api/v1/targets?limit=1&next_token={token}"))
        .json();
    assert_eq!(next["data"]["activeTargets"], json!([]));
    assert_eq!(next["data"]["droppedTargets"][0]["fate"]["rule"], 0);

    let path = "/api/v1/targets/relabel_steps?scrapePool=node&labels=%7B%22rack%22:%222%22%7D";
    let steps = daemon.get(path).json()["data"]["steps"].clone();
    assert_eq!((&steps[0]["keep"], &steps[0]["source"]), (&json!(false), &json!("2")));
    for (wrong, message) in [
        ("", "no scrapePool parameter provided"),
        ("?scrapePool=node", "no labels parameter provided"),
        (
            "?scrapePool=x&labels={}",
            "error retrieving scrape config: there is no scrape pool \"x\"",
        ),
    ] {
        let answer = daemon.get(&format!("/api/v1/targets/relabel_steps{wrong}"));
        assert_eq!((answer.status, answer.json()["error"].as_str()), (400, Some(message)));
    }

    // Other rules take effect with a reload, without a change of what is discovered.
    fs::write(&setup.config, config.replace("keep", "drop")).expect("written");
    assert_eq!(daemon.request("POST", "/-/reload", &[]).status, 200);
    let data = daemon.get("/api/v1/targets").json()["data"].clone();
    assert_eq!(data["activeTargets"][0]["scrapeUrl"], "http://c:9100/metrics");
    assert_eq!(data["droppedTargetCounts"], json!({"node": 3}));
}
