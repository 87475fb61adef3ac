//! The JSON Schema of settings files, for editors: what is known, what it means, what is wrong.
//!
//! It is written by hand, and **tests hold it to the reader**: what one takes the other takes, over files with every word
//! that there is. What a schema can't know, such as which jobs there are, the reader alone refuses.

/// The JSON Schema of a `headcount.yml`, as it stands in `settings.schema.json`.
///
/// A file that begins with `# yaml-language-server: $schema=settings.schema.json` and has it beside it is completed and
/// checked while it is written, in editors that know YAML.
pub const SETTINGS_SCHEMA: &str = include_str!("settings.schema.json");

#[cfg(test)]
mod tests;
