//! A list of objects, as it comes in pieces: each object is given as soon as it is there, and none is kept.
//!
//! The one rule: **what is not a whole list is no list.** All brackets have to be closed, nothing may follow, and what
//! stands around the objects has to say that it is a list, and at which version.
//!
//! An object that is in a piece as a whole is looked at once: whoever reads it says where it ended. Only where that did not
//! succeed, as it goes on in the next piece or makes no sense, its end is looked for, and it is given a second time then. So
//! no byte of an object is looked at more than three times, however many pieces it comes in.

use std::num::NonZeroUsize;

use serde::Deserialize;

use super::super::kind::Kind;
use super::super::object::{Named, Nonsense, Object};
use crate::json;

/// Reads a list.
#[derive(Default)]
pub(super) struct ListReader {
    /// What stands around the objects.
    shell: Vec<u8>,
    /// An object that has begun.
    begun: Vec<u8>,
    place: Place,
    /// Brackets that are open.
    depth: u32,
    is_in_text: bool,
    is_escaped: bool,
    is_torn: bool,
    /// How many bytes the last object had: with fewer at hand the next one is hardly whole.
    latest: usize,
}

/// What is given of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part<'p> {
    /// It begins here, and ends nobody knows where, if it ends at all.
    Begun(&'p str),
    /// It is this.
    Whole(&'p [u8]),
}

/// Where it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Place {
    #[default]
    Around,
    /// Between two objects; `true` after one, when a comma has to come.
    Between(bool),
    InObject,
}

/// What stands around the objects.
#[derive(Debug, Deserialize)]
pub(super) struct Head {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    metadata: HeadMeta,
}

#[derive(Debug, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct HeadMeta {
    resource_version: String,
    #[serde(rename = "continue")]
    more: Option<String>,
}

/// A list that was read to its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    /// The version at which it is.
    pub(super) version: String,
    /// Where the next page begins; empty if this is the last.
    pub(super) more: String,
}

impl ListReader {
    /// Reads a piece, and gives the objects that end in it. Who is given one that has [begun](Part::Begun) says how many
    /// bytes of it it has read; if none, it gets it again as a [whole](Part::Whole).
    pub(super) fn add(&mut self, piece: &[u8], mut each: impl FnMut(Part<'_>) -> Option<NonZeroUsize>) {
        // An object is read from a text if it is one, without a look at each part of it for that.
        let text = json::text(piece);
        // Where the part of the piece begins that was not put anywhere yet.
        let mut start = 0;
        let mut at: usize = 0;
        loop {
            at = at.saturating_add(self.plain(piece.get(at..).unwrap_or_default()));
            let Some(byte) = piece.get(at).copied() else { break };
            match self.place {
                _ if self.is_in_text => self.in_text(byte),
                Place::Around => {
                    self.around(byte);
                    if byte == b'[' && self.depth == 2 && self.follows_items(piece.get(start..at).unwrap_or_default()) {
                        self.shell.extend_from_slice(piece.get(start..=at).unwrap_or_default());
                        start = at.saturating_add(1);
                        self.place = Place::Between(false);
                    }
                }
                Place::Between(is_after_one) => match byte {
                    b' ' | b'\t' | b'\r' | b'\n' => start = at.saturating_add(1),
                    b',' if is_after_one => {
                        self.place = Place::Between(false);
                        start = at.saturating_add(1);
                    }
                    b']' => {
                        self.depth = self.depth.saturating_sub(1);
                        self.place = Place::Around;
                        start = at;
                    }
                    b'{' if !is_after_one => {
                        let rest = text.get(at..).unwrap_or_default();
                        let at_once = (rest.len() >= self.latest).then(|| each(Part::Begun(rest))).flatten();
                        if let Some(length) = at_once {
                            self.latest = length.get();
                            self.place = Place::Between(true);
                            at = at.saturating_add(length.get());
                            start = at;
                            continue;
                        }
                        self.depth = self.depth.saturating_add(1);
                        self.place = Place::InObject;
                        start = at;
                    }
                    _ => self.is_torn = true,
                },
                Place::InObject => {
                    self.around(byte);
                    if self.depth == 2 {
                        let end = at.saturating_add(1);
                        self.begun.extend_from_slice(piece.get(start..end).unwrap_or_default());
                        each(Part::Whole(&self.begun));
                        self.latest = self.begun.len();
                        self.begun.clear();
                        start = end;
                        self.place = Place::Between(true);
                    }
                }
            }
            at = at.saturating_add(1);
        }
        let rest = piece.get(start..).unwrap_or_default();
        match self.place {
            Place::Around => self.shell.extend_from_slice(rest),
            Place::InObject => self.begun.extend_from_slice(rest),
            Place::Between(_) => {}
        }
    }

    /// Reads a piece, and gives the objects of a kind that end in it, or what is known of one that makes no sense.
    pub(super) fn add_objects(&mut self, kind: Kind, piece: &[u8], mut each: impl FnMut(Result<Named, Nonsense>)) {
        self.add(piece, |part| match part {
            Part::Begun(json) => {
                let (named, length) = Object::begin(kind, json)?;
                each(Ok(named));
                Some(length)
            }
            Part::Whole(json) => {
                each(Object::read(kind, json));
                None
            }
        });
    }

    /// Ends, and says what the list is.
    pub(super) fn end(self) -> Result<Page, String> {
        if self.is_torn || self.depth != 0 || self.is_in_text || self.place != Place::Around {
            return Err("the list is not whole".to_owned());
        }
        let head: Head =
            serde_json::from_slice(&self.shell).map_err(|error| format!("the answer is no list: {error}"))?;
        if !head.kind.ends_with("List") {
            return Err(format!("the answer is no list, but of the kind {:?}", head.kind));
        }
        if head.metadata.resource_version.is_empty() {
            return Err("the list does not say its version".to_owned());
        }
        Ok(Page {
            version: head.metadata.resource_version,
            more: head.metadata.more.unwrap_or_default(),
        })
    }

    /// How many bytes come before the next that changes anything: nearly all of an object.
    fn plain(&self, rest: &[u8]) -> usize {
        let next = match self.place {
            _ if self.is_escaped => Some(0),
            _ if self.is_in_text => rest.iter().position(|byte| matches!(byte, b'"' | b'\\')),
            Place::InObject => rest
                .iter()
                .position(|byte| matches!(byte, b'"' | b'{' | b'}' | b'[' | b']')),
            Place::Around | Place::Between(_) => Some(0),
        };
        next.unwrap_or(rest.len())
    }

    fn in_text(&mut self, byte: u8) {
        match byte {
            _ if self.is_escaped => self.is_escaped = false,
            b'\\' => self.is_escaped = true,
            b'"' => self.is_in_text = false,
            _ => {}
        }
    }

    fn around(&mut self, byte: u8) {
        match byte {
            b'"' => self.is_in_text = true,
            b'{' | b'[' => self.depth = self.depth.saturating_add(1),
            b'}' | b']' => match self.depth.checked_sub(1) {
                Some(depth) => self.depth = depth,
                None => self.is_torn = true,
            },
            _ => {}
        }
    }

    /// Whether the field `items` of the outermost object is what comes; `latest` is what follows the shell.
    fn follows_items(&self, latest: &[u8]) -> bool {
        let bytes = self.shell.iter().chain(latest).rev().copied();
        let mut bytes = bytes.filter(|byte| !byte.is_ascii_whitespace());
        if bytes.next() != Some(b':') {
            return false;
        }
        let name = br#""items""#.iter().rev().copied();
        let is_named = name.eq(bytes.by_ref().take(7));
        is_named && matches!(bytes.next(), Some(b'{' | b','))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::de::IgnoredAny;

    use super::*;

    /// The objects of a list that comes in pieces of these sizes, and what it says of itself. Who reads it is one that takes
    /// any JSON, or one that takes nothing at once.
    fn read_as(text: &str, cuts: &[usize], at_once: bool) -> (Vec<String>, Result<Page, String>) {
        let mut reader = ListReader::default();
        let mut objects = Vec::new();
        let (mut rest, mut cuts) = (text.as_bytes(), cuts.iter().copied());
        while !rest.is_empty() {
            let (piece, more) = rest.split_at(cuts.next().unwrap_or(rest.len()).min(rest.len()));
            reader.add(piece, |part| {
                let (object, length) = match part {
                    Part::Begun(_) if !at_once => return None,
                    Part::Begun(begun) => {
                        let mut values = serde_json::Deserializer::from_str(begun).into_iter::<IgnoredAny>();
                        values.next()?.ok()?;
                        let length = values.byte_offset();
                        (&begun.as_bytes()[..length], NonZeroUsize::new(length))
                    }
                    Part::Whole(object) => (object, None),
                };
                objects.push(String::from_utf8_lossy(object).into_owned());
                length
            });
            rest = more;
        }
        (objects, reader.end())
    }

    /// Either reader finds the same.
    fn read(text: &str, cuts: &[usize]) -> (Vec<String>, Result<Page, String>) {
        let found = read_as(text, cuts, true);
        assert_eq!(found, read_as(text, cuts, false));
        found
    }

    fn page(version: &str, more: &str) -> Result<Page, String> {
        Ok(Page {
            version: version.to_owned(),
            more: more.to_owned(),
        })
    }

    #[test]
    fn objects_are_found_among_all_that_can_stand_around_them() {
        let text = r#"{"kind":"PodList","x":{"items":[1]},"y":["items",[2]],"metadata":{"resourceVersion":"7","continue":"c"},
            "items" : [ {"a":"}]\"\\"} , {"items":[{}]},{} ] }"#;
        let (objects, page_found) = read(text, &[]);
        assert_eq!(objects, [r#"{"a":"}]\"\\"}"#, r#"{"items":[{}]}"#, "{}"]);
        assert_eq!(page_found, page("7", "c"));
        let without = r#"{"items":null,"kind":"PodList","metadata":{"resourceVersion":"7"}}"#;
        assert_eq!(read(without, &[]), (Vec::new(), page("7", "")));
    }

    #[test]
    fn what_is_not_a_whole_list_is_none() {
        for wrong in [
            "",
            "{}",
            "null",
            "[]",
            "<html>",
            r#"{"kind":"PodList","metadata":{},"items":[]}"#,
            r#"{"kind":"Status","metadata":{"resourceVersion":"7"}}"#,
            r#"{"kind":"PodList","metadata":{"resourceVersion":"7"},"items":[{}"#,
            r#"{"kind":"PodList","metadata":{"resourceVersion":"7"},"items":[{}{}]}"#,
            r#"{"kind":"PodList","metadata":{"resourceVersion":"7"},"items":[1]}"#,
            r#"{"kind":"PodList","metadata":{"resourceVersion":"7"},"items":[]}}"#,
            r#"{"kind":"PodList","metadata":{"resourceVersion":"7"},"items":[]"#,
            r#"{"kind":"PodList","metadata":{"resourceVersion":"7"},"items":[]} {}"#,
        ] {
            assert!(read(wrong, &[]).1.is_err(), "{wrong}");
        }
    }

    /// A large object in many small pieces is not begun anew with each of them.
    #[test]
    fn what_is_given_is_not_much_more_than_what_comes() {
        let object = format!(r#"{{"a":"{}"}}"#, "x".repeat(1_000_000));
        let text = format!(
            r#"{{"items":[{object},{{"b":1}},{object}],"kind":"PodList","metadata":{{"resourceVersion":"1"}}}}"#
        );
        for size in [1, 100, 1_000, 300_000] {
            let (mut given, mut objects) = (0, 0);
            let mut reader = ListReader::default();
            for piece in text.as_bytes().chunks(size) {
                reader.add(piece, |part| {
                    match part {
                        Part::Begun(json) => given += json.len(),
                        Part::Whole(json) => (given, objects) = (given + json.len(), objects + 1),
                    }
                    None
                });
            }
            assert_eq!((objects, reader.end()), (3, page("1", "")), "{size}");
            assert!(given <= 2 * text.len(), "{size}: {given}");
        }
    }

    proptest! {
        #[test]
        fn a_list_is_the_same_however_it_is_cut(
            texts in prop::collection::vec(r#"[a-z"\\\[\]{},:é]{0,8}"#, 0..6),
            spaces in "[ \n]{0,3}",
            cuts in prop::collection::vec(1..9_usize, 0..60),
        ) {
            let objects: Vec<String> =
                texts.iter().map(|text| serde_json::json!({"a": text, "b": [{"c": text}]}).to_string()).collect();
            let items = objects.join(&format!("{spaces},{spaces}"));
            let text = format!(r#"{{"kind":"PodList","metadata":{{"resourceVersion":"1"}},"items":[{spaces}{items}{spaces}]}}"#);
            let (found, found_page) = read(&text, &cuts);
            prop_assert_eq!(found, objects);
            prop_assert_eq!(found_page, page("1", ""));
            // No beginning of it is a list.
            for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
                prop_assert!(read(&text[..end], &cuts).1.is_err());
            }
        }
    }
}
