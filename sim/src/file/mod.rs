//! Scenarios as YAML files: reading them, with every mistake in its place, and writing them.
//!
//! The words in a file are the types' own. **What is written reads back as the same scenario**,
//! and what can't be read is answered by line and column, what is wrong, and what would be right.

mod mistake;
mod places;
mod read;
mod words;

pub use mistake::{Mistake, Mistakes, Place, Wrong};
pub use words::nearest;

use std::collections::BTreeSet;
use std::path::Path;

use headcount_reader::{Cursor, Sink};
use places::Places;
use read::Value;
use serde::Deserialize;

use crate::Scenario;

/// A scenario can't be written.
#[derive(Debug, thiserror::Error)]
#[error("the scenario can't be written as YAML: {0}")]
pub struct Unwritable(#[source] serde_yaml::ser::Error);

/// More mistakes than this are not looked for.
const MOST_MISTAKES: usize = 50;

/// Reads a scenario, or finds all that is wrong with its words and values: what is wrong is left out, and the rest read
/// again.
fn read_all(root: Option<&Cursor<'_>>) -> Result<Scenario, Vec<Mistake>> {
    let (mut skipped, mut mistakes) = (BTreeSet::new(), Vec::new());
    loop {
        let value = Value {
            at: root.cloned(),
            path: String::new(),
            skipped: &skipped,
        };
        let misread = match Scenario::deserialize(value) {
            Ok(scenario) if mistakes.is_empty() => return Ok(scenario),
            Ok(_) => return Err(mistakes),
            Err(misread) => misread,
        };
        let (mistake, skip) = misread.into_mistake();
        if !follows(&mistake, &skipped, &mistakes) {
            mistakes.push(mistake);
        }
        let goes_on = skip.is_some_and(|skip| !skip.is_empty() && skipped.insert(skip));
        if !goes_on || mistakes.len() >= MOST_MISTAKES {
            return Err(mistakes);
        }
    }
}

/// Whether something is wrong only because what it needs was left out, or was written with a typing error.
fn follows(mistake: &Mistake, skipped: &BTreeSet<String>, before: &[Mistake]) -> bool {
    let within = |path: &String| path.starts_with(&read::join(&mistake.field, ""));
    let is_meant = |other: &Mistake, field| match &other.wrong {
        Wrong::UnknownWord { word, .. } => other.field == mistake.field && nearest(word, [field]).is_some(),
        _ => false,
    };
    match &mistake.wrong {
        Wrong::Missing(field) => {
            skipped.contains(&read::join(&mistake.field, field)) || before.iter().any(|other| is_meant(other, *field))
        }
        Wrong::WrongType { .. } => skipped.iter().any(within),
        _ => false,
    }
}

impl Scenario {
    /// Reads a scenario from YAML, and checks it.
    ///
    /// ```
    /// use headcount_sim::Scenario;
    ///
    /// let text = "name: quiet\nbackends: [{name: cmdb, kind: http}]\ndiscoverers: [{backend: cmdb, refesh: 30s}]\n";
    /// let mistakes = Scenario::from_yaml(text).expect_err("a typing error");
    /// assert_eq!(
    ///     mistakes.to_string(),
    ///     "3:31: discoverers[0]: there is no `refesh` here; did you mean `refresh`?"
    /// );
    /// ```
    ///
    /// # Errors
    /// What is no YAML; else all that is no scenario; else all that makes no sense.
    pub fn from_yaml(text: &str) -> Result<Self, Mistakes> {
        let sink = Sink::new(Path::new("").into());
        let document = headcount_reader::read(text, &sink);
        let root = document.as_ref().and_then(|document| document.root(&sink));
        let scenario = read_all(root.as_ref());
        let places = root.as_ref().map(Places::of).unwrap_or_default();
        let further = document.as_ref().and_then(|document| document.further);
        // What the text is comes before what is in it.
        if let Some(problem) = sink.finish().problems.into_iter().next() {
            return Err(Mistakes::one(Mistake::not_yaml(problem)));
        }
        if let Some(position) = further {
            return Err(Mistakes::one(Mistake {
                place: Some(position.into()),
                field: String::new(),
                wrong: Wrong::SecondDocument,
            }));
        }
        let scenario = scenario.map_err(Mistakes::of)?;
        scenario.check().map_err(|problems| {
            let mistakes = problems.iter().map(|problem| Mistake::senseless(problem, &places));
            Mistakes::of(mistakes.collect())
        })?;
        Ok(scenario)
    }

    /// Writes the scenario as YAML: what has its default is left out.
    ///
    /// # Errors
    /// None that is known of: the words of scenarios can all be written.
    pub fn to_yaml(&self) -> Result<String, Unwritable> {
        serde_yaml::to_string(self).map_err(Unwritable)
    }
}
