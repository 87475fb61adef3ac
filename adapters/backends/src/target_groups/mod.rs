//! Lists of target groups, as files and servers write them.
//!
//! ```json
//! [{"targets": ["10.0.0.1:9100", …], "labels": {"rack": "1", …}}, …]
//! ```
//!
//! [`json`] and [`yaml`] decode straight from the bytes into a batch of groups: no string is
//! copied on the way unless it has escapes in it. **A list is taken whole or not at all**: one
//! entry that can't be understood refuses the list, with the entry and its place, because half a
//! list looks just like targets that are gone.
//!
//! What is accepted is what Prometheus accepts: a missing or `null` list is an empty one, a `null`
//! target, label value or whole document too; unknown fields, a `null` entry and values of
//! other types are refused. What JSON leaves open is as Go's decoder has it: of equal keys the last
//! counts, and what is no character in a string is U+FFFD (`go_json`).

mod collected;
mod entry;
mod go_json;
pub mod json;
mod numbers;
mod sink;
pub mod yaml;

use headcount_core::GroupError;
use headcount_discoverer::env::Cause;

pub use numbers::{gone, keep_numbers, number};

/// Where a list came from: what its groups are called and what label says so.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// The sources are `name:0`, `name:1`, … in the order of the list; [`keep_numbers`] lets groups keep theirs.
    pub name: &'a str,
    /// The name of a label that every group gets, with `name` as its value; it replaces one that
    /// the list gives.
    pub label: &'a str,
}

/// What a list held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Entries, each of which is a group now.
    pub groups: usize,
    /// Targets in all of them.
    pub targets: usize,
    /// How many of them have an address.
    pub addresses: usize,
    /// The line from which on a YAML file is not read, because its list ends before; 0 when it is not known.
    pub ignored_from: Option<u64>,
}

/// Why a list could not be decoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes are not text.
    #[error("byte {offset} (line {line}) is not UTF-8; write the list in UTF-8")]
    NotUtf8 {
        /// The first byte that is not, counted from 0.
        offset: usize,
        /// Its line, counted from 1.
        line: usize,
    },
    /// The text is not JSON or YAML, or not a list of target groups.
    #[error("{}{cause}", entry.map_or(String::new(), |entry| format!("entry {entry}: ")))]
    Malformed {
        /// The entry of the list, counted from 0; `None` when it is not in one.
        entry: Option<usize>,
        /// What is wrong, with line and column.
        cause: Cause,
    },
    /// An entry of a YAML list has a key twice.
    #[error("{}the key {key:?} is there twice; remove one of them", entry.map_or(String::new(), |entry| Place { entry, line: *line, column: *column }.to_string()))]
    RepeatedKey {
        /// The entry of the list, counted from 0; `None` when it is not in one.
        entry: Option<usize>,
        /// The line of the second, counted from 1; 0 when it is not known.
        line: u64,
        /// Its column, counted from 1; 0 when it is not known.
        column: u64,
        /// The key.
        key: String,
    },
    /// A label or target can't be stored.
    #[error("{}{error}", Place { entry: *entry, line: *line, column: *column })]
    Group {
        /// The entry of the list, counted from 0.
        entry: usize,
        /// The line, counted from 1; 0 when it is not known.
        line: u64,
        /// The column, counted from 1; 0 when it is not known.
        column: u64,
        /// What is wrong.
        error: GroupError,
    },
}

/// `entry 3 (line 17, column 5): `
struct Place {
    entry: usize,
    line: u64,
    column: u64,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.entry, self.line) {
            (entry, 0) => write!(f, "entry {entry}: "),
            (entry, line) => write!(f, "entry {entry} (line {line}, column {}): ", self.column),
        }
    }
}

/// The text in `bytes`.
fn text(bytes: &[u8]) -> Result<&str, DecodeError> {
    std::str::from_utf8(bytes).map_err(|error| {
        let offset = error.valid_up_to();
        let line = bytes
            .iter()
            .take(offset)
            .filter(|&&byte| byte == b'\n')
            .count()
            .saturating_add(1);
        DecodeError::NotUtf8 { offset, line }
    })
}

#[cfg(test)]
mod tests;
