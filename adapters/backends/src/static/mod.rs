//! `static_configs`: targets written in the configuration.
//!
//! Everything is known from the start, so it is reported once and the discoverer is done. The sources are
//! `0`, `1`, … in the order of the entries.

mod settings;

use std::sync::Arc;

use headcount_core::{Encoder, Failure, Group, GroupError, Update};
use headcount_discoverer::{BoxFuture, Discoverer, Env, Updates};

pub use settings::{StaticGroup, StaticSd};

struct StaticDiscoverer {
    settings: Arc<StaticSd>,
}

impl Discoverer for StaticDiscoverer {
    fn run(self: Box<Self>, _env: Env, updates: Updates) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            // Nobody listens: there is nothing to undo, and nothing more to say.
            let _ = match groups(&self.settings) {
                Ok(groups) => updates.send(Update::full(groups)).await,
                Err((index, error)) => {
                    updates
                        .fail(Failure::new(format!("static_configs[{index}]: {error}")))
                        .await
                }
            };
        })
    }
}

/// The groups, or the entry that can't be one.
fn groups(settings: &StaticSd) -> Result<Vec<Group>, (usize, GroupError)> {
    let mut encoder = Encoder::new();
    let mut batch = encoder.batch();
    for (index, entry) in settings.groups.iter().enumerate() {
        let labels = entry.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let targets = entry.targets.iter().map(|target| [("__address__", target.as_str())]);
        batch
            .group(&index.to_string(), labels, targets)
            .map_err(|error| (index, error))?;
    }
    Ok(batch.finish())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use headcount_core::UpdateKind;
    use headcount_discoverer::mechanism::Mechanism;
    use headcount_discoverer::testing::{Collected, World};

    use super::*;

    fn entry(targets: &[&str], labels: &[(&str, &str)]) -> StaticGroup {
        StaticGroup {
            targets: targets.iter().map(|&target| target.to_owned()).collect(),
            labels: labels
                .iter()
                .map(|&(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        }
    }

    #[test]
    fn says_everything_once_and_is_done() {
        let groups = vec![entry(&["a:1", "b:1"], &[("rack", "1")]), entry(&["c:1"], &[])];
        let mut world = World::new();
        world.start(Arc::new(StaticSd::new(groups)).discoverer());
        let received = world.run_for(Duration::from_secs(86_400));
        assert_eq!((received.len(), world.running()), (1, 0));
        assert_eq!(received[0].update().map(Update::kind), Some(UpdateKind::Full));
        let mut collected = Collected::default();
        collected.receive(&received);
        assert_eq!(collected.sources(), ["0", "1"]);
        assert_eq!(collected.addresses(), ["a:1", "b:1", "c:1"]);
        assert_eq!(
            collected.group("0").and_then(|group| group.labels().get("rack")),
            Some("1")
        );
    }

    #[test]
    fn a_label_that_cannot_be_stored_is_named_with_its_entry() {
        let groups = vec![entry(&["a:1"], &[]), entry(&["b:1"], &[("", "x")])];
        let mut world = World::new();
        world.start(Arc::new(StaticSd::new(groups)).discoverer());
        let received = world.settle();
        let failure = received[0].failure().expect("a failure");
        assert!(
            failure.starts_with("static_configs[1]: a label has an empty name"),
            "{failure}"
        );
    }
}
