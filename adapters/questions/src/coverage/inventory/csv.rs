//! Inventories in columns: CSV as RFC 4180 has it, with a header, and what spreadsheets make of it.

use super::error::{InventoryError, Place, Wrong};
use super::fields::{self, Chosen};
use super::{Named, Read};

/// A field, and where it begins.
struct Field {
    text: String,
    line: usize,
    column: usize,
}

/// The hosts, in the column `wanted` or in the one that most likely names them.
pub(super) fn read(text: &str, wanted: Option<&str>) -> Result<Read, InventoryError> {
    let mut rows = Rows::of(text);
    let Some(header) = rows.next_row()? else {
        return Err(Wrong::Empty.at(Place::Whole));
    };
    let names: Vec<&str> = header.iter().map(|field| field.text.trim()).collect();
    if let Some((at, name)) = (1..).zip(&names).find(|(at, name)| {
        let mut before = names.iter().take(at - 1);
        !name.is_empty() && before.any(|other| other == *name)
    }) {
        let field = header.get(at - 1);
        let (line, column) = field.map_or((1, 1), |field| (field.line, field.column));
        return Err(Wrong::RepeatedColumn((*name).to_owned()).at_line(line, column));
    }
    let Chosen { name, place } = fields::choose(&names, wanted)
        .map_err(|wrong| wrong.at_line(header.first().map_or(1, |field| field.line), 1))?;
    let mut read = Read {
        field: Some(name),
        ..Read::default()
    };
    while let Some(row) = rows.next_row()? {
        let line = row.first().map_or(1, |field| field.line);
        if row.len() != names.len() {
            let (fields, header) = (row.len(), names.len());
            return Err(Wrong::FieldCount { fields, header }.at_line(line, 1));
        }
        let Some(field) = row.into_iter().nth(place) else {
            continue;
        };
        if field.text.trim().is_empty() {
            read.nameless += 1;
            continue;
        }
        let (line, column) = (field.line, field.column);
        read.hosts.push(Named {
            name: field.text.trim().to_owned(),
            place: Place::Line { line, column },
        });
    }
    Ok(read)
}

/// Takes rows off a text.
struct Rows<'t> {
    letters: std::iter::Peekable<std::str::Chars<'t>>,
    separator: char,
    line: usize,
    column: usize,
}

impl<'t> Rows<'t> {
    fn of(text: &'t str) -> Self {
        Self {
            letters: text.chars().peekable(),
            separator: separator(text),
            line: 1,
            column: 1,
        }
    }

    /// The next row that has anything in it.
    fn next_row(&mut self) -> Result<Option<Vec<Field>>, InventoryError> {
        loop {
            if self.letters.peek().is_none() {
                return Ok(None);
            }
            let row = self.row()?;
            if row.len() > 1 || row.iter().any(|field| !field.text.trim().is_empty()) {
                return Ok(Some(row));
            }
        }
    }

    fn row(&mut self) -> Result<Vec<Field>, InventoryError> {
        let mut row = Vec::new();
        loop {
            let (line, column) = (self.line, self.column);
            let text = if self.letters.peek() == Some(&'"') {
                self.quoted()?
            } else {
                self.plain()
            };
            row.push(Field { text, line, column });
            if self.take() != Some(self.separator) {
                return Ok(row);
            }
        }
    }

    /// Up to a separator or the line's end, which is left.
    fn plain(&mut self) -> String {
        let mut text = String::new();
        while let Some(letter) = self.letters.peek().copied() {
            if self.ends(letter) {
                break;
            }
            self.take();
            text.push(letter);
        }
        // Of a line's end with two letters, this is the first.
        if self.letters.peek() != Some(&self.separator) && text.ends_with('\r') {
            text.pop();
        }
        text
    }

    fn quoted(&mut self) -> Result<String, InventoryError> {
        let (line, column) = (self.line, self.column);
        self.take();
        let mut text = String::new();
        loop {
            match self.take() {
                Some('"') if self.letters.peek() == Some(&'"') => {
                    self.take();
                    text.push('"');
                }
                Some('"') => break,
                Some(letter) => text.push(letter),
                None => return Err(Wrong::OpenQuote.at_line(line, column)),
            }
        }
        let (line, column) = (self.line, self.column);
        if self.plain().trim().is_empty() {
            Ok(text)
        } else {
            Err(Wrong::AfterQuote.at_line(line, column))
        }
    }

    fn ends(&self, letter: char) -> bool {
        letter == self.separator || letter == '\n'
    }

    fn take(&mut self) -> Option<char> {
        let letter = self.letters.next()?;
        if letter == '\n' {
            (self.line, self.column) = (self.line + 1, 1);
        } else {
            self.column += 1;
        }
        Some(letter)
    }
}

/// What separates fields: that of the usual ones which the header has most of.
pub(super) fn separator(text: &str) -> char {
    let header = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let mut is_quoted = false;
    let mut counts = [(',', 0_usize), (';', 0), ('\t', 0)];
    for letter in header.chars() {
        is_quoted ^= letter == '"';
        let count = counts
            .iter_mut()
            .find(|(separator, _)| *separator == letter && !is_quoted);
        if let Some((_, count)) = count {
            *count += 1;
        }
    }
    // The first of those that are equal.
    let most = counts.iter().rev().max_by_key(|(_, count)| *count);
    most.map_or(',', |(separator, _)| *separator)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn names(text: &str, wanted: Option<&str>) -> Result<Vec<String>, String> {
        let read = read(text, wanted).map_err(|error| error.to_string())?;
        Ok(read.hosts.into_iter().map(|named| named.name).collect())
    }

    #[test]
    fn columns_are_read_as_spreadsheets_write_them() {
        let ab = Ok(vec!["a".to_owned(), "b".to_owned()]);
        assert_eq!(names("id,Hostname\r\n1,a\r\n\r\n2,\"b\" \r\n3,\r\n", None), ab);
        assert_eq!(names("name;\"x;\ny\"\na;1\nb;\"2\"\"\n3\"\n", None), ab);
        assert_eq!(names("site\tfqdn\nname\ta\nx\tb", Some("FQDN")), ab);
        assert_eq!(names("host\na\nb\n", None), ab);
        assert_eq!(read("host,x\n,1\na,1", None).map(|read| read.nameless), Ok(1));
    }

    #[test]
    fn mistakes_are_said_with_their_places() {
        for (text, wanted, says) in [
            ("", None, ": there are no hosts in it"),
            (
                "a,b\n1,2",
                None,
                ":1:1: none of the fields is known to name a host; there are \"a\", \"b\"",
            ),
            ("a,b\n1,2", Some("c"), ":1:1: no field \"c\"; there are \"a\", \"b\""),
            ("host,b\n\n1", None, ":3:1: there are 1 fields here and 2 in the header"),
            (
                "host,b\n1,2,3",
                None,
                ":2:1: there are 3 fields here and 2 in the header",
            ),
            ("b,host\nx,\"1\n2", None, ":2:3: a quote is opened here"),
            ("host,b\n\"a\"c,2", None, ":2:4: more follows after a closing quote"),
            ("host,b,b\n", None, ":1:8: the header names \"b\" twice"),
        ] {
            let error = names(text, wanted).expect_err(text);
            assert!(error.starts_with(says), "{error}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            rows in prop::collection::vec(("[a-z]{1,3}", "[a\",;\\t\\r\\n]{0,5}"), 0..6),
            separator in "[,;\\t]",
        ) {
            let mut text = format!("note{separator}host\n");
            for (host, note) in &rows {
                text.push_str(&format!("\"{}\"{separator}{host}\r\n", note.replace('"', "\"\"")));
            }
            let hosts: Vec<String> = rows.into_iter().map(|(host, _)| host).collect();
            prop_assert_eq!(names(&text, None), Ok(hosts));
        }

        #[test]
        fn any_text_is_answered(text in "[host\",;\\t\\r\\n]{0,30}|\\PC{0,30}") {
            let _ = read(&text, None);
        }
    }
}
