//! What Lightsail says of instances, as far as it becomes labels.

use serde::Deserialize;

use crate::aws_api::{JsonError, Page, Tag, read};

/// An instance; each field may be absent.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Instance {
    pub(super) name: Option<String>,
    pub(super) support_code: Option<String>,
    pub(super) location: Option<Location>,
    pub(super) blueprint_id: Option<String>,
    pub(super) bundle_id: Option<String>,
    pub(super) private_ip_address: Option<String>,
    pub(super) public_ip_address: Option<String>,
    pub(super) ipv6_addresses: Option<Vec<String>>,
    pub(super) state: Option<State>,
    pub(super) tags: Option<Vec<Tag>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Location {
    pub(super) availability_zone: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct State {
    pub(super) name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    instances: Option<Vec<Instance>>,
    next_page_token: Option<String>,
}

impl Instance {
    pub(super) fn private_ip(&self) -> Option<&str> {
        self.private_ip_address.as_deref().filter(|ip| !ip.is_empty())
    }
}

/// The answer to `GetInstances`.
pub(super) fn instances(body: &[u8]) -> Result<Page<Instance>, JsonError> {
    let answer: Answer = read(body)?;
    let instances = answer.instances.ok_or(JsonError::Missing("instances"))?;
    Ok((instances, answer.next_page_token))
}
