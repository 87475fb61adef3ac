//! What a run is and came to, as text for people.
//!
//! **The same run gives the same bytes**: nothing in a report knows the wall's clock.

mod log;
mod outcome;
mod rows;
mod scenario;

pub use log::{LEGEND, short_log};
pub(crate) use outcome::short;
pub use rows::{bytes, count, table};
