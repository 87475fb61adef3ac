//! `consulagent_sd_configs`: the services that are registered with one Consul agent. Not Prometheus's, but vmagent's
//! and Alloy's: for clusters in which the catalog is too large to ask for, with an agent on each host.
//!
//! **What is asked**, each `refresh_interval`: the agent (`/v1/agent/self`), for its address, name, datacenter and
//! metadata; its services (`/v1/agent/services`, with `ns` and `filter`); and for the name of each service that is
//! wanted the health of its instances (`/v1/agent/health/service/name/NAME`), [`MOST_FETCHES`] at a time. An agent
//! answers none of these with an index, so there is nothing to wait for.
//!
//! **A sick service is an answer.** The status of a health answer is the health: 200, 429 for warning, 503 for
//! critical, all with the whole list, and 404 with an empty one. vmagent takes 200 only, so that an instance which
//! turns sick keeps its last labels there. Here each of them is taken if its body is such a list; a 429 that is not
//! comes from a limit, and is a failure.
//!
//! Where vmagent and Alloy differ: `health` is each instance's own (vmagent), as are the tags that `tags` (Alloy)
//! demands; a `filter` holds for instances, not for all that share a name with one that passes; an instance in
//! another `datacenter` than the one of the settings is left out (vmagent), but only if it says so, which older
//! agents don't; IPv6 addresses have brackets in `tagged_address` labels, too (Alloy); `tag_*` labels are vmagent's.
//!
//! **A service whose health can't be had keeps its targets**, and is named as missing. A refresh that can't have the
//! agent, or its list, changes nothing.

mod answer;
mod settings;
mod targets;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use headcount_core::{Encoder, Missing, MissingPart, Update};
use headcount_discoverer::env::{HttpClient, HttpLimits, HttpRequest, HttpResponse};
use headcount_discoverer::metrics::{Definition, Kind, QUANTILES};
use headcount_discoverer::refresh::{self, Refresh, RefreshError, Refreshed};
use headcount_discoverer::{BoxFuture, Discoverer, Env, Updates, in_parallel};

use crate::consul_api::{Query, Rejected, doubtful, or_variable, path_segment};
use answer::{Agent, Instance, Service};

pub use settings::ConsulAgentSd;

/// Services whose health is asked for at the same time.
pub const MOST_FETCHES: usize = 8;

/// How long an answer may take: it comes from the agent's own memory.
const ANSWER: Duration = Duration::from_secs(10);

/// The numbers of its own.
const METRICS: &[Definition] = &[FAILURES, CALLS, SKIPPED];

const FAILURES: Definition = Definition {
    name: "prometheus_sd_consulagent_rpc_failures_total",
    help: "The number of Consul Agent RPC call failures.",
    kind: Kind::Counter,
};
const CALLS: Definition = Definition {
    name: "prometheus_sd_consulagent_rpc_duration_seconds",
    help: "The duration of a Consul Agent RPC call in seconds.",
    kind: QUANTILES,
};
const SKIPPED: Definition = Definition {
    name: "headcount_sd_consulagent_skipped_instances_total",
    help: "Instances that were found without any address, and so are no targets.",
    kind: Kind::Counter,
};

struct AgentDiscoverer {
    settings: Arc<ConsulAgentSd>,
}

impl Discoverer for AgentDiscoverer {
    fn run(self: Box<Self>, env: Env, updates: Updates) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            for definition in [FAILURES, SKIPPED] {
                env.metrics.add(definition, &[], 0.0);
            }
            let interval = self.settings.refresh_interval;
            let registered = Registered {
                settings: self.settings,
                client: None,
                encoder: Encoder::new(),
                known: BTreeSet::new(),
            };
            refresh::run(interval, registered, env, updates).await;
        })
    }
}

/// What is registered with one agent.
struct Registered {
    settings: Arc<ConsulAgentSd>,
    client: Option<Arc<dyn HttpClient>>,
    encoder: Encoder,
    /// The services whose groups were reported.
    known: BTreeSet<String>,
}

/// What was found of a service.
type Found = Result<Vec<Instance>, Rejected>;

impl Refresh for Registered {
    async fn refresh(&mut self, env: &Env) -> Result<Refreshed, RefreshError> {
        let client = match &self.client {
            Some(client) => client.clone(),
            None => {
                let made = self.settings.server.client(env);
                let made = made.map_err(|error| RefreshError::at_interval(error.to_string()))?;
                self.client.insert(made).clone()
            }
        };
        let questions = Questions {
            settings: &self.settings,
            env,
            client,
        };
        let (agent, services) = questions.ask().await?;
        self.report(env, &agent, services)
    }
}

impl Registered {
    /// All groups, or those that could be had and what is missing.
    fn report(
        &mut self,
        env: &Env,
        agent: &Agent,
        services: BTreeMap<String, Found>,
    ) -> Result<Refreshed, RefreshError> {
        let gone: BTreeSet<String> = self
            .known
            .iter()
            .filter(|name| !services.contains_key(*name))
            .cloned()
            .collect();
        let mut missing = Vec::new();
        let (mut first, mut kept) = (None, 0);
        let mut batch = self.encoder.batch();
        for (name, found) in services {
            let rejected = match found {
                Ok(instances) => match targets::add_group(&mut batch, &self.settings, agent, &name, &instances) {
                    Ok(without_address) => {
                        env.metrics.add(SKIPPED, &[], without_address as f64);
                        self.known.insert(name);
                        continue;
                    }
                    Err(error) => Rejected::Question(error.to_string()),
                },
                Err(rejected) => rejected,
            };
            kept += usize::from(self.known.contains(&name));
            missing.push(MissingPart::new(format!("service {name}"), rejected.reason()));
            first.get_or_insert_with(|| failure(&format!("service {name}"), rejected));
        }
        if let Some(error) = first.filter(|_| batch.is_empty()) {
            return Err(error);
        }
        let Some(missing) = Missing::of(missing) else {
            self.known.retain(|name| !gone.contains(name));
            return Ok(Refreshed::Update(Update::full(batch.finish())));
        };
        for name in gone {
            // A group without targets: its source is gone.
            if batch.begin(&name).and_then(|()| batch.end()).is_ok() {
                self.known.remove(&name);
            }
        }
        Ok(Refreshed::Update(
            Update::partial(batch.finish(), missing).keeping(kept),
        ))
    }
}

/// The questions of one refresh.
struct Questions<'a> {
    settings: &'a ConsulAgentSd,
    env: &'a Env,
    client: Arc<dyn HttpClient>,
}

impl Questions<'_> {
    /// The agent, and the instances that are wanted, by the names of their services.
    async fn ask(&self) -> Result<(Agent, BTreeMap<String, Found>), RefreshError> {
        let path = "/v1/agent/self";
        let body = self.one(path, &Query::default(), "self").await?.body;
        let agent = answer::agent(&body).map_err(|error| self.failed(path, unreadable(&error)))?;
        let namespace = or_variable(&self.settings.namespace, self.env, "CONSUL_NAMESPACE");
        let scope = Query::default().with("ns", &namespace);
        let wanted = self.wanted(&agent, &namespace).await?;
        let mut names: BTreeMap<String, usize> = BTreeMap::new();
        for service in wanted.values() {
            let count = names.entry(service.service.clone()).or_default();
            *count = count.saturating_add(1);
        }
        let (scope, wanted) = (&scope, &wanted);
        let asked = names.into_iter().map(|(name, count)| async move {
            let mut found = self.health(&name, scope).await;
            if let Ok(instances) = &mut found {
                // What the list left out is left out here as well: it was the list that was filtered.
                instances.retain(|instance| wanted.contains_key(&instance.service.id));
                // Of whom nothing is said, or not who it is, nothing is known.
                let unknown = count.saturating_sub(instances.len());
                self.env.metrics.add(SKIPPED, &[], unknown as f64);
            }
            (name, found)
        });
        let found = in_parallel(MOST_FETCHES, asked).await;
        Ok((agent, found.into_iter().collect()))
    }

    /// The instances to discover, by their ids.
    async fn wanted(&self, agent: &Agent, namespace: &str) -> Result<BTreeMap<String, Service>, RefreshError> {
        let path = "/v1/agent/services";
        let filtered = Query::default()
            .with("filter", &self.settings.filter)
            .with("ns", namespace);
        let answer = self.one(path, &filtered, "services").await?;
        let services = answer::services(&answer.body).map_err(|error| self.failed(path, unreadable(&error)))?;
        if let Some(rejected) = doubtful(&answer).filter(|_| services.is_empty()) {
            return Err(self.failed(path, rejected));
        }
        let is_wanted = |(_, service): &(String, Service)| self.wants(agent, service);
        Ok(services.into_iter().filter(is_wanted).collect())
    }

    /// Whether an instance is one to discover.
    fn wants(&self, agent: &Agent, service: &Service) -> bool {
        let wanted = match self.settings.datacenter.as_str() {
            "" => agent.config.datacenter.as_str(),
            datacenter => datacenter,
        };
        let is_elsewhere = !service.datacenter.is_empty() && !wanted.is_empty() && service.datacenter != wanted;
        let has_tags = self.settings.tags.iter().all(|tag| service.tags.contains(tag));
        !is_elsewhere && has_tags && self.settings.wants(&service.service)
    }

    /// The instances of a service with their health.
    async fn health(&self, name: &str, scope: &Query) -> Found {
        let path = format!("/v1/agent/health/service/name/{}", path_segment(name));
        let answer = self.send(&path, scope, "service").await;
        let found = answer.and_then(|answer| health(&answer).unwrap_or_else(|| Err(self.by_status(&answer))));
        if found.is_err() {
            self.count_failure();
        }
        found
    }

    /// An answer of status 200.
    async fn one(&self, path: &str, query: &Query, call: &'static str) -> Result<HttpResponse, RefreshError> {
        match self.send(path, query, call).await {
            Ok(answer) if answer.status == 200 => Ok(answer),
            Ok(answer) => Err(self.failed(path, self.by_status(&answer))),
            Err(rejected) => Err(self.failed(path, rejected)),
        }
    }

    fn by_status(&self, answer: &HttpResponse) -> Rejected {
        Rejected::by_status(answer, self.env.clock.unix_time())
    }

    /// An answer of whatever status.
    async fn send(&self, path: &str, query: &Query, call: &'static str) -> Result<HttpResponse, Rejected> {
        let started = self.env.clock.now();
        let result = self.client.send(self.request(path, query)).await;
        let now = self.env.clock.now();
        let labels = [("endpoint", "agent"), ("call", call)];
        self.env
            .metrics
            .observe(CALLS, &labels, now, now.saturating_duration_since(started));
        result.map_err(|error| Rejected::by_error(&error))
    }

    fn request(&self, path: &str, query: &Query) -> HttpRequest {
        self.settings.server.get(path, query).limits(HttpLimits {
            body: self.env.limits.body,
            ..HttpLimits::whole(ANSWER)
        })
    }

    fn failed(&self, path: &str, rejected: Rejected) -> RefreshError {
        self.count_failure();
        failure(path, rejected)
    }

    fn count_failure(&self) {
        self.env.metrics.add(FAILURES, &[], 1.0);
    }
}

fn failure(what: &str, rejected: Rejected) -> RefreshError {
    let message = format!("asking the Consul agent for {what}: {}", rejected.reason());
    match rejected {
        Rejected::Server(Some(after), _) | Rejected::TooMany(Some(after), _) => {
            RefreshError::soon(message).after(after)
        }
        Rejected::Server(None, _) | Rejected::TooMany(None, _) => RefreshError::soon(message),
        Rejected::Question(_) => RefreshError::at_interval(message),
    }
}

/// The list of a health answer, whatever its status says of the health; nothing if it is none.
fn health(answer: &HttpResponse) -> Option<Found> {
    match (answer.status, answer::instances(&answer.body)) {
        (200 | 429 | 503, Ok(instances)) => Some(Ok(instances)),
        (404, Ok(instances)) if instances.is_empty() => Some(Ok(instances)),
        (200, Err(error)) => Some(Err(unreadable(&error))),
        _ => None,
    }
}

fn unreadable(error: &serde_json::Error) -> Rejected {
    Rejected::Question(format!("the answer can't be read: {error}"))
}

#[cfg(test)]
mod tests;
