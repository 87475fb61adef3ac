//! Requests and answers of the services that speak JSON: Lightsail, ECS and MSK.

use headcount_discoverer::env::HttpRequest;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::query::at_root;

/// Why an answer can't be understood.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JsonError {
    #[error("it is not the JSON that was asked for: {0}")]
    Json(#[from] serde_json::Error),
    #[error("it has no {0}")]
    Missing(&'static str),
}

/// A tag; either half may be absent.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Tag {
    pub(super) key: Option<String>,
    pub(super) value: Option<String>,
}

/// The request for an action, before it is signed.
pub(crate) fn action(endpoint: &str, target: &str, parameters: &Value) -> HttpRequest {
    let body = parameters.to_string();
    HttpRequest::post(at_root(endpoint), "application/x-amz-json-1.1", body).header("X-Amz-Target", target)
}

/// What an answer says.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, JsonError> {
    Ok(crate::json::from_slice(body)?)
}
