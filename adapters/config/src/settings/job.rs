//! What can be said of jobs: in `defaults` of all, in `jobs` of each.

use std::time::Duration;

use headcount_core::{Count, Percent, planted};
use headcount_reader::{Cursor, Fields, ProblemKind};

/// The fields.
pub(super) const FIELDS: [&str; 6] = [
    "max_drop",
    "hold",
    "count",
    "max_stale",
    "incomplete_after",
    "serve_incomplete",
];

/// What lifts a limit that `defaults` set.
const OFF: &str = "off";

/// What is said of a job, or of all. What is absent is not said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JobSettings {
    /// `max_drop`: the share of a job's targets that may go at once.
    pub max_drop: Option<Limit<Percent>>,
    /// `hold`: how long more than that is held; longer than 0.
    pub hold: Option<Duration>,
    /// `count`: what counts as gone.
    pub count: Option<Count>,
    /// `max_stale`: how long what a failing source has found is kept; longer than 0.
    pub max_stale: Option<Limit<Duration>>,
    /// `incomplete_after`: how long a source that was never read whole is waited for; longer than 0.
    pub incomplete_after: Option<Duration>,
    /// `serve_incomplete`: whether the list is served without configs that can't be run.
    pub serve_incomplete: Option<bool>,
}

/// A limit, or that there is none although there is one for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit<T> {
    /// `off`.
    Off,
    /// This one.
    At(T),
}

impl<T> Limit<T> {
    /// The limit, if there is one.
    pub fn get(self) -> Option<T> {
        match self {
            Self::Off => None,
            Self::At(limit) => Some(limit),
        }
    }
}

impl JobSettings {
    /// These, and for what they don't say, `others`.
    #[must_use]
    pub fn or(self, others: Self) -> Self {
        Self {
            max_drop: self.max_drop.or(others.max_drop),
            hold: planted!(self.hold.or(others.hold), DefaultsGoFirst, others.hold.or(self.hold)),
            count: self.count.or(others.count),
            max_stale: self.max_stale.or(others.max_stale),
            incomplete_after: self.incomplete_after.or(others.incomplete_after),
            serve_incomplete: self.serve_incomplete.or(others.serve_incomplete),
        }
    }

    pub(super) fn read(fields: &mut Fields<'_>) -> Self {
        Self {
            max_drop: fields.take_some("max_drop").and_then(|at| limit(&at, percent)),
            hold: fields.take_some("hold").and_then(|at| time(&at)),
            count: fields.take_some("count").and_then(|at| count(&at)),
            max_stale: fields.take_some("max_stale").and_then(|at| limit(&at, time)),
            incomplete_after: fields.take_some("incomplete_after").and_then(|at| time(&at)),
            serve_incomplete: fields.some_flag("serve_incomplete"),
        }
    }

    /// Says that what makes a guard another one makes none.
    pub(super) fn warn_of_no_guard(self, defaults: Self, fields: &Fields<'_>) {
        let is_of_a_guard = self.hold.is_some() || self.count.is_some();
        if is_of_a_guard && self.or(defaults).max_drop.is_none() {
            fields.at().warn(ProblemKind::Rule(
                "`hold` and `count` do nothing without `max_drop`: here, in `defaults`, or as --max-drop",
            ));
        }
    }
}

fn limit<T>(at: &Cursor<'_>, read: impl Fn(&Cursor<'_>) -> Option<T>) -> Option<Limit<T>> {
    if at.is_word(OFF) {
        return planted!(Some(Limit::Off), OffIsNotSaid, None);
    }
    read(at).map(Limit::At)
}

fn percent(at: &Cursor<'_>) -> Option<Percent> {
    at.text()?
        .parse()
        .map_err(|error| at.report(ProblemKind::Percent(error)))
        .ok()
}

pub(super) fn time(at: &Cursor<'_>) -> Option<Duration> {
    let time = at.duration()?;
    if planted!(time.is_zero(), ZeroHoldIsTaken, false) {
        at.report(ProblemKind::ZeroInterval);
        return None;
    }
    Some(time)
}

fn count(at: &Cursor<'_>) -> Option<Count> {
    let found = at.text()?;
    match found.as_str() {
        "net" => Some(Count::Net),
        "gross" => Some(Count::Gross),
        _ => {
            let allowed = "net, gross";
            at.report(ProblemKind::NotOneOf { found, allowed });
            None
        }
    }
}
