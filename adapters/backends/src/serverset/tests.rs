use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn labels(data: &str) -> Option<BTreeMap<String, String>> {
    parse("/svc/member_1", data.as_bytes()).map(|labels| labels.into_iter().collect())
}

#[test]
fn a_member_has_the_labels_that_prometheus_gives_it() {
    let found = labels(
        r#"{"serviceEndpoint": {"host": "10.0.0.1", "port": 31943},
            "additionalEndpoints": {"http-admin": {"host": "10.0.0.2", "port": 1}, "größe": {"host": "b"}, "c": null},
            "status": "ALIVE", "shard": 3, "metadata": {}}"#,
    );
    let expected = [
        ("__address__", "10.0.0.1:31943"),
        ("__meta_serverset_endpoint_host", "10.0.0.1"),
        ("__meta_serverset_endpoint_host_gr__e", "b"),
        ("__meta_serverset_endpoint_host_http_admin", "10.0.0.2"),
        ("__meta_serverset_endpoint_port", "31943"),
        ("__meta_serverset_endpoint_port_c", "0"),
        ("__meta_serverset_endpoint_port_gr__e", "0"),
        ("__meta_serverset_endpoint_port_http_admin", "1"),
        ("__meta_serverset_path", "/svc/member_1"),
        ("__meta_serverset_shard", "3"),
        ("__meta_serverset_status", "ALIVE"),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(found, Some(expected.into()));
    // As it is written by whoever knows the structure by its names in Go.
    let found = labels(r#"{"ServiceEndpoint": {"Host": "a", "Port": 1}}"#).expect("a target");
    assert_eq!(
        (found["__address__"].as_str(), found["__meta_serverset_shard"].as_str()),
        ("a:1", "0")
    );
    assert!(!found.contains_key("__meta_serverset_status"));
    let twice =
        r#"{"serviceEndpoint": {"host": "a"}, "additionalEndpoints": {"x.y": {"host": "2"}, "x-y": {"host": "1"}}}"#;
    let mut found = parse("/a", twice.as_bytes()).expect("a target").into_iter();
    let last = found.rfind(|(name, _)| name == "__meta_serverset_endpoint_host_x_y");
    assert_eq!(last.map(|(_, value)| value).as_deref(), Some("2"));
}

#[test]
fn what_is_no_member_is_no_target() {
    for data in [
        "{}",
        "null",
        "[]",
        r#"{"serviceEndpoint": {"port": 1}}"#,
        r#"{"serviceEndpoint": {"host": "a", "port": "1"}}"#,
        r#"{"serviceEndpoint": []}"#,
        r#"{"serviceEndpoint": {"host": "a"}, "additionalEndpoints": {"b": {"port": "1"}}}"#,
        r#"{"serviceEndpoint": {"host": "a"}, "shard": "1"}"#,
        r#"{"serviceEndpoint": {"host": "a"}, "status": 1}"#,
        r#"{"serviceEndpoint": {"host": "a"}"#,
    ] {
        assert_eq!(labels(data), None, "{data}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_answered(data in prop::collection::vec(any::<u8>(), 0..60)) {
        parse("/a", &data);
    }
}
