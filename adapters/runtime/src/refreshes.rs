//! How long refreshes take, for the daemon's `/metrics`, under Prometheus's names.
//!
//! A provider counts for the first set that subscribes to it, as in Prometheus. **The series of a set are there for as
//! long as a provider counts for it**, from before its first refresh; the histogram, which knows no sets, only grows.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use headcount_core::{Instant, Manager, ProviderConfig, ProviderId, ProviderStatus, planted};
use headcount_discoverer::metrics::{Definition, Kind, Metrics, QUANTILES};

const DURATION: Definition = Definition {
    name: "prometheus_sd_refresh_duration_seconds",
    help: "The duration of a refresh in seconds for the given SD mechanism.",
    kind: QUANTILES,
};
const HISTOGRAM: Definition = Definition {
    name: "prometheus_sd_refresh_duration_histogram_seconds",
    help: "The duration of a refresh for the given SD mechanism.",
    kind: Kind::Histogram(&[10, 100, 1_000, 10_000]),
};

/// A mechanism and a set.
type Counted = (Arc<str>, Arc<str>);

/// What one manager's providers are counted as.
#[derive(Debug)]
pub(crate) struct Refreshes {
    metrics: Metrics,
    held: BTreeSet<Counted>,
}

impl Refreshes {
    pub(crate) fn new(metrics: Metrics) -> Self {
        Self {
            metrics,
            held: BTreeSet::new(),
        }
    }

    /// The providers are others, or count for other sets.
    pub(crate) fn follow<C: ProviderConfig>(&mut self, manager: &Manager<C>) {
        let wanted: BTreeSet<Counted> = manager.providers().filter_map(|status| counted(&status)).collect();
        for (mechanism, set) in wanted.difference(&self.held) {
            self.metrics.hold(DURATION, &labels(mechanism, set));
            self.metrics.add(HISTOGRAM, &[("mechanism", mechanism)], 0.0);
        }
        for (mechanism, set) in self.held.difference(&wanted) {
            planted!(
                self.metrics.release(DURATION, &labels(mechanism, set)),
                SeriesOfGoneSetsStay,
                ()
            );
        }
        self.held = wanted;
    }

    /// A refresh of a provider has ended.
    pub(crate) fn note<C: ProviderConfig>(
        &self,
        now: Instant,
        manager: &Manager<C>,
        provider: ProviderId,
        took: Option<Duration>,
    ) {
        let status = manager.provider(provider);
        let Some((took, (mechanism, set))) = took.zip(status.and_then(|status| counted(&status))) else {
            return;
        };
        self.metrics.observe(DURATION, &labels(&mechanism, &set), now, took);
        self.metrics.observe(HISTOGRAM, &[("mechanism", &mechanism)], now, took);
    }
}

impl Drop for Refreshes {
    fn drop(&mut self) {
        for (mechanism, set) in &self.held {
            self.metrics.release(DURATION, &labels(mechanism, set));
        }
    }
}

fn counted<C: ProviderConfig>(status: &ProviderStatus<'_, C>) -> Option<Counted> {
    Some((
        status.config.kind().into(),
        planted!(
            status.subscribers.first(),
            CountsForTheLastSet,
            status.subscribers.last()
        )?
        .clone(),
    ))
}

fn labels<'a>(mechanism: &'a str, set: &'a str) -> [(&'static str, &'a str); 2] {
    [("mechanism", mechanism), ("config", set)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use headcount_core::{Applied, ManagerOptions};

    #[derive(Debug, Clone, PartialEq, Eq, Hash)]
    struct Config(&'static str);

    impl ProviderConfig for Config {
        fn kind(&self) -> &str {
            "http"
        }

        fn describe(&self) -> String {
            self.0.to_owned()
        }
    }

    struct Scene {
        manager: Manager<Config>,
        refreshes: Refreshes,
        metrics: Metrics,
    }

    impl Scene {
        fn new(metrics: &Metrics) -> Self {
            Self {
                manager: Manager::new(Instant::ZERO, ManagerOptions::default()),
                refreshes: Refreshes::new(metrics.clone()),
                metrics: metrics.clone(),
            }
        }

        fn apply(&mut self, sets: &[(&str, &'static str)]) -> Applied {
            let sets = sets
                .iter()
                .map(|(set, config)| ((*set).to_owned(), vec![Config(config)]));
            let applied = self.manager.apply(Instant::ZERO, sets.collect::<Vec<_>>());
            self.refreshes.follow(&self.manager);
            applied
        }

        fn note(&self, provider: ProviderId) {
            let took = Some(Duration::from_millis(500));
            self.refreshes.note(Instant::ZERO, &self.manager, provider, took);
        }

        /// How often it was observed: for each set, and in all.
        fn counts(&self) -> (Vec<(String, f64)>, f64) {
            let (mut sets, mut all) = (Vec::new(), 0.0);
            for (definition, samples) in self.metrics.read() {
                for sample in samples.into_iter().filter(|sample| sample.ending == "_count") {
                    match sample.labels.iter().find(|(name, _)| *name == "config") {
                        Some((_, set)) => sets.push((set.clone(), sample.value)),
                        None if definition == HISTOGRAM => all += sample.value,
                        None => {}
                    }
                }
            }
            (sets, all)
        }
    }

    fn sets(counts: &[(&str, f64)]) -> Vec<(String, f64)> {
        counts.iter().map(|(set, count)| ((*set).to_owned(), *count)).collect()
    }

    #[test]
    fn series_are_there_before_the_first_refresh_and_go_with_their_set() {
        let mut scene = Scene::new(&Metrics::default());
        let applied = scene.apply(&[("a", "x"), ("b", "x"), ("c", "y")]);
        assert_eq!(scene.counts(), (sets(&[("a", 0.0), ("c", 0.0)]), 0.0), "b reads a's");
        let [x, y] = applied.started[..] else {
            panic!("two are started")
        };
        (0..3).for_each(|_| scene.note(x));
        scene.note(y);
        scene.refreshes.note(Instant::ZERO, &scene.manager, y, None);
        assert_eq!(scene.counts(), (sets(&[("a", 3.0), ("c", 1.0)]), 4.0));
        scene.apply(&[("b", "x"), ("c", "y")]);
        assert_eq!(scene.counts(), (sets(&[("b", 0.0), ("c", 1.0)]), 4.0), "a is gone");
        scene.note(x);
        scene.apply(&[("b", "x")]);
        scene.note(y);
        assert_eq!(scene.counts(), (sets(&[("b", 1.0)]), 5.0), "y was stopped");
    }

    #[test]
    fn what_another_manager_counts_stays() {
        let metrics = Metrics::default();
        let mut managers = [Scene::new(&metrics), Scene::new(&metrics)];
        for scene in &mut managers {
            let applied = scene.apply(&[("a", "x")]);
            scene.note(applied.started[0]);
        }
        let [mut first, second] = managers;
        first.apply(&[]);
        assert_eq!(second.counts(), (sets(&[("a", 2.0)]), 2.0));
        drop(second);
        assert_eq!(first.counts(), (sets(&[]), 2.0));
    }
}
