//! The throttle as scenarios write it: `ticker:5s`, `backoff:100ms..5s`.

use core::fmt;
use core::str::FromStr;

use headcount_core::{Backoff, Throttle};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::span::parsed;
use crate::{Span, SpanError, SpanRange};

/// How often the manager may emit. The default is Prometheus 3's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ThrottleSetting {
    /// At the ticks of a clock, as Prometheus 2 does each 5 s: `ticker:5s`.
    Ticker(Span),
    /// Soon, then ever less often while changes keep coming, as Prometheus 3 does:
    /// `backoff:100ms..5s`. Grows by a half, ±50 %, and starts anew after as long a quiet time
    /// as the longest wait.
    Backoff(SpanRange),
}

/// Why a text is no [`ThrottleSetting`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ThrottleError {
    /// There is no such policy.
    #[error("`{0}` is not a throttle; write `ticker:5s` or `backoff:100ms..5s`")]
    Unknown(String),
    /// The time behind the policy's name is wrong.
    #[error("the throttle `{text}`: {source}")]
    Time {
        /// What was written.
        text: String,
        /// What is wrong with it.
        source: SpanError,
    },
}

impl Default for ThrottleSetting {
    fn default() -> Self {
        Self::Backoff(SpanRange::between(Span::millis(100), Span::secs(5)))
    }
}

impl From<ThrottleSetting> for Throttle {
    fn from(setting: ThrottleSetting) -> Self {
        match setting {
            ThrottleSetting::Ticker(interval) => Self::Ticker {
                interval: interval.into(),
            },
            ThrottleSetting::Backoff(waits) => Self::Backoff(Backoff {
                initial: waits.low().into(),
                max: waits.high().into(),
                quiet: waits.high().into(),
                ..Backoff::default()
            }),
        }
    }
}

impl FromStr for ThrottleSetting {
    type Err = ThrottleError;

    fn from_str(text: &str) -> Result<Self, ThrottleError> {
        let (policy, time) = text.trim().split_once(':').unwrap_or((text.trim(), ""));
        let wrong = |source| ThrottleError::Time {
            text: text.to_owned(),
            source,
        };
        match policy {
            "ticker" => time.parse().map(Self::Ticker).map_err(wrong),
            "backoff" => time.parse().map(Self::Backoff).map_err(wrong),
            _ => Err(ThrottleError::Unknown(text.to_owned())),
        }
    }
}

impl fmt::Display for ThrottleSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ticker(interval) => write!(f, "ticker:{interval}"),
            Self::Backoff(waits) => write!(f, "backoff:{waits}"),
        }
    }
}

impl Serialize for ThrottleSetting {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ThrottleSetting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parsed(deserializer, "a throttle such as `ticker:5s` or `backoff:100ms..5s`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_that_of_the_core() {
        assert_eq!(Throttle::from(ThrottleSetting::default()), Throttle::default());
    }

    #[test]
    fn reads_what_it_writes_and_says_what_would_be_right() {
        for text in ["ticker:5s", "ticker:0s", "backoff:100ms..5s", "backoff:1s"] {
            let setting: ThrottleSetting = text.parse().expect(text);
            assert_eq!(setting.to_string(), text);
        }
        let messages: Vec<_> = ["", "tick:5s", "ticker", "ticker:5", "backoff:5s..1s"]
            .map(|text| text.parse::<ThrottleSetting>().expect_err(text).to_string())
            .into();
        insta::assert_snapshot!(messages.join("\n"));
    }
}
