//! What a run is about, as plain data: the fleet, who discovers it, and what goes wrong.
//!
//! A [`Scenario`] says what may happen and how often; with a seed it becomes one run. The words
//! in a file and the builder's methods are the same: `refresh: 30s` is `.refresh(Span::secs(30))`.
//! **A scenario holds no state and no behaviour**: reading one, changing it and writing it back
//! loses nothing. What makes no sense as a whole is found by [`Scenario::check`].

mod backend;
mod check;
mod churn;
mod discovery;
mod disk;
mod event;
mod examples;
mod expect;
mod fault;
mod fleet;
mod guard;
mod members;
mod repeats;
mod script;
mod throttle;
mod version;

pub use backend::{Backend, BackendKind};
pub use check::{Problem, Problems};
pub use churn::{Change, Churn};
pub use discovery::{Discoverers, Jobs, Less, Manager, Phase, Queue, Receiver, ReloadMode, Sources};
pub use disk::Disk;
pub use event::{ProcessEvent, Restarted};
pub use expect::{Condition, Expectation, Mark};
pub use fault::{Fault, FaultFamily, FaultKind};
pub use fleet::Hosts;
pub use guard::{DropCount, Guard, GuardError};
pub use members::{Absence, Away, Known, Members};
pub use repeats::Repeats;
pub use throttle::{ThrottleError, ThrottleSetting};
pub(crate) use version::Running;
pub use version::Version;

use serde::{Deserialize, Serialize};

use crate::{Happening, Input, Ratio, Span};

/// A fleet, its backends, those who discover it, and what happens to them all.
///
/// ```
/// use headcount_sim::{Backend, BackendKind, Churn, Discoverers, Hosts, Ratio, Scenario, Span};
///
/// let scenario = Scenario::new("quiet-day")
///     .about("Two hundred hosts behind one HTTP list, of which one in a hundred changes each minute.")
///     .until(Span::hours(2))
///     .hosts(Hosts::new(200).zones(3))
///     .backend(Backend::new("cmdb", BackendKind::Http).cache(Span::secs(10)))
///     .discoverers(Discoverers::of("cmdb").refresh(Span::secs(30)))
///     .churn(Churn::steady(Ratio::percent(1), Span::mins(1)));
/// scenario.check()?;
/// # Ok::<(), headcount_sim::Problems>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Scenario {
    /// Its name, for people and for reports.
    pub name: String,
    /// What it shows, in a paragraph.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// The seed of all random numbers; the command line may say another.
    pub seed: u64,
    /// How long the run lasts.
    pub until: Span,
    /// How much of that is calm at its end: nothing happens any more, what is broken heals (as far
    /// as `heal` says), and everything has to come right.
    #[serde(skip_serializing_if = "Span::is_zero")]
    pub calm: Span,
    /// Which share of what is broken heals when the calm starts; the rest stays broken for ever.
    #[serde(skip_serializing_if = "Ratio::is_always")]
    pub heal: Ratio,
    /// The fleet.
    pub hosts: Hosts,
    /// What shows the fleet to discoverers.
    pub backends: Vec<Backend>,
    /// Who looks at backends.
    pub discoverers: Vec<Discoverers>,
    /// Who wants what discoverers find. Without any, one job called `all` wants everything.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub jobs: Vec<Jobs>,
    /// The manager under test.
    #[serde(skip_serializing_if = "is_default")]
    pub manager: Manager,
    /// What stands between discoverers and the manager.
    #[serde(skip_serializing_if = "is_default")]
    pub queue: Queue,
    /// Who takes snapshots.
    #[serde(skip_serializing_if = "is_default")]
    pub receiver: Receiver,
    /// Among whom the targets are shared out; without it, the receiver scrapes all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub members: Option<Members>,
    /// What happens to hosts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub churn: Vec<Churn>,
    /// What goes wrong between hosts and the manager.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Fault>,
    /// What happens to processes and their configuration.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<ProcessEvent>,
    /// What happens besides, written out one by one, in the place of being drawn.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub script: Vec<Input>,
    /// What must hold beyond the rules, which are always checked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub expect: Vec<Expectation>,
    /// How closely the rules are checked.
    #[serde(skip_serializing_if = "is_default")]
    pub checks: Checks,
}

/// How closely the rules are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Checks {
    /// Not at all: for measuring what the rest costs.
    None,
    /// By everything whose cost follows what changes; whole snapshots are compared now and then.
    #[default]
    Cheap,
    /// By everything at every emission, and by the reference model at every input. For small
    /// worlds.
    All,
}

impl Default for Scenario {
    fn default() -> Self {
        Self {
            name: String::new(),
            about: String::new(),
            seed: 0,
            until: Span::hours(1),
            calm: Span::ZERO,
            heal: Ratio::ALWAYS,
            hosts: Hosts::default(),
            backends: Vec::new(),
            discoverers: Vec::new(),
            jobs: Vec::new(),
            manager: Manager::default(),
            queue: Queue::default(),
            receiver: Receiver::default(),
            members: None,
            churn: Vec::new(),
            faults: Vec::new(),
            events: Vec::new(),
            script: Vec::new(),
            expect: Vec::new(),
            checks: Checks::default(),
        }
    }
}

impl Scenario {
    /// An hour of a small fleet that nobody discovers yet.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }

    /// Says what it shows.
    #[must_use]
    pub fn about(self, about: impl Into<String>) -> Self {
        Self {
            about: about.into(),
            ..self
        }
    }

    /// Sets the seed of all random numbers.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// Sets how long the run lasts.
    #[must_use]
    pub fn until(self, until: Span) -> Self {
        Self { until, ..self }
    }

    /// Sets how much of that is calm at its end.
    #[must_use]
    pub fn calm(self, calm: Span) -> Self {
        Self { calm, ..self }
    }

    /// Sets which share of what is broken heals when the calm starts.
    #[must_use]
    pub fn heal(self, heal: Ratio) -> Self {
        Self { heal, ..self }
    }

    /// Sets the fleet.
    #[must_use]
    pub fn hosts(self, hosts: Hosts) -> Self {
        Self { hosts, ..self }
    }

    /// Adds a backend.
    #[must_use]
    pub fn backend(mut self, backend: Backend) -> Self {
        self.backends.push(backend);
        self
    }

    /// Adds discoverers.
    #[must_use]
    pub fn discoverers(mut self, discoverers: Discoverers) -> Self {
        self.discoverers.push(discoverers);
        self
    }

    /// Adds jobs.
    #[must_use]
    pub fn jobs(mut self, jobs: Jobs) -> Self {
        self.jobs.push(jobs);
        self
    }

    /// Sets up the manager.
    #[must_use]
    pub fn manager(self, manager: Manager) -> Self {
        Self { manager, ..self }
    }

    /// Sets what stands between discoverers and the manager.
    #[must_use]
    pub fn queue(self, queue: Queue) -> Self {
        Self { queue, ..self }
    }

    /// Sets who takes snapshots.
    #[must_use]
    pub fn receiver(self, receiver: Receiver) -> Self {
        Self { receiver, ..self }
    }

    /// Has the targets be shared out among these.
    #[must_use]
    pub fn members(self, members: Members) -> Self {
        Self {
            members: Some(members),
            ..self
        }
    }

    /// Adds something that happens to hosts.
    #[must_use]
    pub fn churn(mut self, churn: Churn) -> Self {
        self.churn.push(churn);
        self
    }

    /// Adds something that goes wrong.
    #[must_use]
    pub fn fault(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
    }

    /// Adds something that happens to processes or their configuration.
    #[must_use]
    pub fn event(mut self, event: ProcessEvent) -> Self {
        self.events.push(event);
        self
    }

    /// Adds something that happens at a moment of its own, and is not drawn.
    #[must_use]
    pub fn happens(mut self, at: Span, what: Happening) -> Self {
        self.script.push(Input { at, what });
        self
    }

    /// Adds something that must hold.
    #[must_use]
    pub fn expect(mut self, expectation: Expectation) -> Self {
        self.expect.push(expectation);
        self
    }

    /// Sets how closely the rules are checked.
    #[must_use]
    pub fn checks(self, checks: Checks) -> Self {
        Self { checks, ..self }
    }

    /// Sets how many hosts there are, and leaves out services and zones that would have none.
    #[must_use]
    pub fn with_hosts(mut self, count: u32) -> Self {
        self.hosts.count = count;
        self.hosts.services = self.hosts.services.min(count).max(1);
        self.hosts.zones = self.hosts.zones.min(count).max(1);
        self
    }

    /// The throttles of all versions of the manager that take each other's place.
    pub(crate) fn throttles(&self) -> impl Iterator<Item = ThrottleSetting> + '_ {
        let planned = self.events.iter().filter_map(|event| match event {
            ProcessEvent::Restart { version, .. } => version.as_ref(),
            _ => None,
        });
        let written = self.script.iter().filter_map(|input| match &input.what {
            Happening::RestartManager { version, .. } => Some(version),
            _ => None,
        });
        let others = planned.chain(written).filter_map(|version| version.throttle);
        core::iter::once(self.manager.throttle).chain(others)
    }

    /// The names of all jobs, each of several with its number.
    pub(crate) fn job_names(&self) -> Vec<String> {
        let names = self.jobs.iter().flat_map(|jobs| {
            (0..jobs.count).map(|number| match jobs.count {
                1 => jobs.name.clone(),
                _ => format!("{}/{number}", jobs.name),
            })
        });
        if self.jobs.is_empty() {
            return vec![ALL_JOBS.to_owned()];
        }
        names.collect()
    }

    /// When the storm ends and the calm starts.
    pub fn storm_ends(&self) -> Span {
        self.until.minus(self.calm)
    }
}

/// The one job of a scenario that names none.
pub(crate) const ALL_JOBS: &str = "all";

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
