//! Waiting for what will happen.

use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take. Far more than it takes, for machines that are busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Time between two looks.
const PAUSE: Duration = Duration::from_millis(10);

/// Tries until it works.
///
/// # Panics
/// It does not work in time; the report has the last reason.
#[track_caller]
pub(crate) fn until<T>(what: &str, mut attempt: impl FnMut() -> Result<T, String>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match attempt() {
            Ok(value) => return value,
            Err(reason) if Instant::now() > deadline => {
                panic!("gave up after {PATIENCE:?} waiting until {what}; at last: {reason}")
            }
            Err(_) => thread::sleep(PAUSE),
        }
    }
}
