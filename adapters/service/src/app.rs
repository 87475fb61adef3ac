//! What the parts of a running service share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use headcount_discoverer::Env;
use headcount_runtime::DriverGone;
use smol::Executor;

use crate::discovery::{Managed, Observation};
use crate::reload::Reloader;
use crate::scraping::Scraping;
use crate::targets::Targets;
use crate::wall_clock::WallClock;

/// A running service.
pub(crate) struct App {
    /// Runs all tasks.
    pub(crate) executor: Arc<Executor<'static>>,
    /// The world, and the mechanisms' own metrics.
    pub(crate) env: Env,
    /// Discovers the jobs' targets.
    pub(crate) scrape: Arc<Managed>,
    /// The jobs' targets after relabelling.
    pub(crate) targets: Arc<Targets>,
    /// Whether the targets are there, if that was asked for.
    pub(crate) scraping: Option<Scraping>,
    /// Discovers Alertmanagers.
    pub(crate) notify: Arc<Managed>,
    /// The configuration that runs, and how to get the next.
    pub(crate) reloader: Reloader,
    /// Whether both managers know their sets; before that, having no provider means nothing.
    pub(crate) is_applied: AtomicBool,
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

    /// What is waited for: providers that have neither spoken nor failed since the service was started; none once
    /// all had, whatever is reloaded later.
    pub(crate) async fn unready(&self) -> Result<Vec<String>, DriverGone> {
        if self.was_ready.load(Ordering::Relaxed) {
            return Ok(Vec::new());
        }
        if !self.is_applied.load(Ordering::Acquire) {
            return Ok(vec!["the configuration to be applied".to_owned()]);
        }
        let observations = self.observe().await?;
        let silent = observations.iter().flat_map(|(_, observation)| &observation.providers);
        let silent = silent.filter(|provider| !provider.health.has_reported());
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Plan, Source};
    use crate::{Workers, discovery, reload, targets};
    use headcount_core::Throttle;

    #[test]
    fn nothing_is_ready_before_the_configuration_is_applied() {
        let workers = Workers::start().expect("threads");
        let start = |name| discovery::start(&workers, name, Throttle::default(), None, None);
        let (scrape, notify) = (start("scrape"), start("notify"));
        let targets = targets::start(workers.executor(), scrape.clone(), None).expect("a thread");
        let (fingerprint, _) = Source::BuiltIn.load();
        let app = App {
            executor: workers.executor().clone(),
            env: workers.env().clone(),
            scrape,
            targets,
            scraping: None,
            notify,
            reloader: Reloader::new(Source::BuiltIn, fingerprint, Plan::default(), 0.0),
            is_applied: AtomicBool::new(false),
            was_ready: AtomicBool::new(false),
        };
        workers.block_on(async {
            assert_ne!(
                app.unready().await,
                Ok(Vec::new()),
                "no provider yet is not no provider"
            );
            reload::apply(&app, &Plan::default()).await.expect("running");
            assert_eq!(app.unready().await, Ok(Vec::new()));
        });
    }
}
