//! `hetzner_sd_configs`: the servers of Hetzner's cloud (`hcloud`), and its dedicated ones (`robot`).
//!
//! Each `refresh_interval` all servers are listed; in the cloud also the networks, for their names. Labels and the one
//! source, `hetzner`, are Prometheus's. **A list that can't be had as a whole changes nothing.**
//!
//! Otherwise than in Prometheus a cloud server without a public IPv4 address, which is `<nil>:80` there, has its first
//! private address, and without one the first address of its IPv6 network, as such servers are installed. A dedicated server
//! without an IPv4 address makes no target, and is counted: which address of its network it has can't be known. Labels
//! of addresses that are not there are absent, not `<nil>`.

mod hcloud;
mod robot;
mod settings;

use std::sync::Arc;

use headcount_core::Batch;
use headcount_discoverer::metrics::{Definition, Kind};
use headcount_discoverer::rest::{Ask, ReadError, Rest, Whole};
use headcount_reader::HttpClientSettings;

use settings::Role;

#[cfg(feature = "decoding")]
pub(crate) use hcloud::servers;
pub use settings::HetznerSd;

/// What the targets' group is known by.
const SOURCE: &str = "hetzner";

const SKIPPED: Definition = Definition {
    name: "headcount_sd_hetzner_skipped_servers_total",
    help: "Servers that were found without an address, and so are no targets.",
    kind: Kind::Counter,
};

/// A running discoverer.
struct Hetzner(Arc<HetznerSd>);

enum Found {
    Hcloud(hcloud::Servers),
    Robot(Vec<robot::Server>),
}

impl Rest for Hetzner {
    type Part = Whole;
    type Found = Found;
    const READING: &'static str = "listing the servers of Hetzner";

    fn client(&self) -> &HttpClientSettings {
        &self.0.common.client
    }

    async fn parts(&self, _ask: &Ask<'_>) -> Result<Vec<Whole>, ReadError> {
        Ok(vec![Whole])
    }

    async fn read(&self, _part: &Whole, ask: &Ask<'_>) -> Result<Option<Found>, ReadError> {
        let (found, skipped) = match self.0.role {
            Role::Hcloud => {
                let servers = hcloud::list(ask, &self.0.label_selector).await?;
                let skipped = servers.skipped();
                (Found::Hcloud(servers), skipped)
            }
            Role::Robot => {
                let (servers, skipped) = robot::list(ask).await?;
                (Found::Robot(servers), skipped)
            }
        };
        ask.env().metrics.add(SKIPPED, &[], skipped as f64);
        Ok(Some(found))
    }

    fn encode(&self, _part: &Whole, found: Found, batch: &mut Batch<'_>) -> Result<(), ReadError> {
        batch.begin(SOURCE)?;
        match found {
            Found::Hcloud(servers) => servers.encode(self.0.common.port, batch)?,
            Found::Robot(servers) => {
                for server in servers {
                    server.encode(self.0.common.port, batch)?;
                }
            }
        }
        Ok(batch.end()?)
    }

    fn is_source(&self, _part: &Whole, source: &str) -> bool {
        source == SOURCE
    }
}

#[cfg(test)]
mod tests;
