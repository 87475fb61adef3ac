//! Lists that a real nginx serves: TLS, certificates, passwords, redirects, what did not change.

use crate::support::{Certificates, Folder, Headcount, Nginx, change_remote, run_remote, until};

/// The versions of TLS that are spoken today.
const BOTH: &str = "TLSv1.2 TLSv1.3";

fn basic_auth(password: &str) -> String {
    format!("basic_auth: {{username: scout, password: {password}}}")
}

fn tls(settings: &[String]) -> String {
    format!("tls_config: {{{}}}", settings.join(", "))
}

fn ca(certificates: &Certificates) -> String {
    format!("ca_file: {}", certificates.path("ca", "crt"))
}

fn client(certificates: &Certificates, name: &str) -> String {
    format!(
        "cert_file: {}, key_file: {}",
        certificates.path(name, "crt"),
        certificates.path(name, "key")
    )
}

/// A server that shows the certificate `name`, speaks these versions of TLS, and answers with a
/// target whose labels say how it was asked.
fn tls_server(certificates: &Certificates, name: &str, versions: &str, more: &str) -> String {
    let (certificate, key) = (certificates.path(name, "crt"), certificates.path(name, "key"));
    format!(
        " ssl http2; ssl_certificate {certificate}; ssl_certificate_key {key}; ssl_protocols {versions}; {more} \
         default_type application/json; location / {{ return 200 '[{{\"targets\":[\"10.0.0.1:1\"],\"labels\":{{\"client\":\"$ssl_client_s_dn\",\
         \"tls\":\"$ssl_protocol\",\"sni\":\"$ssl_server_name\",\"http\":\"$server_protocol\"}}}}]'; }}"
    )
}

fn demand_client_certificate(certificates: &Certificates) -> String {
    format!(
        "ssl_client_certificate {}; ssl_verify_client on;",
        certificates.path("ca", "crt")
    )
}

#[test]
fn tls_with_a_password_and_a_client_certificate() {
    require!("nginx", "openssl");
    let folder = Folder::new();
    let certificates = Certificates::new(&folder);
    folder.write(
        "www/list.json",
        r#"[{"targets": ["10.0.0.1:1"], "labels": {"größe": "ü"}}]"#,
    );
    folder.write("htpasswd", "scout:{PLAIN}hunter2-right\n");
    let locked = format!("auth_basic x; auth_basic_user_file {};", folder.text("htpasswd"));
    let server = tls_server(&certificates, "server", BOTH, &demand_client_certificate(&certificates));
    let server = format!("{server} location = /list.json {{ {locked} }}");
    let nginx = Nginx::start(&folder, &[&server]);
    let url = format!("https://localhost:{}/list.json", nginx.port(0));
    let tls_settings = tls(&[ca(&certificates), client(&certificates, "client")]);

    let headcount = run_remote(&folder, &url, &[basic_auth("hunter2-right"), tls_settings.clone()]);
    let targets = headcount.wait_for("remote", &["10.0.0.1:1"]);
    assert_eq!(targets[0]["größe"], "ü");
    assert_eq!(targets[0]["__meta_url"], url);
    assert!(!headcount.everything_said().contains("hunter2"), "a password was told");

    // With a password that is wrong the new provider fails, says so, and keeps quiet about it.
    change_remote(
        &headcount,
        &folder,
        &url,
        &[basic_auth("hunter2-wrong"), tls_settings.clone()],
    );
    headcount.wait_for_failure("http", &["401", &url]);
    let said = headcount.everything_said();
    assert!(!said.contains("hunter2"), "a password was told: {said}");
    assert!(headcount.text("/config").contains("<secret>"));

    change_remote(&headcount, &folder, &url, &[basic_auth("hunter2-right"), tls_settings]);
    headcount.wait_for("remote", &["10.0.0.1:1"]);
}

#[test]
fn the_protocol_and_the_client_certificate_are_those_that_were_configured() {
    require!("nginx", "openssl");
    let folder = Folder::new();
    let certificates = Certificates::new(&folder);
    let server = tls_server(&certificates, "server", BOTH, &demand_client_certificate(&certificates));
    let nginx = Nginx::start(&folder, &[&server]);
    let url = format!("https://localhost:{}/", nginx.port(0));
    let identity = tls(&[ca(&certificates), client(&certificates, "client")]);

    let headcount = run_remote(&folder, &url, &[identity]);
    let labels = headcount.wait_for("remote", &["10.0.0.1:1"]).remove(0);
    assert_eq!(labels["client"], "CN=client");
    assert_eq!(
        (labels["tls"].as_str(), labels["http"].as_str()),
        ("TLSv1.3", "HTTP/2.0")
    );
    assert_eq!(labels["sni"], "localhost");

    let old = tls(&[
        ca(&certificates),
        client(&certificates, "client"),
        "max_version: TLS12".to_owned(),
    ]);
    change_remote(&headcount, &folder, &url, &[old, "enable_http2: false".to_owned()]);
    let labels = until("the older protocols are used", || {
        let labels = headcount.list("remote")?.pop().ok_or("no target")?;
        if labels["http"] == "HTTP/1.1" {
            Ok(labels)
        } else {
            Err(format!("{labels:?}"))
        }
    });
    assert_eq!(labels["tls"], "TLSv1.2");
}

#[test]
fn a_missing_and_a_foreign_client_certificate_are_refused_until_the_right_one_is_put_in_place() {
    require!("nginx", "openssl");
    let folder = Folder::new();
    let certificates = Certificates::new(&folder);
    let server = tls_server(&certificates, "server", BOTH, &demand_client_certificate(&certificates));
    let nginx = Nginx::start(&folder, &[&server]);
    let url = format!("https://localhost:{}/", nginx.port(0));

    let headcount = run_remote(&folder, &url, &[tls(&[ca(&certificates)])]);
    headcount.wait_for_failure("http", &["400"]);

    // The certificate is replaced while headcount runs, and without telling it.
    let put = |name: &str| {
        folder.write("client.pem", std::fs::read(certificates.path(name, "crt")).unwrap());
        folder.write("client.key", std::fs::read(certificates.path(name, "key")).unwrap());
    };
    put("stranger");
    let ours = format!(
        "cert_file: {}, key_file: {}",
        folder.text("client.pem"),
        folder.text("client.key")
    );
    change_remote(&headcount, &folder, &url, &[tls(&[ca(&certificates), ours])]);
    headcount.wait_for_failure("http", &["400"]);
    put("client");
    headcount.wait_for("remote", &["10.0.0.1:1"]);
}

#[test]
fn a_certificate_for_another_name_is_refused_unless_that_name_is_expected() {
    require!("nginx", "openssl");
    let folder = Folder::new();
    let certificates = Certificates::new(&folder);
    let nginx = Nginx::start(&folder, &[&tls_server(&certificates, "elsewhere", BOTH, "")]);
    let url = format!("https://127.0.0.1:{}/", nginx.port(0));

    let headcount = run_remote(&folder, &url, &[tls(&[ca(&certificates)])]);
    headcount.wait_for_failure("http", &["certificate", "127.0.0.1"]);

    let expected = "server_name: elsewhere.example".to_owned();
    change_remote(&headcount, &folder, &url, &[tls(&[ca(&certificates), expected])]);
    let labels = headcount.wait_for("remote", &["10.0.0.1:1"]).remove(0);
    assert_eq!(labels["sni"], "elsewhere.example");

    change_remote(
        &headcount,
        &folder,
        &url,
        &[tls(&["server_name: third.example".to_owned(), ca(&certificates)])],
    );
    headcount.wait_for_failure("http", &["certificate", "third.example"]);
    change_remote(
        &headcount,
        &folder,
        &url,
        &[tls(&["insecure_skip_verify: true".to_owned()])],
    );
    headcount.wait_for("remote", &["10.0.0.1:1"]);
}

#[test]
fn an_authority_that_is_not_trusted_is_refused_until_it_is() {
    require!("nginx", "openssl");
    let folder = Folder::new();
    let certificates = Certificates::new(&folder);
    let nginx = Nginx::start(&folder, &[&tls_server(&certificates, "server", BOTH, "")]);
    let url = format!("https://127.0.0.1:{}/", nginx.port(0));

    // Neither the system's authorities nor another one vouch for the server.
    let headcount = run_remote(&folder, &url, &[]);
    headcount.wait_for_failure("http", &["certificate"]);
    let trusted = folder.write(
        "trusted.pem",
        std::fs::read(certificates.path("other-ca", "crt")).unwrap(),
    );
    change_remote(
        &headcount,
        &folder,
        &url,
        &[tls(&[format!("ca_file: {}", trusted.display())])],
    );
    headcount.wait_for_failure("http", &["certificate"]);

    // The file is replaced while headcount runs.
    folder.write("trusted.pem", std::fs::read(certificates.path("ca", "crt")).unwrap());
    headcount.wait_for("remote", &["10.0.0.1:1"]);
}

#[test]
fn a_server_that_speaks_only_older_protocols_is_refused() {
    require!("nginx", "openssl");
    let folder = Folder::new();
    let certificates = Certificates::new(&folder);
    let nginx = Nginx::start(&folder, &[&tls_server(&certificates, "server", "TLSv1.2", "")]);
    let url = format!("https://localhost:{}/", nginx.port(0));

    let headcount = run_remote(
        &folder,
        &url,
        &[tls(&[ca(&certificates), "min_version: TLS13".to_owned()])],
    );
    headcount.wait_for_failure("http", &["ProtocolVersion"]);
    change_remote(
        &headcount,
        &folder,
        &url,
        &[tls(&[ca(&certificates), "min_version: TLS12".to_owned()])],
    );
    let labels = headcount.wait_for("remote", &["10.0.0.1:1"]).remove(0);
    assert_eq!(labels["tls"], "TLSv1.2");
}

#[test]
fn redirects_are_followed_only_where_that_is_wanted() {
    require!("nginx");
    let folder = Folder::new();
    folder.write("www/real.json", r#"[{"targets": ["10.0.0.1:1"]}]"#);
    let server = "; location = /moved { return 302 /real.json; } location = /round { return 301 /round; }";
    let nginx = Nginx::start(&folder, &[server]);
    let url = |path: &str| format!("http://127.0.0.1:{}/{path}", nginx.port(0));

    let headcount = run_remote(&folder, &url("moved"), &["follow_redirects: false".to_owned()]);
    headcount.wait_for_failure("http", &["302"]);
    change_remote(&headcount, &folder, &url("moved"), &[]);
    let labels = headcount.wait_for("remote", &["10.0.0.1:1"]).remove(0);
    assert_eq!(labels["__meta_url"], url("moved"), "the URL is the configured one");

    change_remote(&headcount, &folder, &url("round"), &[]);
    headcount.wait_for_failure("http", &["redirect"]);
}

#[test]
fn a_list_that_did_not_change_is_not_sent_again() {
    require!("nginx");
    let folder = Folder::new();
    folder.write("www/list.json", r#"[{"targets": ["10.0.0.1:1"]}]"#);
    let nginx = Nginx::start(&folder, &[";"]);
    let headcount = run_remote(&folder, &format!("http://127.0.0.1:{}/list.json", nginx.port(0)), &[]);
    headcount.wait_for("remote", &["10.0.0.1:1"]);
    let sent = |status: &str| {
        nginx
            .access_log()
            .lines()
            .filter(|line| line.starts_with(status))
            .count()
    };
    let (whole, unchanged) = (sent("200 "), sent("304 "));
    headcount.wait_for_more("http", "unchanged");
    headcount.wait_for_more("http", "unchanged");
    assert_eq!(sent("200 "), whole, "{}", nginx.access_log());
    assert!(sent("304 ") > unchanged, "{}", nginx.access_log());

    folder.write("www/list.json", r#"[{"targets": ["10.0.0.2:1", "10.0.0.3:1"]}]"#);
    headcount.wait_for("remote", &["10.0.0.2:1", "10.0.0.3:1"]);
}

/// What a backend sends for a list that stays as it is does not grow with the list.
#[test]
fn a_long_list_is_sent_once_in_a_hundred_refreshes() {
    require!("nginx");
    let folder = Folder::new();
    let addresses: Vec<_> = (0..20_000)
        .map(|number| format!("10.{}.{}.{}:1", number / 62_500, number / 250 % 250, number % 250))
        .collect();
    let list = format!(r#"[{{"targets": {addresses:?}}}]"#);
    folder.write("www/list.json", &list);
    // It is known by its tag alone.
    let nginx = Nginx::start(&folder, &["; add_header Last-Modified '';"]);
    let url = format!("http://127.0.0.1:{}/list.json", nginx.port(0));
    let config = folder.write(
        "prometheus.yml",
        format!("scrape_configs: [{{job_name: remote, http_sd_configs: [{{url: '{url}', refresh_interval: 50ms}}]}}]"),
    );
    let headcount = Headcount::with_config(&folder, &config);
    let unchanged = until("a hundred refreshes found nothing new", || {
        let sent = nginx.sent();
        let unchanged: Vec<_> = sent.iter().filter(|(status, ..)| *status == 304).copied().collect();
        if unchanged.len() >= 100 {
            Ok(unchanged)
        } else {
            Err(format!("{sent:?}"))
        }
    });
    let whole: Vec<_> = nginx.sent().into_iter().filter(|(status, ..)| *status != 304).collect();
    assert!(
        matches!(whole[..], [(200, body, _)] if body == list.len() as u64),
        "{whole:?}"
    );
    for (_, body, all) in &unchanged {
        assert!(*body == 0 && *all < 400, "{unchanged:?}");
    }
    assert_eq!(headcount.list("remote").map(|targets| targets.len()), Ok(20_000));
}

#[test]
fn a_compressed_list_is_read() {
    require!("nginx");
    let folder = Folder::new();
    let addresses: Vec<_> = (0..2_000)
        .map(|number| format!("10.0.{}.{}:1", number / 250, number % 250))
        .collect();
    folder.write("www/list.json", format!(r#"[{{"targets": {addresses:?}}}]"#));
    let compressing = "; gzip on; gzip_types application/json; gzip_min_length 1;";
    let nginx = Nginx::start(
        &folder,
        &[&format!("{compressing} add_header X-Sent $sent_http_content_encoding;")],
    );
    let headcount = run_remote(&folder, &format!("http://127.0.0.1:{}/list.json", nginx.port(0)), &[]);
    let mut expected: Vec<_> = addresses.iter().map(String::as_str).collect();
    expected.sort_unstable();
    headcount.wait_for("remote", &expected);
}

#[test]
fn a_password_that_is_rotated_while_headcount_runs_is_used() {
    require!("nginx");
    let folder = Folder::new();
    folder.write("www/list.json", r#"[{"targets": ["10.0.0.1:1"]}]"#);
    folder.write("htpasswd", "scout:{PLAIN}first-secret\n");
    folder.write("password", "first-secret\n");
    let locked = format!("; auth_basic x; auth_basic_user_file {};", folder.text("htpasswd"));
    let nginx = Nginx::start(&folder, &[&locked]);
    let from_file = format!(
        "basic_auth: {{username: scout, password_file: {}}}",
        folder.text("password")
    );
    let headcount = run_remote(
        &folder,
        &format!("http://127.0.0.1:{}/list.json", nginx.port(0)),
        &[from_file],
    );
    headcount.wait_for("remote", &["10.0.0.1:1"]);

    folder.write("htpasswd", "scout:{PLAIN}second-secret\n");
    headcount.wait_for_failure("http", &["401"]);
    // Of another length, by which nginx sees that it is another list within the same second.
    folder.write("www/list.json", r#"[{"targets": ["10.0.0.20:1"]}]"#);
    headcount.wait_for("remote", &["10.0.0.1:1"]);

    folder.write("password", "second-secret\n");
    headcount.wait_for("remote", &["10.0.0.20:1"]);
    let said = headcount.everything_said();
    assert!(
        !said.contains("first-secret") && !said.contains("second-secret"),
        "a password was told: {said}"
    );

    // Without its file it can't ask at all, and says which file that is.
    folder.remove("password");
    headcount.wait_for_failure("http", &[&folder.text("password")]);
    headcount.wait_for("remote", &["10.0.0.20:1"]);
}
