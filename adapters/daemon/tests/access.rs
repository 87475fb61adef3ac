//! Who may do what: names, pages of others, lists and files that are none, clients that are too many.

#![allow(clippy::expect_used, reason = "a panic is a test's report")]

mod support;

use std::fs;
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use support::{Daemon, Setup, headcount, replace, wait_until};

/// DNS rebinding: a page's own name points to this machine for a moment.
#[test]
fn a_page_whose_name_points_here_gets_nothing() {
    let setup = Setup::new();
    let daemon = setup.start(&[]);
    let evil = [("Host", "evil.example:9099")];
    for path in [
        "/",
        "/config",
        "/sd/node",
        "/metrics",
        "/api/v1/providers",
        "/-/healthy",
    ] {
        let refused = daemon.request("GET", path, &evil);
        assert_eq!(refused.status, 403, "{path}");
        assert!(refused.text().contains("allowed_hosts"), "{}", refused.text());
        let known = daemon.request("GET", path, &[("Host", "localhost")]);
        assert!(matches!(known.status, 200 | 503), "{path}: {}", known.status);
    }
    // Its own origin, as its browser sees it.
    let own = [
        evil[0],
        ("Origin", "http://evil.example:9099"),
        ("Sec-Fetch-Site", "same-origin"),
    ];
    assert_eq!(daemon.request("POST", "/-/reload", &own).status, 403);
    assert_eq!(daemon.request("POST", "/-/reload", &[]).status, 200);
    assert_eq!(
        daemon
            .request("GET", "/sd", &[("Origin", "http://a.example")])
            .header("access-control-allow-origin"),
        None
    );
}

#[test]
fn beyond_the_machine_scrapers_may_use_any_name_and_nothing_changes_unless_told() {
    let setup = Setup::new();
    setup.write_settings("web: {listen: ':0'}");
    let config = setup.config.display().to_string();
    let daemon = Daemon::start_as_settings(&["--config", &config, "--throttle", "backoff:0..100ms"]);
    daemon.wait_for("/sd/node", |list| list.contains("a:9100"));
    let name = [("Host", "headcount.monitoring.svc:9099")];
    for path in ["/sd", "/sd/node", "/metrics", "/-/healthy", "/-/ready"] {
        assert_eq!(daemon.request("GET", path, &name).status, 200, "{path}");
    }
    assert_eq!(daemon.request("GET", "/config", &name).status, 403);
    let refused = daemon.request("POST", "/-/reload", &[]);
    assert_eq!(refused.status, 403);
    assert!(refused.text().contains("--web.enable-lifecycle"), "{}", refused.text());

    // Names count as soon as they are read, and then for all paths.
    setup.write_settings("web: {listen: ':0', allowed_hosts: ['*.monitoring.svc']}");
    daemon.signal(Signal::HUP);
    wait_until("the name to be known", || {
        (daemon.request("GET", "/config", &name).status == 200).then_some(())
    });
    assert_eq!(
        daemon.request("GET", "/sd/node", &[("Host", "other.example")]).status,
        403
    );
    assert_eq!(
        daemon.log_count(|entry| entry["sections"].as_str().is_some()),
        0,
        "no restart is needed"
    );
}

#[test]
fn who_is_told_who_may_ask_lets_them() {
    let setup = Setup::new();
    let options = [
        "--web.external-url",
        "https://sd.example/",
        "--web.enable-lifecycle=false",
        "--web.cors.origin",
        "https://a\\.example",
    ];
    let daemon = setup.start(&options);
    assert_eq!(daemon.request("GET", "/config", &[("Host", "sd.example")]).status, 200);
    let refused = daemon.request("POST", "/-/reload", &[]);
    assert_eq!(refused.status, 403);
    assert!(
        refused.text().contains("--web.enable-lifecycle=false"),
        "{}",
        refused.text()
    );
    let origin = |origin| daemon.request("GET", "/sd", &[("Origin", origin)]);
    let allowed = origin("https://a.example");
    assert_eq!(allowed.header("access-control-allow-origin"), Some("https://a.example"));
    assert_eq!(origin("https://b.example").header("access-control-allow-origin"), None);
    let wrong = headcount()
        .args(["run", "--web.external-url", "sd.example"])
        .output()
        .expect("it runs");
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("begins with http:// or https://"));
}

#[test]
fn a_head_of_more_than_64_kib_is_refused() {
    let setup = Setup::new();
    let daemon = setup.start(&[]);
    let with = |bytes: usize| {
        daemon
            .request("GET", "/-/healthy", &[("X-Long", &"x".repeat(bytes))])
            .status
    };
    assert_eq!(with(60 * 1024), 200);
    assert_eq!((with(65 * 1024), with(100 * 1024)), (431, 431));
}

/// Whoever reads a pipe waits for somebody who writes to it.
#[test]
fn a_pipe_in_a_file_s_place_holds_nothing_up() {
    let setup = Setup::new();
    let daemon = setup.start(&[]);
    daemon.wait_for("/sd/node", |list| list.contains("a:9100"));
    let pipe = |path: &std::path::Path| {
        fs::remove_file(path).ok();
        let made = Command::new("mkfifo").arg(path).status();
        assert!(made.is_ok_and(|status| status.success()));
    };
    pipe(&setup.folder.path().join("headcount.yml"));
    let begun = Instant::now();
    let refused = daemon.request("POST", "/-/reload", &[]);
    assert_eq!(refused.status, 500);
    assert!(
        refused.text().contains("it is a named pipe, not a file"),
        "{}",
        refused.text()
    );
    pipe(&setup.config);
    assert_eq!(daemon.request("POST", "/-/reload", &[]).status, 500);
    pipe(&setup.targets);
    daemon.wait_for("/api/v1/providers", |body| body.contains("a named pipe, not a file"));
    assert!(begun.elapsed() < Duration::from_secs(20));
    assert!(daemon.get("/sd/node").text().contains("a:9100"), "what was found stays");
}

/// Issue 12, findings 3, 6 and 7: where there are few descriptors, clients have a share of them, and it is said once that
/// they want more.
#[test]
fn clients_leave_descriptors_to_the_others() {
    let setup = Setup::new();
    let mut command = Command::new("sh");
    let binary = headcount().get_program().to_owned();
    command.args(["-c", "ulimit -n 100 && exec \"$@\"", "sh"]).arg(binary);
    command.env_remove("HOME");
    let config = setup.config.display().to_string();
    let daemon = Daemon::launch(command, &["--config", &config, "--throttle", "backoff:0..100ms"]);
    daemon.wait_for("/sd/node", |list| list.contains("a:9100"));
    let address = daemon.url().replace("http://", "");
    let connect = || TcpStream::connect(&address).expect("queued");
    let held: Vec<_> = (0..150).map(|_| connect()).collect();
    for round in 0..20 {
        assert_eq!(daemon.get("/-/healthy").status, 200, "{round}");
        assert_eq!(daemon.get("/sd/node").status, 200, "{round}");
    }
    // Discovery goes on.
    replace(&setup.targets, r#"[{"targets": ["b:9100"]}]"#);
    daemon.wait_for("/sd/node", |list| list.contains("b:9100"));
    let says = |text: &'static str| {
        move |entry: &serde_json::Value| entry["message"].as_str().is_some_and(|message| message.contains(text))
    };
    assert_eq!(daemon.log_count(says("more clients are connected than may be")), 1);
    assert_eq!(daemon.log_count(says("connections can't be accepted")), 0);
    assert_eq!(daemon.log_count(says("too few open files")), 1);
    drop(held);
    daemon.wait_for("/-/healthy", |_| true);
}

#[test]
fn a_web_configuration_is_checked_and_its_users_are_asked_for() {
    // Of the user `ann` with the password `right`.
    const USERS: &str = "basic_auth_users: {ann: $2b$04$QqGiyndc5CA1Dfjf6rcyWOJ1Fq7Jkt6bfVzF65lT8JXZU83IcSyOK}";
    const ANN: (&str, &str) = ("Authorization", "Basic YW5uOnJpZ2h0");
    let setup = Setup::new();
    let web = setup.folder.path().join("web.yml");
    let check = |text: &str| {
        fs::write(&web, text).expect("written");
        let output = headcount()
            .args(["check", "--web-config"])
            .arg(&web)
            .output()
            .expect("it runs");
        (output.status.code(), String::from_utf8(output.stdout).expect("UTF-8"))
    };
    let (code, said) = check("tls_server_config: {cert_file: gone.crt, key_file: gone.key}");
    assert_eq!(code, Some(1));
    assert!(said.contains("web.yml:1:20: tls_server_config.cert_file: "), "{said}");
    let (code, said) = check(USERS);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.ends_with("web.yml: ok: a web configuration\n"), "{said}");

    let daemon = setup.start(&["--web.config.file", &web.display().to_string()]);
    for path in ["/", "/sd/node", "/-/healthy"] {
        assert_eq!(daemon.get(path).status, 401, "{path}");
    }
    assert_eq!(daemon.request("POST", "/-/reload", &[]).status, 401);
    assert_eq!(daemon.request("POST", "/-/reload", &[ANN]).status, 200);
    assert_eq!(daemon.request("GET", "/-/healthy", &[ANN]).status, 200);
    assert_eq!(daemon.request("GET", "/", &[ANN, ("Host", "evil.example")]).status, 403);
    let events = |user: &str| {
        let url = daemon.url().replace("//", &format!("//{user}@"));
        let output = headcount().args(["events", "--url", &url]).output().expect("it runs");
        String::from_utf8([output.stdout, output.stderr].concat()).expect("UTF-8")
    };
    wait_until("an event", || {
        events("ann:right").contains("a:9100 appeared").then_some(())
    });
    let refused = events("ann:mistaken");
    assert!(
        refused.contains("status 401") && !refused.contains("mistaken"),
        "{refused}"
    );
}
