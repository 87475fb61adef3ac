//! Where targets are looked up: in a service in this process, or in a daemon over the network.
//!
//! * `api`: asks either of them.
//! * `answers`, `events`, `operator`, `status`: what they answer. `host`: when two names are nearly those of one host.
//!
//! The one rule: **both are asked the same way.** A service answers as a daemon's API does; so no
//! question can tell them apart, or say other things of either.

mod answers;
mod api;
mod events;
mod host;
mod operator;
pub(crate) mod status;

use std::time::{Duration, SystemTime};

pub(crate) use answers::{Labels, Overview, Same, Step, Target};
pub use api::Api;
pub(crate) use events::{Event, Events};
pub(crate) use host::{distance_within, near};
pub(crate) use operator::{Became, Confirmed, Hold, Refreshed};

/// What time it is, in seconds since 1970-01-01 UTC.
pub(crate) fn unix_now() -> f64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap_or_default().as_secs_f64()
}

/// How long ago a moment was, for people.
pub(crate) fn ago(at: f64, now: f64) -> String {
    let seconds = Duration::try_from_secs_f64(now - at).unwrap_or_default().as_secs();
    format!("{} ago", headcount_core::format_duration(Duration::from_secs(seconds)))
}
