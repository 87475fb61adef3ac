//! A scenario, written out: one entry for each discoverer, view and job.
//!
//! Computed once and shared by all copies of a run. **Numbers are dealt in the order of the
//! scenario's lists**, so adding a host changes none of them.

use std::sync::Arc;

use crate::scenario::ALL_JOBS;
use crate::{BackendKind, DiscovererId, JobId, Less, Problems, Scenario, ServiceId, Sources, Span, ViewId};

/// A scenario, written out.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) scenario: Scenario,
    pub(crate) discoverers: Vec<DiscovererPlan>,
    pub(crate) views: Vec<ViewPlan>,
    pub(crate) jobs: Vec<JobPlan>,
    /// By service: who discovers it, and through what it is shown.
    pub(crate) services: Vec<ServicePlan>,
    /// Whether any discoverer is a real one.
    pub(crate) has_real: bool,
}

#[derive(Debug)]
pub(crate) struct DiscovererPlan {
    /// The entry of the scenario's list.
    pub(crate) entry: usize,
    pub(crate) backend: usize,
    pub(crate) kind: BackendKind,
    pub(crate) service: ServiceId,
    /// The view of the backend's first replica; those of the others follow.
    pub(crate) first_view: ViewId,
    pub(crate) broken: bool,
    /// How the groups of its list are told apart.
    pub(crate) sources: Sources,
    pub(crate) less: Less,
    /// How long after a list it lists everything again, if it goes on from where it was told anything until then.
    pub(crate) resync: Option<Span>,
    pub(crate) description: Arc<str>,
    /// Whether a real discoverer runs in its place.
    pub(crate) is_real: bool,
    pub(crate) sees: Sees,
    /// How long a change may be on its way through it, if that does not follow from the scenario.
    pub(crate) within: Option<Span>,
}

/// How much of a host a discoverer's targets show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sees {
    /// All of it.
    Labels,
    /// Its address, but not its labels.
    Addresses,
}

#[derive(Debug)]
pub(crate) struct ViewPlan {
    pub(crate) backend: usize,
    pub(crate) kind: BackendKind,
}

#[derive(Debug)]
pub(crate) struct JobPlan {
    pub(crate) name: String,
    pub(crate) discoverers: Vec<DiscovererId>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct ServicePlan {
    pub(crate) discoverers: Vec<DiscovererId>,
    pub(crate) views: Vec<ViewId>,
}

impl DiscovererPlan {
    /// Whether its groups are those of a list, and have numbers (B13).
    pub(crate) fn is_numbered(&self) -> bool {
        match self.is_real {
            true => matches!(self.kind, BackendKind::File | BackendKind::Http),
            false => self.sources != Sources::Named,
        }
    }
}

impl DiscovererPlan {
    /// Whether it is modelled, and believes that there is less when it has looked twice (B11).
    pub(crate) fn looks_twice(&self) -> bool {
        !self.is_real && self.less == Less::Twice
    }
}

impl Sees {
    /// What a modelled discoverer of this kind sees. DNS knows names and addresses only.
    pub(crate) const fn of(kind: BackendKind) -> Self {
        match kind {
            BackendKind::Dns => Self::Addresses,
            _ => Self::Labels,
        }
    }
}

impl Plan {
    pub(crate) fn new(scenario: &Scenario) -> Result<Self, Problems> {
        scenario.check()?;
        let mut plan = Self {
            scenario: scenario.clone(),
            discoverers: Vec::new(),
            views: Vec::new(),
            jobs: Vec::new(),
            services: vec![ServicePlan::default(); scenario.hosts.services as usize],
            has_real: false,
        };
        for entry in 0..scenario.discoverers.len() {
            plan.add_discoverers(entry);
        }
        plan.add_jobs();
        Ok(plan)
    }

    fn add_discoverers(&mut self, entry: usize) {
        let discoverers = &self.scenario.discoverers[entry];
        let found = self
            .scenario
            .backends
            .iter()
            .position(|backend| backend.name == discoverers.backend);
        let Some(backend) = found else { return };
        let (kind, replicas) = (
            self.scenario.backends[backend].kind,
            self.scenario.backends[backend].replicas,
        );
        let services = self.scenario.hosts.services;
        let count = if discoverers.count == 0 {
            services
        } else {
            discoverers.count
        };
        let (sources, less, resync) = (discoverers.sources, discoverers.less, discoverers.resync);
        let (broken, name) = (discoverers.broken, discoverers.known_as().to_owned());
        for number in 0..count {
            let service = ServiceId(number % services);
            let first_view = self.views_of(backend, kind, service, replicas);
            let id = DiscovererId(self.discoverers.len() as u32);
            self.discoverers.push(DiscovererPlan {
                entry,
                backend,
                kind,
                service,
                first_view,
                broken: number >= count.saturating_sub(broken),
                sources,
                less,
                resync,
                is_real: false,
                sees: Sees::of(kind),
                within: None,
                description: format!("{name} {number}: service {}", service.0).into(),
            });
            self.services[service.place()].discoverers.push(id);
        }
    }

    /// The first of a backend's views of a service; makes them if nobody asked yet.
    fn views_of(&mut self, backend: usize, kind: BackendKind, service: ServiceId, replicas: u32) -> ViewId {
        let known = self.services[service.place()].views.iter().copied();
        if let Some(first) = known
            .into_iter()
            .find(|view| self.views[view.place()].backend == backend)
        {
            return first;
        }
        let first = ViewId(self.views.len() as u32);
        for replica in 0..replicas {
            self.views.push(ViewPlan { backend, kind });
            self.services[service.place()].views.push(ViewId(first.0 + replica));
        }
        first
    }

    fn add_jobs(&mut self) {
        let everyone = (0..self.discoverers.len() as u32).map(DiscovererId);
        if self.scenario.jobs.is_empty() {
            self.jobs.push(JobPlan {
                name: ALL_JOBS.to_owned(),
                discoverers: everyone.collect(),
            });
            return;
        }
        for jobs in &self.scenario.jobs {
            let wanted: Vec<DiscovererId> = everyone
                .clone()
                .filter(|id| {
                    let entry = &self.scenario.discoverers[self.discoverers[id.place()].entry];
                    jobs.of.is_empty() || jobs.of.iter().any(|name| name == entry.known_as())
                })
                .collect();
            for number in 0..jobs.count {
                let dealt = wanted.iter().copied().enumerate();
                let mine = dealt.filter(|(place, _)| !jobs.split || *place as u32 % jobs.count == number);
                self.jobs.push(JobPlan {
                    name: if jobs.count == 1 {
                        jobs.name.clone()
                    } else {
                        format!("{}/{number}", jobs.name)
                    },
                    discoverers: mine.map(|(_, id)| id).collect(),
                });
            }
        }
    }

    pub(crate) fn job_ids(&self) -> impl Iterator<Item = JobId> + use<> {
        (0..self.jobs.len() as u32).map(JobId)
    }
}
