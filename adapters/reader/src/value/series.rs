//! Selectors of series, as vmagent takes them in a rule's `if`: `name{label="value",other=~"regex" or third!="x"}`.
//!
//! **Names are special, as in vmagent**: there is one at most, which counts in lists without it, too, and an empty one says
//! nothing. What a query could have beside that has no meaning in a rule: functions, ranges, `WITH` templates.

use std::borrow::Cow;

use headcount_core::relabel::{Filter, FilterTest, Selector};

use super::regex::{RegexError, parse_regex};

/// The label that a series' name stands in.
const NAME: &str = "__name__";

/// Why a selector can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SeriesError {
    /// Something else stands where something belongs.
    #[error("the selector has {found} where {expected} belongs; write it as in a query: name{{label=\"value\"}}")]
    Unexpected {
        /// What belongs there.
        expected: &'static str,
        /// What stands there.
        found: String,
    },
    /// A string without an end, or with an escape that there is not.
    #[error("the selector has a string that does not end, or with an unknown escape: {text}")]
    String {
        /// The string, as far as it goes.
        text: String,
    },
    /// Templates, which queries have, too.
    #[error(
        "the selector has WITH templates, which vmagent expands and headcount does not; write out what they stand for"
    )]
    With,
    /// Two names that differ.
    #[error("the selector has two names, {first:?} and {second:?}, and no series has both; write one")]
    Names {
        /// The name that comes first.
        first: String,
        /// The other one.
        second: String,
    },
    /// An expression that is none.
    #[error("in the selector, of the label {label:?}: {error}")]
    Regex {
        /// The label.
        label: String,
        /// What is wrong.
        #[source]
        error: RegexError,
    },
}

/// Reads a selector.
///
/// # Errors
/// When it is none.
///
/// ```
/// let selector = headcount_reader::parse_series(r#"up{job="a" or job=~"b.*"}"#).unwrap();
/// assert_eq!(selector.any_of.len(), 2);
/// assert_eq!(selector.any_of[0][0].label, "__name__");
/// assert!(headcount_reader::parse_series("up{job}").is_err());
/// ```
pub fn parse_series(text: &str) -> Result<Selector, SeriesError> {
    let mut tokens = Tokens { rest: text };
    let mut any_of = Vec::new();
    match tokens.next()? {
        Token::Word(name) => {
            let is = Filter {
                label: NAME.to_owned(),
                test: FilterTest::Is(name.into_owned()),
            };
            if tokens.is_with(&is) {
                return Err(SeriesError::With);
            }
            match tokens.next()? {
                Token::End => any_of.push(vec![is]),
                Token::Sign("{") => tokens.lists(Some(&is), &mut any_of)?,
                token => return Err(token.instead_of("{")),
            }
        }
        Token::Sign("{") => tokens.lists(None, &mut any_of)?,
        token => return Err(token.instead_of("a name or {")),
    }
    tokens.end(text, any_of)
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token<'t> {
    End,
    /// A name, unescaped.
    Word(Cow<'t, str>),
    String(String),
    Sign(&'t str),
}

impl Token<'_> {
    fn instead_of(&self, expected: &'static str) -> SeriesError {
        let found = match self {
            Self::End => "its end".to_owned(),
            Self::Word(word) => format!("{word:?}"),
            Self::String(text) => format!("the string {text:?}"),
            Self::Sign(sign) => format!("{sign:?}"),
        };
        SeriesError::Unexpected { expected, found }
    }

    fn is_or(&self) -> bool {
        matches!(self, Self::Word(word) if word.eq_ignore_ascii_case("or"))
    }
}

struct Tokens<'t> {
    rest: &'t str,
}

impl<'t> Tokens<'t> {
    /// Whether templates begin with this name.
    fn is_with(&self, name: &Filter) -> bool {
        matches!(&name.test, FilterTest::Is(name) if name.eq_ignore_ascii_case("with"))
            && self.rest.trim_start().starts_with('(')
    }

    /// All lists of filters behind a `{`, up to its `}`. Each has the name first, if there is one.
    fn lists(&mut self, name: Option<&Filter>, any_of: &mut Vec<Vec<Filter>>) -> Result<(), SeriesError> {
        let mut token = self.next()?;
        if token == Token::Sign("}") {
            any_of.extend(name.map(|name| vec![name.clone()]));
            return Ok(());
        }
        loop {
            let mut list: Vec<Filter> = name.cloned().into_iter().collect();
            loop {
                token = self.filter(token, &mut list)?;
                if token != Token::Sign(",") {
                    break;
                }
                token = self.next()?;
                if token == Token::Sign("}") {
                    break;
                }
            }
            any_of.push(list);
            if token == Token::Sign("}") {
                return Ok(());
            }
            if !token.is_or() {
                return Err(token.instead_of("a comma, `or` or }"));
            }
            token = self.next()?;
        }
    }

    /// One filter that begins with a token; gives the one behind it.
    fn filter(&mut self, first: Token<'t>, list: &mut Vec<Filter>) -> Result<Token<'t>, SeriesError> {
        let (label, may_be_name) = match first {
            Token::Word(label) => (label.into_owned(), false),
            Token::String(label) => (label, true),
            token => return Err(token.instead_of("a label")),
        };
        let sign = self.next()?;
        let operator = match sign {
            Token::Sign(sign @ ("=" | "!=" | "=~" | "!~")) => sign,
            // In quotes and by itself it is the name of the series.
            sign if may_be_name && (sign.is_or() || matches!(sign, Token::Sign("," | "}"))) => {
                list.push(Filter {
                    label: NAME.to_owned(),
                    test: FilterTest::Is(label),
                });
                return Ok(sign);
            }
            sign => return Err(sign.instead_of("=, !=, =~ or !~")),
        };
        let value = match self.next()? {
            Token::String(value) => value,
            token => return Err(token.instead_of("a string")),
        };
        let regex = |value: &str| {
            parse_regex(value).map_err(|error| SeriesError::Regex {
                label: label.clone(),
                error,
            })
        };
        let test = match operator {
            "=" => FilterTest::Is(value),
            "!=" => FilterTest::IsNot(value),
            "=~" => FilterTest::Matches(regex(&value)?),
            _ => FilterTest::MatchesNot(regex(&value)?),
        };
        list.push(Filter { label, test });
        self.next()
    }

    fn end(&mut self, written: &str, any_of: Vec<Vec<Filter>>) -> Result<Selector, SeriesError> {
        match self.next()? {
            Token::End => Ok(Selector {
                written: written.to_owned(),
                any_of: with_common_name(any_of)?,
            }),
            token => Err(token.instead_of("its end")),
        }
    }

    fn next(&mut self) -> Result<Token<'t>, SeriesError> {
        self.rest = self.rest.trim_start();
        let Some(first) = self.rest.chars().next() else {
            return Ok(Token::End);
        };
        if ['"', '\'', '`'].contains(&first) {
            return self.string(first).map(Token::String);
        }
        for sign in ["=~", "!~", "!=", "=", "{", "}", ","] {
            if let Some(rest) = self.rest.strip_prefix(sign) {
                self.rest = rest;
                return Ok(Token::Sign(sign));
            }
        }
        self.word(first)
    }

    /// A name: letters, digits, underscores, colons and dots, no digit or dot first; any other character behind a backslash.
    fn word(&mut self, first: char) -> Result<Token<'t>, SeriesError> {
        let mut end = 0_usize;
        let mut is_escaped = false;
        let mut has_escapes = false;
        for (place, c) in self.rest.char_indices() {
            let is_first = c.is_alphabetic() || c == '_' || c == ':';
            let goes_on = is_escaped || is_first || (place > 0 && (c.is_ascii_digit() || c == '.'));
            if !goes_on && c != '\\' {
                break;
            }
            is_escaped = !is_escaped && c == '\\';
            has_escapes |= is_escaped;
            end = place.saturating_add(c.len_utf8());
        }
        let (word, rest) = self.rest.split_at_checked(end).unwrap_or_default();
        if word.is_empty() || is_escaped {
            let found = format!("{:?}", first.to_string());
            let expected = "a name, a string or a sign";
            return Err(SeriesError::Unexpected { expected, found });
        }
        self.rest = rest;
        Ok(Token::Word(match has_escapes {
            true => word.replace('\\', "").into(),
            false => word.into(),
        }))
    }

    fn string(&mut self, quote: char) -> Result<String, SeriesError> {
        let whole = self.rest;
        let wrong = || SeriesError::String { text: whole.to_owned() };
        let inside = whole.strip_prefix(quote).ok_or_else(wrong)?;
        let mut out = String::new();
        let mut chars = inside.chars();
        loop {
            match chars.next().ok_or_else(wrong)? {
                c if c == quote => {
                    self.rest = chars.as_str();
                    return Ok(out);
                }
                '\\' if quote != '`' => out.push(escaped(&mut chars, quote).ok_or_else(wrong)?),
                '\n' if quote != '`' => return Err(wrong()),
                c => out.push(c),
            }
        }
    }
}

/// The lists, each with the name that any of them has.
fn with_common_name(mut any_of: Vec<Vec<Filter>>) -> Result<Vec<Vec<Filter>>, SeriesError> {
    let name = |filter: &Filter| match &filter.test {
        FilterTest::Is(name) if filter.label == NAME => Some(name.clone()),
        _ => None,
    };
    let mut common = String::new();
    for second in any_of.iter().flatten().filter_map(name) {
        if !common.is_empty() && second != common {
            return Err(SeriesError::Names { first: common, second });
        }
        common = second;
    }
    for list in &mut any_of {
        list.retain(|filter| name(filter).is_none_or(|name| !name.is_empty()));
        if !common.is_empty() && list.iter().all(|filter| filter.label != NAME) {
            let test = FilterTest::Is(common.clone());
            let label = NAME.to_owned();
            list.insert(0, Filter { label, test });
        }
    }
    Ok(any_of)
}

/// The character that is written behind a backslash, as in Go.
fn escaped(chars: &mut std::str::Chars<'_>, quote: char) -> Option<char> {
    match chars.next()? {
        c if c == quote || c == '\\' => Some(c),
        'n' => Some('\n'),
        't' => Some('\t'),
        'r' => Some('\r'),
        'a' => Some('\u{7}'),
        'b' => Some('\u{8}'),
        'f' => Some('\u{c}'),
        'v' => Some('\u{b}'),
        'x' => hex(chars, 2).filter(char::is_ascii),
        'u' => hex(chars, 4),
        'U' => hex(chars, 8),
        _ => None,
    }
}

fn hex(chars: &mut std::str::Chars<'_>, digits: usize) -> Option<char> {
    let (text, rest) = chars.as_str().split_at_checked(digits)?;
    *chars = rest.chars();
    char::from_u32(u32::from_str_radix(text, 16).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a selector says, in one way.
    fn said(text: &str) -> Result<String, String> {
        let selector = parse_series(text).map_err(|error| error.to_string())?;
        let filter = |filter: &Filter| match &filter.test {
            FilterTest::Is(value) => format!("{}={value:?}", filter.label),
            FilterTest::IsNot(value) => format!("{}!={value:?}", filter.label),
            FilterTest::Matches(regex) => format!("{}=~{regex:?}", filter.label),
            FilterTest::MatchesNot(regex) => format!("{}!~{regex:?}", filter.label),
        };
        let list = |list: &Vec<Filter>| list.iter().map(filter).collect::<Vec<_>>().join(",");
        Ok(selector.any_of.iter().map(list).collect::<Vec<_>>().join(" or "))
    }

    #[test]
    fn selectors_are_read_as_in_queries() {
        for (text, expected) in [
            ("up", r#"__name__="up""#),
            ("{}", ""),
            ("up{}", r#"__name__="up""#),
            (r#" up { a = "b" , } "#, r#"__name__="up",a="b""#),
            (r#"{a!="b",c=~"d|e",f!~'g'}"#, r#"a!="b",c=~"d|e",f!~"g""#),
            (
                r#"x{a="1" OR b="2",c="3"}"#,
                r#"__name__="x",a="1" or __name__="x",b="2",c="3""#,
            ),
            (r#"{"a name",b="c"}"#, r#"__name__="a name",b="c""#),
            (r#"{"a.b"="c"}"#, r#"a.b="c""#),
            (r#"a:b_1.c{x="\n\"\\\u00e9\x41"}"#, r#"__name__="a:b_1.c",x="\n\"\\éA""#),
            (r#"{a=`\d"`,b='"\''}"#, r#"a="\\d\"",b="\"'""#),
            (r#"a\-b{}"#, r#"__name__="a-b""#),
            (r#"{__name__="",a="b"}"#, r#"a="b""#),
            (r#"{__name__!=""}"#, r#"__name__!="""#),
            (r#"{"n",a="1" or b="2"}"#, r#"__name__="n",a="1" or __name__="n",b="2""#),
            (r#"{b="2" or "n"}"#, r#"__name__="n",b="2" or __name__="n""#),
            (
                r#"n{"n",__name__="n",a="1"}"#,
                r#"__name__="n",__name__="n",__name__="n",a="1""#,
            ),
            (
                r#"n{__name__=~"m",__name__!="o"}"#,
                r#"__name__="n",__name__=~"m",__name__!="o""#,
            ),
            (r#"{__name__="",__name__="n"}"#, r#"__name__="n""#),
            (
                r#"{"n" or __name__=~"m" or __name__="n"}"#,
                r#"__name__="n" or __name__=~"m" or __name__="n""#,
            ),
            // A label may be called like the word between lists.
            (r#"{or="1"}"#, r#"or="1""#),
        ] {
            assert_eq!(said(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_selector_is_refused() {
        let mut all = Vec::new();
        for text in [
            "",
            "1",
            "up[5m]",
            "sum(up)",
            "up{a}",
            "{a=b}",
            "{a=\"b}",
            r#"{a="b" c="d"}"#,
            r#"{a="b"}}"#,
            r#"{a="b" or}"#,
            r#"{a=~"("}"#,
            r#"{a="\q"}"#,
            "{",
            "{,}",
            "a\\",
            "-",
            r#"{a="b"}{c="d"}"#,
            "{a==\"b\"}",
            r#"WITH (x = {a="b"}) x"#,
            "foo{__name__=\"bar\"}",
            "foo{\"bar\"}",
            r#"{"n" or a="1",__name__="m"}"#,
            "foo{__name__=\"\"}",
        ] {
            all.push(format!("{text}: {}", said(text).expect_err(text)));
        }
        insta::assert_snapshot!(all.join("\n"));
    }
}
