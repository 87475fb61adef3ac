//! Targets of a job in the order of their names, a page at a time.
//!
//! **What is kept is a page, however many match**: all are looked at, and of those behind the last page the first ones stay. So
//! an order costs time and no memory, and stays the same from page to page while the targets do.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use headcount_core::{TargetCursor, TargetPool, TargetReader, TargetView, planted};

/// A page has this many targets at most.
pub(super) const MOST: u64 = 2_000;

/// A target's place in the order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) name: String,
    /// Tells those of one name apart.
    pub(super) cursor: TargetCursor,
}

impl Key {
    /// A target's place. Its name is what people know it by: its `instance`, or else its address.
    pub(super) fn of(cursor: TargetCursor, reader: &mut TargetReader, view: &TargetView<'_>) -> Self {
        let instance = reader.read(view, |labels| labels.get("instance").map(str::to_owned));
        let address = || {
            let of_group = || view.group.labels().get("__address__");
            view.labels.get("__address__").or_else(of_group).unwrap_or_default()
        };
        Self {
            name: instance.flatten().unwrap_or_else(|| address().to_owned()),
            cursor,
        }
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        natural(&self.name, &other.name)
            .then_with(|| self.name.cmp(&other.name))
            .then_with(|| self.cursor.number().cmp(&other.cursor.number()))
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The page of a list that is being looked for.
#[derive(Debug)]
pub(super) struct Page {
    /// How many targets it may have.
    most: usize,
    /// Where the last page ended.
    after: Option<Key>,
    /// The first ones behind that.
    kept: BinaryHeap<Key>,
    /// How many there are behind that.
    pub(super) matched: u64,
}

impl Page {
    pub(super) fn new(most: u64, after: Option<Key>) -> Self {
        Self {
            most: usize::try_from(most.min(MOST)).unwrap_or_default(),
            after,
            kept: BinaryHeap::new(),
            matched: 0,
        }
    }

    pub(super) fn add(&mut self, key: Key) {
        if self
            .after
            .as_ref()
            .is_some_and(|after| planted!(key <= *after, LastOfThePageAgain, key < *after))
        {
            return;
        }
        self.matched = self.matched.saturating_add(1);
        if self.kept.len() < self.most {
            self.kept.push(key);
        } else if let Some(mut last) = self.kept.peek_mut()
            && key < *last
        {
            *last = key;
        }
    }

    /// The targets, in order.
    pub(super) fn into_sorted(self) -> Vec<Key> {
        self.kept.into_sorted_vec()
    }
}

/// Hands over targets that stand at these places, in any order, with the number of each in `keys`. Each group is gone through
/// once. One that has gone is left out.
pub(super) fn visit(pool: &TargetPool, keys: &[Key], mut found: impl FnMut(usize, &TargetView<'_>)) {
    let mut wanted: Vec<(u64, usize)> = keys.iter().map(|key| key.cursor.number()).zip(0..).collect();
    wanted.sort_unstable();
    let mut rest = wanted.as_slice();
    while let Some((first, _)) = rest.first() {
        for (cursor, view) in pool.targets_from(TargetCursor::from_number(*first)) {
            match rest.first() {
                Some((number, key)) if *number == cursor.number() => {
                    found(*key, &view);
                    rest = rest.get(1..).unwrap_or_default();
                }
                // It stands in another group, or is no more.
                Some((number, _)) if !is_in_one_group(*number, cursor.number()) => break,
                Some((number, _)) if *number < cursor.number() => break,
                Some(_) => {}
                None => return,
            }
        }
        // What was looked for first and not found is not there.
        if rest.first().is_some_and(|(next, _)| next == first) {
            rest = rest.get(1..).unwrap_or_default();
        }
    }
}

/// Whether two places are in one group: the lower half of a place's number counts within it.
fn is_in_one_group(one: u64, other: u64) -> bool {
    one >> 32 == other >> 32
}

/// Numbers in names count as such, and letters whatever their case.
fn natural(one: &str, other: &str) -> Ordering {
    let (mut one, mut other) = (one.as_bytes(), other.as_bytes());
    loop {
        let (Some(a), Some(b)) = (one.first(), other.first()) else {
            return one.len().cmp(&other.len());
        };
        if a.is_ascii_digit() && b.is_ascii_digit() {
            let (x, y) = (digits(&mut one), digits(&mut other));
            match planted!(
                x.len().cmp(&y.len()).then_with(|| x.cmp(y)),
                TenComesBeforeTwo,
                x.cmp(y)
            ) {
                Ordering::Equal => continue,
                order => return order,
            }
        }
        match a.to_ascii_lowercase().cmp(&b.to_ascii_lowercase()) {
            Ordering::Equal => {
                (one, other) = (one.get(1..).unwrap_or_default(), other.get(1..).unwrap_or_default());
            }
            order => return order,
        }
    }
}

/// Takes a number off the beginning; it has no zeros in front.
fn digits<'t>(text: &mut &'t [u8]) -> &'t [u8] {
    let end = text
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, rest) = text.split_at_checked(end).unwrap_or_default();
    *text = rest;
    let zeros = number.iter().position(|byte| *byte != b'0').unwrap_or(number.len());
    number.get(zeros..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_count_as_such() {
        let mut names = [
            "db10",
            "DB2",
            "db1",
            "db02",
            "db",
            "10.0.0.10:9",
            "10.0.0.9:9",
            "b",
            "a-1",
            "a1",
        ];
        names.sort_by(|one, other| natural(one, other).then_with(|| one.cmp(other)));
        assert_eq!(
            names,
            [
                "10.0.0.9:9",
                "10.0.0.10:9",
                "a-1",
                "a1",
                "b",
                "db",
                "db1",
                "DB2",
                "db02",
                "db10"
            ]
        );
    }

    #[test]
    fn pages_are_the_whole_in_order() {
        let key = |number: u64| Key {
            name: format!("h{}", number * 7919 % 100),
            cursor: TargetCursor::from_number(number),
        };
        let mut expected: Vec<Key> = (0..250).map(key).collect();
        expected.sort();
        for most in [1, 7, 250, 300] {
            let (mut all, mut after) = (Vec::new(), None);
            loop {
                let mut page = Page::new(most, after.clone());
                (0..250).for_each(|number| page.add(key(number)));
                assert_eq!(page.matched, 250 - all.len() as u64);
                let page = page.into_sorted();
                let Some(last) = page.last() else { break };
                after = Some(last.clone());
                all.extend(page);
            }
            assert_eq!(all, expected, "{most}");
        }
    }
}
