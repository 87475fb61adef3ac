//! Where inputs come from: drawn while the run goes on, or read from a log.
//!
//! **Whatever is decided passes through here as an [`Input`]** (or is a hit that the schedule
//! of faults draws when a call is made), so a run whose inputs were recorded can be run again without
//! drawing them.

mod churn;
mod faults;
mod process;

use core::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::Arc;

use headcount_core::Instant;

use crate::plan::Plan;
use crate::rng::{Entity, Purpose};
use crate::world::truth::Truth;
use crate::{DiscovererId, Happening, HostId, Input, KeyedRng, Looks, Ratio, Span};

/// Where inputs come from.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// Drawn from the scenario's seed.
    Drawn(Box<Drawer>),
    /// A list, by time.
    Log(VecDeque<Input>),
    /// A list, and who would draw the same goes along.
    Followed(Box<Followed>),
}

/// A list of inputs with a drawer that goes along: what it draws counts for nothing, but it knows what has begun by then and
/// how that would go on.
#[derive(Debug, Clone)]
pub(crate) struct Followed {
    inputs: VecDeque<Input>,
    drawer: Drawer,
}

impl Followed {
    fn next(&mut self, now: Instant, truth: &Truth) -> Option<Input> {
        let is_due = |input: &&Input| input.at.moment() <= now;
        let next = self.inputs.front().filter(is_due);
        if next.is_some_and(|input| matches!(input.what, Happening::Hit { .. })) {
            return self.inputs.pop_front();
        }
        while let Some(drawn) = self.drawer.next(now, truth) {
            // One after the other, so that it sees what came of the one before.
            let next = self.inputs.front().filter(is_due);
            if next.is_some_and(|input| input.what == drawn) {
                return self.inputs.pop_front();
            }
        }
        self.inputs.front().filter(is_due)?;
        self.inputs.pop_front()
    }
}

impl Source {
    pub(crate) fn drawn(plan: &Arc<Plan>, rng: KeyedRng) -> Self {
        Self::Drawn(Box::new(Drawer::new(plan, rng)))
    }

    /// Inputs of one instant keep their order, but for hits, which come first.
    pub(crate) fn log(mut inputs: Vec<Input>) -> Self {
        inputs.sort_by_key(Input::order);
        Self::Log(inputs.into())
    }

    /// The same, and who would draw them goes along.
    pub(crate) fn followed(plan: &Arc<Plan>, rng: KeyedRng, mut inputs: Vec<Input>) -> Self {
        inputs.sort_by_key(Input::order);
        Self::Followed(Box::new(Followed {
            inputs: inputs.into(),
            drawer: Drawer::new(plan, rng),
        }))
    }

    /// From now on, all is drawn from this seed. What has begun goes on.
    pub(crate) fn turn(&mut self, now: Instant, seed: u64) {
        let drawer = match self {
            Self::Drawn(drawer) => Some(drawer.as_ref().clone()),
            Self::Followed(followed) => Some(followed.drawer.clone()),
            Self::Log(_) => None,
        };
        if let Some(mut drawer) = drawer {
            drawer.turn(now, seed);
            *self = Self::Drawn(Box::new(drawer));
        }
    }

    /// When the next input takes effect.
    pub(crate) fn next_at(&self) -> Option<Instant> {
        match self {
            Self::Followed(followed) => {
                let listed = followed.inputs.front().map(|input| input.at.moment());
                listed.into_iter().chain(followed.drawer.next_at()).min()
            }
            Self::Drawn(drawer) => drawer.next_at(),
            Self::Log(inputs) => inputs.front().map(|input| input.at.moment()),
        }
    }

    /// The next input that takes effect now or before.
    pub(crate) fn next(&mut self, now: Instant, truth: &Truth) -> Option<Input> {
        match self {
            Self::Followed(followed) => followed.next(now, truth),
            Self::Drawn(drawer) => {
                let what = drawer.next(now, truth)?;
                let at = Span::since_start(now);
                Some(Input { at, what })
            }
            Self::Log(inputs) => {
                let due = inputs.front().is_some_and(|input| input.at.moment() <= now);
                if due { inputs.pop_front() } else { None }
            }
        }
    }
}

/// The fleet as it is at the start.
pub(crate) fn at_start(plan: &Plan) -> impl Iterator<Item = (HostId, Looks)> + use<'_> {
    let hosts = &plan.scenario.hosts;
    (0..hosts.count).map(|number| (HostId(number), hosts.looks(number)))
}

/// Draws decisions, each by a name of its own: a host's for an entry of the scenario's churn, a
/// discoverer's for an entry of its faults.
#[derive(Debug, Clone)]
pub(crate) struct Drawer {
    plan: Arc<Plan>,
    rng: KeyedRng,
    /// What hosts are by nature is drawn by these, and stays.
    natures: KeyedRng,
    agenda: BinaryHeap<Reverse<(Instant, Task)>>,
    /// Decisions of this instant that were drawn and not yet taken.
    drawn: VecDeque<Happening>,
}

/// Something to be drawn at its time. The number counts how often that was done before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Task {
    Churn {
        entry: u16,
        host: HostId,
        step: u32,
    },
    Window {
        entry: u16,
        whose: Option<DiscovererId>,
        step: u32,
    },
    Process {
        entry: u16,
        step: u32,
    },
    Script {
        place: u32,
    },
    Calm,
    Reseed,
}

impl Drawer {
    fn new(plan: &Arc<Plan>, rng: KeyedRng) -> Self {
        let mut drawer = Self {
            plan: plan.clone(),
            rng,
            natures: rng,
            agenda: BinaryHeap::new(),
            drawn: VecDeque::new(),
        };
        drawer.plan_churn();
        drawer.plan_faults();
        drawer.plan_process();
        for (place, input) in (0..).zip(&plan.scenario.script) {
            drawer.agenda.push(Reverse((input.at.moment(), Task::Script { place })));
        }
        if !plan.scenario.calm.is_zero() {
            drawer
                .agenda
                .push(Reverse((plan.scenario.storm_ends().moment(), Task::Calm)));
        }
        drawer
    }

    fn next_at(&self) -> Option<Instant> {
        self.agenda.peek().map(|Reverse((at, _))| *at)
    }

    fn next(&mut self, now: Instant, truth: &Truth) -> Option<Happening> {
        // At most instants nothing is decided.
        if self.drawn.is_empty() && self.next_at().is_none_or(|at| at > now) {
            return None;
        }
        loop {
            if let Some(happening) = self.drawn.pop_front() {
                return Some(happening);
            }
            let Reverse((at, task)) = self.agenda.peek().copied()?;
            if at > now {
                return None;
            }
            self.agenda.pop();
            match task {
                Task::Churn { entry, host, step } => self.draw_churn(at, entry, host, step, truth),
                Task::Window { entry, whose, step } => self.draw_window(at, entry, whose, step),
                Task::Process { entry, step } => self.draw_process(at, entry, step),
                Task::Script { place } => {
                    let scripted = self.plan.scenario.script.get(place as usize);
                    self.drawn.extend(scripted.map(|input| input.what.clone()));
                }
                Task::Reseed => {
                    let seed = self.rng.seed();
                    self.drawn.push_back(Happening::Reseed { seed });
                }
                Task::Calm => {
                    let broken = self.stay_broken();
                    self.drawn.push_back(Happening::Calm { broken });
                }
            }
        }
    }

    /// Draws from this seed from now on, and says so at once.
    fn turn(&mut self, now: Instant, seed: u64) {
        self.rng = KeyedRng::new(seed);
        let soon = now + Span::from_nanos(1).into();
        self.agenda.push(Reverse((soon, Task::Reseed)));
    }

    /// Plans something, unless the storm is over by then.
    fn plan_at(&mut self, at: Instant, task: Task) {
        if at < self.plan.scenario.storm_ends().moment() {
            self.agenda.push(Reverse((at, task)));
        }
    }

    fn chosen(&self, who: Entity, share: Ratio) -> bool {
        share.is_always() || share.hit(self.rng.draw(who, Purpose::Choice, 0))
    }

    /// The time until something that happens each `mean` on average happens for the `count`th
    /// time: anything up to twice that. The first time comes as if it had been going on for ever.
    fn gap(&self, who: Entity, count: u32, mean: Span) -> Span {
        let nanos = mean.as_nanos().saturating_mul(2);
        let draw = |count: u64| self.rng.between(who, Purpose::Gap, count, 1, nanos);
        Span::from_nanos(if count == 0 {
            draw(0).min(draw(1))
        } else {
            draw(u64::from(count) + 1)
        })
    }
}
