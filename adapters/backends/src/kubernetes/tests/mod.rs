//! Stories in virtual time, told by a virtual API server.

mod access;
mod faults;
mod following;
mod labels;
mod objects;
mod server;
mod sharing;
mod streaming;

use std::sync::Arc;
use std::time::Duration;

use headcount_core::{Group, ProviderId, Update, UpdateKind};
use headcount_discoverer::mechanism::{Mechanism, Place};
use headcount_discoverer::testing::{Collected, Received, World};
use headcount_reader::{Sink, read};

use super::*;
use objects::*;
use server::{SERVER, VirtualServer, status};

const MINUTE: Duration = Duration::from_secs(60);
/// Well over what one exchange takes.
const SOON: Duration = Duration::from_millis(200);

/// An entry, without mistakes.
fn settings(yaml: &str) -> KubernetesSd {
    let sink = Sink::new(std::path::Path::new("p.yml").into());
    let document = read(yaml, &sink).expect("YAML");
    let mut fields = document.root(&sink).and_then(|root| root.fields()).expect("a mapping");
    let settings = KubernetesSd::read(&mut fields, &Place::new("/etc".as_ref()));
    fields.finish();
    assert_eq!(sink.finish().problems, []);
    settings.expect("no mistake")
}

/// A world with a server and one discoverer, and what was heard of it.
struct Story {
    world: World,
    server: VirtualServer,
    collected: Collected,
}

impl Story {
    fn new() -> Self {
        let world = World::new();
        Self {
            server: VirtualServer::new(&world),
            world,
            collected: Collected::default(),
        }
    }

    /// Starts a discoverer of the server with this in its entry besides.
    fn start(&mut self, entry: &str) -> ProviderId {
        let settings = settings(&format!("{{api_server: '{SERVER}', {entry}}}"));
        self.world.start(Arc::new(settings).discoverer())
    }

    /// Lets time pass.
    fn run(&mut self, time: Duration) -> Vec<Received> {
        let received = self.world.run_for(time);
        self.collected.receive(&received);
        received
    }

    fn addresses(&self) -> Vec<&str> {
        self.collected.addresses()
    }

    fn metric(&self, name: &str) -> f64 {
        let families = self.world.metrics.read();
        let family = families.iter().find(|(definition, _)| definition.name == name);
        let (_, samples) = family.expect("the metric is there");
        samples.iter().map(|sample| sample.value).sum()
    }
}

fn failures(received: &[Received]) -> Vec<&str> {
    received.iter().filter_map(Received::failure).collect()
}

fn kinds(received: &[Received]) -> Vec<UpdateKind> {
    received.iter().filter_map(Received::update).map(Update::kind).collect()
}

/// The labels of a group's targets with those that they share, one a line and without what they all begin with.
fn shown(group: Option<&Group>) -> String {
    let Some(group) = group else {
        return "nothing".to_owned();
    };
    let short = |name: &str| name.strip_prefix("__meta_kubernetes_").unwrap_or(name).to_owned();
    let line = |(name, value): (&str, &str)| format!("{}={value}", short(name));
    let shared: Vec<String> = group.labels().iter().map(line).collect();
    let targets = group
        .targets()
        .map(|target| target.iter().map(line).collect::<Vec<_>>().join(" "));
    std::iter::once(shared.join(" "))
        .chain(targets)
        .collect::<Vec<_>>()
        .join("\n")
}
