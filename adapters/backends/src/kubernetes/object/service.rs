//! Services.

use serde::Deserialize;

use super::meta::{Port, Raw, or_empty};
use super::{Json, Meta, Name, Object, first};

/// A service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Service {
    pub(in super::super) meta: Meta,
    pub(in super::super) kind: Box<str>,
    pub(in super::super) cluster_ip: Box<str>,
    pub(in super::super) external_name: Box<str>,
    /// The addresses of its load balancer, divided by commas.
    pub(in super::super) load_balancer_ip: String,
    /// The family of its addresses that comes first, if it has both.
    pub(in super::super) primary_family: Option<Family>,
    pub(in super::super) ports: Vec<Port>,
}

/// `IPv4` or `IPv6`.
pub(in super::super) type Family = Box<str>;

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    #[serde(rename = "type", deserialize_with = "or_empty")]
    kind: Box<str>,
    #[serde(rename = "clusterIP", deserialize_with = "or_empty")]
    cluster_ip: Box<str>,
    #[serde(deserialize_with = "or_empty")]
    external_name: Box<str>,
    #[serde(rename = "loadBalancerIP", deserialize_with = "or_empty")]
    load_balancer_ip: String,
    #[serde(deserialize_with = "or_empty")]
    ip_family_policy: Box<str>,
    #[serde(deserialize_with = "or_empty")]
    ip_families: Vec<Family>,
    #[serde(deserialize_with = "or_empty")]
    ports: Vec<Port>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    #[serde(deserialize_with = "or_empty")]
    load_balancer: LoadBalancer,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct LoadBalancer {
    #[serde(deserialize_with = "or_empty")]
    ingress: Vec<Entrance>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Entrance {
    #[serde(deserialize_with = "or_empty")]
    ip: String,
}

pub(super) fn read(json: Json<'_>) -> serde_json::Result<(Name<'_>, Object, usize)> {
    let (raw, length): (Raw<'_, Spec, Status>, usize) = first(json)?;
    let (name, _, meta) = raw.metadata.split();
    let spec = raw.spec;
    let entrances = raw.status.load_balancer.ingress.into_iter().map(|entrance| entrance.ip);
    let entrances: Vec<String> = entrances.filter(|ip| !ip.is_empty()).collect();
    let has_both = matches!(&*spec.ip_family_policy, "PreferDualStack" | "RequireDualStack");
    let service = Service {
        meta,
        kind: spec.kind,
        cluster_ip: spec.cluster_ip,
        external_name: spec.external_name,
        load_balancer_ip: match entrances.is_empty() {
            true => spec.load_balancer_ip,
            false => entrances.join(","),
        },
        primary_family: spec.ip_families.into_iter().next().filter(|_| has_both),
        ports: spec.ports,
    };
    Ok((name, Object::Service(service), length))
}
