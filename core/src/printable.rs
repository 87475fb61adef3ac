//! Text from elsewhere, as a terminal, a log or a page may show it.
//!
//! A backend may name a target so that it moves the cursor, begins another line, or turns the order of letters around.
//! **Where text leaves for people, what is no letter, digit, sign or space is written as JSON escapes it** (`\u001b`): it
//! is seen, changes nothing, and what is JSON stays so.

use std::borrow::Cow;

/// Text that may have lines: all but ends of lines and tabs is escaped.
///
/// ```
/// assert_eq!(headcount_core::printable("a\n\u{1b}[31mb\u{202e}"), "a\n\\u001b[31mb\\u202e");
/// ```
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    escaped(text, |letter| is_printable(letter) || matches!(letter, '\n' | '\t'))
}

/// Text that is one line: ends of lines and tabs are escaped, too.
///
/// ```
/// assert_eq!(headcount_core::one_line("a\nb"), "a\\u000ab");
/// ```
#[must_use]
pub fn one_line(text: &str) -> Cow<'_, str> {
    escaped(text, is_printable)
}

/// Whether a letter only shows itself.
#[must_use]
pub fn is_printable(letter: char) -> bool {
    !letter.is_control()
        && !matches!(letter,
            // Seen as nothing, or change how others are seen: hyphens that may be, marks of direction, joiners, ends of
            // lines and paragraphs, embeddings, isolates, and tags.
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

fn escaped(text: &str, is_fine: impl Fn(char) -> bool) -> Cow<'_, str> {
    if text.chars().all(&is_fine) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        if is_fine(letter) {
            shown.push(letter);
        } else {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                shown.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_a_terminal_would_take_for_something_else_is_escaped() {
        for text in ["", "db1.example:9100", "größe=\"日本\" é", "C:\\u0041"] {
            assert!(matches!(one_line(text), Cow::Borrowed(_)), "{text}");
        }
        let hostile = "\u{1b}]0;x\u{7}\r\n\u{7f}\u{9b}31m\u{85}\u{2028}\u{2066}\u{200d}\u{e0041}\u{feff}";
        let expected =
            "\\u001b]0;x\\u0007\\u000d\\u000a\\u007f\\u009b31m\\u0085\\u2028\\u2066\\u200d\\udb40\\udc41\\ufeff";
        assert_eq!(one_line(hostile), expected);
        assert_eq!(printable("a\tb\nc\r"), "a\tb\nc\\u000d");
    }

    proptest! {
        #[test]
        fn what_is_shown_is_printable_and_stays_as_it_is(text in any::<String>()) {
            let shown = one_line(&text).into_owned();
            prop_assert!(shown.chars().all(is_printable));
            prop_assert_eq!(one_line(&shown), &*shown);
            prop_assert!(printable(&text).chars().all(|letter| is_printable(letter) || "\n\t".contains(letter)));
        }
    }
}
