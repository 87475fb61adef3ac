//! What a real Prometheus discovered of answers that are kept, and what is discovered of them here.
//!
//! A mechanism's `testdata/golden` has `answers.json` (by method and URL, and what the request's body has to have in it;
//! parameters that stand there have to be asked for, others may be; a `body` is JSON, a `text` is anything), `prometheus.yml` with the jobs, and `targets.json` with what Prometheus's promtool found for each of
//! them. The first two are written by hand after the API's documentation; `tests/golden` renews the third.

// Helpers panic as tests do: it is the report.
#![allow(clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use headcount_discoverer::env::HttpRequest;
use headcount_discoverer::mechanism::{Mechanism, Place};
use headcount_discoverer::metrics::Definition;
use headcount_discoverer::testing::{Answer, Collected, World};
use headcount_reader::{Sink, read};
use serde_json::Value;

pub(crate) type Labels = BTreeMap<String, String>;

/// The files of a mechanism's folder.
pub(crate) struct Golden {
    pub(crate) mechanism: &'static str,
    pub(crate) answers: &'static str,
    pub(crate) jobs: &'static str,
    pub(crate) targets: &'static str,
}

/// The files of the mechanism in whose tests this stands.
macro_rules! golden {
    ($mechanism:literal) => {
        $crate::golden::Golden {
            mechanism: $mechanism,
            answers: include_str!("testdata/golden/answers.json"),
            jobs: include_str!("testdata/golden/prometheus.yml"),
            targets: include_str!("testdata/golden/targets.json"),
        }
    };
}
pub(crate) use golden;

/// A kept answer.
#[derive(Clone)]
struct Kept {
    method: String,
    /// What has to stand in the request's body.
    said: String,
    /// Without parameters.
    url: String,
    parameters: BTreeSet<String>,
    answer: Answer,
}

impl Golden {
    /// What Prometheus found for each job.
    pub(crate) fn expected(&self) -> BTreeMap<String, BTreeSet<Labels>> {
        serde_json::from_str(self.targets).expect("JSON")
    }

    /// What is found here for each job.
    #[allow(dead_code, reason = "not every mechanism can do with what is served")]
    pub(crate) fn found(&self) -> BTreeMap<String, BTreeSet<Labels>> {
        self.found_where(|_| {})
    }

    /// The same in worlds that are made ready first.
    #[allow(dead_code, reason = "most mechanisms can do with what is served")]
    pub(crate) fn found_where(&self, make_ready: impl Fn(&World)) -> BTreeMap<String, BTreeSet<Labels>> {
        let sink = Sink::new(Path::new("prometheus.yml").into());
        let document = read(self.jobs, &sink).expect("YAML");
        let mut root = document.root(&sink).and_then(|root| root.fields()).expect("a mapping");
        let jobs = root
            .take("scrape_configs")
            .and_then(|jobs| jobs.list())
            .expect("a list");
        let registry = crate::registry();
        let mechanism = registry.get(self.mechanism).expect("it is built in");
        let field: &'static str = mechanism.field().to_owned().leak();
        let mut found = BTreeMap::new();
        for job in jobs {
            let mut fields = job.fields().expect("a mapping");
            let name = fields.text("job_name").expect("a name");
            let at = fields.take(field).expect("a list");
            let mut world = World::new();
            self.serve(&world);
            make_ready(&world);
            for config in mechanism.read(&at, &Place::new(Path::new("/"))) {
                world.start(config.discoverer().expect("it is supported"));
            }
            let received = world.settle();
            let failures: Vec<_> = received.iter().filter_map(|received| received.failure()).collect();
            assert_eq!(failures, Vec::<&str>::new(), "{name}");
            let mut collected = Collected::default();
            collected.receive(&received);
            found.insert(name, targets(&collected));
        }
        assert_eq!(sink.finish().problems, []);
        found
    }

    /// Lets the world's servers answer what is kept.
    pub(crate) fn serve(&self, world: &World) {
        let kept: BTreeMap<String, Value> = serde_json::from_str(self.answers).expect("JSON");
        let kept: Vec<Kept> = kept
            .into_iter()
            .map(|(request, kept)| Kept::new(&request, &kept))
            .collect();
        let kept = Arc::new(kept);
        let servers: BTreeSet<String> = kept.iter().map(|kept| server(&kept.url)).collect();
        for server in servers {
            let kept = kept.clone();
            world.http.serve(&server, move |request| answer(&kept, request));
        }
    }
}

impl Kept {
    fn new(request: &str, kept: &Value) -> Self {
        let (method, url) = request.split_once(' ').expect("a method and a URL");
        let (url, said) = url.split_once(' ').unwrap_or((url, ""));
        let (url, parameters) = split(url);
        let status = kept["status"].as_u64().unwrap_or(200);
        let text = kept["text"].as_str().map(str::to_owned);
        let mut answer = Answer::new(u16::try_from(status).expect("a status"))
            .header("content-type", "application/json")
            .body(text.unwrap_or_else(|| kept["body"].to_string()));
        for (name, value) in kept["headers"].as_object().into_iter().flatten() {
            answer = answer.header(name, value.as_str().expect("text"));
        }
        Self {
            method: method.to_owned(),
            said: said.to_owned(),
            url,
            parameters,
            answer,
        }
    }
}

/// Of the answers whose parameters are asked for, that with the most.
fn answer(kept: &[Kept], request: &HttpRequest) -> Answer {
    let (url, asked) = split(&request.url);
    let body = String::from_utf8_lossy(&request.body);
    let is_it = |kept: &&Kept| {
        let is_asked = kept.method == request.method && kept.url == url && kept.parameters.is_subset(&asked);
        is_asked && body.contains(&kept.said)
    };
    let found = kept.iter().filter(is_it).max_by_key(|kept| kept.parameters.len());
    found.map_or_else(|| Answer::new(404), |kept| kept.answer.clone())
}

fn split(url: &str) -> (String, BTreeSet<String>) {
    let (url, query) = url.split_once('?').unwrap_or((url, ""));
    let parameters = query.split('&').filter(|pair| !pair.is_empty());
    (url.to_owned(), parameters.map(str::to_owned).collect())
}

/// `https://api.example/`.
fn server(url: &str) -> String {
    url.splitn(4, '/').take(3).flat_map(|step| [step, "/"]).collect()
}

/// The targets of all groups.
pub(crate) fn targets(collected: &Collected) -> BTreeSet<Labels> {
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    let mut all = BTreeSet::new();
    for source in collected.sources() {
        let group = collected.group(source).expect("it is listed");
        for target in group.targets() {
            all.insert(group.labels().iter().chain(target.iter()).map(owned).collect());
        }
    }
    all
}

/// Starts what an entry is about.
pub(crate) fn start<M: Mechanism>(world: &mut World, entry: &str) {
    let sink = Sink::new(Path::new("p.yml").into());
    let document = read(entry, &sink).expect("YAML");
    let mut fields = document.root(&sink).and_then(|root| root.fields()).expect("a mapping");
    let settings = M::read(&mut fields, &Place::new("/etc".as_ref())).expect("no mistake");
    fields.finish();
    assert_eq!(sink.finish().problems, []);
    world.start(Arc::new(settings).discoverer());
}

/// The targets that are there now, where nothing was received before.
pub(crate) fn found(world: &mut World) -> BTreeSet<Labels> {
    let mut collected = Collected::default();
    collected.receive(&world.settle());
    targets(&collected)
}

pub(crate) fn labels(pairs: &[(&str, &str)]) -> Labels {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    pairs.iter().map(owned).collect()
}

/// What a metric without labels has come to.
pub(crate) fn counted(world: &World, wanted: Definition) -> f64 {
    let families = world.metrics.read();
    let family = families.iter().find(|(definition, _)| *definition == wanted);
    family.map_or(-1.0, |(_, samples)| samples[0].value)
}
