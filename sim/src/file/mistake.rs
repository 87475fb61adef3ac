//! What is wrong with a scenario's file, and where.

use core::fmt;

use headcount_reader::{Position, Problem, ProblemKind};

use super::places::Places;
use super::words::nearest;

/// A place in a file. Both numbers count from 1; columns are counted in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The line.
    pub line: u64,
    /// The column.
    pub column: u64,
}

/// One thing that is wrong with a file. Shown as `line:column: field: what`.
#[derive(Debug, Clone)]
pub struct Mistake {
    /// Where; `None` if it is about the file as a whole.
    pub place: Option<Place>,
    /// The field, as in `discoverers[0].refresh`; empty for the file as a whole.
    pub field: String,
    /// What is wrong.
    pub wrong: Wrong,
}

/// What can be wrong with a scenario's file.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Wrong {
    /// The file is not YAML, or not of a reasonable size.
    #[error(transparent)]
    NotYaml(ProblemKind),
    /// A second document starts.
    #[error("another document starts here; a file holds one scenario")]
    SecondDocument,
    /// A word that means nothing here.
    #[error("there is no `{word}` here; {}", meant(word, known))]
    UnknownWord {
        /// The word.
        word: String,
        /// What could stand here.
        known: Vec<&'static str>,
    },
    /// Something that has to be said is not.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A word stands alone that needs something with it.
    #[error("`{word}` needs its `{field}`; write `{word}: {{{field}: …}}`")]
    Bare {
        /// The word.
        word: String,
        /// What it needs.
        field: &'static str,
    },
    /// A field is there twice.
    #[error("`{0}` is written twice; keep one of the two")]
    Repeated(String),
    /// A number where a list should be, and the like.
    #[error("{found} is not {expected}")]
    WrongType {
        /// What stands there.
        found: String,
        /// What should.
        expected: String,
    },
    /// A value that is wrong in itself.
    #[error("{0}")]
    WrongValue(String),
    /// It can be read, and makes no sense in this scenario.
    #[error("{0}")]
    Senseless(String),
}

/// Everything that was found wrong with a file; at least one thing.
#[derive(Debug, Clone)]
pub struct Mistakes(Vec<Mistake>);

impl Mistakes {
    pub(super) fn one(mistake: Mistake) -> Self {
        Self(vec![mistake])
    }

    pub(super) fn of(mistakes: Vec<Mistake>) -> Self {
        Self(mistakes)
    }

    /// The mistakes, in the order of the scenario's fields.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Mistake> {
        self.0.iter()
    }
}

impl From<Position> for Place {
    fn from(position: Position) -> Self {
        Self {
            line: position.line as u64,
            column: position.column as u64,
        }
    }
}

impl Mistake {
    /// What is no YAML.
    pub(super) fn not_yaml(problem: Problem) -> Self {
        let wrong = match problem.kind {
            ProblemKind::RepeatedKey { key, .. } => Wrong::Repeated(key),
            kind => Wrong::NotYaml(kind),
        };
        // Of what is torn the path is a guess.
        let is_torn = matches!(wrong, Wrong::NotYaml(_));
        Self {
            place: problem.position.map(Place::from),
            field: if is_torn { String::new() } else { problem.field },
            wrong,
        }
    }

    /// What [`Scenario::check`](crate::Scenario::check) found.
    pub(super) fn senseless(problem: &crate::Problem, places: &Places) -> Self {
        Self {
            place: places.of_path(&problem.at),
            field: problem.at.clone(),
            wrong: Wrong::Senseless(problem.what.clone()),
        }
    }
}

/// What may have been meant by a word that is not known.
fn meant(word: &str, known: &[&'static str]) -> String {
    match nearest(word, known.iter().copied()) {
        Some(word) => format!("did you mean `{word}`?"),
        None => {
            let known: Vec<_> = known.iter().map(|word| format!("`{word}`")).collect();
            format!("what is known is {}", known.join(", "))
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = self.place {
            write!(f, "{place}: ")?;
        }
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field.escape_debug())?;
        }
        self.wrong.fmt(f)
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, mistake) in self.0.iter().enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            mistake.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}
