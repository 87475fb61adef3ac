//! The tree: values with their positions.

use std::rc::Rc;

use crate::problem::Position;

/// One value and where it stands. What an alias names is shared, not copied.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) position: Position,
    pub(super) content: Content,
    /// How many values this is when aliases are written out.
    pub(super) weight: u64,
    /// How many levels this has.
    pub(super) depth: usize,
}

/// What a node holds.
#[derive(Debug)]
pub(super) enum Content {
    Scalar(Scalar),
    List(Vec<Rc<Node>>),
    /// In the order in which it is written; a key may be any node.
    Map(Vec<(Rc<Node>, Rc<Node>)>),
}

/// A single value as it is written.
#[derive(Debug)]
pub(super) struct Scalar {
    pub(super) text: Box<str>,
    /// Neither quoted nor a block.
    pub(super) is_plain: bool,
    pub(super) tag: Tag,
}

/// A scalar's explicit type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tag {
    /// None written.
    None,
    /// `!!str`, and every tag that means nothing here.
    Text,
    Null,
    Bool,
    Int,
    Float,
    Binary,
    Merge,
}

impl Node {
    pub(super) fn new(position: Position, content: Content) -> Self {
        let (weight, depth) = match &content {
            Content::Scalar(_) => (1, 0),
            Content::List(items) => measure(items.iter()),
            Content::Map(entries) => measure(entries.iter().flat_map(|(key, value)| [key, value])),
        };
        Self {
            position,
            content,
            weight,
            depth,
        }
    }

    /// What this is, for messages. Never the value itself.
    pub(super) fn what(&self) -> &'static str {
        match &self.content {
            Content::Scalar(scalar) => scalar.what(),
            Content::List(_) => "a list",
            Content::Map(_) => "a mapping",
        }
    }

    /// Whether this is nothing: `null`, `~`, or no value written.
    pub(super) fn is_null(&self) -> bool {
        matches!(&self.content, Content::Scalar(scalar) if scalar.is_null())
    }

    /// Whether this key merges the mapping that is its value.
    pub(super) fn is_merge_key(&self) -> bool {
        matches!(&self.content, Content::Scalar(Scalar { text, is_plain, tag })
            if &**text == "<<" && (*tag == Tag::Merge || (*is_plain && *tag == Tag::None)))
    }

    /// This key as text: scalars of all types are taken as they are written.
    pub(super) fn key_text(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar(scalar) if scalar.is_null() => Some(""),
            Content::Scalar(scalar) => Some(&scalar.text),
            _ => None,
        }
    }
}

fn measure<'a>(children: impl Iterator<Item = &'a Rc<Node>>) -> (u64, usize) {
    children.fold((1, 1), |(weight, depth), child| {
        (child.weight.saturating_add(weight), depth.max(child.depth + 1))
    })
}
