//! What to ask Consul next: a state machine that knows no request and no answer, only that there were some.
//!
//! **Whatever happens, something will be asked again, and never without a pause**: each question has its [`Pace`],
//! a server in trouble is asked one question at a time, and a question that goes wrong by itself waits for an
//! interval.
//!
//! Two ways to learn what changes (see the mechanism's documentation for why):
//!
//! ```text
//!  few services: one blocking query each          many: three blocking queries say that something changed,
//!                                                 and a sweep asks for each service, a few at a time
//!
//!  list ──────────⌛──────────⌛───▶                list, checks, nodes ────⌛──── moved ─▶ sweep ─▶ ────⌛────▶
//!  service a ──────────⌛─────────▶
//!  service b ──────⌛─────────⌛───▶
//! ```

mod outage;
mod services;
mod signal;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use headcount_core::Instant;
use headcount_discoverer::env::Random;

use super::pace::Pace;
use outage::Outage;
use services::Services;
use signal::Signal;

/// Services that are watched by a blocking query each, at most: a sixth of the connections that a Consul agent takes
/// from one address (200), so that several entries and other programs of this machine find room, too.
pub(super) const MOST_WATCHES: usize = 32;
/// Services that a sweep asks for at the same time.
pub(super) const MOST_FETCHES: usize = 8;
/// One change can move several signals, a moment after each other.
const GATHER: Duration = Duration::from_millis(100);
/// How long after an answer of "too many" the number of watches is doubled again.
pub(super) const RECOVERY: Duration = Duration::from_secs(10 * 60);

/// What can be asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum What {
    /// The services that there are. In a sweep's place, whether any was registered, changed or removed.
    List,
    /// Whether any check changed.
    Checks,
    /// Whether any node changed.
    Nodes,
    /// The agent's datacenter.
    Agent,
    /// The instances of a service.
    Service(Arc<str>),
}

/// A question to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ask {
    pub(super) id: u64,
    pub(super) what: What,
    /// Wait until there is something newer than this; else answer at once.
    pub(super) index: Option<u64>,
    /// Whether it was never answered, or not since something went wrong: nothing is known that could show that an
    /// answer is an old one.
    pub(super) is_first: bool,
}

/// Why there was no answer that can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Nothing else will do better now: no connection, no answer, a server that fails. With the time that the
    /// server wants to be left alone, if it said so.
    Server(Option<Duration>),
    /// The same, because there were too many connections or requests.
    TooMany(Option<Duration>),
    /// This question is refused, or its answer can't be read.
    Question,
}

/// What is being asked, and what will be.
#[derive(Debug)]
pub(super) struct Plan {
    interval: Duration,
    /// Whether the list says which services there are.
    needs_list: bool,
    list: Signal,
    checks: Signal,
    nodes: Signal,
    agent: Agent,
    services: Services,
    /// Sweeps, if there are too many services to watch each.
    sweeps: Option<Pace>,
    /// What was sent and not answered.
    open: BTreeMap<u64, What>,
    last_id: u64,
    watches: usize,
    watches_grow_at: Option<Instant>,
    outage: Option<Outage>,
    /// Whether a server was found to be in trouble since everything was asked anew.
    is_in_vain: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Agent {
    NotNeeded,
    Wanted,
    Open,
}

/// What comes next.
enum Step {
    Ask(What),
    Sweep,
}

impl Plan {
    /// A plan for these services, or for those that the list will have.
    pub(super) fn new(interval: Duration, services: Option<&[String]>) -> Self {
        let mut plan = Self {
            interval,
            needs_list: services.is_none(),
            list: Signal::new(interval),
            checks: Signal::new(interval),
            nodes: Signal::new(interval),
            agent: Agent::NotNeeded,
            services: Services::new(interval),
            sweeps: None,
            open: BTreeMap::new(),
            last_id: 0,
            watches: MOST_WATCHES,
            watches_grow_at: None,
            outage: None,
            is_in_vain: false,
        };
        if let Some(services) = services {
            plan.set_services(Instant::ZERO, services.iter().map(|name| Arc::from(name.as_str())));
        }
        plan
    }

    /// What to ask now. To be called until it gives nothing.
    pub(super) fn next(&mut self, now: Instant, random: &dyn Random) -> Option<Ask> {
        loop {
            let (_, step) = self.due().filter(|(at, _)| *at <= now)?;
            match step {
                Step::Sweep => self.begin_sweep(now, random),
                Step::Ask(what) => return Some(self.ask(now, random, what)),
            }
        }
    }

    /// When [`next`](Self::next) will give something, unless an answer comes before.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.due().map(|(at, _)| at)
    }

    /// Whether the answer to a question that was sent is still wanted.
    pub(super) fn is_open(&self, id: u64) -> bool {
        self.open.contains_key(&id)
    }

    /// A question was answered; `index` is the one of the answer's header.
    pub(super) fn answered(&mut self, now: Instant, id: u64, index: Option<u64>) {
        let Some((what, was_probe)) = self.close(id) else {
            return;
        };
        self.end_outage(now, was_probe);
        if self.watches_grow_at.is_some_and(|at| at <= now) {
            self.watches = self.watches.saturating_mul(2).min(MOST_WATCHES);
            self.watches_grow_at = (self.watches < MOST_WATCHES).then(|| now + RECOVERY);
        }
        let is_swept = self.sweeps.is_some();
        match what {
            What::Agent => self.agent = Agent::NotNeeded,
            What::Service(name) => self.services.answered(&name, index, !is_swept),
            signal => self.signal(&signal).answered(now, index),
        }
        self.choose_way(now);
    }

    /// A question was not answered.
    pub(super) fn failed(&mut self, now: Instant, random: &dyn Random, id: u64, trouble: Trouble) {
        let Some((what, was_probe)) = self.close(id) else {
            return;
        };
        let retry_at = match trouble {
            Trouble::Question => {
                // The server is well, if not willing.
                self.end_outage(now, was_probe);
                now + random.between(self.interval.mul_f64(0.9), self.interval)
            }
            Trouble::Server(after) | Trouble::TooMany(after) => {
                self.begin_outage(now, random, after, was_probe);
                now
            }
        };
        match what {
            // Nobody needs it enough to ask again.
            What::Agent => self.agent = Agent::NotNeeded,
            What::Service(name) => self.services.failed(&name, retry_at),
            signal => self.signal(&signal).failed(now, retry_at),
        }
        if let Trouble::TooMany(_) = trouble {
            self.watches = (self.watches / 2).max(1);
            self.watches_grow_at = Some(now + RECOVERY);
            self.choose_way(now);
        }
    }

    /// These are the services to discover from now on.
    pub(super) fn set_services(&mut self, now: Instant, names: impl IntoIterator<Item = Arc<str>>) {
        self.services.set(now, names);
        let services = &self.services;
        let is_wanted = |what: &What| match what {
            What::Service(name) => services.contains(name),
            _ => true,
        };
        self.open.retain(|_, what| is_wanted(what));
        self.choose_way(now);
    }

    /// Everything is to be asked anew, and now: nothing waits for a change. A server in trouble is asked its one question
    /// now, unless it said when.
    pub(super) fn ask_all_anew(&mut self, now: Instant) {
        self.is_in_vain = false;
        self.open.retain(|_, what| *what == What::Agent);
        for signal in [&mut self.list, &mut self.checks, &mut self.nodes] {
            *signal = Signal::new(self.interval);
        }
        self.services.let_go();
        self.services.ask_for_all(now);
        self.services.expect_all();
        if let Some(outage) = &mut self.outage {
            outage.keep_if(|_| false);
            outage.hurry(now);
        }
    }

    /// Whether every question was answered, or went wrong by itself, since everything was asked anew; or the server is
    /// in trouble, and the others need not be waited for.
    pub(super) fn is_all_heard(&self) -> bool {
        let is_heard = self.signals().iter().all(|(_, signal)| signal.is_known) && self.services.are_heard();
        self.is_in_vain || is_heard && !self.wants_agent()
    }

    /// For how long the server wants to be left alone, if it said so.
    pub(super) fn left_alone_for(&self, now: Instant) -> Option<Duration> {
        self.outage.as_ref().and_then(|outage| outage.left_alone_for(now))
    }

    /// A node did not say its datacenter, so the agent's is wanted.
    pub(super) fn want_agent(&mut self) {
        if self.agent == Agent::NotNeeded {
            self.agent = Agent::Wanted;
        }
    }

    /// Whether the agent will be, or is being, asked.
    pub(super) fn wants_agent(&self) -> bool {
        self.agent != Agent::NotNeeded
    }

    /// The next step and when it is due: the one place that decides it, so that what is done and what is waited for
    /// can't differ.
    fn due(&self) -> Option<(Instant, Step)> {
        let mut first: Option<(Instant, Step)> = None;
        let mut consider = |at: Instant, step: Step| {
            if first.as_ref().is_none_or(|(earliest, _)| at < *earliest) {
                first = Some((at, step));
            }
        };
        let is_swept = self.sweeps.is_some();
        for (what, signal) in self.signals() {
            // One that moved has said what it can say until a sweep begins.
            let has_said_all = is_swept && signal.moved_at.is_some();
            if !signal.is_open && !has_said_all {
                consider(signal.due_at(), Step::Ask(what));
            }
        }
        if self.agent == Agent::Wanted {
            consider(Instant::ZERO, Step::Ask(What::Agent));
        }
        if let (Some(sweeps), Some(at)) = (&self.sweeps, self.moved_at()) {
            consider(sweeps.earliest().max(at + GATHER), Step::Sweep);
        }
        if let Some((at, name)) = self.services.first_waiting().filter(|_| self.has_room()) {
            consider(*at, Step::Ask(What::Service(name.clone())));
        }
        let (at, step) = first?;
        let at = self.outage.as_ref().map_or(Some(at), |outage| outage.delay(at))?;
        Some((at, step))
    }

    /// Whether a service that waits can be asked for.
    fn has_room(&self) -> bool {
        if self.sweeps.is_none() {
            return true;
        }
        // What changes while the services are asked for must not be missed, so the signals come first.
        let signals = self.signals();
        let are_known = signals.iter().all(|(_, signal)| signal.is_known);
        let open_services = self
            .open
            .len()
            .saturating_sub(signals.iter().filter(|(_, signal)| signal.is_open).count());
        are_known && open_services < self.watches.min(MOST_FETCHES)
    }

    /// When the first signal moved of which the services were not asked since.
    fn moved_at(&self) -> Option<Instant> {
        self.signals().iter().filter_map(|(_, signal)| signal.moved_at).min()
    }

    /// The questions that are not about one service and are asked again and again now.
    fn signals(&self) -> Vec<(What, &Signal)> {
        let all = [
            (What::List, &self.list, self.needs_list),
            (What::Checks, &self.checks, false),
            (What::Nodes, &self.nodes, false),
        ];
        let is_swept = self.sweeps.is_some();
        let asked = all.into_iter().filter(|(_, _, is_needed)| is_swept || *is_needed);
        asked.map(|(what, signal, _)| (what, signal)).collect()
    }

    fn signal(&mut self, what: &What) -> &mut Signal {
        match what {
            What::Checks => &mut self.checks,
            What::Nodes => &mut self.nodes,
            What::List | What::Agent | What::Service(_) => &mut self.list,
        }
    }

    fn ask(&mut self, now: Instant, random: &dyn Random, what: What) -> Ask {
        self.last_id = self.last_id.saturating_add(1);
        let id = self.last_id;
        let known = match &what {
            What::Agent => {
                self.agent = Agent::Open;
                None
            }
            What::Service(name) => self.services.ask(now, random, name),
            signal => self.signal(signal).ask(now, random),
        };
        // A sweep waits for nothing.
        let is_watched = self.sweeps.is_none() || !matches!(what, What::Service(_));
        self.open.insert(id, what.clone());
        if let Some(outage) = &mut self.outage {
            outage.ask(now, id);
        }
        Ask {
            id,
            what,
            index: known.filter(|_| is_watched),
            is_first: known.is_none(),
        }
    }

    /// Takes a question out of those that are open. With whether it was the one that a server in trouble was asked.
    fn close(&mut self, id: u64) -> Option<(What, bool)> {
        let what = self.open.remove(&id)?;
        let was_probe = self.outage.as_mut().is_some_and(|outage| outage.close(id));
        match &what {
            What::Agent => {}
            What::Service(name) => self.services.close(name),
            signal => self.signal(signal).is_open = false,
        }
        Some((what, was_probe))
    }

    /// Asks for each service once more. Those that still wait from the sweep before come first.
    fn begin_sweep(&mut self, now: Instant, random: &dyn Random) {
        if let Some(sweeps) = &mut self.sweeps {
            sweeps.take(now, random);
        }
        for signal in [&mut self.list, &mut self.checks, &mut self.nodes] {
            signal.moved_at = None;
        }
        self.services.ask_for_all(now);
    }

    /// Watches each service, or all of them together, by how many there are. The way back is taken only when there
    /// is room to spare, so that one service that comes and goes does not turn everything over.
    fn choose_way(&mut self, now: Instant) {
        let count = self.services.len();
        if self.sweeps.is_none() && count > self.watches {
            self.close_services();
            self.sweeps = Some(Pace::new(self.interval));
            // Everything is asked for now, so what moved before does not count.
            self.list.moved_at = None;
            self.services.ask_for_all(now);
        } else if self.sweeps.is_some() && count <= self.watches / 4 * 3 {
            self.sweeps = None;
            self.close_services();
            for what in [What::List, What::Checks, What::Nodes] {
                if what != What::List || !self.needs_list {
                    self.open.retain(|_, open| *open != what);
                    let interval = self.interval;
                    *self.signal(&what) = Signal::new(interval);
                }
            }
            self.services.ask_for_all(now);
        }
        // The question that should have told whether the server is well may be among those that were closed.
        if let Some(outage) = &mut self.outage {
            outage.keep_if(|probe| self.open.contains_key(&probe));
        }
    }

    /// Lets go of the services that are being asked for.
    fn close_services(&mut self) {
        self.open.retain(|_, what| !matches!(what, What::Service(_)));
        self.services.let_go();
    }

    fn end_outage(&mut self, now: Instant, was_probe: bool) {
        self.outage.take_if(|outage| was_probe || outage.is_over(now));
    }

    fn begin_outage(&mut self, now: Instant, random: &dyn Random, after: Option<Duration>, was_probe: bool) {
        self.is_in_vain = true;
        match &mut self.outage {
            // Others that were sent before it began say nothing new.
            Some(_) if !was_probe => {}
            Some(outage) => outage.goes_on(now, random, after),
            None => self.outage = Some(Outage::new(self.interval, now, random, after)),
        }
    }
}

#[cfg(test)]
mod tests;
