//! `puppetdb`, under everything that can happen to its one request.

use headcount_sim::{BackendKind, Fault, FaultKind, Outcome, Ratio, Rehearsal, Scenario, ShownHost, Span, SpanRange};
use serde_json::{Value, json};

use super::{configured, scenario};

const ENTRY: &str = "{url: 'http://puppetdb.example', query: 'resources { }', include_parameters: true, port: 9100, \
                     refresh_interval: 15s}";

/// A resource for each host.
fn resources(hosts: &[ShownHost]) -> Vec<u8> {
    let resources = hosts.iter().map(|host| {
        let certname = host.address.split(':').next();
        json!({"certname": certname, "type": "Class", "title": "Node", "parameters": {"stamp": host.stamp}})
    });
    Value::Array(resources.collect()).to_string().into_bytes()
}

fn rehearsed(scenario: &Scenario, seed: u64) -> Outcome {
    Rehearsal::new(scenario, seed)
        .expect("it makes sense")
        .serve("http://puppetdb.example/pdb/query/v4", resources)
        .discoverer("cmdb", |_| configured("puppetdb", ENTRY))
        .expect("they are in the scenario")
        .stamped_by("cmdb", "__meta_puppetdb_parameter_stamp")
        .expect("they are real")
        .within(Span::mins(2))
        .run()
}

fn check(fault: impl Fn(FaultKind) -> Fault) {
    for kind in super::http_faults() {
        let outcome = rehearsed(&scenario(BackendKind::Http).fault(fault(kind)), 1);
        assert!(outcome.is_clean(), "{kind:?}: {:?}", outcome.violations);
        assert!(outcome.metrics.changes_learned > 20, "{kind:?}: {:?}", outcome.metrics);
    }
}

#[test]
fn any_request_may_fail() {
    check(|kind| Fault::new(kind).rate(Ratio::percent(20)));
}

#[test]
fn it_survives_minutes_of_trouble() {
    let lasts = SpanRange::between(Span::secs(20), Span::mins(3));
    check(|kind| Fault::new(kind).every(Span::mins(7)).lasts(lasts));
}
