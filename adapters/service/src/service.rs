//! A running headcount.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_lite::FutureExt;
use headcount_core::Snapshot;
use headcount_runtime::DriverGone;
use smol::{Task, Timer};

use crate::app::{App, VISIBLE_WITHIN};
use crate::discovery::{Encoded, ListHandle};
use crate::output::Recording;
use crate::plan::{Plan, Source};
use crate::reload::{Changes, ReloadError};
use crate::server::{self, Server};
use crate::state::States;
use crate::targets::Names;
use crate::{Awaited, ListKind, ServiceBuilder, Workers};

/// A running headcount: what a configuration asks for is discovered, relabelled, and can be asked for.
///
/// It runs until it is dropped; [`stop`](Self::stop) waits for its end as well. Whoever waits for its
/// methods may do so on any runtime.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use headcount_service::{ListKind, Service, Source};
///
/// futures_lite::future::block_on(async {
///     let text = "scrape_configs: [{job_name: web, static_configs: [{targets: ['10.0.0.1:80']}]}]";
///     let service = Service::builder().start(Source::text(text)).await?;
///     let list = service.next_list("web", ListKind::Discovered, None).await?;
///     assert_eq!(list.json(), b"[\n{\"targets\":[\"10.0.0.1:80\"],\"labels\":{}}\n]");
///     service.stop().await;
///     Ok(())
/// })
/// # }
/// ```
#[must_use = "it ends when it is dropped"]
pub struct Service {
    workers: Workers,
    address: Option<SocketAddr>,
    app: Arc<App>,
    /// Until it is stopped.
    running: Option<Running>,
}

/// What has to be ended.
pub(crate) struct Running {
    pub(crate) app: Arc<App>,
    pub(crate) server: Option<Server>,
    pub(crate) recording: Option<Recording>,
    pub(crate) states: Option<States>,
    /// Dropping them ends them.
    pub(crate) tasks: Vec<Task<()>>,
}

/// A list of a job's targets, in the format that `http_sd_configs` and `file_sd_configs` share. Cheap to clone.
#[derive(Debug, Clone)]
pub struct TargetList {
    encoded: Arc<Encoded>,
    /// All of it in one piece, if somebody wanted that.
    whole: Arc<OnceLock<Vec<u8>>>,
    is_complete: bool,
}

/// Why there is no list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ListError {
    /// The configuration has no such job.
    #[error("there is no job {job:?}")]
    NoSuchJob {
        /// Its name.
        job: String,
    },
    /// Not every provider of the job was read whole yet, or waited for long enough: a list would lack targets that
    /// there are.
    #[error("the list of {job:?} is not complete yet; keep the one that you have")]
    Incomplete {
        /// Its name.
        job: String,
    },
    /// The list will never be complete: a config of the job can't be run.
    #[error("the list of {job:?} can't be complete: {reason}")]
    FailedConfig {
        /// The job's name.
        job: String,
        /// Why the config can't be run.
        reason: String,
    },
    /// The service has ended.
    #[error(transparent)]
    Gone(#[from] DriverGone),
}

/// An answer of the HTTP API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status, as in HTTP.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl PartialEq for TargetList {
    fn eq(&self, other: &Self) -> bool {
        self.is_complete == other.is_complete && self.encoded == other.encoded
    }
}

impl Eq for TargetList {}

impl TargetList {
    /// The list, as JSON: equal targets give equal bytes.
    #[must_use]
    pub fn json(&self) -> &[u8] {
        self.whole.get_or_init(|| self.encoded.to_vec())
    }

    /// A hash of its content in hexadecimal, for comparing it with another one's.
    #[must_use]
    pub fn tag(&self) -> &str {
        self.encoded.tag()
    }

    /// Whether all of it is there, and nothing else. If not, a provider was waited for long enough, and was never read whole
    /// ([`SetView::delivery`](headcount_core::SetView::delivery)); or what another had is shown until it was read
    /// ([`SetView::predecessors`](headcount_core::SetView::predecessors)).
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.is_complete
    }
}

impl Service {
    pub(crate) fn new(workers: Workers, running: Running, address: Option<SocketAddr>) -> Self {
        Self {
            workers,
            address,
            app: running.app.clone(),
            running: Some(running),
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

    /// What was discovered for the jobs, as the manager last emitted it.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.app.scrape.view().snapshot.clone()
    }

    /// The list of a job as it is now.
    ///
    /// # Errors
    /// [`ListError::Incomplete`] until every provider of the job was read whole, or was waited for long enough;
    /// [`ListError::FailedConfig`]
    /// while a config of it can't be run: whoever has a list from before does well to keep it.
    pub async fn list(&self, job: &str, kind: ListKind) -> Result<TargetList, ListError> {
        let handle = match self.handle(job, kind) {
            Some(handle) if handle.delivery.is_delivered() => handle,
            None if !self.has_job(job) => return Err(ListError::NoSuchJob { job: job.to_owned() }),
            _ => return Err(self.lacking(job)),
        };
        let is_complete = handle.is_complete;
        let list = handle.json().await.map(|encoded| TargetList {
            encoded,
            whole: Arc::default(),
            is_complete,
        });
        list.ok_or_else(|| self.lacking(job))
    }

    /// Waits for a list of a job that is not the `known` one.
    ///
    /// # Errors
    /// When the job is not, or no longer, in the configuration; when a config of it can't be run; or when the
    /// service has ended.
    pub async fn next_list(
        &self,
        job: &str,
        kind: ListKind,
        known: Option<&TargetList>,
    ) -> Result<TargetList, ListError> {
        loop {
            let news = match kind {
                ListKind::Discovered => self.app.scrape.published(),
                ListKind::Relabelled | ListKind::RelabelledInUnderscores => self.app.targets.news(),
            };
            match self.list(job, kind).await {
                Ok(list) if known != Some(&list) => return Ok(list),
                Ok(_) | Err(ListError::Incomplete { .. }) => {}
                Err(error) => return Err(error),
            }
            let ended = async {
                self.ended().await;
                Err(DriverGone)
            };
            let news = async {
                news.await;
                Ok(())
            };
            news.or(ended).await?;
        }
    }

    /// Answers a `GET` of the HTTP API, without a network. `path` may have a query.
    pub async fn get(&self, path: &str) -> Answer {
        let (status, body) = server::get(&self.app, path).await;
        Answer { status, body }
    }

    /// Loads the configuration again and applies it. Completes when it is seen, or soon after, and says what changed.
    /// All who ask for it while it is under way get what one more load gives.
    ///
    /// # Errors
    /// When the configuration is wrong; what was running goes on.
    pub async fn reload(&self) -> Result<Changes, ReloadError> {
        self.load(None).await
    }

    /// Loads the configuration from another source, which later reloads read again. Providers that stand
    /// in both configurations run on.
    ///
    /// # Errors
    /// When the configuration is wrong; what was running goes on, and later reloads read what they did.
    pub async fn apply(&self, source: Source) -> Result<Changes, ReloadError> {
        self.load(Some(source)).await
    }

    async fn load(&self, source: Option<Source>) -> Result<Changes, ReloadError> {
        let reloaded = self.app.reload(source).await?;
        self.app.visible(&reloaded, VISIBLE_WITHIN).await;
        Ok(reloaded.changes.clone())
    }

    /// Waits until every provider has reported or failed, and this can be seen; or until the time is over.
    /// Says whether it was in time.
    ///
    /// # Errors
    /// When the manager ended by itself, which is a bug.
    pub async fn settled(&self, timeout: Duration) -> Result<bool, DriverGone> {
        self.settled_watched(timeout, &Awaited::default()).await
    }

    /// The same; `awaited` names those that have not reported.
    ///
    /// # Errors
    /// When the manager ended by itself, which is a bug.
    pub async fn settled_watched(&self, timeout: Duration, awaited: &Awaited) -> Result<bool, DriverGone> {
        let settled = async {
            self.app.all_reported(awaited).await;
            // What was discovered last has to be worked out before it can be told.
            let newest = self.app.scrape.view().snapshot.version();
            self.app.targets.seen(1, newest).await;
            Ok(true)
        };
        let too_late = async {
            Timer::after(timeout).await;
            Ok(false)
        };
        let ended = async {
            self.ended().await;
            Err(DriverGone)
        };
        settled.or(ended).or(too_late).await
    }

    /// Completes when a manager has ended by itself. That is a bug, and to go on would be to serve ever
    /// older lists.
    pub async fn ended(&self) {
        self.app.scrape.ended().or(self.app.notify.ended()).await;
    }

    /// Ends everything, and waits for it: requests under way are given a few seconds.
    pub async fn stop(mut self) {
        if let Some(running) = self.running.take() {
            running.stop().await;
        }
    }

    fn handle(&self, job: &str, kind: ListKind) -> Option<ListHandle> {
        match kind {
            ListKind::Discovered => self.app.scrape.view().handle(job),
            ListKind::Relabelled => self.app.targets.handle(job, Names::AsTheyAre),
            ListKind::RelabelledInUnderscores => self.app.targets.handle(job, Names::Underscores),
        }
    }

    /// Why there is no list of a job that there is.
    fn lacking(&self, job: &str) -> ListError {
        let (snapshot, job) = (self.snapshot(), job.to_owned());
        let failed = snapshot.set(&job).and_then(|set| set.failed_configs().next());
        match failed.map(|failed| failed.reason.clone()) {
            Some(reason) => ListError::FailedConfig { job, reason },
            None => ListError::Incomplete { job },
        }
    }

    /// Whether the configuration has it; its list may have to be worked out first.
    fn has_job(&self, name: &str) -> bool {
        self.plan().jobs.iter().any(|job| job.job_name == name)
    }
}

impl Drop for Service {
    /// Ends what was not stopped, without waiting for it.
    fn drop(&mut self) {
        let Some(running) = self.running.take() else { return };
        // The threads end with the last of the workers, so what is stopping holds one.
        let workers = self.workers.clone();
        let stop = async move {
            running.stop().await;
            drop(workers);
        };
        self.workers.executor().spawn(stop).detach();
    }
}

impl Running {
    async fn stop(self) {
        if let Some(server) = self.server {
            server.stop().await;
        }
        drop(self.tasks);
        self.app.scrape.stop().await;
        self.app.notify.stop().await;
        if let Some(states) = self.states {
            states.stop().await;
        }
        if let Some(recording) = self.recording {
            recording.end();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::sync::atomic::Ordering;
    use std::time::Instant;

    use super::*;

    #[test]
    fn what_was_ready_once_stays_so_though_nobody_asked_before() {
        let workers = Workers::start().expect("threads");
        let never_answers = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = never_answers.local_addr().expect("bound");
        workers.block_on(async {
            let quick = "scrape_configs: [{job_name: a, static_configs: [{targets: ['h:1']}]}]";
            let service = Service::builder().workers(&workers).start(Source::text(quick)).await;
            let service = service.expect("nothing is wrong with it");
            let deadline = Instant::now() + Duration::from_secs(30);
            while !service.app.was_ready.load(Ordering::Relaxed) {
                assert!(Instant::now() < deadline, "nobody notes that it is ready");
                Timer::after(Duration::from_millis(2)).await;
            }
            let slow = format!("scrape_configs: [{{job_name: b, http_sd_configs: [{{url: 'http://{address}'}}]}}]");
            service.apply(Source::text(slow)).await.expect("reloaded");
            assert_eq!(service.get("/-/ready").await.status, 200);
            service.stop().await;
        });
    }
}
