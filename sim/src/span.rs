//! Lengths of time as scenarios write them: `250ms`, `30s`, `1h30m`.
//!
//! Whole nanoseconds, no floats, no signs: what can't be meant can't be written.

use core::fmt;
use core::str::FromStr;
use std::time::Duration;

use headcount_core::Instant;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A length of time; as a moment of a run, the time since its start.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span(u64);

/// The units that a span can be written in, largest first.
const UNITS: [(&str, u64); 7] = [
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// Why a text is no [`Span`] or [`SpanRange`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpanError {
    /// There is nothing.
    #[error("a duration is missing; write a number and a unit, such as `30s`, `250ms` or `1h30m`")]
    Empty,
    /// It starts with a minus sign.
    #[error("`{0}` is negative; a duration is zero (`0s`) or more")]
    Negative(String),
    /// A number has no unit.
    #[error("`{0}` has no unit; write for example `{0}s` for seconds, or `{0}ms`, `{0}m`, `{0}h`")]
    NoUnit(String),
    /// A unit is unknown, out of order, or has no number.
    #[error(
        "`{0}` is not a duration; write whole numbers with d, h, m, s, ms, us or ns, largest first, such as `1h30m`"
    )]
    Malformed(String),
    /// It is longer than 584 years.
    #[error("`{0}` is too long; a run can last 584 years at most")]
    TooLong(String),
    /// A range ends before it starts.
    #[error("`{0}` ends before it starts; write the smaller duration first")]
    Backwards(String),
}

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// The longest span there is.
    pub const MAX: Self = Self(u64::MAX);

    /// A span of `nanos` nanoseconds.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// A span of `millis` milliseconds.
    pub const fn millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// A span of `seconds` seconds.
    pub const fn secs(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1_000_000_000))
    }

    /// A span of `minutes` minutes.
    pub const fn mins(minutes: u64) -> Self {
        Self::secs(minutes.saturating_mul(60))
    }

    /// A span of `hours` hours.
    pub const fn hours(hours: u64) -> Self {
        Self::mins(hours.saturating_mul(60))
    }

    /// Its nanoseconds.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Whether it is no time at all.
    pub const fn is_zero(&self) -> bool {
        self.0 == 0
    }

    /// Both together, or the longest span there is.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// This without `other`; zero if `other` is longer.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// This many times over, or the longest span there is.
    #[must_use]
    pub const fn times(self, count: u64) -> Self {
        Self(self.0.saturating_mul(count))
    }

    /// The moment of a run that is this long after its start.
    pub const fn moment(self) -> Instant {
        Instant::from_nanos(self.0)
    }

    /// How long after a run's start `moment` is.
    pub const fn since_start(moment: Instant) -> Self {
        Self(moment.as_nanos())
    }
}

impl From<Span> for Duration {
    fn from(span: Span) -> Self {
        Self::from_nanos(span.0)
    }
}

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(SpanError::Empty);
        }
        if text.starts_with('-') {
            return Err(SpanError::Negative(text.to_owned()));
        }
        if text == "0" {
            return Ok(Self::ZERO);
        }
        let malformed = || SpanError::Malformed(text.to_owned());
        let too_long = || SpanError::TooLong(text.to_owned());
        let (mut rest, mut total, mut units) = (text, 0_u64, UNITS.as_slice());
        while !rest.is_empty() {
            let digits = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
            let (number, tail) = rest.split_at(digits);
            if number.is_empty() {
                return Err(malformed());
            }
            let letters = tail.find(|letter: char| letter.is_ascii_digit()).unwrap_or(tail.len());
            let (unit, tail) = tail.split_at(letters);
            if unit.is_empty() {
                return Err(SpanError::NoUnit(text.to_owned()));
            }
            let place = units.iter().position(|(name, _)| *name == unit).ok_or_else(malformed)?;
            let nanos = number.parse::<u64>().map_err(|_| too_long())?;
            let part = nanos.checked_mul(units[place].1).ok_or_else(too_long)?;
            total = total.checked_add(part).ok_or_else(too_long)?;
            units = &units[place + 1..];
            rest = tail;
        }
        Ok(Self(total))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.0;
        for (name, nanos) in UNITS {
            if rest >= nanos {
                write!(f, "{}{name}", rest / nanos)?;
                rest %= nanos;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parsed(deserializer, "a duration such as `30s`, `250ms` or `1h30m`")
    }
}

/// From a shortest to a longest span, both included: `5ms..50ms`, or `1s` for both.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SpanRange {
    low: Span,
    high: Span,
}

impl SpanRange {
    /// No time at all.
    pub const ZERO: Self = Self::exactly(Span::ZERO);

    /// Always the same span.
    pub const fn exactly(span: Span) -> Self {
        Self { low: span, high: span }
    }

    /// From one span to the other, whichever is shorter.
    pub const fn between(one: Span, other: Span) -> Self {
        let (low, high) = if one.0 <= other.0 { (one, other) } else { (other, one) };
        Self { low, high }
    }

    /// The shortest.
    pub const fn low(self) -> Span {
        self.low
    }

    /// The longest.
    pub const fn high(self) -> Span {
        self.high
    }
}

impl FromStr for SpanRange {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        let Some((low, high)) = text.split_once("..") else {
            return Ok(Self::exactly(text.parse()?));
        };
        let (low, high) = (low.parse()?, high.parse()?);
        if high < low {
            return Err(SpanError::Backwards(text.to_owned()));
        }
        Ok(Self { low, high })
    }
}

impl fmt::Display for SpanRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.low == self.high {
            return self.low.fmt(f);
        }
        write!(f, "{}..{}", self.low, self.high)
    }
}

impl fmt::Debug for SpanRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for SpanRange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SpanRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parsed(deserializer, "a duration such as `30s`, or a range such as `5ms..50ms`")
    }
}

/// Reads a value that scenarios write as text.
pub(crate) fn parsed<'de, D, T>(deserializer: D, expected: &'static str) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: fmt::Display>,
{
    struct Text<T>(&'static str, core::marker::PhantomData<T>);
    impl<T: FromStr<Err: fmt::Display>> de::Visitor<'_> for Text<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
            text.parse().map_err(E::custom)
        }

        // YAML reads `0` and `30` as numbers; the parser says what is missing.
        fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
            self.visit_str(&number.to_string())
        }

        fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
            self.visit_str(&number.to_string())
        }
    }
    deserializer.deserialize_any(Text(expected, core::marker::PhantomData))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_people_write() {
        for (text, nanos) in [
            ("30s", 30_000_000_000),
            ("250ms", 250_000_000),
            ("1h30m", 5_400_000_000_000),
            ("0", 0),
            ("0s", 0),
            (" 1d ", 86_400_000_000_000),
        ] {
            assert_eq!(text.parse(), Ok(Span::from_nanos(nanos)), "{text}");
        }
    }

    #[test]
    fn says_what_would_be_right() {
        let errors = ["", "-5s", "30", "5 s", "30m1h", "1.5h", "999999999999999d"];
        let messages: Vec<_> = errors
            .map(|text| text.parse::<Span>().expect_err(text).to_string())
            .into();
        insta::assert_snapshot!(messages.join("\n"));
        let backwards = "5s..1s".parse::<SpanRange>().expect_err("backwards");
        insta::assert_snapshot!(backwards);
    }

    proptest! {
        #[test]
        fn reads_what_it_writes(low: u64, high: u64) {
            let span = Span::from_nanos(low);
            prop_assert_eq!(span.to_string().parse(), Ok(span));
            let range = SpanRange::between(span, Span::from_nanos(high));
            prop_assert_eq!(range.to_string().parse(), Ok(range));
        }
    }
}
