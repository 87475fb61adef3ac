//! Upper and lower case as Go's `strings.ToUpper` and `ToLower` have it: one character for one.
//!
//! Rust maps by the full rules, where `ß` becomes `SS`. Where the full mapping has several
//! characters, the simple one is mostly none; the exceptions stand here.

/// Appends `text` in upper case.
pub(super) fn push_upper(text: &str, out: &mut String) {
    out.extend(text.chars().map(|c| match c {
        // The Greek letters with iota below have a title case that is one character.
        '\u{1f80}'..='\u{1f87}' | '\u{1f90}'..='\u{1f97}' | '\u{1fa0}'..='\u{1fa7}' => shifted(c, 8),
        '\u{1fb3}' | '\u{1fc3}' | '\u{1ff3}' => shifted(c, 9),
        _ => single(c, c.to_uppercase()),
    }));
}

/// Appends `text` in lower case.
pub(super) fn push_lower(text: &str, out: &mut String) {
    out.extend(text.chars().map(|c| match c {
        '\u{130}' => 'i',
        _ => single(c, c.to_lowercase()),
    }));
}

fn single(c: char, mut mapped: impl Iterator<Item = char>) -> char {
    match (mapped.next(), mapped.next()) {
        (Some(mapped), None) => mapped,
        _ => c,
    }
}

fn shifted(c: char, by: u32) -> char {
    char::from_u32(u32::from(c).saturating_add(by)).unwrap_or(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_character_becomes_one() {
        for (text, upper, lower) in [
            ("aB1-ä", "AB1-Ä", "ab1-ä"),
            ("straße", "STRAßE", "straße"),
            ("ΌΣΟΣ", "ΌΣΟΣ", "όσοσ"),
            ("İ", "İ", "i"),
            ("ı", "I", "ı"),
            ("ᾳᾀ", "ᾼᾈ", "ᾳᾀ"),
            ("ŉﬁ", "ŉﬁ", "ŉﬁ"),
            ("ǆ", "Ǆ", "ǆ"),
            ("", "", ""),
        ] {
            let (mut to_upper, mut to_lower) = (String::new(), String::new());
            push_upper(text, &mut to_upper);
            push_lower(text, &mut to_lower);
            assert_eq!((to_upper.as_str(), to_lower.as_str()), (upper, lower), "{text}");
        }
    }
}
