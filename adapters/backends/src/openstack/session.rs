//! A token and its catalogue, shared by all discoverers that have the same account.
//!
//! The one rule: **a token is asked for when there is none that is good**, and by one of those who need it. What came
//! with it last says where the services are.

use std::sync::{Arc, Mutex, PoisonError};

use headcount_discoverer::Env;
use headcount_discoverer::env::{HttpRequest, TokenSlot};
use headcount_discoverer::rest::{Ask, ReadError};
use headcount_reader::{HttpClientSettings, Secret, without_credentials};

use super::account::Account;
use super::catalog::Catalog;
use super::login::{LoginError, log_in};
use super::settings::Availability;

/// Who has an equal one shares what is kept.
type Key = (Account, HttpClientSettings);

/// The catalogue that came with the newest token.
type Newest = Mutex<Arc<Catalog>>;

/// What one account has.
pub(super) struct Session {
    account: Account,
    slot: Arc<TokenSlot<LoginError>>,
    catalog: Arc<Newest>,
}

/// A token that is good, and what it opens.
pub(super) struct Entered {
    token: Secret,
    catalog: Arc<Catalog>,
    endpoint: String,
}

/// A service, and the token to ask it with.
pub(super) struct Service {
    token: Secret,
    /// Without a slash at its end.
    url: String,
}

impl Session {
    pub(super) fn new(env: &Env, account: Account, client: HttpClientSettings) -> Self {
        let key: Key = (account.clone(), client);
        Self {
            account,
            slot: env.tokens.slot(key.clone()),
            catalog: env.shared.of(key, Newest::default),
        }
    }

    /// A token that is good.
    pub(super) async fn enter(&self, ask: &Ask<'_>) -> Result<Entered, ReadError> {
        let clock = ask.env().clock.as_ref();
        let fetch = || async {
            let (token, catalog) = log_in(ask, &self.account).await?;
            *self.catalog.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(catalog);
            Ok(token)
        };
        let token = self.slot.get(clock, fetch).await?;
        let catalog = self.catalog.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let endpoint = without_credentials(&self.account.endpoint).into_owned();
        Ok(Entered {
            token,
            catalog,
            endpoint,
        })
    }

    /// Forgets a token that did not lead to an answer.
    pub(super) fn forget(&self, entered: &Entered) {
        self.slot.forget(&entered.token);
    }
}

impl Entered {
    /// A service of this region.
    pub(super) fn service(&self, kind: &str, region: &str, availability: Availability) -> Result<Service, ReadError> {
        let Some(url) = self.catalog.find(kind, region, availability) else {
            let regions = match self.catalog.regions(kind) {
                none if none.is_empty() => "of no region".to_owned(),
                regions => format!("of {}", regions.join(", ")),
            };
            let wrong = format!(
                "the catalogue has no {} endpoint of a {kind} service in the region {region:?}; it has some {regions}",
                availability.word()
            );
            return Err(ReadError::answer(&self.endpoint, wrong));
        };
        Ok(Service {
            token: self.token.clone(),
            url: url.to_owned(),
        })
    }
}

impl Service {
    /// The same service below a step of a path, unless its URL has that already.
    pub(super) fn below(&self, step: &str) -> Self {
        let url = match self.url.ends_with(&format!("/{step}")) {
            true => self.url.clone(),
            false => format!("{}/{step}", self.url),
        };
        Self {
            token: self.token.clone(),
            url,
        }
    }

    /// A request for what is below its URL.
    pub(super) fn get(&self, path: &str) -> HttpRequest {
        HttpRequest::get(format!("{}/{path}", self.url))
            .header("Accept", "application/json")
            .header("X-Auth-Token", self.token.reveal())
    }
}
