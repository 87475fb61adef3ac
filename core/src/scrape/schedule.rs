//! The queue of targets by the time when they are due.

use core::num::NonZeroUsize;
use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashTable;

use super::{LastScrape, ScheduleCounts, ScrapePace, ScrapeResult, ScrapeStatus};
use crate::time::nanos;
use crate::{Instant, TargetId, hash};

/// Settings of a [`Schedule`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ScheduleOptions {
    /// Moves every target's place in its interval. Any number does; servers that scrape the same
    /// targets should have different ones.
    pub seed: u64,
    /// Time from 1970-01-01 UTC to [`Instant::ZERO`].
    pub unix_epoch: Duration,
    /// How many scrapes may run at once; absent is not limited.
    pub max_in_flight: Option<NonZeroUsize>,
}

/// When each target is scraped.
///
/// A target's time passes every interval, from the first one after it was started. When a time
/// comes while the target is still being scraped, or too many others are, it is kept, and the scrape
/// begins as soon as it may; of several such times only the latest is kept, the others are
/// skipped. That is what the ticker does in Prometheus's scrape loop.
///
/// `T` is what the driver has to know of a target to scrape it, such as its URL.
///
/// Every change costs the logarithm of the number of targets; waiting costs nothing.
///
/// ```
/// use core::time::Duration;
/// use std::sync::Arc;
/// use headcount_core::{Encoder, Instant, JobOptions, PoolOutput, ProviderId, ScrapePace, TargetPool};
/// use headcount_core::{Schedule, ScheduleOptions, ScrapeResult};
///
/// let mut encoder = Encoder::new();
/// let mut batch = encoder.batch();
/// batch.group("s", [("", ""); 0], [[("__address__", "10.0.0.1:9100")]])?;
/// let mut pool = TargetPool::new(JobOptions::new("node"));
/// pool.put_group(ProviderId::from_number(0), &batch.finish()[0]);
///
/// let job: Arc<str> = "node".into();
/// let mut schedule = Schedule::new(ScheduleOptions::default());
/// let Some(PoolOutput::Started(id)) = pool.poll_output() else { panic!("one target is new") };
/// let labels = pool.reader().labels(&pool.target(id).unwrap()).unwrap();
/// let url = "http://10.0.0.1:9100/metrics";
/// schedule.start(Instant::ZERO, &job, id, ScrapePace::from_labels(&labels).unwrap(), url);
///
/// let due = schedule.poll_timeout().unwrap();
/// assert!(due <= Instant::ZERO + Duration::from_secs(60));
/// let scrape = schedule.poll_scrape(due).unwrap();
/// assert_eq!(*scrape.what(), url);
/// // … the target is scraped, which takes 5 ms …
/// let result = ScrapeResult { samples: 3, body_bytes: 100, error: None };
/// schedule.finish(due + Duration::from_millis(5), scrape, result);
/// assert!(schedule.status(&job, id).unwrap().last.unwrap().is_up());
/// # Ok::<(), headcount_core::GroupError>(())
/// ```
#[derive(Debug)]
pub struct Schedule<T = ()> {
    options: ScheduleOptions,
    targets: Vec<Option<Target<T>>>,
    free: Vec<u32>,
    /// Slots, by job and identity.
    slots: HashTable<u32>,
    /// Slots of the targets that are not being scraped, by when they are due; those that are due
    /// at the same time, by when they came.
    queue: BTreeMap<(Instant, u64), u32>,
    next_number: u64,
    counts: ScheduleCounts,
}

/// A scrape that has to be done now. Every one has to be given back to
/// [`Schedule::finish`], also when its target is gone by then.
#[derive(Debug)]
#[must_use = "until it is finished, its target is not scraped again"]
pub struct Scrape<T = ()> {
    slot: u32,
    number: u64,
    job: Arc<str>,
    id: TargetId,
    time: Instant,
    started: Instant,
    pace: ScrapePace,
    what: T,
    since_last: Option<Duration>,
}

impl<T> Scrape<T> {
    /// The target's job.
    pub fn job(&self) -> &Arc<str> {
        &self.job
    }

    /// The target, as it was called when the scrape began.
    pub fn target(&self) -> TargetId {
        self.id
    }

    /// The time that it is for, in the target's place of its interval. Not after now.
    pub fn time(&self) -> Instant {
        self.time
    }

    /// What the driver has to know of the target.
    pub fn what(&self) -> &T {
        &self.what
    }

    /// When it began.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// The target's pace, as it was when the scrape began.
    pub fn pace(&self) -> ScrapePace {
        self.pace
    }

    /// Time since the target's last scrape began; `None` for the first.
    pub fn since_last(&self) -> Option<Duration> {
        self.since_last
    }
}

#[derive(Debug)]
struct Target<T> {
    job: Arc<str>,
    id: TargetId,
    pace: ScrapePace,
    what: T,
    /// Where it stands in the queue, or will when its scrape is over.
    due: Instant,
    number: u64,
    /// The number of the scrape that runs.
    running: Option<u64>,
    last_started: Option<Instant>,
    last: Option<Box<LastScrape>>,
}

impl<T: Clone> Default for Schedule<T> {
    fn default() -> Self {
        Self::new(ScheduleOptions::default())
    }
}

impl<T: Clone> Schedule<T> {
    /// Without targets.
    pub fn new(options: ScheduleOptions) -> Self {
        Self {
            options,
            targets: Vec::new(),
            free: Vec::new(),
            slots: HashTable::new(),
            queue: BTreeMap::new(),
            next_number: 0,
            counts: ScheduleCounts::default(),
        }
    }

    /// A target is there from now on. If it was there before, only its pace changes.
    pub fn start(&mut self, now: Instant, job: &Arc<str>, id: TargetId, pace: ScrapePace, what: T) {
        if let Some(slot) = self.slot(job, id) {
            self.set(now, slot, pace, what);
            return;
        }
        let number = self.take_number();
        let target = Target {
            job: job.clone(),
            id,
            pace,
            what,
            due: self.first_after(now, id, pace),
            number,
            running: None,
            last_started: None,
            last: None,
        };
        let due = target.due;
        let slot = self.free.pop().unwrap_or_else(|| {
            self.targets.push(None);
            u32::try_from(self.targets.len()).unwrap_or(u32::MAX).saturating_sub(1)
        });
        if let Some(place) = self.targets.get_mut(slot as usize) {
            *place = Some(target);
        }
        self.index(slot, job, id);
        self.queue.insert((due, number), slot);
        self.counts.targets = self.counts.targets.saturating_add(1);
    }

    /// A target is no longer there. It is not scraped again; what comes of a scrape that runs is
    /// forgotten.
    pub fn stop(&mut self, job: &str, id: TargetId) {
        let Some(slot) = self.unindex(job, id) else {
            return;
        };
        if let Some(target) = self.targets.get_mut(slot as usize).and_then(Option::take) {
            planted!(
                self.queue.remove(&(target.due, target.number)),
                StoppedIsStillQueued,
                None
            );
            self.free.push(slot);
            self.counts.targets = self.counts.targets.saturating_sub(1);
        }
    }

    /// No target is there any longer.
    pub fn clear(&mut self) {
        self.targets.clear();
        self.free.clear();
        self.slots.clear();
        self.queue.clear();
        self.counts.targets = 0;
    }

    /// A target is called otherwise from now on. It keeps its last scrape, and its place in the interval
    /// unless the interval is another.
    ///
    /// If `old` is not there, this is as [`start`](Self::start).
    pub fn relabel(
        &mut self,
        now: Instant,
        job: &Arc<str>,
        (old, new): (TargetId, TargetId),
        pace: ScrapePace,
        what: T,
    ) {
        if planted!(old == new || self.slot(job, new).is_some(), RelabelledStartsAnew, true) {
            if old != new {
                self.stop(job, old);
            }
            return self.start(now, job, new, pace, what);
        }
        let Some(slot) = self.unindex(job, old) else {
            return self.start(now, job, new, pace, what);
        };
        if let Some(target) = self.target_mut(slot) {
            target.id = new;
        }
        self.index(slot, job, new);
        self.set(now, slot, pace, what);
    }

    /// The next scrape that has to be begun now, the one that waits longest; `None` when none is
    /// due, or as many run as may.
    pub fn poll_scrape(&mut self, now: Instant) -> Option<Scrape<T>> {
        if !self.may_begin() {
            return None;
        }
        let entry = planted!(self.queue.first_entry(), LastComesFirst, self.queue.last_entry())?;
        if entry.key().0 > now {
            return None;
        }
        let slot = entry.remove();
        let number = self.take_number();
        let target = self.targets.get_mut(slot as usize)?.as_mut()?;
        let interval = target.pace.interval_nanos();
        let late = nanos(now.saturating_duration_since(target.due));
        let skipped = planted!(late.checked_div(interval).unwrap_or(0), MissedTimesAreMadeUp, 0);
        let time = target.due + Duration::from_nanos(interval.saturating_mul(skipped));
        target.due = planted!(time, LateScrapeMovesThePlace, now) + target.pace.interval();
        target.running = Some(number);
        let last_started = target.last_started.replace(planted!(now, SinceLastIsSinceDue, time));
        self.counts.skipped = self.counts.skipped.saturating_add(skipped);
        self.counts.begun = self.counts.begun.saturating_add(1);
        self.counts.in_flight = self.counts.in_flight.saturating_add(1);
        Some(Scrape {
            slot,
            number,
            job: target.job.clone(),
            id: target.id,
            time,
            started: now,
            pace: target.pace,
            what: target.what.clone(),
            since_last: last_started.map(|last| now.saturating_duration_since(last)),
        })
    }

    /// When [`poll_scrape`](Self::poll_scrape) has to be called next; `None` when only another
    /// call can make something due. May be past.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let (due, _) = self.queue.first_key_value().filter(|_| self.may_begin())?.0;
        Some(*due)
    }

    /// A scrape is over.
    pub fn finish(&mut self, now: Instant, scrape: Scrape<T>, result: ScrapeResult) {
        let last = LastScrape {
            started: scrape.started,
            duration: now.saturating_duration_since(scrape.started),
            result,
        };
        self.end(scrape, Some(last));
    }

    /// A scrape that was begun came to nothing, and that says nothing of the target: what is known of it stays.
    pub fn abandon(&mut self, scrape: Scrape<T>) {
        self.counts.skipped = self.counts.skipped.saturating_add(1);
        self.end(scrape, None);
    }

    fn end(&mut self, scrape: Scrape<T>, last: Option<LastScrape>) {
        planted!({}, GoneTargetRunsForEver, {
            if self.targets.get(scrape.slot as usize).is_none_or(Option::is_none) {
                return;
            }
        });
        self.counts.in_flight = self.counts.in_flight.saturating_sub(1);
        let Some(target) = self.targets.get_mut(scrape.slot as usize).and_then(Option::as_mut) else {
            return;
        };
        // Otherwise it is another target, in the place of one that is gone.
        if planted!(target.running != Some(scrape.number), LateResultIsAnothers, false) {
            return;
        }
        target.running = None;
        if let Some(last) = last {
            target.last = Some(Box::new(last));
        }
        self.queue.insert((target.due, target.number), scrape.slot);
    }

    /// What is known of a target.
    pub fn status(&self, job: &str, id: TargetId) -> Option<ScrapeStatus<'_>> {
        let slot = self.slot(job, id)?;
        let target = self.targets.get(slot as usize)?.as_ref()?;
        Some(ScrapeStatus {
            pace: target.pace,
            due: target.due,
            is_running: target.running.is_some(),
            last: target.last.as_deref(),
        })
    }

    /// What was counted.
    pub fn counts(&self) -> ScheduleCounts {
        self.counts
    }

    fn may_begin(&self) -> bool {
        let most = self.options.max_in_flight;
        most.is_none_or(|most| {
            let running = planted!(
                self.counts.in_flight,
                OneMoreMayBegin,
                self.counts.in_flight.saturating_sub(1)
            );
            running < most.get()
        })
    }

    fn take_number(&mut self) -> u64 {
        self.next_number = self.next_number.saturating_add(1);
        self.next_number
    }

    /// The first time after `now` in a target's place of its interval.
    fn first_after(&self, now: Instant, id: TargetId, pace: ScrapePace) -> Instant {
        let interval = u128::from(pace.interval_nanos());
        let [id, seed] = [id.number(), self.options.seed].map(u64::to_le_bytes);
        let hash = hash::stable([id, seed].as_flattened());
        let unix = self
            .options
            .unix_epoch
            .as_nanos()
            .saturating_add(u128::from(now.as_nanos()));
        // An interval is never 0.
        let into = |time: u128| time.checked_rem(interval).unwrap_or(0);
        let left = into(into(u128::from(hash)).saturating_add(interval).saturating_sub(planted!(
            into(unix),
            PlaceMovesWithTheStart,
            0
        )));
        let wait = if left == 0 { interval } else { left };
        now + Duration::from_nanos(u64::try_from(wait).unwrap_or(u64::MAX))
    }

    fn set(&mut self, now: Instant, slot: u32, pace: ScrapePace, what: T) {
        let Some(target) = self.targets.get(slot as usize).and_then(Option::as_ref) else {
            return;
        };
        let (old, id, number, is_running) = (target.due, target.id, target.number, target.running.is_some());
        let due = if target.pace.interval() == pace.interval() {
            old
        } else {
            self.first_after(now, id, pace)
        };
        if let Some(target) = self.target_mut(slot) {
            target.pace = pace;
            target.what = what;
            target.due = due;
        }
        if due != old && !is_running {
            self.queue.remove(&(old, number));
            self.queue.insert((due, number), slot);
        }
    }

    fn target_mut(&mut self, slot: u32) -> Option<&mut Target<T>> {
        self.targets.get_mut(slot as usize)?.as_mut()
    }

    fn slot(&self, job: &str, id: TargetId) -> Option<u32> {
        let found = self.slots.find(key(job, id), is_it(&self.targets, job, id));
        found.copied()
    }

    fn index(&mut self, slot: u32, job: &str, id: TargetId) {
        let targets = &self.targets;
        let rehash = |slot: &u32| {
            let target = targets.get(*slot as usize).and_then(Option::as_ref);
            target.map_or(0, |target| key(&target.job, target.id))
        };
        self.slots.insert_unique(key(job, id), slot, rehash);
    }

    fn unindex(&mut self, job: &str, id: TargetId) -> Option<u32> {
        let found = self.slots.find_entry(key(job, id), is_it(&self.targets, job, id));
        Some(found.ok()?.remove().0)
    }
}

fn is_it<'a, T>(targets: &'a [Option<Target<T>>], job: &'a str, id: TargetId) -> impl Fn(&u32) -> bool {
    move |slot| {
        let target = targets.get(*slot as usize).and_then(Option::as_ref);
        target.is_some_and(|target| target.id == id && *target.job == *job)
    }
}

fn key(job: &str, id: TargetId) -> u64 {
    hash::stable(job.as_bytes()) ^ id.number()
}
