//! Reading what is large in JSON.

use serde::Deserialize;

/// Reads a value, as `serde_json::from_slice` does, and sooner: that looks at each text by itself whether it is UTF-8, this
/// at all bytes at once. Of what nobody keeps it makes no difference what it is, so bytes that are not are read the other
/// way, which refuses them where they count.
pub(crate) fn from_slice<'de, T: Deserialize<'de>>(json: &'de [u8]) -> serde_json::Result<T> {
    match std::str::from_utf8(json) {
        Ok(text) => serde_json::from_str(text),
        Err(_) => serde_json::from_slice(json),
    }
}

/// What of these bytes, from their beginning on, is UTF-8.
#[cfg(feature = "kube-objects")]
pub(crate) fn text(bytes: &[u8]) -> &str {
    match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
            std::str::from_utf8(valid).unwrap_or_default()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Machine {
        name: String,
        #[serde(default)]
        tags: BTreeMap<String, String>,
    }

    /// Either way of reading makes the same of the same bytes, and says the same of what is wrong.
    #[test]
    fn a_value_is_what_it_is_without_a_look_at_all_bytes() {
        let jsons: [&[u8]; 11] = [
            br#"{"name": "a", "tags": {"x": "gr\u00f6\u00dfe", "y": "\ud83d\ude00"}}"#,
            "{\"name\": \"größe\", \"other\": [\"…\"]}".as_bytes(),
            b"{\"name\": \"a\", \"other\": \"\xff\", \"more\": {\"\xc3\": [\"\xe2\x82\"]}}",
            b"{\"name\": \"\xff\"}",
            b"{\"name\": \"a\", \"tags\": {\"\xc3\": \"x\"}}",
            b"{\"name\": \"a\"}\xff",
            b"{\"name\": \"a\"} {}",
            b"\n{\n \"name\": 7}",
            b"{\"name\": \"a\", \"other\": [1, tru]}",
            b"{\"name\": \"\\ud800\"}",
            b"",
        ];
        let mut read = 0;
        for json in jsons {
            let (one, other) = (from_slice::<Machine>(json), serde_json::from_slice::<Machine>(json));
            read += usize::from(one.is_ok());
            let said = |found: serde_json::Result<Machine>| found.map_err(|error| error.to_string());
            assert_eq!(said(one), said(other), "{}", String::from_utf8_lossy(json));
        }
        assert_eq!(read, 3);
    }

    #[cfg(feature = "kube-objects")]
    #[test]
    fn a_text_ends_where_bytes_are_none() {
        for (bytes, expected) in [
            ("größe".as_bytes(), "größe"),
            (b"gr\xc3".as_slice(), "gr"),
            (b"a\xffb".as_slice(), "a"),
            (b"\xff".as_slice(), ""),
        ] {
            assert_eq!(text(bytes), expected);
        }
    }
}
