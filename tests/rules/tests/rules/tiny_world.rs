//! Every run of a tiny world: two configs, two sets, two targets, all orders of events.
//!
//! What random runs may miss in a large world, this can't miss in a small one.

use std::time::Duration;

use headcount_core::reference::{Input, Pair, PlainConfig};
use headcount_core::{
    Backoff, DropGuard, Encoder, Failure, Group, Instant, ManagerOptions, Percent, ProviderId, Reload, Throttle, Update,
};
use headcount_rules::Effort;

use crate::story::{backoff, encode, sources, ticker};

/// What can happen.
#[derive(Debug, Clone)]
enum Event {
    Input(Input<PlainConfig>),
    Wait(Duration),
}

fn events() -> Vec<Event> {
    let config = |number| PlainConfig::new("file", number);
    let set = |name: &str, configs: &[u8]| (name.to_owned(), configs.iter().copied().map(config).collect());
    let mut encoder = Encoder::new();
    let mut groups = |addresses: &[&str]| -> Vec<Group> { encode(&mut encoder, &sources(&[("s", addresses)])) };
    let provider = ProviderId::from_number;
    let inputs = vec![
        Input::Apply(vec![set("a", &[0])]),
        Input::Apply(vec![set("a", &[0, 1]), set("b", &[1])]),
        Input::Apply(vec![set("b", &[0])]),
        Input::Update(provider(0), Update::delta(groups(&["1"]))),
        Input::Update(provider(0), Update::delta(groups(&["1", "2"]))),
        Input::Update(provider(0), Update::delta(groups(&[]))),
        Input::Update(provider(1), Update::full(groups(&["1"]))),
        Input::Update(provider(1), Update::full(Vec::new())),
        Input::Failure(provider(1), Failure::new("no answer")),
        Input::BuildFailure(provider(0), "no such file".to_owned()),
        Input::ReceiverReady,
    ];
    let waits = [Duration::from_millis(50), Duration::from_secs(6)];
    inputs
        .into_iter()
        .map(Event::Input)
        .chain(waits.map(Event::Wait))
        .collect()
}

/// Tries every event here, and every one after each, so many steps deep. Returns how many steps
/// were taken.
fn explore(pair: &Pair<PlainConfig>, now: Instant, events: &[Event], path: &mut Vec<usize>, depth: usize) -> usize {
    let Some(left) = depth.checked_sub(1) else { return 0 };
    let mut steps = 0;
    for (number, event) in events.iter().enumerate() {
        path.push(number);
        let (mut pair, mut now) = (pair.clone(), now);
        let result = match event {
            Event::Input(input) => pair.step(now, input.clone()).map(drop),
            Event::Wait(duration) => {
                now = now + *duration;
                pair.step(now, Input::Timeout).map(drop)
            }
        };
        if let Err(disagreement) = result {
            let story: Vec<_> = path.iter().map(|number| &events[*number]).collect();
            panic!("{disagreement}\nafter {story:#?}");
        }
        steps += 1 + explore(&pair, now, events, path, left);
        path.pop();
    }
    steps
}

fn explore_all(throttle: Throttle, reload: Reload, depth: usize) {
    let options = ManagerOptions {
        throttle,
        reload,
        ..ManagerOptions::default()
    };
    explore_with(options, &events(), depth);
}

fn explore_with(options: ManagerOptions, events: &[Event], depth: usize) {
    explore_from(&Pair::new(Instant::ZERO, options), events, depth);
}

fn explore_from(pair: &Pair<PlainConfig>, events: &[Event], depth: usize) {
    let depth = if Effort::asked_for().cases > 1_000 {
        depth + 1
    } else {
        depth
    };
    let steps = explore(pair, Instant::ZERO, events, &mut Vec::new(), depth);
    let expected: usize = (1..=depth as u32).map(|level| events.len().pow(level)).sum();
    assert_eq!(steps, expected);
}

#[test]
fn every_run_with_a_prompt_ticker() {
    explore_all(ticker(Duration::ZERO), Reload::Keep, 4);
}

#[test]
fn every_run_with_a_ticker() {
    explore_all(ticker(Duration::from_millis(100)), Reload::Keep, 4);
}

#[test]
fn every_run_with_backoff() {
    explore_all(backoff(), Reload::Keep, 5);
}

#[test]
fn every_run_with_backoff_that_starts_at_once() {
    let settings = Backoff {
        initial: Duration::ZERO,
        ..Backoff::default()
    };
    explore_all(Throttle::Backoff(settings), Reload::Keep, 3);
}

/// B05: the guard, as a race between what goes, comes back, fails, is confirmed and is configured.
#[test]
fn every_run_with_a_guard() {
    let guard = DropGuard::new(Percent::new(40).expect("a percentage"), Duration::from_secs(6));
    let options = ManagerOptions {
        throttle: ticker(Duration::ZERO),
        guard: Some(guard),
        ..ManagerOptions::default()
    };
    let mut events = events();
    events.push(Event::Input(Input::Confirm(ProviderId::from_number(0))));
    // Where there is nothing to lose yet, the guard does nothing.
    let config = PlainConfig::new("file", 0);
    let set = |name: &str| (name.to_owned(), vec![config.clone()]);
    let mut pair = Pair::new(Instant::ZERO, options);
    let mut encoder = Encoder::new();
    let groups = encode(&mut encoder, &sources(&[("s", &["1", "2"]), ("t", &["3"])]));
    for input in [
        Input::Apply(vec![set("a"), set("b")]),
        Input::Update(ProviderId::from_number(0), Update::full(groups)),
        Input::ReceiverReady,
    ] {
        let _ = pair.step(Instant::ZERO, input).expect("they agree");
    }
    explore_from(&pair, &events, 4);
}

#[test]
fn every_run_in_legacy_mode() {
    explore_all(ticker(Duration::ZERO), Reload::Legacy, 4);
}
