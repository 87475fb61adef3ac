//! An OpenStack cloud in a virtual world, and what is found of it.

mod accounts;
mod faults;
mod labels;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use headcount_discoverer::env::HttpRequest;
use headcount_discoverer::mechanism::{Mechanism, Place};
use headcount_discoverer::testing::{Answer, Collected, Received, World};
use headcount_reader::{Cursor, Sink, read};
use serde_json::{Value, json};

use super::*;

const MINUTE: Duration = Duration::from_secs(60);
const FLOATING: &str = "GET http://neutron.example/v2.0/floatingips";
const PORTS: &str = "GET http://neutron.example/v2.0/ports";
const SERVERS: &str = "GET http://nova.example/v2.1/servers/detail";
const HYPERVISORS: &str = "GET http://nova.example/v2.1/os-hypervisors/detail";
const BALANCERS: &str = "GET http://neutron.example/load-balancer/v2.0/lbaas/loadbalancers";
const LISTENERS: &str = "GET http://neutron.example/load-balancer/v2.0/lbaas/listeners";
const LOGIN: &str = "POST http://keystone.example/v3/auth/tokens";
/// What all entries of these tests have.
const ACCOUNT: &str = "region: RegionOne, identity_endpoint: 'http://keystone.example/v3', username: admin, \
                       password: hunter2, domain_id: default, project_name: admin";

type Labels = BTreeMap<String, String>;

/// A cloud that answers what a real keystone and nova did, unless it is told otherwise. Cloning shares it.
#[derive(Clone)]
struct Cloud(Arc<Mutex<State>>);

struct State {
    answers: BTreeMap<String, Answer>,
    /// The only token that is good.
    token: String,
    /// What it was asked to log in with.
    logins: Vec<Value>,
    asked: Vec<String>,
}

impl Cloud {
    fn new(world: &World) -> Self {
        let recorded: BTreeMap<String, Value> =
            serde_json::from_str(include_str!("../testdata/golden/answers.json")).expect("JSON");
        let mut answers = BTreeMap::new();
        for (request, recorded) in recorded {
            let status = recorded["status"]
                .as_u64()
                .and_then(|status| u16::try_from(status).ok());
            let answer = Answer::new(status.expect("a status")).body(recorded["body"].to_string());
            // Whoever asks for his own servers gets the same.
            answers.insert(request.replace("?all_tenants=true", ""), answer.clone());
            answers.insert(request, answer);
        }
        let state = State {
            answers,
            token: "token-1".to_owned(),
            logins: Vec::new(),
            asked: Vec::new(),
        };
        let cloud = Self(Arc::new(Mutex::new(state)));
        for server in ["keystone", "nova", "neutron"] {
            let cloud = cloud.clone();
            world.http.serve(&format!("http://{server}.example/"), move |request| {
                cloud.answer(request)
            });
        }
        cloud
    }

    fn answer(&self, request: &HttpRequest) -> Answer {
        self.with(|state| {
            let url = &request.url;
            state.asked.push(format!("{} {url}", request.method));
            let header = request.headers.iter().find(|(name, _)| name == "X-Auth-Token");
            let is_login = request.method == "POST";
            if is_login {
                state.logins.push(serde_json::from_slice(&request.body).expect("JSON"));
            } else if !url.starts_with("http://keystone.example/")
                && header.map(|(_, token)| token) != Some(&state.token)
            {
                return Answer::new(401);
            }
            let whole = state.answers.get(&format!("{} {url}", request.method));
            let path = url.split('?').next().unwrap_or_default();
            let found = whole.or_else(|| state.answers.get(&format!("{} {path}", request.method)));
            let found = found.cloned().unwrap_or_else(|| Answer::new(404));
            if is_login {
                found.header("x-subject-token", &state.token)
            } else {
                found
            }
        })
    }

    /// From now on a request is answered like this.
    fn set(&self, request: &str, answer: Answer) {
        self.with(|state| drop(state.answers.insert(request.to_owned(), answer)));
    }

    /// All pages of a list are these objects.
    fn set_list(&self, request: &str, list: &str, objects: Value) {
        self.with(|state| state.answers.retain(|known, _| !known.starts_with(request)));
        self.set(request, Answer::json(json!({ list: objects }).to_string()));
    }

    /// Logins are answered with a catalogue of these services of a region, and until when the token is good.
    fn set_catalog(&self, region: &str, services: &[(&str, &str)], expires: &str) {
        let services = services.iter().map(|(kind, url)| {
            json!({"type": kind, "endpoints": [
                {"interface": "public", "region": region, "region_id": region, "url": url},
            ]})
        });
        let services: Vec<Value> = services.collect();
        let token = json!({"token": {"expires_at": expires, "catalog": services}});
        self.set(LOGIN, Answer::new(201).body(token.to_string()));
    }

    /// No token is good any more but the one that comes with the next login.
    fn withdraw(&self, next: &str) {
        self.with(|state| next.clone_into(&mut state.token));
    }

    fn take_logins(&self) -> Vec<Value> {
        self.with(|state| std::mem::take(&mut state.logins))
    }

    fn take_asked(&self) -> Vec<String> {
        self.with(|state| std::mem::take(&mut state.asked))
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn settings(at: &Cursor<'_>) -> OpenStackSd {
    let mut fields = at.fields().expect("a mapping");
    let settings = OpenStackSd::read(&mut fields, &Place::new("/etc".as_ref()));
    fields.finish();
    settings.expect("no mistake")
}

fn start(world: &mut World, entry: &str) {
    let sink = Sink::new(std::path::Path::new("p.yml").into());
    let document = read(&format!("{{{entry}}}"), &sink).expect("YAML");
    let settings = settings(&document.root(&sink).expect("a mapping"));
    assert_eq!(sink.finish().problems, []);
    world.start(Arc::new(settings).discoverer());
}

/// A world with a cloud, and a discoverer of this role.
fn world(role: &str) -> (World, Cloud) {
    let mut world = World::new();
    let cloud = Cloud::new(&world);
    start(&mut world, &format!("role: {role}, {ACCOUNT}"));
    (world, cloud)
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

fn labels(pairs: &[(&str, &str)]) -> Labels {
    let pairs = pairs.iter();
    pairs
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
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
