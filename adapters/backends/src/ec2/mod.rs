//! `ec2_sd_configs`: the instances of Amazon EC2 in a region.
//!
//! **What is asked.** `DescribeInstances` with the entry's filters, page by page; `DescribeAvailabilityZones` once, for
//! the zones' ids, and again when an instance stands in a zone that is not known. That may be forbidden, and then costs a
//! label.
//!
//! **What becomes of it.** One group, whose source is the region, with Prometheus's labels. The address is the private
//! one, else the first primary IPv6 address, else the first one; an instance without any is skipped and counted.
//!
//! **Where Prometheus does otherwise:** it asks for pages as large as EC2 likes, here they have 1,000 instances; it learns
//! of a zone that is new at a reload only; one page that lacks a field ends its process, here that costs a label.

mod instance;
mod labels;
mod settings;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use headcount_core::{Batch, Instant};
use headcount_discoverer::metrics::Definition;
use headcount_discoverer::rest::{Ask, ReadError, Rest};
use headcount_reader::HttpClientSettings;

use crate::aws_api::{Aws, CallError, EC2, Part, Query, Session, filters};

pub(crate) use instance::{Instance, instances};
pub use settings::Ec2Sd;

pub(crate) const VERSION: &str = "2016-11-15";
const PAGE: &str = "1000";
/// Zones that could not be had, or that are not known, are asked for again after this.
const ZONES_AGAIN: Duration = Duration::from_secs(600);

/// The ids of zones by their names.
type Ids = Arc<BTreeMap<String, String>>;

struct Ec2 {
    settings: Arc<Ec2Sd>,
    aws: Aws,
    zones: Mutex<Zones>,
    skipped: Definition,
}

#[derive(Default)]
struct Zones {
    ids: Ids,
    asked_at: Option<Instant>,
}

/// What was found of a region.
struct Found {
    instances: Vec<Instance>,
    zones: Ids,
}

impl Ec2 {
    fn new(settings: &Arc<Ec2Sd>, skipped: Definition) -> Self {
        Self {
            settings: settings.clone(),
            aws: Aws::new(settings.account.clone(), 1),
            zones: Mutex::default(),
            skipped,
        }
    }

    /// The ids of the zones in which these instances are, as far as they are known.
    async fn ids(&self, session: &Session, ask: &Ask<'_>, instances: &[Instance]) -> Ids {
        let now = ask.env().clock.now();
        let known = {
            let zones = self.zones();
            let is_due = zones
                .asked_at
                .is_none_or(|at| now.saturating_duration_since(at) >= ZONES_AGAIN);
            let lacks = |instance: &Instance| !instance.zone.is_empty() && !zones.ids.contains_key(&instance.zone);
            if !is_due || !instances.iter().any(lacks) {
                return zones.ids.clone();
            }
            zones.ids.clone()
        };
        let query = Query::new("DescribeAvailabilityZones", VERSION);
        let answer = self
            .aws
            .call(session, ask, &EC2, |endpoint| query.request(endpoint))
            .await;
        let read = match answer {
            Ok(answer) => instance::zones(&answer.body).ok(),
            // It is forbidden, as a rule.
            Err(CallError::Said(..)) => Some(BTreeMap::new()),
            Err(CallError::Read(_)) => None,
        };
        let Some(read) = read else { return known };
        let mut zones = self.zones();
        zones.asked_at = Some(now);
        if !read.is_empty() {
            zones.ids = Arc::new(read);
        }
        zones.ids.clone()
    }

    fn zones(&self) -> MutexGuard<'_, Zones> {
        self.zones.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rest for Ec2 {
    type Part = Part<()>;
    type Found = Found;
    const READING: &'static str = "asking EC2:";

    fn client(&self) -> &HttpClientSettings {
        &self.aws.account().client
    }

    async fn parts(&self, ask: &Ask<'_>) -> Result<Vec<Self::Part>, ReadError> {
        let session = self.aws.begin(ask).await?;
        Ok(vec![Part::new(session.region.clone(), &session, ())])
    }

    async fn read(&self, part: &Self::Part, ask: &Ask<'_>) -> Result<Option<Found>, ReadError> {
        let session = &part.session;
        let query = Query::new("DescribeInstances", VERSION).with("MaxResults", PAGE);
        let query = filters(query, "Filter", "Value", &self.settings.filters);
        let all = self.aws.pages(
            session,
            ask,
            &EC2,
            |endpoint, mark| query.clone().with_some("NextToken", mark).request(endpoint),
            instances,
        );
        let mut instances = all.await?;
        let before = instances.len();
        instances.retain(|instance| instance.address().is_some());
        let skipped = before.saturating_sub(instances.len());
        ask.env().metrics.add(self.skipped, &[], skipped as f64);
        let zones = self.ids(session, ask, &instances).await;
        Ok(Some(Found { instances, zones }))
    }

    fn encode(&self, part: &Self::Part, found: Found, batch: &mut Batch<'_>) -> Result<(), ReadError> {
        let (region, port) = (&part.session.region, self.settings.account.port);
        Ok(labels::add(batch, region, port, &found.instances, &found.zones)?)
    }

    fn is_source(&self, part: &Self::Part, source: &str) -> bool {
        *source == *part.source
    }
}
