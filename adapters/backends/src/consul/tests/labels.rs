//! From answers to labels.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// The labels of each target, those of its group included.
fn targets(yaml: &str, agent: Option<&str>, body: &str) -> Vec<BTreeMap<String, String>> {
    let instances = answer::instances(body.as_bytes()).expect("it can be read");
    let mut encoder = Encoder::new();
    let mut batch = encoder.batch();
    targets::add_group(&mut batch, &settings(yaml), agent, "web", &instances).expect("it fits");
    let groups = batch.finish();
    let group = &groups[0];
    assert_eq!(group.source(), "web");
    let owned = |labels: &mut BTreeMap<String, String>, (name, value): (&str, &str)| {
        labels.insert(name.to_owned(), value.to_owned());
    };
    let mut all = Vec::new();
    for target in group.targets() {
        let mut labels = BTreeMap::new();
        group.labels().iter().for_each(|label| owned(&mut labels, label));
        target.iter().for_each(|label| owned(&mut labels, label));
        all.push(labels);
    }
    all
}

const ANSWER: &str = r#"[{
    "Node": {
        "ID": "b78c2e48-5ef3-1814-31b8-0d880f50471e", "Node": "node1", "Address": "1.1.1.1", "Datacenter": "test-dc",
        "TaggedAddresses": {"lan": "192.168.10.10", "wan-ipv4": "10.0.10.10"},
        "Meta": {"rack_name": "2304", "rack-name": "other", "empty": ""},
        "CreateIndex": 1, "ModifyIndex": 1
    },
    "Service": {
        "ID": "test", "Service": "test", "Tags": ["tag1", "tag2"], "Address": "", "Port": 3341,
        "Meta": {"version": "1.0.0", "some.environment": "staging"},
        "Weights": {"Passing": 1, "Warning": 1}, "EnableTagOverride": false, "ProxyDestination": "", "Proxy": {},
        "Connect": {}, "Namespace": "team", "Partition": "part", "CreateIndex": 1, "ModifyIndex": 1
    },
    "Checks": [{"Node": "node1", "CheckID": "serfHealth", "Name": "Serf Health Status", "Status": "passing"}]
}]"#;

#[test]
fn every_label_of_prometheus() {
    let [labels] = targets("{}", None, ANSWER).try_into().expect("one target");
    let expected: BTreeMap<String, String> = [
        ("__address__", "1.1.1.1:3341"),
        ("__meta_consul_address", "1.1.1.1"),
        ("__meta_consul_dc", "test-dc"),
        ("__meta_consul_health", "passing"),
        // `rack-name` and `rack_name` become one name: the later in their order counts.
        ("__meta_consul_metadata_rack_name", "2304"),
        ("__meta_consul_namespace", "team"),
        ("__meta_consul_node", "node1"),
        ("__meta_consul_partition", "part"),
        ("__meta_consul_service", "web"),
        ("__meta_consul_service_id", "test"),
        ("__meta_consul_service_metadata_some_environment", "staging"),
        ("__meta_consul_service_metadata_version", "1.0.0"),
        ("__meta_consul_service_port", "3341"),
        ("__meta_consul_tagged_address_lan", "192.168.10.10"),
        ("__meta_consul_tagged_address_wan_ipv4", "10.0.10.10"),
        ("__meta_consul_tags", ",tag1,tag2,"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    assert_eq!(labels, expected);
}

#[test]
fn absent_fields_cost_a_label_and_never_a_group() {
    let of = |body: &str| targets("{tag_separator: ';'}", None, body).pop().expect("a target");
    let labels = of(r#"[{"Service": {"Address": "fd00::1"}}]"#);
    assert_eq!(labels["__address__"], "[fd00::1]:0");
    assert_eq!(labels["__meta_consul_tags"], ";;");
    assert_eq!(labels["__meta_consul_health"], "passing");
    assert_eq!(labels.len(), 6, "{labels:?}");
    let nulls = r#"[{"Node": {"Address": "a", "Meta": null, "TaggedAddresses": {"x": null}},
                     "Service": {"Tags": null, "Meta": {"x": null}, "Port": null}, "Checks": null}]"#;
    assert_eq!(of(nulls)["__address__"], "a:0");
    assert_eq!(
        targets("{}", None, r#"[{"Node": null, "Service": null}, {}]"#),
        [],
        "no address, no target"
    );
    assert_eq!(targets("{}", None, "null"), []);
    let wrong = [
        r#"[{"Service": {"Port": "80"}}]"#,
        r#"{"a": 1}"#,
        r#"[{"Node": 1}]"#,
        "[",
        "",
    ];
    assert!(wrong.iter().all(|body| answer::instances(body.as_bytes()).is_err()));
}

#[test]
fn the_datacenter_is_that_of_the_settings_or_the_node_or_the_agent() {
    let of = |yaml, agent, body| targets(yaml, agent, body)[0].get("__meta_consul_dc").cloned();
    let silent = r#"[{"Node": {"Address": "a"}}]"#;
    assert_eq!(of("{datacenter: set}", Some("agent"), ANSWER).as_deref(), Some("set"));
    assert_eq!(of("{}", Some("agent"), ANSWER).as_deref(), Some("test-dc"));
    assert_eq!(of("{}", Some("agent"), silent).as_deref(), Some("agent"));
    assert_eq!(of("{}", None, silent), None);
}

#[test]
fn a_service_whose_nodes_say_nothing_has_the_datacenter_of_the_agent() {
    let silent = Instance {
        datacenter: "",
        ..on("n1", "10.0.0.1", 80)
    };
    let dc = |story: &Story| {
        let group = story.collected.group("web").expect("it is there");
        let mut targets = group
            .targets()
            .map(|target| target.get("__meta_consul_dc").map(str::to_owned));
        targets.next().flatten()
    };
    let mut story = Story::new();
    story.consul.set("web", std::slice::from_ref(&silent));
    story.start("{}");
    story.run(MINUTE);
    assert_eq!(dc(&story).as_deref(), Some("dc-agent"));

    // A token without `agent:read`.
    let mut story = Story::new();
    story.consul.set("web", &[silent]);
    story
        .consul
        .fail("/agent/self", Fault::Status(403, "Permission denied"));
    story.start("{}");
    let received = story.run(MINUTE);
    assert_eq!((dc(&story), failures(&received)), (None, vec![]));
    for _ in 0..20 {
        story.consul.touch("web");
        story.consul.set_status("web", "warning");
        story.run(MINUTE);
        story.consul.set_status("web", "passing");
        story.run(MINUTE);
    }
    let asked = story.consul.take_requests();
    assert_eq!(
        asked.iter().filter(|(_, url)| url.contains("/agent/self")).count(),
        1,
        "and never again"
    );

    // The usual: nobody has to be asked.
    let mut story = Story::new();
    story.consul.set("web", &[on("n1", "10.0.0.1", 80)]);
    story.start("{}");
    story.run(MINUTE);
    assert_eq!(dc(&story).as_deref(), Some("dc1"));
    assert!(
        !story
            .consul
            .take_requests()
            .iter()
            .any(|(_, url)| url.contains("/agent/self"))
    );
}

#[test]
fn trouble_is_said_while_the_datacenter_is_waited_for() {
    for part in ["/health/service/sick", "/agent/self"] {
        let mut story = Story::new();
        let silent = Instance {
            datacenter: "",
            ..on("n1", "10.0.0.1", 80)
        };
        story.consul.set("sick", &[on("n2", "10.0.0.2", 80)]);
        story.consul.set("web", &[silent]);
        // The agent can't be asked while the server wants to be left alone, or never answers.
        story
            .consul
            .fail("/health/service/sick", Fault::Later(429, "600".to_owned()));
        if part == "/agent/self" {
            story.consul.fail(part, Fault::Hang);
        }
        story.start("{}");
        let received = story.run(MINUTE);
        let failures = failures(&received);
        assert!(
            failures.iter().all(|failure| failure.contains("service sick")),
            "{failures:?}"
        );
        assert_eq!((failures.len(), story.addresses()), (1, vec![]));

        story.consul.mend();
        story.run(MINUTE * 12);
        assert_eq!(story.addresses(), ["10.0.0.2:80", "10.0.0.1:80"]);
    }
}

#[test]
fn instances_without_an_address_are_counted() {
    let mut story = Story::new();
    story.consul.set("web", &[on("n1", "", 80), on("n2", "10.0.0.2", 80)]);
    story.start("{}");
    story.run(MINUTE);
    assert_eq!(story.addresses(), ["10.0.0.2:80"]);
    assert_eq!(story.metric("headcount_sd_consul_skipped_instances_total"), 1.0);
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "[a-z0-9.:]{1,8}", "\\PC{0,6}"]
}

proptest! {
    /// Any bytes are read or refused, and any answer that is read is one group of as many targets as have an address.
    #[test]
    fn any_answer_is_a_group(
        instances in prop::collection::vec((text(), text(), -9_i64..99_999, prop::collection::vec(text(), 0..3),
            prop::collection::btree_map(text(), text(), 0..4)), 0..6),
        separator in text(),
    ) {
        let entries: Vec<serde_json::Value> = instances.iter().map(|(node, service, port, tags, meta)| serde_json::json!({
            "Node": {"Address": node, "Meta": meta, "TaggedAddresses": meta},
            "Service": {"Address": service, "Port": port, "Tags": tags, "Meta": meta},
        })).collect();
        let instances_read = answer::instances(serde_json::json!(entries).to_string().as_bytes()).expect("it is JSON");
        let mut settings = settings("{}");
        settings.tag_separator = separator.clone();
        let mut encoder = Encoder::new();
        let mut batch = encoder.batch();
        let skipped = targets::add_group(&mut batch, &settings, None, "web", &instances_read).expect("it fits");
        let groups = batch.finish();
        let with_address = instances.iter().filter(|(node, service, ..)| !node.is_empty() || !service.is_empty());
        prop_assert_eq!(groups[0].target_count(), with_address.count());
        prop_assert_eq!(skipped + groups[0].target_count(), instances.len());
        for target in groups[0].targets() {
            let tags = target.get("__meta_consul_tags").unwrap_or_default();
            prop_assert!(tags.starts_with(&separator) && tags.ends_with(&separator));
            let is_fine = |(name, value): (&str, &str)| {
                !value.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            };
            prop_assert!(target.iter().all(is_fine));
        }
    }

    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = (answer::instances(&bytes), answer::services(&bytes), answer::datacenter(&bytes));
    }
}
