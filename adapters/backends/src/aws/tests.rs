use headcount_discoverer::testing::{Answer, Received};
use proptest::prelude::*;
use proptest::sample::select;

use crate::aws_api::testing::{KEYS, MINUTE, Site, discoverer, failures, good};

/// Each role finds here what its own mechanism finds.
#[test]
fn a_role_is_its_own_mechanism() {
    let instances = include_str!("../ec2/testdata/instances.xml");
    let entry = format!("{{{KEYS}}}");
    let mut own = Site::of("ec2", &entry);
    let mut role = Site::of("aws", &format!("{{role: ec2, {KEYS}, port: 0, refresh_interval: 0s}}"));
    for site in [&mut own, &mut role] {
        site.world
            .http
            .at("https://ec2.eu-west-1.amazonaws.com")
            .now(good(instances));
        assert_eq!(failures(&site.ask()), [""; 0]);
    }
    assert_eq!(own.targets(), role.targets());
    assert_eq!(own.found.sources(), role.found.sources());
    assert_eq!(role.counted("headcount_sd_aws_skipped_total"), Some(1.0));
    assert_eq!(role.counted("headcount_sd_ec2_skipped_total"), None);
}

#[test]
fn each_role_asks_its_own_service() {
    for (role, host) in [
        ("ec2", "ec2"),
        ("ecs", "ecs"),
        ("elasticache", "elasticache"),
        ("lightsail", "lightsail"),
        ("msk", "kafka"),
        ("rds", "rds"),
    ] {
        let mut site = Site::empty();
        site.world.http.answer(500, &[], "");
        site.world.start(discoverer(
            "aws",
            &format!("{{role: {role}, {KEYS}, filters: [], clusters: []}}"),
        ));
        site.ask();
        let requests = site.world.http.take_requests();
        let start = format!("https://{host}.eu-west-1.amazonaws.com/");
        assert!(!requests.is_empty(), "{role}");
        assert!(
            requests.iter().all(|sent| sent.request.url.starts_with(&start)),
            "{role}"
        );
    }
}

/// Answers of all services, of which each asks for others at some time.
const ANSWERS: [&str; 14] = [
    include_str!("../ec2/testdata/instances.xml"),
    r#"{"instances": [{"name": "a", "privateIpAddress": "10.0.0.1", "tags": [{"key": "k", "value": "v"}]}]}"#,
    r#"{"clusterArns": ["c"]}"#,
    r#"{"clusters": [{"clusterArn": "c", "clusterName": "n"}]}"#,
    r#"{"taskArns": ["t"], "nextToken": "n"}"#,
    r#"{"tasks": [{"attachments": [{"type": "ElasticNetworkInterface", "details": [{"name": "privateIPv4Address", "value": "10.0.0.1"}]}]}, {"containerInstanceArn": "h", "group": "service:s"}]}"#,
    r#"{"services": [{"serviceName": "s"}], "containerInstances": [{"containerInstanceArn": "h", "ec2InstanceId": "i-bare"}]}"#,
    "<DescribeNetworkInterfacesResponse><networkInterfaceSet><item/></networkInterfaceSet></DescribeNetworkInterfacesResponse>",
    "<DescribeCacheClustersResponse><DescribeCacheClustersResult><CacheClusters><CacheCluster><ARN>a</ARN><CacheNodes>\
     <CacheNode><Endpoint><Address>a</Address><Port>1</Port></Endpoint></CacheNode></CacheNodes></CacheCluster>\
     </CacheClusters></DescribeCacheClustersResult></DescribeCacheClustersResponse>",
    "<ListTagsForResourceResponse><ListTagsForResourceResult><TagList><Tag><Key>k</Key></Tag></TagList>\
     </ListTagsForResourceResult></ListTagsForResourceResponse>",
    r#"{"clusterInfoList": [{"clusterArn": "c", "clusterType": "PROVISIONED"}], "nextToken": null}"#,
    r#"{"nodeInfoList": [{"brokerNodeInfo": {"brokerId": 1e300, "endpoints": ["b"]}}, {"controllerNodeInfo": {}}]}"#,
    "<DescribeDBClustersResponse><DescribeDBClustersResult><DBClusters><DBCluster><DBClusterIdentifier>c\
     </DBClusterIdentifier></DBCluster></DBClusters></DescribeDBClustersResult></DescribeDBClustersResponse>",
    "<DescribeDBInstancesResponse><DescribeDBInstancesResult><DBInstances><DBInstance><DBClusterIdentifier>c\
     </DBClusterIdentifier><Endpoint><Address>a</Address></Endpoint></DBInstance></DBInstances>\
     </DescribeDBInstancesResult></DescribeDBInstancesResponse>",
];

/// An answer of some service, whole or broken somewhere.
fn any_answer() -> impl Strategy<Value = Answer> {
    let broken = (select(&ANSWERS[..]), any::<prop::sample::Index>(), any::<Option<u8>>());
    let broken = broken.prop_map(|(body, at, byte)| {
        let mut body = body.as_bytes().to_vec();
        let at = at.index(body.len());
        match byte {
            Some(byte) => body[at] = byte,
            None => body.truncate(at),
        }
        good(body)
    });
    prop_oneof![
        6 => select(&ANSWERS[..]).prop_map(good),
        3 => broken,
        1 => select(&[400_u16, 403, 429, 500, 503][..]).prop_map(Answer::new),
    ]
}

proptest! {
    /// Whatever is answered, it goes on, and who only fails keeps what he had.
    #[test]
    fn any_answers_are_survived(
        role in select(&["ec2", "ecs", "elasticache", "lightsail", "msk", "rds"][..]),
        answers in prop::collection::vec(any_answer(), 1..12),
    ) {
        let mut site = Site::of("aws", &format!("{{role: {role}, {KEYS}}}"));
        answers.into_iter().for_each(|answer| site.world.http.push(answer));
        for _ in 0..4 {
            let before = site.targets();
            let received = site.run_for(MINUTE);
            if received.iter().all(|received: &Received| received.failure().is_some()) {
                prop_assert_eq!(site.targets(), before);
            }
            prop_assert_eq!(site.world.running(), 1);
        }
    }
}
