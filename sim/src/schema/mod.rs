//! The JSON Schema of scenario files, for editors: what is known, what it means, what is wrong.
//!
//! **The schema's words are the parser's.** It is made from the very types that scenarios are read
//! into, with their documentation; that happens in a test, so nothing that is built for use
//! carries the maker. The test fails when the file is not what the types say, and another one when
//! the schema and the parser disagree about a file.

use serde_json::Value;

/// The JSON Schema of scenario files, as it stands in `sim/scenarios/scenario.schema.json`.
///
/// A file that begins with `# yaml-language-server: $schema=scenario.schema.json` and lies beside it
/// is completed and checked while it is written, in editors that know YAML.
pub const SCHEMA: &str = include_str!("../../scenarios/scenario.schema.json");

/// The words of one of the schema's definitions, such as `FaultKind`, `Churn` or `Mark`, each with
/// what it means, in the order of the type; none, if there is no such definition.
///
/// ```
/// use headcount_sim::described;
///
/// let marks = described("Mark");
/// assert_eq!(marks[0].0, "update_delayed");
/// assert_eq!(marks[0].1, "A snapshot was due while the receiver was busy (S09).");
/// ```
pub fn described(definition: &str) -> Vec<(String, String)> {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap_or_default();
    let choices = &schema["definitions"][definition]["oneOf"];
    let each = choices.as_array().into_iter().flatten().flat_map(|choice| {
        let about = choice["description"].as_str().unwrap_or_default();
        let words: Vec<&str> = match &choice["enum"] {
            Value::Array(words) => words.iter().filter_map(Value::as_str).collect(),
            _ => choice["const"]
                .as_str()
                .or(choice["required"][0].as_str())
                .into_iter()
                .collect(),
        };
        words
            .into_iter()
            .map(|word| (word.to_owned(), about.to_owned()))
            .collect::<Vec<_>>()
    });
    each.collect()
}

#[cfg(test)]
mod made;
#[cfg(test)]
mod tests;
