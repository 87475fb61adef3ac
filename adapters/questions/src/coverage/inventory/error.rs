//! What can be wrong with an inventory, and where.

use std::fmt;

/// A place in an inventory; everything counts from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::coverage) enum Place {
    Line {
        line: usize,
        column: usize,
    },
    /// An entry of the list.
    Entry(usize),
    /// All of it.
    Whole,
}

/// One thing that is wrong, with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::coverage) struct InventoryError {
    pub(in crate::coverage) place: Place,
    pub(in crate::coverage) wrong: Wrong,
}

/// What can be wrong with an inventory.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::coverage) enum Wrong {
    #[error("this is not UTF-8; save the inventory as UTF-8")]
    NotUtf8,
    #[error("there are no hosts in it; with none, every target would be unknown, so this can't be meant")]
    Empty,
    #[error("not valid {format}: {reason}")]
    Syntax { format: &'static str, reason: String },
    #[error("{text:?} is no host: {why}")]
    NotAHost { text: String, why: &'static str },
    #[error("more follows after {first:?}; write one host a line, or give columns a header and use --format csv")]
    MoreOnLine { first: String },
    #[error("a quote is opened here and never closed")]
    OpenQuote,
    #[error("more follows after a closing quote; write quotes within quotes twice")]
    AfterQuote,
    #[error(
        "there are {fields} fields here and {header} in the header; put a field that has a separator in it in quotes"
    )]
    FieldCount { fields: usize, header: usize },
    #[error("the header names {0:?} twice")]
    RepeatedColumn(String),
    #[error("no field {wanted:?}; there are {there}. Name one with --field")]
    NoSuchField { wanted: String, there: String },
    #[error(
        "none of the fields is known to name a host; there are {there}. Name one with --field, or, if this is a \
         list without a header, use --format text"
    )]
    NoKnownField { there: String },
    #[error("the entries are no objects, so they have no field {0:?}; leave out --field")]
    NoFields(String),
    #[error("{field:?} is {found}, where a host's name is expected")]
    NotAName { field: String, found: &'static str },
    #[error("this is {found}, where a host's name or an object is expected")]
    NotAnEntry { found: &'static str },
    #[error("a target group is expected to have a list of texts as its targets")]
    NotTargets,
    #[error("the list goes on at {next:?}, and half an inventory would be wrong; ask for all of it at once")]
    Paged { next: String },
}

impl Wrong {
    pub(super) fn at(self, place: Place) -> InventoryError {
        InventoryError { place, wrong: self }
    }

    pub(super) fn at_line(self, line: usize, column: usize) -> InventoryError {
        self.at(Place::Line { line, column })
    }
}

/// Follows the inventory's name: `:3:5: what is wrong`.
impl fmt::Display for InventoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Place::Line { line, column } => write!(f, ":{line}:{column}: {}", self.wrong),
            Place::Entry(entry) => write!(f, ": entry {entry}: {}", self.wrong),
            Place::Whole => write!(f, ": {}", self.wrong),
        }
    }
}

impl std::error::Error for InventoryError {}
