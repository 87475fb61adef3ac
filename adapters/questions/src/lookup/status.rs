//! How a daemon fares, as far as `status` tells of it; `server/targets`, `server/providers` and `server/runtime_info` say what
//! it means.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The process.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Runtime {
    pub(crate) version: String,
    /// When it started, and what time it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) start_time: Option<String>,
    /// Seconds since it started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) uptime: Option<f64>,
    pub(crate) reload_config_success: bool,
    pub(crate) last_config_time: String,
    pub(crate) waiting_for: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) not_saved: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) resident_memory_bytes: Option<f64>,
    pub(crate) memory_bytes: BTreeMap<String, u64>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Pools {
    pub(crate) pools: Vec<Pool>,
}

/// A job and the fates of its targets.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Pool {
    pub(crate) name: String,
    pub(crate) complete: bool,
    pub(crate) served: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) failed_configs: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) replaced: Vec<String>,
    pub(crate) active: usize,
    pub(crate) dropped: usize,
    pub(crate) duplicate: usize,
    pub(crate) invalid: usize,
    pub(crate) over_label_limits: usize,
    pub(crate) target_limit: Option<u64>,
    pub(crate) exceeds_target_limit: bool,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Providers {
    pub(crate) providers: Vec<Provider>,
}

/// A provider, and how it fares.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Provider {
    pub(crate) manager: String,
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) description: String,
    pub(crate) subscribers: Vec<String>,
    pub(crate) groups: usize,
    pub(crate) targets: usize,
    /// Groups that it has only because it had them.
    #[serde(default, rename = "staleGroups")]
    pub(crate) stale_groups: usize,
    pub(crate) churn: Churn,
    pub(crate) health: Health,
    pub(crate) held: Option<HeldDrop>,
}

/// How much of what it finds changes.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Churn {
    pub(crate) window_seconds: f64,
    pub(crate) groups_per_minute: f64,
    pub(crate) bytes_per_minute: f64,
    pub(crate) changed_groups: u64,
    pub(crate) changed_bytes: u64,
    /// Bytes that its groups take.
    pub(crate) size: usize,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Health {
    pub(crate) state: String,
    /// Seconds since it was last read.
    pub(crate) last_update_age: Option<f64>,
    /// Seconds since it was last read without any error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_success_age: Option<f64>,
    pub(crate) last_change_age: Option<f64>,
    pub(crate) last_error: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) missing: Option<String>,
    /// How old what it had before a restart is, until it is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) restored_age: Option<f64>,
    pub(crate) failures: u64,
    /// Since it last did better.
    #[serde(default)]
    pub(crate) consecutive_failures: u64,
    pub(crate) refreshes: u64,
    pub(crate) refresh_seconds: f64,
}

/// Targets that are gone and still in the lists.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct HeldDrop {
    pub(crate) targets: usize,
    pub(crate) until: f64,
    pub(crate) set: String,
}
