//! The newest of what happened, for who has seen some of it.
//!
//! **What is not kept is not said to be nothing**: who has seen less than what is kept is told so, and looks at everything.

use std::collections::VecDeque;

/// The newest of some things that happened, each with a number that counts up.
///
/// ```
/// use headcount_core::Newest;
///
/// let mut changed = Newest::default();
/// let seen = changed.next();
/// ["a", "b", "c"].into_iter().for_each(|name| changed.note(name, 2));
/// assert!(changed.since(seen).is_none(), "a is not kept");
/// let since = changed.since(seen + 1).map(|names| names.copied().collect());
/// assert_eq!(since, Some(vec!["b", "c"]));
/// ```
#[derive(Debug, Clone)]
pub struct Newest<T> {
    /// The number of the first that is kept.
    first: u64,
    kept: VecDeque<T>,
}

impl<T> Newest<T> {
    /// Notes what happened, and keeps at most so many.
    pub fn note(&mut self, what: T, most: usize) {
        self.kept.push_back(what);
        while self.kept.len() > most {
            self.kept.pop_front();
            self.first = self.first.saturating_add(1);
        }
    }

    /// Notes that anything may have happened.
    pub fn forget(&mut self) {
        // One more, so that who has seen all that was there has not seen this.
        self.first = self.next().saturating_add(1);
        self.kept = VecDeque::new();
    }

    /// The number of the next.
    pub fn next(&self) -> u64 {
        self.first.saturating_add(self.kept.len() as u64)
    }

    /// Those of this number and later ones; `None` if they are not all kept.
    pub fn since(&self, number: u64) -> Option<impl Iterator<Item = &T>> {
        let skipped = usize::try_from(number.checked_sub(self.first)?).ok()?;
        (skipped <= self.kept.len()).then(|| {
            let kept = self.kept.iter();
            kept.skip(planted!(skipped, TouchedSkipsTheFirst, skipped.saturating_add(1)))
        })
    }
}

impl<T> Default for Newest<T> {
    fn default() -> Self {
        Self {
            first: 0,
            kept: VecDeque::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_told_and_of_what_is_not_it_is_said() {
        let mut newest = Newest::default();
        let since = |newest: &Newest<u64>, number| newest.since(number).map(|all| all.copied().collect());
        assert_eq!(since(&newest, 0), Some(Vec::new()));
        [1, 2, 2].into_iter().for_each(|what| newest.note(what, 2));
        assert_eq!(newest.next(), 3);
        assert_eq!(since(&newest, 3), Some(Vec::new()));
        assert_eq!(
            since(&newest, 1),
            Some(vec![2, 2]),
            "who has seen the one has not seen the other"
        );
        assert_eq!(since(&newest, 0), None, "1 is not kept");
        assert_eq!(since(&newest, 4), None, "it never was");
        newest.forget();
        assert_eq!(since(&newest, 3), None);
        assert_eq!(since(&newest, newest.next()), Some(Vec::new()));
    }
}
