//! `elasticache_sd_configs`: the nodes and the serverless caches of Amazon ElastiCache in a region.
//!
//! **What is asked.** `DescribeCacheClusters` and `DescribeServerlessCaches`, page by page, and `ListTagsForResource` for
//! each cluster and cache. Prometheus asks for clusters twice, in two ways, and shows those twice that are in no replication
//! group (prometheus#19434).
//!
//! **What becomes of it.** One group a cluster or cache, with a target for each node and Prometheus's labels; its source is
//! the region, the kind and the name, where Prometheus has one group for the region. The address is the endpoint's, with
//! its port. What has no endpoint yet is skipped and counted; Prometheus makes targets of it that have no address.
//!
//! **`clusters`** are ARNs of serverless caches, of replication groups or of clusters, and then nothing else is found.
//! In Prometheus a replication group's id is taken for a cluster's, and who names some of one kind gets all of the other.
//!
//! **What is believed.** Clusters and serverless caches are read by themselves, and keep what they had when they fail. What
//! is in a list, and whose tags ElastiCache says not to know or not to tell while it is changed, keeps those that it had; if
//! it had none, what is not known is left out and counted. In Prometheus each of these ends the refresh.

mod fields;
mod labels;
mod settings;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use headcount_core::Batch;
use headcount_discoverer::in_parallel;
use headcount_discoverer::metrics::Definition;
use headcount_discoverer::rest::{Ask, ReadError, Rest};
use headcount_reader::HttpClientSettings;

use crate::aws_api::{Aws, CallError, ELASTICACHE, Element, Page, Part, Query, Session, XmlError, list};

pub use settings::ElasticacheSd;

const VERSION: &str = "2015-02-02";

struct Elasticache {
    settings: Arc<ElasticacheSd>,
    aws: Aws,
    skipped: Definition,
    /// The tags that were told last.
    known: Mutex<BTreeMap<Kind, Known>>,
}

/// Tags by the ARNs of those that have them.
type Known = BTreeMap<String, Arc<[Element]>>;

/// What is read by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Clusters,
    Serverless,
}

/// A cluster or a cache with its tags.
struct Cache {
    said: Element,
    tags: Arc<[Element]>,
}

impl Kind {
    /// As ARNs and sources have it.
    fn name(self) -> &'static str {
        match self {
            Self::Clusters => "cluster",
            Self::Serverless => "serverlesscache",
        }
    }

    /// What it is called.
    fn name_of(self, said: &Element) -> Option<&str> {
        said.at(match self {
            Self::Clusters => "CacheClusterId",
            Self::Serverless => "ServerlessCacheName",
        })
    }

    /// Whether an ARN names this, or what it is a part of.
    fn is_meant(self, said: &Element, arn: &str) -> bool {
        let Some((kind, name)) = kind_and_name(arn) else {
            return false;
        };
        let is_it = self.name_of(said) == Some(name);
        match (self, kind) {
            (Self::Clusters, "replicationgroup") => is_it || said.at("ReplicationGroupId") == Some(name),
            (Self::Clusters, "cluster") | (Self::Serverless, "serverlesscache") => is_it,
            _ => false,
        }
    }
}

/// What an ARN says: `arn:aws:elasticache:REGION:ACCOUNT:KIND:NAME`.
fn kind_and_name(arn: &str) -> Option<(&str, &str)> {
    let mut parts = arn.split(':').skip(5);
    Some((parts.next()?, parts.next()?))
}

impl Elasticache {
    fn new(settings: &Arc<ElasticacheSd>, skipped: Definition) -> Self {
        Self {
            aws: Aws::new(settings.account.clone(), settings.concurrency),
            settings: settings.clone(),
            skipped,
            known: Mutex::default(),
        }
    }

    async fn described(&self, kind: Kind, session: &Session, ask: &Ask<'_>) -> Result<Vec<Element>, CallError> {
        let (query, mark_name) = match kind {
            Kind::Clusters => {
                let query = Query::new("DescribeCacheClusters", VERSION).with("MaxRecords", "100");
                (query.with("ShowCacheNodeInfo", "true"), "Marker")
            }
            Kind::Serverless => {
                let query = Query::new("DescribeServerlessCaches", VERSION).with("MaxResults", "50");
                (query, "NextToken")
            }
        };
        let request = |endpoint: &str, mark: Option<&str>| query.clone().with_some(mark_name, mark).request(endpoint);
        let read = |body: &[u8]| match kind {
            Kind::Clusters => clusters(body),
            Kind::Serverless => serverless(body),
        };
        self.aws.pages(session, ask, &ELASTICACHE, request, read).await
    }

    /// The tags of what has this ARN, or else those that are known of it. None of what is gone by now.
    async fn tags(
        &self,
        session: &Session,
        ask: &Ask<'_>,
        arn: &str,
        known: Option<&Arc<[Element]>>,
    ) -> Result<Option<Arc<[Element]>>, ReadError> {
        let query = Query::new("ListTagsForResource", VERSION).with("ResourceName", arn);
        let answer = self
            .aws
            .call(session, ask, &ELASTICACHE, |endpoint| query.request(endpoint));
        match answer.await {
            Ok(answer) => {
                let tags = tags(&answer.body);
                let tags = tags.map_err(|error| ReadError::refused("ListTagsForResource", error.to_string(), None));
                Ok(Some(tags?.into()))
            }
            Err(CallError::Said(failure, _)) if failure.is_not_found() => Ok(known.cloned()),
            Err(CallError::Said(failure, _)) if failure.is_of_its_state() && known.is_some() => Ok(known.cloned()),
            Err(error) => Err(error.into()),
        }
    }

    fn known_of(&self, kind: Kind) -> Known {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&kind).cloned().unwrap_or_default()
    }

    /// What was described, with its tags, and how much of it is gone by now.
    async fn with_tags(
        &self,
        kind: Kind,
        described: Vec<Element>,
        session: &Session,
        ask: &Ask<'_>,
    ) -> Result<(Vec<Cache>, usize), ReadError> {
        let none: Arc<[Element]> = Arc::default();
        let known = &self.known_of(kind);
        // Of what has no address nobody sees the tags, which may not be asked for before it is made.
        let arn = |said: &Element| {
            said.at("ARN")
                .filter(|_| labels::has_address(kind, said))
                .map(str::to_owned)
        };
        let arns: Vec<Option<String>> = described.iter().map(arn).collect();
        let told = arns.into_iter().map(|arn| {
            let none = none.clone();
            async move {
                let Some(arn) = arn else { return Ok((None, Some(none))) };
                let tags = self.tags(session, ask, &arn, known.get(&arn)).await?;
                Ok::<_, ReadError>((Some(arn), tags))
            }
        });
        let told = in_parallel(self.settings.concurrency, told).await;
        let told = told.into_iter().collect::<Result<Vec<_>, ReadError>>()?;
        let newly = told
            .iter()
            .filter_map(|(arn, tags)| Some((arn.clone()?, tags.clone()?)));
        let newly: Known = newly.collect();
        self.known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(kind, newly);
        let count = described.len();
        let caches = described.into_iter().zip(told);
        let caches: Vec<Cache> = caches
            .filter_map(|(said, (_, tags))| Some(Cache { said, tags: tags? }))
            .collect();
        let gone = count.saturating_sub(caches.len());
        Ok((caches, gone))
    }

    /// Whether the entry wants something of a kind.
    fn wants(&self, kind: Kind) -> bool {
        let clusters = &self.settings.clusters;
        let is_of_it = |arn: &String| match kind_and_name(arn) {
            Some(("serverlesscache", _)) => kind == Kind::Serverless,
            Some(("replicationgroup" | "cluster", _)) => kind == Kind::Clusters,
            _ => false,
        };
        clusters.is_empty() || clusters.iter().any(is_of_it)
    }
}

impl Rest for Elasticache {
    type Part = Part<Kind>;
    type Found = Vec<Cache>;
    const READING: &'static str = "asking ElastiCache:";

    fn client(&self) -> &HttpClientSettings {
        &self.aws.account().client
    }

    async fn parts(&self, ask: &Ask<'_>) -> Result<Vec<Self::Part>, ReadError> {
        let session = self.aws.begin(ask).await?;
        let kinds = [Kind::Clusters, Kind::Serverless].into_iter();
        let wanted = kinds.filter(|kind| self.wants(*kind));
        let part = |kind: Kind| Part::new(format!("{}/{}", session.region, kind.name()), &session, kind);
        Ok(wanted.map(part).collect())
    }

    async fn read(&self, part: &Self::Part, ask: &Ask<'_>) -> Result<Option<Vec<Cache>>, ReadError> {
        let (kind, session) = (*part.what, &*part.session);
        let mut described = self.described(kind, session, ask).await?;
        let wanted = &self.settings.clusters;
        described.retain(|said| wanted.is_empty() || wanted.iter().any(|arn| kind.is_meant(said, arn)));
        let (caches, gone) = self.with_tags(kind, described, session, ask).await?;
        let skipped: usize = caches.iter().map(|cache| labels::without_address(kind, cache)).sum();
        ask.env()
            .metrics
            .add(self.skipped, &[], skipped.saturating_add(gone) as f64);
        Ok(Some(caches))
    }

    fn encode(&self, part: &Self::Part, caches: Vec<Cache>, batch: &mut Batch<'_>) -> Result<(), ReadError> {
        Ok(labels::add(batch, &part.source, *part.what, &caches)?)
    }

    fn is_source(&self, part: &Self::Part, source: &str) -> bool {
        let rest = source.strip_prefix(&*part.source);
        rest.is_some_and(|rest| rest.starts_with('/'))
    }
}

fn clusters(body: &[u8]) -> Result<Page<Element>, XmlError> {
    list(
        body,
        [
            "DescribeCacheClustersResponse",
            "DescribeCacheClustersResult",
            "CacheClusters",
        ],
        "Marker",
    )
}

fn serverless(body: &[u8]) -> Result<Page<Element>, XmlError> {
    list(
        body,
        [
            "DescribeServerlessCachesResponse",
            "DescribeServerlessCachesResult",
            "ServerlessCaches",
        ],
        "NextToken",
    )
}

fn tags(body: &[u8]) -> Result<Vec<Element>, XmlError> {
    let (tags, _) = list(
        body,
        ["ListTagsForResourceResponse", "ListTagsForResourceResult", "TagList"],
        "Marker",
    )?;
    Ok(tags)
}
