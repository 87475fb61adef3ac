//! `triton_sd_configs`: the containers and compute nodes that a Triton's Container Monitor knows.
//!
//! Each `refresh_interval` all of them are asked for at once (`/v1/discover` and `/v1/gz/discover` of
//! <https://github.com/TritonDataCenter/triton-cmon/blob/master/docs/README.md>); an answer that is the same as the last is
//! not read again. Who asks is known by the certificate of `tls_config` alone: `account` has to be written, and is never
//! sent, as in Prometheus. Labels are Prometheus's, and so is the one source, the URL with the groups.
//!
//! Otherwise than in Prometheus:
//! * **An answer of another status than 200 is a failure, and so is one without its list.** Prometheus never looks at the
//!   status, so that an error in JSON takes all targets away.
//! * Without an id there is no address; such a machine makes no target, and is counted.
//! * A refresh has a deadline. An `endpoint` that is no host's name is refused.

mod settings;

use std::sync::Arc;

use headcount_core::Batch;
use headcount_discoverer::metrics::{Definition, Kind};
use headcount_discoverer::rest::{Ask, ReadError, Rest, Whole};
use headcount_reader::HttpClientSettings;
use serde::Deserialize;

use crate::answers::{List, Object, Text, get_json, list, put};
use settings::Role;

pub use settings::TritonSd;

const SKIPPED: Definition = Definition {
    name: "headcount_sd_triton_skipped_machines_total",
    help: "Containers and compute nodes that were found without an id, and so are no targets.",
    kind: Kind::Counter,
};

/// A running discoverer.
struct Triton(Arc<TritonSd>);

#[derive(Deserialize)]
struct Containers {
    containers: Vec<Object<Container>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Container {
    groups: List<Text>,
    server_uuid: Text,
    vm_alias: Text,
    vm_brand: Text,
    vm_image_uuid: Text,
    vm_uuid: Text,
}

#[derive(Deserialize)]
struct ComputeNodes {
    cns: Vec<Object<ComputeNode>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ComputeNode {
    server_uuid: Text,
    server_hostname: Text,
}

/// What becomes labels: a machine's id, and each other text by the end of its label's name.
struct Machine {
    id: String,
    texts: Vec<(&'static str, String)>,
}

impl Rest for Triton {
    type Part = Whole;
    type Found = Vec<Machine>;
    const READING: &'static str = "asking Triton";

    fn client(&self) -> &HttpClientSettings {
        &self.0.client
    }

    async fn parts(&self, _ask: &Ask<'_>) -> Result<Vec<Whole>, ReadError> {
        Ok(vec![Whole])
    }

    async fn read(&self, _part: &Whole, ask: &Ask<'_>) -> Result<Option<Vec<Machine>>, ReadError> {
        let url = &self.0.url;
        let Some(answer) = ask.changed(get_json(ask, url.as_str())).await? else {
            return Ok(None);
        };
        let wrong = |error| ReadError::answer(url, error);
        let (count, found): (usize, Vec<Machine>) = match self.0.role {
            Role::Container => {
                let found: Containers = crate::json::from_slice(&answer.body).map_err(wrong)?;
                let all = found.containers;
                (
                    all.len(),
                    all.into_iter().filter_map(|one| one.0.map(Machine::from)).collect(),
                )
            }
            Role::ComputeNode => {
                let found: ComputeNodes = crate::json::from_slice(&answer.body).map_err(wrong)?;
                let all = found.cns;
                (
                    all.len(),
                    all.into_iter().filter_map(|one| one.0.map(Machine::from)).collect(),
                )
            }
        };
        let machines: Vec<Machine> = found.into_iter().filter(|machine| !machine.id.is_empty()).collect();
        let skipped = count.saturating_sub(machines.len());
        ask.env().metrics.add(SKIPPED, &[], skipped as f64);
        Ok(Some(machines))
    }

    fn encode(&self, _part: &Whole, machines: Vec<Machine>, batch: &mut Batch<'_>) -> Result<(), ReadError> {
        let TritonSd {
            url, dns_suffix, port, ..
        } = &*self.0;
        batch.begin(url)?;
        for machine in machines {
            batch.begin_target()?;
            put(batch, "__address__", &format!("{}.{dns_suffix}:{port}", machine.id))?;
            put(batch, "__meta_triton_machine_id", &machine.id)?;
            for (name, text) in &machine.texts {
                put(batch, &format!("__meta_triton_{name}"), text)?;
            }
        }
        Ok(batch.end()?)
    }

    fn is_source(&self, _part: &Whole, source: &str) -> bool {
        source == self.0.url
    }
}

impl From<Container> for Machine {
    fn from(container: Container) -> Self {
        let groups = list(container.groups.0.iter().map(Text::as_str));
        Self {
            id: container.vm_uuid.0,
            texts: vec![
                ("groups", groups),
                ("machine_alias", container.vm_alias.0),
                ("machine_brand", container.vm_brand.0),
                ("machine_image", container.vm_image_uuid.0),
                ("server_id", container.server_uuid.0),
            ],
        }
    }
}

impl From<ComputeNode> for Machine {
    fn from(node: ComputeNode) -> Self {
        Self {
            id: node.server_uuid.0,
            texts: vec![("machine_alias", node.server_hostname.0)],
        }
    }
}

#[cfg(test)]
mod tests;
