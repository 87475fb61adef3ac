//! Text in columns.

use core::fmt::Write;

/// Rows in columns that are as wide as what stands in them: the first to the left, all others to
/// the right. The first row is the header.
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            // Writing into memory does not fail.
            if column == 0 {
                write!(line, "{cell:width$}").ok();
            } else {
                write!(line, "  {cell:>width$}").ok();
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// A line `name  value` for each pair, the values under each other.
pub(super) fn facts(facts: &[(&str, String)]) -> String {
    let width = facts.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    let mut text = String::new();
    for (name, value) in facts {
        writeln!(text, "{name:width$}  {value}").ok();
    }
    text
}

/// A number with its thousands apart: `20,000`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// So many bytes, with three digits: `1.23 MB`.
pub fn bytes(number: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if number < 1_000 {
        return format!("{number} B");
    }
    let mut unit = 0;
    // In thousandths of the unit.
    let mut thousandths = number;
    while thousandths >= 1_000_000 && unit + 1 < UNITS.len() {
        thousandths /= 1_000;
        unit += 1;
    }
    let (whole, rest) = (thousandths / 1_000, thousandths % 1_000);
    match whole {
        0..10 => format!("{whole}.{:02} {}", rest / 10, UNITS[unit]),
        10..100 => format!("{whole}.{} {}", rest / 100, UNITS[unit]),
        _ => format!("{} {}", count(whole), UNITS[unit]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_easy_to_read() {
        let counted = [0, 999, 1_000, 20_000, 1_234_567].map(count);
        assert_eq!(counted, ["0", "999", "1,000", "20,000", "1,234,567"]);
        let sized = [0, 999, 1_000, 12_345, 999_999, 1_000_000, 1_234_567_890, u64::MAX].map(bytes);
        assert_eq!(
            sized,
            [
                "0 B",
                "999 B",
                "1.00 kB",
                "12.3 kB",
                "999 kB",
                "1.00 MB",
                "1.23 GB",
                "18,446 PB"
            ]
        );
    }
}
