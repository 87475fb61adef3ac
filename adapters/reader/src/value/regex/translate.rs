//! Groups, repetitions and quoted text.

use std::collections::HashMap;
use std::iter::Peekable;
use std::str::Chars;

use super::RegexError;
use super::class::class;
use super::escape::escape;
use super::nesting::{Level, check};

/// What the piece before the current place is, which decides whether it can be repeated.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Nothing,
    Atom,
    Repetition,
    /// With something like `(?i)` after it.
    RepetitionAndFlags,
}

/// An expression for the `regex` crate that means what Go takes an expression for.
pub(super) struct Translated {
    pub(super) text: String,
    /// The height of Go's tree of it.
    pub(super) height: usize,
}

/// Translates an expression.
pub(super) fn translate(text: &str) -> Result<Translated, RegexError> {
    let mut translation = Translation {
        chars: text.chars().peekable(),
        out: String::with_capacity(text.len()),
        before: Before::Nothing,
        level: Level::default(),
        open: Vec::new(),
        names: HashMap::new(),
        last: 0,
        flags: String::new(),
    };
    while let Some(c) = translation.chars.next() {
        translation.piece(c)?;
    }
    let height = translation.level.whole();
    check(height)?;
    if translation.open.is_empty() {
        Ok(Translated {
            text: translation.out,
            height,
        })
    } else {
        Err(RegexError::Parentheses)
    }
}

/// An expression that is half translated.
struct Translation<'a> {
    chars: Peekable<Chars<'a>>,
    out: String,
    before: Before,
    /// What has been read of the group that is open.
    level: Level,
    /// The same of those around it, with where what is in them begins.
    open: Vec<(Level, usize)>,
    /// How often each name was given to a group.
    names: HashMap<String, u32>,
    /// Where the last piece begins in what was written.
    last: usize,
    /// Go lets a repetition reach over `(?i)` to what stands before it, so flags wait for what follows.
    flags: String,
}

impl Translation<'_> {
    /// Translates the piece that begins with `c`.
    fn piece(&mut self, c: char) -> Result<(), RegexError> {
        let counts = if c == '{' { counts(&self.chars) } else { None };
        if !matches!(c, '*' | '+' | '?' | '(' | ')') && counts.is_none() {
            self.starts();
        }
        self.before = match (c, counts) {
            ('\\', _) if self.chars.next_if_eq(&'Q').is_some() => self.quoted(),
            ('\\', _) => {
                escape(&mut self.chars, &mut self.out)?;
                self.atom()
            }
            ('[', _) => {
                class(&mut self.chars, &mut self.out)?;
                self.atom()
            }
            ('(', _) => self.open()?,
            (')', _) => {
                let (around, start) = self.open.pop().ok_or(RegexError::Parentheses)?;
                let inner = std::mem::replace(&mut self.level, around);
                self.level.group(&inner)?;
                self.starts();
                self.out.push(')');
                self.last = start;
                Before::Atom
            }
            ('|', _) => {
                self.level.alternative();
                self.out.push('|');
                Before::Nothing
            }
            ('*' | '+' | '?', _) => {
                self.repeats(c)?;
                self.level.repeated();
                self.out.push(c);
                lazy(&mut self.chars, &mut self.out);
                Before::Repetition
            }
            ('{', Some((length, low, high))) => {
                self.repeats(c)?;
                self.level.counted(low, high)?;
                self.out.push('{');
                self.out.extend(self.chars.by_ref().take(length));
                lazy(&mut self.chars, &mut self.out);
                Before::Repetition
            }
            // Braces that count nothing stand for themselves.
            ('{' | '}' | ']', _) => {
                self.out.push('\\');
                self.out.push(c);
                self.atom()
            }
            _ => {
                self.out.push(c);
                self.atom()
            }
        };
        Ok(())
    }

    fn atom(&mut self) -> Before {
        self.level.atom();
        Before::Atom
    }

    /// What follows `(`: a group, or flags.
    fn open(&mut self) -> Result<Before, RegexError> {
        match group(&mut self.chars)? {
            Group::Captures => self.begin("(", true),
            Group::Named(name) => {
                // The `regex` crate takes a name once. Go takes it again, and a reference means the first group of that
                // name that matched: see `core`'s templates.
                let times = self.names.entry(name.clone()).or_default();
                *times += 1;
                let head = match *times {
                    1 => format!("(?P<{name}>"),
                    times => format!("(?P<{name}[{times}]>"),
                };
                self.begin(&head, true)
            }
            Group::Groups(flags) => self.begin(&format!("(?{flags}:"), false),
            Group::Sets(flags) => {
                if !flags.is_empty() {
                    self.flags.push_str(&format!("(?{flags})"));
                }
                return Ok(match self.before {
                    Before::Repetition => Before::RepetitionAndFlags,
                    other => other,
                });
            }
        }
        Ok(Before::Nothing)
    }

    fn begin(&mut self, head: &str, captures: bool) {
        self.starts();
        self.out.push_str(head);
        let around = std::mem::replace(&mut self.level, Level::new(captures));
        self.open.push((around, self.last));
    }

    /// A piece begins here, after the flags that wait.
    fn starts(&mut self) {
        self.out.push_str(&std::mem::take(&mut self.flags));
        self.last = self.out.len();
    }

    /// What stands before is repeated.
    fn repeats(&mut self, operator: char) -> Result<(), RegexError> {
        match self.before {
            Before::Atom => Ok(()),
            // `a+(?i)?` is `(?:a+)?`; `a+?` would be something else.
            Before::RepetitionAndFlags => {
                self.out.insert_str(self.last, "(?:");
                self.out.push(')');
                Ok(())
            }
            Before::Nothing => Err(RegexError::NothingToRepeat { operator }),
            Before::Repetition => Err(RegexError::NestedRepetition),
        }
    }

    /// `\Q…\E`, or to the end: every character stands for itself.
    fn quoted(&mut self) -> Before {
        while let Some(c) = self.chars.next() {
            if c == '\\' && self.chars.next_if_eq(&'E').is_some() {
                break;
            }
            self.last = self.out.len();
            self.out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
            self.before = self.atom();
        }
        self.before
    }
}

fn lazy(chars: &mut Peekable<Chars<'_>>, out: &mut String) {
    if chars.next_if_eq(&'?').is_some() {
        out.push('?');
    }
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

/// What a `(` begins.
enum Group {
    Captures,
    /// With this name.
    Named(String),
    /// Only groups, with these flags.
    Groups(String),
    /// Sets these flags for what follows.
    Sets(String),
}

/// What follows `(`.
fn group(chars: &mut Peekable<Chars<'_>>) -> Result<Group, RegexError> {
    if chars.next_if_eq(&'?').is_none() {
        return Ok(Group::Captures);
    }
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
        let is_numeral = name.starts_with(|c: char| c.is_ascii_digit());
        return Ok(Group::Named(if is_numeral { format!("_{name}") } else { name }));
    }
    let mut flags = Flags::default();
    for c in chars.by_ref() {
        seen.push(c);
        if seen.starts_with('P') {
            break;
        }
        match c {
            'i' | 'm' | 's' | 'U' => flags.set(c),
            '-' if flags.negates.is_none() => flags.negates = Some(false),
            // A hyphen needs a flag after it.
            ':' | ')' if flags.negates != Some(false) => {
                let flags = flags.written();
                return Ok(if c == ':' {
                    Group::Groups(flags)
                } else {
                    Group::Sets(flags)
                });
            }
            _ => break,
        }
    }
    Err(RegexError::Group { group: seen })
}

/// Flags as they are set one after another: the last word on each counts, and Go takes as many as one likes.
#[derive(Default)]
struct Flags {
    set: Vec<(char, bool)>,
    /// That a hyphen came, and whether a flag came after it.
    negates: Option<bool>,
}

impl Flags {
    fn set(&mut self, flag: char) {
        let is_on = self.negates.is_none();
        if !is_on {
            self.negates = Some(true);
        }
        self.set.retain(|(other, _)| *other != flag);
        self.set.push((flag, is_on));
    }

    /// For the `regex` crate.
    fn written(&self) -> String {
        let those = |on: bool| {
            self.set
                .iter()
                .filter(move |(_, is_on)| *is_on == on)
                .map(|(flag, _)| *flag)
        };
        let (on, off): (String, String) = (those(true).collect(), those(false).collect());
        if off.is_empty() { on } else { format!("{on}-{off}") }
    }
}
