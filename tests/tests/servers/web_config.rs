//! `--web.config.file`: TLS, client certificates and passwords, with a real Prometheus and curl as clients.

use std::process::Command;

use crate::support::required::find;
use crate::support::{Certificates, Folder, Headcount, Prometheus, check_config, headcount_binary, until};

/// bcrypt's of "right".
const HASH: &str = "$2b$04$u7LM.n3xl7c.dKIeEk5giOU3pOCI171NE8A7XoKm1rvpGKE/A0wdS";

const CONFIG: &str = "scrape_configs: [{job_name: node, static_configs: [{targets: ['10.9.0.1:9100']}]}]";

/// A web-config.yml that asks for a client's certificate and for a password.
fn web_config(certificates: &Certificates) -> String {
    let [cert, key, ca] =
        [("server", "crt"), ("server", "key"), ("ca", "crt")].map(|(name, end)| certificates.path(name, end));
    format!(
        "tls_server_config: {{cert_file: '{cert}', key_file: '{key}', client_ca_file: '{ca}', \
         client_auth_type: RequireAndVerifyClientCert}}\n\
         http_server_config: {{headers: {{X-Frame-Options: deny}}}}\n\
         basic_auth_users: {{ann: '{HASH}'}}\n"
    )
}

fn start(folder: &Folder, web: &str) -> Headcount {
    let config = folder.write("headcount/prometheus.yml", CONFIG);
    let web = folder.write("web.yml", web);
    let arguments = [
        "--config",
        &config.display().to_string(),
        "--web.config.file",
        &web.display().to_string(),
    ];
    Headcount::start(folder, &arguments)
}

/// What curl prints, with its exit code; it trusts the authority `ca`.
fn curl(certificates: &Certificates, arguments: &[&str]) -> (String, i32) {
    let mut command = Command::new(find("curl").expect("curl is installed"));
    command.args([
        "--silent",
        "--show-error",
        "--noproxy",
        "*",
        "--cacert",
        &certificates.path("ca", "crt"),
    ]);
    let output = command.args(arguments).output().expect("running curl");
    let said = [output.stdout, output.stderr].concat();
    (
        String::from_utf8_lossy(&said).into_owned(),
        output.status.code().unwrap_or(-1),
    )
}

#[test]
fn curl_gets_in_with_a_certificate_and_a_password_and_by_http_2() {
    require!("curl", "openssl");
    let folder = Folder::new();
    let certificates = Certificates::new(&folder);
    let headcount = start(&folder, &web_config(&certificates));
    let url = format!("https://localhost:{}/sd/node", headcount.address().port());
    let client = [
        "--cert",
        &certificates.path("client", "crt"),
        "--key",
        &certificates.path("client", "key"),
    ];
    let told = [
        "--write-out",
        "\n%{http_version} %{http_code}",
        "--dump-header",
        "-",
        &url,
    ];
    let get = |more: &[&str]| curl(&certificates, &[&told[..], more].concat());

    let said = until("the list is complete", || {
        let (said, _) = get(&[&client[..], &["--user", "ann:right"]].concat());
        if said.ends_with("\n2 503") { Err(said) } else { Ok(said) }
    });
    assert!(said.contains("10.9.0.1:9100") && said.ends_with("\n2 200"), "{said}");
    assert!(said.contains("x-frame-options: deny"), "{said}");
    let (said, _) = get(&[&client[..], &["--user", "ann:right", "--http1.1", "--tls-max", "1.2"]].concat());
    assert!(said.ends_with("\n1.1 200"), "{said}");
    for wrong in [&["--user", "ann:wrong"][..], &["--user", "bob:right"], &[]] {
        let (said, _) = get(&[&client[..], wrong].concat());
        assert!(said.ends_with("\n2 401") && !said.contains("10.9.0.1"), "{said}");
        assert!(said.contains("www-authenticate: Basic"), "{said}");
    }
    let stranger = [
        "--cert",
        &certificates.path("stranger", "crt"),
        "--key",
        &certificates.path("stranger", "key"),
    ];
    for certificate in [&stranger[..], &[]] {
        let (said, code) = get(&[certificate, &["--user", "ann:right"]].concat());
        assert_ne!(code, 0, "{said}");
        assert!(!said.contains("10.9.0.1"), "{said}");
    }
    let plain = format!("http://localhost:{}/sd/node", headcount.address().port());
    let (said, code) = curl(&certificates, &[&plain]);
    assert!(code != 0 && !said.contains("10.9.0.1"), "{said}");
    let reload = url.replace("/sd/node", "/-/reload");
    let (said, _) = curl(
        &certificates,
        &[&client[..], &["--user", "ann:right", "-X", "POST", &reload]].concat(),
    );
    assert!(said.contains("nothing changed"), "{said}");
}

#[test]
fn a_prometheus_reads_its_lists_with_a_certificate_and_a_password() {
    require!("prometheus", "promtool", "openssl");
    let folder = Folder::new();
    let certificates = Certificates::new(&folder);
    let headcount = start(&folder, &web_config(&certificates));
    let [ca, cert, key] =
        [("ca", "crt"), ("client", "crt"), ("client", "key")].map(|(name, end)| certificates.path(name, end));
    let job = |name: &str, password: &str| {
        format!(
            "- job_name: {name}\n  http_sd_configs:\n  - url: https://localhost:{}/sd/node\n    refresh_interval: 1s\n    \
             basic_auth: {{username: ann, password: {password}}}\n    \
             tls_config: {{ca_file: '{ca}', cert_file: '{cert}', key_file: '{key}'}}\n",
            headcount.address().port()
        )
    };
    let config = format!("scrape_configs:\n{}{}", job("in", "right"), job("out", "wrong"));
    let config = folder.write("prometheus.yml", config);
    check_config(&config);
    let prometheus = Prometheus::start(&folder, "prometheus", &config);
    until("Prometheus has the target", || {
        let targets = prometheus.targets()?;
        match targets.addresses().into_iter().collect::<Vec<_>>()[..] {
            ["10.9.0.1:9100"] => Ok(()),
            ref others => Err(format!("{others:?}")),
        }
    });
    prometheus.wait_for_metric("prometheus_sd_http_failures_total", &[], 1.0);
    assert_eq!(
        prometheus.targets().expect("its targets").active.len(),
        1,
        "the other job has none"
    );
}

#[test]
fn a_certificate_that_is_replaced_is_shown_and_a_wrong_file_opens_nothing() {
    require!("curl", "openssl");
    let folder = Folder::new();
    let certificates = Certificates::new(&folder);
    let web = web_config(&certificates);
    let headcount = start(&folder, &web);
    let url = format!("https://localhost:{}/sd/node", headcount.address().port());
    let client = [
        "--cert",
        &certificates.path("client", "crt"),
        "--key",
        &certificates.path("client", "key"),
    ];
    let get = || curl(&certificates, &[&client[..], &["--user", "ann:right", &url]].concat());
    until("the list is complete", || match get() {
        (said, 0) if said.contains("10.9.0.1:9100") => Ok(()),
        other => Err(format!("{other:?}")),
    });
    // Another's, for another name: curl refuses it.
    for end in ["crt", "key"] {
        std::fs::copy(certificates.path("elsewhere", end), certificates.path("server", end)).expect("copied");
    }
    until("the new certificate is shown", || match get() {
        (said, 60) if said.contains("localhost") => Ok(()),
        other => Err(format!("{other:?}")),
    });
    // Half a file, and one without TLS: the one before goes on.
    for wrong in [&web[..40], "basic_auth_users: {}\n"] {
        folder.write("web.yml", wrong);
        let before = headcount.log().matches("the one before goes on").count();
        until("it is said to be wrong", || {
            let (said, code) = get();
            assert_eq!(code, 60, "TLS is spoken as before: {said}");
            match headcount.log().matches("the one before goes on").count() {
                now if now > before => Ok(()),
                now => Err(now.to_string()),
            }
        });
    }
}

#[test]
fn commands_get_in_with_a_certificate_and_a_password() {
    require!("openssl");
    let folder = Folder::new();
    let certificates = Certificates::new(&folder);
    let headcount = start(&folder, &web_config(&certificates));
    let url = format!("https://localhost:{}", headcount.address().port());
    let [cert, key, ca] =
        [("client", "crt"), ("client", "key"), ("ca", "crt")].map(|(name, end)| certificates.path(name, end));
    folder.write("password", "right\n");
    let client = |password: &str| {
        format!(
            "basic_auth: {{username: ann, {password}}}\n\
             tls_config: {{ca_file: '{ca}', cert_file: '{cert}', key_file: '{key}'}}\n"
        )
    };
    let status = |client: &str| {
        let file = folder.write("client.yml", client);
        let output = Command::new(headcount_binary())
            .args(["status", "--url", &url, "--http.config.file"])
            .arg(file)
            .output()
            .expect("running headcount");
        let said = [output.stdout, output.stderr].concat();
        (
            String::from_utf8_lossy(&said).into_owned(),
            output.status.code().unwrap_or(-1),
        )
    };
    let said = until("all is well", || match status(&client("password_file: password")) {
        (said, 0) => Ok(said),
        (said, code) => Err(format!("{code}: {said}")),
    });
    assert!(said.contains("\njobs       1: 1 whole\n"), "{said}");
    let (said, code) = status(&client("password: wrong"));
    assert!(code == 2 && said.contains("answers with status 401"), "{code}: {said}");
    let (said, code) = status(&format!("tls_config: {{ca_file: '{ca}'}}"));
    assert_eq!(code, 2, "without a certificate: {said}");
    let (said, code) = status("basic_auth: {usernam: ann}");
    assert!(code == 2 && said.contains("client.yml:1:14"), "{code}: {said}");
}
