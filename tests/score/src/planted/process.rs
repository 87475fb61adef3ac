//! A process of which only one thing is wanted: whether it finds something.

use core::time::Duration;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Instant;

use super::suite::Found;

/// How a process ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// It said that it found something, and was ended.
    Said(Found),
    /// By itself, with nothing found.
    Well,
    /// By itself, otherwise than well.
    Badly(String),
    /// Not in time; this was its last line.
    Never(String),
}

/// Runs a process until it says that it found something, and at most so long in all and between two of its lines.
pub(crate) fn run(
    mut command: Command,
    longest: Duration,
    silence: Duration,
    says: impl Fn(&str) -> Option<Found>,
) -> Result<Ended, String> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = command
        .spawn()
        .map_err(|error| format!("starting {command:?}: {error}"))?;
    let output = child.stdout.take().ok_or("a process has no output")?;
    let (send, lines) = channel();
    // It ends with the process, whose output it reads.
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if send.send(line).is_err() {
                return;
            }
        }
    });
    let began = Instant::now();
    let mut last = String::from("its start");
    loop {
        let left = longest.saturating_sub(began.elapsed()).min(silence);
        match lines.recv_timeout(left) {
            Ok(line) => {
                if let Some(found) = says(&line) {
                    end(&mut child);
                    return Ok(Ended::Said(found));
                }
                last = line;
            }
            Err(RecvTimeoutError::Timeout) => {
                end(&mut child);
                return Ok(Ended::Never(last));
            }
            Err(RecvTimeoutError::Disconnected) => {
                let status = child
                    .wait()
                    .map_err(|error| format!("waiting for {command:?}: {error}"))?;
                return Ok(match status.success() {
                    true => Ended::Well,
                    false => Ended::Badly(format!("ended with {status} after {last}")),
                });
            }
        }
    }
}

fn end(child: &mut Child) {
    // One that has ended by itself meanwhile can't be ended, and is as good.
    child.kill().ok();
    child.wait().ok();
}
