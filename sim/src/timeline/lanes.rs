//! What a timeline has beside discoverers: what the guard holds, how jobs' lists are served, and hosts.

use std::collections::BTreeMap;

use headcount_core::Delivery;

use super::STRETCHES;
use crate::explain::explain_all;
use crate::{DiscovererId, HostId, Problems, Simulation, Span, Subject};

/// How many hosts are drawn: those of which the oldest news came.
const HOSTS: usize = 40;
/// Of how many pieces of news of each it is told how they came.
const NEWS: usize = 3;

/// What the guard held of each discoverer: from when to when, and how many targets at most.
#[derive(Debug, Clone, Default)]
pub(super) struct Holds {
    pub(super) of: BTreeMap<DiscovererId, Vec<Hold>>,
}

#[derive(Debug, Clone)]
pub(super) struct Hold {
    pub(super) from: Span,
    /// None, if it does still.
    pub(super) to: Option<Span>,
    pub(super) most: usize,
}

impl Holds {
    /// The guard holds so many targets of a discoverer from now on.
    pub(super) fn holds(&mut self, at: Span, discoverer: DiscovererId, held: usize) {
        let holds = self.of.entry(discoverer).or_default();
        match holds.last_mut().filter(|last| last.to.is_none()) {
            Some(last) if held == 0 => last.to = Some(at),
            Some(last) => last.most = last.most.max(held),
            None if held > 0 => holds.push(Hold {
                from: at,
                to: None,
                most: held,
            }),
            None => {}
        }
    }

    /// The manager with its guard is gone.
    pub(super) fn all_end(&mut self, at: Span) {
        for last in self.of.values_mut().filter_map(|holds| holds.last_mut()) {
            last.to.get_or_insert(at);
        }
    }
}

/// A job's list, by stretch.
#[derive(Debug, Clone)]
pub(super) struct JobLane {
    pub(super) name: String,
    pub(super) cells: Vec<Option<Served>>,
}

/// How a list is served: 0 as a whole, 1 without what was never read, 2 not at all; how many targets who reads it has, and how
/// many there are.
pub(super) type Served = (u8, u64, u64);

/// Notes how the jobs' lists are served in a stretch.
pub(super) fn sample<M: Subject>(lanes: &mut Vec<JobLane>, stretch: usize, simulation: &Simulation<M>) {
    let lists = simulation.lists();
    if lanes.is_empty() {
        let lane = |(name, ..): &(&str, Option<Delivery>, u64, u64)| JobLane {
            name: (*name).to_owned(),
            cells: vec![None; STRETCHES],
        };
        *lanes = lists.iter().map(lane).collect();
    }
    for (lane, (_, delivery, has, should)) in lanes.iter_mut().zip(lists) {
        let served = delivery.map(|delivery| match delivery {
            Delivery::Whole => 0,
            Delivery::Incomplete => 1,
            Delivery::Withheld => 2,
        });
        if let Some(cell) = lane.cells.get_mut(stretch) {
            *cell = served.map(|how| (how, has, should));
        }
    }
}

/// The oldest news of each host: how old they were, and when they came.
#[derive(Debug, Clone, Default)]
pub(super) struct News {
    of: BTreeMap<HostId, Vec<(Span, Span)>>,
    /// For those that are drawn: as of when it is told how the news came, and how.
    pub(super) told: BTreeMap<HostId, Vec<(Span, String)>>,
}

impl News {
    pub(super) fn came(&mut self, at: Span, host: HostId, age: Span) {
        let news = self.of.entry(host).or_default();
        news.push((age, at));
        news.sort_unstable_by_key(|(age, at)| (core::cmp::Reverse(*age), *at));
        news.truncate(NEWS);
    }

    /// The hosts that are drawn, with their news.
    pub(super) fn hosts(&self) -> Vec<(HostId, &[(Span, Span)])> {
        let mut hosts: Vec<(HostId, &[(Span, Span)])> = self.of.iter().map(|(host, news)| (*host, &**news)).collect();
        hosts.sort_by_key(|(host, news)| (core::cmp::Reverse(news.first().map(|(age, _)| *age)), *host));
        hosts.truncate(HOSTS);
        hosts
    }

    /// Has it told how their news came, and how it stands at the end. `again` is the same run at its start.
    pub(super) fn explain<M: Subject>(&mut self, again: Simulation<M>, end: Span) -> Result<(), Problems> {
        let mut asked: Vec<(Span, HostId)> = Vec::new();
        for (host, news) in self.hosts() {
            asked.extend(news.iter().map(|(_, at)| (*at, host)));
            asked.push((end, host));
        }
        asked.sort_unstable();
        asked.dedup();
        self.told.clear();
        for explanation in explain_all(again, &asked)? {
            let told = self.told.entry(explanation.host).or_default();
            told.push((explanation.at, explanation.to_string()));
        }
        Ok(())
    }
}
