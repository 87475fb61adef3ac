//! Where problems are collected.

use std::borrow::Cow;
use std::cell::{Cell, OnceCell, RefCell};
use std::path::Path;
use std::sync::Arc;

use crate::mention::{Mention, Mentioned};
use crate::problem::{Position, Problem, ProblemKind};
use crate::value::{UnsetVariable, Variables};

/// How many problems of one file are kept. Nobody reads more, and memory stays bounded.
const KEPT: usize = 1000;

/// What was found in one file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Findings {
    /// What is wrong, by position.
    pub problems: Vec<Problem>,
    /// How many more problems there are that were not kept.
    pub omitted: usize,
    /// What is remarkable and not wrong.
    pub warnings: Vec<Problem>,
    /// What is named outside of the file, in the order of reading.
    pub mentions: Vec<Mention>,
}

/// Collects the problems of one file.
#[derive(Debug)]
pub struct Sink {
    file: Arc<Path>,
    problems: RefCell<Vec<Problem>>,
    omitted: Cell<usize>,
    warnings: RefCell<Vec<Problem>>,
    mentions: RefCell<Vec<Mention>>,
    /// What is put into values, if anything is.
    variables: OnceCell<Variables>,
}

impl Sink {
    /// A sink for the problems of `file`.
    pub fn new(file: Arc<Path>) -> Self {
        Self {
            file,
            problems: RefCell::default(),
            omitted: Cell::default(),
            warnings: RefCell::default(),
            mentions: RefCell::default(),
            variables: OnceCell::new(),
        }
    }

    /// Has these put into all values that are read from now on.
    pub fn put_in(&self, variables: Variables) {
        // Those that were put in first stay.
        self.variables.set(variables).ok();
    }

    /// A value as it is meant.
    pub(super) fn meant<'t>(&self, text: &'t str) -> Result<Cow<'t, str>, UnsetVariable> {
        match self.variables.get() {
            Some(variables) => variables.expand(text),
            None => Ok(text.into()),
        }
    }

    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// Something is wrong: at this place, or with the file as a whole.
    pub fn problem(&self, position: Option<Position>, field: impl Into<String>, kind: ProblemKind) {
        let mut problems = self.problems.borrow_mut();
        if problems.len() < KEPT {
            problems.push(Problem {
                file: self.file.clone(),
                position,
                field: field.into(),
                kind,
            });
        } else {
            self.omitted.set(self.omitted.get().saturating_add(1));
        }
    }

    /// Something is remarkable and not wrong.
    pub fn warning(&self, position: Option<Position>, field: impl Into<String>, kind: ProblemKind) {
        let mut warnings = self.warnings.borrow_mut();
        if warnings.len() < KEPT {
            warnings.push(Problem {
                file: self.file.clone(),
                position,
                field: field.into(),
                kind,
            });
        }
    }

    /// Something outside of the file is named.
    pub(super) fn mention(&self, position: Position, field: String, is_for_discovery: bool, what: Mentioned) {
        self.mentions.borrow_mut().push(Mention {
            file: self.file.clone(),
            position,
            field,
            is_for_discovery,
            what,
        });
    }

    /// What was found.
    pub fn finish(self) -> Findings {
        let mut problems = self.problems.into_inner();
        problems.sort_by_key(|problem| problem.position);
        Findings {
            problems,
            omitted: self.omitted.get(),
            warnings: self.warnings.into_inner(),
            mentions: self.mentions.into_inner(),
        }
    }
}
