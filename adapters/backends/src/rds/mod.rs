//! `rds_sd_configs`: the instances of the clusters of Amazon RDS in a region.
//!
//! **What is asked.** `DescribeDBClusters`, of all there are or of each that the entry names, and `DescribeDBInstances` with
//! the entry's filters, for twenty clusters at a time. Instances that are in no cluster are not found, as in Prometheus.
//!
//! **What becomes of it.** One group a cluster, whose source is the region and the cluster's name, where Prometheus has one
//! for the region. The labels are Prometheus's; the address is the instance's endpoint with the entry's port, as in
//! Prometheus, whose documentation promises the endpoint's. An instance that has no endpoint yet is skipped and counted;
//! Prometheus makes a target of it that has no address.
//!
//! **What is believed.** A cluster that is named and can't be read keeps its targets, and is named as missing. A list with a
//! cluster that has no name is a failure: it can't be asked for its instances. An instance that says no cluster, or one that
//! was not asked for, is skipped and counted.

mod fields;
mod settings;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use headcount_core::{Batch, GroupError};
use headcount_discoverer::address::host_port;
use headcount_discoverer::metrics::Definition;
use headcount_discoverer::rest::{Ask, ReadError, Rest};
use headcount_reader::HttpClientSettings;

use crate::aws_api::{
    Aws, Element, Filter, Labels, Page, Part, Query, RDS, Session, XmlError, add_group, filters, list,
};
use fields::{CLUSTER, INSTANCE};

pub use settings::RdsSd;

const VERSION: &str = "2014-10-31";
const PREFIX: &str = "__meta_rds_";
/// For so many clusters the instances are asked for at a time.
const CLUSTERS_AT_ONCE: usize = 20;

struct Rds {
    settings: Arc<RdsSd>,
    aws: Aws,
    skipped: Definition,
}

/// A cluster that is asked for, or all there are.
struct Wanted(Option<String>);

/// A cluster with its instances.
struct Cluster {
    said: Element,
    instances: Vec<Element>,
}

impl Rds {
    fn new(settings: &Arc<RdsSd>, skipped: Definition) -> Self {
        Self {
            aws: Aws::new(settings.account.clone(), settings.concurrency),
            settings: settings.clone(),
            skipped,
        }
    }

    async fn clusters(&self, session: &Session, ask: &Ask<'_>, name: Option<&str>) -> Result<Vec<Element>, ReadError> {
        let query = Query::new("DescribeDBClusters", VERSION).with("MaxRecords", "100");
        let query = query.with_some("DBClusterIdentifier", name);
        let request = |endpoint: &str, mark: Option<&str>| query.clone().with_some("Marker", mark).request(endpoint);
        Ok(self.aws.pages(session, ask, &RDS, request, clusters).await?)
    }

    async fn instances(
        &self,
        session: &Session,
        ask: &Ask<'_>,
        clusters: Vec<String>,
    ) -> Result<Vec<Element>, ReadError> {
        let of_clusters = Filter {
            name: "db-cluster-id".to_owned(),
            values: clusters,
        };
        let query = Query::new("DescribeDBInstances", VERSION).with("MaxRecords", "100");
        let all = std::iter::once(&of_clusters).chain(&self.settings.filters);
        let query = filters(query, "Filters.Filter", "Values.Value", all);
        let request = |endpoint: &str, mark: Option<&str>| query.clone().with_some("Marker", mark).request(endpoint);
        Ok(self.aws.pages(session, ask, &RDS, request, instances).await?)
    }
}

impl Rest for Rds {
    type Part = Part<Wanted>;
    type Found = BTreeMap<String, Cluster>;
    const READING: &'static str = "asking RDS:";

    fn client(&self) -> &HttpClientSettings {
        &self.aws.account().client
    }

    async fn parts(&self, ask: &Ask<'_>) -> Result<Vec<Self::Part>, ReadError> {
        let session = self.aws.begin(ask).await?;
        let region = &session.region;
        let part = |name: &String| Part::new(format!("{region}/{name}"), &session, Wanted(Some(name.clone())));
        Ok(match self.settings.clusters.as_slice() {
            [] => vec![Part::new(region.clone(), &session, Wanted(None))],
            named => named.iter().map(part).collect(),
        })
    }

    async fn read(&self, part: &Self::Part, ask: &Ask<'_>) -> Result<Option<Self::Found>, ReadError> {
        let session = &*part.session;
        let name = part.what.0.as_deref();
        let mut found = BTreeMap::new();
        for said in self.clusters(session, ask, name).await? {
            if let Some(id) = id_of(&said).map(str::to_owned) {
                let instances = Vec::new();
                found.insert(id, Cluster { said, instances });
            }
        }
        if name.is_some() && found.is_empty() {
            let said = "RDS knows no such cluster; correct its name, or remove it";
            return Err(ReadError::refused("DescribeDBClusters", said, None));
        }
        let (ids, mut skipped) = (found.keys().cloned().collect::<Vec<_>>(), 0_usize);
        for ids in ids.chunks(CLUSTERS_AT_ONCE) {
            for instance in self.instances(session, ask, ids.to_vec()).await? {
                // Those of clusters were asked for, and of no other ones.
                let cluster = id_of(&instance).and_then(|id| found.get_mut(id));
                match (cluster, instance.at("Endpoint/Address")) {
                    (Some(cluster), Some(_)) => cluster.instances.push(instance),
                    _ => skipped += 1,
                }
            }
        }
        ask.env().metrics.add(self.skipped, &[], skipped as f64);
        Ok(Some(found))
    }

    fn encode(&self, part: &Self::Part, found: Self::Found, batch: &mut Batch<'_>) -> Result<(), ReadError> {
        for (id, cluster) in &found {
            let source = match &part.what.0 {
                Some(_) => part.source.to_string(),
                None => format!("{}/{id}", part.source),
            };
            add_group(batch, &source, |batch| put(batch, self.settings.account.port, cluster))?;
        }
        Ok(())
    }

    fn is_source(&self, part: &Self::Part, source: &str) -> bool {
        let rest = source.strip_prefix(&*part.source);
        match part.what.0 {
            Some(_) => rest == Some(""),
            None => rest.is_some_and(|rest| rest.starts_with('/')),
        }
    }
}

fn put(batch: &mut Batch<'_>, port: u16, cluster: &Cluster) -> Result<(), GroupError> {
    let mut labels = Labels::of_group(batch, PREFIX);
    labels.put_table("cluster_", CLUSTER, &cluster.said)?;
    labels.put_tags("cluster_tag_", cluster.said.list("TagList"))?;
    for instance in &cluster.instances {
        let Some(host) = instance.at("Endpoint/Address") else {
            continue;
        };
        let mut labels = Labels::of_target(batch, PREFIX, &host_port(host, port))?;
        labels.put_table("instance_", INSTANCE, instance)?;
        labels.put_tags("instance_tag_", instance.list("TagList"))?;
        let id = instance.at("DBInstanceIdentifier");
        let members = cluster.said.list("DBClusterMembers").iter();
        let mut its_own = members.filter(|member| id.is_some() && member.at("DBInstanceIdentifier") == id);
        let is_writer = its_own.next_back().and_then(|member| member.at("IsClusterWriter"));
        labels.put_some("instance_is_cluster_writer", is_writer)?;
    }
    Ok(())
}

fn clusters(body: &[u8]) -> Result<Page<Element>, XmlError> {
    let names = ["DescribeDBClustersResponse", "DescribeDBClustersResult", "DBClusters"];
    let (clusters, next) = list(body, names, "Marker")?;
    // One that has no name can't be asked for its instances.
    match clusters.iter().all(|cluster| id_of(cluster).is_some()) {
        true => Ok((clusters, next)),
        false => Err(XmlError::Missing("DBClusterIdentifier")),
    }
}

/// The name of a cluster, or of that which an instance is in.
fn id_of(said: &Element) -> Option<&str> {
    said.at("DBClusterIdentifier").filter(|id| !id.is_empty())
}

fn instances(body: &[u8]) -> Result<Page<Element>, XmlError> {
    list(
        body,
        [
            "DescribeDBInstancesResponse",
            "DescribeDBInstancesResult",
            "DBInstances",
        ],
        "Marker",
    )
}
