//! What an entry of `linode_sd_configs` says.

use std::sync::Arc;
use std::time::Duration;

use headcount_discoverer::mechanism::{Mechanism, Place};
use headcount_discoverer::metrics::Definition;
use headcount_discoverer::{Discoverer, Env, Updates, rest};
use headcount_reader::Fields;

use super::{FAILURES, Linode, SKIPPED};
use crate::answers::Common;

/// One entry of `linode_sd_configs`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LinodeSd {
    /// Empty for all regions.
    pub(super) region: String,
    pub(super) tag_separator: String,
    pub(super) common: Common,
}

impl Mechanism for LinodeSd {
    const NAME: &'static str = "linode";
    const SUMMARY: &'static str = "the instances of a Linode account";
    const METRICS: &'static [Definition] = &[FAILURES, SKIPPED];

    fn read(fields: &mut Fields<'_>, place: &Place<'_>) -> Option<Self> {
        Some(Self {
            region: fields.text("region").unwrap_or_default(),
            tag_separator: fields.text("tag_separator").unwrap_or_else(|| ",".to_owned()),
            common: Common::read(fields, place),
        })
    }

    fn describe(&self) -> String {
        match self.region.as_str() {
            "" => "instances".to_owned(),
            region => format!("instances of {region}"),
        }
    }

    fn refresh_interval(&self) -> Option<Duration> {
        Some(self.common.refresh_interval)
    }

    fn discoverer(self: Arc<Self>) -> Box<dyn Discoverer> {
        Box::new(async move |env: Env, updates: Updates| {
            env.metrics.add(SKIPPED, &[], 0.0);
            rest::run(self.common.refresh_interval, Arc::new(Linode(self)), env, updates).await;
        })
    }
}
