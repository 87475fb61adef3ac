//! Answers in JSON and XML as trees, of which parts can be changed.
//!
//! **Both are a [`Value`]**: an element of XML is an object of its start tag (`<`) and what stands in it (`in`), a text a text.

use serde_json::{Value, json};

/// How it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Xml,
}

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Document {
    pub(crate) format: Format,
    pub(crate) tree: Value,
}

impl Document {
    /// Reads it, if it is either: an object, a list or an element.
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(body).ok()?.trim();
        let (format, tree) = match text.chars().next()? {
            '<' => (Format::Xml, element(&mut after_declaration(text)?)?),
            '{' | '[' => (Format::Json, serde_json::from_str(text).ok()?),
            _ => return None,
        };
        Some(Self { format, tree })
    }

    /// Writes it.
    pub(crate) fn write(&self) -> String {
        self.format.write(&self.tree)
    }
}

impl Format {
    /// Writes a part of a document.
    pub(crate) fn write(self, tree: &Value) -> String {
        match self {
            Self::Json => tree.to_string(),
            Self::Xml => {
                let mut text = String::new();
                write_xml(tree, &mut text);
                text
            }
        }
    }
}

/// The name of an element.
pub(crate) fn tag(element: &Value) -> &str {
    let start = element["<"].as_str().unwrap_or_default();
    start.split_whitespace().next().unwrap_or_default()
}

/// What stands in an element.
pub(crate) fn children(element: &Value) -> &[Value] {
    element["in"].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn after_declaration(text: &str) -> Option<&str> {
    match text.strip_prefix("<?") {
        Some(rest) => Some(rest.split_once("?>")?.1.trim_start()),
        None => Some(text),
    }
}

/// Takes an element off the beginning.
fn element(rest: &mut &str) -> Option<Value> {
    let (start, after) = rest.strip_prefix('<')?.split_once('>')?;
    *rest = after;
    if let Some(start) = start.strip_suffix('/') {
        return Some(json!({"<": start.trim_end(), "in": []}));
    }
    let mut inner = Vec::new();
    loop {
        let end = rest.find('<')?;
        let (text, after) = rest.split_at(end);
        *rest = after;
        if !text.trim().is_empty() {
            inner.push(json!(text.trim()));
        }
        if let Some(after) = rest.strip_prefix("</") {
            *rest = after.split_once('>')?.1;
            return Some(json!({"<": start, "in": inner}));
        }
        inner.push(element(rest)?);
    }
}

fn write_xml(tree: &Value, to: &mut String) {
    match tree {
        Value::String(text) => to.push_str(text),
        element => {
            let start = element["<"].as_str().unwrap_or_default();
            to.push_str(&format!("<{start}>"));
            children(element).iter().for_each(|child| write_xml(child, to));
            to.push_str(&format!("</{}>", tag(element)));
        }
    }
}
