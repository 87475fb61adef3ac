//! What ECS says, as far as it becomes labels. What it does not say is empty.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::aws_api::{JsonError, Page, Tag, read};

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Cluster {
    #[serde(default, deserialize_with = "or_empty")]
    pub(super) cluster_arn: String,
    pub(super) cluster_name: Option<String>,
    pub(super) status: Option<String>,
    pub(super) tags: Option<Vec<Tag>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Service {
    pub(super) service_arn: Option<String>,
    pub(super) service_name: Option<String>,
    pub(super) status: Option<String>,
    pub(super) tags: Option<Vec<Tag>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Task {
    pub(super) attachments: Option<Vec<Attachment>>,
    pub(super) availability_zone: Option<String>,
    pub(super) container_instance_arn: Option<String>,
    pub(super) desired_status: Option<String>,
    pub(super) group: Option<String>,
    pub(super) health_status: Option<String>,
    pub(super) last_status: Option<String>,
    pub(super) launch_type: Option<String>,
    pub(super) platform_family: Option<String>,
    pub(super) platform_version: Option<String>,
    pub(super) tags: Option<Vec<Tag>>,
    pub(super) task_arn: Option<String>,
    pub(super) task_definition_arn: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Attachment {
    #[serde(rename = "type")]
    kind: Option<String>,
    details: Option<Vec<Detail>>,
}

#[derive(Debug, Clone, Deserialize)]
struct Detail {
    name: Option<String>,
    value: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ContainerInstance {
    pub(super) container_instance_arn: Option<String>,
    pub(super) ec2_instance_id: Option<String>,
}

/// What is null is empty.
fn or_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl Cluster {
    /// What it may be called: its name or its ARN.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.cluster_arn.as_str()).chain(self.cluster_name.as_deref())
    }

    /// Whether it was deleted, and is only remembered.
    pub(super) fn is_gone(&self) -> bool {
        self.status.as_deref() == Some("INACTIVE")
    }
}

impl Task {
    /// The network interface of its own.
    pub(super) fn interface(&self) -> Option<&Attachment> {
        let mut attachments = self.attachments.iter().flatten();
        attachments.find(|attachment| attachment.kind.as_deref() == Some("ElasticNetworkInterface"))
    }

    /// The service that it is of.
    pub(super) fn service(&self) -> Option<&str> {
        self.group.as_deref()?.strip_prefix("service:")
    }

    /// Where it runs, unless ECS does not say or nobody knows.
    pub(super) fn instance(&self) -> Option<&str> {
        self.container_instance_arn.as_deref().filter(|arn| !arn.is_empty())
    }
}

impl Attachment {
    pub(super) fn detail(&self, name: &str) -> Option<&str> {
        let mut details = self.details.iter().flatten();
        let detail = details.find(|detail| detail.name.as_deref() == Some(name))?;
        detail.value.as_deref().filter(|value| !value.is_empty())
    }
}

/// A page of a list of ARNs.
pub(super) fn arns(body: &[u8], field: &'static str) -> Result<Page<String>, JsonError> {
    let mut answer: Value = read(body)?;
    let mut take = |field| answer.get_mut(field).map(Value::take).unwrap_or_default();
    let arns: Option<Vec<String>> = serde_json::from_value(take(field))?;
    // What has no name can't be asked for.
    let arns = arns.filter(|arns| arns.iter().all(|arn| !arn.is_empty()));
    Ok((
        arns.ok_or(JsonError::Missing(field))?,
        serde_json::from_value(take("nextToken"))?,
    ))
}

/// Clusters that have an ARN.
pub(super) fn clusters(body: &[u8]) -> Result<Vec<Cluster>, JsonError> {
    #[derive(Deserialize)]
    struct Answer {
        clusters: Option<Vec<Cluster>>,
    }
    let answer: Answer = read(body)?;
    let mut clusters = answer.clusters.ok_or(JsonError::Missing("clusters"))?;
    clusters.retain(|cluster| !cluster.cluster_arn.is_empty());
    Ok(clusters)
}

pub(super) fn services(body: &[u8]) -> Result<Vec<Service>, JsonError> {
    #[derive(Deserialize)]
    struct Answer {
        services: Option<Vec<Service>>,
    }
    let answer: Answer = read(body)?;
    answer.services.ok_or(JsonError::Missing("services"))
}

pub(super) fn tasks(body: &[u8]) -> Result<Vec<Task>, JsonError> {
    #[derive(Deserialize)]
    struct Answer {
        tasks: Option<Vec<Task>>,
    }
    let answer: Answer = read(body)?;
    answer.tasks.ok_or(JsonError::Missing("tasks"))
}

pub(super) fn container_instances(body: &[u8]) -> Result<Vec<ContainerInstance>, JsonError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        container_instances: Option<Vec<ContainerInstance>>,
    }
    let answer: Answer = read(body)?;
    answer
        .container_instances
        .ok_or(JsonError::Missing("containerInstances"))
}
