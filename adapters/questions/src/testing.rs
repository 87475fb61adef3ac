//! Snapshots without discoverers.

use headcount_core::{Encoder, Instant, Manager, ManagerOptions, ProviderConfig, Snapshot, Update};

/// A provider of which only the name is known.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Named(String);

impl ProviderConfig for Named {
    fn kind(&self) -> &str {
        "named"
    }

    fn describe(&self) -> String {
        self.0.clone()
    }
}

type Labels<'a> = Vec<(&'a str, &'a str)>;

/// A source, the labels of its group, and its targets' labels.
pub(crate) type GroupParts<'a> = (&'a str, Labels<'a>, Vec<Labels<'a>>);

/// A snapshot of these sets, each with a provider of its own.
pub(crate) fn snapshot_of(sets: Vec<(&str, Vec<GroupParts<'_>>)>) -> Snapshot {
    let mut manager = Manager::new(Instant::ZERO, ManagerOptions::default());
    let names = sets.iter().map(|(name, _)| (*name).to_owned());
    let applied = manager.apply(Instant::ZERO, names.map(|name| (name.clone(), vec![Named(name)])));
    for (provider, (_, groups)) in applied.started.iter().zip(sets) {
        let mut encoder = Encoder::new();
        let mut batch = encoder.batch();
        for (source, labels, targets) in groups {
            batch.group(source, labels, targets).expect("valid");
        }
        let update = Update::full(batch.finish());
        manager
            .handle_update(Instant::ZERO, *provider, update)
            .expect("running");
    }
    manager.snapshot(Instant::ZERO)
}
