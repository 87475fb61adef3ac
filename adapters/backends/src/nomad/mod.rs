//! `nomad_sd_configs`: the services that jobs have registered with Nomad itself.
//!
//! Each `refresh_interval` the services are listed, and the instances of each (`/v1/services` and `/v1/service/NAME` of
//! <https://developer.hashicorp.com/nomad/api-docs/services>). Labels are Prometheus's.
//!
//! **A service that can't be read keeps its targets, and is named**; Prometheus then has read nothing at all, so that a
//! service which is deregistered between the two requests costs a refresh. So each service has a group of its own,
//! `Nomad/NAMESPACE/NAME`.
//!
//! Otherwise than in Prometheus:
//! * [`AT_ONCE`](Rest::AT_ONCE) services are read at a time, not one: Nomad lets a client have 100 connections
//!   (`http_max_conns_per_client` of <https://developer.hashicorp.com/nomad/docs/configuration#limits-parameters>).
//! * With `namespace: '*'` each service is asked for in its own namespace. There, a name in two namespaces is found twice.
//! * A refresh has a deadline; and an instance without an address, which is `:PORT` there, makes no target, and is counted.
//! * A token is sent by `http_headers` (`X-Nomad-Token`) or as a bearer token; `NOMAD_TOKEN` and the other variables of
//!   Nomad's own tools don't count, as there.

mod settings;

use std::fmt;
use std::sync::Arc;

use headcount_core::Batch;
use headcount_discoverer::address::host_port;
use headcount_discoverer::env::HttpRequest;
use headcount_discoverer::metrics::{Definition, Kind};
use headcount_discoverer::rest::{Ask, ReadError, Rest};
use headcount_reader::HttpClientSettings;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::answers::{List, Number, Object, PartCount, Text, get_json, put};

pub use settings::NomadSd;

const FAILURES: Definition = Definition {
    name: "prometheus_sd_nomad_failures_total",
    help: "Number of nomad service discovery refresh failures.",
    kind: Kind::Counter,
};
const SKIPPED: Definition = Definition {
    name: "headcount_sd_nomad_skipped_instances_total",
    help: "Instances of services that were found without an address, and so are no targets.",
    kind: Kind::Counter,
};

/// What stands in a path or a parameter as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A running discoverer.
struct Nomad {
    settings: Arc<NomadSd>,
    listed: PartCount,
}

/// A service of a namespace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Service {
    namespace: Arc<str>,
    name: Arc<str>,
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Namespace {
    namespace: Text,
    services: Option<Vec<Object<Listed>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Listed {
    service_name: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Instance {
    #[serde(rename = "ID")]
    id: Text,
    service_name: Text,
    namespace: Text,
    #[serde(rename = "NodeID")]
    node_id: Text,
    datacenter: Text,
    tags: List<Text>,
    address: Text,
    port: Number,
}

impl Rest for Nomad {
    type Part = Service;
    type Found = Vec<Instance>;
    const READING: &'static str = "listing the services of Nomad";
    const FAILURES: Option<Definition> = Some(FAILURES);

    fn client(&self) -> &HttpClientSettings {
        &self.settings.client
    }

    async fn parts(&self, ask: &Ask<'_>) -> Result<Vec<Service>, ReadError> {
        let request = self.request(ask, "/v1/services", &self.settings.namespace);
        let url = self.settings.server.shown();
        let namespaces: Vec<Object<Namespace>> = get(ask, request).await?;
        let (mut services, mut count) = (Vec::new(), 0_usize);
        for namespace in namespaces {
            let Some(namespace) = namespace.0 else {
                count = count.saturating_add(1);
                continue;
            };
            let name = namespace.namespace.0.into();
            let listed = namespace.services.unwrap_or_default();
            count = count.saturating_add(listed.len());
            let listed = listed.into_iter().filter_map(|listed| listed.0);
            let listed = listed
                .map(|listed| listed.service_name.0)
                .filter(|name| !name.is_empty());
            services.extend(listed.map(|service| Service {
                namespace: Arc::clone(&name),
                name: service.into(),
            }));
        }
        // Who has no name can't be asked for.
        let skipped = count.saturating_sub(services.len());
        ask.env().metrics.add(SKIPPED, &[], skipped as f64);
        self.listed.believe(url, services.len())?;
        Ok(services)
    }

    async fn read(&self, service: &Service, ask: &Ask<'_>) -> Result<Option<Vec<Instance>>, ReadError> {
        let path = format!("/v1/service/{}", utf8_percent_encode(&service.name, PLAIN));
        let namespace = match &*service.namespace {
            "" => &self.settings.namespace,
            namespace => namespace,
        };
        let all: Vec<Object<Instance>> = get(ask, self.request(ask, &path, namespace)).await?;
        let count = all.len();
        let instances = all.into_iter().filter_map(|instance| instance.0);
        let instances: Vec<Instance> = instances.filter(|one| !one.address.as_str().is_empty()).collect();
        let skipped = count.saturating_sub(instances.len());
        ask.env().metrics.add(SKIPPED, &[], skipped as f64);
        Ok(Some(instances))
    }

    fn encode(&self, service: &Service, found: Vec<Instance>, batch: &mut Batch<'_>) -> Result<(), ReadError> {
        batch.begin(&source(service))?;
        for instance in found {
            let port = instance.port.0.unwrap_or_default();
            batch.begin_target()?;
            put(batch, "__address__", &host_port(instance.address.as_str(), port))?;
            let mut label = |name: &str, value: &str| put(batch, &format!("__meta_nomad_{name}"), value);
            label("address", instance.address.as_str())?;
            label("dc", instance.datacenter.as_str())?;
            label("namespace", instance.namespace.as_str())?;
            label("node_id", instance.node_id.as_str())?;
            label("service", instance.service_name.as_str())?;
            label("service_address", instance.address.as_str())?;
            label("service_id", instance.id.as_str())?;
            label("service_port", &port.to_string())?;
            label("tags", &self.tags(&instance.tags))?;
        }
        Ok(batch.end()?)
    }

    fn is_source(&self, service: &Service, known: &str) -> bool {
        known == source(service)
    }
}

impl Nomad {
    fn new(settings: Arc<NomadSd>) -> Self {
        Self {
            settings,
            listed: PartCount::default(),
        }
    }

    fn request(&self, ask: &Ask<'_>, path: &str, namespace: &str) -> HttpRequest {
        let escaped = |value| utf8_percent_encode(value, PLAIN).to_string();
        let mut query = Vec::new();
        if !namespace.is_empty() {
            query.push(format!("namespace={}", escaped(namespace)));
        }
        if !self.settings.region.is_empty() {
            query.push(format!("region={}", escaped(&self.settings.region)));
        }
        if self.settings.allow_stale {
            query.push("stale=".to_owned());
        }
        let mark = if query.is_empty() { "" } else { "?" };
        get_json(
            ask,
            self.settings.server.join(&format!("{path}{mark}{}", query.join("&"))),
        )
    }

    /// The tags in one, each between two separators. Nothing if there are none.
    fn tags(&self, tags: &List<Text>) -> String {
        let separator = &self.settings.tag_separator;
        let tags = tags.0.iter().map(Text::as_str);
        match tags.collect::<Vec<_>>().as_slice() {
            [] => String::new(),
            tags => format!("{separator}{}{separator}", tags.join(separator)),
        }
    }
}

fn source(service: &Service) -> String {
    format!("Nomad/{service}")
}

async fn get<T: DeserializeOwned>(ask: &Ask<'_>, request: HttpRequest) -> Result<T, ReadError> {
    let url = request.url.clone();
    let answer = ask.get(request).await?;
    crate::json::from_slice(&answer.body).map_err(|error| ReadError::answer(&url, error))
}

#[cfg(test)]
mod tests;
