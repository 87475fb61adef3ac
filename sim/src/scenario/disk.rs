//! The disk that the manager's state stands on.

use serde::{Deserialize, Serialize};

use crate::{Span, SpanRange};

/// The disk that the manager writes its state to and starts from. What is half written when it is killed counts for nothing;
/// the state that was written whole before stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Disk {
    /// How far apart two writes begin; the next one waits for the one before.
    pub every: Span,
    /// How long a write takes.
    #[serde(default, skip_serializing_if = "super::is_default")]
    pub writes: SpanRange,
    /// How long it takes to read the state; the manager starts after that.
    #[serde(default, skip_serializing_if = "super::is_default")]
    pub reads: SpanRange,
}

/// Writes that follow each other faster than this would only cost time.
const LEAST: Span = Span::millis(100);

impl Disk {
    /// A disk that takes no time, to which the state is written this often.
    pub fn written_each(every: Span) -> Self {
        Self {
            every,
            writes: SpanRange::ZERO,
            reads: SpanRange::ZERO,
        }
    }

    /// Sets how long a write takes.
    #[must_use]
    pub fn writes(self, writes: SpanRange) -> Self {
        Self { writes, ..self }
    }

    /// Sets how long it takes to read the state.
    #[must_use]
    pub fn reads(self, reads: SpanRange) -> Self {
        Self { reads, ..self }
    }

    /// What makes no sense about it.
    pub(super) fn problem(self) -> Option<String> {
        let Self { every, .. } = self;
        (every < LEAST).then(|| format!("{every}; {LEAST} at least, for example `30s`"))
    }

    /// When the last write began that was done by `at`, if they go on since `from`, none begins later than `age` before `at`,
    /// and each takes what `takes` draws for its number.
    pub(crate) fn last_written(self, from: Span, at: Span, age: Span, takes: impl Fn(u64) -> Span) -> Option<Span> {
        let (mut begins, mut last) = (from.plus(self.every), None);
        for number in 0.. {
            let done = begins.plus(takes(number));
            if done > at || begins > at.minus(age) || begins >= at {
                break;
            }
            last = Some(begins);
            begins = begins.plus(self.every.max(LEAST)).max(done);
        }
        last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_half_written_counts_for_nothing() {
        let disk = Disk::written_each(Span::secs(30));
        let last = |from, at, takes| {
            let (from, at) = (Span::secs(from), Span::secs(at));
            disk.last_written(from, at, Span::ZERO, |_| Span::secs(takes))
        };
        assert_eq!(last(0, 100, 0), Some(Span::secs(90)));
        assert_eq!(
            last(0, 100, 20),
            Some(Span::secs(60)),
            "the one of 90 s is half written"
        );
        assert_eq!(
            last(0, 100, 45),
            Some(Span::secs(30)),
            "each waits for the one before: 30, 75"
        );
        assert_eq!(last(0, 100, 80), None);
        let stopped = disk.last_written(Span::ZERO, Span::secs(100), Span::secs(35), |_| Span::ZERO);
        assert_eq!(stopped, Some(Span::secs(60)), "the one of 90 s was not begun");
        assert_eq!(last(75, 100, 0), None, "its process has only just started");
    }
}
