//! `oci_sd_configs`: the compute instances of Oracle Cloud Infrastructure.
//!
//! Each `refresh_interval` the instances of each compartment are listed, and the interfaces that they have, of which each primary
//! one is asked for its addresses (<https://docs.oracle.com/iaas/api/#/en/iaas/20160918/>). Requests are signed, with the key of a user
//! (`api_key`) or as the instance on which this runs (`instance_principal`). Labels are Prometheus's. **Each compartment is a part**: one
//! that can't be read keeps what it had and is named. While the compartments can't be listed those that are known are read.
//!
//! Otherwise than in Prometheus:
//! * Sources are `OCI/<compartment>`; there is one, `OCI`.
//! * Compartments are listed in one list and not level by level, and interfaces by compartment and not by instance: of two requests an
//!   instance one is left. Of more than 300 interfaces a part is asked for again at each refresh, those that are new always,
//!   so that no account is asked more than it may be.
//! * An interface that can't be read fails its compartment, which keeps what it had; there its instance vanishes. An instance
//!   without an address is no target, and counted, unless it is terminated.
//! * As an instance principal the tenancy is that of the certificate, and `region` counts for what is listed; there it is the
//!   instance's own. A token is got anew before its end, or when it is refused.
//! * The key and its passphrase are read at each refresh. Keys of fewer than 2048 bits are not taken.
//! * `basic_auth`, `authorization` and `oauth2`, which change nothing there, are sent nowhere.

mod account;
mod decrypt;
mod instance;
mod pace;
mod principal;
mod realm;
mod settings;
mod signature;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;
use std::hash::Hasher;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use headcount_core::Batch;
use headcount_discoverer::env::{HttpLimits, HttpRequest, HttpResponse};
use headcount_discoverer::in_parallel;
use headcount_discoverer::metrics::{Definition, Kind};
use headcount_discoverer::rest::{Ask, MOST_PAGES, ReadError, Rest};
use headcount_reader::HttpClientSettings;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use account::{Account, Keys};
use instance::{Attachment, Instance, Vnic, interfaces};
use pace::Pace;
use realm::Hosts;
use signature::Signer;

use crate::answers::{Object, Text};
use crate::bearer::{LoginError, form, said, step};

pub use settings::OciSd;

/// The most objects that are asked for on a page; 1000 is the most that there are.
const PAGE: &str = "500";
/// How many interfaces that are known are asked for again at each refresh: in a minute at the pace of [`Pace`] there is time for
/// twice as many, with all else.
const AT_EACH: usize = 300;
/// How many interfaces of a compartment are asked for at a time.
const VNICS_AT_ONCE: usize = 4;

const SKIPPED: Definition = Definition {
    name: "headcount_sd_oci_skipped_instances_total",
    help: "Instances that were found without an address, and so are no targets.",
    kind: Kind::Counter,
};

/// A running discoverer.
struct Oci {
    settings: Arc<OciSd>,
    keys: Keys,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Shared with others of the account, and kept from refresh to refresh.
    pace: Option<Arc<Pace>>,
    /// The compartments that were last listed.
    compartments: BTreeSet<String>,
    /// Why they could not be listed now.
    not_listed: Option<ReadError>,
    /// Interfaces by id, each with the refresh in which it was last needed.
    vnics: BTreeMap<String, (Vnic, u64)>,
    /// The number of this refresh.
    refresh: u64,
}

/// What is read by itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    /// The list of compartments, which is a part only while it can't be had.
    Compartments,
    Compartment(String),
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Compartments => f.write_str("the list of compartments"),
            Self::Compartment(id) => write!(f, "compartment {id}"),
        }
    }
}

/// Instances, each with its primary interface.
struct Found {
    instances: Vec<(Instance, Vnic)>,
    tenancy: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Compartment {
    id: Text,
    lifecycle_state: Text,
}

/// The account as it asks during one refresh.
struct Site<'a> {
    ask: &'a Ask<'a>,
    settings: &'a OciSd,
    keys: &'a Keys,
    account: Account,
    hosts: Hosts,
    pace: Arc<Pace>,
}

impl Rest for Oci {
    type Part = Part;
    type Found = Found;
    const READING: &'static str = "listing the instances of Oracle Cloud";
    const AT_ONCE: usize = 4;

    fn client(&self) -> &HttpClientSettings {
        &self.settings.common.client
    }

    async fn parts(&self, ask: &Ask<'_>) -> Result<Vec<Part>, ReadError> {
        let site = self.site(ask).await?;
        let listed = match self.settings.compartments.is_empty() {
            true => site.compartments().await,
            false => Ok(self.settings.compartments.iter().cloned().collect()),
        };
        let mut state = self.state();
        state.refresh = state.refresh.wrapping_add(1);
        let now = state.refresh;
        // What was not needed in the last refreshes is gone, or its compartment can't be read for long.
        state.vnics.retain(|_, (_, needed)| now.saturating_sub(*needed) <= 10);
        state.not_listed = match listed {
            Ok(compartments) => {
                state.compartments = compartments;
                None
            }
            // There is nothing to go on with.
            Err(error) if state.compartments.is_empty() => return Err(error),
            Err(error) => Some(error),
        };
        let failed = state.not_listed.is_some().then_some(Part::Compartments);
        let compartments = state.compartments.iter().cloned().map(Part::Compartment);
        Ok(failed.into_iter().chain(compartments).collect())
    }

    async fn read(&self, part: &Part, ask: &Ask<'_>) -> Result<Option<Found>, ReadError> {
        let Part::Compartment(compartment) = part else {
            let error = self.state().not_listed.take();
            return Err(error.unwrap_or_else(|| ReadError::refused("compartments", "they can't be listed", None)));
        };
        let site = self.site(ask).await?;
        let instances: Vec<Object<Instance>> = site.of_compartment("instances", compartment).await?;
        let attachments: Vec<Object<Attachment>> = site.of_compartment("vnicAttachments", compartment).await?;
        let mut interfaces = interfaces(attachments);
        let count = instances.len();
        let instances = instances.into_iter().filter_map(|instance| instance.0);
        let (gone, instances): (Vec<Instance>, Vec<Instance>) = instances.partition(Instance::is_gone);
        let asked = instances.into_iter().map(|instance| {
            let vnics = interfaces.remove(instance.id.as_str()).unwrap_or_default();
            self.with_primary(&site, instance, vnics)
        });
        let mut found = Vec::new();
        for read in in_parallel(VNICS_AT_ONCE, asked.collect::<Vec<_>>()).await {
            found.extend(read?);
        }
        let targets = found.iter().filter(|(_, vnic)| vnic.address().is_some()).count();
        let skipped = count.saturating_sub(gone.len()).saturating_sub(targets);
        ask.env().metrics.add(SKIPPED, &[], skipped as f64);
        Ok(Some(Found {
            instances: found,
            tenancy: site.account.tenancy,
        }))
    }

    fn encode(&self, part: &Part, found: Found, batch: &mut Batch<'_>) -> Result<(), ReadError> {
        let Part::Compartment(compartment) = part else {
            return Ok(());
        };
        batch.begin(&source(compartment))?;
        for (instance, vnic) in &found.instances {
            instance.encode(vnic, &found.tenancy, self.settings.common.port, batch)?;
        }
        Ok(batch.end()?)
    }

    fn is_source(&self, part: &Part, of: &str) -> bool {
        matches!(part, Part::Compartment(compartment) if source(compartment) == of)
    }
}

impl Oci {
    fn new(settings: Arc<OciSd>) -> Self {
        Self {
            settings,
            keys: Keys::default(),
            state: Mutex::default(),
        }
    }

    async fn site<'a>(&'a self, ask: &'a Ask<'a>) -> Result<Site<'a>, LoginError> {
        let account = self.keys.account(ask, &self.settings).await?;
        let env = ask.env();
        let pace = env.shared.of(
            ("oci", account.tenancy.clone(), self.settings.auth.clone()),
            Pace::default,
        );
        self.state().pace = Some(pace.clone());
        Ok(Site {
            ask,
            settings: &self.settings,
            keys: &self.keys,
            hosts: Hosts::new(&self.settings.region, &account.tenancy, env.variables.as_ref()),
            account,
            pace,
        })
    }

    /// An instance with the first of its interfaces that is the primary one, if it has one.
    async fn with_primary(
        &self,
        site: &Site<'_>,
        instance: Instance,
        vnics: Vec<String>,
    ) -> Result<Option<(Instance, Vnic)>, ReadError> {
        for id in vnics {
            let vnic = self.vnic(site, &id).await?;
            if let Some(vnic) = vnic.filter(|vnic| vnic.is_primary.0) {
                return Ok(Some((instance, vnic)));
            }
        }
        Ok(None)
    }

    /// An interface. One that is not to be found is what it was before, and nothing if that is not known.
    async fn vnic(&self, site: &Site<'_>, id: &str) -> Result<Option<Vnic>, ReadError> {
        if let Some(known) = self.known(id) {
            return Ok(Some(known));
        }
        let url = format!("{}/vnics/{}", site.hosts.compute(), step(id));
        let answer = site.send(&url).await?;
        if answer.status == 404 {
            // Oracle says the same of what may not be read. That one is gone is said by the attachments.
            return Ok(self.state().vnics.get(id).map(|(vnic, _)| vnic.clone()));
        }
        let answer = site.if_good(&url, answer)?;
        let found: Object<Vnic> =
            crate::json::from_slice(&answer.body).map_err(|error| ReadError::answer(&url, error))?;
        let mut state = self.state();
        let refresh = state.refresh;
        if let Some(vnic) = &found.0 {
            state.vnics.insert(id.to_owned(), (vnic.clone(), refresh));
        }
        Ok(found.0)
    }

    /// What is known of an interface, unless it is its turn to be asked for.
    fn known(&self, id: &str) -> Option<Vnic> {
        let mut state = self.state();
        let turns = state.vnics.len().div_ceil(AT_EACH).max(1) as u64;
        let refresh = state.refresh;
        let (vnic, needed) = state.vnics.get_mut(id)?;
        // Asked for in this very refresh, or the turn of others.
        let mut hasher = std::hash::DefaultHasher::new();
        hasher.write(id.as_bytes());
        let is_due = *needed != refresh && refresh.wrapping_add(hasher.finish()).is_multiple_of(turns);
        *needed = refresh;
        (!is_due).then(|| vnic.clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Site<'_> {
    /// Sends a signed request. One that is refused is sent once more with a new token, where there is one.
    async fn send(&self, url: &str) -> Result<HttpResponse, ReadError> {
        let answer = self.send_as(&self.account, url).await?;
        if answer.status == 401 && self.keys.were_refused() {
            let account = self.keys.account(self.ask, self.settings).await?;
            return self.send_as(&account, url).await;
        }
        Ok(answer)
    }

    async fn send_as(&self, account: &Account, url: &str) -> Result<HttpResponse, ReadError> {
        let env = self.ask.env();
        self.pace.turn(env.clock.as_ref()).await;
        let request = HttpRequest::get(url)
            .header("Accept", "application/json")
            .limits(HttpLimits {
                body: env.limits.body,
                ..HttpLimits::default()
            });
        let signer = Signer {
            key_id: &account.key_id,
            key: &account.key,
        };
        let signed = signer.sign(request, env.clock.unix_time());
        self.ask
            .send(signed.map_err(|error| ReadError::refused(url, error.to_string(), None))?)
            .await
    }

    fn if_good(&self, url: &str, answer: HttpResponse) -> Result<HttpResponse, ReadError> {
        if answer.status == 200 {
            return Ok(answer);
        }
        let retry_after = answer.retry_after(self.ask.env().clock.unix_time());
        Err(ReadError::refused(url, said(&answer), retry_after))
    }

    /// All pages of a list, which say themselves where they go on.
    async fn list<T: DeserializeOwned>(&self, list: &str, query: &[(&str, &str)]) -> Result<Vec<T>, ReadError> {
        let mut items = Vec::new();
        let mut marks: HashSet<String> = HashSet::new();
        let mut mark = None;
        loop {
            let mut all = query.to_vec();
            all.push(("limit", PAGE));
            all.extend(mark.as_deref().map(|mark| ("page", mark)));
            let url = format!("{list}?{}", form(&all));
            let answer = self.send(&url).await?;
            let answer = self.if_good(&url, answer)?;
            let mut page: Vec<T> =
                crate::json::from_slice(&answer.body).map_err(|error| ReadError::answer(&url, error))?;
            items.append(&mut page);
            let next = answer.header("opc-next-page").filter(|next| !next.is_empty());
            let Some(next) = next.map(str::to_owned) else {
                return Ok(items);
            };
            if !marks.insert(next.clone()) {
                return Err(ReadError::PageAgain { url });
            }
            if marks.len() >= MOST_PAGES {
                return Err(ReadError::TooManyPages { url });
            }
            mark = Some(next);
        }
    }

    async fn of_compartment<T: DeserializeOwned>(&self, kind: &str, compartment: &str) -> Result<Vec<T>, ReadError> {
        let list = format!("{}/{kind}", self.hosts.compute());
        self.list(&list, &[("compartmentId", compartment)]).await
    }

    /// The tenancy, which is a compartment as well, and all that are active within it.
    async fn compartments(&self) -> Result<BTreeSet<String>, ReadError> {
        let tenancy = self.account.tenancy.as_str();
        let list = format!("{}/compartments", self.hosts.identity());
        let query = [
            ("accessLevel", "ACCESSIBLE"),
            ("compartmentId", tenancy),
            ("compartmentIdInSubtree", "true"),
        ];
        let found: Vec<Object<Compartment>> = self.list(&list, &query).await?;
        let count = found.len();
        let found = found.into_iter().filter_map(|compartment| compartment.0);
        let known: Vec<Compartment> = found
            .filter(|compartment| !compartment.id.as_str().is_empty())
            .collect();
        // What has no id can't be asked for.
        let skipped = count.saturating_sub(known.len());
        self.ask.env().metrics.add(SKIPPED, &[], skipped as f64);
        let active = known.into_iter().filter(|one| one.lifecycle_state.as_str() == "ACTIVE");
        Ok(active.map(|one| one.id.0).chain([tenancy.to_owned()]).collect())
    }
}

/// What a compartment's group is known by.
fn source(compartment: &str) -> String {
    format!("OCI/{compartment}")
}

#[cfg(test)]
mod tests;
