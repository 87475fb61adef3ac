//! Inventories of a host a line, with comments.

use super::Named;
use super::error::{InventoryError, Place, Wrong};

/// The hosts; blank lines and what follows a `#` count for nothing.
pub(super) fn read(text: &str) -> Result<Vec<Named>, InventoryError> {
    let mut hosts = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let content = without_comment(line);
        let host = content.trim();
        if host.is_empty() {
            continue;
        }
        let column = column(line, host);
        if let Some((first, rest)) = host.split_once(char::is_whitespace) {
            let column = self::column(line, rest.trim_start());
            let first = first.to_owned();
            return Err(Wrong::MoreOnLine { first }.at_line(number, column));
        }
        hosts.push(Named {
            name: host.to_owned(),
            place: Place::Line { line: number, column },
        });
    }
    Ok(hosts)
}

/// A `#` within a word is part of it.
fn without_comment(line: &str) -> &str {
    let mut before = ' ';
    for (at, letter) in line.char_indices() {
        if letter == '#' && before.is_whitespace() {
            return line.get(..at).unwrap_or_default();
        }
        before = letter;
    }
    line
}

/// Where a part of the line begins, in characters from 1.
fn column(line: &str, part: &str) -> usize {
    let before = (part.as_ptr() as usize).saturating_sub(line.as_ptr() as usize);
    line.get(..before).map_or(0, |before| before.chars().count()) + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn names(text: &str) -> Result<Vec<String>, InventoryError> {
        Ok(read(text)?.into_iter().map(|named| named.name).collect())
    }

    #[test]
    fn a_host_a_line_is_read() {
        let text = "# all\r\n\n  a  # the first\r\nb#1\n\tc\t#\n#d\n";
        assert_eq!(names(text), Ok(vec!["a".to_owned(), "b#1".to_owned(), "c".to_owned()]));
        let error = names("a\n\u{a0}ü  10.0.0.1 # x").expect_err("two words");
        assert_eq!(error.place, Place::Line { line: 2, column: 5 });
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(hosts in prop::collection::vec("[a-z0-9.:#-]{0,5}[a-z]", 0..8), end in "\r?\n") {
            let hosts: Vec<String> = hosts.into_iter().map(|host| host.trim_start_matches('#').to_owned()).collect();
            let text: String = hosts.iter().map(|host| format!(" {host} # {host}{end}")).collect();
            prop_assert_eq!(names(&text), Ok(hosts));
        }

        #[test]
        fn any_text_is_answered(text in "[a#\\s\\PC]{0,30}") {
            let _ = read(&text);
        }
    }
}
