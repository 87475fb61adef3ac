//! Label and field selectors: read as the API server reads them, so that a mistake is found before it is asked.

/// The longest value of a label, and the longest name in a key.
const LONGEST_NAME: usize = 63;
/// The longest prefix of a key.
const LONGEST_PREFIX: usize = 253;

/// Which objects of a kind are watched. Empty: all.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub(super) struct Selector {
    pub(super) label: String,
    pub(super) field: String,
}

impl Selector {
    pub(super) fn is_empty(&self) -> bool {
        self.label.is_empty() && self.field.is_empty()
    }
}

/// What a label selector is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'t> {
    Word(&'t str),
    Not,
    Equals,
    Differs,
    Compares,
    Open,
    Close,
    Comma,
}

/// Says what is wrong with a label selector.
pub(super) fn check_labels(text: &str) -> Result<(), &'static str> {
    let tokens = tokens(text)?;
    let mut rest = tokens.as_slice();
    while !rest.is_empty() {
        rest = requirement(rest)?;
        match rest {
            [] => {}
            [Token::Comma] => return Err("nothing follows the last comma"),
            [Token::Comma, more @ ..] => rest = more,
            _ => return Err("a comma has to stand between two requirements"),
        }
    }
    Ok(())
}

/// One requirement; gives what follows it.
fn requirement<'a, 't>(tokens: &'a [Token<'t>]) -> Result<&'a [Token<'t>], &'static str> {
    let (key, rest, is_negated) = match tokens {
        [Token::Not, Token::Word(key), rest @ ..] => (key, rest, true),
        [Token::Word(key), rest @ ..] => (key, rest, false),
        _ => return Err("a requirement begins with the name of a label, or with ! and one"),
    };
    check_key(key)?;
    match rest {
        [] | [Token::Comma, ..] => Ok(rest),
        _ if is_negated => Err("after ! and the name of a label nothing follows"),
        [Token::Equals | Token::Differs, Token::Word(value), rest @ ..] => check_value(value).map(|()| rest),
        // An empty value.
        [Token::Equals | Token::Differs, rest @ ..] if matches!(rest, [] | [Token::Comma, ..]) => Ok(rest),
        [Token::Compares, Token::Word(value), rest @ ..] => match value.parse::<i64>() {
            Ok(_) => Ok(rest),
            Err(_) => Err("after < and > comes a whole number"),
        },
        [Token::Word("in" | "notin"), Token::Open, rest @ ..] => values(rest),
        [Token::Word("in" | "notin"), ..] => Err("after in and notin come values in parentheses"),
        _ => Err("after the name of a label comes =, ==, !=, in, notin, < or >"),
    }
}

/// Values up to a closing parenthesis; gives what follows it.
fn values<'a, 't>(mut tokens: &'a [Token<'t>]) -> Result<&'a [Token<'t>], &'static str> {
    if let [Token::Close, rest @ ..] = tokens {
        return Ok(rest);
    }
    loop {
        if let [Token::Word(value), rest @ ..] = tokens {
            check_value(value)?;
            tokens = rest;
        }
        match tokens {
            [Token::Close, rest @ ..] => return Ok(rest),
            [Token::Comma, rest @ ..] => tokens = rest,
            _ => return Err("values stand in parentheses, with commas between them"),
        }
    }
}

fn tokens(text: &str) -> Result<Vec<Token<'_>>, &'static str> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, length) = match first {
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            ',' => (Token::Comma, 1),
            '<' | '>' => (Token::Compares, 1),
            '=' if rest.starts_with("==") => (Token::Equals, 2),
            '=' => (Token::Equals, 1),
            '!' if rest.starts_with("!=") => (Token::Differs, 2),
            '!' => (Token::Not, 1),
            _ => {
                let is_end = |letter: char| letter.is_whitespace() || "(),<>=!".contains(letter);
                let length = rest.find(is_end).unwrap_or(rest.len());
                (Token::Word(rest.get(..length).unwrap_or_default()), length)
            }
        };
        tokens.push(token);
        rest = rest.get(length..).unwrap_or_default().trim_start();
    }
    Ok(tokens)
}

fn check_key(key: &str) -> Result<(), &'static str> {
    let name = match key.split_once('/') {
        Some((prefix, name)) => {
            let is_part = |part: &str| {
                let is_known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
                part.bytes().all(is_known) && has_plain_ends(part)
            };
            if prefix.len() > LONGEST_PREFIX || !prefix.split('.').all(is_part) {
                return Err("what stands before / in the name of a label has to be a domain name in lower case");
            }
            name
        }
        None => key,
    };
    match is_name(name) {
        true => Ok(()),
        false => Err("the name of a label has up to 63 letters, digits, -, _ and ., and a letter or digit at each end"),
    }
}

fn check_value(value: &str) -> Result<(), &'static str> {
    match value.is_empty() || is_name(value) {
        true => Ok(()),
        false => {
            Err("the value of a label has up to 63 letters, digits, -, _ and ., and a letter or digit at each end")
        }
    }
}

fn is_name(name: &str) -> bool {
    let is_known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    name.len() <= LONGEST_NAME && name.bytes().all(is_known) && has_plain_ends(name)
}

fn has_plain_ends(name: &str) -> bool {
    let is_plain = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    is_plain(name.bytes().next()) && is_plain(name.bytes().last())
}

/// Says what is wrong with a field selector.
pub(super) fn check_fields(text: &str) -> Result<(), &'static str> {
    let mut letters = text.chars();
    // Whether the term has its operator yet, or nothing at all.
    let (mut is_empty, mut has_operator) = (true, false);
    let mut before = None;
    while let Some(letter) = letters.next() {
        match letter {
            ',' => {
                if !is_empty && !has_operator {
                    return Err(NO_OPERATOR);
                }
                (is_empty, has_operator, before) = (true, false, None);
                continue;
            }
            '\\' => {
                let is_known = matches!(letters.next(), Some('\\' | ',' | '='));
                if has_operator && !is_known {
                    return Err("after \\ comes \\, a comma or =");
                }
            }
            '=' if !has_operator => has_operator = true,
            // The second half of `==`.
            '=' if before == Some('=') => {
                before = None;
                continue;
            }
            '=' => return Err("= in a value has to be written \\="),
            _ => {}
        }
        is_empty = false;
        before = match letter {
            '=' => Some('='),
            _ => None,
        };
    }
    match is_empty || has_operator {
        true => Ok(()),
        false => Err(NO_OPERATOR),
    }
}

const NO_OPERATOR: &str = "a requirement is a field, then =, == or !=, and a value";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_selectors_are_taken_and_refused_as_the_server_does() {
        for right in [
            "",
            "a",
            "!a",
            "a,!b",
            "app=web",
            "app==web,tier!=db",
            "app=",
            "app=,tier",
            "app in (a, b),tier notin (c)",
            "app in (a,)",
            "app in ()",
            "in in (in)",
            "example.com/app = web",
            "n > 3, m < -4",
            " a = b ",
        ] {
            assert_eq!(check_labels(right), Ok(()), "{right}");
        }
        for wrong in [
            ",",
            "a,",
            "a b",
            "=a",
            "a=b=c",
            "a in b",
            "a in (b",
            "!a=b",
            "!",
            "a > b",
            "a=-b",
            "-a",
            "a.b/c/d",
            "Example.com/a=b",
            "a=b c",
            "größe",
        ] {
            assert!(check_labels(wrong).is_err(), "{wrong}");
        }
        assert!(check_labels(&"a".repeat(64)).is_err());
    }

    #[test]
    fn field_selectors_are_taken_and_refused_as_the_server_does() {
        for right in [
            "",
            ",",
            "spec.nodeName=n1",
            "a==b,c!=d",
            "a=",
            "a=b\\,c\\=d\\\\",
            "status.phase!=Failed",
        ] {
            assert_eq!(check_fields(right), Ok(()), "{right}");
        }
        for wrong in ["a", "a,b=c", "a=b=c", "a=b\\c", "a=b\\", "a===b"] {
            assert!(check_fields(wrong).is_err(), "{wrong}");
        }
    }
}
