//! Which numbers the groups of a list have: those that they had, as far as it can be (B13).
//!
//! A list says of its groups only where they stand, so their sources are numbers. **A group whose content stays
//! keeps its number, wherever it stands now**: what is put in front of twenty thousand groups is one new source,
//! and not twenty thousand changed ones. New content gets the number after its neighbour's if that is free, so that a
//! group that is edited in its place keeps its source, or else the lowest that is free.
//!
//! ```text
//!  before    a 0   b 1   c 2
//!  now       x     a     B     c        B was b
//!  numbers   3     0     1     2
//! ```

use std::collections::hash_map::DefaultHasher;
use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{Hash, Hasher};

use headcount_core::Group;

/// Gives the groups of the list `name` the numbers that they had `before`. `now` has them numbered by their place;
/// both are in the order of their lists. Costs a comparison for each group that stays where it was, and a hash for
/// the others.
pub fn keep_numbers(name: &str, before: &[Group], now: &mut [Group]) {
    if before.is_empty() {
        return;
    }
    let same = |(old, new): &(&Group, &Group)| old.same_content(new);
    let head = before.iter().zip(&*now).take_while(same).count();
    let (old, new) = (&before[head..], &now[head..]);
    let tail = old.iter().rev().zip(new.iter().rev()).take_while(same).count();
    let middle = &old[..old.len() - tail];
    let mut stays: Vec<Option<&Group>> = before[..head].iter().map(Some).collect();
    stays.extend(moved(middle, &new[..new.len() - tail]));
    stays.extend(old[old.len() - tail..].iter().map(Some));

    let number = |group: &Group| number(name, group.source());
    // The lowest free number is always less than the number of groups.
    let mut taken = vec![false; now.len()];
    for number in stays.iter().flatten().filter_map(|group| number(group)) {
        if let Some(taken) = taken.get_mut(number) {
            *taken = true;
        }
    }
    // First those whose neighbour's next is free, so that nobody else takes it.
    let mut chosen: Vec<Option<usize>> = Vec::with_capacity(now.len());
    let mut next = 0;
    for old in &stays {
        let number = match old {
            Some(old) => number(old),
            None => taken.get(next).is_some_and(|taken| !taken).then_some(next),
        };
        if let Some(number) = number {
            next = number + 1;
            if let Some(taken) = taken.get_mut(number) {
                *taken = true;
            }
        }
        chosen.push(number);
    }
    let mut lowest = 0;
    for ((group, old), chosen) in now.iter_mut().zip(&stays).zip(chosen) {
        if let Some(old) = old {
            group.clone_from(old);
            continue;
        }
        let number = chosen.unwrap_or_else(|| {
            lowest += taken[lowest..].iter().take_while(|taken| **taken).count();
            taken[lowest] = true;
            lowest
        });
        let source = format!("{name}:{number}");
        if group.source() != source {
            *group = group.with_source(&source);
        }
    }
}

/// A source's number, if it is one of the list `name`.
pub fn number(name: &str, source: &str) -> Option<usize> {
    source.strip_prefix(name)?.strip_prefix(':')?.parse().ok()
}

/// The sources that a list had `before` and has no more, each as a group without targets (S04).
pub fn gone(before: &[Group], now: &[Group]) -> Vec<Group> {
    let sources: HashSet<&str> = now.iter().map(Group::source).collect();
    let gone = before.iter().filter(|group| !sources.contains(group.source()));
    gone.map(|group| Group::empty(group.source())).collect()
}

/// For each group, the one of before that has its content. Of several that are equal, the first stays the first.
fn moved<'a>(before: &'a [Group], now: &[Group]) -> Vec<Option<&'a Group>> {
    let mut by_hash: HashMap<u64, VecDeque<&Group>> = HashMap::with_capacity(before.len());
    for group in before {
        by_hash.entry(hash(group)).or_default().push_back(group);
    }
    let stays = now.iter().map(|group| {
        let alike = by_hash.get_mut(&hash(group))?;
        let place = alike.iter().position(|old| old.same_content(group))?;
        alike.remove(place)
    });
    stays.collect()
}

fn hash(group: &Group) -> u64 {
    let mut hasher = DefaultHasher::new();
    for set in std::iter::once(group.labels()).chain(group.targets()) {
        for label in set.iter() {
            label.hash(&mut hasher);
        }
        // Where one ends and the next begins.
        hasher.write_u8(0);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use headcount_core::Encoder;
    use proptest::prelude::*;

    use super::*;

    /// A list of groups with this content, as it is decoded.
    fn list(encoder: &mut Encoder, content: &[u8]) -> Vec<Group> {
        let mut batch = encoder.batch();
        for (index, content) in content.iter().enumerate() {
            let address = format!("h{content}:1");
            let targets = [[("__address__", address.as_str())]];
            batch
                .group(&format!("a.json:{index}"), [("a", "b")], targets)
                .expect("valid");
        }
        batch.finish()
    }

    fn numbers(before: &[u8], now: &[u8]) -> Vec<String> {
        let mut encoder = Encoder::new();
        let (before, mut now) = (list(&mut encoder, before), list(&mut encoder, now));
        keep_numbers("a.json", &before, &mut now);
        now.iter()
            .map(|group| group.source()["a.json:".len()..].to_owned())
            .collect()
    }

    #[test]
    fn groups_keep_their_numbers_wherever_they_stand() {
        assert_eq!(numbers(b"abc", b"xaBc"), ["3", "0", "1", "2"]);
        assert_eq!(numbers(b"abc", b"abBc"), ["0", "1", "3", "2"]);
        assert_eq!(numbers(b"abc", b"cba"), ["2", "1", "0"]);
        assert_eq!(numbers(b"abc", b"bc"), ["1", "2"]);
        assert_eq!(numbers(b"abc", b"xyz"), ["0", "1", "2"]);
        assert_eq!(numbers(b"aab", b"baa"), ["2", "0", "1"]);
        assert_eq!(numbers(b"", b"ab"), ["0", "1"]);
        assert_eq!(numbers(b"abcd", b"dx"), ["3", "0"]);
    }

    proptest! {
        /// However a list changes: it is the list, each source is there once, what stays is where it was, and what
        /// is gone is told.
        #[test]
        fn b13_what_stays_keeps_its_source(lists in prop::collection::vec(prop::collection::vec(0..8u8, 0..8), 1..6)) {
            // From each in a lineage of its own, too.
            let (mut one, mut stored) = (Encoder::new(), BTreeMap::new());
            let mut before: Vec<Group> = Vec::new();
            for (step, content) in lists.iter().enumerate() {
                let mut other = Encoder::new();
                let mut now = list(if step % 2 == 0 { &mut one } else { &mut other }, content);
                let plain = now.clone();
                keep_numbers("a.json", &before, &mut now);
                prop_assert!(plain.iter().zip(&now).all(|(plain, now)| plain.same_content(now)));
                let count = |groups: &[Group], group: &Group| groups.iter().filter(|other| other.same_content(group)).count();
                let mut changed = 0;
                for group in &now {
                    let is_new = stored.insert(group.source().to_owned(), group.clone()).as_ref() != Some(group);
                    changed += usize::from(is_new);
                }
                let mut fresh = 0;
                let mut seen: Vec<Group> = Vec::new();
                for group in &now {
                    if count(&seen, group) >= count(&before, group) {
                        fresh += 1;
                    }
                    seen.push(group.clone());
                }
                prop_assert_eq!(changed, fresh, "only what is new changes");
                for group in gone(&before, &now) {
                    prop_assert!(stored.remove(group.source()).is_some());
                }
                prop_assert_eq!(stored.len(), now.len(), "no source twice, and none left behind");
                before = now;
            }
        }
    }
}
