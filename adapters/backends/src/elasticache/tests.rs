use headcount_discoverer::testing::Answer;

use crate::aws_api::testing::{KEYS, MINUTE, Site, failures, form, good, missing, refused};

const ELASTICACHE: &str = "https://elasticache.eu-west-1.amazonaws.com";

fn arn(kind: &str, name: &str) -> String {
    format!("arn:aws:elasticache:eu-west-1:1:{kind}:{name}")
}

fn node(id: &str, host: &str) -> String {
    let endpoint = match host {
        "" => String::new(),
        host => format!("<Endpoint><Address>{host}</Address><Port>6379</Port></Endpoint>"),
    };
    format!(
        "<CacheNode><CacheNodeId>{id}</CacheNodeId><CacheNodeStatus>available</CacheNodeStatus><CacheNodeCreateTime>\
         2026-01-02T03:04:05.678Z</CacheNodeCreateTime>{endpoint}</CacheNode>"
    )
}

fn cluster(name: &str, more: &str) -> String {
    format!(
        "<CacheCluster><ARN>{}</ARN><CacheClusterId>{name}</CacheClusterId>{more}</CacheCluster>",
        arn("cluster", name)
    )
}

fn clusters(clusters: &str, marker: &str) -> Answer {
    good(format!(
        "<DescribeCacheClustersResponse xmlns=\"x\"><DescribeCacheClustersResult><Marker>{marker}</Marker><CacheClusters>\
         {clusters}</CacheClusters></DescribeCacheClustersResult></DescribeCacheClustersResponse>"
    ))
}

fn caches(caches: &str) -> Answer {
    good(format!(
        "<DescribeServerlessCachesResponse><DescribeServerlessCachesResult><ServerlessCaches>{caches}</ServerlessCaches>\
         </DescribeServerlessCachesResult></DescribeServerlessCachesResponse>"
    ))
}

fn serverless(name: &str, more: &str) -> String {
    format!(
        "<member><ServerlessCacheName>{name}</ServerlessCacheName><ARN>{}</ARN><Endpoint><Address>{name}.example\
         </Address><Port>6379</Port></Endpoint>{more}</member>",
        arn("serverlesscache", name)
    )
}

fn tags(of: &str) -> Answer {
    good(format!(
        "<ListTagsForResourceResponse><ListTagsForResourceResult><TagList><Tag><Key>of</Key><Value>{of}</Value></Tag>\
         </TagList></ListTagsForResourceResult></ListTagsForResourceResponse>"
    ))
}

/// A whole cluster.
const WHOLE: &str = "<Engine>redis</Engine><EngineVersion>7.1.0</EngineVersion><NumCacheNodes>2</NumCacheNodes>\
    <CacheClusterStatus>available</CacheClusterStatus><ReplicationGroupId>rg</ReplicationGroupId>\
    <AuthTokenEnabled>false</AuthTokenEnabled><CacheClusterCreateTime>2026-01-02T03:04:05Z</CacheClusterCreateTime>\
    <ConfigurationEndpoint><Address>c.example</Address><Port>11211</Port></ConfigurationEndpoint>\
    <SecurityGroups><member><SecurityGroupId>sg-1</SecurityGroupId><Status>active</Status></member>\
    <member><SecurityGroupId>sg-2</SecurityGroupId></member></SecurityGroups>\
    <PendingModifiedValues><CacheNodeIdsToRemove><CacheNodeId>0001</CacheNodeId><CacheNodeId>0002</CacheNodeId>\
    </CacheNodeIdsToRemove></PendingModifiedValues>\
    <LogDeliveryConfigurations><LogDeliveryConfiguration><LogType>slow-log</LogType><DestinationDetails>\
    <CloudWatchLogsDetails><LogGroup>/g</LogGroup></CloudWatchLogsDetails></DestinationDetails>\
    </LogDeliveryConfiguration></LogDeliveryConfigurations>";

/// Two clusters, of which one is in a replication group, and two serverless caches.
fn serve(site: &Site) {
    site.world.http.serve(ELASTICACHE, |request| {
        let form = form(request);
        match (&*form["Action"], form.get("Marker").map(String::as_str)) {
            ("DescribeCacheClusters", None) => {
                let nodes = format!("<CacheNodes>{}{}</CacheNodes>", node("0001", "a.example"), node("0002", "b.example"));
                clusters(&cluster("rg-001", &format!("{WHOLE}{nodes}")), "next")
            }
            ("DescribeCacheClusters", Some(_)) => {
                let nodes = format!("<CacheNodes>{}{}</CacheNodes>", node("0001", "c.example"), node("0002", ""));
                clusters(&cluster("alone", &nodes), "")
            }
            ("DescribeServerlessCaches", _) => caches(&format!(
                "{}{}",
                serverless(
                    "s1",
                    "<CacheUsageLimits><DataStorage><Maximum>10</Maximum><Unit>GB</Unit></DataStorage></CacheUsageLimits>\
                     <ReaderEndpoint><Address>r.example</Address><Port>6380</Port></ReaderEndpoint><SubnetIds><SubnetId>\
                     subnet-1</SubnetId><SubnetId>subnet-2</SubnetId></SubnetIds>"
                ),
                serverless("s2", "")
            )),
            _ => tags(form["ResourceName"].rsplit(':').next().unwrap_or_default()),
        }
    });
}

#[test]
fn labels_are_those_of_prometheus() {
    let mut site = Site::of("elasticache", &format!("{{{KEYS}}}"));
    serve(&site);
    assert_eq!(failures(&site.ask()), [""; 0]);
    site.is_as_described();
    assert_eq!(
        site.found.sources(),
        [
            "eu-west-1/cluster/alone",
            "eu-west-1/cluster/rg-001",
            "eu-west-1/serverlesscache/s1",
            "eu-west-1/serverlesscache/s2"
        ]
    );
    insta::assert_debug_snapshot!(site.targets());
    assert_eq!(
        site.counted("headcount_sd_elasticache_skipped_total"),
        Some(1.0),
        "a node that has no endpoint yet"
    );
    let sent = site.world.http.take_requests();
    assert_eq!(sent.len(), 3 + 4, "pages, and the tags of each");
}

#[test]
fn what_is_listed_keeps_the_tags_that_can_not_be_asked_for() {
    let serve = |site: &Site, refusal: Option<Answer>| {
        site.world
            .http
            .serve(ELASTICACHE, move |request| match &*form(request)["Action"] {
                "DescribeCacheClusters" => {
                    let made = format!("<CacheNodes>{}</CacheNodes>", node("0001", ""));
                    clusters(&cluster("made", &made), "")
                }
                "DescribeServerlessCaches" => caches(&serverless("s1", "")),
                _ => refusal.clone().unwrap_or_else(|| tags("it")),
            });
    };
    let gone = || refused(404, "ServerlessCacheNotFoundFault");
    let changed = || refused(400, "InvalidServerlessCacheStateFault");
    let mut site = Site::of("elasticache", &format!("{{{KEYS}}}"));
    serve(&site, None);
    site.ask();
    let before = site.targets();
    assert!(format!("{before:?}").contains("__meta_elasticache_serverless_cache_tag_of"));
    site.world.http.take_requests();
    for refusal in [gone(), changed()] {
        serve(&site, Some(refusal));
        let received = site.run_for(3 * MINUTE);
        assert_eq!((failures(&received), missing(&received)), (vec![], vec![]));
        assert_eq!(site.targets(), before);
    }
    let sent = site.world.http.take_requests();
    let asked = sent
        .iter()
        .filter_map(|sent| form(&sent.request).remove("ResourceName"));
    assert!(
        asked.into_iter().all(|arn| arn.ends_with(":s1")),
        "what has no address yet"
    );
    // Whose tags were never told is not there without them.
    let mut site = Site::of("elasticache", &format!("{{{KEYS}}}"));
    serve(&site, Some(gone()));
    assert_eq!(failures(&site.ask()), [""; 0]);
    assert_eq!(site.found.addresses(), [""; 0]);
    assert_eq!(site.counted("headcount_sd_elasticache_skipped_total"), Some(2.0));
    let mut site = Site::of("elasticache", &format!("{{{KEYS}}}"));
    serve(&site, Some(changed()));
    let received = site.ask();
    let said = format!("{:?} {:?}", failures(&received), missing(&received));
    assert!(said.contains("InvalidServerlessCacheStateFault"), "{said}");
}

#[test]
fn who_names_some_gets_those_and_nothing_else() {
    for (named, addresses) in [
        (
            vec![arn("replicationgroup", "rg")],
            vec!["a.example:6379", "b.example:6379"],
        ),
        (vec![arn("replicationgroup", "alone")], vec!["c.example:6379"]),
        (
            vec![arn("cluster", "alone"), arn("serverlesscache", "s2")],
            vec!["c.example:6379", "s2.example:6379"],
        ),
        (vec![arn("serverlesscache", "alone")], vec![]),
        (vec!["nonsense".to_owned()], vec![]),
    ] {
        let mut site = Site::of("elasticache", &format!("{{{KEYS}, clusters: {named:?}}}"));
        serve(&site);
        assert_eq!(failures(&site.ask()), [""; 0]);
        assert_eq!(site.found.addresses(), addresses, "{named:?}");
    }
}

#[test]
fn clusters_and_serverless_caches_fail_by_themselves() {
    let mut site = Site::of("elasticache", &format!("{{{KEYS}}}"));
    serve(&site);
    site.ask();
    for (broken, says) in [
        (refused(500, "InternalFailure"), "InternalFailure: No. (status 500)"),
        (
            caches(""),
            "it is a <DescribeServerlessCachesResponse>, not a <DescribeCacheClustersResponse>",
        ),
        (good("<DescribeCacheClustersResponse/>"), "it has no <CacheClusters>"),
    ] {
        site.world
            .http
            .serve(ELASTICACHE, move |request| match &*form(request)["Action"] {
                "DescribeCacheClusters" => broken.clone(),
                "DescribeServerlessCaches" => caches(&serverless("s3", "")),
                _ => tags("x"),
            });
        let received = site.run_for(3 * MINUTE);
        let missing = missing(&received);
        assert!(
            missing[0].starts_with("eu-west-1/cluster: ") && missing[0].contains(says),
            "{missing:?}"
        );
        let expected = ["c.example:6379", "a.example:6379", "b.example:6379", "s3.example:6379"];
        assert_eq!(site.found.addresses(), expected, "{says}");
    }
    // Without tags there would be fewer labels than before.
    serve(&site);
    site.run_for(3 * MINUTE);
    let before = site.targets();
    site.world
        .http
        .serve(ELASTICACHE, |request| match &*form(request)["Action"] {
            "DescribeCacheClusters" => {
                let nodes = format!("<CacheNodes>{}</CacheNodes>", node("0001", "c.example"));
                clusters(&cluster("alone", &nodes), "")
            }
            "DescribeServerlessCaches" => caches(&serverless("s1", "")),
            _ => refused(403, "AccessDenied"),
        });
    let received = site.run_for(3 * MINUTE);
    assert!(
        failures(&received)[0].contains("AccessDenied: No. (status 403)"),
        "{received:?}"
    );
    assert_eq!(site.targets(), before);
}
