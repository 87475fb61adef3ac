//! `lightsail`, `ecs`, `elasticache`, `msk` and `rds`, under everything that AWS can do to them; `ec2` has a module of its own.
//!
//! Each has a server that tells of one object for each host, in one cluster where there are such. **None of them knows of a
//! fault**: those happen on the way, and to the hosts that a server is shown.

use headcount_discoverer::env::HttpRequest;
use headcount_sim::{BackendKind, Hosts, Page, Scenario, ShownHost, Span};
use serde_json::{Value, json};

use super::listed::{Listed, ip, page, survives_in};
use super::scenario;

/// Who is throttled again and again is left alone for up to ten minutes.
const BOUND: Span = Span::mins(12);

const ENTRY: &str = "{region: eu-west-1, access_key: a, secret_key: s, port: 9100, refresh_interval: 30s}";

fn region() -> Scenario {
    let hosts = Hosts::new(20).zones(3).first_address(0x0a00_0000);
    let region = scenario(BackendKind::Http).hosts(hosts);
    region.until(Span::mins(40)).calm(Span::mins(14))
}

fn check(listed: Listed) {
    survives_in(&region(), listed, listed, (10, BOUND));
}

/// What a form says of this.
fn of_form(request: &HttpRequest, name: &str) -> String {
    let form = String::from_utf8_lossy(&request.body);
    let mut pairs = form.split('&').filter_map(|pair| pair.split_once('='));
    let value = pairs.find(|(key, _)| *key == name).map(|(_, value)| value);
    value.unwrap_or_default().to_owned()
}

/// What a request in JSON asks for, and with what.
fn of_json(request: &HttpRequest) -> (&str, Value) {
    let mut headers = request.headers.iter();
    let target = headers.find(|(name, _)| name.eq_ignore_ascii_case("x-amz-target"));
    let action = target.and_then(|(_, target)| target.rsplit('.').next());
    (
        action.unwrap_or_default(),
        serde_json::from_slice(&request.body).unwrap_or_default(),
    )
}

/// The answer to an action of a service that speaks XML.
fn result(action: &str, result: &str) -> Page {
    Page::text(
        200,
        format!("<{action}Response><{action}Result>{result}</{action}Result></{action}Response>"),
    )
}

/// The hosts of the page that is asked for, and what the next one is asked for with.
fn marked<'a>(hosts: &'a [ShownHost], mark: Option<&str>) -> (&'a [ShownHost], Option<String>) {
    let from = mark.and_then(|mark| mark.parse().ok()).unwrap_or_default();
    let (hosts, next) = page(hosts, from);
    (hosts, next.map(|next| next.to_string()))
}

fn tag(host: &ShownHost) -> String {
    format!("<Tag><Key>stamp</Key><Value>{}</Value></Tag>", host.stamp)
}

#[test]
fn lightsail() {
    let answer = |request: &HttpRequest, hosts: &[ShownHost]| {
        let (_, asked) = of_json(request);
        let (hosts, next) = marked(hosts, asked["pageToken"].as_str());
        let instances = hosts.iter().map(|host| {
            let tags = json!([{"key": "stamp", "value": host.stamp.to_string()}]);
            json!({"name": host.host.to_string(), "privateIpAddress": ip(host), "tags": tags})
        });
        let instances: Vec<Value> = instances.collect();
        Page::json(json!({"instances": instances, "nextPageToken": next}).to_string())
    };
    check(Listed {
        mechanism: "lightsail",
        entry: ENTRY,
        server: "https://lightsail.eu-west-1.amazonaws.com/",
        answer,
        stamp: "__meta_lightsail_tag_stamp",
    });
}

#[test]
fn ecs() {
    fn task(host: &ShownHost) -> Value {
        let details = json!([{"name": "privateIPv4Address", "value": ip(host)}]);
        json!({
            "taskArn": host.host.to_string(), "tags": [{"key": "stamp", "value": host.stamp.to_string()}],
            "attachments": [{"type": "ElasticNetworkInterface", "details": details}], "group": "service:s",
        })
    }
    let answer = |request: &HttpRequest, hosts: &[ShownHost]| {
        let (action, asked) = of_json(request);
        let said = match action {
            "ListClusters" => json!({"clusterArns": ["c"]}),
            "DescribeClusters" => json!({"clusters": [{"clusterArn": "c", "clusterName": "c", "status": "ACTIVE"}]}),
            "ListTasks" => {
                let (hosts, next) = marked(hosts, asked["nextToken"].as_str());
                let arns: Vec<String> = hosts.iter().map(|host| host.host.to_string()).collect();
                json!({"taskArns": arns, "nextToken": next})
            }
            "DescribeTasks" => {
                let is_asked = |host: &&ShownHost| {
                    let mut tasks = asked["tasks"].as_array().into_iter().flatten();
                    tasks.any(|arn| *arn == host.host.to_string())
                };
                json!({"tasks": hosts.iter().filter(is_asked).map(task).collect::<Vec<Value>>()})
            }
            "DescribeServices" => json!({"services": [{"serviceName": "s"}]}),
            _ => return Page::text(400, "there is no such action\n"),
        };
        Page::json(said.to_string())
    };
    check(Listed {
        mechanism: "ecs",
        entry: ENTRY,
        server: "https://ecs.eu-west-1.amazonaws.com/",
        answer,
        stamp: "__meta_ecs_tag_task_stamp",
    });
}

#[test]
fn elasticache() {
    fn cluster(host: &ShownHost) -> String {
        let (_, port) = host.address.split_once(':').unwrap_or_default();
        let endpoint = format!(
            "<Endpoint><Address>{}</Address><Port>{port}</Port></Endpoint>",
            ip(host)
        );
        format!(
            "<CacheCluster><CacheClusterId>{id}</CacheClusterId><ARN>{id}</ARN><CacheNodes><CacheNode>{endpoint}\
             </CacheNode></CacheNodes></CacheCluster>",
            id = host.host
        )
    }
    let answer = |request: &HttpRequest, hosts: &[ShownHost]| {
        let action = of_form(request, "Action");
        match action.as_str() {
            "DescribeCacheClusters" => {
                let (hosts, next) = marked(hosts, Some(&of_form(request, "Marker")));
                let clusters: String = hosts.iter().map(cluster).collect();
                let next = next.map(|next| format!("<Marker>{next}</Marker>")).unwrap_or_default();
                result(&action, &format!("<CacheClusters>{clusters}</CacheClusters>{next}"))
            }
            "DescribeServerlessCaches" => result(&action, "<ServerlessCaches/>"),
            "ListTagsForResource" => {
                let name = of_form(request, "ResourceName");
                match hosts.iter().find(|host| host.host.to_string() == name) {
                    Some(host) => result(&action, &format!("<TagList>{}</TagList>", tag(host))),
                    None => Page::text(
                        404,
                        "<ErrorResponse><Error><Code>CacheClusterNotFound</Code></Error></ErrorResponse>",
                    ),
                }
            }
            _ => Page::text(400, "there is no such action\n"),
        }
    };
    check(Listed {
        mechanism: "elasticache",
        entry: ENTRY,
        server: "https://elasticache.eu-west-1.amazonaws.com/",
        answer,
        stamp: "__meta_elasticache_cache_cluster_tag_stamp",
    });
}

#[test]
fn msk() {
    let answer = |request: &HttpRequest, hosts: &[ShownHost]| {
        if !request.url.contains("/nodes?") {
            let clusters = json!([{"clusterArn": "c", "clusterType": "PROVISIONED"}]);
            return Page::json(json!({ "clusterInfoList": clusters }).to_string());
        }
        let mark = request.url.split('&').find_map(|pair| pair.strip_prefix("nextToken="));
        let (hosts, next) = marked(hosts, mark);
        let nodes = hosts.iter().map(|host| {
            let broker = json!({"brokerId": 1.0, "endpoints": [ip(host)]});
            json!({"brokerNodeInfo": broker, "instanceType": host.stamp.to_string()})
        });
        Page::json(json!({"nodeInfoList": nodes.collect::<Vec<Value>>(), "nextToken": next}).to_string())
    };
    check(Listed {
        mechanism: "msk",
        entry: ENTRY,
        server: "https://kafka.eu-west-1.amazonaws.com/",
        answer,
        stamp: "__meta_msk_node_instance_type",
    });
}

#[test]
fn rds() {
    fn instance(host: &ShownHost) -> String {
        format!(
            "<DBInstance><DBInstanceIdentifier>{}</DBInstanceIdentifier><DBClusterIdentifier>c</DBClusterIdentifier>\
             <Endpoint><Address>{}</Address><Port>5432</Port></Endpoint><TagList>{}</TagList></DBInstance>",
            host.host,
            ip(host),
            tag(host)
        )
    }
    let answer = |request: &HttpRequest, hosts: &[ShownHost]| {
        let action = of_form(request, "Action");
        if action == "DescribeDBClusters" {
            let cluster = "<DBCluster><DBClusterIdentifier>c</DBClusterIdentifier></DBCluster>";
            return result(&action, &format!("<DBClusters>{cluster}</DBClusters>"));
        }
        let (hosts, next) = marked(hosts, Some(&of_form(request, "Marker")));
        let instances: String = hosts.iter().map(instance).collect();
        let next = next.map(|next| format!("<Marker>{next}</Marker>")).unwrap_or_default();
        result(&action, &format!("<DBInstances>{instances}</DBInstances>{next}"))
    };
    check(Listed {
        mechanism: "rds",
        entry: ENTRY,
        server: "https://rds.eu-west-1.amazonaws.com/",
        answer,
        stamp: "__meta_rds_instance_tag_stamp",
    });
}
