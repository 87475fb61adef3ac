//! What happens to processes and their configuration.

use serde::{Deserialize, Serialize};

use super::Version;
use crate::{Ratio, Span};

/// Something that happens to processes or to their configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ProcessEvent {
    /// The same configuration is applied again.
    Reload {
        /// When first.
        at: Span,
        /// How many times.
        #[serde(default = "once")]
        times: u32,
        /// How far apart.
        #[serde(default = "a_second")]
        every: Span,
    },
    /// Discoverers get another configuration: each is another provider from then on.
    ChangeConfig {
        /// When.
        at: Span,
        /// Which share of them.
        share: Ratio,
    },
    /// Jobs are taken out of the configuration, and put back.
    RemoveJobs {
        /// When.
        at: Span,
        /// Which share of them.
        share: Ratio,
        /// For how long; without it, for ever.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lasts: Option<Span>,
    },
    /// Processes are killed and start again, from nothing unless it was saved.
    Restart {
        /// When.
        at: Span,
        /// What is restarted.
        what: Restarted,
        /// Which share of them, where there are several.
        #[serde(default = "all")]
        share: Ratio,
        /// Each has saved what it knew, and starts with that: discoverers with their last lists, the
        /// manager with what it showed.
        #[serde(default, skip_serializing_if = "super::is_default")]
        saved: bool,
        /// `manager`, with `saved`: how long before that was. A manager that crashes has what it
        /// saved last. On a disk (`manager.disk`), it is since when nothing was begun to be written.
        #[serde(default, skip_serializing_if = "super::is_default")]
        age: Span,
        /// `manager`: another version of the core takes its place.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<Version>,
    },
    /// The whole process stands still, as a stopped process or a machine that sleeps: manager,
    /// discoverers and receiver. When it goes on, everything is overdue at once.
    Suspend {
        /// When.
        at: Span,
        /// For how long; at most until the calm starts.
        lasts: Span,
    },
    /// The receiver takes nothing.
    PauseReceiver {
        /// When.
        at: Span,
        /// For how long.
        lasts: Span,
    },
    /// An operator confirms what the guard holds of discoverers just then (B05). Of those of which
    /// nothing is held, nothing is confirmed.
    Confirm {
        /// When.
        at: Span,
        /// Which share of the discoverers.
        #[serde(default = "all")]
        share: Ratio,
    },
}

/// What is restarted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Restarted {
    /// The manager with all its discoverers.
    Manager,
    /// Discoverers only: each begins anew, the manager keeps their groups.
    Discoverers,
}

impl ProcessEvent {
    /// The word for it, as scenarios write it.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Reload { .. } => "reload",
            Self::ChangeConfig { .. } => "change_config",
            Self::RemoveJobs { .. } => "remove_jobs",
            Self::Restart { .. } => "restart",
            Self::Suspend { .. } => "suspend",
            Self::PauseReceiver { .. } => "pause_receiver",
            Self::Confirm { .. } => "confirm",
        }
    }

    /// When it happens first.
    pub const fn at(&self) -> Span {
        match self {
            Self::Reload { at, .. }
            | Self::ChangeConfig { at, .. }
            | Self::RemoveJobs { at, .. }
            | Self::Restart { at, .. }
            | Self::Suspend { at, .. }
            | Self::PauseReceiver { at, .. }
            | Self::Confirm { at, .. } => *at,
        }
    }
}

fn once() -> u32 {
    1
}
fn a_second() -> Span {
    Span::secs(1)
}
fn all() -> Ratio {
    Ratio::ALWAYS
}
