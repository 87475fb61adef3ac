//! `nerve_sd_configs`: services that AirBnB's Nerve has registered in ZooKeeper.
//!
//! Each node at and under the paths that holds a registration is a target, and its path the source:
//! `{"host": …, "port": …, "name": …}`, with whatever else. What is below is followed, however deep; nodes that hold nothing
//! are passed over. Where they are asked for, and how they are followed, is said in the module `zookeeper`.
//!
//! **Where Prometheus does otherwise:**
//!
//! * A registration without a host is no target and counted, where Prometheus makes it `:0`.
//! * A path that is not there is waited for and is no failure: it says that nobody is registered.
//! * After a failure the connection is opened again within a second or so, where Prometheus waits for ten.

mod settings;

use headcount_discoverer::address::host_port;
use headcount_discoverer::metrics::{Definition, Kind};

use crate::zookeeper::{Labels, Object, Registry, put};

pub use settings::NerveSd;

const SKIPPED: Definition = Definition {
    name: "headcount_sd_nerve_skipped_nodes_total",
    help: "Nodes that hold something else than a registration with a host, or can't be read.",
    kind: Kind::Counter,
};

const REGISTRY: Registry = Registry {
    parse,
    skipped: SKIPPED,
};

/// The labels of what a node holds.
fn parse(path: &str, data: &[u8]) -> Option<Labels> {
    let member = Object::read(data)?;
    let (host, port, name) = (member.text("host")?, member.int("port")?, member.text("name")?);
    if host.is_empty() {
        return None;
    }
    let mut labels = Labels::new();
    put(&mut labels, "__address__", host_port(&host, port));
    put(&mut labels, "__meta_nerve_path", path);
    put(&mut labels, "__meta_nerve_endpoint_host", host);
    put(&mut labels, "__meta_nerve_endpoint_port", port.to_string());
    put(&mut labels, "__meta_nerve_endpoint_name", name);
    Some(labels)
}

#[cfg(test)]
mod tests;
