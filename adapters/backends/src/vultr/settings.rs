//! What an entry of `vultr_sd_configs` says.

use std::sync::Arc;
use std::time::Duration;

use headcount_discoverer::mechanism::{Mechanism, Place};
use headcount_discoverer::metrics::Definition;
use headcount_discoverer::{Discoverer, Env, Updates, rest};
use headcount_reader::Fields;

use super::{SKIPPED, Vultr};
use crate::answers::Common;

/// One entry of `vultr_sd_configs`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct VultrSd {
    pub(super) common: Common,
}

impl Mechanism for VultrSd {
    const NAME: &'static str = "vultr";
    const SUMMARY: &'static str = "the instances of a Vultr account";
    const METRICS: &'static [Definition] = &[SKIPPED];

    fn read(fields: &mut Fields<'_>, place: &Place<'_>) -> Option<Self> {
        Some(Self {
            common: Common::read(fields, place),
        })
    }

    fn describe(&self) -> String {
        "instances".to_owned()
    }

    fn refresh_interval(&self) -> Option<Duration> {
        Some(self.common.refresh_interval)
    }

    fn discoverer(self: Arc<Self>) -> Box<dyn Discoverer> {
        Box::new(async move |env: Env, updates: Updates| {
            env.metrics.add(SKIPPED, &[], 0.0);
            rest::run(self.common.refresh_interval, Arc::new(Vultr(self)), env, updates).await;
        })
    }
}
