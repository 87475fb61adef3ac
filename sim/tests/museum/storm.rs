//! A small world in which everything can go wrong.

use headcount_sim::{
    Backend, BackendKind, Change, Churn, Discoverers, Fault, FaultKind, Guard, Hosts, Jobs, Manager, ProcessEvent,
    Queue, Ratio, Receiver, Restarted, Scenario, Span, SpanRange,
};

/// How many seeds a bug may take to be found.
pub(crate) const SEEDS: u64 = 32;

/// The same storm around a manager with a guard, with empty answers and an operator.
pub(crate) fn guarded_storm() -> Scenario {
    let guard = Guard::new(Ratio::percent(30), Span::mins(1));
    storm()
        .about("The storm, and a manager that holds what is lost all at once.")
        .manager(Manager::default().guard(guard))
        .fault(Fault::new(FaultKind::Empty).rate(Ratio::percent(5)))
        .event(ProcessEvent::Confirm {
            at: Span::secs(210),
            share: Ratio::percent(50),
        })
}

pub(crate) fn storm() -> Scenario {
    let mut scenario = Scenario::new("storm")
        .about("Twelve hosts behind every kind of backend, with most of what can go wrong.")
        .until(Span::mins(12))
        .calm(Span::mins(4))
        .hosts(Hosts::new(12).services(3).zones(2))
        .queue(Queue::new(8, Span::millis(20)))
        .receiver(Receiver::new(SpanRange::between(Span::ZERO, Span::secs(2))))
        .churn(Churn::steady(Ratio::percent(15), Span::mins(1)))
        .churn(Churn::Steady {
            rate: Ratio::percent(15),
            every: Span::mins(1),
            change: Change::Relabel,
        })
        .churn(Churn::ZoneLoss {
            at: Span::mins(3),
            zone: 1,
            lasts: Span::mins(2),
        })
        .fault(Fault::new(FaultKind::Drop).rate(Ratio::percent(20)))
        .fault(Fault::new(FaultKind::Reset).rate(Ratio::percent(10)))
        .fault(
            Fault::new(FaultKind::Partition)
                .every(Span::mins(3))
                .lasts(SpanRange::between(Span::secs(10), Span::secs(40))),
        )
        .fault(Fault::new(FaultKind::Truncated).rate(Ratio::percent(10)))
        .fault(Fault::new(FaultKind::NoData).rate(Ratio::percent(10)))
        .event(ProcessEvent::Reload {
            at: Span::mins(2),
            times: 3,
            every: Span::secs(20),
        })
        .event(ProcessEvent::ChangeConfig {
            at: Span::mins(4),
            share: Ratio::percent(50),
        })
        .event(ProcessEvent::RemoveJobs {
            at: Span::mins(5),
            share: Ratio::percent(50),
            lasts: Some(Span::mins(1)),
        })
        .event(ProcessEvent::Restart {
            at: Span::mins(6),
            what: Restarted::Discoverers,
            share: Ratio::percent(50),
            saved: false,
            age: Span::ZERO,
            version: None,
        })
        .event(ProcessEvent::PauseReceiver {
            at: Span::mins(7),
            lasts: Span::secs(20),
        });
    for (name, kind) in [
        ("static", BackendKind::Static),
        ("file", BackendKind::File),
        ("dns", BackendKind::Dns),
        ("http", BackendKind::Http),
        ("consul", BackendKind::Consul),
        ("kubernetes", BackendKind::Kubernetes),
    ] {
        scenario = scenario
            .backend(Backend::new(name, kind).wait(Span::secs(30)))
            .discoverers(
                Discoverers::of(name)
                    .refresh(Span::secs(15))
                    .retry(SpanRange::between(Span::secs(1), Span::secs(10))),
            )
            .jobs(Jobs::new(format!("{name}-job")).of(name));
    }
    scenario
}
