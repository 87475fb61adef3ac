//! `docker_sd_configs`: the containers of a Docker Engine.
//!
//! **What is asked**, each `refresh_interval`: which version of the API the Engine speaks (`/_ping`), the containers that
//! pass the filters, and all networks. A refresh that lacks any of it has failed, and nothing is changed.
//!
//! **What becomes of it.** One group, `Docker`, with a target for each network of a container and each TCP port; where a
//! container has no port, `port` is taken, and with the host's network `host_networking_host`. Its address is the one
//! that it has in the network: IPv4, or else IPv6. A container that has the network of another one has that one's
//! addresses and its own ports.
//!
//! **Where Prometheus does otherwise:**
//!
//! * What has no address is no target and counted, where Prometheus makes it `:80`: a container with the network `none`,
//!   or one that has the network of a container that the filters leave out.
//! * Containers that have each other's network, which would be followed for ever, have none.
//! * The networks of a container come by their names, where Prometheus leaves the order to chance.
//! * An object that makes no sense is left out and counted, and the others stay.

mod container;
mod settings;
mod targets;

use headcount_core::Batch;
use headcount_discoverer::metrics::{Definition, Kind};
use headcount_discoverer::rest::{Ask, ReadError, Rest, Whole};
use headcount_reader::HttpClientSettings;

use crate::docker_api::{Labels, networks};
use container::Container;

pub use settings::DockerSd;

/// How all labels of this mechanism begin.
const PREFIX: &str = "__meta_docker_";
/// Prometheus's.
const SOURCE: &str = "Docker";

const SKIPPED: Definition = Definition {
    name: "headcount_sd_docker_skipped_objects_total",
    help: "Containers without an address or a name, and containers and networks that made no sense.",
    kind: Kind::Counter,
};

impl Rest for DockerSd {
    type Part = Whole;
    /// The labels of each target.
    type Found = Vec<Vec<(String, String)>>;
    const READING: &'static str = "asking Docker for";

    fn client(&self) -> &HttpClientSettings {
        self.engine.client()
    }

    async fn parts(&self, _ask: &Ask<'_>) -> Result<Vec<Whole>, ReadError> {
        Ok(vec![Whole])
    }

    async fn read(&self, _part: &Whole, ask: &Ask<'_>) -> Result<Option<Self::Found>, ReadError> {
        let session = self.engine.session(ask).await?;
        let (containers, nonsense) = session.list::<Container>("/containers/json", &self.filters).await?;
        let (networks, without_sense) = networks(&session, PREFIX).await?;
        let (targets, left_out) = targets::targets(self, &containers, &networks);
        let skipped = nonsense + without_sense + left_out;
        ask.env().metrics.add(SKIPPED, &[], skipped as f64);
        Ok(Some(targets.into_iter().map(Labels::into_pairs).collect()))
    }

    fn encode(&self, _part: &Whole, targets: Self::Found, batch: &mut Batch<'_>) -> Result<(), ReadError> {
        let none: [(String, String); 0] = [];
        Ok(batch.group(SOURCE, none, targets)?)
    }

    fn is_source(&self, _part: &Whole, source: &str) -> bool {
        source == SOURCE
    }
}

#[cfg(test)]
mod tests;
