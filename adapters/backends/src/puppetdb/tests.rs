use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use headcount_core::{Update, UpdateKind};
use headcount_discoverer::env::HttpError;
use headcount_discoverer::mechanism::{Mechanism, Place};
use headcount_discoverer::testing::{Answer, Collected, Received, World};
use headcount_reader::{Cursor, Sink, read};
use serde_json::Value;

use super::*;

const MINUTE: Duration = Duration::from_secs(60);
const URL: &str = "http://puppetdb.example/pdb/query/v4";
const ASKED: &str = "http://scout:pass@puppetdb.example/pdb/query/v4";
const ENTRY: &str =
    "{url: 'http://scout:pass@puppetdb.example', query: 'nodes { }', include_parameters: true, port: 9100}";

type Labels = BTreeMap<String, String>;

fn settings(at: &Cursor<'_>) -> PuppetDbSd {
    let mut fields = at.fields().expect("a mapping");
    let settings = PuppetDbSd::read(&mut fields, &Place::new("/etc".as_ref()));
    fields.finish();
    settings.expect("no mistake")
}

fn world() -> World {
    let sink = Sink::new(std::path::Path::new("p.yml").into());
    let document = read(ENTRY, &sink).expect("YAML");
    let settings = settings(&document.root(&sink).expect("a mapping"));
    assert_eq!(sink.finish().problems, []);
    let mut world = World::new();
    world.start(Arc::new(settings).discoverer());
    world
}

fn answer(world: &World, body: &str) {
    let answer = Answer::new(200).header("content-type", "application/json;charset=utf-8");
    world.http.at(ASKED).now(answer.body(body));
}

fn resource(certname: &str) -> String {
    format!(
        r#"{{"certname": "{certname}", "type": "Class", "title": "A", "tags": ["a", "b"], "parameters": {{"x": 1}}}}"#
    )
}

fn resources(certnames: &[&str]) -> String {
    let resources: Vec<String> = certnames.iter().map(|name| resource(name)).collect();
    format!("[{}]", resources.join(","))
}

fn targets(collected: &Collected) -> BTreeSet<Labels> {
    let sources = collected.sources().into_iter();
    let groups = sources.map(|source| collected.group(source).expect("it is listed"));
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    groups
        .flat_map(|group| {
            group
                .targets()
                .map(|target| target.iter().map(owned).collect())
                .collect::<Vec<_>>()
        })
        .collect()
}

fn skipped(world: &World) -> f64 {
    let families = world.metrics.read();
    let family = families.iter().find(|(definition, _)| *definition == SKIPPED);
    family.map_or(-1.0, |(_, samples)| samples[0].value)
}

fn only_failure(received: &[Received]) -> &str {
    assert_eq!(received.len(), 1, "{received:?}");
    received[0].failure().expect("a failure")
}

#[test]
fn asks_as_prometheus_does() {
    let mut world = world();
    answer(&world, &resources(&["a.example"]));
    let mut collected = Collected::default();
    collected.receive(&world.settle());
    let requests = world.http.take_requests();
    let request = &requests[0];
    assert_eq!(request.request.method, "POST");
    assert_eq!(request.request.url, "http://scout:pass@puppetdb.example/pdb/query/v4");
    assert_eq!(request.request.body, br#"{"query":"nodes { }"}"#);
    assert_eq!(request.header("accept"), Some("application/json"));
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(request.request.limits.total, Some(MINUTE));
    assert_eq!(collected.sources(), [format!("{URL}?query=nodes {{ }}")]);
    assert_eq!(collected.addresses(), ["a.example:9100"]);
    assert_eq!(skipped(&world), 0.0);
}

/// What a real Prometheus discovered of a real PuppetDB that had these catalogs (`tests/servers/puppetdb.rs`).
#[test]
fn targets_are_those_of_prometheus() {
    let answers: BTreeMap<String, String> =
        serde_json::from_str(include_str!("testdata/golden/answers.json")).expect("JSON");
    let expected: BTreeMap<String, BTreeSet<Labels>> =
        serde_json::from_str(include_str!("testdata/golden/targets.json")).expect("JSON");
    let sink = Sink::new(std::path::Path::new("prometheus.yml").into());
    let document = read(include_str!("testdata/golden/prometheus.yml"), &sink).expect("YAML");
    let mut root = document.root(&sink).and_then(|root| root.fields()).expect("a mapping");
    let jobs = root
        .take("scrape_configs")
        .and_then(|jobs| jobs.list())
        .expect("a list");
    let mut found = BTreeMap::new();
    for job in jobs {
        let mut fields = job.fields().expect("a mapping");
        let name = fields.text("job_name").expect("a name");
        let entry = fields
            .take("puppetdb_sd_configs")
            .and_then(|at| at.list())
            .expect("a list")
            .remove(0);
        let mut world = World::new();
        let answers = answers.clone();
        world.http.serve(URL, move |request| {
            let asked: Value = serde_json::from_slice(&request.body).expect("JSON");
            let body = answers[asked["query"].as_str().expect("a query")].clone();
            Answer::new(200)
                .header("content-type", "application/json;charset=utf-8")
                .body(body)
        });
        world.start(Arc::new(settings(&entry)).discoverer());
        let mut collected = Collected::default();
        collected.receive(&world.settle());
        found.insert(name, targets(&collected));
    }
    assert_eq!(sink.finish().problems, []);
    assert_eq!(found, expected);
}

#[test]
fn what_is_missing_costs_a_label_and_what_is_nothing_is_skipped_and_counted() {
    let mut world = world();
    let odd = r#"[{"certname": "a", "type": null, "title": 7, "exported": "yes", "tags": [null, "t"], "parameters": [1]},
        {"certname": "fd00::1", "tags": "t", "file": {}, "parameters": null}, {"certname": null, "title": "x"}, {}, null, "a"]"#;
    answer(&world, odd);
    let mut collected = Collected::default();
    collected.receive(&world.settle());
    let labels = |pairs: &[(&str, &str)]| -> Labels {
        let always = [
            ("__meta_puppetdb_exported", "false"),
            ("__meta_puppetdb_query", "nodes { }"),
        ];
        let pairs = pairs.iter().chain(&always);
        pairs
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    };
    let expected = [
        labels(&[
            ("__address__", "a:9100"),
            ("__meta_puppetdb_certname", "a"),
            ("__meta_puppetdb_tags", ",t,"),
        ]),
        labels(&[
            ("__address__", "[fd00::1]:9100"),
            ("__meta_puppetdb_certname", "fd00::1"),
        ]),
    ];
    assert_eq!(targets(&collected), BTreeSet::from(expected));
    assert_eq!(skipped(&world), 4.0);
}

#[test]
fn an_answer_that_is_no_list_of_resources_is_a_failure_and_changes_nothing() {
    const JSON: &str = "application/json";
    let refused = || HttpError::Connect {
        host: "puppetdb.example:80".to_owned(),
        cause: std::io::ErrorKind::ConnectionRefused.into(),
    };
    let answers: [(Answer, &str); 11] = [
        (Answer::new(500), "status 500"),
        (Answer::new(404).header("content-type", JSON).body("[]"), "status 404"),
        (Answer::new(401), "status 401"),
        (Answer::new(429).header("retry-after", "30"), "status 429"),
        (Answer::error(refused()), "connecting to puppetdb.example:80"),
        (Answer::hangs(), "no whole answer within"),
        (Answer::new(200).body("[]"), "the answer's type is \"\""),
        (
            Answer::new(200).header("content-type", "text/html").body("[]"),
            "the answer's type is \"text/html\"",
        ),
        (
            Answer::new(200).header("content-type", JSON).body("{\"error\": \"x\"}"),
            "the answer is no list of resources",
        ),
        (
            Answer::new(200)
                .header("content-type", JSON)
                .body("[{\"certname\": \"a\""),
            "the answer is no list of resources",
        ),
        (
            Answer::new(200).header("content-type", JSON).body("[{\"count\": 5}]"),
            "none of the 1 entries of the answer has a certname",
        ),
    ];
    for (answered, expected) in answers {
        let mut world = world();
        answer(&world, &resources(&["a", "b"]));
        let mut collected = Collected::default();
        collected.receive(&world.settle());
        world.http.at(ASKED).now(answered);
        let received = world.run_until_received(MINUTE * 4);
        collected.receive(&received);
        let said = only_failure(&received);
        assert!(
            said.starts_with("querying PuppetDB http://puppetdb.example/pdb/query/v4: "),
            "{said}"
        );
        assert!(said.contains(expected), "{expected}: {said}");
        assert_eq!(collected.addresses(), ["a:9100", "b:9100"], "{expected}");
        // What was refused is not taken for known.
        answer(&world, &resources(&["a", "b", "c"]));
        collected.receive(&world.run_for(MINUTE * 4));
        assert_eq!(collected.addresses(), ["a:9100", "b:9100", "c:9100"], "{expected}");
    }
}

#[test]
fn an_answer_that_is_the_same_is_not_decoded_again() {
    let mut world = world();
    answer(&world, &resources(&["a"]));
    let received = world.run_for(MINUTE * 5);
    assert!(received.len() >= 5, "{}", received.len());
    let is_nothing = |received: &Received| received.update().is_some_and(|update| update.groups().is_empty());
    assert!(received[1..].iter().all(is_nothing));
}

/// B11: a PuppetDB that is filled anew answers the same as one without such resources.
#[test]
fn b11_that_everything_is_gone_counts_when_it_is_said_twice_also_after_a_restart() {
    let mut first = world();
    answer(&first, &resources(&["a", "b"]));
    let received = first.settle();
    let found = received.iter().filter_map(Received::update);
    let found: Vec<_> = found.flat_map(|update| update.groups().to_vec()).collect();
    answer(&first, "[]");
    let received = first.run_until_received(MINUTE * 2);
    assert!(only_failure(&received).contains("of 2 before"), "{received:?}");
    let received = first.run_until_received(MINUTE * 2);
    let mut collected = Collected::default();
    collected.receive(&received);
    assert_eq!(collected.addresses(), Vec::<&str>::new());

    let sink = Sink::new(std::path::Path::new("p.yml").into());
    let document = read(ENTRY, &sink).expect("YAML");
    let settings = settings(&document.root(&sink).expect("a mapping"));
    let mut again = World::new();
    again.start_after(found, Arc::new(settings).discoverer());
    answer(&again, "[]");
    assert!(only_failure(&again.settle()).contains("of 2 before"));
    let received = again.run_until_received(MINUTE * 2);
    assert_eq!(received[0].update().map(Update::kind), Some(UpdateKind::Full));
}
