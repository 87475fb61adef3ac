//! Which faults whom may meet just now.
//!
//! A window that is open covers some discoverers; a hit waits for one discoverer's next call.
//! **A discoverer without a fault pays nothing**: each call asks whether any can hit it, and no more; and while nothing
//! can hit anybody not even that, because thousands of states are in no cache.
//! The schedule also remembers since when each is clear of faults, which is from when on a rule can
//! demand that everything comes right.

use std::collections::{BTreeMap, VecDeque};

use headcount_core::Instant;

use crate::plan::Plan;
use crate::rng::{Entity, Purpose};
use crate::{BackendKind, Covered, DiscovererId, FaultFamily, FaultKind, Happening, KeyedRng, Ratio, Span};

/// What a discoverer is about to do or to receive, and a fault may hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Occasion {
    /// It asks for everything.
    Call,
    /// It asks for what changed since its last answer.
    Resume,
    /// An event of its stream arrives.
    News {
        /// Whether it says that a target is gone.
        gone: bool,
    },
    /// It is notified that there is something to be asked for.
    Notify,
}

/// The faults of all discoverers.
#[derive(Debug, Clone)]
pub(crate) struct FaultSchedule {
    states: Vec<FaultState>,
    windows: BTreeMap<u32, Window>,
    next_window: u32,
    /// Whether a hit was armed, or anybody broken, and nobody has said since that none is.
    is_armed: bool,
    /// Whether hits are drawn; else they come as inputs.
    draws: bool,
    rng: KeyedRng,
}

#[derive(Debug, Clone, Default)]
struct FaultState {
    kind: Option<BackendKind>,
    windows: Vec<u32>,
    hits: VecDeque<(FaultKind, u32)>,
    broken: bool,
    /// How often a fault could have hit.
    occasions: u64,
    /// How many of those were at `last`.
    at_once: u32,
    last: Instant,
    clear_since: Instant,
    /// The last fault whose trace only a new connection removes.
    deep_since: Option<Instant>,
    last_fault: Option<FaultKind>,
    /// Until when it can't be blamed for targets that it lost: it was started, or given less than there is.
    excused: Instant,
}

#[derive(Debug, Clone)]
struct Window {
    kind: FaultKind,
    rate: Ratio,
    until: Instant,
    fault: u16,
    covers: Vec<DiscovererId>,
    /// The replica that it is about, if it is about one.
    replica: Option<u32>,
}

/// A hit of one call or event.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SingleHit {
    /// How many others passed at the same instant.
    after: u32,
    /// Whether it was drawn just now; else it was decided before.
    pub(crate) is_drawn: bool,
}

/// A fault that takes effect.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Met {
    pub(crate) kind: FaultKind,
    /// When its window shuts; now, for a single hit.
    pub(crate) until: Instant,
    /// Set if it is a single hit, which is to be traced as an input.
    pub(crate) hit: Option<SingleHit>,
}

impl FaultSchedule {
    pub(crate) fn new(plan: &Plan, rng: KeyedRng, draws: bool) -> Self {
        let state = |kind| FaultState {
            kind: Some(kind),
            ..FaultState::default()
        };
        Self {
            states: plan
                .discoverers
                .iter()
                .map(|discoverer| state(discoverer.kind))
                .collect(),
            windows: BTreeMap::new(),
            next_window: 0,
            is_armed: false,
            draws,
            rng,
        }
    }

    /// Hits are drawn from now on, also where they came as inputs before.
    pub(crate) fn draw_hits(&mut self) {
        self.draws = true;
    }

    /// Draws from another seed from now on.
    pub(crate) fn reseed(&mut self, rng: KeyedRng) {
        self.rng = rng;
    }

    /// Whether no fault can hit this discoverer just now.
    pub(crate) fn is_clear(&self, id: DiscovererId) -> bool {
        if self.windows.is_empty() && !self.is_armed {
            return true;
        }
        let state = &self.states[id.place()];
        state.windows.is_empty() && state.hits.is_empty() && !state.broken
    }

    /// Since when no fault has touched this discoverer; the future, if one does just now.
    pub(crate) fn clear_since(&self, id: DiscovererId) -> Instant {
        self.states[id.place()].clear_since
    }

    /// When a fault last touched it whose trace only a new connection removes.
    pub(crate) fn deep_since(&self, id: DiscovererId) -> Option<Instant> {
        self.states[id.place()].deep_since
    }

    /// The fault that touched it last.
    pub(crate) fn last_fault(&self, id: DiscovererId) -> Option<FaultKind> {
        self.states[id.place()].last_fault
    }

    /// Opens a window; gives its number and whom it covers.
    pub(crate) fn open(
        &mut self,
        now: Instant,
        kind: FaultKind,
        rate: Ratio,
        until: Instant,
        fault: u16,
        covers: &Covered,
    ) -> (u32, Vec<DiscovererId>) {
        let can = |id: &DiscovererId| {
            let state = self.states.get(id.place());
            state
                .and_then(|state| state.kind)
                .is_some_and(|backend| kind.applies_to(backend))
        };
        let replica = match covers {
            Covered::Replica { replica, .. } => Some(*replica),
            Covered::Everyone | Covered::These(_) => None,
        };
        let covers: Vec<DiscovererId> = match covers {
            Covered::Everyone => (0..self.states.len() as u32).map(DiscovererId).filter(can).collect(),
            Covered::These(these) | Covered::Replica { of: these, .. } => these.iter().copied().filter(can).collect(),
        };
        let number = self.next_window;
        self.next_window += 1;
        for id in &covers {
            let state = &mut self.states[id.place()];
            state.windows.push(number);
            if rate.is_always() {
                state.touch(now.max(until), kind);
            }
        }
        let window = Window {
            kind,
            rate,
            until,
            fault,
            covers: covers.clone(),
            replica,
        };
        self.windows.insert(number, window);
        (number, covers)
    }

    /// Shuts a window; gives what it was, unless it is shut already.
    pub(crate) fn shut(&mut self, now: Instant, number: u32) -> Option<(FaultKind, u16)> {
        let window = self.windows.remove(&number)?;
        for id in &window.covers {
            let state = &mut self.states[id.place()];
            state.windows.retain(|other| *other != number);
            // The calm shuts windows before their time, unless others are open.
            if window.rate.is_always() && state.windows.is_empty() {
                state.clear_since = state.clear_since.min(now);
            }
        }
        Some((window.kind, window.fault))
    }

    /// All windows that are open.
    pub(crate) fn open_windows(&self) -> Vec<u32> {
        self.windows.keys().copied().collect()
    }

    /// Arms a hit for this discoverer's next call, after this many others at this instant.
    pub(crate) fn arm(&mut self, id: DiscovererId, kind: FaultKind, after: u32) {
        if let Some(state) = self.states.get_mut(id.place()) {
            self.is_armed = true;
            state.hits.push_back((kind, after));
        }
    }

    /// Forgets all hits that did not meet anything.
    pub(crate) fn disarm(&mut self) {
        self.states.iter_mut().for_each(|state| state.hits.clear());
        self.is_armed = self.states.iter().any(|state| state.broken);
    }

    /// Takes a discoverer's backend out of reach for ever.
    pub(crate) fn break_for_ever(&mut self, id: DiscovererId) {
        if let Some(state) = self.states.get_mut(id.place()) {
            self.is_armed = true;
            state.broken = true;
            state.clear_since = Instant::from_nanos(u64::MAX);
            state.last_fault = Some(FaultKind::Partition);
        }
    }

    /// Notes that something else than a fault kept this discoverer from its work until now.
    pub(crate) fn disturbed(&mut self, now: Instant, id: DiscovererId) {
        let state = &mut self.states[id.place()];
        state.clear_since = state.clear_since.max(now);
    }

    /// Notes that this discoverer received something wrong just now, which only a new connection
    /// mends.
    pub(crate) fn misled(&mut self, now: Instant, id: DiscovererId) {
        let state = &mut self.states[id.place()];
        state.clear_since = state.clear_since.max(now);
        state.deep_since = state.deep_since.max(Some(now));
    }

    /// Notes that it is not to be blamed for what it lost until now.
    pub(crate) fn excused(&mut self, now: Instant, id: DiscovererId) {
        let state = &mut self.states[id.place()];
        state.excused = state.excused.max(now);
    }

    /// Until when it is not to be blamed for targets that it lost.
    pub(crate) fn excused_until(&self, id: DiscovererId) -> Instant {
        self.states[id.place()].excused
    }

    /// Until when this discoverer stands still, if it does.
    pub(crate) fn paused(&self, id: DiscovererId) -> Option<Instant> {
        self.over(id)
            .filter(|window| window.kind == FaultKind::Pause && window.rate.is_always())
            .map(|window| window.until)
            .max()
    }

    /// By how many thousandths this discoverer's clock is too fast.
    pub(crate) fn skew(&self, now: Instant, id: DiscovererId) -> i16 {
        let skewed = self.over(id).filter_map(|window| match window.kind {
            FaultKind::Skew { permille } => Some(permille),
            FaultKind::Wobble { permille, each } => {
                let turns = now.as_nanos() / each.as_nanos().max(1);
                Some(if turns.is_multiple_of(2) {
                    permille
                } else {
                    permille.saturating_neg()
                })
            }
            _ => None,
        });
        skewed.last().unwrap_or(0)
    }

    /// By how much the wall's clock is wrong for this discoverer, and whether it is behind.
    pub(crate) fn wall(&self, id: DiscovererId) -> Option<(Span, bool)> {
        let wrong = self.over(id).filter_map(|window| match window.kind {
            FaultKind::WallJump { by, back } => Some((by, back)),
            _ => None,
        });
        wrong.last()
    }

    /// The windows that cover a discoverer, in the order in which they opened.
    fn over(&self, id: DiscovererId) -> impl Iterator<Item = &Window> {
        let numbers = self.states[id.place()].windows.iter();
        numbers.filter_map(|number| self.windows.get(number))
    }

    /// The fault that hits this occasion, if one does. It is this replica that answers or sends, if it is known.
    pub(crate) fn meet(
        &mut self,
        now: Instant,
        id: DiscovererId,
        occasion: Occasion,
        replica: Option<u32>,
    ) -> Option<Met> {
        if self.is_clear(id) {
            return None;
        }
        let state = &mut self.states[id.place()];
        let count = state.occasions;
        state.occasions += 1;
        state.at_once = if state.last == now { state.at_once + 1 } else { 0 };
        state.last = now;
        if state.broken {
            let until = Instant::from_nanos(u64::MAX);
            return Some(Met {
                kind: FaultKind::Partition,
                until,
                hit: None,
            });
        }
        let at_once = state.at_once;
        let armed = state
            .hits
            .iter()
            .position(|(kind, after)| *after <= at_once && occasion.meets(*kind));
        if let Some((kind, after)) = armed.and_then(|place| state.hits.remove(place)) {
            state.touch(now, kind);
            return Some(Met {
                kind,
                until: now,
                hit: Some(SingleHit { after, is_drawn: false }),
            });
        }
        let backend = state.kind?;
        for number in &state.windows {
            let Some(window) = self.windows.get(number) else {
                continue;
            };
            let is_elsewhere = window.replica.is_some() && window.replica != replica;
            if is_elsewhere || !occasion.meets(window.kind) || !window.kind.applies_to(backend) {
                continue;
            }
            if window.rate.is_always() {
                let (kind, until) = (window.kind, window.until);
                state.touch(until, kind);
                return Some(Met { kind, until, hit: None });
            }
            let who = Entity::Fault(window.fault, id.0);
            if self.draws && window.rate.hit(self.rng.draw(who, Purpose::Choice, count)) {
                let kind = window.kind;
                state.touch(now, kind);
                let hit = SingleHit {
                    after: state.at_once,
                    is_drawn: true,
                };
                return Some(Met {
                    kind,
                    until: now,
                    hit: Some(hit),
                });
            }
        }
        None
    }
}

impl FaultState {
    fn touch(&mut self, until: Instant, kind: FaultKind) {
        self.clear_since = self.clear_since.max(until);
        self.last_fault = Some(kind);
        if kind.misleads() {
            self.excused = self.excused.max(until);
        }
        if kind.leaves_a_trace() {
            self.deep_since = self.deep_since.max(Some(until));
        }
    }
}

impl Occasion {
    /// Whether a fault of this kind can show here. What lasts as a state is met where it is felt.
    fn meets(self, kind: FaultKind) -> bool {
        use FaultKind as F;
        let anything = !kind.is_state()
            && !matches!(
                kind,
                F::WatchTooOld | F::LostDelete | F::DuplicateDelete | F::LostNotify | F::Reorder
            );
        match self {
            Self::Call => anything,
            Self::Resume => {
                // A server in trouble refuses this as it refuses anything.
                matches!(
                    kind,
                    F::WatchTooOld | F::LostDelete | F::Status { .. } | F::TooManyRequests { .. }
                ) || (anything && kind.family() == FaultFamily::Network)
            }
            Self::News { gone } => match kind {
                F::LostDelete | F::DuplicateDelete => gone,
                F::Reorder => true,
                _ => matches!(
                    kind,
                    F::Delay { .. }
                        | F::Drop
                        | F::Duplicate { .. }
                        | F::Clog
                        | F::Freeze
                        | F::Partition
                        | F::OneWay
                        | F::Reset
                ),
            },
            Self::Notify => matches!(
                kind,
                F::LostNotify
                    | F::Delay { .. }
                    | F::Clog
                    | F::Freeze
                    | F::Partition
                    | F::OneWay
                    | F::LeaderLoss
                    | F::StaleRead { .. }
            ),
        }
    }
}

impl Met {
    /// The input that makes a replay meet the same.
    pub(crate) fn as_input(self, discoverer: DiscovererId) -> Option<Happening> {
        let kind = self.kind;
        self.hit.map(|SingleHit { after, .. }| Happening::Hit {
            discoverer,
            kind,
            after,
        })
    }
}
