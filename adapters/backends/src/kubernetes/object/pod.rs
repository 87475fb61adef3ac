//! Pods.

use serde::Deserialize;

use super::meta::{Condition, Raw, Text, or_empty};
use super::{Controller, Json, Meta, Name, Object, first};

/// A pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Pod {
    pub(in super::super) meta: Meta,
    pub(in super::super) controller: Option<Controller>,
    pub(in super::super) uid: Box<str>,
    pub(in super::super) node: Box<str>,
    pub(in super::super) ip: Box<str>,
    pub(in super::super) host_ip: Box<str>,
    pub(in super::super) phase: Box<str>,
    /// The state of its condition `Ready`, if it has one.
    pub(in super::super) ready: Option<Box<str>>,
    /// Those that begin it come last.
    pub(in super::super) containers: Vec<Container>,
}

/// A container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Container {
    pub(in super::super) name: Box<str>,
    pub(in super::super) image: Box<str>,
    /// Empty as long as it has none.
    pub(in super::super) id: Box<str>,
    pub(in super::super) is_init: bool,
    pub(in super::super) ports: Vec<ContainerPort>,
}

/// A port that a container says it has.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(in super::super) struct ContainerPort {
    #[serde(deserialize_with = "or_empty")]
    pub(in super::super) name: Box<str>,
    #[serde(deserialize_with = "or_empty")]
    pub(in super::super) container_port: i32,
    #[serde(deserialize_with = "or_empty")]
    pub(in super::super) protocol: Box<str>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    #[serde(deserialize_with = "or_empty")]
    node_name: Box<str>,
    #[serde(deserialize_with = "or_empty")]
    containers: Vec<RawContainer>,
    #[serde(deserialize_with = "or_empty")]
    init_containers: Vec<RawContainer>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct RawContainer {
    #[serde(deserialize_with = "or_empty")]
    name: Box<str>,
    #[serde(deserialize_with = "or_empty")]
    image: Box<str>,
    #[serde(deserialize_with = "or_empty")]
    ports: Vec<ContainerPort>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Status<'a> {
    #[serde(deserialize_with = "or_empty")]
    phase: Box<str>,
    #[serde(rename = "podIP", deserialize_with = "or_empty")]
    pod_ip: Box<str>,
    #[serde(rename = "hostIP", deserialize_with = "or_empty")]
    host_ip: Box<str>,
    #[serde(borrow, deserialize_with = "or_empty")]
    conditions: Vec<Condition<'a>>,
    #[serde(borrow, deserialize_with = "or_empty")]
    container_statuses: Vec<ContainerStatus<'a>>,
    #[serde(borrow, deserialize_with = "or_empty")]
    init_container_statuses: Vec<ContainerStatus<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ContainerStatus<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(rename = "containerID", borrow)]
    id: Text<'a>,
}

pub(super) fn read(json: Json<'_>) -> serde_json::Result<(Name<'_>, Object, usize)> {
    let (raw, length): (Raw<'_, Spec, Status<'_>>, usize) = first(json)?;
    let uid = raw.metadata.uid.0.as_ref().into();
    let (name, controller, meta) = raw.metadata.split();
    let (spec, status) = (raw.spec, raw.status);
    let mut containers = Vec::with_capacity(spec.containers.len().saturating_add(spec.init_containers.len()));
    let parts = [
        (spec.containers, &status.container_statuses, false),
        (spec.init_containers, &status.init_container_statuses, true),
    ];
    for (of_pod, statuses, is_init) in parts {
        containers.extend(of_pod.into_iter().map(|container| {
            let mut of_name = statuses.iter().filter(|status| *status.name.0 == *container.name);
            Container {
                id: of_name
                    .next()
                    .map(|status| status.id.0.as_ref().into())
                    .unwrap_or_default(),
                name: container.name,
                image: container.image,
                is_init,
                ports: container.ports,
            }
        }));
    }
    let mut conditions = status.conditions.into_iter();
    let ready = conditions.find(|condition| condition.kind.0 == "Ready");
    let pod = Pod {
        meta,
        controller,
        uid,
        node: spec.node_name,
        ip: status.pod_ip,
        host_ip: status.host_ip,
        phase: status.phase,
        ready: ready.map(|condition| condition.status.into()),
        containers,
    };
    Ok((name, Object::Pod(pod), length))
}
