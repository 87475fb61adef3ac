//! What of the world a discoverer may touch.
//!
//! Small traits, plain data. A runtime implements them over maintained libraries; the simulator
//! implements them over its virtual clock. Nothing else in headcount does input or output on a
//! discoverer's behalf. The one rule: **what an [`Env`] was not given answers "not available
//! here"**, as any other failure of the world, so a program offers what it has and no more.

mod cause;
mod clock;
mod connections;
mod dns;
mod files;
mod http;
mod programs;
mod random;
mod shared;
mod tokens;
mod unavailable;
mod variables;

use std::sync::Arc;

pub use cause::Cause;
pub use clock::Clock;
pub use connections::{ByteStream, Connection, ConnectionError, Connections, Doing, Endpoint};
pub use dns::{
    Dns, DnsAnswer, DnsError, DnsQuestion, DomainName, Found, NameError, REFUSED, Record, RecordType, SERVFAIL,
    SearchList, ServerFailure, ServerTrouble,
};
pub use files::{FileContents, FileError, FileWatch, Files, FolderIdentity};
pub use http::{Awaited, Http, HttpBody, HttpClient, HttpError, HttpLimits, HttpRequest, HttpResponse, HttpStream};
pub use programs::{ProgramCall, ProgramError, ProgramOutput, Programs};
pub use random::Random;
pub use shared::Shared;
pub use tokens::{Token, TokenCache, TokenSlot};
pub use unavailable::NotAvailable;
pub use variables::Variables;

use crate::Limits;
use crate::metrics::Metrics;
use unavailable::Unavailable;

/// Everything that a discoverer may use. Cloning it clones handles.
///
/// It is built by [`Env::builder`]; a part of one that is there is replaced by setting its field.
///
/// ```
/// use std::sync::Arc;
///
/// use headcount_discoverer::Env;
/// use headcount_discoverer::env::{Clock, Random};
///
/// // Neither files nor a network, for mechanisms that need none.
/// fn bare(clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Env {
///     Env::builder(clock, random).build()
/// }
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct Env {
    /// Time and sleep.
    pub clock: Arc<dyn Clock>,
    /// HTTP clients.
    pub http: Arc<dyn Http>,
    /// Files and file watching.
    pub files: Arc<dyn Files>,
    /// The DNS, for what is more than the address of a host.
    pub dns: Arc<dyn Dns>,
    /// Connections, for protocols that are not HTTP.
    pub connections: Arc<dyn Connections>,
    /// Environment variables.
    pub variables: Arc<dyn Variables>,
    /// Programs that the operator allowed to be run.
    pub programs: Arc<dyn Programs>,
    /// Tokens, which whoever needs the same one shares.
    pub tokens: TokenCache,
    /// What discoverers have in common, such as the watches of one server.
    pub shared: Shared,
    /// Random numbers, for jitter.
    pub random: Arc<dyn Random>,
    /// A mechanism's own metrics.
    pub metrics: Metrics,
    /// What is taken of one provider at most.
    pub limits: Limits,
}

impl Env {
    /// An environment of time and random numbers, which nothing works without and which can't
    /// fail. The rest is not available until it is given.
    pub fn builder(clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> EnvBuilder {
        let unavailable = Arc::new(Unavailable);
        EnvBuilder(Self {
            clock,
            http: unavailable.clone(),
            files: unavailable.clone(),
            dns: unavailable.clone(),
            connections: unavailable.clone(),
            variables: unavailable.clone(),
            programs: unavailable,
            tokens: TokenCache::default(),
            shared: Shared::default(),
            random,
            metrics: Metrics::default(),
            limits: Limits::default(),
        })
    }
}

impl std::fmt::Debug for Env {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Env").finish_non_exhaustive()
    }
}

/// Puts an [`Env`] together; made by [`Env::builder`].
#[derive(Debug, Clone)]
#[must_use = "it is not an environment until it is built"]
pub struct EnvBuilder(Env);

impl EnvBuilder {
    /// Gives HTTP clients.
    pub fn http(mut self, http: Arc<dyn Http>) -> Self {
        self.0.http = http;
        self
    }

    /// Gives files and file watching.
    pub fn files(mut self, files: Arc<dyn Files>) -> Self {
        self.0.files = files;
        self
    }

    /// Gives the DNS.
    pub fn dns(mut self, dns: Arc<dyn Dns>) -> Self {
        self.0.dns = dns;
        self
    }

    /// Gives connections.
    pub fn connections(mut self, connections: Arc<dyn Connections>) -> Self {
        self.0.connections = connections;
        self
    }

    /// Gives environment variables; none is set unless said otherwise.
    pub fn variables(mut self, variables: Arc<dyn Variables>) -> Self {
        self.0.variables = variables;
        self
    }

    /// Gives programs that may be run.
    pub fn programs(mut self, programs: Arc<dyn Programs>) -> Self {
        self.0.programs = programs;
        self
    }

    /// Gives a cache of tokens, to be shared with the HTTP clients; one of its own unless said otherwise.
    pub fn tokens(mut self, tokens: TokenCache) -> Self {
        self.0.tokens = tokens;
        self
    }

    /// Gives a place for what discoverers share; one of its own unless said otherwise.
    pub fn shared(mut self, shared: Shared) -> Self {
        self.0.shared = shared;
        self
    }

    /// Gives a place for the mechanisms' own metrics; one of its own unless said otherwise.
    pub fn metrics(mut self, metrics: Metrics) -> Self {
        self.0.metrics = metrics;
        self
    }

    /// Says what is taken of one provider at most.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.0.limits = limits;
        self
    }

    /// The environment.
    pub fn build(self) -> Env {
        self.0
    }
}
