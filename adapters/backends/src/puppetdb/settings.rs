//! What an entry of `puppetdb_sd_configs` says.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use headcount_discoverer::mechanism::{Mechanism, Place};
use headcount_discoverer::metrics::Definition;
use headcount_discoverer::{Discoverer, Env, Updates, rest};
use headcount_reader::{Fields, HttpClientSettings, ProblemKind, without_credentials};

use super::{PuppetDb, SKIPPED};

/// How often PuppetDB is asked where the entry says nothing; Prometheus's.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(60);
/// The port of targets; Prometheus's.
const DEFAULT_PORT: u16 = 80;
/// Where queries are answered.
const QUERIES: &str = "/pdb/query/v4";

/// One entry of `puppetdb_sd_configs`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PuppetDbSd {
    /// Where the query is sent to.
    pub(super) endpoint: String,
    /// What the targets' group is known by, without secrets.
    pub(super) source: String,
    pub(super) query: String,
    pub(super) include_parameters: bool,
    pub(super) port: u16,
    pub(super) refresh_interval: Duration,
    pub(super) client: HttpClientSettings,
}

impl fmt::Debug for PuppetDbSd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PuppetDbSd")
            .field("source", &self.source)
            .field("include_parameters", &self.include_parameters)
            .field("port", &self.port)
            .field("refresh_interval", &self.refresh_interval)
            .field("client", &self.client)
            .finish()
    }
}

impl Mechanism for PuppetDbSd {
    const NAME: &'static str = "puppetdb";
    const SUMMARY: &'static str = "the resources that a PuppetDB knows";
    const METRICS: &'static [Definition] = &[SKIPPED];

    fn read(fields: &mut Fields<'_>, place: &Place<'_>) -> Option<Self> {
        let url = fields.http_url("url");
        let query = fields.some_text("query");
        if query.is_none() {
            fields.at().report(ProblemKind::Missing { field: "query" });
        }
        let include_parameters = fields.flag("include_parameters").unwrap_or_default();
        let port = fields.port("port").unwrap_or(DEFAULT_PORT);
        let refresh_interval = fields.interval("refresh_interval", DEFAULT_INTERVAL);
        let client = HttpClientSettings::read(fields, place.folder);
        let (endpoint, query) = (endpoint(&url?), query?);
        Some(Self {
            source: format!("{}?query={query}", without_credentials(&endpoint)),
            endpoint,
            query,
            include_parameters,
            port,
            refresh_interval,
            client,
        })
    }

    fn describe(&self) -> String {
        format!("{}: {}", without_credentials(&self.endpoint), self.query)
    }

    fn refresh_interval(&self) -> Option<Duration> {
        Some(self.refresh_interval)
    }

    fn discoverer(self: Arc<Self>) -> Box<dyn Discoverer> {
        Box::new(async move |env: Env, updates: Updates| {
            env.metrics.add(SKIPPED, &[], 0.0);
            rest::run(self.refresh_interval, Arc::new(PuppetDb(self)), env, updates).await;
        })
    }
}

/// Where a PuppetDB with this URL answers queries: below its path, which is made plain, as Go does.
fn endpoint(url: &str) -> String {
    let url = url.split('#').next().unwrap_or_default();
    let (url, query) = url
        .split_once('?')
        .map_or((url, None), |(url, query)| (url, Some(query)));
    let start = url.find("://").map_or(0, |at| at.saturating_add(3));
    let authority = url.get(start..).and_then(|rest| rest.find('/'));
    let (server, path) = url.split_at(authority.map_or(url.len(), |at| start.saturating_add(at)));
    let mut steps: Vec<&str> = Vec::new();
    for step in path.split('/') {
        match step {
            "" | "." => {}
            ".." => drop(steps.pop()),
            step => steps.push(step),
        }
    }
    let mut path: String = steps.iter().flat_map(|step| ["/", step]).collect();
    // Many write where queries are answered, and not where PuppetDB is.
    if !path.ends_with(QUERIES) {
        path.push_str(QUERIES);
    }
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    format!("{server}{path}{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_answered_below_the_path_of_the_url() {
        for (url, expected) in [
            ("http://pdb.example", "http://pdb.example/pdb/query/v4"),
            ("https://pdb.example:8081/", "https://pdb.example:8081/pdb/query/v4"),
            ("http://a/x/../y//./", "http://a/y/pdb/query/v4"),
            ("http://a/..", "http://a/pdb/query/v4"),
            ("http://a/pdb/query/v4/", "http://a/pdb/query/v4"),
            ("http://u:p@a?dc=1#top", "http://u:p@a/pdb/query/v4?dc=1"),
        ] {
            assert_eq!(endpoint(url), expected);
        }
    }
}
