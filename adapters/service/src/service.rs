//! A running headcount.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_lite::FutureExt;
use headcount_runtime::DriverGone;
use smol::Timer;

use crate::app::App;
use crate::output::Recording;
use crate::plan::Plan;
use crate::reload::{self, ReloadError, ReloadWanted};
use crate::server::{self, Server};
use crate::{ServiceBuilder, Workers};

/// Time between looks at whether every provider has spoken.
const PAUSE: Duration = Duration::from_millis(10);

/// A running headcount: what a configuration asks for is discovered, relabelled, and can be asked for.
///
/// It runs until it is [stopped](Service::stop).
pub struct Service {
    workers: Workers,
    app: Arc<App>,
    address: Option<SocketAddr>,
    server: Option<Server>,
    recording: Option<Recording>,
    reload_wanted: ReloadWanted,
}

/// An answer of the HTTP API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status, as in HTTP.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service").finish_non_exhaustive()
    }
}

impl Service {
    pub(crate) fn new(
        workers: Workers,
        app: Arc<App>,
        address: Option<SocketAddr>,
        server: Option<Server>,
        recording: Option<Recording>,
        reload_wanted: ReloadWanted,
    ) -> Self {
        Self {
            workers,
            app,
            address,
            server,
            recording,
            reload_wanted,
        }
    }

    /// What a service is to do, before it is started.
    pub fn builder() -> ServiceBuilder {
        ServiceBuilder::default()
    }

    /// Where it listens, if it does.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// The threads that it runs on.
    #[must_use]
    pub fn workers(&self) -> &Workers {
        &self.workers
    }

    /// The configuration that runs.
    #[must_use]
    pub fn plan(&self) -> Arc<Plan> {
        self.app.reloader.plan()
    }

    /// Answers a `GET` of the HTTP API, without a network. `path` may have a query.
    pub async fn get(&self, path: &str) -> Answer {
        let (status, body) = server::get(&self.app, path).await;
        Answer { status, body }
    }

    /// Loads the configuration again and applies it. Completes when it is seen, or soon after.
    ///
    /// # Errors
    /// When the configuration is wrong; what was running goes on.
    pub async fn reload(&self) -> Result<(), ReloadError> {
        reload::reload(&self.app).await
    }

    /// Asks for a reload without waiting for it. However often this is called while one is under way, one
    /// more follows. What goes wrong is in the log and the metrics.
    pub fn request_reload(&self) {
        self.reload_wanted.send();
    }

    /// Waits until every provider has found targets, or none, or has failed, and this can be seen; or until
    /// the time is over. Says whether it was in time.
    ///
    /// # Errors
    /// When the manager ended by itself, which is a bug.
    pub async fn settled(&self, timeout: Duration) -> Result<bool, DriverGone> {
        let deadline = Instant::now() + timeout;
        let mut is_in_time = true;
        while !self.app.unready().await?.is_empty() {
            if Instant::now() >= deadline {
                is_in_time = false;
                break;
            }
            Timer::after(PAUSE).await;
        }
        // What was discovered last has to be worked out before it can be told.
        let newest = self.app.scrape.observe().await?.newest.version();
        reload::seen(&self.app.targets, 1, newest).await;
        Ok(is_in_time)
    }

    /// Completes when a manager has ended by itself. That is a bug, and to go on would be to serve ever
    /// older lists.
    pub async fn ended(&self) {
        self.app.scrape.ended().or(self.app.notify.ended()).await;
    }

    /// Ends everything, and waits for it: requests under way are given a few seconds.
    pub async fn stop(self) {
        if let Some(server) = self.server {
            server.stop().await;
        }
        self.app.scrape.stop().await;
        self.app.notify.stop().await;
        if let Some(recording) = self.recording {
            recording.end();
        }
    }
}
