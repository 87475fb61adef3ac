//! Scrapes discovered targets, to say whether what was discovered is really there.
//!
//! A target is asked as Prometheus asks it, and its answer is read as strictly, but no sample is
//! kept: what stays is whether it was up, how long it took, how much it said, and what was wrong.
//!
//! * [`Scraper`]: scrapes the targets of all jobs when they are due, through an [`Env`].
//! * [`ScrapeSettings`]: how a job's targets are asked. [`ScrapeTarget`]: what is asked.
//! * [`TargetHealth`]: what came of it.
//! * [`exposition`]: the text formats.
//!
//! **Nothing here grows with an answer's size**: bodies are read as they come.
//!
//! The protobuf format is not read, and so never asked for.
//!
//! [`Env`]: headcount_discoverer::Env

mod checks;
mod content_type;
pub mod exposition;
mod failure;
mod health;
mod metrics;
mod request;
mod scrape;
mod scraper;
mod settings;
#[cfg(test)]
mod tests;

pub use content_type::ContentTypeError;
pub use failure::{SampleProblem, ScrapeFailure};
pub use health::{Health, TargetHealth};
pub use scraper::{Scraper, ScraperOptions, Targets};
pub use settings::{SampleLimits, ScrapeSettings, ScrapeTarget};
