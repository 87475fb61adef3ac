use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use headcount_core::{Instant, Manager, ManagerOptions, Output, ProviderId, Snapshot};

use crate::script::{Line, Script, Scripted};

/// A manager, its discoverers and its receiver, in virtual time.
#[derive(Debug)]
pub struct World {
    now: Instant,
    manager: Manager<Scripted>,
    scripts: BTreeMap<Scripted, Script>,
    /// How long the receiver needs for a snapshot.
    receiver: Duration,
    events: BinaryHeap<Reverse<(Instant, u64, usize)>>,
    pending: Vec<Option<Event>>,
    emissions: Vec<Emission>,
}

#[derive(Debug)]
enum Event {
    Apply(Vec<(String, Vec<Scripted>)>),
    Says(ProviderId, Line),
    ReceiverReady,
}

/// A snapshot and when it was handed over.
#[derive(Debug, Clone)]
pub struct Emission {
    /// When.
    pub at: Instant,
    /// What.
    pub snapshot: Snapshot,
}

impl World {
    /// A world at the epoch, in which nothing is wanted yet. The receiver takes `receiver` for
    /// each snapshot.
    pub fn new(options: ManagerOptions, receiver: Duration, scripts: BTreeMap<Scripted, Script>) -> Self {
        Self {
            now: Instant::ZERO,
            manager: Manager::new(Instant::ZERO, options),
            scripts,
            receiver,
            events: BinaryHeap::new(),
            pending: Vec::new(),
            emissions: Vec::new(),
        }
    }

    /// Applies a configuration `after` the epoch.
    pub fn apply(&mut self, after: Duration, sets: Vec<(String, Vec<Scripted>)>) {
        self.schedule(Instant::ZERO + after, Event::Apply(sets));
    }

    /// Runs until `end` after the epoch, and gives what was handed over so far.
    pub fn run_until(&mut self, end: Duration) -> &[Emission] {
        let end = Instant::ZERO + end;
        while let Some(next) = self.next_moment().filter(|next| *next <= end) {
            self.now = next;
            self.manager.handle_timeout(next);
            self.carry_out();
            while let Some(Reverse((_, _, place))) = self.events.peek().copied().filter(|Reverse((at, ..))| *at <= next)
            {
                self.events.pop();
                if let Some(event) = self.pending.get_mut(place).and_then(Option::take) {
                    self.handle(event);
                    self.carry_out();
                }
            }
        }
        self.now = end;
        &self.emissions
    }

    /// The manager, for its counters and its providers' health.
    pub fn manager(&self) -> &Manager<Scripted> {
        &self.manager
    }

    fn next_moment(&self) -> Option<Instant> {
        let event = self.events.peek().map(|Reverse((at, ..))| *at);
        let deadline = self.manager.poll_timeout().map(|(deadline, _)| deadline.max(self.now));
        event.into_iter().chain(deadline).min()
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Apply(sets) => {
                self.manager.apply(self.now, sets);
            }
            // A provider that was stopped may still speak: the manager ignores it (S06).
            Event::Says(provider, Line::Update(update)) => {
                self.manager.handle_update(self.now, provider, update).ok();
            }
            Event::Says(provider, Line::Failure(failure)) => {
                self.manager.handle_failure(self.now, provider, failure).ok();
            }
            Event::ReceiverReady => self.manager.handle_receiver_ready(self.now),
        }
    }

    fn carry_out(&mut self) {
        while let Some(output) = self.manager.poll_output() {
            match output {
                Output::Start { provider, config, .. } => {
                    let script = self.scripts.get(&config).cloned().unwrap_or_default();
                    for (after, line) in script.lines {
                        self.schedule(self.now + after, Event::Says(provider, line));
                    }
                }
                Output::Stop { .. } => {}
                Output::Emit(snapshot) => {
                    self.emissions.push(Emission { at: self.now, snapshot });
                    self.schedule(self.now + self.receiver, Event::ReceiverReady);
                }
            }
        }
    }

    fn schedule(&mut self, at: Instant, event: Event) {
        let place = self.pending.len();
        self.pending.push(Some(event));
        self.events.push(Reverse((at, place as u64, place)));
    }
}

#[cfg(test)]
mod tests {
    use headcount_core::{Encoder, Throttle, Update};

    use super::*;

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn found(encoder: &mut Encoder, address: &str) -> Update {
        let mut batch = encoder.batch();
        let labels: [(&str, &str); 0] = [];
        batch
            .group("source", labels, [[("__address__", address)]])
            .expect("valid");
        Update::full(batch.finish())
    }

    /// A discoverer that finds another address every second for an hour, under a 5 s ticker.
    fn churn(receiver: Duration) -> World {
        let mut encoder = Encoder::new();
        let mut script = Script::default();
        for second in 1..=3_600 {
            script = script.update(secs(second), found(&mut encoder, &format!("10.0.0.1:{second}")));
        }
        let name = Scripted("churn".to_owned());
        let throttle = Throttle::Ticker { interval: secs(5) };
        let options = ManagerOptions {
            throttle,
            ..ManagerOptions::default()
        };
        let mut world = World::new(options, receiver, BTreeMap::from([(name.clone(), script)]));
        world.apply(Duration::ZERO, vec![("job".to_owned(), vec![name])]);
        world
    }

    fn address(emission: &Emission) -> Option<String> {
        let (_, stored) = emission.snapshot.set("job")?.groups().next()?;
        Some(stored.group().targets().next()?.get("__address__")?.to_owned())
    }

    #[test]
    fn an_hour_of_churn_is_one_snapshot_a_tick_and_ends_with_the_last_change() {
        let mut world = churn(Duration::ZERO);
        let emissions = world.run_until(secs(2 * 3_600)).to_vec();
        assert_eq!(emissions.len(), 3_600 / 5 + 1);
        assert!(
            emissions
                .windows(2)
                .all(|pair| pair[1].at.saturating_duration_since(pair[0].at) >= secs(5))
        );
        assert_eq!(emissions.last().and_then(address).as_deref(), Some("10.0.0.1:3600"));
    }

    #[test]
    fn a_slow_receiver_gets_the_newest_state_and_delays_are_counted() {
        let mut world = churn(secs(12));
        let emissions = world.run_until(secs(2 * 3_600)).to_vec();
        assert!(
            emissions
                .windows(2)
                .all(|pair| pair[1].at.saturating_duration_since(pair[0].at) == secs(12))
        );
        assert_eq!(emissions.last().and_then(address).as_deref(), Some("10.0.0.1:3600"));
        assert_eq!(world.manager().counters().updates_delayed, emissions.len() as u64 - 1);
    }

    #[test]
    fn the_same_script_gives_the_same_run() {
        let run = || format!("{:?}", churn(secs(7)).run_until(secs(3_600)));
        assert_eq!(run(), run());
    }
}
