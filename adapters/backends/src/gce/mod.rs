//! `gce_sd_configs`: the instances of a zone of Google Compute Engine.
//!
//! Each `refresh_interval` the zone's instances are listed, in pages
//! (<https://cloud.google.com/compute/docs/reference/rest/v1/instances/list>), as whom the application default credentials
//! say. Labels and the one source, `GCE_<project>_<zone>`, are Prometheus's; as there, there are no settings of the HTTP
//! client, and proxies are those of the environment. **A list that can't be had as a whole changes nothing**: that a part of
//! the zone can't be reached is a failure as well.
//!
//! Otherwise than in Prometheus:
//! * Credentials that can't be had are a failure of the refresh, and looked for again at the next one; there they are
//!   looked for once, and the entry is dead until the next reload.
//! * A token is shared by all entries that have the same credentials, and got anew when it is refused.
//! * An instance whose first interface has no IPv4 address, which is `:80` there, is scraped at its IPv6 address; without
//!   either, or without an interface, it makes no target, and is counted.
//! * Of credentials of the type `external_account` those with a file or a URL are taken, and those that need AWS's
//!   signatures, a program or a certificate are refused by name.

mod credentials;
mod login;
mod settings;

use std::sync::{Arc, Mutex, PoisonError};

use headcount_core::{Batch, GroupError};
use headcount_discoverer::address::host_port;
use headcount_discoverer::env::TokenSlot;
use headcount_discoverer::metrics::{Definition, Kind};
use headcount_discoverer::rest::{Ask, ReadError, Rest, Whole};
use headcount_reader::{HttpClientSettings, Proxy, ProxySettings};
use serde::Deserialize;

use crate::answers::{List, Object, ShortMap, ShortScalar, ShortText, Text, put};
use crate::bearer::{Api, LoginError, form, step};
use crate::label_name::label_name;

pub use settings::GceSd;

/// Where Compute Engine is asked.
const API: &str = "https://compute.googleapis.com/compute/v1";

const SKIPPED: Definition = Definition {
    name: "headcount_sd_gce_skipped_instances_total",
    help: "Instances that were found without an address, and so are no targets.",
    kind: Kind::Counter,
};

type Slot = TokenSlot<LoginError>;

/// A running discoverer.
struct Gce {
    settings: Arc<GceSd>,
    client: HttpClientSettings,
    /// Kept from refresh to refresh, so that the token is.
    slot: Mutex<Option<Arc<Slot>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Instance {
    id: ShortScalar,
    name: ShortText,
    status: ShortText,
    zone: ShortText,
    machine_type: ShortText,
    network_interfaces: List<Object<Interface>>,
    tags: Object<Tags>,
    metadata: Object<Metadata>,
    labels: ShortMap,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Interface {
    name: ShortText,
    network: ShortText,
    subnetwork: ShortText,
    #[serde(rename = "networkIP")]
    network_ip: ShortText,
    ipv6_address: ShortText,
    access_configs: List<Object<Access>>,
    ipv6_access_configs: List<Object<Access>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Access {
    r#type: ShortText,
    #[serde(rename = "natIP")]
    nat_ip: ShortText,
    external_ipv6: ShortText,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Tags {
    items: List<ShortText>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Metadata {
    items: List<Object<Item>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Item {
    key: ShortText,
    value: ShortText,
}

/// A page. One without instances has no list, but still says what it is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    kind: Option<String>,
    items: Option<Vec<Object<Instance>>>,
    #[serde(default)]
    next_page_token: Option<String>,
    #[serde(default)]
    warning: Object<Warning>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Warning {
    code: Text,
    message: Text,
}

/// Why an answer is not the list that was asked for.
#[derive(Debug, thiserror::Error)]
enum AnswerError {
    #[error("the answer is no list of instances: {0}")]
    Json(#[from] serde_json::Error),
    #[error("the answer is no list of instances")]
    NoList,
    #[error("the list is not whole: {code}: {message}")]
    Partial { code: String, message: String },
}

impl Rest for Gce {
    type Part = Whole;
    type Found = Vec<Instance>;
    const READING: &'static str = "listing the instances of Google Compute Engine";

    fn client(&self) -> &HttpClientSettings {
        &self.client
    }

    async fn parts(&self, _ask: &Ask<'_>) -> Result<Vec<Whole>, ReadError> {
        Ok(vec![Whole])
    }

    async fn read(&self, _part: &Whole, ask: &Ask<'_>) -> Result<Option<Vec<Instance>>, ReadError> {
        let credentials = credentials::find(ask.env()).await?;
        let slot: Arc<Slot> = ask.env().tokens.slot(credentials.clone());
        *self.slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(slot.clone());
        let api = Api {
            ask,
            login: &credentials,
            slot: &slot,
        };
        let url = |token: &str| self.url(token);
        let found = api.pages(url(""), |answer| {
            let Listed {
                kind,
                items,
                next_page_token: next,
                warning,
            } = listed(&answer.body)?;
            if items.is_none() && kind.is_none() {
                return Err(AnswerError::NoList);
            }
            let next = next.unwrap_or_default();
            let warning = warning.0.unwrap_or_default();
            // An empty page is nothing to warn of; all else is rare, and worth waiting for.
            if matches!(warning.code.as_str(), "UNREACHABLE" | "PARTIAL_SUCCESS") {
                let (Text(code), Text(message)) = (warning.code, warning.message);
                return Err(AnswerError::Partial { code, message });
            }
            Ok((items.unwrap_or_default(), (!next.is_empty()).then(|| url(&next))))
        });
        let found = found.await?;
        let count = found.len();
        let instances: Vec<Instance> = found.into_iter().filter_map(|instance| instance.0).collect();
        let targets = instances.iter().filter(|instance| instance.address().is_some()).count();
        ask.env()
            .metrics
            .add(SKIPPED, &[], count.saturating_sub(targets) as f64);
        Ok(Some(instances))
    }

    fn encode(&self, _part: &Whole, found: Vec<Instance>, batch: &mut Batch<'_>) -> Result<(), ReadError> {
        batch.begin(&self.settings.source)?;
        for instance in &found {
            if let Some((first, address)) = instance.address() {
                batch.begin_target()?;
                put(batch, "__address__", &host_port(address, self.settings.port))?;
                self.encode_instance(instance, first, batch)?;
            }
        }
        Ok(batch.end()?)
    }

    fn is_source(&self, _part: &Whole, source: &str) -> bool {
        source == self.settings.source
    }
}

fn listed(body: &[u8]) -> serde_json::Result<Listed> {
    crate::json::from_slice(body)
}

/// What a page decodes to.
#[cfg(feature = "decoding")]
pub(crate) fn instances(body: &[u8]) -> serde_json::Result<Vec<impl Sized + use<>>> {
    listed(body).map(|listed| listed.items.unwrap_or_default())
}

impl Gce {
    fn new(settings: Arc<GceSd>) -> Self {
        Self {
            settings,
            // As Go's default client.
            client: HttpClientSettings {
                proxy: ProxySettings {
                    proxy: Proxy::Environment,
                    ..ProxySettings::default()
                },
                ..HttpClientSettings::default()
            },
            slot: Mutex::new(None),
        }
    }

    /// The URL of a page.
    fn url(&self, page: &str) -> String {
        let GceSd {
            project, zone, filter, ..
        } = &*self.settings;
        let mut query = vec![("alt", "json"), ("prettyPrint", "false")];
        query.extend((!filter.is_empty()).then_some(("filter", filter.as_str())));
        query.extend((!page.is_empty()).then_some(("pageToken", page)));
        format!(
            "{API}/projects/{}/zones/{}/instances?{}",
            step(project),
            step(zone),
            form(&query)
        )
    }

    fn encode_instance(&self, instance: &Instance, first: &Interface, batch: &mut Batch<'_>) -> Result<(), GroupError> {
        put(batch, "__meta_gce_project", &self.settings.project)?;
        put(batch, "__meta_gce_zone", instance.zone.as_str())?;
        put(batch, "__meta_gce_instance_id", instance.id.as_str())?;
        put(batch, "__meta_gce_instance_name", instance.name.as_str())?;
        put(batch, "__meta_gce_instance_status", instance.status.as_str())?;
        put(batch, "__meta_gce_machine_type", instance.machine_type.as_str())?;
        put(batch, "__meta_gce_network", first.network.as_str())?;
        put(batch, "__meta_gce_subnetwork", first.subnetwork.as_str())?;
        put(batch, "__meta_gce_private_ip", first.network_ip.as_str())?;
        for interface in instance.network_interfaces.0.iter().filter_map(|one| one.0.as_ref()) {
            let name = label_name("__meta_gce_interface_ipv4_", interface.name.as_str());
            put(batch, &name, interface.network_ip.as_str())?;
        }
        let separator = self.settings.tag_separator.as_str();
        let tags = instance
            .tags
            .0
            .as_ref()
            .map(|tags| tags.items.0.as_slice())
            .unwrap_or_default();
        if !tags.is_empty() {
            let tags: Vec<&str> = tags.iter().map(Text::as_str).collect();
            put(
                batch,
                "__meta_gce_tags",
                &format!("{separator}{}{separator}", tags.join(separator)),
            )?;
        }
        let metadata = instance.metadata.0.iter().flat_map(|metadata| &metadata.items.0);
        for item in metadata.filter_map(|item| item.0.as_ref()) {
            let name = label_name("__meta_gce_metadata_", item.key.as_str());
            put(batch, &name, item.value.as_str())?;
        }
        for (key, value) in &instance.labels.0 {
            put(batch, &label_name("__meta_gce_label_", key), value.as_str())?;
        }
        let access = first.access_configs.0.first().and_then(|access| access.0.as_ref());
        let access = access.filter(|access| access.r#type.as_str() == "ONE_TO_ONE_NAT");
        put(
            batch,
            "__meta_gce_public_ip",
            access.map_or("", |access| access.nat_ip.as_str()),
        )
    }
}

impl Instance {
    /// Its first interface, and the address at which it is scraped.
    fn address(&self) -> Option<(&Interface, &str)> {
        let first = self.network_interfaces.0.first()?.0.as_ref()?;
        let outside = first.ipv6_access_configs.0.first().and_then(|access| access.0.as_ref());
        let outside = outside.map_or("", |access| access.external_ipv6.as_str());
        let mut addresses = [first.network_ip.as_str(), first.ipv6_address.as_str(), outside].into_iter();
        let address = addresses.find(|address| !address.is_empty())?;
        Some((first, address))
    }
}

#[cfg(test)]
mod tests;
