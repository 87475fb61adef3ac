//! Numbers of a mechanism's own, kept where the daemon's `/metrics` can read them, and how long things took.
//!
//! The manager counts what every provider has in common; only what a single mechanism knows
//! (a file's modification time, a watcher's errors) goes here, and what is more than a count.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use headcount_core::Instant;

mod observed;

use observed::Observed;

/// What a number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// How long something took, in seconds: all of it and how often, and the quantiles (in thousandths) of the last ten
    /// minutes.
    Summary(&'static [u16]),
    /// The same, as how often it took no longer than each of these bounds, in milliseconds.
    Histogram(&'static [u32]),
}

/// The quantiles that Prometheus's summaries of service discovery have.
pub const QUANTILES: Kind = Kind::Summary(&[500, 900, 990]);

/// What a metric is: constant data, defined beside the code that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Definition {
    /// Full name, `prometheus_sd_…`; of a summary and a histogram without `_sum`, `_count` and `_bucket`.
    pub name: &'static str,
    /// One sentence.
    pub help: &'static str,
    /// What it is.
    pub kind: Kind,
}

/// One number, as read.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// What follows the metric's name: `_sum`, for example.
    pub ending: &'static str,
    /// Label names and values.
    pub labels: Vec<(&'static str, String)>,
    /// The number.
    pub value: f64,
}

type Labels = Vec<(&'static str, String)>;
type Series = BTreeMap<Labels, Number>;

#[derive(Debug, Clone, Default)]
struct Number {
    /// Of a summary and a histogram the sum.
    value: f64,
    holders: u32,
    observed: Observed,
}

/// The numbers of all mechanisms of one process. Cloning shares them.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    families: Arc<Mutex<BTreeMap<Definition, Series>>>,
}

impl Metrics {
    /// Adds to a counter. With 0 the series is there from now on, be it of whatever kind.
    pub fn add(&self, definition: Definition, labels: &[(&'static str, &str)], amount: f64) {
        self.with(definition, |series| {
            series.entry(owned(labels)).or_default().value += amount
        });
    }

    /// Sets a gauge.
    pub fn set(&self, definition: Definition, labels: &[(&'static str, &str)], value: f64) {
        self.with(definition, |series| {
            series.entry(owned(labels)).or_default().value = value
        });
    }

    /// Notes in a summary or histogram that something took so long, and ended now.
    pub fn observe(&self, definition: Definition, labels: &[(&'static str, &str)], now: Instant, took: Duration) {
        self.with(definition, |series| {
            let number = series.entry(owned(labels)).or_default();
            number.value += took.as_secs_f64();
            number.observed.note(definition.kind, now, took);
        });
    }

    /// Says that somebody who may go away before others shows this series: it is there until
    /// everybody who holds it has released it.
    pub fn hold(&self, definition: Definition, labels: &[(&'static str, &str)]) {
        self.with(definition, |series| {
            let number = series.entry(owned(labels)).or_default();
            number.holders = number.holders.saturating_add(1);
        });
    }

    /// Forgets a series that was held, unless others hold it.
    pub fn release(&self, definition: Definition, labels: &[(&'static str, &str)]) {
        self.with(definition, |series| {
            let labels = owned(labels);
            if let Some(number) = series.get_mut(&labels) {
                number.holders = number.holders.saturating_sub(1);
                if number.holders == 0 {
                    series.remove(&labels);
                }
            }
        });
    }

    /// Every family with its numbers, sorted; quantiles of all that is kept.
    pub fn read(&self) -> Vec<(Definition, Vec<Sample>)> {
        self.read_at(Instant::ZERO)
    }

    /// The same with quantiles of the ten minutes before `now`.
    pub fn read_at(&self, now: Instant) -> Vec<(Definition, Vec<Sample>)> {
        let families = self.families.lock().unwrap_or_else(PoisonError::into_inner);
        families
            .iter()
            .map(|(definition, series)| {
                let mut samples = Vec::new();
                for (labels, number) in series {
                    number.read(definition.kind, now, labels, &mut samples);
                }
                (*definition, samples)
            })
            .collect()
    }

    fn with(&self, definition: Definition, change: impl FnOnce(&mut Series)) {
        let mut families = self.families.lock().unwrap_or_else(PoisonError::into_inner);
        change(families.entry(definition).or_default());
    }
}

impl Number {
    fn read(&self, kind: Kind, now: Instant, labels: &Labels, out: &mut Vec<Sample>) {
        let mut push = |ending, more: Option<(&'static str, String)>, value| {
            let labels = labels.iter().cloned().chain(more).collect();
            out.push(Sample { ending, labels, value });
        };
        match kind {
            Kind::Counter | Kind::Gauge => return push("", None, self.value),
            Kind::Summary(quantiles) => {
                for (quantile, value) in self.observed.quantiles(quantiles, now) {
                    push("", Some(("quantile", quantile)), value);
                }
            }
            Kind::Histogram(bounds) => {
                for (bound, count) in self.observed.buckets(bounds) {
                    push("_bucket", Some(("le", bound)), count as f64);
                }
            }
        }
        push("_sum", None, self.value);
        push("_count", None, self.observed.count() as f64);
    }
}

fn owned(labels: &[(&'static str, &str)]) -> Labels {
    labels
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const READS: Definition = Definition {
        name: "reads_total",
        help: "Reads.",
        kind: Kind::Counter,
    };
    const AGE: Definition = Definition {
        name: "age_seconds",
        help: "Age.",
        kind: Kind::Gauge,
    };

    #[test]
    fn counters_add_up_gauges_are_set_and_series_can_go() {
        let metrics = Metrics::default();
        let shared = metrics.clone();
        metrics.add(READS, &[], 1.0);
        shared.add(READS, &[], 2.0);
        metrics.set(AGE, &[("file", "b")], 5.0);
        metrics.set(AGE, &[("file", "a")], 7.0);
        metrics.set(AGE, &[("file", "b")], 6.0);
        let values = |metrics: &Metrics| -> Vec<_> {
            let families = metrics.read().into_iter();
            families
                .map(|(definition, samples)| (definition.name, samples.iter().map(|s| s.value).collect::<Vec<_>>()))
                .collect()
        };
        assert_eq!(
            values(&shared),
            [("age_seconds", vec![7.0, 6.0]), ("reads_total", vec![3.0])]
        );
        // Two show it, and one goes away.
        metrics.hold(AGE, &[("file", "a")]);
        shared.hold(AGE, &[("file", "a")]);
        shared.release(AGE, &[("file", "a")]);
        assert_eq!(values(&metrics)[0], ("age_seconds", vec![7.0, 6.0]));
        metrics.release(AGE, &[("file", "a")]);
        assert_eq!(
            values(&metrics),
            [("age_seconds", vec![6.0]), ("reads_total", vec![3.0])]
        );
    }
}
