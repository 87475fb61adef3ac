//! What an entry of `stackit_sd_configs` says.

use std::sync::Arc;
use std::time::Duration;

use headcount_discoverer::mechanism::{Mechanism, Place};
use headcount_discoverer::metrics::Definition;
use headcount_discoverer::{Discoverer, Env, Updates, rest};
use headcount_reader::{Fields, Mentioned, ProblemKind, Secret, SecretSource, join};

use super::account::Account;
use super::{SKIPPED, Stackit};
use crate::answers::{Common, ServerUrl};

/// The region if the entry says nothing; Prometheus's.
const DEFAULT_REGION: &str = "eu01";

/// One entry of `stackit_sd_configs`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StackitSd {
    pub(super) project: String,
    pub(super) endpoint: ServerUrl,
    pub(super) account: Account,
    pub(super) common: Common,
}

impl Mechanism for StackitSd {
    const NAME: &'static str = "stackit";
    const SUMMARY: &'static str = "the servers of a STACKIT project";
    const METRICS: &'static [Definition] = &[SKIPPED];

    fn read(fields: &mut Fields<'_>, place: &Place<'_>) -> Option<Self> {
        let project = fields.some_text("project");
        if project.is_none() {
            fields.at().report(ProblemKind::Missing { field: "project" });
        }
        let endpoint = read_endpoint(fields);
        let mut secret = |inline, file| read_secret(fields, place, inline, file);
        let key = secret("service_account_key", "service_account_key_path");
        let private_key = secret("private_key", "private_key_path");
        let credentials_at = fields.take("credentials_file_path");
        let credentials = credentials_at
            .as_ref()
            .and_then(|at| at.text())
            .filter(|path| !path.is_empty());
        let credentials_file = credentials.map(|path| join(place.folder, &path));
        if let (Some(at), Some(path)) = (credentials_at, &credentials_file) {
            at.mention(Mentioned::File(path.clone()));
        }
        let common = Common::read(fields, place);
        Some(Self {
            project: project?,
            endpoint: endpoint?,
            account: Account {
                key,
                private_key,
                credentials_file,
                // Who authenticates otherwise does not go by that file, as in Prometheus.
                may_borrow: !common.client.authenticates(),
            },
            common,
        })
    }

    fn describe(&self) -> String {
        format!("project {} at {}", self.project, self.endpoint.shown())
    }

    fn refresh_interval(&self) -> Option<Duration> {
        Some(self.common.refresh_interval)
    }

    fn discoverer(self: Arc<Self>) -> Box<dyn Discoverer> {
        Box::new(async move |env: Env, updates: Updates| {
            env.metrics.add(SKIPPED, &[], 0.0);
            let interval = self.common.refresh_interval;
            rest::run(interval, Arc::new(Stackit::new(self)), env, updates).await;
        })
    }
}

/// The endpoint, or that of the region.
fn read_endpoint(fields: &mut Fields<'_>) -> Option<ServerUrl> {
    let at = fields.take("endpoint");
    let text = at.as_ref().and_then(|at| at.text()).filter(|text| !text.is_empty());
    let region_at = fields.take("region");
    if let (Some(at), Some(text)) = (&at, &text) {
        return ServerUrl::read(at, text);
    }
    let Some(region_at) = region_at else {
        return Some(of_region(DEFAULT_REGION));
    };
    let region = region_at.text()?;
    if region.is_empty() {
        region_at.report(ProblemKind::Rule("a region or an endpoint is needed"));
        return None;
    }
    let fits = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    if !region.chars().all(fits) {
        region_at.report(ProblemKind::Rule(
            "a region has letters, digits and - only, such as eu01",
        ));
        return None;
    }
    Some(of_region(&region))
}

fn of_region(region: &str) -> ServerUrl {
    ServerUrl::new(&format!("https://iaas.api.{region}.stackit.cloud"))
}

/// A secret, or else its file, as in Prometheus.
fn read_secret(
    fields: &mut Fields<'_>,
    place: &Place<'_>,
    inline: &'static str,
    file: &'static str,
) -> Option<SecretSource> {
    let secret = fields.some_text(inline);
    let file_at = fields.take(file);
    let path = file_at
        .as_ref()
        .and_then(|at| at.text())
        .filter(|path| !path.is_empty());
    if let Some(secret) = secret {
        return Some(SecretSource::Inline(Secret::new(secret)));
    }
    let (at, path) = (file_at?, join(place.folder, &path?));
    at.mention(Mentioned::File(path.clone()));
    Some(SecretSource::File(path))
}
