//! What came onto a list and went from it, for who has an older version of it.
//!
//! **What is not kept is not said to be nothing**: of a version from before what is kept, nothing is said.

use std::collections::VecDeque;

use super::TargetKey;

/// The newest changes of a list.
#[derive(Debug, Default)]
pub(super) struct Changed {
    /// What changed after this version is kept.
    from: u64,
    /// Each with the version in which it came or went.
    kept: VecDeque<(u64, TargetKey)>,
}

impl Changed {
    /// Of a list that begins, after this version of another.
    pub(super) fn after(version: u64) -> Self {
        Self {
            from: version,
            kept: VecDeque::new(),
        }
    }

    /// Notes a change, and keeps at most so many.
    pub(super) fn note(&mut self, version: u64, key: TargetKey, most: usize) {
        self.kept.push_back((version, key));
        while self.kept.len() > most
            && let Some((version, _)) = self.kept.pop_front()
        {
            self.from = planted!(version, ChangesAreForgotten, self.from);
        }
    }

    /// What changed after this version, some of it more than once; `None` if that is not known.
    pub(super) fn since(&self, version: u64) -> Option<impl Iterator<Item = TargetKey>> {
        let is_known = version >= self.from;
        let seen = self.kept.partition_point(|(at, _)| *at <= version);
        is_known.then(|| self.kept.iter().skip(seen).map(|(_, key)| *key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_told_and_of_what_is_not_it_is_said() {
        let mut changed = Changed::after(10);
        let since =
            |changed: &Changed, version| changed.since(version).map(|keys| keys.map(TargetKey::number).collect());
        assert_eq!(since(&changed, 10), Some(Vec::new()));
        assert_eq!(since(&changed, 9), None, "that was another list");
        for version in [11, 12, 15] {
            changed.note(version, TargetKey::from_number(version), 2);
        }
        assert_eq!(since(&changed, 11), Some(vec![12, 15]));
        assert_eq!(since(&changed, 13), Some(vec![15]));
        assert_eq!(since(&changed, 15), Some(Vec::new()));
        assert_eq!(since(&changed, 10), None, "11 is not kept");
    }
}
