//! How long something took, again and again.
//!
//! **Quantiles are exact, and of what is kept**: the newest of the last ten minutes, as far back as the summaries of
//! Prometheus's client go.

use std::collections::VecDeque;
use std::time::Duration;

use headcount_core::Instant;

use super::Kind;

/// How far back quantiles go.
const WINDOW: Duration = Duration::from_secs(10 * 60);
/// How many durations are kept at most.
const MOST: usize = 1_000;

/// What was observed of one series.
#[derive(Debug, Clone, Default)]
pub(super) struct Observed {
    count: u64,
    /// The newest, if quantiles are wanted.
    recent: VecDeque<(Instant, Duration)>,
    /// How many were in each bucket and in none before it; what is in none of them is in `count` only.
    buckets: Vec<u64>,
}

impl Observed {
    pub(super) fn note(&mut self, kind: Kind, now: Instant, took: Duration) {
        self.count = self.count.saturating_add(1);
        match kind {
            Kind::Summary([_, ..]) => {
                let is_old = |(at, _): &(Instant, Duration)| now.saturating_duration_since(*at) > WINDOW;
                while self.recent.len() >= MOST || self.recent.front().is_some_and(is_old) {
                    self.recent.pop_front();
                }
                self.recent.push_back((now, took));
            }
            Kind::Histogram(bounds) => {
                self.buckets.resize(bounds.len(), 0);
                let is_within = |bound: &&u32| took <= Duration::from_millis(u64::from(**bound));
                let place = bounds.iter().take_while(|bound| !is_within(bound)).count();
                if let Some(bucket) = self.buckets.get_mut(place) {
                    *bucket = bucket.saturating_add(1);
                }
            }
            Kind::Summary([]) | Kind::Counter | Kind::Gauge => {}
        }
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Each quantile, in thousandths, and how many seconds it is; not a number where nothing is recent.
    pub(super) fn quantiles(&self, quantiles: &[u16], now: Instant) -> impl Iterator<Item = (String, f64)> {
        let is_recent = |(at, _): &&(Instant, Duration)| now.saturating_duration_since(*at) <= WINDOW;
        let recent = self.recent.iter().filter(is_recent);
        let mut sorted: Vec<Duration> = recent.map(|(_, took)| *took).collect();
        sorted.sort_unstable();
        quantiles.iter().map(move |thousandths| {
            let rank = (sorted.len() * usize::from(*thousandths)).div_ceil(1000);
            let value = sorted
                .get(rank.saturating_sub(1))
                .map_or(f64::NAN, Duration::as_secs_f64);
            ((f64::from(*thousandths) / 1000.0).to_string(), value)
        })
    }

    /// Each bound, and how many took no longer.
    pub(super) fn buckets(&self, bounds: &[u32]) -> impl Iterator<Item = (String, u64)> {
        let mut sum: u64 = 0;
        let within = bounds.iter().enumerate().map(move |(place, bound)| {
            sum = sum.saturating_add(self.buckets.get(place).copied().unwrap_or_default());
            ((f64::from(*bound) / 1000.0).to_string(), sum)
        });
        within.chain([("+Inf".to_owned(), self.count)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: [u32; 4] = [10, 100, 1_000, 10_000];
    const QUANTILES: [u16; 3] = [500, 900, 990];

    fn observed(kind: Kind, milliseconds: impl Iterator<Item = u64>) -> Observed {
        let mut observed = Observed::default();
        for (second, took) in (0..).zip(milliseconds) {
            observed.note(
                kind,
                Instant::ZERO + Duration::from_secs(second),
                Duration::from_millis(took),
            );
        }
        observed
    }

    #[test]
    fn a_bucket_has_what_took_no_longer_than_its_bound() {
        let observed = observed(
            Kind::Histogram(&BOUNDS),
            [0, 10, 11, 100, 101, 10_000, 10_001].into_iter(),
        );
        let buckets: Vec<_> = observed.buckets(&BOUNDS).collect();
        let expected = [("0.01", 2), ("0.1", 4), ("1", 5), ("10", 6), ("+Inf", 7)];
        assert_eq!(buckets, expected.map(|(bound, count)| (bound.to_owned(), count)));
    }

    fn quantiles(observed: &Observed, at: u64) -> Vec<f64> {
        let now = Instant::ZERO + Duration::from_secs(at);
        observed.quantiles(&QUANTILES, now).map(|(_, value)| value).collect()
    }

    #[test]
    fn quantiles_are_of_the_last_ten_minutes() {
        let summary = Kind::Summary(&QUANTILES);
        assert!(quantiles(&Observed::default(), 0).iter().all(|value| value.is_nan()));
        assert_eq!(quantiles(&observed(summary, [7].into_iter()), 0), [0.007; 3]);
        let hundred = observed(summary, (1..=100).rev());
        assert_eq!(quantiles(&hundred, 99), [0.05, 0.09, 0.099]);
        // Those of the first fifty seconds, the longer ones, are too old then.
        assert_eq!(quantiles(&hundred, 650), [0.025, 0.045, 0.05]);
        assert!(quantiles(&hundred, 700).iter().all(|value| value.is_nan()));
        let names: Vec<_> = hundred
            .quantiles(&QUANTILES, Instant::ZERO)
            .map(|(name, _)| name)
            .collect();
        assert_eq!(names, ["0.5", "0.9", "0.99"]);
    }

    #[test]
    fn what_is_kept_stays_within_bounds() {
        let summary = Kind::Summary(&QUANTILES);
        let old = observed(summary, (0..5_000).map(|_| 1));
        assert_eq!(old.recent.len(), 601, "one a second for ten minutes");
        let mut quick = Observed::default();
        for _ in 0..5_000 {
            quick.note(summary, Instant::ZERO, Duration::ZERO);
        }
        assert_eq!((quick.recent.len(), quick.count()), (MOST, 5_000));
        assert!(
            observed(Kind::Summary(&[]), 0..100).recent.is_empty(),
            "nobody asks for quantiles"
        );
    }
}
