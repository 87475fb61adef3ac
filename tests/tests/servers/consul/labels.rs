//! Every label that Prometheus documents, from what a real Consul says.

use serde_json::{Value, json};

use super::run;
use crate::support::{Consul, Folder, Headcount, Labels};

/// Two instances on a node that the catalog knows everything about, and one on a node that says no more than it must.
fn fill(consul: &Consul) {
    let node = json!({
        "Node": "db-host", "Address": "10.1.0.1",
        "NodeMeta": {"rack": "r7", "os-release.name": "debian 12", "größe": "xl"},
        "TaggedAddresses": {"lan": "10.1.0.1", "wan": "198.51.100.1"},
    });
    let with = |more: Value| {
        let mut entry = node.clone();
        for (name, value) in more.as_object().expect("an object") {
            entry[name] = value.clone();
        }
        entry
    };
    consul.catalog(&with(json!({
        "Service": {
            "ID": "db/1", "Service": "db", "Address": "10.2.0.1", "Port": 5432, "Tags": ["primary", "v=15"],
            "Meta": {"metrics-path": "/m", "shard": "7"},
            "TaggedAddresses": {"lan": {"Address": "10.2.0.9", "Port": 1}},
            "Weights": {"Passing": 1, "Warning": 1},
        },
        "Checks": [
            {"Node": "db-host", "CheckID": "serfHealth", "Name": "alive", "Status": "passing"},
            {"Node": "db-host", "CheckID": "service:db/1", "Name": "db", "Status": "warning", "ServiceID": "db/1"},
        ],
    })));
    consul.catalog(&with(json!({
        "Service": {"ID": "db/2", "Service": "db", "Port": 5433},
        "Check": {"Node": "db-host", "CheckID": "service:db/2", "Name": "db", "Status": "critical", "ServiceID": "db/2"},
    })));
    consul.catalog(&json!({
        "Node": "plain", "Address": "fd00::7",
        "Service": {"ID": "db/3", "Service": "db", "Port": 0, "Tags": ["replica"]},
    }));
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    let pairs = pairs.iter();
    pairs
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

/// What the node `db-host` says of each of its instances.
const OF_NODE: [(&str, &str); 9] = [
    ("__meta_consul_address", "10.1.0.1"),
    ("__meta_consul_dc", "dc1"),
    ("__meta_consul_metadata_gr__e", "xl"),
    ("__meta_consul_metadata_os_release_name", "debian 12"),
    ("__meta_consul_metadata_rack", "r7"),
    ("__meta_consul_node", "db-host"),
    ("__meta_consul_service", "db"),
    ("__meta_consul_tagged_address_lan", "10.1.0.1"),
    ("__meta_consul_tagged_address_wan", "198.51.100.1"),
];

/// The targets that are to be there, by what is documented.
fn expected() -> Vec<Labels> {
    let mut first = labels(&[
        ("__address__", "10.2.0.1:5432"),
        ("__meta_consul_health", "warning"),
        ("__meta_consul_service_address", "10.2.0.1"),
        ("__meta_consul_service_id", "db/1"),
        ("__meta_consul_service_metadata_metrics_path", "/m"),
        ("__meta_consul_service_metadata_shard", "7"),
        ("__meta_consul_service_port", "5432"),
        ("__meta_consul_tags", ",primary,v=15,"),
    ]);
    first.extend(labels(&OF_NODE));
    // Without an address of its own it is the node's.
    let mut second = labels(&[
        ("__address__", "10.1.0.1:5433"),
        ("__meta_consul_health", "critical"),
        ("__meta_consul_service_id", "db/2"),
        ("__meta_consul_service_port", "5433"),
        ("__meta_consul_tags", ",,"),
    ]);
    second.extend(labels(&OF_NODE));
    // No check is a passing one, and a port of zero is one, too.
    let third = labels(&[
        ("__address__", "[fd00::7]:0"),
        ("__meta_consul_address", "fd00::7"),
        ("__meta_consul_dc", "dc1"),
        ("__meta_consul_health", "passing"),
        ("__meta_consul_node", "plain"),
        ("__meta_consul_service", "db"),
        ("__meta_consul_service_id", "db/3"),
        ("__meta_consul_service_port", "0"),
        ("__meta_consul_tags", ",replica,"),
    ]);
    let mut all = vec![first, second, third];
    all.sort();
    all
}

/// What discovery alone says of each target.
fn discovered(headcount: &Headcount, job: &str) -> Vec<Labels> {
    let is_discovered = |name: &str| name == "__address__" || name.starts_with("__meta_consul_");
    let targets = headcount.wait_for(job, &["10.1.0.1:5433", "10.2.0.1:5432", "[fd00::7]:0"]);
    let targets = targets.into_iter();
    targets
        .map(|labels| labels.into_iter().filter(|(name, _)| is_discovered(name)).collect())
        .collect()
}

#[test]
fn labels_are_those_that_prometheus_documents() {
    require!("consul");
    let folder = Folder::new();
    let consul = Consul::start(&folder);
    fill(&consul);
    let jobs = [
        ("plain", "services: [db]"),
        (
            "piped",
            "services: [db], datacenter: dc1, allow_stale: false, tag_separator: '|'",
        ),
    ];
    let headcount = run(&folder, &consul, &jobs);
    assert_eq!(discovered(&headcount, "plain"), expected());
    let mut piped = expected();
    for labels in &mut piped {
        let tags = labels["__meta_consul_tags"].replace(',', "|");
        labels.insert("__meta_consul_tags".to_owned(), tags);
    }
    assert_eq!(discovered(&headcount, "piped"), piped);
}
