//! Which known word may have been meant.

/// The known word that is nearest to `word`, if one is near enough to be meant.
///
/// Near is how few letters have to be put in, left out, changed, or swapped with their
/// neighbour: one of three letters of the word, at most.
///
/// ```
/// use headcount_sim::nearest;
///
/// assert_eq!(nearest("refesh", ["retry", "refresh"]), Some("refresh"));
/// assert_eq!(nearest("colour", ["retry", "refresh"]), None);
/// ```
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |word: &str| word.to_lowercase().replace('-', "_");
    let wanted = plain(word);
    let ranked = known
        .into_iter()
        .map(|candidate| (distance(&wanted, &plain(candidate)), candidate));
    let (edits, best) = ranked.min_by_key(|(edits, _)| *edits)?;
    (edits <= wanted.chars().count().max(3) / 3).then_some(best)
}

/// How many edits lead from one word to the other: optimal string alignment.
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    for (row, letter) in one.iter().enumerate() {
        let mut line = vec![row + 1];
        for (column, counterpart) in other.iter().enumerate() {
            let change = last[column] + usize::from(letter != counterpart);
            let mut edits = change.min(last[column + 1] + 1).min(line[column] + 1);
            let swapped = row > 0 && column > 0 && one[row - 1] == *counterpart && other[column - 1] == *letter;
            if swapped {
                edits = edits.min(before_last[column - 1] + 1);
            }
            line.push(edits);
        }
        before_last = std::mem::replace(&mut last, line);
    }
    last.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn counts_edits() {
        for (one, other, edits) in [
            ("", "abc", 3),
            ("refesh", "refresh", 1),
            ("zoen", "zone", 1),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(one, other), edits, "{one} {other}");
        }
    }

    #[test]
    fn case_and_hyphens_are_no_difference() {
        assert_eq!(nearest("Zone-Loss", ["zone_loss", "steady"]), Some("zone_loss"));
    }

    proptest! {
        #[test]
        fn a_distance_is_none_to_itself_and_the_same_both_ways(one in "[a-d]{0,6}", other in "[a-d]{0,6}") {
            prop_assert_eq!(distance(&one, &one), 0);
            prop_assert_eq!(distance(&one, &other), distance(&other, &one));
            prop_assert!(distance(&one, &other) <= one.len().max(other.len()));
        }
    }
}
