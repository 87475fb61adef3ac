//! When targets are scraped, held against a clock.
//!
//! Nothing is scraped here: a scrape takes as long as is made up for it, some of them longer than the interval, and only
//! a few may run at once. **A target has one place in its interval, in every life of the process, and is scraped for each
//! time that passes there, or for the latest of those that passed while it could not be.**

use core::num::NonZeroUsize;
use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;

use headcount_core::{Instant, Schedule, ScheduleOptions, Scrape, ScrapePace, ScrapeResult, TargetId};

use super::{Broken, Verdict, same};
use crate::Rule;

const INTERVAL: Duration = Duration::from_secs(15);
const TIMEOUT: Duration = Duration::from_secs(10);
const MOST: usize = 3;
/// How long scrapes take: some of them for longer than the interval.
const TAKES: [u64; 5] = [50, 1_000, 9_000, 16_000, 50_000];

type Target = (Arc<str>, TargetId);

/// A schedule, and what it should be.
#[derive(Debug)]
pub(crate) struct Scrapes {
    schedule: Schedule<()>,
    at: Instant,
    running: Vec<Running>,
    /// How many were begun.
    begun: u64,
    targets: BTreeMap<Target, Known>,
    /// Where in the interval each target is scraped, as far as is known.
    places: BTreeMap<Target, u64>,
}

/// A scrape that runs.
#[derive(Debug)]
struct Running {
    ends: Instant,
    number: u64,
    scrape: Scrape<()>,
}

/// What is known of a target.
#[derive(Debug, Clone, Copy, Default)]
struct Known {
    due: Instant,
    /// When it was last begun.
    begun: Option<Instant>,
    /// When the last scrape that is over was begun.
    last: Option<Instant>,
    /// The number of the scrape that runs.
    runs: Option<u64>,
}

impl Scrapes {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            schedule: Self::schedule(),
            at: now,
            running: Vec::new(),
            begun: 0,
            targets: BTreeMap::new(),
            places: BTreeMap::new(),
        }
    }

    /// One without targets, at the same moment.
    pub(crate) fn anew(&self) -> Self {
        Self::new(self.at)
    }

    fn schedule() -> Schedule<()> {
        Schedule::new(ScheduleOptions {
            seed: 7,
            unix_epoch: Duration::from_millis(1_700_000_000_123),
            max_in_flight: NonZeroUsize::new(MOST),
        })
    }

    /// Another process scrapes the targets, at the same places.
    pub(crate) fn restarted(&mut self, now: Instant) {
        self.schedule = Self::schedule();
        self.running.clear();
        self.targets.clear();
        self.at = now;
    }

    pub(crate) fn start(&mut self, now: Instant, job: &Arc<str>, id: TargetId) -> Verdict {
        self.schedule.start(now, job, id, pace()?, ());
        let due = self.due(job, id)?;
        if due <= now || due > now + INTERVAL {
            let reason = format!("a target that is started at {now:?} is first due at {due:?}");
            return Err(Broken::of(Rule::Scrapes, reason));
        }
        self.note_place(job, id, due)?;
        let known = Known {
            due,
            ..Known::default()
        };
        self.targets.insert((job.clone(), id), known);
        Ok(())
    }

    pub(crate) fn stop(&mut self, job: &Arc<str>, id: TargetId) {
        self.schedule.stop(job, id);
        self.targets.remove(&(job.clone(), id));
    }

    pub(crate) fn relabel(&mut self, now: Instant, job: &Arc<str>, (old, new): (TargetId, TargetId)) -> Verdict {
        self.schedule.relabel(now, job, (old, new), pace()?, ());
        let Some(known) = self.targets.remove(&(job.clone(), old)) else {
            return Ok(());
        };
        // It keeps the place of the one that it was, which is not its own.
        self.targets.insert((job.clone(), new), known);
        same(
            Rule::Scrapes,
            "when a target is due that was relabelled",
            &known.due,
            &self.due(job, new)?,
        )
    }

    /// Lets time pass in which no target comes or goes.
    pub(crate) fn advance(&mut self, now: Instant) -> Verdict {
        while let Some(next) = self.next_at().filter(|next| *next <= now) {
            self.at = self.at.max(next);
            self.finish_due();
            let is_due = self.schedule.poll_timeout().is_some_and(|due| due <= self.at);
            let begun = self.begun;
            self.begin_due()?;
            if is_due && self.begun == begun {
                return Err(Broken::of(Rule::Scrapes, "a scrape is said to be due, and none begins"));
            }
        }
        self.at = self.at.max(now);
        Ok(())
    }

    /// When something is due next: that a scrape ends, or that one may begin.
    fn next_at(&self) -> Option<Instant> {
        let ends = self.running.iter().map(|running| running.ends).min();
        ends.into_iter().chain(self.schedule.poll_timeout()).min()
    }

    fn finish_due(&mut self) {
        let at = self.at;
        while let Some(place) = self.running.iter().position(|running| running.ends <= at) {
            let Running { number, scrape, .. } = self.running.swap_remove(place);
            // Whatever it is called now; nobody, if it is gone.
            let of_it = self.targets.values_mut().find(|known| known.runs == Some(number));
            if let Some(known) = of_it {
                (known.last, known.runs) = (known.begun, None);
            }
            self.schedule.finish(at, scrape, ScrapeResult::default());
        }
    }

    fn begin_due(&mut self) -> Verdict {
        let at = self.at;
        while let Some(scrape) = self.schedule.poll_scrape(at) {
            let target = (scrape.job().clone(), scrape.target());
            let waits_longest = self
                .targets
                .values()
                .filter(|known| known.runs.is_none())
                .map(|known| known.due)
                .min();
            let Some(known) = self.targets.get_mut(&target) else {
                return Err(Broken::of(Rule::Scrapes, "a target is scraped that is not there"));
            };
            let passed = at.saturating_duration_since(known.due).as_nanos() / INTERVAL.as_nanos();
            let latest = known.due + INTERVAL * u32::try_from(passed).unwrap_or(u32::MAX);
            same(Rule::Scrapes, "the time that a scrape is for", &latest, &scrape.time())?;
            same(Rule::Scrapes, "who waits longest", &waits_longest, &Some(known.due))?;
            if known.due > at || known.runs.is_some() {
                return Err(Broken::of(
                    Rule::Scrapes,
                    "a target is scraped before its time, or twice at once",
                ));
            }
            let since_last = known.begun.map(|begun| at.saturating_duration_since(begun));
            same(
                Rule::Scrapes,
                "the time since the last scrape",
                &since_last,
                &scrape.since_last(),
            )?;
            self.begun += 1;
            (known.due, known.begun, known.runs) = (latest + INTERVAL, Some(at), Some(self.begun));
            let takes = scrape
                .target()
                .number()
                .wrapping_add(scrape.time().as_nanos() / INTERVAL.as_nanos() as u64);
            let takes = TAKES[(takes % TAKES.len() as u64) as usize];
            self.running.push(Running {
                ends: at + Duration::from_millis(takes),
                number: self.begun,
                scrape,
            });
        }
        if self.running.len() > MOST {
            let reason = format!("{} scrapes run at once, and {MOST} may", self.running.len());
            return Err(Broken::of(Rule::Scrapes, reason));
        }
        let is_late = |known: &Known| known.runs.is_none() && known.due <= at;
        if self.running.len() < MOST && self.targets.values().any(is_late) {
            return Err(Broken::of(
                Rule::Scrapes,
                "a target is due, another scrape may begin, and none does",
            ));
        }
        Ok(())
    }

    /// Compares all that is known of targets.
    pub(crate) fn check(&self) -> Verdict {
        let counts = self.schedule.counts();
        let (expected, found) = (
            (self.targets.len(), self.running.len()),
            (counts.targets, counts.in_flight),
        );
        same(
            Rule::Scrapes,
            "how many targets there are, and how many scrapes run",
            &expected,
            &found,
        )?;
        for ((job, id), known) in &self.targets {
            let status = self.schedule.status(job, *id);
            let found = status.map(|status| (status.due, status.is_running, status.last.map(|last| last.started)));
            let expected = Some((known.due, known.runs.is_some(), known.last));
            same(Rule::Scrapes, "what is known of a target", &expected, &found)?;
        }
        Ok(())
    }

    fn due(&self, job: &Arc<str>, id: TargetId) -> Result<Instant, Box<Broken>> {
        let status = self.schedule.status(job, id);
        status
            .map(|status| status.due)
            .ok_or_else(|| Broken::of(Rule::Scrapes, "a target that was started is not known"))
    }

    fn note_place(&mut self, job: &Arc<str>, id: TargetId, due: Instant) -> Verdict {
        let place = due.as_nanos() % INTERVAL.as_nanos() as u64;
        let known = self.places.entry((job.clone(), id)).or_insert(place);
        same(Rule::Scrapes, "a target's place in its interval", known, &place)
    }
}

fn pace() -> Result<ScrapePace, Box<Broken>> {
    ScrapePace::new(INTERVAL, TIMEOUT).ok_or_else(|| Broken::of(Rule::Scrapes, "a pace was refused that is one"))
}
