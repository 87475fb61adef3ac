//! What it costs to know when targets are due, counted in allocated bytes.

use std::sync::Arc;
use std::time::Duration;

use allocation_counter::measure;
use headcount_core::{Instant, Schedule, ScheduleOptions, ScrapePace, ScrapeResult, TargetId};

/// A schedule of so many targets that are due every minute, each with a URL of its own.
fn schedule(targets: u64) -> Schedule<Arc<str>> {
    let pace = ScrapePace::new(Duration::from_secs(60), Duration::from_secs(10)).expect("a pace");
    let job: Arc<str> = "node".into();
    let mut schedule = Schedule::new(ScheduleOptions::default());
    for number in 0..targets {
        let id = TargetId::from_number(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        schedule.start(Instant::ZERO, &job, id, pace, "http://10.0.0.1:9100/metrics".into());
    }
    schedule
}

/// Carries so many scrapes out.
fn scrape(schedule: &mut Schedule<Arc<str>>, scrapes: u64) {
    for _ in 0..scrapes {
        let now = schedule.poll_timeout().expect("there are targets");
        let scrape = schedule.poll_scrape(now).expect("it is due");
        schedule.finish(now, scrape, ScrapeResult::default());
    }
}

#[test]
fn a_scrape_costs_the_same_however_many_targets_there_are() {
    let cost = |targets| {
        let mut schedule = schedule(targets);
        measure(|| scrape(&mut schedule, 1_000)).bytes_total
    };
    let (few, many) = (cost(1_000), cost(64_000));
    assert!(many <= few * 2, "{few} bytes with few targets, {many} with many");
}

#[test]
fn a_target_takes_little_memory() {
    const TARGETS: u64 = 100_000;
    let mut kept = None;
    let used = measure(|| {
        let mut schedule = schedule(TARGETS);
        scrape(&mut schedule, TARGETS);
        kept = Some(schedule);
    });
    let each = used.bytes_current / i64::try_from(TARGETS).expect("few");
    // With its URL and the report of its last scrape.
    assert!(each <= 400, "{each} bytes");
}
