//! What an entry of `marathon_sd_configs` says.

use std::sync::Arc;
use std::time::Duration;

use headcount_discoverer::mechanism::{Mechanism, Place};
use headcount_discoverer::metrics::Definition;
use headcount_discoverer::{Discoverer, Env, Updates, rest};
use headcount_reader::{Fields, HttpClientSettings, ProblemKind, SecretSource};

use super::{Marathon, SKIPPED};
use crate::answers::{ServerUrl, Ways, read_secret};

/// How often is asked where the entry says nothing; Prometheus's.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(30);
const TOKEN: Ways = Ways {
    inline: "auth_token",
    file: "auth_token_file",
    both: "auth_token and auth_token_file",
};

/// One entry of `marathon_sd_configs`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MarathonSd {
    /// At least one.
    pub(super) servers: Vec<ServerUrl>,
    pub(super) token: Option<SecretSource>,
    pub(super) refresh_interval: Duration,
    pub(super) client: HttpClientSettings,
}

impl Mechanism for MarathonSd {
    const NAME: &'static str = "marathon";
    const SUMMARY: &'static str = "the tasks of applications that Marathon runs";
    const METRICS: &'static [Definition] = &[SKIPPED];

    fn read(fields: &mut Fields<'_>, place: &Place<'_>) -> Option<Self> {
        let servers = read_servers(fields);
        let token = read_secret(fields, place, TOKEN);
        let refresh_interval = fields.interval("refresh_interval", DEFAULT_INTERVAL);
        let client = HttpClientSettings::read(fields, place.folder);
        let is_otherwise = client.basic_auth.is_some() || client.authorization.is_some();
        if is_otherwise && matches!(token, Some(Some(_))) {
            fields.at().report(ProblemKind::Conflict {
                fields: "auth_token, auth_token_file, basic_auth, authorization, bearer_token and bearer_token_file",
            });
        }
        Some(Self {
            servers: servers?,
            token: token?,
            refresh_interval,
            client,
        })
    }

    fn describe(&self) -> String {
        match self.servers.as_slice() {
            [] => String::new(),
            [only] => only.shown().to_owned(),
            [first, rest @ ..] => format!("{} and {} more", first.shown(), rest.len()),
        }
    }

    fn refresh_interval(&self) -> Option<Duration> {
        Some(self.refresh_interval)
    }

    fn discoverer(self: Arc<Self>) -> Box<dyn Discoverer> {
        Box::new(async move |env: Env, updates: Updates| {
            env.metrics.add(SKIPPED, &[], 0.0);
            rest::run(self.refresh_interval, Arc::new(Marathon(self)), env, updates).await;
        })
    }
}

fn read_servers(fields: &mut Fields<'_>) -> Option<Vec<ServerUrl>> {
    let listed = match fields.take_some("servers") {
        Some(at) => at.list()?,
        None => Vec::new(),
    };
    if listed.is_empty() {
        fields.at().report(ProblemKind::Missing { field: "servers" });
        return None;
    }
    let servers = listed.iter().map(|at| ServerUrl::read(at, &at.text()?));
    // Each mistake is reported.
    let servers: Vec<Option<ServerUrl>> = servers.collect();
    servers.into_iter().collect()
}
