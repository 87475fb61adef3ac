//! The throttle as people write it: `ticker:5s`, `backoff:100ms..5s`.

use core::fmt;
use core::str::FromStr;
use core::time::Duration;

use super::{Backoff, Throttle};
use crate::{DurationError, format_duration, parse_duration};

/// Why a text is no [`Throttle`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ThrottleError {
    /// There is no such policy.
    #[error("not a policy; write for example ticker:5s or backoff:100ms..5s")]
    Policy,
    /// A backoff without its two waits.
    #[error("write the shortest and the longest wait, for example backoff:100ms..5s")]
    Waits,
    /// Its shortest wait is longer than its longest.
    #[error("the first wait must not be longer than the last")]
    Order,
    /// A time that can't be read.
    #[error(transparent)]
    Duration(#[from] DurationError),
}

impl FromStr for Throttle {
    type Err = ThrottleError;

    /// Reads `ticker[:INTERVAL]` or `backoff[:INITIAL..MAX]`; without times they are Prometheus's. A backoff starts
    /// anew after as long a quiet time as its longest wait.
    ///
    /// ```
    /// use headcount_core::Throttle;
    /// assert_eq!("backoff:100ms..5s".parse(), Ok(Throttle::default()));
    /// ```
    fn from_str(text: &str) -> Result<Self, ThrottleError> {
        let (policy, times) = match text.split_once(':') {
            Some((policy, times)) => (policy, Some(times)),
            None => (text, None),
        };
        match policy {
            "ticker" => Ok(Self::Ticker {
                interval: parse_duration(times.unwrap_or("5s"))?,
            }),
            "backoff" => {
                let waits = times.unwrap_or("100ms..5s").split_once("..");
                let (initial, max) = waits.ok_or(ThrottleError::Waits)?;
                let (initial, max) = (parse_duration(initial)?, parse_duration(max)?);
                if initial > max {
                    return Err(ThrottleError::Order);
                }
                Ok(Self::Backoff(Backoff {
                    initial,
                    max,
                    quiet: max,
                    ..Backoff::default()
                }))
            }
            _ => Err(ThrottleError::Policy),
        }
    }
}

impl fmt::Display for Throttle {
    /// Writes what can be read again. What a text can't say, such as another jitter, is left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = |time: Duration| format_duration(time);
        match self {
            Self::Ticker { interval } => write!(f, "ticker:{}", time(*interval)),
            Self::Backoff(backoff) => write!(f, "backoff:{}..{}", time(backoff.initial), time(backoff.max)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throttles_are_read_and_written() {
        let seconds = Duration::from_secs;
        for (text, throttle, written) in [
            ("ticker:2s", Throttle::Ticker { interval: seconds(2) }, "ticker:2s"),
            ("ticker", Throttle::Ticker { interval: seconds(5) }, "ticker:5s"),
            ("backoff", Throttle::default(), "backoff:100ms..5s"),
            ("backoff:100ms..5s", Throttle::default(), "backoff:100ms..5s"),
        ] {
            assert_eq!(text.parse(), Ok(throttle));
            assert_eq!(throttle.to_string(), written);
        }
        let Ok(Throttle::Backoff(backoff)) = "backoff:0..1m".parse() else {
            panic!("not a backoff")
        };
        assert_eq!((backoff.initial, backoff.max), (seconds(0), seconds(60)));
        for (wrong, error) in [
            ("", ThrottleError::Policy),
            ("tick:5s", ThrottleError::Policy),
            ("ticker:5", ThrottleError::Duration(DurationError::Form)),
            ("backoff:5s", ThrottleError::Waits),
            ("backoff:5s..1s", ThrottleError::Order),
            ("backoff:1s..x", ThrottleError::Duration(DurationError::Form)),
        ] {
            assert_eq!(wrong.parse::<Throttle>(), Err(error), "{wrong}");
        }
    }
}
