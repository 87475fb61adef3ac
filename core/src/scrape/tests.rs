use core::num::NonZeroUsize;
use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::{Instant, TargetId};

fn at(nanos: u64) -> Instant {
    Instant::from_nanos(nanos)
}

fn pace(interval: u64) -> ScrapePace {
    ScrapePace::new(Duration::from_nanos(interval), Duration::from_nanos(1)).unwrap()
}

fn id(number: u64) -> TargetId {
    TargetId::from_number(number)
}

fn job(name: &str) -> Arc<str> {
    name.into()
}

/// What happens to targets of one job, in nanoseconds, so that everything that can happen at the same time does.
#[derive(Debug, Clone, Copy)]
enum Operation {
    Start(u64, u64),
    Stop(u64),
    Relabel(u64, u64, u64),
    /// Finishes one of those that run.
    Finish(usize),
    Pass(u64),
    Clear,
}

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let (target, interval) = (0_u64..5, prop::sample::select(vec![1_u64, 4, 6, 10]));
    let operation = prop_oneof![
        (target.clone(), interval.clone()).prop_map(|(id, interval)| Operation::Start(id, interval)),
        target.clone().prop_map(Operation::Stop),
        (target.clone(), target, interval).prop_map(|(old, new, interval)| Operation::Relabel(old, new, interval)),
        any::<usize>().prop_map(Operation::Finish),
        (1_u64..15).prop_map(Operation::Pass),
        Just(Operation::Clear),
    ];
    prop::collection::vec(operation, 1..60)
}

/// A schedule as it is explained: every moment looks at every target.
#[derive(Debug, Default)]
struct Model {
    max_in_flight: usize,
    targets: BTreeMap<u64, ModelTarget>,
    in_flight: usize,
    next_number: u64,
    skipped: u64,
}

#[derive(Debug, Clone)]
struct ModelTarget {
    number: u64,
    interval: u64,
    next: u64,
    /// The first and the last of the times that came and were not served.
    kept: Option<(u64, u64)>,
    is_running: bool,
}

impl Model {
    fn start(&mut self, id: u64, interval: u64, due: u64) {
        if self.targets.contains_key(&id) {
            return self.set_interval(id, interval, due);
        }
        let target = ModelTarget {
            number: self.next_number,
            interval,
            next: due,
            kept: None,
            is_running: false,
        };
        self.next_number += 1;
        self.targets.insert(id, target);
    }

    fn set_interval(&mut self, id: u64, interval: u64, due: u64) {
        let target = self.targets.get_mut(&id).unwrap();
        if target.interval != interval {
            (target.interval, target.next, target.kept) = (interval, due, None);
        }
    }

    fn relabel(&mut self, old: u64, new: u64, interval: u64, due: u64) {
        if old != new
            && !self.targets.contains_key(&new)
            && let Some(target) = self.targets.remove(&old)
        {
            self.targets.insert(new, target);
            return self.set_interval(new, interval, due);
        }
        if old != new {
            self.targets.remove(&old);
        }
        self.start(new, interval, due);
    }

    /// A moment passes; the times that are now come.
    fn pass(&mut self, now: u64) {
        for target in self.targets.values_mut().filter(|target| target.next == now) {
            target.kept = Some((target.kept.map_or(now, |(first, _)| first), now));
            target.next += target.interval;
        }
    }

    /// The target and the time of the scrape that has to begin.
    fn begin(&mut self) -> Option<(u64, u64)> {
        if self.in_flight == self.max_in_flight {
            return None;
        }
        let waiting = self.targets.iter_mut().filter(|(_, target)| !target.is_running);
        let waiting = waiting.filter_map(|(id, target)| Some((target.kept?, *id, target)));
        let ((first, last), id, target) = waiting.min_by_key(|((first, _), _, target)| (*first, target.number))?;
        target.kept = None;
        target.is_running = true;
        self.skipped += (last - first) / target.interval;
        self.in_flight += 1;
        Some((id, last))
    }
}

proptest! {
    #[test]
    fn a_schedule_is_as_its_model(
        operations in operations(),
        seed in any::<u64>(),
        epoch in 0_u64..100,
        max_in_flight in 1_usize..5,
    ) {
        let mut schedule = Schedule::new(ScheduleOptions {
            seed,
            unix_epoch: Duration::from_nanos(epoch),
            max_in_flight: NonZeroUsize::new(max_in_flight),
        });
        let job = job("node");
        let mut model = Model { max_in_flight, ..Model::default() };
        let mut places = BTreeMap::new();
        // With what the target is called by now, if it is there.
        let mut running: Vec<(Scrape, Option<u64>)> = Vec::new();
        let mut now = 0_u64;
        for operation in operations {
            let due = |schedule: &Schedule, target| schedule.status("node", id(target)).unwrap().due.as_nanos();
            match operation {
                Operation::Start(target, interval) => {
                    schedule.start(at(now), &job, id(target), pace(interval), ());
                    let is_new = model.targets.get(&target).is_none_or(|target| target.interval != interval);
                    model.start(target, interval, due(&schedule, target));
                    if is_new {
                        let due = due(&schedule, target);
                        prop_assert!(due > now && due <= now + interval);
                        let place = (due + epoch) % interval;
                        prop_assert_eq!(*places.entry((target, interval)).or_insert(place), place, "on the wall clock");
                    }
                }
                Operation::Stop(target) => {
                    schedule.stop("node", id(target));
                    model.targets.remove(&target);
                    for (_, name) in running.iter_mut().filter(|(_, name)| *name == Some(target)) {
                        *name = None;
                    }
                }
                Operation::Relabel(old, new, interval) => {
                    let there = model.targets.contains_key(&new) && old != new;
                    schedule.relabel(at(now), &job, (id(old), id(new)), pace(interval), ());
                    model.relabel(old, new, interval, due(&schedule, new));
                    for (_, name) in running.iter_mut().filter(|(_, name)| *name == Some(old)) {
                        *name = (!there).then_some(new);
                    }
                }
                Operation::Finish(which) if !running.is_empty() => {
                    let (scrape, name) = running.remove(which % running.len());
                    let result = ScrapeResult { samples: now, ..ScrapeResult::default() };
                    schedule.finish(at(now), scrape, result.clone());
                    model.in_flight -= 1;
                    if let Some(name) = name {
                        model.targets.get_mut(&name).unwrap().is_running = false;
                        let last = schedule.status("node", id(name)).unwrap().last.unwrap();
                        prop_assert_eq!(&last.result, &result);
                    }
                }
                Operation::Finish(_) => {}
                Operation::Clear => {
                    schedule.clear();
                    model.targets.clear();
                    running.iter_mut().for_each(|(_, name)| *name = None);
                }
                Operation::Pass(time) => {
                    for _ in 0..time {
                        now += 1;
                        model.pass(now);
                        compare(&mut schedule, &mut model, &mut running, now)?;
                    }
                }
            }
            compare(&mut schedule, &mut model, &mut running, now)?;
        }
    }
}

/// Begins what has to begin, in both.
fn compare(
    schedule: &mut Schedule,
    model: &mut Model,
    running: &mut Vec<(Scrape, Option<u64>)>,
    now: u64,
) -> Result<(), TestCaseError> {
    while let Some(scrape) = schedule.poll_scrape(at(now)) {
        let begun = (scrape.target().number(), scrape.time().as_nanos());
        prop_assert_eq!(Some(begun), model.begin());
        running.push((scrape, Some(begun.0)));
    }
    prop_assert_eq!(model.begin(), None);
    prop_assert!(
        schedule.poll_timeout().is_none_or(|due| due > at(now)),
        "all that is due was begun"
    );
    let counts = schedule.counts();
    prop_assert_eq!(counts.targets, model.targets.len());
    prop_assert_eq!((counts.in_flight, counts.skipped), (model.in_flight, model.skipped));
    Ok(())
}

/// Runs a schedule in which every scrape takes no time, from one deadline to the next.
fn run(schedule: &mut Schedule, until: Instant) -> Vec<(u64, u64)> {
    let mut begun = Vec::new();
    while let Some(now) = schedule.poll_timeout().filter(|due| *due <= until) {
        while let Some(scrape) = schedule.poll_scrape(now) {
            assert_eq!(scrape.time(), now);
            begun.push((scrape.target().number(), now.as_nanos()));
            schedule.finish(now, scrape, ScrapeResult::default());
        }
    }
    begun
}

proptest! {
    #[test]
    fn every_target_is_scraped_once_an_interval_at_its_place(
        intervals in prop::collection::vec(1_u64..1_000, 1..50),
        seed in any::<u64>(),
        rounds in 1_u64..5,
    ) {
        let mut schedule = Schedule::new(ScheduleOptions { seed, ..ScheduleOptions::default() });
        for (target, interval) in (0..).zip(&intervals) {
            schedule.start(at(0), &job("node"), id(target), pace(*interval), ());
        }
        let end = 1_000 * rounds;
        let begun = run(&mut schedule, at(end));
        for (target, interval) in (0..).zip(&intervals) {
            let times: Vec<u64> = begun.iter().filter(|(it, _)| *it == target).map(|(_, time)| *time).collect();
            let place = times[0];
            prop_assert!((1..=*interval).contains(&place));
            let expected: Vec<u64> = (0..).map(|round| place + round * interval).take_while(|time| *time <= end).collect();
            prop_assert_eq!(times, expected);
        }
        prop_assert_eq!(schedule.counts().skipped, 0);
    }
}

const MINUTE: u64 = 60_000_000_000;
const SECOND: u64 = 1_000_000_000;

/// The second of the minute in which each of so many targets is scraped.
fn seconds(targets: u64, seed: u64) -> Vec<u64> {
    let mut schedule = Schedule::new(ScheduleOptions {
        seed,
        ..ScheduleOptions::default()
    });
    let second = |target: u64| {
        // As a target's identity is: a hash.
        let target = id(crate::hash::stable(&target.to_le_bytes()));
        schedule.start(at(0), &job("node"), target, pace(MINUTE), ());
        let due = schedule.status("node", target).unwrap().due.as_nanos();
        due % MINUTE / SECOND
    };
    (0..targets).map(second).collect()
}

#[test]
fn targets_are_spread_evenly_over_the_interval() {
    let mut counts = [0_i64; 60];
    for second in seconds(12_000, 7) {
        counts[usize::try_from(second).unwrap()] += 1;
    }
    // Pearson's statistic with 59 degrees of freedom is above 98 for one spread of a thousand.
    let squares: i64 = counts.iter().map(|count| (count - 200).pow(2)).sum();
    assert!(squares / 200 < 98, "{counts:?}");
}

#[test]
fn servers_with_different_seeds_scrape_a_target_at_different_times() {
    for other in [1, 2, u64::MAX] {
        let both = seconds(6_000, 0).into_iter().zip(seconds(6_000, other));
        let same = both.filter(|(one, other)| one == other).count();
        // One of sixty: 100, and a standard deviation of 10.
        assert!((50..150).contains(&same), "{same}");
    }
    assert_eq!(seconds(100, 3), seconds(100, 3));
}

#[test]
fn the_same_inputs_give_the_same_scrapes() {
    let run_it = || {
        let mut schedule = Schedule::new(ScheduleOptions::default());
        for target in 0..100 {
            schedule.start(at(target), &job("node"), id(target), pace(60 + target % 3), ());
        }
        run(&mut schedule, at(1_000))
    };
    let begun = run_it();
    assert_eq!(begun, run_it());
    insta::assert_debug_snapshot!(&begun[..10]);
}

#[test]
fn a_target_keeps_its_place_and_its_last_scrape_when_it_is_relabelled() {
    let (mut schedule, job) = (Schedule::new(ScheduleOptions::default()), job("node"));
    schedule.start(at(0), &job, id(1), pace(1_000), ());
    let due = schedule.poll_timeout().unwrap();
    let scrape = schedule.poll_scrape(due).unwrap();
    schedule.relabel(due, &job, (id(1), id(2)), pace(1_000), ());
    let error = ScrapeResult {
        error: Some("refused".into()),
        ..ScrapeResult::default()
    };
    schedule.finish(due + Duration::from_nanos(5), scrape, error);
    assert_eq!(schedule.status("node", id(1)), None);
    let status = schedule.status("node", id(2)).unwrap();
    let last = status.last.unwrap();
    assert_eq!(
        (last.started, last.duration, last.is_up()),
        (due, Duration::from_nanos(5), false)
    );
    assert_eq!(status.due, due + Duration::from_nanos(1_000));

    let other_timeout = ScrapePace::new(Duration::from_nanos(1_000), Duration::from_nanos(9)).unwrap();
    schedule.relabel(due, &job, (id(2), id(3)), other_timeout, ());
    let next = schedule.poll_timeout().unwrap();
    assert_eq!(next, due + Duration::from_nanos(1_000));
    let scrape = schedule.poll_scrape(next).unwrap();
    assert_eq!(scrape.pace(), other_timeout);
    assert_eq!(scrape.since_last(), Some(Duration::from_nanos(1_000)));
    schedule.finish(next, scrape, ScrapeResult::default());
}

#[test]
fn jobs_have_targets_of_their_own() {
    let mut schedule = Schedule::new(ScheduleOptions::default());
    for name in ["a", "b"] {
        schedule.start(at(0), &job(name), id(1), pace(10), ());
    }
    assert_eq!(schedule.counts().targets, 2);
    schedule.stop("a", id(1));
    assert_eq!(schedule.status("a", id(1)), None);
    assert!(schedule.status("b", id(1)).is_some());
}

#[test]
fn an_interval_and_times_without_end_are_no_trouble() {
    let mut schedule = Schedule::new(ScheduleOptions {
        unix_epoch: Duration::MAX,
        ..ScheduleOptions::default()
    });
    let longest = ScrapePace::new(Duration::MAX, Duration::MAX).unwrap();
    schedule.start(at(u64::MAX - 1), &job("node"), id(1), longest, ());
    schedule.start(at(u64::MAX - 1), &job("node"), id(2), pace(1), ());
    assert_eq!(schedule.poll_timeout(), Some(at(u64::MAX)));
    let scrape = schedule.poll_scrape(at(u64::MAX)).unwrap();
    schedule.finish(at(0), scrape, ScrapeResult::default());
}
