//! Times that come again and again.

use serde::{Deserialize, Serialize};

use crate::Span;

/// A stretch of time that comes again and again, such as an hour of each night. The run starts at midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Repeats {
    /// How far apart two begin.
    #[serde(default = "a_day", skip_serializing_if = "is_a_day")]
    pub every: Span,
    /// When in this time one begins.
    #[serde(default, skip_serializing_if = "Span::is_zero")]
    pub at: Span,
    /// How long it lasts; less than until the next one.
    pub lasts: Span,
}

impl Repeats {
    /// Once a day, at this time.
    pub fn daily(at: Span, lasts: Span) -> Self {
        Self {
            every: a_day(),
            at,
            lasts,
        }
    }

    /// The first that begins at this time or later. None begin where `every` is no time at all.
    pub fn next(self, from: Span) -> Option<Span> {
        let (every, at) = (self.every.as_nanos(), self.at.as_nanos());
        let passed = from.as_nanos().saturating_sub(at).checked_div(every)?;
        let begins = |number: u64| number.checked_mul(every)?.checked_add(at).map(Span::from_nanos);
        let last = begins(passed)?;
        if last >= from { Some(last) } else { begins(passed + 1) }
    }
}

fn a_day() -> Span {
    Span::hours(24)
}
fn is_a_day(span: &Span) -> bool {
    *span == a_day()
}

impl Repeats {
    /// What makes no sense about it: the field, and what would be right.
    pub(super) fn problems(self) -> impl Iterator<Item = (&'static str, String)> {
        let Self { every, at, lasts } = self;
        let never = every.is_zero().then(|| {
            (
                "every",
                "windows no time apart never end; write for example `24h`".to_owned(),
            )
        });
        let late = (!every.is_zero() && at >= every).then(|| {
            let what = format!("{at} is not before {every}, when the next one is due; it is counted from there");
            ("at", what)
        });
        let long = (lasts.is_zero() || (!every.is_zero() && lasts >= every)).then(|| {
            let what = format!("{lasts}; write a time that is shorter than `every` ({every}), and some time at all");
            ("lasts", what)
        });
        [never, late, long].into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_one_begins_at_its_time_of_the_day() {
        let nightly = Repeats::daily(Span::hours(2), Span::mins(30));
        let next = |from| nightly.next(from);
        assert_eq!(next(Span::ZERO), Some(Span::hours(2)));
        assert_eq!(next(Span::hours(2)), Some(Span::hours(2)));
        assert_eq!(next(Span::hours(2).plus(Span::from_nanos(1))), Some(Span::hours(26)));
        assert_eq!(next(Span::hours(26)), Some(Span::hours(26)));
        assert_eq!(next(Span::MAX), None);
        let never = Repeats {
            every: Span::ZERO,
            ..nightly
        };
        assert_eq!(never.next(Span::ZERO), None);
    }
}
