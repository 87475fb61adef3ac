//! What an entry of `lightsail_sd_configs` says.

use std::sync::Arc;
use std::time::Duration;

use headcount_discoverer::mechanism::{Mechanism, Place};
use headcount_discoverer::metrics::Definition;
use headcount_discoverer::{Discoverer, rest};
use headcount_reader::Fields;

use super::Lightsail;
use crate::aws_api::{Account, Kind, skipped_metric};

const SKIPPED: Definition = skipped_metric("headcount_sd_lightsail_skipped_total");

/// One entry of `lightsail_sd_configs`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LightsailSd {
    pub(super) account: Account,
}

impl LightsailSd {
    pub(crate) fn read_as(fields: &mut Fields<'_>, place: &Place<'_>, kind: Kind) -> Option<Self> {
        let account = Account::read(fields, place, kind);
        Some(Self { account: account? })
    }

    /// Makes what discovers, and counts in `skipped` what is no target.
    pub(crate) fn counting(self: Arc<Self>, skipped: Definition) -> Box<dyn Discoverer> {
        let interval = self.account.refresh_interval;
        let asking = Arc::new(Lightsail::new(&self, skipped));
        Box::new(move |env, updates| rest::run(interval, asking, env, updates))
    }
}

impl Mechanism for LightsailSd {
    const NAME: &'static str = "lightsail";
    const SUMMARY: &'static str = "the instances of Amazon Lightsail";
    const METRICS: &'static [Definition] = &[SKIPPED];

    fn read(fields: &mut Fields<'_>, place: &Place<'_>) -> Option<Self> {
        Self::read_as(fields, place, Kind::Own)
    }

    fn describe(&self) -> String {
        self.account.describe()
    }

    fn refresh_interval(&self) -> Option<Duration> {
        Some(self.account.refresh_interval)
    }

    fn discoverer(self: Arc<Self>) -> Box<dyn Discoverer> {
        self.counting(SKIPPED)
    }
}
