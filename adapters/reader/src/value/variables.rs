//! Environment variables in vmagent's files: `%{NAME}`.
//!
//! vmagent puts them into the text before it is YAML. Here they are put into values, so **what a variable says is part of one
//! value, whatever is in it**. One that is not set is an error, as it is there.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

/// A variable with others in it is not made longer than this.
const LONGEST: usize = 1 << 16;

/// The variables that a file names.
#[derive(Default)]
pub struct Variables(BTreeMap<String, Option<String>>);

/// A variable that is not set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the environment variable {0:?} is not set, and vmagent takes no file that names it; set it, or remove %{{{0}}}"
)]
pub struct UnsetVariable(pub String);

impl Variables {
    /// Those that `text` names, and that those name in their turn. `variable` is asked for each once.
    ///
    /// ```
    /// use headcount_reader::Variables;
    ///
    /// let variables = Variables::of("host: %{HOST}", |name| (name == "HOST").then(|| "db1".to_owned()));
    /// assert_eq!(variables.expand("%{HOST}:9100").unwrap(), "db1:9100");
    /// ```
    pub fn of(text: &str, variable: impl Fn(&str) -> Option<String>) -> Self {
        let mut variables = Self::default();
        variables.add(text, &variable);
        // As often as there may be one in another.
        for _ in 0..variables.0.len() {
            let expand = |value: &Option<String>| {
                let value = value.as_deref()?;
                match variables.expand(value).ok()? {
                    longer if longer.len() > LONGEST => Some(value.to_owned()),
                    expanded => Some(expanded.into_owned()),
                }
            };
            let expanded: BTreeMap<_, _> = variables
                .0
                .iter()
                .map(|(name, value)| (name.clone(), expand(value)))
                .collect();
            if expanded == variables.0 {
                break;
            }
            variables.0 = expanded;
        }
        variables
    }

    fn add(&mut self, text: &str, variable: &impl Fn(&str) -> Option<String>) {
        for piece in pieces(text) {
            if let Piece::Name(name) = piece
                && !self.0.contains_key(name)
            {
                let value = variable(name);
                self.0.insert(name.to_owned(), value.clone());
                self.add(&value.unwrap_or_default(), variable);
            }
        }
    }

    /// A value with variables in their places.
    ///
    /// # Errors
    /// The first one that is not set.
    pub fn expand<'t>(&self, text: &'t str) -> Result<Cow<'t, str>, UnsetVariable> {
        if !text.contains("%{") {
            return Ok(text.into());
        }
        let mut expanded = String::with_capacity(text.len());
        for piece in pieces(text) {
            expanded.push_str(match piece {
                Piece::Text(text) => text,
                Piece::Name(name) => match self.0.get(name) {
                    Some(Some(value)) => value,
                    _ => return Err(UnsetVariable(name.to_owned())),
                },
            });
        }
        Ok(expanded.into())
    }
}

impl fmt::Debug for Variables {
    /// The names only: what they say may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

enum Piece<'t> {
    Text(&'t str),
    Name(&'t str),
}

/// What a text is made of. What is not closed, or has no name of a variable in it, is text.
fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let all = std::mem::take(&mut rest);
        let Some((before, inside)) = all.split_once("%{") else {
            return Some(Piece::Text(all));
        };
        if !before.is_empty() {
            rest = all.get(before.len()..).unwrap_or_default();
            return Some(Piece::Text(before));
        }
        let Some((name, after)) = inside.split_once('}') else {
            return Some(Piece::Text(all));
        };
        rest = after;
        let length = all.len().saturating_sub(after.len());
        Some(match is_name(name) {
            true => Piece::Name(name),
            false => Piece::Text(all.get(..length).unwrap_or_default()),
        })
    })
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(text: &str) -> Result<String, String> {
        let variables = Variables::of(text, |name| {
            let value = match name {
                "A" => "x1",
                "B" => "%{A}y",
                "EMPTY" => "",
                "a.b-c" => "dots",
                "LOOP" => "%{LOOP}%{LOOP}",
                "LACKS" => "%{NONE}",
                _ => return None,
            };
            Some(value.to_owned())
        });
        let expanded = variables.expand(text).map(Cow::into_owned);
        expanded.map_err(|UnsetVariable(name)| name)
    }

    #[test]
    fn what_is_named_is_put_in() {
        for (text, result) in [
            ("plain", "plain"),
            ("%{A}", "x1"),
            ("a-%{A}-%{B}", "a-x1-x1y"),
            ("%%{A}%{EMPTY}%{a.b-c}", "%x1dots"),
            ("%{} %{1} %{a b} %{%{A}}", "%{} %{1} %{a b} %{%{A}}"),
            ("%{A}%{A", "x1%{A"),
            ("$A ${A}", "$A ${A}"),
        ] {
            assert_eq!(expanded(text).as_deref(), Ok(result), "{text}");
        }
    }

    #[test]
    fn one_that_is_not_set_is_an_error_and_one_in_itself_ends() {
        assert_eq!(expanded("a%{NONE}"), Err("NONE".to_owned()));
        assert!(expanded("%{LACKS}").is_err());
        assert!(expanded("%{LOOP}").is_ok_and(|text| text.len() <= 2 * LONGEST));
    }

    #[test]
    fn values_are_shown_to_nobody() {
        let variables = Variables::of("%{TOKEN}", |_| Some("hunter2".to_owned()));
        assert_eq!(format!("{variables:?}"), r#"{"TOKEN"}"#);
    }
}
