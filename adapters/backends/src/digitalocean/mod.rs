//! `digitalocean_sd_configs`: the droplets and the managed databases of a DigitalOcean account.
//!
//! Each `refresh_interval` all of them are listed (<https://docs.digitalocean.com/reference/api/>), in pages of 200, the most
//! that there is: an account may ask 250 times a minute. Labels and sources, `DigitalOcean` and `DigitalOcean Databases`,
//! are Prometheus's, also in that a database's tags become names of labels as they are. **A list that can't be had as a
//! whole changes nothing.**
//!
//! Otherwise than in Prometheus a droplet that has only a private IPv4 address is scraped there, not at `:80`; what has no
//! address makes no target, and is counted; and the list of databases ends where the server says so, not with a page
//! of nothing, which a server that knows no pages never gives.

mod databases;
mod droplets;
mod settings;

use std::sync::Arc;

use headcount_core::Batch;
use headcount_discoverer::env::HttpRequest;
use headcount_discoverer::metrics::{Definition, Kind};
use headcount_discoverer::rest::{Ask, ReadError, Rest, Whole};
use headcount_reader::HttpClientSettings;
use serde::Deserialize;
use serde::de::Error as _;

use crate::answers::get_json;
use settings::Role;

pub use settings::DigitalOceanSd;

const API: &str = "https://api.digitalocean.com/v2";

const SKIPPED: Definition = Definition {
    name: "headcount_sd_digitalocean_skipped_objects_total",
    help: "Droplets and databases that were found without an address, and so are no targets.",
    kind: Kind::Counter,
};

/// A running discoverer.
struct DigitalOcean(Arc<DigitalOceanSd>);

enum Found {
    Droplets(Vec<droplets::Droplet>),
    Databases(Vec<databases::Database>),
}

impl Rest for DigitalOcean {
    type Part = Whole;
    type Found = Found;
    const READING: &'static str = "asking DigitalOcean";

    fn client(&self) -> &HttpClientSettings {
        &self.0.common.client
    }

    async fn parts(&self, _ask: &Ask<'_>) -> Result<Vec<Whole>, ReadError> {
        Ok(vec![Whole])
    }

    async fn read(&self, _part: &Whole, ask: &Ask<'_>) -> Result<Option<Found>, ReadError> {
        let (found, skipped) = match self.0.role {
            Role::Droplets => {
                let (droplets, skipped) = droplets::list(ask).await?;
                (Found::Droplets(droplets), skipped)
            }
            Role::Databases => {
                let (databases, skipped) = databases::list(ask).await?;
                (Found::Databases(databases), skipped)
            }
        };
        ask.env().metrics.add(SKIPPED, &[], skipped as f64);
        Ok(Some(found))
    }

    fn encode(&self, _part: &Whole, found: Found, batch: &mut Batch<'_>) -> Result<(), ReadError> {
        batch.begin(self.source())?;
        let port = self.0.common.port;
        match found {
            Found::Droplets(droplets) => droplets.iter().try_for_each(|droplet| droplet.encode(port, batch))?,
            Found::Databases(databases) => databases.iter().try_for_each(|database| database.encode(port, batch))?,
        }
        Ok(batch.end()?)
    }

    fn is_source(&self, _part: &Whole, source: &str) -> bool {
        source == self.source()
    }
}

impl DigitalOcean {
    fn source(&self) -> &'static str {
        match self.0.role {
            Role::Droplets => "DigitalOcean",
            Role::Databases => "DigitalOcean Databases",
        }
    }
}

/// Where a list goes on.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Links {
    pages: Option<Pages>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Pages {
    next: Option<String>,
}

/// A page of a list.
fn page(ask: &Ask<'_>, list: &str, number: &str) -> HttpRequest {
    get_json(ask, format!("{API}/{list}?page={number}&per_page=200"))
}

/// The page that comes next: of its link only the number counts. A link without one is an error, and not the end.
fn next(ask: &Ask<'_>, list: &str, links: Option<Links>) -> serde_json::Result<Option<HttpRequest>> {
    let link = links.and_then(|links| links.pages?.next).unwrap_or_default();
    if link.is_empty() {
        return Ok(None);
    }
    let query = link.split_once('?').map_or("", |(_, query)| query);
    let number = query.split('&').find_map(|pair| pair.strip_prefix("page="));
    let is_number = |number: &&str| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    match number.filter(is_number) {
        Some(number) => Ok(Some(page(ask, list, number))),
        None => Err(serde_json::Error::custom("the next page has no number")),
    }
}

#[cfg(test)]
mod tests;
