use headcount_discoverer::testing::Answer;
use serde_json::{Value, json};

use crate::aws_api::testing::{KEYS, MINUTE, Site, failures, missing};

const KAFKA: &str = "https://kafka.eu-west-1.amazonaws.com";

fn arn(name: &str) -> String {
    format!("arn:aws:kafka:eu-west-1:1:cluster/{name}/uuid")
}

fn cluster(name: &str, provisioned: Value) -> Value {
    json!({"clusterArn": arn(name), "clusterName": name, "clusterType": "PROVISIONED", "currentVersion": "K1",
           "state": "ACTIVE", "tags": {"team x": "data"}, "provisioned": provisioned})
}

fn whole() -> Value {
    json!({
        "currentBrokerSoftwareInfo": {"configurationArn": "arn:config", "configurationRevision": 3, "kafkaVersion": "3.6.0"},
        "openMonitoring": {"prometheus": {"jmxExporter": {"enabledInBroker": true}, "nodeExporter": {"enabledInBroker": false}}},
    })
}

fn nodes() -> Value {
    json!([
        {"nodeARN": "arn:node:1", "nodeType": "BROKER", "instanceType": "kafka.m5.large",
         "addedToClusterTime": "2026-01-02T03:04:05.678Z",
         "brokerNodeInfo": {"attachedENIId": "eni-1", "brokerId": 1.0, "clientSubnet": "subnet-1",
                            "clientVpcIpAddress": "10.0.0.1", "endpoints": ["b-1.example", "b-1-2.example"]}},
        {"nodeARN": "arn:node:2", "controllerNodeInfo": {"endpoints": ["c-1.example"]}},
        {"nodeARN": "arn:node:3", "zookeeperNodeInfo": {"endpoints": ["z-1.example"]}},
        {"nodeARN": "arn:node:4"},
        {"nodeARN": "arn:node:4", "brokerNodeInfo": {"brokerId": null, "endpoints": null}},
    ])
}

/// Two clusters on two pages; the nodes of the second may be broken.
fn serve(site: &Site, of_second: Option<Answer>) {
    site.world.http.serve(KAFKA, move |request| {
        let path = request.url.trim_start_matches(KAFKA);
        let escaped = |name: &str| arn(name).replace(':', "%3A").replace('/', "%2F");
        let json = |value: Value| Answer::json(value.to_string());
        match path {
            "/api/v2/clusters?clusterTypeFilter=PROVISIONED&maxResults=100" => {
                json(json!({"clusterInfoList": [cluster("one", whole())], "nextToken": "a/b"}))
            }
            "/api/v2/clusters?clusterTypeFilter=PROVISIONED&maxResults=100&nextToken=a%2Fb" => {
                json(json!({"clusterInfoList": [cluster("two", Value::Null)]}))
            }
            _ if path == format!("/v1/clusters/{}/nodes?maxResults=100", escaped("one")) => {
                json(json!({ "nodeInfoList": nodes() }))
            }
            _ if path == format!("/v1/clusters/{}/nodes?maxResults=100", escaped("two")) => {
                let node = json!({"controllerNodeInfo": {"endpoints": ["c-2.example"]}});
                let answer = json(json!({ "nodeInfoList": [node] }));
                of_second.clone().unwrap_or(answer)
            }
            _ if path == format!("/api/v2/clusters/{}", escaped("two")) => {
                json(json!({"clusterInfo": cluster("two", Value::Null)}))
            }
            _ if path == format!("/api/v2/clusters/{}", escaped("cheap")) => {
                json(json!({"clusterInfo": {"clusterArn": arn("cheap"), "clusterType": "SERVERLESS"}}))
            }
            _ => Answer::new(404).body(r#"{"message": "The requested resource doesn't exist."}"#),
        }
    });
}

#[test]
fn labels_are_those_of_prometheus_and_absent_fields_are_none() {
    let mut site = Site::of("msk", &format!("{{{KEYS}, port: 11001}}"));
    serve(&site, None);
    assert_eq!(failures(&site.ask()), [""; 0]);
    site.is_as_described();
    let source = |name: &str| format!("eu-west-1/{}", arn(name));
    assert_eq!(site.found.sources(), [source("one"), source("two")]);
    insta::assert_debug_snapshot!(site.targets());
    assert_eq!(
        site.counted("headcount_sd_msk_skipped_total"),
        Some(2.0),
        "a broker that has no endpoints yet, and a node that does not say what it is"
    );
    assert!(site.signed(KAFKA).iter().all(|signed| signed == "AKID eu-west-1 kafka"));
}

#[test]
fn clusters_that_are_named_are_described_and_fail_by_themselves() {
    let named = [arn("two"), arn("cheap"), arn("nobody")];
    let mut site = Site::of("msk", &format!("{{{KEYS}, clusters: {named:?}}}"));
    serve(&site, None);
    let received = site.ask();
    site.is_as_described();
    assert_eq!(site.found.addresses(), ["c-2.example:80"]);
    let missing = missing(&received);
    assert_eq!(missing.len(), 1, "{missing:?}");
    assert!(
        missing[0].contains("The requested resource doesn't exist. (status 404)"),
        "{missing:?}"
    );
}

#[test]
fn a_cluster_that_fails_keeps_its_targets() {
    let mut site = Site::of("msk", &format!("{{{KEYS}}}"));
    serve(&site, None);
    site.ask();
    let before = site.targets();
    for (answer, says) in [
        (Answer::new(503), "status 503"),
        (Answer::json("{}"), "it has no nodeInfoList"),
        (
            Answer::json(r#"{"nodeInfoList": 7}"#),
            "it is not the JSON that was asked for",
        ),
    ] {
        serve(&site, Some(answer));
        let received = site.run_for(3 * MINUTE);
        let missing = missing(&received);
        assert!(missing[0].contains(says), "{says}: {missing:?}");
        assert_eq!(site.targets(), before, "{says}");
    }
}
