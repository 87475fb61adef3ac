//! `ecs_sd_configs`: the tasks of the clusters of Amazon ECS in a region.
//!
//! **What is asked.** `ListClusters`, unless the entry names them, and `DescribeClusters`; of each cluster `ListTasks` and
//! `DescribeTasks`, of the services that tasks are of `DescribeServices`, of the container instances that they are on
//! `DescribeContainerInstances`. EC2 is asked for the instances behind those, and for the network interfaces of tasks that
//! have their own, with filters: one that is gone costs labels, and not the cluster.
//!
//! **What becomes of it.** One group a cluster, whose source is the region and the cluster's ARN; Prometheus has one for
//! the region. The labels are Prometheus's; so is that whatever has no interface of its own is said to be in the mode
//! `bridge`, and that the port is the entry's. A task without an address is skipped and counted.
//!
//! **What is running.** A list that does not say which state is wanted has what ECS wants to be running
//! (<https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTasks.html>), so a task goes as soon as it is told to
//! stop, and is there while it starts. As in Prometheus, that is all that is asked of its state: one that stops between the
//! list and its description is there until the next refresh, and says so in `__meta_ecs_last_status`.
//!
//! **What is believed.** A cluster that can't be read keeps its targets and is named as missing; in Prometheus they vanish.
//! So does one that the entry names and ECS does not know. Clusters may be named by their names as well as by their ARNs.

mod answer;
mod labels;
mod settings;
mod tasks;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use headcount_core::Batch;
use headcount_discoverer::in_parallel;
use headcount_discoverer::metrics::Definition;
use headcount_discoverer::rest::{Ask, ReadError, Rest};
use headcount_reader::HttpClientSettings;
use serde_json::{Value, json};

use crate::aws_api::{Aws, ECS, JsonError, Part, Session, action};
use answer::Cluster;
use tasks::Found;

pub use settings::EcsSd;

/// As many clusters or tasks as one request may be about.
const MOST: usize = 100;
/// As many requests as are worth being made at once; how many are under way is the entry's to say.
const AT_ONCE: usize = 20;

struct Ecs {
    settings: Arc<EcsSd>,
    aws: Aws,
    skipped: Definition,
}

/// A cluster that is to be read.
enum Wanted {
    Known(Cluster),
    /// ECS knows none of this name.
    Unknown,
}

impl Ecs {
    fn new(settings: &Arc<EcsSd>, skipped: Definition) -> Self {
        Self {
            aws: Aws::new(settings.account.clone(), settings.concurrency),
            settings: settings.clone(),
            skipped,
        }
    }

    /// Asks ECS for things that come on one page each, side by side: all of them, or why one could not be had.
    async fn ask_each<T>(
        &self,
        session: &Session,
        ask: &Ask<'_>,
        name: &str,
        parameters: Vec<Value>,
        read: fn(&[u8]) -> Result<Vec<T>, JsonError>,
    ) -> Result<Vec<T>, ReadError> {
        let target = &target(name);
        let asked = parameters.into_iter().map(|parameters| async move {
            let request = |endpoint: &str| action(endpoint, target, &parameters);
            let answer = self.aws.call(session, ask, &ECS, request).await?;
            read(&answer.body).map_err(|error| ReadError::refused(target, error.to_string(), None))
        });
        let mut all = Vec::new();
        for found in in_parallel(AT_ONCE, asked).await {
            all.extend(found?);
        }
        Ok(all)
    }

    /// Asks ECS for a list of ARNs.
    async fn list(
        &self,
        session: &Session,
        ask: &Ask<'_>,
        name: &str,
        field: &'static str,
        parameters: Value,
    ) -> Result<Vec<String>, ReadError> {
        let target = target(name);
        let request = |endpoint: &str, mark: Option<&str>| {
            let mut parameters = parameters.clone();
            parameters["maxResults"] = json!(MOST);
            if let Some(mark) = mark {
                parameters["nextToken"] = json!(mark);
            }
            action(endpoint, &target, &parameters)
        };
        let read = |body: &[u8]| answer::arns(body, field);
        Ok(self.aws.pages(session, ask, &ECS, request, read).await?)
    }
}

fn target(name: &str) -> String {
    format!("AmazonEC2ContainerServiceV20141113.{name}")
}

impl Rest for Ecs {
    type Part = Part<Wanted>;
    type Found = Found;
    const READING: &'static str = "asking ECS:";
    const AT_ONCE: usize = AT_ONCE;

    fn client(&self) -> &HttpClientSettings {
        &self.aws.account().client
    }

    async fn parts(&self, ask: &Ask<'_>) -> Result<Vec<Self::Part>, ReadError> {
        let session = self.aws.begin(ask).await?;
        let named = match self.settings.clusters.as_slice() {
            [] => {
                self.list(&session, ask, "ListClusters", "clusterArns", json!({}))
                    .await?
            }
            named => named.to_vec(),
        };
        self.aws.believe("ListClusters", named.len())?;
        let session = &session;
        let chunks = named.chunks(MOST);
        let parameters = chunks.map(|chunk| json!({"clusters": chunk, "include": ["TAGS"]}));
        let described = self.ask_each(session, ask, "DescribeClusters", parameters.collect(), answer::clusters);
        let clusters: Vec<Cluster> = described.await?;
        let source = |name: &str| format!("{}/{name}", session.region);
        let names = clusters.iter().flat_map(Cluster::names);
        let names: BTreeSet<&str> = names.collect();
        let is_known = |name: &String| names.contains(name.as_str());
        let unknown: Vec<&String> = named.iter().filter(|name| !is_known(name)).collect();
        let unknown = unknown
            .into_iter()
            .map(|name| Part::new(source(name), session, Wanted::Unknown))
            .collect::<Vec<_>>();
        let known = clusters
            .into_iter()
            .map(|cluster| Part::new(source(&cluster.cluster_arn), session, Wanted::Known(cluster)));
        Ok(known.chain(unknown).collect())
    }

    async fn read(&self, part: &Self::Part, ask: &Ask<'_>) -> Result<Option<Found>, ReadError> {
        match &*part.what {
            Wanted::Known(cluster) => {
                let found = self.tasks(&part.session, ask, cluster).await?;
                Ok(Some(found))
            }
            Wanted::Unknown => Err(ReadError::refused(
                "DescribeClusters",
                "ECS knows no such cluster; correct its name, or remove it",
                None,
            )),
        }
    }

    fn encode(&self, part: &Self::Part, found: Found, batch: &mut Batch<'_>) -> Result<(), ReadError> {
        if let Wanted::Known(cluster) = &*part.what {
            let (region, port) = (&*part.session.region, self.settings.account.port);
            labels::add(batch, &part.source, region, port, cluster, &found)?;
        }
        Ok(())
    }

    fn is_source(&self, part: &Self::Part, source: &str) -> bool {
        *source == *part.source
    }
}
