//! Numbers of a mechanism's own, kept where the daemon's `/metrics` can read them.
//!
//! The manager counts what every provider has in common; only what a single mechanism knows
//! (a file's modification time, a watcher's errors) goes here.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Whether a number only grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
}

/// What a metric is: constant data, defined beside the code that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Definition {
    /// Full name, `prometheus_sd_…`.
    pub name: &'static str,
    /// One sentence.
    pub help: &'static str,
    /// Counter or gauge.
    pub kind: Kind,
}

/// One number, as read.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Label names and values.
    pub labels: Vec<(&'static str, String)>,
    /// The number.
    pub value: f64,
}

type Series = BTreeMap<Vec<(&'static str, String)>, Number>;

#[derive(Debug, Clone, Copy, Default)]
struct Number {
    value: f64,
    holders: u32,
}

/// The numbers of all mechanisms of one process. Cloning shares them.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    families: Arc<Mutex<BTreeMap<Definition, Series>>>,
}

impl Metrics {
    /// Adds to a counter.
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

    /// Every family with its series, sorted.
    pub fn read(&self) -> Vec<(Definition, Vec<Sample>)> {
        let families = self.families.lock().unwrap_or_else(PoisonError::into_inner);
        let samples = |series: &Series| {
            series
                .iter()
                .map(|(labels, number)| Sample {
                    labels: labels.clone(),
                    value: number.value,
                })
                .collect()
        };
        families
            .iter()
            .map(|(definition, series)| (*definition, samples(series)))
            .collect()
    }

    fn with(&self, definition: Definition, change: impl FnOnce(&mut Series)) {
        let mut families = self.families.lock().unwrap_or_else(PoisonError::into_inner);
        change(families.entry(definition).or_default());
    }
}

fn owned(labels: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
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
