//! Waiting for what will happen.

use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take. Far more than it takes, for machines that are busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// Time between two looks.
const PAUSE: Duration = Duration::from_millis(10);

/// Tries until it works.
///
/// # Panics
/// It does not work in time; the report has the last reason.
#[track_caller]
pub(crate) fn until<T>(what: &str, attempt: impl FnMut() -> Result<T, String>) -> T {
    until_within(PATIENCE, what, attempt)
}

/// Like [`until`], for what takes longer than anything else.
///
/// # Panics
/// It does not work in time; the report has the last reason.
#[track_caller]
pub(crate) fn until_within<T>(patience: Duration, what: &str, mut attempt: impl FnMut() -> Result<T, String>) -> T {
    let deadline = Instant::now() + patience;
    loop {
        match attempt() {
            Ok(value) => return value,
            Err(reason) if Instant::now() > deadline => {
                panic!("gave up after {patience:?} waiting until {what}; at last: {reason}")
            }
            Err(_) => thread::sleep(PAUSE),
        }
    }
}
