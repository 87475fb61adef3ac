//! How far a command is: a line on standard error that writes over itself, on a terminal only.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};
use std::time::{Duration, Instant};

use headcount_sim::{Outcome, Simulation, Span};

/// What takes no longer than this shows nothing.
const PATIENCE: Duration = Duration::from_millis(500);
const PAUSE: Duration = Duration::from_millis(100);
const WIDTH: u64 = 30;
/// In how many parts a run is done.
const PARTS: u64 = 2_000;

/// A line that says how far something is.
pub(super) struct Bar {
    start: Instant,
    shown: Option<Instant>,
    is_terminal: bool,
}

impl Bar {
    pub(super) fn new() -> Self {
        Self {
            start: Instant::now(),
            shown: None,
            is_terminal: io::stderr().is_terminal(),
        }
    }

    /// So much is done of so much in all; `what` says it in words, and is asked when it is shown.
    pub(super) fn at(&mut self, done: u64, all: u64, what: impl FnOnce() -> String) {
        let is_due = self
            .shown
            .map_or(self.start.elapsed() > PATIENCE, |last| last.elapsed() > PAUSE);
        if self.is_terminal && is_due {
            draw(done.min(all), all.max(1), &what(), self.start.elapsed());
            self.shown = Some(Instant::now());
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if self.shown.is_some() {
            show("\r\x1b[K");
        }
    }
}

/// Runs to the end, showing how far it is.
pub(super) fn run(simulation: Simulation) -> Outcome {
    watched(simulation, "", |_| {})
}

/// Runs to the end, showing how far it is, with `what` in front; `inspect` sees the run between its
/// parts.
pub(super) fn watched(mut simulation: Simulation, what: &str, mut inspect: impl FnMut(&mut Simulation)) -> Outcome {
    in_parts(&mut simulation, what, |simulation, until| {
        simulation.run_until(until);
        inspect(simulation);
    });
    simulation.outcome()
}

/// Has `go` run the simulation to the end, part by part, and shows in between how far it is.
pub(super) fn in_parts(simulation: &mut Simulation, what: &str, mut go: impl FnMut(&mut Simulation, Span)) {
    let mut bar = Bar::new();
    let end = simulation.scenario().until;
    for part in 1..=PARTS {
        let until = Span::from_nanos((u128::from(end.as_nanos()) * u128::from(part) / u128::from(PARTS)) as u64);
        go(simulation, until);
        bar.at(part, PARTS, || format!("{what}{}", time(simulation.now(), end)));
    }
}

/// How far a run is, in words.
pub(super) fn time(now: Span, end: Span) -> String {
    format!("{} of {end}", Span::secs(now.as_nanos() / 1_000_000_000))
}

fn draw(done: u64, all: u64, what: &str, elapsed: Duration) {
    let full = u128::from(done) * u128::from(WIDTH) / u128::from(all);
    let mut line = String::from("\r\x1b[K[");
    for place in 0..u128::from(WIDTH) {
        line.push(if place < full { '█' } else { '·' });
    }
    // Writing into memory does not fail.
    write!(line, "] {what}").ok();
    if done > 0 {
        let left = elapsed.as_secs_f64() * (all - done) as f64 / done as f64;
        write!(line, ", {left:.0} s to go").ok();
    }
    show(&line);
}

/// Nothing is lost when it can't be shown.
fn show(text: &str) {
    let mut out = io::stderr().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).ok();
}
