//! What an entry of `digitalocean_sd_configs` says.

use std::sync::Arc;
use std::time::Duration;

use headcount_discoverer::mechanism::{Mechanism, Place};
use headcount_discoverer::metrics::Definition;
use headcount_discoverer::{Discoverer, Env, Updates, rest};
use headcount_reader::{Fields, ProblemKind};

use super::{DigitalOcean, SKIPPED};
use crate::answers::Common;

/// One entry of `digitalocean_sd_configs`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DigitalOceanSd {
    pub(super) role: Role,
    pub(super) common: Common,
}

/// What is discovered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Role {
    Droplets,
    Databases,
}

impl Mechanism for DigitalOceanSd {
    const NAME: &'static str = "digitalocean";
    const SUMMARY: &'static str = "droplets and databases of DigitalOcean";
    const METRICS: &'static [Definition] = &[SKIPPED];

    fn read(fields: &mut Fields<'_>, place: &Place<'_>) -> Option<Self> {
        let role = read_role(fields);
        let common = Common::read(fields, place);
        Some(Self { role: role?, common })
    }

    fn describe(&self) -> String {
        match self.role {
            Role::Droplets => "droplets".to_owned(),
            Role::Databases => "databases".to_owned(),
        }
    }

    fn refresh_interval(&self) -> Option<Duration> {
        Some(self.common.refresh_interval)
    }

    fn discoverer(self: Arc<Self>) -> Box<dyn Discoverer> {
        Box::new(async move |env: Env, updates: Updates| {
            env.metrics.add(SKIPPED, &[], 0.0);
            rest::run(self.common.refresh_interval, Arc::new(DigitalOcean(self)), env, updates).await;
        })
    }
}

fn read_role(fields: &mut Fields<'_>) -> Option<Role> {
    let Some(at) = fields.take_some("role") else {
        return Some(Role::Droplets);
    };
    match at.text()?.as_str() {
        "droplets" => Some(Role::Droplets),
        "databases" => Some(Role::Databases),
        found => {
            at.report(ProblemKind::NotOneOf {
                found: found.to_owned(),
                allowed: "droplets, databases",
            });
            None
        }
    }
}
