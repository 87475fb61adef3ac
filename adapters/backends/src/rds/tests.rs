use headcount_discoverer::testing::Answer;

use crate::aws_api::testing::{KEYS, MINUTE, Site, failures, form, good, missing, refused};

const RDS: &str = "https://rds.eu-west-1.amazonaws.com";

fn clusters(names: &[&str], marker: &str) -> Answer {
    let cluster = |name: &&str| {
        format!(
            "<DBCluster><DBClusterIdentifier>{name}</DBClusterIdentifier><DBClusterArn>arn:aws:rds:eu-west-1:1:cluster:\
             {name}</DBClusterArn><Port>5432</Port><MultiAZ>true</MultiAZ><ClusterCreateTime>2026-01-02T03:04:05.6Z\
             </ClusterCreateTime><DBSubnetGroup>g</DBSubnetGroup><PendingModifiedValues/><DBClusterMembers>\
             <DBClusterMember><DBInstanceIdentifier>{name}-1</DBInstanceIdentifier><IsClusterWriter>true\
             </IsClusterWriter></DBClusterMember><DBClusterMember><DBInstanceIdentifier>{name}-2</DBInstanceIdentifier>\
             <IsClusterWriter>false</IsClusterWriter></DBClusterMember></DBClusterMembers><TagList><Tag><Key>team\
             </Key><Value>data</Value></Tag></TagList></DBCluster>"
        )
    };
    let clusters: String = names.iter().map(cluster).collect();
    good(format!(
        "<DescribeDBClustersResponse><DescribeDBClustersResult><Marker>{marker}</Marker><DBClusters>{clusters}\
         </DBClusters></DescribeDBClustersResult></DescribeDBClustersResponse>"
    ))
}

fn instances(of: &[(&str, &str)]) -> Answer {
    let instance = |(name, cluster): &(&str, &str)| {
        format!(
            "<DBInstance><DBInstanceIdentifier>{name}</DBInstanceIdentifier><DBClusterIdentifier>{cluster}\
             </DBClusterIdentifier><Endpoint><Address>{name}.example</Address><Port>5432</Port></Endpoint><Engine>\
             aurora-postgresql</Engine><DBSubnetGroup><DBSubnetGroupName>sub</DBSubnetGroupName></DBSubnetGroup>\
             <TagList><Tag><Key>a-b</Key><Value>c</Value></Tag></TagList></DBInstance>"
        )
    };
    let nowhere = "<DBInstance><DBInstanceIdentifier>new</DBInstanceIdentifier><DBClusterIdentifier>one\
                   </DBClusterIdentifier></DBInstance>";
    let instances: String = of.iter().map(instance).collect();
    good(format!(
        "<DescribeDBInstancesResponse><DescribeDBInstancesResult><DBInstances>{instances}{nowhere}</DBInstances>\
         </DescribeDBInstancesResult></DescribeDBInstancesResponse>"
    ))
}

fn serve(site: &Site) {
    site.world.http.serve(RDS, |request| {
        let form = form(request);
        let one_of = |name: &str| form.get(name).map(String::as_str);
        match (&*form["Action"], one_of("Marker"), one_of("DBClusterIdentifier")) {
            ("DescribeDBClusters", None, None) => clusters(&["one"], "next"),
            ("DescribeDBClusters", Some(_), None) => clusters(&["two"], ""),
            ("DescribeDBClusters", _, Some("three")) => refused(404, "DBClusterNotFoundFault"),
            ("DescribeDBClusters", _, Some(name)) => clusters(&[name], ""),
            _ => {
                assert_eq!(form["Filters.Filter.1.Name"], "db-cluster-id");
                let all = [("one-1", "one"), ("one-2", "one"), ("two-1", "two"), ("alone", "")];
                let asked: Vec<&String> = form
                    .iter()
                    .filter(|(n, _)| n.starts_with("Filters.Filter.1.Values"))
                    .map(|(_, v)| v)
                    .collect();
                let of: Vec<(&str, &str)> = all
                    .into_iter()
                    .filter(|(_, of)| asked.iter().any(|it| it == of))
                    .collect();
                instances(&of)
            }
        }
    });
}

#[test]
fn labels_are_those_of_prometheus() {
    let entry = format!("{{{KEYS}, port: 9187, filters: [{{name: engine, values: [a, b]}}]}}");
    let mut site = Site::of("rds", &entry);
    serve(&site);
    assert_eq!(failures(&site.ask()), [""; 0]);
    site.is_as_described();
    assert_eq!(site.found.sources(), ["eu-west-1/one", "eu-west-1/two"]);
    insta::assert_debug_snapshot!(site.targets());
    assert_eq!(
        site.counted("headcount_sd_rds_skipped_total"),
        Some(1.0),
        "one that has no endpoint yet"
    );
    let sent = site.world.http.take_requests();
    let last = form(&sent[2].request);
    let filters: Vec<(&str, &str)> = last
        .iter()
        .filter(|(name, _)| name.starts_with("Filters"))
        .map(|(name, value)| (&**name, &**value))
        .collect();
    assert_eq!(
        filters,
        [
            ("Filters.Filter.1.Name", "db-cluster-id"),
            ("Filters.Filter.1.Values.Value.1", "one"),
            ("Filters.Filter.1.Values.Value.2", "two"),
            ("Filters.Filter.2.Name", "engine"),
            ("Filters.Filter.2.Values.Value.1", "a"),
            ("Filters.Filter.2.Values.Value.2", "b"),
        ]
    );
    assert_eq!(
        sent.len(),
        3,
        "two pages of clusters, and the instances of both at once"
    );
}

#[test]
fn a_cluster_that_is_named_and_not_there_is_missing() {
    let mut site = Site::of("rds", &format!("{{{KEYS}, clusters: [two, three]}}"));
    serve(&site);
    let received = site.ask();
    assert_eq!(site.found.addresses(), ["two-1.example:80"]);
    assert_eq!(site.found.sources(), ["eu-west-1/two"]);
    assert_eq!(
        missing(&received),
        ["eu-west-1/three: https://rds.eu-west-1.amazonaws.com/: DBClusterNotFoundFault: No. (status 404)"]
    );
}

#[test]
fn what_fails_takes_nothing_away() {
    let mut site = Site::of("rds", &format!("{{{KEYS}}}"));
    serve(&site);
    site.ask();
    let before = site.targets();
    for (broken, says) in [
        (Answer::new(500), "status 500"),
        (refused(400, "Throttling"), "Throttling: No. (status 400)"),
        (
            good("<DescribeDBInstancesResponse><DescribeDBInstancesResult>"),
            "it ends in the middle",
        ),
        (clusters(&[], ""), "not a <DescribeDBInstancesResponse>"),
    ] {
        site.world
            .http
            .serve(RDS, move |request| match &*form(request)["Action"] {
                "DescribeDBClusters" => clusters(&["one"], ""),
                _ => broken.clone(),
            });
        let received = site.run_for(5 * MINUTE);
        let said = failures(&received);
        assert!(said.iter().any(|said| said.contains(says)), "{says}: {said:?}");
        assert_eq!(site.targets(), before, "{says}");
    }
    // A cluster without a name has instances, too, of which nothing can be known.
    site.world.http.serve(RDS, |request| match &*form(request)["Action"] {
        "DescribeDBClusters" => clusters(&["one", ""], ""),
        _ => instances(&[("one-1", "one")]),
    });
    let received = site.run_for(5 * MINUTE);
    let said = failures(&received);
    assert!(
        said.iter().any(|said| said.contains("it has no <DBClusterIdentifier>")),
        "{said:?}"
    );
    assert_eq!(site.targets(), before);
}

#[test]
fn an_instance_of_another_cluster_is_skipped_and_counted() {
    let mut site = Site::of("rds", &format!("{{{KEYS}}}"));
    site.world.http.serve(RDS, |request| match &*form(request)["Action"] {
        "DescribeDBClusters" => clusters(&["one"], ""),
        _ => instances(&[("one-1", "one"), ("two-1", "two"), ("alone", "")]),
    });
    assert_eq!(failures(&site.ask()), [""; 0]);
    assert_eq!(site.found.addresses(), ["one-1.example:80"]);
    assert_eq!(
        site.counted("headcount_sd_rds_skipped_total"),
        Some(3.0),
        "and one that has no endpoint yet"
    );
}
