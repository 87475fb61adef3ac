//! Runs a core [`Manager`](headcount_core::Manager) on an async runtime.
//!
//! Two things live here. The **driver** ([`start`]) is one task that owns the manager: it takes
//! the discoverers' updates from a bounded queue, starts and stops discoverers as the manager
//! says, keeps its timers, and hands snapshots and events to receivers. The **environment** ([`env()`])
//! implements [`headcount_discoverer::env`] over real sockets, files and clocks.
//!
//! The one rule: **what differs between runtimes is a [`Runtime`], five methods, and nothing
//! else knows which one it runs on.** The modules `smol` and `tokio` implement it, each behind the
//! feature of its name; any other runtime can too.
//!
//! ```
//! # #[cfg(feature = "smol")] {
//! use headcount_core::{ManagerOptions, ProviderConfig, Update};
//! use headcount_discoverer::{Discoverer, Env, Updates};
//! use headcount_runtime::Running;
//!
//! #[derive(Clone, PartialEq, Eq, Hash)]
//! struct Rack(u32);
//!
//! impl ProviderConfig for Rack {
//!     fn kind(&self) -> &str {
//!         "rack"
//!     }
//!     fn describe(&self) -> String {
//!         self.0.to_string()
//!     }
//! }
//!
//! let runtime = headcount_runtime::smol::global();
//! let env = headcount_runtime::env(&runtime);
//! let Running { handle, mut snapshots, .. } = headcount_runtime::start(&runtime, ManagerOptions::default(), env, |rack: &Rack| {
//!     let source = format!("rack/{}", rack.0);
//!     Ok(Box::new(async move |_env: Env, updates: Updates| {
//!         let mut encoder = headcount_core::Encoder::new();
//!         let mut batch = encoder.batch();
//!         batch.group(&source, [("rack", "1")], [[("__address__", "10.0.0.1:9100")]]).ok();
//!         updates.send(Update::full(batch.finish())).await.ok();
//!     }) as Box<dyn Discoverer>)
//! });
//! futures_lite::future::block_on(async {
//!     handle.apply([("nodes".to_owned(), vec![Rack(1)])]).await.ok();
//!     while let Some(snapshot) = snapshots.next().await {
//!         if snapshot.set("nodes").is_some_and(|set| set.groups().count() == 1) {
//!             break;
//!         }
//!     }
//!     handle.stop().await;
//! });
//! # }
//! ```

mod bounds;
mod clock;
mod connections;
mod descriptors;
mod dns;
mod driver;
mod events;
mod files;
mod handle;
mod http;
mod programs;
mod race;
mod random;
mod refresh;
mod refreshes;
mod runtime;
mod slot;
mod task;
mod variables;

#[cfg(feature = "smol")]
pub mod smol;
#[cfg(feature = "tokio")]
pub mod tokio;

use std::sync::Arc;

use headcount_discoverer::Env;
use headcount_discoverer::env::TokenCache;

pub use clock::SystemClock;
pub use connections::SystemConnections;
pub use descriptors::Descriptors;
pub use dns::SystemDns;
pub use driver::{Running, start, start_recorded, start_restored};
pub use events::EventReceiver;
pub use files::SystemFiles;
pub use handle::{DriverGone, Handle};
pub use http::{http_clients, http_clients_with};
pub use programs::SystemPrograms;
pub use random::SystemRandom;
pub use refresh::{PendingRefresh, RefreshRequest};
pub use runtime::{Datagrams, Runtime, SharedRuntime, Stream};
pub use slot::SnapshotReceiver;
pub use variables::SystemVariables;

/// The real world: this machine's clock, network and files. No program is allowed to be run.
///
/// The fields of [`Env`] are public, so a part can be replaced afterwards: [`SystemPrograms`] with what the
/// operator allows.
pub fn env(runtime: &SharedRuntime) -> Env {
    let clock = Arc::new(SystemClock::new(runtime.clone()));
    let (variables, tokens) = (Arc::new(SystemVariables), TokenCache::default());
    Env::builder(clock, Arc::new(SystemRandom))
        .http(Arc::new(http_clients_with(runtime, variables.clone(), tokens.clone())))
        .tokens(tokens)
        .files(Arc::new(SystemFiles::new(runtime.clone())))
        .dns(Arc::new(SystemDns::new(runtime.clone())))
        .connections(Arc::new(SystemConnections::new(runtime.clone())))
        .variables(variables)
        .programs(Arc::new(SystemPrograms::new(runtime.clone(), [])))
        .build()
}
