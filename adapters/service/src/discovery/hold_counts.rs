//! How many drops were held, and how they ended (B05).

use std::sync::atomic::{AtomicU64, Ordering};

use headcount_core::Release;

/// The ways in which a drop ends, and how metrics call them.
const RELEASES: [(Release, &str); 5] = [
    (Release::HoldTime, "hold_time"),
    (Release::Confirmed, "confirmed"),
    (Release::CameBack, "came_back"),
    (Release::Reload, "reload"),
    (Release::Expired, "expired"),
];

/// What was counted since the start.
#[derive(Debug, Default)]
pub(crate) struct HoldCounts {
    held: AtomicU64,
    released: [AtomicU64; RELEASES.len()],
}

impl HoldCounts {
    /// A drop is held.
    pub(super) fn count_held(&self) {
        self.held.fetch_add(1, Ordering::Relaxed);
    }

    /// One is no longer held.
    pub(super) fn count_released(&self, why: Release) {
        for ((release, _), counter) in RELEASES.iter().zip(&self.released) {
            if *release == why {
                counter.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// How many drops were held.
    pub(crate) fn held(&self) -> u64 {
        self.held.load(Ordering::Relaxed)
    }

    /// How many ended so.
    pub(crate) fn released(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let counters = RELEASES.iter().zip(&self.released);
        counters.map(|((_, name), counter)| (*name, counter.load(Ordering::Relaxed)))
    }
}
