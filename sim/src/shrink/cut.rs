//! Cutting, step by step, for as long as the same goes wrong.

use core::cell::Cell;

use super::ShrinkLimits;
use super::mend::mended;
use super::tree::Tree;
use crate::{Hosts, Ratio, Scenario, Span, SpanRange, Violation};

/// What goes wrong in a scenario up to this time, within so many events, if it is the same; and how many there were.
pub(super) type Fails<'a> = dyn Fn(&Scenario, Span, u64) -> (Option<Violation>, u64) + 'a;

/// How a scenario is tried, and how much that took so far.
pub(super) struct Trial<'a> {
    pub(super) fails: &'a Fails<'a>,
    /// Whether another may be tried.
    pub(super) watch: &'a dyn Fn(u64) -> bool,
    pub(super) limits: ShrinkLimits,
    pub(super) runs: Cell<u64>,
    pub(super) events: Cell<u64>,
}

impl Trial<'_> {
    /// What goes wrong, if it is the same, however much happens until then.
    pub(super) fn begin(&self, scenario: Scenario, at: Span) -> Option<Failed> {
        self.try_within(scenario, at, u64::MAX)
    }

    /// What goes wrong, if it is what went wrong in another run, or not much later, and not after much more: who would
    /// have to be waited for is not simpler.
    fn run(&self, scenario: Scenario, other: &Failed) -> Option<Failed> {
        let left = self.limits.events.saturating_sub(self.events.get());
        let most = other.events.saturating_add(other.events / 2).saturating_add(A_FEW);
        self.try_within(scenario, other.violation.at, most.min(left))
    }

    fn try_within(&self, scenario: Scenario, at: Span, events: u64) -> Option<Failed> {
        let within = at.plus(Span::from_nanos(at.as_nanos() / 2)).plus(A_WHILE);
        let (violation, events) = (self.fails)(&scenario, within, events);
        self.runs.set(self.runs.get() + 1);
        self.events.set(self.events.get().saturating_add(events));
        violation.map(|violation| Failed {
            scenario,
            violation,
            events,
        })
    }

    /// Whether so many runs, and as many events as there may be, were enough.
    fn is_over(&self, runs: u64) -> bool {
        self.runs.get() >= runs || self.events.get() >= self.limits.events || !(self.watch)(self.runs.get())
    }
}

/// What fails early may fail so much later when it is simpler…
const A_WHILE: Span = Span::secs(30);
/// …and after so many more events.
const A_FEW: u64 = 10_000;

/// A scenario in which the same goes wrong.
pub(super) struct Failed {
    pub(super) scenario: Scenario,
    pub(super) violation: Violation,
    /// After so many events.
    pub(super) events: u64,
}

/// Cuts at a scenario that fails.
pub(super) struct Cutter<'a> {
    trial: &'a Trial<'a>,
    best: Failed,
    /// After so many runs it is over.
    limit: u64,
    is_over: bool,
}

impl<'a> Cutter<'a> {
    pub(super) fn new(trial: &'a Trial<'a>, failed: Failed, limit: u64) -> Self {
        Self {
            trial,
            best: failed,
            limit,
            is_over: false,
        }
    }

    /// Cuts until nothing more can be cut.
    pub(super) fn cut(mut self) -> Failed {
        self.shorten();
        loop {
            let before = self.best.scenario.clone();
            self.have_fewer_hosts();
            self.thin_script();
            self.leave_out();
            self.simplify();
            if self.best.scenario == before || self.is_over {
                self.end_as_ever();
                return self.best;
            }
        }
    }

    /// Leaves out what the scenario says, and cuts at nothing else: what is drawn stays as it is, but for what comes
    /// later.
    pub(super) fn cut_entries(mut self) -> Failed {
        self.shorten();
        self.have_fewer_hosts();
        self.leave_out();
        self.end_as_ever();
        self.best
    }

    /// Takes a smaller scenario if it fails in the same way. What makes no sense in it any more is left out with the
    /// rest.
    fn try_out(&mut self, scenario: Scenario) -> bool {
        if self.is_over || scenario == self.best.scenario || scenario.hosts.count > self.best.scenario.hosts.count {
            return false;
        }
        let Some(scenario) = mended(scenario).filter(|scenario| *scenario != self.best.scenario) else {
            return false;
        };
        if self.trial.is_over(self.limit) {
            self.is_over = true;
            return false;
        }
        let failed = self.trial.run(scenario, &self.best);
        failed.map(|failed| self.best = failed).is_some()
    }

    fn try_tree(&mut self, tree: &Tree) -> bool {
        tree.read().is_some_and(|scenario| self.try_out(scenario))
    }

    /// The same, if nothing in it makes no sense.
    fn try_value(&mut self, tree: &Tree) -> bool {
        let scenario: Option<Scenario> = tree.read();
        scenario.is_some_and(|scenario| scenario.check().is_ok() && self.try_out(scenario))
    }

    /// Ends the run where the rule is broken, or as soon after it as sounds round; without a calm, if it can.
    fn shorten(&mut self) {
        let calm = self.best.scenario.calm;
        let at = self.best.violation.at;
        let mut ends = vec![(at, Span::ZERO), (at, calm), (at.plus(calm), calm)];
        ends.dedup();
        for (end, calm) in ends {
            let candidates = rounder(end).into_iter().map(|until| Scenario {
                until,
                calm,
                heal: match calm.is_zero() {
                    true => Ratio::ALWAYS,
                    false => self.best.scenario.heal,
                },
                ..self.best.scenario.clone()
            });
            let shorter: Vec<_> = candidates
                .filter(|other| other.until < self.best.scenario.until)
                .collect();
            if shorter.into_iter().any(|scenario| self.try_out(scenario)) {
                return;
            }
        }
    }

    /// Leaves it open when the run ends, once nothing else can be left out: it ends where the rule is broken anyway.
    fn end_as_ever(&mut self) {
        let scenario = Scenario {
            until: Scenario::default().until,
            ..self.best.scenario.clone()
        };
        self.try_out(scenario);
    }

    /// Makes the fleet small, in one service and in one zone.
    fn have_fewer_hosts(&mut self) {
        let count = self.best.scenario.hosts.count;
        let mut fewer = vec![1, 2, 3, 5, count / 4, count / 2, count.saturating_sub(1)];
        fewer.retain(|other| (1..count).contains(other));
        fewer.dedup();
        fewer
            .into_iter()
            .any(|count| self.try_out(self.best.scenario.clone().with_hosts(count)));
        for alike in [Hosts::services, Hosts::zones] {
            let mut scenario = self.best.scenario.clone();
            scenario.hosts = alike(scenario.hosts, 1);
            self.try_out(scenario);
        }
    }

    /// Leaves inputs out: halves, quarters, …, single ones.
    fn thin_script(&mut self) {
        let mut size = self.best.scenario.script.len();
        while size > 0 {
            let mut start = 0;
            while start < self.best.scenario.script.len() {
                let mut scenario = self.best.scenario.clone();
                let end = (start + size).min(scenario.script.len());
                scenario.script.drain(start..end);
                if !self.try_out(scenario) {
                    start = end;
                }
            }
            size /= 2;
        }
    }

    /// Leaves entries and fields out, the large ones first.
    fn leave_out(&mut self) {
        let mut place = 0;
        while let Some(tree) = Tree::of(&self.best.scenario)
            && let Some(path) = tree.paths().get(place)
        {
            if tree.is_frozen(path) || tree.is_end(path) || !self.try_tree(&tree.without(path)) {
                place += 1;
            }
        }
    }

    /// Makes numbers small, and spans short and round. Nothing is left out for a value that makes no sense: what it is
    /// of could go by itself.
    fn simplify(&mut self) {
        let mut place = 0;
        // What is as ever by now is not written, so where things stand changes.
        while let Some(tree) = Tree::of(&self.best.scenario)
            && let Some(path) = tree.paths().get(place)
        {
            if !tree.is_frozen(path) {
                let simpler = tree.at(path).map(simpler).unwrap_or_default();
                simpler.into_iter().any(|value| self.try_value(&tree.with(path, value)));
            }
            place += 1;
        }
    }
}

/// What could stand in a value's place, the simplest first.
fn simpler(value: &Tree) -> Vec<Tree> {
    match value {
        Tree::Number(number) => {
            let number = *number;
            let mut smaller: Vec<i128> = [0, 1, 2, 3, number / 4, number / 2, number - 1]
                .into_iter()
                .filter(|other| *other < number && *other >= 0)
                .collect();
            smaller.dedup();
            smaller.into_iter().map(Tree::Number).collect()
        }
        Tree::Text(text) => {
            let words = |span: Span| Tree::Text(span.to_string());
            match (text.parse::<Span>(), text.parse::<SpanRange>()) {
                (Ok(span), _) => spans(span).into_iter().map(words).collect(),
                (Err(_), Ok(range)) => [range.low(), range.high()].map(words).into(),
                (Err(_), Err(_)) => Vec::new(),
            }
        }
        _ => Vec::new(),
    }
}

/// Spans that are simpler than this one: none at all, and rounder ones.
fn spans(span: Span) -> Vec<Span> {
    let mut found: Vec<Span> = core::iter::once(Span::ZERO).chain(rounder(span)).collect();
    found.retain(|other| other.to_string().len() < span.to_string().len() || *other < span);
    found
}

/// The next whole minutes, seconds and so on, before and after, the roundest first.
fn rounder(span: Span) -> Vec<Span> {
    let units = [
        Span::hours(1),
        Span::mins(10),
        Span::mins(1),
        Span::secs(10),
        Span::secs(1),
        Span::millis(100),
        Span::millis(1),
    ];
    let mut found = Vec::new();
    for unit in units {
        let whole = span.as_nanos() / unit.as_nanos();
        let (before, after) = (unit.times(whole), unit.times(whole + 1));
        // What is up to half as long again counts as round, so that little time is added.
        if after.as_nanos() <= span.as_nanos() / 2 * 3 {
            found.push(after);
        }
        if whole > 0 {
            found.push(before);
        }
    }
    found.push(span);
    found
}
