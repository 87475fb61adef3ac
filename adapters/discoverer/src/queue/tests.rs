use std::collections::BTreeMap;

use futures_lite::future::{block_on, poll_once};
use headcount_core::{Encoder, Failure, Update};
use proptest::prelude::*;

use super::*;

fn provider(number: u64) -> ProviderId {
    ProviderId::from_number(number)
}

/// A full update of one target of about so many bytes, which says this.
fn full(says: &str, bytes: usize) -> Report {
    let mut encoder = Encoder::new();
    let mut batch = encoder.batch();
    let filler = "x".repeat(bytes);
    let target = [("__address__", says), ("filler", filler.as_str())];
    let none: [(&str, &str); 0] = [];
    batch.group("s", none, [target]).expect("short strings");
    Report::Update(Update::full(batch.finish()))
}

fn fails(message: &str) -> Report {
    Report::Failure(Failure::new(message))
}

fn said(report: &Report) -> String {
    match report {
        Report::Update(update) => {
            let target = update.groups().first().and_then(|group| group.targets().next());
            target
                .and_then(|target| target.get("__address__"))
                .unwrap_or("nothing new")
                .to_owned()
        }
        Report::Failure(failure) => failure.message().to_owned(),
        Report::Warning(warning) => warning.to_string(),
        Report::Answered(request) => format!("answered {request}"),
    }
}

/// Whether it is in at once.
fn push(queue: &ReportQueue, from: u64, report: Report) -> bool {
    block_on(poll_once(queue.push(provider(from), report))) == Some(Ok(()))
}

fn read_all(queue: &ReportQueue) -> Vec<(u64, String)> {
    let messages = std::iter::from_fn(|| queue.try_next());
    messages
        .map(|message| (message.provider.number(), said(&message.report)))
        .collect()
}

fn of(from: u64, all: &[&str]) -> Vec<(u64, String)> {
    all.iter().map(|said| (from, (*said).to_owned())).collect()
}

#[test]
fn full_updates_that_nobody_has_read_are_one_the_newest() {
    let queue = ReportQueue::new(1 << 20);
    for says in ["a:1", "b:1", "c:1"] {
        assert!(push(&queue, 1, full(says, 10)));
    }
    assert_eq!(queue.status().collapsed, 2);
    // What happened in between is told, and a full update does not go before it.
    assert!(push(&queue, 1, fails("down")));
    assert!(push(&queue, 1, full("d:1", 10)));
    assert!(push(&queue, 1, Report::Answered(1)));
    assert!(push(&queue, 1, full("e:1", 10)));
    assert!(push(&queue, 1, Report::Answered(2)));
    assert!(push(&queue, 1, Report::Update(Update::unchanged())));
    assert!(push(&queue, 1, full("f:1", 10)));
    let expected = of(1, &["c:1", "down", "e:1", "answered 2", "nothing new", "f:1"]);
    assert_eq!(read_all(&queue), expected);
    assert_eq!((queue.status().collapsed, queue.status().bytes), (3, 0));
}

#[test]
fn who_has_most_waits_and_the_others_go_on() {
    let queue = ReportQueue::new(9_000);
    assert!(push(&queue, 1, full("a:1", 6_000)));
    assert!(push(&queue, 1, fails("one")));
    assert!(push(&queue, 2, full("b:1", 3_000)));
    // Now it is full. The one with most waits; the other, and who has said nothing yet, do not.
    let mut waiting = Box::pin(queue.push(provider(1), fails("two")));
    assert_eq!(block_on(poll_once(&mut waiting)), None);
    assert!(push(&queue, 2, fails("b")));
    assert!(push(&queue, 3, full("c:1", 20_000)));
    assert_eq!(queue.status().waited, 1);
    // Now another has most.
    assert_eq!(block_on(poll_once(&mut waiting)), Some(Ok(())));
    assert!(!push(&queue, 3, fails("c")));
    // Lanes are read in turn.
    let order: Vec<_> = read_all(&queue).into_iter().map(|(from, _)| from).collect();
    assert_eq!(order, [1, 2, 3, 1, 2, 1]);
}

#[test]
fn one_that_talks_much_waits_for_its_own_reports_only() {
    let queue = ReportQueue::new(usize::MAX);
    let told = (0..1_000).take_while(|number| push(&queue, 1, fails(&number.to_string())));
    assert_eq!(told.count(), MOST_REPORTS);
    assert!(push(&queue, 2, fails("other")));
    assert_eq!(queue.try_next().map(|message| message.provider), Some(provider(1)));
    assert_eq!(queue.try_next().map(|message| message.provider), Some(provider(2)));
    assert!(push(&queue, 1, fails("there is a place again")));
}

#[test]
fn what_was_stopped_is_forgotten_and_who_waits_learns_that_nobody_reads() {
    let queue = ReportQueue::new(1_000);
    assert!(push(&queue, 1, full("a:1", 2_000)));
    assert!(push(&queue, 2, full("b:1", 10)));
    let mut waiting = Box::pin(queue.push(provider(1), fails("late")));
    assert_eq!(block_on(poll_once(&mut waiting)), None);
    queue.forget(provider(1));
    assert_eq!(read_all(&queue), of(2, &["b:1"]));
    assert_eq!(block_on(poll_once(&mut waiting)), Some(Ok(())));
    assert_eq!(read_all(&queue), of(1, &["late"]));
    queue.close();
    assert_eq!(block_on(queue.push(provider(1), fails("nobody"))), Err(Stopped));
}

#[test]
fn who_waits_is_woken_when_there_is_room() {
    let queue = ReportQueue::new(1_000);
    assert!(push(&queue, 1, full("a:1", 2_000)));
    let writer = queue.clone();
    let thread = std::thread::spawn(move || block_on(writer.push(provider(1), fails("later"))));
    let read = block_on(async { [queue.next().await, queue.next().await] });
    assert_eq!(read.map(|message| said(&message.report)), ["a:1", "later"]);
    assert_eq!(thread.join().expect("no panic"), Ok(()));
}

#[derive(Debug, Clone)]
enum Act {
    Full(u64, usize),
    Delta(u64, usize),
    Fail(u64),
    Forget(u64),
    Read,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let from = 0..4_u64;
    let act = prop_oneof![
        4 => (from.clone(), 0..3_000_usize).prop_map(|(from, bytes)| Act::Full(from, bytes)),
        2 => (from.clone(), 0..3_000_usize).prop_map(|(from, bytes)| Act::Delta(from, bytes)),
        2 => from.clone().prop_map(Act::Fail),
        1 => from.prop_map(Act::Forget),
        3 => Just(Act::Read),
    ];
    prop::collection::vec(act, 0..200)
}

proptest! {
    /// Whatever is said and read when: of each provider comes what it said, in its order, but for full updates that were
    /// replaced by the next; and who does not have most never waits for bytes.
    #[test]
    fn nothing_is_lost_and_nobody_waits_for_others(acts in acts()) {
        let queue = ReportQueue::new(8_000);
        // What is expected of each: its text, and whether it is a full update.
        let mut expected: BTreeMap<u64, VecDeque<(String, bool, usize)>> = BTreeMap::new();
        for (number, act) in acts.into_iter().enumerate() {
            let says = format!("{number}:1");
            let (from, report, is_full) = match act {
                Act::Full(from, bytes) => (from, full(&says, bytes), true),
                Act::Delta(from, bytes) => {
                    let Report::Update(update) = full(&says, bytes) else { unreachable!("it is one") };
                    (from, Report::Update(Update::delta(update.groups().to_vec())), false)
                }
                Act::Fail(from) => (from, fails(&says), false),
                Act::Forget(from) => {
                    queue.forget(provider(from));
                    expected.remove(&from);
                    continue;
                }
                Act::Read => {
                    match queue.try_next() {
                        Some(message) => {
                            let from = message.provider.number();
                            let next = expected.get_mut(&from).and_then(VecDeque::pop_front);
                            prop_assert_eq!(next.map(|(says, ..)| says), Some(said(&message.report)));
                        }
                        None => prop_assert!(expected.values().all(VecDeque::is_empty)),
                    }
                    continue;
                }
            };
            let size = size_of_report(&report);
            let bytes = |lane: &VecDeque<(String, bool, usize)>| lane.iter().map(|(_, _, size)| size).sum::<usize>();
            let others = expected.iter().filter(|(other, _)| **other != from).map(|(_, lane)| bytes(lane));
            let (most, all) = (others.clone().max().unwrap_or(0), others.sum::<usize>());
            let lane = expected.entry(from).or_default();
            let mine = bytes(lane);
            let collapses = is_full && lane.back().is_some_and(|(_, is_full, _)| *is_full);
            let has_room = lane.is_empty() || all + mine + size <= 8_000 || mine < most;
            let is_in = push(&queue, from, report);
            prop_assert_eq!(is_in, collapses || has_room && lane.len() < MOST_REPORTS);
            if is_in {
                if collapses {
                    lane.pop_back();
                }
                lane.push_back((says, is_full, size));
            }
            let (reports, bytes) = expected.values().fold((0, 0), |(reports, sum), lane| {
                (reports + lane.len(), sum + bytes(lane))
            });
            prop_assert_eq!((queue.status().reports, queue.status().bytes), (reports, bytes));
        }
    }
}
