//! OpenMetrics 0.0.1 and 1.0.0, as far as Prometheus checks them.
//!
//! Blanks stand exactly where they have to, and `# EOF` is the last line.

use headcount_core::planted;

use super::cursor::{Cursor, Lines, Span};
use super::{Entry, ExpositionProblem, number};

type Labels = Vec<(Span, Span)>;

const TYPES: [&[u8]; 8] = [
    b"counter",
    b"gauge",
    b"gaugehistogram",
    b"histogram",
    b"info",
    b"stateset",
    b"summary",
    b"unknown",
];

/// Reads one entry.
pub(super) fn read(cursor: &mut Cursor<'_>, labels: &mut Labels) -> Result<Entry, ExpositionProblem> {
    match cursor.peek() {
        Some(b'#') => metadata(cursor),
        Some(b'{') => {
            let mut name = None;
            cursor.eat(b"{");
            read_labels(cursor, &mut name, labels)?;
            finish(cursor, name)
        }
        _ => {
            let mut name = Some(
                cursor
                    .name(true)
                    .ok_or_else(|| cursor.expected("a valid start token"))?,
            );
            if cursor.eat(b"{") {
                read_labels(cursor, &mut name, labels)?;
            }
            finish(cursor, name)
        }
    }
}

fn metadata(cursor: &mut Cursor<'_>) -> Result<Entry, ExpositionProblem> {
    if !cursor.eat(b"# ") {
        return Err(cursor.expected("a valid start token"));
    }
    if cursor.eat(b"EOF") {
        cursor.eat(b"\n");
        return match cursor.peek() {
            None => Ok(Entry::End),
            Some(_) => Err(ExpositionProblem::AfterEof),
        };
    }
    let [after, text_in, check]: [&'static str; 3] = if cursor.eat(b"HELP ") {
        ["metric name after HELP", "text in HELP", "help"]
    } else if cursor.eat(b"TYPE ") {
        ["metric name after TYPE", "text in TYPE", "type"]
    } else if cursor.eat(b"UNIT ") {
        ["metric name after UNIT", "text in UNIT", "unit"]
    } else {
        return Err(cursor.expected("a valid start token"));
    };
    let name = match cursor.peek() {
        Some(b'"') => cursor.quoted(Lines::Many),
        _ => cursor.name(true),
    };
    let name = name.ok_or_else(|| cursor.expected(after))?;
    if !cursor.eat(b" ") {
        return Err(cursor.expected(text_in));
    }
    let text = cursor.take_while(|byte| byte != b'\n');
    if cursor.peek().is_none() {
        return Err(cursor.expected(text_in));
    }
    let (metric, text) = (cursor.text(name), cursor.text(text));
    let owned = |bytes| String::from_utf8_lossy(bytes).into_owned();
    match check {
        "type" if !TYPES.contains(&text) => Err(ExpositionProblem::Type { found: owned(text) }),
        "help" if std::str::from_utf8(text).is_err() => Err(ExpositionProblem::HelpNotUtf8),
        "unit" if !is_unit_of(text, metric) => Err(ExpositionProblem::Unit {
            unit: owned(text),
            metric: owned(metric),
        }),
        _ => Ok(Entry::Other),
    }
}

/// Whether a metric's name ends in an underscore and this unit, or there is none.
fn is_unit_of(unit: &[u8], metric: &[u8]) -> bool {
    let stem = metric.strip_suffix(unit);
    unit.is_empty() || stem.is_some_and(|stem| planted!(stem.last() == Some(&b'_'), AnyUnitFits, true))
}

/// What stands in a sample's braces: labels, and the name if it needs quotes.
fn read_labels(cursor: &mut Cursor<'_>, name: &mut Option<Span>, labels: &mut Labels) -> Result<(), ExpositionProblem> {
    while !cursor.eat(b"}") {
        let is_quoted = cursor.peek() == Some(b'"');
        let label = label_name(cursor, Lines::Many)?;
        if is_quoted && matches!(cursor.peek(), Some(b',' | b'}')) {
            if name.replace(label).is_some() {
                return Err(ExpositionProblem::TwoNames);
            }
            cursor.eat(b",");
            continue;
        }
        let value = label_value(cursor)?;
        labels.push((label, value));
    }
    Ok(())
}

fn label_name(cursor: &mut Cursor<'_>, lines: Lines) -> Result<Span, ExpositionProblem> {
    let label = match cursor.peek() {
        Some(b'"') => cursor.quoted(lines),
        _ => cursor.name(false),
    };
    label.ok_or_else(|| cursor.expected("label name"))
}

/// `="…"`, and the comma if one follows.
fn label_value(cursor: &mut Cursor<'_>) -> Result<Span, ExpositionProblem> {
    if !cursor.eat(b"=") {
        return Err(cursor.expected("equal"));
    }
    let value = cursor
        .quoted(Lines::One)
        .ok_or_else(|| cursor.expected("label value"))?;
    if std::str::from_utf8(cursor.text(value.clone())).is_err() {
        return Err(ExpositionProblem::ValueNotUtf8);
    }
    if !cursor.eat(b",") && cursor.peek() != Some(b'}') {
        return Err(cursor.expected("comma or brace close"));
    }
    Ok(value)
}

/// The value, the timestamp and the exemplar.
fn finish(cursor: &mut Cursor<'_>, name: Option<Span>) -> Result<Entry, ExpositionProblem> {
    let name = name.ok_or(ExpositionProblem::NoName)?;
    let value = word(cursor).ok_or_else(|| cursor.expected("value after metric"))?;
    number::float(cursor.text(value))?;
    if is_end(cursor)? {
        return Ok(Entry::Sample(name));
    }
    if !cursor.eat(EXEMPLAR) {
        let time = word(cursor).ok_or_else(|| cursor.expected("timestamp, exemplar or new record"))?;
        let text = cursor.text(time);
        if !number::float(text)?.is_finite() {
            let text = String::from_utf8_lossy(text).into_owned();
            return Err(ExpositionProblem::Timestamp { text });
        }
        if is_end(cursor)? {
            return Ok(Entry::Sample(name));
        }
        if !cursor.eat(EXEMPLAR) {
            return Err(cursor.expected("next entry after timestamp"));
        }
    }
    exemplar(cursor)?;
    Ok(Entry::Sample(name))
}

/// What an exemplar begins with.
const EXEMPLAR: &[u8] = b" # {";

fn exemplar(cursor: &mut Cursor<'_>) -> Result<(), ExpositionProblem> {
    while !cursor.eat(b"}") {
        let is_quoted = cursor.peek() == Some(b'"');
        label_name(cursor, Lines::One)?;
        if is_quoted && matches!(cursor.peek(), Some(b',' | b'}')) {
            return Err(cursor.expected("label name"));
        }
        label_value(cursor)?;
    }
    let value = word(cursor).ok_or_else(|| cursor.expected("value after exemplar labels"))?;
    number::float(cursor.text(value))?;
    if is_end(cursor)? {
        return Ok(());
    }
    let time = word(cursor).ok_or_else(|| cursor.expected("timestamp or comment"))?;
    let text = cursor.text(time);
    if !number::float(text)?.is_finite() {
        let text = String::from_utf8_lossy(text).into_owned();
        return Err(ExpositionProblem::ExemplarTimestamp { text });
    }
    match is_end(cursor)? {
        true => Ok(()),
        false => Err(cursor.expected("next entry after exemplar timestamp")),
    }
}

/// A blank and what stands up to the next one.
fn word(cursor: &mut Cursor<'_>) -> Option<Span> {
    let is_inside = |byte: &u8| !matches!(byte, b' ' | b'\n' | 0);
    if cursor.peek() != Some(b' ') || !cursor.rest().get(1).is_some_and(is_inside) {
        return None;
    }
    cursor.eat(b" ");
    Some(cursor.take_while(|byte| is_inside(&byte)))
}

/// Whether the line ends here. If the whole text does, it was cut off.
fn is_end(cursor: &Cursor<'_>) -> Result<bool, ExpositionProblem> {
    match cursor.peek() {
        None => planted!(Err(ExpositionProblem::NoEof), CutOffIsWhole, Ok(true)),
        next => Ok(next == Some(b'\n')),
    }
}
