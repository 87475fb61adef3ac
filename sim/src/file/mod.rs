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

use std::path::Path;

use headcount_reader::Sink;
use places::Places;
use read::Value;
use serde::Deserialize;

use crate::Scenario;

/// A scenario can't be written.
#[derive(Debug, thiserror::Error)]
#[error("the scenario can't be written as YAML: {0}")]
pub struct Unwritable(#[source] serde_yaml::ser::Error);

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
    /// What is no YAML, no scenario, or makes no sense. Mistakes of sense are all reported at once,
    /// others one at a time.
    pub fn from_yaml(text: &str) -> Result<Self, Mistakes> {
        let sink = Sink::new(Path::new("").into());
        let document = headcount_reader::read(text, &sink);
        let root = document.as_ref().and_then(|document| document.root(&sink));
        let value = Value {
            at: root.clone(),
            path: String::new(),
        };
        let scenario = Self::deserialize(value).map_err(read::Misread::into_mistake);
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
        let scenario = scenario.map_err(Mistakes::one)?;
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
