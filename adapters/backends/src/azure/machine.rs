//! Virtual machines, as Azure's compute API lists them, and their labels.

use headcount_core::{Batch, GroupError};
use headcount_discoverer::address::host_port;
use serde::Deserialize;

use super::network::{Interface, Interfaces};
use super::settings::AzureSd;
use crate::answers::{List, Object, ShortMap, ShortText, put};
use crate::label_name::label_name;

/// A machine, be it one of its own or one of a scale set.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Machine {
    pub(super) id: ShortText,
    name: ShortText,
    location: ShortText,
    tags: ShortMap,
    properties: Object<Properties>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Properties {
    hardware_profile: Object<Hardware>,
    network_profile: Object<Network>,
    os_profile: Object<System>,
    storage_profile: Object<Storage>,
    virtual_machine_scale_set: Object<Reference>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Hardware {
    vm_size: ShortText,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Network {
    network_interfaces: List<Object<Reference>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct System {
    computer_name: ShortText,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Storage {
    os_disk: Object<Disk>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Disk {
    os_type: ShortText,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Reference {
    pub(super) id: ShortText,
}

impl Machine {
    /// The ids of its network interfaces.
    pub(super) fn interfaces(&self) -> impl Iterator<Item = &str> {
        let network = self.properties.0.as_ref().and_then(|it| it.network_profile.0.as_ref());
        let references = network.into_iter().flat_map(|network| &network.network_interfaces.0);
        references.map(|reference| reference.0.as_ref().map_or("", |it| it.id.as_str()))
    }

    /// Its primary interface, if it has one with an address. A machine with an interface that is gone, or that does not say
    /// whether it is the primary one, is not running.
    pub(super) fn primary<'a>(&self, known: &'a Interfaces) -> Option<&'a Interface> {
        for id in self.interfaces() {
            let interface = known.get(id)?;
            if interface.is_primary()? {
                return Some(interface).filter(|interface| interface.private_ip().is_some());
            }
        }
        None
    }

    /// Adds it to the open group, if it has an address. `scale_set` is the one that it is listed in.
    pub(super) fn encode(
        &self,
        settings: &AzureSd,
        scale_set: &str,
        known: &Interfaces,
        batch: &mut Batch<'_>,
    ) -> Result<(), GroupError> {
        let Some(interface) = self.primary(known) else {
            return Ok(());
        };
        let private_ip = interface.private_ip().unwrap_or_default();
        let properties = self.properties.0.as_ref();
        let text = |text: Option<&ShortText>| text.map(|text| text.0.clone()).unwrap_or_default();
        let system = text(properties.and_then(|it| Some(&it.os_profile.0.as_ref()?.computer_name)));
        let os_type = text(properties.and_then(|it| Some(&it.storage_profile.0.as_ref()?.os_disk.0.as_ref()?.os_type)));
        let size = text(properties.and_then(|it| Some(&it.hardware_profile.0.as_ref()?.vm_size)));
        let of_set = text(properties.and_then(|it| Some(&it.virtual_machine_scale_set.0.as_ref()?.id)));
        let scale_set = match scale_set {
            "" => last_step(&of_set),
            scale_set => scale_set,
        };
        batch.begin_target()?;
        put(batch, "__address__", &host_port(private_ip, settings.port))?;
        put(batch, "__meta_azure_subscription_id", &settings.subscription)?;
        put(batch, "__meta_azure_tenant_id", &settings.tenant)?;
        put(batch, "__meta_azure_machine_id", self.id.as_str())?;
        put(batch, "__meta_azure_machine_name", self.name.as_str())?;
        put(batch, "__meta_azure_machine_computer_name", &system)?;
        put(batch, "__meta_azure_machine_os_type", &os_type)?;
        put(batch, "__meta_azure_machine_location", self.location.as_str())?;
        put(
            batch,
            "__meta_azure_machine_resource_group",
            resource_group(self.id.as_str()),
        )?;
        put(batch, "__meta_azure_machine_size", &size)?;
        put(batch, "__meta_azure_machine_scale_set", scale_set)?;
        put(batch, "__meta_azure_machine_private_ip", private_ip)?;
        put(batch, "__meta_azure_machine_public_ip", known.public_ip(interface))?;
        for (key, value) in &self.tags.0 {
            put(batch, &label_name("__meta_azure_machine_tag_", key), value.as_str())?;
        }
        Ok(())
    }
}

/// The resource group in an id, `/subscriptions/<id>/resourceGroups/<name>/…`.
pub(super) fn resource_group(id: &str) -> &str {
    let mut steps = id.split('/');
    let found = steps.find(|step| step.eq_ignore_ascii_case("resourceGroups"));
    found.and(steps.next()).unwrap_or_default()
}

/// What an id ends in.
pub(super) fn last_step(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or_default()
}
