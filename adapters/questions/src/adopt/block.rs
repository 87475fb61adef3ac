//! Jobs whose fields stand on lines of their own.
//!
//! ```text
//!  - job_name: node                    - job_name: node
//!    file_sd_configs:                    # headcount discovers this job's targets now
//!      - files: [a.json] # ours          http_sd_configs:
//!    scheme: https                         - url: http://127.0.0.1:9099/sd/node
//!                                            refresh_interval: 5s
//!                                        # file_sd_configs:
//!                                        #   - files: [a.json] # ours
//!                                        scheme: https
//! ```

use super::job::{Block, Field, Replaced};
use super::{REFRESH_INTERVAL, Wanted, reason};

/// The text with this job rewritten.
pub(super) fn rewritten(text: &str, job: &Block, replaced: &Replaced, wanted: &Wanted) -> String {
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let lines: Vec<&str> = text.lines().collect();
    let own: Vec<&Field> = job.own().collect();
    let (Some(first), Some(last)) = (own.first(), lines.len().checked_sub(1)) else {
        return text.to_owned();
    };
    let end_of = |place: usize| match own.get(place + 1) {
        Some(next) => next.line,
        None => job.lines().end.min(last + 1),
    };
    let indent = " ".repeat(first.column);
    // The line with the job's dash keeps it, whatever is replaced.
    let at_dash = replaced.is(first);
    let mut out: Vec<String> = lines.iter().take(first.line).map(|line| (*line).to_owned()).collect();
    let mut is_given = false;
    for (place, field) in own.iter().enumerate() {
        let mut end = end_of(place);
        if !replaced.is(field) {
            out.extend(lines.iter().take(end).skip(field.line).map(|line| (*line).to_owned()));
            continue;
        }
        // What stands between this and the next, and no further in, is the next one's.
        while end > field.line + 1 && lines.get(end - 1).is_some_and(|line| is_beside(line, field.column)) {
            end -= 1;
        }
        if !is_given {
            is_given = true;
            let head = match (at_dash, lines.get(first.line)) {
                (true, Some(line)) => line.chars().take(first.column).collect(),
                _ => {
                    out.push(format!("{indent}# {}", reason(wanted)));
                    indent.clone()
                }
            };
            let mut given = fields(&indent, &wanted.url);
            let [first, ..] = &mut given;
            *first = format!("{head}http_sd_configs:");
            out.extend(given);
            out.extend(emptied(&indent, replaced));
            if at_dash {
                out.push(format!("{indent}# {}", reason(wanted)));
            }
        }
        let before = lines.iter().take(end).skip(field.line);
        out.extend(before.map(|line| {
            format!("{indent}# {}", without_indent(line, field.column))
                .trim_end()
                .to_owned()
        }));
        out.extend(
            lines
                .iter()
                .take(end_of(place))
                .skip(end)
                .map(|line| (*line).to_owned()),
        );
    }
    if !is_given {
        // All that discovers is merged into it.
        let mut given = vec![format!("{indent}# {}", reason(wanted))];
        given.extend(fields(&indent, &wanted.url));
        given.extend(emptied(&indent, replaced));
        let mut end = out.len();
        while end > 1 && out.get(end - 1).is_some_and(|line| is_beside(line, first.column)) {
            end -= 1;
        }
        out.splice(end..end, given);
    }
    let rest = own.len().checked_sub(1).map_or(first.line, end_of);
    out.extend(lines.iter().skip(rest).map(|line| (*line).to_owned()));
    let mut text_after = out.join(newline);
    if text.ends_with('\n') {
        text_after.push_str(newline);
    }
    text_after
}

/// What a job is given, on lines of its own.
pub(super) fn fields(indent: &str, url: &str) -> [String; 3] {
    [
        format!("{indent}http_sd_configs:"),
        format!("{indent}  - url: {}", quoted(url)),
        format!("{indent}    refresh_interval: {REFRESH_INTERVAL}"),
    ]
}

/// What is merged into a job and must not count.
fn emptied(indent: &str, replaced: &Replaced) -> impl Iterator<Item = String> {
    let merged = replaced.merged.iter().filter(|name| *name != "http_sd_configs");
    merged.map(move |name| format!("{indent}{name}: []"))
}

/// Whether a line is empty, or a comment that does not stand further in than a field.
fn is_beside(line: &str, column: usize) -> bool {
    let trimmed = line.trim_start();
    trimmed.is_empty() || trimmed.starts_with('#') && line.len() - trimmed.len() <= column
}

/// A line without what stands before a column: spaces, or the job's dash.
fn without_indent(line: &str, column: usize) -> &str {
    let start = line.char_indices().nth(column).map_or(line.len(), |(byte, _)| byte);
    line.get(start..).unwrap_or_default()
}

/// A URL as YAML.
pub(super) fn quoted(url: &str) -> String {
    format!("'{}'", url.replace('\'', "''"))
}
