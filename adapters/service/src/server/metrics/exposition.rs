//! Prometheus's text format, version 0.0.4.

use std::fmt::Write;

use headcount_core::{is_printable, one_line};

/// What kind of number a family has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    /// Quantiles, `_sum` and `_count`.
    Summary,
    /// `_bucket`s, `_sum` and `_count`.
    Histogram,
}

/// Text that grows family by family.
#[derive(Debug, Default)]
pub(super) struct Exposition {
    text: String,
}

/// One family; its samples follow each other.
pub(super) struct Family<'a> {
    text: &'a mut String,
    name: &'a str,
}

impl Exposition {
    /// Begins a family.
    pub(super) fn family<'a>(&'a mut self, name: &'a str, kind: Kind, help: &str) -> Family<'a> {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Summary => "summary",
            Kind::Histogram => "histogram",
        };
        let help = help.replace('\\', "\\\\").replace('\n', "\\n");
        // Writing into memory does not fail.
        writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}").ok();
        Family {
            text: &mut self.text,
            name,
        }
    }

    /// The whole text.
    pub(super) fn finish(self) -> String {
        self.text
    }
}

impl Family<'_> {
    /// Adds a sample.
    pub(super) fn sample(&mut self, labels: &[(&str, &str)], value: f64) {
        self.sample_of("", labels, value);
    }

    /// Adds a sample whose name is the family's with an ending.
    pub(super) fn sample_of(&mut self, ending: &str, labels: &[(&str, &str)], value: f64) {
        self.text.push_str(self.name);
        self.text.push_str(ending);
        for (index, (name, value)) in labels.iter().enumerate() {
            self.text.push(if index == 0 { '{' } else { ',' });
            self.text.push_str(name);
            self.text.push_str("=\"");
            push_escaped(self.text, value);
            self.text.push('"');
        }
        if !labels.is_empty() {
            self.text.push('}');
        }
        match value {
            value if value.is_nan() => self.text.push_str(" NaN\n"),
            f64::INFINITY => self.text.push_str(" +Inf\n"),
            f64::NEG_INFINITY => self.text.push_str(" -Inf\n"),
            // Writing into memory does not fail.
            value => drop(writeln!(self.text, " {value}")),
        }
    }
}

/// Counts are exact up to 2^53, as in every Prometheus metric.
pub(super) fn count(number: impl TryInto<u64>) -> f64 {
    number.try_into().unwrap_or(u64::MAX) as f64
}

fn push_escaped(text: &mut String, value: &str) {
    for letter in value.chars() {
        match letter {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            other if is_printable(other) => text.push(other),
            // Who reads it with a terminal is not to be taken in by it.
            other => text.push_str(&one_line(other.encode_utf8(&mut [0; 4])).replace('\\', "\\\\")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_take_for_something_else_is_escaped() {
        let mut out = Exposition::default();
        out.family("a", Kind::Gauge, "A.")
            .sample(&[("job", "\u{1b}[1m\u{202e}é")], 1.0);
        assert!(out.finish().ends_with("\na{job=\"\\\\u001b[1m\\\\u202eé\"} 1\n"));
    }

    #[test]
    fn values_and_labels_are_written_so_that_prometheus_reads_them() {
        let mut out = Exposition::default();
        let mut family = out.family("a_total", Kind::Counter, "Back\\slash and\nline.");
        family.sample(&[], 1.0);
        family.sample(&[("job", "a\"b\\c\nd"), ("x", "")], 0.25);
        let mut family = out.family("b", Kind::Summary, "Numbers.");
        family.sample_of("_sum", &[], f64::INFINITY);
        family.sample_of("_count", &[], 1_700_000_000_123.0);
        insta::assert_snapshot!(out.finish());
    }
}
