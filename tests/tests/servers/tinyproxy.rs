//! Lists that are fetched through a real tinyproxy.

use crate::support::{Certificates, Folder, Nginx, Tinyproxy, change_remote, run_remote, until};

/// What nginx serves over HTTP: a target whose label says which proxy the request came through.
const PLAIN: &str = r#"; default_type application/json;
    location / { return 200 '[{"targets":["10.0.0.1:1"],"labels":{"via":"$http_via"}}]'; }"#;

fn proxy_url(proxy: &Tinyproxy, password: &str) -> String {
    format!("proxy_url: 'http://proxy-user:{password}@127.0.0.1:{}'", proxy.port())
}

#[test]
fn plain_requests_go_through_the_proxy_unless_the_host_is_excepted() {
    require!("nginx", "tinyproxy");
    let folder = Folder::new();
    let nginx = Nginx::start(&folder, &[PLAIN]);
    let proxy = Tinyproxy::start(&folder, &[]);
    let url = format!("http://127.0.0.1:{}/", nginx.port(0));

    let headcount = run_remote(&folder, &url, &[proxy_url(&proxy, "proxy-password")]);
    let labels = headcount.wait_for("remote", &["10.0.0.1:1"]).remove(0);
    assert!(labels["via"].contains("tinyproxy"), "{labels:?}");
    assert!(proxy.log().contains(&url), "{}", proxy.log());
    assert!(
        !headcount.everything_said().contains("proxy-password"),
        "a password was told"
    );

    let excepted = "no_proxy: 'example.org, 127.0.0.0/8'".to_owned();
    change_remote(
        &headcount,
        &folder,
        &url,
        &[proxy_url(&proxy, "proxy-password"), excepted],
    );
    until("the request comes directly", || {
        let labels = headcount.list("remote")?.pop().ok_or("no target")?;
        if labels["via"].is_empty() {
            Ok(())
        } else {
            Err(format!("{labels:?}"))
        }
    });
}

#[test]
fn encrypted_requests_go_through_a_tunnel() {
    require!("nginx", "tinyproxy", "openssl");
    let folder = Folder::new();
    let certificates = Certificates::new(&folder);
    folder.write("www/list.json", r#"[{"targets": ["10.0.0.1:1"]}]"#);
    let (certificate, key) = (certificates.path("server", "crt"), certificates.path("server", "key"));
    let server = format!(" ssl http2; ssl_certificate {certificate}; ssl_certificate_key {key};");
    let nginx = Nginx::start(&folder, &[&server, &server]);
    let (open, closed) = (nginx.port(0), nginx.port(1));
    let proxy = Tinyproxy::start(&folder, &[open]);
    let settings = [
        proxy_url(&proxy, "proxy-password"),
        format!("tls_config: {{ca_file: {}}}", certificates.path("ca", "crt")),
    ];

    let url = |port: u16| format!("https://localhost:{port}/list.json");
    let headcount = run_remote(&folder, &url(open), &settings);
    headcount.wait_for("remote", &["10.0.0.1:1"]);
    let tunnel = format!("CONNECT localhost:{open}");
    assert!(proxy.log().contains(&tunnel), "no {tunnel} in {}", proxy.log());

    // The proxy makes no tunnel to the other port, and headcount does not go around it.
    change_remote(&headcount, &folder, &url(closed), &settings);
    headcount.wait_for_failure("http", &["403", "proxy"]);
    assert!(
        !headcount.everything_said().contains("proxy-password"),
        "a password was told"
    );
}

#[test]
fn a_proxy_that_refuses_is_named() {
    require!("nginx", "tinyproxy", "openssl");
    let folder = Folder::new();
    let certificates = Certificates::new(&folder);
    let (certificate, key) = (certificates.path("server", "crt"), certificates.path("server", "key"));
    let server = format!(" ssl; ssl_certificate {certificate}; ssl_certificate_key {key};");
    let nginx = Nginx::start(&folder, &[PLAIN, &server]);
    let proxy = Tinyproxy::start(&folder, &[nginx.port(1)]);

    // tinyproxy answers 407 to who gives no password, and 401 to who gives a wrong one.
    let none = [format!("proxy_url: http://127.0.0.1:{}", proxy.port())];
    let wrong = [proxy_url(&proxy, "wrong-password")];
    let plain = format!("http://127.0.0.1:{}/", nginx.port(0));
    let headcount = run_remote(&folder, &plain, &none);
    headcount.wait_for_failure("http", &["407"]);
    change_remote(&headcount, &folder, &plain, &wrong);
    headcount.wait_for_failure("http", &["401"]);

    let encrypted = format!("https://127.0.0.1:{}/", nginx.port(1));
    change_remote(&headcount, &folder, &encrypted, &none);
    headcount.wait_for_failure("http", &["407", "proxy"]);
    change_remote(&headcount, &folder, &encrypted, &wrong);
    headcount.wait_for_failure("http", &["401", "proxy"]);
    assert!(
        !headcount.everything_said().contains("wrong-password"),
        "a password was told"
    );
    let log = nginx.access_log();
    assert!(log.is_empty(), "a request came around the proxy: {log}");
}
