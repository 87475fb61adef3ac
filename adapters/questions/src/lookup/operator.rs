//! What is answered to an operator, as far as commands use it; `server/providers` says what it means.

use serde::{Deserialize, Serialize};

#[derive(Debug, Deserialize)]
pub(super) struct Holds {
    pub(super) holds: Vec<Hold>,
}

/// A drop that is held.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Hold {
    pub(crate) manager: String,
    pub(crate) provider: String,
    pub(crate) description: String,
    pub(crate) subscribers: Vec<String>,
    pub(crate) since: f64,
    pub(crate) until: f64,
    /// Seconds until it counts.
    pub(crate) left: f64,
    pub(crate) targets: usize,
    pub(crate) before: usize,
    #[serde(default)]
    pub(crate) came: usize,
    pub(crate) of: usize,
    pub(crate) set: String,
    /// Some of the targets.
    pub(crate) addresses: Vec<String>,
}

/// A drop that was confirmed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Confirmed {
    pub(crate) provider: String,
    /// Targets that are gone now.
    pub(crate) released: usize,
}

/// What became of the wish that a provider asks its backend.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Refreshed {
    pub(crate) provider: String,
    pub(crate) manager: String,
    pub(crate) description: String,
    pub(crate) refresh: Became,
    pub(crate) state: String,
    pub(crate) targets: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_error: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) missing: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
}

/// How far it got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Became {
    Asked,
    Answered,
    NothingToAsk,
}
