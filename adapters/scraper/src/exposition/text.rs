//! Prometheus's text format, version 0.0.4, and 1.0.0, which adds quoted names.
//!
//! Blanks may stand almost anywhere.

use super::cursor::{Cursor, Lines, Span};
use super::{Entry, ExpositionProblem, number};

type Labels = Vec<(Span, Span)>;

const TYPES: [&[u8]; 5] = [b"counter", b"gauge", b"histogram", b"summary", b"untyped"];

/// Reads one entry.
pub(super) fn read(cursor: &mut Cursor<'_>, labels: &mut Labels) -> Result<Entry, ExpositionProblem> {
    cursor.blanks();
    match cursor.peek() {
        None | Some(b'\n') => Ok(Entry::Other),
        Some(0) => Ok(Entry::End),
        Some(b'#') => metadata(cursor),
        Some(b'{') => {
            let mut name = None;
            cursor.eat(b"{");
            read_labels(cursor, &mut name, labels)?;
            finish(cursor, name)
        }
        Some(_) => {
            let name = cursor
                .name(true)
                .ok_or_else(|| cursor.expected("a valid start token"))?;
            // To Prometheus, blanks before the name are part of it.
            let mut name = Some(0..name.end);
            cursor.blanks();
            if cursor.eat(b"{") {
                read_labels(cursor, &mut name, labels)?;
            }
            finish(cursor, name)
        }
    }
}

/// `# HELP`, `# TYPE`, or any other comment.
fn metadata(cursor: &mut Cursor<'_>) -> Result<Entry, ExpositionProblem> {
    cursor.eat(b"#");
    if !cursor.blanks() {
        let is_cut = cursor.rest().contains(&0);
        return Ok(if is_cut { Entry::End } else { Entry::Other });
    }
    let is_type = match cursor.rest() {
        [b'H', b'E', b'L', b'P', b' ' | b'\t', ..] => false,
        [b'T', b'Y', b'P', b'E', b' ' | b'\t', ..] => true,
        _ => return Ok(Entry::Other),
    };
    cursor.take_while(|byte| byte.is_ascii_uppercase());
    cursor.blanks();
    let name = match cursor.peek() {
        Some(b'"') => cursor.quoted(Lines::Many),
        _ => cursor.name(true),
    };
    if name.is_none() {
        let after = if is_type {
            "metric name after TYPE"
        } else {
            "metric name after HELP"
        };
        return Err(cursor.expected(after));
    }
    let text = cursor.take_while(|byte| byte != b'\n');
    // The first character stands between the name and the text, whatever it is.
    let text = cursor.text(text).get(1..).unwrap_or_default();
    if is_type && !TYPES.contains(&text) {
        let found = String::from_utf8_lossy(text).into_owned();
        return Err(ExpositionProblem::Type { found });
    }
    if !is_type && std::str::from_utf8(text).is_err() {
        return Err(ExpositionProblem::HelpNotUtf8);
    }
    Ok(Entry::Other)
}

/// What stands in braces: labels, and the name if it needs quotes.
fn read_labels(cursor: &mut Cursor<'_>, name: &mut Option<Span>, labels: &mut Labels) -> Result<(), ExpositionProblem> {
    loop {
        cursor.blanks();
        if cursor.eat(b"}") {
            return Ok(());
        }
        let is_quoted = cursor.peek() == Some(b'"');
        let label = match is_quoted {
            true => cursor.quoted(Lines::Many),
            false => cursor.name(false),
        };
        let label = label.ok_or_else(|| cursor.expected("label name"))?;
        cursor.blanks();
        if is_quoted && matches!(cursor.peek(), Some(b',' | b'}')) {
            if name.replace(label).is_some() {
                return Err(ExpositionProblem::TwoNames);
            }
            cursor.eat(b",");
            continue;
        }
        if !cursor.eat(b"=") {
            return Err(cursor.expected("equal"));
        }
        cursor.blanks();
        let value = cursor
            .quoted(Lines::Many)
            .ok_or_else(|| cursor.expected("label value"))?;
        if std::str::from_utf8(cursor.text(value.clone())).is_err() {
            return Err(ExpositionProblem::ValueNotUtf8);
        }
        labels.push((label, value));
        cursor.blanks();
        // It may be absent: Prometheus does not insist on it.
        cursor.eat(b",");
    }
}

/// The value and the timestamp.
fn finish(cursor: &mut Cursor<'_>, name: Option<Span>) -> Result<Entry, ExpositionProblem> {
    let name = name.ok_or(ExpositionProblem::NoName)?;
    cursor.blanks();
    let value = cursor.take_while(|byte| !matches!(byte, b'{' | b' ' | b'\t' | b'\n' | 0));
    if value.is_empty() {
        return Err(cursor.expected("value after metric"));
    }
    number::float(cursor.text(value))?;
    cursor.blanks();
    let time = cursor.take_while(|byte| byte.is_ascii_digit());
    if !time.is_empty() {
        number::integer(cursor.text(time.clone()))?;
        cursor.blanks();
    }
    match cursor.peek() {
        None | Some(b'\n') => Ok(Entry::Sample(name)),
        Some(_) if time.is_empty() => Err(cursor.expected("timestamp or new record")),
        Some(_) => Err(cursor.expected("next entry after timestamp")),
    }
}
