//! The simulator's suites, run until something is found. The environment says which bug is planted.

use std::process::ExitCode;

use headcount_sim::{InputLog, Outcome, Scenario, ShrinkLimits, Simulation, Swarm, drawn_world, shrink};

/// Shipped scenarios with more hosts than this are run with as many.
const MOST_HOSTS: u32 = 200;
/// How many seeds of each shipped scenario are run, besides the one it is written for.
const SEEDS: u64 = 3;

/// Runs worlds that seeds draw.
pub(crate) fn drawn(seeds: u64) -> Result<ExitCode, String> {
    for seed in 0..seeds {
        println!("seed {seed}");
        if said(seed + 1, "", &outcome(&drawn_world(seed), seed)?) {
            break;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Makes small what the world that a seed draws shows.
pub(crate) fn small(seed: u64) -> Result<ExitCode, String> {
    println!("seed {seed}");
    let world = drawn_world(seed);
    let (log, _) = InputLog::record(&world, seed).map_err(|problems| format!("{}: {problems}", world.name))?;
    let shrunk = shrink(&log, ShrinkLimits::default()).map_err(|error| error.to_string())?;
    let yaml = shrunk.yaml();
    eprintln!("{} (after {} events)\n{yaml}", shrunk.violation, shrunk.events);
    println!("small: {} lines, {} runs", yaml.lines().count(), shrunk.runs);
    Ok(ExitCode::SUCCESS)
}

/// Runs the scenarios that come with the simulator: each as it is written, and with some of its troubles.
pub(crate) fn shipped() -> Result<ExitCode, String> {
    let mut runs = 0;
    for shipped in headcount_sim::shipped() {
        let scenario = shipped
            .scenario()
            .map_err(|mistakes| format!("{}: {mistakes}", shipped.name))?;
        let hosts = scenario.hosts.count.min(MOST_HOSTS);
        let scenario = scenario.with_hosts(hosts);
        let swarm = Swarm::new(scenario.clone());
        for seed in 0..=SEEDS {
            println!("{} {seed}", shipped.name);
            runs += 1;
            let run = match seed {
                0 => outcome(&Swarm::new(scenario.clone()).as_written().drawn(1), 1)?,
                seed => outcome(&swarm.drawn(seed), seed)?,
            };
            if said(runs, shipped.name, &run) {
                return Ok(ExitCode::SUCCESS);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn outcome(scenario: &Scenario, seed: u64) -> Result<Outcome, String> {
    let run = Simulation::new(scenario, seed).map_err(|problems| format!("{}: {problems}", scenario.name))?;
    Ok(run.run())
}

/// Says what was found, if anything was.
fn said(runs: u64, scenario: &str, outcome: &Outcome) -> bool {
    let Some(violation) = outcome.violations.first() else {
        return false;
    };
    // For who runs this by hand; whoever fills the table needs no more than the line.
    eprintln!("{violation}");
    println!("found after {runs}: {} {scenario}", violation.rule);
    true
}
