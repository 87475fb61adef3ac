//! What an entry of `ec2_sd_configs` says.

use std::sync::Arc;
use std::time::Duration;

use headcount_discoverer::mechanism::{Mechanism, Place};
use headcount_discoverer::metrics::Definition;
use headcount_discoverer::{Discoverer, rest};
use headcount_reader::Fields;

use super::Ec2;
use crate::aws_api::{Account, Filter, Kind, read_filters, skipped_metric};

const SKIPPED: Definition = skipped_metric("headcount_sd_ec2_skipped_total");

/// One entry of `ec2_sd_configs`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Ec2Sd {
    pub(super) account: Account,
    pub(super) filters: Vec<Filter>,
}

impl Ec2Sd {
    pub(crate) fn read_as(fields: &mut Fields<'_>, place: &Place<'_>, kind: Kind) -> Option<Self> {
        let account = Account::read(fields, place, kind);
        let filters = read_filters(fields);
        Some(Self {
            account: account?,
            filters,
        })
    }

    /// Makes what discovers, and counts in `skipped` what is no target.
    pub(crate) fn counting(self: Arc<Self>, skipped: Definition) -> Box<dyn Discoverer> {
        let interval = self.account.refresh_interval;
        let asking = Arc::new(Ec2::new(&self, skipped));
        Box::new(move |env, updates| rest::run(interval, asking, env, updates))
    }
}

impl Mechanism for Ec2Sd {
    const NAME: &'static str = "ec2";
    const SUMMARY: &'static str = "the instances of Amazon EC2";
    const METRICS: &'static [Definition] = &[SKIPPED];

    fn read(fields: &mut Fields<'_>, place: &Place<'_>) -> Option<Self> {
        Self::read_as(fields, place, Kind::Own)
    }

    fn describe(&self) -> String {
        let filters = self.filters.iter();
        let filters: String = filters
            .map(|filter| format!(", {} is {}", filter.name, filter.values.join(" or ")))
            .collect();
        format!("{}{filters}", self.account.describe())
    }

    fn refresh_interval(&self) -> Option<Duration> {
        Some(self.account.refresh_interval)
    }

    fn discoverer(self: Arc<Self>) -> Box<dyn Discoverer> {
        self.counting(SKIPPED)
    }
}
