//! A job's name as a file name, reversibly.
//!
//! Letters, digits, `-`, `_` and dots stand for themselves; every other byte, and a dot at the
//! beginning, is written as `%XX`.

use headcount_core::planted;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The longest file name that common file systems take, in bytes.
const LONGEST: usize = 255;

const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// The name of a job's file; `None` when it would be too long.
pub(super) fn file_name(job: &str) -> Option<String> {
    let mut name = utf8_percent_encode(job, ESCAPED).to_string();
    if planted!(name.starts_with('.'), HiddenFileForAJob, false) {
        name.replace_range(..1, "%2E");
    }
    name.push_str(".json");
    planted!(name.len() <= LONGEST, TooLongNameIsTried, true).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use percent_encoding::percent_decode_str;
    use proptest::prelude::*;

    #[test]
    fn names_that_are_file_names_stay() {
        assert_eq!(
            file_name("node-exporter_1.a").as_deref(),
            Some("node-exporter_1.a.json")
        );
        assert_eq!(file_name("../etc").as_deref(), Some("%2E.%2Fetc.json"));
        assert_eq!(file_name("a b%c").as_deref(), Some("a%20b%25c.json"));
        assert_eq!(file_name("größe").as_deref(), Some("gr%C3%B6%C3%9Fe.json"));
        assert_eq!(file_name(&"x".repeat(251)), None);
    }

    proptest! {
        #[test]
        fn names_can_be_read_back(job in "\\PC{1,20}|[./%]{1,5}") {
            let name = file_name(&job).expect("short enough");
            prop_assert!(!name.contains('/') && !name.starts_with('.'));
            let encoded = name.strip_suffix(".json").expect("the ending");
            prop_assert_eq!(percent_decode_str(encoded).decode_utf8().expect("UTF-8"), job);
        }
    }
}
