//! From files to a configuration: included files, paths, the environment, and files that can't be read.

// Helpers of tests may panic as tests may; clippy exempts test functions only.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use headcount_backends::file::FileSd;
use headcount_backends::http::HttpSd;
use headcount_config::{Config, LoadErrors, Loader, Surroundings};
use headcount_discoverer::mechanism::SdConfig;
use headcount_reader::pattern::Folders;
use headcount_reader::{HttpClientSettings, Mentioned, ScrapeProtocol, Secret, SecretSource, TextSource};
use tempfile::TempDir;

fn loader() -> Loader {
    // One that is lacking, whatever there is.
    Loader::new(headcount_backends::registry())
        .without("eureka")
        .allow_unsupported(true)
}

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn load_from(folder: &TempDir) -> Result<Config, LoadErrors> {
    loader().load(&folder.path().join("prometheus.yml"))
}

/// The errors, with the folder's own name left out.
fn errors(folder: &TempDir) -> Vec<String> {
    let folder_name = format!("{}/", folder.path().display());
    let errors = load_from(folder).unwrap_err();
    errors
        .to_string()
        .lines()
        .map(|line| line.replace(&folder_name, ""))
        .collect()
}

fn job_names(config: &Config) -> Vec<&str> {
    config.scrape_configs.iter().map(|job| job.job_name.as_str()).collect()
}

#[test]
fn included_files_follow_in_order() {
    let folder = folder(&[
        (
            "prometheus.yml",
            "global: {scrape_interval: 7s}\nscrape_config_files: [z.yml, 'jobs/*.yml']\nscrape_configs: [{job_name: main}]\n",
        ),
        ("jobs/b.yml", "scrape_configs: [{job_name: b}]\n"),
        (
            "jobs/a.yml",
            "scrape_configs: [{job_name: a1, file_sd_configs: [{files: [a.json]}]}, {job_name: a2}]\n",
        ),
        ("jobs/ignored.yaml", "nonsense\n"),
        ("jobs/empty.yml", ""),
        ("z.yml", "scrape_configs: [{job_name: z, scrape_timeout: 5s}]\n"),
    ]);
    let config = load_from(&folder).unwrap();
    assert_eq!(job_names(&config), ["main", "z", "a1", "a2", "b"]);
    assert!(
        config
            .scrape_configs
            .iter()
            .all(|job| job.scrape_interval == Duration::from_secs(7))
    );
    // Paths are relative to the file that they stand in.
    let settings = config.scrape_configs[2].sd[0].get::<FileSd>().unwrap();
    assert_eq!(
        settings.files().collect::<Vec<_>>(),
        [folder.path().join("jobs/a.json").display().to_string()]
    );
    let read: Vec<PathBuf> = ["prometheus.yml", "z.yml", "jobs/a.yml", "jobs/b.yml", "jobs/empty.yml"]
        .iter()
        .map(|name| folder.path().join(name))
        .collect();
    assert_eq!(config.files, read);
}

#[test]
fn problems_of_all_files_are_reported() {
    let folder = folder(&[
        (
            "prometheus.yml",
            "scrape_config_files: [a.yml, b.yml, b.yml]\nscrape_configs: [{job_name: main, scheme: [x]}]\n",
        ),
        ("a.yml", "global: {}\nscrape_configs: [{job_name: main}]\n"),
        ("b.yml", "scrape_configs: [{job_name: b}]\n"),
    ]);
    assert_eq!(
        errors(&folder),
        [
            "prometheus.yml:2:43: scrape_configs[0].scheme: expected text, found a list",
            "a.yml:1:1: unknown field `global`",
            "a.yml:2:29: scrape_configs[0].job_name: job \"main\" is already defined in prometheus.yml:2; give one of the two another name",
            "b.yml:1:29: scrape_configs[0].job_name: job \"b\" is already defined in b.yml:1; give one of the two another name",
        ]
    );
}

#[test]
fn a_missing_file_is_an_error_unless_it_is_included() {
    let folder = folder(&[("prometheus.yml", "scrape_config_files: [missing.yml]\n")]);
    assert!(load_from(&folder).is_ok());
    let missing = loader().load(&folder.path().join("other.yml")).unwrap_err().to_string();
    assert!(
        missing.ends_with("other.yml: can't be read: No such file or directory (os error 2)"),
        "{missing}"
    );
}

#[test]
fn a_folder_is_no_file() {
    let folder = folder(&[
        ("prometheus.yml", "scrape_config_files: [jobs.yml]\n"),
        ("jobs.yml/x", ""),
    ]);
    assert_eq!(errors(&folder), ["jobs.yml: can't be read: it is a folder, not a file"]);
}

#[test]
fn a_bad_pattern_is_an_error() {
    let folder = folder(&[("prometheus.yml", "scrape_config_files: ['jobs[.yml']\n")]);
    let errors = errors(&folder);
    assert!(
        errors[0].starts_with("prometheus.yml:1:23: scrape_config_files[0]: \"jobs[.yml\" is not a valid pattern: "),
        "{errors:?}"
    );
}

#[test]
fn a_huge_file_is_refused_without_reading_it_all() {
    let folder = folder(&[("prometheus.yml", "scrape_config_files: [huge.yml]\n")]);
    // A sparse file: it takes no room on the disk.
    fs::File::create(folder.path().join("huge.yml"))
        .unwrap()
        .set_len(1 << 40)
        .unwrap();
    assert_eq!(
        errors(&folder),
        ["huge.yml: larger than the limit of 67108864 bytes; split it with scrape_config_files"]
    );
}

#[test]
fn paths_are_absolute() {
    let text = "
global: {query_log_file: q.log, scrape_failure_log_file: /var/f.log}
scrape_config_files: [../more/*.yml]
scrape_configs:
- job_name: a
  tls_config: {ca_file: ca.pem, cert_file: ./c.pem, key_file: ../k.pem}
  basic_auth: {username_file: u, password_file: /p}
  http_headers: {X-A: {files: [h]}}
  http_sd_configs:
  - url: http://a
    oauth2: {client_id: i, client_secret_file: s, token_url: 'http://t', tls_config: {ca_file: t.pem}}
  - url: http://b
    bearer_token_file: token
";
    let config = loader()
        .parse(
            text.as_bytes(),
            "/etc/prometheus/prometheus.yml".as_ref(),
            &headcount_config::Nowhere,
        )
        .unwrap();
    assert_eq!(
        config.global.query_log_file.as_deref(),
        Some(Path::new("/etc/prometheus/q.log"))
    );
    assert_eq!(
        config.global.scrape_failure_log_file.as_deref(),
        Some(Path::new("/var/f.log"))
    );
    assert_eq!(config.scrape_config_files, ["/etc/more/*.yml"]);
    let job = &config.scrape_configs[0];
    let file = |path: &str| Some(TextSource::File(path.into()));
    let secret_file = |path: &str| Some(SecretSource::File(path.into()));
    assert_eq!(job.client.tls.ca, file("/etc/prometheus/ca.pem"));
    assert_eq!(job.client.tls.cert, file("/etc/prometheus/c.pem"));
    assert_eq!(job.client.tls.key, secret_file("/etc/k.pem"));
    let basic_auth = job.client.basic_auth.as_ref().unwrap();
    assert_eq!(Some(basic_auth.username.clone()), file("/etc/prometheus/u"));
    assert_eq!(basic_auth.password, secret_file("/p"));
    assert_eq!(job.client.headers[0].1.files, [Path::new("/etc/prometheus/h")]);
    let [first, second] = [0, 1].map(|index| job.sd[index].get::<HttpSd>().unwrap().client());
    let oauth2 = first.oauth2.as_ref().unwrap();
    assert_eq!(oauth2.client_secret, secret_file("/etc/prometheus/s"));
    assert_eq!(oauth2.tls.ca, file("/etc/prometheus/t.pem"));
    let authorization = second.authorization.as_ref().unwrap();
    assert_eq!(authorization.scheme, "Bearer");
    assert_eq!(authorization.credentials, secret_file("/etc/prometheus/token"));
}

#[test]
fn secrets_arrive_and_are_never_shown() {
    let text = "
scrape_configs:
- job_name: a
  http_sd_configs:
  - url: http://u:hush@a/
    basic_auth: {username: u, password: hush}
    proxy_url: http://u:hush@p
    proxy_connect_header: {X-A: [hush]}
    tls_config: {cert: c, key: hush}
    http_headers: {X-B: {secrets: [hush]}}
  - {url: 'http://b', bearer_token: hush}
  - {url: 'http://c', oauth2: {client_id: i, client_secret: hush, token_url: 'http://t'}}
  eureka_sd_configs: [{token: hush, server: s}]
";
    let config = loader()
        .parse(text.as_bytes(), "prometheus.yml".as_ref(), &headcount_config::Nowhere)
        .unwrap();
    assert!(!format!("{config:?}").contains("hush"), "{config:#?}");
    let shown = config.redacted.text();
    assert!(!shown.contains("hush"), "{shown}");
    let clients: Vec<&HttpClientSettings> = config.scrape_configs[0]
        .sd
        .iter()
        .filter_map(SdConfig::get::<HttpSd>)
        .map(HttpSd::client)
        .collect();
    let hush = || Some(SecretSource::Inline(Secret::new("hush")));
    assert_eq!(clients[0].basic_auth.as_ref().unwrap().password, hush());
    assert_eq!(clients[0].tls.key, hush());
    assert_eq!(clients[1].authorization.as_ref().unwrap().credentials, hush());
    assert_eq!(clients[2].oauth2.as_ref().unwrap().client_secret, hush());
    let unsupported = config.scrape_configs[0].sd[0].as_unsupported().unwrap();
    assert_eq!(
        (unsupported.mechanism.as_str(), unsupported.entry.as_str()),
        ("eureka", "{server: s, token: <secret>}")
    );
}

#[test]
fn limits_are_inherited_one_by_one() {
    let names = [
        "sample_limit",
        "target_limit",
        "label_limit",
        "label_name_length_limit",
        "label_value_length_limit",
        "keep_dropped_targets",
        "body_size_limit",
    ];
    // As many as its number, in bytes where it is a size.
    let written = |index: usize| format!("{}{}", index + 1, if index == 6 { "B" } else { "" });
    let of = |limits: headcount_config::Limits| {
        let headcount_config::Limits {
            body_size,
            samples,
            targets,
            labels,
            label_name_length,
            label_value_length,
            kept_dropped_targets,
            ..
        } = limits;
        let all = [
            samples,
            targets,
            labels,
            label_name_length,
            label_value_length,
            kept_dropped_targets,
            body_size,
        ];
        all.map(|limit| limit.map_or(0, std::num::NonZero::get))
    };
    let global: Vec<String> = names
        .iter()
        .enumerate()
        .map(|(index, name)| format!("{name}: {}", written(index)))
        .collect();
    for (index, name) in names.iter().enumerate() {
        let unit = if index == 6 { "B" } else { "" };
        let text = format!(
            "global: {{{}}}\nscrape_configs:\n- {{job_name: inherits}}\n- {{job_name: own, {name}: 50{unit}}}\n\
             - {{job_name: zero, {name}: 0}}\n",
            global.join(", ")
        );
        let config = loader()
            .parse(
                text.as_bytes(),
                "/p/prometheus.yml".as_ref(),
                &headcount_config::Nowhere,
            )
            .unwrap_or_else(|errors| panic!("{text}: {errors}"));
        let inherited = [1, 2, 3, 4, 5, 6, 7];
        let mut own = inherited;
        own[index] = 50;
        let jobs: Vec<[u64; 7]> = config.scrape_configs.iter().map(|job| of(job.limits)).collect();
        assert_eq!(jobs, [inherited, own, inherited], "{name}");
    }
}

/// Rules match on how files are called, and Prometheus calls them as it is told where its configuration is.
#[test]
fn lists_are_called_as_the_configuration_is() {
    use headcount_backends::file::FileSd;
    let text = "
scrape_configs:
- job_name: a
  file_sd_configs: [{files: [a.json, ../b.json, sd/*.yml, /c.json]}]
  basic_auth: {username: a, password_file: p}
";
    for (origin, expected) in [
        ("prometheus.yml", ["a.json", "../b.json", "sd/*.yml", "/c.json"]),
        ("./prometheus.yml", ["a.json", "../b.json", "sd/*.yml", "/c.json"]),
        (
            "conf/prometheus.yml",
            ["conf/a.json", "b.json", "conf/sd/*.yml", "/c.json"],
        ),
        (
            "../conf/prometheus.yml",
            ["../conf/a.json", "../b.json", "../conf/sd/*.yml", "/c.json"],
        ),
        (
            "/etc/prometheus.yml",
            ["/etc/a.json", "/b.json", "/etc/sd/*.yml", "/c.json"],
        ),
    ] {
        let config = loader()
            .parse(text.as_bytes(), origin.as_ref(), &headcount_config::Nowhere)
            .unwrap();
        let file = config.scrape_configs[0].sd[0].get::<FileSd>().unwrap();
        assert_eq!(file.files().collect::<Vec<_>>(), expected, "{origin}");
        // What is no name to anybody is found from wherever.
        let password = config.scrape_configs[0].client.basic_auth.clone().unwrap().password;
        assert!(
            matches!(&password, Some(SecretSource::File(path)) if path.is_absolute()),
            "{password:?}"
        );
    }
}

#[test]
fn discovery_is_in_prometheus_order() {
    let text = "
scrape_configs:
- job_name: a
  static_configs: [{targets: [b, a], labels: {z: 1, a: 2}}, {targets: [c]}]
  kubernetes_sd_configs: [{role: pod}, {role: node}]
  http_sd_configs: [{url: 'http://2'}, {url: 'http://1'}]
  file_sd_configs: [{files: [x.yml]}]
";
    let config = loader()
        .parse(
            text.as_bytes(),
            "/p/prometheus.yml".as_ref(),
            &headcount_config::Nowhere,
        )
        .unwrap();
    insta::assert_debug_snapshot!(config.scrape_configs[0].sd);
}

/// A world with two variables.
struct Variables;

impl Folders for Variables {
    fn names(&self, _: &Path) -> Vec<OsString> {
        Vec::new()
    }

    fn exists(&self, _: &Path) -> bool {
        false
    }
}

impl Surroundings for Variables {
    fn read(&self, _: &Path, _: u64) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn variable(&self, name: &str) -> Option<String> {
        match name {
            "REGION" => Some("eu".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        }
    }
}

#[test]
fn external_labels_are_expanded_and_nothing_else_is() {
    let text = "
global:
  external_labels: {region: '${REGION}-1', cost: '5$$', empty: $EMPTY, other: a$UNSET}
scrape_configs: [{job_name: $REGION}]
";
    let config = loader().parse(text.as_bytes(), "p.yml".as_ref(), &Variables).unwrap();
    let labels: Vec<(&str, &str)> = config
        .global
        .external_labels
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(
        labels,
        [("cost", "5$"), ("empty", ""), ("other", "a"), ("region", "eu-1")]
    );
    assert_eq!(job_names(&config), ["$REGION"]);
    let warnings: Vec<String> = config.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [
            "p.yml:3:64: global.external_labels.empty: the environment variable \"EMPTY\" is empty or not set",
            "p.yml:3:79: global.external_labels.other: the environment variable \"UNSET\" is empty or not set",
        ]
    );
}

#[test]
fn a_timeout_that_is_inherited_is_no_longer_than_the_interval() {
    let folder = folder(&[(
        "prometheus.yml",
        "global: {scrape_timeout: 20s}\nscrape_configs: [{job_name: a, scrape_interval: 5s}, {job_name: b, scrape_interval: 30s}]\n",
    )]);
    let config = load_from(&folder).unwrap();
    let timeouts = config.scrape_configs.iter().map(|job| job.scrape_timeout.as_secs());
    assert_eq!(timeouts.collect::<Vec<_>>(), [5, 20]);
}

#[test]
fn protocols_are_inherited_where_a_job_names_none() {
    let folder = folder(&[(
        "prometheus.yml",
        "global: {scrape_protocols: [PrometheusText1.0.0]}\nscrape_configs: [{job_name: a}, {job_name: b, scrape_protocols: [OpenMetricsText1.0.0]}]\n",
    )]);
    let config = load_from(&folder).unwrap();
    let protocols = config.scrape_configs.iter().map(|job| job.scrape_protocols.as_slice());
    let expected = [
        [ScrapeProtocol::PrometheusText1_0_0],
        [ScrapeProtocol::OpenMetricsText1_0_0],
    ];
    assert!(protocols.eq(expected.iter().map(|one| one.as_slice())));
}

#[test]
fn files_of_an_included_job_are_relative_to_where_it_stands() {
    let folder = folder(&[
        ("prometheus.yml", "scrape_config_files: [jobs/a.yml]\n"),
        (
            "jobs/a.yml",
            "scrape_configs: [{job_name: a, authorization: {credentials_file: token}}]\n",
        ),
    ]);
    let config = load_from(&folder).unwrap();
    let authorization = config.scrape_configs[0].client.authorization.as_ref().unwrap();
    let token = folder.path().join("jobs/token");
    assert_eq!(authorization.credentials, Some(SecretSource::File(token)));
}

#[test]
fn a_mechanism_that_is_left_out_is_warned_of_and_counts() {
    let text = "scrape_configs: [{job_name: a, eureka_sd_configs: [{server: s}]}]";
    let config = loader()
        .parse(text.as_bytes(), "prometheus.yml".as_ref(), &headcount_config::Nowhere)
        .unwrap();
    assert_eq!(config.scrape_configs[0].sd.len(), 1);
    let warnings: Vec<String> = config.warnings.iter().map(ToString::to_string).collect();
    assert!(warnings.len() == 1 && warnings[0].contains("eureka"), "{warnings:?}");
}

#[test]
fn the_file_of_a_token_is_mentioned() {
    let text = "scrape_configs: [{job_name: a, bearer_token_file: token}]";
    let origin = Path::new("/etc/prometheus.yml");
    let examined = loader().examine(text.as_bytes(), origin, &headcount_config::Nowhere);
    let token = Mentioned::File("/etc/token".into());
    assert!(
        examined.mentions.iter().any(|mention| mention.what == token),
        "{examined:?}"
    );
}

#[test]
fn lists_are_read_as_often_as_by_prometheus_where_nothing_is_said() {
    let text =
        "scrape_configs: [{job_name: a, http_sd_configs: [{url: 'http://b'}], file_sd_configs: [{files: [c.json]}]}]";
    let config = loader()
        .parse(text.as_bytes(), "prometheus.yml".as_ref(), &headcount_config::Nowhere)
        .unwrap();
    let sd = &config.scrape_configs[0].sd;
    let file = sd.iter().find_map(SdConfig::get::<FileSd>).unwrap();
    let http = sd.iter().find_map(SdConfig::get::<HttpSd>).unwrap();
    assert_eq!(file.refresh_interval(), Duration::from_secs(300));
    assert_eq!(http.refresh_interval(), Duration::from_secs(60));
}
