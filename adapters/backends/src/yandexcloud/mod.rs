//! `yandexcloud_sd_configs`: the instances of Yandex Cloud. vmagent's mechanism; Prometheus has none.
//!
//! Each `refresh_interval` (30 s) the instances of each folder are listed: of those that `folder_ids` names, or else of all that the
//! account may see, by way of its organizations and clouds. Labels are vmagent's, and so is the address, which has no port: a
//! relabelling rule adds it, or else it is the scheme's. **Each folder is a part**: one that can't be read keeps what it had and is
//! named. While the folders can't be listed those that are known are read.
//!
//! Otherwise than in vmagent:
//! * An account that may see no folder is a failure that says what to do, not an empty list.
//! * The services' addresses (`<api_endpoint>/endpoints`) are asked for each time, and those that are known used while they can't be had.
//! * Names in the DNS are numbered on from interface to interface; there the second one's take the places of the first one's.
//! * An instance without a name is scraped at its first address; without either it makes no target, and is counted.
//! * A service other than `compute` is refused when it is read.

mod account;
mod instance;
mod settings;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use headcount_core::Batch;
use headcount_discoverer::env::TokenSlot;
use headcount_discoverer::metrics::{Definition, Kind};
use headcount_discoverer::rest::{Ask, ReadError, Rest};
use headcount_reader::{HttpClientSettings, Secret};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use account::Account;
use instance::Instance;

use crate::answers::{List, Object, Text, get_json};
use crate::bearer::{Api, LoginError, form};

pub use settings::YandexCloudSd;

/// The most objects that a page has (<https://yandex.cloud/docs/compute/api-ref/Instance/list#query-parameters>); 100 is what it has
/// otherwise.
const PAGE: &str = "1000";

const SKIPPED: Definition = Definition {
    name: "headcount_sd_yandexcloud_skipped_instances_total",
    help: "Instances that were found without a name or an address, and so are no targets.",
    kind: Kind::Counter,
};

type Slot = TokenSlot<LoginError>;

/// A running discoverer.
struct YandexCloud {
    settings: Arc<YandexCloudSd>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Kept from refresh to refresh, so that the token is.
    slot: Option<Arc<Slot>>,
    /// Where the services are, by their ids.
    services: BTreeMap<String, String>,
    /// The folders that were last listed.
    folders: BTreeSet<String>,
    /// Why they could not be listed now.
    not_listed: Option<ReadError>,
}

/// What is read by itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    /// The list of folders, which is a part only while it can't be had.
    Folders,
    Folder(String),
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folders => f.write_str("the list of folders"),
            Self::Folder(id) => write!(f, "folder {id}"),
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Endpoints {
    endpoints: List<Object<Endpoint>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Endpoint {
    id: Text,
    address: Text,
}

/// An organization, a cloud or a folder.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Place {
    id: Text,
}

/// Why an answer is not the list that was asked for.
#[derive(Debug, thiserror::Error)]
enum AnswerError {
    #[error("the answer is no list of {what}: {source}")]
    Json {
        what: &'static str,
        source: serde_json::Error,
    },
    #[error("the answer is no list of {what}")]
    NoList { what: &'static str },
}

impl Rest for YandexCloud {
    type Part = Part;
    type Found = Vec<Option<Instance>>;
    const READING: &'static str = "listing the instances of Yandex Cloud";
    const AT_ONCE: usize = 4;

    fn client(&self) -> &HttpClientSettings {
        &self.settings.client
    }

    async fn parts(&self, ask: &Ask<'_>) -> Result<Vec<Part>, ReadError> {
        self.find_services(ask).await?;
        let account = self.account()?;
        let slot = self.slot(ask, &account);
        let api = api(ask, &account, &slot);
        api.enter().await?;
        let listed = match self.settings.folders.is_empty() {
            true => self.folders(&api).await,
            false => Ok(self.settings.folders.iter().cloned().collect()),
        };
        let mut state = self.state();
        state.not_listed = match listed {
            Ok(folders) => {
                state.folders = folders;
                None
            }
            // There is nothing to go on with.
            Err(error) if state.folders.is_empty() => return Err(error),
            Err(error) => Some(error),
        };
        let failed = state.not_listed.is_some().then_some(Part::Folders);
        let folders = state.folders.iter().cloned().map(Part::Folder);
        Ok(failed.into_iter().chain(folders).collect())
    }

    async fn read(&self, part: &Part, ask: &Ask<'_>) -> Result<Option<Self::Found>, ReadError> {
        let folder = match part {
            Part::Folder(folder) => folder,
            Part::Folders => {
                let error = self.state().not_listed.take();
                return Err(error.unwrap_or_else(|| ReadError::refused("folders", "they can't be listed", None)));
            }
        };
        let account = self.account()?;
        let slot = self.slot(ask, &account);
        let url = self.url("compute", "/compute/v1/instances")?;
        let found: Vec<Object<Instance>> =
            list(&api(ask, &account, &slot), "instances", &url, ("folderId", folder)).await?;
        let found: Vec<Option<Instance>> = found.into_iter().map(|instance| instance.0).collect();
        let is_target = |instance: &&Option<Instance>| instance.as_ref().is_some_and(|it| it.address().is_some());
        let skipped = found.len().saturating_sub(found.iter().filter(is_target).count());
        ask.env().metrics.add(SKIPPED, &[], skipped as f64);
        Ok(Some(found))
    }

    fn encode(&self, part: &Part, found: Self::Found, batch: &mut Batch<'_>) -> Result<(), ReadError> {
        let Part::Folder(folder) = part else {
            return Ok(());
        };
        batch.begin(folder)?;
        for instance in found.iter().flatten() {
            instance.encode(batch)?;
        }
        Ok(batch.end()?)
    }

    fn is_source(&self, part: &Part, source: &str) -> bool {
        matches!(part, Part::Folder(folder) if folder == source)
    }
}

impl YandexCloud {
    fn new(settings: Arc<YandexCloudSd>) -> Self {
        Self {
            settings,
            state: Mutex::default(),
        }
    }

    /// Finds out where the services are. What is known counts while that can't be said.
    async fn find_services(&self, ask: &Ask<'_>) -> Result<(), ReadError> {
        let endpoint = &self.settings.endpoint;
        let url = format!("{endpoint}/endpoints");
        let services = async {
            let answer = ask.get(get_json(ask, &url)).await?;
            let found: Endpoints =
                crate::json::from_slice(&answer.body).map_err(|error| ReadError::answer(&url, error))?;
            let scheme = endpoint.split("://").next().unwrap_or_default();
            let found = found.endpoints.0.into_iter().filter_map(|endpoint| endpoint.0);
            let services = found.map(|it| (it.id.0, format!("{scheme}://{}", it.address.as_str())));
            Ok(services.collect::<BTreeMap<_, _>>())
        };
        match services.await {
            Ok(services) if !services.is_empty() => self.state().services = services,
            Ok(_) if self.state().services.is_empty() => {
                return Err(ReadError::answer(
                    &url,
                    "the answer names no services; is this an API endpoint?",
                ));
            }
            Err(error) if self.state().services.is_empty() => return Err(error),
            _ => {}
        }
        Ok(())
    }

    /// The URL of what a service has.
    fn url(&self, service: &str, path: &str) -> Result<String, ReadError> {
        let state = self.state();
        let address = state.services.get(service);
        let address = address.ok_or_else(|| {
            let said = format!("there is no service {service} at this endpoint");
            ReadError::refused(&self.settings.endpoint, said, None)
        })?;
        Ok(format!("{address}{path}"))
    }

    fn account(&self) -> Result<Account, ReadError> {
        Ok(match &self.settings.passport {
            None => Account::Machine,
            Some(passport) => Account::Person {
                passport: passport.clone(),
                iam: Secret::new(self.url("iam", "")?),
            },
        })
    }

    fn slot(&self, ask: &Ask<'_>, account: &Account) -> Arc<Slot> {
        let slot: Arc<Slot> = ask.env().tokens.slot((account.clone(), self.settings.client.clone()));
        self.state().slot = Some(slot.clone());
        slot
    }

    /// All folders that the account may see.
    async fn folders(&self, api: &Api<'_, Account>) -> Result<BTreeSet<String>, ReadError> {
        let url = self.url("organization-manager", "/organization-manager/v1/organizations")?;
        let listed = list(api, "organizations", &url, ("", "")).await?;
        let mut organizations = ids(listed, "organizations", &url)?;
        if organizations.is_empty() {
            // A cloud may be seen without its organization.
            organizations.insert(String::new());
        }
        let url = self.url("resource-manager", "/resource-manager/v1/clouds")?;
        let mut clouds = BTreeSet::new();
        for organization in &organizations {
            let listed = list(api, "clouds", &url, ("organizationId", organization)).await?;
            clouds.extend(ids(listed, "clouds", &url)?);
        }
        let url = self.url("resource-manager", "/resource-manager/v1/folders")?;
        let mut folders = BTreeSet::new();
        for cloud in &clouds {
            let listed = list(api, "folders", &url, ("cloudId", cloud)).await?;
            folders.extend(ids(listed, "folders", &url)?);
        }
        match folders.is_empty() {
            true => {
                let said = "this account may see no folder; name folders in folder_ids, or give it the role \
                            resource-manager.viewer for a cloud or an organization";
                Err(ReadError::refused(&url, said, None))
            }
            false => Ok(folders),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn api<'a>(ask: &'a Ask<'a>, account: &'a Account, slot: &'a Slot) -> Api<'a, Account> {
    Api {
        ask,
        login: account,
        slot,
    }
}

/// All pages of a list, of what belongs to something.
async fn list<T: DeserializeOwned + Send>(
    api: &Api<'_, Account>,
    what: &'static str,
    url: &str,
    (of, id): (&str, &str),
) -> Result<Vec<Object<T>>, ReadError> {
    let page = |token: &str| {
        let mut query = vec![("pageSize", PAGE)];
        query.extend((!id.is_empty()).then_some((of, id)));
        query.extend((!token.is_empty()).then_some(("pageToken", token)));
        format!("{url}?{}", form(&query))
    };
    let found = api.pages(page(""), |answer| {
        let wrong = |source| AnswerError::Json { what, source };
        let mut listed: Value = crate::json::from_slice(&answer.body).map_err(wrong)?;
        let listed = listed.as_object_mut().ok_or(AnswerError::NoList { what })?;
        let next: Option<String> = match listed.remove("nextPageToken") {
            Some(next) => serde_json::from_value(next).map_err(wrong)?,
            None => None,
        };
        let next = next.unwrap_or_default();
        // A list of nothing is left out, but then there is nothing else either.
        let items = match listed.remove(what) {
            Some(items) => serde_json::from_value(items).map_err(wrong)?,
            None if listed.is_empty() => Vec::new(),
            None => return Err(AnswerError::NoList { what }),
        };
        Ok((items, (!next.is_empty()).then(|| page(&next))))
    });
    found.await
}

/// The ids of places. What is in a place without one can't be known, so that the list makes no sense.
fn ids(places: Vec<Object<Place>>, what: &'static str, url: &str) -> Result<BTreeSet<String>, ReadError> {
    let ids = places.into_iter().map(|place| place.0.map(|place| place.id.0));
    let ids: Option<BTreeSet<String>> = ids.map(|id| id.filter(|id| !id.is_empty())).collect();
    ids.ok_or_else(|| ReadError::answer(url, format!("one of the {what} has no id")))
}

#[cfg(test)]
mod tests;
