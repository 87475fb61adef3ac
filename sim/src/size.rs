//! Amounts of memory as scenarios write them.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// So many bytes: a whole number with a unit, `64MiB`.
///
/// ```
/// use headcount_sim::Size;
///
/// let size: Size = "64MiB".parse()?;
/// assert_eq!(size.bytes(), 64 << 20);
/// assert_eq!("10kB".parse::<Size>()?.to_string(), "10kB");
/// let wrong = "64".parse::<Size>().expect_err("no unit");
/// assert_eq!(wrong.to_string(), "`64` is no size; write a whole number with B, kB, MB, GB, KiB, MiB or GiB, for example `64MiB`");
/// # Ok::<(), headcount_sim::SizeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Size(u64);

/// Why a text is no [`Size`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no size; write a whole number with B, kB, MB, GB, KiB, MiB or GiB, for example `64MiB`")]
pub struct SizeError(String);

/// The largest first: what is written in a unit reads back from it.
const UNITS: [(&str, u64); 7] = [
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("kB", 1_000),
    ("B", 1),
];

impl Size {
    /// So many bytes.
    pub const fn of(bytes: u64) -> Self {
        Self(bytes)
    }

    /// The number of bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for Size {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, SizeError> {
        let wrong = || SizeError(text.to_owned());
        let end = text.find(|letter: char| !letter.is_ascii_digit()).ok_or_else(wrong)?;
        let (number, unit) = text.split_at(end);
        let (_, each) = UNITS.iter().find(|(word, _)| *word == unit).ok_or_else(wrong)?;
        let number: u64 = number.parse().map_err(|_| wrong())?;
        number.checked_mul(*each).map(Self).ok_or_else(wrong)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |each: &u64| self.0 > 0 && self.0.is_multiple_of(*each);
        let unit = UNITS.iter().find(|(_, each)| fits(each));
        let (word, each) = unit.copied().unwrap_or(("B", 1));
        write!(f, "{}{word}", self.0 / each)
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_reads_back(bytes: u64, unit in 0..UNITS.len()) {
            let round = Size((bytes % 5_000) * UNITS[unit].1);
            for size in [Size(bytes), round] {
                prop_assert_eq!(size.to_string().parse(), Ok(size));
            }
        }
    }

    #[test]
    fn what_is_none_is_said() {
        for wrong in ["", "MiB", "1.5MB", "-1B", "5 MB", "5mb", "99999999999GB"] {
            assert!(wrong.parse::<Size>().is_err(), "{wrong}");
        }
    }
}
