//! Figures of a run while it runs.

use crate::Span;

/// How many spans there were of which length, to within 1.6 %, in whole numbers.
///
/// Spans fall into buckets: 64 to each doubling.
#[derive(Debug, Clone, Default)]
pub(crate) struct Histogram {
    buckets: Vec<u64>,
    count: u64,
    longest: Span,
}

const FINE: u32 = 6;

impl Histogram {
    pub(crate) fn add(&mut self, span: Span) {
        let bucket = bucket(span.as_nanos());
        if bucket >= self.buckets.len() {
            self.buckets.resize(bucket + 1, 0);
        }
        self.buckets[bucket] += 1;
        self.count += 1;
        self.longest = self.longest.max(span);
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    pub(crate) fn longest(&self) -> Span {
        self.longest
    }

    /// A span that this many of a thousand do not exceed, rounded up to its bucket's end.
    pub(crate) fn quantile(&self, permille: u64) -> Span {
        let rank = (self.count * permille).div_ceil(1_000).max(1);
        let mut below = 0;
        for (bucket, count) in self.buckets.iter().enumerate() {
            below += count;
            if below >= rank {
                return Span::from_nanos(last_of(bucket)).min(self.longest);
            }
        }
        Span::ZERO
    }
}

fn bucket(nanos: u64) -> usize {
    let bits = u64::BITS - nanos.leading_zeros();
    let shift = bits.saturating_sub(FINE + 1);
    (u64::from(shift) << FINE) as usize + (nanos >> shift) as usize
}

/// The longest span of a bucket.
fn last_of(bucket: usize) -> u64 {
    let fine = 1_usize << FINE;
    let shift = (bucket / fine).saturating_sub(1);
    let place = (bucket - shift * fine) as u64;
    (place << shift) | ((1_u64 << shift) - 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_bucket_holds_what_falls_into_it(nanos: u64) {
            let last = last_of(bucket(nanos));
            prop_assert!(last >= nanos);
            prop_assert!(last - nanos <= nanos / 64);
            prop_assert_eq!(bucket(last), bucket(nanos));
        }

        #[test]
        fn quantiles_are_close_to_those_of_the_sorted_list(mut spans in prop::collection::vec(0..10_000_000_u64, 1..200)) {
            let mut histogram = Histogram::default();
            spans.iter().for_each(|span| histogram.add(Span::from_nanos(*span)));
            spans.sort_unstable();
            for permille in [1, 500, 990, 1_000] {
                let rank = (spans.len() as u64 * permille).div_ceil(1_000).max(1);
                let exact = spans[rank as usize - 1];
                let found = histogram.quantile(permille).as_nanos();
                prop_assert!(found >= exact && found - exact <= exact / 64, "{found} for {exact}");
            }
        }
    }
}
