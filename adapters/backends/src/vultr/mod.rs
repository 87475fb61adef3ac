//! `vultr_sd_configs`: the instances of a Vultr account.
//!
//! Each `refresh_interval` all of them are listed (`GET /v2/instances` of <https://www.vultr.com/api/>), in pages of 500, the
//! most that there is. Labels and the one source, `Vultr`, are Prometheus's. **A list that can't be had as a whole
//! changes nothing.** A key may be good for some addresses only, so that a status of 401 or 403 can mean where headcount
//! runs.
//!
//! Otherwise than in Prometheus an instance that has no main IPv4 address (yet), which is `0.0.0.0:80` there, is scraped at
//! its IPv6 or its internal address; without any it makes no target, and is counted.

mod settings;

use std::sync::Arc;

use headcount_core::{Batch, GroupError};
use headcount_discoverer::address::host_port;
use headcount_discoverer::env::HttpRequest;
use headcount_discoverer::metrics::{Definition, Kind};
use headcount_discoverer::rest::{Ask, Page, ReadError, Rest, Whole};
use headcount_reader::HttpClientSettings;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use crate::answers::{List, Object, Scalar, Text, get_json, list, put};

pub use settings::VultrSd;

const URL: &str = "https://api.vultr.com/v2/instances?per_page=500";
/// What the targets' group is known by.
const SOURCE: &str = "Vultr";

const SKIPPED: Definition = Definition {
    name: "headcount_sd_vultr_skipped_instances_total",
    help: "Instances that were found without an address, and so are no targets.",
    kind: Kind::Counter,
};

/// A running discoverer.
struct Vultr(Arc<VultrSd>);

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Instance {
    id: Text,
    label: Text,
    os: Text,
    os_id: Scalar,
    region: Text,
    plan: Text,
    main_ip: Text,
    v6_main_ip: Text,
    internal_ip: Text,
    features: List<Text>,
    tags: List<Text>,
    hostname: Text,
    server_status: Text,
    vcpu_count: Scalar,
    ram: Scalar,
    allowed_bandwidth: Scalar,
    disk: Scalar,
}

#[derive(Deserialize)]
struct Answer {
    instances: Vec<Object<Instance>>,
    #[serde(default)]
    meta: Option<Meta>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Meta {
    links: Option<Links>,
}

/// Where a list goes on.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Links {
    next: Option<String>,
}

impl Rest for Vultr {
    type Part = Whole;
    type Found = Vec<Instance>;
    const READING: &'static str = "listing the instances of Vultr";

    fn client(&self) -> &HttpClientSettings {
        &self.0.common.client
    }

    async fn parts(&self, _ask: &Ask<'_>) -> Result<Vec<Whole>, ReadError> {
        Ok(vec![Whole])
    }

    async fn read(&self, _part: &Whole, ask: &Ask<'_>) -> Result<Option<Vec<Instance>>, ReadError> {
        let all = ask.pages(get_json(ask, URL), |answer| {
            let found: Answer = crate::json::from_slice(&answer.body)?;
            Ok::<_, serde_json::Error>(Page {
                items: found.instances,
                next: next(ask, found.meta),
            })
        });
        let all = all.await?;
        let count = all.len();
        let found = all.into_iter().filter_map(|one| one.0);
        let found: Vec<Instance> = found.filter(|instance| !instance.address().is_empty()).collect();
        let skipped = count.saturating_sub(found.len());
        ask.env().metrics.add(SKIPPED, &[], skipped as f64);
        Ok(Some(found))
    }

    fn encode(&self, _part: &Whole, found: Vec<Instance>, batch: &mut Batch<'_>) -> Result<(), ReadError> {
        batch.begin(SOURCE)?;
        for instance in &found {
            instance.encode(self.0.common.port, batch)?;
        }
        Ok(batch.end()?)
    }

    fn is_source(&self, _part: &Whole, source: &str) -> bool {
        source == SOURCE
    }
}

fn next(ask: &Ask<'_>, meta: Option<Meta>) -> Option<HttpRequest> {
    let cursor = meta?.links?.next.filter(|cursor| !cursor.is_empty())?;
    let cursor = utf8_percent_encode(&cursor, NON_ALPHANUMERIC);
    Some(get_json(ask, format!("{URL}&cursor={cursor}")))
}

impl Instance {
    fn address(&self) -> &str {
        let addresses = [&self.main_ip, &self.v6_main_ip, &self.internal_ip]
            .into_iter()
            .map(Text::as_str);
        let mut known = addresses.filter(|address| !matches!(*address, "" | "0.0.0.0" | "::"));
        known.next().unwrap_or_default()
    }

    /// Adds its target to the open group.
    fn encode(&self, port: u16, batch: &mut Batch<'_>) -> Result<(), GroupError> {
        batch.begin_target()?;
        put(batch, "__address__", &host_port(self.address(), port))?;
        let joined = |texts: &List<Text>| list(texts.0.iter().map(Text::as_str).filter(|text| !text.is_empty()));
        let mut label = |name: &str, value: &str| put(batch, &format!("__meta_vultr_instance_{name}"), value);
        label("allowed_bandwidth_gb", self.allowed_bandwidth.as_str())?;
        label("disk_gb", self.disk.as_str())?;
        label("features", &joined(&self.features))?;
        label("hostname", self.hostname.as_str())?;
        label("id", self.id.as_str())?;
        label("internal_ip", self.internal_ip.as_str())?;
        label("label", self.label.as_str())?;
        label("main_ip", self.main_ip.as_str())?;
        label("main_ipv6", self.v6_main_ip.as_str())?;
        label("os", self.os.as_str())?;
        label("os_id", self.os_id.as_str())?;
        label("plan", self.plan.as_str())?;
        label("ram_mb", self.ram.as_str())?;
        label("region", self.region.as_str())?;
        label("server_status", self.server_status.as_str())?;
        label("tags", &joined(&self.tags))?;
        label("vcpu_count", self.vcpu_count.as_str())
    }
}

#[cfg(test)]
mod tests;
