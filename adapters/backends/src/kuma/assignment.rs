//! What the control plane says is to be monitored: `kuma.observability.v1.MonitoringAssignment`, as JSON.
//!
//! A name of a field may be written in either of proto3's ways, `metrics_path` or `metricsPath`.

use std::collections::BTreeMap;

use headcount_core::{Batch, GroupError};
use serde::Deserialize;

use crate::answers::{Map, Object, Text, put};
use crate::label_name::label_name;

/// What is asked for.
pub(super) const TYPE_URL: &str = "type.googleapis.com/kuma.observability.v1.MonitoringAssignment";

/// An answer. A list of nothing is not written in proto3's JSON, so what an answer is about is told by its type.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Response {
    #[serde(alias = "versionInfo")]
    pub(super) version_info: Text,
    pub(super) nonce: Text,
    #[serde(alias = "typeUrl")]
    pub(super) type_url: Text,
    pub(super) resources: Option<Vec<Object<Assignment>>>,
}

/// Targets of a service in a mesh.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Assignment {
    #[serde(rename = "@type")]
    type_url: Text,
    mesh: Text,
    service: Text,
    targets: Option<Vec<Object<Target>>>,
    labels: Map<Text>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Target {
    name: Text,
    scheme: Text,
    address: Text,
    #[serde(alias = "metricsPath")]
    metrics_path: Text,
    labels: Map<Text>,
}

impl Assignment {
    /// Whether it is something else, which a newer control plane may have among them.
    pub(super) fn is_foreign(&self) -> bool {
        !matches!(self.type_url.as_str(), "" | TYPE_URL)
    }

    /// How many targets it has, and how many of them make sense.
    pub(super) fn count(&self) -> (usize, usize) {
        (self.targets.iter().flatten().count(), self.targets().count())
    }

    fn targets(&self) -> impl Iterator<Item = &Target> {
        let targets = self.targets.iter().flatten().filter_map(|target| target.0.as_ref());
        targets.filter(|target| !target.address.as_str().is_empty())
    }

    /// Adds its targets to the open group.
    pub(super) fn encode(&self, batch: &mut Batch<'_>) -> Result<(), GroupError> {
        for target in self.targets() {
            batch.begin_target()?;
            put(batch, "__address__", target.address.as_str())?;
            put(batch, "__metrics_path__", target.metrics_path.as_str())?;
            put(batch, "__scheme__", target.scheme.as_str())?;
            put(batch, "instance", target.name.as_str())?;
            put(batch, "__meta_kuma_dataplane", target.name.as_str())?;
            put(batch, "__meta_kuma_mesh", self.mesh.as_str())?;
            put(batch, "__meta_kuma_service", self.service.as_str())?;
            // What the assignment says goes for its targets, whatever they say.
            let all = target.labels.0.iter().chain(&self.labels.0);
            let named = all.map(|(key, value)| (label_name("__meta_kuma_label_", key), value.as_str()));
            for (name, value) in named.collect::<BTreeMap<_, _>>() {
                put(batch, &name, value)?;
            }
        }
        Ok(())
    }
}
