//! When a snapshot may be emitted (S07, S08).
//!
//! The throttle knows one deadline: the moment at which what changed is due. It is set by the
//! first change after an emission and never moves later while changes keep coming, so nothing
//! starves.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Instant;
use crate::random::Random;
use crate::time::nanos;

/// How often snapshots may be emitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Throttle {
    /// At the ticks of a clock that started with the manager, if something changed: what
    /// Prometheus 2.x does, every 5 s.
    Ticker {
        /// Time between ticks. Zero means at once.
        interval: Duration,
    },
    /// Soon after a first change, then ever less often while changes keep coming: what
    /// Prometheus does since 3.12.
    Backoff(Backoff),
}

impl Default for Throttle {
    fn default() -> Self {
        Self::Backoff(Backoff::default())
    }
}

/// Settings of [`Throttle::Backoff`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Backoff {
    /// How long the first change after a quiet time waits. Zero sends it at once; growth then
    /// starts from 100 ms.
    pub initial: Duration,
    /// The longest wait between two snapshots, before jitter.
    pub max: Duration,
    /// After this long without a snapshot the wait is `initial` again.
    pub quiet: Duration,
    /// What the wait grows by with each snapshot, in thousandths: 1500 is a half more.
    pub growth_permille: u32,
    /// How far each wait is moved up or down at random, in thousandths of itself.
    pub jitter_permille: u32,
}

impl Default for Backoff {
    /// Prometheus's: 100 ms, growing by a half up to 5 s, ±50 %, reset after 5 s.
    fn default() -> Self {
        Self {
            initial: Duration::from_millis(100),
            max: Duration::from_secs(5),
            quiet: Duration::from_secs(5),
            growth_permille: 1_500,
            jitter_permille: 500,
        }
    }
}

impl Throttle {
    /// The longest time that a change waits for its snapshot, if the receiver is ready (S08).
    pub fn longest_wait(&self) -> Duration {
        match self {
            Self::Ticker { interval } => *interval,
            Self::Backoff(backoff) => {
                let longest = nanos(backoff.max.max(backoff.initial).max(SMALLEST_STEP));
                Duration::from_nanos(longest.saturating_add(share(longest, backoff.jitter_permille)))
            }
        }
    }
}

/// From where the wait grows when `initial` is shorter.
const SMALLEST_STEP: Duration = Duration::from_millis(100);

#[derive(Debug, Clone)]
pub(super) struct ThrottleState {
    policy: Throttle,
    origin: Instant,
    deadline: Option<Instant>,
    last_emission: Option<Instant>,
    /// The wait that the next emission has to keep from the last one, before jitter.
    interval: Duration,
    /// The same with jitter.
    wait: Duration,
    random: Random,
}

impl ThrottleState {
    pub(super) fn new(policy: Throttle, origin: Instant, seed: u64) -> Self {
        Self {
            policy,
            origin,
            deadline: None,
            last_emission: None,
            interval: Duration::ZERO,
            wait: Duration::ZERO,
            random: Random::new(seed),
        }
    }

    /// What changed is due at this moment.
    pub(super) fn is_due(&mut self, deadline: Instant) {
        self.deadline = Some(deadline);
    }

    /// Something changed.
    pub(super) fn changed(&mut self, now: Instant) {
        if planted!(self.deadline.is_none(), LaterChangeMovesTheDeadline, true) {
            self.deadline = Some(self.due(now));
        }
    }

    /// When what changed is due; `None` when nothing did.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// A snapshot was emitted.
    pub(super) fn emitted(&mut self, now: Instant) {
        self.deadline = None;
        self.last_emission = Some(now);
        if let Throttle::Backoff(backoff) = self.policy {
            let step = nanos(self.interval.max(SMALLEST_STEP.min(backoff.max)));
            let grown = share(step, backoff.growth_permille).max(step).min(planted!(
                nanos(backoff.max).max(nanos(backoff.initial)),
                WaitGrowsWithoutEnd,
                u64::MAX
            ));
            self.interval = Duration::from_nanos(grown);
            self.wait = planted!(
                self.jittered(self.interval, backoff.jitter_permille),
                JitterOnlyAtFirst,
                self.interval
            );
        }
    }

    fn due(&mut self, now: Instant) -> Instant {
        match self.policy {
            Throttle::Ticker { interval } => next_tick(self.origin, interval, now),
            Throttle::Backoff(backoff) => {
                let quiet_since = self.last_emission.map(|last| now.saturating_duration_since(last));
                if planted!(
                    quiet_since.is_none_or(|quiet| quiet > backoff.quiet),
                    StaysSlowWhenQuiet,
                    quiet_since.is_none()
                ) {
                    self.interval = backoff.initial;
                    self.wait = self.jittered(self.interval, backoff.jitter_permille);
                    return now + self.wait;
                }
                // A change that comes after the wait is over still waits a little, so that what
                // comes with it goes with it.
                let kept = self.last_emission.map_or(now, |last| last + self.wait);
                planted!(
                    kept.max(now + backoff.initial.min(self.wait)),
                    WaitIsNotKept,
                    now + backoff.initial.min(self.wait)
                )
            }
        }
    }

    fn jittered(&mut self, duration: Duration, permille: u32) -> Duration {
        let middle = nanos(duration);
        let spread = planted!(
            share(middle, permille),
            JitterIsTwiceAsWide,
            share(middle, permille).saturating_mul(2)
        );
        Duration::from_nanos(
            self.random
                .between(middle.saturating_sub(spread), middle.saturating_add(spread)),
        )
    }
}

/// The first tick after `now`.
fn next_tick(origin: Instant, interval: Duration, now: Instant) -> Instant {
    let interval = nanos(interval);
    let since = nanos(now.saturating_duration_since(planted!(origin, TickerKeepsNoOrigin, Instant::ZERO)));
    let Some(into) = since.checked_rem(interval) else {
        return now;
    };
    now + Duration::from_nanos(planted!(
        interval.saturating_sub(into),
        TickIsNow,
        interval.saturating_sub(into).checked_rem(interval).unwrap_or(0)
    ))
}

fn share(whole: u64, permille: u32) -> u64 {
    let part = u128::from(whole).saturating_mul(u128::from(permille)) / 1_000;
    u64::try_from(part).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::from_nanos(millis * 1_000_000)
    }

    #[test]
    fn a_ticker_waits_for_the_next_tick_of_its_own_clock() {
        let ticker = Throttle::Ticker {
            interval: Duration::from_secs(5),
        };
        let mut throttle = ThrottleState::new(ticker, at(1_000), 0);
        assert_eq!(throttle.deadline(), None);
        throttle.changed(at(1_000));
        assert_eq!(throttle.deadline(), Some(at(6_000)));
        throttle.changed(at(3_000));
        assert_eq!(throttle.deadline(), Some(at(6_000)), "a later change does not move it");
        throttle.emitted(at(6_000));
        assert_eq!(throttle.deadline(), None);
        throttle.changed(at(6_000));
        assert_eq!(throttle.deadline(), Some(at(11_000)));
    }

    #[test]
    fn a_ticker_of_zero_is_at_once() {
        let mut throttle = ThrottleState::new(
            Throttle::Ticker {
                interval: Duration::ZERO,
            },
            at(0),
            0,
        );
        throttle.changed(at(7));
        assert_eq!(throttle.deadline(), Some(at(7)));
    }

    fn without_jitter() -> Backoff {
        Backoff {
            jitter_permille: 0,
            ..Backoff::default()
        }
    }

    #[test]
    fn backoff_grows_under_churn_and_resets_when_quiet() {
        let mut throttle = ThrottleState::new(Throttle::Backoff(without_jitter()), at(0), 0);
        let mut now = at(0);
        let mut waits = Vec::new();
        for _ in 0..13 {
            let before = now;
            throttle.changed(now);
            now = throttle.deadline().expect("something changed");
            throttle.emitted(now);
            waits.push(now.saturating_duration_since(before).as_millis());
        }
        assert_eq!(
            waits,
            [
                100, 150, 225, 337, 506, 759, 1_139, 1_708, 2_562, 3_844, 5_000, 5_000, 5_000
            ]
        );
        let quiet = now + Duration::from_millis(5_001);
        throttle.changed(quiet);
        assert_eq!(throttle.deadline(), Some(quiet + Duration::from_millis(100)));
    }

    #[test]
    fn an_initial_wait_of_zero_sends_the_first_change_at_once_and_still_throttles() {
        let backoff = Backoff {
            initial: Duration::ZERO,
            ..without_jitter()
        };
        let mut throttle = ThrottleState::new(Throttle::Backoff(backoff), at(0), 0);
        throttle.changed(at(10));
        assert_eq!(throttle.deadline(), Some(at(10)));
        throttle.emitted(at(10));
        throttle.changed(at(11));
        assert_eq!(throttle.deadline(), Some(at(160)));
    }

    #[test]
    fn jitter_stays_within_its_share_and_is_the_same_for_the_same_seed() {
        let run = |seed| {
            let mut throttle = ThrottleState::new(Throttle::default(), at(0), seed);
            let mut now = at(0);
            let mut all = Vec::new();
            for _ in 0..100 {
                let before = now;
                throttle.changed(now);
                now = throttle.deadline().expect("something changed");
                throttle.emitted(now);
                all.push(now.saturating_duration_since(before));
            }
            all
        };
        let waits = run(1);
        assert_eq!(waits, run(1));
        assert_ne!(waits, run(2));
        assert!(waits.iter().all(|wait| *wait <= Throttle::default().longest_wait()));
        assert!(
            waits.iter().skip(20).all(|wait| *wait >= Duration::from_millis(2_500)),
            "{waits:?}"
        );
    }
}
