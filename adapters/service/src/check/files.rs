//! Files that are named: secrets and certificates, lists of targets, rules.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use headcount_backends::file;
use headcount_backends::target_groups::DecodeError;
use headcount_config::{Mention, Mentioned, Position, Problem, ProblemKind, Surroundings, check_rules};
use headcount_core::Encoder;
use headcount_core::relabel::NameValidation;
use headcount_discoverer::Limits;
use headcount_reader::{FILE_LIMIT, Findings, pattern};

/// Largest file that is taken for a password, a token or a certificate, as when it is used.
const SECRET_LIMIT: u64 = 1 << 20;

/// Largest list of targets, as when it is run without being told another.
fn list_limit() -> u64 {
    Limits::default().body
}

/// What was found in the files so far.
pub(super) struct Files<'a> {
    surroundings: &'a dyn Surroundings,
    names: NameValidation,
    /// Lists and rule files that were read: what is wrong with one is said once, whoever names it.
    read: BTreeSet<PathBuf>,
    found: Findings,
}

impl<'a> Files<'a> {
    /// `names` is what names labels may have in rules.
    pub(super) fn new(surroundings: &'a dyn Surroundings, names: NameValidation) -> Self {
        Self {
            surroundings,
            names,
            read: BTreeSet::new(),
            found: Findings::default(),
        }
    }

    /// Looks at what is named, if it is a file.
    pub(super) fn look_at(&mut self, mention: &Mention) {
        match &mention.what {
            Mentioned::File(path) => {
                if let Err(kind) = text(self.surroundings, path) {
                    self.found.problems.push(mention.problem(kind));
                }
            }
            Mentioned::TargetLists(pattern) => self.each(mention, pattern, Self::check_list),
            Mentioned::Rules(pattern) => self.each(mention, pattern, Self::check_rules),
            _ => {}
        }
    }

    /// What is wrong with them.
    pub(super) fn finish(self) -> Findings {
        self.found
    }

    /// Checks each file that a pattern means, unless that was done. What is named outright has to be there, and
    /// so has the folder of a pattern.
    fn each(&mut self, mention: &Mention, pattern: &str, check: fn(&mut Self, &Path) -> Option<ProblemKind>) {
        let found = pattern::glob(self.surroundings, pattern).unwrap_or_default();
        if found.is_empty() {
            let missing = self.missing(pattern).map(|kind| mention.problem(kind));
            self.found.problems.extend(missing);
        }
        for path in found {
            if self.read.insert(path.clone())
                && let Some(kind) = check(self, &path)
            {
                self.found.problems.push(mention.problem(kind));
            }
        }
    }

    fn missing(&self, pattern: &str) -> Option<ProblemKind> {
        let path = Path::new(pattern);
        if !pattern::is_pattern(pattern) {
            // What the system says of it.
            return self
                .surroundings
                .read(path, 0)
                .err()
                .map(|error| unreadable(path, error));
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty())?;
        let is_named = !folder.to_str().is_some_and(pattern::is_pattern);
        (is_named && !self.surroundings.exists(folder)).then(|| ProblemKind::NoFolder {
            folder: folder.to_owned(),
        })
    }

    /// Decodes a list, and says what is wrong with it where it stands.
    fn check_list(&mut self, path: &Path) -> Option<ProblemKind> {
        let bytes = match whole(self.surroundings, path, list_limit()) {
            Ok(bytes) => bytes,
            Err(kind) => return Some(kind),
        };
        let Some(name) = path.to_str() else {
            return Some(unreadable(path, "the path is not UTF-8; rename the file"));
        };
        let mut encoder = Encoder::new();
        let mut batch = encoder.batch();
        match file::decode(name, &bytes, &mut batch) {
            Ok(counts) => {
                let ignored = counts.ignored_from.map(|line| further(path, line));
                self.found.warnings.extend(ignored);
            }
            Err(error) => self.found.problems.push(problem_of(path, &error)),
        }
        None
    }

    fn check_rules(&mut self, path: &Path) -> Option<ProblemKind> {
        let mut found = match whole(self.surroundings, path, FILE_LIMIT) {
            Ok(bytes) => check_rules(&bytes, path, self.names),
            Err(kind) => return Some(kind),
        };
        self.found.problems.append(&mut found.problems);
        self.found.omitted = self.found.omitted.saturating_add(found.omitted);
        self.found.warnings.append(&mut found.warnings);
        None
    }
}

/// The text of a file that holds a secret or a certificate, without white space at its ends.
pub(super) fn text(surroundings: &dyn Surroundings, path: &Path) -> Result<String, ProblemKind> {
    let bytes = whole(surroundings, path, SECRET_LIMIT)?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text.trim().to_owned()),
        Err(_) => Err(unreadable(path, "it is not UTF-8 text")),
    }
}

fn whole(surroundings: &dyn Surroundings, path: &Path, limit: u64) -> Result<Vec<u8>, ProblemKind> {
    let bytes = surroundings
        .read(path, limit)
        .map_err(|error| unreadable(path, error))?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > limit) {
        return Err(unreadable(path, format!("it is larger than {limit} bytes")));
    }
    Ok(bytes)
}

fn unreadable(path: &Path, reason: impl ToString) -> ProblemKind {
    ProblemKind::NamedFile {
        path: path.to_owned(),
        reason: reason.to_string(),
    }
}

/// What is wrong with a list, at its place in that list.
fn problem_of(path: &Path, error: &DecodeError) -> Problem {
    let (entry, line, column, reason) = match error {
        // Its line and column are in what the parser says.
        DecodeError::Malformed { entry, cause } => (*entry, 0, 0, cause.to_string()),
        DecodeError::Group {
            entry,
            line,
            column,
            error,
        } => (Some(*entry), *line, *column, error.to_string()),
        DecodeError::RepeatedKey {
            entry,
            line,
            column,
            key,
        } => {
            let reason = format!("the key {key:?} is there twice; remove one of them");
            (*entry, *line, *column, reason)
        }
        other => (None, 0, 0, other.to_string()),
    };
    Problem {
        file: path.into(),
        position: position(line, column),
        field: entry.map(|entry| format!("[{entry}]")).unwrap_or_default(),
        kind: ProblemKind::TargetList { reason },
    }
}

/// What is behind a list is not read.
fn further(path: &Path, line: u64) -> Problem {
    Problem {
        file: path.into(),
        position: position(line, 1),
        field: String::new(),
        kind: ProblemKind::FurtherDocument,
    }
}

/// A line of 0 is none.
fn position(line: u64, column: u64) -> Option<Position> {
    let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    (line > 0).then(|| Position {
        line: number(line),
        column: number(column.max(1)),
    })
}
