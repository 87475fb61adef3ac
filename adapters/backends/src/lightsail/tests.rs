use headcount_discoverer::testing::Answer;

use crate::aws_api::testing::{KEYS, MINUTE, Site, failures};

const LIGHTSAIL: &str = "https://lightsail.eu-west-1.amazonaws.com";

fn instance(name: &str, address: &str) -> String {
    format!(r#"{{"name": "{name}", "privateIpAddress": "{address}"}}"#)
}

fn page(instances: &[String], next: Option<&str>) -> Answer {
    let next = next
        .map(|next| format!(r#", "nextPageToken": "{next}""#))
        .unwrap_or_default();
    Answer::json(format!(r#"{{"instances": [{}]{next}}}"#, instances.join(",")))
}

#[test]
fn all_pages_are_read_and_asked_for_as_lightsail_wants() {
    let mut site = Site::of("lightsail", &format!("{{{KEYS}, port: 9100}}"));
    site.world.http.serve(LIGHTSAIL, |request| {
        let body: serde_json::Value = serde_json::from_slice(&request.body).expect("JSON");
        match body["pageToken"].as_str() {
            None => page(&[instance("a", "10.0.0.1"), instance("nobody", "")], Some("2")),
            Some("2") => page(&[instance("b", "10.0.0.2")], Some("")),
            Some(_) => Answer::new(500),
        }
    });
    assert_eq!(failures(&site.ask()), [""; 0]);
    site.is_as_described();
    assert_eq!(site.found.addresses(), ["10.0.0.1:9100", "10.0.0.2:9100"]);
    assert_eq!(site.found.sources(), ["eu-west-1"]);
    assert_eq!(site.counted("headcount_sd_lightsail_skipped_total"), Some(1.0));
    let sent = site.world.http.take_requests();
    assert_eq!(sent[0].header("x-amz-target"), Some("Lightsail_20161128.GetInstances"));
    assert_eq!(sent[0].header("content-type"), Some("application/x-amz-json-1.1"));
    assert_eq!(sent.len(), 2);
}

#[test]
fn labels_are_those_of_prometheus_and_absent_fields_are_none() {
    let mut site = Site::of("lightsail", &format!("{{{KEYS}}}"));
    let whole = r#"{"name": "a", "arn": "x", "supportCode": "1/i-0", "createdAt": 1.5,
        "location": {"availabilityZone": "eu-west-1a", "regionName": "eu-west-1"}, "blueprintId": "debian_12",
        "bundleId": "nano", "privateIpAddress": "10.0.0.1", "publicIpAddress": "192.0.2.1",
        "ipv6Addresses": ["fd00::1", "fd00::2"], "state": {"code": 16, "name": "running"},
        "tags": [{"key": "team x", "value": "a"}, {"key": "alone"}]}"#;
    let nulls = r#"{"name": null, "privateIpAddress": "10.0.0.2", "ipv6Addresses": null, "state": null, "tags": null,
        "location": {"availabilityZone": null}}"#;
    site.world
        .http
        .at(LIGHTSAIL)
        .now(page(&[whole.to_owned(), nulls.to_owned()], None));
    site.ask();
    site.is_as_described();
    insta::assert_debug_snapshot!(site.targets());
}

#[test]
fn what_is_no_list_takes_nothing_away() {
    let mut site = Site::of("lightsail", &format!("{{{KEYS}}}"));
    site.world
        .http
        .at(LIGHTSAIL)
        .now(page(&[instance("a", "10.0.0.1")], None));
    site.ask();
    for (answer, says) in [
        (Answer::json("{}"), "it has no instances"),
        (Answer::json(r#"{"instances": null}"#), "it has no instances"),
        (Answer::json("[]"), "it is not the JSON that was asked for"),
        (
            Answer::json(r#"{"instances": [{"name": 7}]}"#),
            "it is not the JSON that was asked for",
        ),
        (Answer::new(200).body("<html>"), "it is not the JSON that was asked for"),
        (
            Answer::new(400).body(r#"{"__type": "x#AccessDeniedException", "message": "no"}"#),
            "AccessDeniedException: no (status 400)",
        ),
    ] {
        site.world.http.at(LIGHTSAIL).now(answer);
        let received = site.run_for(2 * MINUTE);
        let said = failures(&received);
        assert!(said.iter().any(|said| said.contains(says)), "{says}: {said:?}");
        assert_eq!(site.found.addresses(), ["10.0.0.1:80"], "{says}");
    }
}
