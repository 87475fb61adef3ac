//! `scaleway_sd_configs`: the instances and the bare-metal servers of one zone of Scaleway.
//!
//! Each `refresh_interval` all of them are listed (<https://www.scaleway.com/en/developers/api/>), in pages of 100, the most
//! that there is. Labels and the one source, `scaleway`, are Prometheus's. **A list that can't be had as a whole
//! changes nothing.** Scaleway publishes no numbers of requests that are allowed; who is told to wait waits.
//!
//! **`project_id` filters nothing**, as in Prometheus: no request of its carries it, so that servers of all projects that
//! the key may see are targets, and relabelling rules that tell them by `__meta_scaleway_instance_project_id` go on having
//! something to tell. With `filter_by_project: true`, which is headcount's own, only the project's are listed.
//!
//! Otherwise than in Prometheus:
//! * An instance that has only addresses of `public_ips` (routed ones) is scraped at the first of them; IPv4 before IPv6.
//! * Addresses of private networks are asked for in portions, not with all machines in one URL.
//! * A bare-metal server without an address, which is a target without one there, makes none, and is counted; an address
//!   whose version is not known costs itself, not all servers.
//! * The names of offers and systems are asked for when one is not known yet.
//!
//! Of a tag with a comma in it the filter makes two, here as there: the API wants them in one parameter.

mod baremetal;
mod instance;
mod settings;

use std::fmt::Write;
use std::sync::{Arc, Mutex};

use headcount_core::Batch;
use headcount_discoverer::env::HttpRequest;
use headcount_discoverer::metrics::{Definition, Kind};
use headcount_discoverer::rest::{Ask, Page, ReadError, Rest, Whole};
use headcount_reader::{HttpClientSettings, Secret};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;

use crate::answers::{Object, get_json, reveal};
use settings::Role;

pub use settings::ScalewaySd;

/// What the targets' group is known by.
const SOURCE: &str = "scaleway";
/// The most that one page can have: `per_page` and `page_size` of the API's documentation.
const PAGE: usize = 100;

const SKIPPED: Definition = Definition {
    name: "headcount_sd_scaleway_skipped_servers_total",
    help: "Servers that were found without an address, and so are no targets.",
    kind: Kind::Counter,
};

/// What stands in a parameter as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A running discoverer.
struct Scaleway {
    settings: Arc<ScalewaySd>,
    names: Mutex<baremetal::Names>,
}

enum Found {
    Instances(Vec<instance::Instance>),
    Baremetal(Vec<baremetal::Server>, baremetal::Names),
}

/// A page of a list, and how many there are on all of them, if that is said.
trait List: DeserializeOwned {
    type Item;

    fn into_parts(self) -> (Vec<Object<Self::Item>>, Option<i64>);
}

/// Who asks, and what.
struct Asker<'a> {
    settings: &'a ScalewaySd,
    ask: &'a Ask<'a>,
    secret_key: Secret,
}

impl Rest for Scaleway {
    type Part = Whole;
    type Found = Found;
    const READING: &'static str = "listing the servers of Scaleway";

    fn client(&self) -> &HttpClientSettings {
        &self.settings.common.client
    }

    async fn parts(&self, _ask: &Ask<'_>) -> Result<Vec<Whole>, ReadError> {
        Ok(vec![Whole])
    }

    async fn read(&self, _part: &Whole, ask: &Ask<'_>) -> Result<Option<Found>, ReadError> {
        let settings = &*self.settings;
        let secret_key = reveal(ask.env(), &settings.secret_key, settings.url.shown()).await?;
        let asker = Asker {
            settings,
            ask,
            secret_key,
        };
        let (found, skipped) = match settings.role {
            Role::Instance => {
                let (instances, skipped) = instance::list(&asker).await?;
                (Found::Instances(instances), skipped)
            }
            Role::Baremetal => {
                let (servers, skipped) = baremetal::list(&asker).await?;
                let names = baremetal::names(&asker, &self.names, &servers).await?;
                (Found::Baremetal(servers, names), skipped)
            }
        };
        ask.env().metrics.add(SKIPPED, &[], skipped as f64);
        Ok(Some(found))
    }

    fn encode(&self, _part: &Whole, found: Found, batch: &mut Batch<'_>) -> Result<(), ReadError> {
        batch.begin(SOURCE)?;
        let port = self.settings.common.port;
        match found {
            Found::Instances(instances) => instances.iter().try_for_each(|one| one.encode(port, batch))?,
            Found::Baremetal(servers, names) => servers.iter().try_for_each(|one| one.encode(port, &names, batch))?,
        }
        Ok(batch.end()?)
    }

    fn is_source(&self, _part: &Whole, source: &str) -> bool {
        source == SOURCE
    }
}

impl Scaleway {
    fn new(settings: Arc<ScalewaySd>) -> Self {
        Self {
            settings,
            names: Mutex::default(),
        }
    }
}

impl Asker<'_> {
    /// All pages of a list. `query` begins with `?`; how many a page has is said in the parameter `size`.
    async fn pages<L: List>(&self, path: &str, query: &str, size: &str) -> Result<Vec<Object<L::Item>>, ReadError> {
        let request = |number: usize| -> HttpRequest {
            let url = self
                .settings
                .url
                .join(&format!("{path}{query}&page={number}&{size}={PAGE}"));
            get_json(self.ask, url).header("X-Auth-Token", self.secret_key.reveal())
        };
        let (mut number, mut count) = (1, 0);
        let all = self.ask.pages(request(number), |answer| {
            let (items, total) = crate::json::from_slice::<L>(&answer.body)?.into_parts();
            let total = answer
                .header("x-total-count")
                .and_then(|text| text.parse().ok())
                .or(total);
            count += items.len();
            // Where no total is said, only a page with nothing on it is known to be the last.
            let is_last = items.is_empty() || total.is_some_and(|total| count as i64 >= total);
            number += 1;
            Ok::<_, serde_json::Error>(Page {
                items,
                next: (!is_last).then(|| request(number)),
            })
        });
        all.await
    }

    /// The beginning of a query with the entry's filters. `project` is what its parameter is called here.
    fn filters(&self, order: &str, project: &str) -> String {
        let mut query = format!("?{order}");
        let mut add = |name: &str, value: &str| {
            // Nothing fails to be written into text.
            write!(query, "&{name}={}", utf8_percent_encode(value, PLAIN)).ok();
        };
        if self.settings.is_of_project {
            add(project, &self.settings.project);
        }
        if !self.settings.name.is_empty() {
            add("name", &self.settings.name);
        }
        query
    }
}

#[cfg(test)]
mod tests;
