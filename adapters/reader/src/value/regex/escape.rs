//! What follows a backslash.

use std::iter::Peekable;
use std::str::Chars;

use super::RegexError;

/// Translates what follows a backslash.
pub(super) fn escape(chars: &mut Peekable<Chars<'_>>, out: &mut String, in_class: bool) -> Result<(), RegexError> {
    let unknown = |escape: String| Err(RegexError::Escape { escape });
    let Some(c) = chars.next() else {
        return unknown(String::new());
    };
    match c {
        '1'..='7' if !matches!(chars.peek(), Some('0'..='7')) => return unknown(c.to_string()),
        '0'..='7' => {
            let mut value = c.to_digit(8).unwrap_or_default();
            for _ in 0..2 {
                let Some(digit) = chars.peek().and_then(|c| c.to_digit(8)) else {
                    break;
                };
                chars.next();
                value = value * 8 + digit;
            }
            out.push_str(&format!("\\x{{{value:x}}}"));
        }
        'd' => out.push_str("[0-9]"),
        'D' => out.push_str("[^0-9]"),
        's' => out.push_str("[\\t\\n\\x0C\\r ]"),
        'S' => out.push_str("[^\\t\\n\\x0C\\r ]"),
        'w' => out.push_str("[0-9A-Za-z_]"),
        'W' => out.push_str("[^0-9A-Za-z_]"),
        'b' | 'B' if !in_class => {
            out.push_str("(?-u:\\");
            out.push(c);
            out.push(')');
        }
        'A' | 'z' if !in_class => out.extend(['\\', c]),
        'a' | 'f' | 't' | 'n' | 'r' | 'v' => out.extend(['\\', c]),
        'x' => {
            out.extend(['\\', c]);
            braced(chars, out);
        }
        'p' | 'P' => {
            // `\p{^Greek}` is `\P{Greek}`.
            let is_negated = chars.peek() == Some(&'{') && chars.clone().nth(1) == Some('^');
            out.extend(['\\', if (c == 'P') == is_negated { 'p' } else { 'P' }]);
            braced(chars, out);
        }
        c if c.is_ascii() && !c.is_ascii_alphanumeric() => out.push_str(&literal(c)),
        c => return unknown(c.to_string()),
    }
    Ok(())
}

/// A `{…}` that belongs to an escape, if one follows, without a leading `^`.
fn braced(chars: &mut Peekable<Chars<'_>>, out: &mut String) {
    if chars.next_if_eq(&'{').is_none() {
        return;
    }
    out.push('{');
    chars.next_if_eq(&'^');
    for c in chars.by_ref() {
        out.push(c);
        if c == '}' {
            break;
        }
    }
}

/// A punctuation mark that stands for itself, inside a class or out of it.
pub(super) fn literal(c: char) -> String {
    if matches!(c, '<' | '>') {
        c.to_string()
    } else if c.is_ascii_punctuation() {
        format!("\\{c}")
    } else {
        c.to_string()
    }
}
