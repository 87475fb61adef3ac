//! `consul_sd_configs`: the services of a Consul catalog, with their health.
//!
//! **What is asked.** The list of services (`/v1/catalog/services`), unless `services` says all there is to know; for
//! each service that is wanted its instances with their checks (`/v1/health/service/NAME`). The parameters are
//! Prometheus's: `dc`, `ns`, `partition`, `stale`, `node-meta` for both, `filter` for the list alone, `tag` and
//! `health_filter` (as `filter`) for the instances alone.
//!
//! **How changes are learned.** Consul holds back its answer until there is something newer than an index that we
//! name (a *blocking query*). Prometheus does so for each service, which takes a connection for each service, and a
//! Consul agent takes 200 from one address. Here:
//!
//! * Up to `MOST_WATCHES` (32) services are watched so, each by itself: a change is there in
//!   milliseconds, and other services' changes cost nothing.
//! * Of more services only three questions are held: the list, `/v1/health/state/any` and `/v1/catalog/nodes`. Their
//!   indices move when any instance, check or node changes, and that is all that is wanted of the last two, so a
//!   `filter` that nothing passes keeps their answers empty. When one of them moved, a *sweep* asks for each service,
//!   `MOST_FETCHES` (8) at a time. So 4,000 services take eleven connections instead of 4,000.
//!   In a catalog that is quiet a sweep costs nothing; in one that changes all the time there is one each
//!   `refresh_interval`, and Prometheus's documentation advises to raise that for large catalogs.
//! * After an answer of status 429 (too many connections or requests) half as many services are watched by
//!   themselves, for ten minutes.
//!
//! `refresh_interval` bounds how often each question is asked: twice at once after a quiet time, so that the first
//! change is told at once, and then once an interval. An answer is held back for four intervals, at least 10 s and at
//! most Prometheus's two minutes, so that a server that hangs is found out in about that time.
//!
//! **Who asks for a refresh** has every question asked anew, without waiting for a change; a server in trouble is asked
//! one.
//!
//! **What is believed.** An index that goes back, or a server that was gone, starts the question anew; whether an
//! answer is new is decided by its bytes, because after a restart an equal index can mean other data. A service
//! that fails keeps its targets and is named as missing. A list or a service that is *empty* is not believed if it may
//! be so because the server knows no leader or the token may not see what there is (the module `belief` says when that
//! is known: with `services` alone, or with a `health_filter`, a Consul before 1.11 does not let us know).
//!
//! **What is asked first, or first after a failure, is asked of a leader that has caught up** (`consistent`), whatever
//! `allow_stale` says. A server that was just started knows its leader before it has read its own log, and answers whoever
//! does not mind from what it has read so far: a part of the instances, with nothing that tells. Later questions
//! wait for something newer than an index, which such a server does not have.
//!
//! **Where Prometheus does otherwise than it says.** `__meta_consul_dc` is documented as the target's datacenter and
//! is the agent's (prometheus#5411): here it is the `datacenter` of the settings, or the node's. So the agent need
//! not be asked for it, and a token without `agent:read` is enough, with which Prometheus asks every 15 s for ever
//! (prometheus#4253). Only where nodes don't say (servers that imitate Consul) the agent is asked, and who may not
//! ask it loses that label. An instance without any address is skipped and counted.
//!
//! **That all services are gone is doubted** (B11): a Consul that has lost what it knew says so as well, until whoever
//! registers them has done it again. What was found stays for ten seconds from the first such list on.

mod answer;
mod belief;
mod calls;
mod findings;
mod flights;
mod pace;
mod plan;
mod request;
mod settings;
mod targets;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_lite::FutureExt;
use headcount_core::{Encoder, Failure, Group, Instant, Missing, MissingPart, Update};
use headcount_discoverer::env::{HttpClient, HttpResponse};
use headcount_discoverer::on_demand::{Ended, OnDemand};
use headcount_discoverer::{BoxFuture, Discoverer, Env, Fingerprint, Stopped, Updates};

use crate::consul_api::Rejected;
use answer::Instance;
use belief::Belief;
use findings::{Findings, Report};
use flights::{Flights, Landed};
use plan::{Ask, Plan, Trouble, What};
use request::Requests;

pub use settings::ConsulSd;

/// How long it is doubted that all services are gone.
const SECOND_LOOK: Duration = Duration::from_secs(10);
/// The service that is in each list.
const CONSUL: &str = "consul";

struct ConsulDiscoverer {
    settings: Arc<ConsulSd>,
}

impl Discoverer for ConsulDiscoverer {
    fn run(self: Box<Self>, env: Env, updates: Updates) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            calls::begin(&env.metrics);
            // It ends when nobody listens any more.
            if let Ok(client) = client(&self.settings, &env, &updates).await {
                Session::new(self.settings, client, env, updates).run().await.ok();
            }
        })
    }
}

/// What sends requests. Settings that can't work yet are tried again at each interval.
async fn client(settings: &ConsulSd, env: &Env, updates: &Updates) -> Result<Arc<dyn HttpClient>, Stopped> {
    let mut on_demand = OnDemand::new(env, updates);
    loop {
        match settings.server.client(env) {
            Ok(client) => return Ok(client),
            Err(error) => {
                let failure = Failure::new(format!("asking Consul: {error}"));
                on_demand.begin();
                updates.fail(failure.retry_in(settings.refresh_interval)).await?;
            }
        }
        on_demand.end(Ended::Failed).await?;
        env.clock.sleep(settings.refresh_interval).or(on_demand.wanted()).await;
    }
}

/// A discoverer that runs: carries out the plan, and reports what is found.
struct Session {
    settings: Arc<ConsulSd>,
    env: Env,
    updates: Updates,
    on_demand: OnDemand,
    client: Arc<dyn HttpClient>,
    requests: Requests,
    belief: Belief,
    plan: Plan,
    findings: Findings,
    flights: Flights<Ask>,
    agent: AgentDatacenter,
    /// Whether there were other services than Consul itself, before this discoverer began, too.
    had_some: bool,
    /// When all of them were gone.
    gone_since: Option<Instant>,
    encoder: Encoder,
    /// All groups, until they were reported as a whole.
    so_far: Option<BTreeMap<String, Group>>,
}

/// The datacenter that stands in for what nodes don't say.
enum AgentDatacenter {
    Unknown,
    Known(String),
    /// We may not ask, or the answer is of no use.
    Nothing,
}

/// What ended a wait.
enum Woken {
    /// Answers, or that there are none.
    Landed(Vec<Landed<Ask>>),
    /// It is time for something.
    InTime,
    /// Somebody asks for everything to be asked now.
    Wanted,
}

/// What the plan has to know of an answer.
struct Understood {
    index: Option<u64>,
    /// The services that there are now, if it is about them.
    services: Option<Vec<Arc<str>>>,
}

impl Session {
    fn new(settings: Arc<ConsulSd>, client: Arc<dyn HttpClient>, env: Env, updates: Updates) -> Self {
        let given = (!settings.needs_list()).then_some(settings.services.as_slice());
        let requests = Requests::new(&settings, &env);
        Self {
            belief: Belief::new(&settings, requests.are_elsewhere()),
            requests,
            plan: Plan::new(settings.refresh_interval, given),
            findings: Findings::new(settings.refresh_interval, given),
            flights: Flights::new(),
            agent: AgentDatacenter::Unknown,
            had_some: is_some(&updates.take_found_before()),
            gone_since: None,
            encoder: Encoder::new(),
            so_far: Some(BTreeMap::new()),
            on_demand: OnDemand::new(&env, &updates),
            settings,
            env,
            updates,
            client,
        }
    }

    async fn run(mut self) -> Result<(), Stopped> {
        self.on_demand.begin();
        loop {
            self.send();
            self.report().await?;
            self.end_read().await?;
            match self.wait().await {
                Woken::Landed(all) => all.into_iter().for_each(|landed| self.take_in(landed)),
                Woken::InTime => {}
                Woken::Wanted => {
                    self.on_demand.begin();
                    self.plan.ask_all_anew(self.env.clock.now());
                }
            }
        }
    }

    /// Ends a read of everything, once each question was answered, or was in vain.
    async fn end_read(&mut self) -> Result<(), Stopped> {
        if !self.on_demand.is_reading() || !self.plan.is_all_heard() {
            return Ok(());
        }
        let is_well = self.findings.are_well();
        if self.on_demand.is_requested() {
            // Who asked for it is not to wait for what others are spared.
            self.findings.hurry();
            self.report().await?;
        }
        let ended = match self.plan.left_alone_for(self.env.clock.now()) {
            Some(wait) => Ended::LeaveAlone(wait),
            None if is_well => Ended::Well,
            None => Ended::Failed,
        };
        self.on_demand.end(ended).await
    }

    /// Sends what the plan says, and ends what it no longer wants.
    fn send(&mut self) {
        let now = self.env.clock.now();
        while let Some(ask) = self.plan.next(now, self.env.random.as_ref()) {
            let request = self.requests.of(&ask);
            let client = self.client.clone();
            self.flights
                .add(ask, now, Box::pin(async move { client.send(request).await }));
        }
        let plan = &self.plan;
        self.flights.retain(|ask| plan.is_open(ask.id));
    }

    /// Waits for answers, or until it is time for something.
    async fn wait(&mut self) -> Woken {
        let now = self.env.clock.now();
        // What is due and can't be reported yet must not be waited for: it would be waited for no time, again and again.
        let report_at = match self.plan.wants_agent() {
            true => self.findings.deadline_without_groups(),
            false => self.findings.deadline(),
        };
        let deadlines = [self.plan.deadline(), report_at];
        let deadline = deadlines.into_iter().flatten().min();
        let clock = &self.env.clock;
        let time = async {
            match deadline {
                Some(at) => clock.sleep(at.saturating_duration_since(now)).await,
                None => std::future::pending().await,
            }
            Woken::InTime
        };
        // One read after the other.
        let (on_demand, is_reading) = (&self.on_demand, self.on_demand.is_reading());
        let wanted = async {
            if is_reading {
                std::future::pending::<()>().await;
            }
            on_demand.wanted().await;
            Woken::Wanted
        };
        let landed = async { Woken::Landed(self.flights.landed().await) };
        landed.or(time).or(wanted).await
    }

    fn take_in(&mut self, landed: Landed<Ask>) {
        let Landed {
            key: ask,
            sent_at,
            result,
        } = landed;
        if !self.plan.is_open(ask.id) {
            return;
        }
        let now = self.env.clock.now();
        calls::took(
            &self.env.metrics,
            &ask.what,
            now,
            now.saturating_duration_since(sent_at),
        );
        let understood = match result {
            Ok(answer) => self.understand(now, &ask, &answer),
            Err(error) => Err(Rejected::by_error(&error)),
        };
        match understood {
            Ok(Understood { index, services }) => {
                self.plan.answered(now, ask.id, index);
                if let Some(services) = services {
                    self.plan.set_services(now, services);
                }
            }
            Err(rejected) => self.failed(now, ask, rejected),
        }
    }

    /// What an answer says goes into the findings.
    fn understand(&mut self, now: Instant, ask: &Ask, answer: &HttpResponse) -> Result<Understood, Rejected> {
        if answer.status != 200 {
            return Err(Rejected::by_status(answer, self.env.clock.unix_time()));
        }
        let unreadable = |error: serde_json::Error| Rejected::Question(format!("the answer can't be read: {error}"));
        let index = answer.header("x-consul-index");
        let mut understood = Understood {
            index: index.and_then(|index| index.trim().parse().ok()),
            services: None,
        };
        match &ask.what {
            // Whether it moved is all that is wanted of it.
            What::Checks | What::Nodes => {}
            What::List if !self.settings.needs_list() => {}
            What::List => {
                let services = answer::services(&answer.body).map_err(unreadable)?;
                if services.is_empty() {
                    self.belief.of_empty_list(answer).map_or(Ok(()), Err)?;
                }
                let wanted = services
                    .iter()
                    .filter(|(name, tags)| self.settings.wants(name, &tags.0));
                let names: Vec<Arc<str>> = wanted.map(|(name, _)| Arc::from(name.as_str())).collect();
                self.doubt(now, &names)?;
                self.findings.set_services(now, names.iter().cloned());
                understood.services = Some(names);
            }
            What::Service(name) => {
                let bytes = Fingerprint::of(&answer.body);
                if self.findings.is_new(now, name, bytes) {
                    let instances = answer::instances(&answer.body).map_err(unreadable)?;
                    match self.belief.of_no_instances(answer).filter(|_| instances.is_empty()) {
                        // It is waited on for them: neither the call nor the server failed.
                        Some(Rejected::Question(reason)) => self.findings.failed(now, name, reason),
                        Some(rejected) => return Err(rejected),
                        None => {
                            self.want_datacenters(&instances);
                            self.findings.found(now, name, bytes, instances);
                        }
                    }
                }
            }
            What::Agent => match answer::datacenter(&answer.body) {
                Ok(datacenter) => self.agent = AgentDatacenter::Known(datacenter),
                Err(_) => self.agent = AgentDatacenter::Nothing,
            },
        }
        Ok(understood)
    }

    /// Refuses that all services are gone, for a while.
    fn doubt(&mut self, now: Instant, names: &[Arc<str>]) -> Result<(), Rejected> {
        let are_there = names.iter().any(|name| **name != *CONSUL);
        if are_there || !self.had_some {
            (self.had_some, self.gone_since) = (self.had_some || are_there, None);
            return Ok(());
        }
        let since = *self.gone_since.get_or_insert(now);
        if now >= since + SECOND_LOOK {
            (self.had_some, self.gone_since) = (false, None);
            return Ok(());
        }
        let seconds = SECOND_LOOK.as_secs();
        let reason =
            format!("all services are gone at once, as if Consul had lost them; that counts after {seconds} s");
        Err(Rejected::Question(reason))
    }

    /// Has the agent asked for its datacenter, if a node does not say its own.
    fn want_datacenters(&mut self, instances: &[Instance]) {
        let is_silent = |instance: &Instance| instance.node.datacenter.is_empty();
        let is_unknown = matches!(self.agent, AgentDatacenter::Unknown);
        if is_unknown && self.settings.datacenter.is_empty() && instances.iter().any(is_silent) {
            self.plan.want_agent();
        }
    }

    fn failed(&mut self, now: Instant, ask: Ask, rejected: Rejected) {
        calls::failed(&self.env.metrics);
        let (trouble, reason) = match rejected {
            Rejected::Server(after, reason) => (Trouble::Server(after), reason),
            Rejected::TooMany(after, reason) => (Trouble::TooMany(after), reason),
            Rejected::Question(reason) => (Trouble::Question, reason),
        };
        self.plan.failed(now, self.env.random.as_ref(), ask.id, trouble);
        match ask.what {
            What::List if self.settings.needs_list() => self.findings.list_failed(now, reason),
            What::Service(name) => self.findings.failed(now, &name, reason),
            What::Agent if trouble == Trouble::Question => self.agent = AgentDatacenter::Nothing,
            // The services are asked for at each interval then, so nothing is missing.
            What::List | What::Checks | What::Nodes | What::Agent => {}
        }
    }

    async fn report(&mut self) -> Result<(), Stopped> {
        loop {
            let now = self.env.clock.now();
            let report = match self.plan.wants_agent() {
                true => self.findings.report_without_groups(now),
                false => self.findings.report(now),
            };
            let Some(report) = report else { break };
            match report {
                Report::Complete(services) => {
                    let groups = self.encode(now, services);
                    let mut all = self.so_far.take().unwrap_or_default();
                    keep(&mut all, &groups);
                    self.updates.send(Update::full(all.into_values().collect())).await?;
                }
                Report::Changed(services) => {
                    let groups = self.encode(now, services);
                    self.updates.send(Update::delta(groups)).await?;
                }
                Report::Partial(services, missing) => {
                    let groups = self.encode(now, services);
                    if let Some(so_far) = &mut self.so_far {
                        keep(so_far, &groups);
                    }
                    let parts = missing.into_iter().map(|(part, why)| MissingPart::new(part, why));
                    let update = match Missing::of(parts) {
                        Some(missing) => Update::partial(groups, missing),
                        None => Update::delta(groups),
                    };
                    self.updates.send(update).await?;
                }
                Report::Failed(reason) => {
                    let failure = Failure::new(reason);
                    let failure = match self.plan.deadline() {
                        Some(at) => failure.retry_in(at.saturating_duration_since(now)),
                        None => failure,
                    };
                    self.updates.fail(failure).await?;
                }
            }
        }
        Ok(())
    }

    /// The groups of these services.
    fn encode(&mut self, now: Instant, services: BTreeMap<Arc<str>, Vec<Instance>>) -> Vec<Group> {
        let datacenter = match &self.agent {
            AgentDatacenter::Known(datacenter) => Some(datacenter.as_str()),
            AgentDatacenter::Unknown | AgentDatacenter::Nothing => None,
        };
        let mut batch = self.encoder.batch();
        for (name, instances) in &services {
            match targets::add_group(&mut batch, &self.settings, datacenter, name, instances) {
                Ok(without_address) => calls::skipped(&self.env.metrics, without_address),
                Err(error) => self.findings.unusable(now, name, error.to_string()),
            }
        }
        batch.finish()
    }
}

/// What the answer about a service decodes to.
#[cfg(feature = "decoding")]
pub(crate) fn instances(body: &[u8]) -> serde_json::Result<Vec<impl Sized + use<>>> {
    answer::instances(body)
}

/// Whether these are of other services than Consul itself.
fn is_some(groups: &[Group]) -> bool {
    let are_others = |group: &Group| group.source() != CONSUL && group.target_count() > 0;
    groups.iter().any(are_others)
}

/// Puts groups in the place of those of the same service.
fn keep(all: &mut BTreeMap<String, Group>, groups: &[Group]) {
    for group in groups {
        all.insert(group.source().to_owned(), group.clone());
    }
}

#[cfg(test)]
mod tests;
