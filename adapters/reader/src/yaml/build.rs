//! From text to a tree, within bounds.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use granit_parser::{Event, Marker, Parser, ScalarStyle, ScanError};

use super::cursor::Cursor;
use super::dialect::{DialectError, as_yaml_1_1};
use super::fields::shown_key;
use super::node::{Container, Content, Entries, Node, NodeId, Scalar, Tag, Tree};
use super::render::render_redacted;
use super::sink::Sink;
use crate::problem::{Position, ProblemKind};

/// How deep lists and mappings may stand in each other.
const DEPTH_LIMIT: usize = 100;
/// Of a longer path only the beginning is shown.
const SHOWN_PATH: usize = 120;
/// However small a document is, its aliases may expand to this many values.
const FREE_ALIASES: u64 = 400_000;
/// A document may be this many times as large as it is written when its aliases are expanded.
const ALIAS_FACTOR: u64 = 10;
/// Up to so many keys are looked for one by one.
pub(super) const FEW_KEYS: usize = 16;

/// The first document of a file.
#[derive(Debug)]
pub struct Document {
    tree: Tree,
    root: Option<NodeId>,
    /// Where what is not read begins: a second document, or something that is no YAML.
    pub further: Option<Position>,
}

impl Document {
    /// The top of the document, with `sink` for what is wrong; `None` when it is empty.
    pub fn root<'a>(&'a self, sink: &'a Sink) -> Option<Cursor<'a>> {
        Some(Cursor::root(self.node()?, sink))
    }

    /// The document as YAML, with aliases written out and every secret replaced by `<secret>`.
    pub fn redacted(&self) -> String {
        render_redacted(self.node())
    }

    fn node(&self) -> Option<Node<'_>> {
        self.tree.node(self.root?)
    }
}

/// Reads the first document, as Prometheus does. `None` when the text is not YAML, or goes over a
/// limit; `sink` knows why. Keys that are written twice are reported and kept.
pub fn read(text: &str, sink: &Sink) -> Option<Document> {
    let text = as_yaml_1_1(text).map_err(|error| sink.problem(Some(error.position), "", refused(error)));
    let text = text.ok()?;
    let mut builder = Builder {
        sink,
        tree: Tree::for_text(text.len()),
        open: Vec::new(),
        held: Vec::new(),
        anchors: HashMap::new(),
        written: 0,
        root: None,
    };
    // Another crate of the same build may turn comments on, and their number is limited then.
    let mut parser = Parser::new_from_str_with_options(&text, granit_parser::options! { emit_comments: false });
    loop {
        let (event, span) = match parser.next_event()? {
            Ok(next) => next,
            Err(error) => {
                sink.problem(Some(position(error.marker())), builder.path(), syntax(&error));
                return None;
            }
        };
        if event == Event::DocumentEnd {
            break;
        }
        if event == Event::StreamEnd {
            return Some(Document {
                tree: Tree::default(),
                root: None,
                further: None,
            });
        }
        let position = position(&span.start);
        if let Err(kind) = builder.event(event, position) {
            sink.problem(Some(position), builder.path(), kind);
            return None;
        }
    }
    // Nobody reads on, so whatever it is, it need not be YAML.
    let further = match parser.next_event() {
        Some(Ok((Event::DocumentStart(..), span))) => Some(position(&span.start)),
        Some(Err(error)) => Some(position(error.marker())),
        _ => None,
    };
    Some(Document {
        tree: builder.tree,
        root: builder.root,
        further,
    })
}

/// A list or mapping whose end has not come yet.
struct Open {
    position: Position,
    anchor: usize,
    container: Container,
    /// From where on what is held is its own.
    from: usize,
}

struct Builder<'a> {
    sink: &'a Sink,
    tree: Tree,
    open: Vec<Open>,
    /// What those hold so far that are open, the outermost first.
    held: Vec<NodeId>,
    anchors: HashMap<usize, NodeId>,
    /// How many values are written, with aliases counted as one.
    written: u64,
    root: Option<NodeId>,
}

impl Builder<'_> {
    fn event(&mut self, event: Event<'_>, position: Position) -> Result<(), ProblemKind> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let scalar = Scalar {
                    text: &text,
                    is_plain: style == ScalarStyle::Plain,
                    tag: tag.map_or(Tag::None, |tag| meaning(&tag)),
                };
                if scalar.contradicts_tag() {
                    return Err(ProblemKind::Syntax {
                        reason: "the value is not what its tag (!!int, !!binary, …) says".to_owned(),
                    });
                }
                let node = self.tree.add_scalar(position, scalar);
                self.add(node, anchor)
            }
            Event::SequenceStart(_, anchor, _) => self.begin(position, anchor, Container::List),
            Event::MappingStart(_, anchor, _) => self.begin(position, anchor, Container::Map),
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(done) = self.open.pop() else { return Ok(()) };
                let holds = self.held.drain(done.from..);
                let node = self.tree.add_container(done.position, done.container, holds);
                if let Some(Content::Map(entries)) = self.tree.node(node).map(Node::content) {
                    self.check_keys(entries);
                }
                self.add(node, done.anchor)
            }
            Event::Alias(anchor) => {
                let node = self.anchors.get(&anchor).copied().ok_or(ProblemKind::AliasOfItself)?;
                self.add(node, 0)
            }
            _ => Ok(()),
        }
    }

    fn begin(&mut self, position: Position, anchor: usize, container: Container) -> Result<(), ProblemKind> {
        if self.open.len() >= DEPTH_LIMIT {
            return Err(ProblemKind::TooDeep { limit: DEPTH_LIMIT });
        }
        self.open.push(Open {
            position,
            anchor,
            container,
            from: self.held.len(),
        });
        Ok(())
    }

    fn add(&mut self, id: NodeId, anchor: usize) -> Result<(), ProblemKind> {
        self.written += 1;
        let limit = self.written.saturating_mul(ALIAS_FACTOR).max(FREE_ALIASES);
        let node = self.tree.node(id);
        if node.is_some_and(|node| node.weight() > limit) {
            return Err(ProblemKind::TooManyAliases { limit });
        }
        if node.is_some_and(|node| node.depth() + self.open.len() > DEPTH_LIMIT) {
            return Err(ProblemKind::TooDeep { limit: DEPTH_LIMIT });
        }
        if anchor > 0 {
            self.anchors.insert(anchor, id);
        }
        if self.open.is_empty() {
            self.root = Some(id);
        } else {
            self.held.push(id);
        }
        Ok(())
    }

    /// Reports keys that are written twice. `<<` may be.
    fn check_keys(&self, entries: Entries<'_>) {
        let mut seen: Seen<'_> = Seen::for_keys(entries.len());
        for (key, _) in entries.iter() {
            let Some(text) = key.key_text().filter(|_| !key.is_merge_key()) else {
                continue;
            };
            if let Some(first) = seen.first(text, key.position()) {
                let kind = ProblemKind::RepeatedKey {
                    key: shown_key(text),
                    first: first.line,
                };
                self.sink.problem(Some(key.position()), self.path(), kind);
            }
        }
    }

    /// The field that is being read.
    fn path(&self) -> String {
        let mut path = String::new();
        let ends = self.open.iter().skip(1).map(|open| open.from).chain([self.held.len()]);
        for (open, end) in self.open.iter().zip(ends) {
            if path.len() > SHOWN_PATH {
                path.push('…');
                break;
            }
            let held = self.held.get(open.from..end).unwrap_or_default();
            match (open.container, held.last()) {
                (Container::List, _) => path.push_str(&format!("[{}]", held.len())),
                // A key whose value has not come yet.
                (Container::Map, Some(key)) if !held.len().is_multiple_of(2) => {
                    if !path.is_empty() {
                        path.push('.');
                    }
                    let key = self.tree.node(*key).and_then(Node::key_text);
                    path.push_str(&shown_key(key.unwrap_or_default()));
                }
                _ => {}
            }
        }
        path
    }
}

/// Keys and where they were seen first. Most mappings have a handful, which are sooner compared than hashed.
enum Seen<'a> {
    Few(Vec<(&'a str, Position)>),
    Many(HashMap<&'a str, Position>),
}

impl<'a> Seen<'a> {
    fn for_keys(count: usize) -> Self {
        if count <= FEW_KEYS {
            Self::Few(Vec::with_capacity(count))
        } else {
            Self::Many(HashMap::with_capacity(count))
        }
    }

    /// Where this key was seen before; else it is noted.
    fn first(&mut self, key: &'a str, position: Position) -> Option<Position> {
        match self {
            Self::Few(seen) => {
                let first = seen.iter().find(|(other, _)| *other == key).map(|(_, first)| *first);
                if first.is_none() {
                    seen.push((key, position));
                }
                first
            }
            Self::Many(seen) => match seen.entry(key) {
                Entry::Occupied(first) => Some(*first.get()),
                Entry::Vacant(new) => {
                    new.insert(position);
                    None
                }
            },
        }
    }
}

fn meaning(tag: &granit_parser::Tag) -> Tag {
    match tag.suffix_in_namespace("tag:yaml.org,2002:").as_deref() {
        Some("null") => Tag::Null,
        Some("bool") => Tag::Bool,
        Some("int") => Tag::Int,
        Some("float") => Tag::Float,
        Some("binary") => Tag::Binary,
        Some("merge") => Tag::Merge,
        _ => Tag::Text,
    }
}

fn position(marker: &Marker) -> Position {
    Position {
        line: marker.line(),
        column: marker.col() + 1,
    }
}

fn refused(error: DialectError) -> ProblemKind {
    ProblemKind::Syntax {
        reason: error.reason.to_owned(),
    }
}

fn syntax(error: &ScanError) -> ProblemKind {
    ProblemKind::Syntax {
        reason: error.info().lines().next().unwrap_or_default().to_owned(),
    }
}
