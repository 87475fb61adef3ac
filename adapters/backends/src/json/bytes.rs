//! The grammar of JSON, over bytes of a text: where spaces, strings, numbers and whole values end.
//!
//! Each function begins at a place and gives the next one, or nothing where there is no such thing. **Nothing is recursive**,
//! and what is nested deeper than [`DEPTH`] is nothing.

/// How many brackets may be open within what is skipped.
const DEPTH: u32 = 63;
/// Each byte of a word.
const EACH: u64 = u64::MAX / 255;

/// The next byte that is no white space.
#[inline]
pub(super) fn space(json: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = json.get(at) {
        at = at.saturating_add(1);
    }
    at
}

/// Whether one of the bytes of a word ends what is plain in a string: its lowest one that does has its highest bit set in the
/// answer, and none below it. (Each is made zero and then subtracted from, so that it borrows: Mycroft's way.)
#[inline]
fn special(word: u64) -> u64 {
    let control = word.wrapping_sub(EACH * 0x20) & !word;
    let quote = word ^ (EACH * b'"' as u64);
    let quote = quote.wrapping_sub(EACH) & !quote;
    let escape = word ^ (EACH * b'\\' as u64);
    let escape = escape.wrapping_sub(EACH) & !escape;
    (control | quote | escape) & (EACH << 7)
}

/// Within a string, the next byte that does not stand for itself, and which it is.
#[inline]
pub(super) fn plain(json: &[u8], mut at: usize) -> Option<(usize, u8)> {
    let (words, rest) = json.get(at..)?.as_chunks::<8>();
    for word in words {
        let found = special(u64::from_le_bytes(*word));
        if found != 0 {
            at = at.saturating_add(found.trailing_zeros() as usize / 8);
            return Some((at, *json.get(at)?));
        }
        at = at.saturating_add(8);
    }
    let (place, byte) = rest
        .iter()
        .enumerate()
        .find(|(_, byte)| matches!(byte, b'"' | b'\\' | ..0x20))?;
    Some((at.saturating_add(place), *byte))
}

/// What an escape sequence says, whose backslash is before this place, and where it ends. Of a code unit it is said which.
#[inline]
pub(super) fn escape(json: &[u8], at: usize) -> Option<(Escaped, usize)> {
    let next = at.saturating_add(1);
    let byte = match json.get(at)? {
        byte @ (b'"' | b'\\' | b'/') => char::from(*byte),
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => {
            let end = next.checked_add(4)?;
            let mut unit: u16 = 0;
            for digit in json.get(next..end)? {
                let digit = char::from(*digit).to_digit(16)?;
                unit = unit << 4 | u16::try_from(digit).ok()?;
            }
            return Some((Escaped::Unit(unit), end));
        }
        _ => return None,
    };
    Some((Escaped::Char(byte), next))
}

/// What an escape sequence stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Escaped {
    Char(char),
    /// A code unit of UTF-16.
    Unit(u16),
}

/// The end of a string whose quotation mark is before this place.
#[inline]
fn string(json: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let (place, byte) = plain(json, at)?;
        let next = place.saturating_add(1);
        match byte {
            b'"' => return Some(next),
            b'\\' => at = escape(json, next)?.1,
            _ => return None,
        }
    }
}

/// The end of a number, and whether it is a whole one without an exponent.
#[inline]
pub(super) fn number(json: &[u8], mut at: usize) -> Option<(usize, bool)> {
    let digits = |mut at: usize| {
        let start = at;
        while let Some(b'0'..=b'9') = json.get(at) {
            at = at.saturating_add(1);
        }
        (at > start).then_some(at)
    };
    if json.get(at) == Some(&b'-') {
        at = at.saturating_add(1);
    }
    let mut at = match json.get(at)? {
        // No digits follow it.
        b'0' => at.saturating_add(1),
        _ => digits(at)?,
    };
    let mut is_whole = true;
    if json.get(at) == Some(&b'.') {
        is_whole = false;
        at = digits(at.saturating_add(1))?;
    }
    if let Some(b'e' | b'E') = json.get(at) {
        is_whole = false;
        at = at.saturating_add(1);
        if let Some(b'+' | b'-') = json.get(at) {
            at = at.saturating_add(1);
        }
        at = digits(at)?;
    }
    Some((at, is_whole))
}

/// The end of one of the words of JSON, if it is what stands here.
#[inline]
pub(super) fn word(json: &[u8], at: usize, word: &[u8]) -> Option<usize> {
    json.get(at..)?.starts_with(word).then(|| at.saturating_add(word.len()))
}

/// The end of a name and its colon; the name is the next thing but white space.
#[inline]
fn name(json: &[u8], at: usize) -> Option<usize> {
    let at = space(json, at);
    if json.get(at)? != &b'"' {
        return None;
    }
    let at = space(json, string(json, at.saturating_add(1))?);
    (json.get(at)? == &b':').then(|| at.saturating_add(1))
}

/// The end of a value, which is the next thing but white space. Nothing is asked of it but that it is one: code units of UTF-16
/// need not fit together, and numbers may be of any size.
pub(super) fn value(json: &[u8], mut at: usize) -> Option<usize> {
    // A bit for each open bracket, the innermost is the lowest: whether it is an object's. One more bit ends them.
    let mut open: u64 = 1;
    loop {
        at = space(json, at);
        let next = at.saturating_add(1);
        at = match json.get(at)? {
            b'"' => string(json, next)?,
            bracket @ (b'{' | b'[') => {
                let (end, is_object) = match bracket {
                    b'{' => (b'}', 1),
                    _ => (b']', 0),
                };
                let inside = space(json, next);
                if json.get(inside)? == &end {
                    inside.saturating_add(1)
                } else {
                    if open >> DEPTH != 0 {
                        return None;
                    }
                    open = open << 1 | is_object;
                    at = if is_object == 1 { name(json, inside)? } else { inside };
                    continue;
                }
            }
            b't' => word(json, at, b"true")?,
            b'f' => word(json, at, b"false")?,
            b'n' => word(json, at, b"null")?,
            _ => number(json, at)?.0,
        };
        // A value has ended, and so may those have that it is in.
        loop {
            if open == 1 {
                return Some(at);
            }
            at = space(json, at);
            let next = at.saturating_add(1);
            match (json.get(at)?, open & 1) {
                (b',', 1) => {
                    at = name(json, next)?;
                    break;
                }
                (b',', _) => {
                    at = next;
                    break;
                }
                (b'}', 1) | (b']', 0) => {
                    open >>= 1;
                    at = next;
                }
                _ => return None,
            }
        }
    }
}
