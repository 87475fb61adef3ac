//! What of the world a discoverer may touch.
//!
//! Small traits, plain data. A runtime implements them over maintained libraries; the simulator
//! implements them over its virtual clock. Nothing else in headcount does input or output on a
//! discoverer's behalf.

mod clock;
mod files;
mod http;
mod random;

use std::sync::Arc;

pub use clock::Clock;
pub use files::{FileContents, FileError, FileWatch, Files};
pub use http::{BodySink, Http, HttpClient, HttpError, HttpRequest, HttpResponse};
pub use random::Random;

use crate::metrics::Metrics;

/// Everything that a discoverer may use. Cloning it clones handles.
#[derive(Clone)]
pub struct Env {
    /// Time and sleep.
    pub clock: Arc<dyn Clock>,
    /// HTTP clients.
    pub http: Arc<dyn Http>,
    /// Files and file watching.
    pub files: Arc<dyn Files>,
    /// Random numbers, for jitter.
    pub random: Arc<dyn Random>,
    /// A mechanism's own metrics.
    pub metrics: Metrics,
}

impl std::fmt::Debug for Env {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Env").finish_non_exhaustive()
    }
}
