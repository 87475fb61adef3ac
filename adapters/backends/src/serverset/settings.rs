//! What an entry of `serverset_sd_configs` says.

use std::sync::Arc;

use headcount_discoverer::Discoverer;
use headcount_discoverer::mechanism::{Mechanism, Place};
use headcount_discoverer::metrics::Definition;
use headcount_reader::Fields;

use super::{REGISTRY, SKIPPED};
use crate::zookeeper::{Ensemble, FAILURES, WATCHED, discoverer};

/// One entry of `serverset_sd_configs`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ServersetSd(Ensemble);

impl Mechanism for ServersetSd {
    const NAME: &'static str = "serverset";
    const SUMMARY: &'static str = "members of serversets in ZooKeeper";
    const METRICS: &'static [Definition] = &[FAILURES, WATCHED, SKIPPED];

    fn read(fields: &mut Fields<'_>, _place: &Place<'_>) -> Option<Self> {
        Ensemble::read(fields).map(Self)
    }

    fn describe(&self) -> String {
        self.0.describe()
    }

    fn discoverer(self: Arc<Self>) -> Box<dyn Discoverer> {
        discoverer(self.0.clone(), REGISTRY)
    }
}
