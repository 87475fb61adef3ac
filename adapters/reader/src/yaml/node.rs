//! The tree: values with their positions, in three vectors.
//!
//! **A node is written down once, when all that stands in it is**, so it follows what it holds, and the last one is the
//! root. A large configuration has a hundred thousand of them; each by itself on the heap would take a quarter of the time
//! of reading it, to be made and to be given back.
//!
//! `a: [x, {b: y}]` is
//!
//! ```text
//!  rows      0 a   1 x   2 b   3 y   4 {2: 3}   5 [1, 4]   6 {0: 5}
//!  children  2 3 | 1 4 | 0 5
//!  texts     axby
//! ```

use std::ops::Range;

use crate::problem::Position;

/// A document's values.
#[derive(Debug, Default)]
pub(super) struct Tree {
    rows: Vec<Row>,
    /// The items of each list, and the keys and values of each mapping, one after another.
    children: Vec<NodeId>,
    /// What scalars are written as, one after another.
    texts: String,
}

/// The place of a value in its tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NodeId(usize);

#[derive(Debug)]
struct Row {
    position: Position,
    kind: Kind,
    /// Of the texts, for a scalar; else of the children.
    span: Range<usize>,
    /// How many values this is when aliases are written out.
    weight: u64,
    /// How many levels this has.
    depth: usize,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Scalar { is_plain: bool, tag: Tag },
    List,
    Map,
}

/// What holds other values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Container {
    List,
    /// What it holds are keys and values by turns.
    Map,
}

/// One value and where it stands. What an alias names is shared, not copied.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node<'a> {
    tree: &'a Tree,
    row: &'a Row,
}

/// What a node holds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Content<'a> {
    Scalar(Scalar<'a>),
    List(Items<'a>),
    Map(Entries<'a>),
}

/// The values of a list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Items<'a> {
    tree: &'a Tree,
    ids: &'a [NodeId],
}

/// The keys and values of a mapping, in the order in which they are written; a key may be any node.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entries<'a>(Items<'a>);

/// A single value as it is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scalar<'a> {
    pub(super) text: &'a str,
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

impl Tree {
    /// A tree without values, with room for those of a text of so many bytes.
    pub(super) fn for_text(bytes: usize) -> Self {
        Self {
            // Of configurations; what has more makes more room.
            rows: Vec::with_capacity(bytes / 8),
            children: Vec::with_capacity(bytes / 8),
            texts: String::with_capacity(bytes),
        }
    }

    pub(super) fn node(&self, id: NodeId) -> Option<Node<'_>> {
        self.rows.get(id.0).map(|row| Node { tree: self, row })
    }

    pub(super) fn add_scalar(&mut self, position: Position, scalar: Scalar<'_>) -> NodeId {
        let start = self.texts.len();
        self.texts.push_str(scalar.text);
        let Scalar { is_plain, tag, .. } = scalar;
        self.add(Row {
            position,
            kind: Kind::Scalar { is_plain, tag },
            span: start..self.texts.len(),
            weight: 1,
            depth: 0,
        })
    }

    pub(super) fn add_container(
        &mut self,
        position: Position,
        container: Container,
        holds: impl IntoIterator<Item = NodeId>,
    ) -> NodeId {
        let start = self.children.len();
        self.children.extend(holds);
        let span = start..self.children.len();
        let held = self.children.get(span.clone()).unwrap_or_default().iter();
        let held = held.filter_map(|id| self.rows.get(id.0));
        let (weight, depth) = held.fold((1_u64, 1), |(weight, depth), row| {
            (weight.saturating_add(row.weight), depth.max(row.depth + 1))
        });
        self.add(Row {
            position,
            kind: match container {
                Container::List => Kind::List,
                Container::Map => Kind::Map,
            },
            span,
            weight,
            depth,
        })
    }

    fn add(&mut self, row: Row) -> NodeId {
        self.rows.push(row);
        NodeId(self.rows.len() - 1)
    }
}

impl<'a> Node<'a> {
    /// Where it stands in the file.
    pub(super) fn position(self) -> Position {
        self.row.position
    }

    /// How many values this is when aliases are written out.
    pub(super) fn weight(self) -> u64 {
        self.row.weight
    }

    /// How many levels this has.
    pub(super) fn depth(self) -> usize {
        self.row.depth
    }

    pub(super) fn content(self) -> Content<'a> {
        let Self { tree, row } = self;
        let items = || Items {
            tree,
            ids: tree.children.get(row.span.clone()).unwrap_or_default(),
        };
        match row.kind {
            Kind::Scalar { is_plain, tag } => Content::Scalar(Scalar {
                text: tree.texts.get(row.span.clone()).unwrap_or_default(),
                is_plain,
                tag,
            }),
            Kind::List => Content::List(items()),
            Kind::Map => Content::Map(Entries(items())),
        }
    }

    /// What this is, for messages. Never the value itself.
    pub(super) fn what(self) -> &'static str {
        match self.content() {
            Content::Scalar(scalar) => scalar.what(),
            Content::List(_) => "a list",
            Content::Map(_) => "a mapping",
        }
    }

    /// Whether this is nothing: `null`, `~`, or no value written.
    pub(super) fn is_null(self) -> bool {
        matches!(self.content(), Content::Scalar(scalar) if scalar.is_null())
    }

    /// Whether this key merges the mapping that is its value.
    pub(super) fn is_merge_key(self) -> bool {
        matches!(self.content(), Content::Scalar(Scalar { text, is_plain, tag })
            if text == "<<" && (tag == Tag::Merge || (is_plain && tag == Tag::None)))
    }

    /// This key as text: scalars of all types are taken as they are written.
    pub(super) fn key_text(self) -> Option<&'a str> {
        match self.content() {
            Content::Scalar(scalar) if scalar.is_null() => Some(""),
            Content::Scalar(scalar) => Some(scalar.text),
            _ => None,
        }
    }
}

impl<'a> Items<'a> {
    pub(super) fn len(self) -> usize {
        self.ids.len()
    }

    pub(super) fn is_empty(self) -> bool {
        self.ids.is_empty()
    }

    pub(super) fn iter(self) -> impl DoubleEndedIterator<Item = Node<'a>> {
        self.ids.iter().filter_map(move |id| self.tree.node(*id))
    }
}

impl<'a> Entries<'a> {
    pub(super) fn len(self) -> usize {
        self.0.len() / 2
    }

    pub(super) fn is_empty(self) -> bool {
        self.len() == 0
    }

    pub(super) fn iter(self) -> impl Iterator<Item = (Node<'a>, Node<'a>)> {
        let pairs = self.0.ids.as_chunks().0.iter();
        pairs.filter_map(move |[key, value]| Some((self.0.tree.node(*key)?, self.0.tree.node(*value)?)))
    }
}
