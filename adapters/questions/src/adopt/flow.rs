//! Jobs in braces.
//!
//! ```text
//!  - {job_name: a, static_configs: [{targets: [x]}]}
//!
//!  # headcount discovers this job's targets now
//!  # static_configs: [{targets: [x]}]
//!  - {job_name: a, http_sd_configs: [{url: 'http://127.0.0.1:9099/sd/a', refresh_interval: 5s}]}
//! ```

use std::ops::Range;

use super::Wanted;
use super::block::quoted;
use super::job::{Flow, Replaced};
use super::lines::{Edit, Lines};

/// The job rewritten.
pub(super) fn edit(lines: &Lines<'_>, job: &Flow, replaced: &Replaced, wanted: &Wanted) -> Edit {
    let text = lines.text();
    let interval = wanted.reader.refresh_interval();
    let interval = interval.map_or_else(String::new, |interval| format!(", refresh_interval: {interval}"));
    let mut given = format!("http_sd_configs: [{{url: {}{interval}}}]", quoted(&wanted.url));
    given.extend(replaced.emptied().map(|name| format!(", {name}: []")));
    let mut comments = vec![wanted.reason()];
    let line = text
        .get(..job.start)
        .and_then(|before| before.rfind('\n'))
        .map_or(0, |at| at + 1);
    let head = text.get(line..job.start).unwrap_or_default();
    // Comments stand above the line where there is nothing else on it; other jobs may be.
    let is_alone = head.trim() == "-";
    let start = if is_alone { line } else { job.start };
    let end = end_of_all(text, job.start + 1);
    let mut out = text.get(start..end).unwrap_or_default().to_owned();
    if replaced.own.is_empty() {
        // Behind what is merged in, which would count otherwise.
        out.push_str(&format!(", {given}"));
    }
    // From the last to the first, so that places stay right; the first one is where the new one stands.
    for (place, field) in replaced.own.iter().enumerate().rev() {
        let span = field.offset - start..end_of(text, field.offset) - start;
        let before = out.get(span.clone()).unwrap_or_default().trim_end();
        comments.splice(
            1..1,
            before.lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>(),
        );
        if place == 0 {
            let end = span.start + before.len();
            out.replace_range(span.start..end, &given);
        } else {
            out.replace_range(with_comma(&out, span), "");
        }
    }
    let (indent, newline): (String, _) = (head.chars().take_while(|c| *c == ' ').collect(), lines.newline());
    let comments = comments.iter().map(|comment| match is_alone {
        true => format!("{indent}# {comment}{newline}"),
        false => format!("{newline}{indent}  # {comment}"),
    });
    let mut above: String = comments.collect();
    if !is_alone {
        above.push_str(&format!("{newline}{indent}  "));
    }
    out.insert_str(0, &above);
    Edit {
        range: start..end,
        text: out,
    }
}

/// A field with the comma before it; the first has none, but that one is replaced.
fn with_comma(text: &str, span: Range<usize>) -> Range<usize> {
    let before = text.get(..span.start).unwrap_or_default().trim_end();
    match before.strip_suffix(',') {
        Some(rest) => rest.len()..span.end,
        None => span,
    }
}

/// Where a mapping in braces ends whose fields begin here: at its brace.
fn end_of_all(text: &str, start: usize) -> usize {
    let mut end = end_of(text, start);
    while text.get(end..).is_some_and(|rest| rest.starts_with(',')) {
        end = end_of(text, end + 1);
    }
    end
}

/// Where a field of a mapping in braces ends: at the comma or brace that ends it.
fn end_of(text: &str, start: usize) -> usize {
    let mut depth = 0_usize;
    let mut quote: Option<char> = None;
    let mut previous = ' ';
    let mut chars = text.get(start..).unwrap_or_default().char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match (quote, c) {
            (Some('"'), '\\') => {
                chars.next();
            }
            // Twice is one that belongs to the text: it ends here, and begins again at once.
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') if begins_value(previous) => quote = Some(c),
            (None, '#') if previous.is_whitespace() => while chars.next_if(|(_, c)| *c != '\n').is_some() {},
            (None, '[' | '{') => depth += 1,
            (None, ',' | '}' | ']') if depth == 0 => return start + at,
            (None, ']' | '}') => depth -= 1,
            _ => {}
        }
        previous = c;
    }
    text.len()
}

/// Whether a quote after this character begins a quoted text, and does not stand in a plain one.
fn begins_value(previous: char) -> bool {
    previous.is_whitespace() || matches!(previous, '[' | '{' | ',' | ':' | '\'' | '"')
}
