//! What every mechanism of the registry has to have: entries that are accepted and refused, descriptions that
//! hold no secret, tests, an entry and a corpus in the fuzz target, a row in the handbook.
//!
//! The first two stand beside the mechanism: `testdata/accepted.yml` is a list of entries, `testdata/refused.yml` one
//! of `entries` and what is `says` of them. All secrets in them are "hunter2".

#![allow(clippy::expect_used, reason = "a panic is a test's report")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use headcount_backends::registry;
use headcount_core::ProviderConfig;
use headcount_discoverer::env::HttpError;
use headcount_discoverer::mechanism::{Entry, Place, SdConfig};
use headcount_discoverer::testing::World;
use headcount_reader::{Cursor, Document, Problem, Sink, read};
use serde_json::{Value, json};

const SECRET: &str = "hunter2";

/// Longer than any interval and pause of the entries.
const MINUTES: Duration = Duration::from_secs(300);

fn workspace(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

fn folder(mechanism: &Entry) -> PathBuf {
    workspace("adapters/backends/src").join(mechanism.name())
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A list of the mechanism's test data.
fn document(mechanism: &Entry, name: &str) -> Document {
    let path = folder(mechanism).join("testdata").join(name);
    let sink = Sink::new(path.as_path().into());
    let document = read(&text(&path), &sink).expect("YAML");
    let problems = sink.finish().problems;
    assert!(problems.is_empty(), "{problems:?}");
    document
}

fn read_list(mechanism: &Entry, at: &Cursor<'_>) -> Vec<SdConfig> {
    mechanism.read(at, &Place::new(Path::new("/etc/prometheus")))
}

/// What is wrong with the entries of one item of `refused.yml`, and what should be said of it.
fn refused(mechanism: &Entry, document: &Document, item: usize) -> Option<(String, Vec<Problem>)> {
    let sink = Sink::new(Path::new("refused.yml").into());
    let root = document.root(&sink).expect("a list");
    let item = root.list().expect("a list").into_iter().nth(item)?;
    let mut fields = item.fields().expect("a mapping");
    let says = fields.some_text("says").expect("what is said");
    let entries = fields.take("entries").expect("entries");
    drop(read_list(mechanism, &entries));
    Some((says, sink.finish().problems))
}

#[test]
fn what_should_be_accepted_is_and_shows_no_secret() {
    for mechanism in registry().iter() {
        let document = document(mechanism, "accepted.yml");
        let sink = Sink::new(Path::new("accepted.yml").into());
        let root = document.root(&sink).expect("a list");
        let entries = root.list().expect("a list").len();
        let configs = read_list(mechanism, &root);
        let problems = sink.finish().problems;
        assert!(problems.is_empty(), "{}: {problems:?}", mechanism.name());
        assert!(!configs.is_empty(), "{}", mechanism.name());
        // `static_configs` are one provider however many they are.
        if mechanism.field().ends_with("_sd_configs") {
            assert_eq!(configs.len(), entries, "{}", mechanism.name());
        }
        for config in &configs {
            let (described, debug) = (config.describe(), format!("{config:?} {config:#?}"));
            assert!(!described.is_empty() && !described.contains(SECRET), "{described}");
            assert!(!debug.contains(SECRET), "{}: {debug}", mechanism.name());
            assert!(config.discoverer().is_ok());
        }
    }
}

/// What a mechanism may take that is secret. What it does not take is no matter, but to say so.
fn probes() -> Vec<Value> {
    let proxy = "http://proxy.example:3128";
    let mut probes = vec![
        json!({"basic_auth": {"username": "u", "password": SECRET}}),
        json!({"authorization": {"credentials": SECRET}}),
        json!({"oauth2": {
            "client_id": "a", "client_secret": SECRET, "endpoint_params": {"password": SECRET},
            "token_url": format!("https://u:{SECRET}@tokens.example/?key={SECRET}"),
        }}),
        json!({"proxy_url": format!("http://u:{SECRET}@proxy.example:3128")}),
        json!({"proxy_url": proxy, "proxy_connect_header": {"X-A": [SECRET]}}),
        json!({"http_headers": {"X-A": {"secrets": [SECRET]}, "X-Auth-Token": {"values": [SECRET]}}}),
        json!({"tls_config": {"cert": "everybody's", "key": SECRET}}),
        json!({"username": "u", "password": SECRET}),
    ];
    for name in [
        "api_key",
        "api_token",
        "application_credential_secret",
        "auth_token",
        "bearer_token",
        "client_secret",
        "password",
        "private_key",
        "secret",
        "secret_key",
        "token",
    ] {
        probes.push(json!({name: SECRET}));
    }
    probes
}

/// Entries with a secret wherever the mechanism might take one: a setting each, and each URL.
fn entries_with_secrets(mechanism: &Entry) -> Vec<Value> {
    let path = folder(mechanism).join("testdata/accepted.yml");
    let accepted: Vec<Value> = serde_yaml::from_str(&text(&path)).expect("YAML");
    let mut entries = accepted.clone();
    let bases = accepted.iter().filter(|entry| !entry.to_string().contains(SECRET));
    for base in bases.filter_map(Value::as_object) {
        for probe in probes() {
            let mut entry = base.clone();
            entry.extend(probe.as_object().expect("a mapping").clone());
            entries.push(Value::Object(entry));
        }
        for (name, value) in base {
            let Some((scheme, rest)) = value.as_str().and_then(|text| text.split_once("://")) else {
                continue;
            };
            let mut entry = base.clone();
            let url = format!("{scheme}://u:{SECRET}@{rest}?dc=1&access_token={SECRET}");
            entry.insert(name.clone(), Value::from(url));
            entries.push(Value::Object(entry));
        }
    }
    entries
}

/// All that is said and found while a server answers in every way.
fn said(config: &SdConfig) -> String {
    let mut said = format!("{} {config:?}", config.describe());
    let mut world = World::new();
    let Ok(discoverer) = config.discoverer() else {
        return said;
    };
    let json = [("content-type", "application/json")];
    world.http.answer(500, &[], "no");
    world.start(discoverer);
    let mut received = world.run_for(MINUTES);
    world.http.answer(200, &[("content-type", "text/html")], "<html>");
    received.extend(world.run_for(MINUTES));
    world.http.then_fail(HttpError::Connect {
        host: "a.example:80".to_owned(),
        cause: std::io::ErrorKind::ConnectionRefused.into(),
    });
    received.extend(world.run_for(MINUTES));
    world.http.answer(200, &json, r#"[{"targets": ["a:1"]}]"#);
    received.extend(world.run_for(MINUTES));
    for received in received {
        said.push_str(received.failure().unwrap_or_default());
        for group in received.update().into_iter().flat_map(|update| update.groups()) {
            said.push_str(group.source());
            let labels = std::iter::once(group.labels()).chain(group.targets());
            for (name, value) in labels.flat_map(|labels| labels.iter().collect::<Vec<_>>()) {
                said.push_str(&format!(" {name}={value}"));
            }
        }
    }
    said
}

/// A mechanism that comes later is asked the same, because it is in the registry.
#[test]
fn no_secret_of_any_setting_is_said_or_found() {
    for mechanism in registry().iter() {
        let (mut taken, name) = (0, mechanism.name());
        for entry in entries_with_secrets(mechanism) {
            let sink = Sink::new(Path::new("entry.yml").into());
            let document = read(&json!([entry]).to_string(), &sink).expect("YAML");
            let configs = document
                .root(&sink)
                .map(|root| read_list(mechanism, &root))
                .unwrap_or_default();
            let problems = sink.finish().problems;
            assert!(
                !problems.iter().any(|problem| problem.to_string().contains(SECRET)),
                "{name}: {problems:?}"
            );
            let redacted = document.redacted();
            assert!(!redacted.contains(SECRET), "{name}: {redacted}");
            if problems.is_empty() && entry.to_string().contains(SECRET) {
                taken += 1;
                for config in &configs {
                    let said = said(config);
                    assert!(!said.contains(SECRET), "{name}: {entry}: {said}");
                }
            }
        }
        let takes_secrets = text(&folder(mechanism).join("testdata/accepted.yml")).contains(SECRET);
        assert_eq!(taken > 0, takes_secrets, "{name} took {taken} secrets");
    }
}

#[test]
fn what_should_be_refused_is_with_its_place_and_shows_no_secret() {
    for mechanism in registry().iter() {
        let document = document(mechanism, "refused.yml");
        let mut items = 0;
        while let Some((says, problems)) = refused(mechanism, &document, items) {
            let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
            assert_eq!(told.len(), 1, "{}, {says}: {told:?}", mechanism.name());
            assert!(
                told[0].contains(&says),
                "{}: {says:?} is not in {told:?}",
                mechanism.name()
            );
            assert!(!told[0].contains(SECRET), "{}: {told:?}", mechanism.name());
            assert!(problems[0].position.is_some(), "{told:?}");
            items += 1;
        }
        assert!(items > 0, "{}: nothing is refused", mechanism.name());
    }
}

#[test]
fn each_says_what_it_is_and_what_it_counts() {
    for mechanism in registry().iter() {
        let (name, summary) = (mechanism.name(), mechanism.summary());
        assert!(!summary.is_empty() && !summary.ends_with('.'), "{name}: {summary}");
        for metric in mechanism.metrics() {
            assert!(metric.help.ends_with('.'), "{}: {}", metric.name, metric.help);
            // Prometheus's, for both mechanisms that ask ZooKeeper.
            if metric.name.starts_with("prometheus_treecache_") && ["nerve", "serverset"].contains(&name) {
                continue;
            }
            let known = ["prometheus_sd_", "headcount_sd_"];
            assert!(
                known.iter().any(|start| metric.name.starts_with(start)),
                "{}",
                metric.name
            );
            assert!(metric.name.contains(name), "{}: {}", name, metric.name);
        }
    }
}

#[test]
fn each_is_tested_fuzzed_and_documented() {
    let table = text(&workspace("docs/mechanisms.md"));
    let target = text(&workspace("fuzz/fuzz_targets/mechanism/stories.rs"));
    let corpus = workspace("fuzz/corpus/mechanism");
    let corpus: Vec<String> = std::fs::read_dir(&corpus)
        .unwrap_or_else(|error| panic!("{}: {error}", corpus.display()))
        .map(|file| file.expect("a file").file_name().to_string_lossy().into_owned())
        .collect();
    for name in registry().iter().map(Entry::name) {
        assert!(
            has_tests(&workspace("adapters/backends/src").join(name)),
            "{name} has no tests"
        );
        assert!(
            table.contains(&format!("\n| `{name}` |")),
            "{name} has no row in docs/mechanisms.md"
        );
        // What stands in the configuration is all that there is to it.
        if name == "static" {
            continue;
        }
        assert!(
            target.contains(&format!("name: \"{name}\"")),
            "{name} is not in the fuzz target"
        );
        let has_corpus = corpus.iter().any(|file| file.starts_with(&format!("{name}-")));
        assert!(has_corpus, "{name} has no corpus in fuzz/corpus/mechanism");
    }
}

fn has_tests(folder: &Path) -> bool {
    std::fs::read_dir(folder).into_iter().flatten().flatten().any(|entry| {
        let path = entry.path();
        match path.extension() {
            _ if path.is_dir() => has_tests(&path),
            Some(extension) if extension == "rs" => text(&path).contains("#[test]"),
            _ => false,
        }
    })
}
