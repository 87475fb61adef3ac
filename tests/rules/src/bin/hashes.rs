//! What fixed runs come to, for comparing it between platforms (B08): two lines a run, which are the
//! same wherever this is built for. `.ci/platforms` compares 64-bit, 32-bit and WebAssembly.
//!
//! `cargo run -p headcount-rules --bin hashes`
//!
//! The first line has the run's hash and the recorder's, into which go every event as it is written
//! and, time and again, every label of the receiver's snapshot in its order. The second is the whole
//! outcome, so that a difference can be read.

#![allow(clippy::print_stdout, reason = "a program says what it found")]

use headcount_sim::{Recorder, Simulation, shipped};

/// So that the default fleet, which is large, takes as long as the others.
const MOST_HOSTS: u32 = 1_000;
const SEEDS: [u64; 2] = [1, 0xdead_beef_0000_0007];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for shipped in shipped() {
        let scenario = shipped.scenario()?;
        let hosts = scenario.hosts.count.min(MOST_HOSTS);
        let scenario = scenario.with_hosts(hosts);
        for seed in SEEDS {
            let simulation = Simulation::new(&scenario, seed)?;
            let (log, outcome) = Recorder::new(simulation, 1_000).run();
            let chain = log.links.last().map_or(0, |link| link.hash);
            println!(
                "{} {seed}: {}, {} events, run {:016x}, recorded {chain:016x}",
                shipped.name, outcome.time, outcome.events, outcome.hash
            );
            println!("{}", serde_json::to_string(&outcome)?);
        }
    }
    Ok(())
}
