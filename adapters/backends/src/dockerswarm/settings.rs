//! What an entry of `dockerswarm_sd_configs` says.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use headcount_discoverer::Discoverer;
use headcount_discoverer::mechanism::{Mechanism, Place};
use headcount_discoverer::metrics::Definition;
use headcount_discoverer::rest;
use headcount_reader::{Fields, ProblemKind};

use super::SKIPPED;
use crate::docker_api::{Engine, Filters};

/// How often the swarm is asked where the entry says nothing; Prometheus's.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(60);
/// The port of what says none; Prometheus's.
const DEFAULT_PORT: u16 = 80;

const ROLES: &str = "tasks, services, nodes";

/// One entry of `dockerswarm_sd_configs`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DockerSwarmSd {
    pub(super) engine: Engine,
    pub(super) role: Role,
    pub(super) port: u16,
    pub(super) filters: Filters,
    pub(super) refresh_interval: Duration,
}

/// What becomes targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Role {
    Services,
    Tasks,
    Nodes,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Services => "services",
            Self::Tasks => "tasks",
            Self::Nodes => "nodes",
        })
    }
}

impl Mechanism for DockerSwarmSd {
    const NAME: &'static str = "dockerswarm";
    const SUMMARY: &'static str = "the services, tasks and nodes of a Docker swarm";
    const METRICS: &'static [Definition] = &[SKIPPED];

    fn read(fields: &mut Fields<'_>, place: &Place<'_>) -> Option<Self> {
        let engine = Engine::read(fields, place);
        let role = read_role(fields);
        let port = fields.port("port").unwrap_or(DEFAULT_PORT);
        let filters = Filters::read(fields);
        let refresh_interval = fields.interval("refresh_interval", DEFAULT_INTERVAL);
        Some(Self {
            engine: engine?,
            role: role?,
            port,
            filters,
            refresh_interval,
        })
    }

    fn describe(&self) -> String {
        let (engine, filters) = (self.engine.describe(), self.filters.describe());
        format!("{} of the swarm at {engine}{filters}", self.role)
    }

    fn refresh_interval(&self) -> Option<Duration> {
        Some(self.refresh_interval)
    }

    fn discoverer(self: Arc<Self>) -> Box<dyn Discoverer> {
        let interval = self.refresh_interval;
        Box::new(move |env: headcount_discoverer::Env, updates| {
            env.metrics.add(SKIPPED, &[], 0.0);
            rest::run(interval, self, env, updates)
        })
    }
}

fn read_role(fields: &mut Fields<'_>) -> Option<Role> {
    let at = fields.take("role");
    let text = at.as_ref().and_then(|at| at.text()).unwrap_or_default();
    match text.as_str() {
        "services" => Some(Role::Services),
        "tasks" => Some(Role::Tasks),
        "nodes" => Some(Role::Nodes),
        "" => {
            let at = at.as_ref().unwrap_or(fields.at());
            at.report(ProblemKind::Missing {
                field: "role (one of: tasks, services, nodes)",
            });
            None
        }
        _ => {
            at.as_ref().unwrap_or(fields.at()).report(ProblemKind::NotOneOf {
                found: text,
                allowed: ROLES,
            });
            None
        }
    }
}
