//! `ec2`, under everything that AWS can do to it.

use headcount_sim::{BackendKind, Fault, FaultKind, Outcome, Ratio, Rehearsal, Scenario, Span, SpanRange};

use super::ec2_site::Ec2;
use super::{configured, scenario};

const ENTRY: &str = "{region: eu-west-1, access_key: a, secret_key: s, port: 9100, refresh_interval: 15s}";

/// Who is throttled again and again is left alone for up to ten minutes.
const BOUND: Span = Span::mins(12);

fn region() -> Scenario {
    scenario(BackendKind::Http).until(Span::mins(40)).calm(Span::mins(14))
}

fn rehearsed(scenario: &Scenario, seed: u64) -> Outcome {
    Rehearsal::new(scenario, seed)
        .expect("it makes sense")
        .site("https://ec2.eu-west-1.amazonaws.com/", Ec2::default)
        .discoverer("cmdb", |_| configured("ec2", ENTRY))
        .expect("they are in the scenario")
        .stamped_by("cmdb", "__meta_ec2_tag_stamp")
        .expect("they are real")
        .within(BOUND)
        .run()
}

/// All that it can do.
fn faults() -> Vec<FaultKind> {
    let is_possible =
        |kind: &FaultKind| kind.applies_to(BackendKind::Http) && !matches!(kind, FaultKind::Disagree { .. });
    let mut faults: Vec<FaultKind> = FaultKind::EXAMPLES.into_iter().filter(is_possible).collect();
    let status = |code, retry_after| FaultKind::Status { code, retry_after };
    faults.extend([
        status(500, None),
        status(503, None),
        status(403, None),
        status(400, None),
    ]);
    faults
}

fn check(fault: impl Fn(FaultKind) -> Fault) {
    for kind in faults() {
        let outcome = rehearsed(&region().fault(fault(kind)), 1);
        assert!(outcome.is_clean(), "{kind:?}: {:?}", outcome.violations);
        assert!(outcome.metrics.changes_learned > 20, "{kind:?}: {:?}", outcome.metrics);
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
fn what_changes_is_found_within_an_interval_while_all_is_well() {
    for seed in 0..2 {
        let outcome = rehearsed(&region(), seed);
        assert!(outcome.is_clean(), "seed {seed}: {:?}", outcome.violations);
        assert_eq!(outcome.metrics.vanished, 0, "seed {seed}");
    }
}
