//! Lists that say of their groups only where they stand: each host is a group, the newest in front.
//!
//! **A host that stays keeps its number** ([`Sources::Sticky`], B13), also over a restart: the numbers are read back from
//! what was found before. By their place ([`Sources::Place`]) all groups move that stand behind one that comes or goes.

use core::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use headcount_core::Group;
use imbl::OrdMap;

use super::discoverer::Discoverer;
use crate::plan::DiscovererPlan;
use crate::world::render::{STAMP, read_stamp};
use crate::world::truth::Row;
use crate::world::view::Rows;
use crate::{HostId, Sources};

/// What the numbers of a list stand for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Numbers {
    shown: OrdMap<u32, (HostId, Row)>,
    /// What they stood for in another process, until the list is read.
    found_before: BTreeMap<HostId, u32>,
}

impl Numbers {
    /// The numbers that these groups have.
    pub(crate) fn found_before(groups: &[Group]) -> Self {
        let number = |group: &Group| {
            let stamp = group.targets().next()?.get(STAMP).and_then(read_stamp);
            let (_, number) = group.source().rsplit_once('/')?;
            Some((stamp?.0, number.parse().ok()?))
        };
        let mut taken = BTreeSet::new();
        let found = groups.iter().filter_map(number);
        Self {
            shown: OrdMap::new(),
            // What two others had found may have one number twice.
            found_before: found.filter(|(_, number)| taken.insert(*number)).collect(),
        }
    }

    /// The numbers of these hosts. Who has one keeps it; others get the lowest that are free.
    fn keep(&mut self, in_order: impl Iterator<Item = HostId>) -> Vec<u32> {
        let mut known = core::mem::take(&mut self.found_before);
        known.extend(self.shown.iter().map(|(number, (host, _))| (*host, *number)));
        let hosts: Vec<HostId> = in_order.collect();
        let taken: BTreeSet<u32> = hosts.iter().filter_map(|host| known.get(host).copied()).collect();
        let mut free = (0..).filter(|number| !taken.contains(number));
        hosts
            .iter()
            .map(|host| known.get(host).copied().or_else(|| free.next()).unwrap_or(u32::MAX))
            .collect()
    }
}

impl Discoverer {
    /// Holds `rows` from now on, each host under its number; gives the numbers whose groups are others than before.
    pub(super) fn take_numbered(&mut self, plan: &DiscovererPlan, rows: Rows) -> BTreeSet<u32> {
        let mut touched = BTreeSet::new();
        if self.held == rows {
            return touched;
        }
        let mut list: Vec<(HostId, Row)> = rows.iter().map(|(host, row)| (*host, *row)).collect();
        list.sort_by_key(|(host, row)| (Reverse(row.incarnation), *host));
        let numbers = match plan.sources {
            Sources::Sticky => self.numbers.keep(list.iter().map(|(host, _)| *host)),
            Sources::Named | Sources::Place => (0..).take(list.len()).collect(),
        };
        let shown: OrdMap<u32, (HostId, Row)> = numbers.into_iter().zip(list).collect();
        let gone = self.numbers.shown.keys().copied();
        touched.extend(gone.filter(|number| !shown.contains_key(number)));
        let is_new = |(number, entry): (&u32, &(HostId, Row))| {
            (self.numbers.shown.get(number) != Some(entry)).then_some(*number)
        };
        touched.extend(shown.iter().filter_map(is_new));
        self.held = rows;
        self.numbers.shown = shown;
        touched
    }

    /// The host that a number stands for.
    pub(super) fn numbered(&self, number: u32) -> Option<(HostId, Row)> {
        self.numbers.shown.get(&number).copied()
    }
}
