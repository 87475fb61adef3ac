use headcount_discoverer::env::HttpRequest;
use headcount_discoverer::testing::Answer;
use serde_json::{Value, json};

use crate::aws_api::testing::{KEYS, MINUTE, Site, failures, form, good, missing, refused};

const ECS: &str = "https://ecs.eu-west-1.amazonaws.com";
const EC2: &str = "https://ec2.eu-west-1.amazonaws.com";
const SKIPPED: &str = "headcount_sd_ecs_skipped_total";

fn arn(kind: &str, name: &str) -> String {
    format!("arn:aws:ecs:eu-west-1:1:{kind}/{name}")
}

fn action(request: &HttpRequest) -> (String, Value) {
    let mut headers = request.headers.iter();
    let target = headers.find(|(name, _)| name == "X-Amz-Target");
    let target = target.map(|(_, value)| value.rsplit('.').next().unwrap_or_default().to_owned());
    let parameters = serde_json::from_slice(&request.body).expect("JSON");
    (target.unwrap_or_default(), parameters)
}

fn cluster(name: &str) -> Value {
    json!({"clusterArn": arn("cluster", name), "clusterName": name, "status": "ACTIVE",
           "tags": [{"key": "owner", "value": name}]})
}

/// A task with an interface of its own, in a service.
fn own(cluster: &str) -> Value {
    let detail = |name: &str, value: &str| json!({"name": name, "value": value});
    json!({
        "taskArn": arn("task", &format!("{cluster}/own")), "taskDefinitionArn": arn("task-definition", "web:1"),
        "group": "service:web", "launchType": "FARGATE", "lastStatus": "RUNNING", "desiredStatus": "RUNNING",
        "healthStatus": "HEALTHY", "availabilityZone": "eu-west-1a", "platformFamily": "Linux",
        "platformVersion": "1.4.0", "tags": [{"key": "t", "value": "v"}],
        "attachments": [{"type": "Service Connect"}, {"type": "ElasticNetworkInterface", "status": "ATTACHED",
            "details": [detail("subnetId", "subnet-1"), detail("networkInterfaceId", "eni-1"),
                        {"name": "macAddress"}, detail("privateIPv4Address", "10.0.0.1")]}],
    })
}

/// A task that shares the network of its host.
fn shared(host: &str) -> Value {
    json!({"taskArn": arn("task", host), "containerInstanceArn": arn("container-instance", host), "launchType": "EC2",
           "group": "family:db", "attachments": [], "healthStatus": "UNKNOWN"})
}

fn ec2(request: &HttpRequest) -> Answer {
    let form = form(request);
    match &*form["Action"] {
        "DescribeInstances" => {
            assert_eq!(form["Filter.1.Name"], "instance-id");
            good(
                "<DescribeInstancesResponse><reservationSet><item><instancesSet><item><instanceId>i-h1</instanceId>\
                 <privateIpAddress>10.0.1.1</privateIpAddress><ipAddress>192.0.2.1</ipAddress><instanceType>m5.large\
                 </instanceType><subnetId>subnet-2</subnetId><tagSet><item><key>Name</key><value>host</value></item>\
                 </tagSet></item></instancesSet></item></reservationSet></DescribeInstancesResponse>",
            )
        }
        _ => {
            assert_eq!(form["Filter.1.Name"], "network-interface-id");
            good(
                "<DescribeNetworkInterfacesResponse><networkInterfaceSet><item><networkInterfaceId>eni-1\
                 </networkInterfaceId><association><publicIp>192.0.2.9</publicIp></association></item>\
                 </networkInterfaceSet></DescribeNetworkInterfacesResponse>",
            )
        }
    }
}

/// An ECS with two clusters, of which the second may be broken.
fn serve(site: &Site, of_second: Option<Answer>) {
    site.world.http.serve(EC2, ec2);
    site.world.http.serve(ECS, move |request| {
        let (action, parameters) = action(request);
        let of = parameters["cluster"].as_str().unwrap_or_default().to_owned();
        if let Some(answer) = of_second.clone().filter(|_| of.ends_with("/two")) {
            return answer;
        }
        let answer = match (&*action, parameters["nextToken"].as_str()) {
            ("ListClusters", None) => json!({"clusterArns": [arn("cluster", "one")], "nextToken": "n"}),
            ("ListClusters", Some(_)) => json!({"clusterArns": [arn("cluster", "two")], "nextToken": null}),
            ("DescribeClusters", _) => {
                let named = parameters["clusters"].as_array().cloned().unwrap_or_default();
                let is_named = |name: &&str| named.iter().any(|it| it.as_str().is_some_and(|it| it.ends_with(*name)));
                let known: Vec<Value> = ["one", "two"].into_iter().filter(is_named).map(cluster).collect();
                json!({"clusters": known, "failures": []})
            }
            ("ListTasks", _) if of.ends_with("/one") => json!({"taskArns": ["a", "b", "c"]}),
            ("ListTasks", _) => json!({"taskArns": ["d"]}),
            ("DescribeTasks", _) if of.ends_with("/one") => {
                json!({"tasks": [own("one"), shared("h1"), shared("lost"), {"taskArn": "bare"}]})
            }
            ("DescribeTasks", _) => json!({"tasks": [own("two")]}),
            ("DescribeServices", _) => {
                assert_eq!(parameters["services"], json!(["web"]));
                json!({"services": [{"serviceArn": "s", "serviceName": "web", "status": "ACTIVE",
                                     "tags": [{"key": "tier", "value": "front"}]}]})
            }
            ("DescribeContainerInstances", _) => json!({"containerInstances": [
                {"containerInstanceArn": arn("container-instance", "h1"), "ec2InstanceId": "i-h1"},
                {"containerInstanceArn": arn("container-instance", "lost"), "ec2InstanceId": "i-lost"},
                {"containerInstanceArn": "outside"},
            ]}),
            _ => return Answer::new(500),
        };
        Answer::json(answer.to_string())
    });
}

#[test]
fn labels_are_those_of_prometheus_in_each_mode_of_the_network() {
    let mut site = Site::of("ecs", &format!("{{{KEYS}, port: 9100}}"));
    serve(&site, None);
    assert_eq!(failures(&site.ask()), [""; 0]);
    site.is_as_described();
    assert_eq!(
        site.found.sources(),
        [
            "eu-west-1/arn:aws:ecs:eu-west-1:1:cluster/one",
            "eu-west-1/arn:aws:ecs:eu-west-1:1:cluster/two"
        ]
    );
    insta::assert_debug_snapshot!(site.targets());
    assert_eq!(
        site.counted(SKIPPED),
        Some(2.0),
        "one on a host that is gone, and one that says nothing"
    );
}

#[test]
fn a_cluster_that_fails_keeps_its_targets_and_is_named() {
    let mut site = Site::of("ecs", &format!("{{{KEYS}}}"));
    serve(&site, None);
    site.ask();
    assert_eq!(site.found.addresses().len(), 3);
    for (answer, says) in [
        (Answer::new(500), "status 500"),
        (Answer::json("{}"), "it has no taskArns"),
        (Answer::json("<html>"), "it is not the JSON that was asked for"),
        (
            refused(403, "AccessDeniedException"),
            "AccessDeniedException: No. (status 403)",
        ),
    ] {
        serve(&site, Some(answer));
        let received = site.run_for(3 * MINUTE);
        let missing = missing(&received);
        assert_eq!(missing.len(), 1, "{received:?}");
        assert!(
            missing[0].starts_with("eu-west-1/arn:aws:ecs:eu-west-1:1:cluster/two: "),
            "{missing:?}"
        );
        assert!(missing[0].contains(says), "{missing:?}");
        assert_eq!(site.found.addresses().len(), 3, "{says}");
    }
    // What EC2 does not say of hosts fails its clusters, too.
    serve(&site, None);
    site.world.http.serve(EC2, |_| Answer::new(500));
    let received = site.run_for(3 * MINUTE);
    assert!(
        failures(&received)[0].contains("and so for the other part"),
        "{received:?}"
    );
    assert_eq!(site.found.addresses().len(), 3);
}

#[test]
fn clusters_are_named_by_name_or_arn_and_one_that_nobody_knows_is_missing() {
    let entry = format!("{{{KEYS}, clusters: [two, '{}', three]}}", arn("cluster", "two"));
    let mut site = Site::of("ecs", &entry);
    serve(&site, None);
    let received = site.ask();
    site.is_as_described();
    assert_eq!(site.found.sources(), ["eu-west-1/arn:aws:ecs:eu-west-1:1:cluster/two"]);
    assert_eq!(
        missing(&received),
        ["eu-west-1/three: DescribeClusters: ECS knows no such cluster; correct its name, or remove it"]
    );
}

/// B11: one that has lost what it knew says the same as one that has nothing.
#[test]
fn b11_that_all_clusters_are_gone_counts_when_it_is_said_twice() {
    let mut site = Site::of("ecs", &format!("{{{KEYS}}}"));
    serve(&site, None);
    site.ask();
    site.world
        .http
        .serve(ECS, |_| Answer::json(r#"{"clusterArns": [], "clusters": []}"#));
    let received = site.run_for(MINUTE);
    let said = failures(&received);
    assert_eq!(
        said,
        [
            "asking ECS: ListClusters: it lists nothing any more, of 2 before; that counts if the next answer is the same"
        ]
    );
    assert_eq!(site.found.addresses().len(), 3);
    site.run_for(2 * MINUTE);
    assert_eq!(site.found.addresses(), [""; 0]);
}

#[test]
fn ec2_is_asked_at_its_own_endpoint_with_its_own_name() {
    let mut site = Site::of("ecs", &format!("{{{KEYS}, endpoint: 'http://ecs.example:1'}}"));
    serve(&site, None);
    site.world.http.serve("http://ecs.example:1", |request| {
        assert_eq!(request.url, "http://ecs.example:1/");
        Answer::json(r#"{"clusterArns": []}"#)
    });
    site.ask();
    assert_eq!(site.signed("ecs.example"), ["AKID eu-west-1 ecs"]);
    let mut site = Site::of("ecs", &format!("{{{KEYS}}}"));
    serve(&site, None);
    site.ask();
    let signed = site.signed("ec2.eu-west-1");
    assert!(
        !signed.is_empty() && signed.iter().all(|it| it == "AKID eu-west-1 ec2"),
        "{signed:?}"
    );
}

#[test]
fn requests_are_so_many_at_a_time() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;
    // A hundred clusters that have no tasks, each of which takes a second.
    let mut site = Site::of("ecs", &format!("{{{KEYS}, request_concurrency: 5}}"));
    let lists = Arc::new(AtomicUsize::new(0));
    let counted = lists.clone();
    site.world.http.serve(ECS, move |request| {
        let names = (0..100).map(|number| number.to_string());
        match &*action(request).0 {
            "ListClusters" => Answer::json(json!({"clusterArns": names.collect::<Vec<_>>()}).to_string()),
            "DescribeClusters" => {
                let clusters: Vec<Value> = names.map(|name| json!({"clusterArn": name})).collect();
                Answer::json(json!({ "clusters": clusters }).to_string())
            }
            _ => {
                counted.fetch_add(1, Ordering::Relaxed);
                Answer::json(r#"{"taskArns": []}"#).after(Duration::from_secs(1))
            }
        }
    });
    site.run_for(Duration::from_millis(4500));
    assert_eq!(lists.load(Ordering::Relaxed), 25, "five each second");
}
