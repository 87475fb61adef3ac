use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const INTERVAL: Duration = Duration::from_secs(30);
const MINUTE: Duration = Duration::from_secs(60);

/// The same random number, every time.
struct Always(u64);

impl Random for Always {
    fn next_u64(&self) -> u64 {
        self.0
    }
}

const RANDOM: Always = Always(u64::MAX / 2);

fn names(count: usize) -> Vec<Arc<str>> {
    (0..count).map(|number| Arc::from(format!("s{number:04}"))).collect()
}

/// A plan, the time, and what was sent and not answered.
struct Running {
    plan: Plan,
    now: Instant,
    open: Vec<Ask>,
}

impl Running {
    fn new(plan: Plan) -> Self {
        let mut running = Self {
            plan,
            now: Instant::ZERO,
            open: Vec::new(),
        };
        running.drain();
        running
    }

    /// Takes everything that the plan wants to ask now.
    fn drain(&mut self) -> Vec<Ask> {
        let mut sent = Vec::new();
        while let Some(ask) = self.plan.next(self.now, &RANDOM) {
            sent.push(ask);
            assert!(sent.len() < 10_000, "it asks without end");
        }
        self.open.extend(sent.iter().cloned());
        let plan = &self.plan;
        self.open.retain(|ask| plan.is_open(ask.id));
        sent
    }

    fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
    }

    fn answer(&mut self, what: &What, index: u64) {
        let ask = self.take(what);
        self.plan.answered(self.now, ask.id, Some(index));
    }

    fn fail(&mut self, what: &What, trouble: Trouble) {
        let ask = self.take(what);
        self.plan.failed(self.now, &RANDOM, ask.id, trouble);
    }

    fn take(&mut self, what: &What) -> Ask {
        let place = self.open.iter().position(|ask| ask.what == *what);
        self.open
            .remove(place.unwrap_or_else(|| panic!("{what:?} is not open")))
    }

    /// Answers everything at once, for so long that nothing is left to ask at once.
    fn answer_all(&mut self, index: u64) -> Vec<Ask> {
        let mut answered = Vec::new();
        for _ in 0..10_000 {
            let waits = |ask: &Ask| ask.index == Some(index);
            let Some(place) = self.open.iter().position(|ask| !waits(ask)) else {
                break;
            };
            let ask = self.open.remove(place);
            self.plan.answered(self.now, ask.id, Some(index));
            answered.push(ask);
            self.drain();
        }
        answered
    }

    /// Answers for services, until none is asked for; how many there were.
    fn sweep(&mut self, index: u64) -> usize {
        let is_service = |ask: &Ask| matches!(ask.what, What::Service(_));
        let mut answered = 0;
        while let Some(place) = self.open.iter().position(is_service) {
            let ask = self.open.remove(place);
            self.plan.answered(self.now, ask.id, Some(index));
            self.drain();
            assert!(self.open_services() <= MOST_FETCHES);
            answered += 1;
        }
        answered
    }

    fn open_services(&self) -> usize {
        let services = self.open.iter().filter(|ask| matches!(ask.what, What::Service(_)));
        services.count()
    }
}

fn service(number: usize) -> What {
    What::Service(names(number + 1).remove(number))
}

/// A plan for so many services of the list, everything answered once.
fn settled(count: usize) -> Running {
    let mut running = Running::new(Plan::new(INTERVAL, None));
    running.answer(&What::List, 5);
    running.plan.set_services(running.now, names(count));
    running.drain();
    running.answer_all(5);
    running
}

#[test]
fn few_services_are_watched_each_by_a_query_that_waits() {
    let running = settled(MOST_WATCHES);
    assert_eq!(running.open_services(), MOST_WATCHES);
    assert_eq!(running.open.len(), MOST_WATCHES + 1, "and the list");
    assert!(running.open.iter().all(|ask| ask.index == Some(5)));
}

#[test]
fn many_services_take_three_questions_that_wait_and_a_few_at_a_time_that_do_not() {
    let mut running = Running::new(Plan::new(INTERVAL, None));
    running.answer(&What::List, 5);
    running.plan.set_services(running.now, names(4_000));
    let sent: Vec<What> = running.drain().into_iter().map(|ask| ask.what).collect();
    assert_eq!(sent, [What::List, What::Checks, What::Nodes], "the signals come first");
    running.answer(&What::Checks, 5);
    running.answer(&What::Nodes, 5);
    running.drain();
    assert_eq!(
        (running.open_services(), running.open.len()),
        (MOST_FETCHES, MOST_FETCHES + 3)
    );
    let is_service = |ask: &&Ask| matches!(ask.what, What::Service(_));
    assert!(running.open.iter().filter(is_service).all(|ask| ask.index.is_none()));
    assert_eq!(running.sweep(5), 4_000);
    assert_eq!(running.open.len(), 3, "and then all is quiet");
    assert_eq!(running.plan.deadline(), None);
}

#[test]
fn a_signal_that_moves_has_each_service_asked_and_then_no_sooner_than_the_interval() {
    let mut running = settled(100);
    running.pass(MINUTE * 10);
    // One change moves two signals.
    running.answer(&What::Checks, 6);
    assert_eq!(running.drain(), []);
    running.pass(GATHER / 2);
    running.answer(&What::List, 6);
    assert_eq!(running.drain(), []);
    running.pass(GATHER / 2);
    let sent: Vec<What> = running.drain().into_iter().map(|ask| ask.what).take(2).collect();
    assert_eq!(sent, [What::List, What::Checks], "they wait for what comes next");
    assert_eq!(running.sweep(6), 100);
    // One more is let through at once, the others wait.
    running.answer(&What::Nodes, 7);
    running.pass(GATHER);
    running.drain();
    assert_eq!(running.sweep(7), 100);
    running.answer(&What::Nodes, 8);
    running.pass(GATHER);
    running.drain();
    assert_eq!(running.open_services(), 0);
    let wait = running.plan.deadline().unwrap().saturating_duration_since(running.now);
    assert!(INTERVAL / 2 <= wait && wait <= INTERVAL, "{wait:?}");
    running.pass(wait);
    running.drain();
    assert_eq!(running.open_services(), MOST_FETCHES);
}

#[test]
fn a_change_during_a_sweep_is_not_missed() {
    let mut running = settled(100);
    running.pass(MINUTE * 10);
    running.answer(&What::Checks, 6);
    running.pass(GATHER);
    running.drain();
    assert!(running.open_services() > 0, "the sweep is on");
    running.answer(&What::Checks, 7);
    assert_eq!(running.sweep(7), 100);
    running.pass(INTERVAL);
    running.drain();
    assert_eq!(running.sweep(7), 100);
}

#[test]
fn an_index_that_goes_back_or_is_none_starts_anew() {
    let mut running = settled(1);
    for (answered, next) in [
        (9, Some(9)),
        (4, None),
        (4, Some(4)),
        (0, None),
        (0, Some(1)),
        (1, Some(1)),
        (2, Some(2)),
    ] {
        running.pass(MINUTE * 10);
        running.answer(&service(0), answered);
        let sent = running.drain();
        assert_eq!(sent[0].index, next, "{answered}");
    }
}

#[test]
fn a_server_in_trouble_is_asked_one_question_at_a_time_and_at_most_two_an_interval() {
    let mut running = settled(20);
    running.pass(MINUTE * 10);
    for ask in std::mem::take(&mut running.open) {
        running.plan.failed(running.now, &RANDOM, ask.id, Trouble::Server(None));
    }
    assert_eq!(running.drain(), []);
    let mut waits = Vec::new();
    for _ in 0..10 {
        let at = running.plan.deadline().unwrap();
        waits.push(at.saturating_duration_since(running.now));
        running.now = at;
        let sent = running.drain();
        assert_eq!((sent.len(), sent[0].index), (1, None));
        assert_eq!(running.plan.deadline(), None, "its answer says how to go on");
        running.fail(&sent[0].what, Trouble::Server(None));
    }
    assert!(waits[0] <= Duration::from_secs(1), "{waits:?}");
    let pairs = waits.windows(2).map(|pair| pair[0] + pair[1]);
    assert!(pairs.min().unwrap() >= INTERVAL, "{waits:?}");
    running.now = running.plan.deadline().unwrap();
    let probe = running.drain().remove(0).what;
    running.answer(&probe, 5);
    running.drain();
    assert_eq!(running.open.len(), 21, "all of them again");
}

#[test]
fn who_says_when_to_come_again_is_obeyed() {
    let mut running = settled(3);
    running.fail(&What::List, Trouble::Server(Some(MINUTE * 3)));
    let wait = running.plan.deadline().unwrap().saturating_duration_since(running.now);
    assert!(MINUTE * 3 <= wait && wait <= MINUTE * 4, "{wait:?}");
}

#[test]
fn what_goes_wrong_by_itself_waits_for_the_interval_and_holds_up_nobody() {
    let mut running = settled(3);
    running.pass(MINUTE * 10);
    running.fail(&service(1), Trouble::Question);
    running.answer(&service(2), 6);
    let sent: Vec<What> = running.drain().into_iter().map(|ask| ask.what).collect();
    assert_eq!(sent, [service(2)]);
    let wait = running.plan.deadline().unwrap().saturating_duration_since(running.now);
    assert!(INTERVAL.mul_f64(0.9) <= wait && wait <= INTERVAL, "{wait:?}");
}

#[test]
fn too_many_connections_become_fewer_and_more_again_later() {
    let mut running = settled(20);
    running.pass(MINUTE);
    running.fail(&What::List, Trouble::TooMany(None));
    running.drain();
    assert!(running.open.is_empty(), "16 may be watched, and there are 20");
    running.pass(MINUTE);
    running.drain();
    running.answer_all(5);
    running.pass(GATHER);
    running.drain();
    assert_eq!(running.sweep(5), 20, "the list may have changed while it failed");
    assert_eq!(running.open.len(), 3);
    running.pass(RECOVERY);
    running.answer(&What::Checks, 6);
    running.drain();
    assert_eq!(running.open.len(), 21, "{:?}", running.open);
}

#[test]
fn without_signals_the_services_are_asked_for_at_each_interval() {
    let mut running = settled(100);
    running.pass(MINUTE);
    for _ in 0..3 {
        running.fail(&What::Checks, Trouble::Question);
        running.pass(INTERVAL);
        running.drain();
        assert_eq!(running.sweep(5), 100);
    }
}

#[test]
fn services_that_are_gone_are_not_asked_for() {
    let mut running = settled(3);
    running.plan.set_services(running.now, [names(1).remove(0)]);
    running.drain();
    assert_eq!(running.open_services(), 1);
}

#[derive(Debug, Clone)]
enum Happening {
    Pass(u64),
    Answer { place: usize, index: u64 },
    NoIndex { place: usize },
    Fail { place: usize, trouble: usize },
    Services { from: usize, count: usize },
    WantAgent,
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        2 => (0_u64..100_000).prop_map(Happening::Pass),
        8 => (0_usize..64, 0_u64..8).prop_map(|(place, index)| Happening::Answer { place, index }),
        1 => (0_usize..64).prop_map(|place| Happening::NoIndex { place }),
        3 => (0_usize..64, 0_usize..5).prop_map(|(place, trouble)| Happening::Fail { place, trouble }),
        1 => (0_usize..50, 0_usize..100).prop_map(|(from, count)| Happening::Services { from, count }),
        1 => Just(Happening::WantAgent),
    ]
}

fn troubles(number: usize) -> Trouble {
    [
        Trouble::Server(None),
        Trouble::Server(Some(MINUTE)),
        Trouble::TooMany(None),
        Trouble::TooMany(Some(Duration::ZERO)),
        Trouble::Question,
    ][number]
}

proptest! {
    /// Whatever happens: it does not ask twice at a time for the same, nor for too much at a time; it always says
    /// when it goes on; and once all is well again, everything is asked for within two intervals and a retry.
    #[test]
    fn it_goes_on_whatever_happens(needs_list: bool, happenings in prop::collection::vec(happening(), 0..200)) {
        let given: Vec<String> = (0..40).map(|number| format!("s{number:04}")).collect();
        let mut running = Running::new(Plan::new(INTERVAL, (!needs_list).then_some(given.as_slice())));
        for happening in happenings {
            match happening {
                Happening::Pass(millis) => running.pass(Duration::from_millis(millis)),
                Happening::Answer { place, index } if place < running.open.len() => {
                    let ask = running.open.remove(place);
                    running.plan.answered(running.now, ask.id, Some(index));
                }
                Happening::NoIndex { place } if place < running.open.len() => {
                    let ask = running.open.remove(place);
                    running.plan.answered(running.now, ask.id, None);
                }
                Happening::Fail { place, trouble } if place < running.open.len() => {
                    let ask = running.open.remove(place);
                    running.plan.failed(running.now, &RANDOM, ask.id, troubles(trouble));
                }
                Happening::Services { from, count } if needs_list => {
                    running.plan.set_services(running.now, names(from + count).into_iter().skip(from));
                }
                Happening::WantAgent => running.plan.want_agent(),
                _ => {}
            }
            running.drain();
            check(&running)?;
        }
        running.pass(MINUTE * 20);
        running.drain();
        let mut asked: BTreeSet<What> = running.open.iter().map(|ask| ask.what.clone()).collect();
        for round in 0..4 {
            asked.extend(running.answer_all(100 + round).into_iter().map(|ask| ask.what));
            check(&running)?;
            running.pass(INTERVAL);
            running.drain();
        }
        // A change that everybody is told of.
        running.answer_all(200);
        asked.extend(running.open.iter().map(|ask| ask.what.clone()));
        for name in running.plan.services.names() {
            prop_assert!(asked.contains(&What::Service(name.clone())), "{name} was not asked for");
        }
        prop_assert!(!needs_list || asked.contains(&What::List));
    }
}

fn check(running: &Running) -> Result<(), TestCaseError> {
    if let Some(deadline) = running.plan.deadline() {
        prop_assert!(deadline > running.now, "it should have asked");
    } else {
        let idle = running.plan.services.len() == 0 && !running.plan.needs_list;
        prop_assert!(idle || !running.open.is_empty(), "it waits for nothing");
    }
    let mut what: Vec<&What> = running.open.iter().map(|ask| &ask.what).collect();
    what.sort();
    prop_assert!(
        what.windows(2).all(|pair| pair[0] != pair[1]),
        "asked twice at a time: {what:?}"
    );
    let open_services = running.open_services();
    let most = if running.plan.sweeps.is_some() {
        MOST_FETCHES
    } else {
        MOST_WATCHES
    };
    prop_assert!(open_services <= most, "{open_services} at a time");
    prop_assert!(running.open.len() <= most + 4);
    prop_assert!(running.plan.services.are_consistent());
    Ok(())
}
