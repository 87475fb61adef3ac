//! Shell patterns as in Go's `path/filepath`: `*`, `?`, `[a-z]`, `[^a-z]` and `\` to escape.
//!
//! `*` and `?` never match a `/`. One implementation for everybody: what lists files by a pattern
//! and what tells whether a changed file is meant by it must never disagree.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use headcount_core::planted;

/// Why a pattern can't be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// A `[` that is never closed, or an empty or reversed range in it.
    #[error("the set that starts with `[` is malformed; close it with `]`, or write `\\[` for the character itself")]
    Set,
    /// A `\` with nothing behind it.
    #[error("the `\\` at the end escapes nothing; write `\\\\` for the character itself")]
    Escape,
}

/// Checks that `pattern` can be understood.
///
/// # Errors
/// [`PatternError`] saying what can't.
pub fn check(pattern: &str) -> Result<(), PatternError> {
    let mut rest = pattern;
    while Token::take(&mut rest)?.is_some() {}
    Ok(())
}

/// Whether `pattern` matches the whole of `name`.
///
/// ```
/// use headcount_reader::pattern::matches;
///
/// assert_eq!(matches("/etc/sd/*.json", "/etc/sd/web.json"), Ok(true));
/// assert_eq!(matches("/etc/sd/*.json", "/etc/sd/old/web.json"), Ok(false));
/// assert!(matches("/etc/sd/[.json", "/etc/sd/web.json").is_err());
/// ```
///
/// # Errors
/// [`PatternError`] when the pattern can't be understood, whatever the name.
pub fn matches(pattern: &str, name: &str) -> Result<bool, PatternError> {
    check(pattern)?;
    let (mut pattern, mut name) = (pattern, name);
    // Where to go on when the text after a `*` does not match: the star takes one character more.
    let mut star: Option<(&str, &str)> = None;
    loop {
        let mut after = pattern;
        match Token::take(&mut after)? {
            Some(Token::Star) => {
                star = Some((after, name));
                pattern = after;
                continue;
            }
            Some(Token::One(wanted)) => {
                if let Some(rest) = wanted.take_from(name) {
                    (pattern, name) = (after, rest);
                    continue;
                }
            }
            None if name.is_empty() => return Ok(true),
            None => {}
        }
        let Some((after_star, from)) = planted!(star, StarTakesNoMoreThanItMust, None) else {
            return Ok(false);
        };
        let mut left = from.chars();
        match left.next() {
            Some(taken) if planted!(taken != '/', StarCrossesFolders, true) => {
                star = Some((after_star, left.as_str()));
                (pattern, name) = (after_star, left.as_str());
            }
            _ => return Ok(false),
        }
    }
}

/// What a search for paths needs to know of the world.
pub trait Folders {
    /// The names in a folder, in any order; nothing when it can't be read. A relative path starts in the
    /// current folder, which is also what an empty one stands for.
    fn names(&self, folder: &Path) -> Vec<OsString>;

    /// Whether there is something at this path, be it a dangling link.
    fn exists(&self, path: &Path) -> bool;
}

/// The paths that match, sorted, as Go's `path/filepath.Glob` finds them: `*` stays within one path element, `**` is
/// nothing special, and a folder that can't be read matches nothing.
///
/// # Errors
/// [`PatternError`] when the pattern can't be understood, whichever folders there are.
pub fn glob(folders: &(impl Folders + ?Sized), whole: &str) -> Result<Vec<PathBuf>, PatternError> {
    check(whole)?;
    let start = if whole.starts_with('/') {
        PathBuf::from("/")
    } else {
        PathBuf::new()
    };
    let mut elements = whole.split('/').filter(|element| !element.is_empty()).peekable();
    if elements.peek().is_none() && !start.is_absolute() {
        return Ok(Vec::new());
    }
    let mut found = vec![start];
    for element in elements {
        found = found
            .iter()
            .flat_map(|folder| paths_in(folders, folder, element))
            .collect();
    }
    found.sort_unstable();
    Ok(found)
}

fn paths_in(folders: &(impl Folders + ?Sized), folder: &Path, element: &str) -> Vec<PathBuf> {
    if !is_pattern(element) {
        let path = folder.join(element);
        return if folders.exists(&path) { vec![path] } else { Vec::new() };
    }
    let names = folders.names(folder).into_iter();
    // A slash inside of a class parts it into elements that are no patterns; Go finds nothing either.
    let matching = names.filter(|name| matches(element, &name.to_string_lossy()) == Ok(true));
    matching.map(|name| folder.join(name)).collect()
}

/// Whether `text` holds a character that is special in a pattern.
pub fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '[', '\\'])
}

enum Token<'p> {
    Star,
    One(One<'p>),
}

/// What matches exactly one character.
enum One<'p> {
    Any,
    Literal(char),
    Set { negated: bool, ranges: &'p str },
}

impl<'p> Token<'p> {
    fn take(pattern: &mut &'p str) -> Result<Option<Self>, PatternError> {
        let mut chars = pattern.chars();
        let token = match chars.next() {
            None => return Ok(None),
            Some('*') => Self::Star,
            Some('?') => Self::One(One::Any),
            Some('\\') => Self::One(One::Literal(chars.next().ok_or(PatternError::Escape)?)),
            Some('[') => {
                let inside = chars.as_str();
                let negated = inside.starts_with('^');
                let ranges = inside.strip_prefix('^').unwrap_or(inside);
                let mut end = ranges;
                let mut count = 0_u32;
                while !(count > 0 && end.starts_with(']')) {
                    take_range(&mut end)?;
                    count = count.saturating_add(1);
                }
                let length = ranges.len().saturating_sub(end.len());
                *pattern = end.strip_prefix(']').unwrap_or(end);
                let ranges = ranges.get(..length).unwrap_or_default();
                return Ok(Some(Self::One(One::Set { negated, ranges })));
            }
            Some(literal) => Self::One(One::Literal(literal)),
        };
        *pattern = chars.as_str();
        Ok(Some(token))
    }
}

impl One<'_> {
    /// What is left of `name` after one character that matches.
    fn take_from<'n>(&self, name: &'n str) -> Option<&'n str> {
        let mut chars = name.chars();
        let next = chars.next()?;
        let matches = match *self {
            Self::Any => next != '/',
            Self::Literal(literal) => next == literal,
            Self::Set { negated, mut ranges } => {
                let mut found = false;
                while let Ok((low, high)) = take_range(&mut ranges) {
                    found |= low <= next && next <= high;
                }
                // Go lets a set match a `/`; a pattern for one folder must not reach into another.
                next != '/' && planted!(found != negated, NegatedSetIsASet, found)
            }
        };
        matches.then_some(chars.as_str())
    }
}

/// Takes `a` or `a-z` off the front of a set.
fn take_range(set: &mut &str) -> Result<(char, char), PatternError> {
    let low = take_member(set)?;
    let high = match set.strip_prefix('-') {
        Some(rest) => {
            *set = rest;
            take_member(set)?
        }
        None => low,
    };
    Ok((low, high))
}

fn take_member(set: &mut &str) -> Result<char, PatternError> {
    let mut chars = set.chars();
    let member = match chars.next() {
        None | Some('-' | ']') => return Err(PatternError::Set),
        Some('\\') => chars.next().ok_or(PatternError::Escape)?,
        Some(member) => member,
    };
    *set = chars.as_str();
    Ok(member)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;

    use super::*;
    use crate::Machine;

    #[test]
    fn says_the_same_as_go() {
        // The table of Go's own `path/filepath` documentation and tests, by meaning.
        let table: &[(&str, &str, Result<bool, PatternError>)] = &[
            ("abc", "abc", Ok(true)),
            ("*", "abc", Ok(true)),
            ("*c", "abc", Ok(true)),
            ("a*", "a", Ok(true)),
            ("a*", "ab/c", Ok(false)),
            ("a*/b", "abc/b", Ok(true)),
            ("a*/b", "a/c/b", Ok(false)),
            ("a*b*c*d*e*/f", "axbxcxdxe/f", Ok(true)),
            ("a*b*c*d*e*/f", "axbxcxdxe/xxx/f", Ok(false)),
            ("a*b?c*x", "abxbbxdbxebxczzx", Ok(true)),
            ("a*b?c*x", "abxbbxdbxebxczzy", Ok(false)),
            ("ab[c]", "abc", Ok(true)),
            ("ab[b-d]", "abc", Ok(true)),
            ("ab[e-g]", "abc", Ok(false)),
            ("ab[^c]", "abc", Ok(false)),
            ("ab[^e-g]", "abc", Ok(true)),
            ("a\\*b", "a*b", Ok(true)),
            ("a\\*b", "ab", Ok(false)),
            ("a?b", "a☺b", Ok(true)),
            ("a???b", "a☺b", Ok(false)),
            ("a?b", "a/b", Ok(false)),
            ("a*b", "a/b", Ok(false)),
            ("[\\]a]", "]", Ok(true)),
            ("[\\-x]", "-", Ok(true)),
            ("[]a]", "]", Err(PatternError::Set)),
            ("[-]", "-", Err(PatternError::Set)),
            ("[x-]", "x", Err(PatternError::Set)),
            ("[a-b-c]", "a", Err(PatternError::Set)),
            ("[", "a", Err(PatternError::Set)),
            ("[^bc", "a", Err(PatternError::Set)),
            ("a[", "ab", Err(PatternError::Set)),
            ("\\", "a", Err(PatternError::Escape)),
            ("*x", "xxx", Ok(true)),
            ("", "", Ok(true)),
            ("", "x", Ok(false)),
        ];
        for (pattern, name, expected) in table {
            assert_eq!(matches(pattern, name), *expected, "{pattern} against {name}");
        }
    }

    proptest! {
        #[test]
        fn a_name_without_special_characters_matches_itself_only(a in "[a-z./]{0,12}", b in "[a-z./]{0,12}") {
            prop_assert_eq!(matches(&a, &a), Ok(true));
            prop_assert_eq!(matches(&a, &b), Ok(a == b));
        }

        #[test]
        fn a_star_stands_for_any_text_within_a_folder(start in "[a-z]{0,3}", middle in "[a-z.]{0,6}", end in "[a-z]{0,3}") {
            let pattern = format!("/{start}*{end}");
            prop_assert_eq!(matches(&pattern, &format!("/{start}{middle}{end}")), Ok(true));
            prop_assert_eq!(matches(&pattern, &format!("/{start}/{middle}{end}")), Ok(false));
        }

        #[test]
        fn any_pattern_against_any_name_ends(pattern in "[a-c*?\\[\\]\\\\^/-]{0,20}", name in "[a-c/]{0,20}") {
            let checked = check(&pattern).is_ok();
            prop_assert_eq!(matches(&pattern, &name).is_ok(), checked);
        }
    }

    fn found_in(folder: &Path, pattern: &str) -> Vec<String> {
        let pattern = format!("{}/{pattern}", folder.display());
        let strip = |path: PathBuf| path.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
        glob(&Machine, &pattern).unwrap().into_iter().map(strip).collect()
    }

    #[test]
    fn finds_what_go_finds() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "a/1.json",
            "a/2.yml",
            "a/.hidden.json",
            "b/3.json",
            "b/deep/4.json",
            "top.json",
        ] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let found = |pattern| found_in(folder.path(), pattern);
        assert_eq!(found("a/*.json"), ["a/.hidden.json", "a/1.json"]);
        assert_eq!(found("*/*.json"), ["a/.hidden.json", "a/1.json", "b/3.json"]);
        assert_eq!(found("*.json"), ["top.json"], "a star does not cross a slash");
        assert_eq!(found("**/4.json"), [""; 0], "two stars are one");
        assert_eq!(found("b/*/4.json"), ["b/deep/4.json"]);
        assert_eq!(found("a/[12].*"), ["a/1.json", "a/2.yml"]);
        assert_eq!(found("top.json"), ["top.json"]);
        assert_eq!(found("missing/*.json"), [""; 0]);
        assert_eq!(found("top.json/*.json"), [""; 0]);
    }

    #[test]
    fn a_bad_pattern_is_an_error_wherever_it_stands() {
        for pattern in ["/nowhere/[", "[/x.json", "a[]b"] {
            assert!(matches!(glob(&Machine, pattern), Err(PatternError::Set)), "{pattern}");
        }
    }

    #[test]
    fn odd_patterns_find_nothing_or_what_they_name() {
        assert_eq!(glob(&Machine, "").unwrap(), Vec::<PathBuf>::new());
        assert_eq!(glob(&Machine, "/").unwrap(), [PathBuf::from("/")]);
    }
}
