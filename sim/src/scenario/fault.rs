//! What goes wrong between hosts and the manager.

use serde::{Deserialize, Serialize};

use super::{Backend, BackendKind, Repeats};
use crate::{Ratio, Span, SpanRange};

/// Something that goes wrong: what, where, when, and how often.
///
/// While its window is open, each call of each discoverer that it covers is hit with the
/// probability `rate`. There is one window from `from` to `until`; or, with `every`, each
/// discoverer has windows of its own, on average so far apart, or all of them the same ones, if that happens `together`;
/// or, with `repeats`, one window comes again and again, as each night.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What goes wrong.
    pub kind: FaultKind,
    /// How likely a call is hit while the window is open.
    #[serde(default = "always", skip_serializing_if = "Ratio::is_always")]
    pub rate: Ratio,
    /// When it can first happen.
    #[serde(default, skip_serializing_if = "Span::is_zero")]
    pub from: Span,
    /// When it can last happen; without it, when the calm starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Span>,
    /// Windows of their own for each discoverer: how far apart they start, on average.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<Span>,
    /// With `every`: how long a window stays open.
    #[serde(default = "half_a_minute", skip_serializing_if = "is_half_a_minute")]
    pub lasts: SpanRange,
    /// With `every`: how long it stays shut at least before it opens again.
    #[serde(default, skip_serializing_if = "Span::is_zero")]
    pub stability: Span,
    /// With `every`: all that it covers have the same windows, as when what several backends stand on fails.
    #[serde(default, skip_serializing_if = "super::is_default")]
    pub together: bool,
    /// A window that comes again and again at the same time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeats: Option<Repeats>,
    /// Covers the discoverers of this backend only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend: Option<String>,
    /// Covers the discoverers of these backends only, where there are several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub backends: Vec<String>,
    /// Hits calls that this replica of the backend answers, and no others; the first is 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replica: Option<u32>,
    /// Covers this share of the discoverers only, drawn once for each.
    #[serde(default = "always", skip_serializing_if = "Ratio::is_always")]
    pub share: Ratio,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FaultKind {
    /// An answer or event takes longer.
    Delay {
        /// By how much.
        by: SpanRange,
    },
    /// A call or its answer gets lost: its caller waits until it gives up.
    Drop,
    /// An answer or event arrives twice.
    Duplicate {
        /// How much later the second one comes.
        after: SpanRange,
    },
    /// An event overtakes the one before it.
    Reorder,
    /// Nothing gets through until the window shuts; then everything does.
    Clog,
    /// No call gets through.
    Partition,
    /// Calls get through, their answers do not.
    OneWay,
    /// The connection breaks.
    Reset,
    /// Nobody listens there: the connection is refused at once.
    Refused,
    /// The answer drips in: the more it holds, the longer it takes.
    Drip {
        /// How long each target takes.
        each: Span,
    },
    /// The answer is a well-formed list of nothing.
    Empty,
    /// Half of the list is missing, and the answer does not say so.
    PartialPage,
    /// The answer breaks off in the middle, so that it can't be read.
    Truncated,
    /// The answer is something else than what was asked for, such as the page of a proxy.
    Garbled,
    /// `http`, `consul`, `kubernetes`: the server answers with this status of HTTP, and no list.
    Status {
        /// Which one: 500, 503, 403.
        code: u16,
        /// When the server wants to be asked again, if it says so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after: Option<Span>,
    },
    /// A cache gives an answer from before.
    BackInTime {
        /// From how long before.
        by: Span,
    },
    /// The replica no longer receives changes.
    Freeze,
    /// Replicas disagree: every second one shows what was true some time before. Needs a backend
    /// with `replicas: 2` or more.
    Disagree {
        /// How long before.
        by: Span,
    },
    /// `consul`: the index starts again from the beginning.
    IndexReset,
    /// `kubernetes`: the version to watch from is too old.
    WatchTooOld,
    /// `kubernetes`, `push`: the news that a target is gone gets lost.
    LostDelete,
    /// `kubernetes`, `push`: the news that a target is gone comes twice.
    DuplicateDelete,
    /// The server has had enough (HTTP 429), and says when to come back.
    TooManyRequests {
        /// When.
        retry_after: Span,
    },
    /// `dns`: there is no such name.
    Nxdomain,
    /// `dns`: the server can't say.
    Servfail,
    /// `dns`: the name is there and has no records.
    NoData,
    /// `dns`: records may not be kept (TTL 0), so every look-up goes past the cache, in a call of
    /// its own.
    TtlZero,
    /// `file`: it is read while it is being written.
    TornWrite,
    /// `file`: it is away for a moment while it is replaced.
    RenameGap,
    /// `file`, `zookeeper`: the notification of a change gets lost.
    LostNotify,
    /// `zookeeper`: the session ends.
    SessionExpiry,
    /// The discoverer stands still: a stopped process, a moved machine.
    Pause,
    /// The discoverer's clock runs at another speed.
    Skew {
        /// By how many thousandths faster; negative is slower.
        permille: i16,
    },
    /// The discoverer's clock runs too fast and too slow in turn.
    Wobble {
        /// By how many thousandths.
        permille: i16,
        /// For how long each.
        each: Span,
    },
    /// The discoverer's clock leaps while it waits for its next turn, which comes sooner.
    Step {
        /// By how much.
        by: Span,
        /// It leaps backwards, so that the turn comes later.
        #[serde(default, skip_serializing_if = "super::is_default")]
        back: bool,
    },
    /// The wall's clock is wrong where the discoverer runs. Waits are counted on another clock;
    /// what a server says to be a time of day, as with HTTP 429, is misread.
    WallJump {
        /// By how much.
        by: Span,
        /// It is behind, in the place of ahead.
        #[serde(default, skip_serializing_if = "super::is_default")]
        back: bool,
    },
    /// The discoverers stall one by one, and go on in another order until the end.
    Swizzle,
    /// `consul`: the servers have no leader. Whoever may read from any of them (`allow_stale`) is told nothing new; all
    /// others get an error.
    LeaderLoss,
    /// `consul`: a follower answers that has not caught up, with an index of its own. Whoever reads from the leader only does
    /// not meet it.
    StaleRead {
        /// How far it is behind.
        by: Span,
    },
    /// `kubernetes`: API Priority and Fairness turns lists away (HTTP 429), and says when to come back. Watches go on, and
    /// are begun anew.
    ApiPriority {
        /// When.
        retry_after: Span,
    },
}

/// What sort of trouble it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FaultFamily {
    /// Between a discoverer and its backend.
    Network,
    /// In what the backend says.
    Answer,
    /// In the process of the discoverer.
    Process,
    /// In its clock.
    Clock,
}

fn always() -> Ratio {
    Ratio::ALWAYS
}
fn half_a_minute() -> SpanRange {
    SpanRange::exactly(Span::secs(30))
}
fn is_half_a_minute(range: &SpanRange) -> bool {
    *range == half_a_minute()
}

impl FaultKind {
    /// The word for it, as scenarios write it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Delay { .. } => "delay",
            Self::Drop => "drop",
            Self::Duplicate { .. } => "duplicate",
            Self::Reorder => "reorder",
            Self::Clog => "clog",
            Self::Partition => "partition",
            Self::OneWay => "one_way",
            Self::Reset => "reset",
            Self::Refused => "refused",
            Self::Drip { .. } => "drip",
            Self::Empty => "empty",
            Self::PartialPage => "partial_page",
            Self::Truncated => "truncated",
            Self::Garbled => "garbled",
            Self::Status { .. } => "status",
            Self::BackInTime { .. } => "back_in_time",
            Self::Freeze => "freeze",
            Self::Disagree { .. } => "disagree",
            Self::IndexReset => "index_reset",
            Self::WatchTooOld => "watch_too_old",
            Self::LostDelete => "lost_delete",
            Self::DuplicateDelete => "duplicate_delete",
            Self::TooManyRequests { .. } => "too_many_requests",
            Self::Nxdomain => "nxdomain",
            Self::Servfail => "servfail",
            Self::NoData => "no_data",
            Self::TtlZero => "ttl_zero",
            Self::TornWrite => "torn_write",
            Self::RenameGap => "rename_gap",
            Self::LostNotify => "lost_notify",
            Self::SessionExpiry => "session_expiry",
            Self::Pause => "pause",
            Self::Skew { .. } => "skew",
            Self::Wobble { .. } => "wobble",
            Self::Step { .. } => "step",
            Self::WallJump { .. } => "wall_jump",
            Self::Swizzle => "swizzle",
            Self::LeaderLoss => "leader_loss",
            Self::StaleRead { .. } => "stale_read",
            Self::ApiPriority { .. } => "api_priority",
        }
    }

    /// What sort of trouble it is.
    pub const fn family(self) -> FaultFamily {
        match self {
            Self::Delay { .. }
            | Self::Drop
            | Self::Duplicate { .. }
            | Self::Reorder
            | Self::Clog
            | Self::Partition
            | Self::OneWay
            | Self::Reset
            | Self::Refused
            | Self::Drip { .. }
            | Self::Swizzle => FaultFamily::Network,
            Self::Pause => FaultFamily::Process,
            Self::Skew { .. } | Self::Wobble { .. } | Self::Step { .. } | Self::WallJump { .. } => FaultFamily::Clock,
            _ => FaultFamily::Answer,
        }
    }

    /// Whether it is a state of the discoverer for as long as its window is open, and nothing that
    /// hits single calls.
    pub const fn is_state(self) -> bool {
        matches!(
            self,
            Self::Pause | Self::Skew { .. } | Self::Wobble { .. } | Self::WallJump { .. } | Self::Swizzle
        )
    }

    /// Whether it gives discoverers something wrong, which only a new connection is sure to mend.
    pub const fn leaves_a_trace(self) -> bool {
        matches!(self.family(), FaultFamily::Answer) || matches!(self, Self::Reorder)
    }

    /// Whether it shows less than there is, or something older, in an answer that looks like any other:
    /// nobody who believes such an answer does anything wrong.
    pub const fn misleads(self) -> bool {
        matches!(
            self,
            Self::Empty
                | Self::PartialPage
                | Self::BackInTime { .. }
                | Self::Freeze
                | Self::Disagree { .. }
                | Self::Nxdomain
                | Self::NoData
                | Self::LeaderLoss
                | Self::StaleRead { .. }
        )
    }

    /// Whether discoverers of this kind of backend can meet it.
    pub const fn applies_to(self, backend: BackendKind) -> bool {
        use BackendKind as B;
        match self {
            Self::IndexReset | Self::LeaderLoss | Self::StaleRead { .. } => matches!(backend, B::Consul),
            Self::WatchTooOld | Self::ApiPriority { .. } => matches!(backend, B::Kubernetes),
            Self::LostDelete | Self::DuplicateDelete | Self::Reorder => matches!(backend, B::Kubernetes | B::Push),
            Self::Nxdomain | Self::Servfail | Self::NoData | Self::TtlZero => matches!(backend, B::Dns),
            Self::Step { .. } => backend.polls(),
            Self::TornWrite | Self::RenameGap => matches!(backend, B::File),
            Self::LostNotify => matches!(backend, B::File | B::Zookeeper),
            Self::SessionExpiry => matches!(backend, B::Zookeeper),
            Self::TooManyRequests { .. } | Self::WallJump { .. } | Self::Status { .. } => {
                matches!(backend, B::Http | B::Consul | B::Kubernetes)
            }
            Self::Refused | Self::Garbled => !matches!(backend, B::Static | B::File),
            _ => !matches!(backend, B::Static),
        }
    }
}

impl Fault {
    /// This goes wrong at every call, all through the storm.
    pub fn new(kind: FaultKind) -> Self {
        Self {
            kind,
            rate: always(),
            from: Span::ZERO,
            until: None,
            every: None,
            lasts: half_a_minute(),
            stability: Span::ZERO,
            together: false,
            repeats: None,
            backend: None,
            backends: Vec::new(),
            replica: None,
            share: always(),
        }
    }

    /// Sets how likely a call is hit while the window is open.
    #[must_use]
    pub fn rate(self, rate: Ratio) -> Self {
        Self { rate, ..self }
    }

    /// Sets when it can first happen.
    #[must_use]
    pub fn from(self, from: Span) -> Self {
        Self { from, ..self }
    }

    /// Sets when it can last happen.
    #[must_use]
    pub fn until(self, until: Span) -> Self {
        Self {
            until: Some(until),
            ..self
        }
    }

    /// Gives each discoverer windows of its own, on average so far apart.
    #[must_use]
    pub fn every(self, every: Span) -> Self {
        Self {
            every: Some(every),
            ..self
        }
    }

    /// Sets how long such a window stays open.
    #[must_use]
    pub fn lasts(self, lasts: SpanRange) -> Self {
        Self { lasts, ..self }
    }

    /// Sets how long it stays shut at least before it opens again.
    #[must_use]
    pub fn stability(self, stability: Span) -> Self {
        Self { stability, ..self }
    }

    /// Gives all that it covers the same windows.
    #[must_use]
    pub fn together(self) -> Self {
        Self { together: true, ..self }
    }

    /// Gives it a window that comes again and again.
    #[must_use]
    pub fn repeats(self, repeats: Repeats) -> Self {
        Self {
            repeats: Some(repeats),
            ..self
        }
    }

    /// Covers the discoverers of several backends only.
    #[must_use]
    pub fn backends<S: Into<String>>(self, backends: impl IntoIterator<Item = S>) -> Self {
        Self {
            backends: backends.into_iter().map(Into::into).collect(),
            ..self
        }
    }

    /// Hits calls only that this replica answers.
    #[must_use]
    pub fn replica(self, replica: u32) -> Self {
        Self {
            replica: Some(replica),
            ..self
        }
    }

    /// Whether it is about this backend, by its name and its replicas.
    pub fn names(&self, backend: &Backend) -> bool {
        let is_named = match (&self.backend, self.backends.as_slice()) {
            (None, []) => true,
            (one, several) => one.as_ref() == Some(&backend.name) || several.contains(&backend.name),
        };
        is_named && self.replica.is_none_or(|replica| replica < backend.replicas)
    }

    /// Covers the discoverers of this backend only.
    #[must_use]
    pub fn backend(self, backend: impl Into<String>) -> Self {
        Self {
            backend: Some(backend.into()),
            ..self
        }
    }

    /// Covers this share of the discoverers only.
    #[must_use]
    pub fn share(self, share: Ratio) -> Self {
        Self { share, ..self }
    }
}
