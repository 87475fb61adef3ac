//! `msk_sd_configs`: the brokers and controllers of the clusters of Amazon MSK in a region.
//!
//! **What is asked.** `ListClustersV2` for clusters that are provisioned, or `DescribeClusterV2` for each that the entry
//! names, and `ListNodes` for each. One that is not provisioned has no nodes.
//!
//! **What becomes of it.** One group a cluster, whose source is the region and the cluster's ARN, where Prometheus has one
//! for the region; a target for each endpoint of a node, with Prometheus's labels and the entry's port. A node without
//! endpoints, or that is neither of these nor ZooKeeper's, is skipped and counted.
//!
//! **What is believed.** A cluster that can't be read keeps its targets, and is named as missing. One that does not say
//! which software it runs lacks those labels; in Prometheus it ends the process.

mod answer;
mod settings;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use headcount_core::{Batch, GroupError};
use headcount_discoverer::address::host_port;
use headcount_discoverer::env::HttpRequest;
use headcount_discoverer::metrics::Definition;
use headcount_discoverer::rest::{Ask, ReadError, Rest};
use headcount_reader::HttpClientSettings;

use crate::aws_api::{Aws, KAFKA, Labels, Part, add_group, escape};
use answer::{Cluster, Node};

pub use settings::MskSd;

const PREFIX: &str = "__meta_msk_";
const PAGE: &str = "maxResults=100";

struct Msk {
    settings: Arc<MskSd>,
    aws: Aws,
    skipped: Definition,
}

/// A cluster that is to be read.
enum Wanted {
    Listed(Box<Cluster>),
    /// It is still to be described.
    Named(String),
}

/// A cluster with its nodes.
struct Found {
    cluster: Cluster,
    nodes: Vec<Node>,
}

impl Msk {
    fn new(settings: &Arc<MskSd>, skipped: Definition) -> Self {
        Self {
            aws: Aws::new(settings.account.clone(), settings.concurrency),
            settings: settings.clone(),
            skipped,
        }
    }
}

/// A request for a page of a list.
fn page(endpoint: &str, path: &str, mark: Option<&str>) -> HttpRequest {
    let mark = mark
        .map(|mark| format!("&nextToken={}", escape(mark)))
        .unwrap_or_default();
    HttpRequest::get(format!("{endpoint}{path}{PAGE}{mark}"))
}

impl Rest for Msk {
    type Part = Part<Wanted>;
    type Found = Found;
    const READING: &'static str = "asking MSK:";
    const AT_ONCE: usize = 20;

    fn client(&self) -> &HttpClientSettings {
        &self.aws.account().client
    }

    async fn parts(&self, ask: &Ask<'_>) -> Result<Vec<Self::Part>, ReadError> {
        let session = self.aws.begin(ask).await?;
        let source = |arn: &str| format!("{}/{arn}", session.region);
        if !self.settings.clusters.is_empty() {
            let named = self.settings.clusters.iter();
            let part = |arn: &String| Part::new(source(arn), &session, Wanted::Named(arn.clone()));
            return Ok(named.map(part).collect());
        }
        let path = "/api/v2/clusters?clusterTypeFilter=PROVISIONED&";
        let request = |endpoint: &str, mark: Option<&str>| page(endpoint, path, mark);
        let listed = self.aws.pages(&session, ask, &KAFKA, request, answer::clusters);
        let listed = listed.await?;
        self.aws.believe("ListClustersV2", listed.len())?;
        let part = |cluster: Cluster| {
            Part::new(
                source(&cluster.cluster_arn),
                &session,
                Wanted::Listed(Box::new(cluster)),
            )
        };
        Ok(listed.into_iter().map(part).collect())
    }

    async fn read(&self, part: &Self::Part, ask: &Ask<'_>) -> Result<Option<Found>, ReadError> {
        let session = &*part.session;
        let cluster = match &*part.what {
            Wanted::Listed(cluster) => Cluster::clone(cluster),
            Wanted::Named(arn) => {
                let request = |endpoint: &str| HttpRequest::get(format!("{endpoint}/api/v2/clusters/{}", escape(arn)));
                let answer = self.aws.call(session, ask, &KAFKA, request).await?;
                let cluster = answer::cluster(&answer.body);
                cluster.map_err(|error| ReadError::refused("DescribeClusterV2", error.to_string(), None))?
            }
        };
        let mut nodes = Vec::new();
        if cluster.is_provisioned() {
            let path = format!("/v1/clusters/{}/nodes?", escape(&cluster.cluster_arn));
            let request = |endpoint: &str, mark: Option<&str>| page(endpoint, &path, mark);
            nodes = self.aws.pages(session, ask, &KAFKA, request, answer::nodes).await?;
        }
        nodes.retain(|node| !node.is_zookeeper());
        let before = nodes.len();
        nodes.retain(|node| node.endpoints().next().is_some());
        let skipped = before.saturating_sub(nodes.len());
        ask.env().metrics.add(self.skipped, &[], skipped as f64);
        Ok(Some(Found { cluster, nodes }))
    }

    fn encode(&self, part: &Self::Part, found: Found, batch: &mut Batch<'_>) -> Result<(), ReadError> {
        let port = self.settings.account.port;
        Ok(add_group(batch, &part.source, |batch| put(batch, port, &found))?)
    }

    fn is_source(&self, part: &Self::Part, source: &str) -> bool {
        *source == *part.source
    }
}

fn put(batch: &mut Batch<'_>, port: u16, found: &Found) -> Result<(), GroupError> {
    put_cluster(Labels::of_group(batch, PREFIX), &found.cluster)?;
    for node in &found.nodes {
        for (place, endpoint) in node.endpoints().enumerate() {
            let mut labels = Labels::of_target(batch, PREFIX, &host_port(endpoint, port))?;
            put_node(&mut labels, node, &found.cluster)?;
            let of = if node.broker_node_info.is_some() {
                "broker"
            } else {
                "controller"
            };
            labels.put(&format!("{of}_endpoint_index"), &place.to_string())?;
        }
    }
    Ok(())
}

fn put_cluster(mut labels: Labels<'_, '_>, cluster: &Cluster) -> Result<(), GroupError> {
    labels.put("cluster_arn", &cluster.cluster_arn)?;
    labels.put_some("cluster_name", cluster.cluster_name.as_deref())?;
    labels.put_some("cluster_state", cluster.state.as_deref())?;
    labels.put_some("cluster_type", cluster.cluster_type.as_deref())?;
    labels.put_some("cluster_version", cluster.current_version.as_deref())?;
    if let Some(software) = cluster.software() {
        labels.put_some("cluster_kafka_version", software.kafka_version.as_deref())?;
        labels.put_some("cluster_configuration_arn", software.configuration_arn.as_deref())?;
        let revision = software.configuration_revision.map(|revision| revision.to_string());
        labels.put_some("cluster_configuration_revision", revision.as_deref())?;
    }
    if let Some(exporter) = cluster
        .exporters()
        .and_then(|exporters| exporters.jmx_exporter.as_ref())
    {
        labels.put("cluster_jmx_exporter_enabled", exporter.enabled())?;
    }
    for (key, value) in cluster.tags.iter().flatten() {
        labels.put_tag("cluster_tag_", key, value)?;
    }
    Ok(())
}

fn put_node(labels: &mut Labels<'_, '_>, node: &Node, cluster: &Cluster) -> Result<(), GroupError> {
    labels.put_some("node_added_time", node.added_to_cluster_time.as_deref())?;
    labels.put_some("node_arn", node.node_arn.as_deref())?;
    labels.put_some("node_instance_type", node.instance_type.as_deref())?;
    labels.put_some("node_type", node.kind())?;
    let Some(broker) = &node.broker_node_info else {
        return Ok(());
    };
    labels.put_some("node_attached_eni", broker.attached_eni.as_deref())?;
    labels.put_some("broker_client_subnet", broker.client_subnet.as_deref())?;
    labels.put_some("broker_client_vpc_ip", broker.client_vpc_ip_address.as_deref())?;
    labels.put("broker_id", &format!("{:.0}", broker.broker_id.unwrap_or_default()))?;
    match cluster
        .exporters()
        .and_then(|exporters| exporters.node_exporter.as_ref())
    {
        Some(exporter) => labels.put("broker_node_exporter_enabled", exporter.enabled()),
        None => Ok(()),
    }
}
