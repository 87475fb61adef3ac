//! How far a run is: a line on standard error that writes over itself, on a terminal only.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};
use std::time::{Duration, Instant};

use headcount_sim::{Outcome, Simulation, Span};

/// A run that takes no longer than this shows nothing.
const PATIENCE: Duration = Duration::from_millis(500);
const PAUSE: Duration = Duration::from_millis(100);
const WIDTH: u64 = 30;
/// How many parts a run is looked at in.
const PARTS: u64 = 2_000;

/// Runs to the end, showing how far it is.
pub(super) fn run(simulation: Simulation) -> Outcome {
    watched(simulation, |_| {})
}

/// Runs to the end, showing how far it is; `look` sees the run between its parts.
pub(super) fn watched(mut simulation: Simulation, mut look: impl FnMut(&mut Simulation)) -> Outcome {
    let start = Instant::now();
    let mut shown: Option<Instant> = None;
    let is_terminal = io::stderr().is_terminal();
    let end = simulation.scenario().until;
    for part in 1..=PARTS {
        let until = Span::from_nanos((u128::from(end.as_nanos()) * u128::from(part) / u128::from(PARTS)) as u64);
        simulation.run_until(until);
        look(&mut simulation);
        let is_due = shown.map_or(start.elapsed() > PATIENCE, |last| last.elapsed() > PAUSE);
        if is_terminal && is_due {
            draw(part, simulation.now(), end, start.elapsed());
            shown = Some(Instant::now());
        }
    }
    if shown.is_some() {
        show("\r\x1b[K");
    }
    simulation.outcome()
}

fn draw(part: u64, now: Span, end: Span, elapsed: Duration) {
    let full = part * WIDTH / PARTS;
    let left = elapsed.as_secs_f64() * (PARTS - part) as f64 / part as f64;
    let mut line = String::from("\r\x1b[K[");
    for place in 0..WIDTH {
        line.push(if place < full { '█' } else { '·' });
    }
    // Writing into memory does not fail.
    write!(
        line,
        "] {} of {end}, {left:.0} s to go",
        Span::secs(now.as_nanos() / 1_000_000_000)
    )
    .ok();
    show(&line);
}

/// Nothing is lost when it can't be shown.
fn show(text: &str) {
    let mut out = io::stderr().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).ok();
}
