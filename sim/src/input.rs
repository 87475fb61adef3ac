//! Everything that is decided from outside a run, as plain values.
//!
//! A run has two sorts of chance. *Decisions* are [`Input`]s: which host changes when, which
//! fault's window opens, which call is hit, what is reloaded. *Noise* (how long a call takes,
//! when a loop starts) comes from a [generator](crate::KeyedRng) that is asked by name. **The inputs and the seed of the
//! noise make the run**: replaying a recorded list of inputs needs no generator, and leaving some
//! of them out, as a shrinker does, moves nobody's noise.

use serde::{Deserialize, Serialize};

use crate::{DiscovererId, FaultKind, HostId, JobId, Ratio, ServiceId, Span, Version};

/// One decision, and when it takes effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// When, since the run's start.
    pub at: Span,
    /// What.
    pub what: Happening,
}

/// Hosts beyond this would make a table that fits into no memory.
const MOST_HOSTS: u32 = 16_000_000;

impl Input {
    /// What comes first when a list of inputs takes effect. A hit can meet what another input of the
    /// same instant sets off, so it has to be there before.
    pub(crate) fn order(&self) -> (Span, bool) {
        (self.at, !matches!(self.what, Happening::Hit { .. }))
    }

    /// What is impossible about it, if anything.
    pub(crate) fn problem(&self) -> Option<String> {
        match &self.what {
            Happening::Up { host, .. } | Happening::Down { host } if host.0 >= MOST_HOSTS => Some(format!(
                "there is no host {}; hosts from 0 to {} are possible",
                host.0,
                MOST_HOSTS - 1
            )),
            _ => None,
        }
    }
}

/// What is decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Happening {
    /// A host is up, and looks like this from now on, whatever it was before.
    Up {
        /// Which one.
        host: HostId,
        /// How it looks.
        looks: Looks,
    },
    /// A host is down. One that is down already stays so.
    Down {
        /// Which one.
        host: HostId,
    },
    /// A fault's window opens.
    Window {
        /// What goes wrong.
        kind: FaultKind,
        /// Whom it covers.
        covers: Covered,
        /// How likely a call is hit. Below 100 %, hits are inputs of their own.
        #[serde(default = "always", skip_serializing_if = "Ratio::is_always")]
        rate: Ratio,
        /// How long the window stays open.
        lasts: Span,
        /// The place of the fault in the scenario's list.
        fault: u16,
    },
    /// A fault hits the first call that this discoverer makes, or the first event that it is
    /// sent, from now on.
    Hit {
        /// Which discoverer.
        discoverer: DiscovererId,
        /// What goes wrong.
        kind: FaultKind,
        /// How many others pass first, if there are several at this very instant.
        #[serde(default, skip_serializing_if = "is_zero")]
        after: u32,
    },
    /// The configuration is applied again as it is.
    Reload,
    /// These discoverers get another configuration, and it is applied.
    ChangeConfig {
        /// Which ones.
        discoverers: Vec<DiscovererId>,
    },
    /// These jobs are taken out of the configuration, and it is applied.
    RemoveJobs {
        /// Which ones.
        jobs: Vec<JobId>,
    },
    /// These jobs are put back into the configuration, and it is applied.
    AddJobs {
        /// Which ones.
        jobs: Vec<JobId>,
    },
    /// These discoverers are killed and start again, from nothing unless it was saved.
    RestartDiscoverers {
        /// Which ones.
        discoverers: Vec<DiscovererId>,
        /// Each starts with what it knew.
        #[serde(default, skip_serializing_if = "core::ops::Not::not")]
        saved: bool,
    },
    /// What the manager has is written down.
    SaveManager,
    /// The manager and everything in its process is killed and starts again, from nothing unless it was
    /// saved.
    RestartManager {
        /// It reads what was written down last.
        #[serde(default, skip_serializing_if = "core::ops::Not::not")]
        saved: bool,
        /// Which version starts.
        #[serde(default, skip_serializing_if = "is_default")]
        version: Version,
    },
    /// Manager, discoverers and receiver stand still for a while.
    Suspend {
        /// For how long.
        lasts: Span,
    },
    /// The receiver takes nothing for a while.
    PauseReceiver {
        /// For how long.
        lasts: Span,
    },
    /// An operator confirms what the guard holds of these discoverers (B05).
    Confirm {
        /// Of which ones.
        discoverers: Vec<DiscovererId>,
    },
    /// Noise is drawn from another seed from now on: how long calls take, when turns come.
    Reseed {
        /// Which one.
        seed: u64,
    },
    /// The calm starts: all windows shut, and what is broken heals, except for these
    /// discoverers, whose backend is out of reach for ever.
    Calm {
        /// Who stays broken.
        broken: Vec<DiscovererId>,
    },
}

impl Happening {
    /// What is done to processes and their configuration, for people; none if it is about hosts or
    /// faults.
    pub(crate) fn says(&self) -> Option<String> {
        Some(match self {
            Self::Reload => "the configuration is applied again".to_owned(),
            Self::ChangeConfig { discoverers } => format!("{} discoverers reconfigured", discoverers.len()),
            Self::RemoveJobs { jobs } => format!("{} jobs removed", jobs.len()),
            Self::AddJobs { jobs } => format!("{} jobs added", jobs.len()),
            Self::RestartDiscoverers { discoverers, .. } => format!("{} discoverers restarted", discoverers.len()),
            Self::SaveManager => "what the manager has is saved".to_owned(),
            Self::RestartManager { saved, version } => {
                let with = if *saved { " with what was saved" } else { "" };
                let other = if is_default(version) { "" } else { " as another version" };
                format!("the manager is restarted{other}{with}")
            }
            Self::Suspend { lasts } => format!("everything stands still for {lasts}"),
            Self::PauseReceiver { lasts } => format!("the receiver pauses for {lasts}"),
            Self::Confirm { discoverers } => format!("drops of {} discoverers confirmed", discoverers.len()),
            Self::Reseed { seed } => format!("from here on it is drawn from seed {seed}"),
            Self::Calm { .. } => "the calm starts".to_owned(),
            Self::Up { .. } | Self::Down { .. } | Self::Window { .. } | Self::Hit { .. } => return None,
        })
    }
}

/// How a host looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Looks {
    /// Its service.
    pub service: ServiceId,
    /// Its zone.
    pub zone: u32,
    /// Its address, as a number.
    pub address: u32,
    /// Its name, as a number.
    pub name: u32,
    /// The release that it runs.
    #[serde(default)]
    pub release: u32,
    /// How many labels it has beyond those.
    #[serde(default)]
    pub labels: u16,
}

/// Whom a window covers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Covered {
    /// Every discoverer that can meet the fault.
    Everyone,
    /// These ones.
    These(Vec<DiscovererId>),
    /// These ones, where this replica of their backend answers.
    Replica {
        /// Which ones.
        of: Vec<DiscovererId>,
        /// Which replica; the first is 0.
        replica: u32,
    },
}

fn always() -> Ratio {
    Ratio::ALWAYS
}

fn is_default(version: &Version) -> bool {
    *version == Version::default()
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}
