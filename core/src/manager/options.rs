//! How a manager is set up.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::{DropGuard, Throttle};

/// How a manager is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagerOptions {
    /// Tells several managers apart (S13); the `name` label of its metrics.
    pub name: String,
    /// How often snapshots may be emitted.
    pub throttle: Throttle,
    /// What a reload does to providers whose config is unchanged.
    pub reload: Reload,
    /// Whether drops of many targets are held until they are confirmed (B05).
    pub guard: Option<DropGuard>,
    /// For how long a provider may do nothing but fail before its groups are no longer shown (B04). Without it, they are
    /// kept for as long as it takes.
    pub max_stale: Option<Duration>,
    /// Where the jitter comes from: the same seed gives the same jitter.
    pub seed: u64,
}

impl Default for ManagerOptions {
    /// The manager called `scrape`, with the throttle of Prometheus 3 and without a guard.
    fn default() -> Self {
        Self {
            name: "scrape".to_owned(),
            throttle: Throttle::default(),
            reload: Reload::Keep,
            guard: None,
            max_stale: None,
            seed: 0,
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
