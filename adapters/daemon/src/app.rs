//! What the parts of a running daemon share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use headcount_discoverer::Env;
use headcount_runtime::DriverGone;
use smol::Executor;

use crate::discovery::{Managed, Observation};
use crate::reload::Reloader;
use crate::wall_clock::WallClock;

/// A running daemon.
pub(crate) struct App {
    /// Runs all tasks.
    pub(crate) executor: Arc<Executor<'static>>,
    /// The world, and the mechanisms' own metrics.
    pub(crate) env: Env,
    /// Discovers the jobs' targets.
    pub(crate) scrape: Arc<Managed>,
    /// Discovers Alertmanagers.
    pub(crate) notify: Arc<Managed>,
    /// The configuration that runs, and how to get the next.
    pub(crate) reloader: Reloader,
    /// Whether every provider has spoken or failed, once.
    pub(crate) was_ready: AtomicBool,
}

impl App {
    /// Both managers.
    pub(crate) fn managers(&self) -> [&Arc<Managed>; 2] {
        [&self.scrape, &self.notify]
    }

    /// What both managers say of their providers now.
    pub(crate) async fn observe(&self) -> Result<Vec<(&'static str, Observation)>, DriverGone> {
        let mut all = Vec::new();
        for managed in self.managers() {
            all.push((managed.name(), managed.observe().await?));
        }
        Ok(all)
    }

    /// The providers that have neither spoken nor failed since the daemon was started; none once
    /// all had, whatever is reloaded later.
    pub(crate) async fn unready(&self) -> Result<Vec<String>, DriverGone> {
        if self.was_ready.load(Ordering::Relaxed) {
            return Ok(Vec::new());
        }
        let observations = self.observe().await?;
        let silent = observations.iter().flat_map(|(_, observation)| &observation.providers);
        let silent = silent.filter(|provider| !provider.health.has_spoken());
        let silent: Vec<_> = silent
            .map(|provider| format!("{} ({})", provider.name, provider.description))
            .collect();
        if silent.is_empty() {
            self.was_ready.store(true, Ordering::Relaxed);
        }
        Ok(silent)
    }

    /// Both clocks.
    pub(crate) fn wall_clock(&self) -> WallClock {
        WallClock::read(&*self.env.clock)
    }
}
