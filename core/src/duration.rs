//! Prometheus's durations, in configurations and in `__scrape_interval__`: `1h30m`, `15s`, `0`.

use core::time::Duration;

/// Why a text is no duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum DurationError {
    /// It is empty.
    #[error("it is empty; write for example 30s")]
    Empty,
    /// It is not a row of numbers with units, from the largest unit to the smallest.
    #[error("it has to be numbers with units, from the largest to the smallest, as in 1h30m")]
    Form,
    /// A unit that does not exist.
    #[error("it has an unknown unit; there are y, w, d, h, m, s and ms")]
    Unit,
    /// It is longer than 292 years.
    #[error("it is longer than 292 years")]
    TooLong,
}

const UNITS: [(&str, u64); 7] = [
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];
/// What Prometheus can count in nanoseconds.
const MOST_NANOS: u64 = i64::MAX as u64;

/// Reads a duration as Prometheus does. A year has 365 days, a day 24 hours; `0` needs no unit.
///
/// ```
/// use std::time::Duration;
/// assert_eq!(headcount_core::parse_duration("1h30m"), Ok(Duration::from_secs(5400)));
/// assert!(headcount_core::parse_duration("30m1h").is_err());
/// ```
///
/// # Errors
/// The text is no such duration.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    match text {
        "" => return Err(DurationError::Empty),
        "0" => return Ok(Duration::ZERO),
        _ => {}
    }
    let mut rest = text;
    let mut units = UNITS.iter();
    let mut nanos = 0_u64;
    while !rest.is_empty() {
        let (number, after) = split(rest, |b| b.is_ascii_digit());
        let (unit, after) = split(after, |b| !b.is_ascii_digit());
        let number: u64 = number.parse().map_err(|_| DurationError::Form)?;
        if unit.is_empty() {
            return Err(DurationError::Form);
        }
        let known = UNITS
            .iter()
            .find(|(name, _)| *name == unit)
            .ok_or(DurationError::Unit)?;
        // Each unit comes after the ones before it, so at most once.
        if !units.by_ref().any(|unit| unit == known) {
            return Err(DurationError::Form);
        }
        nanos = known
            .1
            .checked_mul(1_000_000)
            .and_then(|unit| unit.checked_mul(number))
            .and_then(|more| nanos.checked_add(more))
            .filter(|nanos| *nanos <= MOST_NANOS)
            .ok_or(DurationError::TooLong)?;
        rest = after;
    }
    Ok(Duration::from_nanos(nanos))
}

/// Writes a duration as Prometheus does: `1h30m`, `90d`, `0s`. Years and weeks are written only when nothing
/// is left over, and less than a millisecond is dropped.
///
/// ```
/// use std::time::Duration;
/// assert_eq!(headcount_core::format_duration(Duration::from_secs(5400)), "1h30m");
/// ```
pub fn format_duration(duration: Duration) -> String {
    use core::fmt::Write;
    let mut left = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (name, unit) in UNITS {
        let count = left.checked_div(unit).unwrap_or(0);
        let rest = left.checked_rem(unit).unwrap_or(0);
        let is_exact_only = matches!(name, "y" | "w");
        if count > 0 && !(is_exact_only && rest > 0) {
            // Writing to a string does not fail.
            let _ = write!(text, "{count}{name}");
            left = rest;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

fn split(text: &str, is_first: impl Fn(u8) -> bool) -> (&str, &str) {
    let end = text.bytes().position(|b| !is_first(b)).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_are_read_as_prometheus_reads_them() {
        for (text, millis) in [
            ("0", Ok(0)),
            ("0s", Ok(0)),
            ("1m", Ok(60_000)),
            ("1h30m", Ok(5_400_000)),
            ("1y1w1d1h1m1s1ms", Ok(32_230_861_001)),
            ("", Err(DurationError::Empty)),
            ("1", Err(DurationError::Form)),
            ("m", Err(DurationError::Form)),
            ("1m1h", Err(DurationError::Form)),
            ("1m1m", Err(DurationError::Form)),
            ("-1m", Err(DurationError::Form)),
            ("1.5m", Err(DurationError::Unit)),
            ("1M", Err(DurationError::Unit)),
            ("1m ", Err(DurationError::Unit)),
            ("1µs", Err(DurationError::Unit)),
            ("300y", Err(DurationError::TooLong)),
            ("99999999999999999999s", Err(DurationError::Form)),
        ] {
            assert_eq!(parse_duration(text), millis.map(Duration::from_millis), "{text}");
        }
        assert_eq!(format_duration(Duration::from_secs(0)), "0s");
        assert_eq!(format_duration(Duration::from_secs(90 * 86_400)), "90d");
        assert_eq!(format_duration(Duration::from_secs(14 * 86_400)), "2w");
        assert_eq!(format_duration(Duration::from_millis(61_001)), "1m1s1ms");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(millis in 0_u64..9_000_000_000_000) {
            let duration = Duration::from_millis(millis);
            prop_assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
        }

        #[test]
        fn any_text_is_answered(text in "[0-9ywdhms. é-]{0,16}") {
            let _ = parse_duration(&text);
        }
    }
}
