//! The discoverers that production runs, in the simulator's world.

#![allow(clippy::expect_used, reason = "a panic is the report")]

mod as_described;
mod aws;
mod clouds;
mod consul;
mod consul_site;
#[path = "../../../adapters/backends/src/described.rs"]
mod described;
mod dns;
mod docker;
mod ec2;
mod ec2_site;
mod file;
mod http;
mod kubernetes;
mod kubernetes_objects;
mod kubernetes_site;
mod listed;
mod models;
mod oci;
mod openstack;
mod process;
mod puppetdb;
mod restarts;
mod tokens;
mod zookeeper;
mod zookeeper_site;

use std::path::Path;

use headcount_discoverer::Discoverer;
use headcount_discoverer::mechanism::{Place, SdConfig};
use headcount_reader::{Sink, read};
use headcount_sim::{
    Backend, BackendKind, Change, Churn, Discoverers, FaultKind, Hosts, Ratio, Receiver, Scenario, Span, SpanRange,
};

/// Twenty hosts that are replaced and relabelled for 25 minutes, and five minutes for everything to come right.
fn scenario(kind: BackendKind) -> Scenario {
    Scenario::new("rehearsed")
        .until(Span::mins(30))
        .calm(Span::mins(5))
        .hosts(Hosts::new(20).zones(3))
        .backend(Backend::new("cmdb", kind))
        .discoverers(Discoverers::of("cmdb"))
        .receiver(Receiver::new(SpanRange::between(Span::ZERO, Span::secs(1))))
        .churn(Churn::steady(Ratio::percent(10), Span::mins(1)))
        .churn(Churn::Steady {
            rate: Ratio::percent(5),
            every: Span::mins(1),
            change: Change::Relabel,
        })
}

/// All that can happen to a list behind a URL, and what its server can say instead.
fn http_faults() -> Vec<FaultKind> {
    let examples = FaultKind::EXAMPLES.into_iter();
    // It is one server.
    let examples =
        examples.filter(|kind| kind.applies_to(BackendKind::Http) && !matches!(kind, FaultKind::Disagree { .. }));
    let status = |code, retry_after| FaultKind::Status { code, retry_after };
    let statuses = [
        status(500, None),
        status(503, Some(Span::secs(20))),
        status(403, None),
        status(404, None),
    ];
    examples.chain(statuses).collect()
}

fn built(config: SdConfig) -> Box<dyn Discoverer> {
    config.discoverer().expect("it is supported")
}

/// The discoverer of an entry as it stands in a prometheus.yml.
fn configured(mechanism: &str, entry: &str) -> Box<dyn Discoverer> {
    let sink = Sink::new(Path::new("prometheus.yml").into());
    let document = read(&format!("- {entry}\n"), &sink).expect("it is YAML");
    let at = document.root(&sink).expect("it has a root");
    let registry = headcount_backends::registry();
    let mechanism = registry.get(mechanism).expect("it is built in");
    let configs = mechanism.read(&at, &Place::new(Path::new("/")));
    assert_eq!(sink.finish().problems, [], "{entry}");
    built(configs.into_iter().next().expect("one entry"))
}
