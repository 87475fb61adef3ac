//! What an entry of `outscale_sd_configs` says.

use std::sync::Arc;
use std::time::Duration;

use headcount_discoverer::mechanism::{Mechanism, Place};
use headcount_discoverer::metrics::Definition;
use headcount_discoverer::{Discoverer, Env, Updates, rest};
use headcount_reader::{Fields, ProblemKind, SecretSource};

use super::{Outscale, SKIPPED};
use crate::answers::{Common, ServerUrl, Ways, read_secret};

/// The region where the entry says nothing; Prometheus's.
const DEFAULT_REGION: &str = "eu-west-2";
const SECRET_KEY: Ways = Ways {
    inline: "secret_key",
    file: "secret_key_file",
    both: "secret_key and secret_key_file",
};

/// One entry of `outscale_sd_configs`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OutscaleSd {
    pub(super) region: String,
    pub(super) endpoint: ServerUrl,
    pub(super) access_key: String,
    pub(super) secret_key: SecretSource,
    pub(super) common: Common,
}

impl Mechanism for OutscaleSd {
    const NAME: &'static str = "outscale";
    const SUMMARY: &'static str = "the virtual machines of an Outscale account";
    const METRICS: &'static [Definition] = &[SKIPPED];

    fn read(fields: &mut Fields<'_>, place: &Place<'_>) -> Option<Self> {
        let region = read_region(fields);
        let endpoint = read_endpoint(fields, region.as_deref().unwrap_or(DEFAULT_REGION));
        let access_key = fields.some_text("access_key");
        if access_key.is_none() {
            fields.at().report(ProblemKind::Missing { field: "access_key" });
        }
        let secret_key = read_secret(fields, place, SECRET_KEY);
        if secret_key == Some(None) {
            fields.at().report(ProblemKind::Missing { field: "secret_key" });
        }
        let common = Common::read(fields, place);
        Some(Self {
            region: region?,
            endpoint: endpoint?,
            access_key: access_key?,
            secret_key: secret_key??,
            common,
        })
    }

    fn describe(&self) -> String {
        format!("{} at {}", self.region, self.endpoint.shown())
    }

    fn refresh_interval(&self) -> Option<Duration> {
        Some(self.common.refresh_interval)
    }

    fn discoverer(self: Arc<Self>) -> Box<dyn Discoverer> {
        Box::new(async move |env: Env, updates: Updates| {
            env.metrics.add(SKIPPED, &[], 0.0);
            rest::run(self.common.refresh_interval, Arc::new(Outscale(self)), env, updates).await;
        })
    }
}

/// The region, which becomes a part of a host's name and of signatures.
fn read_region(fields: &mut Fields<'_>) -> Option<String> {
    let Some(at) = fields.take("region") else {
        return Some(DEFAULT_REGION.to_owned());
    };
    let region = at.text()?;
    if region.is_empty() {
        at.report(ProblemKind::Rule("a region is needed, such as eu-west-2"));
        return None;
    }
    let fits = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    if !region.chars().all(fits) {
        at.report(ProblemKind::Rule(
            "a region has letters, digits and - only, such as eu-west-2",
        ));
        return None;
    }
    Some(region)
}

fn read_endpoint(fields: &mut Fields<'_>, region: &str) -> Option<ServerUrl> {
    let at = fields.take("endpoint");
    let text = at.as_ref().and_then(|at| at.text()).unwrap_or_default();
    match at {
        Some(at) if !text.is_empty() => ServerUrl::read(&at, &text),
        _ => Some(ServerUrl::new(&format!("https://api.{region}.outscale.com/api/v1"))),
    }
}
