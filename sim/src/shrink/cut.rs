//! Cutting, step by step, for as long as the same goes wrong.

use core::cell::Cell;

use super::Shrunk;
use super::tree::{Path, Tree};
use crate::{Scenario, Span, SpanRange, Violation};

/// How a scenario is tried, and how many there were.
pub(super) struct Trial<'a> {
    /// What goes wrong, if it is the same.
    pub(super) fails: &'a dyn Fn(&Scenario) -> Option<Violation>,
    /// Whether another may be tried.
    pub(super) watch: &'a dyn Fn(u64) -> bool,
    pub(super) runs: Cell<u64>,
}

impl Trial<'_> {
    pub(super) fn run(&self, scenario: &Scenario) -> Option<Violation> {
        self.runs.set(self.runs.get() + 1);
        (self.fails)(scenario)
    }
}

/// Cuts at a scenario that fails.
pub(super) struct Cutter<'a> {
    trial: &'a Trial<'a>,
    best: Shrunk,
    limit: u64,
    is_over: bool,
}

impl<'a> Cutter<'a> {
    pub(super) fn new(trial: &'a Trial<'a>, scenario: Scenario, violation: Violation, limit: u64) -> Self {
        let best = Shrunk {
            scenario,
            violation,
            runs: 0,
        };
        Self {
            trial,
            best,
            limit,
            is_over: false,
        }
    }

    /// Cuts until nothing more can be cut.
    pub(super) fn cut(mut self) -> Shrunk {
        loop {
            let before = self.best.scenario.clone();
            self.shorten();
            self.thin_script();
            self.leave_out();
            self.simplify();
            if self.best.scenario == before || self.is_over {
                return self.best;
            }
        }
    }

    /// Leaves out what the scenario says, and cuts at nothing else: what is drawn stays as it is.
    pub(super) fn cut_entries(mut self) -> Shrunk {
        self.leave_out();
        self.best
    }

    /// Takes a smaller scenario if it fails in the same way.
    fn try_out(&mut self, scenario: Scenario) -> bool {
        if self.is_over || scenario == self.best.scenario || scenario.check().is_err() {
            return false;
        }
        let runs = self.trial.runs.get();
        if runs >= self.limit || !(self.trial.watch)(runs) {
            self.is_over = true;
            return false;
        }
        match self.trial.run(&scenario) {
            Some(violation) => {
                self.best.scenario = scenario;
                self.best.violation = violation;
                true
            }
            None => false,
        }
    }

    fn try_tree(&mut self, tree: &Tree) -> bool {
        tree.read().is_some_and(|scenario| self.try_out(scenario))
    }

    /// Ends the run where the rule is broken, or as soon after it as sounds round.
    fn shorten(&mut self) {
        let scenario = &self.best.scenario;
        let at = self.best.violation.at;
        for end in [at, at.plus(scenario.calm)] {
            let candidates = rounder(end).into_iter().map(|until| Scenario {
                until,
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
            if tree.is_frozen(path) || !self.try_tree(&tree.without(path)) {
                place += 1;
            }
        }
    }

    /// Makes numbers small, and spans short and round.
    fn simplify(&mut self) {
        let Some(tree) = Tree::of(&self.best.scenario) else {
            return;
        };
        for path in tree.paths() {
            if tree.is_frozen(&path) {
                continue;
            }
            for value in self.simpler(&path) {
                let Some(tree) = Tree::of(&self.best.scenario) else {
                    return;
                };
                if self.try_tree(&tree.with(&path, value)) {
                    break;
                }
            }
        }
    }

    /// What could stand in a value's place, the simplest first.
    fn simpler(&self, path: &Path) -> Vec<Tree> {
        let tree = Tree::of(&self.best.scenario);
        match tree.as_ref().and_then(|tree| tree.at(path)) {
            Some(Tree::Number(number)) => {
                let number = *number;
                let mut smaller: Vec<i128> = [0, 1, 2, 3, number / 4, number / 2, number - 1]
                    .into_iter()
                    .filter(|other| *other < number && *other >= 0)
                    .collect();
                smaller.dedup();
                smaller.into_iter().map(Tree::Number).collect()
            }
            Some(Tree::Text(text)) => match text.parse::<Span>() {
                Ok(span) => spans(span)
                    .into_iter()
                    .map(|span| Tree::Text(span.to_string()))
                    .collect(),
                Err(_) => text
                    .parse::<SpanRange>()
                    .map(|range| {
                        [range.low(), range.high()]
                            .map(|span| Tree::Text(span.to_string()))
                            .into()
                    })
                    .unwrap_or_default(),
            },
            _ => Vec::new(),
        }
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
