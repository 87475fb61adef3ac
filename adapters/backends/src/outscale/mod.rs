//! `outscale_sd_configs`: the virtual machines of an Outscale account in one region.
//!
//! Each `refresh_interval` all of them are listed (`ReadVms` of <https://docs.outscale.com/api>), in pages of 1,000, the most
//! that there is: what an account may ask is limited by the second and by the call, with numbers that are not published.
//! Labels and the one source, the region, are Prometheus's. **A list that can't be had as a whole changes nothing.**
//!
//! Otherwise than in Prometheus:
//! * Requests are signed for the region of the entry, as the documentation has it, not always for `eu-west-2`.
//! * An answer without its list is a failure, not a list of nothing.
//! * A VM that has no address (a terminated one stays listed for a while) is counted.
//! * `follow_redirects` counts.
//!
//! VMs of every state are targets, as in Prometheus: relabelling tells them by `__meta_outscale_vm_state`.

mod settings;

use std::sync::Arc;

use headcount_core::{Batch, GroupError};
use headcount_discoverer::address::host_port;
use headcount_discoverer::env::{HttpLimits, HttpRequest};
use headcount_discoverer::metrics::{Definition, Kind};
use headcount_discoverer::rest::{Ask, Page, ReadError, Rest, Whole};
use headcount_reader::HttpClientSettings;
use serde::Deserialize;
use serde_json::json;

use crate::answers::{List, Object, Text, put, reveal};
use crate::label_name::label_name;
use crate::sigv4::{Keys, Scope, sign};

pub use settings::OutscaleSd;

/// The service's name in signatures: <https://docs.outscale.com/en/userguide/Creating-a-String-to-Sign.html>.
const SERVICE: &str = "oapi";
/// The most that one page can have: `ResultsPerPage` of <https://docs.outscale.com/api#readvms>.
const RESULTS_PER_PAGE: u16 = 1000;

const SKIPPED: Definition = Definition {
    name: "headcount_sd_outscale_skipped_vms_total",
    help: "VMs that were found without an address, and so are no targets.",
    kind: Kind::Counter,
};

/// A running discoverer.
struct Outscale(Arc<OutscaleSd>);

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Vm {
    vm_id: Text,
    state: Text,
    placement: Object<Placement>,
    private_ip: Text,
    public_ip: Text,
    tags: List<Object<Tag>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Placement {
    subregion_name: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Tag {
    key: Text,
    value: Text,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    vms: Vec<Object<Vm>>,
    #[serde(default)]
    next_page_token: Option<String>,
}

impl Rest for Outscale {
    type Part = Whole;
    type Found = Vec<Vm>;
    const READING: &'static str = "listing the VMs of Outscale";

    fn client(&self) -> &HttpClientSettings {
        &self.0.common.client
    }

    async fn parts(&self, _ask: &Ask<'_>) -> Result<Vec<Whole>, ReadError> {
        Ok(vec![Whole])
    }

    async fn read(&self, _part: &Whole, ask: &Ask<'_>) -> Result<Option<Vec<Vm>>, ReadError> {
        let keys = Keys {
            access_key: self.0.access_key.clone(),
            secret_key: reveal(ask.env(), &self.0.secret_key, self.0.endpoint.shown()).await?,
            session_token: None,
        };
        let all = ask.pages(self.page(ask, &keys, None), |answer| {
            let found: Answer = crate::json::from_slice(&answer.body)?;
            let next = found.next_page_token.filter(|token| !token.is_empty());
            Ok::<_, serde_json::Error>(Page {
                items: found.vms,
                next: next.map(|token| self.page(ask, &keys, Some(&token))),
            })
        });
        let all = all.await?;
        let count = all.len();
        let vms = all.into_iter().filter_map(|vm| vm.0);
        let vms: Vec<Vm> = vms.filter(|vm| !vm.address().is_empty()).collect();
        let skipped = count.saturating_sub(vms.len());
        ask.env().metrics.add(SKIPPED, &[], skipped as f64);
        Ok(Some(vms))
    }

    fn encode(&self, _part: &Whole, vms: Vec<Vm>, batch: &mut Batch<'_>) -> Result<(), ReadError> {
        batch.begin(&self.0.region)?;
        for vm in &vms {
            vm.encode(&self.0, batch)?;
        }
        Ok(batch.end()?)
    }

    fn is_source(&self, _part: &Whole, source: &str) -> bool {
        source == self.0.region
    }
}

impl Outscale {
    /// The first page, or the one that a token stands for, signed as of now.
    fn page(&self, ask: &Ask<'_>, keys: &Keys, token: Option<&str>) -> HttpRequest {
        let body = match token {
            Some(token) => json!({"ResultsPerPage": RESULTS_PER_PAGE, "NextPageToken": token}),
            None => json!({"ResultsPerPage": RESULTS_PER_PAGE}),
        };
        let url = self.0.endpoint.join("/ReadVms");
        let request = HttpRequest::post(url, "application/json", body.to_string())
            .header("Accept", "application/json")
            .limits(HttpLimits {
                body: ask.env().limits.body,
                ..HttpLimits::default()
            });
        let scope = Scope {
            service: SERVICE,
            region: &self.0.region,
        };
        sign(request, scope, keys, ask.env().clock.unix_time())
    }
}

impl Vm {
    fn address(&self) -> &str {
        let mut addresses = [&self.private_ip, &self.public_ip].into_iter().map(Text::as_str);
        addresses.find(|address| !address.is_empty()).unwrap_or_default()
    }

    /// Adds its target to the open group.
    fn encode(&self, settings: &OutscaleSd, batch: &mut Batch<'_>) -> Result<(), GroupError> {
        batch.begin_target()?;
        put(batch, "__address__", &host_port(self.address(), settings.common.port))?;
        let mut label = |name: &str, value: &str| put(batch, &format!("__meta_outscale_vm_{name}"), value);
        label("instance_id", self.vm_id.as_str())?;
        label("region", &settings.region)?;
        label("state", self.state.as_str())?;
        if let Some(placement) = &self.placement.0 {
            label("subregion", placement.subregion_name.as_str())?;
        }
        label("private_ip", self.private_ip.as_str())?;
        label("public_ip", self.public_ip.as_str())?;
        for tag in self.tags.0.iter().filter_map(|tag| tag.0.as_ref()) {
            if !tag.key.as_str().is_empty() {
                label(&label_name("tag_", tag.key.as_str()), tag.value.as_str())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
