//! Groups, repetitions and quoted text.

use std::iter::Peekable;
use std::str::Chars;

use super::RegexError;
use super::class::class;
use super::escape::escape;

/// Go refuses to repeat more often than this.
const MOST_REPEATS: u32 = 1000;

/// What the piece before the current place is, which decides whether it can be repeated.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Nothing,
    Atom,
    Repetition,
}

/// An expression for the `regex` crate that means what Go takes `text` for.
pub(super) fn translate(text: &str) -> Result<String, RegexError> {
    let mut translation = Translation {
        chars: text.chars().peekable(),
        out: String::with_capacity(text.len()),
        before: Before::Nothing,
        depth: 0,
        flags: String::new(),
    };
    while let Some(c) = translation.chars.next() {
        translation.piece(c)?;
    }
    if translation.depth > 0 {
        Err(RegexError::Parentheses)
    } else {
        Ok(translation.out)
    }
}

/// An expression that is half translated.
struct Translation<'a> {
    chars: Peekable<Chars<'a>>,
    out: String,
    before: Before,
    /// How many groups are open.
    depth: usize,
    /// Go lets a repetition reach over `(?i)` to what stands before it, so flags wait for what follows.
    flags: String,
}

impl Translation<'_> {
    /// Translates the piece that begins with `c`.
    fn piece(&mut self, c: char) -> Result<(), RegexError> {
        let counts = if c == '{' { counts(&self.chars) } else { None };
        if !matches!(c, '*' | '+' | '?') && counts.is_none() {
            self.out.push_str(&std::mem::take(&mut self.flags));
        }
        self.before = match (c, counts) {
            ('\\', _) if self.chars.next_if_eq(&'Q').is_some() => quoted(&mut self.chars, &mut self.out, self.before),
            ('\\', _) => {
                escape(&mut self.chars, &mut self.out, false)?;
                Before::Atom
            }
            ('[', _) => {
                class(&mut self.chars, &mut self.out)?;
                Before::Atom
            }
            ('(', _) => self.open()?,
            (')', _) => {
                self.depth = self.depth.checked_sub(1).ok_or(RegexError::Parentheses)?;
                self.out.push(')');
                Before::Atom
            }
            ('|', _) => {
                self.out.push('|');
                Before::Nothing
            }
            ('*' | '+' | '?', _) => {
                repeat(c, self.before)?;
                self.out.push(c);
                lazy(&mut self.chars, &mut self.out);
                Before::Repetition
            }
            ('{', Some((length, low, high))) => {
                repeat(c, self.before)?;
                if low > MOST_REPEATS || high.is_some_and(|high| high > MOST_REPEATS || high < low) {
                    return Err(RegexError::RepeatCount);
                }
                self.out.push('{');
                self.out.extend(self.chars.by_ref().take(length));
                lazy(&mut self.chars, &mut self.out);
                Before::Repetition
            }
            // Braces that count nothing stand for themselves.
            ('{' | '}' | ']', _) => {
                self.out.push('\\');
                self.out.push(c);
                Before::Atom
            }
            _ => {
                self.out.push(c);
                Before::Atom
            }
        };
        Ok(())
    }

    /// What follows `(`: a group, or flags.
    fn open(&mut self) -> Result<Before, RegexError> {
        let start = self.out.len();
        if group(&mut self.chars, &mut self.out)? {
            self.depth += 1;
            return Ok(Before::Nothing);
        }
        self.flags = self.out.split_off(start);
        Ok(match self.before {
            Before::Nothing => Before::Nothing,
            Before::Atom | Before::Repetition => Before::Atom,
        })
    }
}

fn repeat(operator: char, before: Before) -> Result<(), RegexError> {
    match before {
        Before::Atom => Ok(()),
        Before::Nothing => Err(RegexError::NothingToRepeat { operator }),
        Before::Repetition => Err(RegexError::NestedRepetition),
    }
}

fn lazy(chars: &mut Peekable<Chars<'_>>, out: &mut String) {
    if chars.next_if_eq(&'?').is_some() {
        out.push('?');
    }
}

/// `\Q…\E`, or to the end: every character stands for itself.
fn quoted(chars: &mut Peekable<Chars<'_>>, out: &mut String, mut before: Before) -> Before {
    while let Some(c) = chars.next() {
        if c == '\\' && chars.next_if_eq(&'E').is_some() {
            break;
        }
        out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
        before = Before::Atom;
    }
    before
}

/// The `{n}`, `{n,}` or `{n,m}` that follows an opening brace: its length without that brace, and
/// its numbers. A number that does not fit is as good as too large.
fn counts(chars: &Peekable<Chars<'_>>) -> Option<(usize, u32, Option<u32>)> {
    let inside: String = chars.clone().take_while(|c| *c != '}').take(64).collect();
    let number = |text: &str| {
        let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        // Go takes no leading zero.
        (is_number && (text == "0" || !text.starts_with('0'))).then(|| text.parse().unwrap_or(u32::MAX))
    };
    let is_closed = chars.clone().nth(inside.chars().count()) == Some('}');
    let (low, high) = match inside.split_once(',') {
        None => (number(&inside)?, number(&inside)),
        Some((low, "")) => (number(low)?, None),
        Some((low, high)) => (number(low)?, Some(number(high)?)),
    };
    is_closed.then(|| (inside.len() + 1, low, high))
}

/// What follows `(`. Whether it opens a group: `(?i)` does not.
fn group(chars: &mut Peekable<Chars<'_>>, out: &mut String) -> Result<bool, RegexError> {
    out.push('(');
    if chars.next_if_eq(&'?').is_none() {
        return Ok(true);
    }
    out.push('?');
    let mut seen = String::new();
    if chars.next_if_eq(&'P').is_some() {
        seen.push('P');
    }
    if chars.peek() == Some(&'<') {
        let name: String = chars.by_ref().skip(1).take_while(|c| *c != '>').collect();
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(RegexError::Group {
                group: format!("{seen}<{name}>"),
            });
        }
        // A name may begin with a digit in Go, and may not here: `$1` and `${1x}` stay apart.
        out.push_str(&format!(
            "P<{}{name}>",
            if name.starts_with(|c: char| c.is_ascii_digit()) {
                "_"
            } else {
                ""
            }
        ));
        return Ok(true);
    }
    let mut negated = false;
    for c in chars.by_ref() {
        seen.push(c);
        match c {
            'i' | 'm' | 's' | 'U' => out.push(c),
            '-' if !negated => {
                negated = true;
                out.push(c);
            }
            ':' | ')' if !seen.ends_with("-:") && !seen.ends_with("-)") && !seen.starts_with('P') => {
                out.push(c);
                return Ok(c == ':');
            }
            _ => break,
        }
    }
    Err(RegexError::Group { group: seen })
}
