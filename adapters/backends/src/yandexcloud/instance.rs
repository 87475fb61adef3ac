//! Instances, as the compute service lists them (<https://yandex.cloud/docs/compute/api-ref/Instance/list>), and their labels.

use headcount_core::{Batch, GroupError};
use serde::Deserialize;

use crate::answers::{List, Map, Object, Scalar, Text, put};
use crate::label_name::label_name;

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Instance {
    id: Text,
    name: Text,
    fqdn: Text,
    status: Text,
    folder_id: Text,
    platform_id: Text,
    resources: Object<Resources>,
    network_interfaces: List<Object<Interface>>,
    labels: Map<Text>,
}

/// Whole numbers, written as text.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Resources {
    cores: Scalar,
    core_fraction: Scalar,
    memory: Scalar,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Interface {
    index: Scalar,
    #[serde(rename = "primaryV4Address")]
    address: Object<Address>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Address {
    address: Text,
    one_to_one_nat: Object<Nat>,
    dns_records: List<Object<Record>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Nat {
    address: Text,
    dns_records: List<Object<Record>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Record {
    fqdn: Text,
}

impl Instance {
    /// Where it is scraped: its name in the cloud's DNS, or else its first address.
    pub(super) fn address(&self) -> Option<&str> {
        let addresses = self.addresses().map(|(_, address)| address.address.as_str());
        let mut all = std::iter::once(self.fqdn.as_str()).chain(addresses);
        all.find(|address| !address.is_empty())
    }

    fn addresses(&self) -> impl Iterator<Item = (&Interface, &Address)> {
        let interfaces = self
            .network_interfaces
            .0
            .iter()
            .filter_map(|interface| interface.0.as_ref());
        interfaces.filter_map(|interface| Some((interface, interface.address.0.as_ref()?)))
    }

    /// Adds it to the open group, if it has an address.
    pub(super) fn encode(&self, batch: &mut Batch<'_>) -> Result<(), GroupError> {
        let Some(address) = self.address() else {
            return Ok(());
        };
        batch.begin_target()?;
        put(batch, "__address__", address)?;
        put(batch, "__meta_yandexcloud_instance_name", self.name.as_str())?;
        put(batch, "__meta_yandexcloud_instance_fqdn", self.fqdn.as_str())?;
        put(batch, "__meta_yandexcloud_instance_id", self.id.as_str())?;
        put(batch, "__meta_yandexcloud_instance_status", self.status.as_str())?;
        put(
            batch,
            "__meta_yandexcloud_instance_platform_id",
            self.platform_id.as_str(),
        )?;
        put(batch, "__meta_yandexcloud_folder_id", self.folder_id.as_str())?;
        if let Some(resources) = &self.resources.0 {
            let mut label = |name, value: &Scalar| put(batch, name, value.as_str());
            label("__meta_yandexcloud_instance_resources_cores", &resources.cores)?;
            label(
                "__meta_yandexcloud_instance_resources_core_fraction",
                &resources.core_fraction,
            )?;
            label("__meta_yandexcloud_instance_resources_memory", &resources.memory)?;
        }
        for (key, value) in &self.labels.0 {
            put(
                batch,
                &label_name("__meta_yandexcloud_instance_label_", key),
                value.as_str(),
            )?;
        }
        let (mut private, mut public) = (0_usize, 0_usize);
        for (interface, address) in self.addresses() {
            let index = interface.index.as_str();
            let name = |kind: &str| format!("__meta_yandexcloud_instance_{kind}_ip_{index}");
            put(batch, &name("private"), address.address.as_str())?;
            records("private", &mut private, &address.dns_records, batch)?;
            if let Some(nat) = &address.one_to_one_nat.0 {
                put(batch, &name("public"), nat.address.as_str())?;
                records("public", &mut public, &nat.dns_records, batch)?;
            }
        }
        Ok(())
    }
}

/// The names of addresses, numbered on from interface to interface.
fn records(
    kind: &str,
    next: &mut usize,
    records: &List<Object<Record>>,
    batch: &mut Batch<'_>,
) -> Result<(), GroupError> {
    for record in &records.0 {
        let name = record.0.as_ref().map_or("", |record| record.fqdn.as_str());
        put(batch, &format!("__meta_yandexcloud_instance_{kind}_dns_{next}"), name)?;
        *next = next.saturating_add(1);
    }
    Ok(())
}
