//! What an entry of `ionos_sd_configs` says.

use std::sync::Arc;
use std::time::Duration;

use headcount_discoverer::mechanism::{Mechanism, Place};
use headcount_discoverer::metrics::Definition;
use headcount_discoverer::{Discoverer, Env, Updates, rest};
use headcount_reader::{Fields, ProblemKind};

use super::{Ionos, SKIPPED};
use crate::answers::Common;

/// One entry of `ionos_sd_configs`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IonosSd {
    pub(super) datacenter_id: String,
    pub(super) common: Common,
}

impl Mechanism for IonosSd {
    const NAME: &'static str = "ionos";
    const SUMMARY: &'static str = "the servers of a data center of IONOS Cloud";
    const METRICS: &'static [Definition] = &[SKIPPED];

    fn read(fields: &mut Fields<'_>, place: &Place<'_>) -> Option<Self> {
        let datacenter_id = fields.some_text("datacenter_id");
        if datacenter_id.is_none() {
            fields.at().report(ProblemKind::Missing { field: "datacenter_id" });
        }
        let common = Common::read(fields, place);
        Some(Self {
            datacenter_id: datacenter_id?,
            common,
        })
    }

    fn describe(&self) -> String {
        format!("servers of the data center {}", self.datacenter_id)
    }

    fn refresh_interval(&self) -> Option<Duration> {
        Some(self.common.refresh_interval)
    }

    fn discoverer(self: Arc<Self>) -> Box<dyn Discoverer> {
        Box::new(async move |env: Env, updates: Updates| {
            env.metrics.add(SKIPPED, &[], 0.0);
            rest::run(self.common.refresh_interval, Arc::new(Ionos(self)), env, updates).await;
        })
    }
}
