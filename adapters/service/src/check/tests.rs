use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use headcount_config::ProblemKind;
use headcount_core::Throttle;
use headcount_discoverer::mechanism::{Mechanism, Place};
use headcount_discoverer::metrics::Definition;
use headcount_discoverer::{Discoverer, Env, Updates};
use headcount_reader::{Fields, HttpClientSettings};
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::{Service, Source, StartError, Workers, mechanisms};

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, content) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, content).expect("written");
    }
    folder
}

/// What is said of the folder's prometheus.yml, without the folder's name: errors, then warnings.
fn said(folder: &TempDir) -> (String, String) {
    let workers = Workers::start().expect("threads");
    let path = folder.path().join("prometheus.yml");
    let checked = check_file(&*workers.env().http, &mechanisms::loader(), &path);
    assert_eq!(checked.is_ok(), checked.errors.is_empty());
    let lines = |problems: &[Problem]| {
        let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
        let prefix = format!("{}/", folder.path().display());
        lines.join("\n").replace(&prefix, "")
    };
    (lines(&checked.errors), lines(&checked.warnings))
}

#[test]
fn files_that_are_missing_are_said_where_they_are_named() {
    let config = "
rule_files: [rules/*.yml, rules/alerts.yml, 'none/*.yml']
remote_write: [{url: 'http://a', basic_auth: {username: u, password_file: p}}]
tracing: {endpoint: a, tls_config: {ca_file: ca.pem}}
scrape_configs:
- job_name: a
  bearer_token_file: token
  http_headers: {X-A: {files: [h1, h2]}}
  tls_config: {ca_file: ca.pem, cert_file: c.pem, key_file: k.pem}
  file_sd_configs: [{files: [lists/a.json, 'lists/*.yml', 'nowhere/*.json', there.json]}]
  http_sd_configs:
  - url: http://a
    oauth2: {client_id: i, client_secret_file: s, token_url: 'http://t', tls_config: {ca_file: t.pem}}
";
    let folder = folder(&[
        ("prometheus.yml", config),
        ("there.json", "[]"),
        ("h1", "x"),
        ("lists/other", ""),
        ("rules/other", ""),
    ]);
    let (errors, warnings) = said(&folder);
    insta::assert_snapshot!(errors);
    assert_eq!(warnings, "");
}

#[test]
fn lists_and_rules_that_are_there_are_read() {
    let config = "
rule_files: ['*.rules.yml']
scrape_configs:
- {job_name: a, file_sd_configs: [{files: ['lists/*', 'lists/*.json', 'lists/*.yml', lists/bad.json]}]}
- {job_name: b, file_sd_configs: [{files: ['lists/*.json', 'lists/*.yml']}]}
"
    .replace("'lists/*', ", "");
    let folder = folder(&[
        ("prometheus.yml", &config),
        ("lists/good.json", "[{\"targets\": [\"a:1\"]}]"),
        ("lists/bad.json", "[{\"targets\": [\"a:1\"]},\n {\"targets\": 1}]"),
        ("lists/bad.yml", "- targets: [a]\n- labels: {'': x}\n"),
        ("lists/worse.yml", "- targets: [\n"),
        ("a.rules.yml", "groups:\n- name: a\n  rules: [{alert: x}]\n"),
        ("b.rules.yml", "groups: []\n---\nmore: 1\n"),
    ]);
    let (errors, warnings) = said(&folder);
    // What the parsers say is theirs.
    for (place, what) in [
        (
            "lists/bad.json: [1]: not a list of targets: ",
            "expected a list of addresses",
        ),
        (
            "lists/bad.yml:2:11: [1]: not a list of targets: ",
            "a label has an empty name",
        ),
        ("lists/worse.yml: [0]: not a list of targets: ", "line 1"),
        ("a.rules.yml:3:11: groups[0].rules[0]: ", "expr is missing or empty"),
    ] {
        let is_said = |line: &str| line.starts_with(place) && line.contains(what);
        assert!(errors.lines().any(is_said), "{place}…{what} is not in\n{errors}");
    }
    assert_eq!(errors.lines().count(), 4, "each once, whoever names them:\n{errors}");
    assert_eq!(
        warnings,
        "b.rules.yml:2:1: only the first YAML document is read; what follows this line is ignored, as in Prometheus"
    );
}

#[test]
fn clients_are_made() {
    let config = "
scrape_configs:
- job_name: a
  tls_config: {max_version: TLS11}
  http_sd_configs:
  - {url: 'https://a', tls_config: {max_version: TLS10}}
  - {url: 'https://b', tls_config: {min_version: TLS13, max_version: TLS12}}
  - {url: 'https://c', tls_config: {ca_file: garbage}}
  - {url: 'https://d', tls_config: {cert_file: garbage, key_file: garbage}}
  - {url: 'https://e', proxy_url: 'ftp://p'}
  - {url: 'https://f', http_headers: {'bad header': {values: [a]}}}
  - {url: 'https://g', http_headers: {X-A: {values: [a]}}}
";
    let folder = folder(&[("prometheus.yml", config), ("garbage", "hunter2")]);
    let (errors, warnings) = said(&folder);
    assert!(!errors.contains("hunter2"));
    insta::assert_snapshot!(format!("{errors}\n\n{warnings}"));
}

#[test]
fn static_targets_that_no_scrape_can_reach_are_warnings() {
    let many: Vec<_> = (0..15).map(|number| format!("'a/{number}'")).collect();
    let config = format!(
        "
scrape_configs:
- job_name: rules
  static_configs: [{{targets: [a, 'b:1', 'http://c/', 'd e:1', 'f:1:2', drop], labels: {{team: x}}}}]
  relabel_configs:
  - {{source_labels: [__address__], regex: drop, action: drop}}
  - {{source_labels: [__address__], regex: a, target_label: __address__, replacement: ''}}
- job_name: none
  static_configs: [{{targets: ['g:1', '[::1]:80', 'h', '']}}]
- job_name: scheme
  scheme: ftp
  static_configs: [{{targets: ['i:1']}}]
- job_name: labels
  static_configs: [{{targets: ['j:1'], labels: {{__scrape_interval__: soon}}}}]
- job_name: many
  static_configs: [{{targets: [{}]}}]
  relabel_configs: [{{target_label: x, replacement: y}}]
scrape_config_files: [more.yml]
",
        many.join(", ")
    );
    let more = "scrape_configs:\n- job_name: included\n  static_configs: [{targets: ['']}]\n";
    let folder = folder(&[("prometheus.yml", &config), ("more.yml", more)]);
    let (errors, warnings) = said(&folder);
    assert_eq!(errors, "");
    insta::assert_snapshot!(warnings);
}

#[test]
fn all_that_is_wrong_is_said_at_once_and_in_order() {
    let config = "
scrape_configs:
- {job_name: a, bearer_token_file: x, scrape_timeot: 1s, file_sd_configs: [{files: [y.json]}]}
";
    let folder = folder(&[("prometheus.yml", config)]);
    let (errors, _) = said(&folder);
    let fields: Vec<_> = errors
        .lines()
        .map(|line| line.split(": ").next().unwrap_or_default())
        .collect();
    assert_eq!(
        fields,
        ["prometheus.yml:3:36", "prometheus.yml:3:39", "prometheus.yml:3:85"],
        "{errors}"
    );
}

/// A world with files, and without a network.
/// A build that lacks a mechanism, whatever there is.
fn lacking() -> Loader {
    mechanisms::loader().without("nomad")
}

fn offline() -> Workers {
    let workers = Workers::start().expect("threads");
    let env = workers.env();
    let (clock, random, files) = (env.clock.clone(), env.random.clone(), env.files.clone());
    workers.in_world(Env::builder(clock, random).files(files).build())
}

/// Starts what passes, and looks whether a config failed. Whether it passed.
fn holds(online: &Workers, offline: &Workers, text: &str, origin: &Path, allow: bool) -> bool {
    let loader = lacking().allow_unsupported(allow);
    let checked = check(&*online.env().http, &loader, text.as_bytes(), origin);
    let source = Source::Text {
        text: text.to_owned(),
        origin: origin.to_owned(),
    };
    let builder = Service::builder()
        .loader(loader)
        .workers(offline)
        .throttle(Throttle::Ticker {
            interval: Duration::ZERO,
        });
    let started = offline.block_on(builder.start(source));
    assert!(
        started.is_ok() || !checked.is_ok(),
        "it passed, and did not start: {:?}\n{text}",
        started.err()
    );
    let Ok(service) = started else {
        // What can't be read is refused by both, for the same reasons.
        return false;
    };
    assert!(checked.plan.is_some(), "it started, and could not be read: {text}");
    let failed: Vec<_> = service.snapshot().failed_configs().to_vec();
    let is_allowed = checked
        .warnings
        .iter()
        .any(|warning| matches!(warning.kind, ProblemKind::MechanismLeftOut { .. }));
    offline.block_on(service.stop());
    assert!(
        !checked.is_ok() || failed.is_empty() || (allow && is_allowed),
        "it passed, and a config failed: {failed:?}\n{text}"
    );
    checked.is_ok()
}

#[test]
fn what_passes_of_the_corpus_starts() {
    let (online, offline) = (Workers::start().expect("threads"), offline());
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/tests/corpus");
    let mut passed = 0;
    for part in ["accepted", "refused"] {
        for entry in fs::read_dir(corpus.join(part)).expect("the corpus") {
            let path = entry.expect("an entry").path();
            let Ok(text) = fs::read_to_string(&path) else { continue };
            let is_ok = holds(&online, &offline, &text, &path, false);
            assert!(part == "accepted" || !is_ok, "{}", path.display());
            passed += usize::from(is_ok);
        }
    }
    assert!(passed > 30, "{passed} passed");
}

/// Parts of jobs, right and wrong.
const PARTS: [&str; 22] = [
    "static_configs: [{targets: ['a:1']}]",
    "static_configs: [{targets: ['a/b']}]",
    "static_configs: [{targets: ['a:1'], labels: {x: y}}, {targets: []}]",
    "file_sd_configs: [{files: [there.json]}]",
    "file_sd_configs: [{files: [missing.json]}]",
    "file_sd_configs: [{files: ['*.json', 'x[ab].yml']}]",
    "file_sd_configs: [{files: ['[.json']}]",
    "http_sd_configs: [{url: 'http://a/'}]",
    "http_sd_configs: [{url: 'https://a/', tls_config: {max_version: TLS11}}]",
    "http_sd_configs: [{url: 'https://a/', tls_config: {ca_file: garbage}}]",
    "http_sd_configs: [{url: 'ftp://a/'}]",
    "dns_sd_configs: [{names: [a.example], type: A, port: 80}]",
    "dns_sd_configs: [{names: [a.example], type: A}]",
    "consul_sd_configs: [{server: 'localhost:8500'}]",
    "nomad_sd_configs: [{server: 'http://localhost:4646'}]",
    "nomad_sd_configs: []",
    "basic_auth: {username: u, password_file: garbage}",
    "basic_auth: {username: u, password_file: missing}",
    "proxy_url: 'http://p:3128'",
    "relabel_configs: [{source_labels: [a], regex: '(x', target_label: b}]",
    "relabel_configs: [{source_labels: [a], regex: 'x(.*)', target_label: b}]",
    "scrape_interval: 1s",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// The contract of `check`: what passes starts, and none of its configs is failed.
    #[test]
    fn what_passes_starts_and_has_no_failed_config(
        jobs in prop::collection::vec(prop::sample::subsequence(PARTS.to_vec(), 0..4), 1..4),
        allow: bool,
    ) {
        let folder = folder(&[("there.json", "[]"), ("garbage", "hunter2")]);
        let mut text = "scrape_configs:\n".to_owned();
        for (number, parts) in jobs.iter().enumerate() {
            text.push_str(&format!("- job_name: job{number}\n"));
            for part in parts {
                text.push_str(&format!("  {part}\n"));
            }
        }
        let (online, offline) = (Workers::start().expect("threads"), offline());
        holds(&online, &offline, &text, &folder.path().join("prometheus.yml"), allow);
    }
}

/// Whether a client is needed to discover does not depend on what the mechanism's field is called.
#[test]
fn the_clients_of_ones_own_mechanism_are_needed() {
    let mut registry = headcount_backends::registry();
    registry.register::<Racks>().expect("a name of its own");
    let text = "scrape_configs: [{job_name: a, racks: [{proxy_url: 'ftp://p'}], proxy_url: 'ftp://p'}]";
    let workers = Workers::start().expect("threads");
    let loader = Loader::new(registry);
    let checked = check(
        &*workers.env().http,
        &loader,
        text.as_bytes(),
        Path::new("prometheus.yml"),
    );
    let fields = |problems: &[Problem]| problems.iter().map(|problem| problem.field.clone()).collect::<Vec<_>>();
    assert_eq!(fields(&checked.errors), ["scrape_configs[0].racks[0]"]);
    assert!(fields(&checked.warnings).contains(&"scrape_configs[0]".to_owned()));
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Racks;

impl Mechanism for Racks {
    const NAME: &'static str = "racks";
    const SUMMARY: &'static str = "the machines of racks";
    const METRICS: &'static [Definition] = &[];

    fn field() -> String {
        "racks".to_owned()
    }

    fn read(fields: &mut Fields<'_>, place: &Place<'_>) -> Option<Self> {
        HttpClientSettings::read(fields, place.folder);
        Some(Self)
    }

    fn describe(&self) -> String {
        String::new()
    }

    fn discoverer(self: Arc<Self>) -> Box<dyn Discoverer> {
        Box::new(async move |_env: Env, _updates: Updates| {})
    }
}

/// Lists with more mistakes than are kept.
#[test]
fn what_is_left_out_is_counted() {
    let rules = |count| format!("groups:\n{}", "- {name: a, rules: [{alert: x}]}\n".repeat(count));
    let folder = folder(&[("prometheus.yml", "rule_files: [a.yml]"), ("a.yml", &rules(1_001))]);
    let workers = Workers::start().expect("threads");
    let path = folder.path().join("prometheus.yml");
    let checked = check_file(&*workers.env().http, &mechanisms::loader(), &path);
    // Each rule lacks its expression, and all groups but the first have a name that there is.
    assert_eq!(checked.errors.len() + checked.omitted, 1_001 + 1_000);
}

#[test]
fn a_configuration_without_a_plan_is_refused_by_both() {
    let workers = offline();
    let text = "scrape_configs: [{job_name: a, nomad_sd_configs: [{}]}]";
    let builder = || Service::builder().workers(&workers);
    let started = workers.block_on(builder().loader(lacking()).start(Source::text(text)));
    assert!(matches!(started, Err(StartError::Config(_))));
    let builder = builder().loader(lacking().allow_unsupported(true));
    let service = workers.block_on(builder.start(Source::text(text))).expect("allowed");
    let listed = workers.block_on(service.next_list("a", crate::ListKind::Discovered, None));
    assert!(
        matches!(listed, Err(crate::ListError::FailedConfig { .. })),
        "{listed:?}"
    );
    workers.block_on(service.stop());
}

/// Parts of settings, right and wrong.
const SETTINGS: [&str; 13] = [
    "defaults: {max_drop: 30%, hold: 1m, throttle: {policy: 'ticker:0', per_set: true}}",
    "defaults: {max_stale: 1ms, incomplete_after: 1ms, serve_incomplete: true}",
    "defaults: {throttle: {policy: 'backoff:0..0'}}",
    "defaults: {hold: 292y}",
    "defaults: {hold: 300y}",
    "jobs: {job0: {max_drop: 0%, max_stale: off, serve_incomplete: true}}",
    "jobs: {job1: {incomplete_after: 292y}}",
    "web: {listen: '127.0.0.1:0'}",
    "web: {listen: x}",
    "state: {dir: s}",
    "scrape_configs: [{job_name: own, local_sd_configs: [{}]}, {job_name: more, nomad_sd_configs: [{}]}]",
    "scrape_configs: [{job_name: own, file_sd_configs: [{files: [there.json]}], static_configs: [{targets: ['a:1']}]}]",
    "scrape_configs: [{job_name: own, file_sd_configs: [{files: [missing.json]}]}]",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// The contract of `check` holds for settings as well: what passes starts, and what starts can be read.
    #[test]
    fn settings_that_pass_start(
        parts in prop::sample::subsequence(SETTINGS.to_vec(), 0..4),
        jobs in 1..3_usize,
        allow: bool,
    ) {
        let names: Vec<_> = (0..jobs).map(|number| format!("{{job_name: job{number}}}")).collect();
        let main = format!("scrape_configs: [{}]", names.join(", "));
        let folder = folder(&[("there.json", "[]"), ("prometheus.yml", &main), ("headcount.yml", &parts.join("\n"))]);
        let (online, offline) = (Workers::start().expect("threads"), offline());
        let loader = lacking().allow_unsupported(allow);
        let path = folder.path().join("prometheus.yml");
        let checked = check_file(&*online.env().http, &loader, &path);
        let builder = Service::builder().loader(loader).workers(&offline);
        let mut builder = builder.listen_as_settings("127.0.0.1:0");
        if parts.contains(&"state: {dir: s}") {
            // Not where who runs the tests keeps his own.
            builder = builder.state_as_settings(&path);
        }
        match offline.block_on(builder.start(Source::File(path))) {
            Ok(service) => {
                prop_assert!(checked.plan.is_some(), "it started, and could not be read: {:?}", checked.errors);
                offline.block_on(service.stop());
            }
            Err(error) => prop_assert!(!checked.is_ok(), "it passed, and did not start: {error}"),
        }
    }
}
