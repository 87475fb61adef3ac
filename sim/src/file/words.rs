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
        .map(|candidate| (strsim::osa_distance(&wanted, &plain(candidate)), candidate));
    let (edits, best) = ranked.min_by_key(|(edits, _)| *edits)?;
    (edits <= wanted.chars().count().max(3) / 3).then_some(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_hyphens_are_no_difference() {
        assert_eq!(nearest("Zone-Loss", ["zone_loss", "steady"]), Some("zone_loss"));
    }
}
