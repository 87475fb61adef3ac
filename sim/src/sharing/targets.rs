//! What is made up about the targets that are shared out: what each weighs, how often it is scraped.
//!
//! **All of it follows from a target's key and the time**, so nothing has to be remembered, and a restart changes nothing.

use core::time::Duration;

use headcount_core::Instant;
use headcount_core::allocation::TargetKey;

use crate::Span;

/// How far apart it is said anew what targets weigh. One in ten weighs something else by then.
pub(super) const WEIGHED_EACH: Duration = Duration::from_secs(30);

/// What a target weighs at a time, if that is known: from 1 to some thousands, few of them much.
pub(super) fn weight(key: TargetKey, now: Instant) -> Option<u64> {
    let key = key.number();
    let times = now.as_nanos() / WEIGHED_EACH.as_nanos() as u64;
    let mixed = mix(key ^ mix((times + key % 10) / 10));
    (!mixed.is_multiple_of(4)).then(|| {
        let class = (mixed >> 8) % 100;
        // Half of them 1 to 3, and each tenth more twice as much.
        let most = 3_u64 << (class.saturating_sub(50) / 5);
        1 + (mixed >> 20) % most
    })
}

/// A target's own interval, if it has one.
pub(super) fn own_pace(key: TargetKey, interval: Span) -> Option<Span> {
    key.number().is_multiple_of(5).then(|| interval.times(3))
}

/// How far apart a target is scraped.
pub(super) fn pace(key: TargetKey, interval: Span) -> Span {
    own_pace(key, interval).unwrap_or(interval)
}

fn mix(number: u64) -> u64 {
    let wide = u128::from(number ^ 0x9e37_79b9_7f4a_7c15) * 0xf39c_c060_5ced_c835;
    (wide as u64) ^ ((wide >> 64) as u64)
}
