//! The drop guard's settings, and what is known of a drop that it holds (B05).
//!
//! **What a backend loses all at once is more often the backend's trouble than the truth**, so a
//! drop of more than a share of a set's targets has to stay so for a while, or to be confirmed by
//! an operator, before it counts.

use core::fmt;
use core::str::FromStr;
use core::time::Duration;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::store::Lost;
use crate::{Group, Groups, Instant, LabelSet};

/// When updates that remove targets are held.
///
/// ```
/// use std::time::Duration;
/// use headcount_core::{DropGuard, ManagerOptions};
///
/// let guard = DropGuard::new("30%".parse()?, Duration::from_secs(600));
/// let options = ManagerOptions { guard: Some(guard), ..ManagerOptions::default() };
/// # Ok::<(), headcount_core::PercentError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DropGuard {
    /// The share of a set's targets that may go at once, or one after another within `hold`. More
    /// than that is held.
    pub max_drop: Percent,
    /// How long a drop has to stay before it counts.
    pub hold: Duration,
    /// What goes.
    #[serde(default, skip_serializing_if = "Count::is_net")]
    pub count: Count,
}

/// What of a set's targets counts as gone. One that stands in another group or provider of the set afterwards is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Count {
    /// What goes, less what comes to the same set within the hold time: a rolling deployment passes. So does a backend
    /// that answers for the wrong data centre, with as many other targets.
    #[default]
    Net,
    /// All that goes, also if others come.
    Gross,
}

impl Count {
    fn is_net(&self) -> bool {
        *self == Self::Net
    }
}

impl DropGuard {
    /// A guard that holds what is more than this share, net, for so long.
    pub const fn new(max_drop: Percent, hold: Duration) -> Self {
        Self {
            max_drop,
            hold,
            count: Count::Net,
        }
    }

    /// The same, and what comes does not count against what goes.
    #[must_use]
    pub const fn gross(self) -> Self {
        Self {
            count: Count::Gross,
            ..self
        }
    }
}

/// A whole percentage from 0 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8")]
pub struct Percent(u8);

/// Why a text or a number is no [`Percent`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PercentError {
    /// It is not a whole number with a percent sign.
    #[error("{text:?} is not a percentage; write a whole number from 0 to 100 and a percent sign, such as 30%")]
    NotAPercentage {
        /// What it is.
        text: String,
    },
    /// It is more than everything.
    #[error("{number}% is more than everything; at most 100% is possible")]
    TooLarge {
        /// The number.
        number: u64,
    },
}

impl TryFrom<u8> for Percent {
    type Error = PercentError;

    fn try_from(number: u8) -> Result<Self, PercentError> {
        Self::new(number)
    }
}

impl Percent {
    /// This many of a hundred.
    ///
    /// # Errors
    /// [`PercentError::TooLarge`].
    pub fn new(number: u8) -> Result<Self, PercentError> {
        if number > 100 {
            return Err(PercentError::TooLarge {
                number: u64::from(number),
            });
        }
        Ok(Self(number))
    }

    /// How many of a hundred.
    pub fn number(self) -> u8 {
        self.0
    }

    /// Whether `part` is more than this share of `whole`.
    pub(super) fn is_exceeded_by(self, part: usize, whole: usize) -> bool {
        planted!(
            part.saturating_mul(100) > whole.saturating_mul(usize::from(self.0)),
            ShareItselfIsTooMuch,
            part > 0 && part.saturating_mul(100) >= whole.saturating_mul(usize::from(self.0))
        )
    }
}

impl FromStr for Percent {
    type Err = PercentError;

    /// Reads `30%`.
    fn from_str(text: &str) -> Result<Self, PercentError> {
        let digits = text.strip_suffix('%').unwrap_or_default();
        let number = digits.parse::<u64>().ok().filter(|_| !digits.starts_with('+'));
        let number = number.ok_or_else(|| PercentError::NotAPercentage { text: text.to_owned() })?;
        match u8::try_from(number) {
            Ok(small) => Self::new(small),
            Err(_) => Err(PercentError::TooLarge { number }),
        }
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}

/// A drop that is held: targets that a provider no longer has, and that snapshots still show.
#[derive(Debug, Clone)]
pub struct Held {
    /// Since when. Moves when further losses come that would be held by themselves: they have not
    /// stayed for as long.
    pub since: Instant,
    /// When it counts if it stays so, and the provider's last refresh did not fail. After a failure it
    /// is held for longer: nobody knows then whether it stayed so.
    pub until: Instant,
    /// Targets that are gone, and still shown.
    pub targets: usize,
    /// Targets of the set that were let go within the hold time before; they count towards the
    /// share as well.
    pub before: usize,
    /// Targets that came to the set within the hold time; they count against the others. None, if losses are counted
    /// gross.
    pub came: usize,
    /// What the share is counted of: the targets that the set had before all that.
    pub of: usize,
    /// The set that would lose too many: the first of the provider's subscribers, if there are more.
    pub set: Arc<str>,
    pub(super) actual: Groups,
    pub(super) lost: Lost,
}

impl Held {
    /// The provider's groups as its backend has them.
    pub fn actual(&self) -> &Groups {
        &self.actual
    }

    /// Whether this target of a group that the provider shows is shown only because it is held. Looks
    /// through the source's targets; for many of one source ask [`still_there`](Self::still_there).
    pub fn holds(&self, group: &Group, target: LabelSet<'_>) -> bool {
        self.actual.lacks(group, target)
    }

    /// What `source` still has, to ask for many of its targets.
    pub fn still_there(&self, source: &str) -> StillThere {
        StillThere(self.actual.addresses_of(source))
    }
}

/// The targets that a source still has while a drop is held.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StillThere(Vec<Box<str>>);

impl StillThere {
    /// Whether this target of a group of the source is one of them; if not, it is held.
    pub fn has(&self, group: &Group, target: LabelSet<'_>) -> bool {
        let address = group.address_of(target);
        self.0.binary_search_by(|other| (**other).cmp(address)).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_are_read_or_refused_with_a_reason() {
        assert_eq!("30%".parse::<Percent>().map(Percent::number), Ok(30));
        assert_eq!(Percent::new(100).map(|all| all.to_string()), Ok("100%".to_owned()));
        for text in [
            "30",
            "%",
            "",
            "-1%",
            "+1%",
            "1.5%",
            "30 %",
            "x%",
            "99999999999999999999%",
        ] {
            let error = text.parse::<Percent>().unwrap_err();
            assert!(error.to_string().contains("write a whole number"), "{text}: {error}");
        }
        let message = |text: &str| text.parse::<Percent>().unwrap_err().to_string();
        assert_eq!(
            message("101%"),
            "101% is more than everything; at most 100% is possible"
        );
        assert_eq!(
            message("1000%"),
            "1000% is more than everything; at most 100% is possible"
        );
    }

    #[test]
    fn a_share_is_exceeded_by_more_than_it() {
        let third = Percent(30);
        assert!(!third.is_exceeded_by(3, 10) && third.is_exceeded_by(4, 10));
        assert!(Percent(0).is_exceeded_by(1, 1_000) && !Percent(100).is_exceeded_by(10, 10));
        assert!(!Percent(0).is_exceeded_by(0, 0));
    }
}
