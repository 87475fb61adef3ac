//! `kubernetes`, under everything that an API server can do to it.

use headcount_sim::{BackendKind, Fault, FaultKind, Hosts, Outcome, Ratio, Rehearsal, Scenario, Span, SpanRange};

use super::kubernetes_site::Kubernetes;
use super::{configured, scenario};

const ENTRY: &str = "{role: pod, api_server: 'http://k8s.example'}";

/// The longest that a silent server is waited for, with all that comes after.
const BOUND: Span = Span::mins(5);

/// The longest until everything is listed again, which puts right what a list showed wrongly and what a watch did not tell.
pub(crate) const RESYNC: Span = Span::mins(60);

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

pub(crate) fn rehearsal(scenario: &Scenario, seed: u64, site: Make) -> Rehearsal {
    Rehearsal::new(scenario, seed)
        .expect("it makes sense")
        .site("http://k8s.example/", site)
        .discoverer("cmdb", |_| configured("kubernetes", ENTRY))
        .expect("they are in the scenario")
        .stamped_by("cmdb", "__meta_kubernetes_pod_annotation_stamp")
        .expect("they are real")
        .within(BOUND)
}

fn rehearsed(scenario: &Scenario, seed: u64, site: Make) -> Outcome {
    rehearsal(scenario, seed, site).run()
}

/// How a server is made.
type Make = fn() -> Kubernetes;

/// A server that lists in pages, and one that can list as the beginning of a watch.
const SERVERS: [(&str, Make); 2] = [("pages", Kubernetes::default), ("streams", Kubernetes::streaming)];

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

fn check(fault: impl Fn(FaultKind) -> Fault) {
    for kind in faults() {
        for (server, site) in SERVERS {
            let outcome = rehearsed(&cluster().fault(fault(kind)), 1, site);
            assert!(outcome.is_clean(), "{server}, {kind:?}: {:?}", outcome.violations);
            assert!(
                outcome.metrics.changes_learned > 20,
                "{server}, {kind:?}: {:?}",
                outcome.metrics
            );
        }
    }
}

#[test]
fn any_request_may_fail() {
    check(|kind| Fault::new(kind).rate(Ratio::percent(10)));
}

#[test]
fn it_survives_minutes_of_trouble() {
    let lasts = SpanRange::between(Span::secs(20), Span::mins(4));
    check(|kind| Fault::new(kind).every(Span::mins(8)).lasts(lasts));
}

#[test]
fn what_changes_is_there_at_once_while_all_is_well() {
    for seed in 0..4 {
        for (server, site) in SERVERS {
            let outcome = rehearsed(&cluster(), seed, site);
            assert!(outcome.is_clean(), "{server}, seed {seed}: {:?}", outcome.violations);
            assert_eq!(outcome.metrics.vanished, 0, "{server}, seed {seed}");
        }
    }
}
