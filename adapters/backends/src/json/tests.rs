//! What is read, against `serde_json`.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::de::IgnoredAny;
use serde_json::Value;

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

/// All that a type can be made of.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Anything {
    #[serde(default)]
    text: Option<Box<str>>,
    small: Option<i8>,
    large: Option<u64>,
    fraction: Option<f64>,
    flag: Option<bool>,
    list: Option<Vec<(i64, String)>>,
    map: Option<BTreeMap<String, Option<Word>>>,
    by_number: Option<BTreeMap<u8, ()>>,
    one_of: Option<OneOf>,
    other: Option<Box<Anything>>,
    value: Option<Value>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Word(String);

#[derive(Debug, PartialEq, Deserialize)]
enum OneOf {
    This,
    That(u8),
}

fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<i8>().prop_map(|number| number.to_string()),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<u64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_filter_map("numbers of JSON are finite", |number| Some(
            serde_json::Number::from_f64(number)?.to_string()
        )),
        "-?[0-9]{1,25}(\\.[0-9]{1,4})?([eE][+-]?[0-9]{1,3})?",
    ]
}

fn string() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        6 => "[a-zA-Z0-9 ./:-]{0,20}",
        1 => "[ß…😀\u{7f}\u{80}]{1,4}",
        1 => "\\\\[\"\\\\/bfnrt]",
        1 => "\\\\u[0-9a-fA-F]{4}",
        1 => "\\\\ud[89][0-9a-f]{2}\\\\ud[c-f][0-9a-f]{2}",
    ];
    prop::collection::vec(part, 0..4).prop_map(|parts| format!("\"{}\"", parts.concat()))
}

fn name() -> impl Strategy<Value = String> {
    const KNOWN: &[&str] = &[
        "text", "small", "large", "fraction", "flag", "list", "map", "byNumber", "oneOf", "other", "value", "12",
    ];
    prop_oneof![3 => prop::sample::select(KNOWN).prop_map(|name| format!("\"{name}\"")), 1 => string()]
}

/// JSON, with white space here and there.
fn json() -> impl Strategy<Value = String> {
    const WORDS: &[&str] = &["null", "true", "false", "\"This\"", "{\"That\": 1}", "[]", "{}"];
    let leaf = prop_oneof![prop::sample::select(WORDS).prop_map(str::to_owned), number(), string(),];
    let space = "[ \n\r\t]{0,2}";
    leaf.prop_recursive(5, 40, 6, move |inner| {
        let list = (prop::collection::vec(inner.clone(), 0..5), space)
            .prop_map(|(items, space)| format!("[{space}{}{space}]", items.join(&format!("{space},"))));
        let entry = (name(), space, inner).prop_map(|(name, space, value)| format!("{name}{space}:{space}{value}"));
        let object = (prop::collection::vec(entry, 0..6), space)
            .prop_map(|(entries, space)| format!("{{{space}{}{space}}}", entries.join(&format!(",{space}"))));
        prop_oneof![1 => list, 3 => object]
    })
}

/// JSON in which some characters are others, are there twice, or are missing, and which may end anywhere.
fn almost_json() -> impl Strategy<Value = String> {
    let other = "[\"\\\\{}\\[\\],:0-9a-fntu.eE+ \u{1}\n-]";
    let change = (any::<prop::sample::Index>(), 0..4_u8, other);
    (json(), prop::collection::vec(change, 0..3)).prop_map(|(json, changes)| {
        let mut text: Vec<char> = json.chars().collect();
        for (at, how, other) in changes {
            let at = at.index(text.len().max(1));
            match how {
                0 => text.splice(at..(at + 1).min(text.len()), other.chars()).for_each(drop),
                1 => text.splice(at..at, other.chars()).for_each(drop),
                2 => text.splice(at..(at + 1).min(text.len()), []).for_each(drop),
                _ => text.truncate(at),
            }
        }
        text.into_iter().collect()
    })
}

/// What of a text is left to `serde_json`; all else is to it what it is to us.
fn left<'de, T: Deserialize<'de> + PartialEq + std::fmt::Debug>(text: &'de str) -> Option<T> {
    match (whole::<T>(text), serde_json::from_str::<T>(text)) {
        (None, theirs) => theirs.ok(),
        (Some(ours), theirs) => {
            assert_eq!(Some(ours), theirs.ok(), "{text}");
            None
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 10_000, ..ProptestConfig::default() })]

    #[test]
    fn a_value_is_what_serde_json_says(text in almost_json()) {
        prop_assert_eq!(left::<Value>(&text), None);
        // Of what is nobody's only the grammar counts.
        let (ours, theirs) = (whole::<IgnoredAny>(&text), serde_json::from_str::<IgnoredAny>(&text));
        prop_assert_eq!(ours.is_some(), theirs.is_ok());
        // What is left to serde_json are enumerations with values, and names that are numbers.
        if let Some(left) = left::<Anything>(&text) {
            prop_assert!(format!("{left:?}").contains("That(") || format!("{left:?}").contains("by_number: Some({"), "{left:?}");
        }
    }

    /// A value ends where it does, whatever follows.
    #[test]
    fn a_value_ends_where_serde_json_says(text in almost_json(), rest in "[ ,\\]}\"{a1]{0,3}") {
        let text = format!("{text}{rest}");
        if text.trim_start().starts_with(['{', '[', '"']) {
            let mut theirs = serde_json::Deserializer::from_str(&text).into_iter::<IgnoredAny>();
            let end = matches!(theirs.next(), Some(Ok(_))).then(|| theirs.byte_offset());
            prop_assert_eq!(begin_of::<IgnoredAny>(&text), end);
            let mut theirs = serde_json::Deserializer::from_str(&text).into_iter::<Value>();
            let end = matches!(theirs.next(), Some(Ok(_))).then(|| theirs.byte_offset());
            prop_assert_eq!(begin_of::<Value>(&text), end);
        }
    }
}

fn begin_of<'de, T: Deserialize<'de>>(text: &'de str) -> Option<usize> {
    let mut reader = Reader::new(text);
    T::deserialize(&mut reader).ok().map(|_| reader.place())
}

/// What is drawn seldom.
#[test]
fn the_corners_are_those_of_serde_json() {
    let numbers = "0 -0 -0.0 00 01 -01 -1 - -a 1. .5 1.5 1e 1e+ 1e5 1E-5 1e999 -1e999 +1 0x1 9007199254740993 \
        18446744073709551615 18446744073709551616 -9223372036854775808 -9223372036854775809 123456789012345678901234567890";
    let strings = r#""" "\ud83d\ude00" "\ud83d\u0041" "\ud83d" "\ud83dx" "\ud83d\n" "\ude00" "\ude00\ud83d" "\u00e9" "\u00E9"
        "\u00g0" "\u0" "\x" "\"#;
    let others = "null nul nullx true tru false fals [ [] [1,] [,1] [1,2 [1]] {} {\"a\":1,} {,} {\"a\"} {\"a\":} {\"a\":1 \
        {1:2} {\"a\":1\"b\":2} [1}{2] [\"a\":1] {\"a\",1} [1]2 {\"a\":1,\"a\":2}";
    let values = [numbers, strings, others].into_iter().flat_map(str::split_whitespace);
    let mut taken = 0;
    for value in values.chain(["", " ", "\"\t\"", "\"a\u{1f}\"", "\"\u{7f}\"", " [ 1 , 2 ] ", "\u{a0}1"]) {
        for text in [
            value.to_owned(),
            format!("[{value}]"),
            format!("{{\"value\": {value}}}"),
        ] {
            assert_eq!(left::<Value>(&text), None, "{text}");
            assert_eq!(left::<Anything>(&text), None, "{text}");
            let is_any = serde_json::from_str::<IgnoredAny>(&text).is_ok();
            assert_eq!(whole::<IgnoredAny>(&text).is_some(), is_any, "{text}");
            taken += usize::from(is_any);
        }
    }
    assert!(taken > 60, "{taken}");
}

/// Whatever stands around it, and at whatever distance, the first byte that is not plain is found.
#[test]
fn what_is_plain_ends_at_the_first_byte_that_is_not() {
    for filler in [b' ', b'!', b'#', b'a', b'[', b']', 0x7f, 0x80, 0xa2, 0xdc, 0xff] {
        for length in 0..20 {
            for at in 0..length {
                for byte in 0..=u8::MAX {
                    let mut json = vec![filler; length];
                    json[at] = byte;
                    let is_special = byte < 0x20 || byte == b'"' || byte == b'\\';
                    assert_eq!(bytes::plain(&json, 0), is_special.then_some((at, byte)), "{json:?}");
                    assert_eq!(bytes::plain(&json, at + 1), None, "{json:?}");
                }
            }
        }
    }
}

/// A backend decides how deeply it nests: nothing is read without a bound, and what `serde_json` takes is taken.
#[test]
fn what_is_nested_deeply_costs_no_stack() {
    for (depth, is_value) in [(60, true), (100, true), (120, true), (200, false), (1_000_000, false)] {
        let text = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(from_slice::<Value>(text.as_bytes()).is_ok(), is_value, "{depth}");
        let within = format!("{{\"name\": \"a\", \"other\": {text}}}");
        assert_eq!(from_slice::<Machine>(within.as_bytes()).expect("a machine").name, "a");
        assert_eq!(
            bytes::value(text.as_bytes(), 0),
            (depth <= 63).then_some(2 * depth),
            "{depth}"
        );
        assert!(from_slice::<Machine>(within.trim_end_matches('}').as_bytes()).is_err());
    }
}
