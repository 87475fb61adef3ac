//! `prometheus.yml`, read and checked, and `headcount.yml` beside it.
//!
//! [`Loader`] takes a configuration as Prometheus takes it: same fields, same defaults, same
//! strictness, same view of what is a number and what is text. Sections that concern other parts
//! of Prometheus (`rule_files`, `remote_write`, …) are checked and forgotten. What is wrong is
//! reported all at once, each [`Problem`] with its file, line, column and field.
//!
//! One rule holds this crate together: **whatever Prometheus refuses is refused, whatever it takes
//! is taken.** Where that could not be kept, the corpus of the conformance test (`tests/corpus`)
//! names the file and the reason.
//!
//! What Prometheus has no word for stands in headcount's own file beside it ([`Settings`]), and is read as strictly.
//!
//! Reading opens nothing that a configuration names but what it includes; [`Loader::examine`] lists the
//! rest for whoever looks at it, and [`check_rules`] reads a rule file as far as that goes without PromQL.
//!
//! No secret leaves this crate except inside a `Secret`: not in messages, not in debug output, not
//! in [`Config::redacted`]; who is to have them all the same says so ([`Secrets::Shown`]).
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
mod dialect;
mod load;
mod relabeling;
mod rules;
mod section;
mod settings;
mod written;

pub use config::Config;
pub use dialect::Dialect;
pub use headcount_reader::{
    LoadErrors, Machine, Mention, Mentioned, Nowhere, Position, Problem, ProblemKind, RegexAllowance, Surroundings,
};
pub use load::{Examined, Loader};
pub use rules::check_rules;
pub use section::alertmanager::AlertmanagerConfig;
pub use section::global::{Global, Limits};
pub use section::relabel::OVERWRITTEN;
pub use section::scrape::{OnlyVmagent, ScrapeConfig};
pub use section::sd::MECHANISMS;
pub use settings::{
    FoundMembers, JobSettings, Limit, MOST_MEMBERS, MemberIdentity, MemberStrategy, MembersSettings, NODE_LABELS,
    SETTINGS_FILE, SETTINGS_SCHEMA, Settings, StateSettings, ThrottleSettings, WebSettings, Who,
};
pub use written::{OnlyVmagents, Secrets};
