//! Which groups have targets with other fates than before.
//!
//! A change of one group can give a target of another one another fate: the last of those with the same identity is the
//! one that is scraped. **As far back as it is kept, every group is named in which a target came to be scraped, or no longer
//! is, or with other labels.**

use std::collections::VecDeque;

use crate::ProviderId;

/// The newest of what was touched, each with a number that counts up.
#[derive(Debug, Default, Clone)]
pub(super) struct TouchedGroups {
    /// The number of the first that is kept.
    first: u64,
    kept: VecDeque<(ProviderId, u64)>,
}

impl TouchedGroups {
    /// Notes a group, by the hash of its source, and keeps at most so many.
    pub(super) fn note(&mut self, provider: ProviderId, hash: u64, most: usize) {
        self.kept.push_back((provider, hash));
        while self.kept.len() > most {
            self.kept.pop_front();
            self.first = self.first.saturating_add(1);
        }
    }

    /// Notes that all may be others.
    pub(super) fn forget(&mut self) {
        // One more, so that who has seen all that was there has not seen this.
        self.first = self.next().saturating_add(1);
        self.kept = VecDeque::new();
    }

    /// The number of the next.
    pub(super) fn next(&self) -> u64 {
        self.first.saturating_add(self.kept.len() as u64)
    }

    /// Those of this number and later ones, if they are kept.
    pub(super) fn since(&self, number: u64) -> Option<impl Iterator<Item = (ProviderId, u64)>> {
        let skipped = usize::try_from(number.checked_sub(self.first)?).ok()?;
        (skipped <= self.kept.len()).then(|| {
            let kept = self.kept.iter();
            kept.skip(planted!(skipped, TouchedSkipsTheFirst, skipped.saturating_add(1)))
                .copied()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_told_and_of_what_is_not_it_is_said() {
        let mut touched = TouchedGroups::default();
        let since =
            |touched: &TouchedGroups, number| touched.since(number).map(|all| all.map(|(_, hash)| hash).collect());
        assert_eq!(since(&touched, 0), Some(Vec::new()));
        for hash in [1, 2, 2] {
            touched.note(ProviderId::from_number(7), hash, 2);
        }
        assert_eq!(touched.next(), 3);
        assert_eq!(since(&touched, 3), Some(Vec::new()));
        assert_eq!(
            since(&touched, 1),
            Some(vec![2, 2]),
            "who has seen the one has not seen the other"
        );
        assert_eq!(since(&touched, 0), None, "1 is not kept");
        assert_eq!(since(&touched, 4), None, "it never was");
        touched.forget();
        assert_eq!(since(&touched, 3), None);
        assert_eq!(since(&touched, touched.next()), Some(Vec::new()));
    }
}
