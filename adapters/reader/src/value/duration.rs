//! Prometheus's durations: `1h30m`, `15s`, `0`.

use std::time::Duration;

/// The longest duration, in nanoseconds: Prometheus counts them in a signed 64-bit number.
const LONGEST: u128 = i64::MAX as u128;

/// Units from the longest to the shortest, which is the order in which they must be written.
const UNITS: [(&str, u128); 7] = [
    ("y", 365 * 24 * 3_600_000_000_000),
    ("w", 7 * 24 * 3_600_000_000_000),
    ("d", 24 * 3_600_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
];

/// Why a duration can't be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Nothing is written.
    #[error("the duration is empty; write for example 30s")]
    Empty,
    /// Not numbers with units, or the units are not in order.
    #[error("{text:?} is not a duration; write for example 30s or 1h30m, the longest unit first")]
    Form {
        /// What is written.
        text: String,
    },
    /// An unknown unit.
    #[error("unknown unit {unit:?} in the duration {text:?}; use y, w, d, h, m, s or ms")]
    Unit {
        /// The unit.
        unit: String,
        /// What is written.
        text: String,
    },
    /// Longer than Prometheus can count.
    #[error("the duration {text:?} is longer than 292 years")]
    TooLong {
        /// What is written.
        text: String,
    },
}

/// Parses a duration as Prometheus does. A year has 365 days, a day 24 hours; `0` needs no unit.
///
/// # Errors
/// When the text is not such a duration.
///
/// ```
/// use std::time::Duration;
/// assert_eq!(headcount_reader::parse_duration("1h30m"), Ok(Duration::from_secs(5400)));
/// assert!(headcount_reader::parse_duration("30m1h").is_err());
/// ```
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    match text {
        "0" => return Ok(Duration::ZERO),
        "" => return Err(DurationError::Empty),
        _ => {}
    }
    let form = || DurationError::Form { text: text.to_owned() };
    let too_long = || DurationError::TooLong { text: text.to_owned() };
    let mut total: u128 = 0;
    let mut longest_allowed = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let (digits, after) = split_at_first(rest, |c| !c.is_ascii_digit());
        let count: u64 = digits.parse().map_err(|_| form())?;
        let (unit, after) = split_at_first(after, |c| c.is_ascii_digit());
        if unit.is_empty() {
            return Err(form());
        }
        let Some(place) = UNITS.iter().position(|(name, _)| *name == unit) else {
            return Err(DurationError::Unit {
                unit: unit.to_owned(),
                text: text.to_owned(),
            });
        };
        if place < longest_allowed {
            return Err(form());
        }
        longest_allowed = place + 1;
        let factor = UNITS.get(place).map_or(0, |(_, factor)| *factor);
        total += u128::from(count) * factor;
        if total > LONGEST {
            return Err(too_long());
        }
        rest = after;
    }
    let nanoseconds = u64::try_from(total).map_err(|_| too_long())?;
    Ok(Duration::from_nanos(nanoseconds))
}

/// Writes a duration as Prometheus does: `1h30m`, `90d`, `0s`. Less than a millisecond is dropped.
///
/// ```
/// use std::time::Duration;
/// assert_eq!(headcount_reader::format_duration(Duration::from_secs(5400)), "1h30m");
/// ```
pub fn format_duration(duration: Duration) -> String {
    let mut left = duration.as_millis();
    if left == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    for (unit, nanoseconds) in UNITS {
        let factor = nanoseconds / 1_000_000;
        // 90d reads better than 12w6d: years and weeks are written only when nothing is left over.
        if matches!(unit, "y" | "w") && !left.is_multiple_of(factor) {
            continue;
        }
        if left >= factor {
            text.push_str(&format!("{}{unit}", left / factor));
            left %= factor;
        }
    }
    text
}

fn split_at_first(text: &str, is_end: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(is_end).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn takes_what_prometheus_takes() {
        let seconds = |text| parse_duration(text).map(|duration| duration.as_secs());
        assert_eq!(seconds("0"), Ok(0));
        assert_eq!(seconds("0s"), Ok(0));
        assert_eq!(seconds("5m"), Ok(300));
        assert_eq!(
            seconds("1y2w3d4h5m6s7ms"),
            Ok(365 * 86400 + 14 * 86400 + 3 * 86400 + 4 * 3600 + 306)
        );
        assert_eq!(seconds("292y"), Ok(292 * 365 * 86400));
        assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
    }

    #[test]
    fn refuses_what_prometheus_refuses() {
        assert_eq!(parse_duration(""), Err(DurationError::Empty));
        for text in [
            "1",
            "s",
            "-1s",
            "1.5h",
            "1m1h",
            "1s1s",
            " 1s",
            "1s ",
            "00",
            "99999999999999999999s",
        ] {
            assert!(
                matches!(
                    parse_duration(text),
                    Err(DurationError::Form { .. } | DurationError::Unit { .. })
                ),
                "{text}"
            );
        }
        assert!(matches!(parse_duration("1D"), Err(DurationError::Unit { .. })));
        assert!(matches!(parse_duration("300y"), Err(DurationError::TooLong { .. })));
        assert!(matches!(
            parse_duration("18446744073709551615y"),
            Err(DurationError::TooLong { .. })
        ));
    }

    proptest! {
        #[test]
        fn written_and_read_again_is_the_same(milliseconds in 0..i64::MAX as u64 / 1_000_000) {
            let duration = Duration::from_millis(milliseconds);
            prop_assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
        }

        #[test]
        fn any_text_is_answered(text in "[0-9a-z. -]{0,12}|\\PC{0,12}") {
            let _ = parse_duration(&text);
        }
    }
}
