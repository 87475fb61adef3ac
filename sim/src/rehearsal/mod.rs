//! Real discoverers and receivers in the simulator's world: for your own `cargo test`.
//!
//! A [`Simulation`] models discoverers; a [`Rehearsal`] runs real ones in their place. The very
//! `async fn` that production runs, written against [`headcount_discoverer::Env`], asks virtual servers
//! or reads virtual files, while the scenario's churn changes what they show and its faults hit each
//! call: **the same faults, drawn in the same way, that modelled discoverers meet**. A manager takes what
//! is found, a receiver takes snapshots, and the oracles of every run watch: each change has to reach the
//! receiver within a bound once the faults let go, the manager has to keep its contract, and no failed
//! poll may take a target away. Time is virtual: an hour takes milliseconds, and the same seed gives the
//! same run.
//!
//! ```
//! use headcount_core::{Encoder, Update};
//! use headcount_discoverer::refresh::{self, Refresh, RefreshError, Refreshed};
//! use headcount_discoverer::env::HttpRequest;
//! use headcount_discoverer::{Env, Updates};
//! use headcount_reader::HttpClientSettings;
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
//!     .discoverers(Discoverers::of("cmdb").refresh(Span::secs(15)))
//!     .churn(Churn::steady(Ratio::percent(10), Span::mins(1)))
//!     .fault(Fault::new(FaultKind::Truncated).rate(Ratio::percent(30)));
//! let outcome = Rehearsal::new(&scenario, 7)?
//!     .serve("http://cmdb/lines", |hosts| {
//!         let lines: String = hosts.iter().map(|host| format!("{}\n", host.address)).collect();
//!         (lines + "end\n").into_bytes()
//!     })
//!     .discoverer("cmdb", |_| Box::new(lines))?
//!     .within(Span::mins(1))
//!     .run();
//! assert!(outcome.is_clean(), "{:?}", outcome.violations);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod actor;
mod dns;
mod files;
mod http;
mod line;
mod not_there;
mod render;
mod shown;
mod site;
mod stage;
mod stamp;
mod timeline;
mod wire;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use headcount_core::Snapshot;
use headcount_core::reference::PlainLabels;
use headcount_discoverer::Discoverer;
use headcount_discoverer::env::{DomainName, Endpoint, NameError, Record};

use crate::generate::Source;
use crate::plan::Plan;
use crate::trace::Traced;
use crate::{DiscovererId, KeyedRng, Outcome, Problems, Scenario, ServiceId, Simulation, Span};

use files::Contents;
use site::Listed;
use stage::Stage;
use stamp::Naming;

pub use not_there::NotThere;
pub use render::target_groups;
pub use shown::{Shown, ShownHost};
pub use site::{Answer, Page, Site, Told};
pub use wire::Wire;

/// Writes what a backend says when it shows these hosts.
type Render = Arc<dyn Fn(&[ShownHost]) -> Vec<u8> + Send + Sync>;
/// Writes the files of a folder, by their paths within it, when a backend shows these hosts.
type RenderFolder = Arc<dyn Fn(&[ShownHost]) -> Vec<(PathBuf, Vec<u8>)> + Send + Sync>;
/// Writes what the DNS has of a name when a backend shows these hosts.
type Records = Arc<dyn Fn(&[ShownHost]) -> Vec<Record> + Send + Sync>;
type Make = Arc<dyn Fn(ServiceId) -> Box<dyn Discoverer>>;
type MakeSite = Arc<dyn Fn() -> Box<dyn Site>>;
type MakeWire = Arc<dyn Fn() -> Box<dyn Wire>>;
type Receive = Box<dyn FnMut(Span, &Snapshot) -> Span>;

/// Real discoverers, about to run in a simulated world.
///
/// A scenario's discoverers are modelled unless [`discoverer`](Self::discoverer) puts real ones in their
/// place. Everything else of the scenario is as in a [`Simulation`] of the same seed: the hosts and what
/// happens to them, faults, reloads, restarts, the queue, the guard, the receiver's time, expectations. A
/// fault hits a real discoverer when it hits the modelled one in whose place it runs: for this, the
/// scenario says of which kind its backend is, how often it is asked, how long a call may take, and how
/// long discoverers wait after a failure.
///
/// Each discoverer asks for the hosts of one service. All virtual servers and files are there for all
/// discoverers, and show each the hosts of its own service, through its own backend.
pub struct Rehearsal {
    plan: Plan,
    seed: u64,
    real: Vec<Real>,
    sites: Vec<(String, MakeSite)>,
    files: Vec<(PathBuf, Contents)>,
    names: Vec<(DomainName, Records)>,
    wires: Vec<(Endpoint, MakeWire)>,
    receiver: Receive,
    within: Option<Span>,
    is_traced: bool,
}

/// Real discoverers in the place of those of one name.
struct Real {
    name: String,
    make: Make,
    naming: Naming,
    asked_each: Option<Span>,
}

/// All that one real discoverer needs.
struct Parts {
    make: Make,
    naming: Naming,
    asked_each: Option<Span>,
    sites: Vec<(String, MakeSite)>,
    files: Arc<[(PathBuf, Contents)]>,
    names: Vec<(DomainName, Records)>,
    wires: Vec<(Endpoint, MakeWire)>,
}

impl core::fmt::Debug for Rehearsal {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Rehearsal")
            .field("scenario", &self.plan.scenario.name)
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
        Ok(Self {
            plan: Plan::new(scenario)?,
            seed,
            real: Vec::new(),
            sites: Vec::new(),
            files: Vec::new(),
            names: Vec::new(),
            wires: Vec::new(),
            receiver: Box::new(|_, _| Span::ZERO),
            within: None,
            is_traced: false,
        })
    }

    /// Runs real discoverers in the place of those that have this name in the scenario. One is made
    /// each time that the manager starts one, to find the hosts of this service.
    ///
    /// # Errors
    /// The scenario has no discoverers of this name.
    pub fn discoverer(
        mut self,
        name: impl Into<String>,
        make: impl Fn(ServiceId) -> Box<dyn Discoverer> + 'static,
    ) -> Result<Self, NotThere> {
        let name = name.into();
        let known = self.plan.scenario.discoverers.iter().map(|entry| entry.known_as());
        if !known.clone().any(|known| known == name) {
            let known = known.map(str::to_owned).collect();
            let what = "discoverers";
            return Err(NotThere { what, name, known });
        }
        self.real.push(Real {
            name,
            make: Arc::new(make),
            naming: Naming::default(),
            asked_each: None,
        });
        Ok(self)
    }

    /// The targets of these real discoverers have a label that holds what [`ShownHost::stamp`] says, so
    /// that it can be told of a target which change of its host it shows. Otherwise hosts are known by
    /// their `__address__`, and changes of labels are not watched.
    ///
    /// # Errors
    /// No real discoverers have this name.
    pub fn stamped_by(self, name: &str, label: impl Into<String>) -> Result<Self, NotThere> {
        self.named_by(name, Naming::Label(label.into()))
    }

    /// The same where the label comes with another object than the one that says where to scrape, so that it may not be there
    /// yet, or not any more: the targets without it are left out, as a relabelling rule does that keeps those that have it.
    ///
    /// # Errors
    /// No real discoverers have this name.
    pub fn kept_by(self, name: &str, label: impl Into<String>) -> Result<Self, NotThere> {
        self.named_by(name, Naming::Kept(label.into()))
    }

    /// Finds what [`ShownHost::address`] says in the labels of a target of these real discoverers, if that is not
    /// their `__address__`.
    ///
    /// # Errors
    /// No real discoverers have this name.
    pub fn addressed_by(
        self,
        name: &str,
        find: impl Fn(&PlainLabels) -> Option<String> + 'static,
    ) -> Result<Self, NotThere> {
        self.named_by(name, Naming::Address(Arc::new(find)))
    }

    /// Somebody asks these real discoverers to ask their backend now, each so often: an operator, or a webhook.
    ///
    /// # Errors
    /// No real discoverers have this name.
    pub fn asked_each(self, name: &str, every: Span) -> Result<Self, NotThere> {
        // Time has to go on.
        let every = every.max(Span::millis(1));
        self.of(name, |real| real.asked_each = Some(every))
    }

    fn named_by(self, name: &str, naming: Naming) -> Result<Self, NotThere> {
        self.of(name, |real| real.naming = naming)
    }

    fn of(mut self, name: &str, change: impl FnOnce(&mut Real)) -> Result<Self, NotThere> {
        match self.real.iter_mut().find(|real| real.name == name) {
            Some(real) => change(real),
            None => {
                return Err(NotThere {
                    what: "real discoverers",
                    name: name.to_owned(),
                    known: self.real.into_iter().map(|real| real.name).collect(),
                });
            }
        }
        Ok(self)
    }

    /// Adds a page of an HTTP server; its body is written anew for each request.
    #[must_use]
    pub fn serve(self, url: impl Into<String>, body: impl Fn(&[ShownHost]) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let body: Render = Arc::new(body);
        self.site(url, move || Listed(body.clone()))
    }

    /// Adds an HTTP server for all URLs that start like this. Each discoverer has one to itself.
    #[must_use]
    pub fn site<S: Site + 'static>(mut self, url: impl Into<String>, make: impl Fn() -> S + 'static) -> Self {
        self.sites.push((url.into(), Arc::new(move || Box::new(make()))));
        self
    }

    /// Adds a server that is spoken to on connections to there. Each discoverer has one to itself.
    #[must_use]
    pub fn wire<W: Wire + 'static>(mut self, endpoint: Endpoint, make: impl Fn() -> W + 'static) -> Self {
        self.wires.push((endpoint, Arc::new(move || Box::new(make()))));
        self
    }

    /// Adds a file; it is rewritten whenever a host changes.
    #[must_use]
    pub fn file(
        mut self,
        path: impl Into<PathBuf>,
        contents: impl Fn(&[ShownHost]) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        self.files.push((path.into(), Contents::File(Arc::new(contents))));
        self
    }

    /// Adds a folder with files that come and go, by their paths within it; all are rewritten whenever a host changes.
    #[must_use]
    pub fn folder(
        mut self,
        path: impl Into<PathBuf>,
        contents: impl Fn(&[ShownHost]) -> Vec<(PathBuf, Vec<u8>)> + Send + Sync + 'static,
    ) -> Self {
        self.files.push((path.into(), Contents::Folder(Arc::new(contents))));
        self
    }

    /// Adds a name to the DNS, with its records. Without any, it exists and has no data; no other name exists.
    ///
    /// # Errors
    /// It is not a name in the DNS.
    pub fn name(
        mut self,
        name: &str,
        records: impl Fn(&[ShownHost]) -> Vec<Record> + Send + Sync + 'static,
    ) -> Result<Self, NameError> {
        let (name, _) = DomainName::parse(name)?;
        self.names.push((name, Arc::new(records)));
        Ok(self)
    }

    /// Sets the receiver: it is handed each snapshot, and says for how long it is busy with it, beside
    /// what the scenario says.
    #[must_use]
    pub fn receiver(self, receive: impl FnMut(Span, &Snapshot) -> Span + 'static) -> Self {
        Self {
            receiver: Box::new(receive),
            ..self
        }
    }

    /// Sets how long a change may take to reach the receiver, counted from when no fault is in
    /// the way. Unless it is set, it follows from the scenario: how often discoverers ask, how long a
    /// call takes, how long they wait after a failure, the throttle's longest wait.
    #[must_use]
    pub fn within(self, within: Span) -> Self {
        Self {
            within: Some(within),
            ..self
        }
    }

    /// Runs it to the end, or to the first broken rule.
    pub fn run(self) -> Outcome {
        self.stage().run().0
    }

    /// The same, with everything that happened.
    pub fn run_traced(mut self) -> (Outcome, Vec<Traced>) {
        self.is_traced = true;
        self.stage().run()
    }

    fn stage(mut self) -> Stage {
        let files: Arc<[_]> = core::mem::take(&mut self.files).into();
        let mut parts = BTreeMap::new();
        for (number, discoverer) in (0..).zip(&mut self.plan.discoverers) {
            let name = self.plan.scenario.discoverers[discoverer.entry].known_as();
            let Some(real) = self.real.iter().find(|real| real.name == name) else {
                continue;
            };
            discoverer.is_real = true;
            discoverer.sees = real.naming.sees();
            discoverer.within = self.within;
            self.plan.has_real = true;
            let mine = Parts {
                make: real.make.clone(),
                naming: real.naming.clone(),
                asked_each: real.asked_each,
                sites: self.sites.clone(),
                files: files.clone(),
                names: self.names.clone(),
                wires: self.wires.clone(),
            };
            parts.insert(DiscovererId(number), mine);
        }
        let (plan, rng) = (Arc::new(self.plan), KeyedRng::new(self.seed));
        let source = Source::drawn(&plan, rng);
        let mut simulation = Simulation::start(plan, rng, source);
        simulation.listen(self.is_traced);
        Stage::new(simulation, parts, self.receiver)
    }
}

impl Parts {
    fn sites(&self) -> Vec<(String, Box<dyn Site>)> {
        let sites = self.sites.iter();
        sites.map(|(url, make)| (url.clone(), make())).collect()
    }

    fn wires(&self) -> Vec<(Endpoint, Box<dyn Wire>)> {
        let wires = self.wires.iter();
        wires.map(|(endpoint, make)| (endpoint.clone(), make())).collect()
    }
}
