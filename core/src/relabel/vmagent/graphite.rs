//! Names in Graphite's way, and the labels that are made of their parts.
//!
//! **A `*` takes all up to the first place where what follows it stands, and never a dot.** It does not try another place
//! after that, so a name is read once.

use crate::MAX_VALUE_BYTES;

/// A rule of action `graphite`.
#[derive(Debug)]
pub(in crate::relabel) struct Graphite {
    pattern: Box<[Piece]>,
    /// Labels, and what they are set to.
    pub(in crate::relabel) labels: Box<[(Box<str>, Value)]>,
}

#[derive(Debug)]
enum Piece {
    Text(Box<str>),
    Star,
}

/// What a label is set to.
#[derive(Debug)]
pub(in crate::relabel) struct Value(Box<[Part]>);

#[derive(Debug)]
enum Part {
    Text(Box<str>),
    /// What the star with this number took, or all of the name for 0; the text if there is no such star.
    Taken(usize, Box<str>),
}

impl Graphite {
    pub(in crate::relabel) fn new(template: &str, labels: &[(String, String)]) -> Self {
        let mut pattern = Vec::new();
        for (place, text) in template.split('*').enumerate() {
            if place > 0 {
                pattern.push(Piece::Star);
            }
            if !text.is_empty() {
                pattern.push(Piece::Text(text.into()));
            }
        }
        let label = |(name, value): &(String, String)| (name.as_str().into(), Value::read(value));
        Self {
            pattern: pattern.into(),
            labels: labels.iter().map(label).collect(),
        }
    }

    /// All of a name, and what each star took of it, if it matches.
    pub(in crate::relabel) fn matches<'n>(&self, name: &'n str) -> Option<Vec<&'n str>> {
        let mut taken = vec![name];
        let mut rest = name;
        if let Some(Piece::Text(end)) = self.pattern.last()
            && !name.ends_with(&**end)
        {
            return None;
        }
        let mut pieces = self.pattern.iter();
        while let Some(piece) = pieces.next() {
            let Piece::Star = piece else {
                if let Piece::Text(text) = piece {
                    rest = rest.strip_prefix(&**text)?;
                }
                continue;
            };
            let (star, after) = match pieces.next() {
                None => (rest, ""),
                Some(Piece::Text(text)) => rest.split_once(&**text)?,
                // Of two in a row, the second is the character.
                Some(Piece::Star) => rest.split_once('*')?,
            };
            if star.contains('.') {
                return None;
            }
            taken.push(star);
            rest = after;
        }
        rest.is_empty().then_some(taken)
    }
}

impl Value {
    fn read(text: &str) -> Self {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once('$') {
            if !before.is_empty() {
                parts.push(Part::Text(before.into()));
            }
            let from_dollar = rest.get(before.len()..).unwrap_or_default();
            let (number, after) = match behind.strip_prefix('{') {
                Some(inside) => match inside.split_once('}') {
                    Some(braced) => braced,
                    None => {
                        parts.push(Part::Text(from_dollar.into()));
                        return Self(parts.into());
                    }
                },
                None => {
                    let end = behind.find(|c: char| !c.is_ascii_digit()).unwrap_or(behind.len());
                    behind.split_at_checked(end).unwrap_or_default()
                }
            };
            let length = from_dollar.len().saturating_sub(after.len());
            let written: Box<str> = from_dollar.get(..length).unwrap_or_default().into();
            parts.push(match number.parse() {
                Ok(number) => Part::Taken(number, written),
                Err(_) => Part::Text(written),
            });
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.into()));
        }
        Self(parts.into())
    }

    /// Appends it, with what stars took filled in. Ends early once it is longer than any value may be.
    pub(in crate::relabel) fn fill(&self, taken: &[&str], out: &mut String) {
        let most = out.len().saturating_add(MAX_VALUE_BYTES);
        for part in &self.0 {
            if out.len() > most {
                return;
            }
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Taken(number, written) => out.push_str(taken.get(*number).copied().unwrap_or(written)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(template: &str, name: &str) -> Option<String> {
        Graphite::new(template, &[]).matches(name).map(|taken| taken.join("|"))
    }

    #[test]
    fn a_star_takes_all_up_to_what_follows_and_no_dot() {
        for (template, name, expected) in [
            ("", "", Some("")),
            ("", "a", None),
            ("a.b", "a.b", Some("a.b")),
            ("a.b", "a.bc", None),
            ("*", "abc", Some("abc|abc")),
            ("*", "a.c", None),
            ("*", "", Some("|")),
            ("a.*.c", "a.b.c", Some("a.b.c|b")),
            ("a.*.c", "a.b.b.c", None),
            ("a.*.*.d", "a.b.c.d", Some("a.b.c.d|b|c")),
            ("a*c*", "abcd", Some("abcd|b|d")),
            // The first place counts, even where a later one would do.
            ("*bd", "abcbd", Some("abcbd|abc")),
            ("*b", "abcb", None),
            ("a**", "ab*", Some("ab*|b")),
            ("a**", "abc", None),
        ] {
            assert_eq!(taken(template, name).as_deref(), expected, "{template} {name}");
        }
    }

    #[test]
    fn what_refers_to_no_star_is_text() {
        let fill = |value: &str| {
            let mut out = String::new();
            Value::read(value).fill(&["a.b", "a", "b"], &mut out);
            out
        };
        for (value, expected) in [
            ("", ""),
            ("$1:${2}0", "a:b0"),
            ("$0", "a.b"),
            ("$3-${4}", "$3-${4}"),
            ("$", "$"),
            ("$x$$1", "$x$a"),
            ("${x}${1", "${x}${1"),
            ("$99999999999999999999", "$99999999999999999999"),
        ] {
            assert_eq!(fill(value), expected, "{value}");
        }
    }
}
