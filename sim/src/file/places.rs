//! Where each value of a file stands.

use std::collections::BTreeMap;

use headcount_reader::Cursor;

use super::Place;

/// The places of a file's values, by their paths, such as `discoverers[0].backend`.
#[derive(Debug, Default)]
pub(super) struct Places(BTreeMap<String, Place>);

impl Places {
    /// The places of all that stands in this value.
    pub(super) fn of(root: &Cursor<'_>) -> Self {
        let mut places = Self::default();
        places.add("", root);
        places
    }

    fn add(&mut self, path: &str, at: &Cursor<'_>) {
        if at.is_null() || at.is_scalar() {
            return;
        }
        if at.is_list() {
            for (number, item) in at.list().into_iter().flatten().enumerate() {
                self.enter(format!("{path}[{number}]"), &item);
            }
            return;
        }
        let dot = if path.is_empty() { "" } else { "." };
        for (name, field) in at.entries().into_iter().flatten() {
            self.enter(format!("{path}{dot}{name}"), &field);
        }
    }

    fn enter(&mut self, path: String, at: &Cursor<'_>) {
        self.add(&path, at);
        self.0.insert(path, at.position().into());
    }

    /// Where the value of this path stands, or else the nearest thing around it that stands
    /// anywhere.
    pub(super) fn of_path(&self, mut path: &str) -> Option<Place> {
        loop {
            if let Some(place) = self.0.get(path) {
                return Some(*place);
            }
            path = &path[..path.rfind(['.', '['])?];
        }
    }
}
