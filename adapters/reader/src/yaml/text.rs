//! From bytes to text: UTF-8, or UTF-16 when it begins with the mark for that.

use std::borrow::Cow;

use crate::problem::ProblemKind;

/// The largest file that is read, in bytes.
pub const FILE_LIMIT: u64 = 64 << 20;

/// The text of a file, without the byte order mark.
pub fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, ProblemKind> {
    if bytes.len() as u64 > FILE_LIMIT {
        return Err(ProblemKind::TooLarge { limit: FILE_LIMIT });
    }
    match bytes {
        [0xff, 0xfe, rest @ ..] => utf16(rest, "UTF-16", u16::from_le_bytes).map(Cow::Owned),
        [0xfe, 0xff, rest @ ..] => utf16(rest, "UTF-16", u16::from_be_bytes).map(Cow::Owned),
        [0xef, 0xbb, 0xbf, rest @ ..] => utf8(rest, 3).map(Cow::Borrowed),
        bytes => utf8(bytes, 0).map(Cow::Borrowed),
    }
}

fn utf8(bytes: &[u8], skipped: usize) -> Result<&str, ProblemKind> {
    std::str::from_utf8(bytes).map_err(|error| ProblemKind::NotText {
        encoding: "UTF-8",
        offset: error.valid_up_to() + skipped,
    })
}

fn utf16(bytes: &[u8], encoding: &'static str, unit: fn([u8; 2]) -> u16) -> Result<String, ProblemKind> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let not_text = |units: usize| ProblemKind::NotText {
        encoding,
        offset: 2 + units * 2,
    };
    if !rest.is_empty() {
        return Err(not_text(pairs.len()));
    }
    let mut text = String::with_capacity(pairs.len());
    let mut units = 0;
    for c in char::decode_utf16(pairs.iter().map(|pair| unit(*pair))) {
        let c = c.map_err(|_| not_text(units))?;
        units += c.len_utf16();
        text.push(c);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_utf8_and_utf16() {
        assert_eq!(decode("ä".as_bytes()).unwrap(), "ä");
        assert_eq!(decode(b"\xef\xbb\xbfa").unwrap(), "a");
        assert_eq!(decode(b"\xff\xfea\0\x3d\xd8\x00\xde").unwrap(), "a\u{1F600}");
        assert_eq!(decode(b"\xfe\xff\0a").unwrap(), "a");
    }

    #[test]
    fn says_which_byte_is_wrong() {
        let offset = |bytes| match decode(bytes) {
            Err(ProblemKind::NotText { offset, .. }) => offset,
            other => panic!("{other:?}"),
        };
        assert_eq!(offset(b"ab\xff".as_slice()), 2);
        assert_eq!(offset(b"\xef\xbb\xbfa\xff".as_slice()), 4);
        assert_eq!(offset(b"\xff\xfea\0\x3d\xd8".as_slice()), 4);
        assert_eq!(offset(b"\xff\xfea\0b".as_slice()), 4);
    }

    #[test]
    fn refuses_what_is_too_large() {
        let bytes = vec![b'a'; FILE_LIMIT as usize + 1];
        assert_eq!(decode(&bytes), Err(ProblemKind::TooLarge { limit: FILE_LIMIT }));
    }
}
