//! Real discoverers and receivers in the simulator's world: for your own `cargo test`.
//!
//! A [`Simulation`](crate::Simulation) models discoverers; a [`Rehearsal`] runs them. The very
//! `async fn` that production runs, written against [`headcount_discoverer::Env`], polls a
//! simulated HTTP server or reads simulated files, while the scenario's churn changes what they
//! show and its faults hit each call. A manager takes what is found, a receiver takes snapshots,
//! and **what the receiver has is held against the truth all the time**: every change has to
//! reach it within a bound once the faults let go, and no failed poll may take a target away.
//! Time is virtual: an hour takes milliseconds, and the same seed gives the same run.
//!
//! ```
//! use headcount_core::{Encoder, Update};
//! use headcount_discoverer::refresh::{self, Refresh, RefreshError, Refreshed};
//! use headcount_discoverer::env::HttpRequest;
//! use headcount_reader::HttpClientSettings;
//! use headcount_discoverer::{Env, Updates};
//! use headcount_sim::{Backend, BackendKind, Churn, Discoverers, Fault, FaultKind, Ratio, Rehearsal, Scenario, Span};
//!
//! // A discoverer of one's own: a server that sends an address a line.
//! struct Lines(Encoder);
//! impl Refresh for Lines {
//!     async fn refresh(&mut self, env: &Env) -> Result<Refreshed, RefreshError> {
//!         let client = env.http.client(&HttpClientSettings::default());
//!         let client = client.map_err(|error| RefreshError::at_interval(error.to_string()))?;
//!         let answer = client.send(HttpRequest::get("http://cmdb/lines")).await;
//!         let answer = answer.map_err(|error| RefreshError::soon(error.to_string()))?;
//!         let text = String::from_utf8_lossy(&answer.body);
//!         // An answer that broke off says so by its missing end.
//!         let Some(text) = text.strip_suffix("end\n") else {
//!             return Err(RefreshError::soon("the answer broke off"));
//!         };
//!         let mut batch = self.0.batch();
//!         batch.group("lines", [("rack", "1")], text.lines().map(|line| [("__address__", line)])).ok();
//!         Ok(Refreshed::Update(Update::full(batch.finish())))
//!     }
//! }
//! async fn lines(env: Env, updates: Updates) {
//!     refresh::run(Span::secs(15).into(), Lines(Encoder::new()), env, updates).await;
//! }
//!
//! let scenario = Scenario::new("lines")
//!     .until(Span::mins(20))
//!     .backend(Backend::new("cmdb", BackendKind::Http))
//!     .discoverers(Discoverers::of("cmdb"))
//!     .churn(Churn::steady(Ratio::percent(10), Span::mins(1)))
//!     .fault(Fault::new(FaultKind::Truncated).rate(Ratio::percent(30)));
//! let outcome = Rehearsal::new(&scenario, 7)?
//!     .serve("http://cmdb/lines", |hosts| {
//!         let lines: String = hosts.iter().map(|host| format!("{}\n", host.address)).collect();
//!         (lines + "end\n").into_bytes()
//!     })
//!     .discoverer("lines", || Box::new(lines))
//!     .within(Span::mins(1))
//!     .run();
//! assert!(outcome.is_clean(), "{:?}", outcome.violations);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod backend;
mod render;
mod run;
mod watch;

use std::path::PathBuf;
use std::sync::Arc;

use headcount_core::Snapshot;
use headcount_discoverer::Discoverer;

use crate::{HostId, Input, InputLog, Looks, Outcome, Problems, Scenario, Simulation, Span};

pub use render::target_groups;

/// A host as a backend shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownHost {
    /// Which one.
    pub host: HostId,
    /// Where it is scraped, `host:port`: what a discoverer should give as `__address__`.
    pub address: String,
    /// How it looks.
    pub looks: Looks,
}

/// Writes what a backend says when it shows these hosts.
pub(crate) type Render = Arc<dyn Fn(&[ShownHost]) -> Vec<u8> + Send + Sync>;
type Make = Box<dyn Fn() -> Box<dyn Discoverer>>;
type Receive = Box<dyn FnMut(Span, &Snapshot) -> Span>;

/// Real discoverers, about to run in a simulated world.
///
/// Of the scenario it uses the hosts and what happens to them; the faults of kinds that can
/// happen to HTTP and files; reloads and pauses of the receiver; the throttle, the receiver's
/// time, and the first backend's latency. It has no guard: what a discoverer loses is lost at once.
pub struct Rehearsal {
    scenario: Scenario,
    seed: u64,
    inputs: Vec<Input>,
    start: Vec<(HostId, Looks)>,
    served: Vec<(String, Render)>,
    files: Vec<(PathBuf, Render)>,
    discoverers: Vec<(String, Make)>,
    receiver: Receive,
    within: Span,
}

impl core::fmt::Debug for Rehearsal {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Rehearsal")
            .field("scenario", &self.scenario.name)
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
}

impl Rehearsal {
    /// A rehearsal of this scenario, whose decisions are drawn as a simulation with this seed
    /// draws them.
    ///
    /// # Errors
    /// Everything in the scenario that makes no sense.
    pub fn new(scenario: &Scenario, seed: u64) -> Result<Self, Problems> {
        let (log, _) = InputLog::record(scenario, seed)?;
        let simulation = Simulation::new(scenario, seed)?;
        let truth = simulation.truth();
        let hosts = (0..scenario.hosts.count).map(HostId);
        Ok(Self {
            start: hosts.filter_map(|host| Some((host, *truth.looks(host)?))).collect(),
            scenario: scenario.clone(),
            seed,
            inputs: log.inputs,
            served: Vec::new(),
            files: Vec::new(),
            discoverers: Vec::new(),
            receiver: Box::new(|_, _| Span::ZERO),
            within: Span::mins(2),
        })
    }

    /// Adds a page of an HTTP server; its body is written anew for each request.
    #[must_use]
    pub fn serve(
        mut self,
        url: impl Into<String>,
        body: impl Fn(&[ShownHost]) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        self.served.push((url.into(), Arc::new(body)));
        self
    }

    /// Adds a file; it is rewritten whenever a host changes.
    #[must_use]
    pub fn file(
        mut self,
        path: impl Into<PathBuf>,
        contents: impl Fn(&[ShownHost]) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        self.files.push((path.into(), Arc::new(contents)));
        self
    }

    /// Adds a discoverer, which is the one provider of a job of this name. It is made each time
    /// that the manager starts it. Each is expected to find all hosts.
    #[must_use]
    pub fn discoverer(mut self, job: impl Into<String>, make: impl Fn() -> Box<dyn Discoverer> + 'static) -> Self {
        self.discoverers.push((job.into(), Box::new(make)));
        self
    }

    /// Sets the receiver: it is handed each snapshot, and says for how long it is busy with it.
    #[must_use]
    pub fn receiver(self, receive: impl FnMut(Span, &Snapshot) -> Span + 'static) -> Self {
        Self {
            receiver: Box::new(receive),
            ..self
        }
    }

    /// Sets how long a change may take to reach the receiver, counted from when no fault is in
    /// the way. Two minutes unless said otherwise; for one who polls, the interval, the longest
    /// wait after a failure and the throttle's longest wait, together.
    #[must_use]
    pub fn within(self, within: Span) -> Self {
        Self { within, ..self }
    }

    /// Runs it to the end, or to the first broken rule.
    pub fn run(self) -> Outcome {
        run::Stage::new(self).run()
    }
}
