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
use super::lines::{Edit, Lines};
use super::{Reader, Wanted};

/// The job rewritten; nothing if it has no field of its own.
pub(super) fn edit(lines: &Lines<'_>, job: &Block, replaced: &Replaced, wanted: &Wanted) -> Option<Edit> {
    let own: Vec<&Field> = job.own().collect();
    let first = own.first()?;
    let job_end = job.lines().end;
    let end_of = |place: usize| own.get(place + 1).map_or(job_end, |next| next.line);
    let indent = " ".repeat(first.column);
    // The line with the job's dash keeps it, whatever is replaced.
    let at_dash = replaced.is(first);
    let mut out: Vec<String> = Vec::new();
    let mut is_given = false;
    for (place, field) in own.iter().enumerate() {
        if !replaced.is(field) {
            out.extend((field.line..end_of(place)).map(|line| lines.line(line).to_owned()));
            continue;
        }
        // What stands between this and the next, and no further in, is the next one's.
        let beside = (field.line + 1..end_of(place)).rev();
        let beside = beside
            .take_while(|line| is_beside(lines.line(*line), field.column))
            .count();
        let end = end_of(place) - beside;
        if !is_given {
            is_given = true;
            let mut given = given(&indent, replaced, wanted);
            if at_dash {
                let dash: String = lines.line(first.line).chars().take(first.column).collect();
                // The comment comes last, because nothing may stand before the dash.
                given.rotate_left(1);
                if let Some(first) = given.first_mut() {
                    *first = dash + first.trim_start();
                }
            }
            out.extend(given);
        }
        let before = (field.line..end).map(|line| without_indent(lines.line(line), field.column));
        out.extend(before.map(|line| format!("{indent}# {line}").trim_end().to_owned()));
        out.extend((end..end_of(place)).map(|line| lines.line(line).to_owned()));
    }
    if !is_given {
        // All that discovers is merged into it.
        let beside = out
            .iter()
            .rev()
            .take_while(|line| is_beside(line, first.column))
            .count();
        let end = out.len() - beside;
        out.splice(end..end, given(&indent, replaced, wanted));
    }
    let range = lines.range(first.line..job_end);
    let mut text = out.join(lines.newline());
    if lines
        .text()
        .get(range.clone())
        .is_some_and(|before| before.ends_with('\n'))
    {
        text.push_str(lines.newline());
    }
    Some(Edit { range, text })
}

/// What a job is given: why, and on lines of their own its list, and empty what is merged into it and must not count.
fn given(indent: &str, replaced: &Replaced, wanted: &Wanted) -> Vec<String> {
    let mut given = vec![format!("{indent}# {}", wanted.reason())];
    given.extend(fields(indent, &wanted.url, wanted.reader));
    given.extend(replaced.emptied().map(|name| format!("{indent}{name}: []")));
    given
}

/// What a job is given, on lines of its own.
pub(super) fn fields(indent: &str, url: &str, reader: Reader) -> Vec<String> {
    let list = [
        format!("{indent}http_sd_configs:"),
        format!("{indent}  - url: {}", quoted(url)),
    ];
    let interval = reader.refresh_interval();
    let interval = interval.map(|interval| format!("{indent}    refresh_interval: {interval}"));
    list.into_iter().chain(interval).collect()
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
