//! How a manager is set up.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::{DropGuard, SetOptions, Throttle};

/// How a manager is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagerOptions {
    /// Tells several managers apart (S13); the `name` label of its metrics.
    pub name: String,
    /// How often snapshots may be emitted.
    pub throttle: Throttle,
    /// Whether the throttle is kept for each set, so that one that churns does not slow a quiet one (B06).
    pub per_set: bool,
    /// What a reload does to providers whose config is unchanged.
    pub reload: Reload,
    /// Whether drops of many targets are held until they are confirmed (B05).
    pub guard: Option<DropGuard>,
    /// For how long a provider may do nothing but fail before its groups are no longer shown (B04). Without it, they are
    /// kept for as long as it takes.
    pub max_stale: Option<Duration>,
    /// How long a provider that was never read whole is waited for (B10). Without it, for as long as its config says.
    pub incomplete_after: Option<Duration>,
    /// Where the jitter comes from: the same seed gives the same jitter.
    pub seed: u64,
}

impl Default for ManagerOptions {
    /// The manager called `scrape`, with the throttle of Prometheus 3 and without a guard.
    fn default() -> Self {
        Self {
            name: "scrape".to_owned(),
            throttle: Throttle::default(),
            per_set: false,
            reload: Reload::Keep,
            guard: None,
            max_stale: None,
            incomplete_after: None,
            seed: 0,
        }
    }
}

impl ManagerOptions {
    /// What sets have until [`Manager::set_options`](crate::Manager::set_options) says something else.
    pub fn of_sets(&self) -> SetOptions {
        SetOptions {
            guard: self.guard,
            max_stale: self.max_stale,
            incomplete_after: self.incomplete_after,
        }
    }
}

/// What applying a config does to providers whose config is unchanged (S02).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reload {
    /// They go on, and new subscribers get their groups at once.
    #[default]
    Keep,
    /// All are restarted and all groups forgotten, as in Prometheus 2.x.
    Legacy,
}
