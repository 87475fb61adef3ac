//! `azure_sd_configs`: the virtual machines of an Azure subscription, or of one of its resource groups, also those of scale sets.
//!
//! Each `refresh_interval` the machines are listed, the scale sets with their machines, and the network interfaces and public
//! addresses to which those refer (<https://learn.microsoft.com/rest/api/compute>, <https://learn.microsoft.com/rest/api/virtualnetwork>).
//! Labels are Prometheus's, and so are the four ways to say who asks. **Each scale set is a part**, and the machines of their
//! own are another: what can't be read of one keeps what it had, and the rest goes on.
//!
//! Otherwise than in Prometheus:
//! * Interfaces are listed, not asked for one by one each refresh, or remembered for an hour: a new address is seen at the next
//!   refresh, and a subscription costs some requests a page and not one a machine. Those that machines of a resource group have in
//!   another group are asked for by themselves. `prometheus_sd_azure_cache_hit_total` counts those that were listed. Who may
//!   not list public addresses (`Microsoft.Network/publicIPAddresses/read`) lacks their label.
//! * Sources are `virtualMachines` and `virtualMachineScaleSets/<group>/<name>`; there is one, which is empty.
//! * A machine of a flexible scale set is one of the machines of their own, and is found once.
//! * A machine without an address is no target, and counted, where it would fail the refresh; so is one that is deallocated.
//! * An environment that is not known is warned of when it is read.
//! * A token is shared by all entries with the same account, and got with the entry's HTTP settings; `basic_auth`,
//!   `authorization` and `oauth2`, which change nothing there, are sent nowhere.
//! * Of the credentials of the method `SDK` certificates and people's passwords in the environment, Service Fabric, and `azd` are
//!   not supported, which is said; `az` is run where the operator allows it.

mod cloud;
mod login;
mod machine;
mod managed;
mod network;
mod settings;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use headcount_core::Batch;
use headcount_discoverer::env::TokenSlot;
use headcount_discoverer::metrics::{Definition, Kind};
use headcount_discoverer::rest::{Ask, ReadError, Rest};
use headcount_reader::HttpClientSettings;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use cloud::Cloud;
use login::Account;
use machine::{Machine, last_step, resource_group};
use network::Interfaces;

use crate::answers::{Object, Text};
use crate::bearer::{Api, LoginError, path, step};

pub use settings::AzureSd;

/// The version of the compute API.
const VERSION: &str = "2024-03-01";
/// The source of machines of their own.
const MACHINES: &str = "virtualMachines";
/// How sources of scale sets begin.
const SETS: &str = "virtualMachineScaleSets";

const FAILURES: Definition = Definition {
    name: "prometheus_sd_azure_failures_total",
    help: "Number of Azure service discovery refresh failures.",
    kind: Kind::Counter,
};
const CACHE_HITS: Definition = Definition {
    name: "prometheus_sd_azure_cache_hit_total",
    help: "Number of cache hit during refresh.",
    kind: Kind::Counter,
};
const SKIPPED: Definition = Definition {
    name: "headcount_sd_azure_skipped_machines_total",
    help: "Machines that were found without an address, as deallocated ones are, and so are no targets.",
    kind: Kind::Counter,
};

type Slot = TokenSlot<LoginError>;

/// A running discoverer.
struct Azure {
    settings: Arc<AzureSd>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Kept from refresh to refresh, so that the token is.
    slot: Option<Arc<Slot>>,
    /// The scale sets that were last listed.
    sets: Vec<ScaleSet>,
    /// Why they could not be listed now.
    not_listed: Option<ReadError>,
    /// Whether there were none any more, the last time.
    is_doubted: bool,
}

/// What is read by itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Machines,
    /// The list of scale sets, which is a part only while it can't be had.
    Sets,
    Set(ScaleSet),
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct ScaleSet {
    /// `/subscriptions/…`.
    id: String,
    /// What its group is known by.
    source: String,
    name: String,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Machines => f.write_str("machines of their own"),
            Self::Sets => f.write_str("the list of scale sets"),
            Self::Set(set) => write!(f, "scale set {}", set.name),
        }
    }
}

/// Machines, and what is known of their interfaces.
struct Found {
    machines: Vec<Machine>,
    interfaces: Interfaces,
}

/// The subscription as it is asked during one refresh.
struct Site<'a> {
    settings: &'a AzureSd,
    cloud: &'static Cloud,
    api: Api<'a, Account>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listed<T> {
    value: Vec<T>,
    #[serde(default)]
    next_link: Option<String>,
}

/// What stands on a page, and where the list goes on.
type PageOf<T> = (Vec<Object<T>>, Option<String>);

/// Why an answer is not the list that was asked for.
#[derive(Debug, thiserror::Error)]
enum AnswerError {
    #[error("the answer is no list of {what}: {source}")]
    Json {
        what: &'static str,
        source: serde_json::Error,
    },
    #[error("the list of {what} goes on at another server, which is not asked")]
    Elsewhere { what: &'static str },
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Set {
    id: Text,
    name: Text,
    properties: Object<SetProperties>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct SetProperties {
    orchestration_mode: Text,
}

impl Rest for Azure {
    type Part = Part;
    type Found = Found;
    const READING: &'static str = "listing the machines of Azure";
    /// Reads of a subscription are counted by Azure Resource Manager, 250 at once and 25 a second
    /// (<https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling>).
    const AT_ONCE: usize = 4;
    const FAILURES: Option<Definition> = Some(FAILURES);

    fn client(&self) -> &HttpClientSettings {
        &self.settings.client
    }

    async fn parts(&self, ask: &Ask<'_>) -> Result<Vec<Part>, ReadError> {
        let account = self.account(ask)?;
        let slot = self.slot(ask, &account);
        let site = self.site(ask, &account, &slot);
        site.api.enter().await?;
        let listed = site.sets().await;
        let mut state = self.state();
        let before = state.sets.len();
        let was_doubted = std::mem::take(&mut state.is_doubted);
        state.not_listed = match listed {
            // A subscription that has lost them all looks as one that does not show them (B11).
            Ok(none) if none.is_empty() && before > 0 && !was_doubted => {
                state.is_doubted = true;
                let said =
                    format!("there are none any more, of {before} before; that counts if the next answer is the same");
                Some(ReadError::refused(SETS, said, None))
            }
            Ok(sets) => {
                state.sets = sets;
                None
            }
            Err(error) => Some(error),
        };
        let sets = state.sets.iter().cloned().map(Part::Set);
        let failed = state.not_listed.is_some().then_some(Part::Sets);
        Ok([Part::Machines].into_iter().chain(failed).chain(sets).collect())
    }

    async fn read(&self, part: &Part, ask: &Ask<'_>) -> Result<Option<Found>, ReadError> {
        let account = self.account(ask)?;
        let slot = self.slot(ask, &account);
        let site = self.site(ask, &account, &slot);
        let found = match part {
            Part::Machines => site.machines().await?,
            Part::Set(set) => site.machines_of(set).await?,
            Part::Sets => {
                let error = self.state().not_listed.take();
                return Err(error.unwrap_or_else(|| ReadError::refused(SETS, "they can't be listed", None)));
            }
        };
        let targets = found
            .machines
            .iter()
            .filter(|machine| machine.primary(&found.interfaces).is_some());
        let skipped = found.machines.len().saturating_sub(targets.count());
        ask.env().metrics.add(SKIPPED, &[], skipped as f64);
        Ok(Some(found))
    }

    fn encode(&self, part: &Part, found: Found, batch: &mut Batch<'_>) -> Result<(), ReadError> {
        let (source, set) = match part {
            Part::Set(set) => (set.source.as_str(), set.name.as_str()),
            _ => (MACHINES, ""),
        };
        batch.begin(source)?;
        for machine in &found.machines {
            machine.encode(&self.settings, set, &found.interfaces, batch)?;
        }
        Ok(batch.end()?)
    }

    fn is_source(&self, part: &Part, source: &str) -> bool {
        match part {
            Part::Machines => source == MACHINES,
            Part::Sets => false,
            Part::Set(set) => source == set.source,
        }
    }
}

impl Azure {
    fn new(settings: Arc<AzureSd>) -> Self {
        Self {
            settings,
            state: Mutex::default(),
        }
    }

    fn account(&self, ask: &Ask<'_>) -> Result<Account, ReadError> {
        let cloud = self.settings.cloud.as_ref();
        let cloud =
            cloud.map_err(|name| LoginError::new("environment", format!("there is no cloud of the name {name:?}")))?;
        Ok(Account::of(&self.settings, cloud, ask.env())?)
    }

    fn slot(&self, ask: &Ask<'_>, account: &Account) -> Arc<Slot> {
        let key = (account.clone(), self.settings.client.clone());
        let slot: Arc<Slot> = ask.env().tokens.slot(key);
        self.state().slot = Some(slot.clone());
        slot
    }

    fn site<'a>(&'a self, ask: &'a Ask<'a>, account: &'a Account, slot: &'a Slot) -> Site<'a> {
        Site {
            settings: &self.settings,
            cloud: account.cloud,
            api: Api {
                ask,
                login: account,
                slot,
            },
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Site<'_> {
    /// The URL of what is of a kind in the subscription, or in its resource group.
    fn url(&self, kind: &str, version: &str) -> String {
        let AzureSd {
            subscription,
            resource_group,
            ..
        } = self.settings;
        let group = match resource_group.as_str() {
            "" => String::new(),
            group => format!("/resourceGroups/{}", step(group)),
        };
        let manager = self.cloud.manager;
        format!(
            "{manager}/subscriptions/{}{group}/providers/{kind}?api-version={version}",
            step(subscription)
        )
    }

    /// The URL of a resource with this id.
    fn url_of(&self, id: &str, version: &str) -> String {
        format!("{}{}?api-version={version}", self.cloud.manager, path(id))
    }

    /// All pages of a list.
    async fn list<T: DeserializeOwned + Send>(
        &self,
        what: &'static str,
        first: String,
    ) -> Result<Vec<Object<T>>, ReadError> {
        self.api.pages(first, |answer| self.page(what, &answer.body)).await
    }

    /// The same; nothing where it may not be listed.
    async fn list_if_allowed<T: DeserializeOwned + Send>(
        &self,
        what: &'static str,
        first: String,
    ) -> Result<Vec<Object<T>>, ReadError> {
        self.api
            .pages_unless(403, first, |answer| self.page(what, &answer.body))
            .await
    }

    fn page<T: DeserializeOwned>(&self, what: &'static str, body: &[u8]) -> Result<PageOf<T>, AnswerError> {
        let listed = listed(body).map_err(|source| AnswerError::Json { what, source })?;
        match listed.next_link.unwrap_or_default() {
            link if link.is_empty() => Ok((listed.value, None)),
            // A token is sent nowhere else.
            link if self.cloud.has(&link) => Ok((listed.value, Some(link))),
            _ => Err(AnswerError::Elsewhere { what }),
        }
    }

    /// The scale sets whose machines are not among those of their own.
    async fn sets(&self) -> Result<Vec<ScaleSet>, ReadError> {
        let url = self.url(&format!("Microsoft.Compute/{SETS}"), VERSION);
        let sets: Vec<Object<Set>> = self.list("scale sets", url).await?;
        let sets = sets.into_iter().map(|set| set.0.unwrap_or_default());
        let is_uniform = |set: &Set| {
            let mode = set
                .properties
                .0
                .as_ref()
                .map_or("", |properties| properties.orchestration_mode.as_str());
            !mode.eq_ignore_ascii_case("Flexible")
        };
        let sets: Vec<Set> = sets.filter(is_uniform).collect();
        if sets.iter().any(|set| !set.id.as_str().starts_with('/')) {
            // Its machines can't be asked for.
            return Err(ReadError::answer(SETS, "one of the scale sets has no id"));
        }
        let sets = sets.into_iter().map(|set| {
            let (Text(id), Text(name)) = (set.id, set.name);
            let name = if name.is_empty() {
                last_step(&id).to_owned()
            } else {
                name
            };
            let source = format!("{SETS}/{}/{name}", resource_group(&id));
            ScaleSet { id, source, name }
        });
        Ok(sets.collect())
    }

    async fn machines(&self) -> Result<Found, ReadError> {
        let url = self.url("Microsoft.Compute/virtualMachines", VERSION);
        let machines = self.list("virtual machines", url).await?;
        let machines: Vec<Machine> = machines
            .into_iter()
            .map(|machine: Object<Machine>| machine.0.unwrap_or_default())
            .collect();
        let interfaces = Interfaces::of_machines(self, &wanted(&machines)).await?;
        Ok(Found { machines, interfaces })
    }

    async fn machines_of(&self, set: &ScaleSet) -> Result<Found, ReadError> {
        let url = self.url_of(&format!("{}/virtualMachines", set.id), VERSION);
        let machines = self.list("virtual machines", url).await?;
        let machines: Vec<Machine> = machines
            .into_iter()
            .map(|machine: Object<Machine>| machine.0.unwrap_or_default())
            .collect();
        let interfaces = Interfaces::of_set(self, &set.id, &wanted(&machines)).await?;
        Ok(Found { machines, interfaces })
    }
}

fn listed<T: DeserializeOwned>(body: &[u8]) -> serde_json::Result<Listed<Object<T>>> {
    crate::json::from_slice(body)
}

/// What a page of machines decodes to.
#[cfg(feature = "decoding")]
pub(crate) fn machines(body: &[u8]) -> serde_json::Result<Vec<impl Sized + use<>>> {
    listed::<Machine>(body).map(|listed| listed.value)
}

/// What a page of their interfaces decodes to.
#[cfg(feature = "decoding")]
pub(crate) fn interfaces(body: &[u8]) -> serde_json::Result<Vec<impl Sized + use<>>> {
    listed::<network::Interface>(body).map(|listed| listed.value)
}

/// The interfaces to which these machines refer.
fn wanted(machines: &[Machine]) -> BTreeSet<String> {
    let ids = machines.iter().flat_map(Machine::interfaces);
    ids.filter(|id| !id.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests;
