//! The events of a run. Each is a few numbers: **what it is about is looked up when it happens**, so
//! an event of a life or connection that is over by then is void.

use headcount_core::ProviderId;

use crate::{DiscovererId, HostId, ViewId};

/// What will happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// A discoverer asks.
    Ask { id: DiscovererId, life: u32, turn: u32 },
    /// Its answer arrives.
    Answer { id: DiscovererId, life: u32, turn: u32 },
    /// Its answer arrives once more.
    Echo { id: DiscovererId, life: u32 },
    /// The first event of its inbox arrives.
    Deliver { id: DiscovererId, life: u32, link: u32 },
    /// It is notified that there is something to be asked for.
    Notify { id: DiscovererId, life: u32, link: u32 },
    /// Its watch, stream or session ends.
    LinkEnds { id: DiscovererId, life: u32, link: u32 },
    /// Its blocking query has waited long enough.
    WaitOver { id: DiscovererId, life: u32, turn: u32 },
    /// A replica shows a host as it is by then.
    Show { view: ViewId, host: HostId },
    /// A fault's window shuts.
    WindowShuts { window: u32 },
    /// A stopped discoverer's last report arrives.
    GhostReports { slot: u32 },
    /// The receiver can take another snapshot.
    ReceiverReady { life: u32 },
    /// The manager's task is done with a report.
    QueueDone { life: u32 },
    /// It turns out that nothing can be built from a provider's config.
    CannotBuild { provider: ProviderId, life: u32 },
    /// The oracles check what is late.
    Sweep,
    /// The process that stood still goes on.
    GoesOn,
}

impl Event {
    /// The discoverer that it is about, and in which of its lives.
    pub(crate) fn whose(self) -> Option<(DiscovererId, u32)> {
        match self {
            Self::Ask { id, life, .. }
            | Self::Answer { id, life, .. }
            | Self::Echo { id, life }
            | Self::Deliver { id, life, .. }
            | Self::Notify { id, life, .. }
            | Self::LinkEnds { id, life, .. }
            | Self::WaitOver { id, life, .. } => Some((id, life)),
            Self::Show { .. }
            | Self::WindowShuts { .. }
            | Self::GhostReports { .. }
            | Self::ReceiverReady { .. }
            | Self::CannotBuild { .. }
            | Self::QueueDone { .. }
            | Self::Sweep
            | Self::GoesOn => None,
        }
    }

    /// What it is that happens, behind the name of whoever it is about.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Ask { .. } => "asks",
            Self::Answer { .. } => "is answered",
            Self::Echo { .. } => "is answered once more",
            Self::Deliver { .. } => "is told of a change",
            Self::Notify { .. } => "is notified",
            Self::LinkEnds { .. } => "loses its connection",
            Self::WaitOver { .. } => "has waited long enough",
            Self::Show { .. } => "a backend shows a host",
            Self::WindowShuts { .. } => "a fault ends",
            Self::GhostReports { .. } => "one that was stopped reports",
            Self::ReceiverReady { .. } => "the receiver is ready",
            Self::QueueDone { .. } => "the queue goes on",
            Self::CannotBuild { .. } => "nothing can be built from a config",
            Self::Sweep => "what is late is checked",
            Self::GoesOn => "the process goes on",
        }
    }
}
