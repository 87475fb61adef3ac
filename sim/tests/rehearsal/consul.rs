//! `consul`, under everything that a Consul server can do to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use headcount_sim::{BackendKind, Fault, FaultKind, Hosts, Outcome, Ratio, Rehearsal, Scenario, Site, Span, SpanRange};

use super::consul_site::Consul;
use super::{configured, scenario};

/// The tag keeps Consul's own servers out.
const ENTRY: &str = "{server: 'consul.example:8500', tags: [sim], refresh_interval: 15s}";

/// The longest that a blocking query hangs before it is given up, with all that comes after.
const BOUND: Span = Span::mins(5);

/// A catalog with a service for each of so many zones.
fn catalog(services: u32) -> Scenario {
    scenario(BackendKind::Consul)
        .until(Span::mins(if services > 10 { 26 } else { 40 }))
        .calm(Span::mins(12))
        .hosts(Hosts::new(services.max(20)).zones(services))
}

pub(crate) fn rehearsal<S: Site + 'static>(
    scenario: &Scenario,
    seed: u64,
    site: impl Fn() -> S + 'static,
) -> Rehearsal {
    Rehearsal::new(scenario, seed)
        .expect("it makes sense")
        .site("http://consul.example:8500/", site)
        .discoverer("cmdb", |_| configured("consul", ENTRY))
        .expect("they are in the scenario")
        .stamped_by("cmdb", "__meta_consul_service_metadata_stamp")
        .expect("they are real")
        .within(BOUND)
}

fn rehearsed<S: Site + 'static>(scenario: &Scenario, seed: u64, site: impl Fn() -> S + 'static) -> Outcome {
    rehearsal(scenario, seed, site).run()
}

/// All that a Consul server can do.
fn faults() -> Vec<FaultKind> {
    let mut faults: Vec<FaultKind> = FaultKind::EXAMPLES
        .into_iter()
        // It is one server.
        .filter(|kind| kind.applies_to(BackendKind::Consul) && !matches!(kind, FaultKind::Disagree { .. }))
        .collect();
    let status = |code, retry_after| FaultKind::Status { code, retry_after };
    faults.extend([status(500, None), status(503, Some(Span::secs(20))), status(403, None)]);
    faults
}

/// A few services, which are watched each by itself, with a connection for each and one for their list; and many,
/// which are swept, with three and eight. After many answers of "too many" a few are swept, too, by one at a time; and
/// of many so few can be left for a while that each is watched, up to 32 of them.
fn check(services: u32, most_open: usize, fault: impl Fn(FaultKind) -> Fault) {
    for kind in faults() {
        let scenario = catalog(services).fault(fault(kind));
        let peak = Arc::new(AtomicUsize::new(0));
        let counted = peak.clone();
        let outcome = rehearsed(&scenario, 1, move || Consul::counting(&counted));
        assert!(outcome.is_clean(), "{kind:?}: {:?}", outcome.violations);
        assert!(outcome.metrics.changes_learned > 20, "{kind:?}: {:?}", outcome.metrics);
        let peak = peak.load(Ordering::Relaxed);
        assert!(peak <= most_open, "{kind:?}: {peak} connections");
    }
}

fn now_and_then(kind: FaultKind) -> Fault {
    Fault::new(kind).rate(Ratio::percent(10))
}

fn for_minutes(kind: FaultKind) -> Fault {
    let lasts = SpanRange::between(Span::secs(20), Span::mins(4));
    Fault::new(kind).every(Span::mins(8)).lasts(lasts)
}

#[test]
fn of_a_few_services_any_question_may_fail() {
    check(3, 5, now_and_then);
}

#[test]
fn a_few_services_survive_minutes_of_trouble() {
    check(3, 5, for_minutes);
}

#[test]
fn of_many_services_any_question_may_fail() {
    check(40, 33, now_and_then);
}

#[test]
fn many_services_survive_minutes_of_trouble() {
    check(40, 33, for_minutes);
}

#[test]
fn a_server_that_comes_back_without_its_data_is_believed_until_it_has_them_again() {
    let minutes = |from, until, kind| Fault::new(kind).from(Span::mins(from)).until(Span::mins(until));
    let scenario = catalog(3)
        .fault(minutes(8, 10, FaultKind::Refused))
        .fault(minutes(10, 14, FaultKind::IndexReset).rate(Ratio::percent(50)))
        .fault(minutes(10, 14, FaultKind::Empty));
    for seed in 0..4 {
        let outcome = rehearsed(&scenario, seed, Consul::default);
        assert!(outcome.is_clean(), "seed {seed}: {:?}", outcome.violations);
        assert!(outcome.metrics.vanished > 0, "it said that there was nothing");
    }
}

#[test]
fn an_empty_answer_without_a_leader_is_not_believed() {
    let scenario = catalog(3).fault(Fault::new(FaultKind::Empty).from(Span::mins(8)).until(Span::mins(14)));
    let outcome = rehearsed(&scenario, 1, Consul::without_a_leader);
    assert!(outcome.is_clean(), "{:?}", outcome.violations);
    assert_eq!(outcome.metrics.vanished, 0);
    let believed = rehearsed(&scenario, 1, Consul::default);
    assert!(believed.metrics.vanished > 0);
}
