//! `proxmox_sd_configs`: the virtual machines and containers of a Proxmox VE cluster. headcount's own mechanism; users of
//! Prometheus have wished for one (prometheus#17105, prometheus#12388).
//!
//! Each `refresh_interval` (60 s) the guests of the cluster are listed, and each is asked for its settings and, while it runs,
//! for its addresses: of a virtual machine its agent, of a container the node. It is scraped at the first address of the first
//! of its own interfaces, IPv4 before IPv6; where nobody says which it has, at the one that is set for it. **Each node is a
//! part**: one that can't be reached keeps what it had and is named.
//!
//! * `servers` are members of the cluster, and the first that answers is asked. `token_id` and `token_secret` (or
//!   `token_secret_file`) are an API token, which may do with the role `PVEAuditor`, and `VM.GuestAgent.Audit` (before Proxmox VE 9:
//!   `VM.Monitor`) to ask agents.
//! * Templates are no machines. A guest without an address makes no target, and is counted. One that does not run is a target
//!   if an address is set for it, as `status` says.
//! * What was set for a guest counts while its settings can't be read.
//! * What an agent said counts as long as it does not answer, and it is asked less and less then: an agent that hangs costs
//!   seconds each time.
//! * A cluster that lists no guests any more has to say so twice: a token that has lost its rights sees none (B11).
//!
//! | label | what |
//! |---|---|
//! | `__meta_proxmox_vmid`, `__meta_proxmox_name` | its number and name |
//! | `__meta_proxmox_type` | `qemu` for virtual machines, `lxc` for containers |
//! | `__meta_proxmox_node`, `__meta_proxmox_pool` | where it is |
//! | `__meta_proxmox_status` | `running`, `stopped`, … |
//! | `__meta_proxmox_tags` | its tags, `,a,b,` |
//! | `__meta_proxmox_cpus`, `__meta_proxmox_memory_bytes` | what it may use |
//! | `__meta_proxmox_os_type`, `__meta_proxmox_hostname` | what is set for it (`ostype`; `hostname` of containers) |
//! | `__meta_proxmox_ipv4`, `__meta_proxmox_ipv6` | its first addresses |
//! | `__meta_proxmox_ipv4_addresses`, `__meta_proxmox_ipv6_addresses` | all of them, `,a,b,` |
//! | `__meta_proxmox_interface_ipv4_<interface>`, `…_ipv6_…` | the first of each interface |

mod address;
mod config;
mod guest;
mod settings;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use headcount_core::Batch;
use headcount_discoverer::env::HttpResponse;
use headcount_discoverer::in_parallel;
use headcount_discoverer::metrics::{Definition, Kind};
use headcount_discoverer::rest::{Ask, ReadError, Rest};
use headcount_reader::{HttpClientSettings, Secret, SecretSource};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use address::Addresses;
use config::Config;
use guest::{Guest, Interface, Known};

use crate::answers::{List, Object, get_json};
use crate::bearer::{LoginError, SMALL, said, step};

pub use settings::ProxmoxSd;

/// How many guests of a node are asked for at a time. A node has three workers for its API
/// (<https://pve.proxmox.com/wiki/Service_daemons#pveproxy>), which others need as well.
const GUESTS_AT_ONCE: usize = 2;
/// For so many refreshes at most an agent that does not answer is left alone.
const LONGEST_PAUSE: u32 = 10;
/// From here on statuses say that a node can't be reached by the one that was asked.
const UNREACHABLE: u16 = 590;

const SKIPPED: Definition = Definition {
    name: "headcount_sd_proxmox_skipped_guests_total",
    help: "Guests that were found without an address, and so are no targets.",
    kind: Kind::Counter,
};
const AGENT_FAILURES: Definition = Definition {
    name: "headcount_sd_proxmox_agent_failures_total",
    help: "Questions for the addresses of guests that run which were not answered.",
    kind: Kind::Counter,
};

/// A running discoverer.
struct Proxmox {
    settings: Arc<ProxmoxSd>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Who answered last.
    server: String,
    secret: Secret,
    /// What was last listed, by node.
    nodes: BTreeMap<String, Vec<Guest>>,
    /// Whether nothing was listed any more, the last time.
    is_doubted: bool,
    /// What was last set for guests, by their numbers.
    configs: BTreeMap<String, Config>,
    /// What guests said of themselves, by their numbers.
    heard: BTreeMap<String, Heard>,
}

/// What was last heard of a guest that runs.
#[derive(Debug, Clone, Default)]
struct Heard {
    addresses: Addresses,
    /// How often in a row it did not answer.
    failures: u32,
    /// For how many refreshes it is left alone.
    pause: u32,
}

/// A node, which is read by itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Node(String);

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node {}", self.0)
    }
}

/// Every answer is this.
#[derive(Deserialize)]
struct Answer<T> {
    data: T,
}

/// The answer of an agent.
#[derive(Deserialize)]
struct OfAgent<T> {
    result: T,
}

impl Rest for Proxmox {
    type Part = Node;
    type Found = Vec<Known>;
    const READING: &'static str = "listing the guests of Proxmox VE";
    const AT_ONCE: usize = 4;

    fn client(&self) -> &HttpClientSettings {
        &self.settings.common.client
    }

    async fn parts(&self, ask: &Ask<'_>) -> Result<Vec<Node>, ReadError> {
        let secret = self.secret(ask).await?;
        self.state().secret = secret;
        let listed = self.resources(ask).await?;
        let nonsense = listed.iter().filter(|guest| guest.is_nonsense()).count();
        ask.env().metrics.add(SKIPPED, &[], nonsense as f64);
        let mut nodes: BTreeMap<String, Vec<Guest>> = BTreeMap::new();
        let mut numbers = BTreeSet::new();
        for guest in listed.into_iter().filter(Guest::is_machine) {
            numbers.insert(guest.vmid.0.clone());
            nodes.entry(guest.node.0.clone()).or_default().push(guest);
        }
        let mut state = self.state();
        let before: usize = state.nodes.values().map(Vec::len).sum();
        if nodes.is_empty() && before > 0 && !state.is_doubted {
            state.is_doubted = true;
            let said =
                format!("there are no guests any more, of {before} before; that counts if the next answer is the same");
            return Err(ReadError::refused(&state.server, said, None));
        }
        state.is_doubted = false;
        state.heard.retain(|number, _| numbers.contains(number));
        state.configs.retain(|number, _| numbers.contains(number));
        state.nodes = nodes;
        Ok(state.nodes.keys().cloned().map(Node).collect())
    }

    async fn read(&self, node: &Node, ask: &Ask<'_>) -> Result<Option<Vec<Known>>, ReadError> {
        let guests = self.state().nodes.get(&node.0).cloned().unwrap_or_default();
        // Of a node that is down nothing is known.
        if guests.iter().all(|guest| guest.status.as_str() == "unknown") {
            return Err(ReadError::refused(
                &self.state().server,
                "the cluster does not hear of this node",
                None,
            ));
        }
        let asked = guests.into_iter().map(|guest| self.know(ask, guest));
        let mut found = Vec::new();
        for known in in_parallel(GUESTS_AT_ONCE, asked).await {
            found.push(known?);
        }
        let skipped = found.iter().filter(|known| known.addresses.is_empty()).count();
        ask.env().metrics.add(SKIPPED, &[], skipped as f64);
        Ok(Some(found))
    }

    fn encode(&self, node: &Node, found: Vec<Known>, batch: &mut Batch<'_>) -> Result<(), ReadError> {
        batch.begin(&node.0)?;
        for known in &found {
            known.encode(self.settings.common.port, batch)?;
        }
        Ok(batch.end()?)
    }

    fn is_source(&self, node: &Node, source: &str) -> bool {
        node.0 == source
    }
}

impl Proxmox {
    fn new(settings: Arc<ProxmoxSd>) -> Self {
        Self {
            settings,
            state: Mutex::default(),
        }
    }

    async fn secret(&self, ask: &Ask<'_>) -> Result<Secret, LoginError> {
        match &self.settings.token_secret {
            SecretSource::Inline(secret) => Ok(secret.clone()),
            SecretSource::File(path) => {
                let contents = ask.env().files.read(path, SMALL).await;
                let contents = contents.map_err(|error| LoginError::file(&error))?;
                Ok(Secret::new(String::from_utf8_lossy(&contents.bytes).trim()))
            }
            SecretSource::Reference(name) => {
                let said = "there is no secret manager to ask for this secret; use a file";
                Err(LoginError::new(name, said))
            }
        }
    }

    /// The cluster's guests, of the first server that says them. The one that did last is asked first.
    async fn resources(&self, ask: &Ask<'_>) -> Result<Vec<Guest>, ReadError> {
        let last = self.state().server.clone();
        let others = self.settings.servers.iter().filter(|server| **server != last);
        let servers: Vec<String> = self
            .settings
            .servers
            .iter()
            .filter(|server| **server == last)
            .chain(others)
            .cloned()
            .collect();
        let mut first_error = None;
        for server in servers {
            self.state().server.clone_from(&server);
            match self.data::<Vec<Object<Guest>>>(ask, "cluster/resources?type=vm").await {
                Ok(found) => return Ok(found.into_iter().map(|guest| guest.0.unwrap_or_default()).collect()),
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        Err(first_error.unwrap_or_else(|| ReadError::refused("proxmox", "there is no server", None)))
    }

    /// What there is to know of a guest. Only a node that can't be reached is a failure.
    async fn know(&self, ask: &Ask<'_>, guest: Guest) -> Result<Known, ReadError> {
        let path = format!(
            "nodes/{}/{}/{}",
            step(guest.node.as_str()),
            step(guest.r#type.as_str()),
            step(guest.vmid.as_str())
        );
        let config = self.config(ask, &guest, &path).await?;
        let mut addresses = Addresses::default();
        if guest.is_running() && (guest.is_container() || config.has_agent()) {
            addresses = self.hear(ask, &guest, &path, &config).await?;
        }
        if addresses.is_empty() {
            addresses = config.addresses();
        }
        Ok(Known {
            guest,
            addresses,
            config,
        })
    }

    /// What is set for a guest, or was when that could last be read.
    async fn config(&self, ask: &Ask<'_>, guest: &Guest, path: &str) -> Result<Config, ReadError> {
        let answer = self.answer(ask, &format!("{path}/config")).await?;
        let number = &guest.vmid.0;
        match understood::<Object<Config>>(answer) {
            Some(Object(config)) => {
                let config = config.unwrap_or_default().of_interest();
                self.state().configs.insert(number.clone(), config.clone());
                Ok(config)
            }
            None => Ok(self.state().configs.get(number).cloned().unwrap_or_default()),
        }
    }

    /// The addresses that a guest which runs has now, or had when it was last heard of.
    async fn hear(&self, ask: &Ask<'_>, guest: &Guest, path: &str, config: &Config) -> Result<Addresses, ReadError> {
        let number = guest.vmid.0.clone();
        let mut heard = self.state().heard.get(&number).cloned().unwrap_or_default();
        if heard.pause > 0 {
            heard.pause -= 1;
            let addresses = heard.addresses.clone();
            self.state().heard.insert(number, heard);
            return Ok(addresses);
        }
        let interfaces: Option<List<Object<Interface>>> = match guest.is_container() {
            true => understood(self.answer(ask, &format!("{path}/interfaces")).await?),
            false => {
                let answer = self
                    .answer(ask, &format!("{path}/agent/network-get-interfaces"))
                    .await?;
                understood(answer).map(|answer: OfAgent<_>| answer.result)
            }
        };
        match interfaces {
            Some(interfaces) => {
                let interfaces: Vec<Interface> = interfaces.0.into_iter().filter_map(|interface| interface.0).collect();
                heard = Heard {
                    addresses: guest::addresses(&interfaces, &config.hardware()),
                    ..Heard::default()
                };
            }
            None => {
                ask.env().metrics.add(AGENT_FAILURES, &[], 1.0);
                // The first time it may have been busy.
                heard.pause = heard.failures.min(LONGEST_PAUSE);
                heard.failures = heard.failures.saturating_add(1);
            }
        }
        let addresses = heard.addresses.clone();
        self.state().heard.insert(number, heard);
        Ok(addresses)
    }

    /// What an answer of status 200 has.
    async fn data<T: DeserializeOwned>(&self, ask: &Ask<'_>, path: &str) -> Result<T, ReadError> {
        let url = format!("{}/api2/json/{path}", self.state().server);
        let answer = self.answer(ask, path).await?;
        if answer.status != 200 {
            let said = match answer.status {
                401 => {
                    "the server does not take this token (status 401); are token_id and token_secret right?".to_owned()
                }
                _ => said(&answer),
            };
            let retry_after = answer.retry_after(ask.env().clock.unix_time());
            return Err(ReadError::refused(&url, said, retry_after));
        }
        let found: Answer<T> = crate::json::from_slice(&answer.body).map_err(|error| ReadError::answer(&url, error))?;
        Ok(found.data)
    }

    /// An answer of any status, but of those that say that the node can't be reached.
    async fn answer(&self, ask: &Ask<'_>, path: &str) -> Result<HttpResponse, ReadError> {
        let (url, token) = {
            let state = self.state();
            let token = format!("PVEAPIToken={}={}", self.settings.token_id, state.secret.reveal());
            (format!("{}/api2/json/{path}", state.server), token)
        };
        let answer = ask.send(get_json(ask, &url).header("Authorization", token)).await?;
        match answer.status {
            UNREACHABLE.. => Err(ReadError::refused(&url, said(&answer), None)),
            _ => Ok(answer),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an answer has, if it is a good one.
fn understood<T: DeserializeOwned>(answer: HttpResponse) -> Option<T> {
    let answer = Some(answer).filter(|answer| answer.status == 200)?;
    let found: Answer<T> = crate::json::from_slice(&answer.body).ok()?;
    Some(found.data)
}

#[cfg(test)]
mod tests;
