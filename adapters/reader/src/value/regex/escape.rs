//! What follows a backslash.

use std::iter::Peekable;
use std::str::Chars;

use super::RegexError;
use super::class::{ANYTHING, NOTHING, is_surrogate};
use super::property::is_known;

/// The last of all code points.
const LAST: u32 = 0x10_FFFF;

/// What an escape stands for.
pub(super) enum Item {
    /// A code point; half of a surrogate pair, too.
    Char(u32),
    /// A class, as the `regex` crate writes it, within brackets or without.
    Class(String),
}

/// Translates what follows a backslash outside of a class.
pub(super) fn escape(chars: &mut Peekable<Chars<'_>>, out: &mut String) -> Result<(), RegexError> {
    match chars.peek() {
        Some(&c @ ('b' | 'B')) => {
            chars.next();
            out.push_str("(?-u:\\");
            out.push(c);
            out.push(')');
        }
        Some(&c @ ('A' | 'z')) => {
            chars.next();
            out.extend(['\\', c]);
        }
        _ => match item_escape(chars)? {
            Item::Class(class) => out.push_str(&class),
            Item::Char(code) if is_surrogate(code) => out.push_str(NOTHING),
            Item::Char(code) => out.push_str(&format!("\\x{{{code:X}}}")),
        },
    }
    Ok(())
}

/// What follows a backslash, where it stands for a character or a class.
pub(super) fn item_escape(chars: &mut Peekable<Chars<'_>>) -> Result<Item, RegexError> {
    let unknown = |escape: String| Err(RegexError::Escape { escape });
    let class = |class: &str| Ok(Item::Class(class.to_owned()));
    let Some(c) = chars.next() else {
        return unknown(String::new());
    };
    match c {
        '1'..='7' if !matches!(chars.peek(), Some('0'..='7')) => unknown(c.to_string()),
        '0'..='7' => {
            let mut value = c.to_digit(8).unwrap_or_default();
            for _ in 0..2 {
                let Some(digit) = chars.peek().and_then(|c| c.to_digit(8)) else {
                    break;
                };
                chars.next();
                value = value * 8 + digit;
            }
            Ok(Item::Char(value))
        }
        'd' => class("[0-9]"),
        'D' => class("[^0-9]"),
        's' => class("[\\t\\n\\x0C\\r ]"),
        'S' => class("[^\\t\\n\\x0C\\r ]"),
        'w' => class("[0-9A-Za-z_]"),
        'W' => class("[^0-9A-Za-z_]"),
        'a' => Ok(Item::Char(7)),
        'f' => Ok(Item::Char(12)),
        't' => Ok(Item::Char(9)),
        'n' => Ok(Item::Char(10)),
        'r' => Ok(Item::Char(13)),
        'v' => Ok(Item::Char(11)),
        'x' => {
            let digits = hexadecimal(chars).unwrap_or_default();
            let code = u32::from_str_radix(&digits, 16).ok().filter(|code| *code <= LAST);
            code.map_or_else(|| unknown(format!("x{digits}")), |code| Ok(Item::Char(code)))
        }
        'p' | 'P' => property(c, chars),
        c if c.is_ascii() && !c.is_ascii_alphanumeric() => Ok(Item::Char(u32::from(c))),
        c => unknown(c.to_string()),
    }
}

/// The digits of `\x41` or `\x{1F600}`; none where there is something else.
fn hexadecimal(chars: &mut Peekable<Chars<'_>>) -> Option<String> {
    if chars.next_if_eq(&'{').is_some() {
        let digits: String = chars.by_ref().take_while(|c| *c != '}').take(16).collect();
        return digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then_some(digits);
    }
    let digits: String = chars.by_ref().take(2).collect();
    let is_whole = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_whole.then_some(digits)
}

/// What follows `\p` or `\P`.
fn property(letter: char, chars: &mut Peekable<Chars<'_>>) -> Result<Item, RegexError> {
    let (name, is_closed) = match chars.next() {
        Some('{') => {
            let mut name = String::new();
            let mut is_closed = false;
            for c in chars.by_ref() {
                if c == '}' {
                    is_closed = true;
                    break;
                }
                name.push(c);
            }
            (name, is_closed)
        }
        Some(c) => (c.to_string(), true),
        None => (String::new(), false),
    };
    // `\p{^Greek}` is `\P{Greek}`.
    let (name, is_negated) = match name.strip_prefix('^') {
        Some(name) => (name, letter == 'p'),
        None => (&*name, letter == 'P'),
    };
    if !is_closed || !is_known(name) {
        let property = format!("{letter}{{{name}}}");
        return Err(RegexError::Property { property });
    }
    // Halves of surrogate pairs: no text has one.
    let class = match (name, is_negated) {
        ("Cs", false) => NOTHING.to_owned(),
        ("Cs", true) => ANYTHING.to_owned(),
        (name, false) => format!("\\p{{{name}}}"),
        (name, true) => format!("\\P{{{name}}}"),
    };
    Ok(Item::Class(class))
}
