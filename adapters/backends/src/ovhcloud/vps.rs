//! A VPS: `/vps/{serviceName}` of <https://eu.api.ovh.com/console/?section=%2Fvps>.

use headcount_core::{Batch, GroupError};
use serde::Deserialize;

use super::addresses::Addresses;
use crate::answers::{List, Object, Scalar, Text, put};

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Vps {
    zone: Text,
    model: Object<Model>,
    display_name: Text,
    cluster: Text,
    state: Text,
    name: Text,
    netboot_mode: Text,
    memory_limit: Scalar,
    offer_type: Text,
    vcore: Scalar,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Model {
    /// As the API spells it.
    #[serde(rename = "maximumAdditionnalIp")]
    maximum_additional_ip: Scalar,
    offer: Text,
    datacenter: List<Text>,
    vcore: Scalar,
    version: Scalar,
    name: Text,
    disk: Scalar,
    memory: Scalar,
}

impl Vps {
    /// Adds its labels to the open target.
    pub(super) fn encode(self, addresses: &Addresses, batch: &mut Batch<'_>) -> Result<(), GroupError> {
        let model = self.model.0.unwrap_or_default();
        let datacenters: Vec<&str> = model.datacenter.0.iter().map(Text::as_str).collect();
        put(batch, "instance", self.name.as_str())?;
        let mut label = |name: &str, value: &str| put(batch, &format!("__meta_ovhcloud_vps_{name}"), value);
        label("cluster", self.cluster.as_str())?;
        label("datacenter", &format!("[{}]", datacenters.join(" ")))?;
        label("disk", model.disk.as_str())?;
        label("display_name", self.display_name.as_str())?;
        label("ipv4", &addresses.ipv4)?;
        label("ipv6", &addresses.ipv6)?;
        label("maximum_additional_ip", model.maximum_additional_ip.as_str())?;
        label("memory", model.memory.as_str())?;
        label("memory_limit", self.memory_limit.as_str())?;
        label("model_name", model.name.as_str())?;
        label("model_vcore", model.vcore.as_str())?;
        label("name", self.name.as_str())?;
        label("netboot_mode", self.netboot_mode.as_str())?;
        label("offer", model.offer.as_str())?;
        label("offer_type", self.offer_type.as_str())?;
        label("state", self.state.as_str())?;
        label("vcore", self.vcore.as_str())?;
        label("version", model.version.as_str())?;
        label("zone", self.zone.as_str())
    }
}
