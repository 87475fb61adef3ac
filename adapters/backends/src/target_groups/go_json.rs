//! Text in JSON as Go's decoder takes it, for bodies that serde_json refuses.
//!
//! **In a string, what is no character is U+FFFD**: each byte that is not UTF-8, and each half of a surrogate pair in a
//! `\u` escape. One device whose name is in Latin-1, or an emoji that was cut in two, is no reason to refuse what the
//! others are. Outside of strings such bytes are as wrong there as here, and stay what they are: no JSON.

use std::borrow::Cow;

/// What Go writes for half a surrogate pair, as long as the escape that it stands for.
const REPLACEMENT: &[u8] = br"\ufffd";

/// The text in `bytes` with U+FFFD for each byte that is part of no character.
///
/// [`String::from_utf8_lossy`] writes one for several bytes that begin a character, Go one for each.
pub(super) fn text(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    Cow::Owned(text)
}

/// The text with U+FFFD for each half of a surrogate pair; `None` if there is none. Every place keeps its line and column.
pub(super) fn with_whole_surrogates(text: &str) -> Option<String> {
    let mut mended: Option<Vec<u8>> = None;
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        if byte != b'\\' {
            at += 1;
            continue;
        }
        let Some(unit) = escaped_unit(bytes, at) else {
            // Whatever is escaped, it begins no escape itself.
            at += 2;
            continue;
        };
        let is_pair = is_high(unit) && escaped_unit(bytes, at + REPLACEMENT.len()).is_some_and(is_low);
        if is_pair {
            at += 2 * REPLACEMENT.len();
            continue;
        }
        let escape = at..at + REPLACEMENT.len();
        at = escape.end;
        if is_high(unit) || is_low(unit) {
            let mended = mended.get_or_insert_with(|| bytes.to_vec());
            if let Some(escape) = mended.get_mut(escape) {
                escape.copy_from_slice(REPLACEMENT);
            }
        }
    }
    // Characters of one byte were replaced by such.
    String::from_utf8(mended?).ok()
}

/// The code unit of an escape like `\ud83d`, if there is one here.
fn escaped_unit(bytes: &[u8], at: usize) -> Option<u16> {
    let escape = bytes.get(at..at.checked_add(REPLACEMENT.len())?)?;
    let digits = escape.strip_prefix(br"\u")?;
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

fn is_high(unit: u16) -> bool {
    (0xd800..0xdc00).contains(&unit)
}

fn is_low(unit: u16) -> bool {
    (0xdc00..0xe000).contains(&unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_of_no_character_is_one_replacement() {
        assert!(matches!(text("ä😀".as_bytes()), Cow::Borrowed("ä😀")));
        assert_eq!(text(b"a\xe4b"), "a\u{fffd}b");
        // An emoji that was cut, a surrogate written in UTF-8, and a NUL that is longer than it may be.
        assert_eq!(text(b"\xf0\x9f\x98|"), "\u{fffd}\u{fffd}\u{fffd}|");
        assert_eq!(text(b"\xed\xa0\x80"), "\u{fffd}\u{fffd}\u{fffd}");
        assert_eq!(text(b"\xc0\x80\xff"), "\u{fffd}\u{fffd}\u{fffd}");
    }

    #[test]
    fn halves_of_pairs_are_replaced_and_nothing_else() {
        for (written, expected) in [
            (r"\ud83d", r"\ufffd"),
            (r"\uDE00x", r"\ufffdx"),
            (r"\ud83d\ud83d\ude00", r"\ufffd\ud83d\ude00"),
            (r"\ud83d\ude00\ude00", r"\ud83d\ude00\ufffd"),
            (r"\ud83dA\ude00", r"\ufffdA\ufffd"),
            (r"\ud83d\n", r"\ufffd\n"),
            (r"\\\ud83d", r"\\\ufffd"),
            (r"ä\ud83d", r"ä\ufffd"),
        ] {
            assert_eq!(with_whole_surrogates(written).as_deref(), Some(expected), "{written}");
        }
        for whole in [
            r"\ud83d\ude00",
            r"\\ud83d",
            r"\u00e4",
            r"\ud8",
            r"\ud8+1",
            r"\",
            "",
            r"\\\\ude00",
        ] {
            assert_eq!(with_whole_surrogates(whole), None, "{whole}");
        }
    }
}
