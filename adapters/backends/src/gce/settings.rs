//! What an entry of `gce_sd_configs` says.

use std::sync::Arc;
use std::time::Duration;

use headcount_discoverer::mechanism::{Mechanism, Place};
use headcount_discoverer::metrics::Definition;
use headcount_discoverer::{Discoverer, Env, Updates, rest};
use headcount_reader::{Fields, ProblemKind};

use super::{Gce, SKIPPED};

/// How often a zone is listed where the entry says nothing; Prometheus's.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(60);
/// The port of targets; Prometheus's.
const DEFAULT_PORT: u16 = 80;

/// One entry of `gce_sd_configs`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GceSd {
    pub(super) project: String,
    pub(super) zone: String,
    /// Empty for all instances.
    pub(super) filter: String,
    pub(super) tag_separator: String,
    pub(super) port: u16,
    pub(super) refresh_interval: Duration,
    /// What the targets' group is known by.
    pub(super) source: String,
}

impl Mechanism for GceSd {
    const NAME: &'static str = "gce";
    const SUMMARY: &'static str = "the instances of a zone of Google Compute Engine";
    const METRICS: &'static [Definition] = &[SKIPPED];

    fn read(fields: &mut Fields<'_>, _: &Place<'_>) -> Option<Self> {
        let mut some = |field| {
            let text = fields.some_text(field);
            if text.is_none() {
                fields.at().report(ProblemKind::Missing { field });
            }
            text
        };
        let (project, zone) = (some("project"), some("zone"));
        let filter = fields.text("filter").unwrap_or_default();
        let tag_separator = fields.text("tag_separator").unwrap_or_else(|| ",".to_owned());
        let port = fields.port("port").unwrap_or(DEFAULT_PORT);
        let refresh_interval = fields.interval("refresh_interval", DEFAULT_INTERVAL);
        let (project, zone) = (project?, zone?);
        Some(Self {
            source: format!("GCE_{project}_{zone}"),
            project,
            zone,
            filter,
            tag_separator,
            port,
            refresh_interval,
        })
    }

    fn describe(&self) -> String {
        let Self { project, zone, .. } = self;
        match self.filter.as_str() {
            "" => format!("instances of {project} in {zone}"),
            filter => format!("instances of {project} in {zone} with {filter}"),
        }
    }

    fn refresh_interval(&self) -> Option<Duration> {
        Some(self.refresh_interval)
    }

    fn discoverer(self: Arc<Self>) -> Box<dyn Discoverer> {
        Box::new(async move |env: Env, updates: Updates| {
            env.metrics.add(SKIPPED, &[], 0.0);
            rest::run(self.refresh_interval, Arc::new(Gce::new(self)), env, updates).await;
        })
    }
}
