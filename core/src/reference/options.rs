//! Options of managers and sets, made from bytes.

use core::time::Duration;

use super::bytes::{below, one_of};
use crate::{Backoff, Count, DropGuard, ManagerOptions, Percent, Reload, SetOptions, Throttle};

/// The options of a manager.
pub(super) fn manager_options(bytes: &mut &[u8], number: u8) -> ManagerOptions {
    ManagerOptions {
        name: format!("manager {number}"),
        throttle: throttle(bytes),
        reload: match below(bytes, 4) {
            3 => Reload::Legacy,
            _ => Reload::Keep,
        },
        seed: u64::from(below(bytes, 255)),
        guard: guard(bytes),
        max_stale: some_time(bytes),
        per_set: below(bytes, 4) == 3,
        incomplete_after: None,
    }
}

/// The options of a set.
pub(super) fn set_options(bytes: &mut &[u8]) -> SetOptions {
    SetOptions {
        guard: guard(bytes),
        max_stale: some_time(bytes),
        incomplete_after: some_time(bytes),
    }
}

/// None as often as not, and the edges of what can be set.
fn guard(bytes: &mut &[u8]) -> Option<DropGuard> {
    let choice = below(bytes, 32);
    let max_drop = one_of(&mut [choice / 2].as_slice(), &[30, 0, 50, 99, 100], 30);
    let hold = one_of(&mut [choice / 8].as_slice(), &[5_000, 60_000, 150, 0], 0);
    let guard = |max_drop| DropGuard {
        max_drop,
        hold: Duration::from_millis(hold),
        count: if choice % 8 < 6 { Count::Net } else { Count::Gross },
    };
    Percent::new(max_drop).ok().filter(|_| choice % 2 == 1).map(guard)
}

/// None as often as not.
fn some_time(bytes: &mut &[u8]) -> Option<Duration> {
    let millis = one_of(bytes, &[0, 60_000, 5_000, 150], 0);
    (millis > 0).then(|| Duration::from_millis(millis))
}

/// The throttles that Prometheus has, and the edges of what can be set.
pub(super) fn throttle(bytes: &mut &[u8]) -> Throttle {
    let backoff = Backoff::default();
    let ticker = |interval| Throttle::Ticker { interval };
    match below(bytes, 12) {
        0..=2 => Throttle::Backoff(backoff),
        3 => ticker(Duration::from_secs(5)),
        4 => ticker(Duration::ZERO),
        5 => ticker(Duration::from_nanos(1)),
        6 => Throttle::Backoff(Backoff {
            initial: Duration::ZERO,
            ..backoff
        }),
        7 => Throttle::Backoff(Backoff {
            jitter_permille: 0,
            ..backoff
        }),
        8 => Throttle::Backoff(Backoff {
            quiet: Duration::ZERO,
            ..backoff
        }),
        9 => Throttle::Backoff(Backoff {
            initial: Duration::from_secs(10),
            growth_permille: 0,
            ..backoff
        }),
        10 => Throttle::Backoff(Backoff {
            max: Duration::from_millis(60),
            jitter_permille: 2_000,
            ..backoff
        }),
        _ => Throttle::Backoff(Backoff {
            initial: Duration::ZERO,
            max: Duration::ZERO,
            growth_permille: u32::MAX,
            ..backoff
        }),
    }
}
