use std::path::Path;

use headcount_reader::Position;
use proptest::prelude::*;
use proptest::sample::subsequence;

use super::*;
use crate::{Dialect, Loader, Nowhere};

/// What jobs may say; every secret has `hush` in it, and nothing else has.
const FIELDS: [&str; 37] = [
    "honor_labels: true",
    "honor_timestamps: false",
    "track_timestamps_staleness: true",
    "params: {module: [a, ''], api_key: [hush1], b: []}",
    "scrape_interval: 1h30m",
    "scrape_timeout: 7s",
    "scrape_protocols: [PrometheusText1.0.0, PrometheusProto]",
    "fallback_scrape_protocol: OpenMetricsText0.0.1",
    "scrape_native_histograms: true",
    "always_scrape_classic_histograms: true",
    "convert_classic_histograms_to_nhcb: true",
    "scrape_failure_log_file: log/failures",
    "metrics_path: '/a \"b\"?'",
    "scheme: https",
    "enable_compression: false",
    "body_size_limit: 10MB",
    "sample_limit: 1",
    "target_limit: 2",
    "label_limit: 3",
    "label_name_length_limit: 4",
    "label_value_length_limit: 5",
    "keep_dropped_targets: 6",
    "native_histogram_bucket_limit: 7",
    "native_histogram_min_bucket_factor: 1.25",
    "metric_name_validation_scheme: legacy",
    "metric_name_escaping_scheme: dots",
    "extra_scrape_metrics: true",
    "tls_config: {ca: pem, cert_file: c.pem, key: hush2, server_name: s, min_version: TLS12, max_version: TLS13}",
    "proxy_url: 'http://me:hush3@proxy:1'",
    "proxy_connect_header: {X-A: [hush4]}",
    "follow_redirects: false",
    "enable_http2: false",
    "http_headers: {X-B: {values: [plain], secrets: [hush5], files: [f]}, X-Api-Key: {values: [hush6]}}",
    "relabel_configs: [{source_labels: [a, null], separator: '', regex: 'a(.)', target_label: b, replacement: x$1}, \
     {action: keep, source_labels: [a]}, {action: drop, source_labels: [a], regex: b}, \
     {action: keepequal, source_labels: [a], target_label: b}, {action: dropequal, source_labels: [a], target_label: b}]",
    "metric_relabel_configs: [{action: hashmod, source_labels: [a], separator: '|', target_label: b, modulus: 8}, \
     {action: labelmap, regex: 'a_(.+)', replacement: '$1'}, {action: labeldrop, regex: c}, \
     {action: labelkeep, regex: '.+'}, {action: lowercase, source_labels: [a], target_label: b}, \
     {action: uppercase, source_labels: [a], target_label: b}]",
    "static_configs: [{targets: [a]}]",
    "http_sd_configs: [{url: 'http://a/', basic_auth: {username: u, password: hush7}}]",
];

const AUTHENTICATION: [&str; 6] = [
    "basic_auth: {username: u, password: hush8}",
    "basic_auth: {username_file: u, password_file: p}",
    "basic_auth: {}",
    "authorization: {type: Special, credentials: hush9}",
    "oauth2: {client_id: i, client_secret: hush10, token_url: 'https://u:hush11@t/', scopes: [a, b], \
     endpoint_params: {audience: a, client_token: hush12}, tls_config: {insecure_skip_verify: true}, \
     proxy_url: 'http://p/'}",
    "oauth2: {client_id: i, grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', client_certificate_key: hush13, \
     client_certificate_key_id: k, signature_algorithm: RS512, iss: i, audience: a, claims: {n: 1, t: [x]}, \
     token_url: 'https://t/'}",
];

const GLOBAL: [&str; 9] = [
    "scrape_interval: 20s",
    "scrape_timeout: 11s",
    "scrape_protocols: [OpenMetricsText1.0.0]",
    "sample_limit: 100",
    "body_size_limit: 1KB",
    "metric_name_validation_scheme: legacy",
    "scrape_native_histograms: true",
    "always_scrape_classic_histograms: true",
    "scrape_failure_log_file: all",
];

fn read(text: &str, dialect: Dialect) -> ScrapeConfig {
    let loader = Loader::new(headcount_backends::registry()).dialect(dialect);
    let config = loader.parse(text.as_bytes(), Path::new("/etc/p.yml"), &Nowhere);
    let mut job = config
        .unwrap_or_else(|errors| panic!("{errors}\n{text}"))
        .scrape_configs
        .remove(0);
    // What says where it stands, and how it is discovered, is not written.
    (job.position, job.sd) = (Position { line: 1, column: 1 }, Vec::new());
    job
}

fn in_a_configuration(global: &[&str], job: &[&str]) -> String {
    format!(
        "global: {{{}}}\nscrape_configs: [{{job_name: 'a/b', {}}}]",
        global.join(", "),
        job.join(", ")
    )
}

proptest! {
    /// What is left out, or written as something else, is another job then.
    #[test]
    fn what_is_written_reads_as_the_job(
        fields in subsequence(&FIELDS[..], 0..=FIELDS.len()),
        authentication in proptest::option::of(0..AUTHENTICATION.len()),
        global in subsequence(&GLOBAL[..], 0..=GLOBAL.len()),
    ) {
        // What needs another one is left out without that.
        let has = |name: &str| fields.iter().any(|field| field.starts_with(name));
        let fits = |field: &&str| !field.starts_with("proxy_connect_header") || has("proxy_url");
        let own = fields.iter().copied().filter(fits);
        let own: Vec<_> = own.chain(authentication.map(|index| AUTHENTICATION[index])).collect();
        let text = in_a_configuration(&global, &own);
        let job = read(&text, Dialect::Prometheus);

        let shown = Value::from(job.written(Secrets::Shown).expect("Prometheus's own rules"));
        let again = read(&format!("scrape_configs: [{shown}]"), Dialect::Prometheus);
        prop_assert_eq!(&again, &job, "{}", shown);

        let hidden = Value::from(job.written(Secrets::Hidden).expect("Prometheus's own rules")).to_string();
        prop_assert!(!hidden.contains("hush"), "{}", hidden);
        let secrets = shown.to_string().matches("hush").count();
        let written = own.iter().filter(|field| !field.starts_with("http_sd")).map(|field| field.matches("hush").count());
        prop_assert_eq!(secrets, written.sum::<usize>(), "{}", shown);
        prop_assert_eq!(job.has_secrets(), Some(secrets > 0));
        // What is hidden is shown to be hidden, and can be read.
        read(&format!("scrape_configs: [{hidden}]"), Dialect::Prometheus);
    }
}

#[test]
fn a_job_is_written_as_prometheus_writes_it() {
    let all: Vec<_> = FIELDS.into_iter().chain([AUTHENTICATION[0]]).collect();
    let job = read(&in_a_configuration(&GLOBAL, &all), Dialect::Prometheus);
    insta::assert_snapshot!(serde_json::to_string_pretty(&job.written(Secrets::Hidden).unwrap()).unwrap());
    let job = read("scrape_configs: [{job_name: a}]", Dialect::Prometheus);
    insta::assert_snapshot!(serde_json::to_string_pretty(&job.written(Secrets::Hidden).unwrap()).unwrap());
}

#[test]
fn rules_that_only_vmagent_has_can_t_be_written() {
    for (rules, expected) in [
        (
            "relabel_configs: [{action: labeldrop, regex: a}, {if: '{a=\"b\"}', action: drop}]",
            Some(1),
        ),
        (
            "metric_relabel_configs: [{action: graphite, match: '*.a', labels: {b: $1}}]",
            Some(0),
        ),
        ("relabel_configs: [{action: keep, source_labels: [a], regex: b}]", None),
    ] {
        let job = read(&in_a_configuration(&[], &[rules]), Dialect::Vmagent);
        let written = job.written(Secrets::Hidden);
        assert_eq!(written.as_ref().err().map(|error| error.rule), expected, "{rules}");
        if let Err(error) = written {
            assert!(error.to_string().starts_with("rule "), "{error}");
            assert_eq!(job.has_secrets(), None);
        }
    }
}
