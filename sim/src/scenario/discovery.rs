//! Those between the backends and the receiver: discoverers, jobs, queue, manager, receiver.

use serde::{Deserialize, Serialize};

use super::{Disk, Guard, ThrottleSetting};
use crate::{Span, SpanRange};

/// Discoverers that ask one backend in the same way, each for one service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Discoverers {
    /// By which jobs name them.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The backend that they ask.
    pub backend: String,
    /// How many there are: discoverer `n` asks for service `n % services`. Zero is one a service.
    #[serde(default, skip_serializing_if = "super::is_default")]
    pub count: u32,
    /// `http`, `dns`, `file`: how often they ask.
    #[serde(default = "refresh")]
    pub refresh: Span,
    /// After how long they give a call up.
    #[serde(default = "timeout", skip_serializing_if = "is_timeout")]
    pub timeout: Span,
    /// How long they wait after a failure: the first wait, and the longest, with doubling between.
    #[serde(default = "retry", skip_serializing_if = "is_retry")]
    pub retry: SpanRange,
    /// When they start their loops.
    #[serde(default, skip_serializing_if = "super::is_default")]
    pub phase: Phase,
    /// How many of them have a configuration that nothing can be built from (S11).
    #[serde(default, skip_serializing_if = "super::is_default")]
    pub broken: u32,
    /// `http`, `file`: how the groups of a list are told apart.
    #[serde(default, skip_serializing_if = "super::is_default")]
    pub sources: Sources,
    /// `http`, `file`: when a list is believed that has less than before.
    #[serde(default, skip_serializing_if = "super::is_default")]
    pub less: Less,
    /// `consul`: whether any server may answer them, and not the leader only; as with Prometheus, unless it is switched off.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub allow_stale: bool,
    /// `kubernetes`: how long after a list everything is listed again. Until then each watch goes on from where the one
    /// before it ended, and what a list showed wrongly, or a watch did not tell, stays as it is, as with the real one.
    /// Without it, who was told something wrong lists everything when the watch ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resync: Option<Span>,
}

/// When a list is believed that has less than before, in a way that who writes it could also have made (B11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Less {
    /// At once, as with Prometheus.
    #[default]
    AtOnce,
    /// When it was looked at twice. `file`: it has fewer targets, and has stayed as it is for five seconds. `http`: it has
    /// none, and the next answer says so, too.
    Twice,
}

/// How the groups of a list are told apart, which says of itself only what stands in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Sources {
    /// By names that the backend gives them: a list has a group for each zone, or is one.
    #[default]
    Named,
    /// By numbers: each host is a group, the newest in front, and one that stays keeps its number (B13).
    Sticky,
    /// By their place: each host is a group, the newest in front, and moves all that stand behind it, as with Prometheus.
    Place,
}

/// When discoverers that were started together ask for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// At once; the second time after half to a whole interval, so that they drift apart.
    #[default]
    Spread,
    /// All at once, again and again.
    Together,
}

fn refresh() -> Span {
    Span::secs(30)
}
fn timeout() -> Span {
    Span::secs(10)
}
fn is_timeout(span: &Span) -> bool {
    *span == timeout()
}
fn yes() -> bool {
    true
}
fn is_yes(is: &bool) -> bool {
    *is
}
fn retry() -> SpanRange {
    SpanRange::between(Span::secs(1), Span::secs(30))
}
fn is_retry(range: &SpanRange) -> bool {
    *range == retry()
}

impl Discoverers {
    /// A discoverer for each service, that asks `backend`.
    pub fn of(backend: impl Into<String>) -> Self {
        Self {
            name: String::new(),
            backend: backend.into(),
            count: 0,
            refresh: refresh(),
            timeout: timeout(),
            retry: retry(),
            phase: Phase::default(),
            broken: 0,
            sources: Sources::default(),
            less: Less::default(),
            allow_stale: yes(),
            resync: None,
        }
    }

    /// Names them.
    #[must_use]
    pub fn name(self, name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..self
        }
    }

    /// Sets how many there are.
    #[must_use]
    pub fn count(self, count: u32) -> Self {
        Self { count, ..self }
    }

    /// Sets how often they ask.
    #[must_use]
    pub fn refresh(self, refresh: Span) -> Self {
        Self { refresh, ..self }
    }

    /// Sets after how long they give a call up.
    #[must_use]
    pub fn timeout(self, timeout: Span) -> Self {
        Self { timeout, ..self }
    }

    /// Sets how long they wait after a failure.
    #[must_use]
    pub fn retry(self, retry: SpanRange) -> Self {
        Self { retry, ..self }
    }

    /// Sets when they start their loops.
    #[must_use]
    pub fn phase(self, phase: Phase) -> Self {
        Self { phase, ..self }
    }

    /// Sets how many of them can't be built.
    #[must_use]
    pub fn broken(self, broken: u32) -> Self {
        Self { broken, ..self }
    }

    /// Sets how the groups of a list are told apart.
    #[must_use]
    pub fn sources(self, sources: Sources) -> Self {
        Self { sources, ..self }
    }

    /// Sets when a list is believed that has less.
    #[must_use]
    pub fn less(self, less: Less) -> Self {
        Self { less, ..self }
    }

    /// Has the leader answer them, and no other server.
    #[must_use]
    pub fn from_the_leader(self) -> Self {
        Self {
            allow_stale: false,
            ..self
        }
    }

    /// Sets how long after a list everything is listed again.
    #[must_use]
    pub fn resync(self, resync: Span) -> Self {
        Self {
            resync: Some(resync),
            ..self
        }
    }

    /// The name that jobs use: its own, or else its backend's.
    pub fn known_as(&self) -> &str {
        if self.name.is_empty() {
            &self.backend
        } else {
            &self.name
        }
    }
}

/// Jobs that want the same: sets of the manager, called `name`, or `name/0`, `name/1`, ….
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Jobs {
    /// Their name.
    pub name: String,
    /// How many there are.
    #[serde(default = "one_job", skip_serializing_if = "is_one_job")]
    pub count: u32,
    /// The discoverers that they subscribe to, by name; none is all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub of: Vec<String>,
    /// Whether the discoverers are dealt out, so that each has one job; else each job has all.
    #[serde(default, skip_serializing_if = "super::is_default")]
    pub split: bool,
}

fn one_job() -> u32 {
    1
}
fn is_one_job(count: &u32) -> bool {
    *count == one_job()
}

impl Jobs {
    /// One job that subscribes to all discoverers.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            count: one_job(),
            of: Vec::new(),
            split: false,
        }
    }

    /// Sets how many there are.
    #[must_use]
    pub fn count(self, count: u32) -> Self {
        Self { count, ..self }
    }

    /// Adds discoverers that they subscribe to.
    #[must_use]
    pub fn of(mut self, discoverers: impl Into<String>) -> Self {
        self.of.push(discoverers.into());
        self
    }

    /// Deals the discoverers out.
    #[must_use]
    pub fn split(self) -> Self {
        Self { split: true, ..self }
    }
}

/// The manager under test.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Manager {
    /// How often it may emit.
    pub throttle: ThrottleSetting,
    /// What a reload does to providers whose configuration is unchanged.
    #[serde(skip_serializing_if = "super::is_default")]
    pub reload: ReloadMode,
    /// When it holds updates that remove targets (B05); without it, never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guard: Option<Guard>,
    /// Whether the throttle is kept for each job, so that one that churns does not slow a quiet one (B06).
    #[serde(skip_serializing_if = "super::is_default")]
    pub per_set: bool,
    /// How long a discoverer that was never read whole is waited for, before its jobs' lists are served without it and
    /// others take its place no longer (B10, B03); without it, for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incomplete_after: Option<Span>,
    /// Whether lists are served without what can't be built (B10).
    #[serde(skip_serializing_if = "super::is_default")]
    pub serve_incomplete: bool,
    /// The disk that its state stands on; without it, it is as fast as could be, and what is restarted says how old it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk: Option<Disk>,
}

impl Manager {
    /// A manager with this throttle.
    pub fn with_throttle(throttle: ThrottleSetting) -> Self {
        Self {
            throttle,
            ..Self::default()
        }
    }

    /// Sets what a reload does.
    #[must_use]
    pub fn reload(self, reload: ReloadMode) -> Self {
        Self { reload, ..self }
    }

    /// Sets when it holds updates that remove targets.
    #[must_use]
    pub fn guard(self, guard: Guard) -> Self {
        Self {
            guard: Some(guard),
            ..self
        }
    }

    /// Keeps the throttle for each job.
    #[must_use]
    pub fn per_set(self) -> Self {
        Self { per_set: true, ..self }
    }

    /// Sets how long a discoverer that was never read whole is waited for.
    #[must_use]
    pub fn incomplete_after(self, after: Span) -> Self {
        Self {
            incomplete_after: Some(after),
            ..self
        }
    }

    /// Has its state stand on this disk.
    #[must_use]
    pub fn disk(self, disk: Disk) -> Self {
        Self {
            disk: Some(disk),
            ..self
        }
    }

    /// Serves lists without what can't be built.
    #[must_use]
    pub fn serve_incomplete(self) -> Self {
        Self {
            serve_incomplete: true,
            ..self
        }
    }
}

/// What a reload does to providers whose configuration is unchanged (S02).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ReloadMode {
    /// They go on.
    #[default]
    Keep,
    /// They are restarted, as in Prometheus 2.x.
    Legacy,
}

/// What stands between discoverers and the manager: a bounded queue that one task empties.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Queue {
    /// How many reports it holds; a discoverer that finds it full waits.
    pub depth: u32,
    /// How long the task needs for each report.
    pub takes: Span,
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            depth: 64,
            takes: Span::ZERO,
        }
    }
}

impl Queue {
    /// A queue of so many reports, each of which takes so long.
    pub fn new(depth: u32, takes: Span) -> Self {
        Self { depth, takes }
    }
}

/// Who takes snapshots.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Receiver {
    /// How long it needs for a snapshot, before it takes the next one.
    pub takes: SpanRange,
}

impl Receiver {
    /// A receiver that needs this long for a snapshot.
    pub fn new(takes: SpanRange) -> Self {
        Self { takes }
    }
}
