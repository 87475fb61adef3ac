use super::*;
use crate::{
    Backend, BackendKind, Churn, Condition, Discoverers, Expectation, Fault, FaultKind, Happening, Hosts, Ratio,
    Scenario, SpanRange,
};

fn scenario() -> Scenario {
    Scenario::new("explored")
        .until(Span::mins(30))
        .calm(Span::mins(5))
        .hosts(Hosts::new(20).services(2).zones(2))
        .backend(Backend::new("cmdb", BackendKind::Http))
        .discoverers(Discoverers::of("cmdb").refresh(Span::secs(30)))
        .churn(Churn::steady(Ratio::percent(10), Span::mins(1)))
        .churn(Churn::ZoneLoss {
            at: Span::mins(9),
            zone: 0,
            lasts: Span::mins(3),
        })
        .fault(
            Fault::new(FaultKind::Refused)
                .every(Span::mins(8))
                .lasts(SpanRange::between(Span::secs(10), Span::mins(3))),
        )
        .fault(Fault::new(FaultKind::Drop).rate(Ratio::percent(5)))
        .expect(Expectation::Always(Condition::StaleAtMost(Span::mins(3))))
}

fn log() -> InputLog {
    InputLog::record(&scenario(), 3).expect("it makes sense").0
}

#[test]
fn up_to_the_moment_it_is_the_run_and_then_each_is_another() {
    let (log, at) = (log(), Span::mins(10));
    let futures = Futures::of(&log, at).expect("it goes well so far");
    let before = |log: &InputLog| -> Vec<_> {
        let until = log.inputs.iter().filter(|input| input.at <= at);
        until.cloned().collect()
    };
    let mut hashes = std::collections::BTreeSet::new();
    for seed in 0..6 {
        let (future, outcome) = futures.record(seed).expect("it makes sense");
        assert_eq!(before(&future), before(&log), "seed {seed}");
        hashes.insert(outcome.hash);
        // What had begun goes on: the zone comes back when it would have.
        let back = future.inputs.iter().filter(|input| {
            input.at == Span::mins(12) && matches!(input.what, Happening::Up { looks, .. } if looks.zone == 0)
        });
        assert_eq!(back.count(), 10, "seed {seed}");
        // It is a log like any other.
        let again = future.run().expect("it makes sense");
        assert!(again.differs.is_none(), "seed {seed}: {:?}", again.differs);
        assert_eq!(again.outcome, outcome, "seed {seed}");
        let text = InputLog::read(&future.to_string()).expect("it can be read");
        assert_eq!(text, future);
    }
    assert_eq!(hashes.len(), 6);
}

#[test]
fn it_says_how_many_come_to_harm_and_by_what() {
    let futures = Futures::of(&log(), Span::mins(10))
        .expect("it goes well so far")
        .seeds(0..40);
    let explored = futures.run();
    assert_eq!(
        explored,
        futures.clone().jobs(NonZeroUsize::new(3).expect("three")).run(),
        "whoever runs it"
    );
    let failed = explored.failures.len() as u64;
    assert!(failed > 0 && failed < 40, "{explored}");
    assert_eq!(explored.clean(), 40 - failed);
    let causes = explored.causes();
    assert_eq!(causes.iter().map(|(times, _)| times).sum::<u64>(), failed);
    let SwarmFailure { seed, violation } = causes[0].1;
    let (log, outcome) = futures.record(*seed).expect("it makes sense");
    assert_eq!(outcome.violations.first(), Some(violation));
    assert_eq!(
        log.run().expect("it makes sense").outcome.violations.first(),
        Some(violation)
    );
    let said = explored.to_string();
    assert!(
        said.starts_with(&format!(
            "explored from 10m on: 40 futures (seeds 0 to 39), {} meet",
            40 - failed
        )),
        "{said}"
    );
}

#[test]
fn a_moment_that_is_none_is_said() {
    let over = Futures::of(&log(), Span::hours(1)).expect_err("it is over");
    assert_eq!(over.to_string(), "at 1h the run is over; it lasts 30m");
    let strict = scenario().expect(Expectation::Always(Condition::StaleAtMost(Span::secs(1))));
    let (log, _) = InputLog::record(&strict, 3).expect("it makes sense");
    let broken = Futures::of(&log, Span::mins(10)).expect_err("it was wrong by then");
    assert!(broken.to_string().contains("name a moment before that"), "{broken}");
}
