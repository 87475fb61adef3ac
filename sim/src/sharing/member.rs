//! A member: it asks for its lists again and again, and goes on with what it was told last.

use std::collections::BTreeMap;
use std::sync::Arc;

use headcount_core::Instant;
use headcount_core::allocation::TargetKey;

use super::process::List;
use crate::Span;
use crate::scenario::{Absence, Members};

/// Since when a member is told of each target in a row.
pub(super) type Told = BTreeMap<TargetKey, Instant>;

#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: Arc<str>,
    /// In which ways it is away, and until when.
    absences: Vec<(Absence, Span, Span)>,
    /// When it asks next.
    next: Instant,
    refresh: Span,
    lists: BTreeMap<Arc<str>, Had>,
    /// When it last got its lists.
    pub(super) got: Option<Instant>,
    /// Whether it began anew since.
    pub(super) began_anew: bool,
}

/// What it was told of a job.
#[derive(Debug, Default)]
struct Had {
    /// Of which process, and which version.
    version: Option<(u32, u64)>,
    told: Told,
}

/// What a member hears of a job.
#[derive(Debug)]
pub(super) struct Heard {
    /// What it was told before and is not any more, each with since when it had been.
    pub(super) dropped: Told,
    /// The version that it knew before, if this process told it that.
    pub(super) before: Option<u64>,
    /// What it had been told before.
    pub(super) had: Vec<TargetKey>,
}

impl Member {
    pub(super) fn new(number: u32, settings: &Members, first: Span) -> Self {
        let of_it = settings.away.iter().filter(|away| away.member == number);
        Self {
            name: format!("m-{number}").into(),
            absences: of_it
                .map(|away| (away.how, away.at, away.at.plus(away.lasts)))
                .collect(),
            next: first.moment(),
            refresh: settings.refresh,
            lists: BTreeMap::new(),
            got: None,
            began_anew: false,
        }
    }

    /// Whether it is away in this way.
    pub(super) fn is(&self, how: Absence, now: Instant) -> bool {
        let now = Span::since_start(now);
        self.absences
            .iter()
            .any(|(other, from, until)| *other == how && (*from..*until).contains(&now))
    }

    /// Whether it is there in every way.
    pub(super) fn is_there(&self, now: Instant) -> bool {
        let ways = [Absence::Crashed, Absence::CutOff, Absence::Removed];
        !ways.into_iter().any(|how| self.is(how, now))
    }

    /// Whether it runs and can ask.
    pub(super) fn asks(&self, now: Instant) -> bool {
        !self.is(Absence::Crashed, now) && !self.is(Absence::CutOff, now)
    }

    /// Whether it is found, or on the list.
    pub(super) fn is_found(&self, now: Instant) -> bool {
        !self.is(Absence::Crashed, now) && !self.is(Absence::Removed, now)
    }

    /// When it does anything next, or something is done to it.
    pub(super) fn next(&self, now: Instant) -> Instant {
        let moments = self
            .absences
            .iter()
            .flat_map(|(_, from, until)| [from.moment(), until.moment()]);
        moments.filter(|at| *at > now).fold(self.next, Ord::min)
    }

    /// Whether it is about to ask; if so, it asks next after its interval.
    pub(super) fn is_due(&mut self, now: Instant) -> bool {
        if self.is(Absence::Crashed, now) {
            self.began_anew = true;
        }
        if self.next > now {
            return false;
        }
        while self.next <= now {
            self.next = self.next + self.refresh.into();
        }
        self.asks(now)
    }

    /// It is told what it has to scrape of a job.
    pub(super) fn hear(&mut self, now: Instant, life: u32, job: &Arc<str>, list: &List) -> Heard {
        let had = self.lists.entry(job.clone()).or_default();
        let before = had.version.replace((life, list.version));
        let known: Vec<TargetKey> = had.told.keys().copied().collect();
        let mut dropped = core::mem::take(&mut had.told);
        for key in &list.keys {
            let since = dropped.remove(key).unwrap_or(now);
            had.told.insert(*key, since);
        }
        Heard {
            dropped,
            before: before.filter(|(of, _)| *of == life).map(|(_, version)| version),
            had: known,
        }
    }

    /// It got all its lists. Of jobs that are not among them it has none any more.
    pub(super) fn has_heard(&mut self, now: Instant, is_listed: impl Fn(&Arc<str>) -> bool) {
        self.lists.retain(|job, _| is_listed(job));
        (self.got, self.began_anew) = (Some(now), false);
    }

    /// Since when it is told to scrape a target, if it is.
    pub(super) fn told(&self, key: TargetKey) -> Option<Instant> {
        self.lists.values().find_map(|had| had.told.get(&key)).copied()
    }

    /// All that it is told to scrape.
    pub(super) fn all_told(&self) -> Told {
        let all = self.lists.values().flat_map(|had| &had.told);
        all.map(|(key, since)| (*key, *since)).collect()
    }

    /// Nobody knows any more what it was told.
    pub(super) fn forget(&mut self) {
        self.lists.clear();
        self.got = None;
    }
}
