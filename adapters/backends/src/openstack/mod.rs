//! `openstack_sd_configs`: the instances, hypervisors and load balancers of an OpenStack cloud.
//!
//! Each `refresh_interval` everything of one role and region is listed, in pages, at the services that the catalogue of
//! the identity service (keystone) names: nova's servers with neutron's floating addresses, nova's hypervisors, or
//! Octavia's load balancers with a listener of the protocol `PROMETHEUS`. Labels and the one source, `OS_REGION`, are
//! Prometheus's.
//!
//! **One list that fails fails all of it**: a machine whose floating address could not be asked for would lose a label,
//! and a floating address would become a target. What makes no sense, or has no address, makes no target, and is counted.
//!
//! Otherwise than in Prometheus:
//! * A token is used until its end is near, and shared by all who have the same account (`session.rs`), not asked for at
//!   each refresh. One that is refused, or whose catalogue leads nowhere, is asked for anew.
//! * Passwords and tokens go where the settings and the catalogue say, never where an answer's links lead: of these only
//!   the version and the page count. Behind a proxy they often name the wrong scheme.
//! * Neutron's ports, of which there can be many times more than machines, are asked for only if floating addresses don't
//!   say themselves whose they are.
//! * An instance without a flavor, and a hypervisor with a number that can't be understood, are targets all the same.

mod account;
mod catalog;
mod hypervisor;
mod instance;
mod listing;
mod loadbalancer;
mod login;
mod network;
mod session;
mod settings;

use std::sync::{Arc, Mutex, PoisonError};

use headcount_core::Batch;
use headcount_discoverer::Env;
use headcount_discoverer::metrics::{Definition, Kind};
use headcount_discoverer::rest::{Ask, ReadError, Rest, Whole};
use headcount_reader::HttpClientSettings;

use hypervisor::Hypervisor;
use instance::Instances;
use loadbalancer::LoadBalancer;
use login::LoginError;
use session::{Entered, Session};
use settings::Role;

pub use settings::OpenStackSd;

const SKIPPED: Definition = Definition {
    name: "headcount_sd_openstack_skipped_objects_total",
    help: "Objects that were found without an address, or make no sense, and so are no targets.",
    kind: Kind::Counter,
};

/// A running discoverer.
struct OpenStack {
    settings: Arc<OpenStackSd>,
    /// There once the account is known, which may stand in the environment.
    session: Mutex<Option<Arc<Session>>>,
}

/// What was found, and how much of it makes no target.
struct Listed<T> {
    found: T,
    skipped: usize,
}

enum Found {
    Instances(Instances),
    Hypervisors(Vec<Hypervisor>),
    LoadBalancers(Vec<LoadBalancer>),
}

impl Rest for OpenStack {
    type Part = Whole;
    type Found = Found;
    const READING: &'static str = "asking OpenStack";

    fn client(&self) -> &HttpClientSettings {
        &self.settings.client
    }

    async fn parts(&self, _ask: &Ask<'_>) -> Result<Vec<Whole>, ReadError> {
        Ok(vec![Whole])
    }

    async fn read(&self, _part: &Whole, ask: &Ask<'_>) -> Result<Option<Found>, ReadError> {
        let session = self.session(ask.env())?;
        let entered = session.enter(ask).await?;
        let mut listed = self.list(ask, &entered).await;
        if let Err(error) = &listed
            && !is_busy(error)
        {
            // The token may have been withdrawn, or the catalogue that came with it be old.
            session.forget(&entered);
            if matches!(error, ReadError::Status { status: 401, .. }) {
                let entered = session.enter(ask).await?;
                listed = self.list(ask, &entered).await;
            }
        }
        let Listed { found, skipped } = listed?;
        ask.env().metrics.add(SKIPPED, &[], skipped as f64);
        Ok(Some(found))
    }

    fn encode(&self, _part: &Whole, found: Found, batch: &mut Batch<'_>) -> Result<(), ReadError> {
        batch.begin(&self.settings.source)?;
        match &found {
            Found::Instances(instances) => instances.encode(self.settings.port, batch)?,
            Found::Hypervisors(hypervisors) => {
                for hypervisor in hypervisors {
                    hypervisor.encode(self.settings.port, batch)?;
                }
            }
            Found::LoadBalancers(balancers) => {
                for balancer in balancers {
                    balancer.encode(batch)?;
                }
            }
        }
        Ok(batch.end()?)
    }

    fn is_source(&self, _part: &Whole, source: &str) -> bool {
        source == self.settings.source
    }
}

impl OpenStack {
    fn new(settings: Arc<OpenStackSd>) -> Self {
        Self {
            settings,
            session: Mutex::new(None),
        }
    }

    async fn list(&self, ask: &Ask<'_>, entered: &Entered) -> Result<Listed<Found>, ReadError> {
        let (region, availability) = (&self.settings.region, self.settings.availability);
        let service = |kind| entered.service(kind, region, availability);
        match self.settings.role {
            Role::Instance => {
                let (compute, network) = (service("compute")?, service("network")?);
                let listed = instance::list(ask, &compute, &network, self.settings.all_tenants).await?;
                Ok(listed.map(Found::Instances))
            }
            Role::Hypervisor => Ok(hypervisor::list(ask, &service("compute")?)
                .await?
                .map(Found::Hypervisors)),
            Role::LoadBalancer => {
                let (balancers, network) = (service("load-balancer")?, service("network")?);
                Ok(loadbalancer::list(ask, &balancers, &network)
                    .await?
                    .map(Found::LoadBalancers))
            }
        }
    }

    fn session(&self, env: &Env) -> Result<Arc<Session>, LoginError> {
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = &*session {
            return Ok(session.clone());
        }
        let account = match &self.settings.account {
            Some(account) => account.clone(),
            None => account::of_environment(env)?,
        };
        let opened = Arc::new(Session::new(env, account, self.settings.client.clone()));
        Ok(session.insert(opened).clone())
    }
}

impl<T> Listed<T> {
    fn map<U>(self, make: impl FnOnce(T) -> U) -> Listed<U> {
        Listed {
            found: make(self.found),
            skipped: self.skipped,
        }
    }
}

/// Whether a server says that it has too much to do, which another token does not change.
fn is_busy(error: &ReadError) -> bool {
    matches!(
        error,
        ReadError::Status {
            status: 429 | 500..=599,
            ..
        } | ReadError::Late { .. }
    )
}

#[cfg(test)]
mod tests;
