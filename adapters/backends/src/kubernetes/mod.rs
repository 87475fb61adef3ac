//! `kubernetes_sd_configs`: the nodes, services, pods, endpoints, endpoint slices and ingresses of a cluster.
//!
//! **What is asked.** For each kind that an entry needs, in each of its namespaces: one watch that begins with everything
//! there is (WatchList), and from servers that refuse that, as older ones do, one list in pages and one
//! watch from there on (the module `watching`). Both are of the newest version: it can't go back in time. JSON, not
//! protobuf.
//!
//! **What is shared.** All entries of the process that reach the same server in the same way have one watch of each kind,
//! namespace and selector. What is kept of an object is what becomes labels, once for all of them; and groups that are equal
//! are one, whichever entry shows them (the module `made`).
//!
//! **What becomes of it.** One group an object, with Prometheus's labels and sources (the module `labels`). A group is
//! made anew when its object changes, or anything that was looked up for it. An object that makes no sense is skipped and
//! counted, and what it was before stays.
//!
//! **What is believed.** Nothing is taken away by what could not be read: only a whole list, or a watch, says that
//! something is gone. Of several namespaces those that can be read are told, and what is missing is named.
//!
//! **Where Prometheus does otherwise than it says, or users reported it as a mistake:**
//!
//! * Endpoints and slices follow each change of their pods at once; Prometheus's show it when they change themselves, but
//!   for a pod's phase (prometheus#11305).
//! * A slice of the second family of a dual-stack service has targets where the first one has no endpoints
//!   (prometheus-operator#8681).
//! * A watch that says nothing is not waited for without end (prometheus#3810, prometheus#4124).
//! * A namespace that is listed twice is watched once; a file's own namespace is read without white space around it.
//! * A node that loses its addresses is no target any more, where Prometheus shows what it was.
//! * `attach_metadata.job` needs no watch of jobs, because a pod says itself which job it is of.

mod access;
mod desk;
mod kind;
mod labels;
mod made;
mod members;
mod metrics;
mod object;
#[cfg(feature = "kubelet")]
mod pod_group;
mod selector;
mod settings;
mod watching;

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_lite::FutureExt;
use headcount_core::Failure;
use headcount_discoverer::on_demand::{Ended, OnDemand};
use headcount_discoverer::{Backoff, BoxFuture, Discoverer, Env, Stopped, Updates};

use desk::Desk;
use members::Members;

#[cfg(feature = "kubelet")]
pub(crate) use pod_group::PodGroup;
pub use settings::KubernetesSd;
#[cfg(feature = "decoding")]
pub(crate) use watching::pods;

struct KubernetesDiscoverer {
    settings: Arc<KubernetesSd>,
}

impl Discoverer for KubernetesDiscoverer {
    fn run(self: Box<Self>, env: Env, updates: Updates) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            metrics::begin(&env.metrics);
            // It ends when nobody listens any more.
            let Ok(namespaces) = namespaces(&self.settings, &env, &updates).await else {
                return;
            };
            let members = Members::new(&self.settings, &namespaces, &env);
            let desk = Desk::new(self.settings, &members, env, updates);
            let work = async {
                members.drive().await;
                Ok(())
            };
            work.or(desk.run()).await.ok();
        })
    }
}

/// The namespaces that are watched; none for all. What can't be found out yet is tried again and again.
async fn namespaces(settings: &KubernetesSd, env: &Env, updates: &Updates) -> Result<BTreeSet<String>, Stopped> {
    let mut namespaces: BTreeSet<String> = settings.namespaces.iter().cloned().collect();
    if !settings.own_namespace {
        return Ok(namespaces);
    }
    let backoff = Backoff::new(watching::FIRST_PAUSE, watching::LONGEST_PAUSE);
    let mut on_demand = OnDemand::new(env, updates);
    let mut failed = 0;
    loop {
        match access::own_namespace(env).await {
            Ok(own) => {
                namespaces.insert(own);
                return Ok(namespaces);
            }
            Err(error) => {
                let wait = backoff.jittered(failed, env.random.as_ref());
                failed = u32::saturating_add(failed, 1);
                on_demand.begin();
                updates.fail(Failure::new(error.message()).retry_in(wait)).await?;
                on_demand.end(Ended::Failed).await?;
                env.clock.sleep(wait).or(on_demand.wanted()).await;
            }
        }
    }
}

#[cfg(test)]
mod tests;
