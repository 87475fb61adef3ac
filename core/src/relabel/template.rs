//! Replacements with `$1`, `${name}` and `$$`, read once.
//!
//! What counts as a reference is what Go's `regexp.Expand` takes for one: the longest run of
//! letters, digits and underscores, so `$1x` is the group named `1x` and not the first group. A
//! reference to a group that does not exist is nothing; a dollar sign that starts no reference
//! stands for itself. A name that several groups have means the first of them that matched: the `regex` crate takes a name
//! once only, so where an expression is translated the second group called `name` is `name[2]`, and so on.

use regex::{CaptureLocations, Regex};

use crate::MAX_VALUE_BYTES;

/// A replacement.
#[derive(Debug)]
pub(super) struct Template(Vec<Part>);

#[derive(Debug, PartialEq, Eq)]
enum Part {
    Text(Box<str>),
    Group(usize),
    /// The first of these that matched.
    FirstOf(Box<[usize]>),
}

impl Template {
    /// Reads a replacement for the groups of `regex`.
    pub(super) fn read(text: &str, regex: &Regex) -> Self {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            literal.push_str(before);
            if let Some(after) = after.strip_prefix('$') {
                literal.push('$');
                rest = after;
            } else if let Some((name, after)) = reference(after) {
                rest = after;
                let part = match *groups(name, regex) {
                    [] => continue,
                    [group] => Part::Group(group),
                    ref several => Part::FirstOf(several.into()),
                };
                if !literal.is_empty() {
                    parts.push(Part::Text(core::mem::take(&mut literal).into()));
                }
                parts.push(part);
            } else {
                literal.push('$');
                rest = after;
            }
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(Part::Text(literal.into()));
        }
        Self(parts)
    }

    /// The whole text, when it refers to no group.
    pub(super) fn as_text(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// Whether it is nothing but one of these groups.
    pub(super) fn is_one_of(&self, groups: &[usize]) -> bool {
        matches!(self.0.as_slice(), [Part::Group(group)] if groups.contains(group))
    }

    /// Appends a text in which each match of an expression is replaced, and says whether there is any. Ends early once it has
    /// more than `limit` bytes.
    pub(super) fn replace_all(&self, text: &str, regex: &Regex, limit: usize, out: &mut String) -> bool {
        let mut end = 0;
        let mut has_match = false;
        for found in regex.captures_iter(text) {
            let Some(whole) = found.get(0) else { continue };
            out.push_str(text.get(end..whole.start()).unwrap_or_default());
            self.fill(|group| found.get(group).map(|it| it.as_str()), out);
            end = whole.end();
            has_match = true;
            if out.len() > limit {
                return true;
            }
        }
        out.push_str(text.get(end..).unwrap_or_default());
        has_match
    }

    /// Appends the replacement with the groups filled in that were found in `text`.
    pub(super) fn expand(&self, text: &str, groups: &CaptureLocations, out: &mut String) {
        let find = |group| {
            let (start, end) = groups.get(group)?;
            text.get(start..end)
        };
        self.fill(find, out);
    }

    /// Appends the replacement with what `group` says that groups matched, if they did. Ends early once `out` is longer than any
    /// value or name may be: a few bytes of a replacement can refer to long groups many times.
    pub(super) fn fill<'t>(&self, group: impl Fn(usize) -> Option<&'t str>, out: &mut String) {
        for part in &self.0 {
            if out.len() > MAX_VALUE_BYTES {
                return;
            }
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Group(number) => out.push_str(group(*number).unwrap_or_default()),
                Part::FirstOf(numbers) => {
                    out.push_str(numbers.iter().find_map(|number| group(*number)).unwrap_or_default());
                }
            }
        }
    }
}

/// The name that a reference begins with, behind its dollar sign, and what follows.
fn reference(text: &str) -> Option<(&str, &str)> {
    let (braced, text) = text.strip_prefix('{').map_or((false, text), |inside| (true, inside));
    let end = text.find(|c| !is_word(c)).unwrap_or(text.len());
    let (name, rest) = text.split_at_checked(end)?;
    if name.is_empty() {
        return None;
    }
    Some((name, if braced { rest.strip_prefix('}')? } else { rest }))
}

/// Whether Go takes this for a letter, a decimal digit or an underscore.
fn is_word(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric() || c == '_';
    }
    // Rust's own classes are wider. Such templates are rare, and read once.
    Regex::new(r"[\p{L}\p{Nd}]").is_ok_and(|class| class.is_match(c.encode_utf8(&mut [0; 4])))
}

/// The numbers of the groups that a reference means.
fn groups(name: &str, regex: &Regex) -> Vec<usize> {
    let is_number = name.bytes().all(|byte| byte.is_ascii_digit()) && (name == "0" || !name.starts_with('0'));
    if is_number && name.len() <= 9 {
        let number = name.parse().ok().filter(|number| *number < regex.captures_len());
        return number.into_iter().collect();
    }
    // The `regex` crate allows no name that begins with a digit: translated ones have an underscore.
    let translated = name
        .starts_with(|c: char| c.is_ascii_digit())
        .then(|| format!("_{name}"));
    let name = translated.as_deref().unwrap_or(name);
    let is_meant = |group: &str| {
        group
            .strip_prefix(name)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('['))
    };
    let named = regex.capture_names().enumerate();
    named
        .filter(|(_, group)| group.is_some_and(is_meant))
        .map(|(number, _)| number)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expand(template: &str, regex: &str, text: &str) -> String {
        let regex = Regex::new(regex).unwrap();
        let (mut out, mut groups) = (String::new(), regex.capture_locations());
        regex.captures_read(&mut groups, text).unwrap();
        Template::read(template, &regex).expand(text, &groups, &mut out);
        out
    }

    #[test]
    fn references_are_what_go_takes_for_them() {
        let regex = "^(?P<first>[a-z]+)-(?P<second>[a-z]+)(-(never))?$";
        for (template, expected) in [
            ("", ""),
            ("$0", "ab-cd"),
            ("$1", "ab"),
            ("${1}x", "abx"),
            ("$1x", ""),
            ("$1-x", "ab-x"),
            ("$first.$second", "ab.cd"),
            ("${first}${second}", "abcd"),
            ("$first_$second", "cd"),
            ("$$1", "$1"),
            ("$$$1", "$ab"),
            ("a$", "a$"),
            ("$", "$"),
            ("$-", "$-"),
            ("${", "${"),
            ("${}", "${}"),
            ("${1", "${1"),
            ("${1 }", "${1 }"),
            ("${first", "${first"),
            ("$9", ""),
            ("$4", ""),
            ("$01", ""),
            ("$00", ""),
            ("${0}", "ab-cd"),
            ("$none", ""),
            ("$1ä", ""),
            ("$1€", "ab€"),
            ("$1$2", "abcd"),
            ("$123456789012345678901", ""),
            ("{$1}", "{ab}"),
        ] {
            assert_eq!(expand(template, regex, "ab-cd"), expected, "{template}");
        }
    }

    #[test]
    fn no_more_is_written_than_what_shows_that_it_is_too_much() {
        let long = "x".repeat(1 << 16);
        let filled = expand(&"$1".repeat(10_000), "^(.*)$", &long);
        assert!((MAX_VALUE_BYTES + 1..=MAX_VALUE_BYTES + long.len()).contains(&filled.len()));
    }

    #[test]
    fn a_name_that_begins_with_a_digit_is_found_as_it_is_translated() {
        assert_eq!(expand("${1x}", "^(?P<_1x>a)$", "a"), "a");
    }

    #[test]
    fn a_name_of_several_groups_is_the_first_that_matched() {
        let either = "^(?:(?P<a>x)|(?P<a[2]>y)|(?P<ab>z))$";
        assert_eq!(expand("<${a}>", either, "x"), "<x>");
        assert_eq!(expand("<${a}>", either, "y"), "<y>");
        assert_eq!(expand("<${a}>", either, "z"), "<>");
        // One that matched nothing did match.
        assert_eq!(expand("<${a}>", "^(?P<a>x*)(?P<a[2]>y)$", "y"), "<>");
    }

    #[test]
    fn what_refers_to_no_group_is_text() {
        let regex = Regex::new("(a)").unwrap();
        assert_eq!(Template::read("a$$b", &regex).as_text(), Some("a$b"));
        assert_eq!(Template::read("$7", &regex).as_text(), Some(""));
        assert_eq!(Template::read("$1", &regex).as_text(), None);
        assert!(Template::read("$1", &regex).is_one_of(&[0, 1]));
    }
}
