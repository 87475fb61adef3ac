//! `kubelet_sd_configs`: the pods of one Kubernetes node, as its kubelet knows them. Alloy's mechanism; Prometheus has none.
//!
//! Each `refresh_interval` (5 s) the kubelet is asked for its pods (`<url>/pods`), which costs the API server nothing. The `url`
//! may be a path of the API server's that leads to it (`…/api/v1/nodes/<node>/proxy`). Sources, `pod/<namespace>/<name>`, and labels
//! are those of `kubernetes_sd_configs` with the role `pod`, but for what is not of pods: a target for each port of each
//! container, and one without a port for a container without ports. Who asks needs the right to get `nodes/proxy`, or, of newer
//! kubelets, `nodes/pods`; that it is lacking is a failure that can be seen, not a line of a log.
//!
//! **A list that can't be had as a whole changes nothing**; a pod of it that makes no sense is no target, and counted. A pod without an
//! address, which starts or was evicted, has no targets. An answer that is as the last one was is not read again.

mod settings;

use std::collections::BTreeMap;
use std::sync::Arc;

use headcount_core::Batch;
use headcount_discoverer::metrics::{Definition, Kind};
use headcount_discoverer::rest::{Ask, ReadError, Rest, Whole};
use headcount_reader::HttpClientSettings;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::answers::get_json;
use crate::kubernetes::PodGroup;

pub use settings::KubeletSd;

/// How the sources of pods begin.
const POD: &str = "pod/";

const SKIPPED: Definition = Definition {
    name: "headcount_sd_kubelet_skipped_pods_total",
    help: "Pods that make no sense, and so are no targets.",
    kind: Kind::Counter,
};

/// A running discoverer.
struct Kubelet(Arc<KubeletSd>);

/// A node without pods says that its list is null.
#[derive(Deserialize)]
struct PodList<'a> {
    kind: Option<String>,
    #[serde(borrow)]
    items: Option<Vec<&'a RawValue>>,
}

/// Why an answer is not the list that was asked for.
#[derive(Debug, thiserror::Error)]
enum AnswerError {
    #[error("the answer is no list of pods: {0}")]
    Json(#[from] serde_json::Error),
    #[error("the answer is no list of pods")]
    NoList,
}

impl Rest for Kubelet {
    type Part = Whole;
    type Found = Vec<PodGroup>;
    const READING: &'static str = "listing the pods of the kubelet";

    fn client(&self) -> &HttpClientSettings {
        &self.0.client
    }

    async fn parts(&self, _ask: &Ask<'_>) -> Result<Vec<Whole>, ReadError> {
        Ok(vec![Whole])
    }

    async fn read(&self, _part: &Whole, ask: &Ask<'_>) -> Result<Option<Vec<PodGroup>>, ReadError> {
        let url = format!("{}/pods", self.0.url.reveal());
        let Some(answer) = ask.changed(get_json(ask, &url)).await? else {
            return Ok(None);
        };
        let pods = pods(&answer.body).map_err(|error| ReadError::answer(&url, error))?;
        let count = pods.len();
        let read: Vec<PodGroup> = pods
            .iter()
            .filter_map(|pod| PodGroup::read(pod.get().as_bytes()))
            .collect();
        ask.env()
            .metrics
            .add(SKIPPED, &[], count.saturating_sub(read.len()) as f64);
        let namespaces = &self.0.namespaces;
        let is_wanted =
            |pod: &PodGroup| namespaces.is_empty() || namespaces.iter().any(|wanted| wanted == pod.namespace());
        let mut found: BTreeMap<String, PodGroup> = BTreeMap::new();
        for pod in read.into_iter().filter(is_wanted) {
            // One that ends may still be there beside the next one of its name.
            let is_known = found.get(pod.key()).is_some_and(PodGroup::has_address);
            if !is_known || pod.has_address() {
                found.insert(pod.key().to_owned(), pod);
            }
        }
        Ok(Some(found.into_values().collect()))
    }

    fn encode(&self, _part: &Whole, found: Vec<PodGroup>, batch: &mut Batch<'_>) -> Result<(), ReadError> {
        for pod in &found {
            pod.add(batch)?;
        }
        Ok(())
    }

    fn is_source(&self, _part: &Whole, source: &str) -> bool {
        source.starts_with(POD)
    }
}

fn pods(body: &[u8]) -> Result<Vec<&RawValue>, AnswerError> {
    let list: PodList<'_> = crate::json::from_slice(body)?;
    match (list.items, list.kind.as_deref()) {
        (Some(items), _) => Ok(items),
        (None, Some("PodList")) => Ok(Vec::new()),
        (None, _) => Err(AnswerError::NoList),
    }
}

#[cfg(test)]
mod tests;
