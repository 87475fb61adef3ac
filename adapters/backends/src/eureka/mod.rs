//! `eureka_sd_configs`: the instances of applications that a Eureka server knows.
//!
//! Each `refresh_interval` all of them are asked for at once (`GET SERVER/apps` of
//! <https://github.com/Netflix/eureka/wiki/Eureka-REST-operations>, XML); an answer that is the same as the last is not
//! read again. Labels and the one source, `eureka`, are Prometheus's, with `instance` set to the instance's id. **An answer
//! that can't be read as a whole changes nothing.**
//!
//! What relabelling rules depend on stays as it is:
//! * The address is the host's name, whatever the IP address; a port that is disabled is used all the same, and without
//!   one it is 80. Instances of every status are targets.
//! * Metadata is taken as it is written: `&amp;` stays `&amp;`, and elements in it stay, too.
//!
//! Otherwise than in Prometheus:
//! * An answer that is something else than `<applications>`, such as a proxy's page, is a failure, not a list of nothing.
//! * A number or switch that makes no sense costs its label, not all targets; a port that makes none costs the instance.
//! * An instance without a host's name is scraped at its IP address, not at `:80`; without either it makes no target, and
//!   is counted.
//! * A slash at the end of the server's URL is not doubled; and a refresh has a deadline.

mod instance;
mod settings;

use std::sync::Arc;

use headcount_core::Batch;
use headcount_discoverer::env::{HttpLimits, HttpRequest};
use headcount_discoverer::metrics::{Definition, Kind};
use headcount_discoverer::rest::{Ask, ReadError, Rest, Whole};
use headcount_reader::HttpClientSettings;

use instance::Instance;

pub use settings::EurekaSd;

/// What the targets' group is known by.
const SOURCE: &str = "eureka";

const SKIPPED: Definition = Definition {
    name: "headcount_sd_eureka_skipped_instances_total",
    help: "Instances that were found without an address, and so are no targets.",
    kind: Kind::Counter,
};

/// A running discoverer.
struct Eureka(Arc<EurekaSd>);

impl Rest for Eureka {
    type Part = Whole;
    type Found = Vec<Instance>;
    const READING: &'static str = "asking Eureka";

    fn client(&self) -> &HttpClientSettings {
        &self.0.client
    }

    async fn parts(&self, _ask: &Ask<'_>) -> Result<Vec<Whole>, ReadError> {
        Ok(vec![Whole])
    }

    async fn read(&self, _part: &Whole, ask: &Ask<'_>) -> Result<Option<Vec<Instance>>, ReadError> {
        let url = self.0.server.join("/apps");
        let request = HttpRequest::get(url.as_str())
            .header("Accept", "application/xml")
            .limits(HttpLimits {
                body: ask.env().limits.body,
                ..HttpLimits::default()
            });
        let Some(answer) = ask.changed(request).await? else {
            return Ok(None);
        };
        let found = instance::read(&answer.body).map_err(|error| ReadError::answer(&url, error))?;
        let count = found.len();
        let instances: Vec<Instance> = found.into_iter().filter(|one| one.address().is_some()).collect();
        let skipped = count.saturating_sub(instances.len());
        ask.env().metrics.add(SKIPPED, &[], skipped as f64);
        Ok(Some(instances))
    }

    fn encode(&self, _part: &Whole, instances: Vec<Instance>, batch: &mut Batch<'_>) -> Result<(), ReadError> {
        batch.begin(SOURCE)?;
        instances.iter().try_for_each(|instance| instance.encode(batch))?;
        Ok(batch.end()?)
    }

    fn is_source(&self, _part: &Whole, source: &str) -> bool {
        source == SOURCE
    }
}

#[cfg(test)]
mod tests;
