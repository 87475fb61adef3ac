//! The port between headcount and the world.
//!
//! A [`Discoverer`] talks to one service-discovery mechanism and reports what it finds through
//! [`Updates`]. It touches the world only through [`Env`]: a few small traits that an async
//! runtime implements over real sockets and files, and the simulator over virtual ones. That is
//! the one rule here: **no discoverer opens a socket or a file, reads a clock or draws a random
//! number except through its `Env`**, so the same code runs in production and under simulated
//! faults.
//!
//! Dropping the future that [`Discoverer::run`] returned cancels the discoverer.
//!
//! * [`mod@env`]: the traits, and the plain data that passes through them.
//! * [`address`]: hosts and ports as Prometheus writes them.
//! * [`mechanism`]: what a `*_sd_configs` entry says, how it is read, and the registry of mechanisms.
//! * The loops, each written once: [`refresh`] polls, backs off and reports; [`rest`] stands on it, for backends
//!   that are asked by HTTP, in parts and pages; [`watch`] lists, and then follows what changes.
//! * [`on_demand`]: what each of them does when somebody asks for a read now.
//! * [`metrics`]: numbers of a mechanism's own (`prometheus_sd_file_mtime_seconds`, …).

pub mod address;
mod backoff;
pub mod env;
mod fingerprint;
mod limits;
pub mod mechanism;
pub mod metrics;
pub mod on_demand;
mod parallel;
mod queue;
pub mod refresh;
mod requests;
pub mod rest;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod updates;
pub mod watch;

use std::future::Future;
use std::pin::Pin;

pub use backoff::Backoff;
pub use env::Env;
pub use fingerprint::Fingerprint;
pub use limits::{BODY_KNOB, Exceeded, Limits, Totals};
pub use parallel::in_parallel;
pub use queue::{MOST_REPORTS, QueueStatus, ReportQueue};
pub use requests::{Read, Requests};
pub use updates::{Message, Report, Stopped, Updates};

/// A boxed future that can move between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What talks to one service-discovery mechanism.
///
/// Any `FnOnce(Env, Updates) -> impl Future<Output = ()>` is a discoverer, so a source of one's
/// own is one async function:
///
/// ```
/// use headcount_core::{Encoder, Update};
/// use headcount_discoverer::{Discoverer, Env, Updates};
///
/// async fn cmdb(_env: Env, updates: Updates) {
///     let mut encoder = Encoder::new();
///     let mut batch = encoder.batch();
///     batch.group("cmdb/rack-1", [("rack", "1")], [[("__address__", "10.0.0.1:9100")]]).ok();
///     updates.send(Update::full(batch.finish())).await.ok();
/// }
///
/// let discoverer: Box<dyn Discoverer> = Box::new(cmdb);
/// # drop(discoverer);
/// ```
pub trait Discoverer: Send + 'static {
    /// Runs until the future is dropped, or until there is nothing more to say.
    ///
    /// A discoverer that returns keeps what it reported: its groups stay until the provider is
    /// stopped.
    fn run(self: Box<Self>, env: Env, updates: Updates) -> BoxFuture<'static, ()>;
}

impl<F, Fut> Discoverer for F
where
    F: FnOnce(Env, Updates) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    fn run(self: Box<Self>, env: Env, updates: Updates) -> BoxFuture<'static, ()> {
        Box::pin((*self)(env, updates))
    }
}

/// Why a discoverer could not be made from its settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The mechanism is not part of this program.
    #[error(
        "this build has no {mechanism}_sd; remove it from the job, or take a build that has it (`headcount mechanisms` lists what this one has)"
    )]
    Unsupported {
        /// The mechanism, as in `<mechanism>_sd_configs`.
        mechanism: String,
    },
}
