//! From rows to groups: only those whose hosts changed are made anew.

use std::collections::{BTreeMap, BTreeSet};

use headcount_core::{Group, Update};
use imbl::ordmap::DiffItem;

use super::discoverer::Discoverer;
use crate::plan::DiscovererPlan;
use crate::world::render::{is_per_object, source_name, source_of};
use crate::world::truth::Row;
use crate::world::view::Rows;
use crate::{BackendKind, HostId, Sources};

impl Discoverer {
    /// Takes everything there is, and reports it in a full update (S05).
    pub(crate) fn take_all(&mut self, plan: &DiscovererPlan, rows: Rows) -> Update {
        self.take(plan, rows);
        Update::full(self.groups.values().map(|(group, _)| group.clone()).collect())
    }

    /// Takes what changed, and reports it in a delta (S04).
    pub(crate) fn take_changes(&mut self, plan: &DiscovererPlan, rows: Rows) -> Update {
        let touched = self.take(plan, rows);
        self.delta(plan, touched)
    }

    /// Takes one host, and reports it in a delta.
    pub(crate) fn take_one(&mut self, plan: &DiscovererPlan, host: HostId, row: Option<Row>) -> Update {
        let mut rows = self.held.clone();
        match row {
            Some(row) => rows.insert(host, row),
            None => rows.remove(&host),
        };
        let mut touched = self.take(plan, rows);
        if touched.is_empty() && row.is_none() && is_per_object(plan.kind) {
            // Gone already, and reported once more.
            touched.insert(host.0);
        }
        self.delta(plan, touched)
    }

    fn delta(&self, plan: &DiscovererPlan, touched: BTreeSet<u32>) -> Update {
        let group = |source: u32| match self.groups.get(&source) {
            Some((group, _)) => group.clone(),
            None => Group::empty(&source_name(plan.kind, plan.service, source)),
        };
        Update::delta(touched.into_iter().map(group).collect())
    }

    /// Holds `rows` from now on; gives the sources whose groups are others than before.
    fn take(&mut self, plan: &DiscovererPlan, rows: Rows) -> BTreeSet<u32> {
        let is_numbered = plan.sources != Sources::Named;
        let touched = if is_numbered {
            self.take_numbered(plan, rows)
        } else {
            let touched = touched(plan.kind, &self.held, &rows);
            self.held = rows;
            touched
        };
        let mut members: BTreeMap<u32, Vec<(HostId, Row)>> = BTreeMap::new();
        if is_numbered {
            for source in &touched {
                members.insert(*source, self.numbered(*source).into_iter().collect());
            }
        } else if is_per_object(plan.kind) {
            for source in &touched {
                let host = HostId(*source);
                let held = self.held.get(&host).map(|row| (host, *row));
                members.insert(*source, held.into_iter().collect());
            }
        } else if !touched.is_empty() {
            for (host, row) in &self.held {
                let source = source_of(plan.kind, *host, row);
                if touched.contains(&source) {
                    members.entry(source).or_default().push((*host, *row));
                }
            }
        }
        for source in &touched {
            let before = match members.remove(source).filter(|rows| !rows.is_empty()) {
                Some(rows) => {
                    let rows = rows.iter().map(|(host, row)| (host, row));
                    let (group, bytes) = self.encoder.group(plan.kind, plan.service, *source, rows);
                    self.bytes += bytes;
                    self.groups.insert(*source, (group, bytes))
                }
                None => self.groups.remove(source),
            };
            self.bytes -= before.map_or(0, |(_, bytes)| bytes);
        }
        touched
    }
}

/// The sources whose groups differ between two sets of rows.
fn touched(kind: BackendKind, old: &Rows, new: &Rows) -> BTreeSet<u32> {
    let mut touched = BTreeSet::new();
    let mut touch = |host: &HostId, row: &Row| {
        touched.insert(source_of(kind, *host, row));
    };
    for item in old.diff(new) {
        match item {
            DiffItem::Add(host, row) | DiffItem::Remove(host, row) => touch(host, row),
            DiffItem::Update {
                old: (host, old),
                new: (_, new),
            } => {
                touch(host, old);
                touch(host, new);
            }
        }
    }
    touched
}
