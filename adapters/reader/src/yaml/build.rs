//! From text to a tree, within bounds.

use std::collections::HashMap;
use std::rc::Rc;

use granit_parser::{Event, Marker, Parser, ScalarStyle, ScanError};

use super::cursor::Cursor;
use super::fields::shown_key;
use super::node::{Content, Node, Scalar, Tag};
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

/// The first document of a file.
#[derive(Debug)]
pub struct Document {
    root: Option<Rc<Node>>,
    /// Where a second document begins.
    pub further: Option<Position>,
}

impl Document {
    /// The top of the document, with `sink` for what is wrong; `None` when it is empty.
    pub fn root<'a>(&'a self, sink: &'a Sink) -> Option<Cursor<'a>> {
        Some(Cursor::root(self.root.as_deref()?, sink))
    }

    /// The document as YAML, with aliases written out and every secret replaced by `<secret>`.
    pub fn redacted(&self) -> String {
        render_redacted(self.root.as_deref())
    }
}

/// Reads the first document, as Prometheus does. `None` when the text is not YAML, or goes over a
/// limit; `sink` knows why. Keys that are written twice are reported and kept.
pub fn read(text: &str, sink: &Sink) -> Option<Document> {
    let mut builder = Builder {
        sink,
        open: Vec::new(),
        anchors: HashMap::new(),
        written: 0,
        root: None,
    };
    // Another crate of the same build may turn comments on, and their number is limited then.
    let mut parser = Parser::new_from_str_with_options(text, granit_parser::options! { emit_comments: false });
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
    let further = match parser.next_event() {
        Some(Ok((Event::DocumentStart(..), span))) => Some(position(&span.start)),
        _ => None,
    };
    Some(Document {
        root: builder.root,
        further,
    })
}

/// A list or mapping whose end has not come yet.
struct Open {
    position: Position,
    anchor: usize,
    content: Content,
    key: Option<Rc<Node>>,
}

struct Builder<'a> {
    sink: &'a Sink,
    open: Vec<Open>,
    anchors: HashMap<usize, Rc<Node>>,
    /// How many values are written, with aliases counted as one.
    written: u64,
    root: Option<Rc<Node>>,
}

impl Builder<'_> {
    fn event(&mut self, event: Event<'_>, position: Position) -> Result<(), ProblemKind> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let is_plain = style == ScalarStyle::Plain;
                let tag = tag.map_or(Tag::None, |tag| meaning(&tag));
                let scalar = Scalar {
                    text: text.into(),
                    is_plain,
                    tag,
                };
                if scalar.contradicts_tag() {
                    return Err(ProblemKind::Syntax {
                        reason: "the value is not what its tag (!!int, !!binary, …) says".to_owned(),
                    });
                }
                self.add(Rc::new(Node::new(position, Content::Scalar(scalar))), anchor)
            }
            Event::SequenceStart(_, anchor, _) => self.begin(position, anchor, Content::List(Vec::new())),
            Event::MappingStart(_, anchor, _) => self.begin(position, anchor, Content::Map(Vec::new())),
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(done) = self.open.pop() else { return Ok(()) };
                if let Content::Map(entries) = &done.content {
                    self.check_keys(entries);
                }
                self.add(Rc::new(Node::new(done.position, done.content)), done.anchor)
            }
            Event::Alias(anchor) => {
                let node = self.anchors.get(&anchor).cloned().ok_or(ProblemKind::AliasOfItself)?;
                self.add(node, 0)
            }
            _ => Ok(()),
        }
    }

    fn begin(&mut self, position: Position, anchor: usize, content: Content) -> Result<(), ProblemKind> {
        if self.open.len() >= DEPTH_LIMIT {
            return Err(ProblemKind::TooDeep { limit: DEPTH_LIMIT });
        }
        self.open.push(Open {
            position,
            anchor,
            content,
            key: None,
        });
        Ok(())
    }

    fn add(&mut self, node: Rc<Node>, anchor: usize) -> Result<(), ProblemKind> {
        self.written += 1;
        let limit = self.written.saturating_mul(ALIAS_FACTOR).max(FREE_ALIASES);
        if node.weight > limit {
            return Err(ProblemKind::TooManyAliases { limit });
        }
        if node.depth + self.open.len() > DEPTH_LIMIT {
            return Err(ProblemKind::TooDeep { limit: DEPTH_LIMIT });
        }
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open {
                content: Content::List(items),
                ..
            }) => items.push(node),
            Some(Open {
                content: Content::Map(entries),
                key,
                ..
            }) => match key.take() {
                None => *key = Some(node),
                Some(key) => entries.push((key, node)),
            },
            Some(Open {
                content: Content::Scalar(_),
                ..
            }) => {}
        }
        Ok(())
    }

    /// Reports keys that are written twice. `<<` may be.
    fn check_keys(&self, entries: &[(Rc<Node>, Rc<Node>)]) {
        let mut seen: HashMap<&str, Position> = HashMap::with_capacity(entries.len());
        for (key, _) in entries {
            let Some(text) = key.key_text().filter(|_| !key.is_merge_key()) else {
                continue;
            };
            if let Some(first) = seen.get(text) {
                let kind = ProblemKind::RepeatedKey {
                    key: shown_key(text),
                    first: first.line,
                };
                self.sink.problem(Some(key.position), self.path(), kind);
            } else {
                seen.insert(text, key.position);
            }
        }
    }

    /// The field that is being read.
    fn path(&self) -> String {
        let mut path = String::new();
        for open in &self.open {
            if path.len() > SHOWN_PATH {
                path.push('…');
                break;
            }
            match (&open.content, &open.key) {
                (Content::List(items), _) => path.push_str(&format!("[{}]", items.len())),
                (_, Some(key)) => {
                    if !path.is_empty() {
                        path.push('.');
                    }
                    path.push_str(&shown_key(key.key_text().unwrap_or_default()));
                }
                _ => {}
            }
        }
        path
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

fn syntax(error: &ScanError) -> ProblemKind {
    ProblemKind::Syntax {
        reason: error.info().lines().next().unwrap_or_default().to_owned(),
    }
}
