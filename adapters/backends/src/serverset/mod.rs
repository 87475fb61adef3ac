//! `serverset_sd_configs`: the members of Twitter's (Finagle's, Aurora's) serversets in ZooKeeper.
//!
//! Each node at and under the paths that holds a member is a target, and its path the source: `{"serviceEndpoint": {"host":
//! …, "port": …}, "additionalEndpoints": {…}, "status": …, "shard": …}`. What is below is followed, however deep; nodes that
//! hold nothing are passed over. Members of every status are targets. Where they are asked for, and how they are followed,
//! is said in the module `zookeeper`.
//!
//! **Where Prometheus does otherwise:**
//!
//! * A member without a host is no target and counted, where Prometheus makes it `:0`.
//! * Of two additional endpoints whose names become one label the one counts whose name comes last.
//! * A path that is not there is waited for and is no failure: it says that nobody is registered.
//! * After a failure the connection is opened again within a second or so, where Prometheus waits for ten.

mod settings;

use crate::label_name::label_name;
use headcount_discoverer::address::host_port;
use headcount_discoverer::metrics::{Definition, Kind};

use crate::zookeeper::{Labels, Object, Registry, put};

pub use settings::ServersetSd;

/// How all labels of this mechanism begin.
const PREFIX: &str = "__meta_serverset_";

const SKIPPED: Definition = Definition {
    name: "headcount_sd_serverset_skipped_nodes_total",
    help: "Nodes that hold something else than a member with a host, or can't be read.",
    kind: Kind::Counter,
};

const REGISTRY: Registry = Registry {
    parse,
    skipped: SKIPPED,
};

/// The labels of what a node holds.
fn parse(path: &str, data: &[u8]) -> Option<Labels> {
    let member = Object::read(data)?;
    let (host, port) = endpoint(&member.object("serviceEndpoint")?)?;
    let additional = member.object("additionalEndpoints")?;
    let mut additional = additional.objects()?;
    let (status, shard) = (member.text("status")?, member.int("shard")?);
    // Of two of one name the last one stays last.
    additional.sort_by_key(|(name, _)| *name);
    let mut labels = Labels::new();
    for (name, object) in &additional {
        let (host, port) = endpoint(object)?;
        let label = |start: &str| label_name(&format!("{PREFIX}{start}"), name);
        put(&mut labels, label("endpoint_host_"), host);
        put(&mut labels, label("endpoint_port_"), port.to_string());
    }
    if host.is_empty() {
        return None;
    }
    put(&mut labels, "__address__", host_port(&host, port));
    put(&mut labels, format!("{PREFIX}path"), path);
    put(&mut labels, format!("{PREFIX}endpoint_host"), host);
    put(&mut labels, format!("{PREFIX}endpoint_port"), port.to_string());
    put(&mut labels, format!("{PREFIX}status"), status);
    put(&mut labels, format!("{PREFIX}shard"), shard.to_string());
    Some(labels)
}

fn endpoint(object: &Object) -> Option<(String, i64)> {
    Some((object.text("host")?, object.int("port")?))
}

#[cfg(test)]
mod tests;
