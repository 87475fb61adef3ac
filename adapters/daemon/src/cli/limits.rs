//! What is taken of one provider at most.

use clap::Args;
use headcount_reader::parse_size;
use headcount_service::Limits;

/// Elsewhere 0 means that there is no bound, and here every provider would fail.
const NOTHING_TAKEN: &str = "with 0 nothing would be taken of any provider; leave it out for the default, or write a number \
                             that is larger than what you have";

/// A backend that runs wild must not take the others with it: what exceeds a bound is a failure of its provider, and
/// what that had found stays.
#[derive(Debug, Args)]
pub(crate) struct LimitOptions {
    /// Reads at most so much of one answer or list file; for example 1GiB.
    #[arg(long, value_name = "SIZE", default_value = "256MiB", value_parser = parse_bytes)]
    max_body_per_provider: u64,

    /// Takes at most so many groups of one provider. One that finds more fails, and keeps what it had.
    #[arg(long, value_name = "NUMBER", default_value_t = Limits::default().groups, value_parser = parse_number)]
    max_groups_per_provider: usize,

    /// Takes at most so many targets of one provider.
    #[arg(long, value_name = "NUMBER", default_value_t = Limits::default().targets, value_parser = parse_number)]
    max_targets_per_provider: usize,

    /// Takes targets with at most so many labels, with those of their group.
    #[arg(long, value_name = "NUMBER", default_value_t = Limits::default().labels, value_parser = parse_number)]
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
        .ok_or_else(|| NOTHING_TAKEN.to_owned())
}

fn parse_number(text: &str) -> Result<usize, String> {
    let number: usize = text
        .parse()
        .map_err(|error: std::num::ParseIntError| error.to_string())?;
    match number {
        0 => Err(NOTHING_TAKEN.to_owned()),
        number => Ok(number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_of_nothing_is_refused_with_what_to_write_instead() {
        for refused in [
            parse_number("0").map(|_| ()),
            parse_bytes("0").map(|_| ()),
            parse_bytes("0MiB").map(|_| ()),
        ] {
            let error = refused.expect_err("nothing could be found");
            assert!(error.contains("leave it out"), "{error}");
        }
        assert_eq!((parse_number("1"), parse_bytes("1KiB")), (Ok(1), Ok(1024)));
        assert!(parse_number("-1").is_err());
    }
}
