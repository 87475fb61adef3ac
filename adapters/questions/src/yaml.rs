//! Values as JSON, and as YAML that a terminal can show.

use anyhow::Context;
use headcount_core::printable;
use serde::Serialize;

/// A value as JSON for people and programs, with the end of its last line.
///
/// # Errors
/// When it can't be written so.
pub fn json_text(value: &(impl Serialize + ?Sized)) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(value).context("writing JSON")? + "\n")
}

/// A value as YAML. Text that is not [printable] could not be escaped where it stands without quotes; JSON is YAML, and
/// has it in quotes.
pub(crate) fn yaml(value: &impl Serialize) -> anyhow::Result<String> {
    let text = serde_yaml::to_string(value).context("writing YAML")?;
    match printable(&text) == text {
        true => Ok(text),
        false => json_text(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn any_text_is_read_back_after_it_was_made_printable() {
        for text in [
            "plain",
            "a\u{202e}b",
            "\u{1b}[31m",
            "\u{9b}x",
            "two\nlines",
            "größe",
            "\u{e0041}",
        ] {
            let value = BTreeMap::from([("address".to_owned(), text.to_owned())]);
            let written = yaml(&value).expect("YAML");
            let read: BTreeMap<String, String> = serde_yaml::from_str(&printable(&written)).expect("YAML");
            assert_eq!(read, value, "{written}");
        }
    }
}
