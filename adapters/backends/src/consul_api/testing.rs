//! A Consul server in virtual time: a catalog with its indices, answers that are held back, and what goes wrong.
//!
//! It keeps to what the documentation and a real Consul 1.8 do: an index for each kind of thing and each service, a
//! filter that nothing passes empties an answer and leaves its index, a wait that is a sixteenth longer than asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use futures_lite::FutureExt;
use headcount_core::Instant;
use headcount_discoverer::env::{Awaited, Clock, Http, HttpClient, HttpError, HttpRequest, HttpResponse, HttpStream};
use headcount_discoverer::testing::{VirtualClock, World};
use headcount_discoverer::{BoxFuture, Discoverer};
use headcount_reader::HttpClientSettings;
use serde_json::{Value, json};

/// How long an answer takes.
pub(crate) const LATENCY: Duration = Duration::from_millis(3);

/// A server; cloning shares it.
#[derive(Clone)]
pub(crate) struct VirtualConsul {
    clock: VirtualClock,
    state: Arc<Mutex<State>>,
}

/// An instance of a service.
#[derive(Debug, Clone, Default)]
pub(crate) struct Instance {
    pub(crate) node: &'static str,
    pub(crate) node_address: &'static str,
    pub(crate) datacenter: &'static str,
    pub(crate) id: &'static str,
    pub(crate) address: &'static str,
    pub(crate) port: u16,
    pub(crate) tags: &'static [&'static str],
    pub(crate) meta: &'static [(&'static str, &'static str)],
    pub(crate) status: &'static str,
}

/// An instance on a node, passing.
pub(crate) fn on(node: &'static str, node_address: &'static str, port: u16) -> Instance {
    Instance {
        node,
        node_address,
        datacenter: "dc1",
        id: "i",
        port,
        status: "passing",
        ..Instance::default()
    }
}

/// What goes wrong.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// Another status, with this body.
    Status(u16, &'static str),
    /// Another status, with this `Retry-After`.
    Later(u16, String),
    /// No answer, ever.
    Hang,
    /// Nobody listens.
    Refuse,
    /// The answer ends in its middle, and is well-formed HTTP all the same.
    Half,
    /// An answer of nothing, with this header.
    Empty(&'static str, &'static str),
}

#[derive(Default)]
struct State {
    index: u64,
    list_index: u64,
    checks_index: u64,
    nodes_index: u64,
    services: BTreeMap<String, (u64, Vec<Instance>)>,
    /// Which part of a URL meets which fault.
    faults: Vec<(String, Fault)>,
    connection_limit: Option<usize>,
    is_imitation: bool,
    open: usize,
    peak: usize,
    /// How often it was started.
    life: u64,
    requests: Vec<(Instant, HttpRequest)>,
    settings: Vec<HttpClientSettings>,
    wakers: Vec<Waker>,
}

impl VirtualConsul {
    /// A server without services.
    pub(crate) fn new(world: &World) -> Self {
        let state = State {
            index: 10,
            list_index: 10,
            checks_index: 10,
            nodes_index: 10,
            ..State::default()
        };
        Self {
            clock: world.clock.clone(),
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// Starts a discoverer that reaches this server and no other.
    pub(crate) fn start(&self, world: &mut World, discoverer: Box<dyn Discoverer>) {
        let http = Arc::new(self.clone());
        world.start(Box::new(move |mut env: headcount_discoverer::Env, updates| {
            env.http = http;
            discoverer.run(env, updates)
        }));
    }

    /// A service has these instances from now on; without any it is gone.
    pub(crate) fn set(&self, name: &str, instances: &[Instance]) {
        self.with(|state| {
            state.index += 1;
            (state.list_index, state.checks_index) = (state.index, state.index);
            match instances {
                [] => drop(state.services.remove(name)),
                some => drop(state.services.insert(name.to_owned(), (state.index, some.to_vec()))),
            }
        });
    }

    /// The checks of a service have another status.
    pub(crate) fn set_status(&self, name: &str, status: &'static str) {
        self.with(|state| {
            state.index += 1;
            state.checks_index = state.index;
            if let Some((index, instances)) = state.services.get_mut(name) {
                *index = state.index;
                instances.iter_mut().for_each(|instance| instance.status = status);
            }
        });
    }

    /// A node has another address.
    pub(crate) fn move_node(&self, node: &str, address: &'static str) {
        self.with(|state| {
            state.index += 1;
            state.nodes_index = state.index;
            for (index, instances) in state.services.values_mut() {
                for instance in instances.iter_mut().filter(|instance| instance.node == node) {
                    instance.node_address = address;
                    *index = state.index;
                }
            }
        });
    }

    /// Something happens that changes nothing which anybody asks for.
    pub(crate) fn touch(&self, name: &str) {
        self.with(|state| {
            state.index += 1;
            state.list_index = state.index;
            if let Some((index, _)) = state.services.get_mut(name) {
                *index = state.index;
            }
        });
    }

    /// It is started anew: connections break, and its index counts from `index`.
    pub(crate) fn restart(&self, index: u64) {
        self.with(|state| {
            state.life += 1;
            state.index = index;
            (state.list_index, state.checks_index, state.nodes_index) = (index, index, index);
            for (service, _) in state.services.values_mut() {
                *service = index;
            }
        });
    }

    /// Its state is that of an earlier index, without connections breaking, as when a snapshot is restored.
    pub(crate) fn go_back(&self, index: u64) {
        self.restart(index);
        self.with(|state| state.life -= 1);
    }

    /// Requests whose URL has this text in it meet this fault.
    pub(crate) fn fail(&self, part: &str, fault: Fault) {
        self.with(|state| state.faults.push((part.to_owned(), fault)));
    }

    /// All faults end.
    pub(crate) fn mend(&self) {
        self.with(|state| state.faults.clear());
    }

    /// It is no Consul but something that answers like one, without what only Consul itself knows.
    pub(crate) fn imitate(&self) {
        self.with(|state| state.is_imitation = true);
    }

    /// No more than so many requests at the same time; further ones get status 429.
    pub(crate) fn limit_connections(&self, limit: Option<usize>) {
        self.with(|state| state.connection_limit = limit);
    }

    /// How many requests are open, and how many were at the same time.
    pub(crate) fn connections(&self) -> (usize, usize) {
        self.with(|state| (state.open, state.peak))
    }

    /// The requests since this was last called: when, and the path with its parameters.
    pub(crate) fn take_requests(&self) -> Vec<(Instant, String)> {
        let requests = self.with(|state| std::mem::take(&mut state.requests));
        let without_server = |url: &str| url.splitn(4, '/').nth(3).map(|rest| format!("/{rest}"));
        let requests = requests.into_iter();
        requests
            .map(|(at, request)| (at, without_server(&request.url).unwrap_or(request.url)))
            .collect()
    }

    /// The settings of the clients that were made.
    pub(crate) fn settings(&self) -> Vec<HttpClientSettings> {
        self.with(|state| state.settings.clone())
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let result = act(&mut state);
        state.wakers.drain(..).for_each(Waker::wake);
        result
    }

    async fn answer(&self, url: &str, life: u64) -> Result<HttpResponse, HttpError> {
        self.clock.sleep(LATENCY).await;
        let faults = self.with(|state| state.faults.clone());
        let met = faults.into_iter().find(|(part, _)| url.contains(part));
        match met.map(|(_, fault)| fault) {
            Some(Fault::Status(status, body)) => return Ok(response(status, &[], body)),
            Some(Fault::Later(status, after)) => return Ok(response(status, &[("retry-after", &after)], "")),
            Some(Fault::Hang) => std::future::pending().await,
            Some(Fault::Refuse) => {
                return Err(HttpError::Connect {
                    host: "consul:8500".to_owned(),
                    cause: io::Error::from(io::ErrorKind::ConnectionRefused).into(),
                });
            }
            Some(Fault::Half) => {
                let mut answer = self.hold(url, life).await?;
                answer.body.truncate(answer.body.len() / 2);
                return Ok(answer);
            }
            Some(Fault::Empty(name, value)) => {
                let body = if url.contains("/services") { "{}" } else { "[]" };
                return Ok(response(200, &[("x-consul-index", "9"), (name, value)], body));
            }
            None => {}
        }
        self.hold(url, life).await
    }

    /// The answer, once there is something newer than the index that was asked for.
    async fn hold(&self, url: &str, life: u64) -> Result<HttpResponse, HttpError> {
        let parameter = |name: &str| {
            let query = url.split_once('?').map_or("", |(_, query)| query);
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
        };
        let known: Option<u64> = parameter("index").and_then(|index| index.parse().ok());
        let wait = parameter("wait").and_then(|wait| wait.strip_suffix("ms")?.parse().ok());
        let wait = Duration::from_millis(wait.unwrap_or(300_000));
        let changed = std::future::poll_fn(|context| {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            if state.life != life || known.is_none_or(|known| state.serve(url).0 > known) {
                return Poll::Ready(());
            }
            state.wakers.push(context.waker().clone());
            Poll::Pending
        });
        changed.or(self.clock.sleep(wait + wait / 16)).await;
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.life != life {
            return Err(HttpError::Protocol {
                host: "consul:8500".to_owned(),
                cause: io::Error::from(io::ErrorKind::ConnectionReset).into(),
            });
        }
        let (index, body) = state.serve(url);
        let index = index.to_string();
        let headers = [("x-consul-index", index.as_str()), ("x-consul-knownleader", "true")];
        let told = if state.is_imitation { &headers[..1] } else { &headers };
        Ok(response(200, told, &body.to_string()))
    }
}

impl State {
    /// The index and the body of what a URL asks for.
    fn serve(&self, url: &str) -> (u64, Value) {
        let path = url.split('?').next().unwrap_or_default();
        let path = path.splitn(4, '/').nth(3).unwrap_or_default();
        // Whoever filters here wants nothing but the index.
        let is_filtered = url.contains("filter=");
        match path {
            "v1/catalog/services" => {
                let services = self.services.iter().map(|(name, (_, instances))| {
                    let tags: BTreeSet<&str> = instances.iter().flat_map(|instance| instance.tags).copied().collect();
                    (name.clone(), json!(tags))
                });
                (self.list_index, Value::Object(services.collect()))
            }
            "v1/health/state/any" if is_filtered => (self.checks_index, json!([])),
            "v1/catalog/nodes" if is_filtered => (self.nodes_index, json!([])),
            "v1/agent/self" => (0, json!({"Config": {"Datacenter": "dc-agent", "NodeName": "n1"}})),
            _ => match path.strip_prefix("v1/health/service/") {
                Some(name) => {
                    let (index, instances) = self
                        .services
                        .get(name)
                        .cloned()
                        .unwrap_or((self.list_index, Vec::new()));
                    let wanted: Vec<&str> = url
                        .split(['?', '&'])
                        .filter_map(|part| part.strip_prefix("tag="))
                        .collect();
                    let has_tags = |instance: &&Instance| wanted.iter().all(|tag| instance.tags.contains(tag));
                    let entries: Vec<Value> = instances.iter().filter(has_tags).map(Instance::as_json).collect();
                    (index, json!(entries))
                }
                None => panic!("Consul has no {url}"),
            },
        }
    }
}

impl Instance {
    fn as_json(&self) -> Value {
        let meta: BTreeMap<&str, &str> = self.meta.iter().copied().collect();
        let datacenter = (!self.datacenter.is_empty()).then_some(self.datacenter);
        json!({
            "Node": {"Node": self.node, "Address": self.node_address, "Datacenter": datacenter, "Meta": null},
            "Service": {"ID": self.id, "Address": self.address, "Port": self.port, "Tags": self.tags, "Meta": meta},
            "Checks": [{"CheckID": "serfHealth", "Status": "passing"}, {"CheckID": "c", "Status": self.status}],
        })
    }
}

fn response(status: u16, headers: &[(&str, &str)], body: &str) -> HttpResponse {
    let headers = headers.iter();
    HttpResponse {
        status,
        headers: headers
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        body: body.into(),
    }
}

impl Http for VirtualConsul {
    fn client(&self, settings: &HttpClientSettings) -> Result<Arc<dyn HttpClient>, HttpError> {
        self.with(|state| state.settings.push(settings.clone()));
        Ok(Arc::new(self.clone()))
    }
}

impl HttpClient for VirtualConsul {
    fn open(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpStream, HttpError>> {
        Box::pin(async move {
            let (url, limit) = (request.url.clone(), request.limits.total.unwrap_or(Duration::MAX));
            let (life, is_too_many) = self.with(|state| {
                state.requests.push((self.clock.now(), request));
                state.open += 1;
                state.peak = state.peak.max(state.open);
                (
                    state.life,
                    state.connection_limit.is_some_and(|limit| state.open > limit),
                )
            });
            let _open = Open(self);
            if is_too_many {
                return Ok(response(429, &[], "Your IP is issuing too many concurrent connections").into());
            }
            let late = async {
                self.clock.sleep(limit).await;
                Err(HttpError::Timeout {
                    host: "consul:8500".to_owned(),
                    awaited: Awaited::End,
                    limit,
                })
            };
            self.answer(&url, life).or(late).await.map(HttpStream::from)
        })
    }
}

struct Open<'a>(&'a VirtualConsul);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.with(|state| state.open -= 1);
    }
}
