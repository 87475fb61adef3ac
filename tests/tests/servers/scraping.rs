//! `headcount run --scrape` finds of its targets what a real Prometheus finds.
//!
//! Both run with one configuration, and what they say of each target has to be the same: whether
//! it is up, how many samples were read, and, where Prometheus words it well, what went wrong.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{ExpositionServer, Folder, Headcount, Prometheus, free_port, until, whole_answer};

/// Texts that Prometheus 2.42 refuses and newer ones take: names in quotes, a comma after the last
/// label, exemplars of any metric, a blank before a name; nothing at all in the place of OpenMetrics.
const SINCE_PROMETHEUS_3: [&str; 11] = [
    "openmetrics_empty",
    "openmetrics_exemplar",
    "openmetrics_exemplar_trailing_comma",
    "openmetrics_trailing_comma",
    "quoted_openmetrics_quoted_in_exemplar",
    "quoted_openmetrics_quoted_label",
    "quoted_openmetrics_quoted_name",
    "quoted_text_quoted_in_metadata",
    "quoted_text_quoted_label",
    "quoted_text_quoted_name",
    "text_blank_before_name",
];

const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What is said of a target.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Found {
    health: String,
    samples: u64,
    error: String,
}

#[test]
fn every_text_is_taken_or_refused_as_prometheus_does() {
    require!("prometheus");
    let texts = corpus();
    let server = ExpositionServer::start(
        texts
            .iter()
            .map(|(name, (content_type, text))| (format!("/{name}"), whole_answer(content_type, text)))
            .collect(),
    );
    let targets = texts.keys().map(|name| {
        let address = server.address();
        format!("      - {{targets: ['{address}'], labels: {{__metrics_path__: /{name}, case: {name}}}}}\n")
    });
    let config = format!(
        "global: {{scrape_interval: 3s, scrape_timeout: 3s}}\nscrape_configs:\n  - job_name: texts\n    \
         static_configs:\n{}",
        targets.collect::<String>()
    );
    let (ours, theirs) = scrape(&config, texts.len());
    for (name, ours) in &ours {
        let theirs = &theirs[name];
        if SINCE_PROMETHEUS_3.contains(&name.as_str()) {
            assert_eq!((ours.health.as_str(), theirs.health.as_str()), ("up", "down"), "{name}");
            continue;
        }
        // Of quotes that nothing takes, the newer ones find out later.
        let is_counted = !name.starts_with("quoted_");
        let of = |found: &Found| (found.health.clone(), is_counted.then_some(found.samples));
        assert_eq!(of(ours), of(theirs), "{name}: {ours:?}, Prometheus: {theirs:?}");
    }
    assert_eq!(ours["text_malformed_after_good"].samples, 3);
    assert!(ours["text_malformed_after_good"].error.starts_with("line 4: "));
}

#[test]
fn every_kind_of_trouble_is_told_as_prometheus_tells_it() {
    require!("prometheus");
    let text = "a{x=\"1\"} 1\na{x=\"2\"} 1\n";
    let answers = [
        ("/metrics", whole_answer(TEXT, text)),
        ("/malformed", whole_answer(TEXT, "a 1\nb\n")),
        ("/none", whole_answer(TEXT, "")),
        (
            "/503",
            b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\nno".to_vec(),
        ),
        (
            "/moved",
            b"HTTP/1.1 302 Found\r\nLocation: /metrics\r\nContent-Length: 0\r\n\r\n".to_vec(),
        ),
        ("/broken", whole_answer(TEXT, text)[..90].to_vec()),
        ("/probe?target=a+b", whole_answer(TEXT, text)),
    ];
    let server = ExpositionServer::start(answers.map(|(path, answer)| (path.to_owned(), answer)).into());
    let (dead, address) = (free_port(), server.address());
    let job = |name: &str, settings: &str, targets: &[(&str, String, &str)]| {
        let targets = targets.iter().map(|(case, address, path)| {
            format!("      - {{targets: ['{address}'], labels: {{__metrics_path__: '{path}', case: {case}}}}}\n")
        });
        let targets: String = targets.collect();
        format!("  - job_name: {name}\n{settings}    static_configs:\n{targets}")
    };
    let here = || address.to_string();
    let body = text.len();
    let config = [
        "global: {scrape_interval: 2s, scrape_timeout: 1s}\nscrape_configs:\n".to_owned(),
        job(
            "plain",
            "",
            &[
                ("good", here(), "/metrics"),
                ("malformed", here(), "/malformed"),
                ("none", here(), "/none"),
                ("status", here(), "/503"),
                ("moved", here(), "/moved"),
                ("broken", here(), "/broken"),
                ("hangs", here(), "/never"),
                ("dead", format!("127.0.0.1:{dead}"), "/metrics"),
            ],
        ),
        job(
            "still",
            "    follow_redirects: false\n",
            &[("not_followed", here(), "/moved")],
        ),
        job(
            "params",
            "    params: {target: ['a b']}\n",
            &[("params", here(), "/probe")],
        ),
        job(
            "fits",
            &format!("    body_size_limit: {}B\n", body + 1),
            &[("fits", here(), "/metrics")],
        ),
        job(
            "body",
            &format!("    body_size_limit: {body}B\n"),
            &[("body", here(), "/metrics")],
        ),
        job("two", "    sample_limit: 2\n", &[("two_samples", here(), "/metrics")]),
        job("samples", "    sample_limit: 1\n", &[("samples", here(), "/metrics")]),
        job(
            "dropped",
            "    sample_limit: 1\n    metric_relabel_configs: [{source_labels: [x], regex: '1', action: drop}]\n",
            &[("dropped_sample", here(), "/metrics")],
        ),
        // The metric's name, x, case, instance and job.
        job("labels", "    label_limit: 5\n", &[("five_labels", here(), "/metrics")]),
        job("fewer", "    label_limit: 4\n", &[("labels", here(), "/metrics")]),
        job(
            "targets",
            "    target_limit: 1\n",
            &[("one", here(), "/metrics"), ("other", here(), "/metrics")],
        ),
        job("secure", "    scheme: https\n", &[("not_secure", here(), "/metrics")]),
    ]
    .concat();
    let (ours, theirs) = scrape(&config, 20);
    for (name, ours) in &ours {
        let theirs = &theirs[name];
        let of = |found: &Found| (found.health.clone(), found.samples);
        assert_eq!(of(ours), of(theirs), "{name}: {ours:?}, Prometheus: {theirs:?}");
    }
    for name in [
        "good",
        "status",
        "hangs",
        "dead",
        "not_followed",
        "body",
        "samples",
        "one",
        "other",
    ] {
        assert_eq!(ours[name].error, theirs[name].error, "{name}");
    }
}

#[test]
fn a_reload_forgets_no_scrape_and_takes_the_new_limits() {
    let server = ExpositionServer::start([("/metrics".to_owned(), whole_answer(TEXT, "a 1\nb 1\n"))].into());
    let folder = Folder::new();
    let config = |limit: u64| {
        let address = server.address();
        format!(
            "scrape_configs: [{{job_name: node, scrape_interval: 1s, sample_limit: {limit}, \
             static_configs: [{{targets: ['{address}'], labels: {{case: only}}}}]}}]"
        )
    };
    let path = folder.write("prometheus.yml", config(2));
    let headcount = Headcount::start(&folder, &["--scrape", "--config", path.to_str().expect("UTF-8")]);
    let health = |wanted: &'static str| {
        until(&format!("it is {wanted}"), || {
            match found(&headcount.api_targets()?)?.remove("only") {
                Some(found) if found.health == wanted => Ok(found),
                other => Err(format!("{other:?}")),
            }
        })
    };
    assert_eq!(health("up").samples, 2);
    folder.write("prometheus.yml", config(1));
    assert_eq!(headcount.reload().status, 200);
    let after = found(&headcount.api_targets().expect("targets"))
        .expect("targets")
        .remove("only");
    assert_ne!(after.expect("it is there").health, "unknown");
    assert_eq!(health("down").error, "sample limit exceeded");
    let metrics = headcount.text("/metrics");
    assert!(
        metrics.contains("headcount_scrapes_total{result=\"sample_limit\"}"),
        "{metrics}"
    );
}

/// Lets both scrape by a configuration with so many targets until both have scraped all of them,
/// and gives what each says of them, by their label `case`.
fn scrape(config: &str, targets: usize) -> (BTreeMap<String, Found>, BTreeMap<String, Found>) {
    let folder = Folder::new();
    let path = folder.write("prometheus.yml", config);
    let prometheus = Prometheus::start(&folder, "prometheus", &path);
    let headcount = Headcount::start(&folder, &["--scrape", "--config", path.to_str().expect("UTF-8")]);
    let is_known = |found: &BTreeMap<String, Found>| {
        let unknown = found.values().filter(|found| found.health == "unknown").count();
        (found.len() == targets && unknown == 0)
            .then_some(())
            .ok_or_else(|| format!("{unknown} of {} unknown", found.len()))
    };
    let ours = until("headcount has scraped every target", || {
        let found = found(&headcount.api_targets()?)?;
        is_known(&found).map(|()| found)
    });
    let theirs = until("Prometheus has scraped every target", || {
        let mut found = found(&prometheus.json("/api/v1/targets")?)?;
        is_known(&found)?;
        let samples = prometheus.json("/api/v1/query?query=scrape_samples_scraped")?;
        let samples = samples["data"]["result"].as_array().ok_or("no result")?;
        if samples.len() < targets {
            return Err(format!("{} of {targets} have samples", samples.len()));
        }
        for series in samples {
            let (Some(case), Some(value)) = (series["metric"]["case"].as_str(), series["value"][1].as_str()) else {
                return Err(series.to_string());
            };
            let samples = value.parse().map_err(|_| value.to_owned())?;
            found.get_mut(case).ok_or_else(|| case.to_owned())?.samples = samples;
        }
        Ok(found)
    });
    (ours, theirs)
}

/// What an answer of `/api/v1/targets` says of each target, by its label `case`.
fn found(answer: &Value) -> Result<BTreeMap<String, Found>, String> {
    let targets = answer["data"]["activeTargets"].as_array().ok_or("no targets")?;
    let target = |target: &Value| {
        let text = |name: &str| target[name].as_str().unwrap_or_default().to_owned();
        let found = Found {
            health: text("health"),
            samples: target["lastSamples"].as_u64().unwrap_or_default(),
            error: text("lastError"),
        };
        let case = target["labels"]["case"].as_str().ok_or("no case")?.to_owned();
        Ok((case, found))
    };
    targets.iter().map(target).collect()
}

/// The fuzzer's corpus: each text with the content type of its format.
fn corpus() -> BTreeMap<String, (&'static str, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/exposition");
    let entries = fs::read_dir(folder)
        .expect("the corpus")
        .map(|entry| entry.expect("a file"));
    // What a run of the fuzzer has left here has a hash for a name, and is nobody's.
    let is_named = |entry: &fs::DirEntry| {
        let name = entry.file_name().into_string().expect("UTF-8");
        name.len() != 40 || !name.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    let files = entries.filter(is_named).map(|entry| {
        let bytes = fs::read(entry.path()).expect("a text");
        let end = bytes.iter().position(|byte| *byte == b'\n').expect("a first line");
        let content_type = match &bytes[..end] {
            b"text" => TEXT,
            _ => OPENMETRICS,
        };
        let name = entry.file_name().into_string().expect("UTF-8");
        (name, (content_type, bytes[end + 1..].to_vec()))
    });
    files.collect()
}
