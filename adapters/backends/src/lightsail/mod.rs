//! `lightsail_sd_configs`: the instances of Amazon Lightsail in a region.
//!
//! **What is asked.** `GetInstances`, page by page. Prometheus reads the first page only (prometheus#19180).
//!
//! **What becomes of it.** One group, whose source is the region, with Prometheus's labels. An instance without a private
//! address is skipped and counted.

mod answer;
mod settings;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use headcount_core::{Batch, GroupError};
use headcount_discoverer::address::host_port;
use headcount_discoverer::metrics::Definition;
use headcount_discoverer::rest::{Ask, ReadError, Rest};
use headcount_reader::HttpClientSettings;
use serde_json::json;

use crate::aws_api::{Aws, LIGHTSAIL, Labels, Part, action, add_group, comma_list};
use answer::Instance;

pub use settings::LightsailSd;

const PREFIX: &str = "__meta_lightsail_";

struct Lightsail {
    aws: Aws,
    skipped: Definition,
}

impl Lightsail {
    fn new(settings: &Arc<LightsailSd>, skipped: Definition) -> Self {
        Self {
            aws: Aws::new(settings.account.clone(), 1),
            skipped,
        }
    }
}

impl Rest for Lightsail {
    type Part = Part<()>;
    type Found = Vec<Instance>;
    const READING: &'static str = "asking Lightsail:";

    fn client(&self) -> &HttpClientSettings {
        &self.aws.account().client
    }

    async fn parts(&self, ask: &Ask<'_>) -> Result<Vec<Self::Part>, ReadError> {
        let session = self.aws.begin(ask).await?;
        Ok(vec![Part::new(session.region.clone(), &session, ())])
    }

    async fn read(&self, part: &Self::Part, ask: &Ask<'_>) -> Result<Option<Vec<Instance>>, ReadError> {
        let request = |endpoint: &str, mark: Option<&str>| {
            let parameters = match mark {
                Some(mark) => json!({ "pageToken": mark }),
                None => json!({}),
            };
            action(endpoint, "Lightsail_20161128.GetInstances", &parameters)
        };
        let all = self
            .aws
            .pages(&part.session, ask, &LIGHTSAIL, request, answer::instances);
        let mut instances = all.await?;
        let before = instances.len();
        instances.retain(|instance| instance.private_ip().is_some());
        let skipped = before.saturating_sub(instances.len());
        ask.env().metrics.add(self.skipped, &[], skipped as f64);
        Ok(Some(instances))
    }

    fn encode(&self, part: &Self::Part, instances: Vec<Instance>, batch: &mut Batch<'_>) -> Result<(), ReadError> {
        let (region, port) = (&*part.session.region, self.aws.account().port);
        let added = add_group(batch, region, |batch| {
            Labels::of_group(batch, PREFIX).put("region", region)?;
            for instance in &instances {
                if let Some(address) = instance.private_ip() {
                    let labels = Labels::of_target(batch, PREFIX, &host_port(address, port))?;
                    put(labels, instance)?;
                }
            }
            Ok(())
        });
        Ok(added?)
    }

    fn is_source(&self, part: &Self::Part, source: &str) -> bool {
        *source == *part.source
    }
}

fn put(mut labels: Labels<'_, '_>, instance: &Instance) -> Result<(), GroupError> {
    let zone = instance
        .location
        .as_ref()
        .and_then(|location| location.availability_zone.as_deref());
    labels.put_some("availability_zone", zone)?;
    labels.put_some("blueprint_id", instance.blueprint_id.as_deref())?;
    labels.put_some("bundle_id", instance.bundle_id.as_deref())?;
    labels.put_some("instance_name", instance.name.as_deref())?;
    let state = instance.state.as_ref().and_then(|state| state.name.as_deref());
    labels.put_some("instance_state", state)?;
    labels.put_some("instance_support_code", instance.support_code.as_deref())?;
    let ipv6: Vec<&str> = instance.ipv6_addresses.iter().flatten().map(String::as_str).collect();
    if !ipv6.is_empty() {
        labels.put("ipv6_addresses", &comma_list(ipv6))?;
    }
    labels.put_some("private_ip", instance.private_ip())?;
    labels.put_some("public_ip", instance.public_ip_address.as_deref())?;
    labels.put_json_tags("tag_", instance.tags.as_deref())
}
