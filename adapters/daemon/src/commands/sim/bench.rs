//! `headcount sim bench`: how fast the simulator is.
//!
//! One fixed run: a fixed seed and no faults, so that only the code can make the figures differ. **Work
//! is counted** (comparisons, nodes, allocations, bytes), so that two versions can be told apart on a
//! busy machine; of that only allocations depend on the toolchain, and only a build with the feature
//! `count-allocations` counts them. Time and memory are this machine's.

use std::process::ExitCode;
use std::time::Instant;

use headcount_sim::{
    Backend, BackendKind, Checks, Churn, Discoverers, Hosts, Outcome, Ratio, Scenario, Simulation, Span,
};

use super::cli::{BenchOptions, Format};
use super::work::{Allocations, Counted, Measured};
use super::{ending, progress, run};
use crate::console;

const SEED: u64 = 1;

pub(super) fn bench(options: &BenchOptions) -> anyhow::Result<ExitCode> {
    let scenario = workload(options);
    let mut made = Allocations::default();
    let simulation = made.during(|| Simulation::new(&scenario, SEED));
    let mut simulation = match simulation {
        Ok(simulation) => simulation,
        Err(problems) => return ending::senseless("bench", problems),
    };
    if options.output == Format::Table {
        console::print(&format!("{}\n", scenario.opening(SEED)))?;
    }
    let start = Instant::now();
    // What shows the progress allocates as well, if somebody watches.
    progress::in_parts(&mut simulation, "", |simulation, until| {
        made.during(|| simulation.run_until(until));
    });
    let elapsed = start.elapsed();
    let outcome = simulation.outcome();
    let counted = Counted::new(&simulation.work_done(), &made, &outcome);
    match options.output {
        Format::Table => console::print(&format!("{}\n{}", outcome.table(), counted.table()))?,
        Format::Json => {
            let measured = Measured {
                outcome: &outcome,
                work: counted.json(),
            };
            super::print_json(&measured)?;
        }
    }
    console::complain(&run::speed(&outcome, elapsed));
    console::complain(&per_event(&outcome, elapsed.as_nanos()));
    if made.counts().is_none() {
        console::complain(
            "allocations were not counted; build with `--features count-allocations` to have them counted",
        );
    }
    if !outcome.is_clean() {
        let BenchOptions {
            until,
            hosts,
            discoverers,
            ..
        } = options;
        console::complain(&format!(
            "again: headcount sim bench --until {until} --hosts {hosts} --discoverers {discoverers}"
        ));
    }
    Ok(ending::code(&outcome))
}

/// Hosts of which one in a hundred is replaced each minute, and discoverers that ask each 30 s.
fn workload(options: &BenchOptions) -> Scenario {
    Scenario::new("bench")
        .seed(SEED)
        .until(options.until)
        .hosts(
            Hosts::new(options.hosts)
                .services(options.discoverers)
                .zones(3.min(options.hosts)),
        )
        .backend(Backend::new("cmdb", BackendKind::Http))
        .discoverers(Discoverers::of("cmdb").refresh(Span::secs(30)))
        .churn(Churn::steady(Ratio::percent(1), Span::mins(1)))
        .checks(if options.unchecked { Checks::None } else { Checks::Cheap })
}

fn per_event(outcome: &Outcome, nanos: u128) -> String {
    let events = u128::from(outcome.events.max(1));
    format!("{} events, {} ns each", outcome.events, nanos / events)
}
