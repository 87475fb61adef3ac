//! What is wrong with a scenario's file, and where.

use core::fmt;
use std::sync::Arc;

use super::places::Places;
use super::syntax::NotYaml;
use super::words::nearest;
use crate::Problem;

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
    /// The file is not YAML.
    #[error("not valid YAML: {0}")]
    Syntax(#[source] NotYaml),
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

impl Place {
    pub(super) fn of(location: serde_yaml::Location) -> Self {
        Self {
            line: location.line(),
            column: location.column(),
        }
    }
}

impl Mistake {
    /// What the parser found.
    pub(super) fn misread(error: serde_yaml::Error, places: &Places) -> Self {
        use serde_yaml::Error as E;
        let kept = Arc::new(error);
        let error = kept.without_snippet();
        let place = error.location().map(Place::of);
        let field = place.and_then(|place| places.path_at(place)).unwrap_or_default();
        let mapping = place.and_then(|place| places.mapping_at(place)).unwrap_or(field);
        let wrong_type = |found: &str, expected: &str| Wrong::WrongType {
            found: found.to_owned(),
            expected: expected.to_owned(),
        };
        let unknown = |word: &String, known: &Vec<&'static str>| Wrong::UnknownWord {
            word: word.clone(),
            known: known.clone(),
        };
        let (field, wrong) = match error {
            E::SerdeUnknownField { field, expected, .. } => (mapping, unknown(field, expected)),
            E::SerdeUnknownVariant { variant, expected, .. } => {
                let is_name = place.is_some_and(|place| places.mapping_at(place).is_some());
                (if is_name { mapping } else { field }, unknown(variant, expected))
            }
            E::SerdeMissingField { field, .. } => (mapping, Wrong::Missing(field)),
            E::DuplicateMappingKey { key, .. } => (mapping, Wrong::Repeated(key.clone().unwrap_or_default())),
            E::SerdeInvalidType {
                unexpected, expected, ..
            }
            | E::SerdeInvalidValue {
                unexpected, expected, ..
            } => (field, wrong_type(unexpected, expected)),
            E::InvalidScalar { ty, .. } => (field, wrong_type("this", number(ty))),
            E::Unexpected { expected, .. } => (field, wrong_type("this", shape(expected))),
            E::Message { msg, .. } => (field, Wrong::WrongValue(msg.clone())),
            E::MultipleDocuments { .. } => ("", Wrong::SecondDocument),
            _ => ("", Wrong::Syntax(NotYaml::new(kept.clone()))),
        };
        let field = field.to_owned();
        Self { place, field, wrong }
    }

    /// What [`Scenario::check`](crate::Scenario::check) found.
    pub(super) fn senseless(problem: &Problem, places: &Places) -> Self {
        Self {
            place: places.of_path(&problem.at),
            field: problem.at.clone(),
            wrong: Wrong::Senseless(problem.what.clone()),
        }
    }
}

/// What a type of Rust, as the parser names it, is in a file.
fn number(name: &str) -> &str {
    match name {
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" => "a whole number",
        "i16" => "a whole number from -32768 to 32767",
        "bool" => "`true` or `false`",
        other => other,
    }
}

/// What the event of that name, for which the parser waited, is in a file.
fn shape(event: &str) -> &str {
    match event {
        "sequence start" => "a list; its entries start with `- `",
        "mapping start" => "fields with values, such as `count: 3`",
        "string scalar" | "scalar" => "a single value",
        other => other,
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
