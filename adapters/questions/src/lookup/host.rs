//! When two addresses are nearly those of one host.

use headcount_core::Address;

/// In what `other` differs from `wanted`, if by little: the better a guess, the lower the number.
pub(crate) fn near(wanted: &Address, other: &Address) -> Option<(usize, &'static str)> {
    if wanted.host == other.host {
        return Some(if wanted.covers(other) {
            (0, "the same host")
        } else {
            (1, "the same host, another port")
        });
    }
    let is_within = |short: &str, long: &str| {
        let rest = long.strip_prefix(short);
        !short.is_empty() && rest.is_some_and(|rest| rest.starts_with('.')) && short.parse::<f64>().is_err()
    };
    if is_within(&wanted.host, &other.host) {
        return Some((2, "with a domain"));
    }
    if is_within(&other.host, &wanted.host) {
        return Some((2, "without the domain"));
    }
    match distance_within(&wanted.host, &other.host, most(&wanted.host))? {
        1 => Some((3, "one letter differs")),
        _ => Some((4, "two letters differ")),
    }
}

/// Letters that may differ: in short names, few.
fn most(name: &str) -> usize {
    match name.len() {
        0..=2 => 0,
        3..=5 => 1,
        _ => 2,
    }
}

/// How many letters have to be changed, added or left out to make one text of the other, if no
/// more than `most`.
///
/// It is asked for one host and every target of a fleet, most of which differ in their length or in few letters
/// between a prefix and a domain that they share; only those few are compared.
pub(crate) fn distance_within(a: &str, b: &str, most: usize) -> Option<usize> {
    let (a, b) = without_common_ends(a, b);
    if a.chars().count().abs_diff(b.chars().count()) > most {
        return None;
    }
    Some(strsim::levenshtein(a, b)).filter(|distance| *distance <= most)
}

/// Two texts without the letters that both begin and end with, which make no difference.
fn without_common_ends<'a>(a: &'a str, b: &'a str) -> (&'a str, &'a str) {
    let same = |(ours, theirs): &(char, char)| ours == theirs;
    let bytes = |(letter, _): (char, char)| letter.len_utf8();
    let start: usize = a.chars().zip(b.chars()).take_while(same).map(bytes).sum();
    let (a, b) = (a.get(start..).unwrap_or(a), b.get(start..).unwrap_or(b));
    let end: usize = a.chars().rev().zip(b.chars().rev()).take_while(same).map(bytes).sum();
    let rest = |text: &'a str| text.get(..text.len().saturating_sub(end)).unwrap_or(text);
    (rest(a), rest(b))
}

/// The name among `names` that `wanted` may be meant to be.
pub(crate) fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let most = (wanted.chars().count() / 3).max(2);
    let wanted = wanted.to_lowercase();
    let near = names.filter_map(|name| Some((distance_within(&wanted, &name.to_lowercase(), most)?, name)));
    near.min().map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn near_misses_say_in_what_they_differ() {
        let near = |a: &str, b: &str| near(&Address::of(a), &Address::of(b)).map(|(_, what)| what);
        assert_eq!(near("a:1", "A.:2"), Some("the same host, another port"));
        assert_eq!(near("db7", "db7.example.org:1"), Some("with a domain"));
        assert_eq!(near("db7.example.org", "db7"), Some("without the domain"));
        assert_eq!(near("db77.example.org", "db7.example.org"), Some("one letter differs"));
        assert_eq!(near("bd7.example.org", "db7.example.org"), Some("two letters differ"));
        assert_eq!(near("a", "b"), None);
        assert_eq!(near("10", "10.0.0.1"), None);
        assert_eq!(nearest("nodes", ["node", "other"].into_iter()), Some("node"));
        assert_eq!(nearest("quite", ["node", "other"].into_iter()), None);
    }

    fn plain(a: &[char], b: &[char]) -> usize {
        match (a, b) {
            ([], rest) | (rest, []) => rest.len(),
            ([x, a @ ..], [y, b @ ..]) if x == y => plain(a, b),
            ([_, short @ ..], [_, shorter @ ..]) => {
                1 + plain(short, b).min(plain(a, shorter)).min(plain(short, shorter))
            }
        }
    }

    proptest! {
        #[test]
        fn the_distance_is_that_of_its_definition(a in "[abü]{0,6}", b in "[abü]{0,6}", most in 0..4_usize) {
            let letters = |text: &str| text.chars().collect::<Vec<_>>();
            let expected = plain(&letters(&a), &letters(&b));
            prop_assert_eq!(distance_within(&a, &b, most), (expected <= most).then_some(expected));
        }
    }
}
