//! What one replica of a backend shows of one service.
//!
//! Rows are in a persistent map: an answer, a cache and a point in history are clones that cost
//! nothing, and what changed between two of them costs what changed. **A view's version moves if
//! and only if its rows do**, so whoever has seen a version knows without comparing that nothing
//! is new.

use std::collections::{BTreeSet, VecDeque};

use headcount_core::Instant;
use imbl::OrdMap;

use crate::plan::{Plan, ViewPlan};
use crate::world::truth::Row;
use crate::{DiscovererId, FaultKind, Happening, HostId, Span};

pub(crate) type Rows = OrdMap<HostId, Row>;

/// One service as one replica shows it.
#[derive(Debug, Clone, Default)]
pub(crate) struct View {
    pub(crate) version: u64,
    pub(crate) rows: Rows,
    /// Who is notified of changes.
    pub(crate) watchers: BTreeSet<DiscovererId>,
    cached: Option<(Instant, u64, Rows)>,
    /// What was shown since when, for answers from the past.
    past: VecDeque<(Instant, u64, Rows)>,
    /// How far back that has to reach.
    remembers: Span,
}

impl View {
    pub(crate) fn new(plan: &Plan, view: &ViewPlan) -> Self {
        // What a script says may hit as well as what is drawn.
        let scripted = plan.scenario.script.iter().filter_map(|input| match input.what {
            Happening::Hit { kind, .. } | Happening::Window { kind, .. } => Some(kind),
            _ => None,
        });
        let kinds = plan.scenario.faults.iter().map(|fault| fault.kind).chain(scripted);
        let backs = kinds.filter_map(|kind| match kind {
            FaultKind::BackInTime { by } | FaultKind::Disagree { by } | FaultKind::StaleRead { by }
                if kind.applies_to(view.kind) =>
            {
                Some(by)
            }
            _ => None,
        });
        Self {
            remembers: backs.max().unwrap_or(Span::ZERO),
            ..Self::default()
        }
    }

    /// Shows a host from now on; says whether that is news.
    pub(crate) fn show(&mut self, now: Instant, host: HostId, row: Option<Row>) -> bool {
        if self.rows.get(&host).copied() == row {
            return false;
        }
        if !self.remembers.is_zero() {
            let horizon = now.as_nanos().saturating_sub(self.remembers.as_nanos());
            while self.past.get(1).is_some_and(|(since, ..)| since.as_nanos() <= horizon) {
                self.past.pop_front();
            }
        }
        match row {
            Some(row) => self.rows.insert(host, row),
            None => self.rows.remove(&host).map(Some).unwrap_or_default(),
        };
        self.version += 1;
        if !self.remembers.is_zero() {
            self.past.push_back((now, self.version, self.rows.clone()));
        }
        true
    }

    /// What it answers now: what it shows, or what it did when its cache was filled.
    pub(crate) fn answer(&mut self, now: Instant, cache: Span) -> (u64, &Rows) {
        if cache.is_zero() {
            return (self.version, &self.rows);
        }
        let shown = || (now, self.version, self.rows.clone());
        self.cached.take_if(|(since, ..)| *since + cache.into() <= now);
        let (_, version, rows) = self.cached.get_or_insert_with(shown);
        (*version, rows)
    }

    /// What it showed then, as of which version; or the earliest that it remembers.
    pub(crate) fn as_of(&self, then: Instant) -> (u64, Rows) {
        let shown = self.past.iter().rev().find(|(since, ..)| *since <= then);
        match shown.or_else(|| self.past.front()) {
            Some((_, version, rows)) => (*version, rows.clone()),
            None => (self.version, self.rows.clone()),
        }
    }
}
