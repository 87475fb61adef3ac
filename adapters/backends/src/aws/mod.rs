//! `aws_sd_configs`: what there is at AWS, in one of six roles.
//!
//! Each role is a mechanism of its own, with a list of its own (`ec2_sd_configs`, …), and does here what it does there: the
//! same requests, sources and labels. The one rule: **an entry says the same in both places**, but for what Prometheus
//! reads otherwise here: `port` and `refresh_interval` of 0 are those where nothing is said, and there is no
//! `request_concurrency`.
//!
//! `filters` and `clusters` are read in every role, and are without effect where they are not the role's.

mod settings;
#[cfg(test)]
mod tests;

pub use settings::AwsSd;
