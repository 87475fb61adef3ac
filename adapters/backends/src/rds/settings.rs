//! What an entry of `rds_sd_configs` says.

use std::sync::Arc;
use std::time::Duration;

use headcount_discoverer::mechanism::{Mechanism, Place};
use headcount_discoverer::metrics::Definition;
use headcount_discoverer::{Discoverer, rest};
use headcount_reader::Fields;

use super::Rds;
use crate::aws_api::{Account, Filter, Kind, read_clusters, read_concurrency, read_filters, skipped_metric};

const SKIPPED: Definition = skipped_metric("headcount_sd_rds_skipped_total");

/// How many requests are under way at a time where the entry says nothing; Prometheus's.
const DEFAULT_CONCURRENCY: usize = 10;

/// One entry of `rds_sd_configs`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RdsSd {
    pub(super) account: Account,
    /// Empty for all there are.
    pub(super) clusters: Vec<String>,
    pub(super) concurrency: usize,
    pub(super) filters: Vec<Filter>,
}

impl RdsSd {
    pub(crate) fn read_as(fields: &mut Fields<'_>, place: &Place<'_>, kind: Kind) -> Option<Self> {
        let account = Account::read(fields, place, kind);
        let clusters = read_clusters(fields);
        let concurrency = read_concurrency(fields, kind, DEFAULT_CONCURRENCY);
        let filters = read_filters(fields);
        Some(Self {
            account: account?,
            clusters,
            concurrency,
            filters,
        })
    }

    /// Makes what discovers, and counts in `skipped` what is no target.
    pub(crate) fn counting(self: Arc<Self>, skipped: Definition) -> Box<dyn Discoverer> {
        let interval = self.account.refresh_interval;
        let asking = Arc::new(Rds::new(&self, skipped));
        Box::new(move |env, updates| rest::run(interval, asking, env, updates))
    }
}

impl Mechanism for RdsSd {
    const NAME: &'static str = "rds";
    const SUMMARY: &'static str = "the instances of the clusters of Amazon RDS";
    const METRICS: &'static [Definition] = &[SKIPPED];

    fn read(fields: &mut Fields<'_>, place: &Place<'_>) -> Option<Self> {
        Self::read_as(fields, place, Kind::Own)
    }

    fn describe(&self) -> String {
        self.account.describe_with(&self.clusters)
    }

    fn refresh_interval(&self) -> Option<Duration> {
        Some(self.account.refresh_interval)
    }

    fn discoverer(self: Arc<Self>) -> Box<dyn Discoverer> {
        self.counting(SKIPPED)
    }
}
