//! Rows in columns that are as wide as what stands in them; the last is as long as it is. What stands in them may come
//! from anywhere, and is [one line](one_line).

use std::borrow::Cow;
use std::fmt::Write;

use headcount_core::one_line;

/// A line for the header, and one for each row.
#[must_use]
pub fn table<const N: usize>(header: [&str; N], rows: &[[Cow<'_, str>; N]]) -> String {
    let mut widths = header.map(str::len);
    let rows: Vec<[Cow<'_, str>; N]> = rows
        .iter()
        .map(|row| row.each_ref().map(|cell| one_line(cell)))
        .collect();
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    let mut push = |row: &[Cow<'_, str>; N]| {
        let mut line = String::new();
        for (index, (cell, width)) in row.iter().zip(widths).enumerate() {
            let width = if index + 1 == N { 0 } else { width };
            let gap = if index == 0 { "" } else { "  " };
            // Writing into memory does not fail.
            write!(line, "{gap}{cell:width$}").ok();
        }
        text.push_str(line.trim_end());
        text.push('\n');
    };
    push(&header.map(Cow::Borrowed));
    rows.iter().for_each(push);
    text
}
