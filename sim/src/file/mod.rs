//! Scenarios as YAML files: reading them, with every mistake in its place, and writing them.
//!
//! The words in a file are the types' own. **What is written reads back as the same scenario**,
//! and what can't be read is answered by line and column, what is wrong, and what would be right.

mod mistake;
mod places;
mod syntax;
mod words;

pub use mistake::{Mistake, Mistakes, Place, Wrong};
pub use syntax::NotYaml;
pub use words::nearest;

use places::Places;

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
        let places = Places::of(text);
        let scenario: Self = serde_yaml::from_str_with_options(text, options())
            .map_err(|error| Mistakes::one(Mistake::misread(error, &places)))?;
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

fn options() -> serde_yaml::Options {
    serde_yaml::options! { emit_comments: false, with_snippet: false }
}
