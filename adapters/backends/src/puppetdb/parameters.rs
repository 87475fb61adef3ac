//! The parameters of a resource as labels.
//!
//! A parameter can be any JSON. Text, switches and numbers are written as they are, lists joined with commas, and what
//! stands in an object under the names of both. The form of numbers is that of Go's shortest: 123456, but `1e+06` for a
//! million, because relabelling rules were written for it. So **numbers are read from their text**, each to the
//! nearest one that there is.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::value::RawValue;

use crate::label_name::label_name;

/// Objects in each other. What stands deeper is no label.
const DEEPEST: usize = 32;
/// The exponents of numbers that Go writes without one, if it writes as few digits as it can.
const WITHOUT_EXPONENT: Range<i32> = -4..6;

/// The labels of an object of parameters, sorted by the parameters' names; none if it is no object.
pub(super) fn parameters(object: &RawValue) -> Vec<(String, String)> {
    let mut labels = Vec::new();
    add(object, "__meta_puppetdb_parameter_", DEEPEST, &mut labels);
    labels
}

fn add(object: &RawValue, prefix: &str, depth: usize, labels: &mut Vec<(String, String)>) {
    let Ok(entries) = serde_json::from_str::<BTreeMap<String, &RawValue>>(object.get()) else {
        return;
    };
    for (name, value) in entries {
        let label = label_name(prefix, &name);
        let text = match value.get().as_bytes().first() {
            Some(b'{') => {
                if let Some(depth) = depth.checked_sub(1) {
                    add(value, &format!("{label}_"), depth, labels);
                }
                continue;
            }
            Some(b'[') => list(value),
            _ => scalar(value),
        };
        if !text.is_empty() {
            labels.push((label, text));
        }
    }
}

/// A list's texts, joined. What can't be written stands as nothing between two commas.
fn list(list: &RawValue) -> String {
    let items: Vec<&RawValue> = serde_json::from_str(list.get()).unwrap_or_default();
    let texts: Vec<String> = items.into_iter().map(scalar).collect();
    texts.join(",")
}

/// A text, switch or number; empty for anything else.
fn scalar(value: &RawValue) -> String {
    let text = value.get();
    match text.as_bytes().first() {
        Some(b'"') => serde_json::from_str(text).unwrap_or_default(),
        Some(b't' | b'f') => text.to_owned(),
        Some(b'-' | b'0'..=b'9') => match text.parse::<f64>() {
            Ok(value) if value.is_finite() => number(value),
            _ => String::new(),
        },
        _ => String::new(),
    }
}

/// A number as Go's `strconv.FormatFloat(number, 'g', -1, 64)` writes it.
fn number(number: f64) -> String {
    let scientific = format!("{number:e}");
    let Some((digits, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    match exponent.parse::<i32>() {
        Ok(exponent) if !WITHOUT_EXPONENT.contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
        }
        _ => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_written_as_go_does() {
        for (written, expected) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (-42.0, "-42"),
            (123_456.0, "123456"),
            (999_999.5, "999999.5"),
            (1_000_000.0, "1e+06"),
            (1_234_567.0, "1.234567e+06"),
            (20_999_999.0, "2.0999999e+07"),
            (0.000_1, "0.0001"),
            (0.000_012, "1.2e-05"),
            (1.5e-300, "1.5e-300"),
            (1e21, "1e+21"),
            (f64::MAX, "1.7976931348623157e+308"),
            (5e-324, "5e-324"),
        ] {
            assert_eq!(number(written), expected);
        }
    }
    proptest! {
        #[test]
        fn a_number_reads_as_what_it_was_written_of(value in any::<f64>().prop_filter("finite", |value| value.is_finite())) {
            let text = number(value);
            prop_assert_eq!(text.parse(), Ok(value));
            let has_exponent = text.contains('e');
            let is_plain = value == 0.0 || (1e-4..1e6).contains(&value.abs());
            prop_assert_eq!(has_exponent, !is_plain, "{}", text);
        }
    }

    fn labels(json: &str) -> Vec<(String, String)> {
        parameters(serde_json::from_str(json).expect("JSON"))
    }

    #[test]
    fn what_can_be_no_label_is_none() {
        for nothing in [
            "null",
            "[]",
            "7",
            "\"text\"",
            "{\"a\": null, \"b\": [], \"c\": {}, \"d\": \"\", \"e\": 1e999}",
        ] {
            assert_eq!(labels(nothing), [], "{nothing}");
        }
        // Names that are alike come in their own order, so that the last of them counts.
        let alike = labels(r#"{"a_b": 3, "a": {"b": 2}, "a.b": 1}"#);
        let alike: Vec<(&str, &str)> = alike
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let name = "__meta_puppetdb_parameter_a_b";
        assert_eq!(alike, [(name, "2"), (name, "1"), (name, "3")]);
    }

    #[test]
    fn parameters_without_end_are_cut_off() {
        let deep = |levels: usize| format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels));
        assert_eq!(labels(&deep(DEEPEST + 1)).len(), 1);
        assert_eq!(labels(&deep(DEEPEST + 2)), []);
        assert_eq!(
            labels(&format!("{{\"a\": {}{}}}", "[".repeat(100_000), "]".repeat(100_000))),
            []
        );
    }
}
