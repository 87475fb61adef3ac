use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use headcount_core::{Instant, UpdateKind};
use headcount_discoverer::env::{Clock, Http, HttpError, HttpStream};
use headcount_discoverer::mechanism::{Mechanism, Place};
use headcount_discoverer::testing::{Collected, Received, VirtualClock, World};
use headcount_reader::{HttpClientSettings, Sink, read};

use super::*;

const INTERVAL: Duration = Duration::from_secs(30);

/// An agent that answers each path as told; what it was not told of, with status 404 and `[]`.
#[derive(Clone)]
struct VirtualAgent {
    clock: VirtualClock,
    answers: Arc<Mutex<BTreeMap<String, (u16, String)>>>,
    asked: Arc<Mutex<Vec<String>>>,
    open: Arc<Mutex<(usize, usize)>>,
}

impl VirtualAgent {
    fn new(world: &World) -> Self {
        let agent = Self {
            clock: world.clock.clone(),
            answers: Arc::default(),
            asked: Arc::default(),
            open: Arc::default(),
        };
        agent.answer("/v1/agent/self", 200, SELF);
        agent.answer("/v1/agent/services", 200, SERVICES);
        agent.answer("/v1/agent/health/service/name/web", 429, WEB);
        agent.answer("/v1/agent/health/service/name/db", 503, DB);
        agent
    }

    fn answer(&self, path: &str, status: u16, body: &str) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.insert(path.to_owned(), (status, body.to_owned()));
    }

    /// What was asked since this was last called: paths with their parameters.
    fn take_asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Http for VirtualAgent {
    fn client(&self, _: &HttpClientSettings) -> Result<Arc<dyn HttpClient>, HttpError> {
        Ok(Arc::new(self.clone()))
    }
}

impl HttpClient for VirtualAgent {
    fn open(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpStream, HttpError>> {
        Box::pin(async move {
            let path = request.url.splitn(4, '/').nth(3).map(|rest| format!("/{rest}"));
            let path = path.expect("an absolute URL");
            self.asked
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(path.clone());
            {
                let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
                open.0 += 1;
                open.1 = open.1.max(open.0);
            }
            self.clock.sleep(Duration::from_millis(2)).await;
            self.open.lock().unwrap_or_else(PoisonError::into_inner).0 -= 1;
            let without_query = path.split('?').next().unwrap_or_default();
            let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
            let (status, body) = answers.get(without_query).cloned().unwrap_or((404, "[]".to_owned()));
            let headers = Vec::new();
            let body = body.into_bytes();
            Ok(HttpResponse { status, headers, body }.into())
        })
    }
}

const SELF: &str = r#"{"Config": {"Datacenter": "dc1", "NodeName": "n1", "Server": true}, "DebugConfig": {"X": 1},
    "Member": {"Name": "n1", "Addr": "10.0.0.1", "Port": 8301},
    "Meta": {"rack-name": "r1", "consul-network-segment": "", "number": 7}}"#;
const SERVICES: &str = r#"{"web1": {"ID": "web1", "Service": "web", "Tags": ["v=1", "canary"], "Port": 80},
    "web2": {"ID": "web2", "Service": "web", "Tags": [], "Port": 81},
    "db": {"ID": "db", "Service": "db", "Port": 5432, "Datacenter": "dc2"}}"#;
const WEB: &str = r#"[{"AggregatedStatus": "warning",
    "Service": {"ID": "web1", "Service": "web", "Tags": ["v=1", "canary"], "Meta": {"a.b": "c"}, "Port": 80,
        "Address": "", "TaggedAddresses": {"lan_ipv6": {"Address": "fd00::1", "Port": 80}}, "Namespace": "team"},
    "Checks": [{"CheckID": "service:web1", "Status": "warning"}]},
    {"AggregatedStatus": "passing", "Service": {"ID": "web2", "Service": "web", "Port": 81, "Address": "10.0.0.9"},
    "Checks": []}]"#;
const DB: &str = r#"[{"AggregatedStatus": "critical", "Service": {"ID": "db", "Service": "db", "Port": 5432},
    "Checks": [{"CheckID": "c", "Status": "critical"}]}]"#;

fn settings(yaml: &str) -> ConsulAgentSd {
    let sink = Sink::new(std::path::Path::new("p.yml").into());
    let document = read(yaml, &sink).expect("YAML");
    let mut fields = document.root(&sink).and_then(|root| root.fields()).expect("a mapping");
    let settings = ConsulAgentSd::read(&mut fields, &Place::new("/etc".as_ref()));
    fields.finish();
    assert_eq!(sink.finish().problems, []);
    settings.expect("no mistake")
}

/// A world with an agent and a discoverer, and what was heard of it.
struct Story {
    world: World,
    agent: VirtualAgent,
    collected: Collected,
}

impl Story {
    fn new(yaml: &str) -> Self {
        let mut world = World::new();
        let agent = VirtualAgent::new(&world);
        let http = Arc::new(agent.clone());
        let discoverer = Arc::new(settings(yaml)).discoverer();
        world.start(Box::new(move |mut env: Env, updates| {
            env.http = http;
            discoverer.run(env, updates)
        }));
        Self {
            world,
            agent,
            collected: Collected::default(),
        }
    }

    fn run(&mut self, time: Duration) -> Vec<Received> {
        let received = self.world.run_for(time);
        self.collected.receive(&received);
        received
    }

    /// The labels of the target with this id.
    fn target(&self, source: &str, id: &str) -> BTreeMap<String, String> {
        let group = self.collected.group(source).expect("it is there");
        let mut targets = group.targets();
        let target = targets.find(|target| target.get("__meta_consulagent_service_id") == Some(id));
        let labels = group.labels().iter().chain(target.expect("it is there").iter());
        labels
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }
}

const SOON: Duration = Duration::from_millis(100);

#[test]
fn every_label_of_vmagent_and_alloy() {
    let mut story = Story::new("{}");
    let received = story.run(SOON);
    assert_eq!(received[0].update().map(Update::kind), Some(UpdateKind::Full));
    assert_eq!(
        story.collected.sources(),
        ["web"],
        "the database says that it is elsewhere"
    );
    let expected: BTreeMap<String, String> = [
        ("__address__", "10.0.0.1:80"),
        ("__meta_consulagent_address", "10.0.0.1"),
        ("__meta_consulagent_dc", "dc1"),
        ("__meta_consulagent_health", "warning"),
        ("__meta_consulagent_metadata_rack_name", "r1"),
        ("__meta_consulagent_namespace", "team"),
        ("__meta_consulagent_node", "n1"),
        ("__meta_consulagent_service", "web"),
        ("__meta_consulagent_service_id", "web1"),
        ("__meta_consulagent_service_metadata_a_b", "c"),
        ("__meta_consulagent_service_port", "80"),
        ("__meta_consulagent_tag_v", "1"),
        ("__meta_consulagent_tagged_address_lan_ipv6", "[fd00::1]:80"),
        ("__meta_consulagent_tagpresent_canary", "true"),
        ("__meta_consulagent_tagpresent_v", "true"),
        ("__meta_consulagent_tags", ",v=1,canary,"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    assert_eq!(story.target("web", "web1"), expected);
    let other = story.target("web", "web2");
    assert_eq!(other["__address__"], "10.0.0.9:81");
    assert_eq!(
        other["__meta_consulagent_health"], "passing",
        "its own, not the service's"
    );
}

#[test]
fn what_is_asked_is_what_the_settings_say() {
    let mut story = Story::new("{namespace: team a, filter: 'Port == 80', services: [WEB]}");
    story.run(SOON);
    assert_eq!(
        story.agent.take_asked(),
        [
            "/v1/agent/self",
            "/v1/agent/services?filter=Port%20%3D%3D%2080&ns=team%20a",
            "/v1/agent/health/service/name/web?ns=team%20a"
        ]
    );
    assert_eq!(story.collected.sources(), ["web"], "case does not matter");
    story.run(INTERVAL);
    assert!(story.agent.take_asked().len() >= 3, "and each interval again");
}

#[test]
fn what_the_list_leaves_out_is_left_out() {
    let mut story = Story::new("{tags: [canary]}");
    story.run(SOON);
    assert_eq!(story.collected.addresses(), ["10.0.0.1:80"], "tags are the instance's");
    // The server's filter leaves out one of two instances of a name.
    let mut story = Story::new("{filter: x}");
    story.agent.answer(
        "/v1/agent/services",
        200,
        r#"{"web2": {"ID": "web2", "Service": "web"}}"#,
    );
    story.run(SOON);
    assert_eq!(story.collected.addresses(), ["10.0.0.9:81"]);
    let mut story = Story::new("{datacenter: dc2}");
    story.run(SOON);
    assert_eq!(
        story.collected.addresses(),
        ["10.0.0.1:5432", "10.0.0.1:80", "10.0.0.9:81"]
    );
}

#[test]
fn sickness_is_an_answer_and_vanishing_too() {
    let mut story = Story::new("{datacenter: dc2}");
    story.run(SOON);
    assert_eq!(story.target("db", "db")["__meta_consulagent_health"], "critical");
    // It is gone between the list and its health.
    story.agent.answer("/v1/agent/health/service/name/db", 404, "[]");
    story.run(INTERVAL);
    assert_eq!(story.collected.sources(), ["web"]);
    story.agent.answer("/v1/agent/services", 200, "{}");
    story.run(INTERVAL);
    assert_eq!(story.collected.sources(), [""; 0]);
}

const ALL: [&str; 2] = ["10.0.0.1:80", "10.0.0.9:81"];
const HEALTH: &str = "/v1/agent/health/service/name/web";

#[test]
fn a_refresh_without_the_agent_or_its_list_changes_nothing() {
    for (path, status, body, told) in [
        (
            "/v1/agent/self",
            403,
            "Permission denied",
            "status 403: Permission denied",
        ),
        ("/v1/agent/self", 200, "[", "can't be read"),
        ("/v1/agent/services", 500, "", "status 500"),
        ("/v1/agent/services", 200, r#"{"web1": {"ID"#, "can't be read"),
    ] {
        let mut story = Story::new("{}");
        story.run(SOON);
        story.agent.answer(path, status, body);
        let received = story.run(INTERVAL);
        assert_eq!(story.collected.addresses(), ALL, "{path} {status}");
        let failure = received.last().and_then(Received::failure).expect("a failure");
        assert!(failure.contains(told) && failure.contains(path), "{failure}");
    }
}

#[test]
fn a_service_whose_health_is_no_answer_keeps_its_targets_and_the_others_go_on() {
    for (status, body, told) in [
        (429, "Your IP is issuing too many", "status 429: Your IP"),
        (503, "no backend", "status 503: no backend"),
        (404, "page not found", "status 404: page not found"),
        (200, &WEB[..100], "can't be read"),
    ] {
        let mut story = Story::new("{datacenter: dc2}");
        story.run(SOON);
        assert_eq!(story.collected.sources(), ["db", "web"]);
        story.agent.answer(HEALTH, status, body);
        story.agent.answer("/v1/agent/health/service/name/db", 200, DB);
        let received = story.run(INTERVAL);
        assert_eq!(story.collected.sources(), ["db", "web"]);
        let missing = received.last().and_then(Received::update).and_then(Update::missing);
        let missing = missing.map(ToString::to_string).unwrap_or_default();
        assert!(missing.contains("service web (") && missing.contains(told), "{missing}");
        // What is gone from the list is gone, all the same; and when nothing is to be had, that is a failure.
        story.agent.answer(
            "/v1/agent/services",
            200,
            r#"{"web1": {"ID": "web1", "Service": "web"}}"#,
        );
        let received = story.run(INTERVAL);
        let failure = received.last().and_then(Received::failure).expect("a failure");
        assert!(failure.contains(told), "{failure}");
        story.agent.answer(HEALTH, 200, WEB);
        story.run(INTERVAL * 2);
        assert_eq!(story.collected.addresses(), ["10.0.0.1:80"], "{status}");
    }
}

#[test]
fn what_is_gone_is_gone_even_if_something_is_missing() {
    let mut story = Story::new("{datacenter: dc2}");
    story.agent.answer(
        "/v1/agent/health/service/name/cache",
        200,
        r#"[{"Service": {"ID": "cache", "Port": 1}}]"#,
    );
    let with = |services: &str| format!("{{{services}}}");
    let (web, db) = (
        r#""web1": {"ID": "web1", "Service": "web"}"#,
        r#""db": {"ID": "db", "Service": "db"}"#,
    );
    let cache = r#""cache": {"ID": "cache", "Service": "cache"}"#;
    story
        .agent
        .answer("/v1/agent/services", 200, &with(&[web, db, cache].join(",")));
    story.run(SOON);
    assert_eq!(story.collected.sources(), ["cache", "db", "web"]);
    story.agent.answer(HEALTH, 500, "");
    story
        .agent
        .answer("/v1/agent/services", 200, &with(&[web, cache].join(",")));
    story.run(INTERVAL);
    assert_eq!(story.collected.sources(), ["cache", "web"]);
}

#[test]
fn many_services_are_asked_for_a_few_at_a_time() {
    let mut story = Story::new("{}");
    let services: Vec<String> = (0..100)
        .map(|number| {
            let path = format!("/v1/agent/health/service/name/s{number}");
            let service = format!(r#"{{"ID": "s{number}", "Service": "s{number}", "Port": {number}}}"#);
            story
                .agent
                .answer(&path, 200, &format!(r#"[{{"Service": {service}}}]"#));
            format!(r#""s{number}": {service}"#)
        })
        .collect();
    story
        .agent
        .answer("/v1/agent/services", 200, &format!("{{{}}}", services.join(",")));
    story.run(SOON);
    assert_eq!(story.collected.sources().len(), 100);
    assert_eq!(
        story.agent.open.lock().unwrap_or_else(PoisonError::into_inner).1,
        MOST_FETCHES
    );
    assert!(story.world.clock.time() < Instant::ZERO + INTERVAL);
}

#[test]
fn tls_settings_alone_mean_https_and_a_bearer_token_excludes_consul_s_own() {
    let described = |yaml: &str| settings(yaml).describe();
    assert_eq!(described("{}"), "http://localhost:8500");
    assert_eq!(
        described("{tls_config: {insecure_skip_verify: true}}"),
        "https://localhost:8500"
    );
    assert_eq!(described("{tls_config: {}, scheme: http}"), "http://localhost:8500");
    let shown = format!("{:?}", settings("{token: hunter2, username: u, password: hunter2}"));
    assert!(!shown.contains("hunter2"), "{shown}");
}
