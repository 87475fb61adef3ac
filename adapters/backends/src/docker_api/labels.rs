//! Labels on their way to a group.

use crate::label_name::label_name;
use headcount_core::{MAX_NAME_BYTES, MAX_VALUE_BYTES};

use super::Texts;

/// Labels of a target, or some of them. **An empty label is no label**, and neither is one that is too long to be stored.
/// Of two with one name the one counts that was put last.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Labels(Vec<(String, String)>);

impl Labels {
    /// Adds a label that says something.
    pub(crate) fn put(&mut self, name: &str, value: &str) {
        if !value.is_empty() && value.len() <= MAX_VALUE_BYTES && name.len() <= MAX_NAME_BYTES {
            self.0.push((name.to_owned(), value.to_owned()));
        }
    }

    /// Adds a label for each text, called by the prefix and its key with `_` for each character that a name can't have.
    pub(crate) fn put_texts(&mut self, prefix: &str, texts: &Texts) {
        for (key, value) in texts {
            self.put(&label_name(prefix, key), &value.0);
        }
    }

    /// Adds other labels.
    pub(crate) fn put_all(&mut self, others: Option<&Self>) {
        self.0.extend(others.iter().flat_map(|others| others.0.iter().cloned()));
    }

    /// Their names and values.
    pub(crate) fn into_pairs(self) -> Vec<(String, String)> {
        self.0
    }

    /// The value of a label.
    #[cfg(test)]
    fn get(&self, name: &str) -> Option<&str> {
        let mut of_name = self.0.iter().rev().filter(|(found, _)| found == name);
        of_name.next().map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Text;
    use super::*;

    #[test]
    fn what_says_nothing_or_too_much_is_no_label() {
        let mut labels = Labels::default();
        labels.put("a", "1");
        labels.put("b", "");
        labels.put("c", &"x".repeat(MAX_VALUE_BYTES + 1));
        let texts = [("x.y", "2"), ("x-y", "1"), ("größe", "3"), ("", "4")];
        let texts: Texts = texts
            .map(|(key, value)| (key.to_owned(), Text(value.to_owned())))
            .into();
        labels.put_texts("p_", &texts);
        assert_eq!(
            (labels.get("a"), labels.get("p_x_y"), labels.get("c")),
            (Some("1"), Some("2"), None)
        );
        let names: Vec<String> = labels.into_pairs().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["a", "p_", "p_gr__e", "p_x_y", "p_x_y"]);
    }
}
