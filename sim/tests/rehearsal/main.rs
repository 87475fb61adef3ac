//! The discoverers that production runs, in the simulator's world.

#![allow(clippy::expect_used, reason = "a panic is the report")]

mod file;
mod http;

use headcount_discoverer::Discoverer;
use headcount_discoverer::mechanism::SdConfig;
use headcount_sim::{
    Backend, BackendKind, Change, Churn, Discoverers, Hosts, Ratio, Receiver, Scenario, Span, SpanRange,
};

/// Twenty hosts that are replaced and relabelled for 25 minutes, and five minutes for everything to come right.
fn scenario(kind: BackendKind) -> Scenario {
    Scenario::new("rehearsed")
        .until(Span::mins(30))
        .calm(Span::mins(5))
        .hosts(Hosts::new(20).zones(3))
        .backend(Backend::new("cmdb", kind))
        .discoverers(Discoverers::of("cmdb"))
        .receiver(Receiver::new(SpanRange::between(Span::ZERO, Span::secs(1))))
        .churn(Churn::steady(Ratio::percent(10), Span::mins(1)))
        .churn(Churn::Steady {
            rate: Ratio::percent(5),
            every: Span::mins(1),
            change: Change::Relabel,
        })
}

fn built(config: SdConfig) -> Box<dyn Discoverer> {
    config.discoverer().expect("it is supported")
}
