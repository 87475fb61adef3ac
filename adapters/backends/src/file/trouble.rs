//! What is wrong with files and folders, and how it is said.
//!
//! **What is well does not hide what is not, and the other way round.** As long as any file that is known is well, it is
//! said of which parts nothing new could be got ([`Update::partial`](headcount_core::Update::partial)): such a source
//! works, and is not counted among those that fail. Where none is, it is a failure.

use std::fmt;

use headcount_core::{Missing, MissingPart};

/// Failures that are told in full; of more, only the number.
const TOLD: usize = 5;

/// What is wrong with one file, folder or pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trouble {
    /// What was being done, if it was something with a file.
    doing: Option<&'static str>,
    part: String,
    why: String,
}

impl Trouble {
    pub(super) fn reading(file: impl Into<String>, why: impl Into<String>) -> Self {
        Self::doing("reading", file, why)
    }

    pub(super) fn decoding(file: impl Into<String>, why: impl fmt::Display) -> Self {
        Self::doing("decoding", file, why.to_string())
    }

    pub(super) fn watching(why: impl Into<String>) -> Self {
        Self::doing("watching for", "changes", why)
    }

    pub(super) fn listing(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self::doing("listing", what, why)
    }

    /// Something is so about a folder, a sentence of which it is the beginning.
    pub(super) fn of_folder(folder: &std::path::Path, why: impl Into<String>) -> Self {
        Self {
            doing: None,
            part: format!("the folder {}", folder.display()),
            why: why.into(),
        }
    }

    fn doing(doing: &'static str, part: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            doing: Some(doing),
            part: part.into(),
            why: why.into(),
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.doing {
            Some(doing) => write!(f, "{doing} {}: {}", self.part, self.why),
            None => write!(f, "{} {}", self.part, self.why),
        }
    }
}

impl From<&Trouble> for MissingPart {
    fn from(trouble: &Trouble) -> Self {
        let why = &trouble.why;
        let reason = trouble
            .doing
            .map_or_else(|| why.clone(), |doing| format!("{doing}: {why}"));
        Self::new(&trouble.part, reason)
    }
}

/// All of it, as a failure says it.
pub(super) fn summary<'a>(troubles: impl Iterator<Item = &'a Trouble>) -> Option<String> {
    let mut troubles = troubles;
    let told: Vec<String> = troubles.by_ref().take(TOLD).map(ToString::to_string).collect();
    let more = troubles.count();
    let mut text = told.join("; ");
    if more > 0 {
        text.push_str(&format!("; and {more} more"));
    }
    (!told.is_empty()).then_some(text)
}

/// All of it, as what is missing beside what is well.
pub(super) fn missing<'a>(troubles: impl Iterator<Item = &'a Trouble>) -> Option<Missing> {
    Missing::of(troubles.map(MissingPart::from))
}
