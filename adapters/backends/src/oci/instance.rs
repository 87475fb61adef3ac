//! Instances and their interfaces, as the compute and network services have them
//! (<https://docs.oracle.com/iaas/api/#/en/iaas/20160918/Instance/>), and their labels.

use std::collections::BTreeMap;

use headcount_core::{Batch, GroupError};
use headcount_discoverer::address::host_port;
use serde::Deserialize;

use crate::answers::{Flag, List, Map, Object, Scalar, Text, list, put};
use crate::label_name::label_name;

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Instance {
    pub(super) id: Text,
    pub(super) lifecycle_state: Text,
    availability_domain: Text,
    compartment_id: Text,
    display_name: Text,
    fault_domain: Text,
    image_id: Text,
    region: Text,
    shape: Text,
    freeform_tags: Map<Text>,
    /// By name space.
    defined_tags: Map<Map<Scalar>>,
    source_details: Object<Source>,
}

/// What it was made of; where newer answers have the image.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Source {
    image_id: Text,
}

/// An interface of an instance.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Attachment {
    pub(super) instance_id: Text,
    pub(super) vnic_id: Text,
    pub(super) lifecycle_state: Text,
    pub(super) time_created: Text,
}

/// The interfaces of each instance, the oldest first: an instance has its primary one from the beginning.
pub(super) fn interfaces(attachments: Vec<Object<Attachment>>) -> BTreeMap<String, Vec<String>> {
    let mut attached: Vec<Attachment> = attachments.into_iter().filter_map(|attachment| attachment.0).collect();
    attached.retain(|attachment| {
        attachment.lifecycle_state.as_str() == "ATTACHED" && !attachment.vnic_id.as_str().is_empty()
    });
    attached.sort_by(|one, other| one.time_created.as_str().cmp(other.time_created.as_str()));
    let mut interfaces: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for attachment in attached {
        interfaces
            .entry(attachment.instance_id.0)
            .or_default()
            .push(attachment.vnic_id.0);
    }
    interfaces
}

/// What an interface is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Vnic {
    id: Text,
    pub(super) is_primary: Flag,
    private_ip: Text,
    public_ip: Text,
    ipv6_addresses: List<Text>,
    hostname_label: Text,
}

impl Vnic {
    /// Where its instance is scraped.
    pub(super) fn address(&self) -> Option<&str> {
        let six = self.six();
        let mut all = [self.private_ip.as_str(), self.public_ip.as_str()]
            .into_iter()
            .chain(six);
        all.find(|address| !address.is_empty())
    }

    /// Its IPv6 addresses, sorted, because they come in any order.
    fn six(&self) -> Vec<&str> {
        let mut all: Vec<&str> = self.ipv6_addresses.0.iter().map(Text::as_str).collect();
        all.retain(|address| !address.is_empty());
        all.sort_unstable();
        all
    }
}

impl Instance {
    /// Whether it is one that nobody would scrape any more.
    pub(super) fn is_gone(&self) -> bool {
        matches!(self.lifecycle_state.as_str(), "TERMINATED" | "TERMINATING")
    }

    /// Adds it to the open group, at the address of its primary interface.
    pub(super) fn encode(
        &self,
        vnic: &Vnic,
        tenancy: &str,
        port: u16,
        batch: &mut Batch<'_>,
    ) -> Result<(), GroupError> {
        let Some(address) = vnic.address() else {
            return Ok(());
        };
        let image = match (self.image_id.as_str(), &self.source_details.0) {
            ("", Some(source)) => source.image_id.as_str(),
            (image, _) => image,
        };
        batch.begin_target()?;
        put(batch, "__address__", &host_port(address, port))?;
        let mut label = |name: &str, value: &str| put(batch, &format!("__meta_oci_{name}"), value);
        label("instance_id", self.id.as_str())?;
        label("instance_name", self.display_name.as_str())?;
        label("instance_state", self.lifecycle_state.as_str())?;
        label("instance_shape", self.shape.as_str())?;
        label("availability_domain", self.availability_domain.as_str())?;
        label("fault_domain", self.fault_domain.as_str())?;
        label("region", self.region.as_str())?;
        label("tenancy_id", tenancy)?;
        label("compartment_id", self.compartment_id.as_str())?;
        label("image_id", image)?;
        label("vnic_id", vnic.id.as_str())?;
        label("private_ip", vnic.private_ip.as_str())?;
        label("public_ip", vnic.public_ip.as_str())?;
        label("hostname_label", vnic.hostname_label.as_str())?;
        label("ipv6_addresses", &list(vnic.six()))?;
        for (key, value) in &self.freeform_tags.0 {
            label(&label_name("tag_", key), value.as_str())?;
        }
        for (space, tags) in &self.defined_tags.0 {
            let start = label_name("defined_tag_", space);
            for (key, value) in &tags.0 {
                label(&label_name(&format!("{start}_"), key), value.as_str())?;
            }
        }
        Ok(())
    }
}
