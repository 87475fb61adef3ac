//! A discoverer of one's own that speaks its own protocol over TCP, and a mistake in it that the rehearsal finds.
//!
//! `cargo run -p headcount-sim --example tcp_discoverer`

use std::time::Duration;

use headcount_core::{Encoder, Update};
use headcount_discoverer::env::{Connection, Endpoint};
use headcount_discoverer::refresh::{self, Refresh, RefreshError, Refreshed};
use headcount_discoverer::{Env, Updates};
use headcount_sim::{
    Backend, BackendKind, Churn, Discoverers, Fault, FaultKind, Hosts, Outcome, Problems, Ratio, Rehearsal, Scenario,
    Shown, Span, Wire,
};

/// For how long the registry may say nothing.
const PATIENCE: Duration = Duration::from_secs(5);

fn registry() -> Endpoint {
    Endpoint::tcp("registry", 7070)
}

/// Asks the registry `list`, and is sent an address a line, and `.` at the end.
struct Registry {
    encoder: Encoder,
    /// Whether a list without its end is none.
    is_careful: bool,
}

impl Registry {
    /// What the registry says until it says that this is all, or closes the connection.
    async fn ask(&self, env: &Env) -> Result<String, RefreshError> {
        let soon = |error: &dyn core::fmt::Display| RefreshError::soon(error.to_string());
        let connection = env.connections.connect(&registry(), PATIENCE).await;
        let mut connection: Connection = connection.map_err(|error| soon(&error))?;
        let asked = connection.write_all(b"list\n", PATIENCE).await;
        asked.map_err(|error| soon(&error))?;
        let (mut heard, mut buffer) = (Vec::new(), [0; 4096]);
        while !heard.ends_with(b".\n") {
            let read = match connection.read(&mut buffer, PATIENCE).await {
                Ok(read) => read,
                // The mistake: what has come by then is taken for all.
                Err(_) if !self.is_careful => 0,
                Err(error) => return Err(soon(&error)),
            };
            if read == 0 {
                break;
            }
            heard.extend(buffer.iter().take(read));
        }
        Ok(String::from_utf8_lossy(&heard).into_owned())
    }
}

impl Refresh for Registry {
    async fn refresh(&mut self, env: &Env) -> Result<Refreshed, RefreshError> {
        let heard = self.ask(env).await?;
        let lines = match heard.strip_suffix(".\n") {
            Some(lines) => lines,
            None if !self.is_careful => heard.as_str(),
            None => return Err(RefreshError::soon("the list has no end")),
        };
        let mut batch = self.encoder.batch();
        // Half a line is no address.
        let addresses = lines.lines().filter(|line| line.ends_with(":9100"));
        let targets = addresses.map(|address| [("__address__", address)]);
        let shared: [(&str, &str); 0] = [];
        let group = batch.group("registry", shared, targets);
        group.map_err(|error| RefreshError::at_interval(error.to_string()))?;
        Ok(Refreshed::Update(Update::full(batch.finish())))
    }
}

/// The other side: it answers each question, and knows nothing of what goes wrong on the way.
struct Server;

impl Wire for Server {
    fn hear(&mut self, _connection: u64, bytes: &[u8], shown: &Shown) -> Vec<u8> {
        if bytes != b"list\n" {
            return b"?\n".to_vec();
        }
        let lines: String = shown.hosts.iter().map(|host| format!("{}\n", host.address)).collect();
        (lines + ".\n").into_bytes()
    }

    fn changed(&mut self, _shown: &Shown) -> Vec<(u64, Vec<u8>)> {
        Vec::new()
    }

    fn closed(&mut self, _connection: u64) {}
}

/// An hour in which one answer in ten breaks off, and one call in twenty gets lost.
fn rehearsed(seed: u64, is_careful: bool) -> Result<Outcome, Box<dyn std::error::Error>> {
    let scenario = Scenario::new("an hour of a registry")
        .until(Span::hours(1))
        .calm(Span::mins(5))
        .hosts(Hosts::new(100).zones(3))
        .backend(Backend::new("registry", BackendKind::Http))
        .discoverers(Discoverers::of("registry").refresh(Span::secs(30)))
        .churn(Churn::steady(Ratio::percent(5), Span::mins(1)))
        .fault(Fault::new(FaultKind::Truncated).rate(Ratio::percent(10)))
        .fault(Fault::new(FaultKind::Drop).rate(Ratio::percent(5)));
    let rehearsal: Result<Rehearsal, Problems> = Rehearsal::new(&scenario, seed);
    let make = move |_| -> Box<dyn headcount_discoverer::Discoverer> {
        Box::new(move |env: Env, updates: Updates| async move {
            let registry = Registry {
                encoder: Encoder::new(),
                is_careful,
            };
            refresh::run(Span::secs(30).into(), registry, env, updates).await;
        })
    };
    let rehearsal = rehearsal?.wire(registry(), || Server).discoverer("registry", make)?;
    Ok(rehearsal.within(Span::mins(3)).run())
}

#[allow(clippy::print_stdout, reason = "an example shows what it does")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    for is_careful in [true, false] {
        let what = if is_careful { "careful" } else { "careless" };
        for seed in 0..20 {
            let outcome = rehearsed(seed, is_careful)?;
            if let Some(violation) = outcome.violations.first() {
                println!("{what}, seed {seed}: {violation}");
                break;
            }
            if seed == 19 {
                let failures = outcome.metrics.failures;
                println!("{what}: 20 hours without a broken rule; {failures} calls failed in the last one");
            }
        }
    }
    Ok(())
}
