use headcount_core::{Encoder, Group};
use proptest::prelude::*;
use serde_json::Value;

use super::*;

const ORIGIN: Origin<'static> = Origin {
    name: "list",
    label: "__meta_from",
};

type Decode = fn(&[u8], Origin<'_>, &mut headcount_core::Batch<'_>) -> Result<Counts, DecodeError>;

fn decode(with: Decode, bytes: &[u8]) -> Result<Vec<Group>, DecodeError> {
    let mut encoder = Encoder::new();
    let mut batch = encoder.batch();
    let counts = with(bytes, ORIGIN, &mut batch)?;
    let groups = batch.finish();
    assert_eq!(counts.groups, groups.len());
    assert_eq!(counts.targets, groups.iter().map(Group::target_count).sum::<usize>());
    Ok(groups)
}

fn refusal(with: Decode, text: &str) -> String {
    decode(with, text.as_bytes()).expect_err(text).to_string()
}

/// Each group as `source{labels} targets`, without the label that every group has.
fn read(groups: &[Group]) -> Vec<String> {
    let show = |group: &Group| {
        assert_eq!(group.labels().get("__meta_from"), Some("list"));
        let labels: Vec<_> = group
            .labels()
            .iter()
            .filter(|(name, _)| *name != "__meta_from")
            .collect();
        let targets: Vec<_> = group
            .targets()
            .map(|target| target.get("__address__").unwrap_or("?").to_owned())
            .collect();
        format!("{} {labels:?} {targets:?}", group.source())
    };
    groups.iter().map(show).collect()
}

fn accepted(with: Decode, text: &str) -> Vec<String> {
    read(&decode(with, text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}")))
}

#[test]
fn json_takes_what_prometheus_takes() {
    let one = [r#"list:0 [("a", "b")] ["x:1", "y:1"]"#];
    assert_eq!(
        accepted(json::decode, r#"[{"targets": ["y:1", "x:1"], "labels": {"a": "b"}}]"#),
        one
    );
    assert_eq!(
        accepted(json::decode, r#"[{"labels": {"a": "b"}, "targets": ["x:1", "y:1"]}]"#),
        one
    );
    // Field names in any case; in a map, the last of two labels counts.
    assert_eq!(
        accepted(
            json::decode,
            r#"[{"Targets": ["x:1", "y:1"], "LABELS": {"a": "c", "a": "b"}}]"#
        ),
        one
    );
    // Null and missing are empty.
    assert_eq!(accepted(json::decode, "null"), Vec::<String>::new());
    assert_eq!(accepted(json::decode, " [] "), Vec::<String>::new());
    assert_eq!(accepted(json::decode, "[{}]"), ["list:0 [] []"]);
    assert_eq!(
        accepted(json::decode, r#"[{"targets": null, "labels": null}]"#),
        ["list:0 [] []"]
    );
    assert_eq!(
        accepted(json::decode, r#"[{"targets": [null, ""], "labels": {"a": null}}]"#),
        [r#"list:0 [("a", "")] ["", ""]"#]
    );
    // Escapes, and names that only UTF-8 allows.
    assert_eq!(
        accepted(
            json::decode,
            r#"[{"targets": ["\u0078\ud83d\ude00"], "labels": {"é \"": "\\"}}]"#
        ),
        [r#"list:0 [("é \"", "\\")] ["x😀"]"#]
    );
}

#[test]
fn the_label_that_says_where_from_wins() {
    let groups = decode(
        json::decode,
        br#"[{"targets": ["x:1"], "labels": {"__meta_from": "elsewhere"}}]"#,
    )
    .expect("a list");
    assert_eq!(groups[0].labels().get("__meta_from"), Some("list"));
}

#[test]
fn json_refuses_what_prometheus_refuses_and_says_where() {
    for (text, expected) in [
        ("", "EOF while parsing a value at line 1 column 0"),
        (
            "[{\"targets\": [\"x:1\"]",
            "entry 0: EOF while parsing an object at line 1 column 20",
        ),
        (
            "{}",
            "invalid type: map, expected a list of target groups at line 1 column 0",
        ),
        ("[]]", "trailing characters at line 1 column 3"),
        (
            "[{}, null]",
            "entry 1: invalid type: null, expected a target group: an object with `targets` and `labels` at line 1 column 9",
        ),
        (
            "[\n{},\n[]]",
            "entry 1: invalid type: sequence, expected a target group: an object with `targets` and `labels` at line 3 column 0",
        ),
        (
            "[{\"target\": []}]",
            "entry 0: unknown field `target`, expected `targets` or `labels` at line 1 column 10",
        ),
        (
            "[{\"targets\": \"x:1\"}]",
            "entry 0: invalid type: string \"x:1\", expected a list of addresses at line 1 column 18",
        ),
        (
            "[{\"targets\": [9100]}]",
            "entry 0: invalid type: integer `9100`, expected a string at line 1 column 18",
        ),
        (
            "[{\"labels\": {\"a\": true}}]",
            "entry 0: invalid type: boolean `true`, expected a string at line 1 column 22",
        ),
        (
            "[{\"labels\": []}]",
            "entry 0: invalid type: sequence, expected an object of label names and values at line 1 column 12",
        ),
        (
            "[{\"labels\": {\"\": \"x\"}}]",
            "entry 0 (line 1, column 21): a label has an empty name (its value starts with \"x\"); give it a name or remove it",
        ),
        // What counts no more has to be right all the same.
        (
            "[{}, {\"labels\": {\"a\": 1}, \"labels\": {}}]",
            "entry 1: invalid type: integer `1`, expected a string at line 1 column 23",
        ),
        (
            "[{\"targets\": [\"x:1\"], \"targets\": {}}]",
            "entry 0: invalid type: map, expected a list of addresses at line 1 column 33",
        ),
        (
            "[{\"labels\": {\"\": \"\\ud800\"}}]",
            "entry 0 (line 1, column 27): a label has an empty name (its value starts with \"\u{fffd}\"); give it a name or remove it",
        ),
        (
            "[{\"targets\": [\"\\ud800\"]}, {\"target\": []}]",
            "entry 1: unknown field `target`, expected `targets` or `labels` at line 1 column 35",
        ),
    ] {
        assert_eq!(refusal(json::decode, text), expected, "{text}");
    }
}

#[test]
fn bytes_that_are_not_text_are_refused_with_their_place() {
    let bytes = b"[\n{\"targets\": [\"\xff\"]}]";
    let expected = DecodeError::NotUtf8 { offset: 16, line: 2 };
    assert_eq!(decode(yaml::decode, bytes), Err(expected));
    // In JSON, where it is no part of a string.
    let error = decode(json::decode, b"[\n{\"targets\": [\xff]}]").expect_err("no JSON");
    assert_eq!(error.to_string(), "entry 0: expected value at line 2 column 14");
}

/// What Go 1.19's `encoding/json` makes of each.
#[test]
fn json_takes_what_is_no_character_as_go_does() {
    let bytes = b"[{\"targets\": [\"ok:1\"]}, {\"targets\": [\"b\xfcro:1\", \"\xf0\x9f\x98\"], \"labels\": {\"a\xff\": \"\xed\xa0\x80\"}}]";
    assert_eq!(
        read(&decode(json::decode, bytes).expect("a list")),
        [
            r#"list:0 [] ["ok:1"]"#,
            "list:1 [(\"a\u{fffd}\", \"\u{fffd}\u{fffd}\u{fffd}\")] [\"b\u{fffd}ro:1\", \"\u{fffd}\u{fffd}\u{fffd}\"]"
        ]
    );
    for (escaped, expected) in [
        (r"\ud800", "\u{fffd}"),
        (r"\udc00\ud800", "\u{fffd}\u{fffd}"),
        (r"\ud83d\ud83d\ude00\ude00", "\u{fffd}😀\u{fffd}"),
        (r"\ud83d\u0041", "\u{fffd}A"),
        (r"\\ud800\uD800", "\\ud800\u{fffd}"),
    ] {
        let text = format!(r#"[{{"targets": ["a"]}}, {{"labels": {{"l": "{escaped}"}}, "targets": ["b"]}}]"#);
        let expected = format!("list:1 {:?} [\"b\"]", [("l", expected)]);
        assert_eq!(
            accepted(json::decode, &text),
            [r#"list:0 [] ["a"]"#, &expected],
            "{escaped}"
        );
    }
}

/// What Go 1.19's `encoding/json` makes of each: `null` leaves what stood in its place before.
#[test]
fn of_repeated_fields_the_last_counts_as_in_go() {
    for (fields, expected) in [
        (r#""targets": ["a", "b"], "targets": ["c"]"#, r#"[] ["c"]"#),
        (r#""targets": ["a"], "TARGETS": ["b"]"#, r#"[] ["b"]"#),
        (r#""targets": ["a"], "targets": null"#, "[] []"),
        (r#""targets": ["a"], "targets": []"#, "[] []"),
        (r#""targets": ["a", "b"], "targets": [null]"#, r#"[] ["a"]"#),
        (
            r#""targets": ["a", "b"], "targets": ["c"], "targets": [null, null, null]"#,
            r#"[] ["", "b", "c"]"#,
        ),
        (r#""targets": ["a"], "targets": [], "targets": [null]"#, r#"[] [""]"#),
        (r#""targets": ["a"], "targets": null, "targets": [null]"#, r#"[] [""]"#),
        (
            r#""labels": {"a": "1", "b": "2"}, "targets": ["x"], "labels": {"a": "3"}"#,
            r#"[("a", "3")] ["x"]"#,
        ),
        (r#""labels": {"a": "1"}, "labels": null"#, "[] []"),
        (r#""targetſ": ["a"], "labelſ": {"a": "1"}"#, r#"[("a", "1")] ["a"]"#),
    ] {
        // With one before that is in the batch already, and one behind that has nothing of it.
        let text = format!(r#"[{{"targets": ["o:1", "o:2"]}}, {{{fields}}}, {{"targets": [null]}}]"#);
        let expected = [
            r#"list:0 [] ["o:1", "o:2"]"#.to_owned(),
            format!("list:1 {expected}"),
            r#"list:2 [] [""]"#.to_owned(),
        ];
        assert_eq!(accepted(json::decode, &text), expected, "{fields}");
    }
}

#[test]
fn a_label_over_the_limits_is_refused_with_its_entry() {
    let long = "x".repeat(headcount_core::MAX_VALUE_BYTES + 1);
    let text = format!(r#"[{{}}, {{"labels": {{"a": "{long}"}}}}]"#);
    assert!(
        refusal(json::decode, &text).starts_with("entry 1 (line 1, column "),
        "{}",
        refusal(json::decode, &text)
    );
    assert!(
        refusal(yaml::decode, &text).starts_with("entry 1 (line 1, column "),
        "{}",
        refusal(yaml::decode, &text)
    );
}

#[test]
fn yaml_takes_what_prometheus_takes() {
    let one = [r#"list:0 [("a", "b")] ["x:1", "y:1"]"#];
    assert_eq!(accepted(yaml::decode, "- targets: [y:1, x:1]\n  labels: {a: b}\n"), one);
    assert_eq!(
        accepted(
            yaml::decode,
            "---\n- labels:\n    a: b\n  targets:\n  - 'x:1'\n  - \"y:1\"\n...\n"
        ),
        one
    );
    // No document, or null: an empty list.
    for empty in ["", "\n", "# nothing\n", "---\n", "~", "null", "[]"] {
        assert_eq!(accepted(yaml::decode, empty), Vec::<String>::new(), "{empty:?}");
    }
    assert_eq!(
        accepted(yaml::decode, "- {}\n- targets:\n  labels: ~\n"),
        ["list:0 [] []", "list:1 [] []"]
    );
    // What is no string is taken as it is written.
    assert_eq!(
        accepted(
            yaml::decode,
            "- targets: [9100, ~]\n  labels: {a: 0x10, b: true, c: 1.50, d: 2026-01-01, 5: e, f: }\n"
        ),
        [
            r#"list:0 [("5", "e"), ("a", "0x10"), ("b", "true"), ("c", "1.50"), ("d", "2026-01-01"), ("f", "")] ["", "9100"]"#
        ]
    );
    // Anchors and merge keys, however often they are used.
    let shared = format!(
        "- &a\n  targets: [x:1, y:1]\n  labels: &l {{a: b}}\n{}",
        "- targets: [z:1]\n  labels: *l\n".repeat(2000)
    );
    let groups = accepted(yaml::decode, &shared);
    assert_eq!(
        (groups.len(), groups[2000].as_str()),
        (2001, r#"list:2000 [("a", "b")] ["z:1"]"#)
    );
    assert_eq!(
        accepted(
            yaml::decode,
            "- targets: []\n  labels: &l {a: b}\n- targets: []\n  labels: {<<: *l, c: d}\n"
        ),
        [r#"list:0 [("a", "b")] []"#, r#"list:1 [("a", "b"), ("c", "d")] []"#]
    );
}

#[test]
fn yaml_refuses_what_prometheus_refuses_and_says_where() {
    for (text, start, place, part) in [
        (
            "- targets: [x:1]\n  Labels: {}\n",
            "entry 0: ",
            "line 2, column 3",
            "unknown field `Labels`",
        ),
        ("- {}\n- ~\n", "entry 1: ", "line 2, column 3", ""),
        ("- {}\n- text\n", "entry 1: ", "line 2, column 3", ""),
        ("targets: [x:1]\n", "", "line 1, column 1", ""),
        ("- targets: x:1\n", "entry 0: ", "line 1, column 12", ""),
        ("- labels: {a: [b]}\n", "entry 0: ", "line 1, column 15", ""),
        (
            "- labels: {a: b, a: c}\n",
            "entry 0 (",
            "line 1, column 18",
            "the key \"a\" is there twice; remove one of them",
        ),
        (
            "- targets: [x:1]\n  targets: [y:1]\n",
            "entry 0 (",
            "line 2, column 3",
            "the key \"targets\" is there twice; remove one of them",
        ),
        ("- targets: [x:1\n", "entry 0: ", "line 1, column 12", "unclosed"),
        ("- {}\n-\ttargets: [a]\n", "", "line 2, column 1", "a tab"),
        (
            "- labels: {a: \"\\ud83d\\ude00\"}\n",
            "",
            "line 1, column 16",
            "surrogate",
        ),
        ("%YAML 1.2\n---\n- targets: [a]\n", "", "line 2, column 1", "%YAML"),
        ("- targets: [a]\ngarbage\n", "", "line 2", ""),
        (
            "- labels: {a: *nothing}\n",
            "entry 0: ",
            "line 1, column 15",
            "unknown anchor",
        ),
    ] {
        let error = refusal(yaml::decode, text);
        let is_said = error.starts_with(start) && error.contains(place) && error.contains(part);
        assert!(is_said, "{text:?}: {error}");
    }
}

/// What promtool 2.42 and 3.5 print of each.
#[test]
fn yaml_is_read_as_prometheus_reads_it() {
    let utf16: Vec<u8> = "\u{feff}- targets: [a]\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let whole = [
        utf16,
        b"\xef\xbb\xbf- targets: [a]\n".to_vec(),
        b"%YAML 1.1\n---\n- targets: [a]\n".to_vec(),
        b"- targets:\t[a]\n".to_vec(),
    ];
    for bytes in whole {
        let groups = decode(yaml::decode, &bytes).unwrap_or_else(|error| panic!("{bytes:?}: {error}"));
        assert_eq!(read(&groups), [r#"list:0 [] ["a"]"#], "{bytes:?}");
    }
    for (value, expected) in [
        ("\"x\u{85}y\"", "x y"),
        ("\"x \u{85} \u{85} y\"", "x\ny"),
        ("\"x\u{85}\n   y\"", "x\ny"),
        ("'x\u{85}y'", "x y"),
        ("x\u{85}y", "x y"),
        ("\"x\\Ny\"", "x\u{85}y"),
        ("\"a\tb\"", "a\tb"),
        ("\"\\U0001f600\"", "😀"),
    ] {
        let text = format!("- targets: [a]\n  labels: {{l: {value}}}\n");
        let expected = format!("list:0 {:?} [\"a\"]", [("l", expected)]);
        assert_eq!(accepted(yaml::decode, &text), [expected], "{text:?}");
    }
}

/// What promtool 2.42 and 3.5 read of each is the first list.
#[test]
fn what_stands_behind_a_yaml_list_is_left_alone() {
    let ignored_from = |text: &str| {
        let mut encoder = Encoder::new();
        let mut batch = encoder.batch();
        let counts =
            yaml::decode(text.as_bytes(), ORIGIN, &mut batch).unwrap_or_else(|error| panic!("{text:?}: {error}"));
        assert_eq!((counts.groups, batch.len()), (1, 1), "{text:?}");
        counts.ignored_from
    };
    for (text, line) in [
        ("- targets: [a]\n---\n- targets: [b]\n", 3),
        ("- targets: [a]\n...\n garbage: [\n", 3),
        ("- targets: [a]\n...\n]]\n", 3),
        ("[{targets: [a]}] x\n", 1),
        ("- targets: [a]\n---\n\t@@\n", 3),
    ] {
        assert_eq!(ignored_from(text), Some(line), "{text:?}");
    }
    for text in ["- targets: [a]\n...\n", "---\n- targets: [a]\n...\n# more\n"] {
        assert_eq!(ignored_from(text), None, "{text:?}");
    }
}

#[test]
fn a_document_of_aliases_is_refused_in_time() {
    let mut bomb = "- labels: &l0 {a: b}\n".to_owned();
    bomb.push_str("- targets: &t0 [");
    bomb.push_str(&"'10.0.0.1:9100', ".repeat(1000));
    bomb.push_str("]\n");
    bomb.push_str(&"- targets: *t0\n".repeat(40_000));
    let error = refusal(yaml::decode, &bomb);
    assert!(error.contains("alias"), "{error}");
    let wide = format!(
        "- targets: [&x '{}']\n- targets: [{}]\n",
        "x".repeat(900_000),
        "*x, ".repeat(1000)
    );
    assert!(refusal(yaml::decode, &wide).contains("expand to too much text"));
}

/// What the decoder should do, over a tree of values.
fn reference(value: &Value) -> Option<Vec<String>> {
    let entries = match value {
        Value::Null => &Vec::new(),
        Value::Array(entries) => entries,
        _ => return None,
    };
    let text = |value: &Value| match value {
        Value::Null => Some(String::new()),
        Value::String(text) => Some(text.clone()),
        _ => None,
    };
    let entry = |(index, entry): (usize, &Value)| {
        let (mut targets, mut labels) = (Vec::new(), Vec::new());
        for (field, value) in entry.as_object()? {
            match (field.as_str(), value) {
                ("targets" | "labels", Value::Null) => {}
                ("targets", Value::Array(all)) => targets = all.iter().map(text).collect::<Option<_>>()?,
                ("labels", Value::Object(all)) => {
                    let pair = |(name, value): (&String, &Value)| Some((name.clone(), text(value)?));
                    labels = all.iter().map(pair).collect::<Option<_>>()?;
                }
                _ => return None,
            }
        }
        targets.sort();
        labels.sort();
        labels
            .iter()
            .all(|(name, _)| !name.is_empty())
            .then(|| format!("list:{index} {labels:?} {targets:?}"))
    };
    entries.iter().enumerate().map(entry).collect()
}

/// Values that are lists of target groups, more or less.
fn lists() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        8 => "[a-z0-9_.:/ é😀\"\\\\-]{0,12}".prop_map(Value::String),
        1 => Just(Value::Null),
    ];
    let wrong = prop_oneof![
        Just(Value::Bool(true)),
        Just(Value::from(5)),
        Just(Value::Array(Vec::new()))
    ];
    let text = prop_oneof![60 => text, 1 => wrong.clone()];
    let targets = prop_oneof![
        30 => prop::collection::vec(text.clone(), 0..5).prop_map(Value::Array),
        1 => Just(Value::Null),
        1 => wrong.clone(),
    ];
    let name = prop_oneof![60 => "[a-z_é ]{1,8}", 1 => Just(String::new())];
    let labels = prop_oneof![
        30 => prop::collection::vec((name, text), 0..6).prop_map(|labels| Value::Object(labels.into_iter().collect())),
        1 => Just(Value::Null),
        1 => wrong.clone(),
    ];
    let field = prop_oneof![
        20 => targets.prop_map(|targets| ("targets".to_owned(), targets)),
        20 => labels.prop_map(|labels| ("labels".to_owned(), labels)),
        1 => wrong.clone().prop_map(|value| ("other".to_owned(), value)),
    ];
    let entry = prop_oneof![
        40 => prop::collection::vec(field, 0..3).prop_map(|fields| Value::Object(fields.into_iter().collect())),
        1 => wrong.clone(),
        1 => Just(Value::Null),
    ];
    prop_oneof![40 => prop::collection::vec(entry, 0..6).prop_map(Value::Array), 1 => wrong, 1 => Just(Value::Null)]
}

proptest! {
    #[test]
    fn both_formats_say_what_the_reference_says(list in lists(), pretty: bool) {
        let text = if pretty { serde_json::to_string_pretty(&list) } else { serde_json::to_string(&list) };
        let text = text.expect("a value can be written");
        let expected = reference(&list);
        let decoded = decode(json::decode, text.as_bytes());
        prop_assert_eq!(decoded.as_ref().ok().map(|groups| read(groups)), expected.clone(), "{:?}", decoded);
        // JSON is YAML. Only numbers and booleans are taken for strings there.
        let decoded = decode(yaml::decode, text.as_bytes());
        if expected.is_some() {
            prop_assert_eq!(decoded.as_ref().ok().map(|groups| read(groups)), expected, "{:?} {}", decoded, text);
        }
    }

    #[test]
    fn any_bytes_are_a_list_or_an_error(bytes: Vec<u8>) {
        decode(json::decode, &bytes).ok();
        decode(yaml::decode, &bytes).ok();
    }

    #[test]
    fn a_list_that_is_cut_off_or_damaged_never_panics(list in lists(), cut: prop::sample::Index, byte: u8) {
        let mut bytes = serde_json::to_vec(&list).expect("a value can be written");
        let at = cut.index(bytes.len());
        let half = &bytes[..at];
        prop_assert!(decode(json::decode, half).is_err() || half == b"null", "half a list is no list");
        decode(yaml::decode, half).ok();
        bytes[at] = byte;
        decode(json::decode, &bytes).ok();
        decode(yaml::decode, &bytes).ok();
    }
}
