//! Where problems are collected.

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::sync::Arc;

use crate::problem::{Position, Problem, ProblemKind};

/// How many problems of one file are kept. Nobody reads more, and memory stays bounded.
const KEPT: usize = 1000;

/// Collects the problems of one file.
#[derive(Debug)]
pub(crate) struct Sink {
    file: Arc<Path>,
    problems: RefCell<Vec<Problem>>,
    omitted: Cell<usize>,
    warnings: RefCell<Vec<Problem>>,
}

impl Sink {
    pub(crate) fn new(file: Arc<Path>) -> Self {
        Self {
            file,
            problems: RefCell::default(),
            omitted: Cell::default(),
            warnings: RefCell::default(),
        }
    }

    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    pub(crate) fn problem(&self, position: Option<Position>, field: impl Into<String>, kind: ProblemKind) {
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

    pub(crate) fn warning(&self, position: Option<Position>, field: impl Into<String>, kind: ProblemKind) {
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

    /// The problems by position, how many more there were, and the warnings.
    pub(crate) fn finish(self) -> (Vec<Problem>, usize, Vec<Problem>) {
        let mut problems = self.problems.into_inner();
        problems.sort_by_key(|problem| problem.position);
        (problems, self.omitted.get(), self.warnings.into_inner())
    }
}
