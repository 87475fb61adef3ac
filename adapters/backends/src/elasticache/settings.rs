//! What an entry of `elasticache_sd_configs` says.

use std::sync::Arc;
use std::time::Duration;

use headcount_discoverer::mechanism::{Mechanism, Place};
use headcount_discoverer::metrics::Definition;
use headcount_discoverer::{Discoverer, rest};
use headcount_reader::Fields;

use super::Elasticache;
use crate::aws_api::{Account, Kind, read_clusters, read_concurrency, skipped_metric};

const SKIPPED: Definition = skipped_metric("headcount_sd_elasticache_skipped_total");

/// How many requests are under way at a time where the entry says nothing; Prometheus's.
const DEFAULT_CONCURRENCY: usize = 10;

/// One entry of `elasticache_sd_configs`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ElasticacheSd {
    pub(super) account: Account,
    /// Empty for all there are.
    pub(super) clusters: Vec<String>,
    pub(super) concurrency: usize,
}

impl ElasticacheSd {
    pub(crate) fn read_as(fields: &mut Fields<'_>, place: &Place<'_>, kind: Kind) -> Option<Self> {
        let account = Account::read(fields, place, kind);
        let clusters = read_clusters(fields);
        let concurrency = read_concurrency(fields, kind, DEFAULT_CONCURRENCY);
        Some(Self {
            account: account?,
            clusters,
            concurrency,
        })
    }

    /// Makes what discovers, and counts in `skipped` what is no target.
    pub(crate) fn counting(self: Arc<Self>, skipped: Definition) -> Box<dyn Discoverer> {
        let interval = self.account.refresh_interval;
        let asking = Arc::new(Elasticache::new(&self, skipped));
        Box::new(move |env, updates| rest::run(interval, asking, env, updates))
    }
}

impl Mechanism for ElasticacheSd {
    const NAME: &'static str = "elasticache";
    const SUMMARY: &'static str = "the nodes and serverless caches of Amazon ElastiCache";
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
