//! A day of 20,000 hosts, 2,000 discoverers and 1 % of hosts replaced a minute, timed.
//!
//! `cargo run --release -p headcount-sim --example day [SEED]`

#![allow(clippy::print_stdout, reason = "an example says what it found")]

use std::time::Instant;

use headcount_sim::{
    Backend, BackendKind, Churn, Discoverers, Hosts, Outcome, Problems, Ratio, Scenario, Simulation, Span,
};

fn main() -> Result<(), Problems> {
    let scenario = Scenario::new("day")
        .until(Span::hours(24))
        .hosts(Hosts::new(20_000).services(2_000).zones(3))
        .backend(Backend::new("cmdb", BackendKind::Http))
        .discoverers(Discoverers::of("cmdb").refresh(Span::secs(30)))
        .churn(Churn::steady(Ratio::percent(1), Span::mins(1)));
    let seed = std::env::args().nth(1).and_then(|seed| seed.parse().ok()).unwrap_or(7);

    let started = Instant::now();
    let outcome: Outcome = Simulation::new(&scenario, seed)?.run();
    let wall = started.elapsed();

    println!("{outcome:#?}");
    let virtual_seconds = outcome.time.as_nanos() / 1_000_000_000;
    let millis = u64::try_from(wall.as_millis()).unwrap_or(u64::MAX).max(1);
    println!(
        "{wall:.2?} of wall time: {} virtual seconds and {} events per second",
        virtual_seconds * 1_000 / millis,
        outcome.events * 1_000 / millis
    );
    Ok(())
}
