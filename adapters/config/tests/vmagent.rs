//! vmagent's configurations: what is read of them by its dialect, and what is said of it without.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is a test's report")]

use std::path::Path;

use headcount_config::{Config, Dialect, LoadErrors, Loader, Nowhere};

fn load(dialect: Dialect, text: &str) -> Result<Config, LoadErrors> {
    Loader::new(headcount_backends::registry())
        .dialect(dialect)
        .parse(text.as_bytes(), Path::new("/p.yml"), &Nowhere)
}

fn job(rules: &str) -> String {
    format!("scrape_configs:\n- job_name: a\n  relabel_configs: [{rules}]\n")
}

const RULES: &str = r#"
{action: keep, if: 'up{a="b" or c="d"}'},
{target_label: a, replacement: b, if: ['{a="b"}', '{c=~"d"}']},
{action: keep_if_equal, source_labels: [a, b]},
{action: drop_if_equal, source_labels: [a, b]},
{action: keep_if_contains, source_labels: [a], target_label: b},
{action: drop_if_contains, source_labels: [a], target_label: b},
{action: replace_all, source_labels: [a], target_label: b, regex: '-', replacement: _},
{action: labelmap_all, regex: '-', replacement: _},
{action: graphite, match: 'a.*', labels: {b: $1}},
{source_labels: [a], target_label: b, regex: [x, y]}
"#;

const FIELDS: &str = "
  stream_parse: true
  no_stale_markers: false
  scrape_align_interval: 1m
  scrape_offset: 5s
  max_scrape_size: 16MiB
  series_limit: 100
  headers: ['Authorization: Bearer hunter2']
  proxy_headers: ['X-Token: hunter3']
  proxy_bearer_token: hunter4
  disable_compression: true
  disable_keepalive: true
  relabel_debug: true
  metric_relabel_configs: [{action: keep_metrics, regex: [up, go_.+]}, {action: drop_metrics, if: '{a=\"b\"}'}]
";

#[test]
fn all_of_it_is_refused_by_prometheus_with_the_flag_that_takes_it() {
    let text = job(RULES) + FIELDS + "global: {relabel_configs: []}\n";
    let errors = load(Dialect::Prometheus, &text).unwrap_err().to_string();
    for error in errors.lines() {
        assert!(
            error.ends_with(
                "is vmagent's, and Prometheus refuses it; if vmagent reads this file, add --dialect vmagent"
            ),
            "{error}"
        );
    }
    insta::assert_snapshot!(errors.replace("; if vmagent reads this file, add --dialect vmagent", ""));
}

#[test]
fn all_of_it_is_taken_and_what_has_no_effect_is_said() {
    let config = load(Dialect::Vmagent, &(job(RULES) + FIELDS)).unwrap();
    let job = &config.scrape_configs[0];
    let warnings: Vec<_> = config.warnings.iter().map(ToString::to_string).collect();
    assert!(!job.enable_compression && !job.only_vmagent.fields.contains(&"disable_compression"));
    assert_eq!(
        (job.only_vmagent.rule, job.only_vmagent.metric_rule),
        (Some(0), Some(0))
    );
    insta::assert_snapshot!(format!(
        "{:#?}\n{:#?}\n{}",
        job.relabel_configs,
        job.metric_relabel_configs,
        warnings.join("\n")
    ));
    let shown = config.redacted.text();
    assert!(!shown.contains("hunter"), "{shown}");
    assert!(
        shown.contains("keep_if_equal") && shown.contains("stream_parse"),
        "{shown}"
    );
}

#[test]
fn what_vmagent_refuses_is_refused() {
    let mut said = Vec::new();
    for rule in [
        "{action: keep_metrics, regex: up}",
        "{action: Drop_Metrics, regex: up}",
        "{action: keep}",
        "{action: keep, if: 'up{a}'}",
        "{action: keep, if: ['{a=\"b\"}', 'sum(up)', '{']}",
        "{action: keep_if_equal, source_labels: [a]}",
        "{action: drop_if_equal, source_labels: [a, b], target_label: c}",
        "{action: drop_if_equal, source_labels: [a, b], regex: c}",
        "{action: keep_if_contains, source_labels: [a]}",
        "{action: keep_if_contains, target_label: a}",
        "{action: replace_all, source_labels: [a]}",
        "{action: replace_all, source_labels: [a], target_label: b, regex: '('}",
        "{action: hashmod, source_labels: [a], target_label: b}",
        "{action: hashmod, modulus: 2, target_label: b}",
        "{action: lowercase, target_label: b}",
        "{action: graphite, match: a}",
        "{action: graphite, match: a, labels: {b: c}, source_labels: [d]}",
        "{action: graphite, match: a, labels: {b: c}, replacement: $1}",
        "{target_label: a, match: b}",
        "{action: replace_some}",
    ] {
        let error = load(Dialect::Vmagent, &job(rule)).expect_err(rule).to_string();
        said.push(error.replace("/p.yml:3:21: scrape_configs[0].relabel_configs[0]", ""));
    }
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn rules_of_all_jobs_come_first() {
    let text = "global: {relabel_configs: [{target_label: a, replacement: b}], metric_relabel_configs: [{action: drop_metrics, regex: x}]}\n".to_owned()
        + &job("{action: labeldrop, regex: a}");
    let config = load(Dialect::Vmagent, &text).unwrap();
    let rules = &config.scrape_configs[0].relabel_configs;
    let actions: Vec<_> = rules.rules().iter().map(|rule| rule.action()).collect();
    assert_eq!(
        (actions.as_slice(), rules.len()),
        (["replace", "labeldrop"].as_slice(), 2)
    );
    assert_eq!(config.scrape_configs[0].metric_relabel_configs.len(), 1);
}

#[test]
fn a_job_with_fewer_names_has_the_rules_of_all_jobs_or_is_refused() {
    let text = |target: &str| {
        format!("global: {{relabel_configs: [{{target_label: {target}, replacement: b}}]}}\n")
            + &job("{action: labeldrop, regex: a}")
            + "  metric_name_validation_scheme: legacy\n"
    };
    let config = load(Dialect::Vmagent, &text("a")).unwrap();
    assert_eq!(config.scrape_configs[0].relabel_configs.len(), 2);
    let error = load(Dialect::Vmagent, &text("a-b")).unwrap_err().to_string();
    assert!(
        error.contains("scrape_configs[0]: global.relabel_configs does not fit this job"),
        "{error}"
    );
    assert!(error.contains(r#"rule 0 (replace): "a-b""#), "{error}");
}

/// A world with environment variables, and nothing else.
#[derive(Debug)]
struct Variables;

impl headcount_reader::pattern::Folders for Variables {
    fn names(&self, _: &Path) -> Vec<std::ffi::OsString> {
        Vec::new()
    }
    fn exists(&self, _: &Path) -> bool {
        false
    }
}

impl headcount_config::Surroundings for Variables {
    fn read(&self, path: &Path, limit: u64) -> std::io::Result<Vec<u8>> {
        Nowhere.read(path, limit)
    }
    fn variable(&self, name: &str) -> Option<String> {
        let value = match name {
            "RACK" => "r1: hall 2",
            "PORT" => "9100",
            "HOST" => "db1.%{ZONE}",
            "ZONE" => "example.org",
            "ON" => "false",
            "TIME" => "45s",
            _ => return None,
        };
        Some(value.to_owned())
    }
}

#[test]
fn environment_variables_are_put_into_values_of_vmagents_files_only() {
    let text = r#"
scrape_configs:
- job_name: node-%{RACK}
  scrape_interval: "%{TIME}"
  honor_timestamps: "%{ON}"
  sample_limit: "%{PORT}"
  basic_auth: {username: me, password: 'x%{ZONE}'}
  static_configs: [{targets: ['%{HOST}:%{PORT}'], labels: {'zone_%{PORT}': '%{ZONE}', kept: '%{} %{1}'}}]
"#;
    let read = |dialect, text: &str| {
        let loader = Loader::new(headcount_backends::registry()).dialect(dialect);
        loader.parse(text.as_bytes(), Path::new("/p.yml"), &Variables)
    };
    let config = read(Dialect::Vmagent, text).unwrap();
    let job = &config.scrape_configs[0];
    assert_eq!(job.job_name, "node-r1: hall 2");
    assert_eq!((job.scrape_interval.as_secs(), job.honor_timestamps), (45, false));
    assert_eq!(job.limits.samples.map(std::num::NonZeroU64::get), Some(9100));
    let found = format!("{:?}", job.sd);
    for part in ["db1.example.org:9100", "zone_9100", "%{} %{1}"] {
        assert!(found.contains(part), "{part}: {found}");
    }
    // It is shown as it is written: what variables say may be secret.
    let shown = config.redacted.text();
    assert!(
        shown.contains("%{HOST}:%{PORT}") && !shown.contains("example.org"),
        "{shown}"
    );

    let unset =
        "scrape_configs: [{job_name: a, metrics_path: '/%{NONE}', static_configs: [{targets: ['%{LACKS}:1']}]}]";
    let error = read(Dialect::Vmagent, unset).unwrap_err().to_string();
    for part in [
        "scrape_configs[0].metrics_path: the environment variable \"NONE\" is not set",
        "scrape_configs[0].static_configs[0].targets[0]: the environment variable \"LACKS\" is not set",
    ] {
        assert!(error.contains(part), "{error}");
    }
    // Prometheus knows no such thing.
    let config = read(Dialect::Prometheus, unset).unwrap();
    assert_eq!(config.scrape_configs[0].metrics_path, "/%{NONE}");
}

#[test]
fn no_selector_at_all_is_always_true() {
    let rules = |rules: &str| {
        let config = load(Dialect::Vmagent, &job(rules)).expect(rules);
        config.scrape_configs[0].relabel_configs.rules().to_vec()
    };
    for rule in ["action: keep", "target_label: a, replacement: b", "action: drop"] {
        let [with_none] = rules(&format!("{{{rule}, if: []}}")).try_into().expect("one");
        assert!(
            !matches!(with_none, headcount_core::relabel::RelabelRule::If { .. }),
            "{rule}"
        );
    }
    // One that is not there at all is not one that is always true.
    assert!(load(Dialect::Vmagent, &job("{action: drop, if: }")).is_err());
    assert!(load(Dialect::Vmagent, &job("{action: drop, if: [null]}")).is_err());
}

#[test]
fn what_takes_anything_is_known_however_it_is_written() {
    let rule = |regex: &str| {
        let text = job(&format!(
            "{{source_labels: [a], target_label: b, regex: '{regex}', replacement: 'x$1'}}"
        ));
        load(Dialect::Vmagent, &text).expect(regex).scrape_configs[0]
            .relabel_configs
            .rules()[0]
            .clone()
    };
    for regex in [
        ".*",
        "(.*)",
        "^.*$",
        "(?:.*)",
        "((.*))",
        "(?P<a>.*)",
        "(?:^(.*)$)",
        "(?s:.*)",
    ] {
        assert_eq!(rule(regex), rule("(.*)"), "{regex}");
    }
    for regex in [".+", "(.*)(.*)", ".*?", "(?-s:.*)"] {
        assert_ne!(rule(regex), rule("(.*)"), "{regex}");
    }
}

#[test]
fn a_rule_that_prometheus_carries_out_alike_is_not_vmagents_alone() {
    for (rule, is_only_vmagents) in [
        ("{source_labels: [a], target_label: b}", false),
        (
            "{source_labels: [a], target_label: b, regex: '(.*)', replacement: 'x$1'}",
            false,
        ),
        (
            "{source_labels: [a], target_label: b, regex: '.*', replacement: x}",
            false,
        ),
        (
            "{source_labels: [a], target_label: b, regex: '.*', replacement: 'x$1'}",
            true,
        ),
        ("{source_labels: [a], target_label: b, replacement: '{{a}}'}", true),
        (
            "{action: hashmod, source_labels: [a], target_label: b, modulus: 2}",
            true,
        ),
        // One alternative is that one, and what takes anything is looked at for groups only where they count.
        ("{action: keep, source_labels: [a], regex: [b, c]}", true),
        ("{action: keep, source_labels: [a], regex: '.*'}", false),
        ("{action: labelmap, regex: 'a_(.+)'}", false),
        ("{action: labelmap, regex: '(a|b)', replacement: c}", true),
        ("{action: labeldrop, regex: b, source_labels: [a]}", true),
        ("{action: keep, source_labels: [a], regex: b}", false),
        ("{action: keep, source_labels: [a], regex: b, if: up}", true),
        ("{action: replace_all, source_labels: [a], target_label: b}", true),
    ] {
        let config = load(Dialect::Vmagent, &job(rule)).expect(rule);
        let job_read = &config.scrape_configs[0];
        assert_eq!(job_read.only_vmagent.rule.is_some(), is_only_vmagents, "{rule}");
        if !is_only_vmagents {
            let prometheus = load(Dialect::Prometheus, &job(rule)).expect(rule);
            let [theirs] = prometheus.scrape_configs[0].relabel_configs.rules() else {
                panic!("{rule}")
            };
            assert!(job_read.relabel_configs.rules()[0].is_alike(theirs), "{rule}");
        }
    }
}
