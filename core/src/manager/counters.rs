//! What a manager counts.

/// What a manager counted since it was made (S12).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Updates that running providers sent: `prometheus_sd_received_updates_total`.
    pub received_updates: u64,
    /// Those of them that changed nothing (B01).
    pub unchanged_updates: u64,
    /// Reports of providers that were stopped, which changed nothing (S06).
    pub ignored_reports: u64,
    /// Snapshots that were delivered: `prometheus_sd_updates_total`.
    pub updates: u64,
    /// Snapshots that were due while the receiver was busy: `prometheus_sd_updates_delayed_total`.
    pub updates_delayed: u64,
}
