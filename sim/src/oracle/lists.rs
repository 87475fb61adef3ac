//! The jobs' lists, and what those have who read them (B09, B10).
//!
//! A list is served or withheld as the daemon does it: by what the snapshot says of the job's set. **Who reads it keeps
//! what was served last while it is withheld**, as Prometheus does with a source that answers with an error; so a list
//! that is served too soon takes targets away, and one that is withheld for ever hides new ones.

use std::collections::BTreeSet;

use headcount_core::{Delivery, Snapshot};

use super::contract::Contract;
use super::given::Given;
use super::receiver::Receiver;
use super::{Broken, Verdict};
use crate::engine::World;
use crate::plan::{JobPlan, Plan};
use crate::scenario::Mark;
use crate::{BackendKind, HostId, Rule};

/// The list of each job, by the job's number.
#[derive(Debug, Clone)]
pub(crate) struct Lists {
    serve_incomplete: bool,
    jobs: Vec<List>,
    /// Those that are not served as whole.
    open: BTreeSet<usize>,
    /// Whether the last snapshot changed how one is served.
    changed: bool,
}

#[derive(Debug, Clone, Default)]
struct List {
    /// Whether it is configured.
    is_there: bool,
    delivery: Delivery,
    was_delivered: bool,
    /// What is kept of one that was served, while it is withheld.
    kept: Option<BTreeSet<HostId>>,
}

impl Lists {
    pub(crate) fn new(plan: &Plan) -> Self {
        Self {
            serve_incomplete: plan.scenario.manager.serve_incomplete,
            jobs: vec![List::default(); plan.jobs.len()],
            open: BTreeSet::new(),
            changed: false,
        }
    }

    /// The manager is gone. Who has a list keeps it; `receiver` still knows what was in it.
    pub(crate) fn restarted(&mut self, plan: &Plan, receiver: &Receiver) {
        for (list, job) in self.jobs.iter_mut().zip(&plan.jobs) {
            if list.delivery.is_delivered() {
                list.keep(job, receiver);
            }
            list.delivery = Delivery::Withheld;
            list.was_delivered = false;
        }
        self.open = (0..self.jobs.len()).collect();
    }

    /// A snapshot is handed over, of which `receiver` knows nothing yet: serves the lists as it says, as far as they may
    /// be served otherwise. `contract` judges that. Gives what is worth seeing of it.
    pub(crate) fn take(
        &mut self,
        plan: &Plan,
        snapshot: &Snapshot,
        sets_changed: bool,
        receiver: &Receiver,
        contract: &Contract,
    ) -> Result<Vec<Mark>, Box<Broken>> {
        let mut marks = Vec::new();
        self.changed = false;
        let asked: Vec<usize> = match sets_changed {
            true => (0..self.jobs.len()).collect(),
            false => self.open.iter().copied().collect(),
        };
        for place in asked {
            let (Some(list), Some(job)) = (self.jobs.get_mut(place), plan.jobs.get(place)) else {
                continue;
            };
            let Some(set) = snapshot.set(&job.name) else {
                *list = List::default();
                self.open.remove(&place);
                continue;
            };
            list.is_there = true;
            let delivery = match self.serve_incomplete {
                true => set.delivery_without_failed(list.was_delivered),
                false => set.delivery(list.was_delivered),
            };
            contract.check_delivery(&job.name, self.serve_incomplete, list.was_delivered, delivery)?;
            match delivery {
                Delivery::Whole => self.open.remove(&place),
                Delivery::Incomplete | Delivery::Withheld => self.open.insert(place),
            };
            let before = core::mem::replace(&mut list.delivery, delivery);
            if delivery == before {
                continue;
            }
            self.changed = true;
            if delivery.is_delivered() {
                list.kept = None;
                list.was_delivered = true;
                if delivery == Delivery::Incomplete {
                    marks.push(Mark::ListIncomplete);
                }
            } else if before.is_delivered() {
                list.keep(job, receiver);
            }
        }
        for list in self.open.iter().filter_map(|place| self.jobs.get(*place)) {
            if list.delivery == Delivery::Withheld && list.kept.is_some() {
                marks.push(Mark::ListKept);
            }
        }
        Ok(marks)
    }

    /// Whether the last snapshot changed how one of them is served.
    pub(crate) fn have_changed(&self) -> bool {
        self.changed
    }

    /// How each job's list is served, how many targets who reads it has, and how many there are for it.
    pub(crate) fn each(&self, world: &World, receiver: &Receiver) -> Vec<(Option<Delivery>, u64, u64)> {
        let lists = self.jobs.iter().zip(&world.plan.jobs);
        lists
            .map(|(list, job)| {
                let there = |id: &crate::DiscovererId| {
                    world.truth.hosts_of(world.plan.discoverers[id.place()].service).len() as u64
                };
                let has = match &list.kept {
                    Some(kept) => kept.len() as u64,
                    None if list.delivery.is_delivered() => {
                        job.discoverers.iter().map(|id| receiver.known_of(*id) as u64).sum()
                    }
                    None => 0,
                };
                let should = job.discoverers.iter().map(there).sum();
                (list.is_there.then_some(list.delivery), has, should)
            })
            .collect()
    }

    /// How many hosts those who read the lists have of those that they should have, and how many that would be.
    pub(crate) fn shown(&self, world: &World, receiver: &Receiver) -> (u64, u64) {
        let (mut has, mut should) = (0, 0);
        for (list, job) in self.jobs.iter().zip(&world.plan.jobs) {
            if !list.is_there {
                continue;
            }
            let wanted: BTreeSet<HostId> = job
                .discoverers
                .iter()
                .filter(|id| world.plan.discoverers[id.place()].kind != BackendKind::Static)
                .filter(|id| !world.plan.discoverers[id.place()].broken)
                .flat_map(|id| world.truth.hosts_of(world.plan.discoverers[id.place()].service))
                .collect();
            should += wanted.len() as u64;
            let is_shown = |host: &&HostId| match &list.kept {
                Some(kept) => kept.contains(*host),
                None if list.delivery.is_delivered() => job.discoverers.iter().any(|id| receiver.knows(*id, **host)),
                None => false,
            };
            has += wanted.iter().filter(is_shown).count() as u64;
        }
        (has, should)
    }
}

impl List {
    /// Whoever reads it goes on with what it has.
    fn keep(&mut self, job: &JobPlan, receiver: &Receiver) {
        if self.kept.is_none() {
            let known = job.discoverers.iter().flat_map(|id| receiver.known_hosts(*id));
            self.kept = Some(known.collect());
        }
    }
}

impl Contract {
    /// B09, B10: a list is served as whole if each of the set's providers was read whole, or those were whose place it
    /// takes; as incomplete without those that were waited for long enough; and else not at all. One that was served
    /// before waits for who came since only until that one has reported anything.
    fn check_delivery(&self, set: &str, serve_incomplete: bool, before: bool, found: Delivery) -> Verdict {
        // B06: what is known since is not in the snapshot.
        if self.dues.waits(set) {
            return Ok(());
        }
        let expected = self.delivery(set, serve_incomplete, before);
        if expected == found {
            return Ok(());
        }
        let rule = match (expected, found) {
            (_, Delivery::Whole) | (Delivery::Withheld, _) => Rule::B09,
            _ => Rule::B10,
        };
        let reason = format!("a list is served as {found:?}; {expected:?} was expected");
        Err(Broken::of(rule, reason).about(set))
    }

    fn delivery(&self, set: &str, serve_incomplete: bool, before: bool) -> Delivery {
        let fails = self
            .failed
            .iter()
            .any(|(_, sets)| sets.iter().any(|other| other == set));
        if fails && !serve_incomplete {
            return Delivery::Withheld;
        }
        let shown = self.shown_in(set);
        let given = |id| match self.providers.get(id) {
            Some(given) => Some(given),
            None => self.retired.get(&id).map(|(_, given)| given),
        };
        let stood_in_for = self.handovers.get(set).map(|handover| &handover.waits_for);
        let count = shown
            .iter()
            .filter(|id| stood_in_for.is_none_or(|others| !others.contains(id)));
        let count: Vec<&Given> = count.filter_map(|id| given(*id)).collect();
        let is_done_without = |given: &&&Given| {
            let has_reported = given.updates > 0 || given.last_failure.is_some();
            given.waited_out.is_some() || before && has_reported
        };
        let unread: Vec<&&Given> = count.iter().filter(|given| !given.whole).collect();
        if unread.is_empty() && !fails {
            return Delivery::Whole;
        }
        if !unread.iter().all(is_done_without) {
            return Delivery::Withheld;
        }
        // An empty list would take everything away from who has one from before.
        let targets = shown
            .iter()
            .filter_map(|id| given(*id))
            .flat_map(|given| given.groups.values());
        let finds_something = targets.map(|group| group.group.target_count()).sum::<usize>() > 0;
        let knows_of_nothing = before && count.iter().any(|given| given.whole);
        match finds_something || knows_of_nothing {
            true => Delivery::Incomplete,
            false => Delivery::Withheld,
        }
    }
}
