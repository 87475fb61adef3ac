//! Those among whom the targets are shared out.

use serde::{Deserialize, Serialize};

use crate::Span;

/// Members that scrape what is listed for each, and among whom the targets of all jobs are shared out.
///
/// Each asks for its lists again and again, and scrapes what was on the newest that it got. They are called `m-0`, `m-1` and so on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Members {
    /// How many there are.
    pub count: u32,
    /// How it is known who they are.
    #[serde(default, skip_serializing_if = "super::is_default")]
    pub known: Known,
    /// Whether each has a numbered place, which a newcomer takes over from one that is gone.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub seats: bool,
    /// Whether targets are shared out by what they weigh, and not by their number. Some weigh a thousand times as much as others, and
    /// of some that is not known.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub weighted: bool,
    /// How many of them each target has.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub replicas: u32,
    /// How far apart each asks.
    #[serde(default = "usual_refresh")]
    pub refresh: Span,
    /// How long one that is gone is still a member.
    #[serde(default = "usual_grace")]
    pub grace: Span,
    /// How far apart a target is scraped; one of five has an interval of its own, three times as long.
    #[serde(default = "usual_interval")]
    pub interval: Span,
    /// Who is away when. Who is away from the beginning joins later.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub away: Vec<Away>,
}

/// How it is known who the members are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Known {
    /// Who asks is one.
    #[default]
    Asking,
    /// They are found, by a mechanism for example.
    Found,
    /// They are on a list.
    Listed,
}

/// A member is away for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Away {
    /// Its number, from 0.
    pub member: u32,
    /// In which way.
    pub how: Absence,
    /// From when on.
    #[serde(default, skip_serializing_if = "Span::is_zero")]
    pub at: Span,
    /// For how long.
    pub lasts: Span,
}

/// In which way a member is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Absence {
    /// It does not run: it scrapes nothing, asks for nothing and is not found, and begins with nothing when it is back.
    Crashed,
    /// It goes on with what it has, and can't ask for more.
    CutOff,
    /// It runs, and is not found or not on the list any more.
    Removed,
}

impl Members {
    /// So many, of which those that ask are members.
    pub fn new(count: u32) -> Self {
        Self {
            count,
            known: Known::default(),
            seats: false,
            weighted: false,
            replicas: one(),
            refresh: usual_refresh(),
            grace: usual_grace(),
            interval: usual_interval(),
            away: Vec::new(),
        }
    }

    /// Sets how it is known who they are.
    #[must_use]
    pub fn known(self, known: Known) -> Self {
        Self { known, ..self }
    }

    /// Gives each a numbered place.
    #[must_use]
    pub fn seats(self) -> Self {
        Self { seats: true, ..self }
    }

    /// Has targets be shared out by what they weigh.
    #[must_use]
    pub fn weighted(self) -> Self {
        Self { weighted: true, ..self }
    }

    /// Sets how many of them each target has.
    #[must_use]
    pub fn replicas(self, replicas: u32) -> Self {
        Self { replicas, ..self }
    }

    /// Sets how far apart each asks.
    #[must_use]
    pub fn refresh(self, refresh: Span) -> Self {
        Self { refresh, ..self }
    }

    /// Sets how long one that is gone is still a member.
    #[must_use]
    pub fn grace(self, grace: Span) -> Self {
        Self { grace, ..self }
    }

    /// Sets how far apart a target is scraped.
    #[must_use]
    pub fn interval(self, interval: Span) -> Self {
        Self { interval, ..self }
    }

    /// Has one be away.
    #[must_use]
    pub fn away(mut self, away: Away) -> Self {
        self.away.push(away);
        self
    }

    /// What makes no sense about them: the field, and what would be right.
    pub(super) fn problems(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        let mut unless = |is_right: bool, field: &str, what: String| {
            if !is_right {
                found.push((format!("members.{field}"), what));
            }
        };
        let most = MOST_MEMBERS;
        unless(
            (1..=most).contains(&self.count),
            "count",
            format!("{}; write a number from 1 to {most}", self.count),
        );
        unless(
            (1..=MOST_REPLICAS).contains(&self.replicas),
            "replicas",
            format!("{}; write a number from 1 to {MOST_REPLICAS}", self.replicas),
        );
        for (field, span) in [("refresh", self.refresh), ("interval", self.interval)] {
            let what = format!("{span}; {LEAST} at least, for example `15s`");
            unless(span >= LEAST, field, what);
        }
        unless(
            !(self.seats && self.known == Known::Listed),
            "seats",
            "who is on a list has no seat; write `known: found` or `known: asking`, or leave out `seats`".to_owned(),
        );
        for (number, away) in self.away.iter().enumerate() {
            let Away { member, how, lasts, .. } = *away;
            let last = self.count.saturating_sub(1);
            unless(
                member < self.count,
                &format!("away[{number}].member"),
                format!("there is no member {member}; the last one is {last}"),
            );
            unless(
                !lasts.is_zero(),
                &format!("away[{number}].lasts"),
                "nobody is away for no time; write for example `1m`".to_owned(),
            );
            unless(
                !(how == Absence::Removed && self.known == Known::Asking),
                &format!("away[{number}].how"),
                "who asks can't be removed; write `crashed` or `cut_off`, or `known: found` or `known: listed`"
                    .to_owned(),
            );
        }
        found
    }
}

/// More members than this are not looked at one by one.
const MOST_MEMBERS: u32 = 1_000;
/// The most that a target has, as in headcount.
const MOST_REPLICAS: u32 = 4;
/// Who asked more often than this would do nothing else.
const LEAST: Span = Span::secs(1);

fn one() -> u32 {
    1
}
fn is_one(number: &u32) -> bool {
    *number == one()
}
fn usual_refresh() -> Span {
    Span::secs(30)
}
fn usual_grace() -> Span {
    Span::secs(60)
}
fn usual_interval() -> Span {
    Span::secs(15)
}
