//! The labels that both mechanisms make alike.

use std::ops::Deref;

use super::Pairs;
use crate::label_name::label_name;

/// The tags, joined and with a separator at both ends, so that a relabelling rule need not care where in the
/// list a tag stands.
pub(crate) fn tag_list<T: Deref<Target = str>>(tags: &[T], separator: &str) -> String {
    let tags: Vec<&str> = tags.iter().map(|tag| &**tag).collect();
    format!("{separator}{}{separator}", tags.join(separator))
}

/// A label for each entry, called by [`label_name`].
/// Keys that become the same name are given in their own order, so the last of them counts.
pub(crate) fn labels_of<'a, V>(prefix: &'a str, entries: &'a Pairs<V>) -> impl Iterator<Item = (String, &'a V)> {
    entries
        .0
        .iter()
        .map(move |(key, value)| (label_name(prefix, key), value))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn each_character_that_a_name_cannot_have_becomes_one_underscore() {
        let meta = Pairs(
            [("a-b.c", "1"), ("größe", "2"), ("_X9", "3"), ("", "4")]
                .map(|(key, value)| (key.into(), value))
                .into(),
        );
        let labels: BTreeMap<String, &&str> = labels_of("p_", &meta).collect();
        assert_eq!(labels.keys().collect::<Vec<_>>(), ["p_", "p__X9", "p_a_b_c", "p_gr__e"]);
    }

    #[test]
    fn tags_are_written_as_prometheus_does() {
        assert_eq!(tag_list::<String>(&[], ","), ",,");
        assert_eq!(tag_list(&["a".to_owned(), "b".to_owned()], "|"), "|a|b|");
        assert_eq!(tag_list(&["a".to_owned(), "b".to_owned()], ""), "ab");
    }
}
