//! Stories in virtual time, told by a virtual Consul.

mod catching_up;
mod faults;
mod labels;
mod on_demand;
mod reading;

use std::sync::Arc;
use std::time::Duration;

use headcount_core::{Instant, UpdateKind};
use headcount_discoverer::mechanism::{Mechanism, Place};
use headcount_discoverer::testing::{Collected, Received, World};
use headcount_reader::{Sink, read};

use super::plan::{MOST_FETCHES, MOST_WATCHES};
use super::*;
use crate::consul_api::testing::{Fault, Instance, LATENCY, VirtualConsul, on};

const INTERVAL: Duration = Duration::from_secs(30);
const MINUTE: Duration = Duration::from_secs(60);

/// An entry, without mistakes.
fn settings(yaml: &str) -> ConsulSd {
    let sink = Sink::new(std::path::Path::new("p.yml").into());
    let document = read(yaml, &sink).expect("YAML");
    let mut fields = document.root(&sink).and_then(|root| root.fields()).expect("a mapping");
    let settings = ConsulSd::read(&mut fields, &Place::new("/etc".as_ref()));
    fields.finish();
    assert_eq!(sink.finish().problems, []);
    settings.expect("no mistake")
}

/// A world with a Consul and a discoverer, and what was heard of it.
struct Story {
    world: World,
    consul: VirtualConsul,
    collected: Collected,
}

impl Story {
    fn new() -> Self {
        let world = World::new();
        Self {
            consul: VirtualConsul::new(&world),
            world,
            collected: Collected::default(),
        }
    }

    fn start(&mut self, yaml: &str) {
        let discoverer = Arc::new(settings(yaml)).discoverer();
        self.consul.start(&mut self.world, discoverer);
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

/// What was told to be missing, with the reasons, and what failed.
fn missing(received: &[Received]) -> String {
    let missing = received.iter().filter_map(Received::update).filter_map(Update::missing);
    let missing: Vec<String> = missing.map(ToString::to_string).collect();
    format!("{}\n{}", missing.join("\n"), failures(received).join("\n"))
}

/// Well over what one exchange takes.
const SOON: Duration = Duration::from_millis(200);

#[test]
fn what_there_is_is_told_once_as_a_whole() {
    let mut story = Story::new();
    story
        .consul
        .set("web", &[on("n1", "10.0.0.1", 80), on("n2", "10.0.0.2", 80)]);
    story.consul.set("db", &[on("n1", "10.0.0.1", 5432)]);
    story.start("{}");
    let received = story.run(SOON);
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].update().map(Update::kind), Some(UpdateKind::Full));
    assert_eq!(
        received[0].at,
        Instant::ZERO + LATENCY * 2,
        "the list, and then all services at once"
    );
    assert_eq!(story.collected.sources(), ["db", "web"]);
    assert_eq!(story.addresses(), ["10.0.0.1:5432", "10.0.0.1:80", "10.0.0.2:80"]);
}

#[test]
fn the_empty_catalog_of_what_imitates_consul_is_told() {
    let mut story = Story::new();
    story.consul.imitate();
    story.start("{}");
    let received = story.run(SOON);
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].update().map(Update::kind), Some(UpdateKind::Full));
}

#[test]
fn a_change_is_told_at_once_and_then_no_more_often_than_the_interval() {
    let mut story = Story::new();
    story.consul.set("web", &[on("n1", "10.0.0.1", 80)]);
    story.start("{}");
    story.run(MINUTE);
    story.consul.take_requests();
    // Nothing happens for a while: one question and its answer each two minutes.
    story.run(MINUTE * 30);
    let asked = story.consul.take_requests().len();
    assert!((2 * 12..=2 * 16).contains(&asked), "{asked}");
    let changed_at = story.world.clock.time();
    story.consul.set("web", &[on("n1", "10.0.0.9", 80)]);
    let received = story.run(SOON);
    assert_eq!(received.last().map(|received| received.at), Some(changed_at));
    assert_eq!(story.addresses(), ["10.0.0.9:80"]);
    // Now it changes all the time.
    story.consul.take_requests();
    let mut updates = 0;
    for _ in 0..600 {
        story.consul.touch("web");
        updates += story.run(Duration::from_secs(1)).len();
    }
    let asked = story.consul.take_requests().len();
    assert!(
        (2 * 19..=2 * 25).contains(&asked),
        "in ten minutes of 30 s intervals: {asked}"
    );
    assert!(
        updates <= 25,
        "nobody hears of what is no change, but that all is well: {updates}"
    );
}

#[test]
fn a_service_that_vanishes_is_gone_and_its_question_with_it() {
    let mut story = Story::new();
    story.consul.set("web", &[on("n1", "10.0.0.1", 80)]);
    story.consul.set("db", &[on("n1", "10.0.0.1", 5432)]);
    story.start("{}");
    story.run(MINUTE);
    assert_eq!(story.consul.connections().0, 3);
    story.consul.set("web", &[]);
    story.run(SOON);
    assert_eq!(story.collected.sources(), ["db"]);
    assert_eq!(story.consul.connections().0, 2);
    story.consul.set("cache", &[on("n3", "10.0.0.3", 6379)]);
    story.run(INTERVAL);
    assert_eq!(story.collected.sources(), ["cache", "db"]);
}

#[test]
fn services_that_are_named_need_no_list() {
    let mut story = Story::new();
    story.consul.set("web", &[on("n1", "10.0.0.1", 80)]);
    story.consul.set("db", &[on("n1", "10.0.0.1", 5432)]);
    story.start("{services: [web, none, web]}");
    story.run(MINUTE);
    assert_eq!(story.collected.sources(), ["web"]);
    let requests = story.consul.take_requests();
    assert!(
        requests.iter().all(|(_, url)| url.starts_with("/v1/health/service/")),
        "{requests:?}"
    );
    assert_eq!(story.consul.connections(), (2, 2));
    story.consul.set("none", &[on("n2", "10.0.0.2", 1)]);
    story.run(SOON);
    assert_eq!(story.collected.sources(), ["none", "web"]);
}

#[test]
fn services_must_have_all_tags_and_instances_too() {
    let tagged = |address, tags| Instance {
        tags,
        ..on("n1", address, 80)
    };
    let mut story = Story::new();
    story.consul.set(
        "a",
        &[tagged("10.0.0.1", &["v1", "canary"]), tagged("10.0.0.2", &["v1"])],
    );
    story.consul.set("b", &[tagged("10.0.0.3", &["v1"])]);
    story.consul.set("c", &[tagged("10.0.0.4", &["v1", "canary"])]);
    story.start("{services: [a, b], tags: [canary, v1]}");
    story.run(MINUTE);
    assert_eq!(story.addresses(), ["10.0.0.1:80"]);
    let requests = story.consul.take_requests();
    assert!(!requests.iter().any(|(_, url)| url.contains("/b?")), "{requests:?}");
    // Its last instance loses a tag: the service is there, and not wanted.
    story.consul.set("a", &[tagged("10.0.0.1", &["v1"])]);
    story.run(SOON);
    assert_eq!(story.addresses(), [""; 0]);
}

#[test]
fn a_thousand_services_take_a_handful_of_connections() {
    let mut story = Story::new();
    let names: Vec<String> = (0..1_000).map(|number| format!("s{number:04}")).collect();
    for name in &names {
        story.consul.set(name, &[on("n1", "10.0.0.1", 80)]);
    }
    story.start("{}");
    let received = story.run(MINUTE);
    assert_eq!(received[0].update().map(|update| update.groups().len()), Some(1_000));
    assert!(
        received[0].at <= Instant::ZERO + Duration::from_millis(500),
        "{:?}",
        received[0].at
    );
    assert_eq!(story.consul.connections(), (3, MOST_FETCHES + 3));
    story.consul.take_requests();
    story.run(MINUTE * 10);
    let asked = story.consul.take_requests().len();
    assert!(asked <= 3 * 6, "a catalog that is quiet costs nothing: {asked}");
    // A check, a node, an instance: each is seen within the time of one sweep.
    for turn in 0..3 {
        match turn {
            0 => story.consul.set_status("s0999", "critical"),
            1 => story.consul.move_node("n1", "10.0.0.2"),
            _ => story.consul.set("s0000", &[on("n2", "10.0.0.3", 80)]),
        }
        let received = story.run(Duration::from_secs(3));
        assert!(
            received
                .iter()
                .any(|received| received.update().is_some_and(|u| !u.groups().is_empty())),
            "{turn}"
        );
        story.run(MINUTE * 2);
    }
    let group = story.collected.group("s0999").expect("it is there");
    let labels: Vec<_> = group
        .targets()
        .map(|target| target.get("__meta_consul_health").map(str::to_owned))
        .collect();
    assert_eq!(labels, [Some("critical".to_owned())]);
    assert_eq!(story.addresses()[..2], ["10.0.0.3:80", "10.0.0.2:80"]);
}

#[test]
fn in_a_large_catalog_that_changes_all_the_time_there_is_a_sweep_each_interval() {
    let mut story = Story::new();
    for number in 0..200 {
        story.consul.set(&format!("s{number:04}"), &[on("n1", "10.0.0.1", 80)]);
    }
    story.start("{refresh_interval: 1m}");
    story.run(MINUTE);
    story.consul.take_requests();
    for _ in 0..600 {
        story.consul.touch("s0007");
        story.run(Duration::from_secs(1));
    }
    let asked = story.consul.take_requests().len();
    assert!((9 * 200..13 * 203).contains(&asked), "{asked}");
}

#[test]
fn growing_and_shrinking_loses_nothing() {
    let mut story = Story::new();
    let set = |story: &Story, count: usize| {
        for number in 0..100 {
            let instance = [on("n1", "10.0.0.1", 80)];
            let instances = if number < count { &instance[..] } else { &[] };
            story.consul.set(&format!("s{number:04}"), instances);
        }
    };
    set(&story, 10);
    story.start("{}");
    story.run(MINUTE);
    for (count, connections) in [(MOST_WATCHES, MOST_WATCHES + 1), (100, 3), (30, 3), (20, 21)] {
        set(&story, count);
        story.run(MINUTE * 5);
        assert_eq!(story.collected.sources().len(), count);
        assert_eq!(story.consul.connections().0, connections, "{count}");
        story.consul.set_status("s0003", "warning");
        story.run(MINUTE);
        story.consul.set_status("s0003", "passing");
        story.run(MINUTE);
    }
}
