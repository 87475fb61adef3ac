//! Questions about targets, and their answers; and what an operator has a daemon do.
//!
//! * `explain`: what became of a host or target, and why, also when it is nowhere.
//! * `coverage`: which hosts of an inventory are scraped, which are not, and why.
//! * `events`: what happened, the newest first.
//! * `adopt`: the prometheus.yml with which a Prometheus reads lists in place of discovering by itself.
//! * `diff`: what a reload from one configuration to another would do, before it is done.
//! * `status`: how a daemon fares.
//! * `guard`, `refresh`: what an operator sees and tells a daemon.
//! * `lookup`: whom all but `diff` ask: a service, or a daemon over the network.
//! * `sd_output`, `targets_output`: what a discovery found, as text.
//!
//! The one rule: **answers are values.** What is printed of them, and where, is up to who asks.

pub mod adopt;
pub mod coverage;
pub mod diff;
pub mod events;
pub mod explain;
pub mod guard;
mod lookup;
pub mod refresh;
pub mod sd_output;
pub mod status;
mod table;
pub mod targets_output;
#[cfg(test)]
mod testing;
mod yaml;

pub use lookup::Api;
pub use table::table;
pub use yaml::json_text;

/// How lists of targets are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ListFormat {
    /// A line for each target.
    Table,
    /// Every target with its labels, provider and source.
    Json,
    /// The same as YAML.
    Yaml,
    /// What `file_sd_configs` reads.
    FileSd,
}
