//! What MSK says of clusters and nodes, as far as it becomes labels. Each field may be absent.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::aws_api::{JsonError, Page, read};

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Cluster {
    #[serde(default)]
    pub(super) cluster_arn: String,
    pub(super) cluster_name: Option<String>,
    pub(super) cluster_type: Option<String>,
    pub(super) current_version: Option<String>,
    pub(super) state: Option<String>,
    pub(super) tags: Option<BTreeMap<String, String>>,
    provisioned: Option<Provisioned>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Provisioned {
    current_broker_software_info: Option<Software>,
    open_monitoring: Option<OpenMonitoring>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Software {
    pub(super) configuration_arn: Option<String>,
    pub(super) configuration_revision: Option<i64>,
    pub(super) kafka_version: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
struct OpenMonitoring {
    prometheus: Option<Exporters>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Exporters {
    pub(super) jmx_exporter: Option<Exporter>,
    pub(super) node_exporter: Option<Exporter>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Exporter {
    enabled_in_broker: Option<bool>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Node {
    pub(super) added_to_cluster_time: Option<String>,
    pub(super) broker_node_info: Option<Broker>,
    controller_node_info: Option<Controller>,
    zookeeper_node_info: Option<IgnoredAny>,
    pub(super) instance_type: Option<String>,
    #[serde(rename = "nodeARN")]
    pub(super) node_arn: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Broker {
    #[serde(rename = "attachedENIId")]
    pub(super) attached_eni: Option<String>,
    pub(super) broker_id: Option<f64>,
    pub(super) client_subnet: Option<String>,
    pub(super) client_vpc_ip_address: Option<String>,
    endpoints: Option<Vec<String>>,
}

#[derive(Debug, Clone, Deserialize)]
struct Controller {
    endpoints: Option<Vec<String>>,
}

impl Cluster {
    pub(super) fn is_provisioned(&self) -> bool {
        self.cluster_type.as_deref() != Some("SERVERLESS")
    }

    pub(super) fn software(&self) -> Option<&Software> {
        self.provisioned.as_ref()?.current_broker_software_info.as_ref()
    }

    pub(super) fn exporters(&self) -> Option<&Exporters> {
        self.provisioned.as_ref()?.open_monitoring.as_ref()?.prometheus.as_ref()
    }
}

impl Exporter {
    pub(super) fn enabled(&self) -> &'static str {
        match self.enabled_in_broker {
            Some(true) => "true",
            _ => "false",
        }
    }
}

impl Node {
    /// What it is called, if it is one that can be scraped.
    pub(super) fn kind(&self) -> Option<&'static str> {
        match (&self.broker_node_info, &self.controller_node_info) {
            (Some(_), _) => Some("BROKER"),
            (None, Some(_)) => Some("CONTROLLER"),
            (None, None) => None,
        }
    }

    /// Whether it is one of ZooKeeper's, which are none that could be scraped.
    pub(super) fn is_zookeeper(&self) -> bool {
        self.kind().is_none() && self.zookeeper_node_info.is_some()
    }

    /// Where it is reached.
    pub(super) fn endpoints(&self) -> impl Iterator<Item = &str> {
        let of_broker = self
            .broker_node_info
            .as_ref()
            .and_then(|broker| broker.endpoints.as_ref());
        let of_controller = || self.controller_node_info.as_ref()?.endpoints.as_ref();
        let endpoints = match self.broker_node_info {
            Some(_) => of_broker,
            None => of_controller(),
        };
        endpoints
            .into_iter()
            .flatten()
            .map(String::as_str)
            .filter(|host| !host.is_empty())
    }
}

/// The answer to `ListClustersV2`: those that have an ARN.
pub(super) fn clusters(body: &[u8]) -> Result<Page<Cluster>, JsonError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        cluster_info_list: Option<Vec<Cluster>>,
        next_token: Option<String>,
    }
    let answer: Answer = read(body)?;
    let clusters = answer.cluster_info_list.ok_or(JsonError::Missing("clusterInfoList"))?;
    // What has no name can't be asked for.
    match clusters.iter().all(|cluster| !cluster.cluster_arn.is_empty()) {
        true => Ok((clusters, answer.next_token)),
        false => Err(JsonError::Missing("clusterArn")),
    }
}

/// The answer to `DescribeClusterV2`.
pub(super) fn cluster(body: &[u8]) -> Result<Cluster, JsonError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        cluster_info: Option<Cluster>,
    }
    let answer: Answer = read(body)?;
    let cluster = answer.cluster_info.filter(|cluster| !cluster.cluster_arn.is_empty());
    cluster.ok_or(JsonError::Missing("clusterInfo with an ARN"))
}

/// The answer to `ListNodes`.
pub(super) fn nodes(body: &[u8]) -> Result<Page<Node>, JsonError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        node_info_list: Option<Vec<Node>>,
        next_token: Option<String>,
    }
    let answer: Answer = read(body)?;
    let nodes = answer.node_info_list.ok_or(JsonError::Missing("nodeInfoList"))?;
    Ok((nodes, answer.next_token))
}
