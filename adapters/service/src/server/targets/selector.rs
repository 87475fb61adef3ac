//! Label selectors as PromQL writes them: `{rack="1", env=~"prod|test"}`.
//!
//! A label that is absent has an empty value; an expression has to match the whole value.

use headcount_core::relabel::RuleRegex;
use headcount_reader::{RegexError, parse_regex};

/// Matchers, all of which have to hold.
#[derive(Debug)]
pub(super) struct Selector(Vec<Matcher>);

#[derive(Debug)]
struct Matcher {
    label: String,
    operation: Operation,
}

#[derive(Debug)]
enum Operation {
    Equal(String),
    NotEqual(String),
    Match(RuleRegex),
    NotMatch(RuleRegex),
}

/// Why a text is no selector. Places are in bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum SelectorError {
    #[error("expected `{{` at the beginning")]
    NoBrace,
    #[error("expected a label's name at byte {0}")]
    Name(usize),
    #[error("expected =, !=, =~ or !~ at byte {0}")]
    Operator(usize),
    #[error("expected a text in quotes at byte {0}")]
    Text(usize),
    #[error("expected `,` or `}}` at byte {0}")]
    Separator(usize),
    #[error("there is more after the closing brace at byte {0}")]
    More(usize),
    #[error(transparent)]
    Regex(#[from] RegexError),
}

impl Selector {
    pub(super) fn parse(text: &str) -> Result<Self, SelectorError> {
        let mut parser = Parser { text, at: 0 };
        parser.skip_space();
        if !parser.take("{") {
            return Err(SelectorError::NoBrace);
        }
        let mut matchers = Vec::new();
        loop {
            parser.skip_space();
            if parser.take("}") {
                break;
            }
            matchers.push(parser.matcher()?);
            parser.skip_space();
            if parser.take("}") {
                break;
            }
            if !parser.take(",") {
                return Err(SelectorError::Separator(parser.at));
            }
        }
        parser.skip_space();
        if parser.rest().is_empty() {
            Ok(Self(matchers))
        } else {
            Err(SelectorError::More(parser.at))
        }
    }

    /// Whether it selects the labels of which `value` gives the values.
    pub(super) fn selects<'a>(&self, value: impl Fn(&str) -> &'a str) -> bool {
        self.0.iter().all(|matcher| {
            let value = value(&matcher.label);
            match &matcher.operation {
                Operation::Equal(text) => value == text,
                Operation::NotEqual(text) => value != text,
                Operation::Match(regex) => regex.is_match(value),
                Operation::NotMatch(regex) => !regex.is_match(value),
            }
        })
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip_space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn take(&mut self, what: &str) -> bool {
        let is_there = self.rest().starts_with(what);
        if is_there {
            self.at += what.len();
        }
        is_there
    }

    fn matcher(&mut self) -> Result<Matcher, SelectorError> {
        let label = self.name()?;
        self.skip_space();
        let operators = ["=~", "!~", "!=", "="];
        let operator = operators.into_iter().find(|operator| self.take(operator));
        let operator = operator.ok_or(SelectorError::Operator(self.at))?;
        self.skip_space();
        let text = self.quoted().ok_or(SelectorError::Text(self.at))?;
        let operation = match operator {
            "=" => Operation::Equal(text),
            "!=" => Operation::NotEqual(text),
            "=~" => Operation::Match(parse_regex(&text)?),
            _ => Operation::NotMatch(parse_regex(&text)?),
        };
        Ok(Matcher { label, operation })
    }

    /// A name of letters, digits and underscores, or any name in quotes.
    fn name(&mut self) -> Result<String, SelectorError> {
        if let Some(name) = self.quoted() {
            return Ok(name);
        }
        let rest = self.rest();
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let name = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        if name.is_empty() {
            return Err(SelectorError::Name(self.at));
        }
        self.at += name.len();
        Ok(name.to_owned())
    }

    /// A text in quotes; backslashes escape as in Go, and nothing in backticks.
    fn quoted(&mut self) -> Option<String> {
        let quote = self
            .rest()
            .chars()
            .next()
            .filter(|quote| matches!(quote, '"' | '\'' | '`'))?;
        let mut text = String::new();
        let mut letters = self.rest().char_indices().skip(1);
        while let Some((place, letter)) = letters.next() {
            match letter {
                _ if letter == quote => {
                    self.at += place + 1;
                    return Some(text);
                }
                '\\' if quote != '`' => text.push(match letters.next()?.1 {
                    'n' => '\n',
                    't' => '\t',
                    'r' => '\r',
                    other @ ('\\' | '"' | '\'') => other,
                    _ => return None,
                }),
                other => text.push(other),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn selects(selector: &str) -> bool {
        let value = |name: &str| match name {
            "rack" => "1",
            "env" => "prod",
            "a.b" => "x\"y",
            _ => "",
        };
        Selector::parse(selector)
            .unwrap_or_else(|error| panic!("{selector}: {error}"))
            .selects(value)
    }

    #[test]
    fn selectors_select() {
        for selector in [
            "{}",
            " { rack = \"1\" , } ",
            "{rack='1',env=~`prod|test`}",
            "{rack!=\"2\",env!~\"pro\"}",
            "{missing=\"\"}",
            "{missing=~\".*\"}",
            "{missing=~\"\"}",
            "{missing!~\".+\"}",
            "{missing!=\"x\"}",
            r#"{"a.b"="x\"y"}"#,
            "{env=~'(?i)PROD'}",
        ] {
            assert!(selects(selector), "{selector}");
        }
        for selector in [
            "{rack=\"2\"}",
            "{rack=\"1\",env=~\"pro\"}",
            "{missing!=\"\"}",
            "{missing!~\".*\"}",
            "{missing!~\"\"}",
            "{missing=~\".+\"}",
            "{rack!~\".*\"}",
        ] {
            assert!(!selects(selector), "{selector}");
        }
    }

    #[test]
    fn what_is_no_selector_is_named() {
        for (text, message) in [
            ("rack=\"1\"", "expected `{` at the beginning"),
            ("{=\"1\"}", "expected a label's name at byte 1"),
            ("{rack:\"1\"}", "expected =, !=, =~ or !~ at byte 5"),
            ("{rack=1}", "expected a text in quotes at byte 6"),
            ("{rack=\"1}", "expected a text in quotes at byte 6"),
            ("{rack=\"1\" env", "expected `,` or `}` at byte 10"),
            ("{} x", "there is more after the closing brace at byte 3"),
            (
                "{a=~\"(\"}",
                "the regular expression has parentheses that don't pair up",
            ),
        ] {
            assert_eq!(Selector::parse(text).expect_err(text).to_string(), message);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in "\\PC{0,20}|\\{[a\"'`=~!,{}\\\\]{0,20}") {
            let _ = Selector::parse(&text);
        }
    }
}
