//! Which faults whom may meet just now.
//!
//! A window that is open covers some discoverers; a hit waits for one discoverer's next call.
//! **A discoverer under a clear sky pays nothing**: it is asked of each call whether its sky is
//! clear, and of no more. The weather also remembers since when each sky is clear, which is from
//! when on a rule can demand that everything comes right.

use std::collections::{BTreeMap, VecDeque};

use headcount_core::Instant;

use crate::dice::{Entity, Purpose};
use crate::plan::Plan;
use crate::{BackendKind, Covered, Dice, DiscovererId, FaultFamily, FaultKind, Happening, Ratio, Span};

/// What a discoverer is about to do or to be told, and a fault may hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Occasion {
    /// It asks for everything.
    Call,
    /// It asks for what changed since it last heard.
    Resume,
    /// An event of its stream arrives.
    News {
        /// Whether it says that a target is gone.
        gone: bool,
    },
    /// It is told that there is something to be asked for.
    Notify,
}

/// The weather over all discoverers.
#[derive(Debug, Clone)]
pub(crate) struct Weather {
    skies: Vec<Sky>,
    windows: BTreeMap<u32, Window>,
    next_window: u32,
    /// Whether hits are drawn; else they come as inputs.
    draws: bool,
    dice: Dice,
}

#[derive(Debug, Clone, Default)]
struct Sky {
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
}

#[derive(Debug, Clone)]
struct Window {
    kind: FaultKind,
    rate: Ratio,
    until: Instant,
    fault: u16,
    covers: Vec<DiscovererId>,
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
    /// Set if it is a single hit, which is to be told as an input.
    pub(crate) hit: Option<SingleHit>,
}

impl Weather {
    pub(crate) fn new(plan: &Plan, dice: Dice, draws: bool) -> Self {
        let sky = |kind| Sky {
            kind: Some(kind),
            ..Sky::default()
        };
        Self {
            skies: plan.discoverers.iter().map(|discoverer| sky(discoverer.kind)).collect(),
            windows: BTreeMap::new(),
            next_window: 0,
            draws,
            dice,
        }
    }

    /// Whether no fault can hit this discoverer just now.
    pub(crate) fn is_clear(&self, id: DiscovererId) -> bool {
        let sky = &self.skies[id.place()];
        sky.windows.is_empty() && sky.hits.is_empty() && !sky.broken
    }

    /// Since when no fault has touched this discoverer; the future, if one does just now.
    pub(crate) fn clear_since(&self, id: DiscovererId) -> Instant {
        self.skies[id.place()].clear_since
    }

    /// When a fault last touched it whose trace only a new connection removes.
    pub(crate) fn deep_since(&self, id: DiscovererId) -> Option<Instant> {
        self.skies[id.place()].deep_since
    }

    /// The fault that touched it last.
    pub(crate) fn last_fault(&self, id: DiscovererId) -> Option<FaultKind> {
        self.skies[id.place()].last_fault
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
            let sky = self.skies.get(id.place());
            sky.and_then(|sky| sky.kind)
                .is_some_and(|backend| kind.applies_to(backend))
        };
        let covers: Vec<DiscovererId> = match covers {
            Covered::Everyone => (0..self.skies.len() as u32).map(DiscovererId).filter(can).collect(),
            Covered::These(these) => these.iter().copied().filter(can).collect(),
        };
        let number = self.next_window;
        self.next_window += 1;
        for id in &covers {
            let sky = &mut self.skies[id.place()];
            sky.windows.push(number);
            if rate.is_always() {
                sky.touch(now.max(until), kind);
            }
        }
        let window = Window {
            kind,
            rate,
            until,
            fault,
            covers: covers.clone(),
        };
        self.windows.insert(number, window);
        (number, covers)
    }

    /// Shuts a window; gives what it was, unless it is shut already.
    pub(crate) fn shut(&mut self, now: Instant, number: u32) -> Option<(FaultKind, u16)> {
        let window = self.windows.remove(&number)?;
        for id in &window.covers {
            let sky = &mut self.skies[id.place()];
            sky.windows.retain(|other| *other != number);
            // The calm shuts windows before their time, unless others are open.
            if window.rate.is_always() && sky.windows.is_empty() {
                sky.clear_since = sky.clear_since.min(now);
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
        if let Some(sky) = self.skies.get_mut(id.place()) {
            sky.hits.push_back((kind, after));
        }
    }

    /// Forgets all hits that did not meet anything.
    pub(crate) fn disarm(&mut self) {
        self.skies.iter_mut().for_each(|sky| sky.hits.clear());
    }

    /// Takes a discoverer's backend out of reach for ever.
    pub(crate) fn break_for_ever(&mut self, id: DiscovererId) {
        if let Some(sky) = self.skies.get_mut(id.place()) {
            sky.broken = true;
            sky.clear_since = Instant::from_nanos(u64::MAX);
            sky.last_fault = Some(FaultKind::Partition);
        }
    }

    /// Notes that something else than a fault kept this discoverer from its work until now.
    pub(crate) fn disturbed(&mut self, now: Instant, id: DiscovererId) {
        let sky = &mut self.skies[id.place()];
        sky.clear_since = sky.clear_since.max(now);
    }

    /// Notes that this discoverer was told something wrong just now, which only a new connection
    /// mends.
    pub(crate) fn misled(&mut self, now: Instant, id: DiscovererId) {
        let sky = &mut self.skies[id.place()];
        sky.clear_since = sky.clear_since.max(now);
        sky.deep_since = sky.deep_since.max(Some(now));
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
        let numbers = self.skies[id.place()].windows.iter();
        numbers.filter_map(|number| self.windows.get(number))
    }

    /// The fault that hits this occasion, if one does.
    pub(crate) fn meet(&mut self, now: Instant, id: DiscovererId, occasion: Occasion) -> Option<Met> {
        if self.is_clear(id) {
            return None;
        }
        let sky = &mut self.skies[id.place()];
        let count = sky.occasions;
        sky.occasions += 1;
        sky.at_once = if sky.last == now { sky.at_once + 1 } else { 0 };
        sky.last = now;
        if sky.broken {
            let until = Instant::from_nanos(u64::MAX);
            return Some(Met {
                kind: FaultKind::Partition,
                until,
                hit: None,
            });
        }
        let at_once = sky.at_once;
        let armed = sky
            .hits
            .iter()
            .position(|(kind, after)| *after <= at_once && occasion.meets(*kind));
        if let Some((kind, after)) = armed.and_then(|place| sky.hits.remove(place)) {
            sky.touch(now, kind);
            return Some(Met {
                kind,
                until: now,
                hit: Some(SingleHit { after, is_drawn: false }),
            });
        }
        let backend = sky.kind?;
        for number in &sky.windows {
            let Some(window) = self.windows.get(number) else {
                continue;
            };
            if !occasion.meets(window.kind) || !window.kind.applies_to(backend) {
                continue;
            }
            if window.rate.is_always() {
                let (kind, until) = (window.kind, window.until);
                sky.touch(until, kind);
                return Some(Met { kind, until, hit: None });
            }
            let who = Entity::Fault(window.fault, id.0);
            if self.draws && window.rate.hit(self.dice.draw(who, Purpose::Choice, count)) {
                let kind = window.kind;
                sky.touch(now, kind);
                let hit = SingleHit {
                    after: sky.at_once,
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

impl Sky {
    fn touch(&mut self, until: Instant, kind: FaultKind) {
        self.clear_since = self.clear_since.max(until);
        self.last_fault = Some(kind);
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
                matches!(kind, F::WatchTooOld | F::LostDelete) || (anything && kind.family() == FaultFamily::Network)
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
                F::LostNotify | F::Delay { .. } | F::Clog | F::Freeze | F::Partition | F::OneWay
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
