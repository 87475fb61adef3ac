//! `prometheus.yml`, read and checked.
//!
//! [`Loader`] takes a configuration as Prometheus takes it: same fields, same defaults, same
//! strictness, same view of what is a number and what is text. Sections that concern other parts
//! of Prometheus (`rule_files`, `remote_write`, …) are accepted and passed over. What is wrong is
//! reported all at once, each [`Problem`] with its file, line, column and field.
//!
//! One rule holds this crate together: **whatever Prometheus refuses in the sections that are
//! ours is refused, whatever it takes is taken.** Where that could not be kept, the corpus of the
//! conformance test (`tests/corpus`) names the file and the reason.
//!
//! No secret leaves this crate except inside a `Secret`: not in messages, not in debug output, not
//! in [`Config::redacted`].
//!
//! ```
//! use headcount_config::{Loader, Nowhere};
//!
//! let loader = Loader::new(headcount_backends::registry());
//! let text = "scrape_configs: [{job_name: node, static_configs: [{targets: ['db1:9100']}]}]";
//! let config = loader.parse(text.as_bytes(), "/etc/prometheus/prometheus.yml".as_ref(), &Nowhere).unwrap();
//! assert_eq!(config.scrape_configs[0].job_name, "node");
//!
//! let errors = loader.parse(b"scrape_configs: [{job_nam: node}]", "prometheus.yml".as_ref(), &Nowhere).unwrap_err();
//! assert_eq!(
//!     errors.problems[0].to_string(),
//!     "prometheus.yml:1:18: scrape_configs[0]: job_name is missing or empty; it is required",
//! );
//! ```

mod config;
mod load;
mod section;

pub use config::Config;
pub use headcount_reader::{LoadErrors, Machine, Nowhere, Position, Problem, ProblemKind, Surroundings};
pub use load::Loader;
pub use section::alertmanager::AlertmanagerConfig;
pub use section::global::{Global, Limits};
pub use section::scrape::ScrapeConfig;
pub use section::sd::MECHANISMS;
