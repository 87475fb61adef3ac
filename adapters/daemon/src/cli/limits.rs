//! What is taken of one provider at most.

use clap::Args;
use headcount_reader::parse_size;
use headcount_service::Limits;

/// A backend that runs wild must not take the others with it: what exceeds a bound is a failure of its provider, and
/// what that had found stays.
#[derive(Debug, Args)]
pub(crate) struct LimitOptions {
    /// Reads at most so much of one answer or list file; for example 1GiB.
    #[arg(long, value_name = "SIZE", default_value = "256MiB", value_parser = parse_bytes)]
    max_body_per_provider: u64,

    /// Takes at most so many groups of one provider. One that finds more fails, and keeps what it had.
    #[arg(long, value_name = "NUMBER", default_value_t = Limits::default().groups)]
    max_groups_per_provider: usize,

    /// Takes at most so many targets of one provider.
    #[arg(long, value_name = "NUMBER", default_value_t = Limits::default().targets)]
    max_targets_per_provider: usize,

    /// Takes targets with at most so many labels, with those of their group.
    #[arg(long, value_name = "NUMBER", default_value_t = Limits::default().labels)]
    max_labels_per_target: usize,

    /// Takes groups of one provider that need at most so much memory.
    #[arg(long, value_name = "SIZE", default_value = "2GiB", value_parser = parse_bytes)]
    max_memory_per_provider: u64,
}

impl LimitOptions {
    /// What the service is told.
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            body: self.max_body_per_provider,
            groups: self.max_groups_per_provider,
            targets: self.max_targets_per_provider,
            labels: self.max_labels_per_target,
            memory: usize::try_from(self.max_memory_per_provider).unwrap_or(usize::MAX),
        }
    }
}

fn parse_bytes(text: &str) -> Result<u64, String> {
    let size = parse_size(text).map_err(|error| error.to_string())?;
    u64::try_from(size)
        .ok()
        .filter(|size| *size > 0)
        .ok_or_else(|| "must be more than 0".to_owned())
}
