//! A scenario in as few lines as are good to read: one for each field, and one for each entry of
//! a list. What is as ever is left out.

use core::fmt::Write as _;

use serde::Serialize;

use super::tree::Tree;
use crate::Scenario;

/// The scenario as YAML, a line for each thing that it says.
pub(super) fn yaml(scenario: &Scenario) -> String {
    let (given, usual) = (Tree::of(scenario), Tree::of(&Scenario::default()));
    let (Some(Tree::Map(fields)), Some(Tree::Map(usual))) = (given, usual) else {
        return String::new();
    };
    let mut text = String::new();
    for field in fields.iter().filter(|field| !usual.contains(field)) {
        // Writing to a string can't fail.
        let _ = match field {
            (name, Tree::List(items)) => {
                let _ = writeln!(text, "{name}:");
                items.iter().try_for_each(|item| {
                    text.push_str("  - ");
                    flow(&mut text, item);
                    writeln!(text)
                })
            }
            (name, value) => {
                let _ = write!(text, "{name}: ");
                flow(&mut text, value);
                writeln!(text)
            }
        };
    }
    text
}

/// A value in one line, as it stands in a scenario.
///
/// ```
/// use headcount_sim::{FaultKind, Span, one_line};
///
/// assert_eq!(one_line(&FaultKind::Drip { each: Span::millis(200) }), "{drip: {each: 200ms}}");
/// ```
pub fn one_line(value: &impl Serialize) -> String {
    let mut text = String::new();
    if let Some(tree) = Tree::of(value) {
        flow(&mut text, &tree);
    }
    text
}

fn flow(text: &mut String, tree: &Tree) {
    let _ = match tree {
        Tree::Map(fields) => {
            text.push('{');
            for (place, (name, value)) in fields.iter().enumerate() {
                text.push_str(if place > 0 { ", " } else { "" });
                text.push_str(name);
                text.push_str(": ");
                flow(text, value);
            }
            text.push('}');
            Ok(())
        }
        Tree::List(items) => {
            text.push('[');
            for (place, item) in items.iter().enumerate() {
                text.push_str(if place > 0 { ", " } else { "" });
                flow(text, item);
            }
            text.push(']');
            Ok(())
        }
        Tree::Text(words) if is_plain(words) => write!(text, "{words}"),
        // JSON's strings are YAML's.
        Tree::Text(words) => write!(text, "{}", serde_json::Value::from(words.as_str())),
        Tree::Number(number) => write!(text, "{number}"),
        Tree::Bool(value) => write!(text, "{value}"),
        Tree::Nothing => write!(text, "null"),
    };
}

/// Whether YAML reads it as text without quotes, everywhere.
fn is_plain(words: &str) -> bool {
    let harmless = |letter: char| letter.is_ascii_alphanumeric() || "_-./%".contains(letter);
    let begins = words.starts_with(|letter: char| letter.is_ascii_alphanumeric());
    let means_something = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    begins
        && words.chars().all(harmless)
        && !means_something.contains(&words.to_ascii_lowercase().as_str())
        && !words
            .chars()
            .all(|letter| letter.is_ascii_digit() || "_-.eExXoO".contains(letter))
}
