//! `headcount run`, as a process: paths below a prefix, paths that are nearly right, and URLs as others write them.

mod support;

use std::fs;

use support::{Daemon, Setup};

/// The status, and where it leads or what it allows.
fn asked(daemon: &Daemon, method: &str, path: &str) -> String {
    let answer = daemon.request(method, path, &[]);
    let more = answer.header("location").or(answer.header("allow")).unwrap_or_default();
    format!("{} {more}", answer.status).trim_end().to_owned()
}

#[test]
fn what_is_below_the_prefix_is_answered_and_nothing_else() {
    let setup = Setup::new();
    let daemon = setup.start(&["--web.external-url", "https://ext.example:8443/pre/fix/"]);
    daemon.wait_for("/pre/fix/sd/node", |list| list.contains("a:9100"));
    for (path, expected) in [
        ("/pre/fix/", "200"),
        ("/pre/fix/metrics", "200"),
        ("/pre/fix/-/healthy", "200"),
        ("/pre/fix/page/main.js", "200"),
        ("/pre/fix/api/v1/targets?limit=1", "200"),
        ("/pre/fix/nothing", "404"),
        ("/", "302 /pre/fix/"),
        ("/pre/fix?a=b", "301 /pre/fix/?a=b"),
        ("//pre/fix/metrics?a=b", "301 /pre/fix/metrics?a=b"),
        ("/pre/fix/metrics/?a=b", "301 /pre/fix/metrics?a=b"),
        ("/pre/fix/api//v1/targets", "301 /pre/fix/api/v1/targets"),
        ("/pre/fix/sd/node/", "301 /pre/fix/sd/node"),
        ("/pre", "404"),
        ("/metrics", "404"),
        ("/sd/node", "404"),
    ] {
        assert_eq!(asked(&daemon, "GET", path), expected, "{path}");
    }
    assert_eq!(asked(&daemon, "POST", "/pre/fix/-/reload/"), "307 /pre/fix/-/reload");
    assert_eq!(daemon.request("POST", "/pre/fix/-/reload", &[]).status, 200);
    assert!(daemon.get("/metrics").text().contains("/pre/fix/ shows what there is"));
    let url = format!("{}/pre/fix", daemon.url());
    let explained = support::outcome(setup.folder.path(), &["explain", "--url", &url, "a:9100"]);
    assert!(explained.starts_with("exit code 0\n"), "{explained}");
    daemon.logged("where the list is", |entry| {
        entry["message"]
            .as_str()
            .filter(|message| message.ends_with("/pre/fix/sd/node"))
            .map(drop)
    });
}

#[test]
fn a_prefix_of_its_own_counts_over_the_url_s() {
    let setup = Setup::new();
    let options = [
        "--web.external-url",
        "https://ext.example/pre/",
        "--web.route-prefix",
        "/",
    ];
    let daemon = setup.start(&options);
    daemon.wait_for("/sd/node", |list| list.contains("a:9100"));
    assert_eq!(asked(&daemon, "GET", "/pre/metrics"), "404");
    assert_eq!(asked(&daemon, "GET", "//metrics"), "301 /metrics");
    assert_eq!(
        asked(&daemon, "GET", "//evil.example/"),
        "301 /evil.example/",
        "no other host"
    );
}

/// As Prometheus's router has it.
#[test]
fn options_are_answered() {
    let setup = Setup::new();
    let daemon = setup.start(&[]);
    for (path, expected) in [
        ("/api/v1/targets", "204 GET, HEAD, OPTIONS"),
        ("/api/v1/providers/file%2F0/refresh", "204 POST, OPTIONS"),
        ("/api/v1/nothing", "204"),
        ("/api/v1/", "204"),
        ("/metrics", "200 GET, HEAD, OPTIONS"),
        ("/-/reload", "200 POST, PUT, OPTIONS"),
        ("/nothing", "404"),
    ] {
        assert_eq!(asked(&daemon, "OPTIONS", path), expected, "{path}");
    }
    assert_eq!(asked(&daemon, "POST", "/metrics"), "405 GET, HEAD, OPTIONS");
    let answer = daemon.request("OPTIONS", "/api/v1/targets", &[]);
    assert_eq!((answer.body.len(), answer.header("content-type")), (0, None));
}

#[test]
fn targets_on_this_machine_have_the_url_by_which_others_know_them() {
    let setup = Setup::new();
    let config = "scrape_configs: [{job_name: own, static_configs: [{targets: ['localhost:1', '127.0.0.2:1']}]}]";
    fs::write(&setup.config, config).expect("written");
    let urls = |daemon: &Daemon, prefix: &str| -> Vec<String> {
        let path = format!("{prefix}/api/v1/targets");
        let answer = daemon.wait_for(&path, |text| text.contains("localhost:1/"));
        let targets = answer.json()["data"]["activeTargets"].clone();
        let targets = targets.as_array().expect("a list").iter();
        let mut urls: Vec<_> = targets
            .map(|target| target["globalUrl"].as_str().unwrap_or("").to_owned())
            .collect();
        urls.sort();
        urls
    };
    let daemon = setup.start(&["--web.external-url", "https://ext.example:8443/pre/"]);
    assert_eq!(
        urls(&daemon, "/pre"),
        ["http://127.0.0.2:1/metrics", "http://ext.example:1/metrics"]
    );
    drop(daemon);
    let name = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .to_ascii_lowercase();
    let daemon = setup.start(&[]);
    let mut expected = vec![
        "http://127.0.0.2:1/metrics".to_owned(),
        format!("http://{name}:1/metrics"),
    ];
    expected.sort();
    assert_eq!(urls(&daemon, ""), expected);
}

/// A rule of Prometheus's page asks with `null` for a target without labels.
#[test]
fn steps_are_told_for_no_labels() {
    let setup = Setup::new();
    let daemon = setup.start(&[]);
    daemon.wait_for("/sd/node", |list| list.contains("a:9100"));
    let answer = daemon.get("/api/v1/targets/relabel_steps?scrapePool=node&labels=null");
    assert_eq!(answer.status, 200, "{}", answer.text());
}
