//! Texts as they stand in forms, queries and paths.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What stands in a form as it is.
const IN_FORMS: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// What stands in a step of a path as it is.
const IN_STEPS: AsciiSet = IN_FORMS.remove(b':').remove(b'@');
/// What stands in a path as it is.
const IN_PATHS: AsciiSet = IN_STEPS.remove(b'/');

/// A body of the type `application/x-www-form-urlencoded`, or a query.
pub(crate) fn form(fields: &[(&str, &str)]) -> String {
    let escaped = |text| utf8_percent_encode(text, &IN_FORMS).to_string();
    let pairs = fields
        .iter()
        .map(|(name, value)| format!("{}={}", escaped(name), escaped(value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// A name as one step of a path.
pub(crate) fn step(name: &str) -> String {
    utf8_percent_encode(name, &IN_STEPS).to_string()
}

/// A path that somebody else made.
pub(crate) fn path(path: &str) -> String {
    utf8_percent_encode(path, &IN_PATHS).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_meaning_is_escaped() {
        assert_eq!(
            form(&[("a b", "1+1=2&3"), ("c", "ä~")]),
            "a%20b=1%2B1%3D2%263&c=%C3%A4~"
        );
        assert_eq!(step("example.com:p/ä?"), "example.com:p%2F%C3%A4%3F");
        assert_eq!(path("/a/b c?d#e"), "/a/b%20c%3Fd%23e");
    }
}
