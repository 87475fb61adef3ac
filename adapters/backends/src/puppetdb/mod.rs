//! `puppetdb_sd_configs`: the resources that a PuppetDB knows, of the kind that a query asks for.
//!
//! The protocol is Prometheus's: a `POST` of the query each `refresh_interval`, an answer of status 200 and type
//! `application/json` that lists all resources at once, and one group with a target for each, at `certname:port`. With
//! `include_parameters` a resource's parameters become labels, numbers written as Go writes them (`parameters.rs`).
//!
//! **Only an answer that was understood as a whole replaces what was found before**, and that everything is gone has to be
//! said twice (B11): a PuppetDB that is being filled anew answers the same. An entry without a `certname` makes no
//! target (in Prometheus it is `:80`), and is counted. If no entry has one, the query asks for something else than
//! resources or nodes, and that is a failure.
//!
//! Otherwise than in Prometheus a URL that ends in `/pdb/query/v4` already is taken as it is, and of parameters whose
//! names become the same label the last by name counts, not one at random.

mod parameters;
mod resource;
mod settings;

use std::sync::Arc;

use headcount_core::Batch;
use headcount_discoverer::address::host_port;
use headcount_discoverer::env::{HttpLimits, HttpRequest};
use headcount_discoverer::metrics::{Definition, Kind};
use headcount_discoverer::rest::{Ask, ReadError, Rest, Whole};
use headcount_reader::HttpClientSettings;

use crate::answers::{list, put};
use crate::content_type::is_json;
use resource::{Found, Resource};

pub use settings::PuppetDbSd;

const SKIPPED: Definition = Definition {
    name: "headcount_sd_puppetdb_skipped_resources_total",
    help: "Entries that were found without a certname, and so are no targets.",
    kind: Kind::Counter,
};

/// A running discoverer.
struct PuppetDb(Arc<PuppetDbSd>);

impl Rest for PuppetDb {
    type Part = Whole;
    type Found = Vec<Resource>;
    const READING: &'static str = "querying PuppetDB";

    fn client(&self) -> &HttpClientSettings {
        &self.0.client
    }

    async fn parts(&self, _ask: &Ask<'_>) -> Result<Vec<Whole>, ReadError> {
        Ok(vec![Whole])
    }

    async fn read(&self, _part: &Whole, ask: &Ask<'_>) -> Result<Option<Vec<Resource>>, ReadError> {
        let body = serde_json::json!({ "query": self.0.query }).to_string();
        let request = HttpRequest::post(&self.0.endpoint, "application/json", body)
            .header("Accept", "application/json")
            .limits(HttpLimits {
                body: ask.env().limits.body,
                ..HttpLimits::default()
            });
        let Some(answer) = ask.changed(request).await? else {
            return Ok(None);
        };
        let content_type = answer.header("content-type").unwrap_or_default();
        if !is_json(content_type) {
            let wrong = format!("the answer's type is {content_type:?}, not \"application/json\"");
            return Err(ReadError::answer(&self.0.endpoint, wrong));
        }
        let found = resource::decode(&answer.body, self.0.include_parameters);
        let Found { resources, skipped } = found.map_err(|error| ReadError::answer(&self.0.endpoint, error))?;
        ask.env().metrics.add(SKIPPED, &[], skipped as f64);
        Ok(Some(resources))
    }

    fn encode(&self, _part: &Whole, resources: Vec<Resource>, batch: &mut Batch<'_>) -> Result<(), ReadError> {
        batch.begin(&self.0.source)?;
        for resource in &resources {
            batch.begin_target()?;
            put(batch, "__address__", &host_port(&resource.certname, self.0.port))?;
            put(batch, "__meta_puppetdb_certname", &resource.certname)?;
            put(batch, "__meta_puppetdb_environment", &resource.environment)?;
            put(
                batch,
                "__meta_puppetdb_exported",
                if resource.exported { "true" } else { "false" },
            )?;
            put(batch, "__meta_puppetdb_file", &resource.file)?;
            put(batch, "__meta_puppetdb_query", &self.0.query)?;
            put(batch, "__meta_puppetdb_resource", &resource.resource)?;
            put(
                batch,
                "__meta_puppetdb_tags",
                &list(resource.tags.iter().map(String::as_str)),
            )?;
            put(batch, "__meta_puppetdb_title", &resource.title)?;
            put(batch, "__meta_puppetdb_type", &resource.kind)?;
            for (name, value) in &resource.parameters {
                put(batch, name, value)?;
            }
        }
        Ok(batch.end()?)
    }

    fn is_source(&self, _part: &Whole, source: &str) -> bool {
        source == self.0.source
    }
}

#[cfg(test)]
mod tests;
