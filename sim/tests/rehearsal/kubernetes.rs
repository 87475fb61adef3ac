//! `kubernetes`, under everything that an API server can do to it: each of its roles, and each kind of object that one joins.
//!
//! **The stamp, which tells of which change a target shows, stands in objects of one kind only.** Where that is not the role's
//! own, a change of the other object has to arrive, whichever of the lists and watches a fault hits.

use headcount_sim::{BackendKind, Fault, FaultKind, Hosts, Outcome, Ratio, Rehearsal, Scenario, Span, SpanRange};

use super::kubernetes_objects::Kind;
use super::kubernetes_site::Kubernetes;
use super::{configured, scenario};

/// The longest that a silent server is waited for, with all that comes after.
const BOUND: Span = Span::mins(5);

/// The longest until everything is listed again, which puts right what a list showed wrongly and what a watch did not tell.
pub(crate) const RESYNC: Span = Span::mins(60);

/// A role, and whose changes are watched for.
#[derive(Debug, Clone, Copy)]
struct Role {
    entry: &'static str,
    /// The label with the stamp.
    stamp: &'static str,
    /// What is listed; the first of it has the stamps.
    kinds: &'static [Kind],
    /// Whether that is what the role is named after: what is joined may come later, and go earlier.
    is_own: bool,
}

impl Role {
    const fn own(entry: &'static str, stamp: &'static str, kinds: &'static [Kind]) -> Self {
        Self {
            entry,
            stamp,
            kinds,
            is_own: true,
        }
    }

    const fn joined(entry: &'static str, stamp: &'static str, kinds: &'static [Kind]) -> Self {
        Self {
            is_own: false,
            ..Self::own(entry, stamp, kinds)
        }
    }
}

const PODS: Role = Role::own("role: pod", "__meta_kubernetes_pod_annotation_stamp", &[Kind::Pods]);

const NODES: Role = Role::own("role: node", "__meta_kubernetes_node_annotation_stamp", &[Kind::Nodes]);

const SERVICES: Role = Role::own(
    "role: service",
    "__meta_kubernetes_service_annotation_stamp",
    &[Kind::Services],
);

const INGRESSES: Role = Role::own(
    "role: ingress",
    "__meta_kubernetes_ingress_annotation_stamp",
    &[Kind::Ingresses],
);

const ENDPOINTS: Role = Role::own(
    "role: endpoints",
    "__meta_kubernetes_endpoints_annotation_stamp",
    &[Kind::Endpoints, Kind::Services, Kind::Pods],
);

const SLICES: Role = Role::own(
    "role: endpointslice",
    "__meta_kubernetes_endpointslice_annotation_stamp",
    &[Kind::Slices, Kind::Services, Kind::Pods],
);

/// What is joined, by each role that does.
const OF_PODS: [Role; 2] = [
    Role::joined(
        "role: pod, attach_metadata: {node: true}",
        "__meta_kubernetes_node_annotation_stamp",
        &[Kind::Nodes, Kind::Pods],
    ),
    Role::joined(
        "role: pod, attach_metadata: {namespace: true}",
        "__meta_kubernetes_namespace_annotation_stamp",
        &[Kind::Namespaces, Kind::Pods],
    ),
];

const OF_ENDPOINTS: [Role; 3] = [
    Role::joined(
        "role: endpoints",
        "__meta_kubernetes_service_annotation_stamp",
        &[Kind::Services, Kind::Endpoints, Kind::Pods],
    ),
    Role::joined(
        "role: endpoints",
        "__meta_kubernetes_pod_annotation_stamp",
        &[Kind::Pods, Kind::Services, Kind::Endpoints],
    ),
    Role::joined(
        "role: endpoints, attach_metadata: {node: true}",
        "__meta_kubernetes_node_annotation_stamp",
        &[Kind::Nodes, Kind::Services, Kind::Endpoints, Kind::Pods],
    ),
];

const OF_SLICES: [Role; 3] = [
    Role::joined(
        "role: endpointslice",
        "__meta_kubernetes_service_annotation_stamp",
        &[Kind::Services, Kind::Slices, Kind::Pods],
    ),
    Role::joined(
        "role: endpointslice",
        "__meta_kubernetes_pod_annotation_stamp",
        &[Kind::Pods, Kind::Services, Kind::Slices],
    ),
    Role::joined(
        "role: endpointslice, attach_metadata: {node: true}",
        "__meta_kubernetes_node_annotation_stamp",
        &[Kind::Nodes, Kind::Services, Kind::Slices, Kind::Pods],
    ),
];

fn cluster() -> Scenario {
    let mut cluster = scenario(BackendKind::Kubernetes)
        .until(Span::mins(105))
        .calm(Span::mins(77))
        .hosts(Hosts::new(20).zones(3));
    for discoverers in &mut cluster.discoverers {
        discoverers.resync = Some(RESYNC);
    }
    cluster
}

/// Of pods, from a server that is made so.
pub(crate) fn rehearsal(scenario: &Scenario, seed: u64, site: fn() -> Kubernetes) -> Rehearsal {
    of_role(scenario, seed, PODS, site)
}

fn of_role(scenario: &Scenario, seed: u64, role: Role, site: impl Fn() -> Kubernetes + 'static) -> Rehearsal {
    let entry = format!("{{api_server: 'http://k8s.example', {}}}", role.entry);
    let rehearsal = Rehearsal::new(scenario, seed)
        .expect("it makes sense")
        .site("http://k8s.example/", site)
        .discoverer("cmdb", move |_| configured("kubernetes", &entry))
        .expect("they are in the scenario");
    let rehearsal = match role.is_own {
        true => rehearsal.stamped_by("cmdb", role.stamp),
        false => rehearsal.kept_by("cmdb", role.stamp),
    };
    rehearsal.expect("they are real").within(BOUND)
}

fn rehearsed(scenario: &Scenario, seed: u64, role: Role, streams: bool) -> Outcome {
    of_role(scenario, seed, role, move || Kubernetes::new(role.kinds, streams)).run()
}

/// All that an API server can do.
fn faults() -> Vec<FaultKind> {
    let mut faults: Vec<FaultKind> = FaultKind::EXAMPLES
        .into_iter()
        // It is one server.
        .filter(|kind| kind.applies_to(BackendKind::Kubernetes) && !matches!(kind, FaultKind::Disagree { .. }))
        .collect();
    let status = |code, retry_after| FaultKind::Status { code, retry_after };
    faults.extend([
        status(500, None),
        status(503, Some(Span::secs(20))),
        status(403, None),
        status(410, None),
    ]);
    faults
}

/// A server that lists in pages, and one that can list as the beginning of a watch.
const SERVERS: [bool; 2] = [false, true];

/// Minutes of trouble in which that many of a hundred requests are hit.
fn minutes(percent: u32) -> impl Fn(FaultKind) -> Fault {
    let lasts = SpanRange::between(Span::secs(20), Span::mins(4));
    move |kind| {
        Fault::new(kind)
            .every(Span::mins(8))
            .lasts(lasts)
            .rate(Ratio::percent(percent))
    }
}

fn check(role: Role, streams: bool, kind: FaultKind, fault: Fault) {
    let outcome = rehearsed(&cluster().fault(fault), 1, role, streams);
    let what = format!("{role:?}, streams: {streams}, {kind:?}");
    assert!(outcome.is_clean(), "{what}: {:?}", outcome.violations);
    assert!(outcome.metrics.changes_learned > 20, "{what}: {:?}", outcome.metrics);
}

/// Under every fault: any request may fail, and there are minutes of trouble, in which all do, or half of them, so that one kind
/// is hit and another is not.
fn survives(role: Role) {
    let one_in_ten = |kind| Fault::new(kind).rate(Ratio::percent(10));
    let ways: [&dyn Fn(FaultKind) -> Fault; 2] = [&one_in_ten, &minutes(if role.kinds.len() == 1 { 100 } else { 50 })];
    for (number, kind) in faults().into_iter().enumerate() {
        for (way, fault) in ways.iter().enumerate() {
            check(role, (number + way) % 2 == 0, kind, fault(kind));
        }
    }
}

#[test]
fn pods_survive() {
    for kind in faults() {
        for streams in SERVERS {
            check(PODS, streams, kind, Fault::new(kind).rate(Ratio::percent(10)));
            check(PODS, streams, kind, minutes(100)(kind));
        }
    }
}

#[test]
fn nodes_survive() {
    survives(NODES);
}

#[test]
fn services_survive() {
    survives(SERVICES);
}

#[test]
fn ingresses_survive() {
    survives(INGRESSES);
}

#[test]
fn endpoints_survive() {
    survives(ENDPOINTS);
}

#[test]
fn slices_survive() {
    survives(SLICES);
}

#[test]
fn what_is_joined_to_pods_survives() {
    OF_PODS.into_iter().for_each(survives);
}

#[test]
fn what_is_joined_to_endpoints_survives() {
    OF_ENDPOINTS.into_iter().for_each(survives);
}

#[test]
fn what_is_joined_to_slices_survives() {
    OF_SLICES.into_iter().for_each(survives);
}

#[test]
fn what_changes_is_there_at_once_while_all_is_well() {
    let own = [PODS, NODES, SERVICES, INGRESSES, ENDPOINTS, SLICES];
    let joined = OF_PODS.into_iter().chain(OF_ENDPOINTS).chain(OF_SLICES);
    for role in own.into_iter().chain(joined) {
        for seed in 0..2 {
            for streams in SERVERS {
                let outcome = rehearsed(&cluster(), seed, role, streams);
                let what = format!("{role:?}, streams: {streams}, seed {seed}");
                assert!(outcome.is_clean(), "{what}: {:?}", outcome.violations);
                assert!(outcome.metrics.changes_learned > 20, "{what}: {:?}", outcome.metrics);
                assert_eq!(outcome.metrics.vanished, 0, "{what}");
            }
        }
    }
}
