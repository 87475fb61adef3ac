//! The drop guard as scenarios write it: `{max_drop: 30%, hold: 10m}`, or `30%:10m` in one word.

use core::fmt;
use core::str::FromStr;

use headcount_core::{DropGuard, Percent};
use serde::{Deserialize, Serialize};

use crate::{Ratio, RatioError, Span, SpanError};

/// When the manager holds an update that removes targets (B05).
///
/// ```
/// use headcount_sim::{Guard, Manager, Ratio, Span};
///
/// let manager = Manager::default().guard(Guard::new(Ratio::percent(30), Span::mins(10)));
/// assert_eq!(manager.guard, Some("30%:10m".parse()?));
/// # Ok::<(), headcount_sim::GuardError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Guard {
    /// Which share of a job's targets may go at once, or one after another within `hold`: a whole
    /// percentage. More than that is held.
    pub max_drop: Ratio,
    /// How long a drop has to stay so before it counts.
    pub hold: Span,
    /// Whether what comes counts against what goes.
    #[serde(default, skip_serializing_if = "DropCount::is_net")]
    pub count: DropCount,
}

/// What counts as gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DropCount {
    /// What goes, less what comes to the same job within the hold time.
    #[default]
    Net,
    /// All that goes.
    Gross,
}

impl DropCount {
    fn is_net(&self) -> bool {
        *self == Self::Net
    }
}

/// Why a text is no [`Guard`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GuardError {
    /// There are not a share and a time.
    #[error(
        "`{0}` is not a guard; write the share that may go and how long more is held, such as `30%:10m`, or `none`"
    )]
    Malformed(String),
    /// The share is none.
    #[error("the guard `{text}`: {source}")]
    Share {
        /// What was written.
        text: String,
        /// What is wrong with it.
        source: RatioError,
    },
    /// The time is none.
    #[error("the guard `{text}`: {source}")]
    Time {
        /// What was written.
        text: String,
        /// What is wrong with it.
        source: SpanError,
    },
    /// The core has no such guard.
    #[error("the guard `{text}`: {field}: {what}")]
    Senseless {
        /// What was written.
        text: String,
        /// The field.
        field: &'static str,
        /// What is wrong with it, and what would be right.
        what: String,
    },
}

impl Guard {
    /// A guard that holds what is more than this share, for so long.
    pub const fn new(max_drop: Ratio, hold: Span) -> Self {
        Self {
            max_drop,
            hold,
            count: DropCount::Net,
        }
    }

    /// The same, and what comes does not count against what goes.
    #[must_use]
    pub const fn gross(self) -> Self {
        Self {
            count: DropCount::Gross,
            ..self
        }
    }

    /// The share as the core has it; none, if it is not a whole percentage.
    fn percent(self) -> Option<Percent> {
        let (part, whole) = (u64::from(self.max_drop.part()) * 100, u64::from(self.max_drop.whole()));
        let number = u8::try_from(part / whole).ok().filter(|_| part % whole == 0)?;
        Percent::new(number).ok()
    }

    /// What makes no sense about it: the field, and what would be right.
    pub(crate) fn problems(self) -> impl Iterator<Item = (&'static str, String)> {
        let share = self.percent().is_none().then(|| {
            let near = self.max_drop.of(100).max(1);
            let what = format!(
                "{} is not a whole percentage; write for example `{near}%`",
                self.max_drop
            );
            ("max_drop", what)
        });
        let hold = self.hold.is_zero().then(|| {
            let what = "what is held for no time is not held; write for example `10m`, or remove the guard";
            ("hold", what.to_owned())
        });
        share.into_iter().chain(hold)
    }

    /// The same for the core.
    pub(crate) fn of_core(self) -> Option<DropGuard> {
        let guard = DropGuard::new(self.percent()?, self.hold.into());
        Some(match self.count {
            DropCount::Net => guard,
            DropCount::Gross => guard.gross(),
        })
    }
}

impl FromStr for Guard {
    type Err = GuardError;

    fn from_str(text: &str) -> Result<Self, GuardError> {
        let text = text.trim();
        let own = || text.to_owned();
        let (share, time) = text.split_once(':').ok_or_else(|| GuardError::Malformed(own()))?;
        let (time, count) = match time.strip_suffix(":gross") {
            Some(time) => (time, DropCount::Gross),
            None => (time, DropCount::Net),
        };
        let max_drop = share
            .parse()
            .map_err(|source| GuardError::Share { text: own(), source })?;
        let hold = time
            .parse()
            .map_err(|source| GuardError::Time { text: own(), source })?;
        let guard = Self { max_drop, hold, count };
        match guard.problems().next() {
            None => Ok(guard),
            Some((field, what)) => Err(GuardError::Senseless {
                text: own(),
                field,
                what,
            }),
        }
    }
}

impl fmt::Display for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.max_drop, self.hold)?;
        match self.count {
            DropCount::Net => Ok(()),
            DropCount::Gross => f.write_str(":gross"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes_and_says_what_would_be_right() {
        for text in ["30%:10m", "0%:1s", "100%:1h30m", "30%:10m:gross"] {
            let guard: Guard = text.parse().expect(text);
            assert_eq!(guard.to_string(), text);
        }
        let wrong = [
            "", "30%", "30%:", ":10m", "130%:10m", "30:10m", "1/3:10m", "0.5%:10m", "30%:0s", "30%:10",
        ];
        let messages = wrong.map(|text| text.parse::<Guard>().expect_err(text).to_string());
        insta::assert_snapshot!(messages.join("\n"));
    }

    #[test]
    fn a_share_is_the_cores_percentage() {
        let percent = |ratio| {
            Guard::new(ratio, Span::mins(1))
                .of_core()
                .map(|guard| guard.max_drop.number())
        };
        assert_eq!(percent(Ratio::NEVER), Some(0));
        assert_eq!(percent(Ratio::new(1, 4).expect("a quarter")), Some(25));
        assert_eq!(percent(Ratio::ALWAYS), Some(100));
        assert_eq!(percent(Ratio::new(1, 3).expect("a third")), None);
    }
}
