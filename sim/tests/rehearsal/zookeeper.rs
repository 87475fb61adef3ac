//! `serverset` and `nerve`, which share a ZooKeeper client, under everything that a ZooKeeper can do.

use headcount_discoverer::env::Endpoint;
use headcount_sim::{BackendKind, Fault, FaultKind, Hosts, Outcome, Ratio, Rehearsal, Scenario, Span, SpanRange};

use super::zookeeper_site::ZooKeeper;
use super::{configured, scenario};

const ENTRY: &str = "{servers: [zk.example], paths: [/svc]}";

/// The longest pause after failures, a second look, and all that comes before.
const BOUND: Span = Span::mins(3);

fn tree() -> Scenario {
    scenario(BackendKind::Zookeeper)
        .until(Span::mins(40))
        .calm(Span::mins(12))
        .hosts(Hosts::new(20).zones(3))
}

/// A mechanism, who registers the hosts for it, and the label that says which host it is.
struct Mechanism {
    name: &'static str,
    server: fn() -> ZooKeeper,
    stamp: &'static str,
}

const MECHANISMS: [Mechanism; 2] = [
    Mechanism {
        name: "serverset",
        server: ZooKeeper::default,
        stamp: "__meta_serverset_status",
    },
    Mechanism {
        name: "nerve",
        server: ZooKeeper::of_nerve,
        stamp: "__meta_nerve_endpoint_name",
    },
];

fn rehearsed(mechanism: &Mechanism, scenario: &Scenario, seed: u64) -> Outcome {
    let name = mechanism.name;
    Rehearsal::new(scenario, seed)
        .expect("it makes sense")
        .wire(Endpoint::tcp("zk.example", 2181), mechanism.server)
        .discoverer("cmdb", move |_| configured(name, ENTRY))
        .expect("they are in the scenario")
        .stamped_by("cmdb", mechanism.stamp)
        .expect("they are real")
        .within(BOUND)
        .run()
}

/// All that a ZooKeeper can do. No single event gets lost on a connection that goes on.
fn faults() -> Vec<FaultKind> {
    let kinds = FaultKind::EXAMPLES.into_iter().filter(|kind| {
        // It is one server.
        let is_none = matches!(kind, FaultKind::Disagree { .. } | FaultKind::LostNotify);
        kind.applies_to(BackendKind::Zookeeper) && !is_none
    });
    kinds.collect()
}

fn check(fault: impl Fn(FaultKind) -> Fault) {
    for kind in faults() {
        for mechanism in &MECHANISMS {
            let outcome = rehearsed(mechanism, &tree().fault(fault(kind)), 1);
            let name = mechanism.name;
            assert!(outcome.is_clean(), "{name}, {kind:?}: {:?}", outcome.violations);
            assert!(
                outcome.metrics.changes_learned > 20,
                "{name}, {kind:?}: {:?}",
                outcome.metrics
            );
        }
    }
}

#[test]
fn anything_that_is_said_may_fail() {
    check(|kind| Fault::new(kind).rate(Ratio::percent(5)));
}

#[test]
fn it_survives_minutes_of_trouble() {
    let lasts = SpanRange::between(Span::secs(20), Span::mins(4));
    check(|kind| Fault::new(kind).every(Span::mins(8)).lasts(lasts));
}

#[test]
fn what_changes_is_there_at_once_while_all_is_well() {
    for seed in 0..4 {
        for mechanism in &MECHANISMS {
            let outcome = rehearsed(mechanism, &tree(), seed);
            let name = mechanism.name;
            assert!(outcome.is_clean(), "{name}, seed {seed}: {:?}", outcome.violations);
            assert_eq!(outcome.metrics.vanished, 0, "{name}, seed {seed}");
        }
    }
}
