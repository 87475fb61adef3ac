//! Where the YAML 1.1 of Prometheus's library and the YAML 1.2 of the parser here are not one language.
//!
//! **A text that both read alike is handed on as it is**, at the cost of looking for a few characters, and of parsing a
//! document in brackets. What is no YAML there is refused, with its place; what means something else there is written so
//! that it means the same here. Only the first document is looked at, because nobody reads the others.

use std::borrow::Cow;

use granit_parser::{ErrorKind, Event, Marker, Parser, ScalarStyle, StructureStyle, YamlVersion};

use crate::problem::Position;

/// A line break to YAML 1.1, a character like any other to 1.2.
const NEXT_LINE: char = '\u{85}';
/// What may be written in front of the lines that begin behind such.
const INDENTATION_LIMIT: usize = 1 << 20;

/// Something that Prometheus's library does not take for YAML.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason} (line {}, column {})", position.line, position.column)]
pub struct DialectError {
    /// Where it stands.
    pub position: Position,
    /// What it is, and what to write.
    pub reason: &'static str,
}

/// The text so that the parser reads of its first document what Prometheus does.
///
/// # Errors
/// The first thing that Prometheus refuses and the parser does not.
pub fn as_yaml_1_1(text: &str) -> Result<Cow<'_, str>, DialectError> {
    if begins_in_brackets(text)
        && let Some(text) = without_bracket_behind(text)?
    {
        return as_line_breaks_of_1_1(&text).map(|text| Cow::Owned(text.into_owned()));
    }
    as_line_breaks_of_1_1(text)
}

fn as_line_breaks_of_1_1(text: &str) -> Result<Cow<'_, str>, DialectError> {
    let has_next_line = text.contains(NEXT_LINE);
    let may_have_surrogates = text.contains(r"\ud") || text.contains(r"\uD");
    let is_other = has_next_line || may_have_surrogates || text.contains("%YAML") || tabs(text).next().is_some();
    if !is_other {
        return Ok(Cow::Borrowed(text));
    }
    let parts = Parts::of(text)?;
    if let Some(at) = tabs(text).find(|at| *at < parts.end && parts.around(*at).is_none()) {
        let reason = "a tab stands behind a `-`, `?` or `:` that begins a value; Prometheus refuses it: write spaces";
        return Err(error_at(text, at, reason));
    }
    if !has_next_line {
        return Ok(Cow::Borrowed(text));
    }
    Ok(Cow::Owned(with_line_breaks(text, &parts)))
}

/// What of a document has rules of its own for white space.
struct Parts {
    /// Apart from each other, and in order.
    parts: Vec<Part>,
    /// Where the document ends, or the parser could not go on.
    end: usize,
    /// Whether all of the document is a list or mapping in brackets, and it has ended.
    is_whole_in_brackets: bool,
    /// Where a closing bracket stands, if it is one that the parser could not go on at because none is open.
    stray: Option<usize>,
}

/// A scalar, or the outermost of lists and mappings in brackets.
struct Part {
    start: usize,
    end: usize,
    /// How far in the lines of it have to stand that begin within quotes or brackets.
    indentation: Option<usize>,
}

impl Parts {
    fn of(text: &str) -> Result<Self, DialectError> {
        let mut parts = Vec::new();
        let mut flow: Option<(usize, Part)> = None;
        let mut end = text.len();
        let (mut is_in_brackets, mut has_ended, mut stray) = (None, false, None);
        let options = granit_parser::options! { emit_comments: false };
        for next in Parser::new_from_str_with_options(text, options) {
            let (event, span) = match next {
                Ok(next) => next,
                Err(error) => {
                    end = error.marker().byte_offset().unwrap_or(0);
                    stray = matches!(error.kind(), ErrorKind::MisplacedFlowCollectionEnd).then_some(end);
                    break;
                }
            };
            let range = span.byte_range().unwrap_or_default();
            let indentation = span.start.col().saturating_add(1);
            match event {
                Event::DocumentStart(_, Some(version)) => check_version(version, &span.start)?,
                Event::DocumentEnd => {
                    end = range.start;
                    has_ended = true;
                    break;
                }
                Event::Scalar(_, style, ..) => {
                    is_in_brackets.get_or_insert(false);
                    if style == ScalarStyle::DoubleQuoted {
                        check_escapes(text, &range)?;
                    }
                    if flow.is_none() {
                        let is_quoted = matches!(style, ScalarStyle::DoubleQuoted | ScalarStyle::SingleQuoted);
                        parts.push(Part {
                            start: range.start,
                            end: range.end,
                            indentation: is_quoted.then_some(indentation),
                        });
                    }
                }
                Event::SequenceStart(style, ..) | Event::MappingStart(style, ..) => {
                    is_in_brackets.get_or_insert(style == StructureStyle::Flow);
                    match &mut flow {
                        Some((depth, _)) => *depth = depth.saturating_add(1),
                        None if style == StructureStyle::Flow => {
                            let part = Part {
                                start: range.start,
                                end: text.len(),
                                indentation: Some(indentation),
                            };
                            flow = Some((1, part));
                        }
                        None => {}
                    }
                }
                Event::SequenceEnd | Event::MappingEnd => {
                    if let Some((depth, part)) = flow.take() {
                        match depth.saturating_sub(1) {
                            0 => parts.push(Part { end: range.end, ..part }),
                            depth => flow = Some((depth, part)),
                        }
                    }
                }
                _ => {}
            }
        }
        parts.extend(flow.map(|(_, part)| part));
        Ok(Self {
            parts,
            end,
            is_whole_in_brackets: has_ended && is_in_brackets == Some(true),
            stray,
        })
    }

    /// The part that the byte `at` is in.
    fn around(&self, at: usize) -> Option<&Part> {
        let behind = self.parts.partition_point(|part| part.start <= at);
        let last = self.parts.get(behind.checked_sub(1)?)?;
        (at < last.end).then_some(last)
    }
}

/// Whether the document may be a list or mapping in brackets.
fn begins_in_brackets(text: &str) -> bool {
    let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim_start);
    let mut lines = lines
        .filter(|line| !line.starts_with(['#', '%']))
        .map(|line| line.strip_prefix("---").map_or(line, str::trim_start))
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    // In front of it may stand a tag or an anchor.
    lines.next().is_some_and(|line| line.starts_with(['[', '{', '!', '&']))
}

/// The text with something else in place of a closing bracket that stands behind a document in brackets: nobody reads it in
/// Prometheus, and the parser goes no further. Nothing, if there is none.
fn without_bracket_behind(text: &str) -> Result<Option<String>, DialectError> {
    let Some(at) = Parts::of(text)?.stray else {
        return Ok(None);
    };
    let line = text
        .get(..at)
        .and_then(|before| before.rsplit('\n').next())
        .unwrap_or_default();
    if line.trim().is_empty() && line.contains('\t') {
        // There a tab begins nothing.
        return Ok(None);
    }
    let mut other = text.to_owned();
    // It is one byte, too, so that all places stay.
    other.replace_range(at..at + 1, ",");
    let is_behind = Parts::of(&other).is_ok_and(|parts| parts.is_whole_in_brackets && parts.end <= at);
    Ok(is_behind.then_some(other))
}

fn check_version(version: YamlVersion, start: &Marker) -> Result<(), DialectError> {
    if (version.major, version.minor) == (1, 1) {
        return Ok(());
    }
    Err(DialectError {
        position: Position {
            line: start.line(),
            column: start.col() + 1,
        },
        reason: "Prometheus refuses a document that says it is of another YAML than 1.1; remove the `%YAML` line",
    })
}

/// A scalar in double quotes has no halves of surrogate pairs, which the parser joins.
fn check_escapes(text: &str, range: &std::ops::Range<usize>) -> Result<(), DialectError> {
    let quoted = text.get(range.clone()).unwrap_or_default();
    let Some(at) = first_surrogate(quoted) else {
        return Ok(());
    };
    let reason = "Prometheus refuses `\\u` escapes of surrogate pairs; write the character itself, or one `\\U` escape";
    Err(error_at(text, range.start.saturating_add(at), reason))
}

/// Where an escape such as `\ud83d` stands that is none of a character.
fn first_surrogate(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut from = 0;
    while let Some(at) = text.get(from..)?.find('\\').map(|at| at + from) {
        if let [b'\\', b'u', b'd' | b'D', b'8'..=b'9' | b'a'..=b'f' | b'A'..=b'F', ..] = bytes.get(at..)? {
            return Some(at);
        }
        // Whatever is escaped, it begins no escape itself.
        from = at + 1 + text.get(at + 1..)?.chars().next().map_or(0, char::len_utf8);
    }
    None
}

/// Where a line begins with `-`, `?` or `:`, and a tab stands behind it and spaces.
fn tabs(text: &str) -> impl Iterator<Item = usize> {
    let mut start = 0;
    text.split_inclusive('\n').filter_map(move |line| {
        let begin = start;
        start += line.len();
        let bytes = line.as_bytes();
        let mut at = spaces(bytes, 0);
        while let Some(b'-' | b'?' | b':') = bytes.get(at) {
            let behind = spaces(bytes, at + 1);
            match bytes.get(behind) {
                Some(b'\t') => return Some(begin + at),
                _ if behind == at + 1 => return None,
                _ => at = behind,
            }
        }
        None
    })
}

/// The first byte from this one on that is no space.
fn spaces(bytes: &[u8], from: usize) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    from + rest.iter().take_while(|byte| **byte == b' ').count()
}

/// The text with a line break for each U+0085, and what stands behind one as far in as the parser wants it.
fn with_line_breaks(text: &str, parts: &Parts) -> String {
    let mut out = String::with_capacity(text.len());
    let mut indentation_left = INDENTATION_LIMIT;
    let mut from = 0;
    for (at, found) in text.match_indices(NEXT_LINE).take_while(|(at, _)| *at < parts.end) {
        out.push_str(text.get(from..at).unwrap_or_default());
        out.push('\n');
        from = at + found.len();
        let indentation = parts.around(at).and_then(|part| part.indentation).unwrap_or(0);
        if let Some(left) = indentation_left.checked_sub(indentation) {
            indentation_left = left;
            out.extend(std::iter::repeat_n(' ', indentation));
        }
    }
    out.push_str(text.get(from..).unwrap_or_default());
    out
}

fn error_at(text: &str, at: usize, reason: &'static str) -> DialectError {
    let before = text.get(..at).unwrap_or_default();
    let line = before.rsplit('\n').next().unwrap_or_default();
    DialectError {
        position: Position {
            line: before.matches('\n').count() + 1,
            column: line.chars().count() + 1,
        },
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> Option<(usize, usize)> {
        let error = as_yaml_1_1(text).err()?;
        Some((error.position.line, error.position.column))
    }

    /// What promtool 2.42 and 3.5 refuse of lists, and the parser takes.
    #[test]
    fn what_is_no_yaml_there_is_none_here() {
        for (text, place) in [
            ("a:\n  -\tx\n", (2, 3)),
            ("a:\n- - \t x\n", (2, 3)),
            ("?\ta\n: b\n", (1, 1)),
            ("? a\n:\tb\n", (2, 1)),
            ("a: \"x\\ud83d\\ude00\"\n", (1, 6)),
            ("a: ä\nb: {c: [\"\\\\\\uD83d\\uDe00\"]}\n", (2, 12)),
            ("%YAML 1.2\n---\na: b\n", (2, 1)),
        ] {
            let found = refused(text);
            // The parser may refuse it itself, where it says so.
            assert_eq!(found, Some(place), "{text:?}");
        }
    }

    #[test]
    fn a_bracket_behind_a_document_in_brackets_is_behind_it() {
        for (text, expected) in [
            ("[a]\n]\n", "[a]\n,\n"),
            ("[a]]\n", "[a],\n"),
            (
                "# b\n---\n&x [\"[\"]\n\n# c\n  } d\n",
                "# b\n---\n&x [\"[\"]\n\n# c\n  , d\n",
            ),
            ("{a: b}\n]]\n", "{a: b}\n,]\n"),
            ("[\"x\u{85}y\"]\n]\n", "[\"x\n y\"]\n,\n"),
        ] {
            assert_eq!(as_yaml_1_1(text).as_deref(), Ok(expected), "{text:?}");
        }
        // These Prometheus refuses, too, or there is none.
        for text in [
            "- a\n]\n",
            "a: b\n]\n",
            "[a]\n\t]\n",
            "[a]: ]\n",
            "[a, {b: c]}\n",
            "]\n",
            "[a]\n---\n]\n",
            "{a: ']'}\n",
        ] {
            assert_eq!(as_yaml_1_1(text), Ok(Cow::Borrowed(text)), "{text:?}");
        }
    }

    #[test]
    fn what_both_take_stays() {
        for text in [
            "a:\tx\n",
            "- a\t\n",
            "a: |\n  -\tx\n",
            "a: 'x\n  -\ty'\n",
            "a: [x,\n -\ty]\n",
            "a: '\\ud83d\\ude00'\n",
            "a: \"\\\\ud83d\"\n",
            "a: \\ud83d\n",
            "%YAML 1.1\n---\na: b\n",
            "a: b %YAML 1.2\n",
            "a: b\n---\n-\tc\n",
            "-a\tb: c\n",
            "--- \ta\n",
        ] {
            assert_eq!(as_yaml_1_1(text), Ok(Cow::Borrowed(text)), "{text:?}");
        }
    }

    #[test]
    fn next_line_is_a_line_break() {
        for (text, expected) in [
            ("a: \"x\u{85}y\"\n", "a: \"x\n    y\"\n"),
            ("a: {b: x\u{85}y}\n", "a: {b: x\n    y}\n"),
            ("a: |\n  x\u{85}  y\n", "a: |\n  x\n  y\n"),
            ("a: b # c\u{85}d: e\n", "a: b # c\nd: e\n"),
            ("a: \"x\\Ny\"\n", "a: \"x\\Ny\"\n"),
            ("a: b\n---\n\"x\u{85}y\"\n", "a: b\n---\n\"x\u{85}y\"\n"),
        ] {
            assert_eq!(as_yaml_1_1(text).as_deref(), Ok(expected), "{text:?}");
        }
        // However many there are, the text stays one of about its size.
        let many = format!("{}: [{}]", "k".repeat(900), "\u{85}".repeat(100_000));
        let written = as_yaml_1_1(&many).map(|text| text.len());
        assert!(written.is_ok_and(|length| length < 2 << 20), "bounded");
    }
}
