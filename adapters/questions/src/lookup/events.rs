//! What `/api/v1/events` answers, as far as commands use it; `server/events` says what it means.

use std::collections::BTreeMap;

use headcount_core::Address;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What happened, and from when on all of it is known.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Events {
    pub(crate) events: Vec<Event>,
    pub(crate) has_more: bool,
    /// When a host was asked for: what may be of it, too.
    pub(crate) unlisted: Vec<Event>,
    pub(crate) kept_since: f64,
    pub(crate) kept_since_at: String,
}

/// Something that happened.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Event {
    pub(crate) time: f64,
    pub(crate) at: String,
    pub(crate) manager: String,
    pub(crate) jobs: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) provider: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) provider_description: Option<String>,
    pub(crate) message: String,
    pub(crate) what: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) source: Option<String>,
    /// Of targets: the first of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) addresses: Vec<String>,
    /// What took targets away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) because: Option<String>,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

impl Event {
    /// The first of its addresses that is at a host.
    pub(crate) fn address_at(&self, host: &Address) -> Option<&str> {
        let mut addresses = self.addresses.iter().map(String::as_str);
        addresses.find(|address| host.covers_text(address))
    }
}
