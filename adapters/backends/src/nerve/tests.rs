use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn labels(data: &str) -> Option<BTreeMap<String, String>> {
    parse("/nerve/db/1", data.as_bytes()).map(|labels| labels.into_iter().collect())
}

#[test]
fn a_registration_has_the_labels_that_prometheus_gives_it() {
    let found = labels(r#"{"host": "10.0.0.1", "port": 5432, "name": "db1", "weight": 5, "labels": {"a": "b"}}"#);
    let expected = [
        ("__address__", "10.0.0.1:5432"),
        ("__meta_nerve_endpoint_host", "10.0.0.1"),
        ("__meta_nerve_endpoint_name", "db1"),
        ("__meta_nerve_endpoint_port", "5432"),
        ("__meta_nerve_path", "/nerve/db/1"),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(found, Some(expected.into()));
    let found = labels(r#"{"HOST": "fd00::1", "Port": null}"#).expect("a target");
    assert_eq!(found["__address__"], "[fd00::1]:0");
}

#[test]
fn what_is_no_registration_is_no_target() {
    for data in [
        "{}",
        "null",
        "[]",
        "host",
        r#"{"host": "", "port": 1}"#,
        r#"{"host": "a", "port": "1"}"#,
        r#"{"host": "a", "port": 1.5}"#,
        r#"{"host": 1, "port": 1}"#,
        r#"{"host": "a", "port": 1, "name": []}"#,
        r#"{"host": "a", "port": 1"#,
    ] {
        assert_eq!(labels(data), None, "{data}");
    }
    assert!(parse("/a", b"{\"host\": \"\xff\"}").is_none());
}

proptest! {
    #[test]
    fn any_bytes_are_answered(data in prop::collection::vec(any::<u8>(), 0..60), json in "\\{(\"host\":\"[a-z]{0,3}\",?)?(\"port\":-?[0-9]{0,20})?\\}") {
        parse("/a", &data);
        let found = labels(&json);
        prop_assert!(found.is_none_or(|labels| labels.contains_key("__address__")));
    }
}
