//! How labels are written, alike in all mechanisms of Prometheus that ask an HTTP API.

use headcount_core::{Batch, GroupError};

/// Adds a label of the open target. An empty one is the same as none.
pub(crate) fn put(batch: &mut Batch<'_>, name: &str, value: &str) -> Result<(), GroupError> {
    match value {
        "" => Ok(()),
        value => batch.label(name, value),
    }
}

/// A label's name: `prefix`, and then the key with `_` for each character that a label name can't have.
pub(crate) fn label_name(prefix: &str, key: &str) -> String {
    let mut name = String::with_capacity(prefix.len().saturating_add(key.len()));
    name.push_str(prefix);
    // Piece by piece, as a fifth of the time of a large answer would go into letters.
    let mut pieces = key.split(|letter: char| !letter.is_ascii_alphanumeric());
    name.extend(pieces.next());
    for piece in pieces {
        name.push('_');
        name.push_str(piece);
    }
    name
}

/// These texts in one, with a comma before and after each, so that a relabelling rule need not care where one stands.
/// Nothing if there are none.
pub(crate) fn list<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let mut list = String::new();
    for text in texts {
        if list.is_empty() {
            list.push(',');
        }
        list.push_str(text);
        list.push(',');
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_lists_are_written_as_prometheus_does() {
        assert_eq!(
            label_name("p_", "app.kubernetes.io/größe-9"),
            "p_app_kubernetes_io_gr__e_9"
        );
        assert_eq!(label_name("p_", ""), "p_");
        assert_eq!(
            (list([]), list(["a"]), list(["a", "b"])),
            (String::new(), ",a,".to_owned(), ",a,b,".to_owned())
        );
    }
}
