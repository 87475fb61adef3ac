//! Classes in brackets.

use std::iter::Peekable;
use std::str::Chars;

use super::RegexError;
use super::escape::{Item, item_escape};

/// The classes that have names.
const POSIX: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "word",
    "xdigit",
];

/// A class without members, and one with all there are: the `regex` crate has no shorter ones.
pub(super) const NOTHING: &str = "[a&&b]";
pub(super) const ANYTHING: &str = r"[\x{0}-\x{10FFFF}]";

/// Translates what follows `[`.
///
/// As in Go, a hyphen makes a range of two characters that stand on its sides, and stands for itself everywhere else.
pub(super) fn class(chars: &mut Peekable<Chars<'_>>, out: &mut String) -> Result<(), RegexError> {
    let is_negated = chars.next_if_eq(&'^').is_some();
    let mut members = String::new();
    let mut is_first = true;
    loop {
        match *chars.peek().ok_or(RegexError::OpenClass)? {
            ']' if !is_first => {
                chars.next();
                break;
            }
            '[' => match posix(chars) {
                Some(name) if POSIX.contains(&name.trim_start_matches('^')) => {
                    members.push_str(&format!("[:{name}:]"));
                    chars.by_ref().take(name.len() + 4).for_each(drop);
                }
                Some(name) => return Err(RegexError::UnknownClass { name }),
                None => range(chars, &mut members)?,
            },
            _ => range(chars, &mut members)?,
        }
        is_first = false;
    }
    match (members.is_empty(), is_negated) {
        (true, false) => out.push_str(NOTHING),
        (true, true) => out.push_str(ANYTHING),
        (false, false) => out.push_str(&format!("[{members}]")),
        (false, true) => out.push_str(&format!("[^{members}]")),
    }
    Ok(())
}

/// A character, a range of them, or an escape that stands for a class.
fn range(chars: &mut Peekable<Chars<'_>>, out: &mut String) -> Result<(), RegexError> {
    let low = match item(chars)? {
        Item::Class(class) => {
            out.push_str(&class);
            return Ok(());
        }
        Item::Char(low) => low,
    };
    let mut ahead = chars.clone();
    let is_range = ahead.next() == Some('-') && !matches!(ahead.next(), None | Some(']'));
    if !is_range {
        members(low, low, out);
        return Ok(());
    }
    chars.next();
    match item(chars)? {
        Item::Char(high) if low <= high => members(low, high, out),
        Item::Char(_) | Item::Class(_) => return Err(RegexError::Range),
    }
    Ok(())
}

fn item(chars: &mut Peekable<Chars<'_>>) -> Result<Item, RegexError> {
    match chars.next().ok_or(RegexError::OpenClass)? {
        '\\' => item_escape(chars),
        c => Ok(Item::Char(u32::from(c))),
    }
}

/// Code points from `low` to `high`. Halves of surrogate pairs are no characters: no text has one.
fn members(low: u32, high: u32, out: &mut String) {
    let low = if is_surrogate(low) { 0xE000 } else { low };
    let high = if is_surrogate(high) { 0xD7FF } else { high };
    if low == high {
        out.push_str(&format!("\\x{{{low:X}}}"));
    } else if low < high {
        out.push_str(&format!("\\x{{{low:X}}}-\\x{{{high:X}}}"));
    }
}

pub(super) fn is_surrogate(code: u32) -> bool {
    (0xD800..0xE000).contains(&code)
}

/// The name of the `[:name:]` that follows, if one does.
fn posix(chars: &Peekable<Chars<'_>>) -> Option<String> {
    let rest: String = chars.clone().take(17).collect();
    let (name, _) = rest.strip_prefix("[:")?.split_once(":]")?;
    Some(name.to_owned())
}
