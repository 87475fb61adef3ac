//! Backends: what shows the fleet to discoverers, and how late.

use serde::{Deserialize, Serialize};

use crate::{Span, SpanRange};

/// The mechanism of a backend, and with it the discoverer's protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum BackendKind {
    /// A list in the configuration: what the fleet was at the start, for ever.
    Static,
    /// A file that is rewritten when something changes, watched, and read again now and then.
    File,
    /// Records of a name, asked for again and again.
    Dns,
    /// A list behind a URL, asked for again and again.
    Http,
    /// An index that a query blocks on until it moves (Consul).
    Consul,
    /// A list, then a watch from the list's version on (Kubernetes).
    Kubernetes,
    /// A tree of nodes, watched through a session (ZooKeeper).
    Zookeeper,
    /// A stream that begins with everything and goes on with what is added and removed.
    Push,
}

impl BackendKind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Static,
        Self::File,
        Self::Dns,
        Self::Http,
        Self::Consul,
        Self::Kubernetes,
        Self::Zookeeper,
        Self::Push,
    ];

    /// Whether all of it is asked for again and again, whether something changed or not.
    pub(crate) const fn reads_again(self) -> bool {
        matches!(self, Self::Dns | Self::Http)
    }

    /// The word for it, as scenarios write it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Static => "static",
            Self::File => "file",
            Self::Dns => "dns",
            Self::Http => "http",
            Self::Consul => "consul",
            Self::Kubernetes => "kubernetes",
            Self::Zookeeper => "zookeeper",
            Self::Push => "push",
        }
    }

    /// Whether discoverers ask again and again, each `refresh`.
    pub const fn polls(self) -> bool {
        matches!(self, Self::File | Self::Dns | Self::Http)
    }

    /// Whether the backend notifies discoverers when something changed.
    pub const fn notifies(self) -> bool {
        !matches!(self, Self::Static | Self::Dns | Self::Http)
    }
}

/// One backend: a delayed, cached, paged view of the fleet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Backend {
    /// By which discoverers name it.
    pub name: String,
    /// The mechanism.
    pub kind: BackendKind,
    /// How many replicas answer, each with a view of its own.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub replicas: u32,
    /// How long a change takes until a replica shows it.
    #[serde(default, skip_serializing_if = "super::is_default")]
    pub delay: SpanRange,
    /// For how long a host that is gone is listed still, beside the delay: its registry has to notice that it is dead.
    #[serde(default, skip_serializing_if = "super::is_default")]
    pub lingers: SpanRange,
    /// How long a call takes, or an event on its way to a watcher.
    #[serde(default = "latency", skip_serializing_if = "is_latency")]
    pub latency: SpanRange,
    /// For how long a replica gives the same answer again.
    #[serde(default, skip_serializing_if = "Span::is_zero")]
    pub cache: Span,
    /// How many targets one answer holds at most; more take several calls. Zero is no limit.
    #[serde(default, skip_serializing_if = "super::is_default")]
    pub page: u32,
    /// `consul`: how long a query blocks at most.
    #[serde(default = "wait", skip_serializing_if = "is_wait")]
    pub wait: Span,
    /// `kubernetes`, `push`, `zookeeper`: how long a watch, stream or session lasts.
    #[serde(default = "lifetime", skip_serializing_if = "is_lifetime")]
    pub lifetime: SpanRange,
    /// `kubernetes`: how many changes back a watch can start.
    #[serde(default = "history", skip_serializing_if = "is_history")]
    pub history: u32,
}

fn one() -> u32 {
    1
}
fn is_one(number: &u32) -> bool {
    *number == one()
}
fn latency() -> SpanRange {
    SpanRange::between(Span::millis(5), Span::millis(50))
}
fn is_latency(range: &SpanRange) -> bool {
    *range == latency()
}
fn wait() -> Span {
    Span::mins(5)
}
fn is_wait(span: &Span) -> bool {
    *span == wait()
}
fn lifetime() -> SpanRange {
    SpanRange::between(Span::mins(5), Span::mins(10))
}
fn is_lifetime(range: &SpanRange) -> bool {
    *range == lifetime()
}
fn history() -> u32 {
    1_000
}
fn is_history(number: &u32) -> bool {
    *number == history()
}

impl Backend {
    /// A backend with one replica that shows changes at once and answers within 50 ms.
    pub fn new(name: impl Into<String>, kind: BackendKind) -> Self {
        Self {
            name: name.into(),
            kind,
            replicas: one(),
            delay: SpanRange::ZERO,
            lingers: SpanRange::ZERO,
            latency: latency(),
            cache: Span::ZERO,
            page: 0,
            wait: wait(),
            lifetime: lifetime(),
            history: history(),
        }
    }

    /// Sets how many replicas answer.
    #[must_use]
    pub fn replicas(self, replicas: u32) -> Self {
        Self { replicas, ..self }
    }

    /// Sets how long a change takes until a replica shows it.
    #[must_use]
    pub fn delay(self, delay: SpanRange) -> Self {
        Self { delay, ..self }
    }

    /// Sets for how long a host that is gone is listed still.
    #[must_use]
    pub fn lingers(self, lingers: SpanRange) -> Self {
        Self { lingers, ..self }
    }

    /// Sets how long a call takes.
    #[must_use]
    pub fn latency(self, latency: SpanRange) -> Self {
        Self { latency, ..self }
    }

    /// Sets for how long a replica gives the same answer again.
    #[must_use]
    pub fn cache(self, cache: Span) -> Self {
        Self { cache, ..self }
    }

    /// Sets how many targets one answer holds at most.
    #[must_use]
    pub fn page(self, page: u32) -> Self {
        Self { page, ..self }
    }

    /// Sets how long a query blocks at most.
    #[must_use]
    pub fn wait(self, wait: Span) -> Self {
        Self { wait, ..self }
    }

    /// Sets how long a watch, stream or session lasts.
    #[must_use]
    pub fn lifetime(self, lifetime: SpanRange) -> Self {
        Self { lifetime, ..self }
    }

    /// Sets how many changes back a watch can start.
    #[must_use]
    pub fn history(self, history: u32) -> Self {
        Self { history, ..self }
    }
}
