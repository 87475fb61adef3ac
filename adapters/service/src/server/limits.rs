//! How many clients may be connected, and how slow they may be.

use std::time::Duration;

use headcount_core::planted;
use headcount_runtime::Descriptors;

use super::pace::Pace;
use super::places::{BESIDE, Most};

/// Connections, unless it is said otherwise; as in Prometheus.
const MOST_CONNECTIONS: usize = 512;

/// How many clients may be connected at a time, and how slow they may be.
///
/// When there are too many, the connection on which nothing was asked for the longest is closed; where all are being
/// answered, new ones are told so, but for `/-/healthy` and `/-/ready`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectionLimits {
    /// Connections at a time; fewer where the system lets this process have few open files.
    pub connections: usize,
    /// Those from one address, or one network of IPv6; half of all unless it is said otherwise.
    pub per_address: Option<usize>,
    /// A client that takes fewer bytes a second of its answers,
    pub slowest: u64,
    /// over so much of the time in which it is waited for, is cut off.
    pub patience: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        let pace = Pace::default();
        Self {
            connections: MOST_CONNECTIONS,
            per_address: None,
            slowest: pace.bytes / pace.time.as_secs(),
            patience: pace.time,
        }
    }
}

impl ConnectionLimits {
    pub(super) fn pace(&self) -> Pace {
        let bytes = u128::from(self.slowest) * self.patience.as_millis() / 1_000;
        Pace {
            bytes: u64::try_from(bytes).unwrap_or(u64::MAX),
            time: self.patience,
        }
    }

    pub(super) fn most(&self) -> Most {
        let may = Descriptors::of_this_process().clients;
        let most = self.most_of(may);
        if most.all < self.connections {
            tracing::warn!(
                connections = most.all,
                asked = self.connections,
                "the system allows too few open files for as many connections as are asked for (ulimit -n)"
            );
        }
        most
    }

    /// What may be where there are so many descriptors for it.
    fn most_of(&self, descriptors: usize) -> Most {
        let beside = BESIDE.min(descriptors / 4);
        let all = self
            .connections
            .min(planted!(descriptors - beside, BesideIsNotCounted, descriptors))
            .max(1);
        let half = all.div_ceil(2);
        Most {
            all,
            per_address: self.per_address.unwrap_or(half).clamp(1, all),
            beside,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_all_may_come_from_one_address_unless_it_is_said_otherwise() {
        let most = |limits: &ConnectionLimits, descriptors| {
            let most = limits.most_of(descriptors);
            assert!(most.all + most.beside <= descriptors.max(1));
            (most.all, most.per_address)
        };
        let mut limits = ConnectionLimits::default();
        assert_eq!(most(&limits, 576), (512, 256));
        assert_eq!(most(&limits, 57), (43, 22));
        assert_eq!(most(&limits, 1), (1, 1));
        limits.per_address = Some(400);
        assert_eq!(most(&limits, 100_000), (512, 400));
        assert_eq!(most(&limits, 57), (43, 43));
        assert_eq!(limits.pace(), Pace::default());
    }
}
