//! Classes in brackets.

use std::iter::Peekable;
use std::str::Chars;

use super::RegexError;
use super::escape::{escape, literal};

/// The classes that have names.
const POSIX: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "word",
    "xdigit",
];

/// Translates what follows `[`.
pub(super) fn class(chars: &mut Peekable<Chars<'_>>, out: &mut String) -> Result<(), RegexError> {
    out.push('[');
    if chars.next_if_eq(&'^').is_some() {
        out.push('^');
    }
    let mut is_first = true;
    loop {
        match chars.next().ok_or(RegexError::OpenClass)? {
            ']' if !is_first => {
                out.push(']');
                return Ok(());
            }
            '[' => match posix(chars) {
                Some(name) if POSIX.contains(&name.trim_start_matches('^')) => {
                    out.push_str(&format!("[:{name}:]"));
                    chars.by_ref().take(name.len() + 2).for_each(drop);
                    chars.next();
                }
                Some(name) => return Err(RegexError::UnknownClass { name }),
                None => out.push_str("\\["),
            },
            '\\' => escape(chars, out, true)?,
            // A hyphen is a range when something stands on both sides, and is left to the library.
            '-' if is_first || chars.peek() == Some(&']') => out.push_str("\\-"),
            '-' => {
                out.push('-');
                if chars.next_if_eq(&'-').is_some() {
                    out.push_str("\\-");
                }
            }
            c => out.push_str(&literal(c)),
        }
        is_first = false;
    }
}

/// The name of the `[:name:]` that follows its first bracket, if one does.
fn posix(chars: &Peekable<Chars<'_>>) -> Option<String> {
    let rest: String = chars.clone().take(16).collect();
    let (name, _) = rest.strip_prefix(':')?.split_once(":]")?;
    Some(name.to_owned())
}
