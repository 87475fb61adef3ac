//! What an entry of `local_sd_configs` says. It is not read from files that Prometheus reads: see
//! [`builtin`](crate::builtin).

use std::sync::Arc;
use std::time::Duration;

use headcount_discoverer::Discoverer;
use headcount_discoverer::mechanism::{Mechanism, Place};
use headcount_discoverer::metrics::Definition;
use headcount_reader::Fields;

use super::LocalDiscoverer;

/// How often the machine is asked where the entry says nothing.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(30);

/// What listens on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LocalSd {
    pub(super) refresh_interval: Duration,
}

impl LocalSd {
    /// The sockets, listed every `refresh_interval`.
    pub fn new(refresh_interval: Duration) -> Self {
        Self { refresh_interval }
    }
}

impl Mechanism for LocalSd {
    const NAME: &'static str = "local";
    const SUMMARY: &'static str = "what listens on this machine (headcount's own; Linux)";
    const METRICS: &'static [Definition] = &[];

    fn read(fields: &mut Fields<'_>, _: &Place<'_>) -> Option<Self> {
        Some(Self::new(fields.interval("refresh_interval", DEFAULT_INTERVAL)))
    }

    fn describe(&self) -> String {
        "listening sockets".to_owned()
    }

    fn refresh_interval(&self) -> Option<Duration> {
        Some(self.refresh_interval)
    }

    fn discoverer(self: Arc<Self>) -> Box<dyn Discoverer> {
        Box::new(LocalDiscoverer { settings: self })
    }
}
