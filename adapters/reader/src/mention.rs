//! What a configuration names outside of itself.
//!
//! Reading a configuration does not open what it names, because files come and go while it runs. Whoever
//! checks one wants to know all the same what is missing, and where that is written; so **whatever is named is
//! noted with its place** ([`Cursor::mention`](crate::Cursor::mention)).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::http_client::HttpClientSettings;
use crate::problem::{Position, Problem, ProblemKind};

/// Something that a configuration names, and where.
#[derive(Debug, Clone, PartialEq)]
pub struct Mention {
    /// The file in which it is named.
    pub file: Arc<Path>,
    /// Where in that file.
    pub position: Position,
    /// The field, as in a [`Problem`].
    pub field: String,
    /// Whether it is for discovery itself; the rest is for Prometheus, which scrapes, notifies and stores.
    pub is_for_discovery: bool,
    /// What it is.
    pub what: Mentioned,
}

/// What can be named. Paths are absolute, unless the configuration has no folder.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Mentioned {
    /// A file of text: a password, a token, a certificate, a key.
    File(PathBuf),
    /// Files that hold lists of targets: a pattern.
    TargetLists(String),
    /// Files that hold rules: a pattern.
    Rules(String),
    /// An HTTP client with other settings than the default.
    Client(Box<HttpClientSettings>),
}

impl Mention {
    /// What is wrong with it.
    pub fn problem(&self, kind: ProblemKind) -> Problem {
        Problem {
            file: self.file.clone(),
            position: Some(self.position),
            field: self.field.clone(),
            kind,
        }
    }
}
