//! A dedicated server: `/dedicated/server/{serviceName}` of <https://eu.api.ovh.com/console/?section=%2Fdedicated%2Fserver>.

use headcount_core::{Batch, GroupError};
use serde::Deserialize;

use super::addresses::Addresses;
use crate::answers::{Flag, Scalar, Text, put};

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Dedicated {
    state: Text,
    commercial_range: Text,
    link_speed: Scalar,
    rack: Text,
    no_intervention: Flag,
    os: Text,
    support_level: Text,
    server_id: Scalar,
    reverse: Text,
    datacenter: Text,
    name: Text,
}

impl Dedicated {
    /// Adds its labels to the open target.
    pub(super) fn encode(self, addresses: &Addresses, batch: &mut Batch<'_>) -> Result<(), GroupError> {
        put(batch, "instance", self.name.as_str())?;
        let mut label =
            |name: &str, value: &str| put(batch, &format!("__meta_ovhcloud_dedicated_server_{name}"), value);
        label("commercial_range", self.commercial_range.as_str())?;
        label("datacenter", self.datacenter.as_str())?;
        label("ipv4", &addresses.ipv4)?;
        label("ipv6", &addresses.ipv6)?;
        label("link_speed", self.link_speed.as_str())?;
        label("name", self.name.as_str())?;
        label("no_intervention", if self.no_intervention.0 { "true" } else { "false" })?;
        label("os", self.os.as_str())?;
        label("rack", self.rack.as_str())?;
        label("reverse", self.reverse.as_str())?;
        label("server_id", self.server_id.as_str())?;
        label("state", self.state.as_str())?;
        label("support_level", self.support_level.as_str())
    }
}
