//! What an entry of `proxmox_sd_configs` says.

use std::sync::Arc;
use std::time::Duration;

use headcount_discoverer::mechanism::{Mechanism, Place};
use headcount_discoverer::metrics::Definition;
use headcount_discoverer::{Discoverer, Env, Updates, rest};
use headcount_reader::{Cursor, Fields, Given, ProblemKind, SecretSource, Url, Ways};

use super::{AGENT_FAILURES, Proxmox, SKIPPED};
use crate::answers::Common;

/// The secret of a token.
const SECRET: Ways = Ways {
    inline: "token_secret",
    file: "token_secret_file",
    reference: "token_secret_ref",
    all: "token_secret and token_secret_file",
};

/// One entry of `proxmox_sd_configs`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ProxmoxSd {
    /// Members of the cluster, in the order in which they are asked; without a slash at their ends, and with nothing secret.
    pub(super) servers: Vec<String>,
    /// `user@realm!name`.
    pub(super) token_id: String,
    pub(super) token_secret: SecretSource,
    pub(super) common: Common,
}

impl Mechanism for ProxmoxSd {
    const NAME: &'static str = "proxmox";
    const SUMMARY: &'static str = "virtual machines and containers of a Proxmox VE cluster (headcount's own)";
    const METRICS: &'static [Definition] = &[SKIPPED, AGENT_FAILURES];

    fn read(fields: &mut Fields<'_>, place: &Place<'_>) -> Option<Self> {
        let servers = read_servers(fields);
        let token_id = read_token_id(fields);
        let token_secret = Given::read(fields, place.folder, SECRET).map(Given::into_secret);
        if token_secret.is_none() {
            let field = "token_secret";
            fields.at().report(ProblemKind::Missing { field });
        }
        let common = Common::read(fields, place);
        if common.client.authenticates() {
            fields.at().report(ProblemKind::Rule(
                "a Proxmox VE is asked with an API token; leave basic_auth, authorization and oauth2 out",
            ));
        }
        Some(Self {
            servers: servers?,
            token_id: token_id?,
            token_secret: token_secret?,
            common,
        })
    }

    fn describe(&self) -> String {
        let user = self.token_id.split('!').next().unwrap_or_default();
        let first = self.servers.first().map_or("", String::as_str);
        match self.servers.len() {
            0 | 1 => format!("guests of {first} as {user}"),
            count => format!("guests of {first} or {} others as {user}", count - 1),
        }
    }

    fn refresh_interval(&self) -> Option<Duration> {
        Some(self.common.refresh_interval)
    }

    fn discoverer(self: Arc<Self>) -> Box<dyn Discoverer> {
        Box::new(async move |env: Env, updates: Updates| {
            env.metrics.add(SKIPPED, &[], 0.0);
            env.metrics.add(AGENT_FAILURES, &[], 0.0);
            let interval = self.common.refresh_interval;
            rest::run(interval, Arc::new(Proxmox::new(self)), env, updates).await;
        })
    }
}

fn read_servers(fields: &mut Fields<'_>) -> Option<Vec<String>> {
    let Some(at) = fields.take_some("servers") else {
        fields.at().report(ProblemKind::Missing { field: "servers" });
        return None;
    };
    let entries = at.list()?;
    if entries.is_empty() {
        at.report(ProblemKind::EmptyList { what: "server" });
        return None;
    }
    let servers: Vec<Option<String>> = entries.iter().map(read_server).collect();
    servers.into_iter().collect()
}

fn read_server(at: &Cursor<'_>) -> Option<String> {
    let text = at.text()?;
    if let Err(error) = Url::parse(&text).and_then(|url| url.for_http()) {
        at.report(error);
        return None;
    }
    if text.contains(['?', '#', '@']) {
        at.report(ProblemKind::Rule(
            "a server is a URL such as https://pve.example:8006, without a user, a query or a fragment",
        ));
        return None;
    }
    Some(text.trim_end_matches('/').to_owned())
}

fn read_token_id(fields: &mut Fields<'_>) -> Option<String> {
    let Some(at) = fields.take_some("token_id") else {
        fields.at().report(ProblemKind::Missing { field: "token_id" });
        return None;
    };
    let text = at.text()?;
    let is_whole = text.split_once('!').is_some_and(|(user, name)| {
        let has_realm = user
            .split_once('@')
            .is_some_and(|(user, realm)| !user.is_empty() && !realm.is_empty());
        has_realm && !name.is_empty() && !name.contains(['=', '!'])
    });
    if !is_whole || text.chars().any(|letter| letter.is_whitespace() || letter.is_control()) {
        at.report(ProblemKind::Rule(
            "a token is named by its user, realm and name, such as monitoring@pve!headcount",
        ));
        return None;
    }
    Some(text)
}
