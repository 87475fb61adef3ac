//! `dockerswarm_sd_configs`: the services, tasks and nodes of a Docker swarm, as one of its managers tells them.
//!
//! **What is asked**, each `refresh_interval`: which version of the API the Engine speaks (`/_ping`), the objects of the
//! role that pass the filters, and all objects of other kinds whose labels they get: networks, and for tasks also
//! services and nodes. A refresh that lacks any of it has failed, and nothing is changed.
//!
//! **What becomes of it.** One group, `DockerSwarm`. Services: a target for each virtual address and each TCP port that is
//! published. Tasks: one for each TCP port that is published on the task's node, and then one for each of its addresses
//! and each TCP port of its service. Nodes: one each. Where there is no port, `port` is taken.
//!
//! **Where Prometheus does otherwise:**
//!
//! * A virtual address or an address of a task that makes no sense is left out and counted, where Prometheus fails the
//!   whole refresh.
//! * What has no address is no target and counted, where Prometheus makes it `:80`: a node that says none, or a task that
//!   is published on a node that is not known. So are services and tasks that have none at all, over which Prometheus passes.
//! * An object that makes no sense is left out and counted, and the others stay.

mod nodes;
mod services;
mod settings;
mod tasks;

use headcount_core::Batch;
use headcount_discoverer::metrics::{Definition, Kind};
use headcount_discoverer::rest::{Ask, ReadError, Rest, Whole};
use headcount_reader::HttpClientSettings;

use crate::docker_api::{Filters, Labels, networks};
use nodes::Node;
use services::Service;
use settings::Role;
use tasks::Task;

pub use settings::DockerSwarmSd;

/// How all labels of this mechanism begin.
const PREFIX: &str = "__meta_dockerswarm_";
/// Prometheus's.
const SOURCE: &str = "DockerSwarm";

const SKIPPED: Definition = Definition {
    name: "headcount_sd_dockerswarm_skipped_objects_total",
    help: "Addresses and objects of a swarm that made no sense, and nodes, services and tasks without an address.",
    kind: Kind::Counter,
};

/// Targets, and how much was left out.
#[derive(Debug, Default)]
struct Targets {
    found: Vec<Labels>,
    skipped: usize,
}

impl Targets {
    /// Adds a target, if there is an address.
    fn add(&mut self, address: Option<String>, labels: impl FnOnce(&mut Labels)) {
        let Some(address) = address else {
            self.skipped += 1;
            return;
        };
        let mut target = Labels::default();
        target.put("__address__", &address);
        labels(&mut target);
        self.found.push(target);
    }
}

impl Rest for DockerSwarmSd {
    type Part = Whole;
    /// The labels of each target.
    type Found = Vec<Vec<(String, String)>>;
    const READING: &'static str = "asking the swarm for";

    fn client(&self) -> &HttpClientSettings {
        self.engine.client()
    }

    async fn parts(&self, _ask: &Ask<'_>) -> Result<Vec<Whole>, ReadError> {
        Ok(vec![Whole])
    }

    async fn read(&self, _part: &Whole, ask: &Ask<'_>) -> Result<Option<Self::Found>, ReadError> {
        let session = self.engine.session(ask).await?;
        let everything = Filters::default();
        let mut targets = Targets::default();
        match self.role {
            Role::Nodes => {
                let (nodes, skipped) = session.list::<Node>("/nodes", &self.filters).await?;
                targets.skipped += skipped;
                nodes::add(&mut targets, &nodes, self.port);
            }
            Role::Services => {
                let (services, skipped) = session.list::<Service>("/services", &self.filters).await?;
                let (networks, without_sense) = networks(&session, PREFIX).await?;
                targets.skipped += skipped + without_sense;
                services::add(&mut targets, &services, &networks, self.port);
            }
            Role::Tasks => {
                let (tasks, skipped) = session.list::<Task>("/tasks", &self.filters).await?;
                targets.skipped += skipped;
                let (services, skipped) = session.list::<Service>("/services", &everything).await?;
                targets.skipped += skipped;
                let (nodes, skipped) = session.list::<Node>("/nodes", &everything).await?;
                targets.skipped += skipped;
                let (networks, skipped) = networks(&session, PREFIX).await?;
                targets.skipped += skipped;
                let around = tasks::Around::new(&services, &nodes, networks);
                tasks::add(&mut targets, &tasks, &around, self.port);
            }
        }
        ask.env().metrics.add(SKIPPED, &[], targets.skipped as f64);
        Ok(Some(targets.found.into_iter().map(Labels::into_pairs).collect()))
    }

    fn encode(&self, _part: &Whole, targets: Self::Found, batch: &mut Batch<'_>) -> Result<(), ReadError> {
        let none: [(String, String); 0] = [];
        Ok(batch.group(SOURCE, none, targets)?)
    }

    fn is_source(&self, _part: &Whole, source: &str) -> bool {
        source == SOURCE
    }
}

/// A label's name.
fn name(of: &str) -> String {
    format!("{PREFIX}{of}")
}

#[cfg(test)]
mod tests;
