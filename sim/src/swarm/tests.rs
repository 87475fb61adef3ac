use std::collections::BTreeSet;

use super::*;
use crate::{Backend, BackendKind, Churn, Condition, Discoverers, Fault, FaultKind, ProcessEvent, Ratio};

fn scenario() -> Scenario {
    Scenario::new("swarm")
        .until(Span::mins(2))
        .backend(Backend::new("cmdb", BackendKind::Http))
        .discoverers(Discoverers::of("cmdb").refresh(Span::secs(10)))
        .churn(Churn::steady(Ratio::percent(50), Span::mins(1)))
        .fault(Fault::new(FaultKind::Drop).rate(Ratio::percent(20)))
        .fault(Fault::new(FaultKind::Reset).rate(Ratio::percent(20)))
        .event(ProcessEvent::Reload {
            at: Span::secs(30),
            times: 1,
            every: Span::secs(1),
        })
}

#[test]
fn threads_change_nothing() {
    let swarm = Swarm::new(scenario()).seeds(5..25);
    let alone = swarm.run().expect("it makes sense");
    let together = swarm
        .jobs(NonZeroUsize::new(4).expect("four"))
        .run()
        .expect("it makes sense");
    assert_eq!(alone, together);
    assert_eq!((alone.first_seed, alone.runs), (5, 20));
}

#[test]
fn seeds_draw_what_goes_wrong() {
    let swarm = Swarm::new(scenario());
    let drawn: BTreeSet<_> = (0..100)
        .map(|seed| swarm.drawn(seed))
        .map(|drawn| (drawn.churn.len(), drawn.faults.len(), drawn.events.len()))
        .collect();
    assert!(drawn.contains(&(1, 2, 1)), "everything at once");
    assert!(drawn.contains(&(0, 0, 0)), "nothing at all");
    assert!(drawn.contains(&(1, 0, 1)) && drawn.contains(&(0, 2, 0)), "{drawn:?}");
    assert_eq!(Swarm::new(scenario()).as_written().drawn(3), scenario());
}

#[test]
fn what_must_be_seen_sometimes_may_be_missing_in_a_run_but_not_in_all() {
    let seen = scenario().expect(Expectation::Sometimes(Mark::UnchangedUpdate));
    let report = Swarm::new(seen).seeds(0..10).run().expect("it makes sense");
    assert!(report.is_clean(), "{report}");
    let unseen = scenario().expect(Expectation::Sometimes(Mark::Relisted));
    let report = Swarm::new(unseen).seeds(0..10).run().expect("it makes sense");
    assert_eq!(report.missed, [Mark::Relisted]);
    assert!(!report.is_clean());
}

#[test]
fn it_ends_when_it_is_told_to() {
    let report = Swarm::new(scenario())
        .seeds(0..1_000)
        .run_of::<Manager<Spec>>(|seed, _| seed < 4)
        .expect("it makes sense");
    assert_eq!(report.runs, 5);
}

#[test]
fn a_failure_is_told_with_its_seed() {
    let impossible = Expectation::Always(Condition::StaleAtMost(Span::from_nanos(1)));
    let swarm = Swarm::new(scenario().expect(impossible)).as_written().seeds(7..9);
    let report = swarm.run().expect("it makes sense");
    let seeds: Vec<u64> = report.failures.iter().map(|failure| failure.seed).collect();
    assert_eq!(seeds, [7, 8]);
}
