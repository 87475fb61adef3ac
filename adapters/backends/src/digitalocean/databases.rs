//! Managed databases: `GET /v2/databases`.

use headcount_core::{Batch, GroupError};
use headcount_discoverer::address::host_port;
use headcount_discoverer::rest::{Ask, Page, ReadError};
use serde::Deserialize;

use super::{Links, next, page};
use crate::answers::{List, Object, Scalar, Text, put};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Database {
    id: Text,
    name: Text,
    engine: Text,
    version: Text,
    status: Text,
    region: Text,
    size: Text,
    num_nodes: Scalar,
    connection: Object<Connection>,
    private_connection: Object<Connection>,
    tags: List<Text>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Connection {
    host: Text,
}

#[derive(Deserialize)]
struct Answer {
    databases: Vec<Object<Database>>,
    #[serde(default)]
    links: Option<Links>,
}

/// The databases that have a host, and how many have none.
pub(super) async fn list(ask: &Ask<'_>) -> Result<(Vec<Database>, usize), ReadError> {
    let all = ask.pages(page(ask, "databases", "1"), |answer| {
        let found: Answer = crate::json::from_slice(&answer.body)?;
        Ok::<_, serde_json::Error>(Page {
            items: found.databases,
            next: next(ask, "databases", found.links)?,
        })
    });
    let all = all.await?;
    let count = all.len();
    let found: Vec<Database> = all
        .into_iter()
        .filter_map(|one| one.0)
        .filter(|one| !one.host().is_empty())
        .collect();
    let skipped = count.saturating_sub(found.len());
    Ok((found, skipped))
}

impl Database {
    fn host(&self) -> &str {
        match host(&self.private_connection) {
            "" => host(&self.connection),
            private => private,
        }
    }

    /// Adds its target to the open group.
    pub(super) fn encode(&self, port: u16, batch: &mut Batch<'_>) -> Result<(), GroupError> {
        batch.begin_target()?;
        put(batch, "__address__", &host_port(self.host(), port))?;
        let mut label = |name: &str, value: &str| put(batch, &format!("__meta_digitalocean_db_{name}"), value);
        label("engine", self.engine.as_str())?;
        label("host", host(&self.connection))?;
        label("id", self.id.as_str())?;
        label("name", self.name.as_str())?;
        label("num_nodes", self.num_nodes.as_str())?;
        label("private_host", host(&self.private_connection))?;
        label("region", self.region.as_str())?;
        label("size", self.size.as_str())?;
        label("status", self.status.as_str())?;
        label("version", self.version.as_str())?;
        for tag in self.tags.0.iter().map(Text::as_str).filter(|tag| !tag.is_empty()) {
            // As it is, whatever stands in it.
            label(&format!("tag_{tag}"), "true")?;
        }
        Ok(())
    }
}

fn host(connection: &Object<Connection>) -> &str {
    connection
        .0
        .as_ref()
        .map(|connection| connection.host.as_str())
        .unwrap_or_default()
}
