use super::*;
use crate::{Backend, BackendKind, Discoverers, FaultKind, Hosts, Ratio, Scenario, SpanRange};

fn scenario() -> Scenario {
    let steady = Span::millis(20);
    Scenario::new("explained")
        .until(Span::mins(5))
        .hosts(Hosts::new(3))
        .backend(
            Backend::new("cmdb", BackendKind::Http)
                .delay(SpanRange::exactly(Span::secs(3)))
                .latency(SpanRange::exactly(steady)),
        )
        .discoverers(Discoverers::of("cmdb").refresh(Span::secs(10)))
        .happens(Span::secs(60), Happening::Down { host: HostId(1) })
}

fn explained(scenario: &Scenario, host: u32, at: Span) -> Explanation {
    let simulation = Simulation::new(scenario, 7).expect("it makes sense");
    let explanation = explain(simulation, HostId(host), at).expect("it makes sense");
    explanation.expect("the host was there")
}

#[test]
fn a_change_is_told_hop_by_hop() {
    let explanation = explained(&scenario(), 1, Span::mins(2));
    let [way] = &explanation.ways[..] else {
        panic!("one discoverer")
    };
    assert_eq!(way.missing, None);
    let hops: Vec<&str> = way.hops.iter().map(|hop| hop.what.as_str()).collect();
    assert!(
        matches!(
            hops[..],
            [
                "the host goes",
                _,
                _,
                "d0 is answered",
                "the manager takes the update in",
                _
            ]
        ),
        "{hops:?}"
    );
    assert_eq!(way.hops[1].waited, Span::secs(3), "the backend's delay");
    assert_eq!(way.hops[3].waited, Span::millis(20), "the call's latency");
    assert!(way.hops.is_sorted_by_key(|hop| hop.at));
}

#[test]
fn what_is_missing_is_told_with_its_reason() {
    let shown_later = explained(&scenario(), 1, Span::secs(61)).to_string();
    assert!(
        shown_later.contains("`cmdb` does not show it yet; a change takes 3s"),
        "{shown_later}"
    );
    let window = Happening::Window {
        kind: FaultKind::Partition,
        covers: crate::Covered::Everyone,
        rate: Ratio::ALWAYS,
        lasts: Span::mins(2),
        fault: 0,
    };
    let cut_off = explained(&scenario().happens(Span::secs(60), window), 1, Span::mins(2)).to_string();
    assert!(
        cut_off.contains("d0 has not seen it yet (a call failed at"),
        "{cut_off}"
    );
}

#[test]
fn what_the_guard_holds_is_told() {
    let guard = crate::Guard::new(Ratio::percent(30), Span::mins(2));
    let guarded = scenario().manager(crate::Manager::default().guard(guard));
    let held = explained(&guarded, 1, Span::mins(2)).to_string();
    assert!(held.contains("the guard holds it, with 1 targets in all"), "{held}");
    assert!(held.contains("the guard holds it still"), "{held}");
    let over = explained(&guarded, 1, Span::mins(4));
    let hops = &over.ways[0].hops;
    let let_go = hops.iter().find(|hop| hop.what == "the guard lets it go");
    assert_eq!(let_go.map(|hop| hop.waited), Some(Span::mins(2)), "{over}");
    assert_eq!(over.ways[0].missing, None, "{over}");
}

#[test]
fn what_was_there_from_the_start_is_told_too() {
    let explanation = explained(&scenario(), 2, Span::mins(1));
    assert!(explanation.is_up && explanation.changed.is_zero());
    assert_eq!(explanation.ways[0].missing, None, "{explanation}");
    let nobody = Simulation::new(&scenario(), 7).expect("it makes sense");
    assert_eq!(explain(nobody, HostId(99), Span::mins(1)), Ok(None));
}
