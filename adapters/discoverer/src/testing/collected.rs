use std::collections::BTreeMap;

use headcount_core::{Group, Update, UpdateKind};

use super::Received;

/// What a receiver would know after some updates: the rules S04 and S05, and no more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Collected {
    groups: BTreeMap<String, Group>,
}

impl Collected {
    /// Takes in what was received. Failures change nothing.
    pub fn receive(&mut self, received: &[Received]) {
        received
            .iter()
            .filter_map(Received::update)
            .for_each(|update| self.apply(update));
    }

    /// Takes in one update.
    pub fn apply(&mut self, update: &Update) {
        if update.kind() == UpdateKind::Full {
            self.groups.clear();
        }
        for group in update.groups() {
            if group.target_count() == 0 {
                self.groups.remove(group.source());
            } else {
                self.groups.insert(group.source().to_owned(), group.clone());
            }
        }
    }

    /// The sources that there are, sorted.
    pub fn sources(&self) -> Vec<&str> {
        self.groups.keys().map(String::as_str).collect()
    }

    /// The group of a source.
    pub fn group(&self, source: &str) -> Option<&Group> {
        self.groups.get(source)
    }

    /// The `__address__` of every target, by source, then sorted.
    pub fn addresses(&self) -> Vec<&str> {
        let targets = self.groups.values().flat_map(Group::targets);
        targets.filter_map(|target| target.get("__address__")).collect()
    }
}
