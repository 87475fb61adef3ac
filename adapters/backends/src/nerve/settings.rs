//! What an entry of `nerve_sd_configs` says.

use std::sync::Arc;

use headcount_discoverer::Discoverer;
use headcount_discoverer::mechanism::{Mechanism, Place};
use headcount_discoverer::metrics::Definition;
use headcount_reader::Fields;

use super::{REGISTRY, SKIPPED};
use crate::zookeeper::{Ensemble, FAILURES, WATCHED, discoverer};

/// One entry of `nerve_sd_configs`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NerveSd(Ensemble);

impl Mechanism for NerveSd {
    const NAME: &'static str = "nerve";
    const SUMMARY: &'static str = "services that AirBnB's Nerve has registered in ZooKeeper";
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
