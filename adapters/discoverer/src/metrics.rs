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

type Series = BTreeMap<Vec<(&'static str, String)>, f64>;

/// The numbers of all mechanisms of one process. Cloning shares them.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    families: Arc<Mutex<BTreeMap<Definition, Series>>>,
}

impl Metrics {
    /// Adds to a counter.
    pub fn add(&self, definition: Definition, labels: &[(&'static str, &str)], amount: f64) {
        self.with(definition, |series| {
            *series.entry(owned(labels)).or_insert(0.0) += amount
        });
    }

    /// Sets a gauge.
    pub fn set(&self, definition: Definition, labels: &[(&'static str, &str)], value: f64) {
        self.with(definition, |series| {
            series.insert(owned(labels), value);
        });
    }

    /// Forgets one series, when what it counted is gone.
    pub fn remove(&self, definition: Definition, labels: &[(&'static str, &str)]) {
        self.with(definition, |series| {
            series.remove(&owned(labels));
        });
    }

    /// Every family with its series, sorted.
    pub fn read(&self) -> Vec<(Definition, Vec<Sample>)> {
        let families = self.families.lock().unwrap_or_else(PoisonError::into_inner);
        let samples = |series: &Series| {
            series
                .iter()
                .map(|(labels, value)| Sample {
                    labels: labels.clone(),
                    value: *value,
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
        shared.remove(AGE, &[("file", "a")]);
        assert_eq!(
            values(&metrics),
            [("age_seconds", vec![6.0]), ("reads_total", vec![3.0])]
        );
    }
}
