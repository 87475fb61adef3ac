//! Shares and probabilities as whole numbers: `1%`, `0.5%`, `1/60`.
//!
//! No floats, so a draw is the same on every platform.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::span::parsed;

/// A share from none to all, in lowest terms.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ratio {
    part: u32,
    whole: u32,
}

/// Why a text is no [`Ratio`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RatioError {
    /// It is no ratio at all.
    #[error("`{0}` is not a share; write a percentage such as `1%` or `0.5%`, or a fraction such as `1/60`")]
    Malformed(String),
    /// It is below none or above all.
    #[error("`{0}` is impossible; a share goes from `0%` to `100%`")]
    Impossible(String),
}

impl Ratio {
    /// None.
    pub const NEVER: Self = Self { part: 0, whole: 1 };
    /// All.
    pub const ALWAYS: Self = Self { part: 1, whole: 1 };

    /// `part` of `whole`; `None` when that is more than all, or of nothing.
    pub const fn new(part: u32, whole: u32) -> Option<Self> {
        if whole == 0 || part > whole {
            return None;
        }
        let divisor = greatest_common_divisor(part, whole);
        Some(Self {
            part: part / divisor,
            whole: whole / divisor,
        })
    }

    /// So many in a hundred; all, if more than that.
    pub const fn percent(percent: u32) -> Self {
        match Self::new(percent, 100) {
            Some(ratio) => ratio,
            None => Self::ALWAYS,
        }
    }

    /// The upper number of the fraction in lowest terms.
    pub const fn part(self) -> u32 {
        self.part
    }

    /// The lower number of the fraction in lowest terms.
    pub const fn whole(self) -> u32 {
        self.whole
    }

    /// Whether it is none.
    pub const fn is_never(self) -> bool {
        self.part == 0
    }

    /// Whether it is all.
    pub const fn is_always(&self) -> bool {
        self.part == self.whole
    }

    /// Whether 64 random bits fall into this share.
    pub fn hit(self, bits: u64) -> bool {
        // The bits, scaled to 0..whole.
        let place = (u128::from(bits) * u128::from(self.whole)) >> 64;
        place < u128::from(self.part)
    }

    /// This share of `count`, rounded down.
    pub fn of(self, count: u64) -> u64 {
        let share = u128::from(count) * u128::from(self.part) / u128::from(self.whole);
        u64::try_from(share).unwrap_or(u64::MAX)
    }
}

const fn greatest_common_divisor(mut a: u32, mut b: u32) -> u32 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

impl FromStr for Ratio {
    type Err = RatioError;

    fn from_str(text: &str) -> Result<Self, RatioError> {
        let text = text.trim();
        let malformed = || RatioError::Malformed(text.to_owned());
        let impossible = || RatioError::Impossible(text.to_owned());
        if text.starts_with('-') {
            return Err(impossible());
        }
        let (part, whole) = if let Some(percent) = text.strip_suffix('%') {
            let percent = percent.trim();
            let (units, decimals) = percent.split_once('.').unwrap_or((percent, ""));
            let ends_in_dot = percent.ends_with('.');
            let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
            if units.is_empty() || ends_in_dot || decimals.len() > 5 || !all_digits(units) || !all_digits(decimals) {
                return Err(malformed());
            }
            let scale = 10_u64.pow(decimals.len() as u32);
            let units: u64 = units.parse().map_err(|_| impossible())?;
            let decimals: u64 = if decimals.is_empty() {
                0
            } else {
                decimals.parse().map_err(|_| malformed())?
            };
            let part = units.checked_mul(scale).and_then(|units| units.checked_add(decimals));
            (part.ok_or_else(impossible)?, 100 * scale)
        } else {
            let (part, whole) = text.split_once('/').unwrap_or((text, "1"));
            let number = |text: &str| text.trim().parse::<u64>().map_err(|_| malformed());
            (number(part)?, number(whole)?)
        };
        let number = |number: u64| u32::try_from(number).map_err(|_| malformed());
        if whole != 0 && part > whole {
            return Err(impossible());
        }
        Self::new(number(part)?, number(whole)?).ok_or_else(malformed)
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if 100 % self.whole == 0 {
            return write!(f, "{}%", self.part * (100 / self.whole));
        }
        write!(f, "{}/{}", self.part, self.whole)
    }
}

impl fmt::Debug for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Ratio {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Ratio {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parsed(deserializer, "a share such as `1%` or `1/60`")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_people_write() {
        for (text, part, whole) in [
            ("1%", 1, 100),
            ("0.5%", 1, 200),
            ("100%", 1, 1),
            ("1/60", 1, 60),
            ("0", 0, 1),
            ("1", 1, 1),
        ] {
            assert_eq!(
                text.parse(),
                Ratio::new(part, whole).ok_or(RatioError::Malformed(String::new()))
            );
        }
    }

    #[test]
    fn says_what_would_be_right() {
        let errors = ["", "x", "101%", "-1%", "3/2", "1/0", "5.%", "%"];
        let messages: Vec<_> = errors
            .map(|text| text.parse::<Ratio>().expect_err(text).to_string())
            .into();
        insta::assert_snapshot!(messages.join("\n"));
    }

    #[test]
    fn hits_its_share_of_all_draws() {
        let ratio = Ratio::percent(25);
        let quarter = u64::MAX / 4;
        assert!(ratio.hit(0) && ratio.hit(quarter) && !ratio.hit(quarter + 1) && !ratio.hit(u64::MAX));
        assert!(Ratio::ALWAYS.hit(u64::MAX) && !Ratio::NEVER.hit(0));
    }

    proptest! {
        #[test]
        fn reads_what_it_writes(part: u32, whole: u32) {
            if let Some(ratio) = Ratio::new(part, whole) {
                prop_assert_eq!(ratio.to_string().parse(), Ok(ratio));
            }
        }
    }
}
