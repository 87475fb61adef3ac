//! The requests: what is asked for, with deadlines.

use std::time::Duration;

use headcount_discoverer::Env;
use headcount_discoverer::env::{HttpLimits, HttpRequest};

use super::plan::{Ask, What};
use super::settings::ConsulSd;
use crate::consul_api::{Query, Server, or_variable, path_segment};

/// How long Consul may hold back an answer at most; Prometheus's.
const LONGEST_WAIT: Duration = Duration::from_secs(120);
/// How long it may do so however short the interval is: an answer that says nothing new is not for free.
const SHORTEST_WAIT: Duration = Duration::from_secs(10);
/// What an answer that was held back may take beyond that.
const GRACE: Duration = Duration::from_secs(15);
/// How long an answer may take that is not held back.
const ANSWER: Duration = Duration::from_secs(60);
/// How long a connection may take: a server that is gone without a word need not be waited for as long as one that
/// holds back its answer.
const CONNECT: Duration = Duration::from_secs(15);
/// What no check and no node passes: only the answer's index is wanted.
const NOTHING: &str = "Node == \"\"";

/// Makes requests of what is asked for.
#[derive(Debug)]
pub(super) struct Requests {
    server: Server,
    wait: Duration,
    datacenter: String,
    namespace: String,
    partition: String,
    is_stale: bool,
    node_meta: Vec<String>,
    tags: Vec<String>,
    filter: String,
    health_filter: String,
    /// In bytes. A service of 50,000 instances is about 128 MiB long.
    largest_body: u64,
}

impl Requests {
    /// As the settings and the environment variables say.
    pub(super) fn new(settings: &ConsulSd, env: &Env) -> Self {
        let node_meta = settings.node_meta.iter();
        Self {
            server: settings.server.clone(),
            wait: wait(settings.refresh_interval),
            largest_body: env.limits.body,
            datacenter: settings.datacenter.clone(),
            namespace: or_variable(&settings.namespace, env, "CONSUL_NAMESPACE"),
            partition: or_variable(&settings.partition, env, "CONSUL_PARTITION"),
            is_stale: settings.allow_stale,
            node_meta: node_meta.map(|(name, value)| format!("{name}:{value}")).collect(),
            tags: settings.tags.clone(),
            filter: settings.filter.clone(),
            health_filter: settings.health_filter.clone(),
        }
    }

    /// Whether another namespace or partition than the default is asked for.
    pub(super) fn are_elsewhere(&self) -> bool {
        !self.namespace.is_empty() || !self.partition.is_empty()
    }

    /// The request for what is asked for.
    pub(super) fn of(&self, ask: &Ask) -> HttpRequest {
        let none: &[String] = &[];
        let request = match &ask.what {
            What::List => self.get("/v1/catalog/services", ask, &self.filter, &self.node_meta, none),
            What::Checks => self.get("/v1/health/state/any", ask, NOTHING, none, none),
            What::Nodes => self.get("/v1/catalog/nodes", ask, NOTHING, none, none),
            What::Service(name) => {
                let path = format!("/v1/health/service/{}", path_segment(name));
                self.get(&path, ask, &self.health_filter, &self.node_meta, &self.tags)
            }
            What::Agent => self.server.get("/v1/agent/self", &Query::default()),
        };
        // Consul adds up to a sixteenth at random.
        let held = self.wait + self.wait / 16 + GRACE;
        let total = if ask.index.is_some() { held } else { ANSWER };
        request.limits(HttpLimits {
            connect: Some(CONNECT),
            body: self.largest_body,
            ..HttpLimits::whole(total)
        })
    }

    /// The parameters are in the order in which Prometheus sends them, that of their names. It never sends `consistent`.
    fn get(&self, path: &str, ask: &Ask, filter: &str, node_meta: &[String], tags: &[String]) -> HttpRequest {
        let mut query = Query::default()
            .with_flag("consistent", ask.is_first)
            .with("dc", &self.datacenter)
            .with("filter", filter);
        if let Some(index) = ask.index {
            query = query.with("index", &index.to_string());
        }
        for pair in node_meta {
            query = query.with("node-meta", pair);
        }
        query = query
            .with("ns", &self.namespace)
            .with("partition", &self.partition)
            .with_flag("stale", self.is_stale && !ask.is_first);
        for tag in tags {
            query = query.with("tag", tag);
        }
        if ask.index.is_some() {
            query = query.with("wait", &format!("{}ms", self.wait.as_millis()));
        }
        self.server.get(path, &query)
    }
}

/// How long answers to questions of this interval are held back: four intervals, which is Prometheus's two minutes
/// where nothing is configured. A server that hangs is found out when the wait is over and no sooner, so who wants to
/// know of changes within a second does not wait for minutes to hear that there is nobody who could tell of them.
fn wait(interval: Duration) -> Duration {
    interval.saturating_mul(4).clamp(SHORTEST_WAIT, LONGEST_WAIT)
}
