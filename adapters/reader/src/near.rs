//! Names that are like one that does not exist.

use headcount_core::planted;

/// How many are suggested.
const MOST: usize = 3;

/// Of a longer name only the beginning is compared.
const COMPARED: usize = 64;

/// The names that are most like `name`, the nearest first: three at most, and none that is like it in little.
///
/// ```
/// use headcount_reader::names_like;
/// assert_eq!(names_like("nodes", ["cmdb", "node", "node2"].into_iter()), ["node", "node2"]);
/// ```
pub fn names_like<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Vec<&'n str> {
    let normal = |name: &str| name.to_lowercase().chars().take(COMPARED).collect::<String>();
    let name = normal(name);
    let length = name.chars().count();
    // What has nothing in common is as far away as it is long.
    let most = (1 + length / 4).min(length.saturating_sub(1));
    let near = known.map(|known| (strsim::levenshtein(&name, &normal(known)), known));
    let mut near: Vec<_> = near.filter(|(distance, _)| *distance <= most).collect();
    planted!(
        near.sort_unstable(),
        FarthestIsMeant,
        near.sort_unstable_by(|one, other| other.cmp(one))
    );
    near.into_iter().map(|(_, known)| known).take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_names_are_suggested_and_no_more_than_three() {
        let known = ["nodex", "noder", "nodes", "node", "cmdb"];
        assert_eq!(names_like("node", known.into_iter()), ["node", "noder", "nodes"]);
    }
}
