//! A place in the tree, the path to it, and typed reading of what stands there.

use std::borrow::Cow;
use std::path::Path;
use std::time::Duration;

use headcount_core::parse_duration;

use super::fields::Fields;
use super::node::{Content, Items, Node, Scalar};
use super::scalar::Meaning;
use super::sink::Sink;
use crate::mention::Mentioned;
use crate::problem::{Position, ProblemKind};
use crate::value::{SizeError, parse_size};

/// A value and the path to it. Reading it answers `None` when it is of the wrong type, and the
/// sink knows.
#[derive(Clone)]
pub struct Cursor<'a> {
    node: Node<'a>,
    path: String,
    is_for_discovery: bool,
    sink: &'a Sink,
}

impl<'a> Cursor<'a> {
    /// The top of a document.
    pub(super) fn root(node: Node<'a>, sink: &'a Sink) -> Self {
        Self {
            node,
            path: String::new(),
            is_for_discovery: false,
            sink,
        }
    }

    pub(super) fn child(&self, node: Node<'a>, key: &str) -> Self {
        // Put together by hand: a large configuration has hundreds of thousands of fields, and formatting takes as long
        // as all else that is done with one.
        let mut path = String::with_capacity(self.path.len() + 1 + key.len());
        path.push_str(&self.path);
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(key);
        Self {
            node,
            path,
            is_for_discovery: self.is_for_discovery,
            sink: self.sink,
        }
    }

    /// The same place, with another sink for what is found from here on.
    pub fn reported_to<'b>(&self, sink: &'b Sink) -> Cursor<'b>
    where
        'a: 'b,
    {
        Cursor { sink, ..self.clone() }
    }

    /// The value on one line, its keys sorted and its secrets hidden: equal for entries that mean the
    /// same.
    pub fn redacted(&self) -> String {
        super::redact::redacted_entry(self.node)
    }

    /// The file that this stands in.
    pub fn file(&self) -> &'a Path {
        self.sink.file()
    }

    /// Where it stands in the file.
    pub fn position(&self) -> Position {
        self.node.position()
    }

    /// Says what is wrong with this value.
    pub fn report(&self, kind: impl Into<ProblemKind>) {
        self.sink
            .problem(Some(self.node.position()), self.path.clone(), kind.into());
    }

    /// Says what is wrong with something in this value.
    pub fn report_at(&self, position: Position, suffix: &str, kind: impl Into<ProblemKind>) {
        self.sink
            .problem(Some(position), format!("{}{suffix}", self.path), kind.into());
    }

    /// Says what is remarkable about this value.
    pub fn warn(&self, kind: ProblemKind) {
        self.sink.warning(Some(self.node.position()), self.path.clone(), kind);
    }

    /// The same place, for what discovers: what is named from here on is needed by discovery itself.
    pub fn for_discovery(self) -> Self {
        Self {
            is_for_discovery: true,
            ..self
        }
    }

    /// Notes that this value names something outside of the file.
    pub fn mention(&self, what: Mentioned) {
        self.mention_at(self.node.position(), "", what);
    }

    /// Notes that something in this value names something outside of the file.
    pub fn mention_at(&self, position: Position, suffix: &str, what: Mentioned) {
        let field = format!("{}{suffix}", self.path);
        self.sink.mention(position, field, self.is_for_discovery, what);
    }

    /// Whether this is nothing: `null`, `~`, or no value written.
    pub fn is_null(&self) -> bool {
        self.node.is_null()
    }

    /// Whether this is a single value, and neither a list nor a mapping nor nothing.
    pub fn is_scalar(&self) -> bool {
        matches!(self.node.content(), Content::Scalar(scalar) if !scalar.is_null())
    }

    /// Whether this is a list.
    pub fn is_list(&self) -> bool {
        matches!(self.node.content(), Content::List(_))
    }

    /// Whether this is a single value that is written like this.
    pub fn is_word(&self, word: &str) -> bool {
        matches!(self.node.content(), Content::Scalar(scalar) if scalar.as_text() == word)
    }

    /// Text. Numbers and switches are taken as they are written; nothing is the empty text.
    pub fn text(&self) -> Option<String> {
        match self.node.content() {
            Content::Scalar(scalar) => Some(self.text_of(&scalar, self.node.position(), None)),
            _ => self.wrong("text"),
        }
    }

    /// A switch. Nothing is off.
    pub fn flag(&self) -> Option<bool> {
        match self.meaning("true or false")? {
            Meaning::Bool(flag) => Some(flag),
            Meaning::Null => Some(false),
            _ => self.wrong("true or false"),
        }
    }

    /// A count. Nothing is 0; a fraction is cut off.
    pub fn count(&self) -> Option<u64> {
        let expected = "a whole number that is not negative";
        let number = match self.meaning(expected)? {
            Meaning::Null => Some(0),
            Meaning::Int(number) => u64::try_from(number).ok(),
            Meaning::Float(number) => as_go_counts(number),
            _ => None,
        };
        number.or_else(|| self.wrong(expected))
    }

    /// A port. Nothing is 0.
    pub fn port(&self) -> Option<u16> {
        let expected = "a port, from 0 to 65535";
        let number = match self.meaning(expected)? {
            Meaning::Null => Some(0),
            Meaning::Int(number) => u16::try_from(number).ok(),
            _ => None,
        };
        number.or_else(|| self.wrong(expected))
    }

    /// A number. Nothing is 0.
    pub fn number(&self) -> Option<f64> {
        match self.meaning("a number")? {
            Meaning::Null => Some(0.0),
            Meaning::Int(number) => Some(number as f64),
            Meaning::Float(number) => Some(number),
            _ => self.wrong("a number"),
        }
    }

    /// A duration. Nothing is 0.
    pub fn duration(&self) -> Option<Duration> {
        if self.is_null() {
            return Some(Duration::ZERO);
        }
        let Content::Scalar(scalar) = self.node.content() else {
            return self.wrong("a duration, such as 30s");
        };
        let text = self.text_of(&scalar, self.node.position(), None);
        parse_duration(&text)
            .map_err(|error| self.report(ProblemKind::Duration { text, error }))
            .ok()
    }

    /// A number of bytes. Nothing is 0.
    pub fn size(&self) -> Option<i64> {
        if self.is_null() {
            return Some(0);
        }
        let Content::Scalar(scalar) = self.node.content() else {
            return self.wrong("a size, such as 10MB");
        };
        parse_size(&self.text_of(&scalar, self.node.position(), None))
            .map_err(|error: SizeError| self.report(error))
            .ok()
    }

    /// A list's items. Nothing is no list, and not an error.
    pub fn list(&self) -> Option<Vec<Cursor<'a>>> {
        let items = self.items()?;
        let item = |(index, node): (usize, Node<'a>)| Self {
            node,
            path: format!("{}[{index}]", self.path),
            is_for_discovery: self.is_for_discovery,
            sink: self.sink,
        };
        Some(items.iter().enumerate().map(item).collect())
    }

    /// A list of texts, each with its position. Nothing is no list, and not an error.
    pub fn texts(&self) -> Option<Vec<(String, Position)>> {
        let texts = self.optional_texts()?.into_iter();
        Some(
            texts
                .map(|(text, position)| (text.unwrap_or_default(), position))
                .collect(),
        )
    }

    /// The same, with `None` for an item that is nothing.
    pub fn optional_texts(&self) -> Option<Vec<(Option<String>, Position)>> {
        let items = self.items()?;
        let mut texts = Vec::with_capacity(items.len());
        for (index, node) in items.iter().enumerate() {
            // Paths are made only for what is wrong: such a list may have a million entries.
            match node.content() {
                Content::Scalar(scalar) if scalar.is_null() => texts.push((None, node.position())),
                Content::Scalar(scalar) => {
                    let text = self.text_of(&scalar, node.position(), Some(index));
                    texts.push((Some(text), node.position()));
                }
                _ => {
                    let kind = ProblemKind::WrongType {
                        expected: "text",
                        found: node.what(),
                    };
                    self.report_at(node.position(), &format!("[{index}]"), kind);
                }
            }
        }
        Some(texts)
    }

    /// A mapping with the keys of a structure. Nothing is no mapping, and not an error.
    pub fn fields(&self) -> Option<Fields<'a>> {
        match self.node.content() {
            Content::Map(entries) => Some(Fields::new(self, entries)),
            _ if self.is_null() => None,
            _ => self.wrong("a mapping"),
        }
    }

    /// A mapping with keys of the writer's own, sorted by key. Nothing is no mapping.
    pub fn entries(&self) -> Option<Vec<(String, Cursor<'a>)>> {
        let entries = self.entries_with_places()?.into_iter();
        Some(entries.map(|(key, _, value)| (key, value)).collect())
    }

    /// Whether a mapping has a key that is nothing, as `null`. [`entries`](Self::entries) has it as an empty text.
    pub fn has_null_key(&self) -> bool {
        match self.node.content() {
            Content::Map(entries) => entries.iter().any(|(key, _)| key.is_null()),
            _ => false,
        }
    }

    /// The same, with the place of each key.
    pub fn entries_with_places(&self) -> Option<Vec<(String, Position, Cursor<'a>)>> {
        match self.node.content() {
            Content::Map(entries) => Some(super::fields::own_entries(self, entries)),
            _ if self.is_null() => None,
            _ => self.wrong("a mapping"),
        }
    }

    /// The keys of a mapping and where each stands, those that are merged in too, in the order in which they count: of one
    /// that is there more than once the last one does. None for what is no mapping.
    pub fn keys(&self) -> Vec<(String, Position)> {
        match self.node.content() {
            Content::Map(entries) => super::fields::keys(self, entries),
            _ => Vec::new(),
        }
    }

    /// The value as JSON, with numbers and switches as such.
    pub fn json(&self) -> String {
        super::json::json(self.node)
    }

    /// Says that something else belongs here.
    pub fn wrong<T>(&self, expected: &'static str) -> Option<T> {
        self.report(ProblemKind::WrongType {
            expected,
            found: self.node.what(),
        });
        None
    }

    fn items(&self) -> Option<Items<'a>> {
        match self.node.content() {
            Content::List(items) => Some(items),
            _ if self.is_null() => None,
            _ => self.wrong("a list"),
        }
    }

    fn meaning(&self, expected: &'static str) -> Option<Meaning> {
        match self.node.content() {
            // What a variable says may be a number where a quoted text would be none.
            Content::Scalar(scalar) if scalar.text.contains("%{") => {
                let text = self.text_of(&scalar, self.node.position(), None);
                let is_plain = scalar.is_plain || text != scalar.text;
                let tag = scalar.tag;
                let text = text.as_str();
                Some(Scalar { text, is_plain, tag }.meaning())
            }
            Content::Scalar(scalar) => Some(scalar.meaning()),
            _ => self.wrong(expected),
        }
    }

    /// A key of the writer's own with variables put in.
    pub(super) fn meant(&self, key: &str, position: Position) -> String {
        self.sink.meant(key).map(Cow::into_owned).unwrap_or_else(|unset| {
            self.report_at(position, "", unset);
            key.to_owned()
        })
    }

    /// A value with variables put in: this one, or the item of it that has this index. One that is not set is reported.
    fn text_of(&self, scalar: &Scalar<'_>, position: Position, index: Option<usize>) -> String {
        let text = scalar.as_text();
        match self.sink.meant(&text) {
            Ok(Cow::Borrowed(_)) => text,
            Ok(Cow::Owned(meant)) => meant,
            Err(unset) => {
                let suffix = index.map_or_else(String::new, |index| format!("[{index}]"));
                self.report_at(position, &suffix, unset);
                text
            }
        }
    }
}

/// What Go's `uint64` makes of a number with a point or of one that is too large for an integer, on amd64. yaml.v2 asks
/// only that it is not above `math.MaxUint64`, which as a float is 2^64.
fn as_go_counts(number: f64) -> Option<u64> {
    const TOO_LARGE: f64 = 18_446_744_073_709_551_616.0;
    if number.is_nan() || number > TOO_LARGE {
        return None;
    }
    if number == TOO_LARGE {
        return Some(1 << 63);
    }
    let count = if number < 0.0 {
        (number as i64).cast_unsigned()
    } else {
        number as u64
    };
    Some(count)
}
