//! A tree as JSON text: for claims that are passed on as they are.

use super::node::{Content, Node};
use super::scalar::Meaning;

/// The value as JSON. A number that JSON can't hold becomes `null`.
pub(super) fn json(node: Node<'_>) -> String {
    match node.content() {
        Content::Scalar(scalar) => match scalar.meaning() {
            Meaning::Null => "null".to_owned(),
            Meaning::Bool(flag) => flag.to_string(),
            Meaning::Int(number) => number.to_string(),
            Meaning::Float(number) if number.is_finite() => number.to_string(),
            Meaning::Float(_) => "null".to_owned(),
            Meaning::Text => quote(&scalar.as_text()),
        },
        Content::List(items) => {
            let items: Vec<String> = items.iter().map(json).collect();
            format!("[{}]", items.join(","))
        }
        Content::Map(entries) => {
            let entry = |(key, value): (Node<'_>, Node<'_>)| {
                format!("{}:{}", quote(key.key_text().unwrap_or_default()), json(value))
            };
            let entries: Vec<String> = entries.iter().map(entry).collect();
            format!("{{{}}}", entries.join(","))
        }
    }
}

fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
