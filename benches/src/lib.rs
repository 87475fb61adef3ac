//! The workloads behind headcount's performance goals.
//!
//! Each workload is set up and checked here, and timed in two places: by criterion in
//! `benches/workloads.rs`, and by `benches/table.rs`, which prints one line for each. **A workload
//! checks its own result before it is timed.**
//!
//! [`peer`] does the same work in the shape that Prometheus's manager gives it, so that a ratio
//! can be told from one run on one machine. It is Rust as well, so the ratio is about the shape
//! of the work and not about the language. [`mechanisms`] is compared with Go's standard library, where a compiler is
//! installed.

pub mod allocation;
pub mod allocations;
pub mod fleet;
pub mod ingest;
pub mod latency;
pub mod manager;
pub mod mechanisms;
pub mod peer;
pub mod restart;
pub mod serving;
pub mod simulator;
pub mod targets;
