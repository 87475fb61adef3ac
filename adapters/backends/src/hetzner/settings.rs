//! What an entry of `hetzner_sd_configs` says.

use std::sync::Arc;
use std::time::Duration;

use headcount_discoverer::mechanism::{Mechanism, Place};
use headcount_discoverer::metrics::Definition;
use headcount_discoverer::{Discoverer, Env, Updates, rest};
use headcount_reader::{Fields, ProblemKind};

use super::{Hetzner, SKIPPED};
use crate::answers::Common;

/// One entry of `hetzner_sd_configs`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HetznerSd {
    pub(super) role: Role,
    /// Empty for all servers.
    pub(super) label_selector: String,
    pub(super) common: Common,
}

/// Which of Hetzner's two APIs is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Role {
    /// The cloud.
    Hcloud,
    /// Dedicated servers.
    Robot,
}

impl Mechanism for HetznerSd {
    const NAME: &'static str = "hetzner";
    const SUMMARY: &'static str = "the cloud and dedicated servers of Hetzner";
    const METRICS: &'static [Definition] = &[SKIPPED];

    fn read(fields: &mut Fields<'_>, place: &Place<'_>) -> Option<Self> {
        let role = read_role(fields);
        let label_selector = fields.text("label_selector").unwrap_or_default();
        let common = Common::read(fields, place);
        Some(Self {
            role: role?,
            label_selector,
            common,
        })
    }

    fn describe(&self) -> String {
        match (self.role, self.label_selector.as_str()) {
            (Role::Robot, _) => "dedicated servers".to_owned(),
            (Role::Hcloud, "") => "cloud servers".to_owned(),
            (Role::Hcloud, selector) => format!("cloud servers with {selector}"),
        }
    }

    fn refresh_interval(&self) -> Option<Duration> {
        Some(self.common.refresh_interval)
    }

    fn discoverer(self: Arc<Self>) -> Box<dyn Discoverer> {
        Box::new(async move |env: Env, updates: Updates| {
            env.metrics.add(SKIPPED, &[], 0.0);
            rest::run(self.common.refresh_interval, Arc::new(Hetzner(self)), env, updates).await;
        })
    }
}

fn read_role(fields: &mut Fields<'_>) -> Option<Role> {
    let Some(at) = fields.take_some("role") else {
        fields.at().report(ProblemKind::Missing { field: "role" });
        return None;
    };
    match at.text()?.as_str() {
        "hcloud" => Some(Role::Hcloud),
        "robot" => Some(Role::Robot),
        found => {
            at.report(ProblemKind::NotOneOf {
                found: found.to_owned(),
                allowed: "hcloud, robot",
            });
            None
        }
    }
}
