//! How labels are written, alike in all mechanisms of Prometheus that ask an HTTP API.

use headcount_core::{Batch, GroupError};

/// Adds a label of the open target. An empty one is the same as none.
pub(crate) fn put(batch: &mut Batch<'_>, name: &str, value: &str) -> Result<(), GroupError> {
    match value {
        "" => Ok(()),
        value => batch.label(name, value),
    }
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
    fn lists_are_written_as_prometheus_does() {
        assert_eq!(
            (list([]), list(["a"]), list(["a", "b"])),
            (String::new(), ",a,".to_owned(), ",a,b,".to_owned())
        );
    }
}
